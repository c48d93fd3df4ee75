"""From briefs and request rows to items: seeds, arms, parameters, identities. Pure; models are resolved by a callable.

Seeds (`galley.items.derive_seed` is H)::

    per_run   H(brief seed, content date, item index)      fixed   H(brief seed, item index)
    request row without a seed   H(custom_id)              k-th of n, k >= 1   H(seed, k)

The variant enters none of them, so that arms are compared on common random numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from galley import templates
from galley.brief_files import LoadedBrief
from galley.briefs import Adapter, Brief, Variant, params_of
from galley.complaints import Path, reject, show
from galley.errors import InputError, ModelError
from galley.items import (
    ImageParams,
    Item,
    Kind,
    Message,
    Origin,
    Params,
    Reject,
    Request,
    ResolvedModel,
    ResolveImage,
    ResolveModel,
    Sha256,
    derive_seed,
    item_id,
    with_adapters,
)
from galley.templates import Scalar

MAX_PROMPT = 100_000
"""Characters of a prompt; `galley.items.Text` says the same."""


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A valid row of a request file, native or OpenAI's, before models and parameters are looked at.

    Attributes:
        custom_id: the caller's name for it, unique in its file.
        kind: what to make.
        prompt: the text, or "" where ``messages`` is given.
        messages: a chat.
        init_image: name of the picture to begin with; "" for none.
        model: name; "" for the kind's default.
        params: sampling parameters as given.
        seed: None: made from the custom_id.
        n: how many items to make.
        brief: whose policy, experiment and variants apply; "" for none.
        metadata: returned unchanged.
        warnings: what was ignored, in words.
        names: field of this row to the field as the file has it, for errors.
    """

    custom_id: str
    kind: Kind
    prompt: str = ""
    messages: tuple[Message, ...] = ()
    init_image: str = ""
    model: str = ""
    params: Mapping[str, Any] | None = None
    seed: int | None = None
    n: int = 1
    brief: str = ""
    metadata: Mapping[str, Any] | None = None
    warnings: tuple[str, ...] = ()
    names: Mapping[str, str] | None = None


def check_prompt(text: str, field: str) -> str:
    """``text`` if it can be a prompt. Raises `InputError` without a source."""
    if not text or text.isspace():
        raise InputError("", field, show(text), "is empty")
    if len(text) > MAX_PROMPT:
        raise InputError("", field, show(text), f"is {len(text)} characters long; at most {MAX_PROMPT} are allowed")
    return text


def no_images(name: str) -> Sha256:
    """The `ResolveImage` of who has no pictures: it refuses every name."""
    raise InputError("", "init_image", show(name), "cannot be looked up here")


def row_order(rows: int, count: int | None, seed: int, content_date: date | None) -> list[int]:
    """Which of a brief's ``rows`` each of its ``count`` items takes.

    All of them in order; over and over where there are fewer than ``count``; else a draw without replacement, the rows
    with the least H(seed, content date, "row", index), in their order.
    """
    if count is None:
        return list(range(rows))
    if count >= rows:
        return [index % rows for index in range(count)]
    when = content_date.isoformat() if content_date else ""
    return sorted(sorted(range(rows), key=lambda index: derive_seed(seed, when, "row", index))[:count])


def expand(
    loaded: LoadedBrief,
    *,
    run: str,
    content_date: date,
    resolve_model: ResolveModel,
    resolve_image: ResolveImage = no_images,
) -> Iterator[Item | Reject]:
    """A brief's items in one run, in order of rows; a row that cannot be used is a `Reject` and the others go on.

    Args:
        loaded: the brief with its rows.
        run: the run's name.
        content_date: the run's content date.
        resolve_model: see `galley.items.ResolveModel`.
        resolve_image: see `galley.items.ResolveImage`.

    Raises:
        InputError: at once, before the first item, where the brief is wrong as a whole (a model that cannot be used).
    """
    arms = _arms(loaded, resolve_model, resolve_image)
    return _expanded(loaded, arms, run, content_date)


