"""The wire contract: what passes between Airflow, the worker and the store. Pure data; strict, frozen, versioned.

Numbers have their units in their docstrings; times are aware and in UTC; sha256 are 64 hex digits.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

KEY_VERSION = 1
"""Version of the request key's canonical form; part of every key."""

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Seed = Annotated[int, Field(ge=0, lt=2**63)]
Text = Annotated[str, StringConstraints(max_length=100_000)]
Kind = Literal["image", "text"]
Decision = Literal["allow", "hold", "block"]
State = Literal["pending", "published", "held", "blocked", "failed", "withdrawn"]
MEDIA_TYPES: Mapping[str, tuple[str, str]] = {
    "image": ("image/png", "png"),
    "text": ("text/plain; charset=utf-8", "txt"),
}
"""Kind to media type and file extension of its artifacts."""


class Frozen(BaseModel):
    """Base of all contract models: unknown fields are errors, values never change, and no NaN gets in."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


# One encoder for all: json.dumps makes a new one at every call with options.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys, no spaces, UTF-8: equal values give equal bytes."""
    return _encode(value).encode()


def digest(value: object) -> str:
    """sha256 of the canonical JSON of ``value``."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def derive_seed(*parts: object) -> int:
    """H(parts): a seed in [0, 2**63) from the canonical JSON of the parts; stable over machines and versions."""
    return int.from_bytes(hashlib.sha256(canonical_json(list(parts))).digest()[:8], "big") >> 1


class Message(Frozen):
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"]
    content: Text


class ImageParams(Frozen):
    """Sampling parameters of an image, named as in diffusers. Defaults here are left out of request keys."""

    negative_prompt: Text = ""
    num_inference_steps: int = Field(30, ge=1, le=500, description="Denoising steps.")
    guidance_scale: float = Field(7.5, ge=0, le=100, description="1 and less: no guidance.")
    width: int = Field(512, ge=8, le=4096, multiple_of=8, description="Pixels.")
    height: int = Field(512, ge=8, le=4096, multiple_of=8, description="Pixels.")
    scheduler: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9]{1,60}Scheduler)?$")] = Field(
        "", description="diffusers class name; empty: the model's own."
    )
    strength: float = Field(
        0.8, gt=0, le=1, description="With an init_image: the share of the steps that are made on it; 1: all of them."
    )

    @property
    def initial_steps(self) -> int:
        """Steps that are made on an init_image, as diffusers counts them."""
        return min(int(self.num_inference_steps * self.strength), self.num_inference_steps)


TokenId = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,8})$")]


class TextParams(Frozen):
    """Sampling parameters of a text, named as in transformers. Defaults here are left out of request keys."""

    max_new_tokens: int = Field(64, ge=1, le=32_768, description="Tokens at most.")
    min_new_tokens: int = Field(0, ge=0, le=32_768, description="Tokens at least.")
    temperature: float = Field(1.0, ge=0, le=10, description="0: greedy.")
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0, le=1_000_000, description="0: off.")
    min_p: float = Field(0.0, ge=0, le=1)
    repetition_penalty: float = Field(1.0, gt=0, le=10)
    frequency_penalty: float = Field(
        0.0, ge=-2, le=2, description="Taken off a token's score for every time it was said, as OpenAI does."
    )
    presence_penalty: float = Field(0.0, ge=-2, le=2, description="Taken off the score of a token that was said.")
    no_repeat_ngram_size: int = Field(0, ge=0, le=100)
    logit_bias: dict[TokenId, Annotated[float, Field(ge=-100, le=100)]] = Field(
        {}, max_length=1024, description="Token id of this model's tokenizer to what is added to its score."
    )
    bad_words: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = Field(
        (), max_length=256, description="Words never to be said, as they stand and after a space."
    )
    stop: tuple[Annotated[str, StringConstraints(min_length=1, max_length=200)], ...] = Field(
        (), max_length=8, description="Texts that end the output; not part of it."
    )
    logprobs: int | None = Field(
        None,
        ge=0,
        le=20,
        description="Tell each token's log-probability and those of so many of the likeliest; left out: tell none. "
        "They are the model's own, before penalties, biases and temperature.",
    )


ENGINES: Mapping[Kind, tuple[str, ...]] = {
    "image": ("stock", "steps", "steps-fast", "echo"),
    "text": ("stock", "slots", "slots-fast", "echo"),
}
"""Names of engines by what they make; `galley.engines` says what each is."""
Params = ImageParams | TextParams
PARAMS: Mapping[str, type[ImageParams] | type[TextParams]] = {"image": ImageParams, "text": TextParams}


class Request(Frozen):
    """All that decides the output of an item, and nothing else.

    Attributes:
        kind: what to make.
        model: name in the registry, local directory or ``org/name``, as resolved at collect.
        model_digest: sha256 over the model's files; two names for the same bytes share keys.
        prompt: the text, or "" where ``messages`` is given.
        messages: a chat, to be rendered by the tokenizer's template.
        params: sampling parameters of this kind.
        engine: what makes it, one of `ENGINES`: engines draw other random numbers from the same seed.
        seed: of the item's own generator.
        init_image: sha256 of the picture that an image begins with; empty: it begins with noise.
    """

    kind: Kind
    model: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    model_digest: Sha256
    prompt: Text = ""
    messages: tuple[Message, ...] = ()
    params: Params
    engine: str = "stock"
    seed: Seed
    init_image: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""

    @model_validator(mode="before")
    @classmethod
    def _params_of_kind(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("params"), dict) and data.get("kind") in PARAMS:
            return {**data, "params": PARAMS[data["kind"]].model_validate(data["params"])}
        return data

    @model_validator(mode="after")
    def _whole(self) -> Request:
        if not isinstance(self.params, PARAMS[self.kind]):
            raise ValueError(f"params are not {PARAMS[self.kind].__name__}, which a request of kind {self.kind} needs")
        if bool(self.prompt) == bool(self.messages):
            raise ValueError("exactly one of prompt and messages must be given")
        if self.messages and self.kind != "text":
            raise ValueError("messages are for kind text")
        if self.init_image and self.kind != "image":
            raise ValueError("init_image is for kind image")
        if self.engine not in ENGINES[self.kind]:
            raise ValueError(f"engine {self.engine!r} is none for kind {self.kind}")
        return self

    @property
    def key(self) -> str:
        """The request key: sha256 of the canonical JSON without defaults and the model's name (its digest decides)."""
        fields = self.model_dump(mode="json", exclude_defaults=True, exclude={"model"})
        return digest({**fields, "key_version": KEY_VERSION})

    def told(self, *, defaults: bool = False) -> dict[str, Any]:
        """Sampling parameters as people are told of them, with ``defaults`` those too that nobody set.

        An image that began with a picture has ``init_image`` and ``strength`` among them, any other neither.
        """
        params = self.params.model_dump(mode="json", exclude_defaults=not defaults)
        params.pop("strength", None)
        if self.init_image and isinstance(self.params, ImageParams):
            params |= {"init_image": self.init_image, "strength": self.params.strength}
        return params

    @property
    def screened_text(self) -> str:
        """What prompt checks read: the prompt, or all turns of the chat. A negative prompt names what is unwanted."""
        if self.messages:
            return "\n".join(message.content for message in self.messages)
        return self.prompt


