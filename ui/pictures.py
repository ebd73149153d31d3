"""A part of a page's picture."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from ingest import Box

_AROUND = 0.12  # of the page's height, above and below what is shown


def cut_around(png: bytes, boxes: Sequence[Box]) -> bytes:
    """Return a page's picture, its whole width, around its `boxes`, at least one."""
    from PIL import Image

    tops = [box.shown[1] for box in boxes]
    bottoms = [box.shown[1] + box.shown[3] for box in boxes]
    with Image.open(BytesIO(png)) as picture:
        upper = int(max(0.0, min(tops) - _AROUND) * picture.height)
        lower = int(min(1.0, max(bottoms) + _AROUND) * picture.height)
        written = BytesIO()
        picture.crop((0, upper, picture.width, max(lower, upper + 1))).save(written, "PNG")
    return written.getvalue()
