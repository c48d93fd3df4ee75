from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.compliance import hidden
from galley.compliance.patterns import find, iban_valid, luhn


def found(text: str) -> dict[str, list[str]]:
    return {kind: [text[span.start : span.end] for span in spans] for kind, spans in find(text).items() if spans}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to Ada.Lovelace+x@mail.example.co.uk.", {"email": ["Ada.Lovelace+x@mail.example.co.uk"]}),
        ("ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ", {"email": ["ａｄａ＠ｅｘａｍｐｌｅ．ｃｏｍ"]}),
        ("ada\u200b@exam\u200bple.com", {"email": ["ada\u200b@exam\u200bple.com"]}),
        ("card 4111 1111 1111 1111, thanks", {"card": ["4111 1111 1111 1111"]}),
        ("card 4111-1111-1111-1111", {"card": ["4111-1111-1111-1111"]}),
        ("378282246310005", {"card": ["378282246310005"]}),
        ("４１１１１１１１１１１１１１１１", {"card": ["４１１１１１１１１１１１１１１１"]}),
        ("pay DE89 3704 0044 0532 0130 00 today", {"iban": ["DE89 3704 0044 0532 0130 00"]}),
        ("gb82west12345698765432", {"iban": ["gb82west12345698765432"]}),
        ("4111 1111 1111 1111 12/27", {"card": ["4111 1111 1111 1111"]}),
        ("4111 1111 1111 1111 123", {"card": ["4111 1111 1111 1111"]}),
        ("2 4111 1111 1111 1111 for two", {"card": ["4111 1111 1111 1111"]}),
        ("Order 12\n4111 1111 1111 1111", {"card": ["4111 1111 1111 1111"]}),
        ("_4111.1111.1111.1111_", {"card": ["4111.1111.1111.1111"]}),
        ("5555 5555 5555 4444 3782 822463 10005", {"card": ["5555 5555 5555 4444", "3782 822463 10005"]}),
        ("Ref KX42 GB82 WEST 1234 5698 7654 32", {"iban": ["GB82 WEST 1234 5698 7654 32"]}),
        ("GB82-WEST-1234-5698-7654-32", {"iban": ["GB82-WEST-1234-5698-7654-32"]}),
        ("DE89370400440532013000请", {"iban": ["DE89370400440532013000"]}),
        ("ada@example.com请联系", {"email": ["ada@example.com"]}),
        ("_ada@example.com_", {"email": ["_ada@example.com"]}),
        ("ada@müller.de", {"email": ["ada@müller.de"]}),
        ("call +49 30 1234567", {"phone": ["+49 30 1234567"]}),
        ("call (555) 123-4567 now", {"phone": ["(555) 123-4567"]}),
        ("+44 20 11 2034 5678", {"phone": ["+44 20 11 2034 5678"]}),
        ("since 01.02.2026: 030 1234567", {"phone": ["030 1234567"]}),
        ("0049 171 1234567", {"phone": ["0049 171 1234567"]}),
        ("01 42 68 53 00", {"phone": ["01 42 68 53 00"]}),
        ("电话13812345678。", {"phone": ["13812345678"]}),
    ],
)
def test_personal_data_is_found_where_it_stands(text: str, expected: dict[str, list[str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112",
        "0000 0000 0000 0000",
        "DE89370400440532013002",
        "DE89 3704 0044",
        "2026-11-23 06:00:00",
        "23.11.2026, 01/02/2026, 09-12-2026",
        "EUR 1.299,00 and 10 000 000 000 atoms",
        "on 01/02/2026 18:30, 01/02/2026-05/02/2026, 2026/02/01 09-12",
        "on 01 02 2026",
        "open 09-12 14-18, +10 000 000 downloads",
        "EAN 4000000007050, IMEI 356938035643809",
        "seed 1234567890123456789",
        "3.14159265358979 and 0.5 0.25",
        "version 1.2.3-4567, ISBN 978-0-306-40615-7",
        "sizes 100 200 300, 1920x1080, 12345678",
        "@handle and a@b and x @ y.com",
        "IPv4 192.168.100.100 and 10.0.0.1",
    ],
)
def test_ordinary_numbers_are_not_personal_data(text: str) -> None:
    assert found(text) == {}


@given(st.from_regex(r"[2-6][0-9]{12,17}", fullmatch=True), st.integers(0, 9))
def test_exactly_one_last_digit_makes_a_card_number(start: str, digit: int) -> None:
    assert [luhn(start + str(last)) for last in range(10)].count(True) == 1


@given(st.text(alphabet="0123456789", min_size=18, max_size=18))
def test_exactly_one_pair_of_check_digits_makes_an_iban(account: str) -> None:
    assert [iban_valid(f"de{check:02d}{account}") for check in range(2, 99)].count(True) == 1


@given(st.text(alphabet="0123456789 -+().,@abe\u200b", max_size=300))
def test_spans_lie_in_the_text_and_nothing_takes_long(text: str) -> None:
    for spans in find(text).values():
        assert all(0 <= span.start < span.end <= len(text) for span in spans)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 100_000 + "@",
        "1 " * 50_000,
        "(" * 50_000,
        "0-" * 50_000,
        "a.a" * 30_000 + "@a.",
        "4 " * 50_000,
        "de12 " * 20_000,
        "+" + "1" * 50_000,
    ],
)
def test_no_input_makes_a_pattern_slow(text: str) -> None:
    assert found(text) == {}


@pytest.mark.parametrize(
    ("text", "kind", "start"),
    [
        ("abc \u202ednuof eb\u202c", "bidi_override", 4),
        ("text \U000e0068\U000e0069", "tag", 5),
        ("po\u200bison", "zero_width", 2),
        ("去\u200b死", "zero_width", 1),
    ],
)
def test_hidden_characters_are_found(text: str, kind: str, start: int) -> None:
    spans = hidden.find(text)
    assert [span.start for span in spans.pop(kind)] == [start]
    assert not any(spans.values())


@pytest.mark.parametrize(
    "text",
    [
        "👨\u200d👩\u200d👧 🏳️\u200d🌈 ❤\ufe0f",
        "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می\u200cخواهم",
        "क\u094d\u200dष",
        "\ufeffA text with a byte order mark",
        "Donau\u00addampf\u00adschiff",
        "\u200fשלום\u200f",
    ],
)
def test_characters_with_a_purpose_are_left_alone(text: str) -> None:
    assert not any(hidden.find(text).values())
