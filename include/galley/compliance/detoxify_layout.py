"""The directory layout of a Detoxify model that is loaded without pickle and without a network.

    model.safetensors   the checkpoint's ``state_dict`` under its own names
    config.json         the transformers configuration, ``num_labels`` as many as the checkpoint has outputs
    tokenizer files     tokenizer.json, tokenizer_config.json, vocab.txt … as the tokenizer class wants them
    detoxify.json       the manifest: the checkpoint's ``config`` part and the sha256 of every file above
    README.md           the card; decides no score and is in no digest

The manifest keeps what a Detoxify checkpoint says of itself, unchanged: ``config.arch.args`` (``model_type``,
``model_name``, ``tokenizer_name``, ``num_classes``) and ``config.dataset.args.classes``. The classes name the *first*
outputs: ``unbiased`` has 16 outputs and names 7. ``source`` says where the weights came from; for a converted
checkpoint that is its sha256.

This module needs no ML library.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from galley.errors import ModelNotFound, ModelRefused
from galley.model_files import CODE_KEYS, PICKLES, file_sha256

MANIFEST = "detoxify.json"
WEIGHTS = "model.safetensors"
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)
"""Files a tokenizer of Detoxify's families may need; nothing else is copied or loaded."""

# A manifest decides which classes of transformers are looked up by name: only these, the ones Detoxify's checkpoints
# use.
MODEL_CLASSES = tuple(f"{family}ForSequenceClassification" for family in ("Bert", "Albert", "Roberta", "XLMRoberta"))
TOKENIZER_CLASSES = tuple(
    f"{family}Tokenizer{speed}" for family in ("Bert", "Albert", "Roberta", "XLMRoberta") for speed in ("", "Fast")
)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ArchArgs(_Strict):
    """``config.arch.args`` of a Detoxify checkpoint."""

    model_type: str = Field(description="Base model the checkpoint was tuned from; a record, never loaded.")
    model_name: str = Field(description="Class of transformers, one of `MODEL_CLASSES`.")
    tokenizer_name: str = Field(description="Tokenizer class of transformers, one of `TOKENIZER_CLASSES`.")
    num_classes: int = Field(ge=1, le=1024, description="Outputs of the network, named or not.")


class DatasetArgs(_Strict):
    """The part of ``config.dataset.args`` that loading needs."""

    classes: tuple[str, ...] = Field(
        min_length=1, description="Names of the first outputs, as the checkpoint has them."
    )


class _Arch(_Strict):
    args: ArchArgs


class _Dataset(_Strict):
    args: DatasetArgs


class CheckpointConfig(_Strict):
    """The ``config`` part of a Detoxify checkpoint, as far as loading needs it."""

    arch: _Arch
    dataset: _Dataset


