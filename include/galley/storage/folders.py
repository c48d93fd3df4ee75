"""Folders below one root: reached without following symbolic links, made so that a power cut cannot take them back."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder below the root is opened."""


class NotAFolder(Exception):
    """Something that is no folder stands where one is needed; the message is its path below the root."""


class Folders:
    """Opens folders for one store. What changes the disk goes through the `os` module: tests record and replay it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._rooted = False
        self._durable: set[tuple[int, str]] = set()

    @contextmanager
    def open(self, parts: list[str], *, create: bool = False) -> Iterator[int]:
        """The descriptor of a folder below the root.

        Raises `FileNotFoundError` where it is not there, or with ``create`` `NotAFolder` where it cannot be.
        """
        if create:
            self._make_root()
        folder = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for number, part in enumerate(parts, 1):
                below = self._enter("/".join(parts[:number]), part, folder, create)
                os.close(folder)
                folder = below
            yield folder
        finally:
            os.close(folder)

    def _enter(self, path: str, part: str, above: int, create: bool) -> int:
        made = False
        if create:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=above)
                made = True
        try:
            below = os.open(part, FOLDER, dir_fd=above)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):  # ELOOP: a symbolic link, on some systems
                raise
            if create:
                raise NotAFolder(path) from error
            raise FileNotFoundError(errno.ENOENT, "not a folder", part) from error
        try:
            if create:
                # Also where it was there: whoever made it may not have fsynced its entry yet, or died before.
                self._secure(os.fstat(below).st_ino, part, above, made)
        except BaseException:
            os.close(below)
            raise
        return below

    def _secure(self, inode: int, name: str, above: int, made: bool) -> None:
        if made or (inode, name) not in self._durable:
            os.fsync(above)
            self._durable.add((inode, name))

    def _make_root(self) -> None:
        if self._rooted and self._root.is_dir():
            return
        missing = []
        for path in (self._root, *self._root.parents):
            if path.is_dir():
                break
            missing.append(path)
        for path in reversed(missing):
            with suppress(FileExistsError):
                os.mkdir(path)  # noqa: PTH102
        for path in missing or [self._root]:
            try:
                above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except PermissionError:
                continue  # a root that somebody else made for us, above which we may not look
            try:
                os.fsync(above)
            finally:
                os.close(above)
        self._rooted = True


def prune(name: str, above: int) -> bool:
    """Remove a folder that holds nothing but folders; False where it holds a file."""
    folder = os.open(name, FOLDER, dir_fd=above)
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        if not all(is_folder and prune(below, folder) for below, is_folder in found):
            return False
        os.rmdir(name, dir_fd=above)
    except FileNotFoundError:
        return True
    except OSError:
        return False  # filled again in the meantime
    finally:
        os.close(folder)
    return True
