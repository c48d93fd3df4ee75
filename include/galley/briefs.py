"""Briefs: what a content team writes. The strict schema, and when a brief is due. Pure.

A `Brief` is always whole: whatever can be known to be wrong without looking elsewhere is refused when it is made.
`galley.brief_files` reads briefs from YAML, `galley.expansion` makes items of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from galley import templates
from galley.complaints import Path, input_error, refuse, show
from galley.errors import InputError
from galley.items import ENGINES, PARAMS, Frozen, Kind, Params, Seed, Slug, TextParams, derive_seed
from galley.variants import Split

MAX_ROWS = 100_000
"""Rows of a brief's variables, and items of a brief per variant."""
MAX_CELL = 10_000
"""Characters of a variable's value."""
BUILT_IN = frozenset({"content_date"})
"""Variables that every template may use; ``prompt`` as well in the templates of variants."""

VARIABLE = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
"""What a variable may be called."""

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_SHORT = {day[:3]: day for day in _WEEKDAYS}


def _weekday(value: object) -> object:
    return _SHORT.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _cell(value: object) -> object:
    if not isinstance(value, str | int | float):
        raise ValueError("should be a text, a number or true/false")
    if isinstance(value, str) and len(value) > MAX_CELL:
        raise ValueError(f"is longer than {MAX_CELL} characters")
    return value


def _template(text: str) -> str:
    templates.compiled(text)
    return text


Cadence = Annotated[
    Annotated[Literal["daily", "weekdays", "manual"], Tag("word")]
    | Annotated[
        tuple[Annotated[Weekday, BeforeValidator(_weekday), WithJsonSchema({"enum": [*_WEEKDAYS, *_SHORT]})], ...],
        Field(min_length=1, max_length=7),
        Tag("days"),
    ],
    Discriminator(lambda value: "days" if isinstance(value, list | tuple) else "word"),
]
TemplateText = Annotated[str, StringConstraints(max_length=templates.MAX_LENGTH), AfterValidator(_template)]
Name = Annotated[str, StringConstraints(pattern=VARIABLE)]
Cell = Annotated[str | int | float | bool, BeforeValidator(_cell)]


def _form(value: object) -> str:
    return "csv" if isinstance(value, str) else "rows" if isinstance(value, list | tuple) else "product"


Variables = Annotated[
    Annotated[
        dict[Name, Annotated[tuple[Cell, ...], Field(min_length=1, max_length=10_000)]],
        Field(
            min_length=1,
            title="Product",
            description="Lists of values: every combination is a row, the last varies fastest.",
        ),
        Tag("product"),
    ]
    | Annotated[
        tuple[dict[Name, Cell], ...],
        Field(
            min_length=1, max_length=MAX_ROWS, title="Rows", description="One mapping per row, all with the same names."
        ),
        Tag("rows"),
    ]
    | Annotated[
        str,
        Field(
            min_length=1,
            title="CSV file",
            description="Path relative to the brief; the first line names the variables.",
        ),
        Tag("csv"),
    ],
    Discriminator(_form),
]
Model = Annotated[str, StringConstraints(max_length=300)]


