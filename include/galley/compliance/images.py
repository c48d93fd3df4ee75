"""Decoding image artifacts safely: PNG only, one frame, bounded size, checked before a pixel is decoded.

Pillow alone warns at 89 million pixels and reads 42 formats; both have been ways in (decompression bombs, parsers of
rare formats). Here nothing but PNG is tried, and the header must promise what was asked for.
"""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from typing import Any

from galley.errors import CheckError

MAX_BYTES = 64 * 2**20
"""Bytes of an image artifact at most."""
MAX_PIXELS = 4096 * 4096
"""Pixels at most: what a request may ask for."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNKS = {b"IHDR", b"IDAT", b"IEND", b"sRGB", b"pHYs", b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME"}
"""What a picture may be made of. Transparency, animation, palettes and colour corrections show a reader other pixels
than those that were screened; the texts among these are replaced by marks."""


def decode_png(data: bytes, *, expected: tuple[int, int] | None = None) -> Any:
    """Decode PNG bytes into an RGB `PIL.Image.Image`.

    Args:
        data: the whole file.
        expected: width and height in pixels that it must have, or None.

    Raises:
        CheckError: not a PNG, too large, of another size, damaged, or one whose pixels are not all there is to see.
    """
    width, height = png_size(data)
    if data[24:26] != b"\x08\x02":
        raise CheckError("the picture is not of eight bits each of red, green and blue, without transparency")
    if other := sorted(set(_chunk_names(data)) - _CHUNKS):
        raise CheckError(f"the picture has the chunk {other[0].decode('latin-1')!r}, so it may show other pixels too")
    if expected is not None and (width, height) != expected:
        raise CheckError(f"the picture is {width}x{height} pixels, {expected[0]}x{expected[1]} were asked for")
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                image.load()
                return image.convert("RGB")
    except Exception as error:  # Pillow raises many kinds on damaged files; each means that nobody saw the picture
        raise CheckError(f"the picture cannot be decoded: {type(error).__name__}: {error}") from error


def _chunk_names(data: bytes) -> Iterator[bytes]:
    position = len(SIGNATURE)
    while position + 12 <= len(data):
        yield data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height in pixels from the header; raises `CheckError` where the bytes are no PNG of allowed size."""
    if len(data) > MAX_BYTES:
        raise CheckError(f"the picture has {len(data)} bytes, more than {MAX_BYTES}")
    if data[:8] != SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
        raise CheckError(f"the picture is not a PNG (it begins with {data[:8]!r})")
    width, height = struct.unpack(">II", data[16:24])
    if not 0 < width * height <= MAX_PIXELS:
        raise CheckError(f"the picture is {width}x{height} pixels, outside 1 to {MAX_PIXELS}")
    return width, height
