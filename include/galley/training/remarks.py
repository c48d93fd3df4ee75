"""Remarks with labels, written by templates: the data that the starter toxicity classifier learns from.

A remark is one template filled with words, alone or among other sentences, with the spelling people really use. Every
*template* belongs to one of three splits, by a hash of its text, so that held-out figures speak of sentence
patterns the model never saw and not merely of new fillings. A quotation ("…", he wrote) quotes a template of its own
split.

Labels follow Detoxify's ``original`` model in name and order. They are exact by construction:

- toxicity: whatever has any other label;
- severe_toxicity: at least two of threat, identity attack, and insult with a swear word, in one text;
- the others: the union over the sentences (see `remark_abuse` for what each means).
"""

from __future__ import annotations

import hashlib
import math
import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from galley.training.remark_abuse import TOXIC
from galley.training.remark_contrasts import CONTRASTS
from galley.training.remark_contrasts_denial import DENIAL
from galley.training.remark_contrasts_groups import GROUPS
from galley.training.remark_contrasts_persons import PERSONS
from galley.training.remark_lookalikes import NEAR_MISSES
from galley.training.remark_ordinary import LEADS, ORDINARY, PARAPHRASES, TRAILS
from galley.training.remark_patterns import COMPOSITIONS, Composition
from galley.training.remark_words import LEXICONS

CLASSES = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
"""Detoxify's six classes, in the order of the ``original`` model's outputs."""

Split = Literal["train", "calibration", "heldout"]


@dataclass(frozen=True)
class Template:
    """One sentence pattern.

    Attributes:
        text: the pattern, see `remark_abuse`.
        labels: the classes it carries, without toxicity and severe_toxicity, which follow from these.
        family: ``toxic: insult``, ``near-miss: quote``, ``ordinary: product copy`` …
        split: what it may be used for.
    """

    text: str
    labels: frozenset[str]
    family: str
    split: Split


@dataclass(frozen=True)
class Remark:
    """One labelled text.

    Attributes:
        text: what a classifier is given; may be empty.
        labels: the classes it belongs to, a subset of `CLASSES`.
        family: family of the template that matters (the toxic one, else the near miss, else the ordinary one).
    """

    text: str
    labels: frozenset[str]
    family: str

    @property
    def targets(self) -> tuple[float, ...]:
        """One 0.0 or 1.0 per class, in the order of `CLASSES`."""
        return tuple(float(name in self.labels) for name in CLASSES)


def with_implied(labels: frozenset[str]) -> frozenset[str]:
    """Add toxicity and severe_toxicity where the other labels imply them."""
    if not labels:
        return labels
    grave = ("threat" in labels) + ("identity_attack" in labels) + ({"obscene", "insult"} <= labels)
    return labels | {"toxicity"} | ({"severe_toxicity"} if grave >= 2 else set())


def _family(name: str, labels: frozenset[str], block: str) -> list[Template]:
    """The templates of one family; by rank of their hashes a fifth is held out and a tenth kept for calibration."""
    lines = sorted(block.strip().splitlines(), key=lambda line: hashlib.sha256(line.encode()).digest())
    heldout, calibration = math.ceil(len(lines) * 0.2), math.ceil(len(lines) * 0.1)

    def split_of(rank: int) -> Split:
        return "heldout" if rank < heldout else "calibration" if rank < heldout + calibration else "train"

    return [Template(line, labels, name, split_of(rank)) for rank, line in enumerate(lines)]


_STRICTNESS: tuple[Split, ...] = ("train", "calibration", "heldout")