@dataclass(frozen=True)
class _Arm:
    """A variant of a brief with everything that does not depend on the row."""

    name: str
    model: ResolvedModel
    engine: str
    prompt: templates.Template
    override: templates.Template | None
    negative: templates.Template | None
    init_image: templates.Template | None
    resolve_image: ResolveImage
    params: Params
    layers: tuple[Mapping[str, Any], ...]

    def request(self, kind: Kind, values: Mapping[str, Scalar], seed: int) -> Request:
        prompt = _filled(self.prompt, values, "prompt")
        if self.override is not None:
            prompt = _filled(self.override, {**values, "prompt": prompt}, "prompt")
        params = self.params
        if self.negative is not None:
            negative = _filled(self.negative, values, "negative_prompt", may_be_empty=True)
            params = params_of(kind, *self.layers, {"negative_prompt": negative})
        image = ""
        if self.init_image is not None:
            name = _filled(self.init_image, values, "init_image", may_be_empty=True)
            image = self.resolve_image(name) if name else ""
        return Request(
            kind=kind,
            model=self.model.name,
            model_digest=self.model.digest,
            prompt=prompt,
            params=_begun(params, image),
            engine=self.engine,
            seed=seed,
            init_image=image,
        )


def _begun(params: Params, image: str) -> Params:
    """The parameters with a strength only where there is a picture for it, as a model's defaults may have one."""
    if not isinstance(params, ImageParams):
        return params
    if not image:
        return params.model_copy(update={"strength": ImageParams.model_fields["strength"].default})
    if params.initial_steps < 1:
        rule = f"leaves none of {params.num_inference_steps} steps; raise it, or num_inference_steps"
        raise InputError("", "params.strength", show(params.strength), rule)
    return params


def _arms(loaded: LoadedBrief, resolve_model: ResolveModel, resolve_image: ResolveImage) -> dict[str, _Arm]:
    brief = loaded.brief
    arms = {}
    for index, variant in enumerate(brief.arms):
        at: Path = ("variants", index) if variant.model else ()
        name = _named(variant.model or brief.model, brief.adapters if variant.adapters is None else variant.adapters)
        try:
            model = resolve_model(name, brief.kind)
        except ModelError as error:
            raise loaded.error((*at, "model"), name, f"cannot be used: {error}") from error
        negative, layers = _layers(variant, model.defaults, brief.params, brief.negative_prompt)
        try:
            params = params_of(brief.kind, *layers)
        except InputError as error:
            where: Path = ("variants", index, "params") if variant.params else ("params",)
            raise loaded.error(where, error.value, f"{error.field} {error.rule}") from error
        override = templates.compiled(variant.prompt) if variant.prompt is not None else None
        base = templates.compiled(brief.prompt)
        engine = variant.engine or brief.engine or model.engine
        picture = brief.init_image if variant.init_image is None else variant.init_image
        arms[variant.name] = _Arm(
            name=variant.name,
            model=model,
            engine=engine,
            prompt=base,
            override=override,
            negative=negative,
            init_image=templates.compiled(picture) if picture else None,
            resolve_image=resolve_image,
            params=params,
            layers=layers,
        )
    return arms


def _named(model: str, adapters: Sequence[Adapter]) -> str:
    return with_adapters(model, [(each.model, each.weight) for each in adapters])


def _layers(
    variant: Variant, defaults: Mapping[str, Any], params: Mapping[str, Any], negative: str
) -> tuple[templates.Template | None, tuple[Mapping[str, Any], ...]]:
    """The negative prompt where it must be filled in for every row, and the layers of parameters, later ones first."""
    own = {} if not negative else {"negative_prompt": negative}
    its = {} if variant.negative_prompt is None else {"negative_prompt": variant.negative_prompt}
    layers = (defaults, params, own, variant.params, its)
    text = {name: value for layer in layers[2:] for name, value in layer.items()}.get("negative_prompt", "")
    # Only negative_prompt is a template; params.negative_prompt is taken as it stands.
    is_template = bool(its) or (bool(own) and "negative_prompt" not in variant.params)
    return (templates.compiled(text) if is_template and "{" in text else None), layers


