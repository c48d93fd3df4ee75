"""Objects as files below one directory.

A write goes into a temporary file beside its goal, is fsynced, and gets its name by rename(2), or by link(2) where it
must not exist yet, so that among racing writers one wins and a reader sees whole bytes or none. Then the folder is
fsynced, and so is every folder above it that this process has not yet seen to be durable. Nothing is ever changed in
place. What a crash leaves behind are temporaries (``.tmp-…``): no key can name them, no listing shows them, and
`LocalStore.sweep` removes them.

Folders are opened one by one without following symbolic links, so that no key and no link placed by a depositor leads
out of the directory. Links, devices and pipes are not objects: readers do not see them.

Known limits: the file system must have hard links (ext4, xfs, btrfs, APFS, NFS have them; FAT has none), and must tell
upper from lower case if keys do. A listing holds the names of one folder at a time.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from galley.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable, WriteUnknown
from galley.storage.base import MAX_PART, ObjectInfo, check_key, shown_url
from galley.storage.folders import FOLDER, Folders, NotAFolder, prune
from galley.storage.settled import Retries, SettledStore
from galley.storage.streams import Body, Source

TEMPORARY = ".tmp-"
"""Beginning of the names of files that are not yet objects."""
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # non-blocking: a pipe must not hold us
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_log = logging.getLogger(__name__)


def local_root(url: str) -> Path:
    """The absolute directory of a ``file:///dir`` URL; percent-encoding is undone. Raises `StoreError`."""
    parts = urlsplit(url)
    path = unquote(parts.path)
    local = parts.scheme == "file" and parts.netloc in ("", "localhost") and path.startswith("/")
    if not local or parts.query or parts.fragment:
        raise StoreError(
            f"store URL {shown_url(url)!r}: a directory is written file:///absolute/path (three slashes; ? and # as "
            "%3F and %23)"
        )
    if not path.strip("/") or "\0" in path or ".." in path.split("/"):
        raise StoreError(
            f"store URL {shown_url(url)!r}: the path must be absolute, below the root directory and without .."
        )
    return Path(os.path.normpath("/" + path.lstrip("/")))


