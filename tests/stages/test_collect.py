from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from galley.errors import InputError
from galley.items import Item, Reject
from galley.stages.collect import Trigger
from galley.stages.inbox import Inbox, claimed_by
from galley.stages.pictures import Pictures
from galley.stages.run import RunRecord
from galley.stages.sources import fingerprint
from galley.storage import memory_zones
from tests.jobs import image_model
from tests.pipeline import BRIEF, DAY, NOW, Pipeline, installation


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(installation(tmp_path / "root"), memory_zones())


def by_hand(pipeline: Pipeline, run_id: str = "manual__1", keys: tuple[str, ...] = (), **params: Any) -> Pipeline:
    trigger = Trigger("on_demand_content", run_id, DAY, params=params, conf_keys=keys or tuple(params))
    return replace(pipeline, trigger=trigger)


def collected(pipeline: Pipeline) -> tuple[RunRecord, list[Item], list[Reject]]:
    record = pipeline.collect()
    assert isinstance(record, RunRecord)
    items, rejects = list(pipeline.files.items()), list(pipeline.files.rejects())
    assert (record.items, record.rejects) == (len(items), len(rejects))
    return record, items, rejects


def test_the_daily_run_takes_the_briefs_that_are_due_and_rejects_a_broken_one_alone(pipeline: Pipeline) -> None:
    briefs = pipeline.settings.briefs_dir
    (briefs / "manual.yaml").write_text(BRIEF.replace("name: echoes", "name: manual\ncadence: manual"))
    (briefs / "broken.yaml").write_text("name: broken\nkind: text\n")
    (briefs / "policy.yaml").write_text(BRIEF.replace("name: echoes", "name: no-policy\npolicy: strange"))
    (briefs / "model.yaml").write_text(BRIEF.replace("name: echoes", "name: no-model\nmodel: strange"))
    record, items, rejects = collected(pipeline)
    assert {item.brief for item in items} == {"echoes"}
    assert [reject.source for reject in rejects] == ["briefs/broken.yaml", "briefs/model.yaml", "briefs/policy.yaml"]
    assert record.arms == {"echoes": {"short": 0.5, "long": 0.5}}
    assert record.sources[0].name == "briefs/echoes.yaml"


def test_a_warning_counts_rows_and_not_their_items(pipeline: Pipeline, tmp_path: Path) -> None:
    body = {"messages": [{"role": "user", "content": "hi"}], "n": 3, "user": "bob"}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"custom_id": name, **line}) + "\n" for name in "ab"))
    record, items, _ = collected(by_hand(pipeline, source=path.as_uri()))
    assert (len(items), record.warnings) == (6, {"body.user is ignored: not sent anywhere": 2})


PNG = b"\x89PNG\r\n\x1a\n"
BEGUN = "name: begun\nkind: image\nprompt: a jar\ninit_image: jars/{{ jar }}.png\nvariables: {jar: [one, two]}\n"


def image_brief(pipeline: Pipeline) -> None:
    models = pipeline.settings.models_file
    image_model(models.parent / "painter")
    models.write_text(models.read_text() + "  painter: {kind: image, source: ./painter, engine: echo, licence: ours}\n")
    (pipeline.settings.briefs_dir / "begun.yaml").write_text(BEGUN + "model: painter\n")


def test_a_picture_is_copied_into_the_run_under_its_digest(pipeline: Pipeline) -> None:
    image_brief(pipeline)
    pipeline.zones.inbox.put("images/jars/one.png", PNG + b"1")
    record, items, rejects = collected(replace(pipeline))
    sha256 = hashlib.sha256(PNG + b"1").hexdigest()
    assert [item.request.init_image for item in items if item.brief == "begun"] == [sha256]
    assert pipeline.zones.work.get(pipeline.files.key(f"inputs/images/{sha256}")) == PNG + b"1"
    assert [(source.name, source.sha256) for source in record.sources if source.kind == "image"] == [
        ("images/jars/one.png", sha256)
    ]
    (refused,) = rejects
    assert (refused.field, refused.value) == ("init_image", "jars/two.png")
    assert f"{pipeline.zones.inbox.url}/images/jars/two.png" in refused.rule


