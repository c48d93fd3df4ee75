"""Grouped attention: what stock eager attention gives, for shared and own keys, masks, and scores that are capped."""

import pytest
import torch
from transformers import Gemma2Config, LlamaConfig
from transformers.models.gemma2 import modeling_gemma2
from transformers.models.llama import modeling_llama

from galley.engines.text.attention import grouped

SIZES = {"hidden_size": 32, "num_attention_heads": 8, "head_dim": 8}


def given(groups, queries, dtype, keys=70, rows=3):
    random = torch.Generator().manual_seed(0)

    def drawn(*shape):
        return torch.randn(shape, generator=random).to(dtype)

    mask = torch.zeros(rows, 1, queries, keys, dtype=dtype)
    mask[0, :, :, 50:] = torch.finfo(dtype).min
    # As the cache gives them: slices of longer rows, which are not contiguous.
    key, value = (drawn(rows, groups, 2 * keys, 8)[:, :, :keys] for _ in range(2))
    return drawn(rows, 8, queries, 8), key, value, mask


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("queries", [1, 64])
@pytest.mark.parametrize("groups", [8, 4, 1])
def test_it_is_eager_attention_that_repeats_no_keys(groups, queries, dtype):
    query, key, value, mask = given(groups, queries, dtype)
    layer = modeling_llama.LlamaAttention(LlamaConfig(**SIZES, num_key_value_heads=groups), 0).eval()
    expected, _ = modeling_llama.eager_attention_forward(layer, query, key, value, mask, scaling=0.3)
    found, weights = grouped(layer, query, key, value, mask, scaling=0.3)
    assert weights is None
    assert found.shape == (3, queries, 8, 8)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("softcap", [None, 2.0])
def test_capped_scores_are_gemma_s(softcap):
    query, key, value, mask = given(2, 5, torch.float32)
    layer = modeling_gemma2.Gemma2Attention(Gemma2Config(**SIZES, num_key_value_heads=2), 0).eval()
    expected, _ = modeling_gemma2.eager_attention_forward(layer, query, key, value, mask, scaling=0.5, softcap=softcap)
    found, _ = grouped(layer, query, key, value, mask, scaling=0.5, softcap=softcap)
    torch.testing.assert_close(found, expected)


def test_keys_are_read_in_place():
    query, key, value, mask = given(2, 1, torch.float32)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], record_shapes=True) as seen:
        grouped(None, query, key, value, mask)
    copied = [
        event.input_shapes
        for event in seen.key_averages(group_by_input_shape=True)
        if event.key in ("aten::copy_", "aten::clone", "aten::contiguous")
    ]
    assert not [shapes for shapes in copied if shapes and 70 in shapes[0] and 8 in shapes[0][-1:]]


@pytest.mark.parametrize("extra", [{"s_aux": torch.zeros(8)}, {"position_bias": torch.zeros(1)}, {"dropout": 0.1}])
def test_what_it_has_not_is_refused(extra):
    with pytest.raises(NotImplementedError, match="no dropout, attention sinks"):
        grouped(None, *given(8, 1, torch.float32), **extra)
