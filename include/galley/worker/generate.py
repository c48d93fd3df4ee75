"""The command ``generate``: requests in, artifacts and results out, a batch at a time.

Inputs of a job, by role:

    requests          URI of a requests.jsonl of `PlannedRequest`
    images            URI of the prefix of pictures that requests begin with, named by their sha256; where some do
    prompt_verdicts…  any number of roles that begin so: URI of the prefix of prompt verdicts. A prompt is left out when
                      every one of its verdicts there is ``block``; it gets no result, its items end blocked. Without a
                      verdict nothing is made yet: it may be a prompt that must not be

``settings["policies"]`` may hold digests of the policies whose verdicts on prompts count; without it all do.
``settings["numerics"]`` may hold the `Numerics` that the plan counted on; a machine that works under others is refused.
Artifacts go to ``<prefix>/artifacts/<sha256>.<ext>``, log-probabilities where a request asks for them to
``<prefix>/logprobs/``, results to ``<prefix>/results/<attempt>/``, figures to ``<prefix>/stats.json``. Requests with a
result, whatever attempt wrote it, are not made again; a planned batch that lacks one is repeated whole, with the
members and the order of the plan, and only what lacked is committed.
"""

from __future__ import annotations

import hashlib
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass

from galley.engines import open_engine
from galley.engines.base import Engine, Figures, Outcome, ReadImage
from galley.errors import JobInterrupted, JobSpecError, ObjectExists
from galley.items import (
    MEDIA_TYPES,
    Artifact,
    Job,
    Kind,
    Logprobs,
    Numerics,
    PlannedRequest,
    Result,
    canonical_json,
    logprobs_uri,
)
from galley.job_stats import JobStats
from galley.ledger import PartWriter, next_attempt, read_results, read_verdicts
from galley.models import verified_directory
from galley.worker.attempt import Attempt
from galley.worker.log import Progress

GROUP = 32
"""Outcomes committed together where an engine batches by itself …"""
GROUP_SECONDS = 5.0
"""… or fewer, once the oldest of them has waited this long: what is not committed is lost to a kill."""


@dataclass
class Tally:
    """What an attempt did so far; seconds are wall time. `JobStats` says what each is."""

    attempt: str = ""
    engine: str = ""
    fallback: str = ""
    requests: int = 0
    finished_before: int = 0
    blocked: int = 0
    made: int = 0
    failed: int = 0
    batches: int = 0
    evaluations: int = 0
    setup_seconds: float = 0.0
    seconds: float = 0.0
    store_seconds: float = 0.0

    def stats(self, job: Job, kind: Kind | None, figures: Figures) -> JobStats:
        """As it is stored and shown."""
        rate = self.evaluations / self.seconds if self.seconds else 0.0
        return JobStats(
            **asdict(self),
            **asdict(figures),
            job=job.job,
            model=job.model.name if job.model else "",
            items=self.made + self.failed,
            mean_rows=figures.useful_rows / figures.forwards if figures.forwards else 0.0,
            tokens_per_second=rate if kind == "text" else 0.0,
            evaluations_per_second=rate,
            peak_memory_bytes=_peak_memory(),
        )


def generate(attempt: Attempt, engine: Engine | None = None) -> JobStats:
    """Make what is not made yet.

    Args:
        attempt: the execution.
        engine: makes the artifacts; default the one the job's model asks for.

    Raises:
        JobSpecError: the job contradicts itself, or the machine's numerics are not the plan's.
        ModelError: the model is not here or not what the job says.
        JobInterrupted: memory ran out at one request, or prompts have not been screened yet.
        StoreUnavailable: the store is away; what was committed stays.
    """
    job, store, prefix = attempt.job, attempt.store, attempt.prefix
    requests = _requests(attempt)
    finished = set(read_results(store, f"{prefix}/results", check="exists", within=job.prefix).lines)
    blocked = _blocked(attempt, requests)
    pending = [planned for planned in requests if planned.key not in finished and planned.key not in blocked]
    tally = Tally(requests=len(requests), blocked=len(blocked))
    tally.finished_before = len(requests) - len(blocked) - len(pending)
    attempt.say(
        "generate", requests=len(requests), finished=tally.finished_before, blocked=len(blocked), pending=len(pending)
    )
    figures = Figures()
    if not pending and store.head(f"{prefix}/stats.json") is not None:
        return tally.stats(job, None, figures)
    kind = requests[0].request.kind if requests else None
    if pending:
        began = time.monotonic()
        if engine is None:
            source = attempt.model
            directory = verified_directory(source, attempt.settings.hub_cache)
            engine = open_engine(source, directory, job.threads, _certificate(attempt), _images(attempt))
        if engine.kind != requests[0].request.kind:
            raise JobSpecError(
                f'job "{job.job}": its model makes {engine.kind}, its requests want {requests[0].request.kind}'
            )
        numerics = engine.setup()
        tally.engine, tally.fallback = numerics.engine, engine.fallback
        _refuse_other_numerics(attempt, numerics)
        tally.setup_seconds = time.monotonic() - began
        attempt.say("model loaded", model=job.model.name if job.model else "", seconds=f"{tally.setup_seconds:.1f}")
        if engine.fallback:
            attempt.say("stock forwards are used", why=engine.fallback)
        try:
            _make(attempt, engine, numerics, requests, {planned.key for planned in pending}, blocked, tally)
        finally:
            engine.close()
        figures = engine.figures
    stats = tally.stats(job, kind, figures)
    store.put(f"{prefix}/stats.json", canonical_json(stats.model_dump(mode="json")))
    attempt.say("generated", made=stats.made, failed=stats.failed, seconds=f"{stats.seconds:.1f}")
    return stats


