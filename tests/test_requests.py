"""Request files: every line gives items or one reject that says where, what and why; memory does not grow."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley import jsonl
from galley.briefs import Brief
from galley.errors import InputError
from galley.items import ImageParams, Item, Reject, derive_seed, item_id
from galley.requests import read_requests
from tests.intake import DAY, resolve

BRIEFS = {
    "spring": Brief.model_validate(
        {
            "name": "spring",
            "kind": "image",
            "prompt": "unused",
            "experiment": "trial",
            "policy": "strict",
            "embed_prompt": True,
            "variants": [
                {"name": "ten", "params": {"num_inference_steps": 10}},
                {"name": "poster", "prompt": "{{ prompt }}, a poster", "model": "other-painter"},
            ],
        }
    ),
    "pairs": Brief.model_validate(
        {"name": "pairs", "kind": "text", "prompt": "x", "paired": True, "variants": [{"name": "a"}, {"name": "b"}]}
    ),
    "needy": Brief.model_validate(
        {
            "name": "needy",
            "kind": "image",
            "prompt": "{{ c }}",
            "variables": {"c": (1,)},
            "variants": [{"name": "a", "prompt": "{{ c }}"}],
        }
    ),
}


def row(**fields: Any) -> bytes:
    return json.dumps({"custom_id": "a", "kind": "image", "prompt": "a star"} | fields).encode()


def without(name: str) -> bytes:
    return json.dumps({k: v for k, v in json.loads(row()).items() if k != name}).encode()


def read(*lines: bytes, **more: Any) -> list[Item | Reject]:
    return list(
        read_requests(
            io.BytesIO(b"\n".join(lines)),
            "file.jsonl",
            run="r",
            content_date=DAY,
            resolve_model=resolve,
            briefs=BRIEFS,
            **more,
        )
    )


def item(line: bytes, **more: Any) -> Item:
    (made,) = read(line, **more)
    assert isinstance(made, Item), made
    return made


def test_what_is_left_out_takes_its_default() -> None:
    made = item(row())
    assert made.request.params == ImageParams(width=64, height=64, num_inference_steps=20)
    assert (made.request.model, made.request.seed, made.request.prompt) == ("painter", derive_seed("a"), "a star")
    assert (made.brief, made.experiment, made.variant, made.policy) == ("requests", "requests", "default", "default")
    assert (made.unit, made.custom_id, made.metadata) == ("a", "a", {})
    assert (made.origin.source, made.origin.line, made.origin.row) == ("file.jsonl", 1, 0)
    assert made.item_id == item_id("r", "file.jsonl", "a", "default")
    assert item(row(), identity="sha").item_id == item_id("r", "sha", "a", "default")


def test_what_is_given_is_used() -> None:
    metadata = {"a": [1, None, {"b": "ü"}], "c": 1.5}
    params = {"num_inference_steps": 5, "negative_prompt": "dark", "scheduler": "DDIMScheduler"}
    made = item(row(model="other-painter", seed=2**63 - 1, params=params, metadata=metadata))
    assert (made.request.model, made.request.seed, made.metadata) == ("other-painter", 2**63 - 1, metadata)
    assert made.request.params == ImageParams(width=64, height=64, **params)


def test_a_row_may_begin_with_a_picture() -> None:
    def found(name: str) -> str:
        return "a" * 64

    made = item(row(init_image="jar.png", params={"strength": 0.4}), resolve_image=found)
    assert made.request.init_image == "a" * 64
    assert made.request.params == ImageParams(width=64, height=64, num_inference_steps=20, strength=0.4)


@pytest.mark.parametrize(
    ("fields", "field", "rule"),
    [
        ({"init_image": "jar.png"}, "init_image", "cannot be looked up here"),
        ({"init_image": "jar.png", "kind": "text"}, "init_image", "is for kind image"),
        ({"params": {"strength": 0.5}}, "params.strength", "that begin with an init_image"),
        ({"init_image": "jar.png", "params": {"strength": 0}}, "params.strength", "greater than 0"),
        ({"init_image": ["jar.png"]}, "init_image", ""),
    ],
)
def test_a_picture_that_cannot_be_is_said(fields: dict[str, Any], field: str, rule: str) -> None:
    known = {} if rule.startswith("cannot") else {"resolve_image": lambda name: "a" * 64}
    (made,) = read(row(**fields), **known)
    assert isinstance(made, Reject)
    assert made.field == field and rule in made.rule


def test_a_row_may_say_how_much_of_its_brief_s_variant_picture_changes() -> None:
    arms = [{"name": "a", "init_image": "jar.png"}]
    briefs = {"begun": Brief.model_validate({"name": "begun", "kind": "image", "prompt": "x", "variants": arms})}
    line = row(params={"strength": 0.5})
    more = {"resolve_image": lambda name: "a" * 64, "brief": "begun", "briefs": briefs}
    (made,) = read_requests(
        io.BytesIO(line),
        "f",
        run="r",
        content_date=DAY,
        resolve_model=resolve,
        **more,  # type: ignore[arg-type]
    )
    assert isinstance(made, Item) and isinstance(made.request.params, ImageParams)
    assert (made.request.init_image, made.request.params.strength) == ("a" * 64, 0.5)
    (refused,) = read(row(params={"strength": 0.5}, brief="shapes" if "shapes" in BRIEFS else next(iter(BRIEFS))))
    assert isinstance(refused, Reject)


def test_a_row_of_a_brief_takes_its_policy_experiment_and_variants_but_not_its_prompt() -> None:
    arms = set()
    for index in range(20):
        made = item(row(custom_id=f"row {index}", brief="spring", seed=5, params={"num_inference_steps": 40}))
        assert (made.brief, made.experiment, made.policy, made.embed_prompt) == ("spring", "trial", "strict", True)
        assert isinstance(made.request.params, ImageParams)
        facts = (made.variant, made.request.prompt, made.request.model, made.request.params.num_inference_steps)
        arms.add(facts)
        assert made.request.seed == 5
    assert arms == {("ten", "a star", "painter", 10), ("poster", "a star, a poster", "other-painter", 40)}


def test_a_paired_brief_makes_a_row_in_every_variant() -> None:
    made = read(row(kind="text", brief="pairs"))
    assert [one.variant for one in made if isinstance(one, Item)] == ["a", "b"]
    assert len({one.item_id for one in made if isinstance(one, Item)}) == 2
    assert len({one.request.key for one in made if isinstance(one, Item)}) == 1


def test_the_inbox_gives_rows_without_a_brief_the_one_of_their_directory() -> None:
    assert item(row(), brief="spring").policy == "strict"
    assert read(row(), brief="pairs")[0].rule.startswith('is not the kind of brief "pairs"')  # type: ignore[union-attr]
    with pytest.raises(InputError, match="not the name of a brief"):
        read(row(), brief="nobody")


DEEP = b'{"custom_id":"a","kind":"image","prompt":"x","metadata":' + b'{"a":' * 40 + b"1" + b"}" * 41


@pytest.mark.parametrize(
    ("line", "field", "value", "rule"),
    [
        (row(promt="x"), "promt", "x", 'not a field here; did you mean "prompt"?'),
        (
            row(params={"num_inference_step": 3}),
            "params.num_inference_step",
            "3",
            'did you mean "num_inference_steps"?',
        ),
        (row(params={"max_new_tokens": 3}), "params.max_new_tokens", "3", "not a field here"),
        (without("custom_id"), "custom_id", "", "is required"),
        (without("kind"), "kind", "", "is required"),
        (without("prompt"), "prompt", "", "is required"),
        (row(custom_id=5), "custom_id", "5", "a text"),
        (row(custom_id=""), "custom_id", "", "at least 1 character"),
        (row(custom_id="x" * 513), "custom_id", "x" * 199 + "…", "at most 512"),
        (row(kind="video"), "kind", "video", "'image' or 'text'"),
        (row(prompt=["a"]), "prompt", '["a"]', "a text"),
        (row(prompt=" \n"), "prompt", " \n", "is empty"),
        (row(prompt="x" * 100_001), "prompt", "x" * 199 + "…", "at most 100000"),
        (row(model="nobody"), "model", "nobody", 'no model "nobody"'),
        (row(model="writer"), "model", "writer", "makes text, not image"),
        (row(model=3), "model", "3", "a text"),
        (row(model=None), "model", "null", "leave the field out"),
        (row(seed=-1), "seed", "-1", "greater than or equal to 0"),
        (row(seed=2**63), "seed", str(2**63), "less than"),
        (row(seed=1.0), "seed", "1.0", "whole number"),
        (row(seed=True), "seed", "true", "whole number"),
        (row(params=[]), "params", "[]", "mapping"),
        (row(params={"width": 100}), "params.width", "100", "multiple of 8"),
        (row(params={"num_inference_steps": "20"}), "params.num_inference_steps", "20", "whole number"),
        (row(params={"num_inference_steps": 0}), "params.num_inference_steps", "0", "greater than or equal to 1"),
        (row(params={"guidance_scale": 1e9}), "params.guidance_scale", "1000000000.0", "less than or equal to 100"),
        (row(params={"scheduler": "os.system"}), "params.scheduler", "os.system", "ends in Scheduler"),
        (row(metadata=3), "metadata", "3", "mapping"),
        (row(brief="nobody"), "brief", "nobody", "there are: needy, pairs, spring"),
        (row(brief="pairs"), "kind", "image", "which is text"),
        (row(brief="needy"), "brief", "c", "request rows have only prompt"),
        (b'{"custom_id": "a"', "", '{"custom_id": "a"', "not JSON"),
        (b"{'custom_id': 'a'}", "", "{'custom_id': 'a'}", "not JSON: Expecting property name"),
        (b"[1]", "", "[1]", "not a JSON object"),
        (b"null", "", "null", "not a JSON object"),
        (b'{"a": 1} {"b": 2}', "", '{"a": 1} {"b": 2}', "Extra data"),
        (b'{"kind":"image","kind":"text"}', "", '{"kind":"image","kind":"text"}', 'key "kind" twice'),
        (row().replace(b'"a star"', b"NaN"), "", None, "has NaN"),
        (row().replace(b'"a star"', b"-Infinity"), "", None, "has -Infinity"),
        (row(seed=0).replace(b'"seed": 0', b'"seed": 1e999'), "", None, "1e999, which is too large"),
        (row(seed=0).replace(b'"seed": 0', b'"seed": ' + b"9" * 5000), "", None, "too many digits"),
        (row(prompt="x\0y"), "prompt", "x\\x00y", "has a NUL, written as an escape"),
        (row(metadata={"k\0": 1}), "metadata", "k\\x00", "has a NUL, written as an escape"),
        (row().replace(b"star", b"st\0ar"), "", None, "has a NUL byte"),
        (row().replace(b"star", b"\\ud800"), "prompt", "a \\ud800", "half a surrogate pair"),
        (row().replace(b"star", b"st\xe9r"), "", None, "not UTF-8 (byte 51 of the line is 0xe9)"),
        (row().decode().encode("utf-16"), "", None, "has a NUL byte"),
        (DEEP, "", None, "nested more than 32 deep"),
        (b"[" * 100_000, "", None, "nested more than 32 deep"),
        (row(prompt="x" * 10_000_000), "", None, "beginning of a line longer than 2097152 bytes"),
    ],
    ids=lambda value: repr(value)[:24],  # ten million bytes make a long name
)
def test_a_bad_row_is_rejected_with_its_place_and_the_others_go_on(
    line: bytes, field: str, value: str | None, rule: str
) -> None:
    before, found, after = read(row(custom_id="before"), line, row(custom_id="after"))
    assert isinstance(before, Item)
    assert isinstance(after, Item)
    assert (after.custom_id, after.origin.line, after.origin.row) == ("after", 3, 2)
    assert isinstance(found, Reject)
    assert (found.source, found.line, found.field) == ("file.jsonl", 2, field)
    assert found.value == value if value is not None else 0 < len(found.value) <= 1300
    assert rule in found.rule
    assert Reject.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("content", [b"", b"\n\n", b" \r\n\t", b"\xef\xbb\xbf"])
def test_a_file_without_rows_is_one_reject(content: bytes) -> None:
    (found,) = read(content)
    assert isinstance(found, Reject)
    assert (found.source, found.line, found.rule) == (
        *("file.jsonl", None),
        "has no rows; a request file has one JSON object a line",
    )


def test_byte_order_mark_carriage_returns_and_blank_lines_are_no_errors() -> None:
    made = read(b"\xef\xbb\xbf" + row(custom_id="a") + b"\r", b"", b"  \r", row(custom_id="b") + b"\r\n\n")
    assert [(one.custom_id, one.origin.line, one.origin.row) for one in made if isinstance(one, Item)] == [
        *(("a", 1, 0), ("b", 4, 1)),
    ]
    assert len(made) == 2


def test_the_first_row_of_a_custom_id_stays() -> None:
    made = read(row(custom_id="x"), row(custom_id="y"), row(custom_id="x"), row(custom_id="x", seed=-1))
    assert [type(one).__name__ for one in made] == ["Item", "Item", "Reject", "Reject"]
    assert [one.rule for one in made if isinstance(one, Reject)] == [
        "was seen in line 1, whose answer bears it; give every row a custom_id of its own"
    ] * 2
    assert [one.custom_id for one in made if isinstance(one, Reject)] == ["", ""]  # the answer is the first row's


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        (row(custom_id="mine", seed=-1), "mine"),
        (row(custom_id="mine", colour="red"), "mine"),
        (b'{"custom_id": "mine", "method": "POST", "url": "/v1/nothing", "body": {}}\n', "mine"),
        (row(custom_id="x" * 600), ""),
        (row(custom_id=7), ""),
        (b'{"custom_id": "mine", "kind"\n', ""),
    ],
)
def test_a_rejected_row_keeps_a_custom_id_that_can_be_read(line: bytes, kept: str) -> None:
    (made,) = read(line)
    assert isinstance(made, Reject) and made.custom_id == kept


def test_a_custom_id_of_a_rejected_row_is_taken_too() -> None:
    # Else results and errors of one file could both speak of the same custom_id.
    assert [type(one).__name__ for one in read(row(seed=-1), row())] == ["Reject", "Reject"]


def test_a_line_of_exactly_the_greatest_length_is_read() -> None:
    most = row(metadata={"x": ""})
    most = row(metadata={"x": "y" * (jsonl.MAX_LINE - len(most))})
    assert len(most) == jsonl.MAX_LINE
    assert [type(one).__name__ for one in read(most, row(custom_id="b"))] == ["Item", "Item"]
    assert [type(one).__name__ for one in read(most + b" ", row(custom_id="b"))] == ["Reject", "Item"]


class Tape(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines, self._rest = lines, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or next(self._lines, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def peak(lines: Callable[[], Iterator[bytes]], scratch: Path) -> tuple[int, int]:
    """(rows, peak of allocated bytes) of reading; SQLite's own 8 MB cache is not seen by tracemalloc, being bounded."""
    tracemalloc.start()
    try:
        stream = io.BufferedReader(Tape(lines()))
        made = read_requests(stream, "f", run="r", content_date=DAY, resolve_model=resolve, scratch=scratch)
        count = sum(1 for _ in made)
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def rows(count: int) -> Callable[[], Iterator[bytes]]:
        return lambda: (row(custom_id=f"row {index}") + b"\n" for index in range(count))

    peak(rows(100), tmp_path)  # caches that fill once
    few, less = peak(rows(300), tmp_path)
    many, more = peak(rows(6000), tmp_path)
    assert (few, many) == (300, 6000)
    assert more < less + 100_000
    assert list(tmp_path.iterdir()) == []


