"""sd-day: what the shipped briefs ask for on one day, of the image starter, against diffusers grouped as it can be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from galley.brief_files import load_briefs
from galley.expansion import expand
from galley.items import Item, PlannedRequest
from galley.model_files import inspect
from galley.models import Models
from galley.settings import Settings
from tests.benchmarks import images
from tests.benchmarks.harness import Report, Say, machine, paired, race, ratio
from tests.jobs import planned

DAY = date(2026, 11, 27)
STARTER = Path("include/models/starter-image")
GROUP = 8
"""Pictures of a stock call at most, as the planner has it."""


def run(say: Say, *, rounds: int, threads: int, quick: bool) -> Report:
    """Pictures a second."""
    asked = list(_day())
    if quick:
        asked = asked[:: len(asked) // 5]
    files = inspect(STARTER)
    ours, engine = images.steps("steps", files, "float32", threads, asked, say)
    together, _ = images.grouped("grouped", files, "float32", threads, asked, GROUP)
    alone, _ = images.grouped("one by one", files, "float32", threads, asked, 1)
    measured = race([ours, together, alone], rounds, say)
    figures = engine.figures
    return Report(
        "sd-day",
        f"{len(asked)} pictures: the image briefs of include/briefs on {DAY}, made by the starter; float32",
        "pictures",
        measured,
        (ratio("steps / grouped", measured[0], measured[1], least=1.2),),
        {
            "steps / one by one": paired(measured[0], measured[2]),
            "pictures by number of steps and scheduler": dict(Counter(map(_settings, asked))),
            "useful rows / computed rows": figures.useful_rows / figures.computed_rows,
            "share of the schedulers": figures.phases["schedule"] / sum(figures.phases.values()),
        },
        machine(),
    )


def _day() -> Iterator[PlannedRequest]:
    """Requests of the day, each once."""
    settings = Settings()
    resolve = Models.from_settings(settings).resolve
    briefs, wrong = load_briefs(settings.briefs_dir)
    assert not wrong, wrong
    seen: set[str] = set()
    for loaded in briefs:
        if loaded.brief.kind != "image":
            continue
        for item in expand(loaded, run="bench", content_date=DAY, resolve_model=resolve):
            assert isinstance(item, Item), item
            if item.request.key not in seen:
                seen.add(item.request.key)
                yield planned(item.request)


def _settings(each: PlannedRequest) -> str:
    params = each.request.params
    return f"{params.num_inference_steps} {params.scheduler or 'own'}"