def _make(
    attempt: Attempt,
    engine: Engine,
    numerics: Numerics,
    requests: Sequence[PlannedRequest],
    pending: set[str],
    blocked: set[str],
    tally: Tally,
) -> None:
    """Hand batches to the engine and commit what comes back."""
    store, prefix = attempt.store, attempt.prefix
    tally.attempt = next_attempt(store, f"{prefix}/results", attempt.token)
    writer = PartWriter(store, f"{prefix}/results", tally.attempt)
    done = tally.finished_before
    progress = Progress(attempt.say, len(pending) + done, done=done)
    for batch in _batches(attempt, engine, requests, pending, blocked):
        attempt.check()
        tally.batches += 1
        began = time.monotonic()
        seen: set[str] = set()
        for group in _groups(engine.generate(batch), whole=engine.planned_batches):
            came = time.monotonic()
            tally.seconds += came - began
            seen.update(outcome.key for outcome in group)
            results = [
                _committed(attempt, engine.kind, outcome, numerics, tally.attempt)
                for outcome in group
                if outcome.key in pending
            ]
            if results:
                writer.write(results)
            tally.evaluations += sum(result.evaluations for result in results)
            tally.made += sum(result.status == "ok" for result in results)
            tally.failed += sum(result.status == "failed" for result in results)
            for result in results:
                if result.failure is not None:
                    attempt.say("failed", request=result.request_key[:12], kind=result.failure.kind)
            done += len(results)
            began = time.monotonic()
            tally.store_seconds += began - came
            progress(done, failed=tally.failed)
            attempt.check()
        if missing := {planned.key for planned in batch} - seen:
            raise RuntimeError(f"the engine left {len(missing)} of a batch of {len(batch)} without an outcome")


def _images(attempt: Attempt) -> ReadImage:
    def read(sha256: str) -> bytes:
        uri = attempt.job.inputs.get("images")
        if uri is None:
            raise JobSpecError(f'job "{attempt.job.job}": no input "images" for the picture {sha256[:12]}; plan again')
        store, key = attempt.locate(f"{uri}/{sha256}")
        return store.get(key, sha256=sha256)

    return read


def _requests(attempt: Attempt) -> list[PlannedRequest]:
    job = attempt.job
    requests = list(attempt.lines("requests", PlannedRequest))
    keys: set[str] = set()
    for planned in requests:
        if planned.key != planned.request.key:
            raise JobSpecError(
                f'job "{job.job}": the request with the key {planned.key[:12]} has the key {planned.request.key[:12]} '
                "by its content; write requests.jsonl anew"
            )
        if planned.key in keys:
            raise JobSpecError(f'job "{job.job}": the request {planned.key[:12]} is there twice; plan again')
        if job.model is not None and planned.request.model_digest != job.model.digest:
            raise JobSpecError(f'job "{job.job}": the request {planned.key[:12]} is for another model; plan again')
        keys.add(planned.key)
    if len({planned.request.kind for planned in requests}) > 1:
        raise JobSpecError(f'job "{job.job}": has requests of two kinds; plan one job for each')
    return requests


