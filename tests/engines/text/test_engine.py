"""The engine: what `generate` says alone, whatever company a row keeps, for every supported family of models."""

import random
from collections import Counter

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BloomConfig,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    GPTNeoConfig,
    GPTNeoXConfig,
    LlamaConfig,
    MambaConfig,
    MistralConfig,
    OPTConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)

from galley.engines import numerics_of, open_engine
from galley.engines.certificate import RowCounts, read, told
from galley.engines.stock_text import StockTextEngine
from galley.engines.text import engine as module
from galley.engines.text.engine import CHUNK, SlotTextEngine
from galley.engines.text.language_model import LanguageModel
from galley.engines.text.prefix import PrefixStore
from galley.engines.toys import build_text
from galley.errors import JobInterrupted, JobSpecError
from galley.items import ModelSource, TextParams
from galley.model_files import inspect
from tests.jobs import planned, request

SIZES = {
    "vocab_size": 257, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 256, "bos_token_id": 256, "eos_token_id": 256, "pad_token_id": 256,
}  # fmt: skip
HEADS = {"num_key_value_heads": 2, "head_dim": 8}
FAMILIES = {
    "gpt2": GPT2Config(vocab_size=257, n_embd=32, n_layer=2, n_head=4, n_positions=256, eos_token_id=256),
    "llama": LlamaConfig(**SIZES, num_key_value_heads=2),
    "qwen2": Qwen2Config(**SIZES, num_key_value_heads=2),
    "qwen2 with windows": Qwen2Config(
        **SIZES, num_key_value_heads=2, use_sliding_window=True, sliding_window=24, max_window_layers=1
    ),
    "qwen3": Qwen3Config(**SIZES, **HEADS),
    "mistral": MistralConfig(**SIZES, **HEADS, sliding_window=24),
    "mistral without window": MistralConfig(**SIZES, **HEADS, sliding_window=None),
    "phi3": Phi3Config(**SIZES, num_key_value_heads=2, sliding_window=24),
    "gemma2": Gemma2Config(**SIZES, **HEADS, sliding_window=24),
    "gemma3": Gemma3TextConfig(**SIZES, **HEADS, sliding_window=24),
    "gpt_neox": GPTNeoXConfig(**SIZES),
    "opt": OPTConfig(
        vocab_size=257, hidden_size=32, ffn_dim=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=256, word_embed_proj_dim=32, bos_token_id=256, eos_token_id=256, pad_token_id=256,
    ),
}  # fmt: skip
REFUSED = {
    "bloom": (BloomConfig(vocab_size=257, hidden_size=32, n_layer=2, n_head=4, eos_token_id=256), "ALiBi"),
    "gpt_neo": (
        GPTNeoConfig(
            vocab_size=257, hidden_size=32, num_layers=2, num_heads=4, attention_types=[[["global", "local"], 1]],
            max_position_embeddings=256, eos_token_id=256,
        ),
        "local attention",
    ),
    "mamba": (MambaConfig(vocab_size=257, hidden_size=32, num_hidden_layers=2, eos_token_id=256), "linear_attention"),
}  # fmt: skip


def family(config, directory):
    """A tiny random model of this configuration, with the toy's tokenizer over bytes."""
    build_text(directory)
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        (directory / name).unlink(missing_ok=True)
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2:
                parameter.mul_(6)
    model.save_pretrained(directory)
    return inspect(directory)


def engine_of(files, counts=(4, 8), **options):
    engine = SlotTextEngine(files, "float32", 1, certificate=told(RowCounts(counts)), **options)
    engine.setup()
    return engine


def asks(digest, count=10, seed=0, longest=120, **fields):
    """Requests whose prompts have 1 to ``longest`` tokens (one a letter) and whose outputs have many lengths."""
    rng = random.Random(seed)
    return [
        planned(
            request(
                "text",
                "".join(rng.choice("abcde ,.") for _ in range(rng.randint(1, longest))) + "x",
                digest,
                seed=number,
                **{"max_new_tokens": rng.randint(1, 30), **fields},
            )
        )
        for number in range(count)
    ]


def said(outcomes):
    return {o.key: (o.made.data, o.made.evaluations, o.made.finish_reason) for o in outcomes if o.made is not None}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return inspect(build_text(tmp_path_factory.mktemp("slots") / "toy"))


@pytest.mark.parametrize("name", FAMILIES)
def test_rows_say_what_generate_says_alone(name, tmp_path):
    files = family(FAMILIES[name], tmp_path / "model")
    engine = engine_of(files)
    assert engine.fallback == ""
    requests = asks(files.digest, temperature=0)
    stock = StockTextEngine(files, "float32", 1)
    stock.setup()
    expected = said(outcome for each in requests for outcome in stock.generate([each]))
    assert said(engine.generate(requests)) == expected
    assert len(set(expected.values())) > 5
    assert engine.figures.chunks > len(requests)


