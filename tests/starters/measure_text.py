"""Measures `starter-text`: its committed weights against the grammar that wrote its training text.

Everything is read off by the grammar's own means (its exact probabilities, its lexicon of tones), never by a model. The
prompts have names that training never saw. Whether a text stands verbatim in the training set is found by writing the
training set again from its seed, chunk by chunk in worker processes, and looking for the samples' digests in it: that
takes under half a minute on two cores and needs nothing shipped beside the weights.

    python -m tests.starters.measure_text include/models/starter-text
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

from galley.training import dialogues, product_copy
from galley.training.corpus import CHUNK, CorpusPlan, in_processes
from galley.training.starter_text import negative_log_likelihoods, trained_on
from tests.starters.figures import Figure, markdown, show

SAMPLES = 400
SCORED = 400
TEMPERATURE = 0.8
SEED = 20_001
"""Of the measured documents; the corpus has another one."""


def measure(model_dir: Path, *, say: Callable[[str], None] = print) -> list[Figure]:
    """All figures of `starter-text` in ``model_dir``; about two minutes on two cores."""
    model = AutoModelForCausalLM.from_pretrained(model_dir, local_files_only=True).float().eval()
    tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True, padding_side="left")
    plan = trained_on(model_dir)
    figures = cross_entropy_figures(model, Tokenizer.from_file(str(model_dir / "tokenizer.json")), plan)
    say(f"writing {SAMPLES} texts at temperature {TEMPERATURE}")
    drawn = [each.brief for each in product_copy.documents(SEED, 1, SAMPLES, held_out=True)]
    briefs = sorted(drawn, key=lambda brief: brief.channel)  # texts of one length end a batch together
    texts = write(model, tokenizer, [brief.prompt for brief in briefs])
    named = sum(brief.name in text for brief, text in zip(briefs, texts, strict=True))
    toned = sum(
        product_copy.tone_of(text, name=brief.name, audience=brief.audience) == brief.tone
        for brief, text in zip(briefs, texts, strict=True)
    )
    grammatical = sum(
        product_copy.copy_log_probability(brief, text) > -float("inf")
        for brief, text in zip(briefs, texts, strict=True)
    )
    say("looking for them in the training set")
    masked = [_digest(product_copy.masked(text, brief.name)) for brief, text in zip(briefs, texts, strict=True)]
    seen = training_digests(frozenset(masked), plan)
    new = sum(digest not in seen for digest in masked)
    by_channel = Counter(brief.channel for brief in briefs)
    say("samples by channel: " + ", ".join(f"{count} {channel}" for channel, count in sorted(by_channel.items())))
    share = 100 / SAMPLES
    return [
        *figures,
        Figure("names the product asked for (names unseen in training)", named * share, 97, "higher", "%"),
        Figure("keeps the asked tone, and no other", toned * share, 97, "higher", "%"),
        Figure("not verbatim in the training set, even with the name masked", new * share, 80, "higher", "%"),
        Figure("whole text could have been written by the grammar", grammatical * share, 90, "higher", "%"),
    ]


def cross_entropy_figures(model: torch.nn.Module, tokenizer: Tokenizer, plan: CorpusPlan) -> list[Figure]:
    """Cross-entropy over the grammar's entropy, in per cent above it, on the same documents.

    Sums over documents, in nats, end of text included. The entropy of a set of documents is the sum of their exact
    negative log-probabilities; tokenisation plays no part in it.
    """
    unseen = list(product_copy.documents(SEED, 0, SCORED, held_out=True))
    fresh = list(product_copy.documents(SEED, 0, SCORED))
    talks = list(dialogues.documents(SEED, 0, SCORED))
    copies = negative_log_likelihoods(model, tokenizer, [(each.brief.prompt, each.copy) for each in unseen])
    wholes = negative_log_likelihoods(model, tokenizer, [("", each.text) for each in fresh])
    spoken = negative_log_likelihoods(model, tokenizer, [("", talk.text) for talk in talks])
    copy_entropy = -sum(product_copy.copy_log_probability(each.brief, each.copy) for each in unseen)
    whole_entropy = 0.0
    for each in fresh:
        read = product_copy.read_prompt(each.text)
        assert read is not None, each.text
        whole_entropy -= read[1] + product_copy.copy_log_probability(each.brief, each.copy)
    talk_entropy = -sum(dialogues.log_probability(talk.text) for talk in talks)
    # the starter has to choose between copy and a dialogue at the first token: the price of that is known too
    chunks = plan.copy_chunks, plan.dialogue_chunks
    whole_entropy += SCORED * _nats(chunks[0] / sum(chunks))
    talk_entropy += SCORED * _nats(chunks[1] / sum(chunks))

    def above(paid: list[float], entropy: float) -> float:
        return 100 * (sum(paid) / entropy - 1)

    return [
        Figure("held-out copy: cross-entropy above the entropy", above(copies, copy_entropy), 5, "lower", "%"),
        Figure("whole fresh texts: cross-entropy above the entropy", above(wholes, whole_entropy), 5, "lower", "%"),
        Figure("fresh dialogues: cross-entropy above the entropy", above(spoken, talk_entropy), 5, "lower", "%"),
    ]


def _nats(probability: float) -> float:
    return -float(torch.tensor(probability).log())


def write(model: torch.nn.Module, tokenizer: AutoTokenizer, prompts: list[str], *, batch_size: int = 50) -> list[str]:
    """The model's continuation of each prompt, up to the end of text; one padded batch at a time, from a fixed seed."""
    torch.manual_seed(SEED)
    texts: list[str] = []
    for start in range(0, len(prompts), batch_size):
        inputs = tokenizer(prompts[start : start + batch_size], return_tensors="pt", padding=True)
        out = model.generate(
            **inputs, do_sample=True, temperature=TEMPERATURE, top_k=0, top_p=1.0, max_new_tokens=192, use_cache=True
        )
        texts += tokenizer.batch_decode(out[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts


def _digest(text: str) -> bytes:
    return blake2b(text.encode(), digest_size=8).digest()


def _found(wanted: frozenset[bytes], seed: int, chunk: int) -> frozenset[bytes]:
    training = product_copy.documents(seed, chunk, CHUNK)
    return wanted.intersection(_digest(product_copy.masked(each.copy, each.brief.name)) for each in training)


def training_digests(wanted: frozenset[bytes], plan: CorpusPlan) -> set[bytes]:
    """Those of the wanted digests that the training set has, names masked in both."""
    found: set[bytes] = set()
    for part in in_processes(partial(_found, wanted, plan.seed), range(plan.copy_chunks)):
        found |= part
    return found


if __name__ == "__main__":
    measured = measure(Path(sys.argv[1]))
    show("starter-text", measured)
    if len(sys.argv) > 2:
        Path(sys.argv[2]).write_text(markdown(measured) + "\n")
