"""Every error Galley raises on purpose.

    GalleyError
    ├── InputError            what a person wrote is wrong: brief, request file, policy, command line
    ├── StoreError            an object store did not do what was asked
    │   ├── ObjectNotFound        there is no such object
    │   ├── ObjectExists          a put-if-absent found other bytes under the key
    │   ├── IntegrityError        bytes do not have the sha256 they should have
    │   ├── StoreUnavailable      try again later
    │   └── WriteUnknown          a write may or may not have happened, and reading back failed too
    ├── CatalogError          the catalog cannot be opened, or cannot do what was asked
    │   └── NotInCatalog          it has no run or item of this name
    ├── ModelError            a model cannot be used
    │   ├── ModelNotFound         no such name, directory or repository, or the network is away
    │   └── ModelRefused          it is there, but not safe or not what its digest says
    ├── JobError              a job cannot go on
    │   ├── JobSpecError          its specification is wrong; trying again cannot help (exit code 65)
    │   └── JobInterrupted        store away, out of memory, terminated: try again (exit code 75)
    ├── CheckError            a compliance check gave no usable answer; its subject is held
    └── EngineError           an engine cannot make one item; its neighbours go on

Messages name the thing, its value, the rule and the remedy.
"""

from __future__ import annotations


class GalleyError(Exception):
    """Base of every error raised on purpose; anything else that escapes is a bug."""


class InputError(GalleyError):
    """Something a person wrote is wrong.

    Attributes:
        source: file or form the value came from, as the person knows it.
        line: 1-based line number, or None where lines mean nothing.
        field: dotted path of the field (``variants[1].weight``), or "" for the whole.
        value: the offending value, shortened to 200 characters.
        rule: what the value breaks and what would be right.
    """

    def __init__(self, source: str, field: str, value: object, rule: str, *, line: int | None = None) -> None:
        self.source, self.field, self.rule, self.line = source, field, rule, line
        text = value if isinstance(value, str) else repr(value)
        self.value = text if len(text) <= 200 else text[:199] + "…"
        where = f'"{source}"' + (f", line {line}" if line is not None else "")
        what = f"{where}, {field}" if field else where
        super().__init__(f"{what}: {self.value!r} {rule}" if self.value else f"{what}: {rule}")


class StoreError(GalleyError):
    """An object store did not do what was asked."""


class ObjectNotFound(StoreError):
    """There is no object under this key."""


class ObjectExists(StoreError):
    """A put-if-absent found other bytes under the key; nothing was written."""


class IntegrityError(StoreError):
    """Bytes do not have the sha256 that was recorded for them."""


class StoreUnavailable(StoreError):
    """The store is away or overloaded; the operation certainly did not happen and may be tried again."""


class WriteUnknown(StoreError):
    """A write may or may not have happened, and reading back failed too."""


class CatalogError(GalleyError):
    """The catalog cannot be opened, or cannot do what was asked."""


class NotInCatalog(CatalogError):
    """The run or item asked for is not in the catalog."""


class ModelError(GalleyError):
    """A model cannot be used."""


class ModelNotFound(ModelError):
    """No model under this name, directory or repository, or it is not in the cache and the network is away."""


class ModelRefused(ModelError):
    """The model is there but not safe to load, or not the bytes its digest names."""


class JobError(GalleyError):
    """A job cannot go on."""


class JobSpecError(JobError):
    """The job specification is wrong; trying again cannot help (exit code 65)."""


class JobInterrupted(JobError):
    """The job stopped half-way for a reason that may pass; try again (exit code 75)."""


class CheckError(GalleyError):
    """A compliance check gave no usable answer; its subject is held."""


class EngineError(GalleyError):
    """An engine cannot make one item; the other items of the batch go on."""
