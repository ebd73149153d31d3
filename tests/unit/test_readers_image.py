from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from ingest.readers import read
from ragapp.errors import CorruptFileError, FileTooLargeError, NoTextError

SUFFIXES = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_image_holds_no_text_without_recognition(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    Image.new("RGB", (60, 40), "white").save(path)

    with pytest.raises(NoTextError) as caught:
        list(read(path))

    assert "ocr" in caught.value.hint


def test_bytes_that_are_no_image_are_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\nbroken")

    with pytest.raises(CorruptFileError, match="no image"):
        list(read(path))


def test_an_image_format_that_is_not_listed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (9, 9)).save(path, format="PPM")

    with pytest.raises(CorruptFileError, match="no image"):
        list(read(path))


def test_a_picture_of_too_many_pixels_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    Image.new("1", (30_000, 30_000)).save(path)

    with pytest.raises(FileTooLargeError, match="30,000 x 30,000"):
        list(read(path))
