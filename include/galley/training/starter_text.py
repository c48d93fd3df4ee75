"""`starter-text`: a small GPT-2 trained on the project's own product copy and support dialogues; and a larger teacher.

`train` makes the starter, exports it in the stock layout and writes its card; `train_teacher` trains a larger network
on the same text, keeps its weights under the work directory and adds its figures to the starter's card.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from galley.training import product_copy
from galley.training.corpus import END_OF_TEXT, Corpus, CorpusPlan, load_corpus
from galley.training.loop import Recipe, adamw, autocast, best_device, fit, multiplies_bf16
from galley.training.optimisers import Muon, Together
from galley.training.text_card import card, put_section, teacher_section

CONTEXT = 1024
"""Positions of the model."""

SHORT_ROW = 256
"""Length of most rows: documents are shorter, and attention over short rows is cheap."""

LONG_EVERY = 4
"""Every so many steps the rows are as long as the context, so that all its positions are learned."""

TRAINING = "training.json"
"""File of the export that says what the weights were trained on, for whoever measures them."""

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] not in ['user', 'assistant'] %}"
    "{{ raise_exception('starter-text knows the roles user and assistant, not ' ~ message['role']) }}"
    "{% endif %}"
    "{{ message['role'] | capitalize }}: {{ message['content'] | trim }}\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)
"""Turns as the dialogues of the training text have them: each ends with a newline, which also ends generation."""


@dataclass(frozen=True)
class Plan:
    """Everything that decides the weights.

    Attributes:
        name: directory of the export and of the checkpoint.
        layers, heads, width: of the transformer.
        corpus: the training text.
        recipe: the numbers of the training loop.
        tokens_per_step: targets per update.
        seed: of the initial weights and of the batches.
    """

    name: str
    layers: int
    heads: int
    width: int
    recipe: Recipe
    corpus: CorpusPlan = field(default_factory=CorpusPlan)
    tokens_per_step: int = 32 * CONTEXT
    seed: int = 1

    def digest(self) -> str:
        """Twelve hex digits of everything that the weights depend on, save the number of steps already taken."""
        numbers = asdict(self) | {"corpus": self.corpus.digest()}
        numbers["recipe"] = {key: value for key, value in asdict(self.recipe).items() if key != "save_every"}
        return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()[:12]


STARTER = Plan(
    "starter-text",
    layers=5,
    heads=4,
    width=256,
    recipe=Recipe(steps=4000, learning_rate=3e-3, warmup=200, weight_decay=0.05),
)
STARTER_ON_CPU = replace(
    STARTER,
    recipe=Recipe(steps=4000, learning_rate=3e-3, warmup=200, weight_decay=0.05, ema=0.995),
    corpus=CorpusPlan(copy_chunks=50, dialogue_chunks=20),
    tokens_per_step=4 * CONTEXT,
)
"""An eighth of the tokens, which one core reads in about an hour; the card says which plan was followed. The steps are
small: of so few tokens many updates have to be made, and short batches run faster per token on a CPU."""
TEACHER = Plan(
    "teacher-text",
    layers=8,
    heads=8,
    width=512,
    recipe=Recipe(steps=3000, learning_rate=1.5e-3, warmup=200, weight_decay=0.05),
)
TEACHER_ON_CPU = replace(STARTER_ON_CPU, name=TEACHER.name, layers=6, heads=6, width=384)
"""Twice the starter's size, on the same tokens; two hours and a half on one core."""


