"""The Detoxify adapter on small networks made here, in the layout of the public checkpoints."""

import hashlib
import json
import pickle
import socket
from pathlib import Path

import pytest
import torch
from detoxify import Detoxify
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizer,
    RobertaConfig,
    RobertaForSequenceClassification,
    RobertaTokenizer,
    XLMRobertaConfig,
    XLMRobertaForSequenceClassification,
    XLMRobertaTokenizer,
)

from galley.compliance.detoxify import ToxicityModel
from galley.compliance.detoxify_convert import convert, main
from galley.compliance.detoxify_layout import MANIFEST, verified_manifest, write_manifest
from galley.errors import CheckError, ModelNotFound, ModelRefused

JIGSAW = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
STANDARD = ("toxicity", "severe_toxicity", "obscene", "threat", "insult", "identity_attack")
UNBIASED = ["toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat", "sexual_explicit"]
WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
    "a",
    "good",
    "day",
    "zorp",
    "the",
    "of",
    "ring",
    "red",
    "star",
    "##s",
    "##or",
    "z",
    "b",
    "d",
]
TEXTS = ["a good day", "zorp", "the red rings of the day", ""]


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("something asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def bert(num_labels=6, positions=512):
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=positions, num_labels=num_labels,
    )  # fmt: skip
    return BertForSequenceClassification(config).eval()


def bert_that_looks_for(word):
    """A network whose threat and toxicity outputs say whether `word` is among its tokens, and nothing else."""
    model = bert()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith("LayerNorm.weight"):
                parameter.zero_()
        inner = model.bert
        inner.embeddings.word_embeddings.weight[WORDS.index(word), 0] = 10.0
        attention = inner.encoder.layer[0].attention  # queries and keys are zero: every token is averaged
        attention.self.value.weight.copy_(torch.eye(32))
        attention.output.dense.weight.copy_(torch.eye(32))
        inner.pooler.dense.weight.copy_(torch.eye(32))
        model.classifier.weight[[0, 3], 0] = 8.0
        model.classifier.bias.fill_(-4.0)
    return model


def hub_snapshot(directory, model):
    """What a hub repository holds: configuration and tokenizer (and weights that must be ignored)."""
    directory.mkdir(parents=True)
    model.config.save_pretrained(directory)
    BertTokenizer(vocab={word: at for at, word in enumerate(WORDS)}, model_max_length=512).save_pretrained(directory)
    (directory / "pytorch_model.bin").write_bytes(b"ignored")
    return directory


def checkpoint(path, model, *, classes=JIGSAW, outputs=6, name="Bert", model_type="bert-base-uncased", **more):
    arch = {
        "model_type": model_type,
        "model_name": f"{name}ForSequenceClassification",
        "tokenizer_name": f"{name}Tokenizer",
        "num_classes": outputs,
    }
    config = {"arch": {"type": "BERT", "args": arch}, "dataset": {"type": "Jigsaw", "args": {"classes": classes}}}
    torch.save({"config": {**config, "batch_size": 10}, "state_dict": model.state_dict(), **more}, path)
    return path


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def converted(tmp_path):
    """A converted checkpoint of the network that looks for "zorp"."""
    model = bert_that_looks_for("zorp")
    source = hub_snapshot(tmp_path / "hub", model)
    path = checkpoint(tmp_path / "toxic.ckpt", model)
    convert(path, tmp_path / "model", sha256=sha256(path), huggingface_config=source)
    return tmp_path / "model"


def rehash(directory, **changes):
    """Write the manifest anew, so that only the rule under test can refuse."""
    old = json.loads((directory / MANIFEST).read_text())
    old["config"]["arch"]["args"].update(changes)
    return write_manifest(directory, config=old["config"], source=old["source"])


# --- conversion ---------------------------------------------------------------------------------------------------


