import random
import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.training import remarks
from galley.training.remark_words import LEXICONS
from galley.training.remarks import CLASSES, draw, draw_family, fill, misspell, stream, templates, with_implied

SLOT = re.compile(r"\{(\w+)\}")


def test_classes_are_those_of_detoxify_original_in_its_order():
    assert CLASSES == ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")


def test_every_template_is_unique_and_every_slot_is_known():
    texts = [template.text for template in templates()]
    assert len(set(texts)) == len(texts) > 600
    known = set(LEXICONS) | set(remarks._SPECIAL)
    for text in texts + [entry for entries in LEXICONS.values() for entry in entries]:
        assert set(SLOT.findall(text)) <= known, text
    assert all(entry for entries in LEXICONS.values() for entry in entries)


def test_every_family_has_templates_in_every_split():
    for split in ("train", "calibration", "heldout"):
        found = set(remarks._by_family(split)) | set(remarks._compositions())
        assert found == set(remarks._TOXIC_WEIGHTS) | set(remarks._CLEAN_WEIGHTS)
    held = [template for template in templates() if template.split == "heldout"]
    assert 0.18 < len(held) / len(templates()) < 0.25


@pytest.mark.parametrize(
    ("labels", "whole"),
    [
        (set(), set()),
        ({"insult"}, {"insult", "toxicity"}),
        ({"obscene", "insult"}, {"obscene", "insult", "toxicity"}),
        ({"threat", "insult"}, {"threat", "insult", "toxicity"}),
        ({"threat", "obscene"}, {"threat", "obscene", "toxicity"}),
        ({"threat", "identity_attack"}, {"threat", "identity_attack", "toxicity", "severe_toxicity"}),
        ({"threat", "obscene", "insult"}, {"threat", "obscene", "insult", "toxicity", "severe_toxicity"}),
    ],
)
def test_toxicity_and_severity_follow_from_the_other_labels(labels, whole):
    assert with_implied(frozenset(labels)) == whole


@given(st.integers(0, 2**32), st.sampled_from(["train", "calibration", "heldout"]))
def test_a_remark_is_finished_text_with_consistent_labels(seed, split):
    remark = draw(random.Random(seed), split)
    assert not SLOT.search(remark.text)
    assert remark.labels <= set(CLASSES)
    assert bool(remark.labels) == ("toxicity" in remark.labels) == remark.family.startswith("toxic")
    assert remark.labels == with_implied(remark.labels - {"toxicity", "severe_toxicity"})
    assert remark.targets == tuple(float(name in remark.labels) for name in CLASSES)


@given(st.integers(0, 2**32), st.sampled_from(["train", "calibration", "heldout"]))
def test_no_template_of_another_split_is_ever_used(seed, split):
    used = []
    original = remarks._sentence

    def spy(template, rng, among):
        used.append(template)
        return original(template, rng, among)

    remarks._sentence = spy
    try:
        draw(random.Random(seed), split, sentences=6)
    finally:
        remarks._sentence = original
    # quoted sentences pass through the spy as well
    assert len(used) >= 6
    assert {template.split for template in used} == {split}


def test_the_same_seed_writes_the_same_remarks_and_another_others():
    first = list(islice(stream(3, "train"), 50))
    assert first == list(islice(stream(3, "train"), 50))
    assert first != list(islice(stream(4, "train"), 50))


def test_all_classes_occur_and_half_the_remarks_are_harmless():
    sample = list(islice(stream(1, "train"), 2000))
    shares = {name: sum(name in remark.labels for remark in sample) / len(sample) for name in CLASSES}
    assert 0.4 < shares["toxicity"] < 0.5
    assert all(share > 0.05 for share in shares.values()), shares


def test_quotations_of_abuse_are_harmless_and_are_quotations():
    rng = random.Random(1)
    for _ in range(50):
        remark = draw_family(rng, "train", "near-miss: quote")
        assert not remark.labels
        assert '"' in remark.text or "“" in remark.text


def test_articles_fit_the_word_that_follows():
    assert fill("a idiot, an fool and a apple", random.Random(0), "train") == "an idiot, a fool and an apple"


@given(st.text(max_size=200), st.integers(0, 2**32))
def test_misspelling_takes_any_text(text, seed):
    assert isinstance(misspell(text, random.Random(seed)), str)


def test_misspelling_touches_one_or_two_words_or_only_the_case():
    rng, text = random.Random(2), "Nobody wants this wonderful printer any longer"
    for _ in range(200):
        changed = misspell(text, rng)
        if changed.lower() != text.lower():
            pairs = zip(changed.split(), text.split(), strict=True)
            assert sum(left != right for left, right in pairs) <= 2
