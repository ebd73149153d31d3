"""A PDF's pages as pdfium reads them: the second opinion where pypdf fails or finds nothing.

pdfium repairs more files and survives form loops, but it is native code: it belongs into the
child process of `ingest.readers.sandbox`. It is not safe for threads, hence the lock.
"""

from __future__ import annotations

import logging
from contextlib import closing
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

from ingest.hidden_pdf import HiddenText, hidden_text
from ragapp.closing import Closing

if TYPE_CHECKING:  # numpy is loaded where pages are drawn
    import numpy as np
    from numpy.typing import NDArray

MAX_DPI = 200

_LOCK = Lock()
_LOGGER = logging.getLogger(__name__)


class PdfiumPages(Closing):
    """The texts and pictures of the pages of one PDF. It is opened at its first use."""

    def __init__(self, data: bytes, *, password: str = "") -> None:
        self._data = data
        self._password = password
        self._document: Any = None
        self._is_opened = False

    def close(self) -> None:
        """Free the document."""
        with _LOCK:
            if self._document is not None:
                self._document.close()
            self._document = None

    def n_pages(self) -> int:
        """Return the number of pages, 0 where pdfium cannot open the file."""
        with _LOCK:
            self._open()
            return 0 if self._document is None else len(self._document)

    def text(self, index: int) -> str:
        """Return the text of the 0-based page `index`, "" where pdfium finds none."""
        with _LOCK:
            self._open()
            if self._document is None or index >= len(self._document):
                return ""
            return self._text(index)

    def hidden_text(self, index: int) -> HiddenText:
        """Return what of the 0-based page `index` cannot be seen, nothing where pdfium fails."""
        with _LOCK:
            self._open()
            if self._document is None or index >= len(self._document):
                return HiddenText()
            try:
                with closing(self._document[index]) as page:
                    return hidden_text(page)
            except _library().PdfiumError as error:
                _LOGGER.debug("pdfium, page %d: %s", index + 1, error)
                return HiddenText()

    def picture(self, index: int, *, max_side: int) -> NDArray[np.uint8] | None:
        """Return the 0-based page `index` as (h, w, 3) BGR at MAX_DPI or what `max_side` allows.

        None where pdfium cannot draw it.
        """
        with _LOCK:
            self._open()
            if self._document is None or index >= len(self._document):
                return None
            return self._picture(index, max_side)

    def _open(self) -> None:
        if self._is_opened:
            return
        self._is_opened = True
        pypdfium2 = _library()
        try:
            self._document = pypdfium2.PdfDocument(self._data, password=self._password or None)
        except pypdfium2.PdfiumError as error:
            _LOGGER.debug("pdfium: %s", error)

    def _text(self, index: int) -> str:
        pypdfium2 = _library()
        try:
            page = self._document[index]
            text_page = page.get_textpage()
            text = str(text_page.get_text_range())
        except pypdfium2.PdfiumError as error:
            _LOGGER.debug("pdfium, page %d: %s", index + 1, error)
            return ""
        text_page.close()
        page.close()
        return text.replace("\r\n", "\n").replace("\ufffe", "-\n")

    def _picture(self, index: int, max_side: int) -> NDArray[np.uint8] | None:
        pypdfium2 = _library()
        try:
            page = self._document[index]
            scale = min(MAX_DPI / 72, max_side / max(1, *page.get_size()))
            bitmap = page.render(scale=scale)
            pixels: NDArray[np.uint8] = bitmap.to_numpy()[..., :3].copy()
        except pypdfium2.PdfiumError as error:
            _LOGGER.debug("pdfium, page %d: %s", index + 1, error)
            return None
        bitmap.close()
        page.close()
        return pixels


def _library() -> Any:
    """Load pdfium when it is needed; it has no type information."""
    return import_module("pypdfium2")
