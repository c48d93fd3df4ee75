"""Which row counts of a forward give equal bits on this machine, found out by trying.

A matrix product may take other paths at other sizes, and with it a row's last bits may change with the number of rows,
with the row's place among them, or with how many keys are read. In bfloat16 most of such changes are rounded away, so
one probe proves little: here every row of every trial is one. Each count is tried with the subjects (texts, noisy
pictures) shifted along its rows, so that every subject is seen at several places and every place with several subjects,
and only counts that give every subject the same bits are certified to serve together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

CANDIDATES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32)
SUBJECTS = 32
SHIFTS = 8
"""Trials of a count at least; the fewer its rows, the more, so that a subject sits at four places or all there are."""
STEP = 5
"""Subjects from one shift to the next: odd, so that a subject does not keep to even or to odd places."""

Probe = Callable[[int, int], Sequence[bytes]]
"""(rows, first) -> bits of each row, where row r holds subject (first + r) modulo how many there are."""


@dataclass(frozen=True)
class RowCounts:
    """Row counts a forward may have, ascending; unused rows are filled up with padding.

    Bits depend on the number of rows of a forward, so only counts that gave equal bits belong here together.
    """

    counts: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raises `ValueError` unless the counts are positive and ascend."""
        if not self.counts or self.counts[0] < 1 or list(self.counts) != sorted(set(self.counts)):
            raise ValueError(f"row counts must be positive and ascend, not {self.counts}")

    @property
    def most(self) -> int:
        """The largest count."""
        return self.counts[-1]

    def fit(self, rows: int) -> int:
        """The smallest count that holds ``rows``; raises `ValueError` where none does."""
        for count in self.counts:
            if count >= rows:
                return count
        raise ValueError(f"{rows} rows do not fit; a forward may have at most {self.most}")

    def halved(self, rows: int) -> RowCounts | None:
        """Counts of at most half of what ``rows`` rows take now, or the smallest; None where that is what they take."""
        now = self.fit(min(rows, self.most))
        kept = tuple(count for count in self.counts if count <= now // 2) or self.counts[:1]
        return None if kept[-1] >= now else RowCounts(kept)

    def within(self, limit: int) -> RowCounts:
        """Only counts of at most ``limit`` rows; the smallest alone where none is."""
        return RowCounts(tuple(count for count in self.counts if count <= limit) or self.counts[:1])

    def below(self, limit: int) -> RowCounts:
        """Only counts of at most ``limit`` rows; raises `ValueError` naming the smallest where none is left."""
        kept = tuple(count for count in self.counts if count <= limit)
        if not kept:
            raise ValueError(
                f"max_batch_size {limit} is below {self.counts[0]}, the smallest row count certified for this model; "
                "set it to that or more"
            )
        return RowCounts(kept)


def certify(
    probes: Sequence[Probe],
    candidates: Sequence[int] = CANDIDATES,
    *,
    subjects: int = SUBJECTS,
    shifts: int = SHIFTS,
) -> RowCounts | None:
    """The largest set of counts that give every subject the same bits; None where there is none.

    Args:
        probes: ways of reading that must not matter, such as how many keys are read.
        candidates: counts to try, ascending.
        subjects: how many there are.
        shifts: trials of a count at least.
    """
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for count in candidates:
        seen = _bits(count, probes, subjects, shifts)
        if seen is not None:
            groups.setdefault(tuple(seen[subject] for subject in range(subjects)), []).append(count)
    if not groups:
        return None
    largest = max(groups.values(), key=lambda counts: (len(counts), counts[-1]))
    return RowCounts(tuple(largest))


def _bits(count: int, probes: Sequence[Probe], subjects: int, shifts: int) -> dict[int, bytes] | None:
    """Subject to its bits at this count; None where one has more than one."""
    seen: dict[int, bytes] = {}
    for shift in range(min(subjects, max(shifts, 4 * subjects // count))):
        first = shift * STEP % subjects
        for probe in probes:
            for row, bits in enumerate(probe(count, first)):
                if seen.setdefault((first + row) % subjects, bits) != bits:
                    return None
    return seen


def told(counts: RowCounts) -> str:
    """The certificate as numerics bear it, for example ``rows 4,8,12``."""
    return "rows " + ",".join(map(str, counts.counts))


def read(certificate: str) -> RowCounts:
    """The counts of a certificate that `told` wrote; raises `ValueError` for any other text."""
    name, _, numbers = certificate.partition(" ")
    if name != "rows":
        raise ValueError(f"{certificate!r} is no certificate of row counts")
    return RowCounts(tuple(int(number) for number in numbers.split(",")))
