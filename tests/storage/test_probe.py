from __future__ import annotations

import threading

import pytest

from galley.errors import StoreError, StoreUnavailable
from galley.storage import MemoryStore
from galley.storage.probe import require_conditional_writes
from galley.storage.streams import Source


class Deaf(MemoryStore):
    """Takes the condition and writes all the same."""

    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        super().write_once(key, source, if_absent=False)


class Hasty(MemoryStore):
    """Looks first and writes later, as some servers do."""

    def __init__(self, writers: int) -> None:
        super().__init__()
        self._looked = threading.Barrier(writers)

    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        free = self.head_once(key) is None
        self._looked.wait()
        super().write_once(key, source, if_absent=if_absent and not free)


class Away(MemoryStore):
    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        raise StoreUnavailable("503")


def test_a_store_that_keeps_writers_apart_is_taken_and_left_clean() -> None:
    store = MemoryStore()
    require_conditional_writes(store)
    assert list(store.list()) == []


@pytest.mark.parametrize("store", [Deaf(), Hasty(8)])
def test_one_that_only_pretends_is_refused(store: MemoryStore) -> None:
    with pytest.raises(StoreError, match=r"8 were told that they had written it.*memory|memory.*8 were told"):
        require_conditional_writes(store)


def test_one_that_is_away_is_not_judged() -> None:
    with pytest.raises(StoreUnavailable, match="could not be tried"):
        require_conditional_writes(Away())
