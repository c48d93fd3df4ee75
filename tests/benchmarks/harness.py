"""Times peers in one run: interleaved, so that a noisy machine is noisy for all of them alike; medians and ratios."""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class Peer:
    """One way of doing the work.

    Attributes:
        name: as the table shows it.
        run: does all of it once and returns how much was done, in the bench's unit.
        note: how it was set up: dtype, tuning that was chosen.
    """

    name: str
    run: Callable[[], float]
    note: str = ""


@dataclass(frozen=True)
class Measured:
    """What a peer did.

    Attributes:
        name: the peer's.
        rates: units a second, a round each.
        note: the peer's.
    """

    name: str
    rates: tuple[float, ...]
    note: str

    @property
    def rate(self) -> float:
        """Median."""
        return statistics.median(self.rates)


@dataclass(frozen=True)
class Target:
    """What a bench is to show.

    Attributes:
        text: what is compared.
        value: as measured.
        least: at least this; or, where ``most`` is set, at most.
        medians: the same from each peer's median rate, which a machine that drifts tells less surely.
    """

    text: str
    value: float
    least: float | None = None
    most: float | None = None
    medians: float | None = None

    @property
    def met(self) -> bool:
        """Whether the target holds."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)


@dataclass(frozen=True)
class Report:
    """One bench's outcome, as it is stored.

    Attributes:
        name: of the bench.
        workload: what was done, in a sentence.
        unit: of the rates.
        peers: measured.
        targets: with their figures.
        facts: further figures.
        machine: see `machine`.
    """

    name: str
    workload: str
    unit: str
    peers: tuple[Measured, ...] = ()
    targets: tuple[Target, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)


def paired(one: Measured, other: Measured) -> float:
    """How many times as fast one is: the median of the rounds' ratios, for a round's load is the same for both."""
    return statistics.median(mine / theirs for mine, theirs in zip(one.rates, other.rates, strict=True))


def ratio(text: str, one: Measured, other: Measured, *, least: float) -> Target:
    """That one is at least so many times as fast as the other: by rounds, and by medians beside it."""
    return Target(text, paired(one, other), least=least, medians=one.rate / other.rate)


Say = Callable[[str], None]


def race(peers: Sequence[Peer], rounds: int, say: Say) -> tuple[Measured, ...]:
    """Run every peer once a round, in an order that turns by one each round; the first round only warms up."""
    rates: dict[str, list[float]] = {peer.name: [] for peer in peers}
    for number in range(rounds + 1):
        turned = [*peers[number % len(peers) :], *peers[: number % len(peers)]]
        for peer in turned:
            began = time.perf_counter()
            done = peer.run()
            rate = done / (time.perf_counter() - began)
            say(f"round {number}/{rounds}  {peer.name}: {rate:.2f}/s{'  (warming up)' if number == 0 else ''}")
            if number:
                rates[peer.name].append(rate)
    return tuple(Measured(peer.name, tuple(rates[peer.name]), peer.note) for peer in peers)


def machine() -> dict[str, Any]:
    """Where this ran: processor, cores, threads, load, versions."""
    names = ("torch", "transformers", "diffusers", "accelerate")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": round(os.getloadavg()[0], 2),
        "accelerator": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "amx": bool(torch.cpu._is_amx_tile_supported()),
        "python": platform.python_version(),
        **{name: version(name) for name in names},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)