class ResolvedModel(Frozen):
    """What collect must know of a model to write a request: the registry's answer to a name.

    Attributes:
        name: as the registry (or the path, or ``org/name``) has it; aliases are resolved.
        kind: what it makes.
        digest: sha256 over its files.
        engine: what makes its items where the brief does not say otherwise.
        defaults: sampling parameters that hold where neither brief nor row says otherwise.
    """

    name: Annotated[str, StringConstraints(min_length=1, max_length=300)]
    kind: Kind
    digest: Sha256
    engine: str = "stock"
    defaults: dict[str, Any] = {}


ResolveImage = Callable[[str], Sha256]
"""Maps the name of a picture, as a person gives it, to the sha256 of its bytes; raises `galley.errors.InputError` for
``init_image``, without a source, where there is none that can be used."""
ResolveModel = Callable[[str, Kind], ResolvedModel]
"""Maps a name (``""``: the kind's default) and a kind to a model; raises `galley.errors.ModelError` where it cannot be
used, another kind included. It may be called often: implementations cache digests."""


class Origin(Frozen):
    """Where an item came from.

    Attributes:
        source: brief or request file as a person knows it.
        line: 1-based line in a request file, or None.
        row: 0-based index among the source's rows before ``n`` is expanded.
    """

    source: str
    line: int | None = None
    row: int = Field(ge=0)