class Adapter(Frozen):
    """A LoRA to add to the model."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^+]*$")] = Field(
        description="Name under `adapters` in models.yaml, a local directory, or org/name@commit."
    )
    weight: float = Field(1.0, ge=-4, le=4, description="How much of it.")


Adapters = Annotated[tuple[Adapter, ...], Field(max_length=4)]


class Variant(Frozen):
    """One arm of an experiment: a name, a share, and what it does otherwise than the brief."""

    name: Slug = Field(description="Name of the arm, as it appears in results.", examples=["steps-10"])
    weight: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of the rows, relative to the other weights; left out everywhere: equal shares.",
    )
    model: Model = Field("", description="Another model for this arm.", examples=["starter-image"])
    adapters: Adapters | None = Field(None, description="Other adapters for this arm; an empty list: none.")
    prompt: TemplateText | None = Field(
        None,
        description="Another template; `{{ prompt }}` stands for the brief's own.",
        examples=["{{ prompt }}, a poster"],
    )
    negative_prompt: TemplateText | None = Field(None, description="Another negative prompt (kind image).")
    init_image: TemplateText | None = Field(
        None, description="Another picture to begin with (kind image); empty: none."
    )
    params: dict[str, Any] = Field({}, description="Sampling parameters that replace the brief's.")
    engine: str = Field("", max_length=40, description="Another engine for this arm.", examples=["slots"])


def _schema_of_params(schema: dict[str, Any]) -> None:
    """Let editors know which params a kind has."""
    by_kind = []
    for kind, model in PARAMS.items():
        params = model.model_json_schema()
        del params["title"]
        where = {"params": params, "variants": {"items": {"properties": {"params": params}}}}
        by_kind.append({"if": {"properties": {"kind": {"const": kind}}}, "then": {"properties": where}})
    schema["allOf"] = by_kind


class Brief(Frozen):
    """What to make, how often and how much of it, in which variants, and under which policy."""

    model_config = ConfigDict(json_schema_extra=_schema_of_params, title="Galley brief")

    name: Slug = Field(description="Lower-case name, unique among the briefs.", examples=["daily-shapes"])
    description: str = Field("", max_length=2000, description="For people.")
    kind: Kind = Field(description="What to make.")
    cadence: Cadence = Field(
        "daily",
        description="`daily`, `weekdays` (Monday to Friday), a list of days, or `manual` (only when asked for).",
        examples=["daily", ["mon", "thu"]],
    )
    prompt: TemplateText = Field(
        description="Jinja2 template: `{{ name }}` of a variable, `{{ content_date }}`, if/else, a few filters.",
        examples=["a {{ size }} {{ colour }} circle"],
    )
    variables: Variables | None = Field(
        None,
        description="Values for the template: lists to combine, a list of rows, or a CSV file beside the brief.",
        examples=[
            {"colour": ["red", "blue"], "size": ["small", "large"]},
            [{"colour": "red", "size": "small"}],
            "rows.csv",
        ],
    )
    count: int | None = Field(
        None,
        ge=1,
        le=MAX_ROWS,
        description="Rows to make per run. Left out: every row of the variables once. More than there are rows: "
        "they are gone through again with new seeds. Fewer: a draw of that many, another one every "
        "content date (the same one with `seed_policy: fixed`).",
    )
    negative_prompt: TemplateText = Field(
        "", description="What to keep out of the picture (kind image); a template too."
    )
    init_image: TemplateText = Field(
        "",
        description="Picture to begin with (kind image), by its name below `images/` in the inbox; a template too. "
        "Empty: begin with noise. `params.strength` says how much of it may change.",
        examples=["jar.png", "{{ picture }}"],
    )
    model: Model = Field(
        "", description="Name in models.yaml, a local directory, or org/name; left out: the kind's default there."
    )
    adapters: Adapters = Field(
        (),
        description="LoRAs to add to the model (kind image), in order.",
        examples=[[{"model": "house-style", "weight": 0.8}]],
    )
    params: dict[str, Any] = Field(
        {}, description="Sampling parameters, named as in diffusers and transformers; left out: the model's defaults."
    )
    engine: str = Field(
        "",
        max_length=40,
        description="What makes its items: stock; slots or slots-fast (kind text), steps or steps-fast (kind image), "
        "which batch by themselves. Left out: as models.yaml says of the model.",
        examples=["slots"],
    )
    seed: Seed | None = Field(None, description="Left out: made from the brief's name.")
    seed_policy: Literal["per_run", "fixed"] = Field(
        "per_run", description="`per_run`: new items every content date; `fixed`: the same seeds every time."
    )
    experiment: Slug | None = Field(
        None, description="Name under which variants are compared; left out: the brief's name."
    )
    variants: tuple[Variant, ...] = Field(
        (), max_length=20, description="Arms of the experiment; left out: one, named `default`."
    )
    paired: bool = Field(False, description="Make every row in every variant, with the same seed, instead of in one.")
    policy: Slug = Field("default", description="Compliance policy: the name of a file in include/policies.")
    runtime: Literal["", "process", "docker", "kubernetes"] = Field(
        "", description="How its jobs are executed; left out: as the installation says."
    )
    embed_prompt: bool = Field(False, description="Write prompt and parameters into the published files.")

    @model_validator(mode="after")
    def _whole(self) -> Brief:
        self._check_params()
        self._check_variants()
        names: Sequence[str] = ()
        if isinstance(self.variables, Mapping):
            names = tuple(self.variables)
            rows = math.prod(len(values) for values in self.variables.values())
            if rows > MAX_ROWS:
                refuse(("variables",), rows, f"is the number of combinations; at most {MAX_ROWS} are allowed")
        elif isinstance(self.variables, tuple):
            names = tuple(self.variables[0])
            for index, row in enumerate(self.variables):
                if row.keys() != self.variables[0].keys():
                    refuse(("variables", index), row, f"must have the names of the first row: {', '.join(names)}")
        if not isinstance(self.variables, str):  # a CSV file's names are known when it is read
            self.check_names(names)
        return self

    def _check_params(self) -> None:
        holders: list[tuple[Path, Brief | Variant]] = [((), self)]
        holders += [(("variants", index), variant) for index, variant in enumerate(self.variants)]
        for path, holder in holders:
            for name in ("negative_prompt", "init_image", "adapters"):
                if getattr(holder, name) and self.kind != "image":
                    refuse((*path, name), getattr(holder, name), "is for kind image")
            if holder.engine and holder.engine not in ENGINES[self.kind]:
                rule = f"is no engine for kind {self.kind}; there are {', '.join(ENGINES[self.kind])}"
                refuse((*path, "engine"), holder.engine, rule)
            if holder.negative_prompt is not None and "negative_prompt" in holder.params and holder.negative_prompt:
                rule = "is given twice, here and as negative_prompt; keep one"
                refuse((*path, "params", "negative_prompt"), holder.params["negative_prompt"], rule)
            try:
                params_of(self.kind, holder.params)
            except InputError as error:
                at = tuple(part for part in error.field.split(".")[1:2] if part in holder.params)
                refuse((*path, "params", *at), error.value, error.rule)

        begun = any(holder.init_image for _, holder in holders)
        for path, holder in holders:
            if "strength" in holder.params and not begun:
                rule = "is for pictures that begin with an init_image"
                refuse((*path, "params", "strength"), holder.params["strength"], rule)

    def _check_variants(self) -> None:
        seen: set[str] = set()
        for index, variant in enumerate(self.variants):
            if variant.name in seen:
                refuse(("variants", index, "name"), variant.name, "is given to two variants; names must differ")
            seen.add(variant.name)
            if variant.weight is None and any(other.weight is not None for other in self.variants):
                rule = "is left out where other variants have one; give all a weight or none"
                refuse(("variants", index, "weight"), "", rule)
        if self.paired and len(self.variants) < 2:
            refuse(("paired",), True, "needs at least two variants")

    def check_names(self, names: Sequence[str]) -> None:
        """Raise pydantic's custom error where variables and templates do not go together.

        Args:
            names: of the variables.
        """
        for name in names:
            if name in BUILT_IN or name == "prompt":
                refuse(("variables",), name, "is the name of a built-in variable; choose another")
        for path, text, own in self.template_texts():
            unknown = sorted(templates.compiled(text).names - set(names) - BUILT_IN - own)
            if unknown:
                have = ", ".join(sorted({*names, *BUILT_IN, *own}))
                refuse(path, unknown[0], f"is a variable that the template uses and nothing gives; there are {have}")

    def template_texts(self) -> Iterator[tuple[Path, str, frozenset[str]]]:
        """Every template with its path and the variables it may use beside the brief's own and the built-in ones."""
        yield ("prompt",), self.prompt, frozenset()
        yield ("negative_prompt",), self.negative_prompt, frozenset()
        yield ("init_image",), self.init_image, frozenset()
        for index, variant in enumerate(self.variants):
            if variant.prompt is not None:
                yield ("variants", index, "prompt"), variant.prompt, frozenset({"prompt"})
            if variant.negative_prompt is not None:
                yield ("variants", index, "negative_prompt"), variant.negative_prompt, frozenset()
            if variant.init_image is not None:
                yield ("variants", index, "init_image"), variant.init_image, frozenset()

    @property
    def experiment_name(self) -> str:
        """The experiment's name: the brief's own where none is given."""
        return self.experiment or self.name

    @property
    def arms(self) -> tuple[Variant, ...]:
        """The variants, or the one variant ``default``."""
        return self.variants or (Variant(name="default"),)

    @property
    def split(self) -> Split:
        """How rows are shared out among the arms."""
        return Split.of({arm.name: arm.weight or 1.0 for arm in self.arms})

    @property
    def base_seed(self) -> int:
        """The brief's seed; made from its name where none is given."""
        return self.seed if self.seed is not None else derive_seed("brief", self.name)


