"""Log-probabilities: what stock `generate` scores give for the same tokens, in both engines and in any company."""

import pytest
import torch

from galley.engines.certificate import RowCounts, told
from galley.engines.stock_text import StockTextEngine
from galley.engines.text import pieces
from galley.engines.text.engine import SlotTextEngine
from galley.engines.text.language_model import LanguageModel
from galley.engines.toys import build_text
from galley.model_files import inspect
from tests.jobs import planned, request

SYMBOLS = {byte: symbol for symbol, byte in pieces.BYTES.items()}
PROMPTS = ("abc", "something longer, so that there is padding", "x")


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return inspect(build_text(tmp_path_factory.mktemp("logprobs") / "toy"))


def engine_of(name, toy):
    if name == "stock":
        engine = StockTextEngine(toy, "float32", 1)
    else:
        engine = SlotTextEngine(toy, "float32", 1, certificate=told(RowCounts((4,))))
    engine.setup()
    return engine


def asks(toy, **params):
    chosen = {"max_new_tokens": 20, "temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.3, **params}
    return [planned(request("text", prompt, toy.digest, seed=n, **chosen)) for n, prompt in enumerate(PROMPTS)]


def made(engine, requests):
    return {outcome.key: outcome.made for outcome in engine.generate(requests)}


@pytest.mark.parametrize("name", ["slots", "stock"])
def test_they_are_the_model_s_own_of_what_was_said(toy, name):
    requests = asks(toy, logprobs=3)
    found = made(engine_of(name, toy), requests)
    language = LanguageModel(toy, "float32")
    for each in requests:
        text, tokens = found[each.key].data.decode(), found[each.key].logprobs
        # The toy's tokens are bytes, so they say which tokens there were.
        said = [byte for token in tokens for byte in token.bytes]
        assert bytes(said).decode(errors="replace") == text
        ids = language.tokenizer.convert_tokens_to_ids([SYMBOLS[byte] for byte in said])
        prompt = language.encode(each.request)
        with torch.inference_mode():
            scores = language.model(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        expected = scores.double().log_softmax(-1)
        for token, chosen, row in zip(tokens, ids, expected, strict=True):
            assert token.logprob == pytest.approx(float(row[chosen]), abs=1e-3)
            assert len(token.top_logprobs) == 3
            best = [other.logprob for other in token.top_logprobs]
            assert best == pytest.approx(row.topk(3).values.tolist(), abs=1e-3)
        assert found[each.key].prompt_tokens == len(prompt)


@pytest.mark.parametrize("name", ["slots", "stock"])
def test_asking_for_them_changes_no_text_and_none_are_told_unasked(toy, name):
    engine = engine_of(name, toy)
    plain, asking = (list(made(engine, asks(toy, **more)).values()) for more in ({}, {"logprobs": 0}))
    assert {each.data for each in plain} == {each.data for each in asking}
    assert all(each.logprobs is None for each in plain)
    assert all(token.top_logprobs == () for each in asking for token in each.logprobs)


def test_company_changes_none_of_them(toy):
    engine = engine_of("slots", toy)
    requests = asks(toy, logprobs=5)
    together = made(engine, requests)
    for each in requests:
        assert made(engine, [each])[each.key] == together[each.key]


@pytest.mark.parametrize("name", ["slots", "stock"])
def test_tokens_behind_a_stop_text_and_end_tokens_are_left_out(toy, name):
    engine = engine_of(name, toy)
    (free,) = made(engine, asks(toy, temperature=0)[:1]).values()
    stop = free.data.decode()[6:8]
    (cut,) = made(engine, asks(toy, temperature=0, stop=(stop,), logprobs=0)[:1]).values()
    assert cut.finish_reason == "stop"
    assert bytes(byte for token in cut.logprobs for byte in token.bytes).decode(errors="replace") == cut.data.decode()
    (ended,) = made(engine, asks(toy, temperature=0, logit_bias={"256": 100.0}, logprobs=0)[:1]).values()
    assert (ended.data, ended.evaluations, ended.logprobs) == (b"", 1, ())
