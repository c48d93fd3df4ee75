"""The step engine: what diffusers makes of a request alone, whatever company it keeps."""

import copy
import io
import random
import threading
from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import diffusers
import numpy
import pytest
import torch
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image

from galley.engines import numerics_of, open_engine
from galley.engines.certificate import RowCounts
from galley.engines.image import trial
from galley.engines.image.decoder import decode
from galley.engines.image.denoiser import denoise, rows_of
from galley.engines.image.engine import StepImageEngine
from galley.engines.image.picture import Picture, Prompts, unsupported
from galley.engines.image.pipeline import ImagePipeline, memory_format
from galley.engines.image.trial import Certificate
from galley.engines.memory import TensorPeak
from galley.engines.stock_image import StockImageEngine
from galley.errors import JobInterrupted, JobSpecError, ModelRefused
from galley.items import ModelSource
from galley.model_files import inspect_adapter
from galley.planning import evaluations
from tests.engines.image.asked import SCHEDULERS, ask, drawn, engine_of, latents_of, mixed, stock_latents
from tests.jobs import safetensors

# diffusers' schedulers build numpy arrays from tensors in ways that numpy 2 complains of.
pytestmark = pytest.mark.filterwarnings("ignore:__array(_wrap)?__ (implementation|must):DeprecationWarning")


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_latents_are_stock_diffusers_for_every_scheduler(toy, monkeypatch, scheduler):
    requests = [
        ask(toy, "a red house", seed=1, num_inference_steps=8, scheduler=scheduler),
        ask(toy, "a lamp", seed=2, num_inference_steps=5, guidance_scale=1.0, scheduler=scheduler),
        ask(toy, "a green lamp", seed=3, num_inference_steps=6, guidance_scale=3.0, negative_prompt="ugly"),
    ]
    found = latents_of(engine_of(toy), monkeypatch, requests)
    model = ImagePipeline(toy, "float32")
    for each in requests:
        expected = stock_latents(model, each)
        assert (found[each.key] - expected).norm() <= 1e-4 * expected.norm()


def test_counts_are_tried_as_far_as_memory_has_room(toy, monkeypatch):
    monkeypatch.setattr(trial, "free_bytes", lambda: 0)
    found = Certificate.read(StepImageEngine(toy, "float32", 1).setup().certificate)
    assert (found.steps.counts, found.decode.counts) == ((1,), (1,))


def test_what_is_finished_is_not_held(toy, monkeypatch):
    begun = []
    begin = Picture.begin
    monkeypatch.setattr(Picture, "begin", lambda self, *given: (begun.append(self), begin(self, *given)))
    engine, made = engine_of(toy), 0
    begun.clear()
    for outcome in engine.generate(mixed(toy, 24)):
        made += outcome.made is not None
        held = [picture for picture in begun if picture.latents is not None]
        assert len(held) <= len(begun) - made
    assert made == 24 and len(begun) == 24
    assert not any(picture.scheduler or picture.conditions for picture in begun)


def test_latents_are_stock_diffusers_for_sdxl_and_other_sizes(xl, monkeypatch):
    requests = [
        ask(xl, "a red house", seed=1),
        ask(xl, "a lamp", seed=2, negative_prompt="ugly", width=96, height=64),
        ask(xl, "a lamp", seed=3, guidance_scale=1.0, scheduler="DDIMScheduler"),
    ]
    found = latents_of(engine_of(xl), monkeypatch, requests)
    model = ImagePipeline(xl, "float32")
    for each in requests:
        expected = stock_latents(model, each)
        assert found[each.key].shape == expected.shape
        assert (found[each.key] - expected).norm() <= 1e-4 * expected.norm()


@pytest.fixture(scope="module")
def adapted(toy, tmp_path_factory):
    """The toy with two LoRAs, and their directories."""
    directories = [tmp_path_factory.mktemp("lora") / name for name in ("one", "two")]
    for seed, directory in enumerate(directories):
        unet = ImagePipeline(toy, "float32").pipe.unet
        torch.manual_seed(seed)
        unet.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False))
        diffusers.StableDiffusionPipeline.save_lora_weights(
            directory, unet_lora_layers=convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
        )
    weights = zip(directories, (0.7, -2.0), strict=True)
    return replace(toy, adapters=tuple(inspect_adapter(at, weight=weight) for at, weight in weights)), directories


