import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.training.binary_metrics import expected_calibration_error, roc_auc


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_auc_is_the_share_of_pairs_in_the_right_order(pairs):
    labels = np.array([label for label, _ in pairs])
    scores = np.array([score / 5 for _, score in pairs])
    if labels.all() or not labels.any():
        with pytest.raises(ValueError, match="needs both kinds"):
            roc_auc(labels, scores)
        return
    wins = [(p > n) + 0.5 * (p == n) for p in scores[labels] for n in scores[~labels]]
    assert roc_auc(labels, scores) == pytest.approx(sum(wins) / len(wins))


def test_calibration_error_is_the_weighted_gap_per_bin():
    labels = np.array([1, 0, 0, 0, 1, 1, 1, 1])
    scores = np.array([0.2, 0.2, 0.2, 0.2, 0.9, 0.9, 0.9, 0.9])
    assert expected_calibration_error(labels, scores) == pytest.approx((4 * 0.05 + 4 * 0.1) / 8)


def test_calibration_error_of_certainty_is_zero_or_one():
    labels = np.array([1, 0, 1])
    assert expected_calibration_error(labels, labels) == 0.0
    assert expected_calibration_error(labels, 1 - labels) == 1.0