def test_a_converted_checkpoint_scores_as_upstream_detoxify_does(tmp_path):
    model = bert()
    with torch.no_grad():
        model.classifier.weight.mul_(30)
    # Upstream, too, asks the hub for model_type first, unless it is a directory.
    source = hub_snapshot(tmp_path / "hub", model)
    path = checkpoint(tmp_path / "toxic.ckpt", model, model_type=str(source))
    upstream = Detoxify(checkpoint=str(path), huggingface_config_path=str(source)).predict(TEXTS)

    manifest = convert(path, tmp_path / "model", sha256=sha256(path), huggingface_config=source)
    ours = ToxicityModel.load(tmp_path / "model", sha256=manifest.digest)

    assert ours.class_names == STANDARD == tuple(upstream)
    for at, scored in enumerate(ours.score(TEXTS)):
        assert dict(scored.scores) == pytest.approx({name: upstream[name][at] for name in STANDARD}, abs=1e-6)
    spread = {round(upstream[name][0], 3) for name in STANDARD}
    assert len(spread) == 6  # otherwise a wrong order of classes would go unnoticed
    assert manifest.source == {"checkpoint": "toxic.ckpt", "checkpoint_sha256": sha256(path)}


def test_a_roberta_with_sixteen_outputs_names_its_first_seven(tmp_path):
    torch.manual_seed(2)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(["a good day"], trainer)
    description = json.loads(tokenizer.to_str())["model"]
    merges = [tuple(pair) for pair in description["merges"]]
    config = RobertaConfig(
        vocab_size=300, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=514, num_labels=16, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1,
    )  # fmt: skip
    model = RobertaForSequenceClassification(config).eval()
    with torch.no_grad():
        model.classifier.out_proj.bias.copy_(torch.arange(16) - 8.0)
    source = tmp_path / "hub"
    config.save_pretrained(source)
    RobertaTokenizer(vocab=description["vocab"], merges=merges, model_max_length=512).save_pretrained(source)
    path = checkpoint(
        tmp_path / "unbiased.ckpt", model, classes=UNBIASED, outputs=16, name="Roberta", model_type=str(source)
    )
    upstream = Detoxify(checkpoint=str(path), huggingface_config_path=str(source)).predict(TEXTS)
    convert(path, tmp_path / "model", sha256=sha256(path), huggingface_config=source)
    ours = ToxicityModel.load(tmp_path / "model")

    assert ours.class_names == tuple(UNBIASED)
    assert ours.limit == 512  # of 514 positions two lie behind the padding index
    for at, scored in enumerate(ours.score(TEXTS)):
        assert dict(scored.scores) == pytest.approx({name: upstream[name][at] for name in UNBIASED}, abs=1e-6)
    (long,) = ours.score(["a good day " * 400])
    assert long.windows > 1


def test_a_multilingual_checkpoint_reads_text_without_spaces_to_its_end(tmp_path):
    torch.manual_seed(3)
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "▁", *"这是一个好日子坏", "▁a", "▁good", "▁day", "<mask>"]
    config = XLMRobertaConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=514, num_labels=16, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1,
    )  # fmt: skip
    model = XLMRobertaForSequenceClassification(config).eval()
    with torch.no_grad():
        model.classifier.out_proj.weight.mul_(30)
    source = tmp_path / "hub"
    config.save_pretrained(source)
    tokenizer = XLMRobertaTokenizer(vocab=[(piece, -1.0) for piece in pieces], model_max_length=512)
    tokenizer.save_pretrained(source)
    path = checkpoint(
        tmp_path / "multilingual.ckpt", model, classes=UNBIASED, outputs=16, name="XLMRoberta", model_type=str(source)
    )
    texts = ["a good day", "这是一个好日子", ""]
    upstream = Detoxify(checkpoint=str(path), huggingface_config_path=str(source)).predict(texts)
    convert(path, tmp_path / "model", sha256=sha256(path), huggingface_config=source)
    ours = ToxicityModel.load(tmp_path / "model")

    for at, scored in enumerate(ours.score(texts)):
        assert dict(scored.scores) == pytest.approx({name: upstream[name][at] for name in UNBIASED}, abs=1e-6)
    text = "这是一个好日子" * 300
    (long,) = ours.score([text])
    assert long.windows == 6
    assert all(len(ours._tokens(text[start:end])) <= 510 for start, end in long.spans.values())