@pytest.mark.filterwarnings("ignore:Already found a `peft_config`")  # by the pipeline we compare with
@pytest.mark.parametrize("make", [engine_of, lambda files: stock_engine(files)], ids=["steps", "stock"])
def test_pictures_with_adapters_are_stock_diffusers(toy, adapted, make):
    files, directories = adapted
    each = ask(files, "a red house", seed=1, num_inference_steps=5)
    (outcome,) = make(files).generate([each])
    pipe = ImagePipeline(toy, "float32").pipe
    plain = picture_of(pipe, each)
    for name, directory in zip("ab", directories, strict=True):
        pipe.load_lora_weights(directory, adapter_name=name)
    pipe.set_adapters(["a", "b"], [0.7, -2.0])
    expected = picture_of(pipe, each)
    found = numpy.asarray(Image.open(io.BytesIO(outcome.made.data))).astype(int)
    assert abs(found - expected).max() <= 1
    assert abs(plain - expected).max() > 10


def stock_engine(files):
    engine = StockImageEngine(files, "float32", 1)
    engine.setup()
    return engine


def picture_of(pipe, each):
    params = each.request.params
    (picture,) = pipe(
        prompt=each.request.prompt,
        num_inference_steps=params.num_inference_steps,
        guidance_scale=params.guidance_scale,
        width=params.width,
        height=params.height,
        generator=torch.Generator("cpu").manual_seed(each.request.seed),
    ).images
    return numpy.asarray(picture).astype(int)


def test_an_adapter_that_does_not_fit_is_refused(toy, tmp_path):
    safetensors(tmp_path / "pytorch_lora_weights.safetensors", b"\0\0\0\0")
    files = replace(toy, adapters=(inspect_adapter(tmp_path),))
    with pytest.raises(ModelRefused, match="cannot be added to the model"):
        StepImageEngine(files, "float32", 1).setup()


def test_pictures_are_the_same_in_any_order_company_and_batch_size(toy):
    numerics = StepImageEngine(toy, "float32", 1).setup()
    found = Certificate.read(numerics.certificate)
    counts = found.steps
    assert len(counts.counts) > 1 and len(found.decode.counts) > 1
    engine = engine_of(toy, counts.counts, found.decode.counts)
    requests = mixed(toy, 14)
    together = drawn(engine.generate(requests))
    assert len(set(together.values())) == 14
    for each in requests[:5]:
        assert drawn(engine.generate([each])) == {each.key: together[each.key]}
    shuffled = random.Random(1).sample(requests, len(requests))
    assert drawn(engine.generate(shuffled)) == together
    few = engine_of(toy, counts.counts, found.decode.counts, max_batch_size=counts.counts[1])
    assert drawn(few.generate(requests)) == together
    larger = [ask(toy, seed=number, width=96) for number in range(3)]
    late = drawn(engine.generate([*larger, *requests[3:], *requests[:3]]))
    assert {key: late[key] for key in together} == together


def test_what_is_made_says_what_became_of_it(toy):
    short, long = engine_of(toy).generate([ask(toy, "a b"), ask(toy, "word " * 60, scheduler="HeunDiscreteScheduler")])
    assert (short.made.evaluations, short.made.prompt_truncated) == (4, False)  # PNDM takes one more
    assert (long.made.evaluations, long.made.prompt_truncated) == (5, True)  # Heun evaluates twice a step but the last
    picture = Image.open(io.BytesIO(short.made.data))
    assert (picture.size, picture.format) == ((64, 64), "PNG")
    assert short.seconds > 0 and short.batch_size == 2


@pytest.mark.parametrize("reader", ["tokenizer", "tokenizer_2"])
def test_a_prompt_is_cut_where_either_encoder_of_sdxl_cuts_it(xl, monkeypatch, reader):
    model = ImagePipeline(xl, "float32")
    assert not model.truncated("word " * 14)
    tokenizer = copy.deepcopy(getattr(model.pipe, reader))
    tokenizer.model_max_length = 20
    monkeypatch.setattr(model.pipe, reader, tokenizer)
    assert model.truncated("word " * 14)


@pytest.mark.parametrize("scheduler", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 3, 20])
def test_the_plan_counts_the_evaluations_that_schedulers_make(toy, scheduler, steps):
    made = ImagePipeline(toy, "float32").scheduler(scheduler)
    made.set_timesteps(steps)
    assert evaluations(scheduler, steps) == len(made.timesteps)


def test_pictures_come_as_they_are_done(toy):
    long, short = ask(toy, num_inference_steps=9), ask(toy, seed=1, num_inference_steps=2)
    assert [outcome.key for outcome in engine_of(toy).generate([long, short])] == [short.key, long.key]


