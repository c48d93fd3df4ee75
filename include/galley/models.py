"""The registry of models, ``include/models/models.yaml``, and what a model's name stands for on this machine.

A name is looked up in this order: an alias; a name in the registry; a registered model's ``org/name``; ``org/name@``
and a 40-digit commit of a hub; a directory (written with ``/``, ``.`` or ``~`` in front). Adapters follow it after a
``+`` each (see `galley.items.with_adapters`) and are named alike. Nothing here needs the network or
a machine-learning library: hub models are found in the hub library's cache, whose layout is
``models--org--name/snapshots/<commit>``, and `galley models pull` is the one command that fills it.

A digest is taken over the files a loader reads (`galley.model_files`). For a hub model the digest that a pull wrote
under ``GALLEY_HOME/models/`` is binding from then on: other bytes under the same commit are refused.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, StringConstraints, ValidationError, model_validator

from galley.atomic_file import write_atomically
from galley.errors import InputError, ModelError, ModelNotFound, ModelRefused
from galley.items import (
    ENGINES,
    PARAMS,
    AdapterSource,
    Dtype,
    Frozen,
    Kind,
    ModelSource,
    ResolvedModel,
    Sha256,
    with_adapters,
)
from galley.model_files import ModelFiles, adapted_digest, inspect, inspect_adapter, kind_of
from galley.settings import Settings

HUB_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]*/[A-Za-z0-9][A-Za-z0-9_.-]*"
COMMIT = r"[0-9a-f]{40}"
MAX_ADAPTERS, MAX_WEIGHT = 4, 4
_HUB_REFERENCE = re.compile(rf"(?P<repo>{HUB_NAME})@(?P<revision>{COMMIT})")


class AdapterEntry(Frozen):
    """One LoRA of the registry, to be added to image models.

    Attributes:
        source: a directory (``./name``, relative to the registry file, or absolute) or ``org/name`` of a hub; one
            safetensors file.
        revision: the hub commit, 40 hex digits.
        licence: SPDX identifier or the licence's own name.
        summary: one line for people.
    """

    source: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    revision: Annotated[str, StringConstraints(pattern=rf"^({COMMIT})?$")] = ""
    licence: Annotated[str, StringConstraints(min_length=1)]
    summary: str = ""

    @property
    def is_directory(self) -> bool:
        """Whether the source is a directory and not a hub repository."""
        return self.source.startswith((".", "/"))

    @model_validator(mode="after")
    def _placed(self) -> Self:
        if self.is_directory and self.revision:
            raise ValueError("revision: is for hub models; a directory has none")
        if not self.is_directory and not re.fullmatch(HUB_NAME, self.source):
            raise ValueError(f"source: {self.source!r} is neither a directory (./name or /path) nor org/name of a hub")
        if not self.is_directory and not self.revision:
            raise ValueError(f"revision: missing; {self.source} needs the 40-digit commit, for branches and tags move")
        return self


class ModelEntry(AdapterEntry):
    """One model of the registry.

    Attributes:
        kind: what it makes.
        source: a directory (``./starter-image``, relative to the registry file, or absolute) or ``org/name`` of a hub.
        revision: the hub commit, 40 hex digits; branches and tags move, so they are not accepted.
        licence: SPDX identifier or the licence's own name.
        summary: one line for `galley models list`.
        params: sampling parameters that hold where neither brief nor row says otherwise.
        dtype: of the weights as loaded; ``int8`` for texts only.
        engine: one of `galley.items.ENGINES`.
        max_batch_size: rows of one forward at most, for engines that batch by themselves; 0: GALLEY_MAX_BATCH_SIZE.
        memory_gib: memory a job asks for, in GiB; 0: twice the weights and one more.
    """

    kind: Kind
    params: dict[str, Any] = Field(default={})
    dtype: Dtype = "float32"
    engine: str = "stock"
    max_batch_size: int = Field(0, ge=0, le=4096)
    memory_gib: float = Field(0, ge=0)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.dtype == "int8" and self.kind != "text":
            raise ValueError(f"dtype: int8 is for kind text, not {self.kind}; give float32, bfloat16 or float16")
        if self.engine not in ENGINES[self.kind]:
            raise ValueError(
                f"engine: {self.engine!r} is none for kind {self.kind}; give {', '.join(ENGINES[self.kind])}"
            )
        try:
            PARAMS[self.kind].model_validate(self.params)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(["params", *map(str, first["loc"])])
            raise ValueError(f"{field}: {first['input']!r}: {first['msg']}") from error
        return self


class Registry(Frozen):
    """``models.yaml``: the models, each kind's default, other names for them, and adapters to add to them."""

    defaults: dict[Kind, str]
    aliases: dict[str, str] = Field(default={})
    models: dict[str, ModelEntry]
    adapters: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")], AdapterEntry] = Field(
        default={}
    )

    @model_validator(mode="after")
    def _names_exist(self) -> Registry:
        for kind, name in self.defaults.items():
            if name not in self.models or self.models[name].kind != kind:
                raise ValueError(f"defaults.{kind}: {name!r} is not a model of kind {kind} under models")
        for alias, name in self.aliases.items():
            if name not in self.models:
                raise ValueError(f"aliases.{alias}: {name!r} is not under models")
            if alias in self.models:
                raise ValueError(f"aliases.{alias}: is a model's own name as well; remove one")
        return self


