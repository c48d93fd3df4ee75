from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from galley.compliance.checkers import CheckerModel, ScoredModel, checker_models
from galley.compliance.checks import Subject
from galley.compliance.inputs import prompt_sha256
from galley.compliance.policy import Window
from galley.compliance.screen import screen, screen_prompts
from galley.errors import JobInterrupted, JobSpecError, ModelNotFound, StoreUnavailable
from galley.items import Verdict
from galley.ledger import read_verdicts
from galley.publishing.publish import publish_run
from galley.storage.faulty import Faults, FaultyStore
from tests.publishing.samples import RUN, World, item, png, policy
from tests.publishing.test_publish import outcome

POLICY = policy(
    toxicity={"type": "toxicity", "model": "tox", "default": {"hold": 0.5, "block": 0.9}, "classes": {}},
    pictures={"type": "image_safety", "model": "safe", "default": {"hold": 0.4, "block": 0.8}},
    personal_data={"type": "patterns", "classes": {"email": "hold", "card": "block"}},
)
MODELS = {"tox": {"directory": "/models/tox"}, "safe": {"directory": "/models/safe"}}
Answers = list[tuple[Mapping[str, float], Mapping[str, Any]]]


def rude(subjects: Sequence[Subject]) -> Answers:
    """A toxicity model that knows one word; a picture model that likes all pictures."""
    return [({"toxicity": 0.95 if "rude" in subject.text else 0.01}, {}) for subject in subjects]


def loaders(score: Callable[[Sequence[Subject]], Answers] = rude, digest: str = "1") -> dict[str, Any]:
    loaded = lambda directory, sha256: ScoredModel(digest, lambda subjects, window: score(subjects))  # noqa: E731
    return {"toxicity": loaded, "image_safety": loaded}


def world(*prompts: str) -> World:
    rows = range(len(prompts) or 4)
    items = [item(row, "image" if row % 2 else "text", prompt=prompts[row] if prompts else None) for row in rows]
    return World(items, [png(row) if row % 2 else f"text {row}".encode() for row in rows], policies=[POLICY])


def verdicts(made: World, job: str = "screen") -> dict[str, Verdict]:
    found = read_verdicts(made.work, f"runs/{RUN}/jobs/{job}/verdicts")
    assert not found.bad
    return {key.subject_sha256: verdict for key, verdict in found.lines.items()}


def decisions(made: World, **changes: Any) -> list[str]:
    screen(made.job("screen", checkers=MODELS), made.work, token="a", **{"loaders": loaders(), **changes})
    found = verdicts(made)
    return [found[artifact.sha256].decision for artifact in made.artifacts if artifact]


def test_every_prompt_and_policy_has_one_verdict() -> None:
    made = world("a nice lamp", "a rude lamp", "a nice lamp", "mail ada@example.com")
    stats = screen_prompts(made.job("screen_prompts", checkers=MODELS), made.work, token="a", loaders=loaders())
    assert (stats.subjects, stats.decisions) == (3, {"allow": 1, "hold": 1, "block": 1})
    found = verdicts(made, "screen-prompts")
    assert [found[prompt_sha256(one.request)].decision for one in made.items] == ["allow", "block", "allow", "hold"]
    assert {verdict.subject_kind for verdict in found.values()} == {"prompt"}


def test_artifacts_are_screened_by_what_reads_their_kind() -> None:
    made = world()
    assert decisions(made) == ["allow"] * 4
    kinds = [set(verdicts(made)[artifact.sha256].scores) for artifact in made.artifacts if artifact]
    assert kinds[0] == {"toxicity.toxicity", "personal_data.email", "personal_data.card"}
    assert kinds[1] == {"pictures.toxicity"}


def test_a_finished_subject_is_not_screened_again_and_other_checkers_screen_again() -> None:
    made = world()
    job = made.job("screen", checkers=MODELS)
    first = screen(job, made.work, token="a", loaders=loaders())
    again = screen(job, made.work, token="b", loaders=loaders())
    other = screen(job, made.work, token="c", loaders=loaders(digest="2"))
    assert [stats.finished_before for stats in (first, again, other)] == [0, 4, 0]
    parts = {info.key.split("/")[-2] for info in made.work.list(f"runs/{RUN}/jobs/screen/verdicts/")}
    assert parts == {"0001-a", "0002-c"}


def test_an_interrupted_job_keeps_what_it_committed() -> None:
    made = world()

    def stop(done: int, total: int) -> None:
        raise JobInterrupted("terminated")

    job = made.job("screen", checkers=MODELS)
    with pytest.raises(JobInterrupted):
        screen(job, made.work, token="a", loaders=loaders(), heartbeat=stop)
    assert screen(job, made.work, token="b", loaders=loaders()).finished_before > 0
    assert len(verdicts(made)) == 4