def _blocked(attempt: Attempt, requests: Sequence[PlannedRequest]) -> set[str]:
    """Keys whose prompt may not be generated: under the run's policies it has no verdict but ``block``.

    Raises `JobInterrupted` where a prompt has no verdict at all, though the job says where they are.
    """
    places = [uri for role, uri in attempt.job.inputs.items() if role.startswith("prompt_verdicts")]
    if not places:
        return set()
    policies = attempt.job.settings.get("policies")
    decisions: dict[str, set[str]] = {}
    for uri in places:
        store, key = attempt.locate(uri)
        for verdict in read_verdicts(store, key).lines.values():
            # Verdicts of a policy as it was before somebody changed it say nothing any more.
            if verdict.subject_kind == "prompt" and (policies is None or verdict.policy_digest in policies):
                decisions.setdefault(verdict.subject_sha256, set()).add(verdict.decision)
    prompts = {planned.key: hashlib.sha256(planned.request.screened_text.encode()).hexdigest() for planned in requests}
    if unknown := [key for key, prompt in prompts.items() if prompt not in decisions]:
        raise JobInterrupted(
            f'job "{attempt.job.job}": the prompts of {len(unknown)} of {len(requests)} requests have no verdict in '
            f"{', '.join(places)}; screen the prompts (again), then generate"
        )
    return {key for key, prompt in prompts.items() if decisions[prompt] == {"block"}}


def _batches(
    attempt: Attempt, engine: Engine, requests: Sequence[PlannedRequest], pending: set[str], blocked: set[str]
) -> Iterator[list[PlannedRequest]]:
    """What to hand to the engine: planned batches that lack a result, or everything that is pending at once."""
    if not engine.planned_batches:
        yield [planned for planned in requests if planned.key in pending]
        return
    indices = sorted(index for batch in attempt.job.batches for index in batch)
    if indices != list(range(len(requests))):
        raise JobSpecError(
            f'job "{attempt.job.job}": batches must name each of the {len(requests)} requests once; plan again'
        )
    for planned_batch in attempt.job.batches:
        batch = [requests[index] for index in planned_batch if requests[index].key not in blocked]
        if any(planned.key in pending for planned in batch):
            yield batch


def _groups(outcomes: Iterator[Outcome], *, whole: bool) -> Iterator[list[Outcome]]:
    """Outcomes to commit together: a planned batch whole, others as they come."""
    group: list[Outcome] = []
    since = 0.0
    for outcome in outcomes:
        if not group:
            since = time.monotonic()
        group.append(outcome)
        if not whole and (len(group) >= GROUP or time.monotonic() - since > GROUP_SECONDS):
            yield group
            group = []
    if group:
        yield group


def _committed(attempt: Attempt, kind: Kind, outcome: Outcome, numerics: Numerics, name: str) -> Result:
    """Put the artifact and return the result that names it."""
    fields = {
        "request_key": outcome.key,
        "seconds": round(outcome.seconds, 6),
        "batch_size": outcome.batch_size,
        "attempt": name,
    }
    made = outcome.made
    if made is None:
        return Result(status="failed", failure=outcome.failure, **fields)
    sha256 = hashlib.sha256(made.data).hexdigest()
    media_type, extension = MEDIA_TYPES[kind]
    key = f"{attempt.prefix}/artifacts/{sha256}.{extension}"
    try:
        attempt.store.put_if_absent(key, made.data)
    except ObjectExists:
        # The key is the content's own name: whatever else lies there is damaged.
        attempt.say("damaged artifact replaced", key=key)
        attempt.store.put(key, made.data)
    artifact = Artifact(
        uri=f"{attempt.store.url}/{key}",
        sha256=sha256,
        size=len(made.data),
        media_type=media_type,
        numerics=numerics,
    )
    if made.logprobs is not None:
        beside = logprobs_uri(artifact, outcome.key).removeprefix(f"{attempt.store.url}/")
        attempt.store.put(beside, canonical_json(Logprobs(content=made.logprobs).model_dump(mode="json")))
    return Result(
        status="ok",
        artifact=artifact,
        evaluations=made.evaluations,
        prompt_tokens=made.prompt_tokens,
        prompt_truncated=made.prompt_truncated,
        finish_reason=made.finish_reason,
        **fields,
    )


def _certificate(attempt: Attempt) -> str:
    """What the plan's numerics certify; empty where the plan has none. The rest of them is compared once set up."""
    planned = attempt.job.settings.get("numerics")
    return str(planned.get("certificate", "")) if isinstance(planned, dict) else ""


def _refuse_other_numerics(attempt: Attempt, numerics: Numerics) -> None:
    planned = attempt.job.settings.get("numerics")
    if planned is None:
        return
    here = numerics.model_dump(mode="json")
    if planned != here:
        differing = sorted(name for name in here if not isinstance(planned, dict) or planned.get(name) != here[name])
        raise JobSpecError(
            f'job "{attempt.job.job}" was planned for other numerics; here {", ".join(differing)} '
            f"would be {[here[name] for name in differing]}: plan again for this machine"
        )


def _peak_memory() -> int:
    """Bytes; ``ru_maxrss`` is in KiB on Linux, in bytes on macOS."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
