"""Sampling: what stock processors allow, drawn from the row's own seed whatever its neighbours."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from galley.engines.text import sampler
from galley.engines.text.sampler import Row, sample
from galley.items import TextParams

VOCABULARY = 300


def scores(rows, seed=0, spread=3.0, vocabulary=VOCABULARY):
    return torch.randn(rows, vocabulary, generator=torch.Generator().manual_seed(seed)) * spread


def row(seed=0, prompt=(1, 2, 3), eos=(), **params):
    return Row(TextParams(**params), seed, prompt, eos)


def stock(params, logits):
    """Probabilities that stock warpers leave, (vocabulary,)."""
    chain = LogitsProcessorList()
    if params.temperature != 1:
        chain.append(TemperatureLogitsWarper(params.temperature))
    if params.top_k:
        chain.append(TopKLogitsWarper(params.top_k))
    if params.top_p < 1:
        chain.append(TopPLogitsWarper(params.top_p))
    if params.min_p:
        chain.append(MinPLogitsWarper(params.min_p))
    return chain(torch.zeros((1, 1), dtype=torch.long), logits[None].clone())[0].double().softmax(-1)


params_strategy = st.fixed_dictionaries(
    {
        "temperature": st.sampled_from([0.3, 0.8, 1.0, 1.7]),
        "top_k": st.sampled_from([0, 1, 5, 60, 500]),
        "top_p": st.sampled_from([1.0, 0.95, 0.6, 0.05]),
        "min_p": st.sampled_from([0.0, 0.02, 0.3]),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    params=params_strategy, seed=st.integers(0, 2**63 - 1), which=st.integers(0, 50), spread=st.sampled_from([0.05, 3])
)
def test_the_token_is_the_inverse_of_the_distribution_that_stock_warpers_leave(params, seed, which, spread):
    logits = scores(1, which, spread)
    one = row(seed, **params)
    (token,) = sample(logits, [one])
    uniform = (int(np.random.Philox(key=seed).random_raw()) >> 11) * 2.0**-53
    reached = stock(one.params, logits[0]).cumsum(-1)
    below = reached[token - 1] if token else 0.0
    assert below - 1e-6 <= uniform < reached[token] + 1e-6
    assert stock(one.params, logits[0])[token] > 0


@pytest.mark.parametrize("seed", range(3))
def test_a_row_draws_the_same_alone_and_in_any_company(seed):
    logits = scores(9, seed)
    kinds = [{}, {"temperature": 0.0}, {"top_p": 0.9}, {"top_k": 7}, {"min_p": 0.1}, {"repetition_penalty": 1.5}] * 2
    kinds = kinds[:9]
    alone = [sample(logits[i : i + 1], [row(seed + i, **kinds[i])])[0] for i in range(9)]
    assert sample(logits, [row(seed + i, **kinds[i]) for i in range(9)]) == alone
    order = torch.randperm(9, generator=torch.Generator().manual_seed(seed)).tolist()
    shuffled = sample(logits[order], [row(seed + i, **kinds[i]) for i in order])
    assert shuffled == [alone[i] for i in order]


def test_draws_follow_the_distribution():
    logits = scores(1, 4, 1.0, vocabulary=8).expand(4000, -1)
    tokens = sample(logits, [row(seed, top_p=0.9) for seed in range(4000)])
    seen = torch.bincount(torch.tensor(tokens), minlength=8).double() / 4000
    expected = stock(TextParams(top_p=0.9), logits[0])
    assert (seen - expected).abs().max() < 4 * 0.5 / 4000**0.5
    assert not seen[expected == 0].any()


def test_the_nth_token_takes_the_nth_number_of_its_seed():
    one = row(seed=11)
    tokens = [sample(scores(1, step), [one])[0] for step in range(5)]
    assert one.tokens == tokens
    again = row(seed=11)
    for _ in range(3):
        again.uniform()
    assert sample(scores(1, 3), [again]) == tokens[3:4]


@pytest.mark.parametrize("spread", [0.001, 0.3, 5.0, 60.0])
@pytest.mark.parametrize("top_p", [0.02, 0.5, 0.95, 0.999])
def test_a_nucleus_is_stock_s_for_flat_and_for_steep_distributions(spread, top_p):
    logits = scores(1, 3, spread, vocabulary=20_000)
    logits[0, 5:50] = -torch.inf
    allowed = stock(TextParams(top_p=top_p), logits[0]) > 0
    seen = sample(logits.expand(200, -1), [row(seed, top_p=top_p) for seed in range(200)])
    assert allowed[seen].all()
    reach = sampler._nucleus(logits.amax() - logits, (logits - logits.amax()).double().exp(), [top_p])
    found = (logits.amax() - logits <= reach)[0]
    # At the edge a float32 sum of stock's may be off by one in many thousands.
    assert int((found ^ allowed).sum()) <= max(1, int(allowed.sum()) // 5000)
    assert found.sum() >= 1


def test_tokens_of_one_score_are_in_or_out_together():
    logits = torch.tensor([[2.0, 1.0, 1.0, 1.0, 0.0]])
    reach = sampler._nucleus(2 - logits, (logits - 2).double().exp(), [0.6])
    assert (2 - logits <= reach).tolist() == [[True, True, True, True, False]]


def test_temperature_0_is_the_likeliest_and_equals_go_to_the_first():
    logits = torch.zeros(1, 6)
    logits[0, [2, 4]] = 1.0
    assert sample(logits, [row(temperature=0)]) == [2]


def test_scores_that_are_no_numbers_fail_their_row_alone():
    logits = scores(4)
    expected = sample(logits, [row(seed) for seed in range(4)])
    logits[1, 7] = torch.nan
    logits[2] = -torch.inf
    rows = [row(seed) for seed in range(4)]
    assert sample(logits, rows) == [expected[0], None, None, expected[3]]
    assert [len(each.tokens) for each in rows] == [1, 0, 0, 1]


def test_end_tokens_are_forbidden_until_the_least_length():
    logits = scores(1)
    logits[0, 9] = 100.0
    one = row(eos=[9], min_new_tokens=2, temperature=0)
    tokens = [sample(logits, [one])[0] for _ in range(3)]
    assert 9 not in tokens[:2]
    assert tokens[2] == 9
    assert logits[0, 9] == 100.0


def test_rows_beyond_the_items_are_padding():
    logits = scores(3)
    assert sample(logits, [row(1)]) == sample(logits[:1], [row(1)])


@pytest.mark.parametrize(
    ("params", "eos", "length"),
    [
        ({}, (), 9),
        ({}, (5,), None),
        ({"min_new_tokens": 9}, (5,), 9),
        ({"min_new_tokens": 8}, (5,), None),
        ({"min_new_tokens": 9, "stop": ("x",)}, (5,), None),
        ({"stop": ("x",)}, (), None),
    ],
)
def test_a_length_is_known_where_nothing_can_end_it_earlier(params, eos, length):
    assert row(eos=eos, max_new_tokens=9, **params).length == length