def test_a_daily_run_takes_a_picture_as_it_is_now_and_one_by_hand_as_it_was(pipeline: Pipeline, tmp_path: Path) -> None:
    image_brief(pipeline)
    path = tmp_path / "rows.jsonl"
    line = {"custom_id": "a", "kind": "image", "prompt": "p", "model": "painter", "init_image": "jars/one.png"}
    path.write_text(json.dumps(line) + "\n")
    runs = [pipeline, by_hand(pipeline, source=path.as_uri())]
    seen = []
    for data in (PNG + b"1", PNG + b"2", None):
        if data is None:
            pipeline.zones.inbox.delete("images/jars/one.png")
        else:
            pipeline.zones.inbox.put("images/jars/one.png", data)
        items = [collected(replace(run))[1] for run in runs]
        seen.append([[item.request.init_image for item in of if item.request.init_image] for of in items])
    one, two = (hashlib.sha256(PNG + data).hexdigest() for data in (b"1", b"2"))
    assert seen == [[[one], [one]], [[two], [one]], [[], [one]]]


def test_a_lost_copy_is_made_again_of_the_same_picture_and_of_no_other(pipeline: Pipeline, tmp_path: Path) -> None:
    image_brief(pipeline)
    path = tmp_path / "rows.jsonl"
    line = {"custom_id": "a", "kind": "image", "prompt": "p", "model": "painter", "init_image": "jars/one.png"}
    path.write_text(json.dumps(line) + "\n")
    run = by_hand(pipeline, source=path.as_uri())
    pipeline.zones.inbox.put("images/jars/one.png", PNG)
    _, (first,), _ = collected(replace(run))
    copy = run.files.key(f"inputs/images/{first.request.init_image}")
    path.unlink()  # the request file's own copy is whole, and does not go with the picture's
    pipeline.zones.work.put(copy, b"damaged")
    assert collected(replace(run))[1] == [first]
    assert pipeline.zones.work.get(copy) == PNG
    pipeline.zones.work.delete(copy)
    pipeline.zones.inbox.put("images/jars/one.png", PNG + b"other")
    _, items, (refused,) = collected(replace(run))
    assert items == [] and first.request.init_image[:12] in refused.rule


def test_what_was_refused_is_not_read_again_and_a_run_names_only_so_many(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("galley.stages.pictures.MOST", 2)
    found = Pictures(pipeline.files, pipeline.zones)
    for _ in range(2):
        with pytest.raises(InputError, match="not in the inbox"):
            found("late.png")
        pipeline.zones.inbox.put("images/late.png", PNG)  # too late for this execution: all its rows fare alike
    assert found.sources == ()
    pipeline.zones.inbox.put("images/one.png", PNG)
    assert found("one.png") == found("one.png") == hashlib.sha256(PNG).hexdigest()
    with pytest.raises(InputError, match="more than the 2"):
        found("another.png")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("../rows.jsonl", "no name of a picture"),
        ("/etc/passwd.png", "no name of a picture"),
        ("a/../../b.png", "no name of a picture"),
        ("a//b.png", "no name of a picture"),
        (".hidden.png", "no name of a picture"),
        ("http://127.0.0.1/a.png", "no name of a picture"),
        ("rows.jsonl", "no name of a picture"),
        ("text.png", "neither PNG"),
        ("large.png", "more than 32 MiB"),
    ],
)
def test_a_name_reaches_nothing_but_pictures(pipeline: Pipeline, name: str, rule: str) -> None:
    pipeline.zones.inbox.put("images/text.png", b"GIF89a")
    pipeline.zones.inbox.put("images/large.png", PNG + bytes(32 * 2**20))
    with pytest.raises(InputError, match=rule) as caught:
        Pictures(pipeline.files, pipeline.zones)(name)
    assert caught.value.field == "init_image"
    assert not list(pipeline.zones.work.list())


def test_collecting_again_writes_the_same_bytes(pipeline: Pipeline) -> None:
    pipeline.collect()
    before = {info.key: pipeline.zones.work.get(info.key) for info in pipeline.zones.work.list()}
    again = replace(pipeline)
    again.collect()
    assert before == {info.key: pipeline.zones.work.get(info.key) for info in pipeline.zones.work.list()}


