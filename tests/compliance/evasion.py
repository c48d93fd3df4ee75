"""Ways of writing a term so that a reader still reads it and a plain filter does not find it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping

_CYRILLIC = str.maketrans("aceikmnopstuvxyhb", "асеікмпорѕтυѵхуһЬ")
_GREEK = str.maketrans("aeikmnoprtuvxy", "αεικмηορгτυνχγ")
_LEET = str.maketrans("aeiost", "431057")
_SIGNS = str.maketrans("aist", "@!$+")
_SMALL_CAPITALS = str.maketrans("abcdefghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇғɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ")


def _offset(start: int) -> Callable[[str], str]:
    return lambda text: "".join(chr(start + ord(char) - 97) if "a" <= char <= "z" else char for char in text)


def _between(mark: str) -> Callable[[str], str]:
    return lambda text: " ".join(mark.join(word) for word in text.split(" "))


def _inside(mark: str) -> Callable[[str], str]:
    return lambda text: " ".join(word[: len(word) // 2] + mark + word[len(word) // 2 :] for word in text.split(" "))


def _stretched(text: str) -> str:
    middle = next(index for index, char in enumerate(text) if index and char.isalpha())
    return text[:middle] + text[middle] * 4 + text[middle + 1 :]


STRICT: Mapping[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "upper case": str.upper,
    "title case": str.title,
    "swapped case": lambda text: "".join(c.upper() if i % 2 else c for i, c in enumerate(text)),
    "full width": _offset(0xFF41),
    "mathematical bold": _offset(0x1D41A),
    "mathematical fraktur bold": _offset(0x1D586),
    "mathematical monospace": _offset(0x1D68A),
    "circled": _offset(0x24D0),
    "zero width space": _inside("\u200b"),
    "zero width joiner": _inside("\u200d"),
    "word joiner": _inside("\u2060"),
    "byte order mark": _inside("\ufeff"),
    "soft hyphen": _inside("\u00ad"),
    "tag characters": _inside("\U000e0061"),
    "variation selector": _inside("\ufe0f"),
    "combining grapheme joiner": _inside("\u034f"),
    "control character": _inside("\x08"),
    "right-to-left mark": _inside("\u200f"),
    "line break for a space": lambda text: text.replace(" ", "\n"),
    "wide spaces": lambda text: text.replace(" ", " \u3000\u00a0\t"),
    "decomposed": lambda text: unicodedata.normalize("NFD", text),
    "in brackets": lambda text: f"({text})",
    "in underscores": lambda text: f"__{text}__",
}
"""A reader sees the term itself: found in the strict view."""

LOOSE: Mapping[str, Callable[[str], str]] = {
    "Cyrillic look-alikes": lambda text: text.translate(_CYRILLIC),
    "one Cyrillic letter": lambda text: text.replace("a", "а", 1) if "a" in text else text.replace("i", "і", 1),
    "Greek look-alikes": lambda text: text.translate(_GREEK),
    "small capitals": lambda text: text.translate(_SMALL_CAPITALS),
    "squared": _offset(0x1F170),
    "negative circled": _offset(0x1F150),
    "regional indicators": _offset(0x1F1E6),
    "acute accents": lambda text: "".join(c + "\u0301" if c in "aeiou" else c for c in text),
    "zalgo": lambda text: "".join(c + "\u0336\u0353\u0489" if c.isalpha() else c for c in text),
    "leet digits": lambda text: text.translate(_LEET),
    "leet signs": lambda text: text.translate(_SIGNS),
    "capital I for l, l for i": lambda text: text.replace("l", "I").replace("i", "l"),
    "one for l": lambda text: text.replace("l", "1"),
    "spaced": _between(" "),
    "dotted": _between("."),
    "hyphened": _between("-"),
    "starred": _between("*"),
    "underscored": _between("_"),
    "spaced throughout": lambda text: " ".join(text.replace(" ", "")),
    "one dot inside": _inside("."),
    "one star inside": _inside("*"),
    "stretched": _stretched,
    "spaces left out": lambda text: text.replace(" ", ""),
    "spaced and Cyrillic": lambda text: _between(" ")(text.translate(_CYRILLIC)),
    "dotted leet": lambda text: _between(".")(text.translate(_LEET)),
    "stretched leet": lambda text: _stretched(text).translate(_LEET),
}
"""A reader reads the term into it: found in a loose view, at the latest."""

HAN: Mapping[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "spaced": " ".join,
    "dotted": "·".join,
    "starred": "*".join,
    "full stops": "。".join,
    "zero width": "\u200b".join,
    "combining strokes": "\u0336".join,
}