class Manifest(_Strict):
    """What ``detoxify.json`` holds."""

    layout: int = Field(1, ge=1, le=1, description="Version of this layout.")
    config: CheckpointConfig
    sha256: dict[str, str] = Field(description="File name to sha256, for every file that decides a score.")
    source: dict[str, str | int] = Field(default_factory=dict, description="Where the weights came from.")

    @property
    def digest(self) -> str:
        """Content digest of the model: sha256 over the canonical JSON of what decides its scores."""
        decides = {"config": self.config.model_dump(mode="json"), "layout": self.layout, "sha256": self.sha256}
        text = json.dumps(decides, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def validated_config(config: object, where: str) -> CheckpointConfig:
    """Check the ``config`` part of a checkpoint or manifest.

    Raises:
        ModelRefused: a part is missing, or names a class that Detoxify's checkpoints do not use.
    """
    try:
        arch = config["arch"]["args"]  # type: ignore[index]
        known = {name: arch[name] for name in ArchArgs.model_fields}
        classes = list(config["dataset"]["args"]["classes"])  # type: ignore[index]
        checked = CheckpointConfig.model_validate({"arch": {"args": known}, "dataset": {"args": {"classes": classes}}})
    except (KeyError, TypeError, ValidationError) as error:
        raise ModelRefused(
            f'"{where}": its config is not a Detoxify checkpoint\'s ({type(error).__name__}: {error}); it needs '
            "arch.args with model_type, model_name, tokenizer_name and num_classes, and dataset.args.classes"
        ) from error
    args = checked.arch.args
    for field, value, allowed in (
        ("model_name", args.model_name, MODEL_CLASSES),
        ("tokenizer_name", args.tokenizer_name, TOKENIZER_CLASSES),
    ):
        if value not in allowed:
            raise ModelRefused(f'"{where}", arch.args.{field}: {value!r} is not one of {", ".join(allowed)}')
    if len(checked.dataset.args.classes) > args.num_classes:
        raise ModelRefused(
            f'"{where}", dataset.args.classes: {len(checked.dataset.args.classes)} names for {args.num_classes} outputs'
        )
    return checked


def write_manifest(directory: Path, *, config: dict[str, Any], source: dict[str, str | int]) -> Manifest:
    """Hash the files of a directory and write its manifest; the weights, config and tokenizer must be there already."""
    manifest = Manifest(
        config=validated_config(config, str(directory)),
        sha256={path.name: file_sha256(path) for path in sorted(directory.iterdir()) if path.name in _loaded_names()},
        source=source,
    )
    text = json.dumps(manifest.model_dump(mode="json"), indent=2, sort_keys=True, ensure_ascii=False)
    (directory / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def verified_manifest(directory: Path, *, sha256: str | None = None) -> Manifest:
    """Read a model directory's manifest and verify every file it names, before anything is loaded.

    Args:
        directory: a directory in this layout.
        sha256: the content digest (`Manifest.digest`) the model must have; None accepts any that is consistent.

    Raises:
        ModelNotFound: no such directory, manifest or file.
        ModelRefused: pickled weights or code beside the model, a file that the manifest does not name, another
            digest, or a manifest that is not one.
    """
    if not directory.is_dir():
        raise ModelNotFound(f'"{directory}": no such model directory; convert a checkpoint with `{CONVERT}`')
    refuse_unsafe_files(directory)
    path = directory / MANIFEST
    if not path.is_file():
        raise ModelNotFound(f'"{directory}": has no {MANIFEST}; make it from a Detoxify checkpoint with `{CONVERT}`')
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ModelRefused(
            f'"{path}": not a manifest of this layout: {error}; convert again with `{CONVERT}`'
        ) from error
    validated_config(manifest.config.model_dump(), str(path))
    if sha256 is not None and manifest.digest != sha256.lower().removeprefix("sha256:"):
        raise ModelRefused(
            f'"{directory}": digest is {manifest.digest}, pinned is {sha256}; '
            "restore the pinned model, or pin the new digest after reviewing it"
        )
    present = {path.name for path in directory.iterdir() if path.name in _loaded_names()}
    for name in ("config.json", WEIGHTS):
        if name not in manifest.sha256:
            raise ModelRefused(f'"{path}": names no {name}; every file that decides a score must be in it')
    if unnamed := sorted(present - set(manifest.sha256)):
        raise ModelRefused(f'"{directory}": {", ".join(unnamed)} not in {MANIFEST}; remove what does not belong')
    for name, expected in manifest.sha256.items():
        if name not in _loaded_names():
            raise ModelRefused(f'"{path}": {name!r} is not a file of this layout')
        if name not in present:
            raise ModelNotFound(f'"{directory / name}": missing; {MANIFEST} names it')
        actual = file_sha256(directory / name)
        if actual != expected:
            raise ModelRefused(
                f'"{directory / name}": sha256 is {actual}, {MANIFEST} says {expected}; restore the file'
            )
    return manifest


def refuse_unsafe_files(directory: Path) -> None:
    """Refuse a directory that holds pickled weights, Python code, or a JSON file that asks for code to be loaded.

    Raises:
        ModelRefused: naming the file and the remedy.
    """
    for path in sorted(directory.rglob("*")):
        if path.suffix.lower() in PICKLES:
            raise ModelRefused(
                f'"{path}": {path.suffix} files may run code when loaded and are never read here; '
                f"convert the checkpoint with `{CONVERT}` and keep it elsewhere"
            )
        if path.suffix.lower() in (".py", ".pyc", ".so"):
            raise ModelRefused(f'"{path}": a model directory must not hold code; remove it')
    for path in sorted(directory.glob("*config*.json")):
        refuse_code_keys(path)


def refuse_code_keys(path: Path) -> None:
    """Refuse a configuration file with a key that makes transformers load code.

    Raises:
        ModelRefused: naming the file and the key, or because it is not JSON.
    """
    try:
        document = json.loads(path.read_bytes())
    except ValueError as error:
        raise ModelRefused(f'"{path}": not JSON: {error}') from error
    pending = [document]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            for key in sorted(CODE_KEYS):
                if key in part:
                    raise ModelRefused(
                        f'"{path}", {key}: asks for code to be loaded, which is never done; remove the key'
                    )
            pending += part.values()
        elif isinstance(part, list):
            pending += part


def _loaded_names() -> tuple[str, ...]:
    return (WEIGHTS, "config.json", *TOKENIZER_FILES)


CONVERT = "galley models convert-detoxify CHECKPOINT OUT --sha256 HEX --config DIR"