def test_another_date_makes_other_requests_and_the_same_date_the_same(pipeline: Pipeline) -> None:
    keys = []
    for day in (DAY, DAY + timedelta(days=1), DAY):
        trigger = Trigger("daily_content", f"scheduled__{day}__{len(keys)}", day)
        keys.append({item.request.key for item in collected(replace(pipeline, trigger=trigger))[1]})
    assert keys[0] == keys[2] and not keys[0] & keys[1]


@pytest.mark.parametrize("form", [True, False])
def test_unknown_keys_of_a_conf_are_refused_by_name(pipeline: Pipeline, form: bool) -> None:
    trigger = Trigger("dag", "run", DAY, params={"text": "hello"} if form else None, conf_keys=("text", "promt"))
    with pytest.raises(InputError, match="promt"):
        replace(pipeline, trigger=trigger).collect()


@pytest.mark.parametrize("params", [{}, {"text": "", "brief": ""}, {"text": "a", "brief": "echoes"}])
def test_a_form_asks_for_exactly_one_thing(pipeline: Pipeline, params: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="exactly one"):
        by_hand(pipeline, **params).collect()


def test_a_prompt_makes_count_items_with_seeds_of_their_own(pipeline: Pipeline) -> None:
    record, items, rejects = collected(by_hand(pipeline, text="a red circle", kind="text", count=3))
    assert not rejects and len({item.request.seed for item in items}) == 3
    assert {item.request.prompt for item in items} == {"a red circle"}
    assert record.seed is not None


def test_a_seed_left_empty_comes_from_the_run_and_can_be_given_back_on_any_day(pipeline: Pipeline) -> None:
    def seeds(run_id: str, **params: Any) -> tuple[int | None, list[int]]:
        record, items, _ = collected(by_hand(pipeline, run_id, text="a", kind="text", count=2, **params))
        return record.seed, [item.request.seed for item in items]

    first, made = seeds("manual__1")
    assert seeds("manual__1") == (first, made)
    assert seeds("manual__2")[1] != made
    assert seeds("manual__3", seed=first) == (first, made)
    trigger = Trigger(
        "on_demand_content", "m4", date(2027, 1, 1), {"text": "a", "kind": "text", "count": 2, "seed": first}
    )
    assert [item.request.seed for item in collected(replace(pipeline, trigger=trigger))[1]] == made


def test_a_whole_brief_may_be_given_as_text(pipeline: Pipeline) -> None:
    _, items, rejects = collected(by_hand(pipeline, text=BRIEF, kind="image"))
    assert not rejects and {item.brief for item in items} == {"echoes"}


def test_a_named_brief_takes_what_the_form_says_otherwise(pipeline: Pipeline) -> None:
    variants = [{"name": "only", "params": {"max_new_tokens": 5}}]
    _, items, rejects = collected(by_hand(pipeline, brief="echoes", count=3, variants=variants))
    assert not rejects and {item.variant for item in items} == {"only"} and len(items) == 3
    assert {item.request.params.max_new_tokens for item in items} == {5}  # type: ignore[union-attr]


def test_other_variants_are_an_experiment_of_their_own(pipeline: Pipeline) -> None:
    record, *_ = collected(by_hand(pipeline, brief="echoes", variants=[{"name": "only"}]))
    again, *_ = collected(by_hand(pipeline, "manual__2", brief="echoes", variants=[{"name": "other"}]))
    (name,), (other,) = record.arms, again.arms
    assert name.startswith("echoes-") and other.startswith("echoes-") and name != other


def test_a_seed_of_a_form_is_one_that_a_browser_keeps(pipeline: Pipeline) -> None:
    for number in range(20):
        record, *_ = collected(by_hand(pipeline, f"manual__{number}", text="a", kind="text"))
        assert record.seed is not None and record.seed < 2**53


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name: spring\nprompt: a: b\n", ""),
        ("name: spring\nname: summer\nprompt: a\n", "name"),
        ("kind: text\npromt: a circle\n", "promt"),
        ("A list:\nvariants: [\n", ""),
    ],
)
def test_lines_that_are_meant_as_a_brief_are_no_prompt(pipeline: Pipeline, text: str, field: str) -> None:
    _, items, rejects = collected(by_hand(pipeline, text=text, kind="text"))
    assert not items and len(rejects) == 1 and field in rejects[0].field


