"""What a worker asks of an engine, and what it gets back. No machine-learning library is imported here.

An engine is set up once and then makes outcomes, one per request, as they come. A stock engine takes one planned batch
at a time and hands back that batch's outcomes; an engine that batches by itself takes everything that is pending and
hands outcomes back whenever a request is finished. The worker commits what it has been handed, batch by batch.
"""

from __future__ import annotations

import hashlib
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from galley.errors import EngineError, ObjectNotFound
from galley.items import Failure, ImageParams, Kind, Numerics, PlannedRequest, TokenLogprob

FinishReason = Literal["", "stop", "length"]
ReadImage = Callable[[str], bytes]
"""Maps the sha256 of a picture that a request begins with to its bytes; `ObjectNotFound` where it is gone."""


def no_images(sha256: str) -> bytes:
    """The `ReadImage` of who has none."""
    raise ObjectNotFound(f"the picture {sha256[:12]} that a request begins with is not here")


@dataclass(frozen=True)
class Made:
    """Bytes an engine made for one request.

    Attributes:
        data: the artifact: PNG, or UTF-8 text.
        evaluations: denoising steps, or new tokens.
        prompt_truncated: the text encoder did not see the end of the prompt.
        prompt_tokens: tokens of the prompt, of texts; 0: not counted.
        finish_reason: text only: ``stop`` where the model or a stop text ended it, ``length`` where the limit did.
        logprobs: of the text's tokens, where the request asks for them.
    """

    data: bytes
    evaluations: int
    prompt_truncated: bool = False
    finish_reason: FinishReason = ""
    prompt_tokens: int = 0
    logprobs: tuple[TokenLogprob, ...] | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one request.

    Attributes:
        key: its request key.
        made: what was made, or None where ``failure`` says why nothing was.
        failure: a stable kind and a sentence.
        seconds: wall time of its batch divided by the batch's items.
        batch_size: items in the forward pass that made it.
    """

    key: str
    made: Made | None
    failure: Failure | None
    seconds: float
    batch_size: int

    @classmethod
    def failed(cls, key: str, kind: str, message: str, *, seconds: float = 0.0, batch_size: int = 1) -> Outcome:
        """An outcome without an artifact."""
        return cls(key, None, Failure(kind=kind, message=message[:2000]), seconds, batch_size)


@dataclass
class Figures:
    """What an engine's forwards did so far: decode forwards of texts, denoiser forwards of images.

    Attributes:
        forwards: how many.
        useful_rows: rows of them that belonged to an item, guidance rows included.
        computed_rows: all rows of them, padding and rows that had ended included.
        sizes: computed rows of a forward to how many forwards had so many.
        chunks: prompt chunks that were computed, where prompts are read in chunks.
        prefix_hits: prompt chunks that were there from another prompt.
        phases: seconds by what they were spent on: ``prefill``, ``decode`` and ``sample`` of texts; ``begin``,
            ``denoise``, ``schedule`` and ``decode`` of images.
    """

    forwards: int = 0
    useful_rows: int = 0
    computed_rows: int = 0
    sizes: dict[int, int] = field(default_factory=dict)
    chunks: int = 0
    prefix_hits: int = 0
    phases: dict[str, float] = field(default_factory=dict)

    def spent(self, phase: str, began: float) -> float:
        """Count, and return, the seconds since ``began`` by `time.perf_counter`."""
        seconds = time.perf_counter() - began
        self.phases[phase] = self.phases.get(phase, 0.0) + seconds
        return seconds

    def add(self, useful: int, computed: int, forwards: int = 1) -> None:
        """Count forwards of ``computed`` rows each, which served ``useful`` rows in all."""
        self.forwards += forwards
        self.useful_rows += useful
        self.computed_rows += computed * forwards
        self.sizes[computed] = self.sizes.get(computed, 0) + forwards


class Engine(Protocol):
    """Makes artifacts. Used by one thread.

    Attributes:
        kind: what it makes.
        planned_batches: True where `generate` must be given exactly the batches of the plan, one at a time.
        figures: what was done so far.
        fallback: why stock forwards are used in place of the engine that was asked for; empty where they are not.
    """

    kind: Kind
    planned_batches: bool
    figures: Figures
    fallback: str

    def setup(self) -> Numerics:
        """Load the model and return what artifacts will be made under.

        Raises `ModelError` where the model cannot be loaded, `JobInterrupted` where there is no memory for it.
        """

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """One outcome per request, in any order, as they come.

        Raises `JobInterrupted` where not even one request fits into memory. One bad request never costs another its
        outcome.
        """

    def close(self) -> None:
        """Give memory back; the engine is not used again."""


class RequestError(EngineError):
    """One request cannot be made, whatever its neighbours do.

    Attributes:
        kind: stable, for programs: ``prompt_too_long``, ``no_chat_template``, ``unknown_scheduler`` …
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)


ECHO_NUMERICS = Numerics(device="cpu", dtype="float32", threads=1, versions={"echo": "1"}, engine="echo")
"""What the echo engine makes depends on nothing else."""


class EchoEngine:
    """A working engine without a model, for tests of everything around engines: bytes derived from the request key.

    A prompt that contains ``FAIL`` fails, one that contains ``CRASH`` raises, as a bug would; one that contains ``CUT``
    is said to have been truncated.
    """

    planned_batches = True
    fallback = ""

    def __init__(self, kind: Kind = "text") -> None:
        """Make artifacts of this kind; a picture is all of one colour, its key's."""
        self.kind = kind
        self.batches: list[list[str]] = []
        self.figures = Figures()

    def setup(self) -> Numerics:
        """Nothing to load."""
        return ECHO_NUMERICS

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """One outcome per request, in order."""
        self.batches.append([planned.key for planned in requests])
        for planned in requests:
            prompt = planned.request.screened_text
            if "CRASH" in prompt:
                raise RuntimeError(f"the engine crashed on {planned.key}")
            if "FAIL" in prompt:
                yield Outcome.failed(planned.key, "refused_by_echo", "the prompt asks for a failure")
                continue
            params = planned.request.params
            if isinstance(params, ImageParams):
                data = _flat_png(planned.key, params.width, params.height)
            else:
                data = f"{prompt}\n{planned.key}".encode()
            self.figures.add(1, 1)
            made = Made(data, 1, "CUT" in prompt, "stop" if self.kind == "text" else "")
            yield Outcome(planned.key, made, None, 0.0, 1)

    def close(self) -> None:
        """Nothing to give back."""


def _flat_png(key: str, width: int, height: int) -> bytes:
    """A PNG in a colour of the key's, by hand, so that no imaging library is needed (PNG 1.2, sections 3 and 4)."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    colour = hashlib.sha256(key.encode()).digest()[:3]
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = (b"\0" + colour * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
