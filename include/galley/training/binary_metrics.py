"""How good the scores of a binary classifier are: ranking (ROC AUC) and calibration (ECE)."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def roc_auc(labels: Array, scores: Array) -> float:
    """Probability that a random positive scores above a random negative, ties counting half.

    The Mann-Whitney statistic over midranks (Hanley and McNeil 1982).

    Args:
        labels: shape (n,), true where positive; both kinds must occur.
        scores: shape (n,), any real numbers.

    Raises:
        ValueError: when all labels are alike.
    """
    positive = np.asarray(labels, dtype=bool)
    count = int(positive.sum())
    if count in (0, positive.size):
        raise ValueError(f"ROC AUC of {positive.size} labels, {count} of them positive: needs both kinds")
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    midranks = np.cumsum(sizes) - (sizes - 1) / 2
    total = float(midranks[group][positive].sum())
    return (total - count * (count + 1) / 2) / (count * (positive.size - count))


def expected_calibration_error(labels: Array, scores: Array, *, bins: int = 15) -> float:
    """Mean gap between score and share of positives over equal-width bins, weighted by their sizes (Guo et al. 2017).

    Args:
        labels: shape (n,), true where positive.
        scores: shape (n,), probabilities of the positive class in [0, 1].
        bins: number of bins over [0, 1].
    """
    positive, values = np.asarray(labels, dtype=float), np.asarray(scores, dtype=float)
    index = np.minimum((values * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=positive - values, minlength=bins)
    return float(np.abs(gaps).sum() / values.size)
