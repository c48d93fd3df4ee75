"""From requests to jobs: pure, deterministic, and independent of the order in which the requests come.

    requests -> rows -> drop what is already made, fold equal keys -> group by model and engine
             -> batches of equal shape -> shards by estimated cost, longest first -> jobs

A stock engine gives equal bits only when a batch has the same members in the same order, so batches are fixed here,
from the set of requests alone; how many worker slots there are decides only which job a batch falls to, never its
members. Rows carry a few numbers, not prompts: a plan over a million requests fits in some hundred MiB.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil
from typing import NamedTuple

from galley.items import (
    Artifact,
    ImageParams,
    Job,
    Kind,
    ModelSource,
    PlannedRequest,
    Request,
    Resources,
    digest,
    slug,
)


class Row(NamedTuple):
    """What planning needs to know of a request.

    Attributes:
        key: request key.
        kind: image or text.
        model_digest: of the model's files.
        shape: rows of one batch have the same.
        length: text: characters of the prompt, so that neighbours need little padding; image: 0.
        size: what one row takes of a batch's budget: pixels, or characters of prompt and output together.
        cost: estimated work, in units that compare only within a kind.
        engine: what is to make it.
    """

    key: str
    kind: Kind
    model_digest: str
    shape: str
    length: int
    size: int
    cost: float
    engine: str = "stock"


Group = tuple[str, Kind, str]
"""Model digest, kind and engine: what rows of one job share."""


@dataclass(frozen=True)
class Limits:
    """How large a batch may be and when another job pays.

    Attributes:
        image_rows: images of a batch at most: a CPU gains little from more (1.47 x from 1 row to 16, a UNet at 32 x 32
            latents), and a kill costs a batch.
        image_pixels: pixels of a batch at most (4 images of 512 x 512), which bounds the VAE's memory.
        text_rows: texts of a batch at most.
        text_size: characters of a batch at most, prompts padded and outputs counted, which bounds the KV cache.
        least_shard: batches a job needs before its model's work is split over another one: loading a model takes
            seconds too.
    """

    image_rows: int = 8
    image_pixels: int = 4 * 512 * 512
    text_rows: int = 16
    text_size: int = 16 * 8192
    least_shard: int = 2


@dataclass(frozen=True)
class PlannedJob:
    """One job to be: its requests in file order and its batches as indices into them.

    Attributes:
        name: ``generate-<model>-<number>``, unique in the run; with the engine where it is not the model's own.
        kind: what it makes.
        model: where the model is.
        memory_bytes: what it asks for.
        keys: request keys in the order of ``requests.jsonl``.
        batches: indices into ``keys``; every index once.
        cost: estimated work.
    """

    name: str
    kind: Kind
    model: ModelSource
    memory_bytes: int
    keys: tuple[str, ...]
    batches: tuple[tuple[int, ...], ...]
    cost: float

    def spec(
        self,
        *,
        run: str,
        prefix: str,
        inputs: Mapping[str, str],
        threads: int,
        gpu: int = 0,
        settings: Mapping[str, object] | None = None,
    ) -> Job:
        """The ``job.json`` of this job below the URI ``prefix``."""
        return Job(
            job=self.name,
            run=run,
            command="generate",
            prefix=prefix,
            inputs=dict(inputs),
            model=self.model,
            batches=self.batches,
            threads=threads,
            resources=Resources(cpu=threads, memory_bytes=self.memory_bytes, gpu=gpu),
            settings=dict(settings or {}),
        )


@dataclass(frozen=True)
class Plan:
    """What is to be made, by which job, and what need not be.

    Attributes:
        jobs: longest first.
        reused: request key to the artifact that is already there.
        duplicates: rows that shared a key with another.
    """

    jobs: tuple[PlannedJob, ...]
    reused: Mapping[str, Artifact] = field(default_factory=dict)
    duplicates: int = 0

    def job_of(self) -> dict[str, str]:
        """Request key to job name."""
        return {key: job.name for job in self.jobs for key in job.keys}


TWICE_A_STEP = frozenset({"HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"})
"""Schedulers of second order: they ask the UNet twice a step, but once in the last."""


def evaluations(scheduler: str, steps: int) -> int:
    """Evaluations of the UNet that ``steps`` take, by the scheduler's class in diffusers.

    A model's own scheduler, ``""``, is in no request; it counts as one evaluation a step, as nearly all have it.
    """
    if scheduler in TWICE_A_STEP:
        return 2 * steps - 1
    if scheduler == "PNDMScheduler" and steps > 1:
        return steps + 1  # its second step is made twice (`skip_prk_steps`, as Stable Diffusion has it)
    return steps


def row(request: Request) -> Row:
    """What planning needs to know of one request."""
    params = request.params
    if isinstance(params, ImageParams):
        pixels = params.width * params.height
        guided = params.guidance_scale > 1
        # SDXL embeds an absent negative prompt differently from an empty one, so the two kinds of row stay apart.
        negative = bool(params.negative_prompt)
        shape: list[object] = [params.width, params.height, params.num_inference_steps]
        shape += [params.guidance_scale, params.scheduler, negative]
        steps = params.num_inference_steps
        if request.init_image:
            shape.append(params.strength)
            steps = params.initial_steps
        # One VAE decode costs about 1.5 guided UNet steps at 512 x 512 (2514.5 against 1606.6 GFLOP).
        forwards = evaluations(params.scheduler, steps)
        cost = pixels * (forwards * (2 if guided else 1) + 3) / (512 * 512)
        return Row(request.key, "image", request.model_digest, digest(shape), 0, pixels, cost, request.engine)
    length = len(request.screened_text)
    alike = digest(params.model_dump(mode="json"))
    # A token is about four characters; reading one costs about a twentieth of writing one (GPT-2 on a CPU: a twelfth
    # in float32, a thirtieth in bfloat16).
    size = length + 4 * params.max_new_tokens
    cost = params.max_new_tokens + length / 80
    return Row(request.key, "text", request.model_digest, alike, length, size, cost, request.engine)


def plan(
    rows: Iterable[Row],
    models: Mapping[str, ModelSource],
    *,
    slots: int,
    memory: Mapping[str, int] | None = None,
    known: Mapping[tuple[str, str], Artifact] | None = None,
    numerics: Mapping[tuple[str, str], str] | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Plan a run.

    Args:
        rows: one per item, in any order (see `row`).
        models: model digest to where the model is; the engine is each row's own.
        slots: jobs that can run at once.
        memory: model digest to bytes a job with it asks for; default 4 GiB.
        known: (request key, numerics digest) to an artifact that is there, its existence and sha256 checked.
        numerics: (model digest, engine) to the digest of the numerics such jobs will run under; without it nothing is
            reused.
        limits: see `Limits`.

    Raises:
        KeyError: a row's model is not in ``models``.
    """
    limits, known, numerics, memory = limits or Limits(), known or {}, numerics or {}, memory or {}
    unique: dict[str, Row] = {}
    total = 0
    for each in rows:
        total += 1
        unique.setdefault(each.key, each)
    reused: dict[str, Artifact] = {}
    groups: dict[Group, list[Row]] = {}
    for each in sorted(unique.values()):
        artifact = known.get((each.key, numerics.get((each.model_digest, each.engine), "")))
        if artifact is not None:
            reused[each.key] = artifact
        else:
            groups.setdefault((each.model_digest, each.kind, each.engine), []).append(each)
    batches = {group: list(_batches(members, limits)) for group, members in groups.items()}
    shards = _shards({group: [_cost(batch) for batch in parts] for group, parts in batches.items()}, slots, limits)
    jobs = []
    for group, parts in shards.items():
        model_digest, kind, engine = group
        source = models[model_digest].model_copy(update={"engine": engine})
        other = "" if engine == models[model_digest].engine else f"{engine}-"
        for number, part in enumerate(parts):
            chosen = [batches[group][index] for index in part]
            jobs.append(
                PlannedJob(
                    name=f"generate-{slug(source.name)}-{other}{model_digest[:8]}-{number:02d}",
                    kind=kind,
                    model=source,
                    memory_bytes=memory.get(model_digest, 4 * 2**30),
                    keys=tuple(each.key for batch in chosen for each in batch),
                    batches=tuple(_indices(len(batch) for batch in chosen)),
                    cost=sum(_cost(batch) for batch in chosen),
                )
            )
    return Plan(tuple(sorted(jobs, key=lambda job: (-job.cost, job.name))), reused, total - len(unique))


