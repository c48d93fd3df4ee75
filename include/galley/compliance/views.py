"""Matching views: the same text as a filter's opponents write it, each with a map back to the original.

A view is a string derived from a text plus, for every character of it, the span of the original it came from. The
one *strict* view changes nothing a reader would see (NFKC, case folding, invisible characters removed, white space
as one space); a term found there is really in the text. All others are *loose*: they undo look-alike letters
(after Unicode TR39, section 4), leetspeak, spacing and stretching, so they also find terms in innocent texts. What is
found only in a loose view is held for a person and never blocked by itself.

No view ever replaces the text: they exist for matching alone.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from galley.items import Span

SOFT_ALL = 4
"""Letters a term must have to be found inside a run of single spaced letters ("i k i l l")."""
SOFT_CLOSED = 5
"""Letters a term must have to be found across removed word gaps ("nar cotic"); shorter ones hit ordinary words."""
STRETCH = 3
"""A letter repeated this often or more may stand for fewer ("nooooo")."""

LEET = "leetspeak"
"""Begins the names of views in which i and l are one letter; terms are matched there in the form `leet_form`."""

Piece = tuple[str, int, int]
"""Characters of a view and the original span they came from."""


@dataclass(frozen=True)
class View:
    """A derived text and where its characters came from.

    Attributes:
        name: how it was derived, for the reason shown to a reviewer.
        strict: whether a hit means that a reader sees the term.
        text: the derived text.
        starts: per character, index of the first original character it came from.
        ends: per character, index one past the last.
        soft: positions that count as word boundaries for terms of at least ``soft_letters`` letters.
        soft_letters: see ``soft``.
        runs: of a squeezed view, how often each character stood in a row; else empty.
    """

    name: str
    strict: bool
    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    soft: frozenset[int] = frozenset()
    soft_letters: int = 0
    runs: tuple[int, ...] = ()

    def span(self, start: int, end: int) -> Span:
        """The original span of ``text[start:end]``; both in characters, ``start < end``."""
        return Span(start=min(self.starts[start:end]), end=max(self.ends[start:end]))

    def boundary(self, position: int, letters: int) -> bool:
        """Whether a word may begin or end before ``text[position]``, for a term of so many letters."""
        if position in (0, len(self.text)):
            return True
        before, after = self.text[position - 1], self.text[position]
        if not (is_word(before) and is_word(after)):
            return True
        if not self.strict and before.isdigit() != after.isdigit():
            return True
        return letters >= self.soft_letters and position in self.soft


def views(text: str) -> Iterator[View]:
    """The strict view of ``text``, then every loose one whose text differs from the loose ones before it."""
    strict = folded(text)
    yield strict
    seen: set[tuple[str, bool, bool]] = set()

    def fresh(view: View) -> bool:
        mark = (view.text, bool(view.runs or view.soft), view.name.startswith(LEET))
        new = mark not in seen
        seen.add(mark)
        return new

    plain = skeleton(text)
    for base in (plain, leet(plain)):
        tight = joined(base)
        for view in (base, tight, spaced(base), closed(base), squeezed(tight)):
            if view is not None and fresh(view):
                yield view
    adjacent = han(strict)
    if adjacent is not None and fresh(adjacent):
        yield adjacent


def folded(text: str) -> View:
    """The strict view: NFKC and case folding, without invisible characters, white space runs as one space."""
    return _view("folded", True, _merge_spaces((_fold(cluster), at, to) for cluster, at, to in _clusters(text)))


def skeleton(text: str) -> View:
    """Look-alike letters as Latin ones, without combining marks (the idea of TR39 skeletons, own table)."""
    pieces = _merge_spaces((_skeleton(cluster), at, to) for cluster, at, to in _clusters(text))
    return _view("look-alike letters", False, _unmask(pieces))


def leet(view: View) -> View:
    """Digits and signs that stand for letters, in words that hold a letter; i, l, 1, | and ! are all taken for l."""
    out: list[str] = []
    for token in re.findall(r"\s+|\S+", view.text):
        # Digits alone are numbers.
        if not any(char.isalpha() for char in token):
            out.extend(token)
            continue
        # A sign at the end of a word is punctuation, and so are these at its start.
        core = len(token.rstrip("!|+(.,;:?"))
        for index, char in enumerate(token):
            stands = index < core and (index > 0 or char not in "!|+(")
            out.append(_LEET.get(char, char) if stands else char)
    return View(LEET, False, "".join(out), view.starts, view.ends)


def leet_form(form: str) -> str:
    """A term's form for matching in leetspeak views."""
    return form.replace("i", "l")


