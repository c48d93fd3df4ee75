import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.training import product_copy
from galley.training.remark_platform import HARMLESS, addressed, amid, excerpt, platform_remark
from galley.training.remarks import CLASSES, with_implied


@given(st.integers(0, 2**32), st.sampled_from(["train", "heldout"]))
def test_a_platform_remark_has_consistent_labels(seed, split):
    remark = platform_remark(random.Random(seed), split)
    assert remark.text.strip()
    assert remark.labels <= set(CLASSES)
    assert remark.labels == with_implied(remark.labels - {"toxicity", "severe_toxicity"})
    assert remark.family == ("toxic: platform" if remark.labels else HARMLESS)


def test_the_form_of_a_prompt_proves_nothing():
    rng = random.Random(3)
    prompts = [remark for remark in (platform_remark(rng, "train") for _ in range(2000)) if "Copy:" in remark.text]
    share = sum(bool(remark.labels) for remark in prompts) / len(prompts)
    assert 0.2 < share < 0.4
    only_prompts = [remark for remark in prompts if remark.text.endswith("Copy:")]
    assert {bool(remark.labels) for remark in only_prompts} == {True, False}


@given(st.integers(0, 2**32))
def test_a_sentence_amid_copy_leaves_the_prompt_and_the_copys_words_as_they_were(seed):
    rng = random.Random(seed)
    document = product_copy.sample(rng)
    text = amid(document.text, "You fool!", rng)
    assert text.startswith(document.brief.prompt)
    before, after = text.split("You fool!")
    assert (before + after).split()[: len(document.brief.prompt.split())] == document.brief.prompt.split()
    kept = [word.rstrip(".,!:") for word in (before + " " + after).split()]
    assert kept == [word.rstrip(".,!:") for word in document.text.split()]


@pytest.mark.parametrize("text", ["", "a red circle on a blue ground", "User: Hi!\nAssistant: Hello!\n"])
def test_any_text_takes_a_sentence(text):
    for seed in range(20):
        assert "Go away." in amid(text, "Go away.", random.Random(seed))


@given(st.integers(0, 2**32))
def test_an_excerpt_is_a_stretch_of_the_text_around_what_is_kept(seed):
    rng = random.Random(seed)
    text = product_copy.sample(rng).text
    whole = amid(text, "You fool!", rng)
    cut = excerpt(whole, "You fool!", rng)
    assert "You fool!" in cut and cut in whole
    assert len(cut.split(" ")) <= 54
    assert excerpt(text, "", rng) in text


def test_another_audience_is_named_wherever_the_first_was():
    rng = random.Random(5)
    for _ in range(100):
        document = product_copy.sample(rng)
        text = addressed(document, "stupid idiots")
        assert "| Audience: stupid idiots |" in text
        assert document.brief.audience not in text.replace("stupid idiots", "")
