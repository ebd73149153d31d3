"""Tables and code listings in chunks: whole where they fit, else cut between their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st

from ingest.chunk import chunk_document
from ingest.clean import assemble, clean_pages
from ingest.pages import Block, Page
from ingest.readers import format_of, read
from ragapp.types import Chunk, Document

LIMIT = 64
SENTENCE = "The dome closes when the wind is strong. "
CODE = "def closed(wind):\n    limit = 20\n\n    return wind > limit\n\n\nprint(closed(21))"
TABLE = "Ticket | Price\nAdult | 60\nChild | 30\nGroup of ten | 450\nGuide | 80"


def _document(*blocks: Block) -> Document:
    return assemble([Page(blocks)], source="a", format="markdown")


def _chunks(document: Document, *, limit: int = LIMIT, overlap: int = 0) -> list[Chunk]:
    embedder = FakeEmbedder(max_tokens=limit)
    return chunk_document(document, embedder=embedder, chunk_tokens=limit, overlap_tokens=overlap)


def _paragraph(n_sentences: int) -> Block:
    return Block("paragraph", (SENTENCE * n_sentences).strip())


@given(
    st.sampled_from([Block("code", CODE), Block("table", TABLE)]),
    st.lists(st.integers(0, 9), max_size=4),
    st.lists(st.integers(0, 9), max_size=4),
    st.integers(0, 32),
)
def test_a_listing_that_fits_is_in_one_chunk(
    listing: Block, before: list[int], after: list[int], overlap: int
) -> None:
    blocks = [*map(_paragraph, before), listing, *map(_paragraph, after)]
    chunks = _chunks(_document(*blocks), overlap=overlap)
    assert any(listing.text in chunk.text for chunk in chunks)


def test_a_listing_stays_whole_below_a_heading() -> None:
    blocks = [Block("heading", "Closing the dome", 1), _paragraph(4), Block("code", CODE)]
    assert any(CODE in chunk.text for chunk in _chunks(_document(*blocks)))


@pytest.mark.parametrize("kind", ["table", "code"])
def test_a_listing_that_does_not_fit_is_cut_between_lines(kind: str) -> None:
    lines = [f"row {n} | value {n * 7} | remark. And more" for n in range(60)]
    chunks = _chunks(_document(Block(kind, "\n".join(lines))))
    assert [line for chunk in chunks for line in chunk.text.split("\n")] == lines


def test_listings_stand_at_their_offsets() -> None:
    document = _document(_paragraph(2), Block("code", CODE), Block("table", TABLE))
    assert [document.text[start:end] for start, end in document.listings] == [CODE, TABLE]


LONG_ROWS = [
    ("Day | Seeing | Remark", [f"{n} | 1.{n} | clear until {n} o'clock" for n in range(200)]),
    ("日期 | 视宁度 | 备注", [f"{n} | 1.{n} | 夜间晴朗，凌晨有薄雾" for n in range(200)]),
    ("Time | Flux | Error", [f"{n}.25,17 | {n * 17.31:.4f} | 0.0{n}" for n in range(200)]),
]


@pytest.mark.parametrize(("header", "rows"), LONG_ROWS, ids=["English", "Chinese", "numbers"])
@pytest.mark.parametrize("suffix", [".csv", ".md", ".html"])
def test_every_chunk_of_a_long_table_has_its_header(
    tmp_path: Path, embedder, header: str, rows: list[str], suffix: str
) -> None:
    path = tmp_path / f"table{suffix}"
    path.write_text(_written([header, *rows], suffix), encoding="utf-8")
    pages = clean_pages(read(path), format=format_of(path))
    document = assemble(pages, source="a", format=format_of(path))
    chunks = chunk_document(document, embedder=embedder, chunk_tokens=512, overlap_tokens=64)
    assert len(chunks) > 1
    assert {chunk.text.split("\n")[0] for chunk in chunks} == {header}


def _written(lines: list[str], suffix: str) -> str:
    cells = [line.split(" | ") for line in lines]
    if suffix == ".csv":
        return "\n".join(";".join(row) for row in cells)
    if suffix == ".md":
        return "\n".join(
            ["| " + " | ".join(row) + " |" for row in (cells[0], ["---"] * 3, *cells[1:])]
        )
    rows = ("".join(f"<td>{cell}</td>" for cell in row) for row in cells)
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
