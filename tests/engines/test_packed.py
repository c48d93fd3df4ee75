"""Packed linear layers: what plain ones compute, in the order that oneDNN reads."""

import weakref

import pytest
import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from galley.engines import packed
from galley.engines.packed import LAYOUT, PackedConv2d, PackedLinear, pack_model
from galley.engines.text.engine import SlotTextEngine
from tests.engines.text.test_int8 import GPT2, LLAMA, OPT, model_of

CLOSE = {torch.float32: 1e-5, torch.bfloat16: 1e-2}


def supported(dtype):
    made = packed._packed(nn.Linear(16, 8).to(dtype))
    if made is None:
        pytest.skip(f"oneDNN packs no {dtype} on this processor")
    return made


@pytest.mark.parametrize("dtype", list(CLOSE))
@pytest.mark.parametrize(("inputs", "outputs"), [(64, 48), (96, 50), (40, 7), (16, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_computes_what_the_plain_one_does_for_every_number_of_rows(dtype, inputs, outputs, bias):
    supported(dtype)
    torch.manual_seed(0)
    layer = nn.Linear(inputs, outputs, bias=bias).to(dtype)
    made = PackedLinear(layer.weight, layer.bias)
    for shape in ((1,), (2, 1), (5, 3), (33,), (2, 64)):
        x = torch.randn(*shape, inputs).to(dtype)
        with torch.inference_mode():
            found, expected = made(x), layer(x)
        assert found.shape == expected.shape and found.dtype == dtype
        assert torch.allclose(found.float(), expected.float(), atol=CLOSE[dtype], rtol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", list(CLOSE))
@pytest.mark.parametrize(
    ("inputs", "outputs", "options"),
    [
        (8, 16, {"kernel_size": 3, "padding": 1}),
        (16, 4, {"kernel_size": 1}),
        (8, 8, {"kernel_size": 3, "stride": 2, "padding": 1, "bias": False}),
        (8, 16, {"kernel_size": (3, 5), "padding": (0, 2), "dilation": 2, "groups": 4}),
    ],
)
def test_a_convolution_computes_what_the_plain_one_does_for_every_size(dtype, inputs, outputs, options):
    supported(dtype)
    torch.manual_seed(0)
    layer = nn.Conv2d(inputs, outputs, **options).to(dtype)
    made = packed._packed(layer)
    if made is None:
        pytest.skip("oneDNN packs no such convolution here")
    assert isinstance(made, PackedConv2d)
    for shape in ((1, 16, 16), (3, 9, 24), (33, 11, 10)):
        x = torch.randn(shape[0], inputs, *shape[1:]).to(dtype)
        with torch.inference_mode():
            found, expected = made(x), layer(x)
        assert found.shape == expected.shape and found.dtype == dtype
        assert torch.allclose(found.float(), expected.float(), atol=CLOSE[dtype], rtol=CLOSE[dtype])


def test_what_is_packed_is_counted_as_it_was():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8, 4))
    before = packed.parameters(model)
    assert before == 3 * 8 * 9 + 8 + 8 * 4 + 4
    biases = 12 if pack_model(model) else 0  # packed layers keep them beside
    assert packed.parameters(model) == before - biases


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_row_that_is_no_number_spoils_itself_alone(bad):
    supported(torch.float32)
    layer = nn.Linear(16, 8)
    made, rows = PackedLinear(layer.weight, layer.bias), torch.randn(3, 16)
    expected = made(rows)
    rows[1, 5] = bad
    found = made(rows)
    assert torch.equal(found[[0, 2]], expected[[0, 2]])
    assert not found[1].isfinite().any()


@pytest.mark.parametrize("config", [GPT2, LLAMA, OPT], ids=lambda config: config.model_type)
def test_a_model_says_the_same_with_every_linear_layer_packed(config):
    supported(torch.float32)
    model, ids = model_of(config), torch.arange(20)[None]
    expected = model(ids).logits
    assert pack_model(model) == LAYOUT
    assert not any(type(layer) in (nn.Linear, Conv1D) for layer in model.modules())
    assert torch.allclose(model(ids).logits, expected, atol=1e-4)


@pytest.mark.parametrize("how", ["missing", "refused", "wrong"])
def test_what_cannot_be_packed_stays_as_it_is(monkeypatch, how):
    def forward(self, x):
        if how == "wrong":
            return x.new_zeros(*x.shape[:-1], 8)
        raise {"missing": AttributeError, "refused": RuntimeError}[how]("no such operation")

    monkeypatch.setattr(PackedLinear, "forward", forward)
    model = nn.Sequential(nn.Linear(16, 8))
    layer = model[0]
    assert pack_model(model) == ""
    assert model[0] is layer


def test_memory_that_runs_out_leaves_no_model_half_packed(monkeypatch):
    def forward(self, x):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(PackedLinear, "forward", forward)
    with pytest.raises(RuntimeError, match="can't allocate"):
        pack_model(nn.Sequential(nn.Linear(16, 8)))


def test_plain_weights_go_one_by_one_and_a_layer_in_two_places_is_packed_once(monkeypatch):
    supported(torch.float32)
    layers = [nn.Linear(8, 8) for _ in range(5)]
    model = nn.Sequential(*layers, layers[0])
    weights = [weakref.ref(layer.weight) for layer in layers]
    del layers
    alive = []

    def counted(layer):
        alive.append(sum(weight() is not None for weight in weights))
        return packs(layer)

    packs = packed._packed
    monkeypatch.setattr(packed, "_packed", counted)
    assert pack_model(model) == LAYOUT
    assert alive == [5, 4, 3, 2, 1]
    assert model[5] is model[0] and isinstance(model[0], PackedLinear)


def test_other_dtypes_and_subclasses_are_left_alone():
    class Special(nn.Linear):
        pass

    model = nn.Sequential(Special(16, 8), nn.Linear(8, 4).half())
    assert pack_model(model) == ""


def test_a_model_that_looks_at_its_weights_is_served_as_it_is(text, monkeypatch):
    supported(torch.float32)
    engine = SlotTextEngine(text.files, "float32", 1)
    assert engine.setup().layout == LAYOUT

    def look(model):
        assert pack_model(model) == LAYOUT
        model.lm_head.register_forward_pre_hook(lambda layer, given: layer.weight)
        return LAYOUT

    monkeypatch.setattr("galley.engines.text.engine.pack_model", look)
    engine = SlotTextEngine(text.files, "float32", 1)
    numerics = engine.setup()
    assert (numerics.engine, numerics.layout, engine.fallback) == ("slots", "", "")