class Item(Frozen):
    """One thing wanted in one run.

    Attributes:
        item_id: 16 hex digits over run, source, row or custom_id, variant and number within ``n``.
        run: run name, safe as a path.
        content_date: the run's content date.
        custom_id: the caller's name for it; made from brief and row where the source has none.
        brief: brief name, or ``requests``.
        experiment: experiment name; the brief's name where it has none of its own.
        variant: arm of the experiment.
        unit: what was assigned to the variant: content date and row, or custom_id.
        policy: name of the compliance policy.
        runtime: how to execute its job; empty: the installation's default.
        embed_prompt: whether the brief asks for prompt and parameters inside the published bytes.
        request: what decides the output.
        metadata: the caller's free JSON, returned unchanged.
        warnings: what collect ignored or cut, in words.
    """

    item_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    run: str
    content_date: date
    custom_id: Annotated[str, StringConstraints(min_length=1, max_length=512)]
    brief: Slug
    experiment: Slug
    variant: Slug
    unit: str
    policy: Slug
    runtime: str = ""
    embed_prompt: bool = False
    request: Request
    origin: Origin
    metadata: dict[str, Any] = {}
    warnings: tuple[str, ...] = ()


class Reject(Frozen):
    """A row that did not become an item: where it stands, what is wrong, and what would be right.

    Attributes:
        custom_id: the caller's name for the row, whose answer it gets; empty where there is none that can be read.
    """

    source: str
    line: int | None = None
    field: str = ""
    value: str = ""
    rule: str
    custom_id: str = ""

    def public(self) -> dict[str, Any]:
        """The fields of ``galley rejects``."""
        return self.model_dump(exclude={"custom_id"})


class Numerics(Frozen):
    """Everything beside the request that decides an artifact's bytes.

    Attributes:
        device: ``cpu`` or the GPU's name.
        dtype: of weights and activations.
        isa: CPU instruction set torch uses (``torch.backends.cpu.get_cpu_capability()``), empty on GPU.
        threads: intra-op CPU threads.
        versions: library name to version (torch, diffusers or transformers …).
        engine: one of `ENGINES`; those in ``-fast`` promise no equal bytes in other company.
        certificate: the row counts certified to give equal bits, ``rows 4,8,12``, of images ``rows 4,8,12; decode 2,4``
            with those of decoding latents; empty where there are none to certify.
        attention: implementation of a text's attention where it is not the model's default.
        layout: of weights: ``channels_last`` where an image model's convolutions have it, and ``compiled`` where they
            are; ``packed`` where linear layers and an image model's other convolutions are.
    """

    device: str
    dtype: str
    isa: str = ""
    threads: int = Field(ge=1)
    versions: dict[str, str]
    engine: str = "stock"
    certificate: str = ""
    attention: str = ""
    layout: str = ""

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON."""
        return digest(self.model_dump(mode="json"))


class Artifact(Frozen):
    """Bytes an engine made; immutable.

    Attributes:
        uri: where they lie in the work zone.
        sha256: of the bytes.
        size: bytes.
        media_type: of the bytes.
        numerics: what they were made under.
    """

    uri: str
    sha256: Sha256
    size: int = Field(ge=0)
    media_type: str
    numerics: Numerics


class Alternative(Frozen):
    """A token and how likely the model held it, in the words of OpenAI's API.

    Attributes:
        token: its text; U+FFFD where it is part of a character.
        bytes: its UTF-8 bytes; None where they cannot be known.
        logprob: natural logarithm of its probability; -9999 where that is 0.
    """

    token: str
    bytes: tuple[int, ...] | None
    logprob: float


class TokenLogprob(Alternative):
    """A token that was said, and the likeliest in its place, likeliest first."""

    top_logprobs: tuple[Alternative, ...] = ()


class Logprobs(Frozen):
    """What `logprobs_uri` holds: the tokens of a text, in order."""

    content: tuple[TokenLogprob, ...]


def logprobs_uri(artifact: Artifact, request_key: str) -> str:
    """Where the `Logprobs` of a text lie whose request asked for them: beside its job's artifacts, never published."""
    job, _, _ = artifact.uri.rpartition("/artifacts/")
    return f"{job}/logprobs/{request_key}-{artifact.sha256[:16]}.json"


