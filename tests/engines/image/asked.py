"""Requests for pictures, engines to make them, and what stock diffusers makes of them."""

import random

import torch

from galley.engines.certificate import RowCounts
from galley.engines.image.decoder import decode
from galley.engines.image.engine import StepImageEngine
from galley.engines.image.trial import Certificate
from tests.jobs import planned, request

SCHEDULERS = (
    "DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler",
    "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "UniPCMultistepScheduler", "DEISMultistepScheduler",
    "HeunDiscreteScheduler", "KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler", "LCMScheduler",
    "TCDScheduler", "EDMEulerScheduler",
)  # fmt: skip


def engine_of(files, counts=(4, 8), decode=(2, 4), **options):
    certificate = Certificate(RowCounts(counts), RowCounts(decode)).told
    engine = StepImageEngine(files, "float32", 1, certificate=certificate, **options)
    engine.setup()
    assert engine.fallback == ""
    return engine


def ask(files, prompt="a red bicycle", **fields):
    fields = {"width": 64, "height": 64, "num_inference_steps": 3, **fields}
    return planned(request("image", prompt, files.digest, **fields))


def mixed(files, count, seed=0):
    """Requests of many prompts, schedulers, steps and scales of guidance."""
    rng = random.Random(seed)
    return [
        ask(
            files,
            " ".join(rng.choice(("red", "green", "a", "house", "lamp")) for _ in range(rng.randint(1, 6))),
            seed=number,
            num_inference_steps=rng.randint(1, 6),
            guidance_scale=rng.choice((1.0, 3.0, 7.5)),
            scheduler=rng.choice(("", "DDIMScheduler", "EulerAncestralDiscreteScheduler", "UniPCMultistepScheduler")),
            negative_prompt=rng.choice(("", "ugly")),
        )
        for number in range(count)
    ]


def drawn(outcomes):
    """Key to bytes of what was made."""
    return {outcome.key: outcome.made.data for outcome in outcomes if outcome.made is not None}


def latents_of(engine, monkeypatch, requests):
    """Key to the final latents, in the order of decoding."""
    seen = []

    def watch(pipe, latents, count):
        seen.extend(each.clone() for each in latents)
        return decode(pipe, latents, count)

    with monkeypatch.context() as patch:
        patch.setattr("galley.engines.image.finishing.decode", watch)
        outcomes = list(engine.generate(requests))
    assert not (failures := [outcome.failure for outcome in outcomes if outcome.failure]), failures
    return dict(zip([outcome.key for outcome in outcomes], seen, strict=True))


def stock_latents(model, each):
    params = each.request.params
    model.pipe.scheduler = model.scheduler(params.scheduler)
    return model.pipe(
        prompt=each.request.prompt,
        negative_prompt=params.negative_prompt or None,
        num_inference_steps=params.num_inference_steps,
        guidance_scale=params.guidance_scale,
        width=params.width,
        height=params.height,
        generator=torch.Generator("cpu").manual_seed(each.request.seed),
        output_type="latent",
    ).images
