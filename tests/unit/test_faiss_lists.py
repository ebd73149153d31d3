"""The index of a large collection: vectors in lists, of which a search reads the nearest."""

from contextlib import closing

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from made_vectors import Held
from stored_documents import make_chunks, make_document, make_source, opened

from ragapp.indexes.faiss import EXACT_BELOW, FaissIndex
from ragapp.indexes.numpy_flat import NumpyFlatIndex

NONE = np.zeros(0, dtype=np.int64)
DIM = 16


def unit_rows(n, seed):
    rows = np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def vectors():
    return np.arange(EXACT_BELOW, dtype=np.int64) * 3 + 5, unit_rows(EXACT_BELOW, seed=0)


@pytest.fixture(scope="module")
def index(vectors):
    return FaissIndex.build(Held(*vectors))


@pytest.fixture(scope="module")
def oracle(vectors):
    return NumpyFlatIndex.build(Held(*vectors))


QUERIES = unit_rows(50, seed=1)


@pytest.fixture
def rounded(tmp_path, monkeypatch):
    """Return a collection of 400 lines whose index rounds to 16 bits, and their vectors."""
    monkeypatch.setattr("ragapp.indexes.faiss.EXACT_BELOW", 100)
    document = make_document("\n".join(f"line {i} of the log" for i in range(400)))
    chunks = make_chunks(document)
    rows = FakeEmbedder().embed_documents([chunk.embedded_text for chunk in chunks])
    with closing(opened(tmp_path / "c")) as collection:
        with collection.writing():
            source = make_source(document.source, document.id)
            collection.add(document, chunks, rows, source=source)
        yield collection, rows


@pytest.mark.parametrize("k", [1, 10, 399])
def test_a_collection_gives_exact_scores_in_their_order_from_an_index_that_rounds(rounded, k):
    collection, rows = rounded
    query = FakeEmbedder().embed_query("line 7 of the log")
    best = sorted((-float(score), i) for i, score in enumerate(rows @ query, start=1))[:k]
    found = collection.search_dense(query, k)
    assert [i for i, _ in found] == [i for _, i in best]
    assert [score for _, score in found] == pytest.approx([-score for score, _ in best], abs=1e-6)


def test_a_deep_check_finds_an_index_that_rounds_as_it_should_be(rounded):
    assert rounded[0].problems() == []


def test_of_the_ten_best_rows_99_in_100_are_found(index, oracle):
    n_found = sum(
        len(
            {*index.search(query, 10, excluded=NONE)[0].tolist()}
            & {*oracle.search(query, 10, excluded=NONE)[0].tolist()}
        )
        for query in QUERIES
    )
    assert n_found >= 0.99 * 10 * len(QUERIES)


def test_scores_are_as_near_to_exact_ones_as_the_index_says(index, vectors):
    ids, rows = vectors
    found, scores = index.search(QUERIES[0], EXACT_BELOW, excluded=NONE)
    exact = rows[np.searchsorted(ids, found)] @ QUERIES[0]
    assert 0.0 < np.abs(scores - exact).max() < index.score_error < 0.001


@pytest.mark.parametrize("n_allowed", [1, 20, 3000, EXACT_BELOW])
def test_among_allowed_ids_all_are_searched(index, oracle, vectors, n_allowed):
    allowed = np.random.default_rng(2).permutation(vectors[0])[:n_allowed]
    for query in QUERIES[:10]:
        _, scores = index.search(query, 10, excluded=NONE, allowed=allowed)
        _, best = oracle.search(query, 10, excluded=NONE, allowed=allowed)
        assert scores == pytest.approx(best, abs=index.score_error)


def test_excluded_rows_are_never_found(index, vectors):
    excluded = index.search(QUERIES[0], 500, excluded=NONE)[0]
    found, _ = index.search(QUERIES[0], 500, excluded=excluded)
    assert len(found) == 500
    assert not {*found.tolist()} & {*excluded.tolist()}


def test_all_rows_come_back_where_all_are_asked_for(index, vectors):
    found, _ = index.search(QUERIES[0], 10 * EXACT_BELOW, excluded=vectors[0][:7])
    assert sorted(found.tolist()) == vectors[0][7:].tolist()


def test_the_nearest_lists_are_left_where_they_hold_too_few(index, oracle, vectors):
    excluded = oracle.search(QUERIES[0], EXACT_BELOW - 20, excluded=NONE)[0]
    _, scores = index.search(QUERIES[0], 10, excluded=excluded)
    best = oracle.search(QUERIES[0], 10, excluded=excluded)[1]
    assert scores == pytest.approx(best, abs=index.score_error)


def test_equal_vectors_make_equal_files(index, vectors, tmp_path):
    ids, rows = vectors
    index.save(tmp_path / "one")
    FaissIndex.build(Held(ids[::-1].copy(), rows[::-1].copy())).save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_searches_are_the_same_after_loading(index, tmp_path):
    index.save(tmp_path / "index")
    again = FaissIndex.load(tmp_path / "index")
    for query in QUERIES:
        before, after = (i.search(query, 10, excluded=NONE) for i in (index, again))
        assert [part.tolist() for part in after] == [part.tolist() for part in before]


def test_one_vector_less_is_searched_exactly(vectors, oracle):
    ids, rows = vectors
    index = FaissIndex.build(Held(ids[1:], rows[1:]))
    for query in QUERIES:
        found, _ = index.search(query, 10, excluded=NONE)
        assert found.tolist() == oracle.search(query, 10, excluded=ids[:1])[0].tolist()
