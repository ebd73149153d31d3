"""Which optional packages are there, found out without loading them."""

from __future__ import annotations

from importlib.util import find_spec

_OCR_PACKAGES = ("rapidocr", "onnxruntime", "cv2")


def has_ocr() -> bool:
    """Tell whether the extra ``ragapp[ocr]`` is installed, so that text can be recognised."""
    return all(find_spec(name) is not None for name in _OCR_PACKAGES)
