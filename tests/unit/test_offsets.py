"""Spans point into the stored text, through the whole line: clean, cut, store, find, cite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from fake_embedder import FakeEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import ingest_loader
from ragapp import Rag, Settings
from ragapp.citing import cite
from ragapp.collection import Collection
from ragapp.language_models.extractive import ExtractiveModel

WORDS = st.sampled_from(
    [
        "The dome opens at dusk. ",
        "圆顶在黄昏打开。",
        "Ａ１ ",
        "ﬁrst ",
        "\n",
        "\n\n",
        "e\u0301",
        "각",
    ]
)
ODD = st.sampled_from(
    [
        "\u200b",
        "\u200d",
        "\u202e",
        "\xad",
        "\ufeff",
        "\U000e0041",
        "\U0001f52d",
        "\U00020000",
        "\u0301",
    ]
)
ANYTHING = st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"])
TEXTS = st.lists(WORDS | ODD | ANYTHING, min_size=1, max_size=60).map("".join)


@pytest.fixture(scope="module")
def rag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("offsets")
    embedder = FakeEmbedder(max_tokens=24)
    collection = Collection.open(folder)
    collection.use_embedder(embedder.identity)
    made = Rag(
        settings=Settings(collection=folder, overlap_tokens=6),
        collection=collection,
        embedder=embedder,
        language_model=ExtractiveModel(embedder),
    )
    with made:
        yield made


@contextmanager
def stored(rag: Rag, **files: list[str]) -> Iterator[None]:
    """Ingest each file's pages, and remove the documents at the end."""
    loaded = [
        SimpleNamespace(page_content=text, metadata={"source": name, "page": place})
        for name, texts in files.items()
        for place, text in enumerate(texts)
    ]
    ingest_loader(rag, SimpleNamespace(lazy_load=lambda: loaded))
    try:
        yield
    finally:
        for info in rag.documents():
            rag.remove(info.id)


def check_spans(rag: Rag, question: str) -> tuple[int, int]:
    """Check every chunk, hit and citation against the stored text; return the last two's number."""
    texts = {info.id: rag.document(info.id).text for info in rag.documents()}
    for document_id, text in texts.items():
        for span in rag.document(document_id).pages:
            assert 0 <= span.start <= span.end <= len(text)
        for stored_chunk in rag.collection.document_chunks(document_id):
            piece = stored_chunk.chunk
            assert piece.text == text[piece.start : piece.end] != ""
    hits = rag.search(question, top_k=20)
    for hit in hits:
        assert hit.text == texts[hit.document_id][hit.start : hit.end] != ""
    claims = "".join(f"{hit.text.split(chr(10))[0]} [{hit.rank}] " for hit in hits)
    citations = (*cite(claims, hits)[1], *rag.ask(question).citations)
    for citation in citations:
        assert citation.quote == texts[citation.document_id][citation.start : citation.end] != ""
    return len(hits), len(citations)


@given(st.lists(TEXTS, min_size=1, max_size=3), WORDS | TEXTS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_spans_are_exact_for_any_text(rag, texts, question):
    with stored(rag, odd=texts):
        check_spans(rag, question if question.strip() else "dusk")


@pytest.mark.parametrize(
    "odd",
    [
        "\ud800",
        "\udfff\ud800",
        "\U000e0049\U000e0067",
        "e\u0301\u0316" * 3,
        "\u0301" * 50,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "\U00020000\U0001f52d",
        "\u202e\u200b\ufeff\xad",
        "\r\n\x85\u2028",
        "한글",
    ],
)
def test_an_answer_is_cited_exactly_beside_odd_characters(rag, odd):
    text = f"{odd}Notes{odd} begin. The dome{odd} opens at dusk{odd}. It closes{odd} at dawn."
    with stored(rag, odd=[f"第一页。{odd}", text, f"{odd}End of it."]):
        n_hits, n_citations = check_spans(rag, "When does the dome open at dusk?")

    assert n_hits
    assert n_citations


FOUND = {
    "full-width text by half-width letters": ("观测站 ＷＸ２００ 型仪器位于山顶。", "wx200"),
    "half-width text by full-width letters": ("The WX200 stands on the hill.", "ＷＸ２００"),
    "half-width katakana by full-width": ("ｶﾒﾗは屋上にあります。", "カメラ"),
    "a ligature by its letters": ("The oﬃce keeps the ﬁles.", "office"),
    "letters by a ligature": ("The office keeps the files.", "ﬁles"),
    "a word that a zero-width space splits": ("The tele\u200bscope is cold.", "telescope"),
    "a Chinese word that a zero-width space splits": ("望\u200b远\u200b镜很冷。", "望远镜"),
    "a word by a query with a zero-width space": ("The telescope is cold.", "tele\u200bscope"),
    "a word by a query with a soft hyphen": ("The telescope is cold.", "tele\xadscope"),
    "a word split by a soft hyphen": ("The tele\xadscope is cold.", "telescope"),
    "a word with a decomposed accent": ("The cafe\u0301 is open.", "café"),
    "a word between direction marks": ("The \u202dtelescope\u202c is cold.", "telescope"),
}


@pytest.mark.parametrize("case", FOUND)
def test_full_text_finds(rag, case):
    text, query = FOUND[case]
    with stored(rag, wanted=[text], other=["Bread is baked in the village. 村里烤面包。"]):
        (first, *_) = rag.search(query, top_k=1)

    assert first.source == "wanted"
    assert first.lexical_score is not None
    assert first.coverage == pytest.approx(1.0)
