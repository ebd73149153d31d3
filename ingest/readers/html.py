"""HTML and XHTML -> one Page of headings, paragraphs, lists, tables and preformatted text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.opening import read_text_bytes
from ingest.pages import Page
from ingest.readers.markup import markup_page


def read_html(path: Path) -> Iterator[Page]:
    """Yield an HTML file as one Page without a number."""
    yield markup_page(read_text_bytes(path))