def joined(view: View) -> View:
    """Without signs inside words: "ki.ll", "k-i-l-l", "k*ill"; signs next to white space stay."""
    text = view.text
    keep: list[int] = []
    index = 0
    while index < len(text):
        if not is_word(text[index]) and not text[index].isspace():
            end = index
            while end < len(text) and not is_word(text[end]) and not text[end].isspace():
                end += 1
            if index == 0 or end == len(text) or text[index - 1].isspace() or text[end].isspace():
                keep.extend(range(index, end))
            index = end
        else:
            keep.append(index)
            index += 1
    return _select(view, "joined", keep)


def spaced(view: View) -> View | None:
    """Single letters with gaps between them put together: "k i l l"; None where there are no such letters."""
    drop: set[int] = set()
    soft: set[int] = set()
    for run in re.finditer(r"(?<![^\W_])[^\W_](?:[\W_]{1,3}[^\W_](?![^\W_])){2,}", view.text):
        drop.update(index for index in range(*run.span()) if not is_word(view.text[index]))
        soft.update(range(*run.span()))
    if not drop:
        return None
    keep = [index for index in range(len(view.text)) if index not in drop]
    breaks = frozenset(position for position, index in enumerate(keep) if index in soft)
    return _select(view, "spaced letters", keep, breaks, SOFT_ALL)


def closed(view: View) -> View:
    """Without any gap between words; a former gap counts as a boundary for longer terms only."""
    keep: list[int] = []
    breaks: set[int] = set()
    gap = False
    for index, char in enumerate(view.text):
        if is_word(char):
            if gap:
                breaks.add(len(keep))
            gap = False
            keep.append(index)
        elif char not in "'’":  # "it's hit" is no split word
            gap = True
    return _select(view, "gaps removed", keep, frozenset(breaks), SOFT_CLOSED)


def squeezed(view: View) -> View | None:
    """Every run of one letter as one letter, with the runs' lengths; None where nothing is stretched."""
    keep: list[int] = []
    runs: list[int] = []
    spans: list[tuple[int, int]] = []
    for index, char in enumerate(view.text):
        if keep and char == view.text[keep[-1]] and char.isalpha():
            runs[-1] += 1
            spans[-1] = (spans[-1][0], view.ends[index])
        else:
            keep.append(index)
            runs.append(1)
            spans.append((view.starts[index], view.ends[index]))
    if max(runs, default=0) < STRETCH:
        return None
    text = "".join(view.text[index] for index in keep)
    starts, ends = tuple(span[0] for span in spans), tuple(span[1] for span in spans)
    return View(f"{view.name}, stretched letters", False, text, starts, ends, runs=tuple(runs))


def han(view: View) -> View | None:
    """Without separators between Han characters, which have no word gaps of their own; None without Han."""
    text = view.text
    if not any(map(is_han, text)):
        return None
    keep: list[int] = []
    pending: list[int] = []
    for index, char in enumerate(text):
        if is_word(char) or is_han(char):
            if not (pending and keep and is_han(text[keep[-1]]) and is_han(char)):
                keep.extend(pending)
            pending = []
            keep.append(index)
        else:
            pending.append(index)
    keep.extend(pending)
    return _select(view, "Han separators removed", keep)


@lru_cache(maxsize=65_536)
def is_word(char: str) -> bool:
    """Letters, digits and marks of scripts that put gaps between words; "_" is a gap."""
    if char.isascii():
        return char.isalnum()
    return (char.isalnum() or unicodedata.category(char)[0] == "M") and not is_unspaced(char)


@lru_cache(maxsize=65_536)
def is_han(char: str) -> bool:
    """Whether a character is a Han ideograph (URO, extensions, compatibility, radicals)."""
    code = ord(char)
    return (
        0x4E00 <= code <= 0x9FFF
        or 0x3400 <= code <= 0x4DBF
        or 0x20000 <= code <= 0x3FFFF
        or 0xF900 <= code <= 0xFAFF
        or 0x2E80 <= code <= 0x2FDF
        or code in (0x3005, 0x3007)
    )


