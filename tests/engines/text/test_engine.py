"""The engine: what `generate` says alone, whatever company a row keeps, for every supported family of models."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from transformers import (
    AttentionInterface,
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
    MixtralConfig,
    OPTConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)

from galley.engines import numerics_of, open_engine
from galley.engines.certificate import RowCounts, read, told
from galley.engines.stock_text import StockTextEngine
from galley.engines.text import engine as module
from galley.engines.text import forward as forwards
from galley.engines.text.attention import GROUPED
from galley.engines.text.engine import SlotTextEngine
from galley.engines.text.forward import CHUNK, SlotForward
from galley.engines.text.language_model import LanguageModel
from galley.engines.text.masks import unsupported
from galley.engines.text.prefix import Kept, PrefixStore
from galley.engines.text.trial import certified
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
    assert engine._language.model.config._attn_implementation == GROUPED
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
    given = {"certificate": "rows 4"} if engine_class is SlotTextEngine else {}
    engine = engine_class(toy, "float32", 1, **given)
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
        expected = language.made(told.tolist(), each.request.params, prompt_tokens=ids.shape[1])
        assert found[each.key].made == expected
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
    # From there on the plan's batches hold, members and order, as with the stock engine itself.
    assert engine.planned_batches
    requests = asks(files.digest, 3, longest=20, max_new_tokens=12)
    stock = StockTextEngine(files, "float32", 1)
    stock.setup()
    outcomes = list(engine.generate(requests))
    assert [o.key for o in outcomes] == [each.key for each in requests]
    assert {o.batch_size for o in outcomes} == {3}
    assert said(outcomes) == said(stock.generate(requests))


def test_a_model_whose_slots_disagree_with_its_forward_falls_back(toy, monkeypatch):
    plain = forwards.masks
    monkeypatch.setattr(
        forwards, "masks", lambda config, positions, length, dtype: plain(config, positions + 1, length, dtype)
    )
    engine = SlotTextEngine(toy, "float32", 1)
    assert engine.setup().engine == "stock"
    assert "standard deviations" in engine.fallback


def test_a_model_that_wants_another_attention_keeps_stock_s_own_and_says_so(toy, monkeypatch):
    def refuses(*arguments, **options):
        raise NotImplementedError("sinks")

    monkeypatch.setattr(module, "register", lambda: AttentionInterface.register(GROUPED, refuses))
    engine = SlotTextEngine(toy, "float32", 1, certificate="rows 4")
    numerics = engine.setup()
    assert (numerics.engine, numerics.attention) == ("slots", "eager")
    assert len(said(engine.generate(asks(toy.digest, 3, longest=20)))) == 3


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


@pytest.mark.parametrize("length", [1, 20, CHUNK // 2, CHUNK // 2 + 9])
def test_many_outputs_of_one_prompt_read_it_once(toy, length):
    def asked(prefix_bytes):
        engine = engine_of(toy, prefix_bytes=prefix_bytes)
        requests = [
            planned(request("text", "ab" * length, toy.digest, max_new_tokens=9, seed=seed)) for seed in range(5)
        ]
        return said(engine.generate(requests)), engine.figures

    chunks = -(-2 * length // CHUNK)
    once, figures = asked(2**20)
    assert (figures.chunks, figures.prefix_hits) == (chunks, 4 * chunks)
    again, figures = asked(0)
    assert figures.chunks == 5 * chunks
    assert once == again


def test_where_lengths_are_known_the_longest_goes_first_and_texts_stay(toy):
    asked = [
        planned(request("text", f"ab{tokens}", toy.digest, max_new_tokens=tokens, min_new_tokens=tokens))
        for tokens in (3, 9, 30, 6)
    ]
    engine, arrival = engine_of(toy, counts=(1,)), engine_of(toy, counts=(1,), longest_first=False)
    longest, came = list(engine.generate(asked)), list(arrival.generate(asked))
    assert [o.made.evaluations for o in longest] == [30, 9, 6, 3]
    assert [o.made.evaluations for o in came] == [3, 9, 30, 6]
    assert said(longest) == said(came)
    # One whose end only the model knows, and the order is theirs.
    open_ended = planned(request("text", "abc", toy.digest, max_new_tokens=40))
    assert [o.key for o in engine.generate([*asked, open_ended])][:4] == [each.key for each in asked]


def test_seconds_are_told_by_what_they_were_spent_on(toy):
    engine = engine_of(toy)
    outcomes = list(engine.generate(asks(toy.digest, 5)))
    assert set(engine.figures.phases) == {"prefill", "decode", "sample"}
    assert all(seconds > 0 for seconds in engine.figures.phases.values())
    assert sum(o.seconds for o in outcomes) == pytest.approx(sum(engine.figures.phases.values()))


def test_kept_beginnings_stay_within_their_budget():
    def chunk(number):
        return Kept([(torch.full((1, 2, 4), float(number)), torch.zeros(1, 2, 4))])

    store = PrefixStore(3 * 64)
    for number in range(3):
        store.put([number], chunk(number))
    assert store.get([0]) is not None
    store.put([3], chunk(3))
    assert store.size == 3 * 64
    assert store.get([1]) is None
    assert store.get([0]).pairs[0][0][0, 0, 0] == 0.0
    store.put([4] * 9, Kept([(torch.zeros(999), torch.zeros(999))]))
    assert store.size == 3 * 64
    assert store.get([0], whole=True) is None
    store.put([0], Kept(chunk(0).pairs, scores=torch.zeros(1, 1)))
    assert store.get([0], whole=True).scores is not None
    assert store.size == 64 + 68  # two others made room for it


def test_of_a_prompt_that_is_in_use_the_beginning_is_given_up_last():
    tokens = list(range(4 * CHUNK))
    ends = [CHUNK, 2 * CHUNK, 3 * CHUNK]
    chunk = Kept([(torch.zeros(1, 2, 4), torch.zeros(1, 2, 4))])
    store = PrefixStore(3 * 64)
    store.put([7] * CHUNK, chunk)
    for end in ends:
        store.put(tokens[:end], chunk)
    assert store.get([7] * CHUNK) is None
    assert [store.get(tokens[:end]) is not None for end in ends] == [True] * 3
    store.touch(tokens)
    store.limit(2 * 64)
    assert [store.get(tokens[:end]) is not None for end in ends] == [True, True, False]
    store.put(tokens[: 3 * CHUNK], chunk)  # there is no room for it that another part of the prompt needs more
    assert [store.get(tokens[:end]) is not None for end in ends] == [True, True, False]


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
    step, poisoned = engine._forward.step, []

    def poison(first, count, tokens, positions):
        # The victim's prompt is the only one of its length.
        if not poisoned and len(victim.request.prompt) in positions:
            poisoned.append(positions.index(len(victim.request.prompt)))
            with torch.inference_mode():
                for layer in engine._forward.cache.layers:
                    layer.keys[poisoned[0]] = torch.nan
                    layer.values[poisoned[0]] = torch.inf
        return step(first, count, tokens, positions)

    assert [len(each.request.prompt) for each in requests].count(len(victim.request.prompt)) == 1
    monkeypatch.setattr(engine._forward, "step", poison)
    outcomes = list(engine.generate(requests))
    assert poisoned
    assert {o.key: o.failure.kind for o in outcomes if o.failure} == {victim.key: "not_finite"}
    assert said(outcomes) == {key: text for key, text in expected.items() if key != victim.key}


def test_out_of_memory_halves_the_rows_and_loses_and_repeats_nothing(toy, monkeypatch):
    requests = asks(toy.digest, 12, longest=60, max_new_tokens=10, temperature=0.8)
    engine = engine_of(toy, counts=(4, 8))
    expected = said(engine.generate(requests))
    forward, calls = engine._forward.run, Counter()

    def scarce(slots, ids, positions, length, *, keep):
        calls[ids.shape[0]] += 1
        if ids.shape[0] > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return forward(slots, ids, positions, length, keep=keep)

    monkeypatch.setattr(engine._forward, "run", scarce)
    outcomes = list(engine.generate(requests))
    assert calls[8] == 1
    assert Counter(o.key for o in outcomes) == Counter(each.key for each in requests)
    assert said(outcomes) == expected


@pytest.mark.parametrize(("counts", "fits"), [((8, 12, 16, 20), 8), ((6, 20), 6), ((5, 7, 20), 7)])
def test_halved_forwards_never_reach_beyond_the_slots(toy, monkeypatch, counts, fits):
    """Else a padding row would write over the prompt that is being read, or there would be no such slot."""
    requests = asks(toy.digest, 24, longest=60, max_new_tokens=30, temperature=0.8)
    engine = engine_of(toy, counts=counts)
    expected = said(engine.generate(requests))
    forward, seen = engine._forward.run, []

    def scarce(slots, ids, positions, length, *, keep):
        if ids.shape[0] > fits:
            raise MemoryError
        seen.append(slots.stop)
        if ids.shape[1] == 1:
            assert slots.stop <= engine._desk
        return forward(slots, ids, positions, length, keep=keep)

    monkeypatch.setattr(engine._forward, "run", scarce)
    monkeypatch.setattr(module, "free_memory", lambda: None)
    outcomes = list(engine.generate(requests))
    assert Counter(o.key for o in outcomes) == Counter(each.key for each in requests)
    assert said(outcomes) == expected
    assert max(seen) > fits


def test_memory_that_was_short_once_costs_later_items_no_rows(toy, monkeypatch):
    requests = asks(toy.digest, 20, longest=60, max_new_tokens=10, temperature=0.8)
    engine = engine_of(toy, counts=(4, 8, 16))
    with monkeypatch.context() as patch:
        scarce(engine, patch, lambda rows, keys: rows <= 4)
        list(engine.generate(requests))
    assert max(engine.figures.sizes) == 4
    list(engine.generate(requests))
    assert max(engine.figures.sizes) == 16


def test_one_long_item_costs_short_ones_no_rows(toy):
    short = asks(toy.digest, 20, longest=30, max_new_tokens=10, temperature=0.8)
    long = asks(toy.digest, 1, seed=1, longest=1, max_new_tokens=100, temperature=0)
    room = engine_of(toy)._room
    budget = round(room.need(16, CHUNK) / (1 - module.PREFIX_SHARE)) + 2
    engine = engine_of(toy, counts=(4, 8, 16), memory_bytes=budget)
    assert room.need(16, 2 * CHUNK) > budget
    assert len(list(engine.generate([*short, *long]))) == 21
    assert max(engine.figures.sizes) == 16


def test_little_memory_means_fewer_rows_and_the_same_texts(toy):
    requests = asks(
        toy.digest,
        20,
        longest=60,
        max_new_tokens=66,  # of one size, so in one group
        temperature=0.8,
    )
    engine = engine_of(toy, counts=(4, 8, 16))
    expected = said(engine.generate(requests))
    assert max(engine.figures.sizes) == 16
    room = engine._room
    assert room.position_bytes == 2 * 2 * 32 * 4  # keys and values, two layers, 32 numbers of four bytes
    for rows, spare, most in ((16, 0, 16), (16, -9, 8), (8, 0, 8), (8, -9, 4), (1, 0, 4)):
        budget = round(room.need(rows, 2 * CHUNK) / (1 - module.PREFIX_SHARE)) + 2 + spare
        engine = engine_of(toy, counts=(4, 8, 16), memory_bytes=budget)
        assert said(engine.generate(requests)) == expected
        assert max(engine.figures.sizes) == most


def scarce(engine, monkeypatch, fits):
    """Let forwards run out of memory unless ``fits(rows, keys)``."""
    forward = engine._forward.run

    def run(slots, ids, positions, length, *, keep):
        if not fits(ids.shape[0], length):
            raise MemoryError
        return forward(slots, ids, positions, length, keep=keep)

    monkeypatch.setattr(engine._forward, "run", run)
    monkeypatch.setattr(module, "free_memory", lambda: None)


def test_what_does_not_fit_alone_costs_no_neighbour_its_outcome_and_ends_the_job_for_now(toy, monkeypatch):
    short = asks(toy.digest, 9, longest=30, max_new_tokens=20, temperature=0.8)
    long = asks(toy.digest, 2, seed=1, longest=1, max_new_tokens=100, temperature=0, min_new_tokens=100)
    engine = engine_of(toy, counts=(4, 8))
    expected = said(engine.generate(short))
    scarce(engine, monkeypatch, lambda rows, keys: keys <= CHUNK)
    outcomes = []
    with pytest.raises(JobInterrupted, match=r"memory ran out at 2 of 11 items even alone"):
        for outcome in engine.generate([long[0], *short, long[1]]):
            outcomes.append(outcome)
    assert Counter(o.key for o in outcomes) == Counter(each.key for each in short)
    assert said(outcomes) == expected


def test_memory_that_runs_out_once_at_the_smallest_count_changes_nothing(toy, monkeypatch):
    requests = asks(toy.digest, 7, longest=60, max_new_tokens=20, temperature=0.8)
    engine = engine_of(toy, counts=(4,))
    expected = said(engine.generate(requests))
    calls = []
    scarce(engine, monkeypatch, lambda rows, keys: calls.append(rows) or len(calls) not in (9, 30))
    outcomes = list(engine.generate(requests))
    assert len(calls) > 30
    assert Counter(o.key for o in outcomes) == Counter(each.key for each in requests)
    assert said(outcomes) == expected


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (MixtralConfig(**SIZES, num_local_experts=4), "mixture of experts"),
        (SimpleNamespace(model_type="phi3", rope_scaling={"type": "longrope"}), "longrope"),
        (SimpleNamespace(rope_parameters={"full_attention": {"rope_type": "longrope"}}), "longrope"),
        (SimpleNamespace(rope_parameters={"rope_type": "yarn"}), ""),
    ],
)
def test_what_a_row_says_must_not_depend_on_others_length_or_number(config, why):
    assert why in unsupported(config) and bool(unsupported(config)) == bool(why)


def test_a_request_that_raises_and_a_token_the_model_has_not_fail_alone(toy, monkeypatch):
    good, odd = (planned(request("text", text, toy.digest, max_new_tokens=4)) for text in ("abc", "abd"))
    engine = engine_of(toy)
    encode = engine._language.tokenizer.__class__.__call__
    for ids, kind in (([300], "unknown_token"), (None, "engine_error")):

        def wild(self, text, *args, ids=ids, **options):
            found = encode(self, text, *args, **options)
            if text == "abd":
                found["input_ids"] = ids
                found = found if ids else [][0]
            return found

        with monkeypatch.context() as patch:
            patch.setattr(engine._language.tokenizer.__class__, "__call__", wild)
            outcomes = {o.key: o for o in engine.generate([odd, good])}
        assert outcomes[odd.key].failure.kind == kind
        assert outcomes[good.key].made is not None


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
    assert numerics_of(source, toy, 1).attention == GROUPED
    with pytest.raises(JobSpecError, match=r"asks for the engine 'steps'.*texts: stock, slots, slots-fast"):
        open_engine(source.model_copy(update={"engine": "steps"}), toy, 1)


def test_the_fast_engine_pads_no_row_needs_no_certificate_and_says_so(toy, monkeypatch):
    monkeypatch.setattr(module, "certified", None)
    source = ModelSource(
        name="toy", source=str(toy.directory), digest=toy.digest, engine="slots-fast", max_batch_size=5
    )
    engine = open_engine(source, toy, 1)
    numerics = engine.setup()
    assert (numerics.engine, numerics.certificate) == ("slots-fast", "")
    exact = engine_of(toy)
    assert numerics.digest != exact.setup().digest
    requests = asks(toy.digest, 13, longest=60, max_new_tokens=20, temperature=0)
    assert len(said(engine.generate(requests))) == 13
    assert engine.figures.useful_rows == engine.figures.computed_rows
    assert max(engine.figures.sizes) == 5


def test_trials_leave_alone_what_later_ones_read(tmp_path):
    # Eight bits and few rows: no machine gives one row other bits than two. Trials that spoil the cache would.
    engine = SlotTextEngine(family(FAMILIES["gpt2"], tmp_path / "model"), "int8", 1)
    assert len(read(engine.setup().certificate).counts) > 1


def test_a_model_whose_far_keys_sum_otherwise_is_certified_for_nothing(tmp_path, monkeypatch):
    config = GPT2Config(
        vocab_size=257, n_embd=32, n_layer=2, n_head=4, n_positions=600, bos_token_id=256, eos_token_id=256
    )
    forward = SlotForward(LanguageModel(family(config, tmp_path / "long"), "float32"))
    assert certified(forward) is not None
    run = forward.run

    def otherwise(slots, ids, positions, length, *, keep):
        found = run(slots, ids, positions, length, keep=keep)
        return found + 1e-6 * (length >= 8 * CHUNK)

    monkeypatch.setattr(forward, "run", otherwise)
    assert certified(forward) is None


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
    monkeypatch.setattr(module, "certified", None)
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

    monkeypatch.setattr(SlotForward, "run", none)
    with pytest.raises(JobInterrupted, match="cannot be tried out here and now"):
        engine.setup()
