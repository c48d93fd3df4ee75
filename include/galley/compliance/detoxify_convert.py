"""Convert a public Detoxify checkpoint, once, to the pickle-free layout of `galley.compliance.detoxify_layout`.

    python -m galley.compliance.detoxify_convert CHECKPOINT OUT --sha256 HEX --config DIR

(`galley models convert-detoxify` runs it in the worker environment.) Run it where there is no network. The checkpoint's
full sha256 is compared before a byte of it is interpreted; then it is read by the restricted unpickler
(``weights_only=True``) and by nothing else. Where that refuses, the conversion ends.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from galley.compliance.detoxify_layout import (
    MANIFEST,
    TOKENIZER_FILES,
    WEIGHTS,
    Manifest,
    refuse_code_keys,
    validated_config,
    verified_manifest,
    write_manifest,
)
from galley.errors import GalleyError, ModelNotFound, ModelRefused


def convert(checkpoint: Path, out: Path, *, sha256: str, huggingface_config: Path | None = None) -> Manifest:
    """Convert a checkpoint to a model directory, and prove that it loads.

    Args:
        checkpoint: a Detoxify checkpoint (``toxic_original-c1212f89.ckpt`` …).
        out: directory to make; its parent is made too. A directory that already holds this very conversion is left.
        sha256: the checkpoint's full sha256, in hex (`sha256sum`); Detoxify's file names hold its first eight digits.
        huggingface_config: directory with ``config.json`` and the tokenizer files of the model (of
            ``unitary/toxic-bert`` for ``original``, and so on); None where the checkpoint's ``model_type`` is such a
            directory itself.

    Returns:
        The manifest, with the sha256 of the checkpoint and of every file written; its `digest` is what to pin.

    Raises:
        ModelNotFound: no such checkpoint or configuration.
        ModelRefused: another sha256; more than weights and plain values in the pickle; not a Detoxify checkpoint; a
            configuration that asks for code or does not fit; or another model in ``out``.
    """
    if not checkpoint.is_file():
        raise ModelNotFound(f'"{checkpoint}": no such checkpoint')
    wanted = sha256.lower().removeprefix("sha256:")
    if len(wanted) != 64 or set(wanted) - set("0123456789abcdef"):
        raise ModelRefused(f"sha256 {sha256!r}: not 64 hexadecimal digits; `sha256sum {checkpoint}` prints them")
    if out.exists():
        manifest = verified_manifest(out)
        if manifest.source.get("checkpoint_sha256") == wanted:
            return manifest
        raise ModelRefused(f'"{out}": holds another model; choose another directory or remove it')
    loaded = _read(checkpoint, wanted)
    config = validated_config(loaded["config"], str(checkpoint))
    named = Path(config.arch.args.model_type)
    source = huggingface_config or (named if named.is_dir() else None)
    if source is None or not (source / "config.json").is_file():
        raise ModelNotFound(
            f'"{source or named}": no directory with config.json and tokenizer files; give --config DIR, a snapshot of '
            f"the model's repository at a fixed revision (for example unitary/toxic-bert for the original checkpoint)"
        )
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _write(partial, loaded["state_dict"], source, config.arch.args.num_classes, str(checkpoint))
        manifest = write_manifest(
            partial,
            config=config.model_dump(mode="json"),
            source={"checkpoint": checkpoint.name, "checkpoint_sha256": wanted},
        )
        from galley.compliance.detoxify import ToxicityModel

        ToxicityModel.load(partial, sha256=manifest.digest).score(["A sentence."])
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def _read(checkpoint: Path, wanted: str) -> Mapping[str, Any]:
    """The checkpoint's two parts, after its sha256 was compared; hashed and read through one open file."""
    import torch

    with checkpoint.open("rb") as file:
        actual = hashlib.file_digest(file, "sha256").hexdigest()
        if actual != wanted:
            raise ModelRefused(
                f'"{checkpoint}": sha256 is {actual}, wanted is {wanted}; download it again, nothing was read from it'
            )
        file.seek(0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # old checkpoints use storage classes that torch calls deprecated
                loaded = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:
            raise ModelRefused(
                f'"{checkpoint}": holds more than weights and plain values, so it is not loaded: {error}'
            ) from error
    if not isinstance(loaded, dict) or not {"config", "state_dict"} <= set(loaded):
        raise ModelRefused(f'"{checkpoint}": not a Detoxify checkpoint; it needs "config" and "state_dict"')
    state = loaded["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()) or not state:
        raise ModelRefused(f'"{checkpoint}", state_dict: must map names to tensors')
    return loaded


def _write(target: Path, state: Mapping[str, Any], source: Path, num_classes: int, where: str) -> None:
    """Weights, configuration and tokenizer files; only files of the layout are taken from ``source``."""
    from safetensors.torch import save_file

    # Old transformers saved position ids as a buffer; they are no weights, and the network makes its own. Tied tensors
    # share memory in the pickle; safetensors wants every tensor to own its bytes.
    weights = {name: value.clone().contiguous() for name, value in state.items() if not name.endswith("position_ids")}
    save_file(weights, target / WEIGHTS, metadata={"format": "pt"})
    refuse_code_keys(source / "config.json")
    config = json.loads((source / "config.json").read_bytes())
    labels = config.get("id2label") or {}
    if len(labels) != num_classes:
        # The configuration of a base model has two labels; the network must have as many outputs as the checkpoint.
        config["id2label"] = {str(index): f"LABEL_{index}" for index in range(num_classes)}
        config["label2id"] = {f"LABEL_{index}": index for index in range(num_classes)}
    config.pop("num_labels", None)
    (target / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    copied = [name for name in TOKENIZER_FILES if (source / name).is_file()]
    if not copied:
        raise ModelNotFound(f'"{source}": has no tokenizer files ({", ".join(TOKENIZER_FILES)}), which {where} needs')
    for name in copied:
        if "config" in name:
            refuse_code_keys(source / name)
        shutil.copyfile(source / name, target / name)


def main(arguments: list[str] | None = None) -> int:
    """Command line; prints the digest to pin, or one clear error."""
    parser = argparse.ArgumentParser(prog="galley.compliance.detoxify_convert", description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sha256", required=True)
    parser.add_argument("--config", type=Path)
    given = parser.parse_args(arguments)
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        # What the libraries print is no part of the answer.
        with contextlib.redirect_stdout(sys.stderr):
            manifest = convert(given.checkpoint, given.out, sha256=given.sha256, huggingface_config=given.config)
    except GalleyError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{given.out}: {len(manifest.sha256)} files, {MANIFEST} written")
    for name, digest in manifest.sha256.items():
        print(f"  {digest}  {name}")
    print(f"digest to pin: {manifest.digest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
