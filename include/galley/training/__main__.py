"""``python -m galley.training NAME``: train a starter from code and seed, going on from its last checkpoint."""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

STARTERS = {
    "starter-image": ("galley.training.starter_image", "train"),
    "starter-text": ("galley.training.starter_text", "train"),
    "starter-toxicity": ("galley.training.starter_toxicity", "train"),
    "teacher-text": ("galley.training.starter_text", "train_teacher"),
}
"""What can be trained, and the module and function that do it."""


def main(arguments: list[str] | None = None) -> int:
    """Train the named starters; exit status 0 when all are written, 75 when the time given ran out first."""
    parser = argparse.ArgumentParser(prog="python -m galley.training", description=__doc__)
    parser.add_argument("names", nargs="+", choices=tuple(STARTERS))
    parser.add_argument("--out", type=Path, required=True, help="directory that gets one directory per starter")
    parser.add_argument("--work", type=Path, required=True, help="directory for checkpoints and prepared data")
    parser.add_argument("--minutes", type=float, help="stop after this long, with a checkpoint to go on from")
    options = parser.parse_args(arguments)
    deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:7.1f} s] {line}", flush=True)

    for name in options.names:
        module, function = STARTERS[name]
        make = getattr(import_module(module), function)
        if not make(options.out, options.work, say=say, deadline=deadline):
            say(f"{name}: time is up; the same command goes on from here")
            return 75
        say(f"{name}: written to {options.out / name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
