"""Exports as the tools they are for read them."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.catalog.export import COLUMNS, FORMULA, export, safe_cell
from galley.catalog.facade import Catalog
from galley.errors import InputError, IntegrityError, ObjectNotFound
from galley.items import (
    Alternative,
    Item,
    Logprobs,
    Message,
    Published,
    Reject,
    TextParams,
    TokenLogprob,
    Withdrawn,
    logprobs_uri,
)
from tests.catalog.samples import RUN, item, published, release, result, run_info, sha, verdict

CONTENT: dict[str, bytes] = {}


def shown(of: Item, data: bytes) -> Published:
    """The item as published with these bytes."""
    image = of.request.kind == "image"
    entry = published(of, sha256=hashlib.sha256(data).hexdigest(), media_type="image/png" if image else "text/plain")
    CONTENT[entry.uri] = data
    return entry


def read(uri: str, sha256: str | None) -> bytes:
    if uri not in CONTENT:
        raise ObjectNotFound(uri)
    data = CONTENT[uri]
    if sha256 is not None and hashlib.sha256(data).hexdigest() != sha256:
        raise IntegrityError(uri)
    return data


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def record(catalog: Catalog, items: list[Item], entries: list[Published], **changes: Any) -> None:
    values: dict[str, Any] = {
        "items": items,
        "results": [result(each, prompt_tokens=5) for each in items],
        "verdicts": [verdict(each, subject) for each in items for subject in ("prompt", "artifact")],
        "release": release(1, []).model_copy(update={"published": tuple(entries)}),
    }
    catalog.record_finished(run_info(), **{**values, **changes})


def test_csv_has_every_item_and_no_formula(catalog: Catalog, tmp_path: Path) -> None:
    evil = item(0, custom_id="=HYPERLINK(1)", prompt="+1", metadata={"-a": "@b"})
    held = item(1)
    record(catalog, [evil, held], [shown(evil, "＝SUM(A1)\n灯".encode())])
    done = export(catalog, RUN, tmp_path / "out", "csv", read)
    assert done.files == {"items.csv": 2}
    with (tmp_path / "out" / "items.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["custom_id"] == "'=HYPERLINK(1)"
    assert rows[0]["prompt"] == "'+1"
    assert rows[0]["text"] == "'＝SUM(A1)\n灯"
    assert json.loads(rows[0]["metadata"]) == {"-a": "@b"}
    assert (rows[0]["state"], rows[1]["state"], rows[1]["text"]) == ("published", "held", "")
    assert (rows[0]["verdict_decision"], rows[0]["seed"]) == ("allow", str(2**63 - 1))
    assert not any(cell[:1] in FORMULA for row in rows for cell in row.values())


@given(st.text(max_size=20) | st.sampled_from(["=1", "\t=1", "  @x", "\r-1", "'=1"]))
def test_no_text_cell_begins_as_a_formula_and_none_is_lost(text: str) -> None:
    cell = safe_cell(text)
    assert isinstance(cell, str)
    assert cell.lstrip()[:1] not in FORMULA
    assert cell.removeprefix("'") == text or cell == text


def test_numbers_stay_numbers() -> None:
    assert (safe_cell(-1.5), safe_cell(7)) == (-1.5, 7)


def test_imagefolder_names_each_image_in_metadata(catalog: Catalog, tmp_path: Path) -> None:
    images = [item(row, kind="image", custom_id="Näh/Set ../1", prompt=f"a red star {row}") for row in range(2)]
    text, held = item(2), item(3, kind="image")
    record(catalog, [*images, text, held], [shown(each, b"png" + bytes([n])) for n, each in enumerate([*images, text])])
    done = export(catalog, RUN, tmp_path / "new" / "out", "imagefolder", read)
    assert (done.files, done.left_out) == ({"metadata.jsonl": 2, "images": 2}, 1)
    rows = lines(tmp_path / "new" / "out" / "metadata.jsonl")
    assert [row["text"] for row in rows] == ["a red star 0", "a red star 1"]
    for number, row in enumerate(rows):
        assert (tmp_path / "new" / "out" / row["file_name"]).read_bytes() == b"png" + bytes([number])
        assert row["file_name"] == f"spring_n-h-set-1_default_{images[number].item_id}.png"
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert rows[0]["num_inference_steps"] == 30
    assert sorted(path.name for path in (tmp_path / "new" / "out").iterdir()) == sorted(
        ["metadata.jsonl", *(row["file_name"] for row in rows)]
    )


def chat(row: int, number: int = 0, **changes: Any) -> Item:
    messages = (Message(role="user", content=f"hello {row}"),)
    return item(row, number=number, messages=messages, custom_id=f"chat-{row}", seed=row * 10 + number, **changes)


def test_openai_batch_answers_as_the_batch_api_writes(catalog: Catalog, tmp_path: Path) -> None:
    first, second = chat(0), chat(0, 1)
    plain, image = item(1), item(2, kind="image")
    record(
        catalog,
        [first, second, plain, image],
        [shown(first, b"hi"), shown(second, "你好".encode()), shown(plain, b"copy"), shown(image, b"png")],
    )
    done = export(catalog, RUN, tmp_path / "out", "openai-batch", read)
    assert done.files == {"output.jsonl": 3, "errors.jsonl": 0}
    by_id = {line["custom_id"]: line for line in lines(tmp_path / "out" / "output.jsonl")}
    line = by_id["chat-0"]
    assert set(line) == {"id", "custom_id", "response", "error"}
    assert line["error"] is None and line["id"].startswith("batch_req_")
    assert set(line["response"]) == {"status_code", "request_id", "body"} and line["response"]["status_code"] == 200
    body = line["response"]["body"]
    assert (body["object"], body["model"], body["created"]) == ("chat.completion", "starter-text", 1793512800)
    assert body["choices"] == [
        {
            "index": index,
            "message": {"role": "assistant", "content": content, "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
        for index, content in enumerate(["hi", "你好"])
    ]
    assert body["usage"] == {"prompt_tokens": 5, "completion_tokens": 16, "total_tokens": 21}
    completion = by_id["spring-1"]["response"]["body"]
    assert completion["object"] == "text_completion"
    assert completion["choices"] == [{"index": 0, "text": "copy", "logprobs": None, "finish_reason": "stop"}]
    images = by_id["spring-2"]["response"]["body"]
    assert set(images) == {"created", "data"}
    assert base64.b64decode(images["data"][0]["b64_json"]) == b"png"


def test_openai_batch_tells_the_logprobs_that_were_asked_for(catalog: Catalog, tmp_path: Path) -> None:
    asking = TextParams(max_new_tokens=8, logprobs=1)
    talk, plain, swept = chat(0, params=asking), item(1, params=asking), item(2, params=asking)
    others = (Alternative(token="hi", bytes=(104, 105), logprob=-0.5),)
    told = Logprobs(
        content=(
            TokenLogprob(token="hi", bytes=(104, 105), logprob=-0.5, top_logprobs=others),
            TokenLogprob(token=" \ufffd", bytes=None, logprob=-2.0, top_logprobs=others),
        )
    )
    for each in (talk, plain):
        CONTENT[logprobs_uri(result(each).artifact, each.request.key)] = told.model_dump_json().encode()
    record(catalog, [talk, plain, swept], [shown(each, b"hi") for each in (talk, plain, swept)])
    export(catalog, RUN, tmp_path / "out", "openai-batch", read)
    by_id = {line["custom_id"]: line["response"]["body"] for line in lines(tmp_path / "out" / "output.jsonl")}
    content = by_id["chat-0"]["choices"][0]["logprobs"]["content"]
    assert content[0] == {
        "token": "hi",
        "bytes": [104, 105],
        "logprob": -0.5,
        "top_logprobs": [{"token": "hi", "bytes": [104, 105], "logprob": -0.5}],
    }
    assert content[1]["bytes"] is None
    assert by_id["spring-1"]["choices"][0]["logprobs"] == {
        "tokens": ["hi", " \ufffd"],
        "token_logprobs": [-0.5, -2.0],
        "top_logprobs": [{"hi": -0.5}, {"hi": -0.5}],
        "text_offset": [0, 2],
    }
    assert by_id["spring-2"]["choices"][0]["logprobs"] is None


def test_openai_batch_errors_say_why(catalog: Catalog, tmp_path: Path) -> None:
    prompt_blocked, output_blocked, failed, held, image_blocked = (
        chat(0),
        chat(1),
        chat(2),
        chat(3),
        item(4, kind="image"),
    )
    withdrawn = chat(5)
    items = [prompt_blocked, output_blocked, failed, held, image_blocked, withdrawn]
    blocked = {
        (prompt_blocked.item_id, "prompt"): "block",
        (output_blocked.item_id, "artifact"): "block",
        (image_blocked.item_id, "artifact"): "block",
        (held.item_id, "artifact"): "hold",
    }
    taken = Withdrawn(item_id=withdrawn.item_id, by="ann", reason="rights")
    record(
        catalog,
        items,
        [],
        results=[
            *(result(each) for each in items if each not in (prompt_blocked, failed)),
            result(failed, failed="out_of_memory"),
        ],
        verdicts=[
            verdict(each, subject, blocked.get((each.item_id, subject), "allow"))
            for each in items
            for subject in ("prompt", "artifact")
        ],
        release=release(1, [], withdrawn=(taken,)),
    )
    export(catalog, RUN, tmp_path / "out", "openai-batch", read)
    (output,) = lines(tmp_path / "out" / "output.jsonl")
    assert output["custom_id"] == "chat-1"
    choice = output["response"]["body"]["choices"][0]
    assert (choice["finish_reason"], choice["message"]["content"]) == ("content_filter", "")
    errors = {line["custom_id"]: line for line in lines(tmp_path / "out" / "errors.jsonl")}
    for name in ("chat-0", "spring-4"):
        assert errors[name]["response"]["status_code"] == 400 and errors[name]["error"] is None
        error = errors[name]["response"]["body"]["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert error["code"] == "content_policy_violation"
    assert "prompt: a term" in errors["chat-0"]["response"]["body"]["error"]["message"]
    assert errors["chat-2"]["response"]["status_code"] == 500
    assert errors["chat-2"]["response"]["body"]["error"]["code"] == "out_of_memory"
    assert errors["chat-3"]["response"] is None and errors["chat-3"]["error"]["code"] == "held_for_review"
    assert errors["chat-5"]["error"]["code"] == "withdrawn"


def test_openai_batch_answers_rejected_rows_that_had_a_name(catalog: Catalog, tmp_path: Path) -> None:
    made = item(0)
    record(catalog, [made], [shown(made, b"copy")])
    wrong = Reject(source="x.jsonl", line=2, field="body.n", value="0", rule="is not in 1 to 128", custom_id="wrong")
    catalog.record_rejects(RUN, [wrong, Reject(source="x.jsonl", line=3, value="{", rule="is not JSON")])
    done = export(catalog, RUN, tmp_path / "out", "openai-batch", read)
    assert (done.files, done.left_out) == ({"output.jsonl": 1, "errors.jsonl": 1}, 1)
    (line,) = lines(tmp_path / "out" / "errors.jsonl")
    assert set(line) == {"id", "custom_id", "response", "error"}
    assert (line["custom_id"], line["error"], line["response"]["status_code"]) == ("wrong", None, 400)
    assert line["response"]["body"]["error"] == {
        "message": "Line 2: body.n 0 is not in 1 to 128",
        "type": "invalid_request_error",
        "param": "body.n",
        "code": "invalid_row",
    }


def test_a_directory_with_something_in_it_is_left_alone(catalog: Catalog, tmp_path: Path) -> None:
    record(catalog, [], [])
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="is there and not empty; name a new directory"):
        export(catalog, RUN, tmp_path, "csv", read)
    with pytest.raises(InputError, match="is there and not empty"):
        export(catalog, RUN, tmp_path / "mine.txt", "csv", read)
    (tmp_path / "empty").mkdir()
    assert export(catalog, RUN, tmp_path / "empty", "csv", read).files == {"items.csv": 0}


def test_an_export_that_fails_leaves_nothing(catalog: Catalog, tmp_path: Path) -> None:
    text = item(0)
    record(catalog, [text], [shown(text, b"copy")])
    CONTENT[published(text).uri] = b"changed on disk"
    with pytest.raises(IntegrityError):
        export(catalog, RUN, tmp_path / "out", "csv", read)
    assert [path for path in tmp_path.iterdir() if "out" in path.name] == []


def test_the_catalog_knows_what_bytes_a_uri_must_have(catalog: Catalog) -> None:
    text, held = item(0), item(1)
    entry = shown(text, b"copy")
    record(catalog, [text, held], [entry])
    assert catalog.known_sha256(entry.uri) == entry.sha256
    assert catalog.known_sha256(f"file:///work/runs/r/jobs/g0/artifacts/{sha('x')}.png") == sha("x")
    quarantined = f"file:///quarantine/{RUN}/{held.item_id}.txt"
    assert catalog.known_sha256(quarantined) is None
    catalog.set_state(held.item_id, "held", uri=quarantined)
    assert catalog.known_sha256(quarantined) == sha("bytes of " + held.request.key)


def test_the_catalog_knows_objects_whose_name_was_taken(catalog: Catalog) -> None:
    text = item(0)
    first, other = published(text), f"file:///published/{text.content_date}/spring/{text.item_id}-0123456789abcdef"
    entry = first.model_copy(update={"uri": f"{other}.txt", "sidecar_uri": f"{other}.json"})
    record(catalog, [text], [entry])
    assert catalog.known_sha256(entry.uri) == entry.sha256
    assert catalog.known_sha256(first.uri) is None  # what an earlier release listed had other bytes
    assert catalog.known_sha256(entry.sidecar_uri) is None
