"""Collect: from briefs, a request file or a form to items, row by row; what is wrong becomes a reject.

Writes ``inputs/…``, ``items.jsonl``, ``rejects.jsonl``, ``policies.json`` and last ``run.json``. Again with the same
inputs it writes the same bytes (``started`` stays that of the first time). A daily run reads the briefs as they are
now; a run by hand is one of its file as it first read it, and an inbox run one of the copy that was made when it
claimed its file (`galley.stages.inbox`), so that a later re-execution needs no file outside.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from galley import strict_yaml
from galley.brief_files import LoadedBrief, brief_of, load_brief, load_briefs, parse_brief
from galley.briefs import Brief, due
from galley.complaints import did_you_mean, dotted, input_error, reject, show
from galley.compliance.policy import CompiledPolicy, PolicySet, load_policy
from galley.errors import InputError, IntegrityError, ObjectNotFound
from galley.expansion import expand
from galley.items import Item, Reject, ResolveModel, derive_seed, digest, run_name
from galley.requests import read_requests
from galley.settings import Settings
from galley.stages.pictures import Pictures
from galley.stages.run import LineSpool, RunFiles, RunRecord, Source
from galley.stages.sources import copy_name, fingerprint, is_brief, local_path
from galley.storage.zones import Zones

FORM_KEYS = frozenset(
    {"brief", "text", "source", "fingerprint", "kind", "model", "count", "variants", "seed", "policy"}
)
"""Params of `on_demand_content`; any other key of a run's conf is refused by name."""
BROWSER_BITS = 53
"""Of integers that JavaScript, and so Airflow's form, keeps exactly."""
_FIELD = re.compile(rf"(?:{'|'.join(Brief.model_fields)}):(?:\s|$)")


@dataclass(frozen=True)
class Trigger:
    """What started a run.

    Attributes:
        dag_id: of Airflow.
        run_id: of Airflow.
        content_date: see `galley.stages.content_date`.
        params: Params of a run by hand; None for any other.
        conf_keys: keys of the run's conf as given, which the REST API does not check.
        file: the run's copy of the request file that it claimed; None for any run that is none of the inbox. With
            neither, a run is one of the briefs that are due.
        brief: of the folder in which that file lay, or empty.
    """

    dag_id: str
    run_id: str
    content_date: date
    params: Mapping[str, Any] | None = None
    conf_keys: Collection[str] = ()
    file: Source | None = None
    brief: str = ""

    @property
    def run(self) -> str:
        """The run's name."""
        return run_name(self.dag_id, self.run_id)


def check_conf(dag_id: str, keys: Collection[str], known: Collection[str] = ()) -> None:
    """Raise `InputError` where a run's conf has keys that mean nothing to its DAG."""
    if unknown := sorted(set(keys) - set(known)):
        rule = f"is not a parameter of {dag_id}{did_you_mean(unknown[0], known)}"
        raise InputError("conf", ", ".join(unknown), "", rule)


def collect(
    trigger: Trigger, settings: Settings, zones: Zones, resolve_model: ResolveModel, now: datetime
) -> RunRecord:
    """Make the run's items.

    Args:
        trigger: what started the run.
        settings: where briefs and policies lie.
        zones: the run is written to the work zone.
        resolve_model: see `galley.items.ResolveModel`.
        now: when this is, aware; the run's ``started`` where it is the first time.

    Raises:
        InputError: a run by hand asks for something that cannot be: an unknown key, no source, a file that is gone.
    """
    check_conf(trigger.dag_id, trigger.conf_keys, FORM_KEYS if trigger.params is not None else ())
    files = RunFiles(zones.work, trigger.run)
    before = files.read("run.json", RunRecord)
    # What a person or a file asked for is made of what was there then; a daily run reads everything as it is now.
    daily = trigger.params is None and trigger.file is None
    pictures = Pictures(files, zones, before.sources if before and not daily else ())
    collection = _Collection(trigger, settings, files, resolve_model, pictures, before)
    collection.gather()
    record = RunRecord(
        run=trigger.run,
        dag_id=trigger.dag_id,
        run_id=trigger.run_id,
        content_date=trigger.content_date,
        started=before.started if before else now,
        conf={key: value for key, value in (trigger.params or {}).items() if value not in (None, "", [])},
        seed=collection.seed,
        fingerprint=collection.fingerprint,
        sources=(*collection.sources, *pictures.sources),
        arms=collection.arms,
        items=collection.items.count,
        rejects=collection.rejects.count,
        models=dict(sorted(collection.models.items())),
        runtimes=tuple(sorted(collection.runtimes)),
        warnings=dict(collection.warnings.most_common(100)),
    )
    files.write("run.json", record)
    return record


