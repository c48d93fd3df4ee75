import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galley.items import Artifact, ModelSource, Numerics, PlannedRequest
from galley.planning import Limits, Row, plan, planned_requests, row
from tests.jobs import request

DIGESTS = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("red", "green", "blue", "grey")}
MODELS = {digest: ModelSource(name=name, source=f"/models/{name}", digest=digest) for name, digest in DIGESTS.items()}
ARTIFACT = Artifact(
    uri="file:///store/a.png",
    sha256="0" * 64,
    size=1,
    media_type="image/png",
    numerics=Numerics(device="cpu", dtype="float32", threads=1, versions={}),
)


@st.composite
def requests(draw):
    image = draw(st.booleans())
    digest = DIGESTS[draw(st.sampled_from(["red", "green"] if image else ["blue", "grey"]))]
    if image:
        size = draw(st.sampled_from([64, 512]))
        return request(
            "image",
            draw(st.sampled_from(["a", "b", "c"])),
            digest,
            seed=draw(st.integers(0, 3)),
            width=size,
            height=size,
            num_inference_steps=draw(st.sampled_from([10, 30])),
            guidance_scale=draw(st.sampled_from([1.0, 7.5])),
            negative_prompt=draw(st.sampled_from(["", "ugly"])),
        )
    return request(
        "text",
        "word " * draw(st.integers(1, 50)),
        digest,
        seed=draw(st.integers(0, 3)),
        max_new_tokens=draw(st.sampled_from([16, 64])),
        temperature=draw(st.sampled_from([0.0, 1.0])),
    )


@given(st.lists(requests(), max_size=60), st.integers(1, 8))
def test_each_distinct_request_is_in_exactly_one_job_and_one_batch(wanted, slots):
    made = plan(map(row, wanted), MODELS, slots=slots)
    keys = [key for job in made.jobs for key in job.keys]
    assert sorted(keys) == sorted({each.key for each in wanted})
    for job in made.jobs:
        assert sorted(index for batch in job.batches for index in batch) == list(range(len(job.keys)))
        assert all(job.batches)
    assert made.duplicates == len(wanted) - len({each.key for each in wanted})
    assert len({job.name for job in made.jobs}) == len(made.jobs)


@given(st.lists(requests(), max_size=40), st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_order_of_the_items_changes_nothing(wanted, slots, chance):
    shuffled = list(wanted)
    chance.shuffle(shuffled)
    assert plan(map(row, wanted), MODELS, slots=slots) == plan(map(row, shuffled), MODELS, slots=slots)


@given(st.lists(requests(), max_size=40))
def test_the_number_of_slots_moves_batches_between_jobs_and_never_changes_one(wanted):
    def batches(slots):
        return sorted(
            tuple(job.keys[index] for index in batch)
            for job in plan(map(row, wanted), MODELS, slots=slots).jobs
            for batch in job.batches
        )

    assert batches(1) == batches(3) == batches(9)


@given(st.lists(requests(), max_size=60), st.integers(1, 4))
def test_rows_of_a_batch_are_alike_and_within_the_limits(wanted, slots):
    limits = Limits(image_rows=3, image_pixels=512 * 512, text_rows=4, text_size=2000)
    by_key = {each.key: each for each in wanted}
    for job in plan(map(row, wanted), MODELS, slots=slots, limits=limits).jobs:
        assert {by_key[key].model_digest for key in job.keys} == {job.model.digest}
        assert {by_key[key].kind for key in job.keys} == {job.kind}
        for batch in job.batches:
            rows = [row(by_key[job.keys[index]]) for index in batch]
            assert len({each.shape for each in rows}) == 1
            assert len(rows) <= (3 if job.kind == "image" else 4)
            most = 512 * 512 if job.kind == "image" else 2000
            assert len(rows) == 1 or len(rows) * max(each.size for each in rows) <= most
            assert [each.length for each in rows] == sorted((each.length for each in rows), reverse=True)


@settings(deadline=None)
@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=80), st.integers(1, 8))
def test_no_job_has_much_more_work_than_its_share(costs, slots):
    rows = [
        Row(hashlib.sha256(str(n).encode()).hexdigest(), "image", DIGESTS["red"], str(n), 0, 1, cost)
        for n, cost in enumerate(costs)
    ]
    jobs = plan(rows, MODELS, slots=slots, limits=Limits(least_shard=1)).jobs
    assert len(jobs) == min(slots, len(costs))
    # Any list scheduling ends within one batch of the mean (Graham 1966).
    assert max(job.cost for job in jobs) <= sum(costs) / len(jobs) + max(costs) + 1e-6
    assert [job.cost for job in jobs] == sorted((job.cost for job in jobs), reverse=True)


