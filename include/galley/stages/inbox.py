"""Request files that arrive: which have, which run has which, and the copy that a run works from.

A depositor may write a file while we look, several runs may be woken for one file, and one run may die between any two
steps. So a file counts as arrived when two looks find it unchanged, and belongs to the run that first writes
``claims/<digest of key and version>.json`` into the work zone. Beforehand the run notes what it is about to claim in
its own ``claims/00001.json``, 00002 …, so that its next try, even beside one presumed dead, claims the same. Once the
bytes are copied to ``inputs/…`` the run's ``claim.json`` says so, and the inbox is not needed any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from galley.errors import InputError, ObjectExists, ObjectNotFound, StoreError
from galley.items import Frozen, digest
from galley.settings import Settings
from galley.stages.run import RunFiles, Source
from galley.stages.sources import copy_name
from galley.storage.base import ObjectInfo, check_key
from galley.storage.zones import Zones

SUFFIX = ".jsonl"
"""Of request files; whatever else lies in the inbox is left alone."""


def _checked(key: str) -> str:
    try:
        return check_key(key)
    except StoreError as error:
        raise ValueError(str(error)) from None


class Arrival(Frozen):
    """A version of a request file.

    Attributes:
        key: in the inbox.
        version: of the object, as the store tells it.
    """

    key: Annotated[str, AfterValidator(_checked)]
    version: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Claim(Frozen):
    """Which run has a version of a request file.

    Attributes:
        arrival: the version.
        run: name of the run.
        brief: whose policy, experiment and variants apply; empty: none's.
        source: the run's copy; None until that is whole.
    """

    arrival: Arrival
    run: str
    brief: str = ""
    source: Source | None = None


def claimed_by(files: RunFiles) -> tuple[Source, str]:
    """The copy of the request file that a run has claimed, and its brief; `ObjectNotFound` where there is none."""
    claim = files.read("claim.json", Claim)
    if claim is None or claim.source is None:
        raise ObjectNotFound(f"{files.uri('claim.json')} names no copied request file; clear the run's first task")
    return claim.source, claim.brief


def settled(before: Mapping[str, str], now: Iterable[ObjectInfo]) -> list[Arrival]:
    """What two looks found unchanged, the oldest first; ``before`` is key to version at the look before."""
    same = [info for info in now if before.get(info.key) == info.version]
    # The age decides whose turn it is, never what is taken: an older file that comes later is taken too.
    return [Arrival(key=info.key, version=info.version) for info in sorted(same, key=lambda i: (i.modified, i.key))]


@dataclass(frozen=True)
class Inbox:
    """What one DAG takes from the inbox.

    Attributes:
        zones: the inbox, and the work zone for claims and copies.
        folder: where its files lie; empty: the whole inbox.
        aside: a folder in there that is another DAG's.
    """

    zones: Zones
    folder: str = ""
    aside: str = ""

    @classmethod
    def of(cls, settings: Settings, zones: Zones, folder: str = "") -> Inbox:
        """The part below ``folder``, without the sensor's own folder where that is another."""
        return cls(zones, folder, "" if folder else settings.inbox_sensor_folder)

    @property
    def prefix(self) -> str:
        """What the keys of its files begin with."""
        return f"{self.folder}/" if self.folder else ""

    def files(self) -> list[ObjectInfo]:
        """Its request files as they are now, whole or not."""
        return [info for info in self.zones.inbox.list(self.prefix) if self.takes(info.key)]

    def takes(self, key: str) -> bool:
        """Whether an object is a request file of this part: ``<brief>/….jsonl`` or ``….jsonl``."""
        inside = key.startswith(f"{self.folder}/") if self.folder else not key.startswith(f"{self.aside}/")
        return inside and key.endswith(SUFFIX)

    def brief(self, key: str) -> str:
        """Name of the brief whose folder the file lies in; empty where it lies in none."""
        first, _, rest = key.removeprefix(self.prefix).partition("/")
        return first if rest else ""

    def claimed(self, arrival: Arrival) -> bool:
        """Whether a run has it."""
        return self.zones.work.head(_claim_key(arrival)) is not None

    def waiting(self, pause: float, sleep: Callable[[float], object] = time.sleep) -> Iterator[Arrival]:
        """What has arrived and no run has, the oldest first; found by two looks, ``pause`` seconds apart."""
        before = {info.key: info.version for info in self.files()}
        if before:
            sleep(pause)
            yield from (each for each in settled(before, self.files()) if not self.claimed(each))

    def claim(self, run: str, offered: Iterable[Arrival], say: Callable[[str], object]) -> Claim | None:
        """Claim the first of the offered files that is still to be had, and copy it into the run.

        A run that has one gets it again, whatever is offered.

        Args:
            run: name of the run.
            offered: what may be claimed, asked for one by one.
            say: told why a file is passed over.

        Returns:
            The claim with the copy, or None where nothing is to be had.

        Raises:
            InputError: a claimed file was deleted before it could be copied.
        """
        files = RunFiles(self.zones.work, run)
        if (own := files.read("claim.json", Claim)) is not None:
            return own
        fresh = (
            Claim(arrival=each, run=run, brief=self.brief(each.key)) for each in offered if self._to_be_had(each, say)
        )
        for claim in _noted(files, fresh):
            try:
                self.zones.work.put_if_absent(_claim_key(claim.arrival), claim.model_dump_json().encode())
            except ObjectExists:
                say(f"{claim.arrival.key}: another run was faster")
                continue
            if (copied := self._copied(files, claim)) is not None:
                files.write("claim.json", copied)
                return copied
            say(f"{claim.arrival.key}: has changed since it was claimed; as it is now it will be claimed anew")
        return None

    def _to_be_had(self, arrival: Arrival, say: Callable[[str], object]) -> bool:
        info = self.zones.inbox.head(arrival.key) if self.takes(arrival.key) else None
        if info is None or info.version != arrival.version:
            say(f"{arrival.key}: is not there as it was")
        elif self.claimed(arrival):
            say(f"{arrival.key}: another run has it")
        else:
            return True
        return False

    def _copied(self, files: RunFiles, claim: Claim) -> Claim | None:
        """The claim with its copy; None where the file is not the claimed version any more."""
        key, copy = claim.arrival.key, f"inputs/{copy_name(claim.arrival.key)}"
        try:
            with self.zones.inbox.open(key) as stream:
                written = files.work.put(files.key(copy), stream)
            info = self.zones.inbox.head(key)
        except ObjectNotFound:
            info = None
        if info is None:
            rule = "was deleted after it was claimed and before it was read; put it there again"
            raise InputError("inbox", "", key, rule)
        if info.version != claim.arrival.version:
            return None
        source = Source(name=f"inbox/{key}", kind="requests", key=copy, sha256=written.sha256)
        return claim.model_copy(update={"source": source})


