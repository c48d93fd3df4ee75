"""Recipe of ``starter-image``: a small, complete Stable Diffusion that draws the scenes of `galley.training.scenes`.

Its stages, each resumable: the autoencoder learns to draw, and to draw from latents that are a little off
(`galley.training.starter_autoencoder`). The text encoder learns what a caption states, by naming the scene's facts,
which binds colours to shapes long before a denoiser could. The denoiser, with the text encoder held still, learns to
predict velocity (Salimans & Ho 2022, "Progressive distillation", appendix D) under a linear schedule, whose last step
is nearly pure noise, so that a ground can be truly black or white. It learns under guidance: what is compared with the
truth is what the pipeline computes at a guidance_scale of `GUIDANCE`. Trained the usual way, for a guidance_scale of 1,
so small a model does best at 2, and the customary 7.5 drives its colours out of the picture. The decoder then learns
from what the denoiser draws (`galley.training.starter_decoder`). The safety checker learns last, from pictures that
passed through the autoencoder. All parts are written as diffusers stores them.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from galley.training import starter_autoencoder, starter_decoder, starter_safety
from galley.training.drawing import draw
from galley.training.image_card import card
from galley.training.loop import Recipe, autocast, begin, best_device, fit, generator, layout
from galley.training.scenes import COLOURS, PLACES, SHAPES, Scenes, caption, training_scenes
from galley.training.shape_loss import train_namer

Say = Callable[[str], None]
SEED = 20261123
MAX_TOKENS = 48
GUIDANCE = 3.5
"""The guidance_scale at which the denoiser gives the pictures of its training; more than it sharpens, less blurs."""
TRAINING_STEPS = 1000
BETAS = (1e-4, 0.02)
WIDTH = 128
"""Hidden size of the text encoder, and what the denoiser attends to."""


@dataclass(frozen=True)
class Profile:
    """Sizes of a training run.

    Attributes:
        side: pixels of a picture's side; latents are an eighth of it.
        scenes: scenes encoded beforehand for the denoiser.
        captions: wordings of each.
        autoencoder: recipe of its first lesson, to draw.
        namer: recipe of the network that names shapes.
        firm: recipe of the autoencoder's second lesson, to withstand noise.
        words, denoiser: recipes of the two stages after it.
        autoencoder_batch, namer_batch, firm_batch, words_batch, denoiser_batch: scenes in one update.
        drawings: of the denoiser's own, for the decoder to learn from.
        decoder: recipe of that stage.
    """

    side: int
    scenes: int
    captions: int
    autoencoder: Recipe
    autoencoder_batch: int
    namer: Recipe
    namer_batch: int
    firm: Recipe
    firm_batch: int
    words: Recipe
    words_batch: int
    denoiser: Recipe
    denoiser_batch: int
    drawings: int
    decoder: Recipe


GPU = Profile(
    side=128,
    scenes=300_000,
    captions=2,
    autoencoder=Recipe(6000, 1.5e-3, warmup=200, ema=0.998),
    autoencoder_batch=128,
    namer=Recipe(1500, 2e-3, warmup=50, ema=0.99),
    namer_batch=256,
    firm=Recipe(5000, 1e-3, warmup=100, ema=0.998),
    firm_batch=128,
    words=Recipe(3000, 2e-3, warmup=200, ema=0.99),
    words_batch=512,
    denoiser=Recipe(12_000, 8e-4, warmup=500, ema=0.999),
    denoiser_batch=512,
    drawings=16_384,
    decoder=Recipe(4000, 1e-3, warmup=50, ema=0.998),
)
CPU = Profile(
    side=64,
    scenes=40_000,
    captions=2,
    autoencoder=Recipe(40_000, 2e-3, warmup=200, ema=0.998),
    autoencoder_batch=16,
    namer=Recipe(1500, 2e-3, warmup=50, ema=0.99),
    namer_batch=96,
    firm=Recipe(6000, 1e-3, warmup=100, ema=0.998),
    firm_batch=16,
    words=Recipe(4000, 2e-3, warmup=200, ema=0.99),
    words_batch=64,
    denoiser=Recipe(27_500, 1.2e-3, warmup=200, ema=0.998),
    denoiser_batch=64,
    drawings=8192,
    decoder=Recipe(2300, 1e-3, warmup=50, ema=0.998),
)


def build_tokenizer(captions: list[str], merges: int = 600) -> CLIPTokenizer:
    """A CLIP tokenizer whose byte-pair merges come from the captions; every other text falls apart into bytes."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(False)])
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    learner.train_from_iterator(
        captions,
        trainers.BpeTrainer(
            vocab_size=merges + 512, initial_alphabet=alphabet, end_of_word_suffix="</w>", show_progress=False
        ),
    )
    pairs = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    words = [*alphabet, *(letter + "</w>" for letter in alphabet), *dict.fromkeys(a + b for a, b in pairs)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=pairs, model_max_length=MAX_TOKENS)


