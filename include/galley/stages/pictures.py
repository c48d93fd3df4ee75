"""Pictures that requests begin with: from ``images/`` in the inbox into the run, named by their bytes.

What a person writes is a name and never more than that: it reaches nothing but the pictures below that folder. The run
keeps a copy, so that its jobs depend on nothing outside; nor does what a person or a file asked for when it is made
again. Nothing is decoded here; that is the worker's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from galley.complaints import show
from galley.errors import InputError, IntegrityError, ObjectNotFound, StoreError
from galley.items import Sha256
from galley.stages.run import RunFiles, Source
from galley.storage.base import check_key
from galley.storage.zones import Zones

FOLDER = "images"
"""In the inbox."""
COPIES = "inputs/images"
"""Of a run: the copies, each named by its sha256."""
MOST = 10_000
"""Names of pictures in a run: what it knows of them lies in memory, and in ``run.json``."""
MOST_BYTES = 32 * 2**20
"""Of a picture: an uncompressed one of 3300 x 3300 pixels."""
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_BEGINNINGS = (rb"\x89PNG\r\n\x1a\n", rb"\xff\xd8\xff", rb"RIFF....WEBP")
_PICTURE = re.compile(b"|".join(_BEGINNINGS), re.DOTALL)


def check_name(name: str) -> str:
    """``name`` if a picture can be called so. Raises `InputError` for ``init_image``, without a source."""
    try:
        check_key(f"{FOLDER}/{name}")
    except StoreError as error:
        raise InputError("", "init_image", show(name), f"is no name of a picture: {error}") from None
    if not name.lower().endswith(_SUFFIXES):
        raise InputError(
            "", "init_image", show(name), f"is no name of a picture: it must end in {', '.join(_SUFFIXES)}"
        )
    return name


class Pictures:
    """The `ResolveImage` of a run: copies what is asked for, once, and remembers what it refused."""

    def __init__(self, files: RunFiles, zones: Zones, kept: Iterable[Source] = ()) -> None:
        """``kept``: what an earlier execution of the run copied and this one is to use, whatever the inbox has now."""
        self._files, self._zones = files, zones
        self._kept = {source.name: source for source in kept if source.kind == "image"}
        self._found: dict[str, Source | InputError] = {}

    @property
    def sources(self) -> tuple[Source, ...]:
        """What the run has copies of."""
        return tuple(found for found in self._found.values() if isinstance(found, Source))

    def __call__(self, name: str) -> Sha256:
        """The sha256 of a picture. Raises `InputError` where there is none that can be used."""
        if name not in self._found:
            if len(self._found) == MOST:
                raise InputError("", "init_image", show(name), f"is one more than the {MOST} that a run may name")
            try:
                self._found[name] = self._copied(name)
            except InputError as error:
                self._found[name] = error
        found = self._found[name]
        if isinstance(found, InputError):
            raise found
        return found.sha256

    def _copied(self, name: str) -> Source:
        kept = self._kept.get(f"{FOLDER}/{name}")
        if kept is not None and self._whole(kept):
            return kept
        data = self._read(name)
        sha256 = hashlib.sha256(data).hexdigest()
        if kept is not None and sha256 != kept.sha256:
            rule = (
                f"was {kept.sha256[:12]} when this run first read it; that copy is lost, and the inbox has another now"
            )
            raise InputError("", "init_image", show(name), rule)
        copy = f"{COPIES}/{sha256}"
        self._files.work.put(self._files.key(copy), data)
        return Source(name=f"{FOLDER}/{name}", kind="image", key=copy, sha256=sha256)

    def _whole(self, kept: Source) -> bool:
        try:
            self._files.work.get(self._files.key(kept.key), sha256=kept.sha256)
        except (ObjectNotFound, IntegrityError):
            return False
        return True

    def _read(self, name: str) -> bytes:
        key = f"{FOLDER}/{check_name(name)}"
        try:
            with self._zones.inbox.open(key) as stream:
                data = stream.read(MOST_BYTES + 1)
        except ObjectNotFound:
            rule = f"is not in the inbox; put it there as {self._zones.inbox.url}/{key}"
            raise InputError("", "init_image", show(name), rule) from None
        if len(data) > MOST_BYTES:
            raise InputError("", "init_image", show(name), f"has more than {MOST_BYTES // 2**20} MiB; make it smaller")
        if not _PICTURE.match(data):
            raise InputError("", "init_image", show(name), "is neither PNG, JPEG nor WebP by its bytes")
        return data