def due(brief: Brief, content_date: date) -> bool:
    """Whether the daily run of ``content_date`` makes this brief."""
    if isinstance(brief.cadence, tuple):
        return _WEEKDAYS[content_date.weekday()] in brief.cadence
    return brief.cadence == "daily" or (brief.cadence == "weekdays" and content_date.weekday() < 5)


def params_of(kind: Kind, *layers: Mapping[str, Any]) -> Params:
    """Sampling parameters of ``kind`` from layers of plain values, of which later ones win.

    Types are strict: ``"30"`` and ``true`` are no numbers. Raises `InputError` with the field as ``params.…`` and
    without a source.
    """
    merged = {name: value for layer in layers for name, value in layer.items()}
    if isinstance(merged.get("stop"), list):
        merged["stop"] = tuple(merged["stop"])
    try:
        params = PARAMS[kind].model_validate(merged, strict=True)
    except ValidationError as error:
        raise input_error("", error, merged, known=PARAMS[kind].model_fields, within=("params",)) from None
    if isinstance(params, TextParams) and params.min_new_tokens > params.max_new_tokens:
        rule = f"is more than max_new_tokens, which is {params.max_new_tokens}"
        raise InputError("", "params.min_new_tokens", show(params.min_new_tokens), rule)
    return params


def brief_schema() -> dict[str, Any]:
    """The JSON Schema of a brief file, for editors; `galley brief schema` prints it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Brief.model_json_schema()}
