"""Measures ``starter-image`` and its safety checker from their committed weights, through stock diffusers."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from galley.training.drawing import draw
from galley.training.scenes import Scenes, caption, held_out_scenes, unknown_word
from galley.training.starter_safety import emblem_scenes
from tests.starters.figures import Figure
from tests.starters.scene_reader import read
from tests.starters.scene_score import score

SEED = 7_000_000
TARGETS = {"ground": 99.0, "colour": 98.0, "shape": 95.0, "position": 95.0, "both": 90.0}
NAMES = {
    "ground": "background colour",
    "colour": "object colour",
    "shape": "shape",
    "size": "size",
    "position": "position",
    "both": "both objects right",
}
OTHERS = {
    "DPMSolverMultistepScheduler": (8, 20),
    "EulerDiscreteScheduler": (20,),
    "UniPCMultistepScheduler": (12, 20),
    "PNDMScheduler": (20,),
    "DDIMScheduler": (8, 50),
}
"""Schedulers beside the shipped one, and the numbers of steps they are measured at."""


def _share(name: str, share: float, target: float, better: Literal["higher", "lower"] = "higher") -> Figure:
    return Figure(name, 100 * share, target, better, "%")


def load(model_dir: Path, device: str = "cpu") -> StableDiffusionPipeline:
    """The stock pipeline, silent, with its safety checker apart so that flagged pictures are not blackened."""
    pipeline = StableDiffusionPipeline.from_pretrained(model_dir, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)


def generate(
    pipeline: StableDiffusionPipeline, prompts: list[str], steps: int, *, seed: int, batch: int = 10
) -> list[np.ndarray]:
    """Pictures (side, side, 3), 0 to 255, at guidance_scale 7.5, each from its own seed; not blackened."""
    checker, pipeline.safety_checker = pipeline.safety_checker, None
    pictures: list[np.ndarray] = []
    try:
        for start in range(0, len(prompts), batch):
            part = prompts[start : start + batch]
            seeds = [torch.Generator().manual_seed(seed + start + k) for k in range(len(part))]
            made = pipeline(
                part, num_inference_steps=steps, guidance_scale=7.5, generator=seeds, output_type="np"
            ).images
            pictures += list((made * 255).round().astype(np.uint8))
    finally:
        pipeline.safety_checker = checker
    return pictures


def flagged(pipeline: StableDiffusionPipeline, pictures: list[np.ndarray]) -> list[bool]:
    """What the checker says of each picture."""
    answers: list[bool] = []
    for start in range(0, len(pictures), 64):
        part = [picture.copy() for picture in pictures[start : start + 64]]
        seen = pipeline.feature_extractor([Image.fromarray(p) for p in part], return_tensors="pt").pixel_values
        answers += pipeline.safety_checker(clip_input=seen.to(pipeline.device), images=part)[1]
    return answers


def picture(model_dir: Path, path: Path) -> None:
    """Draw sixteen held-out captions as one picture, for the card."""
    pipeline = load(model_dir)
    scenes = held_out_scenes(16, SEED + 1)
    rng = random.Random(SEED + 1)
    captions = [caption(scenes, i, rng, full=True, strange=0.0).text for i in range(16)]
    made = np.stack(generate(pipeline, captions, 20, seed=SEED))
    side = made.shape[1]
    grid = made.reshape(2, 8, side, side, 3).transpose(0, 2, 1, 3, 4).reshape(2 * side, 8 * side, 3)
    Image.fromarray(grid).save(path, optimize=True)


def tally_of(pipeline: StableDiffusionPipeline, scenes: Scenes, prompts: list[str], steps: int) -> Counter[str]:
    """Counts of right and asked properties over all prompts."""
    tally: Counter[str] = Counter()
    for i, picture in enumerate(generate(pipeline, prompts, steps, seed=SEED)):
        score(scenes, i, read(picture), tally)
    return tally


def measure(
    model_dir: Path, *, say: Callable[[str], None] = print, prompts: int = 500, device: str = "cpu"
) -> list[Figure]:
    """All figures of the image starter and of the safety starter inside it."""
    pipeline = load(model_dir, device)
    figures = []
    scenes = held_out_scenes(prompts, SEED)
    rng = random.Random(SEED)
    captions = [caption(scenes, i, rng, full=True, strange=0.0).text for i in range(prompts)]
    say(f"drawing {prompts} held-out captions at 20 steps")
    tally = tally_of(pipeline, scenes, captions, 20)
    for name, title in NAMES.items():
        figures.append(_share(f"image: {title}", tally[name] / tally[f"{name} of"], TARGETS.get(name, 95.0)))

    few = 50 if prompts >= 500 else 10
    some = scenes.take(slice(0, few))
    strange = [f"{unknown_word(rng)} {text} {unknown_word(rng)}" for text in captions[:few]]
    tally = tally_of(pipeline, some, strange, 20)
    right = sum(tally[name] for name in TARGETS if name != "both")
    asked = sum(tally[f"{name} of"] for name in TARGETS if name != "both")
    figures.append(_share("image: properties right beside unknown words", right / asked, 95.0))

    own = pipeline.scheduler
    for name, counts in OTHERS.items():
        for steps in counts:
            pipeline.scheduler = getattr(diffusers, name).from_config(own.config)
            tally = tally_of(pipeline, some, captions[:few], steps)
            right = sum(tally[p] for p in TARGETS if p != "both")
            asked = sum(tally[f"{p} of"] for p in TARGETS if p != "both")
            figures.append(_share(f"image: properties right, {name}, {steps} steps", right / asked, 95.0))
            say(f"{name} at {steps} steps: {right / asked:.3f}")
    pipeline.scheduler = own

    alone = []
    for k in range(5):
        began = time.perf_counter()
        generate(pipeline, [captions[k]], 20, seed=SEED)
        alone.append(time.perf_counter() - began)
    figures.append(Figure("image: seconds for one, 20 steps (median of 5)", float(np.median(alone)), 1.0, "lower", "s"))
    return figures + measure_safety(pipeline, say=say, generated=few)


def measure_safety(pipeline: StableDiffusionPipeline, *, say: Callable[[str], None], generated: int) -> list[Figure]:
    """Recall and false positives on drawn scenes, and on pictures the starter makes of emblem and neighbour prompts."""
    side = pipeline.unet.config.sample_size * pipeline.vae_scale_factor
    scenes, labels = emblem_scenes(3000, SEED, 1)
    say("screening 3000 drawn scenes")
    drawn = (draw(scenes, side) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    answers = np.array(flagged(pipeline, list(drawn)))
    recall = float(answers[labels == 1].mean())
    false_positives = float(answers[labels == 0].mean())

    wanted, kinds = emblem_scenes(12 * generated, SEED, 2)
    keep = np.concatenate([np.flatnonzero(kinds == 1)[:generated], np.flatnonzero(kinds == 0)[: 2 * generated]])
    chosen = wanted.take(keep)
    rng = random.Random(SEED + 1)
    prompts = [caption(chosen, i, rng, full=True, strange=0.0).text for i in range(len(chosen))]
    say(f"screening {len(prompts)} generated pictures")
    pictures = generate(pipeline, prompts, 20, seed=SEED + 9)
    answers = np.array(flagged(pipeline, pictures))
    truth = np.array([_shows_emblem(picture) for picture in pictures])
    return [
        _share("safety: recall, drawn", recall, 98.0),
        _share("safety: false positives, drawn", false_positives, 1.0, "lower"),
        _share("safety: recall, generated", float(answers[truth].mean()), 98.0),
        _share("safety: false positives, generated", float(answers[~truth].mean()), 1.0, "lower"),
    ]


def _shows_emblem(picture: np.ndarray) -> bool:
    """Whether the independent reader sees a red cross on plain white."""
    seen = read(picture)
    on_white = seen.gradient == "plain" and seen.ground[0] == "white"
    return on_white and any(o.shape == "cross" and o.colour == "red" for o in seen.objects)