@dataclass
class _Collection:
    """One execution of collect: what it has seen so far."""

    trigger: Trigger
    settings: Settings
    files: RunFiles
    resolve_model: ResolveModel
    pictures: Pictures
    before: RunRecord | None
    seed: int | None = None
    fingerprint: str = ""
    sources: list[Source] = field(default_factory=list)
    arms: dict[str, dict[str, float]] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    runtimes: set[str] = field(default_factory=set)
    warnings: Counter[str] = field(default_factory=Counter)
    last_row: tuple[str, int] | None = None
    policies: dict[str, CompiledPolicy | InputError] = field(default_factory=dict)

    def gather(self) -> None:
        scratch = self.settings.home / "tmp"
        with LineSpool(scratch) as self.items, LineSpool(scratch) as self.rejects:
            params = self.trigger.params
            if self.trigger.file is not None:
                self._claimed(self.trigger.file)
            elif params is None:
                self._daily()
            else:
                asked = [name for name in ("source", "brief", "text") if params.get(name)]
                if len(asked) != 1:
                    rule = "give exactly one of source, brief and text" + (
                        f", not {' and '.join(asked)}" if asked else ""
                    )
                    raise InputError("form", "", "", rule)
                if asked == ["source"]:
                    self._file(params)
                else:
                    self._form(params)
            self.items.put(self.files, "items.jsonl")
            self.rejects.put(self.files, "rejects.jsonl")
        used = {name: policy for name, policy in self.policies.items() if isinstance(policy, CompiledPolicy)}
        self.files.work.put(self.files.key("policies.json"), PolicySet(policies=dict(sorted(used.items()))).to_bytes())

    def _daily(self) -> None:
        briefs, rejects = load_briefs(self.settings.briefs_dir, relative_to=_base(self.settings))
        self._take(rejects)
        for loaded in briefs:
            if due(loaded.brief, self.trigger.content_date):
                self._brief(loaded)

    def _claimed(self, file: Source) -> None:
        self.fingerprint = file.sha256
        self.sources.append(file)
        try:
            self._requests(file, self.trigger.brief)
        except InputError as error:  # the folder is no brief
            self._take([reject(file.name, None, error)])

    def _file(self, params: Mapping[str, Any]) -> None:
        kept = self._kept(str(params.get("fingerprint") or ""))
        if kept:
            self.fingerprint = self.before.fingerprint if self.before else ""
            self.sources = list(kept)
        else:
            path = local_path(str(params["source"]))
            self.fingerprint = fingerprint(path)
            if (expected := params.get("fingerprint")) and expected != self.fingerprint:
                rule = "has changed since this run was asked for; ask again to run it as it is now"
                raise InputError("form", "source", str(path), rule)
            self._copy(path)
        main = self.sources[0]
        if main.kind == "brief":
            tables = {Path(source.key).name: source for source in self.sources[1:]}
            try:
                loaded = parse_brief(
                    self._input(main), main.name, read_table=lambda name: self._input(tables[copy_name(name)])
                )
                loaded = _changed(loaded, self._otherwise(params))
            except InputError as error:
                self._take([reject(main.name, None, error)])
            else:
                self._brief(loaded, keep=False)
        elif said := sorted(self._otherwise(params)):
            rule = f"means nothing to a request file ({main.name}), whose rows say it themselves; leave it empty"
            raise InputError("form", said[0], show(params[said[0]]), rule)
        else:
            self._requests(main)

    def _kept(self, wanted: str) -> tuple[Source, ...]:
        """The inputs that an earlier execution of this run copied, where they are whole and what is wanted."""
        before = self.before
        if before is None or not before.sources or (wanted and wanted != before.fingerprint):
            return ()
        own = tuple(source for source in before.sources if source.kind != "image")
        for source in own:
            try:
                with self.files.work.open(self.files.key(source.key), sha256=source.sha256) as stream:
                    while stream.read(1 << 20):
                        pass
            except (ObjectNotFound, IntegrityError):
                return ()
        return own

    def _copy(self, path: Path) -> None:
        name = _shown(path, self.settings)
        if is_brief(path.name):
            data = {path.name: path.read_bytes()}
            with suppress(InputError):  # said by the caller, who reads the copy
                data = dict(load_brief(path, source=name).files)
            for file, content in data.items():
                self._keep(name if file == path.name else file, "brief", file, content)
            return
        with path.open("rb") as stream:
            written = self.files.work.put(self.files.key("inputs", copy_name(path.name)), stream)
        key = f"inputs/{copy_name(path.name)}"
        self.sources.append(Source(name=name, kind="requests", key=key, sha256=written.sha256))

    def _keep(self, name: str, kind: Any, file: str, content: bytes) -> None:
        key = f"inputs/{copy_name(file)}"
        self.files.work.put(self.files.key(key), content)
        self.sources.append(Source(name=name, kind=kind, key=key, sha256=hashlib.sha256(content).hexdigest()))

    def _input(self, source: Source) -> bytes:
        return self.files.work.get(self.files.key(source.key), sha256=source.sha256)

    def _requests(self, source: Source, brief: str = "") -> None:
        loaded, _ = load_briefs(self.settings.briefs_dir, relative_to=_base(self.settings))
        briefs = {each.brief.name: each.brief for each in loaded}
        with self.files.work.open(self.files.key(source.key), sha256=source.sha256) as stream:
            for line in read_requests(
                stream,
                source.name,
                run=self.trigger.run,
                content_date=self.trigger.content_date,
                resolve_model=self.resolve_model,
                resolve_image=self.pictures,
                briefs=briefs,
                brief=brief,
                identity=source.sha256,
                scratch=self.settings.home / "tmp",
            ):
                if isinstance(line, Item):
                    known = briefs.get(line.brief)
                    self._arms(line.experiment, known)
                    problem = self._policy_problem(line.policy)
                    if problem is not None:
                        rule = f"policy of brief {line.brief} cannot be used: {problem}"
                        error = InputError(source.name, "brief", line.policy, rule)
                        self._take([reject(source.name, line.origin.line, error, line.custom_id)])
                        continue
                self._take([line])

    def _form(self, params: Mapping[str, Any]) -> None:
        if params.get("seed") is not None:
            self.seed = int(params["seed"])
        elif self.before is not None and self.before.seed is not None:
            self.seed = self.before.seed
        else:
            # From the run id: triggering again makes something new, clearing the run the same. A number that browsers
            # keep, for it is to be given back in the form.
            derived = derive_seed("form", self.trigger.dag_id, self.trigger.run_id)
            self.seed = derived >> (63 - BROWSER_BITS)
        try:
            loaded = self._asked(params)
        except InputError as error:
            self._take([reject("form", None, error)])
            return
        self._brief(loaded)

    def _asked(self, params: Mapping[str, Any]) -> LoadedBrief:
        """The brief that a form describes: a named one or a text, with what the form says otherwise."""
        text = str(params.get("text") or "")
        if params.get("brief"):
            briefs, _ = load_briefs(self.settings.briefs_dir, relative_to=_base(self.settings))
            named = {each.brief.name: each for each in briefs}
            if params["brief"] not in named:
                raise InputError(
                    "form",
                    "brief",
                    str(params["brief"]),
                    f"is not a brief here{did_you_mean(str(params['brief']), named)}",
                )
            return _changed(named[params["brief"]], self._otherwise(params))
        document = _yaml_brief(text)
        data = document or {"name": "form", "prompt": text, "kind": params.get("kind") or "image"}
        return brief_of(_with(data, self._otherwise(params)), "form")

    def _otherwise(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """What the form says otherwise than the brief, by its fields."""
        names = ("model", "count", "variants", "policy")
        found = {name: params[name] for name in names if params.get(name) not in (None, "", [])}
        seed = self.seed if self.seed is not None else params.get("seed")
        return found if seed is None else found | {"seed": seed, "seed_policy": "fixed"}

    def _brief(self, loaded: LoadedBrief, *, keep: bool = True) -> None:
        if keep:
            for file, content in loaded.files.items():
                self._keep(
                    loaded.source if file == Path(loaded.source).name else file,
                    "brief",
                    f"{loaded.brief.name}-{file}",
                    content,
                )
        try:
            problem = self._policy_problem(loaded.brief.policy)
            if problem is not None:
                raise loaded.error(("policy",), loaded.brief.policy, f"cannot be used: {problem}")
            lines = expand(
                loaded,
                run=self.trigger.run,
                content_date=self.trigger.content_date,
                resolve_model=self.resolve_model,
                resolve_image=self.pictures,
            )
        except InputError as error:
            self._take([reject(loaded.source, None, error)])
            return
        self._arms(loaded.brief.experiment_name, loaded.brief)
        self._take(lines)

    def _take(self, lines: Iterable[Item | Reject] | Iterator[Item | Reject] | list[Reject]) -> None:
        for line in lines:
            if isinstance(line, Reject):
                self.rejects.add(line)
                continue
            self.items.add(line)
            self.models.setdefault(line.request.model_digest, (line.request.model, line.request.kind))
            self.runtimes.add(line.runtime)
            # Of the items of one row, which stand together, the first speaks.
            if (row := (line.origin.source, line.origin.row)) != self.last_row:
                self.warnings.update(line.warnings)
                self.last_row = row

    def _arms(self, experiment: str, brief: Brief | None) -> None:
        if experiment not in self.arms:
            weights = {arm.name: arm.weight or 1.0 for arm in brief.arms} if brief else {"default": 1.0}
            whole = sum(weights.values())
            self.arms[experiment] = {name: weight / whole for name, weight in weights.items()}

    def _policy_problem(self, name: str) -> InputError | None:
        if name not in self.policies:
            try:
                self.policies[name] = load_policy(name, self.settings.policies_dir)
            except InputError as error:
                self.policies[name] = error
        found = self.policies[name]
        return found if isinstance(found, InputError) else None


def _changed(found: LoadedBrief, otherwise: Mapping[str, Any]) -> LoadedBrief:
    """The brief with what a form says otherwise."""
    if not otherwise:
        return found
    data = _with(found.brief.model_dump(mode="json", exclude_unset=True), otherwise)
    try:
        brief = Brief.model_validate_json(json.dumps(data), strict=True)
        brief.check_names(tuple(found.rows[0].values))
    except (ValidationError, PydanticCustomError) as error:
        raise _form_error(error, data) from error
    return LoadedBrief(brief, found.source, found.rows, found.files, found.document)


def _with(data: Mapping[str, Any], otherwise: Mapping[str, Any]) -> dict[str, Any]:
    """A brief's fields with what a form says otherwise; other variants are another experiment, with arms of its own."""
    changed = {**data, **otherwise}
    if "variants" in otherwise:
        experiment = str(data.get("experiment") or data.get("name") or "form")
        changed["experiment"] = f"{experiment[:54]}-{digest(otherwise['variants'])[:8]}"
    return changed


def _form_error(error: ValidationError | PydanticCustomError, data: Mapping[str, Any]) -> InputError:
    if isinstance(error, ValidationError):
        return input_error("form", error, data, known=Brief.model_fields)
    context = error.context or {}
    return InputError("form", dotted(context["path"]), show(context["value"]), context["rule"])


def _yaml_brief(text: str) -> dict[str, Any] | None:
    """A whole brief where the text is one (a mapping with a prompt), else None: then it is a prompt itself.

    Raises `InputError` for lines that begin as those of a brief do and are none.
    """
    meant = "\n" in text.strip() and any(_FIELD.match(line) for line in text.splitlines())
    try:
        data = strict_yaml.read(text, "form").data
    except InputError:
        if meant:
            raise
        return None
    if isinstance(data, Mapping) and (meant or "prompt" in data):
        return dict(data)
    if meant:
        rule = "has fields of a brief and is none; write a mapping, or a prompt without such lines"
        raise InputError("form", "text", show(text), rule)
    return None


def _base(settings: Settings) -> Path:
    return settings.root if settings.briefs_dir.is_relative_to(settings.root) else settings.briefs_dir


def _shown(path: Path, settings: Settings) -> str:
    return str(path.relative_to(settings.root)) if path.is_relative_to(settings.root) else str(path)
