"""The grammar of product copy: exact probabilities, held-out names, tones that can be read off the words."""

from __future__ import annotations

import itertools
import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from galley.training import product_copy
from galley.training.grammar import (
    Chain,
    Choice,
    Kept,
    Literal,
    Once,
    log_probability,
    one_of,
    state_distribution,
    template,
)
from galley.training.product_words import AUDIENCE_MODIFIERS, AUDIENCES, FAMILIES, NAME_LINES, TONES

seeds = st.integers(0, 2**32)


def small_grammar() -> Chain:
    """Sixteen derivations, some of which give the same text."""
    animal = Once("animal", Choice([Literal("cat"), Literal("cats"), Literal("dog")], [2.0, 1.0, 1.0]))
    return Chain([animal, one_of(("", "s")), Literal(" and "), one_of(("a ", "")), animal])


def test_the_probabilities_of_all_texts_sum_to_one() -> None:
    texts = {
        f"{animal}{plural} and {article}{animal}"
        for animal in ("cat", "cats", "dog")
        for plural in ("", "s")
        for article in ("a ", "")
    }
    total = sum(math.exp(log_probability(small_grammar(), text)) for text in texts)
    assert total == pytest.approx(1.0, abs=1e-12)


def test_two_derivations_of_one_text_are_added_up() -> None:
    ambiguous = Chain([one_of(("a", "aa")), one_of(("a", "aa"))])
    assert math.exp(log_probability(ambiguous, "aaa")) == pytest.approx(0.5)


def test_sampling_frequencies_match_the_probabilities() -> None:
    rng, grammar, count = random.Random(3), small_grammar(), 20_000
    drawn: Counter[str] = Counter()
    for _ in range(count):
        out: list[str] = []
        grammar.draw(rng, {}, out)
        drawn["".join(out)] += 1
    for text, times in drawn.items():
        probability = math.exp(log_probability(grammar, text))
        assert abs(times - count * probability) < 5 * math.sqrt(count * probability * (1 - probability))


def test_a_text_that_the_grammar_cannot_write_has_no_probability() -> None:
    assert log_probability(small_grammar(), "cat and dog") == -math.inf
    assert log_probability(small_grammar(), "cat and cat!") == -math.inf


def test_a_slot_with_a_caret_is_capitalised() -> None:
    node = template("{^word}!", {"word": one_of(("yes", "no"))})
    assert math.exp(log_probability(node, "Yes!")) == pytest.approx(0.5)
    assert log_probability(node, "yes!") == -math.inf


def test_a_kept_node_is_conditioned_on_what_it_keeps() -> None:
    node = Kept(one_of(("a", "b", "c", "d")), lambda text: text < "d", 0.75)
    assert sum(math.exp(log_probability(node, text)) for text in "abcd") == pytest.approx(1.0)


def test_state_distribution_counts_every_derivation() -> None:
    letters = one_of(("x", "xx", "y"))
    found = state_distribution(Chain([letters, letters]), lambda state, text: (state + len(text)) % 3)
    assert found == pytest.approx({2: 4 / 9, 0: 4 / 9, 1: 1 / 9})


@settings(max_examples=40, deadline=None)
@given(seeds, st.sampled_from([True, False, None]))
def test_a_document_scores_as_it_was_drawn(seed: int, held_out: bool | None) -> None:
    document = product_copy.sample(random.Random(seed), held_out=held_out)
    read = product_copy.read_prompt(document.text, held_out=held_out)
    assert read is not None
    brief, prompt_nats = read
    assert brief == document.brief
    assert prompt_nats == pytest.approx(document.prompt_log_probability, abs=1e-9)
    scored = product_copy.copy_log_probability(brief, document.copy)
    assert scored == pytest.approx(document.copy_log_probability, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(seeds, st.booleans())
def test_copy_names_the_product_and_keeps_the_tone(seed: int, held_out: bool) -> None:
    document = product_copy.sample(random.Random(seed), held_out=held_out)
    brief = document.brief
    assert brief.name in document.copy
    assert "\n" not in document.text and "  " not in document.text and "{" not in document.text
    assert product_copy.tone_of(document.copy, name=brief.name, audience=brief.audience) == brief.tone
    assert product_copy.is_held_out(brief.name) == held_out
    assert "{name}" in product_copy.masked(document.copy, brief.name)


def test_the_share_of_held_out_names_is_exact() -> None:
    rng, count = random.Random(5), 20_000
    share = state_distribution(product_copy.brand_grammar(), product_copy._hash)[0]
    drawn = sum(product_copy.is_held_out(product_copy.sample(rng, held_out=None).brief.name) for _ in range(count))
    assert abs(drawn / count - share) < 5 * math.sqrt(share / count)
    assert 0.03 < share < 0.12


def test_reading_a_prompt_of_the_other_class_fails() -> None:
    document = next(product_copy.documents(1, 0, 1, held_out=True))
    assert product_copy.read_prompt(document.text, held_out=False) is None
    assert product_copy.read_prompt("Product: something else", held_out=None) is None


def test_documents_depend_on_seed_and_chunk_alone() -> None:
    first = [document.text for document in product_copy.documents(4, 2, 5)]
    assert first == [document.text for document in product_copy.documents(4, 2, 5)]
    assert not set(first) & {document.text for document in product_copy.documents(4, 3, 5)}


def test_tones_have_disjoint_words_and_neutral_phrases_have_none() -> None:
    for one, other in itertools.combinations(TONES.values(), 2):
        assert not one.lexicon & other.lexicon
    for key, tone in TONES.items():
        for phrase in (*tone.hooks, *tone.adjectives, *tone.claims, *tone.closers, *tone.subjects):
            assert product_copy.tone_of(phrase) == key, phrase
    families = FAMILIES.values()
    neutral = [
        text for family in families for text in (*family.nouns, *family.features, *family.benefits, *family.moments)
    ]
    forms = [*product_copy.HEADLINES, *product_copy.ADS, *product_copy.EMAIL_SUBJECTS, *product_copy.FEATURELESS]
    forms += [form for part in product_copy.PARTS.values() for form in part]
    for phrase in (*neutral, *forms, *AUDIENCES, *AUDIENCE_MODIFIERS, *NAME_LINES):
        assert not any(product_copy.tone_words(phrase).values()), phrase


def test_a_text_in_two_tones_or_in_none_has_no_tone() -> None:
    assert product_copy.tone_of("hooray for the datasheet") is None
    assert product_copy.tone_of("it is a desk lamp") is None
    assert product_copy.tone_of("Hooray Lamp: the sumptuous lamp", name="Hooray Lamp") == "luxurious"


def test_families_can_be_split_into_thirds_and_halves() -> None:
    for family in FAMILIES.values():
        assert len(set(family.features)) == 9
        assert len(set(family.benefits)) == 8