def planned_requests(job: PlannedJob, requests: Iterable[Request]) -> list[PlannedRequest]:
    """The job's lines of ``requests.jsonl``, in file order, picked from one pass over the run's requests.

    Raises `ValueError` where the stream lacks one of them.
    """
    wanted = dict.fromkeys(job.keys)
    found: dict[str, PlannedRequest] = {}
    for request in requests:
        key = request.key
        if key in wanted and key not in found:
            found[key] = PlannedRequest(key=key, request=request)
    missing = [key for key in job.keys if key not in found]
    if missing:
        raise ValueError(
            f"job {job.name}: {len(missing)} of its requests are not in the stream, the first {missing[0]}"
        )
    return [found[key] for key in job.keys]


def _batches(members: list[Row], limits: Limits) -> Iterator[list[Row]]:
    """Batches of equal shape, within the limits; longest prompts first, then by key."""
    ordered = sorted(members, key=lambda each: (each.shape, -each.length, each.key))
    for _, same in groupby(ordered, key=lambda each: each.shape):
        batch: list[Row] = []
        for each in same:
            rows, size = (
                (limits.image_rows, limits.image_pixels)
                if each.kind == "image"
                else (limits.text_rows, limits.text_size)
            )
            # Every row is padded to the longest, which is the first.
            if batch and (len(batch) == rows or (len(batch) + 1) * batch[0].size > size):
                yield batch
                batch = []
            batch.append(each)
        if batch:
            yield batch


