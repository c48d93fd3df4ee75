import hashlib
import json
from dataclasses import replace

import pytest

from galley.engines.base import ECHO_NUMERICS, EchoEngine, Made, Outcome
from galley.errors import IntegrityError, JobInterrupted, JobSpecError, ObjectNotFound
from galley.exit_codes import AGAIN, code_of
from galley.items import Logprobs, TokenLogprob, Verdict, logprobs_uri
from galley.ledger import PartWriter, read_results
from galley.settings import Settings
from galley.storage import memory_zones
from galley.storage.faulty import Faults, FaultyStore
from galley.worker.attempt import Attempt
from galley.worker.generate import generate
from tests.jobs import put_job, request, source, text_model


@pytest.fixture
def model(tmp_path):
    return source(text_model(tmp_path / "model"), engine="echo")


@pytest.fixture
def zones():
    return memory_zones()


def attempt(job, zones, said=None, **more):
    def say(event, **fields):
        if said is not None:
            said.append((event, fields))

    return Attempt(job, zones, Settings(), say, **more)


def requests(model, prompts):
    return [request("text", prompt, model.digest, seed=index) for index, prompt in enumerate(prompts)]


def results(zones, job):
    store, key = zones.resolve(job.prefix)
    return read_results(store, f"{key}/results", check="sha256", within=job.prefix).lines


def test_every_request_gets_a_result_whose_artifact_is_there(zones, model):
    wanted = requests(model, [f"prompt {n}" for n in range(10)])
    job, _ = put_job(zones, wanted, model)
    stats = generate(attempt(job, zones))
    found = results(zones, job)
    assert set(found) == {each.key for each in wanted}
    for each in wanted:
        artifact = found[each.key].artifact
        data = zones.read(artifact.uri)
        assert each.prompt in data.decode()
        assert artifact.sha256 == hashlib.sha256(data).hexdigest()
        assert artifact.numerics == ECHO_NUMERICS
    assert (stats.made, stats.batches) == (10, 3)


def test_an_engine_reads_the_pictures_that_the_job_names_and_no_others(zones, model, monkeypatch):
    data, sha256 = b"picture", hashlib.sha256(b"picture").hexdigest()
    zones.work.put(f"runs/run-1/inputs/images/{sha256}", data)
    zones.work.put(f"runs/run-1/inputs/images/{'0' * 64}", b"not that")
    read = {}

    def opened(source, files, threads, certificate, images):
        read.update(it=images)
        return EchoEngine()

    monkeypatch.setattr("galley.worker.generate.open_engine", opened)
    inputs = {"images": f"{zones.work.url}/runs/run-1/inputs/images"}
    job, _ = put_job(zones, requests(model, ["a"]), model, inputs=inputs)
    generate(attempt(job, zones))
    assert read["it"](sha256) == data
    with pytest.raises(IntegrityError):
        read["it"]("0" * 64)
    with pytest.raises(ObjectNotFound):
        read["it"]("1" * 64)
    job, _ = put_job(zones, requests(model, ["b"]), model)
    generate(attempt(job, zones))
    with pytest.raises(JobSpecError, match="no input"):
        read["it"](sha256)


def test_batches_are_handed_over_exactly_as_planned(zones, model):
    wanted = requests(model, [f"prompt {n}" for n in range(7)])
    job, _ = put_job(zones, wanted, model, rows=3)
    engine = EchoEngine()
    generate(attempt(job, zones), engine)
    keys = [each.key for each in wanted]
    assert engine.batches == [keys[:3], keys[3:6], keys[6:]]


def test_a_finished_job_loads_no_model_and_changes_nothing(zones, model):
    job, _ = put_job(zones, requests(model, ["a", "b"]), model)
    generate(attempt(job, zones))
    before = [(info.key, info.version) for info in zones.work.list()]
    engine = EchoEngine()
    stats = generate(attempt(job, zones), engine)
    assert stats.finished_before == 2
    assert not engine.batches
    assert [(info.key, info.version) for info in zones.work.list()] == before


class Dies(EchoEngine):
    """Ends the worker in the given batch, after some of its outcomes."""

    def __init__(self, batch, after):
        super().__init__()
        self.batch, self.after = batch, after

    def generate(self, batch):
        for number, outcome in enumerate(super().generate(batch)):
            if len(self.batches) > self.batch and number == self.after:
                raise KeyboardInterrupt
            yield outcome


@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_interrupted_batch_leaves_nothing_and_is_repeated_whole(zones, model, after):
    wanted = requests(model, [f"prompt {n}" for n in range(9)])
    job, _ = put_job(zones, wanted, model, rows=3)
    with pytest.raises(KeyboardInterrupt):
        generate(attempt(job, zones), Dies(1, after))
    assert len(results(zones, job)) == 3
    engine = EchoEngine()
    generate(attempt(job, zones), engine)
    keys = [each.key for each in wanted]
    assert engine.batches == [keys[3:6], keys[6:]]
    assert set(results(zones, job)) == set(keys)


