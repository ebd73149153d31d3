"""A page of a PDF as a picture with places coloured. For a child process: see `ingest.boxes`."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from contextlib import closing
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image

MAX_SIDE = 1_600  # pixels
_DPI = 144
_MARK = (255, 226, 92)
_MARGIN = 2  # pixels around a place


def draw(document: Any, index: int, places: Sequence[Sequence[float]]) -> str:
    """Return the 0-based page as a PNG in base64, at _DPI or what MAX_SIDE allows.

    `places` are x, y, width and height as parts of the page as it is shown, from its upper left:
    what is dark there stays dark on yellow.
    """
    with closing(document[index]) as page:
        scale = min(_DPI / 72, MAX_SIDE / max(1.0, *page.get_size()))
        with closing(page.render(scale=scale)) as bitmap:
            picture = bitmap.to_pil().convert("RGB")
    for place in places:
        _colour(picture, place)
    written = BytesIO()
    picture.save(written, "PNG", optimize=True)
    return b64encode(written.getvalue()).decode("ascii")


def _colour(picture: Image.Image, place: Sequence[float]) -> None:
    from PIL import Image, ImageChops

    x, y, width, height = place
    left, upper = int(x * picture.width) - _MARGIN, int(y * picture.height) - _MARGIN
    right = int((x + width) * picture.width) + 1 + _MARGIN
    lower = int((y + height) * picture.height) + 1 + _MARGIN
    box = (max(0, left), max(0, upper), min(picture.width, right), min(picture.height, lower))
    if box[2] > box[0] and box[3] > box[1]:
        part = picture.crop(box)
        picture.paste(ImageChops.multiply(part, Image.new("RGB", part.size, _MARK)), box)
