"""Pictures of text (PNG, JPEG, TIFF, BMP, WebP) -> a Page for each frame, by text recognition.

Without recognition the frames are pages without text, so that the caller says `no_text`.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from ingest.opening import read_regular_file
from ingest.pages import Page
from ingest.recognition import MAX_SIDE, recognised_page
from ragapp.errors import CorruptFileError, FileTooLargeError

MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")


def read_image(path: Path, *, with_ocr: bool = False) -> Iterator[Page]:
    """Yield the frames of an image, turned upright, as pages numbered from 1.

    Raises CorruptFileError for what is none of the FORMATS or breaks off, FileTooLargeError for
    more than MAX_PIXELS in a frame.
    """
    Image.MAX_IMAGE_PIXELS = None  # checked below, before anything is unpacked
    data = read_regular_file(path)
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        raise CorruptFileError(
            f"{path.name!r} is no image that can be read", hint="open it and save it as PNG"
        ) from error
    with image:
        for number, frame in enumerate(ImageSequence.Iterator(image), start=1):
            if frame.width * frame.height > MAX_PIXELS:
                raise FileTooLargeError(
                    f"{path.name!r} has {frame.width:,} x {frame.height:,} pixels",
                    hint=f"at most {MAX_PIXELS:,} can be read; save it smaller",
                )
            if with_ocr:
                yield recognised_page(_pixels(frame, path), number=number)
            else:
                yield Page((), number=number)


def _pixels(frame: Image.Image, path: Path) -> NDArray[np.uint8]:
    """Return a frame as (h, w, 3) BGR on white, its longer side at most MAX_SIDE."""
    try:
        frame.draft("RGB", (MAX_SIDE, MAX_SIDE))
        colours = _colours(frame)
    except (OSError, ValueError, SyntaxError) as error:
        raise CorruptFileError(f"{path.name!r} is damaged: {error}") from error
    colours.thumbnail((MAX_SIDE, MAX_SIDE))
    colours.getexif().update(frame.getexif())
    upright = ImageOps.exif_transpose(colours)
    if upright.mode == "RGBA":
        paper = Image.new("RGBA", upright.size, "white")
        paper.alpha_composite(upright)
        upright = paper.convert("RGB")
    return np.asarray(upright)[..., ::-1]


def _colours(frame: Image.Image) -> Image.Image:
    """Return a frame as RGB, or as RGBA where it is transparent; of 16 bits, 8 are kept."""
    if frame.mode.startswith("I;16"):
        greys = (np.asarray(frame) >> 8).astype(np.uint8)
        return Image.fromarray(greys).convert("RGB")
    return frame.convert("RGBA" if frame.has_transparency_data else "RGB")
