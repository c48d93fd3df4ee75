"""Overlapping windows over a whole text, each short enough for a model with a token limit.

Transformers cut what is over their limit without a word. A classifier that screens must see everything, so a long text
is read in windows that overlap, and the highest score counts. Windows are spans of characters, so that the stock
prediction code can be given the text of each, and so that a score can be traced to its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Span = tuple[int, int]
"""Start and end in characters of the text, end exclusive."""


@dataclass(frozen=True)
class Token:
    """One token of a text.

    Attributes:
        start: its first character.
        end: one past its last character.
        word: number of the word it belongs to; cuts prefer to fall between words.
        known: False for the unknown token, which hides what it stands for from the model.
    """

    start: int
    end: int
    word: int | None = None
    known: bool = True


_READABLE = re.compile(r"\w{1,90}")


def windows(text: str, tokenize: Callable[[str], Sequence[Token]], *, limit: int, overlap: int) -> list[Span]:
    """Spans that cover ``text`` with at most ``limit`` tokens each.

    Neighbours share about ``overlap`` tokens (fewer only where one word has more tokens than that). A word that the
    tokenizer knows only as its unknown token (an emoji stuck to it, or longer than WordPiece reads) would be scored
    blind, so its readable parts get windows of their own. ``tokenize`` gives the tokens of any text, special ones left
    out.

    Args:
        text: any text.
        tokenize: see above.
        limit: most tokens of a window, at least 2.
        overlap: tokens that neighbouring windows share, below ``limit``.

    Returns:
        The covering windows in order, then those of unreadable words.

    Raises:
        ValueError: limit or overlap out of range.
    """
    if limit < 2 or not 0 <= overlap < limit:
        raise ValueError(
            f"windows of {limit} tokens overlapping by {overlap}: need limit >= 2 and 0 <= overlap < limit"
        )
    tokens = tokenize(text)
    return _covering(text, tokens, tokenize, limit, overlap) + _unreadable(text, tokens)


def _covering(
    text: str, tokens: Sequence[Token], tokenize: Callable[[str], Sequence[Token]], limit: int, overlap: int
) -> list[Span]:
    if len(tokens) <= limit:
        return [(0, len(text))]
    spans: list[Span] = []
    first = 0
    while True:
        last = min(first + limit, len(tokens))
        if last < len(tokens):
            last = _word_start(tokens, last, above=first + limit // 2)
        start = 0 if first == 0 else tokens[first].start
        while True:
            end = len(text) if last == len(tokens) else tokens[last].start
            # A slice may begin or end inside a word and is then split otherwise than the whole was: count again.
            surplus = len(tokenize(text[start:end])) - limit
            if surplus <= 0 or last == first + 1:
                break
            last = max(first + 1, last - surplus)
        spans.append((start, end))
        if last == len(tokens):
            return spans
        first = max(first + 1, _word_start(tokens, max(first + 1, last - overlap), above=first))


def _word_start(tokens: Sequence[Token], index: int, *, above: int) -> int:
    """The nearest token at or before ``index`` that begins a word, or ``index`` where none is above ``above``."""
    at = index
    while at > above and tokens[at].word is not None and tokens[at].word == tokens[at - 1].word:
        at -= 1
    return at if at > above else index


def _unreadable(text: str, tokens: Sequence[Token]) -> list[Span]:
    spans: list[Span] = []
    for token in tokens:
        if not token.known and token.end - token.start > 1:
            for part in _READABLE.finditer(text, token.start, token.end):
                if part.end() - part.start() > 1:
                    spans.append(part.span())
    return spans