def test_a_base_configuration_gets_the_outputs_of_the_checkpoint(tmp_path):
    model = bert(num_labels=16)
    base = bert(num_labels=2)
    path = checkpoint(tmp_path / "toxic.ckpt", model, classes=UNBIASED, outputs=16)
    source = hub_snapshot(tmp_path / "hub", base)
    convert(path, tmp_path / "model", sha256=sha256(path), huggingface_config=source)
    assert ToxicityModel.load(tmp_path / "model").class_names == tuple(UNBIASED)


def test_a_wrong_sha256_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    path = checkpoint(tmp_path / "toxic.ckpt", bert())
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("the checkpoint was read"))
    with pytest.raises(ModelRefused, match=sha256(path)):
        convert(path, tmp_path / "model", sha256="0" * 64, huggingface_config=hub_snapshot(tmp_path / "hub", bert()))
    with pytest.raises(ModelRefused, match="not 64 hexadecimal digits"):
        convert(path, tmp_path / "model", sha256="c1212f89")
    assert not (tmp_path / "model").exists()


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("archive", [True, False])
def test_a_malicious_pickle_is_refused_and_never_runs(tmp_path, archive, protocol):
    path, proof = tmp_path / "toxic.ckpt", tmp_path / "it ran"
    content = {"config": {}, "state_dict": {}, "extra": Bomb(proof)}
    if archive:
        torch.save(content, path, pickle_protocol=protocol)
    else:
        path.write_bytes(pickle.dumps(content, protocol=protocol))
    with pytest.raises(ModelRefused, match="more than weights and plain values"):
        convert(
            path, tmp_path / "model", sha256=sha256(path), huggingface_config=hub_snapshot(tmp_path / "hub", bert())
        )
    assert not proof.exists()
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"state_dict": {}}, "not a Detoxify checkpoint"),
        ({"config": {}, "state_dict": {}}, "must map names to tensors"),
        ({"config": {"arch": {}}, "state_dict": {"w": torch.zeros(1)}}, "arch.args with model_type"),
    ],
)
def test_what_is_no_detoxify_checkpoint_is_refused(tmp_path, content, message):
    path = tmp_path / "toxic.ckpt"
    torch.save(content, path)
    with pytest.raises(ModelRefused, match=message):
        convert(
            path, tmp_path / "model", sha256=sha256(path), huggingface_config=hub_snapshot(tmp_path / "hub", bert())
        )


def test_classes_outside_detoxifys_families_are_refused(tmp_path):
    path = checkpoint(tmp_path / "toxic.ckpt", bert(), name="Auto")
    with pytest.raises(ModelRefused, match=r"arch\.args\.model_name"):
        convert(
            path, tmp_path / "model", sha256=sha256(path), huggingface_config=hub_snapshot(tmp_path / "hub", bert())
        )


def test_a_missing_configuration_is_named_with_the_remedy(tmp_path):
    path = checkpoint(tmp_path / "toxic.ckpt", bert())
    with pytest.raises(ModelNotFound, match="--config DIR"):
        convert(path, tmp_path / "model", sha256=sha256(path))
    with pytest.raises(ModelNotFound, match="no such checkpoint"):
        convert(tmp_path / "none.ckpt", tmp_path / "model", sha256="0" * 64)