def _shards(costs: Mapping[Group, list[float]], slots: int, limits: Limits) -> dict[Group, list[list[int]]]:
    """Indices of each group's batches, parted into jobs.

    Every group gets one job; while slots are left, the group with the most work a job gets another, if it has batches
    enough. Within a group batches go, longest first, to the job with the least work (Graham 1969: at most 4/3 of the
    best possible).
    """
    count = dict.fromkeys(costs, 1)
    # Work compares only within a kind, so that each kind's share of the whole decides.
    whole: dict[Kind, float] = {}
    for (_, kind, _), parts in costs.items():
        whole[kind] = whole.get(kind, 0) + sum(parts)
    for _ in range(max(0, slots - len(costs))):
        open_groups = [g for g in costs if ceil(len(costs[g]) / limits.least_shard) > count[g]]
        if not open_groups:
            break
        heaviest = max(open_groups, key=lambda g: (sum(costs[g]) / whole[g[1]] / count[g], g))
        count[heaviest] += 1
    result: dict[Group, list[list[int]]] = {}
    for group, parts in costs.items():
        heap: list[tuple[float, int]] = [(0.0, number) for number in range(count[group])]
        jobs: list[list[int]] = [[] for _ in heap]
        for index in sorted(range(len(parts)), key=lambda i: (-parts[i], i)):
            load, number = heapq.heappop(heap)
            jobs[number].append(index)
            heapq.heappush(heap, (load + parts[index], number))
        result[group] = [sorted(job) for job in jobs if job]
    return result


def _cost(batch: list[Row]) -> float:
    """A batch's work: that of its rows."""
    return sum(each.cost for each in batch)


def _indices(sizes: Iterable[int]) -> Iterator[tuple[int, ...]]:
    start = 0
    for size in sizes:
        yield tuple(range(start, start + size))
        start += size
