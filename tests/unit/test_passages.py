"""Equal texts are one passage, however many documents hold it; the last holder takes it along."""

import sqlite3
from contextlib import closing

import pytest
from fake_embedder import FakeEmbedder
from stored_documents import add, make_source, opened

from ragapp.analysis import query_terms
from ragapp.citing import cite
from ragapp.retrieval import retrieve
from ragapp.stored import NearPassage

SHARED = "The mirror of the telescope is washed once a year."
NEARLY = "The mirror of the telescope is washed just once a year."
LETTER = f"Dear reader.\n{SHARED}\n"
MANUAL = f"Chapter one.\nAn introduction.\n{SHARED}\n"


@pytest.fixture
def collection(tmp_path):
    with closing(opened(tmp_path / "collection")) as collection:
        yield collection


def ask(collection, question, *, top_k=5):
    return retrieve(
        question, collection=collection, embedder=FakeEmbedder(), top_k=top_k, n_candidates=50
    )


def sources_of(collection, question):
    return {hit.source for hit in ask(collection, question)}


def test_an_equal_text_is_stored_and_embedded_once(collection):
    add(collection, LETTER, path="letter.txt")
    add(collection, MANUAL, path="manual.txt")

    stats = collection.stats()

    assert (stats.n_chunks, stats.n_passages) == (5, 4)
    assert collection.deep_check().counts["vectors"] == 4
    assert collection.problems() == []


def test_a_text_repeated_in_one_document_is_one_passage(collection):
    add(collection, f"{SHARED}\n{SHARED}\n")
    (hit,) = ask(collection, "washed")
    assert (hit.start, [place.start for place in hit.also_at]) == (0, [len(SHARED) + 1])
    assert hit.also_in == ()


def test_a_hit_names_the_page_on_which_another_document_holds_it(collection):
    add(collection, LETTER, path="letter.txt")
    add(collection, MANUAL, path="manual.txt", pages=[(1, 0, 30), (2, 30, len(MANUAL))])

    hit = ask(collection, "washed")[0]

    assert (hit.source, hit.also_in) == ("letter.txt", ("manual.txt",))
    (place,) = hit.also_at
    assert (place.source, place.page, place.is_exact) == ("manual.txt", 2, True)
    assert MANUAL[place.start : place.end] == hit.text


def test_a_citation_points_at_its_quote_in_the_other_document(collection):
    add(collection, LETTER, path="letter.txt")
    add(collection, MANUAL, path="manual.txt", pages=[(1, 0, 50), (2, 50, len(MANUAL))])
    hits = ask(collection, "washed")

    _, (citation,) = cite("It is washed once a year [1].", hits)

    (place,) = citation.also_at
    assert MANUAL[place.start : place.end] == citation.quote


@pytest.mark.parametrize("removed", ["letter.txt", "manual.txt"])
def test_removing_one_document_leaves_what_the_other_holds(collection, removed):
    add(collection, LETTER, path="letter.txt")
    add(collection, MANUAL, path="manual.txt")

    with collection.writing():
        collection.remove_source(removed)

    (hit,) = (hit for hit in ask(collection, "washed") if hit.text == SHARED)
    assert {hit.source} | {removed} == {"letter.txt", "manual.txt"}
    assert hit.also_at == ()
    assert collection.problems() == []


def test_removing_the_last_holder_removes_the_passage(collection):
    add(collection, LETTER, path="letter.txt")
    add(collection, MANUAL, path="manual.txt")
    with collection.writing():
        collection.remove_source("letter.txt")
        collection.remove_source("manual.txt")

    assert collection.stats().n_passages == 0
    assert collection.search_dense(FakeEmbedder().embed_query("washed"), 5) == []
    assert collection.problems() == []


def test_the_index_keeps_the_vector_of_what_an_edit_leaves_alone(collection):
    with collection.writing():
        add(collection, MANUAL, path="manual.txt")
    add(collection, MANUAL.replace("one", "two"), path="manual.txt")

    assert collection.stats().n_unindexed == 1
    assert collection.problems() == []


def test_a_passage_is_found_by_the_title_of_each_document_that_holds_it(collection):
    add(collection, LETTER, path="letter.txt", title="Letter")
    add(collection, MANUAL, path="manual.txt", title="Handbook")

    found = collection.search_lexical(query_terms("handbook"), 9)

    assert len(found) == 3


def test_a_passage_is_no_longer_found_by_the_title_of_a_removed_document(collection):
    add(collection, LETTER, path="letter.txt", title="Letter")
    add(collection, MANUAL, path="manual.txt", title="Handbook")
    collection.remove_source("manual.txt")

    assert collection.search_lexical(query_terms("handbook"), 9) == []


def test_a_title_that_two_documents_share_stays_with_the_one_left(collection):
    add(collection, LETTER, path="letter.txt", title="Notes")
    add(collection, MANUAL, path="manual.txt", title="Notes")
    collection.remove_source("letter.txt")

    assert len(collection.search_lexical(query_terms("notes"), 9)) == 3


def test_another_source_of_the_same_document_is_another_place(collection):
    document = add(collection, LETTER, path="letter.txt")
    collection.attach(make_source("copy.txt", document.id))

    hit = ask(collection, "washed")[0]

    assert hit.also_in == ("copy.txt",)
    assert [(place.source, place.start) for place in hit.also_at] == [("copy.txt", hit.start)]


# --- near-duplicates


def linked(collection, kind):
    add(collection, SHARED, path="a.txt")
    add(collection, NEARLY, path="b.txt")
    (first, _), (second, _) = collection.uncompared_passages(9)
    near = [NearPassage(first, 2, 0.9, kind)]
    collection.put_comparisons({first: (1, []), second: (3, near)})


def test_passages_that_say_the_same_are_one_hit_with_both_places(collection):
    linked(collection, "near")

    (hit,) = ask(collection, "washed")

    (place,) = hit.also_at
    assert {hit.source, place.source} == {"a.txt", "b.txt"}
    assert (hit.also_in, place.is_exact) == ((place.source,), False)


def test_revisions_are_two_hits(collection):
    linked(collection, "revision")
    assert sources_of(collection, "washed") == {"a.txt", "b.txt"}


def test_a_passage_whose_near_duplicate_is_gone_stands_alone(collection):
    linked(collection, "near")
    collection.remove_source("a.txt")

    (hit,) = ask(collection, "washed")

    assert (hit.source, hit.also_at) == ("b.txt", ())


def test_a_compared_passage_is_not_compared_again(collection):
    linked(collection, "near")
    assert collection.uncompared_passages(9) == []
    assert [value for _, value in collection.passage_fingerprints()] == [1, 3]


def test_the_database_refuses_a_passage_that_a_chunk_still_holds_to_go(collection, tmp_path):
    add(collection, LETTER)
    with closing(sqlite3.connect(tmp_path / "collection" / "ragapp.sqlite3")) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("DELETE FROM passages")
