"""Where a log goes on, whatever the order of its stamps."""

from hypothesis import given
from hypothesis import strategies as st

from galley.runtimes.stamped_log import after, nanoseconds


def test_stamps_are_read_in_any_zone_to_the_nanosecond():
    assert nanoseconds("1970-01-01T00:00:01.000000002Z") == 10**9 + 2
    assert nanoseconds("1970-01-01T02:00:01.5+02:00") == 1_500_000_000
    assert nanoseconds("1970-01-01T00:00:00Z") == 0


@given(st.lists(st.integers(1, 10**6), unique=True), st.data())
def test_read_in_two_goes_a_log_is_the_log(stamps, data):
    lines = [(stamp, f"line {n}") for n, stamp in enumerate(stamps)]
    cut = data.draw(st.integers(0, len(lines)))
    first = after(lines[:cut], 0)
    assert first.lines + after(lines, first.cursor).lines == tuple(text for _, text in lines)


def test_an_empty_line_is_a_line():
    assert after([(1, "\n"), (2, "x\n")], 0).lines == ("", "x")
