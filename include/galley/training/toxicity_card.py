"""The model card of `starter-toxicity`, written at export; the measuring command replaces its figures."""

from __future__ import annotations

from dataclasses import dataclass

from galley.training.remarks import CLASSES
from galley.training.text_card import UNMEASURED


@dataclass(frozen=True)
class Facts:
    """What the card says of one training run.

    Attributes:
        parameters: weights of the network.
        layers, width: of the network.
        vocabulary: WordPiece tokens.
        templates: hand-written sentence patterns, of all splits.
        steps: optimiser updates.
        batch: remarks per update.
        learning_rate: its peak.
        label_smoothing: share of a label given to its opposite, halved.
        single: share of the updates, from the first, on single sentences.
        platform: share of product copy, dialogues and captions in the training text.
    """

    parameters: int
    layers: int
    width: int
    vocabulary: int
    templates: int
    steps: int
    batch: int
    learning_rate: float
    label_smoothing: float
    single: float
    platform: float


def card(facts: Facts) -> str:
    """The whole card (README.md), its figures still to be measured."""
    return f"""---
license: apache-2.0
language: en
pipeline_tag: text-classification
---

# starter-toxicity

A small BERT classifier with Detoxify's six classes, so that Galley can screen text offline and at once, through the
same Detoxify code paths as the public checkpoints. **Production uses a public Detoxify checkpoint** (`original`,
`unbiased` or `multilingual`), converted once with `galley models convert-detoxify`.

## What it is

- {facts.parameters / 1e6:.2f} M parameters, {facts.layers} layers of width {facts.width}, own uncased WordPiece
  vocabulary of {facts.vocabulary} tokens, 512 positions; half-precision safetensors in the layout of
  `galley.compliance.detoxify_layout`.
- Classes, in Detoxify's order: {", ".join(CLASSES)}.
- Load it with `galley.compliance.detoxify.ToxicityModel.load(directory)`: no pickle, no network. Texts of any length
  are read in overlapping windows; upstream's `predict` cuts them at 512 tokens.

## Data

Sentences written by this project's own templates (`galley.training.remarks`), none taken from anywhere:
{facts.templates} hand-written patterns and some hundred thousand assembled from parts, filled with words, alone or
among up to 35 other sentences, with the spelling people use (case, typos, stretched or masked letters, leetspeak). Near
misses are as frequent as abuse: quotations, denials, talk about words, news, self-criticism, reclaimed words, names and
places, food, medicine, animals, tools, technical terms, idioms, complaints about things. Minimal pairs (one part
alone decides the label) are drilled in training as well.

{facts.platform:.0%} of the training text is product copy, support dialogues and captions as the other starters know
them, whole or in excerpts. Half of the copy holds a remark, abusive or not, or an audience that is insulted or plainly
named: no form of text proves innocence.

The abuse is mild and widely known, or invented; no slurs, nothing sexual. Groups are named as any news text names
them. Labels: toxicity is whatever has another label; severe toxicity is two of threat, identity attack, and insult
with a swear word, in one text; a threat announces, wishes or urges violence or death; quoted, denied and reported
abuse is not toxic.

## Recipe

`python -m galley.training starter-toxicity --out include/models --work .galley/training`: {facts.steps} steps of
{facts.batch} fresh remarks (AdamW, peak rate {facts.learning_rate:g}, cosine decay, label smoothing
{facts.label_smoothing}), the first {facts.single:.0%} of them on single sentences; then one temperature per class from
calibration templates, folded into the classifier. The command goes on from its last checkpoint; with `--minutes N` it
stops after N minutes.

## Figures

`make measure-starters` measures them through the Detoxify adapter. Held out are sentence patterns, and parts of
assembled ones, that no training remark has. "Flagged" and "found" mean that any class scores above 0.5 in any window
of 64 tokens, as the default policy reads.

<!-- figures:begin -->
{UNMEASURED}
<!-- figures:end -->

## Limits

English only. It knows the words and patterns of its templates and little else: slurs, sexual content, irony, other
languages and real users' inventiveness are beyond it, and its scores say nothing about them. Its figures are on text
written as its training text was, never on text of people. Do not let it decide about people.

## Licence

Apache-2.0, weights and text alike.
"""
