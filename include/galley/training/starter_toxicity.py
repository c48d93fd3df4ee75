"""The starter toxicity classifier: a small BERT with Detoxify's six outputs, trained on the remarks written here.

It is exported in the layout of `galley.compliance.detoxify`, which loads the public Detoxify checkpoints too. Nothing
of Detoxify is needed for training.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from torch import Tensor
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from galley.compliance.detoxify_layout import write_manifest
from galley.training import dialogues, grammar, product_copy, product_words, scenes
from galley.training.binary_metrics import Array, expected_calibration_error, roc_auc
from galley.training.loop import Recipe, autocast, best_device, fit, generator
from galley.training.remark_platform import platform_remark
from galley.training.remarks import CLASSES, Remark, Split, draw, interrupt, stream, templates
from galley.training.toxicity_card import Facts, card

NAME = "starter-toxicity"
SEED = 5
LIMIT = 512
"""Tokens one forward pass takes, the two special ones included."""

RECIPE = Recipe(steps=23_000, learning_rate=2e-3, warmup=200, weight_decay=0.05, ema=0.998)
BATCH = 64
SINGLE = 0.3
"""Share of the steps, from the first, whose remarks are single sentences."""
PLATFORM = 0.2
"""Share of the platform's own texts (`remark_platform`), half of which hold a remark or an audience of their own."""
INTERRUPTED = 0.4
"""Share of remarks with words put in that mean nothing, so that an unknown word speaks for neither side."""
LABEL_SMOOTHING = 0.01
BUCKETS = (24, 64, 160, LIMIT)
"""Remarks whose tokens fit between two neighbours share a forward pass, so that little of it is padding."""

UNKNOWN = "[UNK]"
_SPECIALS = ("[PAD]", UNKNOWN, "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class Shape:
    """Sizes of the network and of what its tokenizer is trained on.

    Attributes:
        vocabulary: WordPiece tokens.
        hidden: width of the residual stream.
        layers: transformer blocks.
        heads: attention heads, a divisor of ``hidden``.
        remarks: training remarks the tokenizer is trained on.
    """

    vocabulary: int = 4096
    hidden: int = 128
    layers: int = 5
    heads: int = 4
    remarks: int = 40_000


def train_tokenizer(shape: Shape) -> BertTokenizer:
    """An uncased WordPiece tokenizer over remarks of the training split."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    rng = random.Random(f"{SEED} vocabulary")
    texts = [_remark(rng, None).text for _ in range(shape.remarks)]
    # Every printable ASCII character is a token, so that no word in plain Latin letters is ever unknown. The trainer
    # numbers characters in the order of a hash map, and breaks ties by number: given as leading tokens, in order, they
    # make the vocabulary the same each time, without which no checkpoint could be resumed.
    seen = {character for text in texts for character in tokenizer.normalizer.normalize_str(text) if character > " "}
    alphabet = sorted(seen | {chr(code) for code in range(33, 127)} - set(string.ascii_uppercase))
    trainer = trainers.WordPieceTrainer(
        vocab_size=shape.vocabulary,
        special_tokens=[*_SPECIALS, *alphabet, *(f"##{character}" for character in alphabet)],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return BertTokenizer(vocab=tokenizer.get_vocab(), model_max_length=LIMIT)


def build(shape: Shape, vocabulary: int) -> BertForSequenceClassification:
    """The untrained network."""
    return BertForSequenceClassification(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=shape.hidden,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            intermediate_size=4 * shape.hidden,
            max_position_embeddings=LIMIT,
            type_vocab_size=2,
            hidden_dropout_prob=0.1,
            attention_probs_dropout_prob=0.1,
            # 1/sqrt(width): BERT's own 0.02 is meant for a width of 768, and at 128 learns ten times as slowly.
            initializer_range=shape.hidden**-0.5,
            problem_type="multi_label_classification",
            id2label=dict(enumerate(CLASSES)),
            label2id={name: index for index, name in enumerate(CLASSES)},
        )
    )


def _tokens(tokenizer: BertTokenizer, texts: Sequence[str]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.backend_tokenizer.encode_batch(list(texts))]


def _pad(rows: Sequence[list[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """Input ids and attention mask, (rows, longest); the padding token is 0."""
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return ids.to(device, non_blocking=True), mask.to(device, non_blocking=True)


def _remark(rng: random.Random, sentences: int | None) -> Remark:
    """A training remark: mostly of the templates, sometimes one of the platform's own texts, often interrupted."""
    if rng.random() < PLATFORM:
        return platform_remark(rng, "train")
    remark = draw(rng, "train", sentences=sentences)
    return replace(remark, text=interrupt(remark.text, rng)) if rng.random() < INTERRUPTED else remark


def _loss(
    model: BertForSequenceClassification, tokenizer: BertTokenizer, step: int, steps: int, device: torch.device
) -> Tensor:
    """Mean binary cross-entropy of one step's batch; everything is drawn from (SEED, step)."""
    rng = random.Random(f"{SEED} step {step}")
    # Dropout draws from the global generators: seeded by step as well, so that a resumed run repeats the undisturbed
    # one.
    torch.manual_seed(generator("cpu", SEED, step).initial_seed())
    # Short remarks first: words are learned from them at a third of the cost.
    sentences = 1 if step < SINGLE * steps else None
    drawn: list[tuple[list[int], Remark]] = []
    while len(drawn) < BATCH:
        fresh = [_remark(rng, sentences) for _ in range(BATCH - len(drawn))]
        rows = _tokens(tokenizer, [remark.text for remark in fresh])
        drawn += [(row, remark) for row, remark in zip(rows, fresh, strict=True) if len(row) <= LIMIT]
    total = torch.zeros((), device=device)
    for shortest, longest in pairwise((0, *BUCKETS)):
        group = [pair for pair in drawn if shortest < len(pair[0]) <= longest]
        if not group:
            continue
        ids, mask = _pad([row for row, _ in group], device)
        # Most remarks are short: shifting some batches along the positions trains the late ones too.
        offset = rng.randint(0, LIMIT - ids.shape[1]) if sentences is None and rng.random() < 0.4 else 0
        positions = torch.arange(ids.shape[1], device=device) + offset
        positions[0] = 0
        targets = torch.tensor([remark.targets for _, remark in group], device=device)
        targets = targets * (1 - LABEL_SMOOTHING) + 0.5 * LABEL_SMOOTHING
        with autocast(device):
            logits = model(input_ids=ids, attention_mask=mask, position_ids=positions[None]).logits
        total = total + functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="sum")
    return total / (BATCH * len(CLASSES))


