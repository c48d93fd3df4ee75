"""Files that a person asks to run: which may be read, and which run they belong to."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from galley.brief_files import load_brief
from galley.errors import InputError

BRIEF_SUFFIXES = (".yaml", ".yml")
REQUEST_SUFFIXES = (".jsonl", ".ndjson")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def local_path(uri: str) -> Path:
    """The file of a ``file:///…`` URI.

    Only briefs and request files, by their suffix, links followed: values of rejected rows are shown to people, and a
    form must not be a way to read other files. Raises `InputError` for the Param ``source``.
    """
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise InputError("form", "source", uri, "is not a file URI; write file:///absolute/path")
    path = Path(unquote(parts.path))
    if not path.is_absolute() or "\0" in str(path):
        raise InputError("form", "source", uri, "is not an absolute path; write file:///absolute/path")
    for name in (path, path.resolve()):
        if name.suffix.lower() not in BRIEF_SUFFIXES + REQUEST_SUFFIXES:
            rule = (
                f"is neither a brief ({', '.join(BRIEF_SUFFIXES)}) nor a request file ({', '.join(REQUEST_SUFFIXES)})"
            )
            raise InputError("form", "source", uri, rule)
    if not path.is_file():
        raise InputError("form", "source", uri, "is no file on this machine")
    return path


def is_brief(name: str) -> bool:
    """Whether a file's name says that it is a brief."""
    return name.lower().endswith(BRIEF_SUFFIXES)


def copy_name(name: str) -> str:
    """The name of a file's copy in a run, safe in a key."""
    return _UNSAFE.sub("-", Path(name).name).strip("-.")[:100] or "input"


def fingerprint(path: Path) -> str:
    """sha256 that names what a file asks for: of its bytes, and of the CSV file's beside it where a brief has one.

    A brief that cannot be read as one has the sha256 of its bytes; the run then says what is wrong with it.
    """
    with path.open("rb") as file:
        own = hashlib.file_digest(file, "sha256").hexdigest()
    if not is_brief(path.name):
        return own
    try:
        files = load_brief(path).files
    except InputError:
        return own
    if len(files) == 1:
        return own
    parts = (hashlib.sha256(data).hexdigest() for data in files.values())
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
