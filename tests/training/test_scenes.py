"""The drawn world: what is held out stays out, captions say what is there, and a reader of another make sees it."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galley.training.drawing import draw
from galley.training.scenes import (
    COLOURS,
    HELD_OUT,
    RELATIONS,
    SHAPES,
    Caption,
    caption,
    held_out_scenes,
    sample,
    training_scenes,
)
from tests.starters.scene_reader import read
from tests.starters.scene_score import score


def test_training_never_sees_a_held_out_combination_and_the_test_set_always_does() -> None:
    assert not training_scenes(5000, 1).held_out.any()
    assert held_out_scenes(300, 2).held_out.all()
    assert 0.02 < HELD_OUT.mean() < 0.09


def test_the_same_key_gives_the_same_scenes_and_another_key_others() -> None:
    a, b, c = training_scenes(50, 1, 2), training_scenes(50, 1, 2), training_scenes(50, 1, 3)
    assert (a.centre == b.centre).all()
    assert not (a.centre == c.centre).all()


def test_no_object_has_the_colour_of_its_ground() -> None:
    scenes = sample(5000, np.random.default_rng(0))
    assert not (scenes.colour == scenes.ground[:, :1]).any()
    assert not (scenes.colour == scenes.ground[:, 1:]).any()


def test_gradients_have_two_colours_and_plain_grounds_one() -> None:
    scenes = sample(2000, np.random.default_rng(0))
    assert ((scenes.ground[:, 0] != scenes.ground[:, 1]) == (scenes.gradient > 0)).all()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6))
def test_a_full_caption_names_every_object_colour_and_ground(seed: int) -> None:
    scenes = training_scenes(1, seed)
    told = caption(scenes, 0, random.Random(seed), full=True, strange=0.0)
    text = told.text.lower()
    for j in range(scenes.count[0]):
        assert f"{COLOURS[scenes.colour[0, j]]} {SHAPES[scenes.shape[0, j]]}" in text
    for end in (0, 1):
        assert COLOURS[scenes.ground[0, end]] in text
    assert told.sizes == (True, True)
    assert told.ground


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 10**6))
def test_a_relation_holds_in_the_scene_as_the_caption_words_it(seed: int) -> None:
    scenes = training_scenes(1, seed, 9)
    if scenes.count[0] != 2:
        return
    first, second = scenes.centre[0]
    relation = RELATIONS[scenes.relation[0]]
    holds = {
        "above": first[1] < second[1],
        "below": first[1] > second[1],
        "left of": first[0] < second[0],
        "right of": first[0] > second[0],
    }
    assert holds[relation]


def test_captions_vary_and_sometimes_leave_things_out() -> None:
    scenes, rng = training_scenes(1, 3), random.Random(0)
    told: list[Caption] = [caption(scenes, 0, rng) for _ in range(200)]
    assert len({c.text for c in told}) > 60
    assert {c.ground for c in told} == {True, False}


@pytest.mark.parametrize("side", [64, 128])
def test_the_independent_reader_reads_what_was_drawn(side: int) -> None:
    scenes = held_out_scenes(120, 4)
    pictures = (draw(scenes, side) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    tally: Counter[str] = Counter()
    for i, picture in enumerate(pictures):
        score(scenes, i, read(picture), tally)
    for name in ("ground", "colour", "shape", "size", "position", "both"):
        assert tally[name] >= 0.99 * tally[f"{name} of"], name


def test_the_reader_notices_a_wrong_colour_a_wrong_shape_and_a_missing_object() -> None:
    scenes = training_scenes(200, 5)
    other = training_scenes(200, 6)
    pictures = (draw(other, 64) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    tally: Counter[str] = Counter()
    for i, picture in enumerate(pictures):
        score(scenes, i, read(picture), tally)
    for name in ("ground", "colour", "shape", "both"):
        assert tally[name] < 0.35 * tally[f"{name} of"], name