GENERATE = {
    "nothing": ({}, {}),
    "repetition_penalty": ({"repetition_penalty": 1.7}, {"repetition_penalty": 1.7}),
    "no_repeat_ngram_size": ({"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 2}),
    "logit_bias": (
        {"logit_bias": {"98": 30.0, "99": -100.0}},
        {"sequence_bias": {(98,): 30.0, (99,): -100.0}},
    ),
    "bad_words": (
        {"bad_words": ("a", "bb"), "logit_bias": {"97": 60.0, "98": 50.0, "99": 40.0}},
        {
            "bad_words_ids": [[97], [32, 97], [98, 98], [32, 98, 98]],
            "sequence_bias": {(97,): 60.0, (98,): 50.0, (99,): 40.0},
        },
    ),
    "min_new_tokens": (
        {"min_new_tokens": 9, "logit_bias": {"256": 100.0}},
        {"min_new_tokens": 9, "sequence_bias": {(256,): 100.0}},
    ),
}
"""Our parameters, and stock `generate`'s own for the same; tokens of the toy's tokenizer are bytes."""


@pytest.mark.parametrize("name", GENERATE)
@pytest.mark.parametrize("engine_class", [SlotTextEngine, StockTextEngine])
def test_each_parameter_does_what_generate_s_own_does_to_an_item_alone(toy, name, engine_class):
    ours, stock = GENERATE[name]
    engine = engine_class(toy, "float32", 1)
    engine.setup()
    language = LanguageModel(toy, "float32")
    requests = asks(toy.digest, 4, longest=20, temperature=0, **{"max_new_tokens": 24, **ours})
    found = {o.key: o for each in requests for o in engine.generate([each])}
    changed = 0
    for each in requests:
        ids = torch.tensor([language.encode(each.request)])
        with torch.inference_mode():
            plain = language.model.generate(ids, max_new_tokens=24, do_sample=False)[0, ids.shape[1] :]
            told = language.model.generate(ids, max_new_tokens=24, do_sample=False, **stock)[0, ids.shape[1] :]
        assert found[each.key].made == language.made(told.tolist(), each.request.params)
        assert not any(word.encode() in found[each.key].made.data for word in each.request.params.bad_words)
        changed += plain.tolist() != told.tolist()
    assert changed or name == "nothing"


def test_penalties_for_what_was_said_act_on_each_row_alone(toy):
    requests = asks(toy.digest, 6, longest=20, max_new_tokens=20, temperature=0, frequency_penalty=2.0)
    slots, stock = engine_of(toy), StockTextEngine(toy, "float32", 1)
    stock.setup()
    together = said(slots.generate(requests))
    assert together == said(outcome for each in requests for outcome in stock.generate([each]))
    assert together == said(stock.generate(requests))
    free = [
        planned(r.request.model_copy(update={"params": TextParams(max_new_tokens=20, temperature=0)})) for r in requests
    ]
    repeats = [max(Counter(data).values()) for data, _, _ in said(slots.generate(free)).values()]
    assert max(max(Counter(data).values()) for data, _, _ in together.values()) < max(repeats)


def test_a_biased_token_the_model_has_not_fails_its_request_alone(toy):
    wrong = planned(request("text", "abc", toy.digest, logit_bias={"257": 1.0}))
    good = planned(request("text", "abc", toy.digest, max_new_tokens=3))
    outcomes = {o.key: o for o in engine_of(toy).generate([wrong, good])}
    assert outcomes[good.key].made is not None
    assert outcomes[wrong.key].failure.kind == "unknown_token"
    assert "tokens 0 to 256" in outcomes[wrong.key].failure.message


@pytest.mark.parametrize("name", REFUSED)
def test_what_slots_cannot_serve_runs_on_stock_generate_and_says_so(name, tmp_path):
    config, reason = REFUSED[name]
    files = family(config, tmp_path / "model")
    engine = SlotTextEngine(files, "float32", 1)
    numerics = engine.setup()
    assert reason in engine.fallback
    assert numerics.engine == "stock"
    requests = asks(files.digest, 3, longest=20)
    assert len(said(engine.generate(requests))) == 3


def test_a_model_whose_slots_disagree_with_its_forward_falls_back(toy, monkeypatch):

    plain = module.masks
    monkeypatch.setattr(
        module, "masks", lambda config, positions, length, dtype: plain(config, positions + 1, length, dtype)
    )
    engine = SlotTextEngine(toy, "float32", 1)
    assert engine.setup().engine == "stock"
    assert "standard deviations" in engine.fallback


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_texts_depend_on_neither_order_nor_company_nor_batch_size(toy, dtype):
    requests = asks(toy.digest, 14, longest=90, temperature=0.9, top_p=0.95)
    runs = []
    for counts, order in (((8,), 0), ((8,), 1), ((4, 8), 2), ((4, 8, 12, 16), 3), ((4,), 4)):
        engine = SlotTextEngine(toy, dtype, 1, certificate=told(RowCounts(counts)))
        engine.setup()
        shuffled = random.Random(order).sample(requests, len(requests)) if order else requests
        runs.append(said(engine.generate(shuffled)))
        alone = shuffled[order]
        assert said(engine.generate([alone])) == {alone.key: runs[0][alone.key]}
    assert all(run == runs[0] for run in runs)
    assert len(runs[0]) == 14


def test_a_shared_beginning_is_read_once_and_changes_nothing(toy):
    beginning = "abcdefgh" * 8
    requests = [
        planned(request("text", beginning + tail, toy.digest, temperature=0, max_new_tokens=12))
        for tail in ("x", "yy", "z")
    ]
    engine = engine_of(toy)
    with_reuse = said(engine.generate(requests))
    assert engine.figures.prefix_hits == 2
    assert engine.figures.chunks == 2 + 1 + 1
    without = engine_of(toy, prefix_bytes=0)
    assert said(without.generate(requests)) == with_reuse
    assert without.figures.chunks == 6
    assert len(set(with_reuse.values())) == 3


def test_kept_beginnings_stay_within_their_budget():
    def chunk(number):
        return [(torch.full((1, 2, 4), float(number)), torch.zeros(1, 2, 4))]

    store = PrefixStore(3 * 64)
    for number in range(3):
        store.put([number], chunk(number))
    assert store.get([0]) is not None
    store.put([3], chunk(3))
    assert store.size == 3 * 64
    assert store.get([1]) is None
    assert store.get([0])[0][0][0, 0, 0] == 0.0
    store.put([4] * 9, [(torch.zeros(999), torch.zeros(999))])
    assert store.size == 3 * 64


def test_stop_texts_end_their_row_alone(toy):
    engine = engine_of(toy)
    plain = planned(request("text", "abc", toy.digest, temperature=0, max_new_tokens=40))
    free = said(engine.generate([plain]))[plain.key][0].decode()
    stop = free[7:9]
    stopping = planned(request("text", "abc", toy.digest, temperature=0, max_new_tokens=40, stop=(stop,)))
    both = said(engine.generate([plain, stopping]))
    assert both[plain.key][0].decode() == free
    assert both[stopping.key][0].decode() == free[: free.index(stop)]
    assert both[stopping.key][2] == "stop"


def test_a_poisoned_row_fails_alone_and_its_slot_is_clean_for_the_next(toy, monkeypatch):
    requests = asks(toy.digest, 9, longest=60, max_new_tokens=12, temperature=0)
    engine = engine_of(toy, counts=(4,), prefix_bytes=0)
    expected = said(engine.generate(requests))
    victim = requests[1]
    step, poisoned = engine._step, []

    def poison(first, tokens, positions):
        # The victim's prompt is the only one of its length.
        if not poisoned and len(victim.request.prompt) in positions:
            poisoned.append(positions.index(len(victim.request.prompt)))
            with torch.inference_mode():
                for layer in engine._cache.layers:
                    layer.keys[poisoned[0]] = torch.nan
                    layer.values[poisoned[0]] = torch.inf
        return step(first, tokens, positions)

    assert [len(each.request.prompt) for each in requests].count(len(victim.request.prompt)) == 1
    monkeypatch.setattr(engine, "_step", poison)
    outcomes = list(engine.generate(requests))
    assert poisoned
    assert {o.key: o.failure.kind for o in outcomes if o.failure} == {victim.key: "not_finite"}
    assert said(outcomes) == {key: text for key, text in expected.items() if key != victim.key}


def test_out_of_memory_halves_the_rows_and_loses_and_repeats_nothing(toy, monkeypatch):
    requests = asks(toy.digest, 12, longest=60, max_new_tokens=10, temperature=0.8)
    engine = engine_of(toy, counts=(4, 8))
    expected = said(engine.generate(requests))
    forward, calls = engine._forward, Counter()

    def scarce(slots, ids, positions, length, *, keep):
        calls[ids.shape[0]] += 1
        if ids.shape[0] > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return forward(slots, ids, positions, length, keep=keep)

    monkeypatch.setattr(engine, "_forward", scarce)
    outcomes = list(engine.generate(requests))
    assert calls[8] == 1
    assert Counter(o.key for o in outcomes) == Counter(each.key for each in requests)
    assert said(outcomes) == expected


def test_little_memory_means_fewer_rows_and_the_same_texts(toy, monkeypatch):
    requests = asks(toy.digest, 20, longest=60, max_new_tokens=10, temperature=0.8)
    engine = engine_of(toy, counts=(4, 8, 16))
    expected = said(engine.generate(requests))
    assert max(engine.figures.sizes) == 16
    slot = engine._position_bytes * 2 * CHUNK
    assert slot == 2 * 2 * 32 * 4 * 2 * CHUNK  # keys and values, two layers, 32 numbers of four bytes
    for room, most in ((13, 8), (9, 8), (8, 4), (1, 4)):
        engine = engine_of(toy, counts=(4, 8, 16))
        monkeypatch.setattr(module, "free_bytes", lambda room=room: round(room * slot / module.CACHE_SHARE) + 1)
        assert said(engine.generate(requests)) == expected
        assert max(engine.figures.sizes) == most


def test_out_of_memory_at_the_smallest_count_ends_the_job_for_now(toy, monkeypatch):
    engine = engine_of(toy, counts=(4,))

    def none(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(engine, "_forward", none)
    with pytest.raises(JobInterrupted, match="memory ran out"):
        list(engine.generate(asks(toy.digest, 2)))


def test_bad_requests_fail_alone(toy):
    good = planned(request("text", "abc", toy.digest, max_new_tokens=4))
    long = planned(request("text", "x" * 127, toy.digest, max_new_tokens=4))
    outcomes = {o.key: o for o in engine_of(toy).generate([long, good])}
    assert outcomes[long.key].failure.kind == "prompt_too_long"
    assert outcomes[good.key].made.evaluations <= 4


def test_outcomes_come_as_rows_end(toy):
    long = planned(request("text", "abc", toy.digest, max_new_tokens=40, temperature=0))
    short = planned(request("text", "abd", toy.digest, max_new_tokens=2, temperature=0))
    assert [o.key for o in engine_of(toy).generate([long, short])] == [short.key, long.key]


def test_rows_are_used(toy):
    engine = engine_of(toy, counts=(4, 8))
    list(engine.generate(asks(toy.digest, 40, longest=CHUNK - 2, max_new_tokens=30, temperature=0)))
    assert engine.figures.useful_rows / engine.figures.computed_rows > 0.9


def test_the_registry_opens_it_by_name(toy):
    source = ModelSource(name="toy", source=str(toy.directory), digest=toy.digest, engine="slots")
    assert isinstance(open_engine(source, toy, 1), SlotTextEngine)
    assert numerics_of(source, toy, 1).engine == "slots"


def test_trials_leave_alone_what_later_ones_read(tmp_path):
    # Eight bits and few rows: no machine gives one row other bits than two. Trials that spoil the cache would.
    engine = SlotTextEngine(family(FAMILIES["gpt2"], tmp_path / "model"), "int8", 1)
    assert len(read(engine.setup().certificate).counts) > 1


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_what_it_certifies_itself_gives_equal_texts_in_any_company(toy, dtype):
    engine = SlotTextEngine(toy, dtype, 1)
    numerics = engine.setup()
    counts = read(numerics.certificate)
    requests = asks(toy.digest, 40, longest=90, temperature=0.9)
    together = said(engine.generate(requests))
    for each in requests[:6]:
        assert said(engine.generate([each])) == {each.key: together[each.key]}
    few = SlotTextEngine(toy, dtype, 1, certificate=told(RowCounts(counts.counts[:1])))
    few.setup()
    assert said(few.generate(requests)) == together


def test_a_certificate_that_is_given_is_not_found_again(toy, monkeypatch):
    engine = SlotTextEngine(toy, "float32", 1, certificate="rows 4,8")
    monkeypatch.setattr(engine, "_certify", None)
    assert engine.setup().certificate == "rows 4,8"


def test_max_batch_size_keeps_to_certified_counts(toy):
    engine = engine_of(toy, counts=(4, 8, 16), max_batch_size=12)
    list(engine.generate(asks(toy.digest, 30, max_new_tokens=20, temperature=0)))
    assert engine.figures.computed_rows / engine.figures.forwards <= 8
    with pytest.raises(JobSpecError, match="max_batch_size 3 is below 4, the smallest row count certified"):
        engine_of(toy, counts=(4, 8), max_batch_size=3)


def test_no_memory_while_the_model_is_tried_out_is_no_reason_to_fall_back(toy, monkeypatch):
    engine = SlotTextEngine(toy, "float32", 1)

    def none(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(engine, "_forward", none)
    with pytest.raises(JobInterrupted, match="cannot be tried out here and now"):
        engine.setup()
