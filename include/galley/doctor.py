"""``galley doctor``: what this installation needs and has, each check with the command that mends it."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from galley.output import Format, FormatOption, console

if TYPE_CHECKING:
    from galley.settings import Settings

Status = Literal["ok", "warn", "fail"]
GIB = 2**30
_LOCAL = frozenset({"LocalExecutor"})


@dataclass(frozen=True)
class Check:
    """One answer.

    Attributes:
        name: of the check.
        status: ``fail`` where nothing will run before it is mended, ``warn`` where something will not.
        found: what is there.
        fix: the command that mends it, or empty.
    """

    name: str
    status: Status
    found: str
    fix: str = ""


def doctor(
    output: FormatOption = Format.table,
) -> None:
    """Say what is missing on this machine, and the command that mends it. Exit status 1 where a check fails."""
    from galley.settings import Settings

    failed = False
    checks = []
    for check in examine(Settings()):
        failed |= check.status == "fail"
        if output is Format.jsonl:
            typer.echo(json.dumps(asdict(check), ensure_ascii=False))
        else:
            checks.append(check)
    if output is Format.table:
        _print(checks)
    raise typer.Exit(1 if failed else 0)


def examine(settings: Settings) -> Iterator[Check]:
    """All checks, one after the other; one that breaks is a failed check and the others go on."""
    checks: list[tuple[str, Callable[[Settings], Iterator[Check]]]] = [
        ("python", _python),
        ("airflow environment", _airflow),
        ("worker environment", _worker),
        ("disk", _disk),
        ("memory", _memory),
        ("briefs", _briefs),
        ("policies", _policies),
        ("models", _models),
        ("store", _store),
        ("catalog", _catalog),
        ("executor", _executor),
        ("settings file", _settings_file),
    ]
    for name, check in checks:
        try:
            yield from check(settings)
        except Exception as error:
            yield Check(name, "fail", f"{type(error).__name__}: {error}", "see the message")


def _python(settings: Settings) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Check("python", "ok" if good else "fail", version, "" if good else "make setup PYTHON=python3.12")


def _airflow(settings: Settings) -> Iterator[Check]:
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("apache-airflow-core")
    except PackageNotFoundError:
        yield Check("airflow environment", "fail", "no Airflow in this environment", "make setup")
        return
    supported = found.startswith("3.3.")
    yield Check(
        "airflow environment", "ok" if supported else "warn", f"Airflow {found}", "" if supported else "make setup"
    )


def _worker(settings: Settings) -> Iterator[Check]:
    python = settings.worker_python
    if not python.exists():
        fix = "make setup, or set GALLEY_WORKER_PYTHON to an interpreter that has galley[worker]"
        yield Check("worker environment", "fail", f"{python} is not there", fix)
        return
    code = (
        "import importlib.metadata as m, sys; print('Python %d.%d' % sys.version_info[:2], "
        "*(n + ' ' + m.version(n) for n in ('torch', 'diffusers', 'transformers', 'detoxify', 'galley')), sep=', ')"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        yield Check("worker environment", "fail", (done.stderr.strip().splitlines() or ["broken"])[-1], "make setup")
    else:
        yield Check("worker environment", "ok", done.stdout.strip())


def _disk(settings: Settings) -> Iterator[Check]:
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / GIB
    status: Status = "ok" if free > 5 else "warn" if free > 1 else "fail"
    yield Check(
        "disk", status, f"{free:.1f} GiB free in {folder}", "" if status == "ok" else "make room, or set GALLEY_HOME"
    )
    writable = os.access(folder, os.W_OK)
    if not writable:
        yield Check("state directory", "fail", f"{folder} cannot be written", "set GALLEY_HOME")


def _memory(settings: Settings) -> Iterator[Check]:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    except (ValueError, OSError):
        return
    status: Status = "ok" if total >= 5.5 else "warn"
    yield Check(
        "memory",
        status,
        f"{total:.1f} GiB, {os.cpu_count()} CPUs",
        "" if status == "ok" else "set GALLEY_WORKER_SLOTS=1",
    )


def _briefs(settings: Settings) -> Iterator[Check]:
    from galley.brief_files import load_briefs

    if not settings.briefs_dir.is_dir():
        yield Check("briefs", "fail", f"{settings.briefs_dir} is not there", "set GALLEY_BRIEFS_DIR")
        return
    briefs, rejects = load_briefs(settings.briefs_dir)
    for reject in rejects:
        yield Check(
            "briefs",
            "warn",
            f"{reject.source}: {reject.field} {reject.rule}",
            f"galley brief check {settings.briefs_dir}",
        )
    yield Check("briefs", "ok" if briefs else "warn", f"{len(briefs)} in {settings.briefs_dir}")


def _policies(settings: Settings) -> Iterator[Check]:
    from galley.compliance.policy import compile_policies, policy_names

    names = policy_names(settings.policies_dir)
    compile_policies(names, settings.policies_dir)
    there = "default" in names
    fix = "" if there else f"restore {settings.policies_dir / 'default.yaml'}"
    yield Check("policies", "ok" if there else "fail", ", ".join(names) or "none", fix)


def _models(settings: Settings) -> Iterator[Check]:
    from galley.compliance.checkers import checker_models, locator
    from galley.compliance.policy import compile_policies
    from galley.errors import ModelError
    from galley.models import Models

    models = Models.from_settings(settings)
    for kind, name in models.registry.defaults.items():
        try:
            source = models.source(name, kind)
            yield Check(f"model {name}", "ok", f"default for {kind}, {source.digest[:12]}")
        except (ModelError, OSError) as error:
            entry = models.locate(name, kind).entry
            fix = "git checkout include/models" if entry.is_directory else f"galley models pull {name}"
            yield Check(f"model {name}", "fail", str(error), fix)
    policies = compile_policies(["default"], settings.policies_dir)
    for name, model in checker_models(policies, locator(settings)).items():
        if not model.sha256:
            found = f"{model.directory} cannot be used: everything it should check is held"
            yield Check(f"checker {name}", "fail", found, "git checkout include/models")
        elif name not in models.registry.defaults.values():
            yield Check(f"checker {name}", "ok", model.sha256[:12])


def _store(settings: Settings) -> Iterator[Check]:
    from uuid import uuid4

    from galley.storage import ZONES, Zones

    zones = Zones.from_settings(settings)
    for name in ZONES:
        store, key = zones.zone(name), f"doctor/{uuid4().hex}"
        store.put_if_absent(key, b"galley")
        try:
            good = store.get(key) == b"galley"
        finally:
            store.delete(key)
        fix = "" if good else f"set GALLEY_{name.upper()}_URL"
        yield Check(f"zone {name}", "ok" if good else "fail", store.url, fix)


def _catalog(settings: Settings) -> Iterator[Check]:
    from galley.catalog.facade import Catalog

    with Catalog.open(settings.catalog_url) as catalog:
        runs = len(catalog.runs())
    yield Check("catalog", "ok", f"{runs} runs, SQLite {sqlite3.sqlite_version}")


def _executor(settings: Settings) -> Iterator[Check]:
    """Whether all machines that tasks run on share the store and the catalog, where an executor uses several."""
    from galley.storage import ZONES

    executors = airflow_executors(os.environ)
    remote = ", ".join(name for name in executors if name not in _LOCAL)
    if not remote:
        yield Check("executor", "ok", f"{', '.join(executors)}: tasks run on this machine")
        return
    why = f"{remote} runs tasks on other machines, which do not see"
    for zone in ZONES:
        if settings.zone(zone).startswith("file:"):
            fix = f"set GALLEY_{zone.upper()}_URL or GALLEY_STORE_URL to a store that all machines reach, not file://"
            yield Check(f"executor, zone {zone}", "fail", f"{why} {settings.zone(zone)}", fix)
    if settings.catalog_url.startswith("sqlite"):
        fix = "set GALLEY_DATABASE_URL to a PostgreSQL database"
        yield Check("executor, catalog", "fail", f"{why} {settings.catalog_url}", fix)


def airflow_executors(environment: Mapping[str, str]) -> list[str]:
    """Class names in Airflow's ``core.executor``, read where Airflow reads it but without importing it.

    Airflow writes a configuration file into its home when it is imported, and asking must change nothing.
    """
    home = Path(environment.get("AIRFLOW_HOME") or "~/airflow").expanduser()
    file = configparser.ConfigParser(interpolation=None, strict=False)
    file.read(environment.get("AIRFLOW_CONFIG") or home / "airflow.cfg", encoding="utf-8")
    value = environment.get("AIRFLOW__CORE__EXECUTOR") or file.get("core", "executor", fallback="") or "LocalExecutor"
    # "CeleryExecutor", "module.path.Executor", "alias:module.path.Executor", "team=Executor;…"; several by commas.
    names = [part.split("=")[-1].split(":")[-1].split(".")[-1].strip() for part in re.split("[,;]", value)]
    return [name for name in names if name]


def _settings_file(settings: Settings) -> Iterator[Check]:
    from galley.airflow.settings_file import load_airflow_settings

    path = settings.root / "airflow_settings.yaml"
    if not Path(path).exists():
        yield Check("settings file", "warn", f"{path} is not there: no pools", "git checkout airflow_settings.yaml")
        return
    loaded = load_airflow_settings(path)
    missing = [pool for pool in ("generation", "gpu") if pool not in loaded.pools]
    found = f"pools {', '.join(loaded.pools) or 'none'}"
    yield Check(
        "settings file", "fail" if missing else "ok", found, "git checkout airflow_settings.yaml" if missing else ""
    )


def _print(checks: list[Check]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    colour = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    for check in checks:
        said = Text(check.found)
        if check.fix:
            said.append(f"\n→ {check.fix}", "cyan")
        table.add_row(Text(check.status, colour[check.status]), check.name, said)
    console().print(table)
