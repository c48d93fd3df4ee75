"""Pictures that begin with a picture: what diffusers' image-to-image pipelines make of them, in any company."""

import hashlib
import io
import random

import numpy
import pytest
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionXLImg2ImgPipeline
from PIL import Image

from galley.engines.image import beginning
from galley.engines.image.beginning import pixels
from galley.engines.stock_image import StockImageEngine
from galley.errors import JobInterrupted, JobSpecError, ObjectNotFound, StoreUnavailable
from galley.items import ImageParams
from galley.planning import row
from tests.engines.image.asked import SCHEDULERS, ask, drawn, engine_of, latents_of, mixed
from tests.jobs import planned

# diffusers' schedulers build numpy arrays from tensors in ways that numpy 2 complains of.
pytestmark = pytest.mark.filterwarnings("ignore:__array(_wrap)?__ (implementation|must):DeprecationWarning")


def file_of(picture, kind="PNG"):
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def noise(seed, size=(64, 64)):
    return Image.fromarray(numpy.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype="uint8"))


FILES = {hashlib.sha256(data).hexdigest(): data for data in (file_of(noise(seed)) for seed in range(3))}
BEGINNINGS = tuple(FILES)


def read(sha256):
    return FILES[sha256]


def begun(files, image=BEGINNINGS[0], prompt="a red house", **fields):
    asked = ask(files, prompt, **fields).request
    return planned(asked.model_copy(update={"init_image": image}))


def stock(files, each, kind=StableDiffusionImg2ImgPipeline):
    """Latents that diffusers' own pipeline makes."""
    pipe = kind.from_pretrained(files.directory, **({} if "XL" in kind.__name__ else {"safety_checker": None}))
    pipe.set_progress_bar_config(disable=True)
    params = each.request.params
    if params.scheduler:
        import diffusers

        pipe.scheduler = getattr(diffusers, params.scheduler).from_config(pipe.scheduler.config)
    picture = Image.open(io.BytesIO(FILES[each.request.init_image])).resize((params.width, params.height))
    return pipe(
        prompt=each.request.prompt,
        negative_prompt=params.negative_prompt or None,
        image=picture,
        strength=params.strength,
        num_inference_steps=params.num_inference_steps,
        guidance_scale=params.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(each.request.seed),
        output_type="latent",
    ).images


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_latents_are_stock_diffusers_for_every_scheduler(toy, monkeypatch, scheduler):
    requests = [
        begun(toy, seed=1, num_inference_steps=8, strength=0.5, scheduler=scheduler),
        begun(toy, BEGINNINGS[1], "a lamp", seed=2, num_inference_steps=5, guidance_scale=1.0, scheduler=scheduler),
        ask(toy, "a green lamp", seed=3, num_inference_steps=6),
    ]
    found = latents_of(engine_of(toy, images=read), monkeypatch, requests)
    for each in requests[:2]:
        expected = stock(toy, each)
        assert (found[each.key] - expected).norm() <= 1e-4 * expected.norm()


def test_latents_are_stock_diffusers_for_sdxl(xl, monkeypatch):
    each = begun(xl, seed=1, num_inference_steps=6, strength=0.7, negative_prompt="ugly")
    found = latents_of(engine_of(xl, images=read), monkeypatch, [each])
    expected = stock(xl, each, StableDiffusionXLImg2ImgPipeline)
    assert (found[each.key] - expected).norm() <= 1e-4 * expected.norm()


def test_the_stock_engine_makes_what_the_pipeline_makes(toy):
    engine = StockImageEngine(toy, "float32", 1, images=read)
    engine.setup()
    batch = [begun(toy, image, seed=seed, num_inference_steps=4, strength=0.5) for seed, image in enumerate(BEGINNINGS)]
    made = drawn(engine.generate(batch))
    steps = drawn(engine_of(toy, images=read).generate(batch))
    assert len(set(made.values())) == 3
    for each in batch:
        one, other = (numpy.asarray(Image.open(io.BytesIO(found[each.key])), int) for found in (made, steps))
        assert abs(one - other).max() <= 1
    assert engine.figures.forwards == 3  # the toy's own scheduler, PNDM, makes its second step twice


def test_bytes_depend_on_no_company_and_a_beginning_changes_them(toy):
    begun_ones = [
        begun(toy, BEGINNINGS[n % 3], seed=n, num_inference_steps=2 + n, strength=s)
        for n, s in enumerate((0.5, 0.8, 1.0))
    ]
    requests = [*begun_ones, *mixed(toy, 5)]
    random.Random(4).shuffle(requests)
    together = drawn(engine_of(toy, images=read).generate(requests))
    for each in begun_ones:
        assert drawn(engine_of(toy, images=read).generate([each])) == {each.key: together[each.key]}
    noisy = ask(toy, "a red house", seed=0, num_inference_steps=2)
    assert drawn(engine_of(toy).generate([noisy]))[noisy.key] != together[begun_ones[0].key]


def test_evaluations_are_those_that_were_made(toy):
    each = begun(toy, num_inference_steps=10, strength=0.3, guidance_scale=1.0, scheduler="DDIMScheduler")
    engine = engine_of(toy, images=read)
    (outcome,) = engine.generate([each])
    assert outcome.made.evaluations == 3 == engine.figures.forwards