def test_slots_go_to_the_model_with_the_most_work():
    heavy = [request("image", f"p{n}", DIGESTS["red"], width=64, height=64) for n in range(80)]
    light = [request("image", f"p{n}", DIGESTS["green"], width=64, height=64) for n in range(8)]
    jobs = plan(map(row, heavy + light), MODELS, slots=4).jobs
    assert sorted(job.model.name for job in jobs) == ["green", "red", "red", "red"]


def test_more_models_than_slots_still_get_a_job_each():
    wanted = [request("text", "p", digest) for digest in DIGESTS.values()]
    assert len(plan(map(row, wanted), MODELS, slots=1).jobs) == len(DIGESTS)


def test_engines_of_one_model_get_jobs_apart():
    wanted = [request("text", f"p{n}", DIGESTS["red"]) for n in range(6)]
    other = [each.model_copy(update={"engine": "slots"}) for each in wanted[:2]]
    assert {each.key for each in other}.isdisjoint(each.key for each in wanted)
    made = plan(map(row, wanted + other), MODELS, slots=1)
    names = {job.model.engine: (job.name.removeprefix("generate-red-"), len(job.keys)) for job in made.jobs}
    assert names == {"stock": (f"{DIGESTS['red'][:8]}-00", 6), "slots": (f"slots-{DIGESTS['red'][:8]}-00", 2)}
    # What one engine made is nothing to the other.
    known = {(each.key, "exact"): ARTIFACT for each in wanted + other}
    numerics = {(DIGESTS["red"], "slots"): "exact", (DIGESTS["red"], "stock"): "other"}
    made = plan(map(row, wanted + other), MODELS, slots=1, known=known, numerics=numerics)
    assert set(made.reused) == {each.key for each in other}


def test_a_few_batches_are_not_worth_another_model_load():
    wanted = [request("image", f"p{n}", DIGESTS["red"], width=64, height=64) for n in range(16)]
    assert len(plan(map(row, wanted), MODELS, slots=8).jobs) == 1
    assert len(plan(map(row, wanted), MODELS, slots=8, limits=Limits(least_shard=1)).jobs) == 2


def test_what_is_already_made_under_the_same_numerics_is_not_made_again():
    wanted = [request("image", f"p{n}", DIGESTS["red"]) for n in range(4)]
    known = {(wanted[0].key, "here"): ARTIFACT, (wanted[1].key, "elsewhere"): ARTIFACT}
    made = plan(map(row, wanted), MODELS, slots=1, known=known, numerics={(DIGESTS["red"], "stock"): "here"})
    assert dict(made.reused) == {wanted[0].key: ARTIFACT}
    assert {key for job in made.jobs for key in job.keys} == {each.key for each in wanted[1:]}
    assert not plan(map(row, wanted), MODELS, slots=1, known=known).reused


def test_a_plan_without_work_has_no_jobs():
    assert plan([], MODELS, slots=3).jobs == ()


def test_a_job_specification_carries_model_batches_and_resources():
    wanted = [request("text", f"p{n}", DIGESTS["blue"]) for n in range(3)]
    (job,) = plan(map(row, wanted), MODELS, slots=1, memory={DIGESTS["blue"]: 7}).jobs
    spec = job.spec(run="r", prefix="file:///w/j", inputs={"requests": "file:///w/r.jsonl"}, threads=2)
    assert spec.command == "generate"
    assert spec.model == MODELS[DIGESTS["blue"]]
    assert spec.batches == ((0, 1, 2),)
    assert (spec.resources.cpu, spec.resources.memory_bytes, spec.threads) == (2, 7, 2)
    assert job.name.startswith("generate-blue-")


def test_request_lines_come_in_the_order_of_the_job_from_one_pass():
    wanted = [request("text", f"p{n}", DIGESTS["blue"]) for n in range(20)]
    (job,) = plan(map(row, wanted), MODELS, slots=1).jobs
    shuffled = wanted * 2
    random.Random(1).shuffle(shuffled)
    lines = planned_requests(job, iter(shuffled))
    assert [line.key for line in lines] == list(job.keys)
    assert all(isinstance(line, PlannedRequest) and line.request.key == line.key for line in lines)
    with pytest.raises(ValueError, match="1 of its requests are not in the stream"):
        planned_requests(job, [each for each in wanted if each.key != job.keys[0]])


def test_longer_and_larger_work_costs_more():
    def cost(kind, prompt="p", **params):
        return row(request(kind, prompt, DIGESTS["red"], **params)).cost

    assert cost("image", num_inference_steps=30) > cost("image", num_inference_steps=10)
    assert cost("image", width=512) > cost("image", width=256)
    assert cost("image", scheduler="HeunDiscreteScheduler") > cost("image", scheduler="PNDMScheduler") > cost("image")
    assert cost("image", guidance_scale=7.5) > cost("image", guidance_scale=1.0)
    assert cost("text", max_new_tokens=64) > cost("text", max_new_tokens=16)
    assert cost("text", "p" * 1000) > cost("text")