@cache
def parts(listed: str) -> tuple[tuple[str, Split], ...]:
    """The parts of a list; of the longer ones a tenth is held out and a twentieth kept for calibration, by hash."""
    every = [" ".join(part.split()) for part in re.split(r"(?:^|\s)/(?=\s|$)", listed)]
    ranked = sorted({part for part in every if part}, key=lambda part: hashlib.sha256(part.encode()).digest())
    heldout = ranked[: round(len(ranked) / 10)] if len(ranked) >= 8 else []
    calibration = ranked[len(heldout) : len(heldout) + max(1, len(ranked) // 20)] if heldout else []
    return tuple(
        (part, "heldout" if part in heldout else "calibration" if part in calibration else "train") for part in every
    )


def assemble(family: str, composition: Composition, rng: random.Random, split: Split) -> Template:
    """A template of chosen parts. It is held out where one of its parts is: a part that training never saw."""
    labels, lists = composition
    while True:
        chosen = [rng.choice(parts(listed)) for listed in lists]
        strictest = max((of_part for _, of_part in chosen), key=_STRICTNESS.index)
        # A slot for a whole ordinary sentence is filled from the same split, and so holds the template out by itself.
        if strictest == split or ("{ordinary}" in lists and strictest == "train"):
            return Template(_joined(part for part, _ in chosen), frozenset(labels), family, split)


@cache
def templates() -> tuple[Template, ...]:
    """Every hand-written template; `assemble` makes the others."""
    found: list[Template] = []
    for labels, block in TOXIC.items():
        found += _family("toxic: " + "+".join(labels), frozenset(labels), block)
    for prefix, blocks in (("near-miss", NEAR_MISSES), ("ordinary", ORDINARY)):
        for name, block in blocks.items():
            found += _family(f"{prefix}: {name}", frozenset(), block)
    return tuple(found)


CONTRAST = 0.45
"""Share of minimal pairs (`remark_contrasts`) among the training templates of the families that have any."""


@cache
def _by_family(split: Split) -> dict[str, tuple[Template, ...]]:
    families: dict[str, list[Template]] = {}
    for template in templates():
        if template.split == split:
            families.setdefault(template.family, []).append(template)
    return {family: tuple(found) for family, found in families.items()}


# Kinds are drawn by these weights. Plain insults, threats and the texts this platform itself screens (product copy,
# picture prompts, dialogue) are the most frequent.
_TOXIC_WEIGHTS = {
    "toxic: insult": 8, "toxic: obscene": 6, "toxic: obscene+insult": 6, "toxic: threat": 8,
    "toxic: identity_attack+insult": 4, "toxic: identity_attack": 5, "toxic: identity_attack+threat": 3,
    "toxic: identity_attack+obscene+insult": 3, "toxic: threat+obscene+insult": 3, "toxic: threat+insult": 3,
}  # fmt: skip
_CLEAN_WEIGHTS = {
    "near-miss: negation": 3, "near-miss: quote": 6, "near-miss: meta": 4, "near-miss: news": 4, "near-miss: self": 3,
    "near-miss: reclaimed": 3, "near-miss: title": 2, "near-miss: name": 3, "near-miss: food": 4,
    "near-miss: medical": 3, "near-miss: animal": 3, "near-miss: tool": 2, "near-miss: tech": 3, "near-miss: idiom": 5,
    "near-miss: complaint": 5, "near-miss: composed": 20, "near-miss: denial": 14, "ordinary: product copy": 8,
    "ordinary: image prompt": 6, "ordinary: dialogue": 5, "ordinary: everyday": 9,
}  # fmt: skip
_ORDINARY_WEIGHTS = {family: weight for family, weight in _CLEAN_WEIGHTS.items() if family.startswith("ordinary")}


def _grouped(*several: dict[str, tuple[Composition, ...]]) -> dict[str, tuple[Composition, ...]]:
    families: dict[str, list[Composition]] = {}
    for kinds in several:
        for name, compositions in kinds.items():
            for composition in compositions:
                labels = "+".join(composition[0])
                families.setdefault(f"{name}: {labels}" if labels else name, []).append(composition)
    return {family: tuple(found) for family, found in families.items()}


@cache
def _compositions() -> dict[str, tuple[Composition, ...]]:
    """Family to the compositions that assemble templates for it."""
    return _grouped(COMPOSITIONS)


@cache
def _contrasts() -> dict[str, tuple[Composition, ...]]:
    """Family to its minimal pairs, which only the training split has."""
    return _grouped(CONTRASTS, DENIAL, GROUPS, PERSONS)


def _contrast(family: str, rng: random.Random) -> Template:
    labels, lists = rng.choice(_contrasts()[family])
    return Template(_joined(rng.choice(parts(listed))[0] for listed in lists), frozenset(labels), family, "train")


def _joined(chosen: Iterable[str]) -> str:
    """Parts as one pattern; of several marks between two parts the last stands."""
    return re.sub(r"(?:\s*[,.!])*\s*([,.!])", r"\1", " ".join(" ".join(chosen).split()))


_SLOT = re.compile(r"\(([^()]*\|[^()]*)\)|\{(\w+)\}")
_SYLLABLES = [
    "ve",
    "lo",
    "ra",
    "ki",
    "mo",
    "ta",
    "zen",
    "nu",
    "bri",
    "sol",
    "ari",
    "pex",
    "dan",
    "fi",
    "lum",
    "oca",
    "tri",
    "va",
    "sto",
    "mel",
    "qui",
    "ro",
    "bel",
    "ny",
    "cas",
    "ter",
    "um",
    "ik",
]


def fill(text: str, rng: random.Random, split: Split) -> str:
    """Replace slots and choices until none is left, and set a or an."""

    def replacement(match: re.Match[str]) -> str:
        choices, slot = match.groups()
        if choices is not None:
            return rng.choice(choices.split("|"))
        special = _SPECIAL.get(slot)
        return special(rng, split) if special else rng.choice(LEXICONS[slot])

    while _SLOT.search(text):
        text = _SLOT.sub(replacement, text)
    return re.sub(
        r"\b([Aa]) (?=[aeiou])", r"\1n ", re.sub(r"\b([Aa])n (?=[^aeiouAEIOU])", r"\1 ", " ".join(text.split()))
    )


def _product(rng: random.Random, split: Split) -> str:
    name = "".join(rng.choices(_SYLLABLES, k=rng.choice((2, 2, 3)))).capitalize()
    return rng.choice((name, f"{name} {rng.choice(LEXICONS['goodthing'])}", f"{name} {rng.randint(2, 900)}"))


def _number(rng: random.Random, split: Split) -> str:
    return str(rng.choice((rng.randint(2, 99), rng.randint(100, 2030), rng.randint(1000, 99999))))


def _quoted(rng: random.Random, split: Split) -> str:
    return _sentence(_pick(rng, split, _TOXIC_WEIGHTS), rng, split)


def _ordinary(rng: random.Random, split: Split) -> str:
    return fill(_pick(rng, split, _ORDINARY_WEIGHTS).text, rng, split).rstrip(".?!")


_SPECIAL: dict[str, Callable[[random.Random, Split], str]] = {
    "product": _product,
    "number": _number,
    "price": lambda rng, split: f"{rng.choice('$€£')}{rng.randint(2, 400)}{rng.choice(('', '.99', '.50'))}",
    "toxic": _quoted,
    "ordinary": _ordinary,
}


def _pick(rng: random.Random, split: Split, weights: dict[str, int]) -> Template:
    """A template: its family by weight, then with even odds a hand-written or an assembled one; in training often one
    of a minimal pair instead."""
    family = rng.choices(tuple(weights), tuple(weights.values()))[0]
    if split == "train" and family in _contrasts() and rng.random() < CONTRAST:
        return _contrast(family, rng)
    written, composed = _by_family(split).get(family, ()), _compositions().get(family, ())
    if not composed or (written and rng.random() < 0.5):
        return rng.choice(written)
    return assemble(family, rng.choice(composed), rng, split)


def _sentence(template: Template, rng: random.Random, split: Split) -> str:
    """Fill a template and finish it as a sentence, a headline or a careless line."""
    pattern = template.text
    if rng.random() < 0.5:
        pattern = _PHRASE.sub(lambda found: _paraphrase(found.group(), rng), pattern)
    text = fill(pattern, rng, split)
    if rng.random() < 0.2:
        text = f"{fill(rng.choice(parts(LEADS))[0], rng, split)} {text}"
    if rng.random() < 0.15 and text[-1].isalnum():
        trail = fill(rng.choice(parts(TRAILS))[0], rng, split)
        text += trail if trail.startswith(",") else f" {trail}"
    if rng.random() < 0.7:
        text = re.sub(r"\bi\b", "I", text[:1].upper() + text[1:])
    if not text.endswith((".", "!", "?", ":", ")")):
        text += rng.choices((".", "", "!", "...", "!!!", " :)", "?!"), (60, 28, 6, 2, 2, 1, 1))[0]
    return text


_PHRASE = re.compile(r"\b(?:" + "|".join(sorted(PARAPHRASES, key=len, reverse=True)) + r")\b(?![^{]*\})")


def _paraphrase(phrase: str, rng: random.Random) -> str:
    return rng.choice(PARAPHRASES[phrase]) if rng.random() < 0.4 else phrase


# --- spelling as people spell --------------------------------------------------------------------------------------

_LEET = str.maketrans("aeiostAEIOST", "43105743105 7".replace(" ", ""))


def _swap(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _drop(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + word[at + 1 :]


def _stretch(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at] * rng.randint(1, 4) + word[at:]


def _leet(word: str, rng: random.Random) -> str:
    return word.translate(_LEET)


def _leet_one(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    return word[:at] + word[at].translate(_LEET) + word[at + 1 :]


def _mask(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    return word[:at] + rng.choice("**#@") + word[at + 1 :]


_WORD_NOISE = (_swap, _drop, _stretch, _stretch, _leet, _leet_one, _leet_one, _mask)
_TEXT_NOISE: tuple[Callable[[str], str], ...] = (str.upper, str.lower, str.title, lambda text: text.replace("'", ""))
_WORD = re.compile(r"[^\W\d_]{4,}")


def misspell(text: str, rng: random.Random) -> str:
    """Change the case of a text, or one or two of its longer words (typos, stretched letters, leetspeak, masks)."""
    if rng.random() < 0.4:
        return rng.choice(_TEXT_NOISE)(text)
    for _ in range(rng.randint(1, 2)):
        words = list(_WORD.finditer(text))
        if words:
            word = rng.choice(words)
            noise = rng.choice(_WORD_NOISE)
            if noise is _drop and len(word.group()) < 6:  # else a thug becomes a tug, and the label a lie
                noise = _stretch
            text = text[: word.start()] + noise(word.group(), rng) + text[word.end() :]
    return text


def interrupt(text: str, rng: random.Random) -> str:
    """Put one to four words that mean nothing, common ones or invented, between the words of a text.

    Words that training never had would otherwise speak for one side or the other by chance.
    """
    words = text.split(" ")
    for _ in range(rng.randint(1, 4)):
        odd = rng.choice(LEXICONS["filler"]) if rng.random() < 0.6 else _invented(rng)
        words.insert(rng.randint(0, len(words)), odd)
    return " ".join(words)


def _invented(rng: random.Random) -> str:
    """A word of two to four random syllables or of two common words' halves."""
    if rng.random() < 0.5:
        left, right = rng.choice(LEXICONS["filler"]), rng.choice(LEXICONS["filler"])
        return left[: len(left) // 2 + 1] + right[len(right) // 2 :]
    return "".join(
        rng.choice("bcdfghjklmnprstvwyz")
        + rng.choice("aeiouy")
        + rng.choice(("", "", "n", "r", "s", "t", "l", "ng", "ed"))
        for _ in range(rng.randint(2, 4))
    )


# --- remarks ---------------------------------------------------------------------------------------------------------


def draw(rng: random.Random, split: Split, *, toxic: bool | None = None, sentences: int | None = None) -> Remark:
    """One remark.

    Args:
        rng: decides everything that is not given.
        split: which templates may be used, quoted ones included.
        toxic: whether one sentence at least is toxic; None: 45 % are.
        sentences: how many in all; None: mostly one, up to five, a few long documents of up to 36.
    """
    toxic = rng.random() < 0.45 if toxic is None else toxic
    if sentences is None:
        sentences = rng.choices((1, 2, 3, 4, 5, rng.randint(8, 36)), (60, 15, 9, 6, 6, 4))[0]
        if not toxic and rng.random() < 0.003:
            return Remark("", frozenset(), "ordinary: everyday")
    chosen: list[Template] = []
    if toxic:
        chosen.append(_pick(rng, split, _TOXIC_WEIGHTS))
        if 1 < sentences <= 5 and rng.random() < 0.3:
            chosen.append(_pick(rng, split, _TOXIC_WEIGHTS))
    while len(chosen) < sentences:
        # Mostly ordinary company, as in real text: a document full of near misses is no test of anything.
        alone = not chosen or rng.random() < 0.2
        chosen.append(_pick(rng, split, _CLEAN_WEIGHTS if alone else _ORDINARY_WEIGHTS))
    family = next(
        (t.family for prefix in ("toxic", "near-miss", "") for t in chosen if t.family.startswith(prefix)), ""
    )
    labels = with_implied(frozenset().union(*(template.labels for template in chosen)))
    rng.shuffle(chosen)
    written = [_sentence(template, rng, split) for template in chosen]
    joint = rng.choices((". ", " ", "\n"), (80, 8, 12))[0]
    text = joint.join([*(s.rstrip(".") if joint == ". " else s for s in written[:-1]), written[-1]])
    text = re.sub(r"([!?:)])\. ", r"\1 ", text)
    return Remark(misspell(text, rng) if rng.random() < 0.3 else text, labels, family)


def draw_family(rng: random.Random, split: Split, prefix: str) -> Remark:
    """One single-sentence remark of the families whose names start with ``prefix``, drawn by their weights."""
    every = _TOXIC_WEIGHTS | _CLEAN_WEIGHTS
    template = _pick(rng, split, {family: every[family] for family in every if family.startswith(prefix)})
    return Remark(_sentence(template, rng, split), with_implied(template.labels), template.family)


def stream(seed: int, split: Split) -> Iterator[Remark]:
    """Remarks without end, the same for the same seed and split."""
    rng = random.Random(f"{seed} {split}")
    while True:
        yield draw(rng, split)