def test_rows_are_used_and_none_is_unconditional_without_guidance(toy):
    engine = engine_of(toy, (1, 2, 4, 8))
    list(engine.generate([ask(toy, seed=seed, guidance_scale=1.0, scheduler="DDIMScheduler") for seed in range(16)]))
    assert engine.figures.useful_rows == engine.figures.computed_rows == 16 * 3
    assert engine.figures.sizes == {8: 6}
    assert set(engine.figures.phases) == {"begin", "denoise", "schedule", "decode"}


def test_a_poisoned_picture_fails_alone(toy, monkeypatch):
    requests = mixed(toy, 9)
    engine = engine_of(toy)
    expected = drawn(engine.generate(requests))
    begin, victim = engine._begin, requests[4]

    def poison(picture):
        begin(picture)
        if picture.planned is victim:
            picture.latents = torch.full_like(picture.latents, torch.nan)

    monkeypatch.setattr(engine, "_begin", poison)
    outcomes = list(engine.generate(requests))
    assert {o.key: o.failure.kind for o in outcomes if o.failure} == {victim.key: "not_finite"}
    assert drawn(outcomes) == {key: data for key, data in expected.items() if key != victim.key}


def test_bad_requests_fail_alone(toy, monkeypatch):
    good, odd = ask(toy), ask(toy, seed=1, width=72)  # the UNet halves nine latents to five and cannot join them again
    unknown = ask(toy, seed=2, scheduler="NoSuchScheduler")
    unseeded = ask(toy, seed=3, scheduler="DPMSolverSDEScheduler")
    engine = engine_of(toy)
    step = engine._tick
    outcomes = {o.key: o for o in engine.generate([unknown, good, odd, unseeded])}
    assert outcomes[good.key].made is not None
    assert outcomes[unknown.key].failure.kind == outcomes[unseeded.key].failure.kind == "unknown_scheduler"
    assert outcomes[odd.key].made is not None or outcomes[odd.key].failure.kind == "engine_error"

    def broken(pictures):
        for picture in pictures:
            if picture.planned is odd:
                monkeypatch.setattr(picture.scheduler, "step", None)
        return step(pictures)

    monkeypatch.setattr(engine, "_tick", broken)
    outcomes = {o.key: o for o in engine.generate([odd, ask(toy, seed=4, width=72), good])}
    assert [o.failure is None for o in outcomes.values()].count(False) == 1
    assert outcomes[odd.key].failure.kind == "engine_error"


def test_what_fails_together_is_tried_apart(toy, monkeypatch):
    requests = [ask(toy, seed=seed) for seed in range(5)]
    engine = engine_of(toy)
    expected = drawn(engine.generate(requests))
    begin, forward, poisoned = engine._begin, engine._forward, []

    def mark(picture):
        begin(picture)
        if picture.planned is requests[2]:
            poisoned.append(picture.latents)
            picture.conditions = (picture.conditions[0],) * 2

    def refuse(rows, count):
        if any(row.condition is after.condition for row, after in pairwise(rows)):
            raise ValueError("no such words")
        return forward(rows, count)

    monkeypatch.setattr(engine, "_begin", mark)
    monkeypatch.setattr(engine, "_forward", refuse)
    outcomes = list(engine.generate(requests))
    assert [o.failure.message for o in outcomes if o.failure] == ["ValueError: no such words"]
    assert drawn(outcomes) == {key: data for key, data in expected.items() if key != requests[2].key}


def test_out_of_memory_halves_the_rows_and_loses_and_repeats_nothing(toy, monkeypatch):
    requests = mixed(toy, 10)
    engine = engine_of(toy)
    expected = drawn(engine.generate(requests))
    unet, sizes = engine._model.pipe.unet.forward, Counter()

    def scarce(sample, *arguments, **options):
        sizes[len(sample)] += 1
        if len(sample) > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return unet(sample, *arguments, **options)

    monkeypatch.setattr(engine._model.pipe.unet, "forward", scarce)
    outcomes = list(engine.generate(requests))
    assert sizes[8] == 1
    assert Counter(o.key for o in outcomes) == Counter(each.key for each in requests)
    assert drawn(outcomes) == expected


