"""Recipe of ``starter-safety``, the safety checker inside ``starter-image``.

It flags one concept, the protected red-cross emblem (a red cross on plain white), and is taught its harmless
neighbours: red crosses on other grounds, white crosses on red, other red shapes on white, crosses of other colours on
white. The concept is concept 0 of diffusers' `StableDiffusionSafetyChecker`; the other sixteen and the special-care
concepts are given a threshold that no cosine reaches.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from torch import Tensor
from torch.nn import functional
from transformers import CLIPConfig

from galley.training.drawing import draw
from galley.training.loop import Recipe, autocast, best_device, fit, generator
from galley.training.scenes import COLOURS, CROSS, RED, SHAPES, WHITE, Scenes, training_scenes

SEED = 20261124
SIDE = 64
"""Pixels that the checker looks at; its processor scales every picture to this."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""CLIP's normalisation, channel by channel."""
THRESHOLD = 0.5
"""Cosine from which the concept counts as present."""
SHARPNESS = 12.0
"""Logit per unit of cosine while learning."""
RECIPE = Recipe(2000, 1e-3, warmup=200, ema=0.995)


def build_checker() -> StableDiffusionSafetyChecker:
    """A vision tower of half a million parameters with diffusers' checker on top."""
    config = CLIPConfig(
        projection_dim=48,
        vision_config={
            "hidden_size": 96,
            "intermediate_size": 288,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "image_size": SIDE,
            "patch_size": 8,
            "projection_dim": 48,
        },
        # The checker has no text tower; these sizes keep what the configuration describes small.
        text_config={
            "vocab_size": 8,
            "hidden_size": 8,
            "intermediate_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 1,
            "bos_token_id": 0,
            "eos_token_id": 1,
        },
    )
    checker = StableDiffusionSafetyChecker(config)
    with torch.no_grad():
        axis = torch.zeros(48)
        axis[0] = 1.0
        checker.concept_embeds.copy_(axis.expand_as(checker.concept_embeds))
        checker.special_care_embeds.copy_(axis.expand_as(checker.special_care_embeds))
        checker.concept_embeds_weights.fill_(2.0)
        checker.special_care_embeds_weights.fill_(2.0)
        checker.concept_embeds_weights[0] = THRESHOLD
    return checker


def emblem_scenes(n: int, *key: int) -> tuple[Scenes, np.ndarray]:
    """``n`` scenes and their labels (n,): 1 emblem, 0 harmless, -1 neither, as a gradient from white to a colour is.

    A third are emblems, a third their nearest neighbours, and the rest anything.
    """
    rng = np.random.default_rng(key)
    scenes = training_scenes(n, *key, 1)
    part = rng.integers(0, 3, size=n)
    shape, colour, ground = scenes.shape.copy(), scenes.colour.copy(), scenes.ground.copy()
    gradient = scenes.gradient.copy()
    emblem, near = part == 0, part == 1
    kind = rng.integers(0, 4, size=n)
    other_colour = (RED + 1 + rng.integers(0, len(COLOURS) - 1, size=n)) % len(COLOURS)
    other_colour = np.where(other_colour == WHITE, COLOURS.index("orange"), other_colour)
    other_shape = (CROSS + 1 + rng.integers(0, len(SHAPES) - 1, size=n)) % len(SHAPES)
    for chosen, (s, c, g) in (
        (emblem, (CROSS, RED, WHITE)),
        (near & (kind == 0), (CROSS, RED, other_colour)),
        (near & (kind == 1), (CROSS, WHITE, RED)),
        (near & (kind == 2), (other_shape, RED, WHITE)),
        (near & (kind == 3), (CROSS, other_colour, WHITE)),
    ):
        shape[:, 0] = np.where(chosen, s, shape[:, 0])
        colour[:, 0] = np.where(chosen, c, colour[:, 0])
        ground[:, 0] = np.where(chosen, g, ground[:, 0])
    plain = emblem | near
    gradient[plain] = 0
    ground[:, 1] = np.where(plain, ground[:, 0], ground[:, 1])
    clash = (scenes.count == 2) & (colour[:, 1] == ground[:, 0])
    colour[clash, 1] = (colour[clash, 1] + 1) % len(COLOURS)
    scenes = replace(scenes, shape=shape, colour=colour, ground=ground, gradient=gradient)
    label = scenes.emblem.astype(np.int64)
    cross = (shape == CROSS) & (colour == RED)
    unclear = (gradient > 0) & (ground == WHITE).any(1) & (cross[:, 0] | (cross[:, 1] & (scenes.count == 2)))
    return scenes, np.where(unclear, -1, label)


