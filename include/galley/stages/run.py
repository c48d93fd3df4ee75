"""What a run is and where its objects lie: `RunRecord`, `RunFiles`, and streams of JSON lines in the work zone."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from pydantic import AwareDatetime, Field, ValidationError

from galley.errors import IntegrityError, ObjectNotFound
from galley.items import Frozen, Item, ModelSource, Numerics, Reject, Result, Sha256, canonical_json
from galley.storage.base import ObjectStore

_Model = TypeVar("_Model", bound=Frozen)
Progress = Callable[[str], None]
"""Called with a line for people while something takes its time."""


class Source(Frozen):
    """A file or form that made items, as it was copied into the run.

    Attributes:
        name: as a person knows it.
        kind: what it is.
        key: of the copy, below ``inputs/``.
        sha256: of the copy.
    """

    name: str
    kind: Literal["brief", "requests", "image"]
    key: str
    sha256: Sha256


class RunRecord(Frozen):
    """``run.json``: who asked for what, and what collect made of it.

    Attributes:
        started: when collect first ran.
        conf: Params of a run by hand.
        seed: base seed of a form's run, to be given back to make the same again; None where the briefs have their own.
        fingerprint: of the file of a run by hand (`galley.stages.sources.fingerprint`).
        sources: what was read.
        arms: experiment to variant to share, in the briefs' order.
        items: number of items.
        rejects: number of rejected rows.
        models: digest to a name and kind that items use.
        runtimes: names of runtimes that briefs ask for; "" is the installation's default.
        warnings: what was ignored, with the number of rows.
    """

    run: str
    dag_id: str
    run_id: str
    content_date: date
    started: AwareDatetime
    conf: dict[str, Any] = Field(default={})
    seed: int | None = None
    fingerprint: str = ""
    sources: tuple[Source, ...] = ()
    arms: dict[str, dict[str, float]] = Field(default={})
    items: int = 0
    rejects: int = 0
    models: dict[Sha256, tuple[str, Literal["image", "text"]]] = Field(default={})
    runtimes: tuple[str, ...] = ()
    warnings: dict[str, int] = Field(default={})


class PlannedTask(Frozen):
    """One mapped task: the job and how it is executed.

    Attributes:
        job: name of the job.
        uri: of its ``job.json``.
        sha256: of that object; a job found running under another one is not this job.
        runtime: name of the runtime.
        requests: how much there is to do.
    """

    job: str
    uri: str
    sha256: Sha256
    runtime: str = ""
    requests: int = 0


class PlanRecord(Frozen):
    """``plan.json``: which jobs the run has, and what need not be made.

    Attributes:
        prompts: screening of the prompts.
        generate: longest first.
        screen: screening of the artifacts.
        publish: the publishing job.
        reused: requests whose artifact was there already.
        duplicates: items that share a request with another.
        numerics: runtime to ``<model digest>/<engine>`` to the numerics such jobs run under.
    """

    run: str
    prompts: PlannedTask
    generate: tuple[PlannedTask, ...] = ()
    screen: tuple[PlannedTask, ...] = ()
    publish: PlannedTask
    reused: int = 0
    duplicates: int = 0
    numerics: dict[str, dict[str, Numerics]] = Field(default={})
    models: tuple[ModelSource, ...] = ()


@dataclass(frozen=True)
class RunFiles:
    """The objects of one run in the work zone.

    Attributes:
        work: the work zone.
        run: run name.
    """

    work: ObjectStore
    run: str

    def key(self, *parts: str) -> str:
        """The key of an object of this run."""
        return "/".join(("runs", self.run, *parts))

    def uri(self, *parts: str) -> str:
        """Its URI."""
        return f"{self.work.url}/{self.key(*parts)}"

    def write(self, name: str, record: Frozen) -> str:
        """Write or replace one record as JSON; returns its sha256."""
        data = canonical_json(record.model_dump(mode="json", exclude_defaults=True)) + b"\n"
        self.work.put(self.key(name), data)
        return hashlib.sha256(data).hexdigest()

    def read(self, name: str, model: type[_Model]) -> _Model | None:
        """Read one record; None where there is none. Raises `IntegrityError` where it is something else."""
        try:
            data = self.work.get(self.key(name))
        except ObjectNotFound:
            return None
        try:
            return model.model_validate_json(data)
        except ValidationError as error:
            raise IntegrityError(f"{self.uri(name)} is no {model.__name__}: {error}") from error

    def record(self) -> RunRecord:
        """``run.json``; raises `ObjectNotFound` where collect has not run."""
        record = self.read("run.json", RunRecord)
        if record is None:
            raise ObjectNotFound(f"{self.uri('run.json')} is not there; collect has not run")
        return record

    def plan(self) -> PlanRecord | None:
        """``plan.json``, or None where plan has not run."""
        return self.read("plan.json", PlanRecord)

    def items(self) -> Iterator[Item]:
        """The run's items, streamed in file order."""
        return self.lines("items.jsonl", Item)

    def rejects(self) -> Iterator[Reject]:
        """The rejected rows, streamed in file order."""
        return self.lines("rejects.jsonl", Reject)

    def reused(self) -> Iterator[Result]:
        """Results of earlier runs that this one uses, and failures of what no model can make, streamed."""
        return self.lines("reused.jsonl", Result)

    def lines(self, name: str, model: type[_Model]) -> Iterator[_Model]:
        """The lines of an object; none where it is not there. Raises `IntegrityError` for a line that is no model."""
        number = 0
        try:
            with self.work.open(self.key(name)) as stream:
                for raw in stream:
                    number += 1
                    yield model.model_validate_json(raw)
        except ObjectNotFound:
            return
        except ValidationError as error:
            raise IntegrityError(f"{self.uri(name)}, line {number}: is no {model.__name__}: {error}") from error

    def write_lines(self, name: str, lines: Iterable[Frozen], scratch: Path) -> int:
        """Write or replace an object of JSON lines from a stream, in constant memory; returns their number."""
        with LineSpool(scratch) as spool:
            for line in lines:
                spool.add(line)
            spool.put(self, name)
            return spool.count


class LineSpool:
    """JSON lines on disk until they are put in one piece: a store can send a file again where a try failed."""

    def __init__(self, scratch: Path) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115 - closed by __exit__
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, line: Frozen) -> None:
        """One more line."""
        self._file.write(canonical_json(line.model_dump(mode="json", exclude_defaults=True)) + b"\n")
        self.count += 1

    def put(self, files: RunFiles, name: str) -> None:
        """Write or replace the object with the lines so far."""
        self._file.flush()
        self._file.seek(0)
        files.work.put(files.key(name), self._file)


def counted(counts: Mapping[str, int]) -> str:
    """``3 published, 1 held``: what is not nothing, in words."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number) or "nothing"
