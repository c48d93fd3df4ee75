import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from galley.engines.stock_text import StockTextEngine
from galley.engines.toys import build_text
from galley.errors import ModelRefused
from galley.items import Message, Request, TextParams
from galley.model_files import inspect
from tests.jobs import planned, safetensors, text_model

PROMPTS = ["a", "a red bicycle", "something rather longer to begin with", "x y z"]


@pytest.fixture(scope="module")
def stock(text):
    """The same model as any user of transformers loads it."""
    directory = text.files.directory
    return AutoModelForCausalLM.from_pretrained(directory).eval(), AutoTokenizer.from_pretrained(directory)


def reference(stock, prompt, **options):
    model, tokenizer = stock
    ids = tokenizer(prompt, return_tensors="pt").input_ids
    out = model.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=tokenizer.eos_token_id, **options)
    return tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def said(outcome):
    assert outcome.failure is None, outcome.failure
    return outcome.made.data.decode()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"repetition_penalty": 1.8},
        {"no_repeat_ngram_size": 2},
        {"min_new_tokens": 20},
        {"repetition_penalty": 0.7, "no_repeat_ngram_size": 3},
    ],
)
def test_temperature_0_in_a_padded_batch_is_what_generate_says_alone(text, stock, options):
    outcomes = text.make(*(text.ask(p, temperature=0, max_new_tokens=24, **options) for p in PROMPTS))
    expected = [reference(stock, p, do_sample=False, max_new_tokens=24, **options) for p in PROMPTS]
    assert [said(outcome) for outcome in outcomes] == expected
    assert len(set(expected)) > 1


def test_a_seed_gives_the_same_text_whatever_its_neighbours(text):
    together = text.make(*(text.ask("same words", seed=seed, max_new_tokens=30) for seed in range(4)))
    other_way = text.make(*(text.ask("same words", seed=seed, max_new_tokens=30) for seed in (3, 1, 0, 2)))
    by_key = {outcome.key: said(outcome) for outcome in together}
    assert {outcome.key: said(outcome) for outcome in other_way} == by_key
    assert len(set(by_key.values())) == 4


def test_repeating_a_batch_repeats_its_bytes(text):
    batch = [text.ask(p, seed=n, max_new_tokens=20, temperature=0.9, top_p=0.9) for n, p in enumerate(PROMPTS)]
    assert [said(o) for o in text.make(*batch)] == [said(o) for o in text.make(*batch)]


def test_top_k_1_is_greedy_whatever_the_seed(text):
    greedy = said(text.make(text.ask(temperature=0, max_new_tokens=20))[0])
    assert said(text.make(text.ask(temperature=1.0, top_k=1, seed=5, max_new_tokens=20))[0]) == greedy


def test_a_stop_text_ends_its_row_alone_and_is_cut_off(text):
    free = said(text.make(text.ask(temperature=0, max_new_tokens=40))[0])
    stop = free[7:9]
    at = free.index(stop)
    ended, other = text.make(
        text.ask(temperature=0, max_new_tokens=40, stop=(stop,)),
        text.ask("quite another beginning", temperature=0, max_new_tokens=40, stop=(stop,)),
    )
    assert said(ended) == free[:at]
    assert ended.made.finish_reason == "stop"
    assert ended.made.evaluations <= 40
    alone = said(text.make(text.ask("quite another beginning", temperature=0, max_new_tokens=40))[0])
    assert said(other) == (alone[: alone.index(stop)] if stop in alone else alone)


def test_the_length_limit_is_told_from_an_end(text):
    (outcome,) = text.make(text.ask(max_new_tokens=5, temperature=0))
    assert (outcome.made.finish_reason, outcome.made.evaluations) == ("length", 5)


def test_the_end_token_stops_a_row(text):
    # Every token ends: the model's own end tokens are all of its vocabulary.
    engine, saved = text.engine._language, text.engine._language.eos
    engine.eos = list(range(257))
    try:
        (outcome,) = text.make(text.ask(max_new_tokens=20))
    finally:
        engine.eos = saved
    assert (outcome.made.finish_reason, outcome.made.evaluations) == ("stop", 1)