def load_registry(path: Path) -> Registry:
    """Read and validate ``models.yaml``; raises `InputError` naming the field."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(str(path), "", "", "does not exist; GALLEY_MODELS_FILE names the model registry") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(str(path), "", "", f"is not readable YAML: {error}") from error
    try:
        return Registry.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        value = "" if isinstance(first["input"], dict) else first["input"]
        raise InputError(str(path), field, value, first["msg"].removeprefix("Value error, ")) from error


@dataclass(frozen=True)
class LocatedAdapter:
    """As `Located`, of an adapter, and how much of it is wanted."""

    name: str
    entry: AdapterEntry
    directory: Path
    boundary: Path
    weight: float


@dataclass(frozen=True)
class Located:
    """A name, resolved: its entry (made up for paths and ``org/name@commit``) and where its files should be.

    Attributes:
        name: registry name, path or ``org/name@commit``; with its adapters, as `with_adapters` writes it.
        entry: what the registry says.
        directory: the files; for a hub model the cache's snapshot, which may be absent.
        boundary: symbolic links may lead anywhere below it.
        adapters: what is added to it.
    """

    name: str
    entry: ModelEntry
    directory: Path
    boundary: Path
    adapters: tuple[LocatedAdapter, ...] = ()


class Models:
    """What names stand for here. Answers are remembered for the life of the object."""

    def __init__(self, registry: Registry, *, base: Path, home: Path, hub_cache: Path) -> None:
        """Take a registry whose relative directories start at ``base``; state goes below ``home``."""
        self.registry, self._base, self._home, self._hub = registry, base, home, hub_cache
        self._files: dict[str, ModelFiles | None] = {}
        self._resolved: dict[tuple[str, Kind], ResolvedModel] = {}

    @classmethod
    def from_settings(cls, settings: Settings) -> Models:
        """The installation's registry."""
        return cls(
            load_registry(settings.models_file),
            base=settings.models_file.parent,
            home=settings.home,
            hub_cache=settings.hub_cache,
        )

    def locate(self, name: str, kind: Kind | None = None) -> Located:
        """What a name stands for, without looking at files. Raises `ModelNotFound` for a name of no known form."""
        is_path = name.startswith((".", "/", "~")) and Path(name).expanduser().is_dir()
        name, *parts = [name] if is_path else name.split("+")
        found = self._locate(name, kind)
        if not parts:
            return found
        if found.entry.kind != "image":
            raise ModelError(f'model "{found.name}" makes {found.entry.kind}; adapters are for models of images')
        if len(parts) > MAX_ADAPTERS:
            raise ModelError(f'model "{found.name}" cannot take {len(parts)} adapters; {MAX_ADAPTERS} are the most')
        adapters = tuple(self.adapter(part) for part in parts)
        named = with_adapters(found.name, [(each.name, each.weight) for each in adapters])
        return replace(found, name=named, adapters=adapters)

    def adapter(self, part: str) -> LocatedAdapter:
        """What ``adapter`` or ``adapter:weight`` stands for; raises as `locate` does."""
        name, colon, text = part.rpartition(":")
        name = name if colon else part
        try:
            weight = float(text) if colon else 1.0
        except ValueError:
            weight = math.nan
        if not -MAX_WEIGHT <= weight <= MAX_WEIGHT:
            raise ModelError(f'adapter "{part}": its weight should be a number from -{MAX_WEIGHT} to {MAX_WEIGHT}')
        entry = self.registry.adapters.get(name)
        if entry is None and (match := _HUB_REFERENCE.fullmatch(name)):
            entry = AdapterEntry(source=match["repo"], revision=match["revision"], licence="see the adapter's page")
        if entry is None and name.startswith((".", "/", "~")):
            name = str(Path(name).expanduser().absolute())
            entry = AdapterEntry(source=name, licence="not stated")
        if entry is None:
            known = ", ".join(sorted(self.registry.adapters)) or "none"
            raise ModelNotFound(
                f'adapter "{name}" is not under adapters in models.yaml (which has {known}), nor a directory, nor '
                "org/name@<40-digit commit>"
            )
        if entry.is_directory:
            directory = boundary = (self._base / entry.source).absolute()
        else:
            directory, boundary = snapshot(self._hub, entry.source, entry.revision)
        return LocatedAdapter(name, entry, directory, boundary, weight)

    def _locate(self, name: str, kind: Kind | None) -> Located:
        if not name:
            if kind is None or kind not in self.registry.defaults:
                raise ModelNotFound(
                    f"no default model for kind {kind}; name one, or add defaults.{kind} to models.yaml"
                )
            name = self.registry.defaults[kind]
        name = self.registry.aliases.get(name, name)
        entry = self.registry.models.get(name)
        if entry is None:
            by_source = [known for known, e in self.registry.models.items() if e.source == name and not e.is_directory]
            if by_source:
                name = by_source[0]
                entry = self.registry.models[name]
        if entry is None and (match := _HUB_REFERENCE.fullmatch(name)):
            entry = ModelEntry(
                kind=kind or "text", source=match["repo"], revision=match["revision"], licence="see the model's page"
            )
        if entry is None and name.startswith((".", "/", "~")):
            directory = Path(name).expanduser().absolute()
            name = str(directory)
            found = kind_of(directory) if directory.is_dir() else kind or "text"
            entry = ModelEntry(kind=found, source=name, licence="not stated")
        if entry is None:
            if re.fullmatch(HUB_NAME, name):
                raise ModelNotFound(
                    f'model "{name}" needs its revision: write {name}@<40-digit commit>, or add it to models.yaml'
                )
            known = ", ".join(sorted([*self.registry.models, *self.registry.aliases]))
            raise ModelNotFound(
                f'model "{name}" is not in models.yaml (which has {known}), nor a directory, nor org/name'
            )
        if entry.is_directory:
            directory = (self._base / entry.source).absolute()
            return Located(name, entry, directory, directory)
        return Located(name, entry, *snapshot(self._hub, entry.source, entry.revision))

    def resolve(self, name: str, kind: Kind) -> ResolvedModel:
        """A `galley.items.ResolveModel`: the name's model of this kind, safe to load and digested."""
        known = self._resolved.get((name, kind))
        if known is None:
            found = self.locate(name, kind)
            if found.entry.kind != kind:
                raise ModelError(
                    f'model "{found.name}" makes {found.entry.kind}, not {kind}; name a model of kind {kind}'
                )
            known = ResolvedModel(
                name=found.name,
                kind=kind,
                digest=self._digest(found),
                engine=found.entry.engine,
                defaults=dict(found.entry.params),
            )
            self._resolved[name, kind] = known
        return known

    def source(self, name: str, kind: Kind | None = None) -> ModelSource:
        """Where a job finds the model and what it must be, for ``job.json``."""
        found = self.locate(name, kind)
        return ModelSource(
            name=found.name,
            source=str(found.directory) if found.entry.is_directory else found.entry.source,
            revision=found.entry.revision,
            digest=self._digest(found),
            adapters=tuple(
                AdapterSource(
                    name=each.name,
                    source=str(each.directory) if each.entry.is_directory else each.entry.source,
                    revision=each.entry.revision,
                    weight=each.weight,
                )
                for each in found.adapters
            ),
            engine=found.entry.engine,
            dtype=found.entry.dtype,
            max_batch_size=found.entry.max_batch_size,
        )

    def memory_bytes(self, name: str, kind: Kind | None = None) -> int:
        """Memory a job with this model asks for: as registered, or twice the weights and 1 GiB."""
        found = self.locate(name, kind)
        if found.entry.memory_gib:
            return int(found.entry.memory_gib * 2**30)
        files = self.files(found)
        return 2**30 + (2 * files.weight_bytes if files else 4 * 2**30)

    def files(self, found: Located) -> ModelFiles | None:
        """The model's files, inspected; None for a hub model that is not in the cache."""
        if found.name not in self._files:
            absent = not found.entry.is_directory and not found.directory.is_dir()
            self._files[found.name] = (
                None
                if absent
                else inspect(found.directory, boundary=found.boundary, cache=self._home / "cache" / "sha256")
            )
        files = self._files[found.name]
        if files is not None and files.kind != found.entry.kind:
            raise ModelError(
                f'model "{found.name}" is of kind {files.kind} ("{found.directory}"), not {found.entry.kind}'
            )
        return files

    def _digest(self, found: Located) -> Sha256:
        cache = self._home / "cache" / "sha256"
        adapters = [
            inspect_adapter(each.directory, weight=each.weight, boundary=each.boundary, cache=cache)
            for each in found.adapters
        ]
        return adapted_digest(self._own_digest(found), adapters)

    def _own_digest(self, found: Located) -> Sha256:
        files = self.files(found)
        if found.entry.is_directory and files is not None:
            return files.digest
        pinned = self.pinned(found)
        if files is None and pinned is None:
            raise ModelNotFound(
                f'model "{found.name}" ({found.entry.source} at {found.entry.revision}) is not in {self._hub}; '
                f"run: galley models pull {found.name} (the one step that needs the network)"
            )
        if files is not None and pinned is not None and files.digest != pinned:
            raise ModelRefused(
                f'model "{found.name}": its files in {found.directory} have the digest {files.digest}, not {pinned} as '
                f"when it was pulled; remove {found.boundary} and pull it again"
            )
        return files.digest if files is not None else str(pinned)

    def pinned(self, found: Located) -> str | None:
        """The digest that a pull recorded, or None."""
        path = self._pin(found)
        try:
            return str(json.loads(path.read_bytes())["digest"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelRefused(
                f'record "{path}" is not readable ({error}); remove it and pull the model again'
            ) from error

    def pin(self, found: Located, files: ModelFiles) -> None:
        """Record what was pulled; raises `ModelRefused` where other bytes were recorded before."""
        before = self.pinned(found)
        if before is not None and before != files.digest:
            raise ModelRefused(
                f'model "{found.name}": pulled files have the digest {files.digest}, but {before} was recorded in '
                f'"{self._pin(found)}"; find out which is right before removing the record'
            )
        path = self._pin(found)
        path.parent.mkdir(parents=True, exist_ok=True)
        record = {
            "source": found.entry.source,
            "revision": found.entry.revision,
            "digest": files.digest,
            "size": files.size,
            "files": dict(files.files),
        }
        write_atomically(path, json.dumps(record, indent=1, sort_keys=True).encode())

    def _pin(self, found: Located) -> Path:
        return self._home / "models" / f"{found.entry.source.replace('/', '--')}@{found.entry.revision}.json"


def snapshot(hub_cache: Path, repo: str, revision: str) -> tuple[Path, Path]:
    """Directory of a hub snapshot in the hub library's cache, and the repository's directory that its links stay in."""
    boundary = hub_cache / f"models--{repo.replace('/', '--')}"
    return boundary / "snapshots" / revision, boundary


def verified_directory(source: ModelSource, hub_cache: Path) -> ModelFiles:
    """What a worker does before loading: read every byte and compare with the job's digest.

    Raises `ModelNotFound` where the files are not here, `ModelRefused` where they are not what the job says.
    """

    def place(each: ModelSource | AdapterSource) -> tuple[Path, Path]:
        if not each.revision:
            return Path(each.source), Path(each.source)
        directory, boundary = snapshot(hub_cache, each.source, each.revision)
        if not directory.is_dir():
            raise ModelNotFound(
                f'model "{each.name}" ({each.source} at {each.revision}) is not in the cache {hub_cache}; '
                f"run: galley models pull {each.name}"
            )
        return directory, boundary

    directory, boundary = place(source)
    files = inspect(directory, boundary=boundary)
    adapters = [(place(each), each.weight) for each in source.adapters]
    files = replace(
        files, adapters=tuple(inspect_adapter(at, weight=weight, boundary=fence) for (at, fence), weight in adapters)
    )
    if files.digest != source.digest:
        raise ModelRefused(
            f'model "{source.name}": the files in {directory} have the digest {files.digest}, the job wants '
            f"{source.digest}; they changed after planning, plan again"
        )
    return files
