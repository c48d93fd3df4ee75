"""``galley doctor``: what this installation needs and has, each check with the command that mends it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from galley.doctor_airflow import airflow_executors, ask_airflow
from galley.errors import GalleyError
from galley.output import Format, FormatOption, console

if TYPE_CHECKING:
    from sqlalchemy import Engine

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
        ("pools", _pools) if from_wheel() else ("settings file", _settings_file),
    ]
    for name, check in checks:
        try:
            yield from check(settings)
        except Exception as error:
            yield Check(name, "fail", f"{type(error).__name__}: {error}", "see the message")


def from_wheel() -> bool:
    """Whether this Galley was installed from a wheel: it has no checkout, and no make."""
    from galley.settings import project_root

    return project_root() != Path(__file__).resolve().parents[2]


def _again(path: Path) -> str:
    """What brings back a file or directory of ours; of other people's, that they do."""
    from galley.settings import project_root

    root = project_root()
    if not path.is_relative_to(root):
        return f"restore {path}"
    if from_wheel():
        return 'pip install --force-reinstall --no-deps "galley-….whl"'
    return f"git checkout {path.relative_to(root)}"


def _python(settings: Settings) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    fix = "install it where Python is 3.11 to 3.13" if from_wheel() else "make setup PYTHON=python3.12"
    yield Check("python", "ok" if good else "fail", version, "" if good else fix)


def _airflow(settings: Settings) -> Iterator[Check]:
    from importlib.metadata import PackageNotFoundError, version

    fix = 'pip install "galley-….whl[airflow]" "apache-airflow==3.3.*"' if from_wheel() else "make setup"
    try:
        found = version("apache-airflow-core")
    except PackageNotFoundError:
        yield Check("airflow environment", "fail", "no Airflow in this environment", fix)
        return
    supported = found.startswith("3.3.")
    yield Check("airflow environment", "ok" if supported else "warn", f"Airflow {found}", "" if supported else fix)


def _worker(settings: Settings) -> Iterator[Check]:
    python, wheel = settings.worker_python, from_wheel()
    if not python.exists():
        fix = "set GALLEY_WORKER_PYTHON to an interpreter that has galley[worker]"
        yield Check("worker environment", "fail", f"{python} is not there", fix if wheel else f"make setup, or {fix}")
        return
    code = (
        "import importlib.metadata as m, sys; print('Python %d.%d' % sys.version_info[:2], "
        "*(n + ' ' + m.version(n) for n in ('torch', 'diffusers', 'transformers', 'detoxify', 'galley')), sep=', ')"
    )
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode:
        fix = f'{python} -m pip install "galley-….whl[worker]"' if wheel else "make setup"
        yield Check("worker environment", "fail", (done.stderr.strip().splitlines() or ["broken"])[-1], fix)
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
    fix = "" if there else _again(settings.policies_dir / "default.yaml")
    yield Check("policies", "ok" if there else "fail", ", ".join(names) or "none", fix)


def _models(settings: Settings) -> Iterator[Check]:
    from galley.compliance.checkers import checker_models, locator
    from galley.compliance.policy import compile_policies
    from galley.errors import ModelError
    from galley.models import Models

    def pulled(name: str, directory: Path) -> str:
        return f"galley models pull {name}" if directory.is_relative_to(settings.hub_cache) else _again(directory)

    models = Models.from_settings(settings)
    for kind, name in models.registry.defaults.items():
        try:
            source = models.source(name, kind)
            yield Check(f"model {name}", "ok", f"default for {kind}, {source.digest[:12]}")
        except (ModelError, OSError) as error:
            yield Check(f"model {name}", "fail", str(error), pulled(name, models.locate(name, kind).directory))
    policies = compile_policies(["default"], settings.policies_dir)
    for name, model in checker_models(policies, locator(settings)).items():
        if not model.sha256:
            found = f"{model.directory} cannot be used: everything it should check is held"
            yield Check(f"checker {name}", "fail", found, pulled(name, Path(model.directory)))
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
        yield Check("catalog", "ok", f"{runs} runs, {database_version(catalog.engine)}")


def database_version(engine: Engine) -> str:
    """Name and version of the database that an engine has been connected to."""
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[engine.dialect.name]
    return f"{name} {'.'.join(map(str, engine.dialect.server_version_info or ()))}"


def _executor(settings: Settings) -> Iterator[Check]:
    """Whether all machines that tasks run on share store, catalog and jobs, where an executor uses several."""
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
    why = (
        f"{remote} may retry a job of the runtime process on another machine and start it a second time: its lock and "
        f"handle lie in {settings.home} of the first"
    )
    for path in _briefs_of_processes(settings):
        fix = f"take runtime: process out of {path}"
        yield Check(f"executor, brief {path.name}", "fail", why, fix)
    if (settings.runtime or ask_airflow().runtime or "process") == "process":
        fix = "set GALLEY_RUNTIME to kubernetes, or to docker where DOCKER_HOST names one daemon for all machines"
        yield Check("executor, runtime", "fail", why, fix)


def _briefs_of_processes(settings: Settings) -> list[Path]:
    """Files of the briefs that ask for the runtime ``process``."""
    from galley.brief_files import load_briefs

    briefs = load_briefs(settings.briefs_dir)[0] if settings.briefs_dir.is_dir() else []
    return [settings.briefs_dir / each.source for each in briefs if each.brief.runtime == "process"]


def _pools(settings: Settings) -> Iterator[Check]:
    """What an Airflow that somebody else sets up must have."""
    try:
        answer = ask_airflow()
    except GalleyError as error:
        fix = "airflow db migrate, and give galley doctor the environment of Airflow's components"
        yield Check("pools", "fail", str(error), fix)
        return
    for name, slots, what, used in (
        ("generation", 2, "jobs of Galley", True),
        ("gpu", settings.gpus or 1, "GPUs", settings.gpus > 0),
    ):
        if name in answer.pools:
            yield Check(f"pool {name}", "ok", "is in Airflow")
        else:
            found = "is not in Airflow" + ("" if used else "; GALLEY_GPUS=1 needs it")
            fix = f'airflow pools set {name} {slots} "{what}" --include-deferred'
            yield Check(f"pool {name}", "fail" if used else "warn", found, fix)
    found = f"state_store.clear_on_success = {answer.clears_on_success}"
    if answer.clears_on_success:
        yield Check("state store", "ok", found)
    else:
        fix = "set AIRFLOW__STATE_STORE__CLEAR_ON_SUCCESS=True for all of Airflow's components"
        yield Check("state store", "warn", f"{found}: clearing a job that succeeded returns its old result", fix)


def _settings_file(settings: Settings) -> Iterator[Check]:
    from galley.airflow.settings_file import load_airflow_settings

    path = settings.root / "airflow_settings.yaml"
    if not path.exists():
        yield Check("settings file", "warn", f"{path} is not there: no pools", _again(path))
        return
    loaded = load_airflow_settings(path)
    missing = [pool for pool in ("generation", "gpu") if pool not in loaded.pools]
    found = f"pools {', '.join(loaded.pools) or 'none'}"
    yield Check("settings file", "fail" if missing else "ok", found, _again(path) if missing else "")


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
