from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from galley.airflow.run_notes import MAX_NOTE, noted, quoted


def test_a_note_says_the_counts_and_keeps_what_people_wrote() -> None:
    first = noted("", "4 published")
    assert first == "**Galley:** 4 published"
    written = f"Looks good.\n{first}\nAsk Kim."
    assert noted(written, "5 published") == "**Galley:** 5 published  \nLooks good.\nAsk Kim."


@given(st.text(max_size=2000), st.text(st.characters(exclude_categories=["Cs"]), max_size=200).map(quoted))
def test_a_note_fits_and_saying_the_same_again_changes_nothing(before: str, line: str) -> None:
    note = noted(before, line)
    assert len(note) <= MAX_NOTE and note.startswith("**Galley:** ")
    assert noted(note, line) == note


@given(st.text())
def test_what_others_wrote_is_quoted_on_one_line_and_cannot_leave_its_quotes(text: str) -> None:
    shown = quoted(text)
    assert shown[0] == shown[-1] == "`" and "`" not in shown[1:-1]
    assert len(shown.splitlines()) == 1
