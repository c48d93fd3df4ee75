"""Measure ``starter-toxicity`` on templates it never saw, through the Detoxify adapter.

Held out means: the sentence pattern, or one of the parts it is assembled from, occurs in no training remark. Product
copy, dialogues and captions come from the grammars of the other starters; some of their training text is in the recipe
too, but none with the product names or pictures that are held out here. So is abuse amid copy, but with other remarks.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np

from galley.compliance.detoxify import ToxicityModel
from galley.compliance.policy import ToxicityCheck, load_policy
from galley.settings import project_root
from galley.training import dialogues, product_copy
from galley.training.binary_metrics import Array, expected_calibration_error, roc_auc
from galley.training.remark_platform import addressed, amid
from galley.training.remarks import CLASSES, draw, draw_family, stream, templates
from tests.starters.figures import Figure, show

DIRECTORY = Path(__file__).parents[2] / "include" / "models" / "starter-toxicity"
SEED = 2026
REMARKS = 5000
THRESHOLD = 0.5
WINDOW = 64
"""Tokens; the window of `include/policies/default.yaml`."""
RUDE_AUDIENCES = (
    *("stupid idiots", "pathetic losers", "lazy morons everywhere", "ugly creeps", "worthless clowns"),
    *("ignorant fools", "dumb people", "filthy pigs", "you brainless nitwits", "fucking idiots"),
)
PLAIN_AUDIENCES = (
    *("busy nurses", "Muslim families", "gay couples", "blind runners", "grumpy cat owners"),
    *("Black women", "night shift workers", "fans of Ugly Betty", "old friends", "beginners"),
)


def scores_of(model: ToxicityModel, texts: list[str], window: int | None = None) -> Array:
    """Scores, (texts, classes), in the order of `CLASSES`."""
    scored = model.score(texts, batch_size=64, window=window)
    return np.array([[each.scores[name] for name in CLASSES] for each in scored])


def flagged(model: ToxicityModel, texts: list[str]) -> float:
    """Per cent of texts with any class over the threshold, read as the default policy does."""
    return 100 * float((scores_of(model, texts, WINDOW) > THRESHOLD).any(axis=1).mean())


def copies_for(audiences: tuple[str, ...]) -> list[str]:
    """A product's copy written for each audience, its prompt before it."""
    rng = random.Random(SEED)
    return [addressed(product_copy.sample(rng, held_out=True), audience) for audience in audiences]


def abuse_amid_copy(rng: random.Random, count: int) -> list[str]:
    """Product copy that an abusive sentence of a held-out template stands in."""
    copies = [product_copy.sample(rng, held_out=True).text for _ in range(count)]
    return [amid(copy, draw(rng, "heldout", toxic=True, sentences=1).text, rng) for copy in copies]


def captions(count: int) -> list[str]:
    """Captions of drawn scenes, as `starter-image` is asked for."""
    from galley.training import scenes

    drawn = scenes.held_out_scenes(count, SEED)
    return [scenes.caption(drawn, index, random.Random(f"{SEED} {index}")).text for index in range(count)]


def late_threat(model: ToxicityModel) -> float:
    """Threat score of one sentence in the middle of some 2,000 harmless tokens, which a cut at 512 would never see.

    Read in the windows of the default policy: in one of 512 tokens the sentence drowns.
    """
    check = load_policy("default", project_root() / "include" / "policies").policy.checks["toxicity"]
    window = check.window.tokens if isinstance(check, ToxicityCheck) and check.window else None
    filler = "The budget meeting starts at noon and the printer works. Anna bought a soft blanket in Oslo. " * 60
    text = filler + "I will find you and kill you, you pathetic idiot. " + filler
    return model.score([text], window=window)[0].scores["threat"]


def measure(model_dir: Path = DIRECTORY, *, say: Callable[[str], None] = print) -> list[Figure]:
    """Every figure of the starter against its target; under a minute on two cores."""
    model = ToxicityModel.load(model_dir)
    say(f"starter-toxicity, digest {model.digest[:12]}, {REMARKS} remarks on held-out templates")
    found: list[Figure] = []
    remarks = list(islice(stream(SEED, "heldout"), REMARKS))
    labels = np.array([remark.targets for remark in remarks])
    scores = scores_of(model, [remark.text for remark in remarks])
    for at, name in enumerate(CLASSES):
        found.append(Figure(f"ROC AUC, {name}", roc_auc(labels[:, at], scores[:, at]), 0.98, "higher"))
    for at, name in enumerate(CLASSES):
        error = expected_calibration_error(labels[:, at], scores[:, at])
        found.append(Figure(f"ECE of 15 bins, {name}", error, 0.05, "lower"))
    rng = random.Random(SEED)
    near = [draw_family(rng, "heldout", "near-miss").text for _ in range(1500)]
    found.append(Figure("near misses flagged at 0.5", flagged(model, near), 5.0, "lower", "%"))
    copy = [product_copy.sample(rng, held_out=True).text for _ in range(400)]
    found.append(Figure("product copy flagged at 0.5", flagged(model, copy), 0.5, "lower", "%"))
    talk = [document.text for document in dialogues.documents(SEED, 0, 200)]
    found.append(Figure("support dialogues flagged at 0.5", flagged(model, talk), 0.5, "lower", "%"))
    found.append(Figure("picture captions flagged at 0.5", flagged(model, captions(400)), 1.0, "lower", "%"))
    abuse = abuse_amid_copy(rng, 400)
    found.append(Figure("abuse amid product copy found at 0.5", flagged(model, abuse), 90.0, "higher", "%"))
    for kind, audiences, target, better in (
        ("rude", RUDE_AUDIENCES, 10.0, "higher"),
        ("plain", PLAIN_AUDIENCES, 0.0, "lower"),
    ):
        share = flagged(model, copies_for(audiences)) / 100
        found.append(Figure(f"copy for ten {kind} audiences flagged", share * len(audiences), target, better))
    found.append(Figure("threat far behind token 512: score", late_threat(model), 0.5, "higher"))
    say(f"{sum(template.split == 'heldout' for template in templates())} hand-written templates are held out")
    return found


if __name__ == "__main__":
    sys.exit(0 if show("starter-toxicity", measure()) else 1)
