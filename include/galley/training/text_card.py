"""The model card of `starter-text`: written at export, with sections that later commands replace.

A section stands between ``<!-- name:begin -->`` and ``<!-- name:end -->``: ``figures`` is written by the measuring
command, ``teacher`` by the training of the teacher.
"""

from __future__ import annotations

import re
from typing import Any

UNMEASURED = "Not measured yet: run `make measure-starters`."


def section(text: str, name: str) -> str | None:
    """What stands in a section of ``text``, or None where there is no such section."""
    found = re.search(rf"<!-- {name}:begin -->\n(.*?)\n<!-- {name}:end -->", text, re.DOTALL)
    return found.group(1) if found else None


def put_section(text: str, name: str, content: str) -> str:
    """``text`` with the content of a section replaced. Raises ValueError where there is no such section."""
    if section(text, name) is None:
        raise ValueError(
            f"the card has no section {name!r}: it needs <!-- {name}:begin --> and <!-- {name}:end --> lines"
        )
    pattern = rf"(<!-- {name}:begin -->\n).*?(\n<!-- {name}:end -->)"
    return re.sub(pattern, lambda match: match.group(1) + content + match.group(2), text, flags=re.DOTALL)


def teacher_section(facts: dict[str, Any]) -> str:
    """What the card says of the teacher."""
    plan, recipe = facts["plan"], facts["plan"]["recipe"]
    return (
        f"A larger network of the same kind ({plan['layers']} layers, {plan['heads']} heads, width {plan['width']}, "
        f"{facts['parameters'] / 1e6:.1f} M parameters), trained on the same text for {recipe['steps']} steps of "
        f"{plan['tokens_per_step']} tokens (peak learning rate {recipe['learning_rate']:g}), reaches a held-out "
        f"cross-entropy of {facts['held_out_ratio']:.4f} times the grammar's entropy. "
        "Its weights are not shipped; `python -m galley.training teacher-text` makes them under the work directory."
    )


def card(facts: dict[str, Any], teacher: dict[str, Any] | None, *, kept: str = "") -> str:
    """The whole card.

    Args:
        facts: of the training run: ``parameters``, ``held_out_ratio``, ``corpus_documents``, ``corpus_tokens``,
            ``tokens_trained_on``, ``vocabulary`` and ``plan``.
        teacher: the same of the teacher, where it has been trained.
        kept: an older card. Its teacher section is kept where ``teacher`` is None; its figures are not, since they
            were measured on other weights.
    """
    plan, recipe = facts["plan"], facts["plan"]["recipe"]
    about_teacher = (
        teacher_section(teacher)
        if teacher
        else section(kept, "teacher") or "Not trained yet: run `python -m galley.training teacher-text`."
    )
    return f"""---
license: apache-2.0
language: en
library_name: transformers
pipeline_tag: text-generation
---
# starter-text

A GPT-2 with {facts["parameters"] / 1e6:.2f} M parameters ({plan["layers"]} layers, {plan["heads"]} heads,
width {plan["width"]}, context 1024, own byte-level BPE with {facts["vocabulary"]} tokens).
It writes short product copy and answers in short support dialogues, offline, through the stock `transformers` classes.
It exists so that Galley runs at once, and so that its output can be measured; it knows nothing of the world.
**For production use a real checkpoint.**

## Use

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

directory = "include/models/starter-text"
tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModelForCausalLM.from_pretrained(directory)
prompt = "Product: Velorin Peak, desk lamp | Audience: busy nurses | Tone: friendly | Channel: ad | Copy:"
print(tokenizer.decode(model.generate(**tokenizer(prompt, return_tensors="pt"))[0], skip_special_tokens=True))
```

- Prompt: `Product: … | Audience: … | Tone: … | Channel: … | Copy:`, without a space at its end. `| Channel: …` may be
  left out (an ad is written). The product field is `Name, noun`, or `Name` alone, or a name that ends in the noun
  (`Velorin Desk Lamp`).
- Channels: headline, ad, product page, email subject.
- Tones: playful, luxurious, minimalist, technical, bold, friendly, adventurous, professional.
- Dialogues: `User: …` and `Assistant: …` lines, each ended by a newline; `tokenizer.apply_chat_template` writes them.
  Both the newline and `<|endoftext|>` end generation.

## Data

All of it is written by this project's own grammars (`galley/training/product_copy.py`, `galley/training/dialogues.py`)
from a seed: {facts["corpus_documents"]} documents, {facts["corpus_tokens"] / 1e6:.1f} M tokens. No text of other people
is in it. Names of products are invented; one name in about seventeen (by a hash of its first word) is never in the
training text, and the figures below use those. The probability of every text under the grammars is known exactly, so
that the model's cross-entropy can be compared with the least that any model could reach.

## Recipe

`python -m galley.training starter-text --out include/models --work .galley/training`: {recipe["steps"]} steps of
{plan["tokens_per_step"]} tokens ({facts["tokens_trained_on"] / 1e6:.0f} M in all; packed rows of 256 tokens, in every
fourth step of 1024, half of them led by `<|endoftext|>`), Muon on the matrices of the blocks and AdamW on the rest,
with a peak learning rate of {recipe["learning_rate"]:g} and cosine decay, bf16 autocast where the processor has
instructions for it, seed {plan["seed"]}. The command goes on from its last checkpoint; with `--minutes N` it stops
after N minutes. The weights are the moving average, stored in half precision and loaded as fp32. At the end of
training the cross-entropy of held-out copy was {facts["held_out_ratio"]:.4f} times the grammar's entropy.

## Figures

Measured by `make measure-starters` on prompts with names that training never saw.

<!-- figures:begin -->
{UNMEASURED}
<!-- figures:end -->

## Teacher

<!-- teacher:begin -->
{about_teacher}
<!-- teacher:end -->

## Limits

- It knows the categories, features and phrases of its grammar and nothing else; facts in its copy are invented.
- Tones and channels other than those above give copy in some tone and channel that it knows.
- English only. Prompts far from the form above give text of no use.
- It has seen no offensive text, but nothing keeps it from repeating what a prompt says: screen prompts as well.

## Licence

Apache-2.0, weights and text alike.
"""
