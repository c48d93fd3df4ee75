"""What a job may touch, read off its specification: a runtime that seals a job in gives it this and nothing else.

A job reads its own ``job.json``, the inputs named there, the artifacts that its results name, and its models. It writes
below its own prefix; a publish job also the run's quarantine, the run's releases and the folder of its content date.
A job's own specification and inputs stay read-only although they lie below its prefix: what it wrote there would decide
what its next execution may touch.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pydantic import ValidationError

from galley.errors import JobSpecError, ObjectNotFound, StoreError
from galley.items import AdapterSource, Job, ModelSource, Result
from galley.models import snapshot
from galley.storage import ObjectStore, Zones


@dataclass(frozen=True)
class Access:
    """Grants, as URIs; none ends with a slash.

    Attributes:
        objects: single objects it reads.
        folders: prefixes below which it reads.
        outputs: prefixes below which it reads and writes.
        models: directories of this machine that it reads, those of adapters and checkers too.
    """

    objects: tuple[str, ...]
    folders: tuple[str, ...]
    outputs: tuple[str, ...]
    models: tuple[Path, ...]

    def may_read(self, uri: str) -> bool:
        """Whether the job reads the object of a URI."""
        return uri in self.objects or _below(uri, (*self.folders, *self.outputs))

    def may_list(self, prefix: str) -> bool:
        """Whether the job lists what begins with ``prefix``, a URI with a slash where a folder's name ends."""
        return _below(prefix, (*self.folders, *self.outputs))

    def may_write(self, uri: str) -> bool:
        """Whether the job writes or removes the object of a URI."""
        return _below(uri, self.outputs) and uri not in self.objects and not _below(uri, self.folders)


def _below(uri: str, folders: tuple[str, ...]) -> bool:
    return any(uri.startswith(f"{folder}/") for folder in folders)


def access(job: Job, uri: str, zones: Zones, hub_cache: Path | None) -> Access:
    """What the job whose specification lies at ``uri`` may touch. Inputs that are not there grant nothing.

    ``hub_cache`` is where hub models lie; None leaves all models out, for who serves objects alone.

    Raises:
        JobSpecError: it names something outside the zones, or a prefix that is not its own.
        StoreUnavailable: the store is away.
    """
    own = f"{zones.work.url}/runs/{job.run}/jobs/{job.job}"
    if job.prefix != own or uri != f"{own}/job.json":
        raise JobSpecError(f'job "{job.job}", prefix: {job.prefix} is not its own, {own}; plan the run again')
    objects, folders = [uri], []
    for role, named in sorted(job.inputs.items()):
        store, key = _resolve(job, zones, named)
        if store.head(key) is None:
            folders.append(named)
            if role.startswith("results"):
                # Results name artifacts of the job that wrote them, which lie beside them.
                folders.append(f"{named.rsplit('/', 1)[0]}/artifacts")
        else:
            objects.append(named)
            if role.startswith("results"):
                objects += _artifacts(job, store, key)
    models = () if hub_cache is None else tuple(_models(job, hub_cache))
    return Access(tuple(objects), tuple(folders), (own, *_published(job, zones)), models)


def _resolve(job: Job, zones: Zones, uri: str) -> tuple[ObjectStore, str]:
    try:
        return zones.resolve(uri)
    except StoreError as error:
        raise JobSpecError(f'job "{job.job}": {error}') from error


def _artifacts(job: Job, store: ObjectStore, key: str) -> list[str]:
    """Artifacts of earlier runs, one by one: their neighbours are none of this job's business."""
    try:
        with store.open(key) as stream:
            results = [Result.model_validate_json(line) for line in stream if line.strip()]
    except (ObjectNotFound, ValidationError) as error:
        raise JobSpecError(f'job "{job.job}", inputs: {store.url}/{key} has no results: {error}') from error
    return sorted({result.artifact.uri for result in results if result.artifact is not None})


def _published(job: Job, zones: Zones) -> list[str]:
    if job.command != "publish":
        return []
    try:
        day = date.fromisoformat(job.settings["content_date"]).isoformat()
    except (KeyError, TypeError, ValueError) as error:
        raise JobSpecError(f'job "{job.job}", settings.content_date: must be a date, which names its folder') from error
    published = zones.published.url
    return [f"{zones.quarantine.url}/{job.run}", f"{published}/{day}", f"{published}/releases/{job.run}"]


def _models(job: Job, hub_cache: Path) -> set[Path]:
    found = set()
    sources: list[ModelSource | AdapterSource] = [] if job.model is None else [job.model, *job.model.adapters]
    for source in sources:
        found.add(snapshot(hub_cache, source.source, source.revision)[1] if source.revision else Path(source.source))
    checkers = job.settings.get("checkers")
    for checker in checkers.values() if isinstance(checkers, dict) else ():
        directory = Path(checker["directory"])
        # Files of a hub model are links into its repository's own directory.
        inside = directory.is_relative_to(hub_cache) and directory != hub_cache
        found.add(hub_cache / directory.relative_to(hub_cache).parts[0] if inside else directory)
    return found
