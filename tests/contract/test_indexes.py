from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_vectors import Held

from ragapp.errors import CollectionDamagedError
from ragapp.registry import INDEXES, resolve

NONE = np.zeros(0, dtype=np.int64)


@pytest.fixture(params=sorted(INDEXES))
def index_type(request):
    return resolve(INDEXES, request.param, setting="index")


def unit_rows(n, dim=8, seed=0):
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def shuffled_ids(n, seed=0):
    return np.random.default_rng(seed).permutation(10 * n)[:n].astype(np.int64)


def expected(ids, rows, query, k, excluded=()):
    """Return the best pairs by the definition: sort everything by score, then by id."""
    scores = rows.astype(np.float64) @ query.astype(np.float64)
    pairs = [(-s, i) for i, s in zip(ids.tolist(), scores.tolist(), strict=True)]
    kept = sorted(pair for pair in pairs if pair[1] not in set(excluded))[:k]
    return [i for _, i in kept], [-s for s, _ in kept]


@pytest.mark.parametrize(("n", "k"), [(1, 1), (7, 3), (500, 10), (500, 150), (3000, 1)])
def test_the_best_rows_are_found_best_first(index_type, n, k):
    ids, rows, query = shuffled_ids(n), unit_rows(n), unit_rows(1, seed=1)[0]
    found, scores = index_type.build(Held(ids, rows)).search(query, k, excluded=NONE)
    best, best_scores = expected(ids, rows, query, k)
    assert found.tolist() == best
    assert scores == pytest.approx(best_scores, abs=1e-5)


@pytest.mark.parametrize("n_excluded", [1, 50, 499])
def test_excluded_rows_make_room_for_the_next_best(index_type, n_excluded):
    ids, rows, query = shuffled_ids(500), unit_rows(500), unit_rows(1, seed=1)[0]
    excluded = np.array(expected(ids, rows, query, n_excluded)[0], dtype=np.int64)
    found, _ = index_type.build(Held(ids, rows)).search(query, 10, excluded=excluded)
    assert found.tolist() == expected(ids, rows, query, 10, excluded.tolist())[0]


def test_excluding_ids_that_are_not_there_changes_nothing(index_type):
    ids, rows = np.arange(1, 4), unit_rows(3)
    index = index_type.build(Held(ids, rows))
    plain = index.search(rows[0], 3, excluded=NONE)[0]
    assert index.search(rows[0], 3, excluded=np.array([77, -5]))[0].tolist() == plain.tolist()


def test_nothing_is_found_where_all_are_excluded(index_type):
    ids, rows = np.arange(1, 4), unit_rows(3)
    found, scores = index_type.build(Held(ids, rows)).search(rows[0], 3, excluded=ids)
    assert (found.tolist(), scores.tolist()) == ([], [])


@pytest.mark.parametrize("n_allowed", [0, 1, 50, 499, 500])
@pytest.mark.parametrize("n_excluded", [0, 40])
def test_allowed_rows_are_searched_exactly_at_any_selectivity(index_type, n_allowed, n_excluded):
    ids, rows, query = shuffled_ids(500), unit_rows(500), unit_rows(1, seed=1)[0]
    allowed, excluded = ids[:n_allowed], ids[::-1][:n_excluded].copy()
    found, scores = index_type.build(Held(ids, rows)).search(
        query, 10, excluded=excluded, allowed=allowed
    )
    best, best_scores = expected(ids, rows, query, 10, {*ids} - {*allowed} | {*excluded})
    assert found.tolist() == best
    assert scores == pytest.approx(best_scores, abs=1e-5)


def test_allowing_ids_that_are_not_there_finds_those_that_are(index_type):
    ids, rows = np.arange(10, 13), unit_rows(3)
    allowed = np.array([99, 11, -5, 2**62])
    found, _ = index_type.build(Held(ids, rows)).search(rows[0], 3, excluded=NONE, allowed=allowed)
    assert found.tolist() == [11]


def test_fewer_than_k_come_back_where_fewer_are_left(index_type):
    ids, rows = np.arange(1, 6), unit_rows(5)
    found, scores = index_type.build(Held(ids, rows)).search(rows[0], 50, excluded=np.array([2]))
    assert sorted(found.tolist()) == [1, 3, 4, 5]
    assert len(scores) == 4


def test_an_index_of_nothing_finds_nothing(index_type):
    index = index_type.build(Held(NONE, np.zeros((0, 8), np.float32)))
    assert index.search(unit_rows(1)[0], 3, excluded=NONE)[0].tolist() == []


@pytest.mark.parametrize("k", [1, 3, 5, 12])
@pytest.mark.parametrize("order", [1, -1])
def test_equal_scores_are_ordered_by_id(index_type, k, order):
    ids = np.arange(12, dtype=np.int64)[::order].copy() + 100
    rows = np.zeros((12, 8), np.float32)
    rows[:, 0] = 1.0
    found, _ = index_type.build(Held(ids, rows)).search(rows[0], k, excluded=NONE)
    assert found.tolist() == [100 + i for i in range(k)]


