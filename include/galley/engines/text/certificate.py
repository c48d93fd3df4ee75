"""Which row counts of a decode forward give equal bits on this machine, found out by trying.

A matrix product may take other paths at other sizes, and with it a row's last bits may change with the number of rows,
with the row's place among them, or with how many keys are read. In bfloat16 most of such changes are rounded away, so
one probe proves little: here every row of every trial is one. Each count is tried with the texts shifted along its
rows, so that every text is seen at several places and every place with several texts, and only counts that give every
text the same bits are certified to serve together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from galley.engines.text.slots import RowCounts

CANDIDATES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32)
TEXTS = 32
SHIFTS = 8
"""Trials of a count at least; the fewer its rows, the more, so that a text sits at four places or all there are."""
STEP = 5
"""Texts from one shift to the next: odd, so that a text does not keep to even or to odd places."""

Probe = Callable[[int, int], Sequence[bytes | None]]
"""(rows, first) -> bits of each row, where row r holds text (first + r) modulo `TEXTS`; None: not to be compared."""


def certify(probes: Sequence[Probe], candidates: Sequence[int] = CANDIDATES) -> RowCounts | None:
    """The largest set of counts that give every text the same bits; None where there is none.

    Args:
        probes: ways of reading that must not matter, such as how many keys are read.
        candidates: counts to try, ascending.
    """
    groups: dict[tuple[bytes | None, ...], list[int]] = {}
    for count in candidates:
        seen = _bits(count, probes)
        if seen is not None:
            groups.setdefault(tuple(seen.get(text) for text in range(TEXTS)), []).append(count)
    if not groups:
        return None
    largest = max(groups.values(), key=lambda counts: (len(counts), counts[-1]))
    return RowCounts(tuple(largest))


def _bits(count: int, probes: Sequence[Probe]) -> dict[int, bytes] | None:
    """Text to its bits at this count; None where a text has more than one."""
    seen: dict[int, bytes] = {}
    for shift in range(min(TEXTS, max(SHIFTS, 4 * TEXTS // count))):
        first = shift * STEP % TEXTS
        for probe in probes:
            for row, bits in enumerate(probe(count, first)):
                if bits is not None and seen.setdefault((first + row) % TEXTS, bits) != bits:
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
