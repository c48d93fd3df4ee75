from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.compliance.checkers import TermsChecker
from galley.compliance.checks import Outcome, Subject
from galley.compliance.policy import TermList, TermsCheck, load_policy
from galley.compliance.terms import Matcher, _Spans
from galley.items import Span
from galley.settings import project_root
from tests.compliance.evasion import HAN, LOOSE, STRICT
from tests.publishing.samples import sha

TERMS = (
    "kill yourself",
    "pipe bomb",
    "massacre",
    "white power",
    "bastard",
    "poison",
    "vaporize",
    "silicon valley spies",
)
HAN_TERMS = ("去死吧", "炸弹制作", "自殺", "他妈的")


def matcher(*terms: str | dict[str, object], exceptions: tuple[str, ...] = ()) -> Matcher:
    listed = {"name": "test", "decision": "block", "terms": list(terms), "exceptions": exceptions}
    return Matcher([TermList.model_validate(listed)])


ALL = matcher(*TERMS, *HAN_TERMS)


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("write", STRICT.values(), ids=STRICT.keys())
def test_what_a_reader_sees_is_found_strictly_with_its_span(term: str, write: Callable[[str], str]) -> None:
    written = write(term)
    text = f"Buy it now, {written} and more 中文。"
    strict = [hit for hit in ALL.find(text) if hit.strict]
    assert [hit.term.text for hit in strict] == [term]
    found = text[strict[0].span.start : strict[0].span.end]
    assert found == written.strip("()_")


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("write", LOOSE.values(), ids=LOOSE.keys())
def test_disguises_are_found_at_least_loosely(term: str, write: Callable[[str], str]) -> None:
    written = write(term)
    text = f"Buy it now: {written}, and more"
    hits = [hit for hit in ALL.find(text) if hit.term.text == term]
    assert hits
    if written != term:
        start, end = text.index(written), text.index(written) + len(written)
        assert all(start <= hit.span.start < hit.span.end <= end for hit in hits)


@pytest.mark.parametrize("term", HAN_TERMS)
@pytest.mark.parametrize("write", HAN.values(), ids=HAN.keys())
def test_chinese_terms_need_no_word_gaps_and_survive_separators(term: str, write: Callable[[str], str]) -> None:
    text = f"他说{write(term)}然后走了"
    assert term in {hit.term.text for hit in ALL.find(text)}


def test_han_radicals_count_as_the_characters_they_look_like() -> None:
    (hit,) = matcher("大人").find("一⼤人物")
    assert hit.strict and (hit.span.start, hit.span.end) == (1, 3)


CLEAN = """
The class passed the assessment in Scunthorpe, Essex and Penistone.
Cockpit, shuttlecock, peacock, cocktail and Hancock are ordinary words.
Analysis and analogue documents; the cumulative grass of the bass clarinet.
He shall pass the salt; a mass of glass; assassin bugs compass the brass.
It's hit after hit: Adele's hit list, the band's hit single.
Give an us-versus-them story a miss. Then as sure as eggs.
The therapist met the rapist's lawyer on Saturday.
She said hello to Dick van Dyke at Clitheroe, near Lightwater.
Our 4K TV has 1080p, 5G, WPA3 and costs $99.95 (was $149).
Call now!!! 50% off + free shipping @ our store | today only.
A white power bank with a white power cord; the Nazioni Unite met the nazionale and Nazim.
Unter Menschen fühlt sich ein suicide-prevention team am wohlsten.
I. M. Pei, J. R. R. Tolkien and U. S. Grant met B. B. King.
a b c d e f g h i j k l m n o p q r s t u v w x y z
Soooo good, yesss, whaaaat a day, aaaah.
Привет, как дела? Хорошего дня, спасибо за покупку, всего доброго.
Съешь же ещё этих мягких французских булок, да выпей чаю. Сухой хлеб.
Страхование, застрахуй, употреблять, команда, скипидар, рубля, мебель.
Ça va très bien; l'été, le château, la forêt, un garçon naïf, où êtes-vous?
Die Straße, schwül, Grüße, Übermut, Fuß, Bass, Maßstab, Klasse, Rasse.
Η γρήγορη αλεπού πηδά πάνω από τον τεμπέλη σκύλο. Καλημέρα σας.
今天天气很好，我们去公园散步。人生自古谁无死，留取丹心照汗青。
他妈妈的生日是明天。自我介绍，杀青，爆炸糖，弹琴，制作人。
這是一個紅色的圓圈，在白色的背景上。產品描述：舒適、耐用。
赤い円と青い四角形があります。ありがとうございます。
ขอบคุณที่ซื้อสินค้าของเรา วันนี้อากาศดีมาก
مرحبا، كيف حالك؟ شكرا جزيلا لك على الشراء.
नमस्ते, आप कैसे हैं? आज का दिन अच्छा है।
👨‍👩‍👧‍👦 family fun 🏳️‍🌈 and flags 🇩🇪🇫🇷🇨🇳 ❤️
"""


