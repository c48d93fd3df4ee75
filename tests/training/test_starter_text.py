"""Training of the text starter at toy size: reproducible, resumable, exported in the stock layout."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel

from galley.training import product_copy, starter_text
from galley.training.corpus import Corpus, CorpusPlan, copy_texts, load_corpus
from galley.training.loop import Recipe
from galley.training.starter_text import CONTEXT, Plan, build_model, negative_log_likelihoods, train, train_teacher
from galley.training.text_card import put_section, section

TOY = Plan(
    "starter-text",
    layers=1,
    heads=2,
    width=32,
    corpus=CorpusPlan(copy_chunks=1, dialogue_chunks=1, vocabulary=512),
    recipe=Recipe(steps=6, learning_rate=3e-3, warmup=2, ema=0.5),
    tokens_per_step=256,
)


def silent(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work directory that has the toy corpus."""
    path = tmp_path_factory.mktemp("work")
    load_corpus(TOY.corpus, path, silent)
    return path


@pytest.fixture(scope="module")
def exported(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy model after six steps."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("models")
    assert train(out, work, say=silent, plan=TOY)
    return out / "starter-text"


def test_a_stopped_training_ends_with_the_weights_of_an_undisturbed_one(
    exported: Path, work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "work"
    other.mkdir()
    (corpus,) = work.glob("corpus-*")
    (other / corpus.name).symlink_to(corpus)
    whole = starter_text.step_loss

    def stops_at_three(*arguments: object) -> object:
        loss = whole(*arguments)  # type: ignore[arg-type]

        def step(number: int) -> torch.Tensor:
            if number == 3:
                raise KeyboardInterrupt
            return loss(number)

        return step

    # every step is saved, and the fourth is cut off
    saving = replace(TOY, recipe=replace(TOY.recipe, save_every=0.0))
    with monkeypatch.context() as patch:
        patch.setattr(starter_text, "step_loss", stops_at_three)
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path / "models", other, say=silent, plan=saving)
    lines: list[str] = []
    assert train(tmp_path / "models", other, say=lines.append, plan=saving)
    assert "resuming at step 3 of 6" in lines
    resumed = (tmp_path / "models" / "starter-text" / "model.safetensors").read_bytes()
    assert resumed == (exported / "model.safetensors").read_bytes()


def test_a_deadline_stops_training_without_an_export(work: Path, tmp_path: Path) -> None:
    plan = replace(TOY, seed=2)
    assert not train(tmp_path, work, say=silent, plan=plan, deadline=time.monotonic() - 1)
    assert not (tmp_path / "starter-text").exists()


def test_the_export_loads_with_the_stock_classes_in_fp32(exported: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(exported, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(exported, local_files_only=True)
    assert isinstance(model, GPT2LMHeadModel)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.config.n_positions == CONTEXT
    assert model.generation_config.eos_token_id == [0, *tokenizer("\n").input_ids]
    assert (exported / "model.safetensors").stat().st_size < 2.2 * sum(p.numel() for p in model.parameters()) + 10_000
    text = next(product_copy.documents(9, 0, 1)).text
    assert tokenizer.decode(tokenizer(text).input_ids) == text
    inputs = tokenizer(["Product: A", "Product: Bee | Tone"], return_tensors="pt", padding=True)
    out = model.generate(**inputs, min_new_tokens=4, max_new_tokens=4)
    assert out.shape == (2, inputs["input_ids"].shape[1] + 4)


def test_the_chat_template_writes_the_form_of_the_training_dialogues(exported: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(exported, local_files_only=True)
    turns = [
        {"role": "user", "content": "Hi!"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "x "},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == "User: Hi!\nAssistant: Hello!\nUser: x\nAssistant:"
    with pytest.raises(Exception, match="roles user and assistant, not system"):
        tokenizer.apply_chat_template([{"role": "system", "content": "Be kind."}], tokenize=False)


def test_the_export_says_what_it_was_trained_on(exported: Path) -> None:
    assert starter_text.trained_on(exported) == TOY.corpus


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_all_else() -> None:
    model = build_model(TOY, 512)
    muon, adamw = starter_text.optimiser_of(model, TOY.recipe).parts
    names = {id(p): name for name, p in model.named_parameters()}
    matrices = {names[id(p)] for group in muon.param_groups for p in group["params"]}
    others = {names[id(p)] for group in adamw.param_groups for p in group["params"]}
    assert matrices == {
        f"transformer.h.0.{part}.weight" for part in ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
    }
    assert not matrices & others
    assert matrices | others == set(names.values())


def test_most_steps_have_short_rows_and_every_fourth_has_rows_as_long_as_the_context(work: Path) -> None:
    corpus, _ = load_corpus(TOY.corpus, work, silent)
    seen = []

    class Shape(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, use_cache: bool) -> object:
            seen.append(tuple(input_ids.shape))
            return type("Out", (), {"logits": torch.zeros((*input_ids.shape, 512))})

    loss = starter_text.step_loss(Shape(), corpus, replace(TOY, tokens_per_step=2 * CONTEXT), torch.device("cpu"))
    for step in range(4):
        loss(step)
    assert seen == [(8, 256)] * 3 + [(2, CONTEXT)]


def test_the_card_tells_the_recipe_and_keeps_the_teacher(exported: Path, work: Path, tmp_path: Path) -> None:
    text = (exported / "README.md").read_text()
    assert "6 steps of\n256 tokens" in text
    assert section(text, "teacher") and section(text, "figures")
    changed = put_section(text, "figures", r"| a | \1 |")
    assert section(changed, "figures") == r"| a | \1 |"
    with pytest.raises(ValueError, match="no section 'other'"):
        put_section(text, "other", "")


def test_the_teacher_writes_its_figures_to_the_card_and_its_weights_to_the_work_directory(
    exported: Path, work: Path
) -> None:
    assert train_teacher(exported.parent, work, say=silent, plan=replace(TOY, name="teacher-text", layers=2))
    assert "2 layers, 2 heads, width 32" in (section((exported / "README.md").read_text(), "teacher") or "")
    assert (work / "teacher-text" / "model" / "model.safetensors").exists()
    facts = json.loads((work / "teacher-text" / "facts.json").read_text())
    assert facts["held_out_ratio"] > 1


def test_steps_override_shortens_the_warmup_too() -> None:
    assert starter_text._with_steps(starter_text.STARTER, 50).recipe.warmup == 5
    assert starter_text._with_steps(starter_text.STARTER, None) is starter_text.STARTER


def test_the_shipped_plans_have_the_sizes_that_the_cards_promise() -> None:
    with torch.device("meta"):
        starter = build_model(starter_text.STARTER, starter_text.STARTER.corpus.vocabulary)
        teacher = build_model(starter_text.TEACHER, starter_text.TEACHER.corpus.vocabulary)
        small = build_model(starter_text.TEACHER_ON_CPU, starter_text.TEACHER_ON_CPU.corpus.vocabulary)
    assert 5e6 <= sum(p.numel() for p in starter.parameters()) <= 10e6
    assert 25e6 <= sum(p.numel() for p in teacher.parameters()) <= 40e6
    assert 10e6 <= sum(p.numel() for p in small.parameters()) <= 15e6


def test_the_loss_goes_down(work: Path) -> None:
    corpus, tokenizer = load_corpus(TOY.corpus, work, silent)
    model = build_model(TOY, tokenizer.get_vocab_size())
    loss = starter_text.step_loss(model, corpus, TOY, torch.device("cpu"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for step in range(30):
        value = loss(step)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(float(value.detach()))
    assert losses[0] == pytest.approx(math.log(tokenizer.get_vocab_size()), abs=0.3)
    assert np.mean(losses[-5:]) < losses[0] - 0.6


def test_likelihoods_do_not_depend_on_the_batch(work: Path) -> None:
    _, tokenizer = load_corpus(TOY.corpus, work, silent)
    model = build_model(TOY, tokenizer.get_vocab_size()).eval()
    texts = [(each.brief.prompt, each.copy) for each in product_copy.documents(8, 0, 7)] + [("", "User: Hi!\n")]
    together = negative_log_likelihoods(model, tokenizer, texts, batch_size=8)
    alone = negative_log_likelihoods(model, tokenizer, texts, batch_size=1)
    assert together == pytest.approx(alone, rel=1e-4)


def test_batches_depend_on_seed_and_step_and_start_with_documents(work: Path) -> None:
    corpus, tokenizer = load_corpus(TOY.corpus, work, silent)
    batch = corpus.batch(1, 5, 16, 64)
    assert batch.shape == (16, 65)
    assert np.array_equal(batch, corpus.batch(1, 5, 16, 64))
    assert not np.array_equal(batch, corpus.batch(1, 6, 16, 64))
    for row in batch:
        text = tokenizer.decode(list(row), skip_special_tokens=True)
        assert text.startswith(("Product:", "User:"))
    assert 0 < np.sum(batch[:, 0] == 0) < 16


def test_the_corpus_is_the_documents_in_order(work: Path) -> None:
    corpus, tokenizer = load_corpus(TOY.corpus, work, silent)
    texts = copy_texts(TOY.corpus.seed, 0)
    for index in (0, 1, 1999):
        tokens = corpus.tokens[corpus.offsets[index] : corpus.offsets[index + 1]]
        assert tokens[-1] == 0
        assert tokenizer.decode(list(tokens[:-1])) == texts[index]
    assert isinstance(corpus, Corpus)