def test_a_picture_is_cut_to_the_size_around_its_centre_and_stands_on_white():
    wide = Image.new("RGB", (300, 100), "red")
    wide.paste("blue", (100, 0, 200, 100))
    params = ImageParams(width=64, height=64)
    cut = pixels(file_of(wide), params)
    assert cut.crop((8, 0, 56, 64)).getcolors() == [(48 * 64, (0, 0, 255))]  # at the cut its neighbours shine through
    holes = pixels(file_of(Image.new("RGBA", (8, 8), (255, 0, 0, 0))), params)
    assert holes.getcolors() == [(64 * 64, (255, 255, 255))]
    for kind in ("JPEG", "WEBP"):
        assert pixels(file_of(wide, kind), params).size == (64, 64)


def test_what_is_no_picture_or_too_large_fails_alone(toy, monkeypatch):
    bad = {
        "0" * 64: b"\x89PNG\r\n\x1a\n, more or less",
        "1" * 64: FILES[BEGINNINGS[0]][:200],
        "2" * 64: file_of(noise(9), "BMP"),
    }
    monkeypatch.setattr(beginning, "MOST_PIXELS", 64 * 64)
    large = {"3" * 64: file_of(noise(1, (65, 64)))}
    requests = [begun(toy, sha256) for sha256 in (*bad, *large)]
    good = begun(toy, seed=5)
    outcomes = {
        o.key: o for o in engine_of(toy, images={**FILES, **bad, **large}.__getitem__).generate([*requests, good])
    }
    for each in requests:
        assert outcomes[each.key].failure.kind == "bad_init_image"
    assert "65 x 64 pixels" in outcomes[requests[-1].key].failure.message
    assert outcomes[good.key].made is not None


def test_a_beginning_that_does_not_fit_into_memory_costs_other_sizes_nothing(toy, monkeypatch):
    encode = beginning._encoded

    def full(pipe, picture, generator):
        if picture.width == 96:
            raise torch.OutOfMemoryError("no room")
        return encode(pipe, picture, generator)

    monkeypatch.setattr(beginning, "_encoded", full)
    large, small = begun(toy, width=96, height=64), [begun(toy, seed=seed) for seed in range(3)]
    made = {}
    with pytest.raises(JobInterrupted, match="96 x 64"):
        for outcome in engine_of(toy, images=read).generate([large, *small]):
            made[outcome.key] = outcome.made
    assert set(made) == {each.key for each in small} and all(made.values())


def test_a_picture_that_many_begin_with_is_read_once(toy):
    seen = []

    def counted(sha256):
        seen.append(sha256)
        return FILES[sha256]

    requests = [begun(toy, seed=seed) for seed in range(4)] + [begun(toy, width=96, height=64)]
    engine = engine_of(toy, images=counted)
    assert len(drawn(engine.generate(requests))) == 5
    assert len(seen) == 2  # once for each size
    assert engine.figures.phases["begin"] > 0


def test_a_family_that_only_looks_at_pictures_is_refused(toy, monkeypatch):
    class Looks:
        def __call__(self, prompt, image): ...

    monkeypatch.setattr(
        "galley.engines.image.pipeline.AutoPipelineForImage2Image.from_pipe", staticmethod(lambda pipe: Looks())
    )
    (outcome,) = stock_engine(toy, read).generate([begun(toy)])
    assert outcome.failure.kind == "no_init_image" and "cannot begin with a picture" in outcome.failure.message


def test_sdxl_s_autoencoder_encodes_in_float32_where_it_asks_for_it(xl, monkeypatch):
    engine = engine_of(xl, images=read)
    vae, seen = engine._model.pipe.vae, []
    vae.to(torch.bfloat16)
    encode = type(vae).encode
    monkeypatch.setattr(type(vae), "encode", lambda self, x: seen.append((self.dtype, x.dtype)) or encode(self, x))
    for asked in (True, False):
        vae.register_to_config(force_upcast=asked)
        beginning._encoded(engine._model.pipe, noise(1), torch.Generator().manual_seed(0))
        assert vae.dtype == torch.bfloat16
    assert seen == [(torch.float32, torch.float32), (torch.bfloat16, torch.bfloat16)]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ObjectNotFound("gone"), JobSpecError("no input")])
@pytest.mark.parametrize("make", [engine_of, lambda toy, images: stock_engine(toy, images)])
def test_a_picture_that_cannot_be_had_is_no_request_s_fault(toy, error, make):
    def away(sha256):
        raise error

    with pytest.raises(type(error)):
        list(make(toy, images=away).generate([begun(toy)]))


def stock_engine(files, images):
    engine = StockImageEngine(files, "float32", 1, images=images)
    engine.setup()
    return engine


def test_stock_batches_keep_beginnings_and_strengths_apart(toy):
    shapes = [ask(toy), begun(toy), begun(toy, strength=0.5)]
    assert len({row(each.request).shape for each in shapes}) == 3
    assert row(begun(toy).request).shape == row(begun(toy, BEGINNINGS[1], seed=9).request).shape
    assert row(begun(toy, strength=0.4).request).cost < row(begun(toy).request).cost < row(ask(toy).request).cost
    (outcome, *_) = stock_engine(toy, read).generate([ask(toy), begun(toy)])
    assert outcome.made is not None  # made apart
