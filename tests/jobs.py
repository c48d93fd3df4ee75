"""Small models, requests and jobs that many tests need. No ML library: what has to be loaded comes from the toys."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from galley.items import PARAMS, Job, ModelSource, PlannedRequest, Request, canonical_json
from galley.model_files import inspect
from galley.storage import Zones


def safetensors(path: Path, values: bytes = b"\0\0\0\0") -> None:
    """The least safetensors file: one tensor of float32."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [len(values) // 4], "data_offsets": [0, len(values)]}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header + values)


def text_model(directory: Path, values: bytes = b"\0\0\0\0") -> Path:
    """The layout of a transformers model; nothing in it works."""
    safetensors(directory / "model.safetensors", values)
    (directory / "config.json").write_text('{"model_type": "gpt2"}')
    (directory / "tokenizer.json").write_text("{}")
    return directory


def image_model(directory: Path, values: bytes = b"\0\0\0\0") -> Path:
    """The layout of a Stable Diffusion; nothing in it works."""
    index = {
        "_class_name": "StableDiffusionPipeline",
        "_diffusers_version": "0.42.1",
        "scheduler": ["diffusers", "PNDMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": [None, None],
        "requires_safety_checker": False,
    }
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model_index.json").write_text(json.dumps(index))
    for name, stem in (
        ("text_encoder", "model"),
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
    ):
        safetensors(directory / name / f"{stem}.safetensors", values)
        (directory / name / "config.json").write_text("{}")
    for name, file in (
        ("scheduler", "scheduler_config.json"),
        ("tokenizer", "vocab.json"),
        ("tokenizer", "merges.txt"),
    ):
        (directory / name).mkdir(exist_ok=True)
        (directory / name / file).write_text("{}")
    return directory


def source(directory: Path, *, engine: str = "stock", name: str = "toy") -> ModelSource:
    """Where a job finds the model."""
    return ModelSource(name=name, source=str(directory), digest=inspect(directory).digest, engine=engine)


def request(kind: str, prompt: str, digest: str, *, seed: int = 0, model: str = "toy", **params: object) -> Request:
    """A request of a kind."""
    chosen = PARAMS[kind].model_validate(params)
    return Request(kind=kind, model=model, model_digest=digest, prompt=prompt, params=chosen, seed=seed)


def planned(each: Request) -> PlannedRequest:
    """The request under its key."""
    return PlannedRequest(key=each.key, request=each)


def put_job(
    zones: Zones,
    requests: list[Request],
    model: ModelSource,
    *,
    rows: int = 4,
    run: str = "run-1",
    job: str = "generate-toy-00",
    settings: dict[str, object] | None = None,
    inputs: dict[str, str] | None = None,
    threads: int = 1,
) -> tuple[Job, str]:
    """Write a generate job with batches of ``rows`` into the work zone; the job and its URI."""
    prefix = f"runs/{run}/jobs/{job}"
    lines = b"".join(canonical_json(planned(each).model_dump(mode="json")) + b"\n" for each in requests)
    zones.work.put(f"{prefix}/requests.jsonl", lines)
    spec = Job(
        job=job,
        run=run,
        command="generate",
        prefix=f"{zones.work.url}/{prefix}",
        inputs={"requests": f"{zones.work.url}/{prefix}/requests.jsonl", **(inputs or {})},
        model=model,
        batches=tuple(tuple(range(start, min(start + rows, len(requests)))) for start in range(0, len(requests), rows)),
        threads=threads,
        settings=settings or {},
    )
    zones.work.put(f"{prefix}/job.json", spec.model_dump_json().encode())
    return spec, f"{zones.work.url}/{prefix}/job.json"
