"""The index of a large collection: vectors in lists, of which a search reads the nearest."""

import numpy as np
import pytest

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
    return FaissIndex.build(*vectors)


@pytest.fixture(scope="module")
def oracle(vectors):
    return NumpyFlatIndex.build(*vectors)


QUERIES = unit_rows(50, seed=1)


def test_of_the_ten_best_rows_99_in_100_are_found(index, oracle):
    n_found = sum(
        len(
            {*index.search(query, 10, excluded=NONE)[0].tolist()}
            & {*oracle.search(query, 10, excluded=NONE)[0].tolist()}
        )
        for query in QUERIES
    )
    assert n_found >= 0.99 * 10 * len(QUERIES)


def test_scores_are_exact(index, vectors):
    ids, rows = vectors
    found, scores = index.search(QUERIES[0], 10, excluded=NONE)
    assert scores == pytest.approx(rows[np.searchsorted(ids, found)] @ QUERIES[0], abs=1e-5)


@pytest.mark.parametrize("n_allowed", [1, 20, 3000, EXACT_BELOW])
def test_among_allowed_ids_the_search_is_exact(index, oracle, vectors, n_allowed):
    allowed = np.random.default_rng(2).permutation(vectors[0])[:n_allowed]
    for query in QUERIES[:10]:
        found, _ = index.search(query, 10, excluded=NONE, allowed=allowed)
        best, _ = oracle.search(query, 10, excluded=NONE, allowed=allowed)
        assert found.tolist() == best.tolist()


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
    found, _ = index.search(QUERIES[0], 10, excluded=excluded)
    assert found.tolist() == oracle.search(QUERIES[0], 10, excluded=excluded)[0].tolist()


def test_equal_vectors_make_equal_files(index, vectors, tmp_path):
    ids, rows = vectors
    index.save(tmp_path / "one")
    FaissIndex.build(ids[::-1].copy(), rows[::-1].copy()).save(tmp_path / "other")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_searches_are_the_same_after_loading(index, tmp_path):
    index.save(tmp_path / "index")
    again = FaissIndex.load(tmp_path / "index")
    for query in QUERIES:
        before, after = (i.search(query, 10, excluded=NONE) for i in (index, again))
        assert [part.tolist() for part in after] == [part.tolist() for part in before]


def test_one_vector_less_is_searched_exactly(vectors, oracle):
    ids, rows = vectors
    index = FaissIndex.build(ids[1:], rows[1:])
    for query in QUERIES:
        found, _ = index.search(query, 10, excluded=NONE)
        assert found.tolist() == oracle.search(query, 10, excluded=ids[:1])[0].tolist()