def is_unspaced(char: str) -> bool:
    """Whether a character's script is written without gaps: Han, kana, Thai, Lao, Khmer, Myanmar."""
    code = ord(char)
    return (
        is_han(char)
        or 0x3040 <= code <= 0x30FF
        or 0x0E00 <= code <= 0x0EFF
        or 0x1780 <= code <= 0x17FF
        or (0x1000 <= code <= 0x109F)
    )


@lru_cache(maxsize=65_536)
def is_ignorable(char: str) -> bool:
    """Whether a reader sees nothing of it: format and control characters, variation selectors, fillers."""
    category = unicodedata.category(char)
    if category == "Cf":
        return True
    if category == "Cc":
        return not char.isspace()
    code = ord(char)
    return (
        0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
        or 0x180B <= code <= 0x180F
        or code in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
    )


def _clusters(text: str) -> Iterator[Piece]:
    """Base characters with their combining marks, invisible characters left out."""
    start, cluster, end = 0, "", 0
    for index, char in enumerate(text):
        if not char.isascii() or not char.isprintable():
            if is_ignorable(char):
                continue
            # Marks and conjoining jamo belong to what stands before them, even across an invisible character.
            if cluster and (unicodedata.category(char)[0] == "M" or 0x1161 <= ord(char) <= 0x11FF):
                cluster, end = cluster + char, index + 1
                continue
        if cluster:
            yield cluster, start, end
        start, cluster, end = index, char, index + 1
    if cluster:
        yield cluster, start, end


@lru_cache(maxsize=65_536)
def _fold(cluster: str) -> str:
    if cluster.isascii():
        return cluster.lower()
    # Case folding can leave compatibility forms and the reverse, hence the second normalisation (Unicode D146).
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", cluster).casefold())
    return "".join(char for char in once if not is_ignorable(char))


@lru_cache(maxsize=65_536)
def _skeleton(cluster: str) -> str:
    if cluster.isascii():
        return cluster.lower()
    out = []
    for char in unicodedata.normalize("NFKD", cluster):
        if (unicodedata.category(char)[0] == "M" and not is_unspaced(char)) or is_ignorable(char):
            continue
        out.append(_look_alike(char))
    return unicodedata.normalize("NFKC", "".join(out))


def _look_alike(char: str) -> str:
    """The Latin letter or digit a character is taken for, else itself in lower case."""
    if char.isascii():
        return char.lower()
    for form in (char, char.casefold()):
        if form in _LOOK_ALIKES:
            return _LOOK_ALIKES[form]
    if unicodedata.category(char) == "Nd":
        return str(unicodedata.digit(char))
    letter = _NAMED.match(unicodedata.name(char, ""))
    return letter.group(1).lower() if letter else char.casefold()


