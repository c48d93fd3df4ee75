"""The compliance policy: which checks there are, what they read, and from which score on something is held or blocked.

A policy is a YAML file in ``include/policies/`` that people edit, its term lists are files in ``terms/`` beside it.
`compile_policies` reads both strictly and gives one `PolicySet`, plain JSON that travels with a job: the worker needs
no policy directory, and the digest that a verdict names covers the term lists too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, StringConstraints, ValidationError, field_validator, model_validator

from galley import complaints, strict_yaml
from galley.errors import InputError
from galley.items import Decision, Frozen, Slug, digest

POLICY_VERSION = 1
"""Version of what a policy's fields mean; part of every policy digest."""

Media = Literal["prompt", "text", "image"]
"""What a check reads: prompts, text artifacts, image artifacts."""
PatternName = Literal["email", "phone", "card", "iban"]
Score = Annotated[float, Field(ge=0, le=1)]


class Threshold(Frozen):
    """From which score on a class is held, and from which it is blocked; a bound left out never applies.

    Attributes:
        hold: score in [0, 1] from which a person decides.
        block: score in [0, 1] from which nothing is published; at least ``hold``.
    """

    hold: Score | None = None
    block: Score | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Threshold:
        if self.hold is not None and self.block is not None and self.hold > self.block:
            raise ValueError(f"hold {self.hold} is above block {self.block}; holding must begin first")
        return self

    def decide(self, score: float) -> Decision:
        """The decision for a score in [0, 1]."""
        if self.block is not None and score >= self.block:
            return "block"
        return "hold" if self.hold is not None and score >= self.hold else "allow"


class _Check(Frozen):
    """What all checks have.

    Attributes:
        required: whether a subject is held where the check gives no usable answer.
    """

    required: bool = True


class Window(Frozen):
    """How a text longer than a model reads at once is cut.

    Attributes:
        tokens: of one window, special ones included; where the model reads fewer, what it reads.
        overlap: tokens that neighbouring windows share, at most half of them; left out: a quarter.
    """

    tokens: int = Field(ge=16, le=8192)
    overlap: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _moves_on(self) -> Window:
        if self.overlap is not None and self.overlap > self.tokens // 2:
            raise ValueError(f"overlap {self.overlap} is more than half of the {self.tokens} tokens of a window")
        return self


class ToxicityCheck(_Check):
    """A Detoxify-style classifier over the whole text, in overlapping windows.

    Attributes:
        model: name in the model registry.
        window: how long texts are cut; left out: as long as the model reads. A short insult stands out in a small
            window and drowns in a large one.
        default: thresholds of the classes not named.
        classes: class of the model to its thresholds.
    """

    type: Literal["toxicity"]
    reads: tuple[Literal["prompt", "text"], ...] = ("prompt", "text")
    model: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    window: Window | None = None
    default: Threshold
    classes: dict[str, Threshold] = Field(default={})


class ImageSafetyCheck(_Check):
    """The concept scores of a diffusers safety checker; see `galley.compliance.safety` for their scale.

    Attributes:
        model: name in the model registry of a pipeline with ``safety_checker`` and ``feature_extractor``.
        default: thresholds of the classes not named.
        classes: ``concept_<i>`` or ``special_care_<i>`` to its thresholds.
    """

    type: Literal["image_safety"]
    reads: tuple[Literal["image"], ...] = ("image",)
    model: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    default: Threshold
    classes: dict[str, Threshold] = Field(default={})


class TermsCheck(_Check):
    """Term lists, matched over all views of a text; the lists say what a hit means.

    Attributes:
        lists: names of files in ``terms/``.
    """

    type: Literal["terms"]
    reads: tuple[Literal["prompt", "text"], ...] = ("prompt", "text")
    lists: tuple[Slug, ...] = Field(min_length=1)


class PatternsCheck(_Check):
    """Personal data with a recognisable form, with checksums where there are any.

    Attributes:
        classes: kind of data to what finding it means.
    """

    type: Literal["patterns"]
    reads: tuple[Literal["prompt", "text"], ...] = ("prompt", "text")
    classes: dict[PatternName, Decision] = Field(min_length=1)


class HiddenCheck(_Check):
    """Characters that change what a reader sees without being seen: bidi overrides, tags, zero width inside words.

    Attributes:
        decision: what finding some means.
    """

    type: Literal["hidden_characters"]
    reads: tuple[Literal["prompt", "text"], ...] = ("prompt", "text")
    decision: Decision = "hold"


Check = Annotated[
    ToxicityCheck | ImageSafetyCheck | TermsCheck | PatternsCheck | HiddenCheck, Field(discriminator="type")
]


class Term(Frozen):
    """A word or phrase of a list.

    Attributes:
        term: the text; ``*`` at its start or end leaves that end open (``fraud*`` finds "fraudulent"). Case, width
            and white space do not matter. Han terms need no word boundary.
        decision: what finding it means; the list's where left out.
        loose: whether look-alike spellings of it are held too.
    """

    term: Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
    decision: Decision | None = None
    loose: bool = True

    @field_validator("term")
    @classmethod
    def _has_letters(cls, term: str) -> str:
        if not any(char.isalnum() for char in term):
            raise ValueError("has no letter or digit and would match everywhere")
        if "*" in term.strip("*") or re.search(r"^\*\*|\*\*$", term):
            raise ValueError('may have one "*" at its start and one at its end, none inside')
        return term

    @property
    def text(self) -> str:
        """The term without its stars."""
        return self.term.strip("*").strip()

    @property
    def open_start(self) -> bool:
        """Whether a word may go on before it."""
        return self.term.startswith("*")

    @property
    def open_end(self) -> bool:
        """Whether a word may go on after it."""
        return self.term.endswith("*")


