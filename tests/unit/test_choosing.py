from itertools import pairwise

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from stored_documents import add, opened

from ragapp.choosing import Choice, checked_choice, choose, likeness_of_terms, likeness_of_vectors
from ragapp.errors import UsageError
from ragapp.explaining import explain
from ragapp.retrieval import find

SCORES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12).map(
    lambda scores: sorted(scores, reverse=True)
)
SHARES = st.floats(0.0, 1.0)


class Unread(FakeEmbedder):
    """Reads nothing: the lexical leg decides alone."""

    def coverage(self, text):
        return 0.0


def chosen_of(scores, k, *, vectors=None, documents=None, **choice):
    vectors = np.eye(len(scores), dtype=np.float32) if vectors is None else vectors
    return choose(
        range(len(scores)),
        k,
        Choice(**choice),
        scores=dict(enumerate(scores)),
        documents=dict(enumerate(documents or "d" * len(scores))),
        likeness=likeness_of_vectors(vectors),
    )


def drawn_vectors(n, seed):
    rows = np.random.default_rng(seed).standard_normal((n, 4)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(SCORES, st.integers(1, 12))
def test_without_wishes_the_first_are_chosen(scores, k):
    assert chosen_of(scores, k).best == list(range(min(k, len(scores))))


@given(SCORES, st.integers(1, 12), SHARES, st.integers(0, 3), st.integers(0, 9))
def test_no_document_has_more_than_it_may(scores, k, diversity, limit, seed):
    documents = np.random.default_rng(seed).choice(list("abc"), len(scores)).tolist()
    found = chosen_of(
        scores, k, vectors=drawn_vectors(len(scores), seed), documents=documents,
        max_per_document=limit, diversity=diversity,
    )  # fmt: skip
    counts = [[documents[i] for i in found.best].count(name) for name in "abc"]
    assert len(set(found.best)) == len(found.best) <= k
    assert max(counts) <= (limit or k)


@given(SCORES, st.integers(1, 12), st.floats(0.01, 1.0), st.integers(0, 9))
def test_each_choice_has_the_highest_marginal_relevance(scores, k, diversity, seed):
    vectors = drawn_vectors(len(scores), seed)
    best = chosen_of(scores, k, vectors=vectors, diversity=diversity).best
    likeness = np.clip(vectors @ vectors.T, 0.0, 1.0)
    for n in range(len(best)):
        rest = [i for i in range(len(scores)) if i not in best[:n]]
        value = {
            i: (1 - diversity) * scores[i] - diversity * max(likeness[i, best[:n]], default=0.0)
            for i in rest
        }
        assert value[best[n]] == pytest.approx(max(value.values()), abs=1e-6)


@given(SCORES, st.integers(1, 12), SHARES, st.integers(0, 3), st.integers(0, 9))
def test_those_passed_over_rank_before_the_last_chosen(scores, k, diversity, limit, seed):
    found = chosen_of(
        scores, k, vectors=drawn_vectors(len(scores), seed), max_per_document=limit,
        diversity=diversity,
    )  # fmt: skip
    assert {*found.best, *found.passed_over} >= set(range(max(found.best)))
    assert not set(found.passed_over) & set(found.best)


@pytest.mark.parametrize(
    ("values", "name"),
    [((-1, 0.0), "max_per_document"), ((0, -0.1), "diversity"), ((0, 1.1), "diversity")],
)
def test_a_number_out_of_range_is_named(values, name):
    with pytest.raises(UsageError, match=name):
        checked_choice(*values)


def test_terms_are_alike_by_what_they_share():
    likeness = likeness_of_terms([frozenset("ab"), frozenset("ab"), frozenset("bc"), frozenset()])
    assert likeness(0).tolist() == pytest.approx([1.0, 1.0, 0.5, 0.0])


# --- in a search

DOMES = "The dome opens at dusk.\nThe dome opens at dusk today.\nA dome of glass.\n"


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    collection = opened(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        add(collection, DOMES, path="a.txt")
        add(collection, "The dome closes when the wind is up.\n", path="b.txt")
    yield collection
    collection.close()


def found_in(collection, *, top_k=4, embedder=None, question="the dome opens at dusk", **choice):
    return find(
        question, collection.selection(), embedder or FakeEmbedder(),
        top_k=top_k, n_candidates=50, choice=Choice(**choice),
    )  # fmt: skip


def test_a_document_gives_at_most_as_many_hits_as_it_may(collection):
    sources = [hit.source for hit in found_in(collection, max_per_document=1).hits()]
    assert sorted(sources) == ["a.txt", "b.txt"]


@pytest.mark.parametrize("embedder", [FakeEmbedder(), Unread()], ids=["read", "unread"])
def test_diversity_puts_what_says_nearly_the_same_behind(collection, embedder):
    plain = [hit.text for hit in found_in(collection, embedder=embedder).hits()]
    varied = [hit.text for hit in found_in(collection, embedder=embedder, diversity=0.7).hits()]
    assert plain[:2] == DOMES.splitlines()[:2]
    assert varied[0] == plain[0]
    assert varied[1] != plain[1]
    assert sorted(varied) == sorted(plain)


def test_diversity_counts_what_only_the_lexical_leg_found(collection):
    found = find(
        "the dome opens at dusk", collection.selection(), FakeEmbedder(),
        top_k=4, n_candidates=1, legs="lexical", choice=Choice(diversity=0.5),
    )  # fmt: skip
    assert set(found.chosen.likeness) == set(found.chosen.best)


def test_hits_are_ranked_in_the_order_of_their_choice(collection):
    hits = found_in(collection, diversity=0.7).hits()
    assert [hit.rank for hit in hits] == [1, 2, 3, 4]


def explanation_of(collection, **choice):
    found = found_in(collection, **choice)
    return explain("the dome opens at dusk", found, collection.selection(), readable=1.0)


def test_what_a_full_document_had_left_is_explained(collection):
    explained = explanation_of(collection, max_per_document=1)
    assert {other.reason for other in explained.passed_over} == {"document"}
    assert {other.source for other in explained.passed_over} == {"a.txt"}


def test_what_was_too_similar_is_explained(collection):
    explained = explanation_of(collection, top_k=2, diversity=0.7)
    assert [other.text for other in explained.passed_over][:1] == [DOMES.splitlines()[1]]
    assert explained.passed_over[0].reason == "similar"
    assert all(0.0 <= found.likeness <= 1.0 for found in explained.hits)


def test_without_wishes_nothing_is_passed_over(collection):
    explained = explanation_of(collection)
    assert explained.passed_over == ()
    assert {found.likeness for found in explained.hits} == {None}


def test_neighbours_are_explained_as_one_passage(collection):
    (joined,) = explanation_of(collection).joined
    assert joined.source == "a.txt"
    assert (joined.start, joined.end) == (0, len(DOMES) - 1)
    assert len(joined.chunk_ids) == 3
    assert all(first < second for first, second in pairwise(joined.chunk_ids))
