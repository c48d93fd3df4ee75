"""The worker's commands ``screen_prompts`` and ``screen``: one verdict per distinct subject and policy.

Inputs of a job, by role:

    items       URI of the run's items.jsonl
    policies    URI of the run's `PolicySet`
    requests    URI of a requests.jsonl; optional: only these requests' prompts or artifacts
    results…    ``screen`` only, any number of roles that begin so: the key prefix of a job's results, or the URI of a
                .jsonl of results (those that the plan reuses)

``settings["checkers"]`` maps model names to `CheckerModel`. Verdicts go to ``<prefix>/verdicts/<attempt>/``, thumbnails
of pictures that are not blocked to ``<prefix>/thumbnails/``, figures to ``<prefix>/stats.json``. A subject with a
complete verdict of the same policy and checkers is not screened again, whatever attempt wrote it. What cannot be read
is held, what a checker cannot answer is held, and the job goes on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from galley.compliance.checkers import CheckerModel, Loader, Toolbox, ask, current_digest
from galley.compliance.checks import Checker, Subject
from galley.compliance.images import decode_png
from galley.compliance.inputs import (
    Heartbeat,
    job_items,
    job_policies,
    job_results,
    key_of,
    prompt_sha256,
    read_artifact,
)
from galley.compliance.policy import CompiledPolicy, Media
from galley.compliance.thumbnails import thumbnail, thumbnail_key
from galley.compliance.verdicts import evaluate, unreadable
from galley.errors import CheckError, JobSpecError, ObjectExists
from galley.items import MEDIA_TYPES, Artifact, ImageParams, Job, Request, Verdict
from galley.ledger import PartWriter, next_attempt, read_verdicts
from galley.storage.base import ObjectStore

CHUNK: Mapping[Media, int] = {"prompt": 64, "text": 64, "image": 16}
"""Subjects per chunk: read, checked and committed together; 16 pictures of the largest size are 800 MB. A kill loses at
most one chunk."""
MAX_TEXT = 1_000_000
"""Bytes of a text artifact at most."""

_CHECKERS = TypeAdapter(dict[str, CheckerModel])


@dataclass
class ScreenStats:
    """What a screening job did.

    Attributes:
        subjects: distinct pairs of subject and policy.
        finished_before: of these, with a complete verdict already.
        decisions: of the others, by decision.
        seconds: wall time.
    """

    subjects: int = 0
    finished_before: int = 0
    decisions: dict[str, int] = field(default_factory=lambda: {"allow": 0, "hold": 0, "block": 0})
    seconds: float = 0.0


@dataclass(frozen=True)
class _Source:
    """Where a subject is to be read: the prompt itself, or an artifact and the request that made it."""

    sha256: str
    media: Media
    prompt: str = ""
    artifact: Artifact | None = None
    request: Request | None = None


def screen_prompts(
    job: Job,
    store: ObjectStore,
    *,
    token: str,
    heartbeat: Heartbeat = lambda done, total: None,
    loaders: Mapping[str, Loader] | None = None,
) -> ScreenStats:
    """Screen the prompts of a run's items.

    Args:
        job: its specification.
        store: the work zone.
        token: of this attempt, letters and digits, its own.
        heartbeat: called after every chunk.
        loaders: how models are loaded; tests give their own.

    Raises:
        JobSpecError: an input is missing or cannot be read as what it should be.
        StoreUnavailable: the store is away; nothing that was committed is lost.
    """
    sources: dict[tuple[str, str], _Source] = {}
    for item in job_items(job, store):
        sha256 = prompt_sha256(item.request)
        sources.setdefault((sha256, item.policy), _Source(sha256, "prompt", item.request.screened_text))
    return _Screening(job, store, token, heartbeat, loaders).run(sources)


def screen(
    job: Job,
    store: ObjectStore,
    *,
    token: str,
    heartbeat: Heartbeat = lambda done, total: None,
    loaders: Mapping[str, Loader] | None = None,
) -> ScreenStats:
    """Screen the artifacts that results name; arguments and errors as for `screen_prompts`."""
    policies: dict[str, set[str]] = {}
    requests: dict[str, Request] = {}
    for item in job_items(job, store):
        key = item.request.key
        policies.setdefault(key, set()).add(item.policy)
        requests.setdefault(key, item.request)
    sources: dict[tuple[str, str], _Source] = {}
    for result in job_results(job, store):
        request = requests.get(result.request_key)
        if result.artifact is None or request is None:
            continue
        source = _Source(result.artifact.sha256, request.kind, artifact=result.artifact, request=request)
        for policy in sorted(policies[result.request_key]):
            sources.setdefault((source.sha256, policy), source)
    return _Screening(job, store, token, heartbeat, loaders).run(sources)


class _Screening:
    """One execution: from sources to committed verdicts."""

    def __init__(
        self, job: Job, store: ObjectStore, token: str, heartbeat: Heartbeat, loaders: Mapping[str, Loader] | None
    ) -> None:
        self._job, self._store, self._heartbeat = job, store, heartbeat
        self._policies = job_policies(job, store).policies
        try:
            models = _CHECKERS.validate_python(job.settings.get("checkers", {}))
        except ValidationError as error:
            raise JobSpecError(f'job "{job.job}", settings.checkers: {error}') from error
        self._toolbox = Toolbox(models, loaders)
        self._prefix = key_of(store, job.prefix)
        self._token = token

    def run(self, sources: Mapping[tuple[str, str], _Source]) -> ScreenStats:
        """Screen what has no complete verdict yet."""
        started = time.monotonic()
        stats = ScreenStats(subjects=len(sources))
        missing = sorted({policy for _, policy in sources} - set(self._policies))
        if missing:
            raise JobSpecError(
                f'job "{self._job.job}": items name the policies {", ".join(missing)}, inputs.policies lacks them'
            )
        verdicts = f"{self._prefix}/verdicts"
        finished = {key for key, verdict in read_verdicts(self._store, verdicts).lines.items() if verdict.complete}
        writer: PartWriter | None = None
        for name, media in sorted({(policy, source.media) for (_, policy), source in sources.items()}):
            policy = self._policies[name]
            checks = policy.policy.checks_for(media)
            checkers = [checker for checker in self._toolbox.checkers(policy) if checker.name in checks]
            digest, kind = current_digest(checkers), "prompt" if media == "prompt" else "artifact"
            mine = [
                source for (_, other), source in sorted(sources.items(), key=lambda entry: entry[0]) if other == name
            ]
            todo = [
                source
                for source in mine
                if source.media == media and (source.sha256, kind, policy.digest, digest) not in finished
            ]
            stats.finished_before += sum(source.media == media for source in mine) - len(todo)
            for start in range(0, len(todo), CHUNK[media]):
                lines = self._chunk(policy, media, checkers, todo[start : start + CHUNK[media]])
                if writer is None:
                    writer = PartWriter(self._store, verdicts, next_attempt(self._store, verdicts, self._token))
                writer.write(lines)
                for verdict in lines:
                    stats.decisions[verdict.decision] += 1
                self._heartbeat(stats.finished_before + sum(stats.decisions.values()), stats.subjects)
        stats.seconds = time.monotonic() - started
        figures: dict[str, Any] = vars(stats)
        self._store.put(f"{self._prefix}/stats.json", json.dumps(figures, sort_keys=True).encode())
        return stats

    def _chunk(
        self, policy: CompiledPolicy, media: Media, checkers: Sequence[Checker], sources: Sequence[_Source]
    ) -> list[Verdict]:
        subjects: list[Subject] = []
        verdicts: dict[str, Verdict] = {}
        for source in sources:
            try:
                subjects.append(_read(self._store, source))
            except CheckError as error:
                verdicts[source.sha256] = unreadable(policy, source.sha256, media, str(error))
        answers = [ask(checker, subjects, CHUNK[media]) for checker in checkers]
        for index, subject in enumerate(subjects):
            outcomes = [answer[index] for answer in answers]
            verdict = verdicts[subject.sha256] = evaluate(policy, subject.sha256, media, outcomes)
            if subject.image is not None and verdict.decision != "block":
                self._keep_thumbnail(subject)
        return [verdicts[source.sha256] for source in sources]

    def _keep_thumbnail(self, subject: Subject) -> None:
        """Before the verdict is committed: who has a verdict has a thumbnail too, whenever the job is killed."""
        with suppress(ObjectExists):  # of another version of Pillow; as good as ours
            self._store.put_if_absent(thumbnail_key(self._prefix, subject.sha256), thumbnail(subject.image))


def _read(store: ObjectStore, source: _Source) -> Subject:
    """The subject, its bytes verified. Raises `CheckError` where nobody can tell what it is."""
    if source.artifact is None:
        return Subject(source.sha256, source.media, text=source.prompt)
    data = read_artifact(store, source.artifact)
    if source.artifact.media_type != MEDIA_TYPES[source.media][0]:
        raise CheckError(f"the artifact is {source.artifact.media_type}, {MEDIA_TYPES[source.media][0]} was asked for")
    if source.media == "image":
        params = source.request.params if source.request else None
        size = (params.width, params.height) if isinstance(params, ImageParams) else None
        return Subject(source.sha256, "image", image=decode_png(data, expected=size))
    if len(data) > MAX_TEXT:
        raise CheckError(f"the text has {len(data)} bytes, more than {MAX_TEXT}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CheckError(f"the text is not UTF-8: {error}") from error
    if "\0" in text:
        raise CheckError("the text holds a NUL character")
    return Subject(source.sha256, "text", text=text)
