"""A small ALICE: every state a disk may be in after a power cut, from a recording of what a store asked of the disk.

After Pillai et al., "All File Systems Are Not Created Equal" (OSDI 2014). The persistence model is the weakest that
POSIX allows and more than real file systems do: until a folder is fsynced, any subset of the changes to its entries may
have reached the disk; until a file is fsynced, its data may be missing, cut in half, or there. Renames are atomic.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Change = tuple[tuple[str, int | None], ...]
"""Names of one folder and the inodes they stand for from then on; None: removed."""
Tree = tuple[tuple[str, bytes | None], ...]
"""Paths and what they hold; None: a folder."""


@dataclass(frozen=True)
class Op:
    """One step: ``new file``, ``new folder``, ``write``, ``entries``, ``fsync``, or the test's ``begin``, ``done``."""

    kind: str
    inode: int = 0
    data: bytes = b""
    change: Change = ()
    note: Any = None


class Killed(BaseException):
    """The process is no more."""


class Recorder:
    """Stands in for the `os` module: does everything for real below ``root`` and writes it down in ``ops``.

    ``kill_at`` is the number of the changing call, from 0, before which the process dies; whatever it still tries after
    that has no effect, as it would not have.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ops: list[Op] = []
        self.calls = 0
        self.kill_at: int | None = None
        self._numbers = itertools.count(2)
        self._inodes: dict[str, int] = {str(root): 1}
        self._open: dict[int, str] = {}
        self._files: dict[int, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def note(self, kind: str, note: Any) -> None:
        self.ops.append(Op(kind, note=note))

    def revive(self) -> None:
        self.kill_at, self.calls = None, 0

    # ── calls that the store makes ───────────────────────────────────────────────────────────────────────────────────

    def open(self, name: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        path = self._path(name, dir_fd)
        if flags & os.O_CREAT:
            self._step()
        file = os.open(name, flags, mode, dir_fd=dir_fd)
        self._open[file] = path
        if flags & os.O_CREAT:
            self._inodes[path] = next(self._numbers)
            self.ops.append(Op("new file", self._inodes[path]))
            self._entries(path, self._inodes[path])
        self._files[file] = self._inodes.get(path, 0)
        return file

    def close(self, file: int) -> None:
        os.close(file)

    def write(self, file: int, data: memoryview) -> int:
        self._step()
        written = os.write(file, data[: max(1, len(data) // 2)])  # a short write, as is allowed
        self.ops.append(Op("write", self._files[file], bytes(data[:written])))
        return written

    def fsync(self, file: int) -> None:
        self._step()
        self.ops.append(Op("fsync", self._files[file]))

    def mkdir(self, name: Any, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        path = self._path(name, dir_fd)
        self._step()
        os.mkdir(name, mode, dir_fd=dir_fd)
        self._inodes[path] = next(self._numbers)
        self.ops.append(Op("new folder", self._inodes[path]))
        self._entries(path, self._inodes[path])

    def link(self, source: str, goal: str, *, src_dir_fd: int, dst_dir_fd: int, follow_symlinks: bool) -> None:
        self._step()
        os.link(source, goal, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd, follow_symlinks=follow_symlinks)
        inode = self._inodes[self._path(source, src_dir_fd)]
        self._inodes[self._path(goal, dst_dir_fd)] = inode
        self._entries(self._path(goal, dst_dir_fd), inode)

    def rename(self, source: str, goal: str, *, src_dir_fd: int, dst_dir_fd: int) -> None:
        self._step()
        os.rename(source, goal, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)
        old, new = self._path(source, src_dir_fd), self._path(goal, dst_dir_fd)
        assert Path(old).parent == Path(new).parent, "only renames within one folder are modelled"
        self._inodes[new] = self._inodes.pop(old)
        folder = self._inodes[str(Path(new).parent)]
        self.ops.append(Op("entries", folder, change=((Path(old).name, None), (Path(new).name, self._inodes[new]))))

    def unlink(self, name: str, *, dir_fd: int) -> None:
        path = self._path(name, dir_fd)
        self._step()
        os.unlink(name, dir_fd=dir_fd)
        self._inodes.pop(path)
        self._entries(path, None)

    rmdir = None  # not modelled: a call fails loudly

    def _step(self) -> None:
        if self.kill_at is not None and self.calls >= self.kill_at:
            raise Killed
        self.calls += 1

    def _path(self, name: Any, dir_fd: int | None) -> str:
        return str(Path(self._open[dir_fd], name) if dir_fd is not None else Path(name))

    def _entries(self, path: str, inode: int | None) -> None:
        folder = self._inodes[str(Path(path).parent)]
        self.ops.append(Op("entries", folder, change=((Path(path).name, inode),)))


@dataclass
class _Folder:
    durable: dict[str, int] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)

    def versions(self) -> Iterator[dict[str, int]]:
        for chosen in itertools.product((False, True), repeat=len(self.pending)):
            yield self._with(change for change, taken in zip(self.pending, chosen, strict=True) if taken)

    def sync(self) -> None:
        self.durable, self.pending = self._with(self.pending), []

    def _with(self, changes: Any) -> dict[str, int]:
        entries: dict[str, int | None] = dict(self.durable)
        for change in changes:
            entries.update(change)
        return {name: inode for name, inode in entries.items() if inode is not None}


@dataclass
class _File:
    data: bytes = b""
    synced: bool = True

    def versions(self) -> list[bytes]:
        return [self.data] if self.synced else [b"", self.data[: len(self.data) // 2], self.data]


def crash_states(ops: list[Op]) -> Iterator[tuple[int, set[Tree]]]:
    """For each number of steps done, every tree that a power cut at that moment may leave."""
    folders: dict[int, _Folder] = {1: _Folder()}
    files: dict[int, _File] = {}
    yield 0, set(_trees(folders, files))
    for done, op in enumerate(ops, 1):
        match op.kind:
            case "new folder":
                folders[op.inode] = _Folder()
            case "new file":
                files[op.inode] = _File()
            case "write":
                files[op.inode] = _File(files[op.inode].data + op.data, synced=False)
            case "entries":
                folders[op.inode].pending.append(op.change)
            case "fsync" if op.inode in folders:
                folders[op.inode].sync()
            case "fsync":
                files[op.inode].synced = True
        yield done, set(_trees(folders, files))


def _trees(folders: Mapping[int, _Folder], files: Mapping[int, _File]) -> Iterator[Tree]:
    numbers = list(folders)
    for chosen in itertools.product(*(list(folders[number].versions()) for number in numbers)):
        entries = dict(zip(numbers, chosen, strict=True))
        paths = dict(_walk(1, "", entries))
        torn = sorted({inode for inode in paths.values() if inode in files})
        for data in itertools.product(*(files[inode].versions() for inode in torn)):
            held = dict(zip(torn, data, strict=True))
            yield tuple(sorted((path, held.get(inode)) for path, inode in paths.items()))


def _walk(folder: int, above: str, entries: Mapping[int, dict[str, int]]) -> Iterator[tuple[str, int]]:
    for name, inode in entries[folder].items():
        yield above + name, inode
        if inode in entries:
            yield from _walk(inode, f"{above}{name}/", entries)


def build(tree: Tree, root: Path) -> None:
    """Make the tree below ``root``."""
    for path, data in tree:
        if data is None:
            (root / path).mkdir(parents=True, exist_ok=True)
    for path, data in tree:
        if data is not None:
            (root / path).write_bytes(data)


def without(ops: list[Op], unwanted: Callable[[Op], bool]) -> list[Op]:
    """The same steps with some left out, to see that the check would notice."""
    return [op for op in ops if not unwanted(op)]
