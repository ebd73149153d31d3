"""An edit of a long document makes few chunks new, and the chunks of long documents are good."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache

import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st

import ingest.chunk
from bench.locality import (
    DOCUMENTS,
    edited,
    generated_document,
    inserted,
    paragraph_starts,
    with_word,
    without_paragraph,
)
from ingest.chunk import TINY_SHARE, chunk_document
from ingest.clean import assemble, clean_pages
from ingest.readers import format_of, has_reader
from ingest.readers.sandbox import Sandbox
from ragapp.errors import ReadError
from ragapp.types import Chunk, Document

LIMIT = 254
OVERLAP = 32
MAX_BYTES = 600_000


class _Counting(FakeEmbedder):
    """Remembers what it has counted: an edit leaves most of a text."""

    def __init__(self) -> None:
        super().__init__(max_tokens=LIMIT)
        self._count = cache(lambda text: super(_Counting, self).count_tokens([text])[0])

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [self._count(text) for text in texts]


def _chunks(document: Document, overlap: int = OVERLAP, *, embedder=None) -> list[Chunk]:
    return chunk_document(
        document,
        embedder=embedder or FakeEmbedder(max_tokens=LIMIT),
        chunk_tokens=LIMIT,
        overlap_tokens=overlap,
    )


@given(st.integers(0, 999), st.integers(0, 999), st.text(max_size=20))
def test_an_edit_keeps_headings_pages_and_text_together(a: int, b: int, text: str) -> None:
    document = generated_document(3)
    after = edited(document, min(a, b), max(a, b), text)
    assert all(after.text[h.start : h.end] == h.text for h in after.headings)
    assert all(0 <= page.start <= page.end <= len(after.text) for page in after.pages)


@pytest.mark.parametrize("seed", range(8))
def test_generated_documents_have_no_tiny_chunk(seed: int) -> None:
    document = generated_document(12, seed=seed)
    chunks = _chunks(document, overlap=0)
    sizes = FakeEmbedder().count_tokens([chunk.text for chunk in chunks])
    assert min(sizes) >= TINY_SHARE * LIMIT


@pytest.mark.parametrize("seed", range(8))
def test_generated_documents_have_no_chunk_of_headings_alone(seed: int) -> None:
    document = generated_document(12, seed=seed)
    assert not _only_headings(document, _chunks(document))


def test_overlap_does_not_move_borders() -> None:
    document = generated_document(12)
    ends = [{chunk.end for chunk in _chunks(document, overlap)} for overlap in (0, 16, 48)]
    assert ends[0] == ends[1] == ends[2]


@pytest.mark.slow
@pytest.mark.parametrize("change", [inserted, without_paragraph, with_word])
def test_an_edit_anywhere_in_300_pages_seldom_costs_over_three_chunks(
    change: Callable[[Document, int, random.Random], Document], monkeypatch
) -> None:
    monkeypatch.setattr(ingest.chunk, "detect_language", cache(ingest.chunk.detect_language))
    document, numbers, embedder = generated_document(300), random.Random(2), _Counting()
    known = {chunk.embedded_text for chunk in _chunks(document, embedder=embedder)}
    counts = []
    for place in numbers.sample(paragraph_starts(document.text), 50):
        after = _chunks(change(document, place, numbers), embedder=embedder)
        counts.append(len({chunk.embedded_text for chunk in after} - known))
    assert sum(count > 3 for count in counts) <= 1
    assert max(counts) <= 5


@pytest.mark.slow
@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason=f"there is no folder {DOCUMENTS}")
def test_real_documents_have_no_chunk_of_headings_alone() -> None:
    wrong = {d.source: found for d in _real() if (found := _only_headings(d, _chunks(d)))}
    assert wrong == {}


def _real() -> Iterator[Document]:
    files = [path for path in sorted(DOCUMENTS.iterdir()) if has_reader(path)]
    with Sandbox() as sandbox:
        for path in files:
            if path.stat().st_size > MAX_BYTES:
                continue
            try:
                pages = list(sandbox.read(path))
            except ReadError:
                continue  # broken and locked files are other tests' matter
            cleaned = clean_pages(pages, format=format_of(path))
            yield assemble(cleaned, source=path.name, format=format_of(path))


def _only_headings(document: Document, chunks: list[Chunk]) -> list[str]:
    """Return the chunks of nothing but headings, where the document has other text."""
    texts = {heading.text for heading in document.headings}
    is_body = any(set(chunk.text.split("\n\n")) - texts for chunk in chunks)
    return [c.text for c in chunks if is_body and set(c.text.split("\n\n")) <= texts]
