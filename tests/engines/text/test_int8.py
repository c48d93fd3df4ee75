"""Eight bits: near to what floats give, and each row for itself."""

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, OPTConfig
from transformers.pytorch_utils import Conv1D

from galley.engines.text.int8 import Int8Embedding, Int8Linear, quantise, quantise_model


def linear(inputs, outputs, seed=0):
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs)


def eight(layer):
    return Int8Linear(*quantise(layer.weight), layer.bias)


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 48), (96, 50), (40, 7)])
def test_a_layer_is_within_the_rounding_of_its_weights_and_inputs(inputs, outputs):
    layer = linear(inputs, outputs)
    x = torch.randn(5, 3, inputs)
    error = (eight(layer)(x) - layer(x)).abs()
    # Half a step of each factor against the other's largest value, for every term of the sum.
    rounding = x.abs().amax(-1, keepdim=True) * layer.weight.abs().amax(-1) * inputs * (1 / 127 + 1 / (4 * 127**2))
    assert error.shape == (5, 3, outputs)
    assert (error <= rounding).all()
    assert error.std() < 0.02


def test_a_row_becomes_the_same_at_every_place_among_any_number_of_any_neighbours():
    layer, row = eight(linear(64, 80)), torch.randn(64)
    alone = layer(row[None])[0]
    for count in range(1, 41):
        rows = torch.randn(count, 64) * 10 ** torch.randint(-3, 4, (count, 1)).float()
        rows[count // 3] = row
        assert torch.equal(layer(rows)[count // 3], alone)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_a_row_that_is_no_number_spoils_itself_alone(bad):
    layer, rows = eight(linear(16, 8)), torch.randn(3, 16)
    expected = layer(rows)
    rows[1, 5] = bad
    found = layer(rows)
    assert torch.equal(found[[0, 2]], expected[[0, 2]])
    assert not found[1].isfinite().any()


def test_zeros_stay_zeros():
    layer = linear(16, 8)
    assert torch.equal(eight(layer)(torch.zeros(2, 16)), layer.bias.expand(2, 8))


def model_of(config):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config).eval()


GPT2 = GPT2Config(vocab_size=131, n_embd=32, n_layer=2, n_head=4, n_positions=64)
LLAMA = LlamaConfig(
    vocab_size=131, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    tie_word_embeddings=False,
)  # fmt: skip
OPT = OPTConfig(
    vocab_size=131, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4, word_embed_proj_dim=32,
    max_position_embeddings=64,
)  # fmt: skip


@pytest.mark.parametrize("config", [GPT2, LLAMA, OPT], ids=lambda config: config.model_type)
def test_a_model_says_nearly_the_same_in_half_the_memory(config):
    model, ids = model_of(config), torch.arange(20)[None]
    expected = model(ids).logits
    large = sum(p.numel() * p.element_size() for p in model.parameters())
    quantise_model(model)
    found = model(ids).logits
    assert (found - expected).abs().max() / expected.std() < 0.15
    kept = {id(each): each for each in [*model.parameters(), *model.buffers()]}
    storages = {each.untyped_storage().data_ptr(): each.untyped_storage().nbytes() for each in kept.values()}
    assert sum(storages.values()) < large / 2  # tiny models have much beside their matrices
    assert not any(type(layer) in (nn.Linear, Conv1D) for layer in model.modules())
    assert type(model.get_input_embeddings()) is Int8Embedding


def test_a_tied_head_shares_the_words_numbers_and_another_has_its_own():
    tied, apart = model_of(GPT2), model_of(LLAMA)
    for model, same in ((tied, True), (apart, False)):
        quantise_model(model)
        words, head = model.get_input_embeddings(), model.get_output_embeddings()
        # 131 words are filled up to 136 outputs, which takes a copy.
        assert torch.equal(words.weight, head.weight[:131]) is same
        assert torch.equal(words.scale[:, 0], head.scale) is same