class LocalStore(SettledStore):
    """The store of a ``file:///dir`` URL. Safe for any number of threads and processes on one file system.

    The directory is made by the first write; until then the store is empty. An object's version is made of inode,
    size and time of writing in nanoseconds, which this store sets itself because file systems round it. Where a
    folder was left empty and an object of its name is written, the folder goes.
    """

    page = 10_000

    def __init__(self, url: str, *, retries: Retries | None = None) -> None:
        self._root = local_root(url)
        # What fails on a disk seldom passes by waiting: few tries, soon.
        super().__init__("file://" + quote(str(self._root)), retries or Retries(3, 5.0, 0.02, 0.2, 0.02))
        self._folders = Folders(self._root)
        self._warned: set[str] = set()

    # ── one try each ─────────────────────────────────────────────────────────────────────────────────────────────────

    def write_once(self, key: str, source: Source, *, if_absent: bool) -> None:
        """Temporary file, fsync, link or rename, fsync of the folder."""
        folders, name = _split(key)
        with self._errors("writing", key), self._folders.open(folders, create=True) as folder:
            self._make_way(key, name, folder, if_absent)
            temporary = TEMPORARY + secrets.token_hex(8)
            try:
                self._fill(temporary, folder, source)
                if if_absent:
                    self._link(temporary, name, folder, key)
                else:
                    os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
                raise
            # From here on readers see the object.
            if if_absent:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=folder)
            try:
                os.fsync(folder)
            except OSError as error:
                raise WriteUnknown(
                    f"{self.url}/{key} is written, but fsync of its folder failed ({error.strerror}): "
                    "a power cut may still undo it"
                ) from error

    @contextmanager
    def open_once(self, key: str) -> Iterator[Body]:
        """The file's bytes; it stays whole while open, for files are replaced, never changed."""
        folders, name = _split(key)
        with self._errors("reading", key, absent=True), self._folders.open(folders) as folder:
            found = _regular(os.stat(name, dir_fd=folder, follow_symlinks=False))
            file = os.fdopen(os.open(name, _READ, dir_fd=folder), "rb", buffering=0) if found else None
        if file is None:
            raise self._absent(key)
        with file:
            status = os.fstat(file.fileno())
            if not _regular(status):
                raise self._absent(key)
            yield Body(file, status.st_size)

    def head_once(self, key: str) -> ObjectInfo | None:
        """From the file's status."""
        folders, name = _split(key)
        try:
            with self._errors("looking up", key, absent=True), self._folders.open(folders) as folder:
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except ObjectNotFound:
            return None
        return _info(key, status) if _regular(status) else None

    def list_once(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        """A walk over the folders that can hold such keys, in order of keys."""
        folders = prefix.split("/")[:-1]
        try:
            with self._errors("listing", prefix, absent=True), self._folders.open(folders) as folder:
                yield from self._walk(folder, "".join(f"{part}/" for part in folders), prefix, after)
        except ObjectNotFound:
            return

    def delete_once(self, key: str) -> None:
        """Unlink, and fsync of the folder; emptied folders stay."""
        folders, name = _split(key)
        with (
            suppress(ObjectNotFound),
            self._errors("deleting", key, absent=True),
            self._folders.open(folders) as folder,
        ):
            with suppress(FileNotFoundError):
                if _regular(os.stat(name, dir_fd=folder, follow_symlinks=False)):
                    os.unlink(name, dir_fd=folder)
            os.fsync(folder)  # also where it was gone: whoever removed it may not have come so far

    def harden(self, key: str) -> None:
        """Fsync the folder: another writer may have put the object there and died before doing so itself."""
        folders, _ = _split(key)
        with self._errors("securing", key), self._folders.open(folders, create=True) as folder:
            os.fsync(folder)

    def sweep(self, older_than: float = 86_400.0) -> int:
        """Remove temporaries that were not changed for so long; a walk over the whole store."""
        removed, before = 0, time.time() - older_than
        for folder, _, names in os.walk(self._root):
            for path in (Path(folder, name) for name in names if name.startswith(TEMPORARY)):
                with suppress(FileNotFoundError), self._errors("sweeping", path.name):
                    if path.lstat().st_mtime < before:
                        path.unlink()
                        removed += 1
        return removed

    # ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _fill(self, temporary: str, folder: int, source: Source) -> None:
        file = os.open(temporary, _CREATE, 0o666, dir_fd=folder)
        try:
            for chunk in source:
                view = memoryview(chunk)
                while view:  # write(2) may take less than it was given
                    view = view[os.write(file, view) :]
            now = time.time_ns()
            os.utime(file, ns=(now, now))
            os.fsync(file)  # after an error the file is given up, not fsynced again: the kernel forgets failed pages
        finally:
            os.close(file)

    def _link(self, temporary: str, name: str, folder: int, key: str) -> None:
        try:
            os.link(temporary, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        except FileExistsError:
            raise ObjectExists(f"{self.url}/{key} is there already") from None
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS):
                raise StoreError(
                    f"writing {self.url}/{key}: the file system of {self._root} has no hard links, which a write-once "
                    "object needs; set GALLEY_STORE_URL to a directory on ext4, xfs, btrfs, APFS or NFS"
                ) from error
            raise

    def _make_way(self, key: str, name: str, folder: int, if_absent: bool) -> None:
        """Refuse, or settle, what stands where the object is to be."""
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return
        if stat.S_ISDIR(status.st_mode):
            if not prune(name, folder):
                raise self._clash(key, f"{key}/")
        elif not _regular(status):
            raise StoreError(
                f"writing {self.url}/{key}: {self._root / key} is a link, pipe or device, which this store neither "
                "reads nor replaces; remove it"
            )
        elif if_absent:
            raise ObjectExists(f"{self.url}/{key} is there already")

    # ── listing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _walk(self, folder: int, above: str, prefix: str, after: str) -> Iterator[ObjectInfo]:
        with os.scandir(folder) as entries:
            # A slash sorts as a character of the key: a-b, a/b, a0.
            names = sorted(f"{e.name}/" if e.is_dir(follow_symlinks=False) else e.name for e in entries)
        for name in names:
            key = above + name
            if not (key.startswith(prefix) or (name.endswith("/") and prefix.startswith(key))):
                continue
            if key <= after and not (name.endswith("/") and after.startswith(key)):
                continue
            if not self._nameable(key, name):
                continue
            try:
                if not name.endswith("/"):
                    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if _regular(status):
                        yield _info(key, status)
                    continue
                below = os.open(name[:-1], FOLDER, dir_fd=folder)
            except (FileNotFoundError, NotADirectoryError):
                continue  # deleted or replaced while we were walking
            try:
                yield from self._walk(below, key, prefix, after)
            finally:
                os.close(below)

    def _nameable(self, key: str, name: str) -> bool:
        if name.startswith("."):
            return False  # temporaries, and what desktops leave behind
        try:
            check_key(key.rstrip("/"))
        except StoreError as error:
            if key not in self._warned:
                self._warned.add(key)
                _log.warning("%s is left out: %s; rename it", self._root / key, error)
            return False
        return True

    # ── errors ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _absent(self, key: str) -> ObjectNotFound:
        return ObjectNotFound(f"there is no object {self.url}/{key}")

    def _clash(self, key: str, other: str) -> StoreError:
        return StoreError(
            f"{self.url}/{key} cannot be written: {other} is there already, and a key cannot be an object and a folder "
            "at once; choose another key, or delete what is there"
        )

    @contextmanager
    def _errors(self, doing: str, key: str, *, absent: bool = False) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if absent and isinstance(error, FileNotFoundError):
                raise self._absent(key) from None
            raise self._explained(f"{doing} {self.url}/{key}", error) from error
        except NotAFolder as error:
            raise self._clash(key, str(error)) from None

    def _explained(self, what: str, error: OSError) -> StoreError:
        match error.errno:
            case errno.ENOSPC | errno.EDQUOT:
                free = ""
                with suppress(OSError):
                    free = f", {shutil.disk_usage(self._root).free / 2**20:.0f} MiB free"
                return StoreUnavailable(
                    f"{what}: the disk (or quota) of {self._root} is full{free}; make room, or set GALLEY_STORE_URL to "
                    "a directory on another disk, then run the same again"
                )
            case errno.EACCES | errno.EPERM | errno.EROFS:
                return StoreError(
                    f"{what}: {error.strerror}; user {os.geteuid()} needs the right to do this below {self._root}: "
                    "give it (chown, chmod, a writable mount), or set GALLEY_STORE_URL to another directory"
                )
            case errno.ENAMETOOLONG:
                return StoreError(f"{what}: too long for this file system, which takes names of {MAX_PART} bytes")
            case errno.ENOTDIR:
                return StoreError(f"{what}: {self._root}, or a directory above it, is a file; set GALLEY_STORE_URL")
        return StoreUnavailable(f"{what}: {error.strerror or error}")


def _split(key: str) -> tuple[list[str], str]:
    *folders, name = key.split("/")
    return folders, name


def _regular(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode)


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    version = f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
    return ObjectInfo(key, status.st_size, version, datetime.fromtimestamp(status.st_mtime, UTC))
