"""Graded scores from diffusers' image safety checker. The picture is read and never altered.

`StableDiffusionSafetyChecker` compares an image's CLIP embedding with concept embeddings and flags the picture where
cosine - threshold + adjustment, rounded to three decimals, is above 0; the adjustment is 0.01 once a special-care
concept is above its own threshold. That margin is kept here instead of its sign, and mapped to [0, 1] by

    score = 1 / (1 + exp(-margin / 0.02))

which rises with the margin, is 0.5 exactly at the checker's own line (a flagged picture has a concept above 0.5, others
have none), and 0.27 and 0.73 at 0.02 below and above it. Thresholds of real checkpoints lie
around 0.2, their margins within about 0.1 of the line, so 0.02 grades the zone in which they err.

A directory holds ``safety_checker/`` (``config.json``, ``model.safetensors``) and ``feature_extractor/``
(``preprocessor_config.json``), as a Stable Diffusion pipeline does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from galley.compliance.detoxify_layout import refuse_code_keys
from galley.errors import CheckError, ModelNotFound, ModelRefused
from galley.items import digest
from galley.model_files import file_sha256

SCALE = 0.02
"""Cosine difference over which the score's odds change by a factor of e."""
FILES = ("safety_checker/config.json", "safety_checker/model.safetensors", "feature_extractor/preprocessor_config.json")


def safety_digest(directory: Path) -> str:
    """sha256 over the files that decide a score; needs no ML library.

    Raises:
        ModelNotFound: one of them is missing.
        ModelRefused: a configuration names code to load.
    """
    hashes = {}
    for name in FILES:
        path = directory / name
        if not path.is_file():
            raise ModelNotFound(f'"{path}": missing; an image safety checker needs {", ".join(FILES)}')
        hashes[name] = file_sha256(path)
        if name.endswith(".json"):
            refuse_code_keys(path)
    return digest(hashes)


def graded(margin: float) -> float:
    """The score in (0, 1) of a margin in cosine; 0.5 at 0, rising."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, margin / SCALE))))


AT_ONCE = 64
"""Squares of a forward: a long strip of a picture has hundreds."""


class ImageSafety:
    """A loaded safety checker; make one with `load`.

    Attributes:
        digest: content digest of everything that decides a score.
    """

    def __init__(self, checker: Any, extractor: Any, *, digest: str) -> None:
        self._checker, self._extractor, self.digest = checker, extractor, digest

    @classmethod
    def load(cls, directory: Path, *, sha256: str | None = None, device: str = "cpu") -> ImageSafety:
        """Load a checker from a pipeline's directory, safetensors only and without a network.

        Args:
            directory: holds ``safety_checker/`` and ``feature_extractor/``.
            sha256: the digest it must have (`safety_digest`); None accepts any.
            device: where to run it.

        Raises:
            ModelNotFound: a part is missing.
            ModelRefused: another digest, code, or weights that do not fill the network exactly.
        """
        found = safety_digest(directory)
        if sha256 is not None and found != sha256:
            raise ModelRefused(f'"{directory}": the safety checker\'s digest is {found}, pinned is {sha256}')
        from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
        from transformers import CLIPImageProcessor

        try:
            checker, info = StableDiffusionSafetyChecker.from_pretrained(
                directory / "safety_checker", use_safetensors=True, local_files_only=True, output_loading_info=True
            )
            extractor = CLIPImageProcessor.from_pretrained(directory / "feature_extractor", local_files_only=True)
        except Exception as error:
            raise ModelRefused(f'"{directory}": the safety checker cannot be loaded: {error}') from error
        # A checker whose missing weights were filled with random numbers answers, and answers nonsense.
        for kind in ("missing_keys", "mismatched_keys", "unexpected_keys"):
            wrong = sorted(str(key) for key in info.get(kind, ()) if "position_ids" not in str(key))
            if wrong:
                raise ModelRefused(f'"{directory}": {kind.replace("_", " ")} in the safety checker: {wrong[0]} …')
        return cls(checker.to(device).eval().float(), extractor, digest=found)

    def score(self, images: Sequence[Any]) -> list[dict[str, float]]:
        """Scores of RGB pictures, each seen whole: a checker looks at a square, so of others at several.

        Args:
            images: `PIL.Image.Image` in mode RGB, any sizes.

        Returns:
            Per picture, in order, ``concept_<i>`` (0 to 16) and ``special_care_<i>`` (0 to 2) to a score in [0, 1].

        Raises:
            CheckError: the checker failed or its answer has not the expected form.
        """
        if not images:
            return []
        parts = [squares(image) for image in images]
        every = [square for each in parts for square in each]
        scores = (found for at in range(0, len(every), AT_ONCE) for found in self._seen(every[at : at + AT_ONCE]))
        return [_highest([next(scores) for _ in each]) for each in parts]

    def _seen(self, images: Sequence[Any]) -> list[dict[str, float]]:
        import torch
        from diffusers.pipelines.stable_diffusion.safety_checker import cosine_distance

        checker = self._checker
        try:
            with torch.no_grad():
                pixels = self._extractor(list(images), return_tensors="pt").pixel_values.to(checker.device)
                embeds = checker.visual_projection(checker.vision_model(pixels)[1])
                special = cosine_distance(embeds, checker.special_care_embeds).float().cpu()
                concepts = cosine_distance(embeds, checker.concept_embeds).float().cpu()
                special_bounds = checker.special_care_embeds_weights.float().cpu().tolist()
                bounds = checker.concept_embeds_weights.float().cpu().tolist()
        except Exception as error:
            raise CheckError(f"the safety checker failed on {len(images)} pictures: {error}") from error
        expected = (len(images), len(bounds)), (len(images), len(special_bounds))
        if (tuple(concepts.shape), tuple(special.shape)) != expected:
            raise CheckError(f"the safety checker answered {tuple(concepts.shape)}, expected {expected[0]}")
        return [
            _scores(row, bounds, special_row, special_bounds)
            for row, special_row in zip(concepts.tolist(), special.tolist(), strict=True)
        ]


def squares(image: Any) -> list[Any]:
    """Squares of the shorter side that cover a picture, each half over the next; of a square picture itself."""
    width, height = image.size
    side, longer = min(width, height), max(width, height)
    if longer == side:
        return [image]
    count = 1 + math.ceil(2 * (longer - side) / side)
    starts = [round(number * (longer - side) / (count - 1)) for number in range(count)]
    boxes = [(at, 0, at + side, side) if width > height else (0, at, side, at + side) for at in starts]
    return [image.crop(box) for box in boxes]


def _highest(scores: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: max(each[name] for each in scores) for name in scores[0]}


def _scores(
    cosines: list[float], bounds: list[float], special: list[float], special_bounds: list[float]
) -> dict[str, float]:
    """As the stock checker's forward, rounding and adjustment included, with margins in place of booleans."""
    scores: dict[str, float] = {}
    adjustment = 0.0
    for index, (cosine, bound) in enumerate(zip(special, special_bounds, strict=True)):
        margin = _margin(cosine, bound, adjustment)
        scores[f"special_care_{index}"] = graded(margin)
        if margin > 0:
            adjustment = 0.01
    for index, (cosine, bound) in enumerate(zip(cosines, bounds, strict=True)):
        scores[f"concept_{index}"] = graded(_margin(cosine, bound, adjustment))
    return scores


def _margin(cosine: float, bound: float, adjustment: float) -> float:
    if not math.isfinite(cosine) or not math.isfinite(bound):
        raise CheckError(f"the safety checker answered {cosine!r} with threshold {bound!r}, not numbers")
    return round(cosine - bound + adjustment, 3)
