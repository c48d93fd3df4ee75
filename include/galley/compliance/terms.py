"""Term lists: every term of every list in every view of a text, in one pass per view (Aho and Corasick 1975)."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from galley.compliance.policy import Term, TermList
from galley.compliance.views import LEET, STRETCH, View, folded, is_unspaced, is_word, leet_form, skeleton, views
from galley.items import Span


@dataclass(frozen=True)
class Hit:
    """One term at one place.

    Attributes:
        term_list: name of the list.
        term: as the list writes it.
        span: in characters of the original text.
        strict: a reader sees the term there; False where it was found in a loose view only.
        view: name of the view.
    """

    term_list: str
    term: Term
    span: Span
    strict: bool
    view: str


@dataclass(frozen=True)
class _Entry:
    """A term in the form of one automaton. ``runs`` are its letters' run lengths where the form is squeezed."""

    term_list: str
    term: Term
    form: str
    letters: int
    runs: tuple[int, ...] = ()


class Matcher:
    """Finds the terms of some lists; built once, then free of state."""

    def __init__(self, lists: Sequence[TermList]) -> None:
        strict: list[_Entry] = []
        loose: list[_Entry] = []
        for terms in lists:
            for term in terms.terms:
                exact, plain = folded(term.text).text, skeleton(term.text).text
                bare = "".join(char for char in plain if is_word(char) or is_unspaced(char))
                letters = sum(map(str.isalpha, plain))
                strict.append(_Entry(terms.name, term, exact, letters))
                # One or two letters look like too much once signs are read as letters.
                if term.loose and (letters >= 3 or not bare.isascii()):
                    loose.extend(_Entry(terms.name, term, form, letters) for form in {plain, bare})
        leeted = [replace(entry, form=leet_form(entry.form)) for entry in loose]
        self._strict = Automaton(_by_form(strict))
        # By (leetspeak view, squeezed view).
        self._loose = {
            (False, False): Automaton(_by_form(loose)),
            (True, False): Automaton(_by_form(leeted)),
            (False, True): Automaton(_by_form(map(_squeeze, loose))),
            (True, True): Automaton(_by_form(map(_squeeze, leeted))),
        }
        self._exceptions = Automaton(_by_phrase(lists))

    def find(self, text: str) -> list[Hit]:
        """All hits, strict ones first; a loose hit that only repeats a strict one of the same term is left out.

        A list's exceptions lift that list's hits alone.
        """
        found: dict[tuple[str, str, Span], Hit] = {}
        seen: dict[tuple[str, str], list[Span]] = {}
        covered: dict[tuple[str, str], _Spans] = {}
        excepted: dict[str, _Spans] = {}
        for view in views(text):
            if view.strict:
                excepted = self._excepted(view)
            automaton = self._strict if view.strict else self._loose[view.name.startswith(LEET), bool(view.runs)]
            for at, to, entry in automaton.scan(view.text):
                if not _bounded(view, at, to, entry) or not _stretched(view, at, entry):
                    continue
                span, name = view.span(at, to), (entry.term_list, entry.term.text)
                if entry.term_list in excepted and excepted[entry.term_list].hold(span):
                    continue
                if view.strict:
                    seen.setdefault(name, []).append(span)
                elif name in seen:
                    if name not in covered:
                        covered[name] = _Spans(seen[name])
                    if covered[name].touch(span):
                        continue
                found.setdefault((*name, span), Hit(entry.term_list, entry.term, span, view.strict, view.name))
        return sorted(found.values(), key=lambda hit: (not hit.strict, hit.span.start, hit.span.end, hit.term_list))

    def _excepted(self, view: View) -> dict[str, _Spans]:
        """By list, where its exceptions stand."""
        spans: dict[str, list[Span]] = {}
        for at, to, term_list in self._exceptions.scan(view.text):
            spans.setdefault(term_list, []).append(view.span(at, to))
        return {term_list: _Spans(places) for term_list, places in spans.items()}


class _Spans:
    """Spans to be asked about many others, each in logarithmic time: texts are long, and hits may be many."""

    def __init__(self, spans: Iterable[Span]) -> None:
        ordered = sorted((span.start, span.end) for span in spans)
        self._starts = [start for start, _ in ordered]
        self._furthest = list(itertools.accumulate((end for _, end in ordered), max))

    def hold(self, span: Span) -> bool:
        """Whether ``span`` lies inside one of them."""
        before = bisect.bisect_right(self._starts, span.start)
        return before > 0 and self._furthest[before - 1] >= span.end

    def touch(self, span: Span) -> bool:
        """Whether ``span`` has a character in common with one of them."""
        before = bisect.bisect_left(self._starts, span.end)
        return before > 0 and self._furthest[before - 1] > span.start


class Automaton:
    """Aho-Corasick over text forms; each form carries any number of values."""

    def __init__(self, values: dict[str, list[Any]]) -> None:
        import ahocorasick  # of the worker environment; the command line imports the policy, not the matcher

        self._automaton = ahocorasick.Automaton()
        for form, entries in values.items():
            if form:
                self._automaton.add_word(form, (len(form), entries))
        self._empty = len(self._automaton) == 0
        if not self._empty:
            self._automaton.make_automaton()

    def scan(self, text: str) -> Iterator[tuple[int, int, Any]]:
        """Start, end and value of every occurrence in ``text``, overlapping ones included."""
        if self._empty or not text:
            return
        for last, (length, entries) in self._automaton.iter(text):
            for entry in entries:
                yield last + 1 - length, last + 1, entry


def _by_form(entries: Iterable[_Entry]) -> dict[str, list[_Entry]]:
    forms: dict[str, list[_Entry]] = {}
    for entry in entries:
        forms.setdefault(entry.form, []).append(entry)
    return forms


def _by_phrase(lists: Sequence[TermList]) -> dict[str, list[str]]:
    phrases: dict[str, list[str]] = {}
    for terms in lists:
        for phrase in terms.exceptions:
            phrases.setdefault(folded(phrase).text, []).append(terms.name)
    return phrases


def _squeeze(entry: _Entry) -> _Entry:
    groups = [(char, len(list(group)) if char.isalpha() else 1) for char, group in itertools.groupby(entry.form)]
    return replace(entry, form="".join(char for char, _ in groups), runs=tuple(size for _, size in groups))


def _bounded(view: View, at: int, to: int, entry: _Entry) -> bool:
    return (entry.term.open_start or view.boundary(at, entry.letters)) and (
        entry.term.open_end or view.boundary(to, entry.letters)
    )


def _stretched(view: View, at: int, entry: _Entry) -> bool:
    """In a squeezed view: every letter stands at least as often as in the term, and one is really stretched."""
    if not view.runs:
        return True
    there = view.runs[at : at + len(entry.runs)]
    longer = [have for have, want in zip(there, entry.runs, strict=True) if have > want]
    return (
        len(longer) > 0
        and max(longer) >= STRETCH
        and all(have >= want for have, want in zip(there, entry.runs, strict=True))
    )