def _filled(
    template: templates.Template, values: Mapping[str, Scalar], field: str, *, may_be_empty: bool = False
) -> str:
    try:
        text = template.render(values)
    except templates.Refused as error:
        raise InputError("", field, template.text, str(error)) from error
    if not text and not may_be_empty:
        raise InputError("", field, template.text, "is empty once its variables are filled in")
    if len(text) > MAX_PROMPT:
        rule = f"is {len(text)} characters long once filled in; at most {MAX_PROMPT} are allowed"
        raise InputError("", field, template.text, rule)
    return text


def _expanded(loaded: LoadedBrief, arms: dict[str, _Arm], run: str, content_date: date) -> Iterator[Item | Reject]:
    brief, split = loaded.brief, loaded.brief.split
    dated = content_date if brief.seed_policy == "per_run" else None
    when = content_date.isoformat()
    for index, chosen in enumerate(row_order(len(loaded.rows), brief.count, brief.base_seed, dated)):
        row = loaded.rows[chosen]
        if row.problem is not None:
            yield reject(row.source, row.line, row.problem)
            continue
        seed = derive_seed(brief.base_seed, when, index) if dated else derive_seed(brief.base_seed, index)
        unit = f"{when}/{index}"
        names = list(arms) if brief.paired else [split.arm(brief.experiment_name, unit)]
        values = {**row.values, "content_date": when}
        try:
            # All arms before the first item: a row that fails in one arm would leave half a pair.
            requests = {name: arms[name].request(brief.kind, values, seed) for name in names}
        except InputError as error:
            yield reject(row.source, row.line, error)
            continue
        for name, request in requests.items():
            yield Item(
                item_id=item_id(run, brief.name, index, name),
                run=run,
                content_date=content_date,
                custom_id=f"{brief.name}-{index:04d}",
                brief=brief.name,
                experiment=brief.experiment_name,
                variant=name,
                unit=unit,
                policy=brief.policy,
                runtime=brief.runtime,
                embed_prompt=brief.embed_prompt,
                request=request,
                origin=Origin(source=row.source, line=row.line, row=index),
                metadata=dict(row.values),
            )


