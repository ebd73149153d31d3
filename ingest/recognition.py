"""Recognises the text of page images, Chinese and English, with the extra ``ragapp[ocr]``.

RapidOCR's package holds its models (PP-OCRv6, Apache-2.0) and they are named by path, so nothing is
ever fetched. They load at the first image, once in a process: some 0.7 s, and 0.9 GB at work.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.layout import TextBox, blocks_of
from ingest.pages import Page

MAX_SIDE = 2_000  # pixels: A4 at 170 dpi; more takes longer and finds no more
MIN_CONFIDENCE = 0.6
MIN_CONTRAST = 24

_MODELS = {
    "Det": "PP-OCRv6_det_small.onnx",
    "Cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    "Rec": "PP-OCRv6_rec_small.onnx",
}


def recognised_page(image: NDArray[np.uint8], *, number: int) -> Page:
    """Return what stands in an (h, w, 3) BGR image as a Page, its blocks in reading order.

    A page with text says so: metadata "ocr" is "true", "ocr_confidence" the mean over characters,
    0 to 1. A blank image gives a page without blocks and without metadata.
    """
    boxes = [box for box in _boxes(image) if box.confidence >= MIN_CONFIDENCE]
    if not boxes:
        return Page((), number=number)
    n_characters = sum(len(box.text) for box in boxes)
    confidence = sum(box.confidence * len(box.text) for box in boxes) / n_characters
    metadata = {"ocr": "true", "ocr_confidence": f"{confidence:.2f}"}
    return Page(tuple(blocks_of(boxes)), number=number, metadata=metadata)


def _boxes(image: NDArray[np.uint8]) -> list[TextBox]:
    if int(image.max(initial=0)) - int(image.min(initial=255)) < MIN_CONTRAST:
        return []
    found = _engine()(np.ascontiguousarray(image))
    if found.boxes is None or found.txts is None:
        return []
    return [
        TextBox(*_bounds(box), text=text.strip(), confidence=float(score))
        for box, text, score in zip(found.boxes, found.txts, found.scores, strict=True)
        if text.strip()
    ]


def _bounds(box: Any) -> tuple[float, float, float, float]:
    """Return (left, top, right, bottom) of the four corners of a line."""
    corners = np.asarray(box, dtype=np.float64)
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    return float(left), float(top), float(right), float(bottom)


@cache
def _engine() -> Any:
    """Load the models. Threads are few: several files are read at once."""
    rapidocr = import_module("rapidocr")
    import_module("cv2").setNumThreads(1)
    models = Path(str(rapidocr.__file__)).parent / "models"
    n_threads = max(1, min(2, (os.cpu_count() or 1) // 2))
    paths = {f"{part}.model_path": str(models / name) for part, name in _MODELS.items()}
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.max_side_len": MAX_SIDE,
            "EngineConfig.onnxruntime.intra_op_num_threads": n_threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            **paths,
        }
    )
