"""Thumbnails: small, the same every time, of pixels alone, and there whenever a verdict is."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from galley.compliance.images import decode_png
from galley.compliance.screen import screen
from galley.compliance.thumbnails import MAX_SIDE, thumbnail, thumbnail_key
from galley.storage.base import ObjectStore
from tests.compliance.test_screen import MODELS, loaders, verdicts, world
from tests.publishing.samples import RUN

PREFIX = f"runs/{RUN}/jobs/screen"


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=["WEBP"])


@given(st.integers(1, 1500), st.integers(1, 1500))
def test_the_longer_side_is_bounded_and_the_shape_is_kept(width: int, height: int) -> None:
    small = opened(thumbnail(Image.new("RGB", (width, height), "red")))
    assert max(small.size) == min(MAX_SIDE, max(width, height))
    assert small.width * height == pytest.approx(small.height * width, rel=1 / min(small.size))


def test_the_same_pixels_give_the_same_bytes_and_nothing_but_pixels_is_in_them() -> None:
    picture, told = Image.effect_noise((700, 500), 80).convert("RGB"), PngInfo()
    told.add_text("parameters", "the whole prompt")
    bare, full = io.BytesIO(), io.BytesIO()
    picture.save(bare, "PNG")
    picture.save(full, "PNG", pnginfo=told, exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0")
    first, second = (thumbnail(decode_png(data.getvalue())) for data in (bare, full))
    assert first == second
    small = opened(first)
    assert not {"exif", "icc_profile", "xmp"} & small.info.keys() and not small.getexif()


def test_a_small_picture_keeps_its_pixels() -> None:
    picture = Image.effect_noise((64, 64), 80).convert("RGB")
    assert opened(thumbnail(picture)).convert("RGB").tobytes() == picture.tobytes()


def test_every_picture_that_is_not_blocked_has_one() -> None:
    made = world()
    screen(made.job("screen", checkers=MODELS), made.work, token="a", loaders=loaders())
    pictures = [artifact for artifact in made.artifacts if artifact and artifact.media_type == "image/png"]
    assert pictures
    found = {info.key for info in made.work.list(f"{PREFIX}/thumbnails/")}
    assert found == {thumbnail_key(PREFIX, artifact.sha256) for artifact in pictures}
    for artifact in pictures:
        assert opened(made.work.get(thumbnail_key(PREFIX, artifact.sha256))).size == (16, 16)


def test_a_blocked_picture_has_none() -> None:
    made = world()
    unsafe = loaders(lambda subjects: [({"toxicity": 0.99}, {}) for _ in subjects])
    screen(made.job("screen", checkers=MODELS), made.work, token="a", loaders=unsafe)
    assert {verdict.decision for verdict in verdicts(made).values()} == {"block"}
    assert not list(made.work.list(f"{PREFIX}/thumbnails/"))


class Killed(BaseException):
    """What nobody catches."""


class Dying:
    """A store whose user is killed before one of its writes."""

    def __init__(self, store: ObjectStore, writes: int) -> None:
        self._store, self._writes = store, writes

    def __getattr__(self, name: str) -> Any:
        if name in ("put", "put_if_absent"):
            self._writes -= 1
            if self._writes < 0:
                raise Killed
        return getattr(self._store, name)


@pytest.mark.parametrize("writes", range(5))
def test_where_there_is_a_verdict_there_is_a_thumbnail_whenever_the_job_is_killed(writes: int) -> None:
    made = world()
    job = made.job("screen", checkers=MODELS)
    with pytest.raises(Killed):
        screen(job, Dying(made.work, writes), token="a", loaders=loaders())
    pictures = {artifact.sha256 for artifact in made.artifacts if artifact and artifact.media_type == "image/png"}
    assert all(made.work.head(thumbnail_key(PREFIX, sha256)) for sha256 in pictures & set(verdicts(made)))
    screen(job, made.work, token="b", loaders=loaders())
    assert all(made.work.head(thumbnail_key(PREFIX, sha256)) for sha256 in pictures)
