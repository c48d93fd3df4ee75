"""What is free, as a container sees it."""

from pathlib import Path

import pytest

from galley.engines import memory
from galley.engines.memory import free_bytes


@pytest.fixture
def group(tmp_path, monkeypatch):
    """A control group's files, and the group that a process is then in."""
    monkeypatch.setattr(memory.torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(memory, "_CONTROL_GROUP", ((str(tmp_path), *memory._CONTROL_GROUP[0][1:]),))

    def write(limit: str, used: int, pages: int) -> Path:
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
        (tmp_path / "memory.stat").write_text(f"anon 5\nfile 9\ninactive_file {pages}\nactive_file 1\n")
        return tmp_path

    return write


def test_pages_of_files_that_would_be_given_up_are_free(group):
    group("1000000", 990_000, 600_000)
    assert free_bytes() == 610_000
    group("1000000", 1_500_000, 0)
    assert free_bytes() == 0


def test_without_a_limit_or_a_group_the_machine_s_own_memory_counts(group):
    folder = group("max", 5, 5)
    free = free_bytes()
    assert free > 2**20
    for path in folder.iterdir():
        path.unlink()
    assert abs(free_bytes() - free) < 2**32
