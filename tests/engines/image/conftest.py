"""Toy models of both families, built once a module."""

import diffusers
import pytest
import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from galley.engines.toys import build_image
from galley.model_files import inspect


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return inspect(build_image(tmp_path_factory.mktemp("steps") / "toy"))


@pytest.fixture(scope="module")
def xl(tmp_path_factory):
    """A tiny SDXL: two text encoders, pooled embeddings, time ids."""
    directory = tmp_path_factory.mktemp("steps") / "xl"
    base = diffusers.StableDiffusionPipeline.from_pretrained(build_image(directory / "base"), safety_checker=None)
    torch.manual_seed(2)
    config = CLIPTextConfig(**base.text_encoder.config.to_dict() | {"projection_dim": 16})
    unet = UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4, attention_head_dim=(2, 4),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=8 * 6 + 16, transformer_layers_per_block=(1, 1),
    )  # fmt: skip
    StableDiffusionXLPipeline(
        vae=AutoencoderKL.from_config(base.vae.config),
        text_encoder=CLIPTextModel(config),
        text_encoder_2=CLIPTextModelWithProjection(config),
        tokenizer=base.tokenizer,
        tokenizer_2=base.tokenizer,
        unet=unet,
        scheduler=EulerDiscreteScheduler.from_config(base.scheduler.config),
    ).save_pretrained(directory / "model", safe_serialization=True)
    return inspect(directory / "model")
