import random

import pytest

from galley.training import remarks
from galley.training.remark_contrasts import CONTRASTS
from galley.training.remark_contrasts_denial import DENIAL
from galley.training.remark_contrasts_groups import GROUPS
from galley.training.remark_contrasts_persons import PERSONS
from galley.training.remark_patterns import COMPOSITIONS
from galley.training.remarks import fill, parts


def parts_of(kinds, *, splits=("train", "calibration", "heldout")):
    every = [listed for compositions in kinds.values() for _, lists in compositions for listed in lists]
    return {part for listed in every for part, split in parts(listed) if split in splits and part}


@pytest.mark.parametrize("pairs", [CONTRASTS, DENIAL, GROUPS, PERSONS])
def test_no_part_that_is_held_out_everywhere_it_stands_is_trained_on_here(pairs):
    held_out = parts_of(COMPOSITIONS, splits=("calibration", "heldout")) - parts_of(COMPOSITIONS, splits=("train",))
    assert held_out
    assert not parts_of(pairs) & held_out


def test_pairs_belong_to_families_that_have_other_templates_and_fill_without_a_slot_left():
    rng = random.Random(0)
    for family in remarks._contrasts():
        assert family in remarks._TOXIC_WEIGHTS | remarks._CLEAN_WEIGHTS
        for _ in range(50):
            template = remarks._contrast(family, rng)
            assert "{" not in fill(template.text, rng, "train")
            assert bool(template.labels) == family.startswith("toxic")


@pytest.mark.parametrize("split", ["calibration", "heldout"])
def test_pairs_are_never_drawn_for_what_is_measured(split, monkeypatch):
    def forbidden(family, rng):
        raise AssertionError(family)

    monkeypatch.setattr(remarks, "_contrast", forbidden)
    rng = random.Random(1)
    for _ in range(300):
        remarks.draw(rng, split)
    with pytest.raises(AssertionError):
        for _ in range(300):
            remarks.draw(rng, "train")