class Rows:
    """Makes items of request rows; one object per file.

    Args:
        run: the run's name.
        content_date: the run's content date.
        resolve_model: see `galley.items.ResolveModel`.
        resolve_image: see `galley.items.ResolveImage`.
        briefs: briefs that rows may name.
        source: the file as a person knows it.
        identity: what item ids are made from in place of the source, so that they do not change with its path.
    """

    def __init__(
        self,
        *,
        run: str,
        content_date: date,
        resolve_model: ResolveModel,
        briefs: Mapping[str, Brief],
        source: str,
        identity: str,
        resolve_image: ResolveImage = no_images,
    ) -> None:
        self._run, self._date, self._briefs = run, content_date, briefs
        self._source, self._identity = source, identity
        self._resolve = functools.lru_cache(maxsize=1024)(resolve_model)
        self._resolve_image = resolve_image
        self._splits = {name: brief.split for name, brief in briefs.items()}
        self._variants = {name: {arm.name: arm for arm in brief.arms} for name, brief in briefs.items()}

    def items(self, row: RequestRow, *, line: int, index: int) -> Sequence[Item]:
        """All items of one row: its variants times its ``n``.

        Args:
            row: the row.
            line: 1-based line in the file.
            index: 0-based index among the file's rows.

        Raises:
            InputError: with field, value and rule, without a source.
        """
        brief = self._brief(row)
        base = row.seed if row.seed is not None else derive_seed(row.custom_id)
        variants: Sequence[Variant] = (_DEFAULT,)
        experiment = name = "requests"
        if brief is not None:
            name, experiment = brief.name, brief.experiment_name
            if brief.paired:
                variants = brief.arms
            else:
                variants = (self._variants[name][self._splits[name].arm(experiment, row.custom_id)],)
        items = []
        for variant in variants:
            model, params, prompt, image = self._made(row, variant)
            for number in range(row.n):
                request = Request(
                    kind=row.kind,
                    model=model.name,
                    model_digest=model.digest,
                    prompt=prompt,
                    messages=row.messages,
                    params=params,
                    engine=variant.engine or (brief.engine if brief else "") or model.engine,
                    seed=base if number == 0 else derive_seed(base, number),
                    init_image=image,
                )
                items.append(
                    Item(
                        item_id=item_id(self._run, self._identity, row.custom_id, variant.name, number),
                        run=self._run,
                        content_date=self._date,
                        custom_id=row.custom_id,
                        brief=name,
                        experiment=experiment,
                        variant=variant.name,
                        unit=row.custom_id,
                        policy=brief.policy if brief else "default",
                        runtime=brief.runtime if brief else "",
                        embed_prompt=brief.embed_prompt if brief else False,
                        request=request,
                        origin=Origin(source=self._source, line=line, row=index),
                        metadata=dict(row.metadata or {}),
                        warnings=row.warnings,
                    )
                )
        return items

    def _brief(self, row: RequestRow) -> Brief | None:
        if not row.brief:
            return None
        brief = self._briefs.get(row.brief)
        if brief is None:
            known = ", ".join(sorted(self._briefs)) or "none"
            raise InputError("", "brief", show(row.brief), f"is not the name of a brief here; there are: {known}")
        if brief.kind != row.kind:
            raise InputError("", "kind", row.kind, f'is not the kind of brief "{brief.name}", which is {brief.kind}')
        return brief

    def _arms(self, row: RequestRow) -> Sequence[Variant]:
        return self._briefs[row.brief].arms if row.brief else ()

    def _made(self, row: RequestRow, variant: Variant) -> tuple[ResolvedModel, Params, str, str]:
        name = _named(variant.model or row.model, variant.adapters or ())
        try:
            model = self._resolve(name, row.kind)
        except ModelError as error:
            raise InputError("", "model", show(name), f"cannot be used: {error}") from error
        values = {"prompt": row.prompt, "content_date": self._date.isoformat()}
        its = {}
        if variant.negative_prompt is not None:
            its["negative_prompt"] = _varied(variant, variant.negative_prompt, values, "negative_prompt")
        picture, own = row.init_image, row.params or {}
        if "strength" in own and not (picture or any(arm.init_image for arm in self._arms(row))):
            rule = "is for pictures that begin with an init_image, and the row has none"
            raise InputError("", "params.strength", show(own["strength"]), rule)
        if variant.init_image is not None:
            picture = _varied(variant, variant.init_image, values, "init_image")
        image = self._resolve_image(picture) if picture else ""
        params = _begun(params_of(row.kind, model.defaults, own, variant.params, its), image)
        if variant.prompt is None:
            return model, params, row.prompt, image
        if row.messages:
            raise InputError("", "messages", "", f'cannot take the prompt of variant "{variant.name}"; give a prompt')
        return model, params, _varied(variant, variant.prompt, values, "prompt"), image


def _varied(variant: Variant, text: str, values: Mapping[str, Scalar], field: str) -> str:
    template = templates.compiled(text)
    if unknown := sorted(template.names - values.keys()):
        rule = f'is a variable that the {field} of variant "{variant.name}" needs; request rows have only prompt'
        raise InputError("", "brief", unknown[0], rule)
    return _filled(template, values, field, may_be_empty=field != "prompt")


_DEFAULT = Variant(name="default")