@torch.no_grad()
def predict(model: BertForSequenceClassification, tokenizer: BertTokenizer, texts: Sequence[str]) -> Array:
    """Logits in fp32, (texts, classes), of texts that fit into one forward pass (longer ones are cut)."""
    device = next(model.parameters()).device
    rows = [row[:LIMIT] for row in _tokens(tokenizer, texts)]
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    logits: Array = np.zeros((len(rows), len(CLASSES)), dtype=np.float64)
    for start in range(0, len(order), 64):
        chunk = order[start : start + 64]
        ids, mask = _pad([rows[index] for index in chunk], device)
        logits[chunk] = model(input_ids=ids, attention_mask=mask).logits.float().cpu().numpy()
    return logits


def sample(split: Split, count: int) -> list[Remark]:
    """The first ``count`` remarks of a split, for calibration and measuring; other seeds than training's."""
    return list(islice(stream(SEED + 1, split), count))


def temperatures(logits: Array, labels: Array) -> Array:
    """Per class the divisor of the logits that minimises cross-entropy (Guo et al. 2017), found by golden section."""
    found = []
    for logit, label in zip(logits.T, labels.T, strict=True):

        def cost(log_divisor: float, logit: Array = logit, label: Array = label) -> float:
            scaled = logit / np.exp(log_divisor)
            return float(np.mean(np.logaddexp(0.0, scaled) - label * scaled))

        low, high, ratio = -1.5, 2.5, (5**0.5 - 1) / 2
        for _ in range(40):
            left, right = high - ratio * (high - low), low + ratio * (high - low)
            low, high = (low, right) if cost(left) < cost(right) else (left, high)
        found.append(np.exp((low + high) / 2))
    return np.array(found)


def calibrate(model: BertForSequenceClassification, tokenizer: BertTokenizer, count: int) -> Array:
    """Fold temperatures measured on calibration templates into the classifier's weights; returns them."""
    remarks = sample("calibration", count)
    logits = predict(model, tokenizer, [remark.text for remark in remarks])
    divisors = temperatures(logits, np.array([remark.targets for remark in remarks]))
    scale = torch.tensor(divisors, dtype=torch.float32, device=model.classifier.weight.device)
    with torch.no_grad():
        model.classifier.weight /= scale[:, None]
        model.classifier.bias /= scale
    return divisors


