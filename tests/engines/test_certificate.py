"""Certificates: the largest set of row counts whose bits never change."""

import pytest

from galley.engines.certificate import SUBJECTS, RowCounts, certify, read, told


def probe(path):
    """Every text has bits of its own; ``path(count, place, text)`` says what else they depend on."""
    return lambda count, first: [
        bytes([text, path(count, row, text)]) for row in range(count) for text in [(first + row) % SUBJECTS]
    ]


def test_the_largest_set_of_counts_with_equal_bits_is_taken():
    # One, two and three rows take one path, four and more another.
    found = certify([probe(lambda count, place, text: count >= 4)], (1, 2, 3, 4, 8, 12, 16))
    assert found == RowCounts((4, 8, 12, 16))


def test_of_sets_of_one_size_the_one_with_more_rows_is_taken():
    assert certify([probe(lambda count, place, text: count >= 4)], (1, 2, 4, 8)) == RowCounts((4, 8))


def test_a_count_at_which_a_place_changes_the_bits_is_left_out():
    found = certify([probe(lambda count, place, text: count in (5, 6) and place == count - 1)], (4, 5, 6, 8))
    assert found == RowCounts((4, 8))


@pytest.mark.parametrize("text", [0, 17, SUBJECTS - 1])
@pytest.mark.parametrize("count", [1, 2, 6, 8, 32])
def test_a_count_that_changes_a_single_text_is_left_out(count, text):
    found = certify([probe(lambda rows, place, seen: rows == count and seen == text)], (1, 2, 6, 8, 12, 32))
    assert found.counts == tuple(each for each in (1, 2, 6, 8, 12, 32) if each != count)


def test_a_count_at_which_the_way_of_reading_changes_the_bits_is_left_out():
    near = probe(lambda count, place, text: False)
    far = probe(lambda count, place, text: count == 8)
    assert certify([near, far], (4, 8, 12)) == RowCounts((4, 12))


def test_nothing_is_certified_where_nothing_is_equal():
    assert certify([probe(lambda count, place, text: place % 2)], (2, 4, 12)) is None


@pytest.mark.parametrize("count", [8, 12, 32])
def test_every_place_and_every_text_is_tried(count):
    tried = set()

    def watch(rows, first):
        tried.update(((first + row) % SUBJECTS, row) for row in range(rows))
        return [b""] * rows

    certify([watch], (count,))
    assert {text for text, _ in tried} == set(range(SUBJECTS))
    assert {place for _, place in tried} == set(range(count))
    assert all(len({place for text, place in tried if text == each}) > 1 for each in range(SUBJECTS))


def test_a_certificate_reads_back():
    assert read(told(RowCounts((4, 8, 12)))) == RowCounts((4, 8, 12))
    for text in ("", "rows", "rows 8,4", "columns 4", "rows x"):
        with pytest.raises(ValueError, match=r"certificate|invalid literal|ascend"):
            read(text)
