"""``galley models``: what a person does with models by hand.

The commands run in the environment without ML libraries; work that needs them runs in the worker's interpreter.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Annotated

import typer

from galley.output import Format, FormatOption, console

app = typer.Typer(help="List, pull and convert models.", no_args_is_help=True)


@app.callback()
def models() -> None:
    """List, pull and convert models."""


@app.command("convert-detoxify")
def convert_detoxify(
    checkpoint: Annotated[
        Path,
        typer.Argument(help="A Detoxify checkpoint, for example toxic_original-c1212f89.ckpt.", metavar="CHECKPOINT"),
    ],
    out: Annotated[Path, typer.Argument(help="Model directory to make.", metavar="OUT")],
    sha256: Annotated[
        str, typer.Option("--sha256", help="Full sha256 of the checkpoint; it is compared before anything is read.")
    ],
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            help="Directory with config.json and the tokenizer files, a snapshot of the model's repository "
            "(unitary/toxic-bert for the original checkpoint).",
        ),
    ] = None,
) -> None:
    """Convert a Detoxify checkpoint to safetensors, once, and print the digest to pin.

    Nothing is unpickled except by the restricted unpickler, nothing is downloaded, and the result is loaded once to
    prove that it works.
    """
    from galley.settings import Settings

    python = Settings().worker_python
    if not python.exists():
        typer.echo(
            f'worker interpreter "{python}": no such file; run `make setup`, or set GALLEY_WORKER_PYTHON to a Python '
            "that has galley[worker] installed",
            err=True,
        )
        raise typer.Exit(1)
    command = [str(python), "-m", "galley.compliance.detoxify_convert", str(checkpoint), str(out), "--sha256", sha256]
    if config is not None:
        command += ["--config", str(config)]
    # A list and no shell: a file name is never read as a command.
    finished = subprocess.run(command, check=False, env={**os.environ, "HF_HUB_OFFLINE": "1"})  # noqa: S603
    if finished.returncode:
        raise typer.Exit(finished.returncode)


@app.command("list")
def list_models(
    output: FormatOption = Format.table,
) -> None:
    """List the models of models.yaml: what they make, under which licence, and whether they are here."""
    from galley.errors import GalleyError, ModelNotFound
    from galley.models import Models
    from galley.settings import Settings

    try:
        models = Models.from_settings(Settings())
    except GalleyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    rows: list[dict[str, object]] = []
    for name, entry in models.registry.models.items():
        digest, state, problem = "", "here", ""
        try:
            digest = models.source(name).digest
        except ModelNotFound as error:
            state, problem = "missing", str(error)
        except GalleyError as error:
            state, problem = "refused", str(error)
        rows.append(
            {
                "name": name,
                "kind": entry.kind,
                "default": models.registry.defaults.get(entry.kind) == name,
                "source": entry.source,
                "revision": entry.revision,
                "licence": entry.licence,
                "engine": entry.engine,
                "dtype": entry.dtype,
                "state": state,
                "digest": digest,
                "aliases": sorted(alias for alias, target in models.registry.aliases.items() if target == name),
                "params": entry.params,
                "summary": entry.summary,
                "problem": problem,
            }
        )
    if output is Format.jsonl:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    from rich.table import Table

    table = Table("model", "makes", "state", "licence", "summary")
    for row in rows:
        shown = f"{row['name']} (default)" if row["default"] else str(row["name"])
        table.add_row(shown, str(row["kind"]), str(row["state"]), str(row["licence"]), str(row["summary"]))
    target = console()
    target.print(table)
    for row in rows:
        if row["problem"]:
            target.print(str(row["problem"]), style="yellow", markup=False, highlight=False, soft_wrap=True)


@app.command("pull")
def pull(
    name: Annotated[str, typer.Argument(help="Name in models.yaml, or org/name@ and a 40-digit commit.")],
    kind: Annotated[str, typer.Option("--kind", help="image or text, for a model outside models.yaml.")] = "",
) -> None:
    """Fetch a hub model into the cache, check it and record its digest. Needs the network, as make setup does."""
    from galley.settings import Settings

    python = Settings().worker_python
    if not python.exists():
        typer.echo(f'worker interpreter "{python}": no such file; run: make setup', err=True)
        raise typer.Exit(1)
    command = [str(python), "-m", "galley.worker", "pull", name, *(["--kind", kind] if kind else [])]
    finished = subprocess.run(command, check=False)  # noqa: S603
    if finished.returncode:
        raise typer.Exit(finished.returncode)


@app.command("certify")
def certify(
    name: Annotated[str, typer.Argument(help="Name in models.yaml, adapters included, or a directory.")],
    runtime: Annotated[str, typer.Option("--runtime", help="Where its jobs run; left out: GALLEY_RUNTIME.")] = "",
) -> None:
    """Find out, by trying, which row counts give equal bits for a model here, as its first run would, and keep that."""
    from rich.console import Console

    from galley.errors import GalleyError
    from galley.models import Models
    from galley.runtimes import open_runtime
    from galley.runtimes.waiting import execute_here
    from galley.settings import Settings
    from galley.stages.numerics import numerics_for
    from galley.stages.run import RunFiles
    from galley.storage import Zones

    progress = Console(stderr=True, soft_wrap=True, highlight=False)

    def say(line: object) -> None:
        progress.print(str(line), style="dim", markup=False)

    settings = Settings()
    try:
        models, zones = Models.from_settings(settings), Zones.from_settings(settings)
        kind, source = models.locate(name).entry.kind, models.source(name)
        files = RunFiles(zones.work, "models-certify")
        execute = execute_here(lambda chosen: open_runtime(chosen, settings), zones, say)
        found = numerics_for(files, settings, source, kind, runtime, execute)
    except GalleyError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    facts = {"model": source.name, "digest": source.digest, **found.model_dump(mode="json")}
    if found.engine == "stock":
        facts["certificate"] = "none: the stock engine's batches are fixed by the plan"
    elif found.engine.endswith("-fast"):
        facts["certificate"] = "none: a fast engine takes any row count, and last bits may depend on company"
    for field, value in facts.items():
        shown = ", ".join(f"{key} {item}" for key, item in value.items()) if isinstance(value, dict) else value
        typer.echo(f"{field:<12} {shown}")