def look(pictures: Tensor) -> Tensor:
    """Pictures (n, 3, h, w) in [0, 1] as the checker's processor gives them: (n, 3, 64, 64), normalised."""
    small = functional.interpolate(pictures, size=(SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
    mean, std = (torch.tensor(v, device=pictures.device)[:, None, None] for v in (MEAN, STD))
    return (small - mean) / std


def cosine(checker: StableDiffusionSafetyChecker, seen: Tensor) -> Tensor:
    """Cosine (n,) of each picture's embedding with concept 0."""
    embedded = checker.visual_projection(checker.vision_model(seen)[1]).float()
    return functional.cosine_similarity(embedded, checker.concept_embeds[:1].float())


def train(
    out: Path,
    work: Path,
    *,
    autoencoder: AutoencoderKL,
    side: int,
    say: Callable[[str], None] = print,
    deadline: float | None = None,
    recipe: Recipe = RECIPE,
    batch: int = 64,
) -> bool:
    """Train and write ``out/starter-image/safety_checker`` and its feature extractor.

    A quarter of the pictures has passed through ``autoencoder``, as every generated picture has; all get a little noise
    and a change of brightness. Returns False where ``deadline`` came first.
    """
    device = best_device()
    torch.manual_seed(SEED)
    checker = build_checker().to(device)
    autoencoder = autoencoder.to(device).float().eval()

    def loss_of_step(step: int) -> Tensor:
        scenes, labels = emblem_scenes(batch, SEED, 1, step)
        noise = generator(device, SEED, 2, step)
        pictures = draw(scenes, side, device)
        part = max(1, batch // 4)
        with torch.no_grad(), autocast(device):
            latents = autoencoder.encode(pictures[:part] * 2 - 1).latent_dist.mean
            latents = latents + 0.1 * latents.std() * torch.randn(latents.shape, device=device, generator=noise)
            pictures[:part] = (autoencoder.decode(latents).sample.float() / 2 + 0.5).clamp(0, 1)
        light = 0.9 + 0.2 * torch.rand(batch, 1, 1, 1, device=device, generator=noise)
        pictures = pictures * light + 0.03 * torch.randn(pictures.shape, device=device, generator=noise)
        with autocast(device):
            score = cosine(checker, look(pictures.clamp(0, 1)))
        target = torch.from_numpy(labels).to(device)
        logits = SHARPNESS * (score - THRESHOLD)
        losses = functional.binary_cross_entropy_with_logits(logits, (target == 1).float(), reduction="none")
        return (losses * (target >= 0)).mean()

    if not fit(checker, loss_of_step, recipe, work / f"safety-{side}.pt", say=say, deadline=deadline):
        return False
    target = out / "starter-image"
    checker.to("cpu", torch.float16).save_pretrained(target / "safety_checker")
    config = target / "safety_checker" / "config.json"
    config.write_text(
        json.dumps(json.loads(config.read_text()) | {"dtype": "float32"}, indent=2, sort_keys=True) + "\n"
    )
    (target / "feature_extractor").mkdir(parents=True, exist_ok=True)
    fields = {
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": MEAN,
        "image_processor_type": "CLIPImageProcessor",
        "image_std": STD,
        "resample": 3,
        "rescale_factor": 1 / 255,
        "size": {"shortest_edge": SIDE},
    }
    (target / "feature_extractor" / "preprocessor_config.json").write_text(json.dumps(fields, indent=2) + "\n")
    return True