class Lookout:
    """Offers arrived files one by one: the next when the last one is claimed, the same again when it is not in time.

    Args:
        inbox: where to look.
        again: seconds after which an unclaimed file is offered again: what was told of it may have come to nothing.
    """

    def __init__(self, inbox: Inbox, again: float) -> None:
        self.inbox, self._again = inbox, again
        self._seen: dict[str, str] = {}
        self._claimed: set[Arrival] = set()
        self._offered: Arrival | None = None
        self._since = 0.0

    def look(self, now: float) -> Arrival | None:
        """What to offer at ``now`` (seconds of a steady clock), or None: nothing arrived, or an offer stands."""
        infos = self.inbox.files()
        arrived = settled(self._seen, infos)
        self._seen = {info.key: info.version for info in infos}
        self._claimed &= set(arrived)
        standing = self._offered if self._offered in arrived else None
        if standing is None or self._is_claimed(standing):
            self._offered = next((each for each in arrived if not self._is_claimed(each)), None)
        elif now - self._since < self._again:
            return None
        self._since = now
        return self._offered

    def _is_claimed(self, arrival: Arrival) -> bool:
        # A claim is for good, so that only what was not claimed at the last look is asked for again.
        if arrival not in self._claimed and self.inbox.claimed(arrival):
            self._claimed.add(arrival)
        return arrival in self._claimed


def _noted(files: RunFiles, fresh: Iterator[Claim]) -> Iterator[Claim]:
    """What tries of the run have set out to claim, in order, then fresh claims, each noted before it is given out."""
    for number in count(1):
        name = f"claims/{number:05d}.json"
        claim = files.read(name, Claim)
        if claim is None:
            if (claim := next(fresh, None)) is None:
                return
            try:
                files.work.put_if_absent(files.key(name), claim.model_dump_json().encode())
            except ObjectExists:  # another try of this run was faster
                claim = files.read(name, Claim)
        if claim is not None:
            yield claim


def _claim_key(arrival: Arrival) -> str:
    return f"claims/{digest([arrival.key, arrival.version])}.json"
