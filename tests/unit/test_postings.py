"""The narrowed full-text search against FTS5's own BM25 over all terms."""

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp.chunkstore import postings
from ragapp.chunkstore.schema import create_if_empty

WORDS = ["the", "sea", "tide", "dome", "lens", "roof", "望", "远", "望远"]
TEXTS = st.lists(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=12).map(" ".join),
    min_size=1,
    max_size=30,
)
QUESTIONS = st.lists(st.sampled_from([*WORDS, "none"]), min_size=1, max_size=6, unique=True)


def filled(texts):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_if_empty(connection, "memory")
    put(connection, texts)
    return connection


def put(connection, texts, *, first=1):
    connection.executemany(
        "INSERT INTO postings (rowid, terms) VALUES (?, ?)", enumerate(texts, start=first)
    )


def whole(connection, terms, k=99):
    return dict(postings.search_terms(connection, terms, k, scored_whole=10**9))


@given(texts=TEXTS, terms=QUESTIONS, k=st.integers(1, 5), limit=st.integers(0, 20))
def test_a_narrowed_search_gives_the_scores_of_all_terms(texts, terms, k, limit):
    with closing(filled(texts)) as connection:
        narrowed = postings.search_terms(connection, terms, k, scored_whole=limit)
        scores = whole(connection, terms)
    assert [scores[i] for i, _ in narrowed] == pytest.approx([s for _, s in narrowed])


@given(texts=TEXTS, terms=QUESTIONS, k=st.integers(1, 5), limit=st.integers(0, 20))
def test_a_narrowed_search_finds_as_many_best_first(texts, terms, k, limit):
    with closing(filled(texts)) as connection:
        narrowed = postings.search_terms(connection, terms, k, scored_whole=limit)
        n_matching = len(whole(connection, terms))
    assert len(narrowed) == min(k, n_matching)
    assert narrowed == sorted(narrowed, key=lambda item: (-item[1], item[0]))


@given(texts=TEXTS, terms=QUESTIONS, allowed=st.sets(st.integers(1, 30)))
def test_among_allowed_passages_the_search_is_never_narrowed(texts, terms, allowed):
    with closing(filled(texts)) as connection:
        found = postings.search_terms(
            connection, terms, 99, allowed=json.dumps(sorted(allowed)), scored_whole=0
        )
        scores = whole(connection, terms)
    assert dict(found) == {i: score for i, score in scores.items() if i in allowed}


def test_a_passage_with_two_common_terms_is_found_among_many_with_one():
    texts = ["sea sea"] * 50 + ["tide tide"] * 50 + ["sea and some words more tide"]
    with closing(filled(texts)) as connection:
        best = postings.search_terms(connection, ["sea", "tide"], 1, scored_whole=10)
    assert best[0][0] == 101


def test_remembered_counts_follow_every_change():
    with closing(filled(["sea tide"] * 200)) as connection:
        counted = [postings.passage_frequencies(connection, ["sea", "tide"])]
        put(connection, ["sea"] * 100, first=201)
        counted.append(postings.passage_frequencies(connection, ["sea", "tide"]))
        connection.execute("DELETE FROM postings WHERE rowid = 7")
        counted.append(postings.passage_frequencies(connection, ["sea", "tide"]))
    assert [tuple(c.values()) for c in counted] == [(200, 200), (300, 200), (299, 199)]


def test_remembered_counts_follow_a_replaced_text_of_equal_length():
    with closing(filled(["sea"] * 200)) as connection:
        before = postings.passage_frequencies(connection, ["sea"])
        connection.execute("INSERT OR REPLACE INTO postings (rowid, terms) VALUES (7, 'dome')")
        after = postings.passage_frequencies(connection, ["sea"])
    assert (before, after) == ({"sea": 200}, {"sea": 199})


def test_changes_are_counted_inside_the_transaction_that_makes_them():
    with closing(filled(["sea"] * 200)) as connection:
        postings.passage_frequencies(connection, ["sea"])
        connection.execute("BEGIN")
        put(connection, ["sea"], first=900)
        inside = postings.passage_frequencies(connection, ["sea"])
        connection.execute("ROLLBACK")
        after = postings.passage_frequencies(connection, ["sea"])
    assert (inside, after) == ({"sea": 201}, {"sea": 200})


@pytest.mark.parametrize("n", [0, 1, 300])
def test_postings_are_counted_without_reading_them(n):
    with closing(filled(["sea tide"] * n)) as connection:
        assert postings.count_postings(connection) == n
