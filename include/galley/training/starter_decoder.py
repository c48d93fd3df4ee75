"""The last lesson of ``starter-image``'s decoder: to draw well what the denoiser means.

Until then it has seen latents of true pictures alone, and a denoiser's are a little off: squares get hollow sides,
rings lose their colour. So the denoiser draws scenes of the training, as users will have it draw. Each is then looked
for where it was drawn (`galley.training.fitting`), and the decoder learns to draw it there as it should look, and so
that its shapes can be told. The encoder stays as it is, and with it all that the denoiser has learned.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import diffusers
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from galley.training.drawing import draw
from galley.training.fitting import fit_scenes
from galley.training.loop import Recipe, autocast, best_device, fit, generator
from galley.training.scenes import Scenes, caption, training_scenes
from galley.training.shape_loss import shape_loss
from galley.training.starter_autoencoder import pixel_loss

SEED = 20261128
SCHEDULERS = (
    ("DDIMScheduler", 20),
    ("DDIMScheduler", 20),
    ("DDIMScheduler", 12),
    ("DPMSolverMultistepScheduler", 20),
    ("DDIMScheduler", 30),
    ("UniPCMultistepScheduler", 14),
    ("DDIMScheduler", 20),
    ("DPMSolverMultistepScheduler", 10),
)
"""Scheduler and steps of one lot of drawings after another."""
GUIDANCE_SCALE = 7.5
LOT = 256
"""Drawings that are made at once."""
KEPT = 0.93
"""Share of the drawings that are learned from: in the others something else was drawn."""
SHAPE_WEIGHT = 0.1
"""Weight of the shapes' cross-entropy beside the error of the pixels."""


def train(
    out: Path,
    work: Path,
    *,
    autoencoder: AutoencoderKL,
    namer: nn.Sequential,
    side: int,
    drawings: int,
    recipe: Recipe,
    say: Callable[[str], None] = print,
    deadline: float | None = None,
    batch: int = 16,
) -> bool:
    """Train the decoder of ``autoencoder`` and write ``out/starter-image/vae``; False where ``deadline`` came first.

    Args:
        out: the directory where all other parts of ``starter-image`` lie.
        work: for checkpoints.
        autoencoder: as it was exported; its decoder is trained in place.
        namer: names the shapes of what is drawn (`galley.training.shape_loss`).
        side: pixels of a picture's side.
        drawings: how many are made to learn from.
        recipe: the numbers.
        say: gets lines of progress.
        deadline: `time.monotonic()` at which to stop.
        batch: drawings in one update, beside as many true pictures.
    """
    device = best_device()
    autoencoder = autoencoder.to(device).float().eval()
    lots = [work / "drawings" / f"{start:06}.safetensors" for start in range(0, drawings, LOT)]
    scenes = training_scenes(drawings, SEED, 0)
    if not _draw(out / "starter-image", scenes, lots, say, deadline):
        return False
    found = [load_file(lot) for lot in lots]
    learned = {name: torch.cat([lot[name] for lot in found]).to(device) for name in found[0]}
    scenes = replace(scenes, centre=learned["centre"].cpu().numpy(), radius=learned["radius"].cpu().numpy())
    kept = (learned["error"] <= learned["error"].quantile(KEPT)).nonzero()[:, 0]
    scale = autoencoder.config.scaling_factor
    parts = nn.ModuleDict({"decoder": autoencoder.decoder, "post_quant_conv": autoencoder.post_quant_conv})

    def loss_of_step(step: int) -> Tensor:
        noise = generator(device, SEED, 2, step)
        rows = kept[torch.randint(len(kept), (batch,), device=device, generator=noise)]
        scenes_of_step = Scenes.join([scenes.take(rows.cpu().numpy()), training_scenes(batch, SEED, 1, step)])
        pictures = draw(scenes_of_step, side, device) * 2 - 1
        with autocast(device):
            with torch.no_grad():
                seen = autoencoder.encode(pictures[batch:]).latent_dist.sample(generator=noise).float()
            made = autoencoder.decode(torch.cat([learned["latents"][rows] / scale, seen])).sample.float()
        return pixel_loss(made, pictures) + SHAPE_WEIGHT * shape_loss(namer, scenes_of_step, made / 2 + 0.5)

    done = fit(parts, loss_of_step, recipe, work / "decoder.pt", say=say, deadline=deadline)
    if done:
        autoencoder.to("cpu", torch.float16).save_pretrained(out / "starter-image" / "vae")
    return done


@torch.no_grad()
def _draw(model: Path, scenes: Scenes, lots: list[Path], say: Callable[[str], None], deadline: float | None) -> bool:
    """Write what the pipeline draws of the scenes, a file a lot, where there is none; False where ``deadline`` came.

    A file holds latents (n, 4, side / 8, side / 8), centres and radii as drawn, and how far each picture is from them.
    """
    device = best_device()
    pipeline = StableDiffusionPipeline.from_pretrained(
        model, local_files_only=True, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    ).to(device)
    pipeline.set_progress_bar_config(disable=True)
    own = pipeline.scheduler.config
    rng = random.Random(f"{SEED} captions")
    prompts = [caption(scenes, i, rng, full=True).text for i in range(len(scenes))]
    for number, lot in enumerate(lots):
        if lot.exists():
            continue
        if deadline is not None and time.monotonic() >= deadline:
            return False
        start = number * LOT
        name, steps = SCHEDULERS[number % len(SCHEDULERS)]
        pipeline.scheduler = getattr(diffusers, name).from_config(own)
        asked = scenes.take(slice(start, start + LOT))
        latents = pipeline(
            prompts[start : start + LOT],
            num_inference_steps=steps,
            guidance_scale=GUIDANCE_SCALE,
            generator=[generator("cpu", SEED, 3, start + k) for k in range(len(asked))],
            output_type="latent",
        ).images
        pictures = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
        with torch.enable_grad():
            found, error = fit_scenes(asked, (pictures.float().cpu() / 2 + 0.5).clamp(0, 1))
        centre, radius = torch.from_numpy(found.centre), torch.from_numpy(found.radius)
        lot.parent.mkdir(parents=True, exist_ok=True)
        partial = lot.with_suffix(".partial")
        save_file({"latents": latents.cpu(), "centre": centre, "radius": radius, "error": error}, partial)
        partial.replace(lot)
        say(f"drew {start + len(asked)} of {len(scenes)} scenes")
    return True
