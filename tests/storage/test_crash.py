"""Power cuts and kills at every step of the local store's writes."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from galley.errors import ObjectExists, ObjectNotFound
from galley.storage import LocalStore, ObjectStore, Retries, folders, local

from .crash import Killed, Op, Recorder, build, crash_states, without


@dataclass(frozen=True)
class Step:
    """One operation of a store: what it does and what the key holds afterwards."""

    operation: str
    key: str
    data: bytes | None = None

    def run(self, store: ObjectStore) -> None:
        if self.operation == "delete":
            store.delete(self.key)
        else:
            getattr(store, self.operation)(self.key, self.data)


SCRIPTS = {
    "new object in new folders": [Step("put_if_absent", "a/b/c", b"first")],
    "two objects in one folder": [Step("put_if_absent", "a/1", b"one"), Step("put_if_absent", "a/2", b"two")],
    "replace": [Step("put", "a/x", b"old"), Step("put", "a/x", b"newer")],
    "delete and write again": [
        Step("put_if_absent", "x", b"old"),
        Step("delete", "x"),
        Step("put_if_absent", "x", b"new"),
    ],
    "artifact, then the part that names it": [Step("put", "j/art/1", b"bytes"), Step("put_if_absent", "j/p/0", b"1")],
}


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """In memory where the system has such a place: the thousands of states below are no use on a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as folder:
        yield Path(folder)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    root = tmp_path / "disk"
    root.mkdir()
    recorder = Recorder(root)
    monkeypatch.setattr(local, "os", recorder)
    monkeypatch.setattr(folders, "os", recorder)
    return recorder


def opened(root: Path) -> LocalStore:
    return LocalStore(f"file://{root}/store", retries=Retries.at_once(1))


def perform(disk: Recorder, steps: list[Step]) -> None:
    """Run the steps in one process and note when each begins and is acknowledged."""
    store = opened(disk.root)
    for step in steps:
        disk.note("begin", step)
        step.run(store)
        disk.note("done", step)


def violations(
    ops: list[Op], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seen: set[object] | None = None
) -> tuple[int, list[str]]:
    """How many states a power cut may leave, and what is wrong with those not yet ``seen``."""
    monkeypatch.setattr(local, "os", os)
    monkeypatch.setattr(folders, "os", os)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    found: list[str] = []
    seen = set() if seen is None else seen
    numbers = itertools.count()
    held: dict[str, set[bytes | None]] = {}
    running: Step | None = None
    for done, trees in crash_states(ops):
        if done and (op := ops[done - 1]).kind == "begin":
            running = op.note
            held[running.key] = held.get(running.key, {None}) | {running.data}
        elif done and op.kind == "done":
            held[op.note.key] = {op.note.data}
            running = None
        for tree in trees:
            case = (tree, running, repr(sorted(held.items())))
            if case in seen:
                continue
            seen.add(case)
            root = tmp_path / f"state-{next(numbers)}"
            root.mkdir()
            build(tree, root)
            found += [f"after {done} steps {tree}: {what}" for what in wrong(opened(root), held, running)]
    return len(seen), found


def wrong(store: LocalStore, held: dict[str, set[bytes | None]], running: Step | None) -> list[str]:
    """What a reader, and then the same process run again, would find amiss."""
    found = []
    for key, allowed in held.items():
        try:
            value = store.get(key)
        except ObjectNotFound:
            value = None
        if value not in allowed:
            found.append(f"{key} holds {value!r}, not one of {allowed}")
    if strangers := {info.key for info in store.list()} - held.keys():
        found.append(f"nobody wrote {strangers}")
    if running is not None:
        try:
            running.run(store)
        except ObjectExists as error:
            if None not in held[running.key] or len(held[running.key]) > 2:
                return found  # the script writes another value there later on: refusing is right
            found.append(f"running again: {error}")
        else:
            if running.data is not None and store.get(running.key) != running.data:
                found.append("running again did not write")
    store.sweep(-60)
    if orphans := list(store._root.rglob(".tmp-*")):
        found.append(f"sweep left {orphans}")
    return found


