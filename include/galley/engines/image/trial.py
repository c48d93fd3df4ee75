"""What a pipeline shows when it is loaded: whether steps serve it, what its rows take, which counts give equal bits."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from galley.engines import certificate
from galley.engines.certificate import Probe, RowCounts, certify
from galley.engines.image.decoder import decode
from galley.engines.image.denoiser import DenoiserRow, denoise, rows_of
from galley.engines.image.picture import Picture, Prompts
from galley.engines.image.pipeline import ImagePipeline
from galley.engines.image.room import overhead
from galley.engines.memory import TensorPeak, free_bytes, is_device_lost, is_out_of_memory
from galley.engines.numerics import device
from galley.engines.packed import parameters
from galley.items import ImageParams, PlannedRequest, Request

CANDIDATES, SUBJECTS = (1, 2, 4, 6, 8, 10, 12, 14, 16), 16
DECODED, DECODED_SUBJECTS = (1, 2, 4, 8), 8
LARGE = 200_000_000
"""Parameters from which a UNet is tried at few counts, for each trial takes minutes on a CPU, and pictures are decoded
one at a time, for one alone keeps a processor busy."""
LARGE_CANDIDATES, LARGE_SUBJECTS = (1, 2, 4, 8), 8
TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}
"""How far latents may be from the stock pipeline's after two steps, relative to their size: rounding, no more."""
_DECODE = "; decode "


@dataclass(frozen=True)
class Certificate:
    """Row counts that give equal bits.

    Attributes:
        steps: of the UNet.
        decode: of the autoencoder's decoder.
    """

    steps: RowCounts
    decode: RowCounts

    @property
    def told(self) -> str:
        """As numerics bear it: ``rows 4,8,12; decode 2,4``."""
        return certificate.told(self.steps) + _DECODE + ",".join(map(str, self.decode.counts))

    @classmethod
    def read(cls, text: str) -> Certificate:
        """The certificate that `told` wrote; raises `ValueError` for any other text."""
        steps, _, decoded = text.partition(_DECODE)
        counts = certificate.read(f"rows {decoded}") if decoded else RowCounts((1,))
        return cls(certificate.read(steps), counts)


@dataclass(frozen=True)
class Footprint:
    """What tensors of a row take at once, in bytes for each pixel of its picture.

    Attributes:
        steps: of the UNet.
        decode: of the autoencoder's decoder.
    """

    steps: float
    decode: float


def disagreement(model: ImagePipeline, prompts: Prompts, dtype: str) -> str:
    """Why steps cannot be trusted with this pipeline, or empty: two steps of two prompts against stock's own."""
    side = _side(model)
    expected, found = [], []
    try:
        pictures = []
        for seed, (prompt, guidance) in enumerate((("a red circle", 7.5), ("two words", 3.0))):
            params = ImageParams(width=side, height=side, num_inference_steps=2, guidance_scale=guidance)
            pictures.append(_begun(model, prompts, prompt, params, seed))
            model.pipe.scheduler = model.scheduler("")
            with torch.inference_mode():
                latents = model.pipe(
                    prompt=prompt,
                    num_inference_steps=2,
                    guidance_scale=guidance,
                    width=side,
                    height=side,
                    generator=torch.Generator("cpu").manual_seed(seed),
                    output_type="latent",
                ).images
            expected.append(latents.float())
        with torch.inference_mode():
            for _ in range(pictures[0].evaluations):
                predictions = denoise(model.pipe.unet, [row for picture in pictures for row in rows_of(picture)], 4)
                for number, picture in enumerate(pictures):
                    picture.step(predictions[2 * number : 2 * number + 2])
        found = [picture.latents.float() for picture in pictures]
    except Exception as error:
        if is_out_of_memory(error) or is_device_lost(error):
            raise  # says nothing of the model: another try may find room
        return f"its steps raise {type(error).__name__}: {error}"[:300]
    for own, stock in zip(found, expected, strict=True):
        apart = float((own - stock).abs().max() / stock.abs().max().clamp_min(1e-6))
        if not apart <= TOLERANCE[dtype]:
            return f"its latents differ from the stock pipeline's by {apart:.2g} of their size"
    return ""


