from __future__ import annotations

import pytest
from fake_embedder import FakeEmbedder
from stored_documents import make_chunks, make_document, make_source, opened

from ingest.dedup import MAX_CANDIDATES, NearDuplicates
from ingest.simhash import fingerprint

LINES = [
    f"Dome {n} of the northern ridge is closed by its {kind} motor when the wind is strong."
    for n, kind in enumerate(
        "steel brass copper silver golden wooden quiet heavy small old".split()
    )
]
LINES_ZH = [
    f"{place}的圆顶在大风时由值班员手动关闭，并在日志中写明关闭的原因和时间。"
    for place in "山顶 河谷 南坡 北坡 湖边 林间 海岸 沙漠 草原 高原".split()
]
ENGLISH, CHINESE = "\n".join(LINES), "\n".join(LINES_ZH)


@pytest.fixture
def collection(tmp_path):
    with_embedder = opened(tmp_path / "collection")
    yield with_embedder
    with_embedder.close()


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        (ENGLISH, ENGLISH.replace("wooden motor", "wooden engine")),
        (CHINESE, CHINESE.replace("湖边的圆顶", "湖边的穹顶")),
    ],
)
def test_a_reworded_document_is_near(collection, text, edited):
    first = stored(collection, text)

    (found,) = near(collection, edited)

    assert (found.document_id, found.kind) == (first.id, "near")


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        (ENGLISH, ENGLISH.replace("Dome 5", "Dome 55")),
        (ENGLISH, ENGLISH.replace("is closed by its wooden", "is not closed by its wooden")),
        (CHINESE, CHINESE.replace("湖边的圆顶在大风", "湖边的圆顶不在大风")),
    ],
)
def test_a_document_with_other_facts_is_a_revision(collection, text, edited):
    first = stored(collection, text)

    (found,) = near(collection, edited)

    assert (found.document_id, found.kind) == (first.id, "revision")


def test_the_distance_and_the_jaccard_of_the_same_words_are_0_and_1(collection):
    stored(collection, ENGLISH)

    (found,) = near(collection, ENGLISH.upper())

    assert (found.distance, found.jaccard) == (0, 1.0)


def test_candidates_whose_texts_differ_are_not_near(collection):
    stored(collection, ENGLISH, fingerprint=7)

    assert near(collection, CHINESE, fingerprint=7) == []


def test_near_duplicates_come_before_revisions(collection):
    stored(collection, ENGLISH.replace("Dome 5", "Dome 55"), path="a.txt")
    stored(collection, ENGLISH.replace("wooden motor", "wooden engine"), path="b.txt")

    assert [found.kind for found in near(collection, ENGLISH)] == ["near", "revision"]


def test_a_document_is_not_near_itself(collection):
    stored(collection, ENGLISH)

    assert near(collection, ENGLISH) == []


def test_a_removed_document_is_not_near(collection):
    first = stored(collection, ENGLISH)
    near_duplicates = NearDuplicates(collection, bits=12)
    collection.remove(first.id)

    assert near_duplicates.near(fingerprinted(ENGLISH.upper())) == []


def test_a_document_that_was_looked_up_is_found_once_it_is_stored(collection):
    near_duplicates = NearDuplicates(collection, bits=12)
    near_duplicates.near(fingerprinted(ENGLISH))
    first = stored(collection, ENGLISH)

    (found,) = near_duplicates.near(fingerprinted(ENGLISH.upper()))

    assert found.document_id == first.id


def test_a_document_too_short_for_a_fingerprint_is_near_none(collection):
    stored(collection, "Too short.")

    assert near(collection, "Too  short.") == []


def test_at_most_32_candidates_are_compared(collection):
    for n in range(MAX_CANDIDATES + 3):
        stored(collection, f"{ENGLISH}\n{'!' * n}", path=f"{n}.txt")

    assert len(near(collection, ENGLISH.upper())) == MAX_CANDIDATES


def fingerprinted(text, **values):
    return make_document(text, **{"fingerprint": fingerprint(text), **values})


def stored(collection, text, *, path="a.txt", **values):
    document = fingerprinted(text, source=path, **values)
    pieces = make_chunks(document)
    vectors = FakeEmbedder().embed_documents([piece.embedded_text for piece in pieces])
    collection.add(document, pieces, vectors, source=make_source(path, document.id))
    return document


def near(collection, text, **values):
    return NearDuplicates(collection, bits=12).near(fingerprinted(text, **values))
