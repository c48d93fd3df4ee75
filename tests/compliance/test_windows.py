import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from galley.compliance.windows import Token, windows


def tokenize(text):
    """Words and punctuation; long words split into pieces of three, differently when cut; non-ASCII words unknown."""
    tokens = []
    for number, match in enumerate(re.finditer(r"[^\s.,!?]+|[.,!?]", text)):
        if not match.group().isascii():
            tokens.append(Token(*match.span(), number, known=False))
            continue
        for start in range(match.start(), match.end(), 3):
            tokens.append(Token(start, min(start + 3, match.end()), number))
    return tokens


texts = st.text(alphabet="abc .,!é\n", max_size=300) | st.lists(
    st.sampled_from(["a", "word", "extraordinarily", "no", "x" * 40]), max_size=80
).map(" ".join)


@given(texts, st.integers(2, 30), st.data())
def test_windows_cover_everything_and_none_is_too_long(text, limit, data):
    overlap = data.draw(st.integers(0, limit - 1))
    spans = windows(text, lambda part: [t for t in tokenize(part) if t.known], limit=limit, overlap=overlap)
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    for start, end in spans:
        assert len([t for t in tokenize(text[start:end]) if t.known]) <= limit
    for (start, end), (following, _) in pairwise(spans):
        assert start < following <= end  # progress, and no gap


@given(st.integers(1, 200), st.integers(2, 40), st.data())
def test_neighbours_share_the_overlap_where_words_are_short(count, limit, data):
    overlap = data.draw(st.integers(0, limit // 2 - 1))
    text = " ".join(["ab"] * count)
    spans = windows(text, tokenize, limit=limit, overlap=overlap)
    for (_, end), (following, _) in pairwise(spans):
        assert len(tokenize(text[following:end])) == overlap


def test_a_short_text_is_one_window_and_the_empty_text_too():
    assert windows("a short text", tokenize, limit=10, overlap=2) == [(0, 12)]
    assert windows("", tokenize, limit=10, overlap=2) == [(0, 0)]


def test_cuts_fall_between_words():
    text = "extraordinarily " * 20
    for start, end in windows(text, tokenize, limit=12, overlap=5):
        assert start == 0 or text[start - 1] == " "
        assert end == len(text) or text[end] == "e"


def test_readable_parts_of_an_unknown_word_get_windows_of_their_own():
    text = "so idiot☠fool é end"
    spans = windows(text, tokenize, limit=30, overlap=5)
    assert [text[slice(*span)] for span in spans] == [text, "idiot", "fool"]


@pytest.mark.parametrize(("limit", "overlap"), [(1, 0), (10, 10), (10, -1)])
def test_impossible_sizes_are_refused(limit, overlap):
    with pytest.raises(ValueError, match="windows of"):
        windows("text", tokenize, limit=limit, overlap=overlap)