def footprint(model: ImagePipeline, prompts: Prompts) -> Footprint:
    """What rows take, measured: the UNet's at its own size, the decoder's at a quarter of its side, for it is slow."""
    side = _side(model)
    params = ImageParams(width=side, height=side, num_inference_steps=1, guidance_scale=1.0)
    picture = _begun(model, prompts, "a red circle", params, 0)
    with torch.inference_mode(), TensorPeak() as steps:
        denoise(model.pipe.unet, rows_of(picture), 1)
    latents = picture.latents[..., ::4, ::4]
    with torch.inference_mode(), TensorPeak() as decoding:
        decode(model.pipe, [latents], 1)
    decoded = latents.shape[-1] * latents.shape[-2] * model.pipe.vae_scale_factor**2
    return Footprint(steps.peak / side**2, decoding.peak / decoded)


def certified(model: ImagePipeline, prompts: Prompts, sizes: Footprint) -> Certificate:
    """Row counts that give equal bits to noisy latents at many timesteps, in any company.

    They are tried at the model's own size, as far as memory has room for them there (``sizes`` say what they take);
    that they hold at other sizes is taken on trust.
    """
    pipe = model.pipe
    large = parameters(pipe.unet) > LARGE
    candidates, subjects = (LARGE_CANDIDATES, LARGE_SUBJECTS) if large else (CANDIDATES, SUBJECTS)
    side, channels = pipe.unet.config.sample_size, pipe.unet.config.in_channels
    random = torch.Generator().manual_seed(0)
    noise = torch.randn((subjects, channels, side, side), generator=random).to(device(), pipe.unet.dtype)
    times = torch.randint(1000, (subjects,), generator=random).to(device(), torch.float32)
    params = ImageParams(width=_side(model), height=_side(model), guidance_scale=1.0)
    rows = [
        DenoiserRow(noise[number : number + 1], times[number], prompts.of(params, f"probe {number}")[0])
        for number in range(subjects)
    ]

    def step(count: int, first: int) -> list[bytes]:
        found = denoise(pipe.unet, [rows[(first + row) % subjects] for row in range(count)], count)
        return [row.float().cpu().numpy().tobytes() for row in found]

    def decoding(count: int, first: int) -> list[bytes]:
        latents = [noise[at : at + 1] for at in ((first + row) % DECODED_SUBJECTS for row in range(count))]
        return [row.numpy().tobytes() for row in decode(pipe, latents, count)]

    alone = RowCounts((1,))  # in no company at all bits cannot depend on it
    probes: tuple[list[Probe], list[Probe]] = ([step], [decoding])
    tried = _fitting(candidates, sizes.steps * _side(model) ** 2, "steps")
    steps = certify(probes[0], tried, subjects=subjects, shifts=2 if large else 8)
    tried = _fitting(DECODED, sizes.decode * _side(model) ** 2, "decode")
    decode_counts = None if large else certify(probes[1], tried, subjects=DECODED_SUBJECTS, shifts=4)
    return Certificate(steps or alone, decode_counts or alone)


def _fitting(candidates: tuple[int, ...], row_bytes: float, forward: str) -> tuple[int, ...]:
    """Candidates whose trial takes at most half of the memory that is free; the smallest at least."""
    most = free_bytes() / 2 / (row_bytes * overhead(device().type, forward).factor)
    return tuple(count for count in candidates if count <= most) or candidates[:1]


def _side(model: ImagePipeline) -> int:
    return int(model.pipe.unet.config.sample_size * model.pipe.vae_scale_factor)


def _begun(model: ImagePipeline, prompts: Prompts, prompt: str, params: ImageParams, seed: int) -> Picture:
    asked = Request(kind="image", model="probe", model_digest="0" * 64, prompt=prompt, params=params, seed=seed)
    picture = Picture(PlannedRequest(key=asked.key, request=asked), params)
    picture.begin(model, prompts)
    return picture
