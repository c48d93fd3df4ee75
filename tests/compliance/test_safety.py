from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import CLIPConfig, CLIPImageProcessor

from galley.compliance.images import MAX_PIXELS, decode_png
from galley.compliance.safety import ImageSafety, graded, safety_digest, squares
from galley.errors import CheckError, ModelNotFound, ModelRefused
from galley.publishing.marks import mark
from tests.publishing.samples import chunk, png, request

SIZE = 32


def pictures(count: int) -> list[Image.Image]:
    rng = np.random.default_rng(5)
    return [Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)) for _ in range(count)]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained checker in a pipeline's layout, its thresholds set so that some pictures are flagged."""
    made = tmp_path_factory.mktemp("pipeline")
    tower = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    torch.manual_seed(0)
    checker = StableDiffusionSafetyChecker(
        CLIPConfig(
            text_config={**tower, "vocab_size": 8},
            vision_config={**tower, "image_size": SIZE, "patch_size": 8},
            projection_dim=8,
        )
    )
    extractor = CLIPImageProcessor(
        size={"shortest_edge": SIZE}, crop_size={"height": SIZE, "width": SIZE}, do_center_crop=True
    )
    with torch.no_grad():
        pixels = extractor(pictures(24), return_tensors="pt").pixel_values
        embeds = torch.nn.functional.normalize(checker.visual_projection(checker.vision_model(pixels)[1]))
        checker.concept_embeds.copy_(torch.randn(17, 8))
        checker.special_care_embeds.copy_(torch.randn(3, 8))
        for name, quantile in (("concept_embeds", 0.97), ("special_care_embeds", 0.8)):
            concepts = torch.nn.functional.normalize(getattr(checker, name))
            bounds = (embeds @ concepts.T).quantile(quantile, dim=0)
            getattr(checker, f"{name}_weights").copy_(bounds)
    checker.save_pretrained(made / "safety_checker", safe_serialization=True)
    extractor.save_pretrained(made / "feature_extractor")
    return made


def test_half_is_the_line_at_which_the_stock_checker_flags(directory: Path) -> None:
    images = pictures(24)
    scores = ImageSafety.load(directory).score(images)
    stock = StableDiffusionSafetyChecker.from_pretrained(directory / "safety_checker")
    pixels = CLIPImageProcessor.from_pretrained(directory / "feature_extractor")(
        images, return_tensors="pt"
    ).pixel_values
    _, flagged = stock(clip_input=pixels, images=[np.zeros((2, 2, 3)) for _ in images])
    ours = [any(score > 0.5 for cls, score in found.items() if cls.startswith("concept_")) for found in scores]
    assert ours == list(map(bool, flagged))
    assert 0 < sum(ours) < len(ours)


def test_pictures_are_never_altered_and_scores_do_not_depend_on_neighbours(directory: Path) -> None:
    images = pictures(6)
    before = [image.tobytes() for image in images]
    model = ImageSafety.load(directory)
    together, alone = model.score(images), [model.score([image])[0] for image in images]
    assert [image.tobytes() for image in images] == before
    for one, other in zip(together, alone, strict=True):
        assert one == pytest.approx(other, abs=0.06)  # one step of the rounding to three decimals is 0.0125 at the line
    assert model.score([]) == []


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_scores_rise_with_the_margin_and_stay_in_range(low: float, high: float) -> None:
    low, high = sorted((low, high))
    assert 0 <= graded(low) <= graded(high) <= 1
    assert graded(0) == 0.5


def test_another_digest_is_refused(directory: Path) -> None:
    assert ImageSafety.load(directory, sha256=safety_digest(directory)).digest == safety_digest(directory)
    with pytest.raises(ModelRefused, match="pinned"):
        ImageSafety.load(directory, sha256="0" * 64)


@pytest.mark.parametrize("part", ["safety_checker/model.safetensors", "feature_extractor/preprocessor_config.json"])
def test_a_missing_part_is_named(directory: Path, tmp_path: Path, part: str) -> None:
    copy = _copy(directory, tmp_path)
    (copy / part).unlink()
    with pytest.raises(ModelNotFound, match=Path(part).name):
        ImageSafety.load(copy)


def test_weights_that_do_not_fill_the_network_are_refused(directory: Path, tmp_path: Path) -> None:
    copy = _copy(directory, tmp_path)
    file = copy / "safety_checker/model.safetensors"
    state = load_file(file)
    del state["concept_embeds"]
    save_file(state, file, metadata={"format": "pt"})
    with pytest.raises(ModelRefused, match="concept_embeds"):
        ImageSafety.load(copy)


