"""The platform's own texts as remarks: product copy, support dialogues and picture captions.

They are what Galley screens most. Were they always harmless here, their form alone would prove innocence, and abuse
written into them would pass. So half of them hold something else: a remark, abusive or not, or an audience that is
insulted or plainly named.
"""

from __future__ import annotations

import random
import re

from galley.training import dialogues, product_copy, scenes
from galley.training.remarks import Remark, Split, draw, fill, misspell, with_implied

HARMLESS = "ordinary: platform"
"""Family of the remarks of this module that hold no abuse."""
EXCERPT = 0.35
"""Share of them that is cut out of a longer text."""

_AUDIENCES: tuple[tuple[int, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        8,
        (),
        (
            *("{roles}", "{good} {roles}", "{groups}", "{good} {groups}", "{groupish} {roles}", "{audience}"),
            *("{good} {audience}", "{nice} {audience}", "fans of {title}", "{roles} in {town}", "lovers of {dish}"),
            *("friends of {surname}", "{audience} who hate {pests}", "{roles} with a {tool}", "owners of a {animal}"),
        ),
    ),
    (
        6,
        ("insult",),
        (
            *("{vile} {insults}", "{insults}", "{vile} {roles}", "{vile} {audience}", "{insults} like you"),
            *(
                "{insults} and {insults}",
                "all you {vile} {insults}",
                "{roles} who are {insults}",
                "{vile} {vile} {insults}",
            ),
            *("{insults} too {vile} to {do} the {thing}", "{vile} people", "the {vile} {insults} of {place}"),
        ),
    ),
    (3, ("obscene", "insult"), ("{swearing} {insults}", "{swines}", "{vile} {swines}", "{swearing} {vile} {audience}")),
    (
        2,
        ("identity_attack", "insult"),
        ("{vile} {groups}", "{groupish} {insults}", "{vile} {groupish} {insults}", "{groups} and other {insults}"),
    ),
    (1, ("identity_attack", "obscene", "insult"), ("{swearing} {groups}", "{groupish} {swines}")),
)
"""Weight, labels and templates of the audiences put in the place of a grammar's own."""

_BETWEEN = re.compile(r"(?<=[.!?:]) (?=\S)")


def amid(text: str, sentence: str, rng: random.Random) -> str:
    """``text`` with ``sentence`` put after ``Copy:``, between two of its own sentences, or at its end."""
    start = max(0, text.find("Copy:"))
    at = rng.choice([found.start() for found in _BETWEEN.finditer(text, start)] + [len(text.rstrip())])
    before, after = text[:at], text[at:].strip(" ")
    if before and before[-1] not in ".!?:\n":
        before += rng.choice((".", ".", ",", "!"))
    return f"{before} {sentence} {after}".strip(" ")


def addressed(document: product_copy.Document, audience: str) -> str:
    """The whole text of a document with another audience, wherever it is named."""
    was = document.brief.audience
    text = document.text.replace(was, audience)
    return text.replace(was[:1].upper() + was[1:], audience[:1].upper() + audience[1:])


def _remark(text: str, labels: frozenset[str]) -> Remark:
    return Remark(text, labels, "toxic: platform" if labels else HARMLESS)


def _part(text: str, rng: random.Random) -> str:
    """Mostly the whole; sometimes the prompt or the copy alone, as screened before and after generation."""
    prompt, mark, copy = text.partition("Copy:")
    return rng.choices((text, prompt + mark, copy.strip()), (60, 20, 20))[0]


def excerpt(text: str, kept: str, rng: random.Random) -> str:
    """``kept``, which stands in ``text``, with up to 25 words on either side; any word is kept where it is "".

    Long texts are screened in windows, which begin and end anywhere.
    """
    kept = kept or rng.choice(text.split())
    before, _, after = text.partition(kept)
    head, tail = before.split(" "), after.split(" ")
    return " ".join(head[max(0, len(head) - rng.randint(1, 26)) :]) + kept + " ".join(tail[: rng.randint(1, 26)])


def _with_remark(text: str, rng: random.Random, split: Split) -> Remark:
    remark = draw(rng, split, toxic=rng.random() < 0.6, sentences=1)
    whole = amid(text, remark.text, rng)
    return _remark(excerpt(whole, remark.text, rng) if rng.random() < EXCERPT else whole, remark.labels)


def _plain(text: str, rng: random.Random) -> Remark:
    return _remark(excerpt(text, "", rng) if rng.random() < EXCERPT else text, frozenset())


def _copy(rng: random.Random, split: Split) -> Remark:
    document = product_copy.sample(rng)
    chance = rng.random()
    if chance < 0.5:
        return _plain(_part(document.text, rng), rng)
    if chance < 0.75:
        return _with_remark(document.text if rng.random() < 0.7 else document.copy.strip(), rng, split)
    _, labels, patterns = rng.choices(_AUDIENCES, [weight for weight, _, _ in _AUDIENCES])[0]
    audience = fill(rng.choice(patterns), rng, split)
    text = addressed(document, audience if rng.random() < 0.8 else misspell(audience, rng))
    # Copy without its prompt need not name the audience; only texts that do keep the label.
    return _remark(
        text if rng.random() < 0.7 else text.partition("Copy:")[0] + "Copy:", with_implied(frozenset(labels))
    )


def platform_remark(rng: random.Random, split: Split) -> Remark:
    """One remark of the platform's kinds; remarks put into them are of ``split``, their own words are of no split."""
    kind = rng.choices(("copy", "dialogue", "caption"), (60, 20, 20))[0]
    if kind == "copy":
        return _copy(rng, split)
    if kind == "dialogue":
        text = dialogues.sample(rng).text
    else:
        text = scenes.caption(scenes.training_scenes(1, rng.getrandbits(32)), 0, rng).text
    return _plain(text, rng) if rng.random() < 0.6 else _with_remark(text, rng, split)
