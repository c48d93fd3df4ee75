"""What the trigger form offers: names of briefs, models and policies, read cheaply, for DAG files are parsed often."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from galley.settings import Settings

_NAME = re.compile(r"^name:\s*[\"']?([a-z0-9][a-z0-9_-]*)", re.MULTILINE)


@dataclass(frozen=True)
class Choices:
    """Sorted names."""

    briefs: list[str]
    models: list[str]
    policies: list[str]

    @classmethod
    def of(cls, settings: Settings) -> Choices:
        """What this installation has. Files that cannot be read offer nothing; the run says what is wrong with them."""
        names: set[str] = set()
        for path in [*settings.briefs_dir.glob("*.yaml"), *settings.briefs_dir.glob("*.yml")]:
            try:  # an editor's lock is a link that leads nowhere
                found = _NAME.search(path.read_text(encoding="utf-8", errors="replace"))
            except OSError:
                continue
            names.update(found.groups() if found else ())
        try:
            registry = yaml.safe_load(settings.models_file.read_text(encoding="utf-8"))
            models = {str(name) for section in ("models", "aliases") for name in registry.get(section) or ()}
        except (OSError, yaml.YAMLError, AttributeError, UnicodeDecodeError):
            models = set()
        policies = {path.stem for path in settings.policies_dir.glob("*.yaml")}
        return cls(sorted(names), sorted(models), sorted(policies))


def or_nothing(names: list[str], nothing: str) -> dict[str, Any]:
    """What a `Param` needs to offer names and, shown as ``nothing``, none of them.

    Every name is its own label: Airflow's form shows the label of None for each value that has none.
    """
    labels: dict[str | None, str] = {None: nothing, **{name: name for name in names}}
    return {"type": ["null", "string"], "enum": list(labels), "values_display": labels}
