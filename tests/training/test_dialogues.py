"""The grammar of support dialogues: exact probabilities, labelled turns, consistent order numbers."""

from __future__ import annotations

import math
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galley.training import dialogues, product_copy
from galley.training.grammar import lookup


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_dialogue_scores_as_it_was_drawn(seed: int) -> None:
    dialogue = dialogues.sample(random.Random(seed))
    # two intents could one day share a sentence: then the text is more likely than the way in which it was drawn
    assert dialogues.log_probability(dialogue.text) == pytest.approx(dialogue.log_probability, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_turns_alternate_and_carry_an_intent(seed: int) -> None:
    dialogue = dialogues.sample(random.Random(seed))
    assert [turn.role for turn in dialogue.turns] == ["user", "assistant"] * (len(dialogue.turns) // 2)
    assert all(turn.intent in dialogues.INTENTS and turn.text and "\n" not in turn.text for turn in dialogue.turns)
    for user, assistant in zip(dialogue.turns[::2], dialogue.turns[1::2], strict=True):
        assert user.intent == assistant.intent
    assert re.fullmatch(r"(User: [^\n]+\nAssistant: [^\n]+\n)+", dialogue.text)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_an_order_number_stays_the_same(seed: int) -> None:
    assert len(set(re.findall(r"#(\d+)", dialogues.sample(random.Random(seed)).text))) <= 1


def test_names_held_out_of_copy_are_in_no_dialogue() -> None:
    user, _ = dialogues._exchange("product_question")
    rng = random.Random(0)
    for _ in range(500):
        env: dict[str, str] = {}
        user.draw(rng, env, [])
        assert not product_copy.is_held_out(env.get("product", "Ember"))


@pytest.mark.parametrize("state", ["start", *dialogues.STATES])
def test_the_shares_of_the_next_states_sum_to_one(state: str) -> None:
    shares = dialogues._shares(state)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert set(shares) <= {*dialogues.STATES, "end"}


def test_every_state_is_reached_and_every_intent_is_labelled() -> None:
    assert {turn.intent for turn in dialogues.labelled_turns(3, 800)} == set(dialogues.INTENTS)


def test_a_short_dialogue_has_the_probability_of_its_parts() -> None:
    text = "User: I want to talk to a person.\nAssistant: Sure, Amara will call you back tomorrow.\n"
    start, handoff = dialogues._shares("start"), dialogues._shares("human_handoff")
    expected = start["human_handoff"] * (1 / 4) * (1 / 3) * (1 / 8) * (1 / 6) * handoff["end"]
    assert math.exp(dialogues.log_probability(text)) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "User: Hi!\n", "User: Hi!\nAssistant: Nothing of the kind\n", "Hi!\nHello\n"])
def test_other_texts_have_no_probability(text: str) -> None:
    assert dialogues.log_probability(text) == -math.inf


def test_what_is_bound_can_be_looked_up() -> None:
    user, _ = dialogues._exchange("cancel_order")
    ((_, bound),) = user.parse("User: Please cancel order #12345.\n", 0, ())
    assert lookup(bound, "order") == "12345"