def test_a_line_without_an_end_is_not_held(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        yield b'{"custom_id": "'
        for _ in range(500):
            yield b"x" * 100_000
        yield b'"}\n' + row()

    count, most = peak(endless, tmp_path)
    assert count == 2
    assert most < 4 * jsonl.MAX_LINE


PIECES = st.sampled_from(
    [
        row(),
        row(custom_id="b"),
        b"\n",
        b"\r\n",
        b"\xef\xbb\xbf",
        b"\0",
        b"\xff",
        b"{",
        b"}",
        b'"',
        b"\\u0000",
        b"[",
        b"1e999",
        b" ",
    ]
)


@given(st.lists(PIECES | st.binary(max_size=5), max_size=12).map(b"".join))
def test_every_line_of_any_bytes_gives_exactly_one_row_or_reject(content: bytes) -> None:
    made = read(content)
    lines: list[int | None] = [
        number
        for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1)
        if line.rstrip(b"\r") and not line.isspace()
    ]
    places = [one.origin.line if isinstance(one, Item) else one.line for one in made]
    assert places == (lines or [None])
    assert all(isinstance(one, Item) or one.rule for one in made)
    for one in made:
        assert type(one).model_validate_json(one.model_dump_json()) == one


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    ["custom_id", "kind", "prompt", "model", "params", "seed", "brief", "metadata", "url", "body", "x"]
)


@given(st.dictionaries(NAMES, VALUES | st.sampled_from(["image", "text", "spring", "a"]), max_size=9))
def test_any_object_is_an_item_or_a_reject(fields: dict[str, Any]) -> None:
    made = read(json.dumps(fields).encode())
    assert len(made) == 1
    if isinstance(made[0], Item):
        assert made[0].metadata == fields.get("metadata", {})


@given(st.lists(st.integers(0, 30), max_size=40))
def test_reading_again_gives_the_same(ids: list[int]) -> None:
    lines = [row(custom_id=f"row {index}", brief="spring") for index in ids]
    assert read(*lines) == read(*lines)
    made = [one.custom_id for one in read(*lines) if isinstance(one, Item)]
    assert made == list(dict.fromkeys(f"row {index}" for index in ids))
