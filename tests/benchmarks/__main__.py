"""``python -m tests.benchmarks [NAME …]``, in the worker's environment: run benches and write their results."""

from __future__ import annotations

import argparse
import os
import sys

os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "TRANSFORMERS_VERBOSITY": "error"}

from galley.runtimes.base import HEAP

if not HEAP.items() <= os.environ.items():  # glibc reads it when a process begins
    os.execve(sys.executable, [sys.executable, "-m", "tests.benchmarks", *sys.argv[1:]], os.environ | HEAP)

import torch

from tests.benchmarks import (
    attention,
    gpt_gpu,
    gpt_mixed,
    gpt_prefix,
    memory,
    occupancy,
    repro,
    sd_day,
    sd_gpu,
    sd_memory,
    sd_mixed,
    sd_repro,
)
from tests.benchmarks.harness import Target, say
from tests.benchmarks.results import TABLE, store

BENCHES = {
    "gpt-mixed": gpt_mixed.run,
    "gpt-prefix": gpt_prefix.run,
    "occupancy": occupancy.run,
    "attention": attention.run,
    "memory": memory.run,
    "repro-text": repro.run_text,
    "sd-mixed": sd_mixed.run,
    "sd-mixed-large": sd_mixed.run_large,
    "sd-brief": sd_mixed.run_brief,
    "sd-day": sd_day.run,
    "repro-image": sd_repro.run,
    "memory-image": sd_memory.run,
}
ON_A_GPU = {"gpt-gpu": gpt_gpu.run, "sd-gpu": sd_gpu.run}
"""Run only where they are named."""


def main() -> int:
    """Run the benches that are named, or all that need no GPU."""
    named = BENCHES | ON_A_GPU
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(named))
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds of each peer")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--quick", action="store_true", help="small models, to see that it works; nothing is stored")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(named)):
        parser.error(f"no bench is called {', '.join(unknown)}; there are {', '.join(named)}")
    torch.set_num_threads(options.threads)
    for name in options.names or BENCHES:
        say(f"== {name}")
        rounds = 1 if options.quick else options.rounds
        report = named[name](say, rounds=rounds, threads=options.threads, quick=options.quick)
        for target in report.targets:
            say(_line(target))
        if not options.quick:
            store(report)
    if not options.quick:
        say(f"written to {TABLE}")
    return 0


def _line(target: Target) -> str:
    wanted = f">= {target.least}" if target.least is not None else f"<= {target.most}"
    return f"{'met   ' if target.met else 'MISSED'} {target.text}: {target.value:.3f} (wanted {wanted})"


if __name__ == "__main__":
    sys.exit(main())
