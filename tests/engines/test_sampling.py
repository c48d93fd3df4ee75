import math
from collections import Counter

import pytest
import torch

from galley.engines.sampling import Draw, PerRow, StopTexts, adjustments, processors
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

    PerRow([[spy], [spy]], [2, 0])(torch.tensor([[0, 0, 5], [7, 8, 9]]), torch.zeros(2, 4))
    assert seen == [[[5]], [[7, 8, 9]]]


ALL = TextParams(
    temperature=0.7,
    top_k=5,
    top_p=0.9,
    min_p=0.1,
    repetition_penalty=1.2,
    frequency_penalty=0.5,
    presence_penalty=0.25,
    no_repeat_ngram_size=2,
    logit_bias={"3": -1.5},
    bad_words=("x",),
    min_new_tokens=3,
)


def test_the_chain_keeps_the_stock_order_with_the_draw_last():
    draw = Draw([1], greedy=False)
    names = [type(each).__name__ for each in adjustments(ALL, 3, [9], [[4]])]
    assert names == [
        "SequenceBiasLogitsProcessor", "RepetitionPenaltyLogitsProcessor", "SaidPenalty",
        "NoRepeatNGramLogitsProcessor", "NoBadWordsLogitsProcessor", "MinNewTokensLengthLogitsProcessor",
    ]  # fmt: skip
    names = [type(each).__name__ for each in processors(ALL, [0], 3, [9], [[4]], draw)]
    assert names == [
        "PerRow", "TemperatureLogitsWarper", "TopKLogitsWarper", "TopPLogitsWarper", "MinPLogitsWarper", "Draw",
    ]  # fmt: skip
    greedy = processors(ALL.model_copy(update={"temperature": 0.0}), [0], 3, [9], [[4]], draw)
    assert [type(each).__name__ for each in greedy] == ["PerRow", "Draw"]
    assert list(processors(TextParams(), [0], 3, [9], [], draw)) == [draw]


def test_what_was_said_costs_a_token_once_and_for_every_time_and_the_prompt_does_not():
    prompt, said = [1, 2, 2], [5, 6, 5]
    scores = torch.zeros(1, 8)
    (penalty,) = adjustments(TextParams(presence_penalty=0.25, frequency_penalty=0.5), len(prompt), [], [])
    out = penalty(torch.tensor([prompt + said]), scores)[0]
    assert out.tolist() == [0, 0, 0, 0, 0, -0.25 - 2 * 0.5, -0.25 - 0.5, 0]
    assert penalty(torch.tensor([prompt]), scores).equal(scores)


def test_padding_is_not_counted_as_said():
    params = TextParams(presence_penalty=1.0)
    chain = processors(params, [2, 0], 3, [], [], Draw([1, 2], greedy=True))
    ids = torch.tensor([[0, 0, 4, 5], [4, 4, 4, 6]])  # the third column is the prompts' last
    out = chain(ids, torch.zeros(2, 8))
    assert out.nonzero().tolist() == [[0, 5], [1, 6]]


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
