"""A few steps of the image starter's recipe: what it writes is a stock pipeline, and it goes on where it stopped."""

from __future__ import annotations

import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline

from galley.training import starter_image, starter_safety
from galley.training.loop import Recipe
from galley.training.scenes import caption, training_scenes

FEW = Recipe(2, 1e-3, warmup=1)
TOY = replace(
    starter_image.CPU,
    scenes=24,
    captions=1,
    autoencoder=FEW,
    autoencoder_batch=2,
    namer=FEW,
    namer_batch=4,
    firm=FEW,
    firm_batch=2,
    words=FEW,
    words_batch=4,
    denoiser=FEW,
    denoiser_batch=2,
    drawings=4,
    decoder=FEW,
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    assert starter_image.train(
        root / "out", root / "work", say=lambda _: None, profile=TOY, safety=starter_safety.Recipe(2, 1e-3, warmup=1)
    )
    return root


def test_the_stock_pipeline_loads_it_and_draws(toy: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(toy / "out" / "starter-image", local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline("a small red star", num_inference_steps=2, generator=torch.Generator().manual_seed(1))
    assert made.images[0].size == (64, 64)
    assert len(made.nsfw_content_detected) == 1
    assert {name: part.dtype for name, part in pipeline.components.items() if hasattr(part, "dtype")} == dict.fromkeys(
        ("vae", "text_encoder", "unet", "safety_checker"), torch.float32
    )


def test_a_second_call_repeats_no_finished_stage(toy: Path) -> None:
    said: list[str] = []
    starter_image.train(
        toy / "out", toy / "work", say=said.append, profile=TOY, safety=starter_safety.Recipe(2, 1e-3, warmup=1)
    )
    assert not [line for line in said if line.startswith("step ")]


def test_checkpoints_of_other_numbers_are_left_alone(toy: Path) -> None:
    said: list[str] = []
    other = replace(TOY, firm=replace(FEW, steps=3))
    assert not starter_image.train(toy / "out", toy / "work", say=said.append, profile=other, deadline=0.0)
    assert len(list((toy / "work").glob("starter-image-64-*/autoencoder.pt"))) == 1
    assert not [line for line in said if line.startswith("resuming")]


def test_drawing_stops_at_the_deadline_and_is_made_good_later(toy: Path, tmp_path: Path) -> None:
    shutil.copytree(toy, tmp_path, dirs_exist_ok=True)
    (drawings,) = (tmp_path / "work").glob("starter-image-64-*/drawings")
    shutil.rmtree(drawings)

    def go_on(deadline: float | None) -> tuple[bool, list[str]]:
        said: list[str] = []
        few = starter_safety.Recipe(2, 1e-3, warmup=1)
        arguments = {"profile": TOY, "safety": few, "say": said.append, "deadline": deadline}
        return starter_image.train(tmp_path / "out", tmp_path / "work", **arguments), said

    done, said = go_on(0.0)
    assert not done and not [line for line in said if line.startswith("drew")]
    done, said = go_on(None)
    assert done and [line for line in said if line.startswith("drew 4 of 4")]


def test_scheduler_configuration_serves_the_other_schedulers(toy: Path) -> None:
    config = starter_image.build_scheduler().config
    assert config.clip_sample is False
    text = (toy / "out" / "starter-image" / "scheduler" / "scheduler_config.json").read_text()
    assert '"skip_prk_steps": true' in text


def test_words_are_cut_and_padded_as_the_pipeline_does(toy: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(toy / "out" / "starter-image", local_files_only=True)
    scenes, rng = training_scenes(40, 1), random.Random(1)
    texts = ["", "zürf ★ x", "word " * 200] + [caption(scenes, i, rng).text for i in range(40)]
    stock = pipeline.tokenizer(
        texts, padding="max_length", truncation=True, max_length=pipeline.tokenizer.model_max_length
    )["input_ids"]
    assert np.array_equal(starter_image.encode_words(pipeline.tokenizer, texts), np.array(stock))


def test_emblem_scenes_are_labelled_by_what_they_show() -> None:
    scenes, labels = starter_safety.emblem_scenes(2000, 3)
    assert (scenes.emblem == (labels == 1)).all()
    assert 0.25 < (labels == 1).mean() < 0.45
    assert not (scenes.colour[:, 0] == scenes.ground[:, 0]).any()


def test_the_checker_sees_in_training_what_its_processor_shows_it(toy: Path) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(toy / "out" / "starter-image", local_files_only=True)
    pictures = torch.rand(2, 3, 64, 64)
    stock = pipeline.feature_extractor(
        [(p.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8) for p in pictures], return_tensors="pt"
    ).pixel_values
    assert (starter_safety.look(pictures) - stock).abs().max() < 0.02