def _spelled_out(term: object) -> object:
    return {"term": term} if isinstance(term, str) else term


_ListedTerm = Annotated[Term, BeforeValidator(_spelled_out, json_schema_input_type=str | Term)]


class TermList(Frozen):
    """A list of terms.

    Attributes:
        name: the file's name without ``.yaml``.
        description: what the list is for.
        decision: what finding one of its terms means, where the term does not say.
        terms: plain strings or mappings with ``term``, ``decision``, ``loose``.
        exceptions: words and phrases inside which nothing is found (``Scunthorpe``).
    """

    name: Slug
    description: str = ""
    decision: Literal["hold", "block"]
    terms: tuple[_ListedTerm, ...] = Field(min_length=1)
    exceptions: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = ()


class Policy(Frozen):
    """What the policy file says.

    Attributes:
        name: the file's name without ``.yaml``; briefs name it.
        description: for whom and what it is.
        checks: name of a check to its settings; the names appear in verdicts and on the review page.
    """

    name: Slug
    description: str = ""
    checks: dict[Slug, Check] = Field(min_length=1)

    def checks_for(self, media: Media) -> dict[str, Check]:
        """The checks that read this kind of subject, by name."""
        return {name: check for name, check in self.checks.items() if media in check.reads}


class CompiledPolicy(Frozen):
    """A policy with its term lists inside: all a worker needs, and all that its digest covers."""

    policy: Policy
    term_lists: dict[Slug, TermList] = Field(default={})

    @model_validator(mode="after")
    def _lists_there(self) -> CompiledPolicy:
        for name, check in self.policy.checks.items():
            for wanted in check.lists if isinstance(check, TermsCheck) else ():
                if wanted not in self.term_lists:
                    raise ValueError(f"checks.{name}.lists names {wanted!r}, which is not among the term lists")
        return self

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON of what decides: checks and term lists, not descriptions."""
        fields = self.model_dump(mode="json")
        fields["policy"].pop("description")
        for terms in fields["term_lists"].values():
            terms.pop("description")
        return digest({**fields, "policy_version": POLICY_VERSION})


class PolicySet(Frozen):
    """The policies of a run by name, as one object in the store."""

    policies: dict[Slug, CompiledPolicy]

    def digests(self) -> dict[str, str]:
        """Policy name to policy digest."""
        return {name: policy.digest for name, policy in self.policies.items()}

    def models(self) -> tuple[str, ...]:
        """Names of the models that the checks need, sorted."""
        names = {
            check.model
            for policy in self.policies.values()
            for check in policy.policy.checks.values()
            if isinstance(check, ToxicityCheck | ImageSafetyCheck)
        }
        return tuple(sorted(names))

    def to_bytes(self) -> bytes:
        """JSON, UTF-8."""
        return self.model_dump_json(exclude_defaults=False).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> PolicySet:
        """The inverse of `to_bytes`; raises pydantic's ValidationError."""
        return cls.model_validate_json(data)


_File = TypeVar("_File", Policy, TermList)


def load_policy(name: str, directory: Path) -> CompiledPolicy:
    """Read ``<directory>/<name>.yaml`` and the term lists it names.

    Raises `InputError` with file, line, field, value and rule.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name):
        raise InputError("policy", "policy", name, "is no policy name: lower-case letters, digits, - and _")
    policy = _read(Policy, directory / f"{name}.yaml")
    lists = {
        wanted: _read(TermList, directory / "terms" / f"{wanted}.yaml")
        for check in policy.checks.values()
        if isinstance(check, TermsCheck)
        for wanted in check.lists
    }
    return CompiledPolicy(policy=policy, term_lists=lists)


def compile_policies(names: Iterable[str], directory: Path) -> PolicySet:
    """The policies of these names with their term lists; raises `InputError` for the first that cannot be read."""
    return PolicySet(policies={name: load_policy(name, directory) for name in sorted(set(names))})


def policy_names(directory: Path) -> tuple[str, ...]:
    """Names of the policies in a directory, sorted."""
    return tuple(sorted(path.stem for path in directory.glob("*.yaml")))


def json_schemas() -> dict[str, dict[str, Any]]:
    """JSON Schemas for editors: ``policy`` and ``terms``."""
    return {"policy": Policy.model_json_schema(), "terms": TermList.model_json_schema()}


def _read(model: type[_File], path: Path) -> _File:
    source = "/".join(path.parts[-2:])
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        known = ", ".join(policy_names(path.parent)) or "none"
        raise InputError(source, "", "", f"there is no such file in {path.parent}; there are: {known}") from error
    except OSError as error:
        raise InputError(source, "", "", f"cannot be read: {error.strerror}") from error
    document = strict_yaml.read(text, source)
    data = document.data
    if not isinstance(data, dict):
        raise InputError(source, "", "", "must be a mapping of fields", line=1)
    try:
        read = model.model_validate(data)
    except ValidationError as error:
        path_, value, rule = complaints.first_complaint(error, data, model.model_fields)
        raise InputError(
            source, complaints.dotted(path_), complaints.show(value), rule, line=document.line(path_)
        ) from error
    if read.name != path.stem:
        rule = f'must be the file\'s name without .yaml, "{path.stem}"'
        raise InputError(source, "name", read.name, rule, line=document.line(("name",)))
    return read