def test_policies_that_cut_texts_differently_share_one_loaded_model() -> None:
    check = {"type": "toxicity", "model": "tox", "default": {"hold": 0.5}}
    small = policy("small", tone={**check, "window": {"tokens": 64, "overlap": 8}})
    whole = policy("whole", tone=check)
    made = World(
        [item(0, prompt="a nice lamp", policy="small"), item(1, prompt="a rude lamp", policy="whole")],
        [b"text 0", b"text 1"],
        policies=[small, whole],
    )
    loads: list[Path] = []
    asked: list[tuple[str, Window | None]] = []

    def load(directory: Path, sha256: str | None) -> ScoredModel:
        loads.append(directory)

        def score(subjects: Sequence[Subject], window: Window | None) -> Answers:
            asked.extend((subject.text, window) for subject in subjects)
            return rude(subjects)

        return ScoredModel("1", score)

    job = made.job("screen_prompts", checkers=MODELS)
    screen_prompts(job, made.work, token="a", loaders={"toxicity": load, "image_safety": load})
    assert len(loads) == 1
    assert asked == [("a nice lamp", Window(tokens=64, overlap=8)), ("a rude lamp", None)]


def test_a_poisonous_subject_holds_itself_and_not_its_neighbours() -> None:
    made = world()

    def fragile(subjects: Sequence[Subject]) -> Answers:
        if any("text 2" in subject.text for subject in subjects):
            raise RuntimeError("index out of range")
        return rude(subjects)

    assert decisions(made, loaders=loaders(fragile)) == ["allow", "allow", "hold", "allow"]


def _missing(directory: Path, sha256: str | None) -> ScoredModel:
    raise ModelNotFound(f'"{directory}": no such model directory')


def _broken(directory: Path, sha256: str | None) -> ScoredModel:
    raise OSError("disk on fire")


def _raising(error: BaseException) -> Callable[[Sequence[Subject]], Answers]:
    def score(subjects: Sequence[Subject]) -> Answers:
        raise error

    return score


def _scoring(value: Any) -> Callable[[Sequence[Subject]], Answers]:
    return lambda subjects: [({"toxicity": value}, {}) for _ in subjects]


FAULTS: dict[str, dict[str, Any]] = {
    "model missing": {"toxicity": _missing, "image_safety": _missing},
    "model unreadable": {"toxicity": _broken, "image_safety": _broken},
    "raises": loaders(_raising(RuntimeError("cuda error"))),
    "runs out of memory": loaders(_raising(MemoryError())),
    "times out": loaders(_raising(TimeoutError("60 s"))),
    "nan": loaders(_scoring(math.nan)),
    "inf": loaders(_scoring(math.inf)),
    "negative": loaders(_scoring(-0.5)),
    "above one": loaders(_scoring(17.0)),
    "text for a number": loaders(_scoring("0.0")),
    "no number": loaders(_scoring(None)),
    "no classes": loaders(lambda subjects: [({}, {}) for _ in subjects]),
    "no answer": loaders(lambda subjects: []),
    "one answer too few": loaders(lambda subjects: rude(subjects)[1:]),
    "one answer too many": loaders(lambda subjects: [*rude(subjects), ({"toxicity": 0.0}, {})]),
    "wrong shape": loaders(lambda subjects: [(0.1, {}) for _ in subjects]),  # type: ignore[misc]
    "wrong type": loaders(lambda subjects: None),  # type: ignore[arg-type, return-value]
}


@pytest.mark.parametrize("fault", FAULTS)
def test_whatever_a_checker_does_nothing_passes_and_the_job_goes_on(fault: str) -> None:
    made = world()
    assert decisions(made, loaders=FAULTS[fault]) == ["hold"] * 4
    for verdict in verdicts(made).values():
        assert not verdict.complete
        assert any(reason.detail.startswith("not checked: ") for reason in verdict.reasons)


@pytest.mark.parametrize("fault", FAULTS)
def test_once_the_checker_is_mended_the_same_job_gives_the_verdict_that_counts(fault: str) -> None:
    made = world()
    decisions(made, loaders=FAULTS[fault])
    job = made.job("publish")
    job = job.model_copy(
        update={
            "inputs": {
                **{role: uri for role, uri in job.inputs.items() if role != "verdicts"},
                "verdicts-prompts": f"{made.work.url}/runs/{RUN}/jobs/screen-prompts/verdicts",
                "verdicts-artifacts": f"{made.work.url}/runs/{RUN}/jobs/screen/verdicts",
            }
        }
    )
    screen_prompts(made.job("screen_prompts", checkers=MODELS), made.work, token="a", loaders=loaders())
    publish_run(job, made.zones)
    assert {line.state for line in outcome(made.zones).values()} == {"held"}
    assert screen(made.job("screen", checkers=MODELS), made.work, token="b", loaders=loaders()).finished_before == 0
    publish_run(job, made.zones)
    assert {line.state for line in outcome(made.zones).values()} == {"published"}


