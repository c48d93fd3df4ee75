"""Personal data with a recognisable form: e-mail addresses, phone numbers, payment cards, IBANs.

Matched on the strict view, so that full-width digits and invisible characters do not hide a number. Cards must pass the
Luhn check (ISO/IEC 7812-1, annex B) and begin like a card, IBANs the mod-97 check (ISO 13616). E-mail addresses
and phone numbers have no checksum; of phone numbers only forms count that ordinary numbers, dates and prices lack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from galley.compliance.policy import PatternName
from galley.compliance.views import View, folded
from galley.items import Span

# Quantifiers are bounded and neighbours exclude each other, so that no input takes more than linear time.
_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,6}[a-z]{2,24}(?![a-z0-9-])")
_GROUPS = re.compile(r"(?<![0-9a-z.])\d+(?:[ .\-/\u2013]\d+)*(?![0-9a-z]|\.\d)")
_CARDS = re.compile(
    # Issuer by issuer, lengths as they are given out; 13 digits, which Visa once had, are mostly article numbers.
    r"4(?:\d{15}|\d{18})|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d|35[2-8]\d)\d{12,15}|(?:30[0-5]\d|36\d\d|3[89]\d\d)\d{10,15}"
    r"|(?:50|5[6-8]|6\d)\d{13,17}"
)
_IBAN = re.compile(r"(?<![0-9a-z])(?=([a-z]{2})\d{2})")
_DATE = re.compile(r"\d{1,2}([ ./-])\d{1,2}\1(?:19|20)\d\d")
_DATES = re.compile(r"(?<!\d)(?:\d{1,2}([./-])\d{1,2}\1(?:19|20)\d\d|(?:19|20)\d\d([./-])\d{1,2}\2\d{1,2})(?!\d)")
"""Dates wherever they stand, day or year first; with spaces they may be the groups of a number."""
_GAP = r"[ .\-/\u2010-\u2013]"
_PHONES = tuple(
    re.compile(form)
    for form in (
        # E.164 with "+" or "00": a country code and 6 to 13 more digits, in groups or not.
        rf"(?<![0-9a-z_+])(?:\+|00){_GAP}?[1-9]\d{{0,2}}(?:{_GAP}?\(?\d{{1,5}}\)?){{2,6}}(?![0-9a-z_])",
        # North America: 555-123-4567, (555) 123-4567, 555.123.4567.
        rf"(?<![0-9a-z_.+-])(?:1{_GAP})?(?:\(\d{{3}}\) ?|\d{{3}}[ .\-])\d{{3}}[ .\-]\d{{4}}(?![0-9a-z_]|[.\-]\d)",
        # National with trunk prefix 0 and at least one gap: 030 1234567, 0171/1234567, 01 42 68 53 00.
        r"(?<![0-9a-z_.+-])\(?0\d{1,4}\)?(?:[ /\-]\d{2,8}){1,5}(?![0-9a-z_]|[.\-/]\d)",
        # Mobile in China: eleven digits from 13 to 19.
        r"(?<![0-9a-z_.+])1[3-9]\d[ -]?\d{4}[ -]?\d{4}(?![0-9a-z_]|\.\d)",
    )
)
_IBAN_LENGTHS: Mapping[str, int] = {
    "ad": 24, "ae": 23, "al": 28, "at": 20, "az": 28, "ba": 20, "be": 16, "bg": 22, "bh": 22, "br": 29, "by": 28,
    "ch": 21, "cr": 22, "cy": 28, "cz": 24, "de": 22, "dk": 18, "do": 28, "ee": 20, "eg": 29, "es": 24, "fi": 18,
    "fo": 18, "fr": 27, "gb": 22, "ge": 22, "gi": 23, "gl": 18, "gr": 27, "gt": 28, "hr": 21, "hu": 28, "ie": 22,
    "il": 23, "iq": 23, "is": 26, "it": 27, "jo": 30, "kw": 30, "kz": 20, "lb": 28, "lc": 32, "li": 21, "lt": 20,
    "lu": 20, "lv": 21, "ly": 25, "mc": 27, "md": 24, "me": 22, "mk": 19, "mr": 27, "mt": 31, "mu": 30, "nl": 18,
    "no": 15, "pk": 24, "pl": 28, "ps": 29, "pt": 25, "qa": 29, "ro": 24, "rs": 22, "sa": 24, "sc": 31, "sd": 18,
    "se": 24, "si": 19, "sk": 24, "sm": 27, "st": 25, "sv": 28, "tl": 23, "tn": 24, "tr": 26, "ua": 29, "va": 22,
    "vg": 24, "xk": 20,
}  # fmt: skip
"""Country to length of its IBANs, in characters (SWIFT IBAN registry)."""


def find(text: str) -> dict[PatternName, list[Span]]:
    """All finds by kind, as spans of the original, in order of their start."""
    view = folded(text)
    spans: dict[PatternName, list[Span]] = {"email": _all(view, _emails(view.text))}
    ibans = list(_ibans(view.text))
    cards = [card for card in _cards(view.text) if not _inside(card, ibans)]
    phones = sorted({phone for phone in _phones(view.text) if not _inside(phone, ibans + cards)})
    spans["iban"], spans["card"] = _all(view, ibans), _all(view, cards)
    spans["phone"] = _all(view, [phone for phone in phones if not _inside(phone, [p for p in phones if p != phone])])
    return spans


def luhn(digits: str) -> bool:
    """Whether a string of digits passes the Luhn check."""
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + index % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_valid(iban: str) -> bool:
    """Whether an IBAN without spaces, in lower case, has its country's length and passes the mod-97 check."""
    if len(iban) != _IBAN_LENGTHS.get(iban[:2], -1):
        return False
    return int("".join(str(int(char, 36)) for char in iban[4:] + iban[:4])) % 97 == 1