@given(data=st.data())
@pytest.mark.parametrize("name", sorted(INDEXES))
def test_any_search_over_small_numbers_is_that_of_the_definition(name, data):
    """Products of small whole numbers are exact, so that ties are ties whatever the order."""
    n = data.draw(st.integers(1, 12))
    numbers = st.integers(-2, 2)
    rows = np.array(
        data.draw(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=n, max_size=n)),
        dtype=np.float32,
    )
    ids = np.array(
        data.draw(st.lists(st.integers(0, 99), min_size=n, max_size=n, unique=True).map(sorted)),
        dtype=np.int64,
    )
    query = np.array(data.draw(st.lists(numbers, min_size=4, max_size=4)), dtype=np.float32)
    excluded = data.draw(st.lists(st.integers(0, 99), max_size=5))
    allowed = data.draw(st.none() | st.lists(st.integers(0, 99)))
    k = data.draw(st.integers(1, 15))
    index = resolve(INDEXES, name, setting="index").build(Held(ids, rows))
    found, scores = index.search(
        query,
        k,
        excluded=np.array(excluded, dtype=np.int64),
        allowed=None if allowed is None else np.array(allowed, dtype=np.int64),
    )
    barred = {*excluded} if allowed is None else {*excluded} | ({*ids.tolist()} - {*allowed})
    assert (found.tolist(), scores.tolist()) == expected(ids, rows, query, k, barred)


def test_equal_rows_have_equal_scores_wherever_they_stand(index_type):
    rows = np.tile(unit_rows(1, dim=384), (101, 1))
    index = index_type.build(Held(np.arange(101), rows))
    found, scores = index.search(unit_rows(1, dim=384, seed=1)[0], 101, excluded=NONE)
    assert len(set(scores.tolist())) == 1
    assert found.tolist() == list(range(101))


def test_counts_are_those_of_the_rows(index_type):
    index = index_type.build(Held(np.arange(5), unit_rows(5, dim=6)))
    assert (index.n_vectors, index.dim) == (5, 6)


def test_large_ids_are_kept(index_type):
    ids = np.array([2**62, 2**40, 1], dtype=np.int64)
    found, _ = index_type.build(Held(ids, unit_rows(3))).search(unit_rows(3)[0], 3, excluded=NONE)
    assert sorted(found.tolist()) == sorted(ids.tolist())


def test_the_caller_may_change_its_rows_afterwards(index_type):
    rows = unit_rows(5)
    query = rows[0].copy()
    index = index_type.build(Held(np.arange(5), rows))
    rows[:] = 0.0
    assert index.search(query, 1, excluded=NONE)[1][0] == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("n", [0, 1, 100])
def test_an_index_is_the_same_after_saving_and_loading(index_type, tmp_path, n):
    index = index_type.build(Held(shuffled_ids(n), unit_rows(n)))
    index.save(tmp_path / "index")
    again = index_type.load(tmp_path / "index")
    query = unit_rows(1, seed=1)[0]
    before, after = (i.search(query, 20, excluded=NONE) for i in (index, again))
    assert (again.n_vectors, again.dim) == (index.n_vectors, index.dim)
    assert [part.tolist() for part in after] == [part.tolist() for part in before]


def test_saving_writes_the_named_file_alone(index_type, tmp_path):
    index_type.build(Held(np.arange(5), unit_rows(5))).save(tmp_path / "望远镜.tmp")
    assert [path.name for path in tmp_path.iterdir()] == ["望远镜.tmp"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 0.5, 0.9])
def test_a_truncated_file_is_reported_as_damaged(index_type, tmp_path, share):
    path = tmp_path / "index"
    index_type.build(Held(np.arange(50), unit_rows(50))).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(CollectionDamagedError):
        index_type.load(path)


@pytest.mark.parametrize("content", [b"garbage" * 100, b"\xff" * 5000, b"\0" * 5000, b"PK\x03\x04"])
def test_a_file_of_garbage_is_reported_as_damaged(index_type, tmp_path, content):
    (tmp_path / "index").write_bytes(content)
    with pytest.raises(CollectionDamagedError):
        index_type.load(tmp_path / "index")


def test_a_missing_file_is_reported_as_damaged(index_type, tmp_path):
    with pytest.raises(CollectionDamagedError):
        index_type.load(tmp_path / "index")


def test_parallel_searches_find_what_one_finds(index_type):
    ids, rows, queries = shuffled_ids(2000), unit_rows(2000), unit_rows(64, seed=1)
    index = index_type.build(Held(ids, rows))
    excluded = ids[::7].copy()

    def search(query):
        return index.search(query, 10, excluded=excluded)[0].tolist()

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(search, queries))
    assert found == [search(query) for query in queries]
