"""The wire contract: identities that must never change, and what the models refuse."""

from __future__ import annotations

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from galley.items import (
    ImageParams,
    Item,
    Message,
    Origin,
    Request,
    Result,
    TextParams,
    canonical_json,
    derive_seed,
    digest,
    item_id,
    run_name,
    slug,
)

DIGEST = "ab" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def image(**changes: object) -> Request:
    fields = {"kind": "image", "model": "m", "model_digest": DIGEST, "prompt": "a", "params": ImageParams(), "seed": 7}
    return Request.model_validate(fields | changes)


def test_vectors_of_the_identities_hold_for_ever() -> None:
    assert derive_seed("spring", "2026-11-23", 0) == 1599681158526621929
    assert item_id("r", "brief", 0, "default") == "2995b0f4ccc01983"
    assert run_name("daily_content", "scheduled__2026-11-23T06:00:00+00:00") == (
        "daily-content--scheduled-2026-11-23t06-00-00-00-00--ab3441bf"
    )
    assert image().key == "f9422dc615ed58727d0146f9128b2202dd4238d62901ee2807e24c7d8981914e"


def test_a_key_leaves_out_defaults_and_the_name_of_the_model() -> None:
    plain = image()
    assert image(params=ImageParams(num_inference_steps=30, negative_prompt="")).key == plain.key
    assert image(model="another name for the same files").key == plain.key


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "b"},
        {"seed": 8},
        {"model_digest": "cd" * 32},
        {"params": ImageParams(num_inference_steps=10)},
        {"params": ImageParams(scheduler="DDIMScheduler")},
    ],
)
def test_everything_that_decides_the_output_is_in_the_key(change: dict[str, object]) -> None:
    assert image(**change).key != image().key


def test_a_text_and_an_image_of_equal_words_have_different_keys() -> None:
    assert image(kind="text", params=TextParams()).key != image().key


def test_params_of_the_other_kind_are_refused() -> None:
    with pytest.raises(ValidationError, match="not ImageParams"):
        image(params=TextParams())
    with pytest.raises(ValidationError, match="max_new_tokens"):
        image(params={"max_new_tokens": 3})


def test_a_request_has_a_prompt_or_messages() -> None:
    chat = (Message(role="user", content="hi"),)
    with pytest.raises(ValidationError, match="exactly one"):
        image(prompt="")
    with pytest.raises(ValidationError, match="exactly one"):
        image(kind="text", params=TextParams(), messages=chat)
    with pytest.raises(ValidationError, match="kind text"):
        image(prompt="", messages=chat)
    assert image(kind="text", params=TextParams(), prompt="", messages=chat).screened_text == "hi"


def test_a_result_has_an_artifact_or_a_failure() -> None:
    with pytest.raises(ValidationError, match="ok result"):
        Result(request_key=DIGEST, status="ok")
    with pytest.raises(ValidationError, match="ok result"):
        Result(request_key=DIGEST, status="failed")


@given(JSON)
def test_canonical_json_is_json_and_does_not_depend_on_the_order_of_keys(value: object) -> None:
    assert json.loads(canonical_json(value)) == value

    def turned(part: object) -> object:
        if isinstance(part, dict):
            return {key: turned(part[key]) for key in reversed(part)}
        return [turned(child) for child in part] if isinstance(part, list) else part

    assert canonical_json(turned(value)) == canonical_json(value)
    assert digest(turned(value)) == digest(value)


@given(st.lists(JSON, max_size=3))
def test_seeds_fit_a_signed_64_bit_integer(parts: list[object]) -> None:
    assert 0 <= derive_seed(*parts) < 2**63


@given(st.text(), st.text())
def test_run_names_are_safe_as_paths_and_tell_runs_apart(dag_id: str, run_id: str) -> None:
    name = run_name(dag_id, run_id)
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(name) <= 40 + 2 + 60 + 2 + 8
    assert run_name(dag_id, run_id + "x") != name
    assert slug(name, 120) == slug(slug(name, 120), 120)


@given(st.dictionaries(st.text(), JSON, max_size=3), st.integers(0, 2**63 - 1))
def test_an_item_survives_its_line_of_json(metadata: dict[str, object], seed: int) -> None:
    item = Item(
        item_id="0" * 16,
        run="r",
        content_date=date(2026, 11, 23),
        custom_id="c",
        brief="b",
        experiment="b",
        variant="default",
        unit="2026-11-23/0",
        policy="default",
        request=image(seed=seed, params=ImageParams(guidance_scale=1.5)),
        origin=Origin(source="b.yaml", row=0),
        metadata=metadata,
    )
    assert Item.model_validate_json(item.model_dump_json()) == item
    assert Item.model_validate_json(canonical_json(item.model_dump(mode="json"))).request.key == item.request.key
