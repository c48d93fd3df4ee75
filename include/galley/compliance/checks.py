"""What a checker is given and what it answers: the seam between the mechanisms and the pure rules of `verdicts`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from galley.compliance.policy import Media
from galley.items import Decision, Span

MAX_SPANS = 50
"""Spans that one finding keeps; a reviewer needs examples, not a copy of the text."""


@dataclass(frozen=True)
class Subject:
    """One prompt or artifact to be checked.

    Attributes:
        sha256: of the prompt's UTF-8 bytes or of the artifact's bytes.
        media: what it is.
        text: of prompts and text artifacts, whole.
        image: of image artifacts: a decoded RGB `PIL.Image.Image`.
    """

    sha256: str
    media: Media
    text: str = ""
    image: Any = None


@dataclass(frozen=True)
class Finding:
    """Something a check found that means a decision by itself, without a threshold.

    Attributes:
        cls: class within the check: name of a term list, kind of pattern.
        decision: what the policy says it means.
        detail: what was found, for the reviewer.
        spans: where, in characters of the subject's text.
        score: in [0, 1]: 1 for a sure find, 0.5 for one that may be innocent.
    """

    cls: str
    decision: Decision
    detail: str
    spans: tuple[Span, ...] = ()
    score: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """A checker's answer about one subject, or why there is none.

    Attributes:
        check: name of the check in the policy.
        subject_sha256: of the subject it read, echoed so that swapped answers show.
        checker_digest: of the checker and its model.
        scores: class to a score in [0, 1]; every class it knows, also where nothing was found.
        spans: class to the part of the text with the highest score.
        findings: what needs no threshold.
        error: why there is no answer; empty where there is one.
    """

    check: str
    subject_sha256: str
    checker_digest: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    error: str = ""


class Checker(Protocol):
    """One check of a policy, ready to run."""

    name: str
    """Of the check in the policy."""

    @property
    def digest(self) -> str:
        """sha256 over what decides its answers beside the policy: its version and its model's digest."""

    def check(self, subjects: Sequence[Subject]) -> list[Outcome]:
        """One outcome per subject, in order. May raise anything: its subjects are then held."""
