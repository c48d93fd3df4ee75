"""A run as files for other tools: a spreadsheet, an image dataset, a batch's answer.

The directory appears whole or not at all: everything is written beside it and renamed at the end.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from galley.catalog.facade import Catalog
from galley.catalog.openai_output import Read, batch_line, reject_line
from galley.catalog.rows import CatalogItem
from galley.errors import InputError
from galley.items import slug

ExportFormat = Literal["csv", "imagefolder", "openai-batch"]

FORMULA = frozenset("=+-@＝＋－＠\t\r\n")
"""First characters that make a spreadsheet read a cell as a formula, or hide one behind white space (OWASP, "CSV
Injection"), and their full-width forms."""

EXTENSIONS = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp", "text/plain": "txt"}


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        directory: where.
        files: name to number of lines or, for ``images``, of files.
        left_out: items, or rejected rows of a batch, that this format cannot show.
    """

    directory: Path
    files: dict[str, int]
    left_out: int = 0


def export(catalog: Catalog, run: str, directory: Path, form: ExportFormat, read: Read) -> Exported:
    """Write a run into a new directory.

    ``csv``: ``items.csv``, every item with its state, published texts included. ``imagefolder``: published images and
    ``metadata.jsonl``, as ``datasets.load_dataset("imagefolder", data_dir=…)`` reads it. ``openai-batch``:
    ``output.jsonl`` and ``errors.jsonl``, rejected rows included where they had a custom_id.

    Args:
        catalog: where from.
        run: its whole name.
        directory: must not exist, or be empty.
        form: which.
        read: reads an object by URI, verified by sha256.

    Raises `InputError` where the directory cannot be used, and what ``read`` raises.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(str(directory), "", "", "is there and not empty; name a new directory")
    write: dict[str, Callable[[Catalog, str, Path, Read], Exported]] = {
        "csv": _csv,
        "imagefolder": _imagefolder,
        "openai-batch": _openai_batch,
    }
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as error:
        raise InputError(str(directory), "", "", f"cannot be made: {error.strerror}") from error
    try:
        done = write[form](catalog, run, part, read)
        # mkdtemp's directories are the owner's alone; what is exported is meant to be handed on.
        part.chmod(0o755)
        part.replace(directory)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Exported(directory, done.files, done.left_out)


def safe_cell(value: object) -> object:
    """The value, a text that a spreadsheet would take for a formula behind an apostrophe; numbers stay numbers."""
    if isinstance(value, str) and (value[:1] in FORMULA or value.lstrip()[:1] in FORMULA):
        return "'" + value
    return value


def file_name(item: CatalogItem) -> str:
    """A name that a person can read and that no other item of the run has."""
    media_type = (item.media_type or "").partition(";")[0]
    extension = EXTENSIONS.get(media_type, "bin")
    of = item.item
    return f"{of.brief}_{slug(of.custom_id, 60)}_{of.variant}_{of.item_id}.{extension}"


def row(item: CatalogItem, read: Read) -> dict[str, object]:
    """An item as a line of ``items.csv``: the fields of ``galley items``, then what made it and, of texts, the text."""
    public = item.public()
    verdict = public.pop("verdict") or {}
    request = item.item.request
    text = ""
    if item.state == "published" and request.kind == "text" and item.uri:
        text = read(item.uri, item.sha256).decode("utf-8")
    return {
        **public,
        "verdict_decision": verdict.get("decision"),
        "verdict_reasons": "; ".join(f"{each['check']}: {each['detail']}" for each in verdict.get("reasons", ())),
        "verdict_scores": _json(verdict.get("scores", {})),
        "experiment": item.item.experiment,
        "content_date": item.item.content_date.isoformat(),
        "prompt": request.screened_text,
        "params": _json(request.told(defaults=True)),
        "metadata": _json(item.item.metadata),
        "text": text,
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


COLUMNS = (
    "item_id",
    "custom_id",
    "brief",
    "variant",
    "kind",
    "model",
    "state",
    "request_key",
    "source_sha256",
    "sha256",
    "uri",
    "media_type",
    "seed",
    "seconds",
    "verdict_decision",
    "verdict_reasons",
    "verdict_scores",
    "experiment",
    "content_date",
    "prompt",
    "params",
    "metadata",
    "text",
)
"""Columns of ``items.csv``."""


def _csv(catalog: Catalog, run: str, directory: Path, read: Read) -> Exported:
    count = 0
    # With a byte order mark, without which Excel reads UTF-8 as something else.
    with (directory / "items.csv").open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, quoting=csv.QUOTE_NONNUMERIC)
        writer.writeheader()
        for item in catalog.items(run):
            cells = row(item, read)
            writer.writerow({name: safe_cell("" if cell is None else cell) for name, cell in cells.items()})
            count += 1
    return Exported(directory, {"items.csv": count})


def _imagefolder(catalog: Catalog, run: str, directory: Path, read: Read) -> Exported:
    images = left_out = 0
    with (directory / "metadata.jsonl").open("w", encoding="utf-8", newline="\n") as stream:
        for item in catalog.items(run, states=["published"]):
            if item.item.request.kind != "image" or item.uri is None:
                left_out += 1
                continue
            name = file_name(item)
            (directory / name).write_bytes(read(item.uri, item.sha256))
            stream.write(_json(_metadata(item, name)) + "\n")
            images += 1
    return Exported(directory, {"metadata.jsonl": images, "images": images}, left_out)


def _metadata(item: CatalogItem, name: str) -> dict[str, Any]:
    """A line of ``metadata.jsonl``; flat and the same in every line, so that a loader finds one schema."""
    request, of = item.item.request, item.item
    return {
        "file_name": name,
        "text": request.prompt,
        "item_id": of.item_id,
        "custom_id": of.custom_id,
        "brief": of.brief,
        "variant": of.variant,
        "model": request.model,
        "seed": request.seed,
        **{"init_image": "", "strength": None, **request.told(defaults=True)},
        "request_key": item.request_key,
        "sha256": item.sha256,
        "metadata": _json(of.metadata),
    }


def _openai_batch(catalog: Catalog, run: str, directory: Path, read: Read) -> Exported:
    created = int(catalog.run(run).started.timestamp())
    written = {True: 0, False: 0}
    nameless = 0
    with (
        (directory / "output.jsonl").open("w", encoding="utf-8", newline="\n") as output,
        (directory / "errors.jsonl").open("w", encoding="utf-8", newline="\n") as errors,
    ):
        for group in _by_custom_id(catalog, run):
            good, line = batch_line(group, created, read)
            (output if good else errors).write(json.dumps(line) + "\n")
            written[good] += 1
        for reject in catalog.rejects(run):
            if reject.custom_id:
                errors.write(json.dumps(reject_line(run, reject)) + "\n")
                written[False] += 1
            else:
                nameless += 1
    return Exported(directory, {"output.jsonl": written[True], "errors.jsonl": written[False]}, nameless)


def _by_custom_id(catalog: Catalog, run: str) -> Iterator[list[CatalogItem]]:
    items = catalog.items_by_custom_id(run)
    for _, group in groupby(items, key=lambda item: (item.item.custom_id, item.item.variant)):
        yield list(group)