def test_converting_again_changes_nothing_and_another_model_is_never_overwritten(converted, tmp_path):
    path = tmp_path / "toxic.ckpt"
    before = {file.name: file.stat().st_mtime_ns for file in converted.iterdir()}
    convert(path, converted, sha256=sha256(path), huggingface_config=tmp_path / "hub")
    assert {file.name: file.stat().st_mtime_ns for file in converted.iterdir()} == before
    other = checkpoint(tmp_path / "other.ckpt", bert())
    with pytest.raises(ModelRefused, match="another model"):
        convert(other, converted, sha256=sha256(other), huggingface_config=tmp_path / "hub")


def test_the_command_prints_the_digest_to_pin_and_reports_errors(tmp_path, capsys):
    model = bert()
    source, path = hub_snapshot(tmp_path / "hub", model), checkpoint(tmp_path / "toxic.ckpt", model)
    arguments = [str(path), str(tmp_path / "model"), "--config", str(source), "--sha256"]
    assert main([*arguments, "f" * 64]) == 1
    assert "wanted is ffff" in capsys.readouterr().err
    assert main([*arguments, sha256(path)]) == 0
    assert f"digest to pin: {verified_manifest(tmp_path / 'model').digest}" in capsys.readouterr().out


# --- loading ------------------------------------------------------------------------------------------------------


def test_the_pin_is_the_content_digest(converted):
    digest = verified_manifest(converted).digest
    assert ToxicityModel.load(converted, sha256=digest).digest == digest
    with pytest.raises(ModelRefused, match=digest):
        ToxicityModel.load(converted, sha256="0" * 64)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_changed_file_is_refused(converted, name):
    content = bytearray((converted / name).read_bytes())
    content[-2] ^= 1
    (converted / name).write_bytes(content)
    with pytest.raises(ModelRefused, match=name):
        ToxicityModel.load(converted)


@pytest.mark.parametrize("name", ["toxic.ckpt", "pytorch_model.bin", "model.PT", "onnx/model.pkl", "modeling.py"])
def test_pickles_and_code_beside_a_model_are_refused(converted, name):
    (converted / name).parent.mkdir(exist_ok=True)
    (converted / name).write_bytes(b"")
    with pytest.raises(ModelRefused, match=Path(name).name):
        ToxicityModel.load(converted)