def test_a_model_that_the_plan_could_not_find_holds() -> None:
    made = world()
    screen(made.job("screen"), made.work, token="a", loaders=loaders())
    assert {verdict.decision for verdict in verdicts(made).values()} == {"hold"}


@pytest.mark.parametrize(
    ("row", "data", "why"),
    [
        (0, b"text 9", "sha256"),
        (0, b"text 0 and more", "bytes"),
        (0, b"", "bytes"),
        (0, None, "not there"),
        (1, png(9), "sha256|bytes"),
        (1, png(1)[:-20], "bytes"),
    ],
)
def test_an_artifact_that_is_not_what_its_result_says_is_held(row: int, data: bytes | None, why: str) -> None:
    made = world()
    artifact = made.artifacts[row]
    assert artifact is not None
    key = artifact.uri.removeprefix(made.work.url + "/")
    if data is None:
        made.work.delete(key)
    else:
        made.work.put(key, data)
    assert decisions(made) == ["hold" if index == row else "allow" for index in range(4)]
    (reason,) = verdicts(made)[artifact.sha256].reasons
    assert any(word in reason.detail for word in why.split("|"))


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("text", b"\xff\xfe", "not UTF-8"),
        ("text", b"a\0b", "NUL"),
        ("image", b"GIF89a" + bytes(100), "not a PNG"),
        ("image", png(1)[:90], "cannot be decoded"),
        ("image", png(1, width=32), "32x16 pixels, 16x16 were asked for"),
        ("image", b"<svg onload=alert(1)>" + bytes(40), "not a PNG"),
    ],
)
def test_an_artifact_that_nobody_can_read_is_held(kind: str, data: bytes, why: str) -> None:
    made = World([item(0, kind)], [data], policies=[POLICY])
    assert decisions(made) == ["hold"]
    assert why in next(iter(verdicts(made).values())).reasons[0].detail


def test_an_artifact_outside_the_work_zone_is_held() -> None:
    made = world()
    foreign = made.artifacts[0]
    assert foreign is not None
    made.zones.inbox.put("secret.txt", b"text 0")
    made.artifacts[0] = foreign.model_copy(update={"uri": f"{made.zones.inbox.url}/secret.txt"})
    for info in list(made.work.list(f"runs/{RUN}/jobs/generate-1/results/")):
        made.work.delete(info.key)
    made.write()
    assert decisions(made) == ["hold", "allow", "allow", "allow"]


@pytest.mark.parametrize("role", ["items", "policies"])
def test_a_job_with_a_missing_input_is_wrong_and_not_retried(role: str) -> None:
    made = world()
    job = made.job("screen", checkers=MODELS)
    for inputs in (
        {name: uri for name, uri in job.inputs.items() if name != role},
        {**job.inputs, role: f"{made.work.url}/runs/{RUN}/nothing"},
        {**job.inputs, role: "file:///etc/passwd"},
    ):
        with pytest.raises(JobSpecError):
            screen(job.model_copy(update={"inputs": inputs}), made.work, token="a", loaders=loaders())


def test_an_item_under_a_policy_that_the_job_lacks_is_an_error_of_the_job() -> None:
    made = World([item(0, policy="strict")], [b"text"], policies=[POLICY])
    with pytest.raises(JobSpecError, match="strict"):
        screen(made.job("screen", checkers=MODELS), made.work, token="a", loaders=loaders())


def test_a_store_that_is_away_stops_the_job_and_holds_nothing() -> None:
    made = world()
    away = FaultyStore(made.zones.zone("work"), Faults(seed=1, rate=1.0))
    with pytest.raises(StoreUnavailable):
        screen(made.job("screen", checkers=MODELS), away, token="a", loaders=loaders())
    assert verdicts(made) == {}


def test_models_of_policies_are_located_and_those_that_are_missing_stay_unpinned(tmp_path: Path) -> None:
    policies = types.MappingProxyType({"plain": POLICY})
    found = checker_models(World([], [], policies=list(policies.values())).policies, lambda name: tmp_path / name)
    assert found == {name: CheckerModel(directory=str(tmp_path / name)) for name in ("tox", "safe")}
