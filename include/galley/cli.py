"""The command line, ``galley``: one small file per group of commands, imported only when one of them is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("galley.run_cli:run", "Make today's content, or what one file asks for, by a real Airflow run."),
    "up": ("galley.up_cli:up", "Start a standing Airflow: daily schedule, form, inbox and UI."),
    "down": ("galley.up_cli:down", "End the standing Airflow."),
    "runs": ("galley.catalog.cli:runs", "List all runs, oldest first."),
    "items": ("galley.catalog.cli:items", "List a run's items: state, verdict, bytes."),
    "rejects": ("galley.catalog.cli:rejects", "List the rows of a run that became no item."),
    "stats": ("galley.catalog.cli:stats", "Show what each generation job of a run did: batch sizes, rates, memory."),
    "fetch": ("galley.catalog.cli:fetch", "Write an object's bytes to stdout."),
    "export": ("galley.catalog.cli:export", "Export a run: csv, imagefolder or openai-batch."),
    "brief": ("galley.brief_cli:app", "Check briefs; print their schema."),
    "review": ("galley.publishing.cli:app", "List what is held; approve or reject it."),
    "withdraw": ("galley.publishing.cli:withdraw", "Take a published item back."),
    "experiment": ("galley.experiments.cli:experiment", "Compare the arms of an experiment."),
    "exposure": ("galley.experiments.cli:exposure_app", "Record who saw what; import exposures."),
    "outcome": ("galley.experiments.cli:outcome_app", "Record what came of it; import outcomes."),
    "models": ("galley.models_cli:app", "List, pull and convert models."),
    "db": ("galley.catalog.cli:db_app", "Look after the catalog's database."),
    "doctor": ("galley.doctor:doctor", "Say what is missing on this machine, and the command that mends it."),
}
"""Command to where it is defined and its line in `galley --help`; in the order of that list."""


class LazyGroup(TyperGroup):
    """A group that imports a command's module when the command is used, and knows its help line without that."""

    def list_commands(self, ctx: Any) -> list[str]:
        """All names, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command, imported now; None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        found = lazy(cmd_name)
        holder = typer.Typer(add_completion=False)
        holder.callback()(lambda: None)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=cmd_name)
        else:
            holder.command(cmd_name)(found)
        return get_command(holder).get_command(ctx, cmd_name)  # type: ignore[attr-defined]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, from the lines given here: nothing is imported for it."""
        formatter.write_usage(ctx.command_path, "COMMAND …")
        formatter.write_paragraph()
        formatter.write_text(self.help or "")
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])
        formatter.write_paragraph()
        formatter.write_text("galley COMMAND --help explains one. State lies in .galley (GALLEY_HOME).")


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, add_completion=False)


@app.callback()
def galley() -> None:
    """Briefs in, screened and published content out."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``galley`` command; errors raised on purpose end with their message and status 1."""
    from galley.errors import GalleyError

    try:
        app(args=list(arguments) if arguments is not None else None, prog_name="galley")
    except GalleyError as error:
        print(f"galley: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except BrokenPipeError:
        # `galley items | head`: the reader has seen enough.
        sys.stderr.close()
        raise SystemExit(141) from None


def lazy(name: str) -> Any:
    """The typer app or the function behind a command."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    return getattr(import_module(module), attribute)
