"""Request files: JSON Lines, native rows and OpenAI batch lines mixed, read as a stream into items and rejects.

A native row is `NativeRow`; a line with ``method``, ``url`` or ``body`` is an OpenAI batch line
(`galley.openai_batch`). Memory does not grow with the file: a ``custom_id`` seen before is found in a temporary SQLite
file.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Self

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from galley import jsonl, openai_batch
from galley.briefs import Brief
from galley.complaints import input_error, reject, show
from galley.errors import InputError
from galley.expansion import RequestRow, Rows, check_prompt, no_images
from galley.items import Frozen, Item, Kind, Reject, ResolveImage, ResolveModel, Seed, Slug, Text

MAX_CUSTOM_ID = 512
CustomId = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CUSTOM_ID)]


class NativeRow(Frozen):
    """One line of a request file in Galley's own form."""

    model_config = ConfigDict(strict=True)

    custom_id: CustomId = Field(description="Your name for the row, unique in the file; results carry it.")
    kind: Kind = Field(description="What to make: image or text.")
    prompt: Text = Field(description="What to make it from.")
    init_image: Annotated[str, StringConstraints(max_length=300)] = Field(
        "", description="Picture to begin with (kind image), by its name below `images/` in the inbox."
    )
    model: Annotated[str, StringConstraints(max_length=300)] = Field(
        "", description="Name in models.yaml, a local directory, or org/name; left out: the kind's default there."
    )
    params: dict[str, Any] = Field(
        {}, description="Sampling parameters, named as in diffusers and transformers; left out: the model's defaults."
    )
    seed: Seed | None = Field(None, description="Left out: made from the custom_id.")
    brief: Slug | None = Field(None, description="Brief whose policy, experiment and variants apply.")
    metadata: dict[str, Any] = Field({}, description="Free JSON, returned unchanged.")


def read_requests(
    stream: BinaryIO,
    source: str,
    *,
    run: str,
    content_date: date,
    resolve_model: ResolveModel,
    resolve_image: ResolveImage = no_images,
    briefs: Mapping[str, Brief] | None = None,
    brief: str = "",
    identity: str = "",
    scratch: Path | None = None,
) -> Iterator[Item | Reject]:
    """Items and rejects of a request file, in its order; every line that is not blank gives items or one reject.

    Args:
        stream: the file's bytes, read once.
        source: the file as a person knows it.
        run: the run's name.
        content_date: the run's content date.
        resolve_model: see `galley.items.ResolveModel`.
        resolve_image: see `galley.items.ResolveImage`.
        briefs: briefs that rows may name.
        brief: name of the brief of rows that name none (the inbox gives a directory per brief).
        identity: what item ids are made from, for example the file's sha256; default: ``source``.
        scratch: directory for the temporary index of custom_ids; default: the system's.

    Raises:
        InputError: at once where ``brief`` is not among ``briefs``; never because of a row.
    """
    briefs = briefs or {}
    if brief and brief not in briefs:
        raise InputError(
            source, "brief", brief, f"is not the name of a brief here; there are: {', '.join(sorted(briefs))}"
        )
    rows = Rows(
        run=run,
        content_date=content_date,
        resolve_model=resolve_model,
        resolve_image=resolve_image,
        briefs=briefs,
        source=source,
        identity=identity or source,
    )
    return _read(stream, source, rows, brief, scratch)


def _read(stream: BinaryIO, source: str, rows: Rows, brief: str, scratch: Path | None) -> Iterator[Item | Reject]:
    index = -1
    with SeenIds(scratch) as seen:
        for index, (line, value) in enumerate(jsonl.read_objects(stream)):
            custom_id = _custom_id(value)
            try:
                if isinstance(value, InputError):
                    raise value
                if custom_id and (first := seen.first_line(custom_id, line)) is not None:
                    rule = f"was seen in line {first}, whose answer bears it; give every row a custom_id of its own"
                    twice, custom_id = show(custom_id), ""  # what is answered under it is the first row
                    raise InputError("", "custom_id", twice, rule)
                yield from _items(rows, _row(value, brief), line, index)
            except InputError as error:
                yield reject(source, line, error, custom_id)
    if index < 0:
        yield reject(source, None, InputError(source, "", "", "has no rows; a request file has one JSON object a line"))


def _custom_id(value: dict[str, Any] | InputError) -> str:
    """The name under which a row gets its answer, whatever else is wrong with it; empty where it has none."""
    found = "" if isinstance(value, InputError) else value.get("custom_id")
    return found if isinstance(found, str) and len(found) <= MAX_CUSTOM_ID else ""


def _items(rows: Rows, row: RequestRow, line: int, index: int) -> Sequence[Item]:
    try:
        return rows.items(row, line=line, index=index)
    except InputError as error:
        names = row.names or {}
        known = max((name for name in names if _within(error.field, name)), key=len, default="")
        field = names.get(known, "") + error.field.removeprefix(known)
        raise InputError("", field, error.value, error.rule) from error


def _within(field: str, name: str) -> bool:
    """Whether a field is the one of that name, or a part of it."""
    return field == name or field.startswith((f"{name}[", f"{name}."))


def _row(value: dict[str, Any], brief: str) -> RequestRow:
    if openai_batch.FIELDS & value.keys():
        return openai_batch.row_of(value, brief=brief)
    for field, given in value.items():
        if given is None:
            raise InputError("", show(field), "null", "is not a value here; leave the field out")
    try:
        row = NativeRow.model_validate(value)
    except ValidationError as error:
        raise input_error("", error, value, known=NativeRow.model_fields) from None
    return RequestRow(
        custom_id=row.custom_id,
        kind=row.kind,
        prompt=check_prompt(row.prompt, "prompt"),
        init_image=_picture(row),
        model=row.model,
        params=row.params,
        seed=row.seed,
        brief=row.brief or brief,
        metadata=row.metadata,
    )


def _picture(row: NativeRow) -> str:
    if row.init_image and row.kind != "image":
        raise InputError("", "init_image", show(row.init_image), "is for kind image")
    return row.init_image


class SeenIds:
    """Which custom_ids a file has had, on disk: memory does not grow with their number.

    Keys are 128-bit BLAKE2b digests; among 10⁹ ids two fall together with a probability below 10⁻²⁰.
    """

    def __init__(self, scratch: Path | None = None) -> None:
        self._scratch = scratch

    def __enter__(self) -> Self:
        if self._scratch is not None:
            self._scratch.mkdir(parents=True, exist_ok=True)
        self._directory = tempfile.TemporaryDirectory(prefix="galley-ids-", dir=self._scratch)
        self._connection = sqlite3.connect(Path(self._directory.name) / "ids.db", isolation_level=None)
        # Lost with the process and never shared, so that neither journal nor fsync is of use.
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-8192"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("CREATE TABLE seen (id BLOB PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID")
        self._connection.execute("BEGIN")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        self._directory.cleanup()

    def first_line(self, custom_id: str, line: int) -> int | None:
        """None where ``custom_id`` is new, and then it is known as of ``line``; else the line it was first seen in."""
        key = hashlib.blake2b(custom_id.encode(errors="surrogatepass"), digest_size=16).digest()
        if self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return None
        found = self._connection.execute("SELECT line FROM seen WHERE id = ?", (key,)).fetchone()
        return int(found[0])
