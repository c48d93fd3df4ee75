"""Expansion: which rows, which seeds, which arms, and what a row that cannot be used does to the others."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.brief_files import parse_brief
from galley.errors import InputError
from galley.expansion import expand, row_order
from galley.items import ImageParams, Item, Kind, Reject, ResolvedModel, derive_seed, item_id
from tests.intake import DAY, resolve

DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))


def items_of(text: str, content_date: date = DAY, run: str = "r") -> list[Item]:
    made = list(expand(parse_brief(text, "b.yaml"), run=run, content_date=content_date, resolve_model=resolve))
    assert all(isinstance(one, Item) for one in made), made
    return [one for one in made if isinstance(one, Item)]


PLAIN = (
    "name: b\nkind: image\nprompt: a {{ c }} star on {{ content_date }}\nvariables: {c: [red, blue, green]}\nseed: 7\n"
)
ARMS = PLAIN + "variants:\n- {name: ten, weight: 0.5, params: {num_inference_steps: 10}}\n- {name: own, weight: 0.5}\n"


def test_an_item_has_everything_the_contract_says() -> None:
    first, second, _ = items_of(PLAIN)
    assert first.request.prompt == "a red star on 2026-11-23"
    assert first.request.params == ImageParams(width=64, height=64, num_inference_steps=20)
    assert (first.request.model, first.request.seed) == ("painter", derive_seed(7, "2026-11-23", 0))
    assert second.request.seed == derive_seed(7, "2026-11-23", 1)
    assert (first.custom_id, first.unit, first.variant, first.experiment) == ("b-0000", "2026-11-23/0", "default", "b")
    assert first.item_id == item_id("r", "b", 0, "default")
    assert first.metadata == {"c": "red"}
    assert (first.origin.source, first.origin.line, first.origin.row) == ("b.yaml", 4, 0)


def test_adapters_are_part_of_the_model_that_is_asked_for() -> None:
    text = PLAIN + (
        "model: painter\nadapters: [{model: house-style, weight: 0.8}, {model: line-art}]\nvariants:\n"
        "- {name: both}\n- {name: none, adapters: []}\n- {name: other, model: other-painter, adapters: [{model: x}]}\n"
    )
    asked: list[str] = []

    def spy(name: str, kind: Kind) -> ResolvedModel:
        asked.append(name)
        return resolve(name.partition("+")[0], kind)

    list(expand(parse_brief(text, "b.yaml"), run="r", content_date=DAY, resolve_model=spy))
    assert asked == ["painter+house-style:0.8+line-art", "painter", "other-painter+x"]


BEGUN = PLAIN + (
    "init_image: '{{ c }}.png'\nparams: {strength: 0.5, num_inference_steps: 10}\nvariants:\n- {name: own}\n"
    "- {name: fixed, init_image: one.png, params: {strength: 0.9}}\n- {name: none, init_image: ''}\n"
)


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def test_an_image_begins_with_the_picture_that_brief_or_variant_names() -> None:
    loaded = parse_brief(BEGUN + "paired: true\n", "b.yaml")
    made = list(expand(loaded, run="r", content_date=DAY, resolve_model=resolve, resolve_image=digest_of))
    found = {(item.variant, item.metadata["c"]): item.request for item in made if isinstance(item, Item)}
    assert len(found) == len(made) == 9
    for colour in ("red", "blue", "green"):
        assert found["own", colour].init_image == digest_of(f"{colour}.png")
        assert found["fixed", colour].init_image == digest_of("one.png")
        assert found["none", colour].init_image == ""
    params = [found[arm, "red"].params for arm in ("own", "fixed", "none")]
    assert [params.strength for params in params if isinstance(params, ImageParams)] == [0.5, 0.9, 0.8]
    assert len({request.key for request in found.values()}) == 9


def test_a_picture_that_cannot_be_used_costs_its_row_alone() -> None:
    def red_alone(name: str) -> str:
        if name != "red.png":
            raise InputError("", "init_image", name, "is not in the inbox")
        return "a" * 64

    text = PLAIN + "init_image: '{{ c }}.png'\n"
    made = list(
        expand(parse_brief(text, "b.yaml"), run="r", content_date=DAY, resolve_model=resolve, resolve_image=red_alone)
    )
    assert [isinstance(one, Item) for one in made] == [True, False, False]
    assert [(one.field, one.value) for one in made if isinstance(one, Reject)] == [
        ("init_image", "blue.png"),
        ("init_image", "green.png"),
    ]


def test_a_strength_that_leaves_no_step_is_refused() -> None:
    text = PLAIN + "init_image: a.png\nparams: {strength: 0.04, num_inference_steps: 20}\n"
    made = expand(
        parse_brief(text, "b.yaml"), run="r", content_date=DAY, resolve_model=resolve, resolve_image=digest_of
    )
    for one in made:
        assert isinstance(one, Reject)
        assert (one.field, one.value) == ("params.strength", "0.04")
        assert "none of 20 steps" in one.rule


def test_the_engine_is_the_model_s_the_brief_s_or_the_variant_s_and_makes_another_request() -> None:
    text = "name: b\nkind: text\nprompt: hello\nparams: {max_new_tokens: 5}\npaired: true\nvariants:\n"
    arms = "- {name: exact, engine: slots}\n- {name: quick, engine: slots-fast}\n- {name: plain}\n"
    made = {item.variant: item.request for item in items_of(text + arms)}
    assert {name: request.engine for name, request in made.items()} == {
        "exact": "slots",
        "quick": "slots-fast",
        "plain": "stock",
    }
    assert len({request.key for request in made.values()}) == 3
    assert len({request.seed for request in made.values()}) == 1
    made = {item.variant: item.request.engine for item in items_of("engine: slots-fast\n" + text + arms)}
    assert made["plain"] == "slots-fast"


def test_texts_have_no_adapters() -> None:
    text = "name: b\nkind: text\nprompt: hello\nadapters: [{model: house-style}]\n"
    with pytest.raises(InputError, match=r"adapters.*is for kind image"):
        parse_brief(text, "b.yaml")


def test_item_ids_do_not_depend_on_where_the_brief_lies() -> None:
    here = [item.item_id for item in items_of(PLAIN)]
    moved = expand(parse_brief(PLAIN, "elsewhere/c.yaml"), run="r", content_date=DAY, resolve_model=resolve)
    assert [item.item_id for item in moved if isinstance(item, Item)] == here


@given(DAYS, DAYS)
def test_a_date_gives_the_same_keys_whenever_it_is_run_and_another_date_others(day: date, other: date) -> None:
    keys = [item.request.key for item in items_of(PLAIN, day)]
    assert [item.request.key for item in items_of(PLAIN, day, run="backfill")] == keys
    if other != day:
        assert set(keys).isdisjoint(item.request.key for item in items_of(PLAIN, other))


@given(DAYS, DAYS)
def test_a_fixed_seed_leaves_the_date_out(day: date, other: date) -> None:
    text = PLAIN.replace(" on {{ content_date }}", "") + "seed_policy: fixed\ncount: 2\n"
    assert [item.request for item in items_of(text, day)] == [item.request for item in items_of(text, other)]
    assert [item.request.seed for item in items_of(text, day)] == [derive_seed(7, 0), derive_seed(7, 1)]


@given(DAYS)
def test_the_variant_never_enters_the_seed(day: date) -> None:
    plain = [item.request.seed for item in items_of(PLAIN, day)]
    assert [item.request.seed for item in items_of(ARMS, day)] == plain
    paired = items_of(ARMS + "paired: true", day)
    assert [item.request.seed for item in paired] == [seed for seed in plain for _ in range(2)]
    assert [item.variant for item in paired] == ["ten", "own"] * 3
    assert len({item.item_id for item in paired}) == 6


def test_the_order_of_variants_does_not_matter() -> None:
    turned = (
        PLAIN + "variants:\n- {name: own, weight: 0.5}\n- {name: ten, weight: 0.5, params: {num_inference_steps: 10}}\n"
    )
    assert items_of(ARMS + "count: 50") == items_of(turned + "count: 50")


def test_an_experiment_shares_its_rows_out() -> None:
    counts = Counter(item.variant for item in items_of(ARMS + "count: 2000"))
    assert 900 < counts["ten"] < 1100
    assert counts.total() == 2000


def test_an_arm_overrides_model_prompt_and_parameters() -> None:
    text = PLAIN.replace(" on {{ content_date }}", "") + (
        "params: {num_inference_steps: 40}\nnegative_prompt: no {{ c }}\npaired: true\nexperiment: trial\nvariants:\n"
        "- name: base\n"
        "- {name: other, model: other-painter, prompt: '{{ prompt }}, a {{ c }} poster', negative_prompt: dark}\n"
        "- {name: fast, params: {num_inference_steps: 5, negative_prompt: '{{ c }}'}}\n"
    )
    base, other, fast = items_of(text)[:3]
    assert base.request.params == ImageParams(width=64, height=64, num_inference_steps=40, negative_prompt="no red")
    assert other.request.params == ImageParams(
        width=64, height=64, num_inference_steps=40, negative_prompt="dark", scheduler="DDIMScheduler"
    )
    assert (other.request.prompt, other.request.model) == ("a red star, a red poster", "other-painter")
    assert other.request.model_digest != base.request.model_digest
    assert fast.request.params == ImageParams(width=64, height=64, num_inference_steps=5, negative_prompt="{{ c }}")
    assert {item.experiment for item in (base, other, fast)} == {"trial"}


def test_a_model_that_cannot_be_used_stops_the_brief_at_once() -> None:
    for text, line, field in (
        (PLAIN + "model: nobody", 6, "model"),
        (PLAIN + "model: writer", 6, "model"),
        (PLAIN + "variants:\n- {name: a, model: nobody}", 7, "variants[0].model"),
    ):
        with pytest.raises(InputError) as caught:
            expand(parse_brief(text, "b.yaml"), run="r", content_date=DAY, resolve_model=resolve)
        assert (caught.value.line, caught.value.field) == (line, field)


def test_a_row_that_comes_out_empty_is_rejected_alone_and_never_half_a_pair() -> None:
    text = (
        "name: b\nkind: image\nprompt: '{{ c }}'\nvariables:\n- {c: red}\n- {c: ''}\n- {c: blue}\npaired: true\n"
        "variants: [{name: a, prompt: a star}, {name: b}]\n"
    )
    made = list(expand(parse_brief(text, "b.yaml"), run="r", content_date=DAY, resolve_model=resolve))
    assert [(one.custom_id, one.variant) for one in made if isinstance(one, Item)] == [
        *(("b-0000", "a"), ("b-0000", "b"), ("b-0002", "a"), ("b-0002", "b")),
    ]
    (wrong,) = (one for one in made if isinstance(one, Reject))
    assert (wrong.source, wrong.line, wrong.field) == ("b.yaml", 6, "prompt")


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**63 - 1), DAYS)
def test_a_draw_takes_rows_once_and_a_larger_count_takes_them_over_and_over(
    rows: int, count: int, seed: int, day: date
) -> None:
    order = row_order(rows, count, seed, day)
    assert len(order) == count
    assert row_order(rows, count, seed, day) == order
    if count < rows:
        assert order == sorted(set(order))
        assert set(order) <= set(row_order(rows, count + 1, seed, day)) or count + 1 >= rows
    else:
        assert order == [index % rows for index in range(count)]
    assert set(order) <= set(range(rows))


def test_a_draw_is_another_one_every_day_and_reaches_every_row() -> None:
    days = [row_order(100, 20, 7, date(2026, 11, 1 + day)) for day in range(28)]
    assert len({tuple(order) for order in days}) == 28
    assert len({row for order in days for row in order}) > 95
    assert row_order(100, 20, 7, None) == row_order(100, 20, 7, None)
