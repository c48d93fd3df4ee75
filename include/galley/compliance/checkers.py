"""The checkers of a policy: each mechanism behind the `Checker` protocol, and what stands in for one that is missing.

Models are loaded on first use and shared by the policies of a job. A model that cannot be loaded becomes a checker
that answers with the reason, so that its subjects are held and everything else goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from galley.compliance import hidden, patterns
from galley.compliance.checks import MAX_SPANS, Checker, Finding, Outcome, Subject
from galley.compliance.detoxify_layout import verified_manifest
from galley.compliance.policy import (
    CompiledPolicy,
    HiddenCheck,
    ImageSafetyCheck,
    PatternsCheck,
    PolicySet,
    TermsCheck,
    ToxicityCheck,
    Window,
)
from galley.compliance.safety import safety_digest
from galley.compliance.terms import Hit, Matcher
from galley.compliance.verdicts import checkers_digest
from galley.errors import CheckError, JobError, ModelError, ModelNotFound
from galley.items import Decision, Frozen, Span, digest
from galley.models import Models
from galley.settings import Settings

CHECKERS_VERSION = 3
"""Version of the rules in views, terms, patterns, hidden and safety; raise it when one of them decides differently."""
LOOSE_SCORE = 0.5
"""Score of a term that was found in a loose view only."""


class CheckerModel(Frozen):
    """Where a check's model lies and what it must be, as a job's settings say it.

    Attributes:
        directory: local directory.
        sha256: content digest it must have; empty: any that is consistent in itself.
    """

    directory: str
    sha256: str = ""


Answers = list[tuple[Mapping[str, float], Mapping[str, Span]]]
"""Scores by class and spans by class, one pair per subject."""


class ScoredModel:
    """A loaded model: its digest, and its answers about some subjects, in order, read in the windows asked for.

    How texts are cut is the policy's, not the model's: two checks that differ in it alone share one loaded model.
    """

    def __init__(self, digest: str, score: Callable[[Sequence[Subject], Window | None], Answers]) -> None:
        self.digest, self.score = digest, score


Loader = Callable[..., ScoredModel]
"""Called with a directory and ``sha256=`` (None for any); raises where the model cannot be used."""


class Toolbox:
    """Loads the models of a job once each and builds the checkers of its policies.

    ``loaders`` are the two ways to load a model by the check's type; tests give their own.
    """

    def __init__(self, models: Mapping[str, CheckerModel], loaders: Mapping[str, Loader] | None = None) -> None:
        self._models = dict(models)
        self._loaders = dict(loaders or {"toxicity": load_toxicity, "image_safety": load_image_safety})
        self._loaded: dict[tuple[str, str], ScoredModel | Exception] = {}

    def checkers(self, policy: CompiledPolicy) -> list[Checker]:
        """The checkers of a policy, in its order; never raises for a model that cannot be used."""
        built: list[Checker] = []
        for name, check in policy.policy.checks.items():
            if isinstance(check, ToxicityCheck | ImageSafetyCheck):
                pin = self._models[check.model].sha256 if check.model in self._models else ""
                window = check.window if isinstance(check, ToxicityCheck) else None
                built.append(LazyChecker(name, partial(self._model, check.type, check.model), pin, window))
            elif isinstance(check, TermsCheck):
                built.append(TermsChecker(name, check, policy))
            elif isinstance(check, PatternsCheck):
                built.append(PatternsChecker(name, check))
            else:
                built.append(HiddenChecker(name, check))
        return built

    def _model(self, kind: str, name: str) -> ScoredModel:
        if (kind, name) not in self._loaded:
            try:
                model = self._models.get(name)
                if model is None:
                    raise ModelNotFound(f'model "{name}" was not there when the job was planned')
                self._loaded[kind, name] = self._loaders[kind](Path(model.directory), sha256=model.sha256 or None)
            except Exception as error:  # whatever it is, the check cannot be made and its subjects are held
                self._loaded[kind, name] = error
        loaded = self._loaded[kind, name]
        if isinstance(loaded, Exception):
            raise CheckError(f'model "{name}" cannot be used: {loaded}') from loaded
        return loaded


def load_toxicity(directory: Path, *, sha256: str | None) -> ScoredModel:
    """A Detoxify model behind `ScoredModel`."""
    from galley.compliance.detoxify import ToxicityModel

    model = ToxicityModel.load(directory, sha256=sha256)

    def score(subjects: Sequence[Subject], window: Window | None) -> Answers:
        tokens, overlap = (window.tokens, window.overlap) if window else (None, None)
        return [
            (found.scores, {cls: Span(start=start, end=end) for cls, (start, end) in found.spans.items()})
            for found in model.score([subject.text for subject in subjects], window=tokens, overlap=overlap)
        ]

    return ScoredModel(model.digest, score)


def load_image_safety(directory: Path, *, sha256: str | None) -> ScoredModel:
    """An image safety checker behind `ScoredModel`."""
    from galley.compliance.safety import ImageSafety

    model = ImageSafety.load(directory, sha256=sha256)

    def score(subjects: Sequence[Subject], window: Window | None) -> Answers:
        return [(scores, {}) for scores in model.score([subject.image for subject in subjects])]

    return ScoredModel(model.digest, score)


class LazyChecker:
    """A check by a model, which is loaded when the first subject needs it."""

    def __init__(self, name: str, load: Callable[[], ScoredModel], pin: str = "", window: Window | None = None) -> None:
        self.name, self._load, self._pin, self._window = name, load, pin, window

    @property
    def digest(self) -> str:
        """Over the rules' version and the model; raises `CheckError` where the model cannot be used.

        A pinned model is not loaded for it: loading would refuse any other.
        """
        return _digest("model", self._pin or self._load().digest)

    def check(self, subjects: Sequence[Subject]) -> list[Outcome]:
        """Scores of every class."""
        model = self._load()
        answers = model.score(subjects, self._window)
        if len(answers) != len(subjects):
            raise CheckError(f"{self.name}: {len(answers)} answers for {len(subjects)} subjects")
        return [
            Outcome(self.name, subject.sha256, _digest("model", model.digest), scores, spans)
            for subject, (scores, spans) in zip(subjects, answers, strict=True)
        ]


class TermsChecker:
    """Term lists; see `galley.compliance.terms`."""

    def __init__(self, name: str, check: TermsCheck, policy: CompiledPolicy) -> None:
        self.name, self.digest = name, _digest("terms", "")
        self._lists = {wanted: policy.term_lists[wanted] for wanted in check.lists}
        self._matcher: Matcher | None = None

    def check(self, subjects: Sequence[Subject]) -> list[Outcome]:
        """Score per list: 1 for a visible term, `LOOSE_SCORE` for one in a loose view only, else 0."""
        matcher = self._matcher = self._matcher or Matcher(list(self._lists.values()))
        return [self._outcome(subject, matcher.find(subject.text)) for subject in subjects]

    def _outcome(self, subject: Subject, hits: list[Hit]) -> Outcome:
        scores = dict.fromkeys(self._lists, 0.0)
        grouped: dict[tuple[str, str, bool], list[Hit]] = {}
        for hit in hits:
            grouped.setdefault((hit.term_list, hit.term.term, hit.strict), []).append(hit)
            scores[hit.term_list] = max(scores[hit.term_list], 1.0 if hit.strict else LOOSE_SCORE)
        findings = []
        for (term_list, term, strict), found in grouped.items():
            listed: Decision = found[0].term.decision or self._lists[term_list].decision
            where = "" if strict else f" ({', '.join(sorted({hit.view for hit in found}))} only)"
            findings.append(
                Finding(
                    cls=term_list,
                    decision=listed if strict or listed == "allow" else "hold",
                    detail=f'term "{term}" of list {term_list}{where}',
                    spans=tuple(hit.span for hit in found[:MAX_SPANS]),
                    score=1.0 if strict else LOOSE_SCORE,
                )
            )
        return Outcome(self.name, subject.sha256, self.digest, scores, findings=tuple(findings))


class PatternsChecker:
    """Personal data by form; see `galley.compliance.patterns`."""

    def __init__(self, name: str, check: PatternsCheck) -> None:
        self.name, self._check, self.digest = name, check, _digest("patterns", "")

    def check(self, subjects: Sequence[Subject]) -> list[Outcome]:
        """Score per kind: 1 where found, else 0."""
        outcomes = []
        for subject in subjects:
            found = patterns.find(subject.text)
            findings = tuple(
                Finding(cls, decision, f"{len(found[cls])} x {cls}", tuple(found[cls][:MAX_SPANS]))
                for cls, decision in self._check.classes.items()
                if found[cls]
            )
            scores: dict[str, float] = {cls: float(bool(found[cls])) for cls in self._check.classes}
            outcomes.append(Outcome(self.name, subject.sha256, self.digest, scores, findings=findings))
        return outcomes


class HiddenChecker:
    """Invisible characters that mislead; see `galley.compliance.hidden`."""

    def __init__(self, name: str, check: HiddenCheck) -> None:
        self.name, self._check, self.digest = name, check, _digest("hidden", "")

    def check(self, subjects: Sequence[Subject]) -> list[Outcome]:
        """Score per kind: 1 where found, else 0."""
        outcomes = []
        for subject in subjects:
            found = hidden.find(subject.text)
            findings = tuple(
                Finding(kind, self._check.decision, f"{len(spans)} x {kind}", tuple(spans[:MAX_SPANS]))
                for kind, spans in found.items()
                if spans
            )
            scores = {kind: float(bool(spans)) for kind, spans in found.items()}
            outcomes.append(Outcome(self.name, subject.sha256, self.digest, scores, findings=findings))
        return outcomes


def checker_models(policies: PolicySet, locate: Callable[[str], Path]) -> dict[str, CheckerModel]:
    """The models that policies need, located and pinned, for a job's settings; needs no ML library.

    A model that is missing or unsafe is named without a pin: its check says why it cannot be used, and holds.

    Args:
        policies: of the run.
        locate: model name to the directory where it should be; see `locator`.
    """
    found: dict[str, CheckerModel] = {}
    for policy in policies.policies.values():
        for check in policy.policy.checks.values():
            if not isinstance(check, ToxicityCheck | ImageSafetyCheck):
                continue
            directory = locate(check.model)
            try:
                toxicity = isinstance(check, ToxicityCheck)
                pin = verified_manifest(directory).digest if toxicity else safety_digest(directory)
            except (ModelError, OSError):
                pin = ""
            found[check.model] = CheckerModel(directory=str(directory), sha256=pin)
    return found


def locator(settings: Settings) -> Callable[[str], Path]:
    """Where models of checks lie: by the registry, as a path, or as a directory beside the registry file."""
    models = Models.from_settings(settings)

    def locate(name: str) -> Path:
        try:
            return models.locate(name).directory
        except ModelNotFound:
            return settings.models_file.parent / name

    return locate


def ask(checker: Checker, subjects: Sequence[Subject], chunk: int) -> list[Outcome]:
    """Outcomes of a checker for all subjects, in order, whatever it does.

    A chunk that fails is asked again one by one, so that one poisonous subject does not hold its neighbours. Only what
    ends a process (`KeyboardInterrupt`, `SystemExit`) and what ends the job (`JobError`) gets through.
    """
    outcomes: list[Outcome] = []
    for start in range(0, len(subjects), chunk):
        part = subjects[start : start + chunk]
        try:
            answers = checker.check(part)
            if len(answers) != len(part):
                raise CheckError(f"{len(answers)} answers for {len(part)} subjects")
            outcomes += answers
        except JobError:
            raise
        except Exception as error:
            if len(part) > 1:
                outcomes += ask(checker, part, 1)
            else:
                why = str(error) if isinstance(error, CheckError) else f"{type(error).__name__}: {error}"
                outcomes.append(Outcome(checker.name, part[0].sha256, error=why or type(error).__name__))
    return outcomes


def current_digest(checkers: Sequence[Checker]) -> str | None:
    """Digest that a complete verdict of these checkers bears, or None where one of them cannot be used now."""
    try:
        return checkers_digest({checker.name: checker.digest for checker in checkers})
    except CheckError:
        return None


def _digest(kind: str, model: str) -> str:
    return digest([kind, CHECKERS_VERSION, model])
