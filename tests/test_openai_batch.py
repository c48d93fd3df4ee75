"""OpenAI batch lines: what is used, ignored with a warning, refused, and the table that says so."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley import openai_batch
from galley.items import ImageParams, Item, Message, Reject, TextParams, derive_seed, item_id
from galley.openai_batch import CHAT, COMPLETIONS, ENDPOINTS, IMAGES, TABLE, markdown
from galley.requests import read_requests
from tests.intake import DAY, resolve

BODIES: dict[str, dict[str, Any]] = {
    CHAT: {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]},
    COMPLETIONS: {"model": "writer", "prompt": "Once"},
    IMAGES: {"model": "dall-e-3", "prompt": "a star"},
}


def batch(url: str = CHAT, line: dict[str, Any] | None = None, **body: Any) -> bytes:
    made = {"custom_id": "a", "method": "POST", "url": url, "body": BODIES.get(url, {}) | body}
    return json.dumps(made | (line or {})).encode()


def read(*lines: bytes) -> list[Item | Reject]:
    stream = io.BytesIO(b"\n".join(lines))
    return list(read_requests(stream, "batch.jsonl", run="r", content_date=DAY, resolve_model=resolve))


def item(line: bytes) -> Item:
    (made,) = read(line)
    assert isinstance(made, Item), made
    return made


def wrong(line: bytes) -> Reject:
    (made,) = read(line)
    assert isinstance(made, Reject), made
    return made


def test_a_chat_as_the_batch_guide_writes_it() -> None:
    line = (
        b'{"custom_id": "request-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "gpt-4o-mini", '
        b'"messages": [{"role": "system", "content": "You are helpful."},{"role": "user", "content": "Hello world!"}],'
        b'"max_tokens": 1000}}'
    )
    made = item(line)
    assert (made.custom_id, made.request.kind, made.request.model) == ("request-1", "text", "writer")
    assert made.request.messages == (
        Message(role="system", content="You are helpful."),
        Message(role="user", content="Hello world!"),
    )
    assert made.request.prompt == ""
    assert made.request.params == TextParams(max_new_tokens=1000)
    assert made.request.seed == derive_seed("request-1")
    assert (made.brief, made.variant, made.warnings) == ("requests", "default", ())


def test_the_three_endpoints_and_native_rows_go_together() -> None:
    native = b'{"custom_id":"n","kind":"text","prompt":"x"}'
    lines = [batch(url, line={"custom_id": url}) for url in ENDPOINTS]
    assert [one.request.kind for one in read(native, *lines) if isinstance(one, Item)] == [
        "text",
        "text",
        "text",
        "image",
    ]


def test_sampling_parameters_get_their_names_here() -> None:
    chat = item(batch(max_completion_tokens=7, temperature=0, top_p=0.5, stop="\n", top_k=5, min_p=0.1))
    assert chat.request.params == TextParams(
        max_new_tokens=7, temperature=0, top_p=0.5, stop=("\n",), top_k=5, min_p=0.1
    )
    assert item(batch(max_completion_tokens=7, max_tokens=9)).request.params == TextParams(max_new_tokens=7)
    text = item(batch(COMPLETIONS, max_tokens=5, min_tokens=2, repetition_penalty=1.5, stop=["a", "b"], seed=-1))
    assert text.request.params == TextParams(
        max_new_tokens=5, min_new_tokens=2, repetition_penalty=1.5, stop=("a", "b")
    )
    assert text.request.seed == 2**63 - 1
    image = item(
        batch(IMAGES, size="1792x1024", num_inference_steps=9, guidance_scale=2, negative_prompt="dark", seed=4)
    )
    assert image.request.params == ImageParams(
        width=1792, height=1024, num_inference_steps=9, guidance_scale=2.0, negative_prompt="dark"
    )
    assert image.request.seed == 4
    assert item(batch(IMAGES, size="auto")).request.params == item(batch(IMAGES)).request.params


@pytest.mark.parametrize("url", list(ENDPOINTS))
def test_n_makes_numbered_items_of_which_the_first_keeps_the_seed(url: str) -> None:
    made = [one for one in read(batch(url, n=3, seed=5)) if isinstance(one, Item)]
    assert [one.request.seed for one in made] == [5, derive_seed(5, 1), derive_seed(5, 2)]
    assert [one.custom_id for one in made] == ["a"] * 3
    assert [one.item_id for one in made] == [item_id("r", "batch.jsonl", "a", "default", k) for k in range(3)]
    assert made[0].request.key == item(batch(url, seed=5)).request.key


def test_content_may_come_in_parts_and_a_developer_is_a_system() -> None:
    parts = [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]
    made = item(
        batch(messages=[{"role": "developer", "content": "d"}, {"role": "user", "content": parts, "name": "x"}])
    )
    assert made.request.messages == (Message(role="system", content="d"), Message(role="user", content="Hello"))
    assert made.warnings == ("body.messages[1].name is ignored: the models here do not tell speakers apart",)


def test_metadata_of_a_chat_is_returned() -> None:
    assert item(batch(metadata={"team": "spring"})).metadata == {"team": "spring"}


@pytest.mark.parametrize(
    ("line", "field", "rule"),
    [
        (batch(line={"method": "GET"}), "method", '"POST"'),
        (batch(line={"method": None}), "method", '"POST"'),
        (batch("/v1/embeddings"), "url", "should be one of"),
        (batch(line={"url": ["x"]}), "url", "should be one of"),
        (batch(line={"body": "x"}), "body", "an object"),
        (batch(line={"body": None}), "body", "an object"),
        (batch(line={"brief": "x"}), "brief", "not a field of a batch line"),
        (batch(line={"custom_id": 3}), "custom_id", "a text of"),
        (b'{"method": "POST", "url": "/v1/completions", "body": {"prompt": "x"}}', "custom_id", "is required"),
        (batch(model="nobody"), "body.model", 'no model "nobody"'),
        (batch(model=3), "body.model", "a text"),
        (batch(messages=None), "body.messages", "is required"),
        (batch(messages=[]), "body.messages", "at least one"),
        (batch(messages=["x"]), "body.messages[0]", "an object"),
        (batch(messages=[{"role": "tool", "content": "x"}]), "body.messages[0].role", "one of system, developer"),
        (batch(messages=[{"role": "user"}]), "body.messages[0].content", "a text"),
        (
            batch(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]),
            "body.messages[0].content[0]",
            "type text",
        ),
        (
            batch(messages=[{"role": "assistant", "content": "x", "tool_calls": [{"id": "1"}]}]),
            "body.messages[0].tool_calls",
            "refused",
        ),
        (batch(max_tokens=0), "body.max_tokens", "greater than or equal to 1"),
        (batch(max_completion_tokens="5"), "body.max_completion_tokens", "whole number"),
        (batch(top_p=1.5), "body.top_p", "less than or equal to 1"),
        (batch(stop=[1]), "body.stop[0]", "a text"),
        (batch(stop=5), "body.stop[0]", "a text"),
        (batch(n=0), "body.n", "1 to 128"),
        (batch(n=True), "body.n", "whole number"),
        (batch(seed="x"), "body.seed", "whole number"),
        (batch(metadata=[]), "body.metadata", "an object"),
        (batch(tools=[{"type": "function"}]), "body.tools", "refused: models here call no tools"),
        (batch(response_format={"type": "json_object"}), "body.response_format", "refused"),
        (batch(frequency_penalty=2.5), "body.frequency_penalty", "less than or equal to 2"),
        (batch(logit_bias={"50256": -101}), "body.logit_bias.50256", "greater than or equal to -100"),
        (batch(logit_bias={"Paris": 1}), "body.logit_bias.Paris", "match"),
        (batch(max_token=5), "body.max_token", 'did you mean "max_tokens"?'),
        (batch(COMPLETIONS, prompt=["a", "b"]), "body.prompt", "a line of its own"),
        (batch(COMPLETIONS, prompt=[1, 2]), "body.prompt", "a line of its own"),
        (batch(COMPLETIONS, prompt=""), "body.prompt", "is empty"),
        (batch(COMPLETIONS, echo=True), "body.echo", "refused"),
        (batch(COMPLETIONS, messages=[]), "body.messages", "not a field here"),
        (batch(IMAGES, prompt=None), "body.prompt", "is required"),
        (batch(IMAGES, size="big"), "body.size", "WIDTHxHEIGHT"),
        (batch(IMAGES, size="100x100"), "body.size", "multiple of 8"),
        (batch(IMAGES, size="8000x64"), "body.size", "less than or equal to 4096"),
        (batch(IMAGES, background="transparent"), "body.background", "opaque"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_bad_line_is_rejected_with_the_field_as_its_writer_knows_it(line: bytes, field: str, rule: str) -> None:
    found = wrong(line)
    assert (found.line, found.field) == (1, field)
    assert rule in found.rule


OTHER: Any = "a value that is neutral nowhere"


@pytest.mark.parametrize("field", TABLE, ids=lambda field: f"{field.name}-{field.treatment}")
def test_every_row_of_the_table_is_what_happens(field: openai_batch.Field) -> None:
    for url in field.endpoints:
        plain = item(batch(url))
        for value in (*field.neutral, None):
            if value is None and field.name in ("messages", "prompt"):
                continue
            neutral = item(batch(url, **{field.name: value}))
            assert neutral.warnings == ()
            if field.treatment != "used":
                assert neutral.request == plain.request
        if field.treatment == "ignored":
            made = item(batch(url, **{field.name: OTHER}))
            assert made.request == plain.request
            assert made.warnings == (f"body.{field.name} is ignored: {field.note}",)
        elif field.treatment == "refused":
            assert wrong(batch(url, **{field.name: OTHER})).field == f"body.{field.name}"


def test_a_neutral_number_is_not_a_neutral_boolean() -> None:
    assert wrong(batch(COMPLETIONS, best_of=True)).field == "body.best_of"
    assert item(batch(COMPLETIONS, best_of=1)).warnings == ()
    assert item(batch(COMPLETIONS, logprobs=0)).request.params.logprobs == 0
    assert item(batch(COMPLETIONS, logprobs=False)).request.params.logprobs is None


@pytest.mark.parametrize(
    ("url", "fields", "told"),
    [
        (CHAT, {"logprobs": True}, 0),
        (CHAT, {"logprobs": True, "top_logprobs": 20}, 20),
        (CHAT, {"logprobs": False}, None),
        (CHAT, {"logprobs": None, "top_logprobs": None}, None),
        (COMPLETIONS, {"logprobs": 5}, 5),
    ],
)
def test_logprobs_are_asked_for_as_each_endpoint_has_it(url: str, fields: dict[str, Any], told: int | None) -> None:
    made = item(batch(url, **fields))
    assert made.request.params.logprobs == told
    assert made.warnings == ()
    # Who asks for none has the key that the request had before there were any.
    assert (made.request.key == item(batch(url)).request.key) == (told is None)


@pytest.mark.parametrize(
    ("url", "fields", "field"),
    [
        (CHAT, {"logprobs": 1}, "body.logprobs"),
        (CHAT, {"top_logprobs": 2}, "body.top_logprobs"),
        (CHAT, {"logprobs": True, "top_logprobs": 21}, "body.top_logprobs"),
        (CHAT, {"logprobs": True, "top_logprobs": True}, "body.top_logprobs"),
        (COMPLETIONS, {"logprobs": -1}, "body.logprobs"),
        (COMPLETIONS, {"logprobs": True}, "body.logprobs"),
    ],
)
def test_logprobs_that_cannot_be_told_are_refused_by_name(url: str, fields: dict[str, Any], field: str) -> None:
    assert wrong(batch(url, **fields)).field == field


def test_the_table_of_the_readme_has_every_field() -> None:
    lines = markdown().splitlines()
    assert len(lines) == len(TABLE) + 3
    assert all(line.count("|") == 6 for line in lines)
    assert "| `tools` | refused | – | – | models here call no tools (passes: `[]`) |" in lines


@given(
    st.sampled_from(sorted(ENDPOINTS)),
    st.dictionaries(
        st.sampled_from(sorted({field.name for field in TABLE})),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False)
        | st.text(max_size=3)
        | st.lists(st.text(max_size=3), max_size=2),
        max_size=6,
    ),
)
def test_any_body_gives_items_or_one_reject(url: str, body: dict[str, Any]) -> None:
    made = read(batch(url, **body))
    assert made
    assert all(isinstance(one, Item) for one in made) or len(made) == 1