def test_a_result_whose_artifact_is_gone_is_made_again_with_its_whole_batch(zones, model):
    wanted = requests(model, ["a", "b", "c", "d"])
    job, _ = put_job(zones, wanted, model, rows=2)
    generate(attempt(job, zones))
    lost = results(zones, job)[wanted[2].key].artifact
    zones.work.delete(lost.uri[len(zones.work.url) + 1 :])
    engine = EchoEngine()
    generate(attempt(job, zones), engine)
    assert engine.batches == [[wanted[2].key, wanted[3].key]]
    assert results(zones, job)[wanted[2].key].artifact.sha256 == lost.sha256


def test_a_failed_request_is_a_result_and_its_neighbours_go_on(zones, model):
    wanted = requests(model, ["good", "FAIL", "fine"])
    job, _ = put_job(zones, wanted, model)
    stats = generate(attempt(job, zones))
    found = results(zones, job)
    assert [found[each.key].status for each in wanted] == ["ok", "failed", "ok"]
    assert found[wanted[1].key].failure.kind == "refused_by_echo"
    assert (stats.made, stats.failed) == (2, 1)


def verdict(each, decision, policy="default"):
    return Verdict(
        subject_sha256=hashlib.sha256(each.screened_text.encode()).hexdigest(),
        subject_kind="prompt",
        policy=policy,
        policy_digest=hashlib.sha256(policy.encode()).hexdigest(),
        checkers_digest="0" * 64,
        decision=decision,
    )


PROMPT_VERDICTS = "runs/run-1/jobs/screen-prompts/verdicts"


def test_blocked_prompts_are_left_out_and_held_ones_are_made(zones, model):
    wanted = requests(model, ["blocked", "held", "split"])
    PartWriter(zones.work, PROMPT_VERDICTS, "0001-a").write(
        [verdict(wanted[0], "block"), verdict(wanted[1], "hold"), verdict(wanted[2], "block")]
    )
    PartWriter(zones.work, PROMPT_VERDICTS, "0002-b").write([verdict(wanted[2], "allow", policy="lenient")])
    job, _ = put_job(zones, wanted, model, inputs={"prompt_verdicts": f"{zones.work.url}/{PROMPT_VERDICTS}"})
    engine = EchoEngine()
    stats = generate(attempt(job, zones), engine)
    assert stats.blocked == 1
    assert engine.batches == [[each.key for each in wanted[1:]]]
    assert wanted[0].key not in results(zones, job)


def test_verdicts_of_a_policy_as_it_was_before_say_nothing(zones, model):
    wanted = requests(model, ["allowed once"])
    now = verdict(wanted[0], "block", policy="strict")
    PartWriter(zones.work, PROMPT_VERDICTS, "0001-a").write([verdict(wanted[0], "allow", policy="lenient")])
    job, _ = put_job(zones, wanted, model, inputs={"prompt_verdicts": f"{zones.work.url}/{PROMPT_VERDICTS}"})
    job = job.model_copy(update={"settings": {"policies": [now.policy_digest]}})
    with pytest.raises(JobInterrupted, match="have no verdict"):
        generate(attempt(job, zones), EchoEngine())
    PartWriter(zones.work, PROMPT_VERDICTS, "0002-b").write([now])
    assert generate(attempt(job, zones), EchoEngine()).blocked == 1
    assert results(zones, job) == {}


def test_nothing_is_made_before_every_prompt_has_a_verdict(zones, model):
    wanted = requests(model, ["allowed", "not screened yet"])
    PartWriter(zones.work, PROMPT_VERDICTS, "0001-a").write([verdict(wanted[0], "allow")])
    job, _ = put_job(zones, wanted, model, inputs={"prompt_verdicts": f"{zones.work.url}/{PROMPT_VERDICTS}"})
    with pytest.raises(JobInterrupted, match="the prompts of 1 of 2 requests have no verdict"):
        generate(attempt(job, zones), EchoEngine())
    assert results(zones, job) == {}
    PartWriter(zones.work, PROMPT_VERDICTS, "0001-a").write([verdict(wanted[1], "block")])
    assert generate(attempt(job, zones), EchoEngine()).made == 1


class Streams(EchoEngine):
    """Batches by itself: takes everything and gives outcomes back in an order of its own."""

    planned_batches = False

    def generate(self, batch):
        return iter(sorted(super().generate(batch), key=lambda outcome: outcome.key))


def test_an_engine_that_batches_by_itself_gets_all_that_is_pending_and_is_committed_as_it_goes(zones, model):
    wanted = requests(model, [f"prompt {n}" for n in range(70)])
    job, _ = put_job(zones, wanted, model)
    engine = Streams()
    generate(attempt(job, zones), engine)
    assert [len(batch) for batch in engine.batches] == [70]
    assert len(results(zones, job)) == 70
    assert len([info for info in zones.work.list() if "/results/" in info.key]) == 3