def figures(labels: Array, scores: Array) -> dict[str, tuple[float, float]]:
    """Per class ROC AUC and expected calibration error (15 bins); both arrays are (texts, classes)."""
    return {
        name: (roc_auc(labels[:, at], scores[:, at]), expected_calibration_error(labels[:, at], scores[:, at]))
        for at, name in enumerate(CLASSES)
    }


def export(model: BertForSequenceClassification, tokenizer: BertTokenizer, target: Path, card: str) -> None:
    """Write the model in the layout of `galley.compliance.detoxify`, half-precision weights, whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    state = {name: value.detach().half().cpu().contiguous() for name, value in model.state_dict().items()}
    save_file(state, partial / "model.safetensors", metadata={"format": "pt"})
    config = {**json.loads(model.config.to_json_string()), "architectures": [type(model).__name__], "dtype": "float32"}
    (partial / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    tokenizer.save_pretrained(partial)
    (partial / "README.md").write_text(card, encoding="utf-8")
    arch = {"model_type": NAME, "model_name": "BertForSequenceClassification", "tokenizer_name": "BertTokenizer"}
    write_manifest(
        partial,
        config={
            "arch": {"args": {**arch, "num_classes": len(CLASSES)}},
            "dataset": {"args": {"classes": list(CLASSES)}},
        },
        source={"trained_by": f"python -m galley.training {NAME}", "seed": SEED},
    )
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)


def _digest(shape: Shape, recipe: Recipe) -> str:
    """Twelve hex digits of what the weights depend on, so that no checkpoint of other text or numbers is resumed."""
    modules = (dialogues, grammar, product_copy, product_words, scenes)
    written = [*sorted(Path(__file__).parent.glob("remark*.py")), *(Path(str(module.__file__)) for module in modules)]
    numbers = (
        shape,
        replace(recipe, save_every=0.0),
        SEED,
        BATCH,
        SINGLE,
        PLATFORM,
        INTERRUPTED,
        LABEL_SMOOTHING,
        BUCKETS,
    )
    parts = [repr(numbers).encode(), *(path.read_bytes() for path in written)]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:12]


def train(
    out: Path,
    work: Path,
    *,
    say: Callable[[str], None] = print,
    deadline: float | None = None,
    steps: int | None = None,
    shape: Shape | None = None,
    heldout: int = 6000,
) -> bool:
    """Train, calibrate, measure and export to ``out/starter-toxicity``.

    Args:
        out: directory of the starter models.
        work: directory for checkpoints; a run that was cut off goes on from there.
        say: gets lines of progress.
        deadline: `time.monotonic()` at which to stop; None for never.
        steps: optimiser updates, where not the recipe's.
        shape: sizes, where not the starter's (tests).
        heldout: remarks on calibration templates to calibrate on, and on held-out ones to tell the figures of.

    Returns:
        True when the model is exported; False when the deadline came first (call again to go on).
    """
    began, device, sizes = time.monotonic(), best_device(), shape or Shape()
    recipe = RECIPE if steps is None else replace(RECIPE, steps=steps, warmup=min(RECIPE.warmup, steps // 10))
    torch.manual_seed(SEED)
    tokenizer = train_tokenizer(sizes)
    model = build(sizes, len(tokenizer)).to(device)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    say(f"{NAME}: {parameters / 1e6:.2f} M parameters, {len(tokenizer)} tokens, {device}")
    checkpoint = work / NAME / f"{_digest(sizes, recipe)}.pt"
    if not fit(
        model,
        lambda step: _loss(model, tokenizer, step, recipe.steps, device),
        recipe,
        checkpoint,
        say=say,
        deadline=deadline,
    ):
        return False
    divisors = calibrate(model, tokenizer, heldout)
    say("temperatures " + " ".join(f"{value:.2f}" for value in divisors))
    remarks = sample("heldout", heldout)
    logits = predict(model, tokenizer, [remark.text for remark in remarks])
    measured = figures(np.array([remark.targets for remark in remarks]), 1 / (1 + np.exp(-logits)))
    for name, (auc, error) in measured.items():
        say(f"{name:16} ROC AUC {auc:.4f}  ECE {error:.4f}  on held-out templates")
    facts = Facts(
        parameters=parameters,
        layers=sizes.layers,
        width=sizes.hidden,
        vocabulary=len(tokenizer),
        templates=len(templates()),
        steps=recipe.steps,
        batch=BATCH,
        learning_rate=recipe.learning_rate,
        label_smoothing=LABEL_SMOOTHING,
        single=SINGLE,
        platform=PLATFORM,
    )
    export(model, tokenizer, out / NAME, card(facts))
    say(f"{NAME}: exported to {out / NAME} after {time.monotonic() - began:.0f} s")
    return True