@pytest.mark.parametrize("text", ["Product: Lamp | Copy:", "User: hello\nAssistant:", "name: the star", "a\nb"])
def test_other_lines_are_a_prompt(pipeline: Pipeline, text: str) -> None:
    _, items, _ = collected(by_hand(pipeline, text=text, kind="text"))
    assert [item.request.prompt for item in items] == [text]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"text": "a", "kind": "text", "count": 0}, "count"),
        ({"text": "a", "kind": "text", "variants": [{"nme": "a"}]}, "variants"),
        ({"brief": "echoes", "variants": [{"name": "a"}, {"name": "a"}]}, "variants"),
        ({"brief": "strange"}, "brief"),
        ({"text": "{{ nobody }}", "kind": "text"}, "prompt"),
    ],
)
def test_a_wrong_form_is_a_reject_that_names_the_field(pipeline: Pipeline, params: dict[str, Any], field: str) -> None:
    _, items, rejects = collected(by_hand(pipeline, **params))
    assert not items and len(rejects) == 1 and field in rejects[0].field


def test_a_request_file_is_copied_and_its_rows_collected(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    rows = [
        {"custom_id": "a", "kind": "text", "prompt": "hello", "metadata": {"x": 1}},
        {"custom_id": "b", "kind": "text", "prompt": "hello", "brief": "echoes"},
        {"custom_id": "a", "kind": "text", "prompt": "again"},
        {"custom_id": "c", "kind": "text"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    record, items, rejects = collected(by_hand(pipeline, source=path.as_uri(), fingerprint=fingerprint(path)))
    assert [(item.custom_id, item.brief) for item in items] == [("a", "requests"), ("b", "echoes")]
    assert [(reject.line, reject.field) for reject in rejects] == [(3, "custom_id"), (4, "prompt")]
    assert record.arms["requests"] == {"default": 1.0} and set(record.arms["echoes"]) == {"short", "long"}
    assert pipeline.zones.work.get(f"runs/{record.run}/{record.sources[0].key}") == path.read_bytes()


def test_a_run_by_hand_is_one_of_its_file_as_it_was(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"custom_id": "a", "kind": "text", "prompt": "hello"}\n')
    asked = by_hand(pipeline, source=path.as_uri(), fingerprint=fingerprint(path))
    before = collected(asked)[1]
    path.write_text('{"custom_id": "b", "kind": "text", "prompt": "other"}\n')
    assert collected(asked)[1] == before
    path.unlink()
    assert collected(asked)[1] == before
    with pytest.raises(InputError, match="no file"):
        by_hand(pipeline, "manual__2", source=path.as_uri()).collect()


def test_a_file_that_changed_since_it_was_asked_for_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("{}\n")
    asked = by_hand(pipeline, source=path.as_uri(), fingerprint=fingerprint(path))
    path.write_text('{"custom_id": "b", "kind": "text", "prompt": "other"}\n')
    with pytest.raises(InputError, match="has changed"):
        asked.collect()


def test_a_brief_by_file_brings_its_csv(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "words.csv").write_text("words\none\ntwo\n")
    path = tmp_path / "own.yaml"
    path.write_text('name: own\nkind: text\nprompt: "{{ words }}"\nvariables: words.csv\n')
    alone = fingerprint(path)
    asked = by_hand(pipeline, source=path.as_uri(), fingerprint=alone)
    record, items, rejects = collected(asked)
    assert not rejects and [item.request.prompt for item in items] == ["one", "two"] and len(record.sources) == 2
    (tmp_path / "words.csv").write_text("words\nthree\n")
    assert fingerprint(path) != alone
    assert [item.request.prompt for item in collected(asked)[1]] == ["one", "two"]


def test_a_brief_by_file_takes_what_the_form_says_otherwise(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("name: own\nkind: text\nprompt: hello\npolicy: default\n")
    record, items, _ = collected(by_hand(pipeline, source=path.as_uri(), count=3, seed=7))
    assert len(items) == 3 and record.conf["count"] == 3
    _, again, _ = collected(by_hand(pipeline, "manual__2", source=path.as_uri(), count=3, seed=7))
    assert [item.request.key for item in again] == [item.request.key for item in items]
    _, items, rejects = collected(by_hand(pipeline, "manual__3", source=path.as_uri(), policy="strange"))
    assert not items and "policy" in rejects[0].field


def test_a_request_file_takes_nothing_that_the_form_says_otherwise(pipeline: Pipeline, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"custom_id": "a", "kind": "text", "prompt": "hello"}\n')
    with pytest.raises(InputError, match=r"policy.*rows say it themselves"):
        by_hand(pipeline, source=path.as_uri(), policy="default").collect()


@pytest.mark.parametrize(
    "uri", ["/etc/passwd", "file:///etc/passwd", "http://a/b.yaml", "file://host/b.yaml", "file:///none.yaml"]
)
def test_a_source_is_a_brief_or_request_file_of_this_machine(pipeline: Pipeline, uri: str) -> None:
    with pytest.raises(InputError):
        by_hand(pipeline, source=uri).collect()


def test_a_link_to_another_kind_of_file_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(InputError, match="neither a brief"):
        by_hand(pipeline, source=(tmp_path / "link.jsonl").as_uri()).collect()


def from_inbox(pipeline: Pipeline, key: str, content: str, run_id: str = "asset_triggered__1") -> Pipeline:
    """A run that has claimed a request file."""
    pipeline.zones.inbox.put(key, content.encode())
    inbox = Inbox.of(pipeline.settings, pipeline.zones)
    claimed = replace(pipeline, trigger=Trigger("inbox_content", run_id, DAY))
    inbox.claim(claimed.trigger.run, inbox.waiting(0), print)
    source, brief = claimed_by(claimed.files)
    return replace(pipeline, trigger=replace(claimed.trigger, file=source, brief=brief))


def test_an_inbox_run_is_one_of_its_copy_and_needs_no_inbox(pipeline: Pipeline) -> None:
    rows = '{"custom_id": "a", "kind": "text", "prompt": "hello"}\n{"custom_id": "b"}\n'
    asked = from_inbox(pipeline, "rows.jsonl", rows)
    record, items, rejects = collected(asked)
    assert [(item.custom_id, item.brief, item.policy) for item in items] == [("a", "requests", "default")]
    assert [(reject.source, reject.line) for reject in rejects] == [("inbox/rows.jsonl", 2)]
    (source,) = record.sources
    assert record.fingerprint == source.sha256 == hashlib.sha256(rows.encode()).hexdigest()
    pipeline.zones.inbox.delete("rows.jsonl")
    assert collected(asked) == (record, items, rejects)


def test_the_folder_of_an_inbox_file_is_its_brief(pipeline: Pipeline) -> None:
    briefs = pipeline.settings.briefs_dir
    (briefs / "other.yaml").write_text(BRIEF.replace("name: echoes", "name: other"))
    rows = [{"custom_id": "a", "kind": "text", "prompt": "hello"}]
    rows += [{"custom_id": "b", "kind": "text", "prompt": "hello", "brief": "other"}]
    asked = from_inbox(pipeline, "echoes/deep/rows.jsonl", "\n".join(map(json.dumps, rows)))
    record, items, rejects = collected(asked)
    assert not rejects and [(item.custom_id, item.brief) for item in items] == [("a", "echoes"), ("b", "other")]
    assert record.arms == {"echoes": {"short": 0.5, "long": 0.5}, "other": {"short": 0.5, "long": 0.5}}
    assert {item.variant for item in items} <= {"short", "long"}


def test_a_folder_that_is_no_brief_refuses_its_file_whole(pipeline: Pipeline) -> None:
    asked = from_inbox(pipeline, "ecoes/rows.jsonl", '{"custom_id": "a", "kind": "text", "prompt": "hello"}\n')
    _, items, (reject,) = collected(asked)
    assert not items and (reject.source, reject.line, reject.field) == ("inbox/ecoes/rows.jsonl", None, "brief")
    assert "there are: echoes" in reject.rule
    (pipeline.settings.briefs_dir / "ecoes.yaml").write_text(BRIEF.replace("name: echoes", "name: ecoes"))
    assert [item.brief for item in collected(asked)[1]] == ["ecoes"]  # the run cleared, once the brief is there


def test_started_stays_that_of_the_first_time(pipeline: Pipeline) -> None:
    from galley.stages.collect import collect

    first = collect(pipeline.trigger, pipeline.settings, pipeline.zones, pipeline.models.resolve, NOW)
    later = collect(
        pipeline.trigger, pipeline.settings, pipeline.zones, pipeline.models.resolve, NOW + timedelta(hours=1)
    )
    assert first.started == later.started == NOW