def build_model(plan: Plan, vocabulary: int) -> GPT2LMHeadModel:
    """The untrained network, with weights that depend on the plan's seed alone."""
    config = GPT2Config(
        vocab_size=vocabulary,
        n_positions=CONTEXT,
        n_embd=plan.width,
        n_layer=plan.layers,
        n_head=plan.heads,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        activation_function="gelu_pytorch_tanh",  # GPT-2's own function in one kernel, for a third of its time on CPUs
        bos_token_id=0,
        eos_token_id=0,
        tie_word_embeddings=True,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(plan.seed)
        return GPT2LMHeadModel(config)


def optimiser_of(model: nn.Module, recipe: Recipe) -> Together:
    """Muon on the matrices of the blocks, AdamW on embeddings, biases and norms; the same learning rate suits both."""
    inner = {name for name, p in model.named_parameters() if p.ndim == 2 and "wte" not in name and "wpe" not in name}
    matrices = [p for name, p in model.named_parameters() if name in inner]
    others = [p for name, p in model.named_parameters() if name not in inner]
    rate, decay = recipe.learning_rate, recipe.weight_decay
    muon = Muon(matrices, rate, decay, torch.bfloat16 if multiplies_bf16(matrices[0].device) else torch.float32)
    return Together(muon, adamw(others, recipe))


def step_loss(model: nn.Module, corpus: Corpus, plan: Plan, device: torch.device) -> Callable[[int], Tensor]:
    """The loss of a step: mean cross-entropy in nats per token over packed rows, mostly short, sometimes long ones."""

    def loss(step: int) -> Tensor:
        length = min(CONTEXT if step % LONG_EVERY == LONG_EVERY - 1 else SHORT_ROW, plan.tokens_per_step)
        packed = corpus.batch(plan.seed, step, plan.tokens_per_step // length, length)
        tokens = torch.from_numpy(packed).to(device, non_blocking=True)
        with autocast(device):
            logits = model(input_ids=tokens[:, :-1], use_cache=False).logits
        return nn.functional.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten())

    return loss


def negative_log_likelihoods(
    model: nn.Module, tokenizer: Tokenizer, texts: Sequence[tuple[str, str]], *, batch_size: int = 32
) -> list[float]:
    """What the model pays for the second part of each text given the first, in nats per text.

    Args:
        model: a causal language model in evaluation mode.
        tokenizer: its tokenizer; token 0 ends a text and is paid for as well.
        texts: (given, scored) pairs. The pre-tokenizer must split between them, so that the tokens of the whole are
            those of the parts. An empty ``given`` stands for the end-of-text token.
        batch_size: rows per forward pass.
    """
    device = next(model.parameters()).device
    paid: list[float] = []
    rows = []
    for given, scored in texts:
        head = tokenizer.encode(given).ids if given else [0]
        rows.append((head, [*tokenizer.encode(scored).ids, 0]))
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            length = max(len(head) + len(tail) for head, tail in part)
            tokens = torch.zeros((len(part), length), dtype=torch.long)
            scored_at = torch.zeros((len(part), length), dtype=torch.bool)
            for index, (head, tail) in enumerate(part):
                tokens[index, : len(head) + len(tail)] = torch.tensor([*head, *tail])
                scored_at[index, len(head) : len(head) + len(tail)] = True
            tokens, scored_at = tokens.to(device), scored_at.to(device)
            logits = model(
                input_ids=tokens[:, :-1], use_cache=False
            ).logits.float()  # pads lie behind: causality hides them
            nats = nn.functional.cross_entropy(logits.transpose(1, 2), tokens[:, 1:], reduction="none")
            paid += (nats * scored_at[:, 1:]).sum(1).tolist()
    return paid


def held_out_ratio(model: nn.Module, tokenizer: Tokenizer, count: int = 500) -> float:
    """Cross-entropy of the copy of held-out documents over the grammar's entropy on the same ones.

    1.0 is perfect and 1.05 the starter's target. Both are sums, in nats, over the text after ``Copy:``, end included.
    """
    documents = list(product_copy.documents(977, 0, count, held_out=True))
    paid = negative_log_likelihoods(model, tokenizer, [(each.brief.prompt, each.copy) for each in documents])
    return sum(paid) / -sum(product_copy.copy_log_probability(each.brief, each.copy) for each in documents)


def export(model: GPT2LMHeadModel, tokenizer: Tokenizer, directory: Path, corpus: CorpusPlan) -> None:
    """Write the stock layout: fp16 weights that load as fp32, configuration, tokenizer with chat template.

    Beside them lies `TRAINING`, with the plan of the corpus. The directory is written beside its place and renamed; a
    card that lies there is kept.
    """
    partial = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    model.generation_config.update(
        do_sample=True,
        temperature=0.8,
        top_k=0,  # the library's default would cut the distribution to its fifty likeliest tokens
        max_new_tokens=192,
        bos_token_id=0,
        eos_token_id=[0, tokenizer.token_to_id("Ċ")],  # a newline ends an assistant's turn; copy has none
        pad_token_id=0,
    )
    model.generation_config._from_model_config = False  # else a loader may derive it from the model's again
    half = GPT2LMHeadModel(model.config).half()
    half.generation_config = model.generation_config
    half.load_state_dict(model.state_dict())
    half.save_pretrained(partial)
    config = json.loads((partial / "config.json").read_text())
    config.pop("torch_dtype", None)
    config["dtype"] = "float32"  # the precision to compute in: the files are half precision only to be small
    (partial / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (partial / "model.safetensors").chmod(0o644)  # the library writes for the owner alone
    stock = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END_OF_TEXT,
        eos_token=END_OF_TEXT,
        pad_token=END_OF_TEXT,
        unk_token=END_OF_TEXT,
        model_max_length=CONTEXT,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )
    stock.chat_template = CHAT_TEMPLATE
    stock.save_pretrained(partial)
    settings = json.loads((partial / "tokenizer_config.json").read_text())
    settings["tokenizer_class"] = "PreTrainedTokenizerFast"  # the name that transformers 4 and 5 both know
    settings["chat_template"] = CHAT_TEMPLATE
    (partial / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, ensure_ascii=False) + "\n")
    (partial / "chat_template.jinja").unlink(missing_ok=True)
    (partial / TRAINING).write_text(json.dumps({"corpus": asdict(corpus)}, indent=2) + "\n")
    if (directory / "README.md").exists():
        shutil.copy(directory / "README.md", partial / "README.md")
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)


