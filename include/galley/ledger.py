"""Results and verdicts as they lie in the store: immutable parts, and the one reading rule.

A worker writes ``<prefix>/<attempt>/part-00000.jsonl``, then 00001 …, each put-if-absent and each after the artifacts
it names. Several attempts of one job may write at once, one of them long presumed dead. Readers take, per key, the
first valid line in the order of parts, and so agree with each other; a torn or foreign line costs itself, never its
neighbours. "Could not read" is not "absent": a store that is away raises.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, NamedTuple, TypeVar

from pydantic import ValidationError

from galley.errors import IntegrityError, ObjectExists, ObjectNotFound, StoreError
from galley.items import Artifact, Frozen, Result, Verdict, canonical_json
from galley.storage.base import ObjectStore

LineT = TypeVar("LineT", bound=Frozen)
KeyT = TypeVar("KeyT", bound=Hashable)
Check = Literal["none", "exists", "sha256"]
"""How far to trust an artifact that a result names: not looked at, its size compared, every byte read."""


class VerdictKey(NamedTuple):
    """What a verdict is about and under which rules it was reached."""

    subject_sha256: str
    subject_kind: str
    policy_digest: str
    checkers_digest: str


@dataclass(frozen=True)
class BadLine:
    """A line that no reader counts: its part, its 1-based number (0: the whole part), and why."""

    part: str
    line: int
    why: str


@dataclass(frozen=True)
class Ledger(Generic[KeyT, LineT]):
    """What the parts below a prefix say.

    Attributes:
        lines: key to its first valid line.
        bad: lines that do not count.
        repeated: valid lines whose key had one before.
    """

    lines: dict[KeyT, LineT]
    bad: tuple[BadLine, ...] = ()
    repeated: int = 0


def next_attempt(store: ObjectStore, prefix: str, token: str) -> str:
    """A name for a new attempt that sorts after those that have written: ``0003-<token>``.

    Two attempts that start together share the number and differ in the token (letters and digits, their own).
    """
    last = 0
    after = ""
    while (first := next(store.list(f"{prefix}/", after=after), None)) is not None:
        attempt = first.key[len(prefix) + 1 :].split("/", 1)[0]
        number = attempt.split("-", 1)[0]
        last = max(last, int(number)) if number.isdecimal() and len(number) <= 6 else last
        after = f"{prefix}/{attempt}/~"  # greater than every character of a key
    return f"{last + 1:04d}-{token}"


class PartWriter:
    """Writes one attempt's parts below a prefix, in order."""

    def __init__(self, store: ObjectStore, prefix: str, attempt: str) -> None:
        """Write below ``<prefix>/<attempt>/``; the attempt's name is this writer's own."""
        self._store, self._folder, self._next = store, f"{prefix}/{attempt}", 0

    def write(self, lines: Sequence[Frozen]) -> str:
        """Commit lines as the next part and return its key. Either all of them are there afterwards or none.

        Raises `StoreUnavailable` (none is) or `WriteUnknown` (one or the other; writing them again does no harm).
        """
        data = b"".join(canonical_json(line.model_dump(mode="json", exclude_defaults=True)) + b"\n" for line in lines)
        while True:
            key = f"{self._folder}/part-{self._next:05d}.jsonl"
            self._next += 1
            try:
                self._store.put_if_absent(key, data)
            except ObjectExists:
                continue  # an attempt of the same name wrote it; its lines stand, ours go after them
            return key


def read_results(
    store: ObjectStore, prefix: str, *, check: Check = "none", within: str | None = None
) -> Ledger[str, Result]:
    """Results below ``prefix`` by request key: the first valid one over all attempts.

    Args:
        store: holds the parts and the artifacts.
        prefix: key, ``runs/<run>/jobs/<job>/results``.
        check: how far artifacts are looked at; a result whose artifact does not stand the check does not count.
        within: URI of the job that artifacts must lie below, so that a job can name its own bytes alone. With it,
            ``exists`` costs one listing instead of a look at every artifact.
    """
    sizes: dict[str, int] | None = None
    if check == "exists" and within is not None:
        sizes = {info.key: info.size for info in store.list(f"{key_below(store, within)}/artifacts/")}

    def valid(result: Result) -> str:
        if result.artifact is None:
            return ""
        if within is not None and not result.artifact.uri.startswith(within.rstrip("/") + "/"):
            return f"artifact {result.artifact.uri} lies outside {within}"
        if sizes is not None:
            there = sizes.get(key_below(store, result.artifact.uri))
            return (
                "" if there == result.artifact.size else f"artifact {result.artifact.uri} is not whole: {there} bytes"
            )
        return artifact_problem(store, result.artifact, check)

    return read_parts(store, prefix, Result, lambda result: result.request_key, valid)


