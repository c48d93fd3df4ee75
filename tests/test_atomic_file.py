"""A file replaced by many at once: every reader finds the whole of one writer's bytes."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from galley.atomic_file import write_atomically


def test_writers_at_once_leave_the_whole_of_one_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "page.html"

    def write(writer: int) -> bytes:
        write_atomically(path, bytes([writer]) * 50_000)
        return path.read_bytes()

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(write, range(100)))
    assert all(len(found) == 50_000 and len(set(found)) == 1 for found in seen)
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "page.html"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