class Failure(Frozen):
    """Why a request has no artifact: a stable kind for programs and a sentence for people."""

    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    message: str


class Result(Frozen):
    """What became of a request: an artifact and what making it took, or a failure.

    Attributes:
        seconds: wall time of the batch divided by its items.
        batch_size: items in its batch.
        evaluations: denoising steps or new tokens.
        prompt_tokens: tokens of the prompt, of texts; 0: not counted.
        prompt_truncated: the text encoder did not see the end of the prompt.
        attempt: which execution of the job wrote it.
    """

    request_key: Sha256
    status: Literal["ok", "failed"]
    artifact: Artifact | None = None
    failure: Failure | None = None
    seconds: float = Field(0.0, ge=0)
    batch_size: int = Field(0, ge=0)
    evaluations: int = Field(0, ge=0)
    prompt_tokens: int = Field(0, ge=0)
    prompt_truncated: bool = False
    finish_reason: Literal["", "stop", "length"] = ""
    attempt: str = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Result:
        if (self.artifact is None) == (self.status == "ok") or (self.failure is None) == (self.status == "failed"):
            raise ValueError("an ok result has an artifact and no failure, a failed one a failure and no artifact")
        return self


class Span(Frozen):
    """Part of a text, in characters of the original."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Reason(Frozen):
    """One cause of a decision: which check, what it found, where."""

    check: str
    decision: Decision
    detail: str
    score: float | None = None
    spans: tuple[Span, ...] = ()


class Verdict(Frozen):
    """What compliance says of one prompt or one artifact.

    Attributes:
        subject_sha256: of the prompt's UTF-8 bytes or of the artifact's bytes.
        policy_digest: sha256 of the policy.
        checkers_digest: sha256 over the checkers and their models.
        decision: the strictest of the reasons'; ``allow`` only where every required check answered.
        scores: check and class (``toxicity.threat``) to a number in [0, 1].
        complete: every required check gave a usable answer; one that is not complete is screened again when the job is.
    """

    subject_sha256: Sha256
    subject_kind: Literal["prompt", "artifact"]
    policy: Slug
    policy_digest: Sha256
    checkers_digest: Sha256
    decision: Decision
    scores: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    reasons: tuple[Reason, ...] = ()
    complete: bool = True

    @model_validator(mode="after")
    def _closed(self) -> Verdict:
        if self.decision == "allow" and not self.complete:
            raise ValueError("allow needs an answer of every required check")
        return self


class Resources(Frozen):
    """What a job asks of its runtime: CPU cores, bytes of memory, GPUs."""

    cpu: float = Field(1.0, gt=0)
    memory_bytes: int = Field(4 * 2**30, gt=0)
    gpu: int = Field(0, ge=0)


Dtype = Literal["float32", "bfloat16", "float16", "int8"]


def with_adapters(model: str, adapters: Iterable[tuple[str, float]]) -> str:
    """The name of a model with LoRAs added, ``model+adapter:weight+…``; a weight of 1 is left out.

    Everywhere a model is named, such a name will do. An adapted model is another model, with a digest of its own.
    """
    return model + "".join(f"+{name}" + (f":{weight:g}" if weight != 1 else "") for name, weight in adapters)


class AdapterSource(Frozen):
    """Where a LoRA's file is and what it must be.

    Attributes:
        name: name in the registry, or the path or repository as given.
        source: local directory, or ``org/name`` of a hub.
        revision: hub commit, empty for a directory.
        weight: how much of it is added to the model.
    """

    name: str
    source: str
    revision: str = ""
    weight: float = 1.0


class ModelSource(Frozen):
    """Where a model's files are and what they must be.

    Attributes:
        name: name in the registry, or the path or repository as given.
        source: local directory, or ``org/name`` of a hub.
        revision: hub commit, empty for a directory.
        digest: sha256 over the files, those of the adapters and their weights; loading refuses anything else.
        adapters: LoRAs that are added to it when it is loaded.
        engine: ``stock`` until another is asked for.
        dtype: of the weights; ``int8``, for texts only, is as `galley.engines.text.int8` has it.
        max_batch_size: rows of one forward at most, padding included; 0: what the engine finds best.
    """

    name: str
    source: str
    revision: str = ""
    digest: Sha256
    adapters: tuple[AdapterSource, ...] = ()
    engine: str = "stock"
    dtype: Dtype = "float32"
    max_batch_size: int = Field(0, ge=0)


class PlannedRequest(Frozen):
    """A request of a job under the key its results bear."""

    key: Sha256
    request: Request


class Job(Frozen):
    """One execution of the worker, as ``job.json`` says it. It reads what is named here and writes below ``prefix``.

    Attributes:
        job: name, unique in its run; also the label a runtime finds it by.
        run: run name.
        command: what the worker does.
        prefix: URI below which it writes.
        inputs: role to URI of the single objects it reads (``items``, ``requests``, ``results`` …).
        model: of generate jobs.
        batches: generate on a stock engine: indices into the requests, each inner tuple one batch, in order.
        threads: CPU threads to pin.
        settings: command-specific, JSON.
    """

    job: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,100}$")]
    run: str
    command: Literal["numerics", "screen_prompts", "generate", "screen", "publish"]
    prefix: str
    inputs: dict[str, str] = {}
    model: ModelSource | None = None
    batches: tuple[tuple[int, ...], ...] = ()
    threads: int = Field(2, ge=1)
    resources: Resources = Resources()
    settings: dict[str, Any] = {}


class Published(Frozen):
    """One published item, as a release lists it."""

    item_id: str
    custom_id: str
    brief: Slug
    variant: Slug
    request_key: Sha256
    uri: str
    sidecar_uri: str
    sha256: Sha256
    source_sha256: Sha256
    media_type: str
    approved_by: str = ""


class Withdrawn(Frozen):
    """An item taken back after it was published."""

    item_id: str
    by: str
    reason: str


class Release(Frozen):
    """``releases/<run>/<n>.json``: the highest number is the truth about what is published.

    Attributes:
        number: 1, 2, 3 … without gaps.
        previous_sha256: of the release before, or empty for the first.
        cause: ``publish``, ``approve``, ``reject`` or ``withdraw``, with who and why.
    """

    run: str
    number: int = Field(ge=1)
    previous_sha256: str = ""
    content_date: date
    cause: dict[str, str]
    published: tuple[Published, ...]
    withdrawn: tuple[Withdrawn, ...] = ()


_UNSAFE = re.compile(r"[^a-z0-9]+")


def slug(text: str, limit: int = 40) -> str:
    """Lower-case ASCII letters, digits and single hyphens; safe in paths, keys and labels."""
    return _UNSAFE.sub("-", text.lower()).strip("-")[:limit].strip("-") or "x"


def run_name(dag_id: str, run_id: str) -> str:
    """``slug(dag_id)--slug(run_id)--<8 hex>``: unique over DAGs, safe as a path."""
    return f"{slug(dag_id)}--{slug(run_id, 60)}--{digest([dag_id, run_id])[:8]}"


def item_id(run: str, source: str, row: int | str, variant: str, number: int = 0) -> str:
    """16 hex digits that name an item: the same run, source, row or custom_id, variant and number give the same."""
    return digest([run, source, row, variant, number])[:16]