def trained_on(directory: Path) -> CorpusPlan:
    """The corpus that the exported weights in ``directory`` were trained on."""
    return CorpusPlan(**json.loads((directory / TRAINING).read_text())["corpus"])


def _train(
    plan: Plan, target: Path, work: Path, say: Callable[[str], None], deadline: float | None
) -> dict[str, Any] | None:
    corpus, tokenizer = load_corpus(plan.corpus, work, say)
    device = best_device()
    model = build_model(plan, tokenizer.get_vocab_size()).to(device)
    began = time.monotonic()
    checkpoint = work / plan.name / f"{plan.digest()}.pt"
    if not fit(
        model,
        step_loss(model, corpus, plan, device),
        plan.recipe,
        checkpoint,
        optimiser=optimiser_of(model, plan.recipe),
        say=say,
        deadline=deadline,
    ):
        return None
    model.eval().float()
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "held_out_ratio": round(held_out_ratio(model, tokenizer), 4),
        "corpus_documents": len(corpus.offsets) - 1,
        "corpus_tokens": len(corpus.tokens),
        "tokens_trained_on": plan.recipe.steps * plan.tokens_per_step,
        "vocabulary": tokenizer.get_vocab_size(),
        "plan": asdict(plan),
    }
    say(
        f"{plan.name}: {facts['parameters'] / 1e6:.2f} M parameters, held-out cross-entropy "
        f"{facts['held_out_ratio']:.4f} of the grammar's entropy, {time.monotonic() - began:.0f} s in this run"
    )
    export(model.to("cpu"), tokenizer, target, plan.corpus)
    (work / plan.name / "facts.json").write_text(json.dumps(facts, indent=2) + "\n")
    return facts


def _with_steps(plan: Plan, steps: int | None) -> Plan:
    if steps is None:
        return plan
    recipe = replace(plan.recipe, steps=steps, warmup=min(plan.recipe.warmup, max(1, steps // 10)))
    return replace(plan, recipe=recipe)


def train(
    out: Path,
    work: Path,
    *,
    say: Callable[[str], None] = print,
    deadline: float | None = None,
    steps: int | None = None,
    plan: Plan | None = None,
) -> bool:
    """Train and export the starter.

    Args:
        out: directory of the models; the starter goes to ``out/starter-text``.
        work: corpus and checkpoints; a run that was cut off goes on from there.
        say: gets lines of progress.
        deadline: `time.monotonic()` at which to stop after saving; None for never.
        steps: fewer (or more) steps than the plan's, for trying out.
        plan: what to train; by default `STARTER` on a GPU and `STARTER_ON_CPU` elsewhere.

    Returns:
        True when training is finished and the model exported; False when the deadline came first.
    """
    plan = _with_steps(plan or (STARTER if best_device().type == "cuda" else STARTER_ON_CPU), steps)
    facts = _train(plan, out / plan.name, work, say, deadline)
    if facts is None:
        return False
    teacher = work / TEACHER.name / "facts.json"
    readme = out / plan.name / "README.md"
    figures = readme.read_text() if readme.exists() else ""
    readme.write_text(card(facts, json.loads(teacher.read_text()) if teacher.exists() else None, kept=figures))
    return True


def train_teacher(
    out: Path,
    work: Path,
    *,
    say: Callable[[str], None] = print,
    deadline: float | None = None,
    steps: int | None = None,
    plan: Plan | None = None,
) -> bool:
    """Train the teacher into ``work/teacher-text/model`` and write its figures to the starter's card, if there is one.

    Arguments and result as for `train`, with `TEACHER` or `TEACHER_ON_CPU` by default; its weights are not shipped.
    """
    plan = _with_steps(plan or (TEACHER if best_device().type == "cuda" else TEACHER_ON_CPU), steps)
    facts = _train(plan, work / plan.name / "model", work, say, deadline)
    if facts is None:
        return False
    readme = out / STARTER.name / "README.md"
    if readme.exists():
        readme.write_text(put_section(readme.read_text(), "teacher", teacher_section(facts)))
    return True
