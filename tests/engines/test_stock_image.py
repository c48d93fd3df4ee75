import io

import numpy
import pytest
import torch
from diffusers import DDIMScheduler, EulerAncestralDiscreteScheduler, StableDiffusionPipeline
from PIL import Image

from galley.engines import numerics_of
from galley.engines.image.pipeline import png
from galley.engines.stock_image import StockImageEngine
from galley.errors import ModelRefused
from galley.model_files import inspect
from tests.jobs import image_model, source

# diffusers' schedulers build numpy arrays from tensors in a way that numpy 2 complains of.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SIZE = {"width": 64, "height": 64, "num_inference_steps": 3}


@pytest.fixture(scope="module")
def pipeline(image):
    """The same model as any user of diffusers loads it."""
    made = StableDiffusionPipeline.from_pretrained(image.files.directory, safety_checker=None)
    made.set_progress_bar_config(disable=True)
    return made


def pixels(outcome):
    assert outcome.failure is None, outcome.failure
    return numpy.asarray(Image.open(io.BytesIO(outcome.made.data)))


@pytest.mark.parametrize(
    ("options", "scheduler"),
    [
        ({"guidance_scale": 5.0}, None),
        ({"guidance_scale": 1.0}, None),
        ({"guidance_scale": 7.5, "negative_prompt": "ugly"}, None),
        ({"scheduler": "DDIMScheduler"}, DDIMScheduler),
        ({"scheduler": "EulerAncestralDiscreteScheduler"}, EulerAncestralDiscreteScheduler),
    ],
)
def test_a_batch_is_what_diffusers_makes_with_a_list_of_generators(image, pipeline, options, scheduler):
    prompts = ["a red bicycle", "a green house", "a blue lamp"]
    outcomes = image.make(*(image.ask(p, seed=n, **SIZE, **options) for n, p in enumerate(prompts)))
    own = pipeline.scheduler
    if scheduler is not None:
        pipeline.scheduler = scheduler.from_config(own.config)
    negative = options.get("negative_prompt")
    expected = pipeline(
        prompts,
        negative_prompt=[negative] * 3 if negative else None,
        guidance_scale=options.get("guidance_scale", 7.5),
        generator=[torch.Generator("cpu").manual_seed(n) for n in range(3)],
        **SIZE,
    ).images
    pipeline.scheduler = own
    for outcome, picture in zip(outcomes, expected, strict=True):
        assert numpy.array_equal(pixels(outcome), numpy.asarray(picture))
    assert len({outcome.made.data for outcome in outcomes}) == 3


def test_repeating_a_batch_repeats_its_bytes(image):
    batch = [image.ask(seed=seed, scheduler="EulerAncestralDiscreteScheduler", **SIZE) for seed in range(3)]
    assert [o.made.data for o in image.make(*batch)] == [o.made.data for o in image.make(*batch)]


def test_a_scheduler_of_one_batch_does_not_leak_into_the_next(image):
    before = image.make(image.ask(**SIZE))[0].made.data
    image.make(image.ask(scheduler="DDIMScheduler", **SIZE))
    assert image.make(image.ask(**SIZE))[0].made.data == before


@pytest.mark.parametrize("name", ["NoSuchScheduler", "DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"])
def test_a_scheduler_that_cannot_be_used_is_named(image, name):
    outcomes = image.make(*(image.ask(seed=seed, scheduler=name, **SIZE) for seed in range(2)))
    assert {outcome.failure.kind for outcome in outcomes} == {"unknown_scheduler"}
    assert name in outcomes[0].failure.message


def test_a_prompt_that_is_cut_says_so(image):
    short, long = image.make(image.ask("a b", **SIZE), image.ask("word " * 60, **SIZE))
    assert (short.made.prompt_truncated, long.made.prompt_truncated) == (False, True)


def test_pictures_that_are_no_numbers_fail_alone(image, monkeypatch):
    decode = image.engine._model.pipe.vae.decode

    def poisoned(*arguments, **options):
        out = decode(*arguments, **options)
        out[0][1] = float("nan")
        return out

    monkeypatch.setattr(image.engine._model.pipe.vae, "decode", poisoned)
    outcomes = image.make(*(image.ask(seed=seed, **SIZE) for seed in range(3)))
    assert [outcome.failure.kind if outcome.failure else "" for outcome in outcomes] == ["", "not_finite", ""]


def test_the_safety_checker_is_not_part_of_the_pipeline(image):
    assert image.engine._model.pipe.safety_checker is None


def test_png_is_the_same_for_the_same_pixels_and_holds_nothing_else():
    data = numpy.arange(8 * 8 * 3, dtype="uint8").reshape(8, 8, 3)
    assert png(data) == png(data.copy())
    picture = Image.open(io.BytesIO(png(data)))
    assert (picture.info, picture.size, picture.mode) == ({}, (8, 8), "RGB")
    assert numpy.array_equal(numpy.asarray(picture), data)


def test_numerics_say_what_decides_the_bytes(image):
    assert set(image.numerics.versions) == {"torch", "diffusers", "transformers", "tokenizers", "pillow"}
    assert image.numerics.engine == "stock"


def test_files_that_do_not_load_are_refused(tmp_path):
    with pytest.raises(ModelRefused, match="cannot be loaded as a text-to-image pipeline"):
        StockImageEngine(inspect(image_model(tmp_path / "broken")), "float32", 1).setup()


def test_the_planner_is_told_the_numerics_that_a_job_will_have(image, text):
    for bench in (image, text):
        assert numerics_of(source(bench.files.directory), bench.files, 1) == bench.numerics
