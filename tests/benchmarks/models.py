"""Models of the sizes that benches need, with random weights: what a forward costs does not depend on their values."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPTextConfig, CLIPTextModel, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from galley.engines.toys import build_image
from galley.model_files import ModelFiles, inspect

CACHE = Path("build/benchmarks")


def gpt2(layers: int = 12, width: int = 768) -> ModelFiles:
    """GPT-2's architecture, 124M parameters by default, without an end token: every output is as long as asked.

    One letter of a prompt is one token.
    """
    directory = CACHE / f"gpt2-{layers}-{width}"
    if not (directory / "config.json").exists():
        alphabet = sorted(ByteLevel.alphabet())
        words = [*alphabet, *(f"token{number}" for number in range(50_257 - len(alphabet)))]
        core = Tokenizer(BPE({word: index for index, word in enumerate(words)}, []))
        core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        core.decoder = decoders.ByteLevel()
        PreTrainedTokenizerFast(tokenizer_object=core, pad_token=words[-1]).save_pretrained(directory)
        torch.manual_seed(0)
        config = GPT2Config(n_layer=layers, n_embd=width, n_head=width // 64, bos_token_id=None, eos_token_id=None)
        GPT2LMHeadModel(config).save_pretrained(directory)
        _without_end(directory / "generation_config.json")
    return inspect(directory)


def stable_diffusion(channels: tuple[int, ...], side: int) -> ModelFiles:
    """A Stable Diffusion whose UNet has these channels and latents of ``side``; all else is tiny.

    64-128-256 at 32 is 4.1 GFLOP a row, 32-64-128 at 16 is 0.26; 32-64 at 8, of `--quick`, takes a millisecond.
    """
    directory = CACHE / f"sd-{'-'.join(map(str, channels))}-{side}"
    if not (directory / "model_index.json").exists():
        base = StableDiffusionPipeline.from_pretrained(build_image(directory / "toy"), safety_checker=None)
        torch.manual_seed(0)
        attending = ("CrossAttnDownBlock2D",) * (len(channels) - 1)
        base.unet = UNet2DConditionModel(
            sample_size=side,
            block_out_channels=channels,
            layers_per_block=2,
            down_block_types=(*attending, "DownBlock2D"),
            up_block_types=("UpBlock2D", *("CrossAttnUpBlock2D",) * (len(channels) - 1)),
            cross_attention_dim=16,
            attention_head_dim=8,
        )
        base.scheduler = DDIMScheduler.from_config(base.scheduler.config, clip_sample=False)
        base.save_pretrained(directory, safe_serialization=True)
    return inspect(directory)


def stable_diffusion_1_5() -> ModelFiles:
    """Stable Diffusion 1.5's architecture in bfloat16, with random weights (2.1 GB) and the toy's tokenizer."""
    directory = CACHE / "sd-1.5"
    if not (directory / "model_index.json").exists():
        base = StableDiffusionPipeline.from_pretrained(build_image(directory / "toy"), safety_checker=None)
        torch.manual_seed(0)
        text = base.text_encoder.config.to_dict() | {
            "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12
        }  # fmt: skip
        base.text_encoder = CLIPTextModel(CLIPTextConfig(**text)).to(torch.bfloat16)
        base.unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, sample_size=64).to(
            torch.bfloat16
        )
        base.vae = AutoencoderKL(
            block_out_channels=(128, 256, 512, 512),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=2,
            sample_size=512,
        ).to(torch.bfloat16)
        base.scheduler = DDIMScheduler.from_config(base.scheduler.config, clip_sample=False)
        base.save_pretrained(directory, safe_serialization=True)
    return inspect(directory)


def _without_end(path: Path) -> None:
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in fields.items() if "token_id" not in name}))