@pytest.mark.parametrize("part", ["unet", "decoder"])
def test_a_size_too_large_even_alone_ends_the_job_for_now_and_costs_others_nothing(toy, monkeypatch, part):
    small = [ask(toy, seed=seed) for seed in range(5)]
    large = [ask(toy, seed=seed, width=96) for seed in range(2)]
    engine = engine_of(toy)
    expected = drawn(engine.generate(small))
    module = engine._model.pipe.unet if part == "unet" else engine._model.pipe.vae.decoder
    forward = module.forward

    def scarce(sample, *arguments, **options):
        if sample.shape[-1] > 8:
            raise MemoryError
        return forward(sample, *arguments, **options)

    monkeypatch.setattr(module, "forward", scarce)
    outcomes = engine.generate([*large, *small])
    assert drawn(islice(outcomes, 5)) == expected
    with pytest.raises(JobInterrupted, match="2 pictures, the first of 96 x 64, do not fit even alone"):
        next(outcomes)


def test_out_of_memory_while_decoding_halves_the_pictures_and_changes_none(toy, monkeypatch):
    requests = [ask(toy, seed=seed) for seed in range(6)]
    engine = engine_of(toy, (4, 8, 12), (2, 4))
    expected = drawn(engine.generate(requests))
    decoder, sizes = engine._model.pipe.vae.decoder.forward, Counter()

    def scarce(sample, *arguments, **options):
        sizes[len(sample)] += 1
        if len(sample) > 2:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return decoder(sample, *arguments, **options)

    monkeypatch.setattr(engine._model.pipe.vae.decoder, "forward", scarce)
    assert drawn(engine.generate(requests)) == expected
    assert sizes == {4: 1, 2: 3}


def test_pictures_are_decoded_together_and_wait_for_others_only_so_long(toy, monkeypatch):
    engine = engine_of(toy, (8,), (2, 4))
    rows = []
    monkeypatch.setattr(
        "galley.engines.image.finishing.decode",
        lambda pipe, latents, count: rows.append((len(latents), count)) or decode(pipe, latents, count),
    )
    alike = [ask(toy, seed=seed, scheduler="DDIMScheduler") for seed in range(4)]
    list(engine.generate(alike))
    assert rows == [(4, 4)]
    rows.clear()
    long = ask(toy, num_inference_steps=30, scheduler="DDIMScheduler")
    came = [outcome.key for outcome in engine.generate([long, alike[0]])]
    assert rows == [(1, 2), (1, 2)] and came == [alike[0].key, long.key]


def test_a_consumer_that_stops_early_leaves_no_thread(toy):
    before = threading.active_count()
    outcomes = engine_of(toy).generate([ask(toy, seed=seed) for seed in range(6)])
    next(outcomes)
    outcomes.close()
    assert threading.active_count() == before


def test_memory_chooses_among_the_certified_counts_and_changes_no_byte(toy):
    requests = mixed(toy, 8)
    engine = engine_of(toy, (4, 8, 12))
    expected = drawn(engine.generate(requests))
    assert max(engine.figures.sizes) == 12
    for memory, largest in ((int(engine._room.reckon((64, 64), 12)) - 1, 8), (1, 4)):
        tight = engine_of(toy, (4, 8, 12), memory_bytes=memory)
        assert drawn(tight.generate(requests)) == expected
        assert max(tight.figures.sizes) == largest


def test_what_a_row_takes_grows_with_rows_and_hardly_more_slowly_with_pixels(toy):
    model = ImagePipeline(toy, "float32")
    prompts = Prompts(model.pipe)

    def bytes_of(rows, side):
        asked = ask(toy, width=side, height=side, guidance_scale=1.0)
        picture = Picture(asked, asked.request.params)
        picture.begin(model, prompts)
        with TensorPeak() as counted:
            denoise(model.pipe.unet, rows_of(picture) * rows, rows)
        return counted.peak

    assert bytes_of(4, 64) == pytest.approx(4 * bytes_of(1, 64), rel=0.02)
    assert 0.85 < bytes_of(1, 256) / (16 * bytes_of(1, 64)) <= 1  # the words' share does not grow


def test_the_fast_engine_pads_nothing_and_says_so(toy):
    source = ModelSource(name="toy", source=str(toy.directory), digest=toy.digest, engine="steps-fast")
    numerics = numerics_of(source, toy, 1)
    assert (numerics.engine, numerics.certificate) == ("steps-fast", "")
    engine = open_engine(source, toy, 1)
    assert engine.setup() == numerics
    requests = mixed(toy, 9)
    fast = drawn(engine.generate(requests))
    assert engine.figures.useful_rows == engine.figures.computed_rows
    assert len(engine.figures.sizes) > 2
    exact = drawn(engine_of(toy).generate(requests))
    for key, data in fast.items():
        pixels = (numpy.asarray(Image.open(io.BytesIO(each))).astype(int) for each in (data, exact[key]))
        assert abs(next(pixels) - next(pixels)).max() <= 1


