"""Plan: from items to jobs. Drops what earlier runs made, groups by model, shards by cost, and writes the job specs.

The plan depends on the items and on what *other* runs had made when the run was planned first, never on how far this
run itself has come: executed again after a kill it gives the same jobs with the same batches, and a stock engine, whose
bytes depend on the batch, resumes them as they were. A job whose results are all there is not executed again. A model
that cannot be loaded fails the requests that need it and no others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Literal

from galley.catalog.facade import Catalog
from galley.compliance.checkers import checker_models, locator
from galley.compliance.inputs import prompt_sha256
from galley.compliance.policy import PolicySet
from galley.errors import InputError, JobSpecError
from galley.items import Artifact, Failure, Job, Kind, ModelSource, Numerics, PlannedRequest, Resources, Result, Sha256
from galley.ledger import artifact_problem, read_results, read_verdicts
from galley.models import Models
from galley.planning import Plan, PlannedJob, Row, plan, planned_requests, row
from galley.settings import Settings
from galley.stages.numerics import Execute, numerics_for
from galley.stages.pictures import COPIES
from galley.stages.run import PlannedTask, PlanRecord, Progress, RunFiles

PROMPTS = "screen-prompts"
PUBLISH = "publish"
MIB = 2**20
REUSED = "results-reused"
"""Role of the results that earlier runs made."""
Maker = tuple[Sha256, str]
"""Model digest and engine."""
Made = tuple[Sha256, Sha256]
"""Request key and digest of the numerics."""


@dataclass(frozen=True)
class _Shared:
    """What every job spec of a run has."""

    files: RunFiles
    settings: Settings
    checkers: dict[str, object]

    def prefix(self, job: str) -> str:
        return self.files.uri("jobs", job)

    def task(self, job: Job, runtime: str, requests: int) -> PlannedTask:
        # By name, so that a default that changes meanwhile does not part a job from who waits for it.
        runtime = runtime or self.settings.runtime or "process"
        sha256 = self.files.write(f"jobs/{job.job}/job.json", job)
        uri = self.files.uri("jobs", job.job, "job.json")
        return PlannedTask(job=job.job, uri=uri, sha256=sha256, runtime=runtime, requests=requests)

    def screening(
        self,
        name: str,
        command: Literal["screen_prompts", "screen"],
        inputs: dict[str, str],
        requests: int,
        runtime: str,
    ) -> PlannedTask:
        job = Job(
            job=name,
            run=self.files.run,
            command=command,
            prefix=self.prefix(name),
            inputs={"items": self.files.uri("items.jsonl"), "policies": self.files.uri("policies.json"), **inputs},
            threads=self.settings.worker_threads,
            # Words and numbers are compared by one thread, whatever the models of checkers use.
            resources=Resources(cpu=self.settings.worker_threads if self.checkers else 1, memory_bytes=2048 * MIB),
            settings={"checkers": self.checkers},
        )
        return self.task(job, runtime, requests)


def plan_run(
    files: RunFiles,
    settings: Settings,
    catalog: Catalog,
    models: Models,
    execute: Execute,
    progress: Progress = lambda line: None,
) -> PlanRecord:
    """Plan a run and write ``plan.json``, ``reused.jsonl`` and every job's specification.

    Args:
        files: the run; collect has written it.
        settings: slots and threads.
        catalog: knows what was made before.
        models: where models lie.
        execute: runs the numerics jobs.
        progress: told what takes its time.

    Raises:
        ModelError: a model that items use is gone or other than it was.
        StoreUnavailable: the store is away.
    """
    record = files.record()
    sources = {sha256: models.source(name, kind) for sha256, (name, kind) in record.models.items()}
    for sha256, source in sources.items():
        if source.digest != sha256:
            rule = f"has other files now ({source.digest[:12]}) than when its items were collected; run again"
            raise InputError("models.yaml", "models", source.name, rule)
    sources = {
        sha256: source.model_copy(update={"max_batch_size": source.max_batch_size or settings.max_batch_size})
        for sha256, source in sources.items()
    }
    kinds = {sha256: kind for sha256, (_, kind) in record.models.items()}
    memory = {sha256: models.memory_bytes(name, kind) for sha256, (name, kind) in record.models.items()}
    policies = PolicySet.from_bytes(files.work.get(files.key("policies.json")))
    checkers = {name: model.model_dump() for name, model in checker_models(policies, locator(settings)).items()}
    shared = _Shared(files, settings, dict(checkers))
    numerics: dict[str, dict[Maker, Numerics]] = {}
    reused: dict[str, Result] = {}
    unusable: dict[str, Result] = {}
    jobs: list[tuple[str, PlannedJob]] = []
    duplicates = 0
    for runtime in record.runtimes:
        rows = [row(item.request) for item in files.items() if item.runtime == runtime]
        here, broken = _numerics(
            shared, sources, kinds, {(r.model_digest, r.engine) for r in rows}, runtime, execute, memory
        )
        numerics[runtime] = here
        for maker, why in broken.items():
            progress(f"{sources[maker[0]].name} cannot be used, and what needs it fails: {why}")
            keys = (each.key for each in rows if (each.model_digest, each.engine) == maker)
            unusable |= {key: _failed(key, why) for key in keys}
        rows = [each for each in rows if (each.model_digest, each.engine) in here]
        progress(f"{len(rows)} items, runtime {runtime or settings.runtime or 'process'}: looking for what is made")
        known = _known(files, catalog, rows, here)
        reused |= known
        planned = _plan(rows, sources, settings, memory, known, here)
        duplicates += planned.duplicates
        jobs += [(runtime, job) for job in planned.jobs]
    for key in [key for _, job in jobs for key in job.keys]:
        unusable.pop(key, None)  # another runtime makes it
    results = unusable | reused
    files.write_lines("reused.jsonl", (results[key] for key in sorted(results)), settings.home / "tmp")
    prompts = shared.screening(PROMPTS, "screen_prompts", {}, record.items, "")
    digests = sorted(set(policies.digests().values()))
    generate = [_generate(shared, runtime, job, numerics[runtime], digests, settings) for runtime, job in jobs]
    screen = _screens(shared, jobs, bool(results), settings)
    publish = _publish(shared, screen, jobs, bool(results), record.items, record.content_date.isoformat())
    result = PlanRecord(
        run=files.run,
        prompts=prompts,
        generate=tuple(task for task in generate if not _finished(files, task.job, policies)),
        screen=screen,
        publish=publish,
        reused=len(reused),
        duplicates=duplicates,
        numerics={
            runtime: {f"{sha256}/{engine}": found for (sha256, engine), found in here.items()}
            for runtime, here in numerics.items()
        },
        models=tuple(sources[sha256] for sha256 in sorted(sources)),
    )
    files.write("plan.json", result)
    progress(f"{len(result.generate)} generation jobs of {len(jobs)}, {result.reused} requests made before")
    return result


def _numerics(
    shared: _Shared,
    sources: dict[Sha256, ModelSource],
    kinds: dict[Sha256, Kind],
    used: set[Maker],
    runtime: str,
    execute: Execute,
    memory: dict[Sha256, int],
) -> tuple[dict[Maker, Numerics], dict[Maker, str]]:
    """Numerics of the makers, and why those that have none cannot be used as they are."""
    found, broken = {}, {}
    for sha256, engine in sorted(used):
        source = sources[sha256].model_copy(update={"engine": engine})
        try:
            found[sha256, engine] = numerics_for(
                shared.files, shared.settings, source, kinds[sha256], runtime, execute, memory[sha256]
            )
        except JobSpecError as error:
            broken[sha256, engine] = str(error).splitlines()[-1]
    return found, broken


def _failed(key: str, why: str) -> Result:
    """The result of a request whose model cannot be used; asked for anew whenever the run is planned again."""
    failure = Failure(kind="model", message=why)
    return Result(request_key=key, status="failed", failure=failure, attempt="plan")


def _known(files: RunFiles, catalog: Catalog, rows: list[Row], numerics: dict[Maker, Numerics]) -> dict[str, Result]:
    """Results of other runs under the same numerics whose artifacts are whole.

    What an earlier plan of this run gave to its own jobs stays theirs, and what it reused stays what it was: two runs
    at once may make one request in different batches, so to different bytes, and the catalog knows the later ones.
    """
    own = files.uri("jobs") + "/"
    mine, before = _planned_before(files)
    found: dict[str, Result] = {}
    by_numerics: dict[str, set[str]] = {}
    for each in rows:
        by_numerics.setdefault(numerics[each.model_digest, each.engine].digest, set()).add(each.key)
    for under, keys in by_numerics.items():
        wanted = sorted(key for key in keys if (key, under) not in mine)
        reused = (before[key, under] for key in wanted if (key, under) in before)
        for result in chain(reused, catalog.known_results(wanted, under)):
            artifact = result.artifact
            if artifact is None or artifact.uri.startswith(own) or result.request_key in found:
                continue
            if not artifact_problem(files.work, artifact, "sha256"):
                found[result.request_key] = result
    return found


def _planned_before(files: RunFiles) -> tuple[set[Made], dict[Made, Result]]:
    """What an earlier plan of this run gave to jobs, and what it reused; nothing where there is none.

    Raises `IntegrityError` where the plan is there and cannot be read: that is not the same as none.
    """
    mine: set[Made] = set()
    before: dict[Made, Result] = {}
    publish = files.read(f"jobs/{PUBLISH}/job.json", Job)
    if publish is None:
        return mine, before
    for role, uri in publish.inputs.items():
        if not role.startswith("results-") or role == REUSED:
            continue
        name = uri.split("/")[-2]
        if (job := files.read(f"jobs/{name}/job.json", Job)) is not None:
            under = Numerics.model_validate(job.settings["numerics"]).digest
            mine |= {(each.key, under) for each in files.lines(f"jobs/{name}/requests.jsonl", PlannedRequest)}
    for result in files.reused():
        if result.artifact is not None:
            before[result.request_key, result.artifact.numerics.digest] = result
    return mine, before


def _plan(
    rows: list[Row],
    sources: dict[Sha256, ModelSource],
    settings: Settings,
    memory: dict[Sha256, int],
    known: dict[str, Result],
    numerics: dict[Maker, Numerics],
) -> Plan:
    artifacts: dict[tuple[str, str], Artifact] = {
        (key, result.artifact.numerics.digest): result.artifact for key, result in known.items() if result.artifact
    }
    under = {maker: found.digest for maker, found in numerics.items()}
    return plan(rows, sources, slots=settings.worker_slots, memory=memory, known=artifacts, numerics=under)


def _generate(
    shared: _Shared,
    runtime: str,
    job: PlannedJob,
    numerics: dict[Maker, Numerics],
    policies: list[str],
    settings: Settings,
) -> PlannedTask:
    files, name = shared.files, _name(job, runtime)
    requests = planned_requests(job, (item.request for item in files.items() if item.runtime == runtime))
    files.write_lines(f"jobs/{name}/requests.jsonl", requests, settings.home / "tmp")
    inputs = {
        "requests": files.uri("jobs", name, "requests.jsonl"),
        "prompt_verdicts": files.uri("jobs", PROMPTS, "verdicts"),
    }
    if any(planned.request.init_image for planned in requests):
        inputs["images"] = files.uri(COPIES)
    spec = job.spec(
        run=files.run,
        prefix=shared.prefix(name),
        inputs=inputs,
        threads=settings.worker_threads,
        gpu=1 if settings.gpus else 0,
        settings={
            "numerics": numerics[job.model.digest, job.model.engine].model_dump(mode="json"),
            "policies": policies,
        },
    )
    return shared.task(spec.model_copy(update={"job": name}), runtime, len(job.keys))


def _screens(
    shared: _Shared, jobs: list[tuple[str, PlannedJob]], reused: bool, settings: Settings
) -> tuple[PlannedTask, ...]:
    """Screening of artifacts: as many jobs as there are slots, for loading a checker takes longer than most batches."""
    count = max(1, min(settings.worker_slots, len(jobs)))
    tasks = []
    for number in range(count):
        mine = jobs[number::count]
        inputs = {f"results-{index:03d}": _results(shared, runtime, job) for index, (runtime, job) in enumerate(mine)}
        if reused and number == 0:
            inputs[REUSED] = shared.files.uri("reused.jsonl")
        requests = sum(len(job.keys) for _, job in mine)
        tasks.append(shared.screening(f"screen-{number:02d}", "screen", inputs, requests, mine[0][0] if mine else ""))
    return tuple(tasks)


def _publish(
    shared: _Shared,
    screen: tuple[PlannedTask, ...],
    jobs: list[tuple[str, PlannedJob]],
    reused: bool,
    items: int,
    content_date: str,
) -> PlannedTask:
    files = shared.files
    inputs = {
        "items": files.uri("items.jsonl"),
        "policies": files.uri("policies.json"),
        "prompt_verdicts": files.uri("jobs", PROMPTS, "verdicts"),
        **{f"verdicts-{index:02d}": files.uri("jobs", task.job, "verdicts") for index, task in enumerate(screen)},
        **{f"results-{index:03d}": _results(shared, runtime, job) for index, (runtime, job) in enumerate(jobs)},
    }
    if reused:
        inputs[REUSED] = files.uri("reused.jsonl")
    job = Job(
        job=PUBLISH,
        run=files.run,
        command="publish",
        prefix=shared.prefix(PUBLISH),
        inputs=inputs,
        threads=shared.settings.worker_threads,
        resources=Resources(cpu=1, memory_bytes=1024 * MIB),
        settings={"content_date": content_date},
    )
    return shared.task(job, "", items)


def _name(job: PlannedJob, runtime: str) -> str:
    return f"{job.name}-{runtime}" if runtime else job.name


def _results(shared: _Shared, runtime: str, job: PlannedJob) -> str:
    return shared.files.uri("jobs", _name(job, runtime), "results")


def _finished(files: RunFiles, job: str, policies: PolicySet) -> bool:
    """Whether every request of a job has a result whose artifact is there, or a prompt that is blocked as it stands."""
    results = read_results(files.work, files.key("jobs", job, "results"), check="exists", within=files.uri("jobs", job))
    if not results.lines:
        return False
    digests = set(policies.digests().values())
    decisions: dict[str, set[str]] = {}
    for verdict in read_verdicts(files.work, files.key("jobs", PROMPTS, "verdicts")).lines.values():
        if verdict.policy_digest in digests:
            decisions.setdefault(verdict.subject_sha256, set()).add(verdict.decision)
    return all(
        planned.key in results.lines or decisions.get(prompt_sha256(planned.request)) == {"block"}
        for planned in files.lines(f"jobs/{job}/requests.jsonl", PlannedRequest)
    )