def _emails(text: str) -> Iterator[tuple[int, int]]:
    return (found.span() for found in _EMAIL.finditer(text))


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Runs of whole groups of digits that make a card's number, whatever other groups stand before and after it."""
    for found in _GROUPS.finditer(text):
        groups = [group.span() for group in re.finditer(r"\d+", found[0])]
        first = 0
        while first < len(groups):
            number = ""
            for last in range(first, len(groups)):
                number += found[0][slice(*groups[last])]
                if len(number) > 19:
                    break
                if len(set(number)) > 1 and _CARDS.fullmatch(number) and luhn(number):
                    yield found.start() + groups[first][0], found.start() + groups[last][1]
                    first = last
                    break
            first += 1


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """The country says where the number ends; words and other numbers may follow, and stand before it."""
    for found in _IBAN.finditer(text):
        length, taken, at = _IBAN_LENGTHS.get(found[1], 0), "", found.start()
        while len(taken) < length and at < len(text):
            if text[at].isascii() and text[at].isalnum():
                taken += text[at]
            elif text[at] not in " -." or text[at - 1] in " -.":
                break
            at += 1
        if len(taken) == length and not re.match(r"[0-9a-z]", text[at : at + 1]) and iban_valid(taken):
            yield found.start(), at


def _phones(text: str) -> Iterator[tuple[int, int]]:
    text = _DATES.sub(lambda date: "_" * len(date[0]), text)
    for form in _PHONES:
        for found in form.finditer(text):
            digits = re.sub(r"\D", "", found[0])
            if 8 <= len(digits) <= 17 and len(set(digits)) > 1 and not _counted(found[0]):
                yield found.span()


def _counted(number: str) -> bool:
    """Whether it is rather a date, thousands (groups of three zeros behind the first) or hours (groups of two)."""
    first, *groups = re.findall(r"\d+", number)
    thousands = bool(groups) and all(group == "000" for group in groups)
    return (
        bool(_DATE.fullmatch(number))
        or thousands
        or (len(groups) < 4 and all(len(group) == 2 for group in (first, *groups)))
    )


def _inside(part: tuple[int, int], wholes: list[tuple[int, int]]) -> bool:
    return any(start <= part[0] and part[1] <= end for start, end in wholes)


def _all(view: View, found: Iterator[tuple[int, int]] | list[tuple[int, int]]) -> list[Span]:
    return sorted((view.span(start, end) for start, end in found), key=lambda span: (span.start, span.end))