def _unmask(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Letters that only resemble Latin ones (и as n) are taken for them where real Latin letters stand beside them.

    Done word by word, so that ordinary Cyrillic stays what it is; letters that stand alone count as one word together.
    """
    group: list[Piece] = []
    alone = False
    for space, run in itertools.groupby(pieces, key=lambda piece: piece[0].isspace()):
        word = list(run)
        if not space:
            single = sum(chars.isalnum() for chars, _, _ in word) == 1
            if not (single and alone):
                yield from _unmasked(group)
                group = []
            alone = single
        group += word
    yield from _unmasked(group)


def _unmasked(group: Sequence[Piece]) -> Iterator[Piece]:
    mixed = any(char.isascii() and char.isalpha() for chars, _, _ in group for char in chars)
    for chars, at, to in group:
        yield ("".join(_ROUGH.get(char, char) for char in chars) if mixed else chars), at, to


def _merge_spaces(pieces: Iterable[Piece]) -> Iterator[Piece]:
    gap: tuple[int, int] | None = None
    for chars, at, to in pieces:
        if chars.isspace():
            gap = (gap[0] if gap else at, to)
        elif chars:
            if gap:
                yield " ", *gap
                gap = None
            yield chars, at, to
    if gap:
        yield " ", *gap


def _view(name: str, strict: bool, pieces: Iterable[Piece]) -> View:
    text: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for chars, at, to in pieces:
        text.append(chars)
        starts.extend([at] * len(chars))
        ends.extend([to] * len(chars))
    return View(name, strict, "".join(text), tuple(starts), tuple(ends))


def _select(view: View, step: str, keep: list[int], soft: frozenset[int] = frozenset(), letters: int = 0) -> View:
    name = step if view.strict or view.name == "look-alike letters" else f"{view.name}, {step}"
    return View(
        name,
        False,
        "".join(view.text[index] for index in keep),
        tuple(view.starts[index] for index in keep),
        tuple(view.ends[index] for index in keep),
        soft,
        letters,
    )


_LEET = {
    "i": "l", "1": "l", "|": "l", "!": "l",
    "0": "o", "3": "e", "4": "a", "5": "s", "6": "g", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "+": "t", "(": "c", "€": "e", "£": "l", "¢": "c", "¥": "y", "§": "s", "µ": "u",
}  # fmt: skip

# Letters of other scripts that look like a Latin letter in common fonts: a hand-made extract of what TR39's
# confusables.txt (Unicode 16) folds, for Cyrillic, Greek, Armenian, Cherokee, Lisu, Coptic and Latin extensions.
_LOOK_ALIKES = {
    char: latin
    for latin, chars in {
        "a": "аАɑαΑ⍺ᎪꓮⲀⲁ∂", "b": "ЬьвВβΒƄᏏᏴꓐⲂⲃ", "c": "сСϲϹⅭᏟꓚⲤⲥ", "d": "ԁԀժᎠꓓ", "e": "еЕєЄεΕҽҼ℮ᎬꓰⲈⲉ",
        "f": "ϝϜքꓝғҒ", "g": "ɡցԍԌᏀꓖ", "h": "һҺнНհΗᎻꓧⲎⲏ", "i": "іІιΙıɩᎥꓲⲒⲓ", "j": "јЈϳᎫꓙ", "k": "кКκΚᏦꓗⲔⲕĸ",
        "l": "ӀӏլᏞꓡ", "m": "мМΜᎷꓟⲘⲙ", "n": "ոռηΝꓠⲚⲛ", "o": "оОοΟσөӨօՕᎤꓳⲞⲟ", "p": "рРρΡᏢꓑⲢⲣ", "q": "ԛԚգզ",
        "r": "гГᏒᎡꓣᴦ", "s": "ѕЅՏᏚꓢ", "t": "тТτΤᎢꓔⲦⲧ", "u": "υսՍμꓴ", "v": "νѵѴᏙꓦ", "w": "ԝԜѡωᎳꓪ",
        "x": "хХχΧꓫⲬⲭ", "y": "уУγүҮΥყꓬⲨⲩ", "z": "ΖᏃꓜⲌⲍ",
    }.items()
    for char in chars
}  # fmt: skip
_ROUGH = {"и": "n", "п": "n", "я": "r", "ш": "w", "щ": "w", "ц": "u", "э": "e", "з": "e", "д": "a", "л": "n",
          "б": "b", "ч": "y", "ъ": "b", "ы": "bl", "ф": "o", "ж": "x", "λ": "a", "θ": "o", "φ": "o", "π": "n",
          "ψ": "y", "ξ": "e", "δ": "d"}  # fmt: skip
# ᴀ, ɐ, ł, ꜱ, 🅰, 🇦 …: the Unicode name says which Latin letter is varied.
_NAMED = re.compile(
    r"(?:LATIN|MODIFIER|(?:CROSSED )?(?:NEGATIVE )?(?:SQUARED|CIRCLED|PARENTHESIZED) LATIN|REGIONAL INDICATOR SYMBOL)\b"
    r"(?: SMALL| CAPITAL| LETTER)+"
    r"(?: (?:SMALL CAPITAL|SMALL|CAPITAL|TURNED|REVERSED|INVERTED|SIDEWAYS|OPEN|CLOSED|SCRIPT|DOTLESS|LONG|TOP HALF|"
    r"BOTTOM HALF|STRETCHED|TAILLESS|HALF))*"
    r" ([A-Z])(?: WITH .*| ROTUNDA)?$"
)