@pytest.mark.parametrize("script", SCRIPTS)
def test_no_power_cut_tears_or_loses_an_object(
    disk: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    perform(disk, SCRIPTS[script])
    states, found = violations(disk.ops, tmp_path, monkeypatch)
    assert found == []
    assert states > 10


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_a_rerun_acknowledges_survives_a_power_cut(
    disk: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    """Killed before each call that changes the disk, run again by a new process, then the power goes."""
    assert rerun_violations(disk, tmp_path, monkeypatch, SCRIPTS[script]) == []


def rerun_violations(disk: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: list[Step]) -> list[str]:
    seen: set[object] = set()  # most kills lead to states that another one led to
    for kill_at in itertools.count():
        root = tmp_path / f"disk-{kill_at}"
        root.mkdir()
        recorder = Recorder(root)
        recorder.kill_at = kill_at
        with monkeypatch.context() as patch:
            patch.setattr(local, "os", recorder)
            patch.setattr(folders, "os", recorder)
            try:
                perform(recorder, steps)
            except Killed:
                finished = [op.note for op in recorder.ops if op.kind == "done"]
            else:
                return []
            recorder.revive()
            perform(recorder, steps[len(finished) :])
            states = tmp_path / f"states-{kill_at}"
            states.mkdir()
            if found := violations(recorder.ops, states, patch, seen)[1]:
                return found
    raise AssertionError("unreachable")


def is_fsync_of(what: str) -> Callable[[list[Op]], list[Op]]:
    def weaken(ops: list[Op]) -> list[Op]:
        files = {op.inode for op in ops if op.kind == "new file"}
        return without(ops, lambda op: op.kind == "fsync" and (op.inode in files) == (what == "file"))

    return weaken


@pytest.mark.parametrize("what", ["file", "folder"])
def test_the_check_notices_a_missing_fsync(
    disk: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    perform(disk, SCRIPTS["new object in new folders"])
    assert violations(is_fsync_of(what)(disk.ops), tmp_path, monkeypatch)[1]


def test_the_check_notices_each_missing_fsync_of_a_folder(
    disk: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every single fsync of this write is needed: none is there for luck."""
    perform(disk, SCRIPTS["new object in new folders"])
    syncs = [op for op in disk.ops if op.kind == "fsync"]
    assert len(syncs) == 5  # above the root, the root, a, the file, a/b
    for number, sync in enumerate(syncs):
        states = tmp_path / f"states-{number}"
        states.mkdir()
        with monkeypatch.context() as patch:
            assert violations(without(disk.ops, lambda op, sync=sync: op is sync), states, patch)[1], sync


def test_the_check_notices_a_store_that_trusts_what_it_finds(
    disk: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalStore, "harden", lambda self, key: None)
    assert rerun_violations(disk, tmp_path, monkeypatch, SCRIPTS["new object in new folders"])


KILL_POINTS = """
import os, signal, sys
from pathlib import Path
from galley.storage import LocalStore, folders, local

CHANGES = {"write", "fsync", "mkdir", "link", "rename", "unlink", "utime"}

class Fatal:
    def __init__(self, left):
        self.left = left
    def __getattr__(self, name):
        call = getattr(os, name)
        if name not in CHANGES:
            return call
        def counted(*args, **kwargs):
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1
            if name == "fsync":
                return None  # the page cache survives a kill: this is not what fsync is for
            return call(*args, **kwargs)
        return counted

point = 0
while True:
    if (child := os.fork()) == 0:
        fatal = Fatal(point)
        local.os = folders.os = fatal
        store = LocalStore(f"file://{sys.argv[1]}/{point}")
        store.put("a/replaced", b"old" * 50_000)
        store.put("a/replaced", b"new" * 60_000)
        store.put_if_absent("a/b/new", b"whole" * 30_000)
        store.put("c", (b"chunk" * 10_000 for _ in range(3)))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status):
        sys.exit(os.WEXITSTATUS(status))
    assert os.WTERMSIG(status) == signal.SIGKILL
    point += 1
"""


def test_sigkill_before_every_system_call_leaves_whole_objects(tmp_path: Path) -> None:
    """A real process, really killed; whole objects or none, and the same again succeeds."""
    whole = {
        "a/replaced": {b"old" * 50_000, b"new" * 60_000},
        "a/b/new": {b"whole" * 30_000},
        "c": {b"chunk" * 30_000},
    }
    # A process of its own forks the victims: this one may have threads.
    subprocess.run([sys.executable, "-c", KILL_POINTS, str(tmp_path)], check=True, timeout=120)
    points = sorted(int(path.name) for path in tmp_path.iterdir())
    assert len(points) > 20
    for point in points:
        store = LocalStore(f"file://{tmp_path}/{point}")
        for info in store.list():
            assert store.get(info.key) in whole[info.key]
        assert store.put("a/replaced", b"new" * 60_000).created
        store.put_if_absent("a/b/new", b"whole" * 30_000)
        assert [info.key for info in store.list("a/")] == ["a/b/new", "a/replaced"]
    assert {info.key for info in LocalStore(f"file://{tmp_path}/{points[-1]}").list()} == whole.keys()