def chat(text, *messages):
    turns = tuple(Message(role=role, content=content) for role, content in messages)
    return planned(
        Request(
            kind="text",
            model="toy",
            model_digest=text.files.digest,
            messages=turns,
            params=TextParams(max_new_tokens=16, temperature=0),
            seed=0,
        )
    )


def test_a_chat_is_rendered_by_the_models_template(text, stock):
    (outcome,) = text.make(chat(text, ("system", "Be brief."), ("user", "Hello")))
    rendered = "system: Be brief.\nuser: Hello\nassistant: "
    assert said(outcome) == reference(stock, rendered, do_sample=False, max_new_tokens=16)


def test_a_chat_for_a_model_without_template_fails_and_says_so(tmp_path):
    engine = StockTextEngine(inspect(build_text(tmp_path / "plain", chat=False)), "float32", 1)
    engine.setup()

    class Plain:
        files = inspect(tmp_path / "plain")

    (outcome,) = engine.generate([chat(Plain, ("user", "Hello"))])
    assert outcome.failure.kind == "no_chat_template"
    assert "give a prompt instead" in outcome.failure.message


def test_a_prompt_that_is_too_long_fails_alone(text):
    outcomes = text.make(text.ask("short", max_new_tokens=20), text.ask("x" * 120, max_new_tokens=20))
    assert outcomes[0].made is not None
    assert outcomes[1].failure.kind == "prompt_too_long"
    assert "120 tokens" in outcomes[1].failure.message
    assert "128" in outcomes[1].failure.message


def test_scores_that_are_no_numbers_fail_their_row_alone(text, monkeypatch):
    model = text.engine._language.model
    forward = model.forward

    def poisoned(*arguments, **options):
        out = forward(*arguments, **options)
        out.logits[1] = float("nan")
        return out

    monkeypatch.setattr(model, "forward", poisoned)
    batch = [text.ask("same length", seed=seed, max_new_tokens=10) for seed in range(3)]
    outcomes = text.make(*batch)
    assert [outcome.failure.kind if outcome.failure else "" for outcome in outcomes] == ["", "not_finite", ""]
    monkeypatch.undo()
    assert said(outcomes[0]) == said(text.make(*batch)[0])


def test_numerics_say_what_decides_the_bytes(text):
    assert text.numerics.device
    assert text.numerics.dtype == "float32"
    assert text.numerics.threads == 1
    assert set(text.numerics.versions) == {"torch", "transformers", "tokenizers"}


def test_files_that_do_not_load_are_refused(tmp_path):
    directory = text_model(tmp_path / "broken")
    safetensors(directory / "model.safetensors")
    with pytest.raises(ModelRefused, match="cannot be loaded as a causal language model"):
        StockTextEngine(inspect(directory), "float32", 1).setup()


def test_generation_defaults_of_the_model_do_not_reach_requests(tmp_path, stock):
    directory = build_text(tmp_path / "opinionated")
    path = directory / "generation_config.json"
    path.write_text('{"repetition_penalty": 5.0, "do_sample": true, "top_k": 3, "eos_token_id": 256, "max_length": 3}')
    engine = StockTextEngine(inspect(directory), "float32", 1)
    engine.setup()
    from tests.jobs import request

    ask = planned(request("text", "a red bicycle", engine._files.digest, temperature=0, max_new_tokens=20))
    (outcome,) = engine.generate([ask])
    assert said(outcome) == reference(stock, "a red bicycle", do_sample=False, max_new_tokens=20)


def test_forwards_are_counted_with_the_rows_that_had_ended(text):
    before = (text.engine.figures.forwards, text.engine.figures.useful_rows, text.engine.figures.computed_rows)
    outcomes = text.make(*(text.ask(p, temperature=0, max_new_tokens=12) for p in PROMPTS))
    lengths = [outcome.made.evaluations for outcome in outcomes]
    after = (text.engine.figures.forwards, text.engine.figures.useful_rows, text.engine.figures.computed_rows)
    assert [b - a for a, b in zip(before, after, strict=True)] == [max(lengths), sum(lengths), 4 * max(lengths)]