def read_verdicts(store: ObjectStore, prefix: str) -> Ledger[VerdictKey, Verdict]:
    """Verdicts below ``prefix``: the first valid one per subject, policy and checkers.

    A complete verdict counts before one that a checker left incomplete, for the latter is reached again on purpose.
    """
    return read_parts(store, prefix, Verdict, verdict_key, better=lambda new, old: new.complete and not old.complete)


def verdict_key(verdict: Verdict) -> VerdictKey:
    """What the verdict is about."""
    return VerdictKey(verdict.subject_sha256, verdict.subject_kind, verdict.policy_digest, verdict.checkers_digest)


def artifact_problem(store: ObjectStore, artifact: Artifact, check: Check) -> str:
    """Why an artifact cannot be relied upon, or ``""``. Raises `StoreUnavailable` where the store cannot tell."""
    if check == "none":
        return ""
    if not artifact.uri.startswith(store.url + "/"):
        return f"artifact {artifact.uri} is not in the store {store.url}"
    key = artifact.uri[len(store.url) + 1 :]
    try:
        if check == "sha256":
            size = len(store.get(key, sha256=artifact.sha256))
        else:
            found = store.head(key)
            if found is None:
                return f"artifact {artifact.uri} is not there"
            size = found.size
    except (ObjectNotFound, IntegrityError) as error:
        return str(error)
    return "" if size == artifact.size else f"artifact {artifact.uri} has {size} bytes, not {artifact.size}"


def read_parts(
    store: ObjectStore,
    prefix: str,
    model: type[LineT],
    key_of: Callable[[LineT], KeyT],
    valid: Callable[[LineT], str] = lambda line: "",
    better: Callable[[LineT, LineT], bool] = lambda new, old: False,
) -> Ledger[KeyT, LineT]:
    """The first valid line per key over all parts below ``prefix``, in the order of their names.

    Args:
        store: where to read.
        prefix: key below which attempts write.
        model: what a line is.
        key_of: what a line is about.
        valid: why a well-formed line does not count, or ``""``.
        better: whether a line counts although an earlier one has its key.
    """
    lines: dict[KeyT, LineT] = {}
    bad: list[BadLine] = []
    repeated = 0
    for part in _parts(store, prefix):
        try:
            data = store.get(part)
        except (ObjectNotFound, IntegrityError) as error:
            bad.append(BadLine(part, 0, str(error)))
            continue
        for number, raw in enumerate(data.split(b"\n"), start=1):
            if not raw.strip():
                continue
            try:
                line = model.model_validate_json(raw)
            except ValidationError as error:
                bad.append(BadLine(part, number, _first(error)))
                continue
            key = key_of(line)
            repeated += key in lines
            if key in lines and not better(line, lines[key]):
                continue
            if why := valid(line):
                bad.append(BadLine(part, number, why))
            else:
                lines[key] = line
    return Ledger(lines, tuple(bad), repeated)


def key_below(store: ObjectStore, uri: str) -> str:
    """The key of a URI in this store; raises `StoreError` where it is not in it."""
    if not uri.startswith(store.url + "/"):
        raise StoreError(f'"{uri}" is not in the store {store.url}; URIs of objects begin with their store\'s URL')
    return uri[len(store.url) + 1 :]


def _parts(store: ObjectStore, prefix: str) -> Iterator[str]:
    for info in store.list(f"{prefix}/"):
        if info.key.endswith(".jsonl") and info.key.rsplit("/", 1)[-1].startswith("part-"):
            yield info.key


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    where = ".".join(str(part) for part in detail["loc"])
    return f"{where}: {detail['msg']}" if where else detail["msg"]