@pytest.mark.parametrize("key", ["auto_map", "_attn_implementation_internal"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_a_configuration_that_asks_for_code_is_refused(converted, name, key):
    document = json.loads((converted / name).read_text())
    document["nested"] = [{key: "someone/code"}]
    (converted / name).write_text(json.dumps(document))
    rehash(converted)
    with pytest.raises(ModelRefused, match=key):
        ToxicityModel.load(converted)


def test_files_the_manifest_does_not_name_are_refused(converted):
    (converted / "added_tokens.json").write_text('{"zorp": 5}')
    with pytest.raises(ModelRefused, match=r"added_tokens\.json"):
        ToxicityModel.load(converted)


def test_missing_parts_are_named(converted, tmp_path):
    with pytest.raises(ModelNotFound, match="convert-detoxify"):
        ToxicityModel.load(tmp_path / "nowhere")
    (converted / "model.safetensors").unlink()
    with pytest.raises(ModelNotFound, match=r"model\.safetensors"):
        ToxicityModel.load(converted)
    (converted / MANIFEST).unlink()
    with pytest.raises(ModelNotFound, match=MANIFEST):
        ToxicityModel.load(converted)


def test_weights_that_do_not_fill_the_network_are_refused(converted):
    state = load_file(converted / "model.safetensors")
    del state["classifier.weight"]
    save_file(state, converted / "model.safetensors", metadata={"format": "pt"})
    rehash(converted)
    with pytest.raises(ModelRefused, match=r"classifier\.weight"):
        ToxicityModel.load(converted)


def test_garbage_in_place_of_weights_is_refused(converted):
    (converted / "model.safetensors").write_bytes(b"\xff" * 64)
    rehash(converted)
    with pytest.raises(ModelRefused, match="not a safetensors file"):
        ToxicityModel.load(converted)


def test_outputs_other_than_the_manifest_says_are_refused(converted):
    rehash(converted, num_classes=7)
    with pytest.raises(ModelRefused):
        ToxicityModel.load(converted)


def test_the_digest_does_not_depend_on_card_or_source(converted):
    before = verified_manifest(converted).digest
    (converted / "README.md").write_text("# A card")
    document = json.loads((converted / MANIFEST).read_text())
    document["source"] = {"note": "moved"}
    (converted / MANIFEST).write_text(json.dumps(document))
    assert verified_manifest(converted).digest == before


# --- scoring ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [0, 505, 511, 512, 513, 900, 1999])
def test_a_word_is_found_wherever_it_stands(converted, at):
    model = ToxicityModel.load(converted)
    words = ["good"] * 2000
    words[at] = "zorp"
    text = " ".join(words)
    (found,) = model.score([text])
    assert found.scores["threat"] > 0.9 > 0.1 > found.scores["insult"]
    start, end = found.spans["threat"]
    assert "zorp" in text[start:end]
    assert len(text[start:end].split()) <= 510
    assert found.windows >= 4
    (clean,) = model.score([" ".join(["good"] * 2000)])
    assert clean.scores["threat"] < 0.1


def test_smaller_windows_narrow_the_span(converted):
    model = ToxicityModel.load(converted)
    text = "a good day " * 50 + "zorp" + " a good day" * 50
    (found,) = model.score([text], window=32)
    start, end = found.spans["threat"]
    assert "zorp" in text[start:end]
    assert end - start < 200


def test_an_overlap_that_this_model_has_no_room_for_is_half_of_what_it_has(converted):
    model = ToxicityModel.load(converted)
    text = "a good day " * 200 + "zorp"
    (found,) = model.score([text], window=8192, overlap=4096)
    assert found == model.score([text], window=model.limit, overlap=model.limit // 2)[0]
    assert found.scores["threat"] > 0.9


def test_a_word_glued_to_an_emoji_is_still_read(converted):
    model = ToxicityModel.load(converted)
    (found,) = model.score(["a good zorp\N{SKULL AND CROSSBONES}day"])
    assert found.scores["threat"] > 0.9
    assert found.spans["threat"] == (7, 11)


def test_scores_go_back_to_their_texts_whatever_the_batch(converted):
    model = ToxicityModel.load(converted)
    texts = [("good " * (7 * at % 40)) + ("zorp" if at % 3 == 0 else "day") for at in range(60)]
    together = model.score(texts, batch_size=7)
    assert [scored.scores["threat"] > 0.5 for scored in together] == [at % 3 == 0 for at in range(60)]
    for text, scored in zip(texts[:12], together, strict=False):
        (alone,) = model.score([text])
        assert dict(alone.scores) == pytest.approx(dict(scored.scores), abs=1e-6)
    assert model.score([]) == []


@pytest.mark.parametrize(
    "answer",
    [
        {name: [float("nan")] for name in STANDARD},
        {name: [1.5] for name in STANDARD},
        {name: [-0.1] for name in STANDARD},
        {name: [0.5, 0.5] for name in STANDARD},
        {name: [] for name in STANDARD},
        {name: [True] for name in STANDARD},
        {name: [0.5] for name in STANDARD[1:]},
        {name: [0.5] for name in reversed(STANDARD)},
        None,
    ],
)
def test_no_usable_answer_is_an_error_and_never_a_score(converted, monkeypatch, answer):
    model = ToxicityModel.load(converted)
    monkeypatch.setattr(Detoxify, "predict", lambda *_: answer)
    with pytest.raises(CheckError):
        model.score(["a good day"])


def test_a_failing_model_is_a_check_error(converted, monkeypatch):
    def fail(*_):
        raise RuntimeError("out of memory")

    model = ToxicityModel.load(converted)
    monkeypatch.setattr(Detoxify, "predict", fail)
    with pytest.raises(CheckError, match="out of memory"):
        model.score(["a good day"])