def test_why_an_engine_fell_back_is_told_in_its_figures_and_in_the_log(zones, model):
    engine, said = EchoEngine(), []
    engine.fallback = "it is a FluxPipeline"
    job, _ = put_job(zones, requests(model, ["one"]), model)
    assert generate(attempt(job, zones, said), engine).fallback == "it is a FluxPipeline"
    assert ("stock forwards are used", {"why": "it is a FluxPipeline"}) in said


class Tells(EchoEngine):
    """Tells of every text that it was certain."""

    def generate(self, batch):
        for outcome in super().generate(batch):
            told = (TokenLogprob(token="all of it", bytes=None, logprob=0.0),)
            yield replace(outcome, made=replace(outcome.made, logprobs=told, prompt_tokens=7))


def test_logprobs_lie_beside_the_artifact_they_are_of(zones, model):
    (wanted,) = requests(model, ["a"])
    job, _ = put_job(zones, [wanted], model)
    generate(attempt(job, zones), Tells())
    result = results(zones, job)[wanted.key]
    assert result.prompt_tokens == 7
    uri = logprobs_uri(result.artifact, wanted.key)
    assert uri.startswith(f"{job.prefix}/logprobs/")
    assert Logprobs.model_validate_json(zones.read(uri)).content[0].token == "all of it"


def test_other_numerics_than_planned_are_refused(zones, model):
    planned = ECHO_NUMERICS.model_dump(mode="json") | {"threads": 64}
    job, _ = put_job(zones, requests(model, ["a"]), model, settings={"numerics": planned})
    with pytest.raises(JobSpecError, match=r"other numerics; here threads would be \[1\]"):
        generate(attempt(job, zones))
    job, _ = put_job(zones, requests(model, ["a"]), model, settings={"numerics": ECHO_NUMERICS.model_dump(mode="json")})
    assert generate(attempt(job, zones)).made == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batches": ((0,),)}, "batches must name each of the 2 requests once"),
        ({"batches": ((0, 1), (1,))}, "batches must name each"),
        ({"batches": ((0, 1, 2),)}, "batches must name each"),
        ({"inputs": {}}, "inputs: has no requests"),
        ({"inputs": {"requests": "memory://work/no/such"}}, "is not there"),
        ({"inputs": {"requests": "memory://elsewhere/x"}}, "not the URI of an object"),
        ({"model": None}, "model: missing"),
    ],
)
def test_a_job_that_contradicts_itself_is_refused(zones, model, change, message):
    job, _ = put_job(zones, requests(model, ["a", "b"]), model)
    with pytest.raises(JobSpecError, match=message):
        generate(attempt(job.model_copy(update=change), zones))


def test_a_request_under_a_wrong_key_is_refused(zones, model):
    job, _ = put_job(zones, requests(model, ["a"]), model)
    store, key = zones.resolve(job.inputs["requests"])
    line = json.loads(store.get(key))
    store.put(key, json.dumps(line | {"key": "0" * 64}).encode())
    with pytest.raises(JobSpecError, match="has the key"):
        generate(attempt(job, zones))


def test_requests_for_another_model_are_refused(zones, model):
    other = request("text", "a", "1" * 64)
    job, _ = put_job(zones, [other], model)
    with pytest.raises(JobSpecError, match="for another model"):
        generate(attempt(job, zones))


class Short(EchoEngine):
    def generate(self, batch):
        yield Outcome(batch[0].key, Made(b"x", 1), None, 0.0, 1)


def test_an_engine_that_forgets_a_request_is_a_bug_not_a_success(zones, model):
    job, _ = put_job(zones, requests(model, ["a", "b"]), model)
    with pytest.raises(RuntimeError, match="left 1 of a batch of 2"):
        generate(attempt(job, zones), Short())


def test_a_signal_is_noticed_between_batches(zones, model):
    job, _ = put_job(zones, requests(model, ["a", "b"]), model, rows=1)

    class Ends(Exception):
        pass

    calls = []

    def check():
        calls.append(1)
        if len(calls) == 3:
            raise Ends

    with pytest.raises(Ends):
        generate(attempt(job, zones, check=check))
    assert len(results(zones, job)) == 1


@pytest.mark.parametrize("seed", range(30))
def test_a_store_that_fails_in_any_way_loses_and_doubles_nothing(zones, model, seed):
    wanted = requests(model, [f"prompt {n}" for n in range(6)])
    job, _ = put_job(zones, wanted, model, rows=2)
    undisturbed = memory_zones()
    clean, _ = put_job(undisturbed, wanted, model, rows=2)
    generate(attempt(clean, undisturbed))
    faults = Faults(seed=seed, rate=0.4, max_faults=12)
    faulty = zones.wrapped(lambda store: FaultyStore(store, faults))
    for _ in range(40):
        try:
            generate(attempt(job, faulty))
        except Exception as error:
            assert code_of(error) == AGAIN, error
        else:
            break
    faults.heal()
    generate(attempt(job, zones))
    digests = {key: result.artifact.sha256 for key, result in results(zones, job).items()}
    assert digests == {key: result.artifact.sha256 for key, result in results(undisturbed, clean).items()}
