"""What every command of the worker gets: the job, its store, and the means to tell and to stop."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import ValidationError

from galley.errors import JobSpecError, ObjectNotFound, StoreError
from galley.items import Frozen, Job, ModelSource
from galley.settings import Settings
from galley.storage import ObjectStore, Zones
from galley.worker.log import Say

LineT = TypeVar("LineT", bound=Frozen)


@dataclass(frozen=True)
class Attempt:
    """One execution of one job.

    Attributes:
        job: its specification.
        zones: the installation's stores.
        settings: of the installation.
        say: logs an event.
        check: raises where the process was asked to end; called between batches.
        token: letters and digits that no other attempt has.
    """

    job: Job
    zones: Zones
    settings: Settings
    say: Say
    check: Callable[[], None] = lambda: None
    token: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def store(self) -> ObjectStore:
        """The store that the job writes to."""
        return self.locate(self.job.prefix)[0]

    @property
    def prefix(self) -> str:
        """The key below which the job writes."""
        return self.locate(self.job.prefix)[1]

    def locate(self, uri: str) -> tuple[ObjectStore, str]:
        """Store and key of a URI that the job names; raises `JobSpecError` where it is in no zone."""
        try:
            return self.zones.resolve(uri.rstrip("/"))
        except StoreError as error:
            raise JobSpecError(f'job "{self.job.job}": {error}') from error

    @property
    def model(self) -> ModelSource:
        """The job's model; raises `JobSpecError` where it has none."""
        if self.job.model is None:
            raise JobSpecError(f'job "{self.job.job}", model: missing, {self.job.command} needs one')
        return self.job.model

    def input(self, role: str) -> str:
        """The URI of an input; raises `JobSpecError` where the job has none."""
        if role not in self.job.inputs:
            raise JobSpecError(f'job "{self.job.job}", inputs: has no {role}, which {self.job.command} reads')
        return self.job.inputs[role]

    def lines(self, role: str, model: type[LineT]) -> Iterator[LineT]:
        """The lines of a JSONL input, streamed; raises `JobSpecError` naming the line that is wrong."""
        uri = self.input(role)
        store, key = self.locate(uri)
        number = 0
        try:
            with store.open(key) as stream:
                for raw in stream:
                    number += 1
                    if raw.strip():
                        yield model.model_validate_json(raw)
        except ObjectNotFound as error:
            raise JobSpecError(f'job "{self.job.job}", inputs.{role}: {uri} is not there') from error
        except ValidationError as error:
            raise JobSpecError(f"{uri}, line {number}: is not a {model.__name__}: {error}") from error
