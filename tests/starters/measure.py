"""``make measure-starters``: every figure of the starter models against its target, from the weights that lie there.

Run as ``python -m tests.starters.measure [NAME …] [--cards]``; ends with status 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from galley.training.text_card import put_section

from . import measure_image, measure_text, measure_toxicity
from .figures import Figure, markdown, show

STARTERS = {"starter-image": measure_image, "starter-text": measure_text, "starter-toxicity": measure_toxicity}


def main() -> int:
    """Measure the named starters, all by default."""
    parser = argparse.ArgumentParser(prog="make measure-starters", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which of {', '.join(STARTERS)}; all by default")
    parser.add_argument("--models", type=Path, default=Path("include/models"), help="directory of the starters")
    parser.add_argument("--cards", action="store_true", help="write the figures into the model cards")
    options = parser.parse_args()
    if unknown := set(options.names) - set(STARTERS):
        parser.error(f"no starter is called {', '.join(sorted(unknown))}; there are {', '.join(STARTERS)}")
    began = time.monotonic()
    met = True
    for name in options.names or STARTERS:
        directory = options.models / name
        if not directory.exists():
            print(f"{name}: there is no {directory}; `make train-starters` makes it")
            met = False
            continue
        figures = STARTERS[name].measure(directory, say=lambda line: print(f"  … {line}", flush=True))
        met &= show(name, figures)
        if options.cards:
            if name == "starter-image":
                measure_image.picture(directory, directory / "grid.png")
            card = directory / "README.md"
            card.write_text(put_section(card.read_text(), "figures", markdown(figures)))
    minutes = (time.monotonic() - began) / 60
    if options.names:
        print(f"measured in {minutes:.1f} min")
    else:
        whole = [
            Figure("size", megabytes(options.models), 40, "lower", "MB"),
            Figure("time to measure, on two cores", minutes, 10, "lower", "min"),
        ]
        met &= show("all starters", whole)
    return 0 if met else 1


def megabytes(models: Path) -> float:
    """Size of the starters' directories together, in units of 10^6 bytes."""
    files = (path for name in STARTERS for path in (models / name).rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files) / 1e6


if __name__ == "__main__":
    sys.exit(main())
