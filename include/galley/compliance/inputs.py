"""Reading what a screening or publishing job names: items, results, policies and artifacts, each verified.

A wrong input of the job is `JobSpecError`; an artifact that is not what its result says is `CheckError`, which
holds that one; a store that is away is `StoreUnavailable`, never "absent".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from pydantic import ValidationError

from galley.compliance.images import MAX_BYTES
from galley.compliance.policy import PolicySet
from galley.errors import CheckError, IntegrityError, JobSpecError, ObjectNotFound, StoreError, StoreUnavailable
from galley.items import Artifact, Frozen, Item, Job, PlannedRequest, Request, Result
from galley.ledger import key_below, read_results
from galley.storage.base import ObjectStore

Heartbeat = Callable[[int, int], None]
"""Called now and then with what is done and what there is in all; raises `JobInterrupted` to stop."""
_Model = TypeVar("_Model", bound=Frozen)


def prompt_sha256(request: Request) -> str:
    """What a prompt's verdict is about: sha256 of the UTF-8 bytes of what prompt checks read."""
    return hashlib.sha256(request.screened_text.encode()).hexdigest()


def job_items(job: Job, store: ObjectStore) -> Iterator[Item]:
    """The items of ``inputs.items``, of ``inputs.requests`` alone where the job has that; streamed."""
    wanted: set[str] | None = None
    if "requests" in job.inputs:
        wanted = {line.key for line in _lines(store, job.inputs["requests"], PlannedRequest)}
    for item in _lines(store, input_uri(job, "items"), Item):
        if wanted is None or item.request.key in wanted:
            yield item


def job_results(job: Job, store: ObjectStore) -> Iterator[Result]:
    """Results of all inputs whose role begins with ``results``: per request key the first valid one over all."""
    seen: set[str] = set()
    for role, uri in sorted(job.inputs.items()):
        if not role.startswith("results"):
            continue
        if uri.endswith(".jsonl"):
            found: Iterator[Result] = _lines(store, uri, Result)
        else:
            found = iter(read_results(store, key_of(store, uri)).lines.values())
        for result in found:
            if result.request_key not in seen:
                seen.add(result.request_key)
                yield result


def job_policies(job: Job, store: ObjectStore) -> PolicySet:
    """The run's policies; raises `JobSpecError`."""
    uri = input_uri(job, "policies")
    try:
        return PolicySet.from_bytes(store.get(key_of(store, uri)))
    except (ObjectNotFound, ValidationError) as error:
        raise JobSpecError(f'job "{job.job}", inputs.policies: {uri} is not a policy set: {error}') from error


def read_artifact(store: ObjectStore, artifact: Artifact) -> bytes:
    """An artifact's bytes, size and sha256 verified.

    Raises `CheckError` where they are not what the result says, `StoreUnavailable` where the store cannot tell.
    """
    try:
        key = key_below(store, artifact.uri)
        info = store.head(key)
        if info is None:
            raise CheckError(f"the artifact {artifact.uri} is not there")
        if info.size != artifact.size or info.size > MAX_BYTES:
            raise CheckError(f"the artifact has {info.size} bytes, {artifact.size} were written (at most {MAX_BYTES})")
        return store.get(key, sha256=artifact.sha256)
    except (ObjectNotFound, IntegrityError) as error:
        raise CheckError(f"the artifact cannot be read: {error}") from error
    except StoreUnavailable:
        raise
    except StoreError as error:
        raise CheckError(f"the artifact cannot be read: {error}") from error


def input_uri(job: Job, role: str) -> str:
    """The URI of an input; raises `JobSpecError` where the job has none."""
    if role not in job.inputs:
        raise JobSpecError(f'job "{job.job}", inputs: has no {role}, which {job.command} reads')
    return job.inputs[role]


def key_of(store: ObjectStore, uri: str) -> str:
    """The key of a URI that the job names; raises `JobSpecError` where it lies in another store."""
    try:
        return key_below(store, uri.rstrip("/"))
    except StoreError as error:
        raise JobSpecError(str(error)) from error


def _lines(store: ObjectStore, uri: str, model: type[_Model]) -> Iterator[_Model]:
    number = 0
    try:
        with store.open(key_of(store, uri)) as stream:
            for raw in stream:
                number += 1
                if raw.strip():
                    yield model.model_validate_json(raw)
    except ObjectNotFound as error:
        raise JobSpecError(f"{uri} is not there, the job names it as an input") from error
    except ValidationError as error:
        raise JobSpecError(f"{uri}, line {number}: is not {model.__name__}: {error}") from error