def build_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """The text encoder: token ids (n, 48) to hidden states (n, 48, 128)."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WIDTH,
        intermediate_size=4 * WIDTH,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=MAX_TOKENS,
        projection_dim=WIDTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_denoiser(side: int) -> UNet2DConditionModel:
    """The denoiser: noisy latents, timestep and hidden states to velocity."""
    return UNet2DConditionModel(
        sample_size=side // 8,
        block_out_channels=(96, 160),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=(3, 5),  # diffusers reads this as the number of heads: 32 channels each
        norm_num_groups=16,
    )


def build_scheduler() -> DDIMScheduler:
    """The shipped scheduler; its configuration serves the other diffusers schedulers as well."""
    return DDIMScheduler(
        num_train_timesteps=TRAINING_STEPS,
        beta_start=BETAS[0],
        beta_end=BETAS[1],
        beta_schedule="linear",
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
    )


class Facts(nn.Module):
    """Reads a scene's facts off the text encoder's last state; used only to teach the encoder words.

    Objects are told apart by place (the upper or left one first), since "a above b" and "b below a" are one scene.
    """

    SIZES = (
        2,
        3,
        len(SHAPES),
        len(COLOURS),
        len(SHAPES),
        len(COLOURS),
        3,
        3,
        10,
        4,
        len(COLOURS) + 1,
        len(COLOURS) + 1,
    )

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(WIDTH, sum(self.SIZES))

    def forward(self, hidden: Tensor, facts: Tensor) -> Tensor:
        """Mean cross-entropy of facts (n, 12), -1 where a fact does not apply, given hidden states (n, 128)."""
        losses = [
            functional.cross_entropy(logits.float(), facts[:, k], ignore_index=-1)
            for k, logits in enumerate(self.read(hidden).split(self.SIZES, dim=-1))
        ]
        return torch.stack(losses).mean()


def facts_of(scenes: Scenes, i: int, sizes: tuple[bool, bool], place: bool, ground: bool) -> list[int]:
    """The facts a caption of scene ``i`` states, in the order of `Facts.SIZES`; the last class of some means unsaid."""
    two = scenes.count[i] == 2
    relation = int(scenes.relation[i])
    first, second = (1, 0) if two and relation % 2 == 1 else (0, 1)
    large = [int(scenes.large[i, j]) if sizes[j] else 2 for j in (0, 1)]
    grounds = [int(c) if ground else len(COLOURS) for c in scenes.ground[i]]
    return [
        int(two),
        relation // 2 if two else 2,
        int(scenes.shape[i, first]),
        int(scenes.colour[i, first]),
        int(scenes.shape[i, second]) if two else -1,
        int(scenes.colour[i, second]) if two else -1,
        large[first],
        large[second] if two else -1,
        -1 if two else (int(scenes.column[i]) * len(PLACES[0]) + int(scenes.row[i]) if place else 9),
        int(scenes.gradient[i]) if ground else 3,
        *grounds,
    ]


def encode_words(tokenizer: CLIPTokenizer, texts: list[str]) -> NDArray[np.int16]:
    """Token ids (n, 48), padded and cut as the pipeline does. A word is looked up once: tokens never span words."""
    known: dict[str, list[int]] = {"": []}
    ids: NDArray[np.int16] = np.full((len(texts), MAX_TOKENS), tokenizer.pad_token_id, dtype=np.int16)
    for row, text in enumerate(texts):
        line = [tokenizer.bos_token_id]
        for word in text.split(" "):
            if word not in known:
                known[word] = tokenizer(word, add_special_tokens=False)["input_ids"]
            line += known[word]
        line = line[: MAX_TOKENS - 1]
        ids[row, : len(line)] = line
        ids[row, len(line)] = tokenizer.eos_token_id
    return ids


def train_words(
    profile: Profile,
    tokenizer: CLIPTokenizer,
    work: Path,
    say: Say,
    deadline: float | None,
    shipped: Path | None = None,
) -> CLIPTextModel | None:
    """Stage two; None where the deadline came first."""
    device = best_device()
    torch.manual_seed(SEED + 1)
    encoder, facts = build_text_encoder(tokenizer).to(device), Facts().to(device)
    begin(encoder, shipped and shipped / "text_encoder")
    if device.type == "cpu":
        encoder.set_attn_implementation("eager")  # for the same reason as the denoiser's
    both = nn.ModuleDict({"encoder": encoder, "facts": facts})

    def loss_of_step(step: int) -> Tensor:
        scenes = training_scenes(profile.words_batch, SEED, 3, step)
        rng = random.Random(f"{SEED} words {step}")
        told = [caption(scenes, i, rng) for i in range(len(scenes))]
        target = torch.tensor(
            [facts_of(scenes, i, c.sizes, c.place, c.ground) for i, c in enumerate(told)], device=device
        )
        ids = torch.from_numpy(encode_words(tokenizer, [c.text for c in told])).long().to(device)
        with autocast(device):
            hidden = encoder(ids).last_hidden_state[:, -1]  # the last padding token has read everything
            loss: Tensor = facts(hidden, target)
        return loss

    done = fit(both, loss_of_step, profile.words, work / "words.pt", say=say, deadline=deadline)
    return encoder if done else None


@torch.no_grad()
def encode_scenes(profile: Profile, model: AutoencoderKL, scenes: Scenes, say: Say) -> Tensor:
    """Latent means of scenes, bf16, (n, 4, side / 8, side / 8); encoding once beforehand saves most of the time."""
    device = next(model.parameters()).device
    parts = []
    for start in range(0, len(scenes), 512):
        pictures = draw(scenes.take(slice(start, start + 512)), profile.side, device) * 2 - 1
        with autocast(device):
            parts.append(model.encode(pictures.contiguous(memory_format=layout(device))).latent_dist.mean.bfloat16())
        if start % (512 * 100) == 0:
            say(f"encoded {start} of {len(scenes)} scenes")
    return torch.cat(parts)


def train_denoiser(
    profile: Profile,
    tokenizer: CLIPTokenizer,
    autoencoder: AutoencoderKL,
    encoder: CLIPTextModel,
    work: Path,
    say: Say,
    deadline: float | None,
    shipped: Path | None = None,
) -> UNet2DConditionModel | None:
    """Stage three, with the text encoder held still; None where the deadline came first."""
    device = best_device()
    scenes = training_scenes(profile.scenes, SEED, 4)
    latents = encode_scenes(profile, autoencoder, scenes, say)
    scale = 1.0 / float(latents[:4096].float().std())
    autoencoder.register_to_config(scaling_factor=scale)
    rng = random.Random(f"{SEED} captions")
    tokens = np.stack(
        [
            encode_words(tokenizer, [caption(scenes, i, rng).text for i in range(len(scenes))])
            for _ in range(profile.captions)
        ]
    )
    words = torch.from_numpy(tokens).to(device)
    nothing = torch.from_numpy(encode_words(tokenizer, [""])).to(device)
    say(f"{len(scenes)} scenes in {profile.captions} wordings; scaling factor {scale:.4f}")

    torch.manual_seed(SEED + 2)
    denoiser = build_denoiser(profile.side).to(device, memory_format=layout(device))
    begin(denoiser, shipped and shipped / "unet")
    if device.type == "cpu":
        denoiser.set_attn_processor(AttnProcessor())  # SDPA's backward pass took a third of a step on CPUs
    alpha = torch.cumprod(1 - torch.linspace(*BETAS, TRAINING_STEPS, dtype=torch.float64), 0).float().to(device)
    count = profile.denoiser_batch

    def loss_of_step(step: int) -> Tensor:
        draw_of_step = generator(device, SEED, 5, step)
        rows = torch.randint(len(scenes), (count,), device=device, generator=draw_of_step)
        wording = torch.randint(profile.captions, (count,), device=device, generator=draw_of_step)
        clean = latents[rows].float() * scale
        noise = torch.randn(clean.shape, device=device, generator=draw_of_step)
        time = torch.randint(TRAINING_STEPS, (count,), device=device, generator=draw_of_step)
        unsaid = torch.rand(count, device=device, generator=draw_of_step) < 0.15
        ids = torch.where(unsaid[:, None], nothing, words[wording, rows]).long()
        signal, spread = alpha[time].sqrt()[:, None, None, None], (1 - alpha[time]).sqrt()[:, None, None, None]
        noisy = (signal * clean + spread * noise).contiguous(memory_format=layout(device))
        with torch.no_grad(), autocast(device):
            hidden = encoder(ids).last_hidden_state
            empty = encoder(nothing.long()).last_hidden_state.expand_as(hidden)
            plain = denoiser(noisy, time, empty).sample.float()
        with autocast(device):
            velocity = denoiser(noisy, time, hidden).sample.float()
        strength = torch.where(unsaid, 1.0, GUIDANCE)[:, None, None, None]
        guided = plain + strength * (velocity - plain)
        truth = signal * noise - spread * clean
        return ((guided - truth) ** 2 / strength).mean()

    done = fit(denoiser, loss_of_step, profile.denoiser, work / "denoiser.pt", say=say, deadline=deadline)
    return denoiser if done else None


def export(
    out: Path,
    tokenizer: CLIPTokenizer,
    autoencoder: AutoencoderKL,
    encoder: CLIPTextModel,
    denoiser: UNet2DConditionModel,
) -> None:
    """Write the parts as diffusers lays them out, weights in float16; loading gives float32."""
    for name, part in (("vae", autoencoder), ("text_encoder", encoder), ("unet", denoiser)):
        part.to("cpu", torch.float16, memory_format=torch.contiguous_format).save_pretrained(out / name)
    config = out / "text_encoder" / "config.json"
    fields = json.loads(config.read_text()) | {"dtype": "float32"}  # transformers would load what the file holds
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n")
    tokenizer.save_pretrained(out / "tokenizer")
    tokenizer.backend_tokenizer.model.save(str(out / "tokenizer"))  # vocab.json and merges.txt, for older releases
    build_scheduler().save_pretrained(out / "scheduler")
    scheduler = out / "scheduler" / "scheduler_config.json"
    scheduler.write_text(json.dumps(json.loads(scheduler.read_text()) | {"skip_prk_steps": True}, indent=2) + "\n")
    parts = {
        "_class_name": "StableDiffusionPipeline",
        "feature_extractor": ["transformers", "CLIPImageProcessor"],
        "requires_safety_checker": True,
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "CLIPTextModel"],
        "tokenizer": ["transformers", "CLIPTokenizer"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
    }
    (out / "model_index.json").write_text(json.dumps(parts, indent=2) + "\n")


def training_of(profile: Profile) -> str:
    """What was trained for how long, for the card."""
    return (
        f"The autoencoder saw {profile.autoencoder.steps * profile.autoencoder_batch} cuts of "
        f"{starter_autoencoder.CUT} pixels, and {profile.firm.steps * profile.firm_batch} whole scenes with noise on "
        "their latents and a loss that asks whether their shapes can still be told, the text "
        f"encoder {profile.words.steps * profile.words_batch} captions, and the denoiser "
        f"{profile.denoiser.steps * profile.denoiser_batch} noisy pictures of {profile.scenes} scenes in "
        f"{profile.captions} wordings each. It learned under guidance: a guidance_scale of {GUIDANCE} gives the "
        "pictures of its training, and the customary 7.5 sharpens them. Then the denoiser drew "
        f"{profile.drawings} scenes, and the decoder learned to draw each, where it was put, as it should look, in "
        f"{profile.decoder.steps} updates."
    )


def train(
    out: Path,
    work: Path,
    *,
    say: Say = print,
    deadline: float | None = None,
    profile: Profile | None = None,
    safety: Recipe = starter_safety.RECIPE,
    shipped: Path | None = None,
) -> bool:
    """Train what is not yet trained and write ``out/starter-image``, its safety checker included.

    With ``shipped``, a directory that this wrote before with the same sizes, each part begins from its weights there.

    Returns True when all is written; False when ``deadline`` came first: the same call goes on from there.
    """
    device = best_device()
    profile = profile or (GPU if device.type == "cuda" else CPU)
    # Stages build on one another: the checkpoints of other numbers would be of other latents.
    numbers = hashlib.sha256(repr(profile).encode()).hexdigest()[:12]
    work = work / f"starter-image-{profile.side}-{numbers}"
    sample = training_scenes(20_000, SEED, 0)
    rng = random.Random(f"{SEED} tokenizer")
    tokenizer = build_tokenizer([caption(sample, i, rng, strange=0.0).text for i in range(len(sample))])
    say(f"starter-image on {device}: {profile.side} pixels, {len(tokenizer)} tokens")
    side, vae = profile.side, shipped and shipped / "vae"
    autoencoder = starter_autoencoder.learn_to_draw(
        side, profile.autoencoder, profile.autoencoder_batch, work, say, deadline, vae
    )
    if autoencoder is None:
        return False
    namer = train_namer(side, profile.namer, profile.namer_batch, work, say, deadline)
    if namer is None or not starter_autoencoder.learn_to_withstand_noise(
        autoencoder, namer, side, profile.firm, profile.firm_batch, work, say, deadline
    ):
        return False
    encoder = train_words(profile, tokenizer, work, say, deadline, shipped)
    if encoder is None:
        return False
    denoiser = train_denoiser(profile, tokenizer, autoencoder, encoder, work, say, deadline, shipped)
    if denoiser is None:
        return False
    # Exported first: what draws, and what the safety checker is trained against, is what users load.
    export(out / "starter-image", tokenizer, autoencoder, encoder, denoiser)
    if not starter_decoder.train(
        out,
        work,
        autoencoder=autoencoder,
        namer=namer,
        side=side,
        drawings=profile.drawings,
        recipe=profile.decoder,
        say=say,
        deadline=deadline,
    ):
        return False
    if not starter_safety.train(
        out, work, autoencoder=autoencoder, side=side, say=say, deadline=deadline, recipe=safety
    ):
        return False
    parts = {
        "unet": denoiser,
        "text_encoder": encoder,
        "vae": autoencoder,
        "safety_checker": starter_safety.build_checker(),
    }
    text = card(
        side=side,
        parameters={name: sum(p.numel() for p in part.parameters()) for name, part in parts.items()},
        training=training_of(profile),
    )
    (out / "starter-image" / "README.md").write_text(text)
    return True