@pytest.fixture(scope="module")
def shipped() -> Matcher:
    compiled = load_policy("default", project_root() / "include" / "policies")
    return Matcher(list(compiled.term_lists.values()))


@pytest.mark.parametrize("sentence", [line for line in CLEAN.splitlines() if line])
def test_clean_sentences_stay_clean(shipped: Matcher, sentence: str) -> None:
    assert shipped.find(sentence) == []


def test_every_shipped_term_is_found_and_every_exception_is_not(shipped: Matcher) -> None:
    compiled = load_policy("default", project_root() / "include" / "policies")
    for terms in compiled.term_lists.values():
        for term in terms.terms:
            assert any(hit.strict and hit.term == term for hit in shipped.find(f"so {term.text} it is")), term
        for phrase in terms.exceptions:
            assert [hit for hit in shipped.find(f"about {phrase} now") if hit.term_list == terms.name] == [], phrase


def test_words_are_whole_unless_a_star_says_otherwise() -> None:
    found = matcher("ass", "fraud*", "*ware").find("class asset ass fraudulent defraud hardware warehouse")
    assert [(hit.term.term, hit.span.start) for hit in found if hit.strict] == [
        ("ass", 12),
        ("fraud*", 16),
        ("*ware", 39),
    ]


def test_a_list_s_exceptions_lift_that_list_s_hits_alone() -> None:
    lists = [
        TermList.model_validate({"name": name, "decision": "block", "terms": ["ass"], "exceptions": exceptions})
        for name, exceptions in (("kind", ["ass and foal"]), ("strict", []))
    ]
    assert [hit.term_list for hit in Matcher(lists).find("an ass and foal")] == ["strict"]


@given(
    st.lists(st.builds(lambda at, size: Span(start=at, end=at + size), st.integers(0, 30), st.integers(1, 9))),
    st.builds(lambda at, size: Span(start=at, end=at + size), st.integers(0, 30), st.integers(1, 9)),
)
def test_spans_say_what_a_look_at_each_says(spans: list[Span], span: Span) -> None:
    known = _Spans(spans)
    assert known.hold(span) == any(each.start <= span.start and span.end <= each.end for each in spans)
    assert known.touch(span) == any(each.start < span.end and span.start < each.end for each in spans)


def test_an_exception_covers_only_what_lies_inside_it() -> None:
    found = matcher("ass", exceptions=("ass and foal",)).find("an ass and foal; an ass")
    assert [hit.span.start for hit in found] == [20]


def test_a_term_may_ask_for_strict_matching_alone() -> None:
    assert matcher({"term": "kys", "loose": False}).find("k y s k.y.s ky$") == []
    assert len(matcher("kys").find("ky$")) == 1


def test_a_loose_hit_that_repeats_a_strict_one_is_left_out() -> None:
    assert [hit.strict for hit in ALL.find("kill yourself, k1ll yourself")] == [True, False]


def outcome(text: str) -> Outcome:
    listed = TermList.model_validate(
        {"name": "bad", "decision": "block", "terms": ["massacre", {"term": "bastard", "decision": "hold"}]}
    )
    base = load_policy("default", project_root() / "include" / "policies")
    check = TermsCheck(type="terms", lists=("bad",))
    made = base.model_copy(update={"term_lists": {"bad": listed}})
    (found,) = TermsChecker("words", check, made).check([Subject(sha(text.encode()), "prompt", text)])
    return found


@pytest.mark.parametrize(
    ("text", "score", "decisions"),
    [
        ("a massacre", 1.0, ["block"]),
        ("a m4ssacre", 0.5, ["hold"]),
        ("a bastard", 1.0, ["hold"]),
        ("a massacre, a b4stard", 1.0, ["block", "hold"]),
        ("a picnic", 0.0, []),
    ],
)
def test_the_list_or_term_decides_strict_hits_and_loose_ones_hold_at_most(
    text: str, score: float, decisions: list[str]
) -> None:
    found = outcome(text)
    assert found.scores == {"bad": score}
    assert [finding.decision for finding in found.findings] == decisions


@given(st.text(max_size=80))
def test_any_text_is_searched_and_spans_lie_in_it(text: str) -> None:
    for hit in ALL.find(text + " kill yourself " + text):
        assert 0 <= hit.span.start < hit.span.end <= 2 * len(text) + 15


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_term_among_anything_is_found(before: str, after: str) -> None:
    text = f"{before} massacre {after}"
    hits = ALL.find(text)
    assert any(
        hit.term.text == "massacre" and text[hit.span.start : hit.span.end].strip() == "massacre" for hit in hits
    )
