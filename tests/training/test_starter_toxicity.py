import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from galley.compliance.detoxify import ToxicityModel
from galley.compliance.detoxify_layout import verified_manifest
from galley.training import starter_toxicity
from galley.training.remarks import CLASSES
from galley.training.starter_toxicity import Shape, temperatures, train, train_tokenizer
from galley.training.text_card import UNMEASURED, section

TOY = Shape(vocabulary=400, hidden=32, layers=1, heads=2, remarks=300)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(starter_toxicity, "BATCH", 8)
    yield
    torch.set_num_threads(threads)


def run(tmp_path, name, **options):
    lines = []
    finished = train(
        tmp_path / name, tmp_path / f"work-{name}", say=lines.append, steps=8, shape=TOY, heldout=150, **options
    )
    return finished, lines


def test_a_toy_is_trained_exported_and_loaded_by_the_adapter(tmp_path):
    finished, lines = run(tmp_path, "out")
    assert finished
    directory = tmp_path / "out" / "starter-toxicity"
    model = ToxicityModel.load(directory, sha256=verified_manifest(directory).digest)
    assert model.class_names == CLASSES
    assert model.limit == 512
    (scored,) = model.score(["You are a fool. " * 300])
    assert scored.windows > 1
    assert set(scored.scores) == set(CLASSES)
    card = (directory / "README.md").read_text(encoding="utf-8")
    assert all(name in card for name in CLASSES)
    assert "8 steps of\n8 fresh remarks" in card
    assert section(card, "figures") == UNMEASURED
    assert sum("ROC AUC" in line for line in lines) == len(CLASSES)
    assert not list((tmp_path / "out").glob(".*"))


def test_a_run_cut_off_resumes_to_the_very_weights_of_an_undisturbed_one(tmp_path, monkeypatch):
    finished, _ = run(tmp_path, "whole")
    assert finished
    original = starter_toxicity._loss
    taken = []

    class Cut(Exception):
        pass

    def until_five(model, tokenizer, step, *rest):
        if step == 5 and not taken:
            taken.append(step)
            raise Cut
        return original(model, tokenizer, step, *rest)

    # Checkpoints are written by time; the fit is made to write one after every step.
    recipe = starter_toxicity.RECIPE
    monkeypatch.setattr(starter_toxicity, "RECIPE", starter_toxicity.replace(recipe, save_every=0.0))
    monkeypatch.setattr(starter_toxicity, "_loss", until_five)
    with pytest.raises(Cut):
        run(tmp_path, "cut")
    finished, lines = run(tmp_path, "cut")
    assert finished
    assert any("resuming at step 5" in line for line in lines)
    whole, resumed = (
        load_file(tmp_path / name / "starter-toxicity" / "model.safetensors") for name in ("whole", "cut")
    )
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_nothing_is_exported_when_the_deadline_comes_first(tmp_path):
    finished, _ = run(tmp_path, "late", deadline=time.monotonic() - 1)
    assert not finished
    assert not (tmp_path / "late").exists()


def test_a_checkpoint_belongs_to_one_recipe_and_one_text(monkeypatch, tmp_path):
    first = starter_toxicity._digest(TOY, starter_toxicity.RECIPE)
    assert first == starter_toxicity._digest(TOY, starter_toxicity.replace(starter_toxicity.RECIPE, save_every=1.0))
    assert first != starter_toxicity._digest(TOY, starter_toxicity.replace(starter_toxicity.RECIPE, steps=9))
    other = tmp_path / "other.py"
    other.write_text("# another grammar")
    monkeypatch.setattr(starter_toxicity.grammar, "__file__", str(other))
    assert first != starter_toxicity._digest(TOY, starter_toxicity.RECIPE)


def test_the_tokenizer_is_the_same_each_time_and_reads_any_latin_word():
    first, second = train_tokenizer(TOY), train_tokenizer(TOY)
    assert first.get_vocab() == second.get_vocab()
    assert first.unk_token not in first.tokenize("Zyxgarblequux 5h1ny c@t *** \\^_^/ Ünïcödé")


def test_temperatures_undo_overconfidence():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, size=(20_000, 2))
    labels = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    found = temperatures(logits * np.array([3.0, 0.5]), labels)
    assert found == pytest.approx([3.0, 0.5], rel=0.1)
