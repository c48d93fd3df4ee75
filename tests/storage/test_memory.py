from __future__ import annotations

import pytest

from galley.storage import MemoryStore, ObjectStore

from .conformance import StoreConformance, TellingConformance


class Make:
    def __call__(self) -> ObjectStore:
        return MemoryStore()

    def peer(self, store: ObjectStore) -> ObjectStore:
        return store


class TestMemoryStore(StoreConformance, TellingConformance):
    @pytest.fixture
    def make(self) -> Make:
        return Make()
