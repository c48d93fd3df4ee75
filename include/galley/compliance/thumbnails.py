"""Small copies of pictures for pages that show many, made where a picture is decoded anyway: by its screening."""

from __future__ import annotations

import io
from typing import Any

MAX_SIDE = 384
"""Pixels of a thumbnail's longer side at most: a card of the page, on a screen of twice its density."""
MEDIA_TYPE = "image/webp"
_QUALITY = 85


def thumbnail_key(prefix: str, sha256: str) -> str:
    """Key of a picture's thumbnail below a screening job's prefix; ``sha256`` is the whole picture's."""
    return f"{prefix}/thumbnails/{sha256}.webp"


def thumbnail(image: Any) -> bytes:
    """A WebP copy of an RGB `PIL.Image.Image`, no larger than `MAX_SIDE`, with nothing in it but pixels.

    The same pixels give the same bytes under one version of Pillow and libwebp.
    """
    from PIL import Image

    scale = min(1.0, MAX_SIDE / max(image.size))
    size = tuple(max(1, round(side * scale)) for side in image.size)
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0) if size != image.size else image
    out = io.BytesIO()
    # Named one by one: Pillow would copy a picture's own colour profile, EXIF and XMP where nobody forbids it.
    as_it_is = small is image  # it is small already, and a page may enlarge it: no blocks where there were none
    small.save(out, format="WEBP", quality=_QUALITY, lossless=as_it_is, method=4, icc_profile=b"", exif=b"", xmp=b"")
    return out.getvalue()
