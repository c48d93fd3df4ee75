import math
from collections import Counter

import pytest
import torch

from galley.engines.sampling import Draw, PerRow, StopTexts, processors
from galley.items import TextParams


def test_draws_have_the_probabilities_of_the_scores():
    scores = torch.log(torch.tensor([0.5, 0.3, 0.15, 0.05]))
    rows = 4000
    drawn = Draw(range(rows), greedy=False)(torch.zeros(rows, 1), scores.repeat(rows, 1)).argmax(-1)
    counts = Counter(drawn.tolist())
    for token, p in enumerate([0.5, 0.3, 0.15, 0.05]):
        # Four standard deviations of a binomial share.
        assert abs(counts[token] / rows - p) < 4 * math.sqrt(p * (1 - p) / rows)


def test_a_row_draws_the_same_alone_and_among_others():
    scores = torch.randn(3, 50, generator=torch.Generator().manual_seed(1))
    together = Draw([7, 8, 9], greedy=False)
    alone = Draw([8], greedy=False)
    for _ in range(5):
        assert torch.equal(together(None, scores)[1], alone(None, scores[1:2])[0])


def test_a_forbidden_token_is_never_drawn():
    scores = torch.tensor([[0.0, -math.inf, 0.0]]).repeat(500, 1)
    drawn = Draw(range(500), greedy=False)(None, scores).argmax(-1)
    assert set(drawn.tolist()) == {0, 2}


def test_greedy_adds_nothing():
    scores = torch.randn(2, 9)
    assert torch.equal(Draw([1, 2], greedy=True)(None, scores), scores)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_rows_that_are_no_numbers_are_marked_and_the_others_kept(bad):
    scores = torch.zeros(3, 4)
    scores[1, 2] = bad
    draw = Draw([1, 2, 3], greedy=True)
    out = draw(None, scores)
    assert draw.broken == [False, True, False]
    assert torch.isfinite(out).all()
    assert draw(None, torch.full((3, 4), -math.inf)).isfinite().all()
    assert draw.broken == [True, True, True]


def test_history_is_read_without_the_padding():
    seen = []

    def spy(ids, scores):
        seen.append(ids.tolist())
        return scores

    PerRow(spy, [2, 0])(torch.tensor([[0, 0, 5], [7, 8, 9]]), torch.zeros(2, 4))
    assert seen == [[[5]], [[7, 8, 9]]]


def test_the_chain_keeps_the_stock_order_with_the_draw_last():
    params = TextParams(
        temperature=0.7, top_k=5, top_p=0.9, min_p=0.1, repetition_penalty=1.2, no_repeat_ngram_size=2, min_new_tokens=3
    )
    draw = Draw([1], greedy=False)
    names = [type(each).__name__ for each in processors(params, [0], 3, [9], draw)]
    assert names == [
        "PerRow", "PerRow", "MinNewTokensLengthLogitsProcessor", "TemperatureLogitsWarper", "TopKLogitsWarper",
        "TopPLogitsWarper", "MinPLogitsWarper", "Draw",
    ]  # fmt: skip
    greedy = processors(params.model_copy(update={"temperature": 0.0}), [0], 3, [9], draw)
    assert [type(each).__name__ for each in greedy][-2:] == ["MinNewTokensLengthLogitsProcessor", "Draw"]


class Letters:
    """A tokenizer of single characters."""

    def decode(self, ids, skip_special_tokens):
        return "".join(chr(int(token)) for token in ids)


def test_a_stop_text_is_found_as_soon_as_it_is_whole():
    written = [[ord(letter) for letter in "--abSTOPcd"], [ord(letter) for letter in "--abcdefgh"]]
    stop = StopTexts(Letters(), ["STOP"], 2, 2)
    for length in range(3, 11):
        ended = stop(torch.tensor([row[:length] for row in written]), None)
        assert ended.tolist() == [length >= 8, False]
    assert stop.ends == [6, None]