def test_a_checker_that_answers_nan_gives_no_score(directory: Path) -> None:
    model: Any = ImageSafety.load(directory)
    with torch.no_grad():
        model._checker.visual_projection.weight.fill_(float("nan"))
    with pytest.raises(CheckError, match="not numbers"):
        model.score(pictures(2))


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 64), (96, 64), (64, 512), (513, 64)])
def test_a_picture_is_seen_whole_in_squares_each_half_over_the_next(width: int, height: int) -> None:
    image = Image.new("RGB", (width, height))
    image.putdata([(x % 256, y % 256, x // 256 + 16 * (y // 256)) for y in range(height) for x in range(width)])
    parts = squares(image)
    assert all(part.size == (min(width, height),) * 2 for part in parts)
    starts = [part.getpixel((0, 0)) for part in parts]
    ends = [part.getpixel((part.width - 1, part.height - 1)) for part in parts]
    assert starts[0] == image.getpixel((0, 0)) and ends[-1] == image.getpixel((width - 1, height - 1))
    at = [x + 256 * (z % 16) + y + 256 * (z // 16) for x, y, z in starts]
    assert all(0 < after - before <= min(width, height) / 2 for before, after in itertools.pairwise(at))


def test_what_stands_at_an_edge_is_scored_as_in_the_middle(directory: Path) -> None:
    model = ImageSafety.load(directory)
    square = Image.effect_noise((64, 64), 90).convert("RGB")
    wide = Image.new("RGB", (256, 64))
    wide.paste(square, (192, 0))
    alone, within = model.score([square, wide])
    assert all(within[name] >= alone[name] - 1e-6 for name in alone)


def test_a_strip_of_many_squares_is_seen_some_at_once(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, forwards = ImageSafety.load(directory), []
    seen = model._seen

    def counted(images: Any) -> Any:
        forwards.append(len(images))
        return seen(images)

    monkeypatch.setattr(model, "_seen", counted)
    strip, square = Image.new("RGB", (800, 8)), Image.new("RGB", (8, 8))
    first, second = model.score([strip, square])
    assert sum(forwards) == len(squares(strip)) + 1 and max(forwards) == 64
    assert first == pytest.approx(second, abs=1e-4)


def test_decoding_gives_the_pixels_and_marking_leaves_them() -> None:
    source = png(3)
    marked = mark(source, request(1, "image"), embed_prompt=True)
    assert decode_png(source).size == (16, 16)
    assert decode_png(marked).tobytes() == decode_png(source).tobytes()
    info = Image.open(io.BytesIO(marked)).info
    assert "trainedAlgorithmicMedia" in info["XML:com.adobe.xmp"] and info["parameters"].startswith("a red circle")


def _gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "GIF")
    return out.getvalue()


def _saved(image: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", **options)
    return out.getvalue()


def _animated() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "PNG", save_all=True, append_images=[Image.new("RGB", (4, 4), "red")])
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        pytest.param(_gif(), "not a PNG", id="another format"),
        pytest.param(_animated(), "chunk 'acTL'", id="animated"),
        pytest.param(_saved(Image.new("RGBA", (4, 4))), "transparency", id="transparent"),
        pytest.param(_saved(Image.new("L", (4, 4))), "eight bits each", id="grey"),
        pytest.param(_saved(Image.new("P", (4, 4))), "eight bits each", id="palette"),
        pytest.param(_saved(Image.new("RGB", (4, 4)), transparency=(0, 0, 0)), "'tRNS'", id="transparent colour"),
        pytest.param(png(extra=chunk(b"gAMA", bytes(4))), "'gAMA'", id="other colours"),
        pytest.param(png()[:70], "cannot be decoded", id="cut off"),
        pytest.param(png()[:16] + (MAX_PIXELS).to_bytes(4, "big") + png()[20:], "pixels", id="pixel bomb"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes(13)), "pixels|not a PNG", id="no pixels"),
        pytest.param(b"", "not a PNG", id="empty"),
    ],
)
def test_what_cannot_be_seen_whole_is_not_decoded(data: bytes, why: str) -> None:
    with pytest.raises(CheckError, match=why):
        decode_png(data)


def test_a_picture_of_another_size_than_asked_for_is_refused() -> None:
    with pytest.raises(CheckError, match="16x16 pixels, 32x32 were asked for"):
        decode_png(png(), expected=(32, 32))


def _copy(directory: Path, target: Path) -> Path:
    for path in directory.rglob("*"):
        if path.is_file():
            copy = target / path.relative_to(directory)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return target