def test_a_certificate_is_read_as_it_was_told_and_an_old_one_decodes_alone():
    told = "rows 4,8,12; decode 2,4"
    assert Certificate.read(told).told == told
    assert Certificate.read("rows 4,8") == Certificate(RowCounts((4, 8)), RowCounts((1,)))
    with pytest.raises(ValueError, match="is no certificate"):
        Certificate.read("columns 4")


def test_a_limit_below_the_smallest_count_is_an_error_that_names_it(toy):
    with pytest.raises(JobSpecError, match="max_batch_size 2 is below 4"):
        engine_of(toy, (4, 8), max_batch_size=2)


def test_a_pipeline_that_steps_cannot_serve_runs_as_it_is(toy, monkeypatch):
    monkeypatch.setattr("galley.engines.image.picture.FAMILIES", ())
    engine = StepImageEngine(toy, "float32", 1)
    numerics = engine.setup()
    assert (numerics.engine, numerics.certificate) == ("stock", "")
    assert engine.fallback.startswith("it is a StableDiffusionPipeline")
    assert engine.planned_batches
    requests = [ask(toy, seed=seed) for seed in range(3)]
    assert list(drawn(engine.generate(requests)).items()) == list(drawn(stock_engine(toy).generate(requests)).items())
    assert engine.figures.sizes == {6: 4}


@pytest.mark.parametrize(
    "family", ["StableDiffusionControlNetPipeline", "StableDiffusion3Pipeline", "FluxPipeline", "PixArtAlphaPipeline"]
)
def test_other_families_are_named_as_the_reason(family):
    assert unsupported(type(family, (), {})()).startswith(f"it is a {family}; only StableDiffusionPipeline and ")


def test_an_inpainting_unet_is_not_served(toy):
    pipe = ImagePipeline(toy, "float32").pipe
    assert unsupported(pipe) == ""
    pipe.unet.register_to_config(in_channels=9)
    assert unsupported(pipe) == "its UNet takes 9 channels, its autoencoder has 4"


def test_channels_last_is_told_and_pictures_stay_those_of_diffusers_and_of_every_company(toy, monkeypatch):
    monkeypatch.setattr("galley.engines.image.engine.channels_last_helps", lambda: True)
    engine = StepImageEngine(toy, "float32", 1, certificate=Certificate(RowCounts((8,)), RowCounts((4,))).told)
    assert engine.setup().layout == "channels_last"
    assert memory_format(engine._model.pipe.unet) == memory_format(engine._model.pipe.vae) == torch.channels_last
    requests = mixed(toy, 5)
    together = drawn(engine.generate(requests))
    assert drawn(engine.generate(requests[3:4])) == {requests[3].key: together[requests[3].key]}
    found = latents_of(engine, monkeypatch, requests)
    model = ImagePipeline(toy, "float32")
    for each in requests:
        expected = stock_latents(model, each)
        assert (found[each.key] - expected).norm() <= 1e-4 * expected.norm()


def test_steps_that_disagree_with_the_pipeline_s_own_are_not_trusted(toy, monkeypatch):
    monkeypatch.setattr(
        "galley.engines.image.picture.Picture.asks",
        lambda self: self.scheduler.scale_model_input(self.latents, 0) * 1.1,
    )
    engine = StepImageEngine(toy, "float32", 1)
    assert engine.setup().engine == "stock"
    assert "latents differ from the stock pipeline's" in engine.fallback


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_registry_opens_it_by_name(toy, dtype):
    source = ModelSource(name="toy", source=str(toy.directory), digest=toy.digest, engine="steps", dtype=dtype)
    assert isinstance(open_engine(source, toy, 1), StepImageEngine)
    numerics = numerics_of(source, toy, 1)
    assert (numerics.engine, numerics.dtype) == ("steps", dtype)
    engine = open_engine(source, toy, 1, numerics.certificate)
    assert engine.setup() == numerics
    requests = mixed(toy, 7)
    together = drawn(engine.generate(requests))
    assert all(numpy.asarray(Image.open(io.BytesIO(data))).std() > 0 for data in together.values())
    assert drawn(engine.generate(requests[4:5])) == {requests[4].key: together[requests[4].key]}
