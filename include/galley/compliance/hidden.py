"""Characters that change what a reader sees without being seen themselves.

Found are bidirectional overrides (U+202D, U+202E), tag characters outside flag emoji (they can carry a whole hidden
text), and zero-width characters between two letters of a script that has no use for them. Joiners in emoji, Arabic and
Indic scripts, soft hyphens, a byte order mark at the start and directional marks are ordinary and not found.
"""

from __future__ import annotations

import re
import unicodedata

from galley.items import Span

_OVERRIDE = re.compile("[\u202d\u202e]+")
_TAGS = re.compile("(?P<flag>\U0001f3f4[\U000e0020-\U000e007e]{2,10}\U000e007f)|(?P<tags>[\U000e0000-\U000e007f]+)")
_ZERO_WIDTH = re.compile("[\u200b-\u200d\u2060-\u2064\ufeff\u180e]+")
_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CJK", "FULLWIDTH", "DIGIT")


def find(text: str) -> dict[str, list[Span]]:
    """Finds by kind: ``bidi_override``, ``tag``, ``zero_width``; spans of the text."""
    return {
        "bidi_override": [_span(found) for found in _OVERRIDE.finditer(text)],
        "tag": [_span(found) for found in _TAGS.finditer(text) if found["tags"]],
        "zero_width": [
            _span(found)
            for found in _ZERO_WIDTH.finditer(text)
            if _plain(text[found.start() - 1 : found.start()]) and _plain(text[found.end() : found.end() + 1])
        ],
    }


def _plain(char: str) -> bool:
    return char != "" and char.isalnum() and unicodedata.name(char, "").startswith(_SCRIPTS)


def _span(found: re.Match[str]) -> Span:
    return Span(start=found.start(), end=found.end())
