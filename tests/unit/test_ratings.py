"""Ratings of answers: stored with them, kept by backups, and made into questions."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from opened_rag import open_fake_rag
from stored_documents import add

from ragapp import Rag, evaluate_questions, questions_of_ratings, write_questions
from ragapp.chunkstore.migration import old_copies
from ragapp.chunkstore.schema import READABLE_SINCE, SCHEMA_VERSION
from ragapp.collection import Collection
from ragapp.collection.ratings import MAX_COMMENT_CHARACTERS
from ragapp.errors import CollectionDamagedError, NotFoundError, UsageError

LENS = "The lens weighs 120 kg and stands in the north tower.\n"
CHINESE = "镜头重一百二十公斤，放在北塔。\n"
QUESTION = "What does the lens weigh?"
OTHER = "Where does the lens stand?"


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection", abstain_below=0.0) as rag:
        with rag.collection.writing():
            add(rag.collection, LENS, path="lens.txt")
            add(rag.collection, CHINESE, path="镜头.txt")
        yield rag


def refused(rag, question):
    """Return the refusal of a question that no document may answer."""
    return rag.ask(question, where="format=docx")


def questions(rag):
    return questions_of_ratings(rag.ratings.list())


# --- stored


def test_a_rating_is_stored_with_the_answer_but_its_hits(rag):
    answer = rag.ask(QUESTION)
    facts = json.loads(json.dumps(answer.to_dict()))
    del facts["hits"]

    number = rag.feedback(answer, "up", "  好 \n")

    (rated,) = rag.ratings.list()
    assert (rated.id, rated.rating, rated.comment, dict(rated.answer)) == (
        number,
        "up",
        "好",
        facts,
    )


def test_a_rating_keeps_the_trace_of_its_answer(rag):
    rag.feedback(rag.ask(QUESTION, trace=True), "down")

    assert rag.ratings.list()[0].answer["trace"]["searched"] == QUESTION


@pytest.mark.parametrize("rating", ["good", "", "UP", 1])
def test_what_is_no_rating_is_told_in_one_line(rag, rating):
    with pytest.raises(UsageError, match="is no rating") as caught:
        rag.feedback(rag.ask(QUESTION), rating)
    assert caught.value.hint == 'give "up" or "down"'
    assert rag.ratings.list() == []


def test_too_long_a_comment_is_refused(rag):
    answer = rag.ask(QUESTION)
    rag.feedback(answer, "up", "x" * MAX_COMMENT_CHARACTERS)

    with pytest.raises(UsageError, match="at most 10,000 characters"):
        rag.feedback(answer, "up", "x" * (MAX_COMMENT_CHARACTERS + 1))


def test_a_deleted_rating_is_gone_and_its_number_is_not_given_again(rag):
    answer = rag.ask(QUESTION)
    first = rag.feedback(answer, "up")
    rag.ratings.delete(first)

    assert rag.feedback(answer, "up") != first
    with pytest.raises(NotFoundError, match=f"there is no rating {first}"):
        rag.ratings.delete(first)


def test_a_rating_changed_on_disk_is_told(rag):
    number = rag.feedback(rag.ask(QUESTION), "down")
    with closing(sqlite3.connect(rag.collection.directory / "ragapp.sqlite3")) as other, other:
        other.execute("UPDATE ratings SET rating = 'up'")

    assert rag.collection.problems() == [f"rating {number} does not match its hash"]
    with pytest.raises(CollectionDamagedError, match=f"rating {number} was changed on disk"):
        rag.ratings.list()


# --- backups and older collections


def test_a_backup_holds_the_ratings(rag, tmp_path):
    rag.feedback(rag.ask(QUESTION), "up", "good")
    rag.backup(tmp_path / "backup")
    Rag.restore(tmp_path / "backup", tmp_path / "other")

    with open_fake_rag(tmp_path / "other") as other:
        assert other.ratings.list() == rag.ratings.list()


def test_a_collection_of_ratings_alone_is_not_replaced_unforced(rag, tmp_path):
    rag.backup(tmp_path / "backup")
    with open_fake_rag(tmp_path / "other") as other:
        other.feedback(rag.ask(QUESTION), "up")

    with pytest.raises(UsageError, match="is not empty"):
        Rag.restore(tmp_path / "backup", tmp_path / "other")


def test_a_collection_of_version_3_gets_the_table_and_keeps_the_rest(rag):
    folder = rag.collection.directory
    rag.collection.conversations.append("a", {"question": "Why?"})
    before = rag.documents()
    with closing(sqlite3.connect(folder / "ragapp.sqlite3")) as old, old:
        old.execute("DROP TABLE ratings")
        old.execute("PRAGMA user_version = 3")

    with closing(Collection.open(folder)) as collection:
        assert (collection.documents(), collection.ratings.list()) == (before, [])
        assert [info.name for info in collection.conversations.list()] == ["a"]
        assert collection.problems() == []
    assert old_copies(folder / "ragapp.sqlite3") == []


def test_the_versions_from_before_may_still_read_the_collection():
    assert (READABLE_SINCE, SCHEMA_VERSION) == (2, 4)


# --- questions


@pytest.mark.parametrize("question", [QUESTION, "镜头有多重？"])
def test_an_answer_rated_up_gives_the_question_that_its_citations_answer(rag, question):
    answer = rag.ask(question)
    number = rag.feedback(answer, "up")

    (found,) = questions(rag)

    first = answer.citations[0]
    assert (found.id, found.text) == (f"feedback-{number}", question)
    assert (found.document, found.start, found.end) == (first.document_id, first.start, first.end)
    assert first.quote in found.answers
    assert {found.document, *found.also} == {c.document_id for c in answer.citations}


def test_a_refusal_rated_up_gives_a_question_without_an_answer(rag):
    rag.feedback(refused(rag, QUESTION), "up")

    (found,) = questions(rag)

    assert (found.is_answerable, found.document, found.answers) == (False, None, ())


def test_what_is_rated_down_gives_no_question(rag):
    rag.feedback(rag.ask(QUESTION), "down")
    rag.feedback(refused(rag, OTHER), "down")

    assert questions(rag) == []


def test_of_ratings_of_one_question_the_last_counts(rag):
    rag.feedback(rag.ask(QUESTION), "up")
    rag.feedback(rag.ask(OTHER), "down")
    rag.feedback(rag.ask(QUESTION), "down")
    rag.feedback(rag.ask(OTHER), "up")

    assert [found.text for found in questions(rag)] == [OTHER]


def test_the_exported_set_is_read_by_an_evaluation(rag, tmp_path):
    rag.feedback(rag.ask(QUESTION), "up")
    rag.feedback(refused(rag, "Who was Napoleon?"), "up")
    write_questions(tmp_path / "set.jsonl", questions(rag))

    run = evaluate_questions(rag, tmp_path / "set.jsonl")

    assert run.figures()["hybrid"]["recall@1"].value == 1.0
    assert len(questions(rag)) == 2


def test_further_documents_of_a_question_are_relevant_too(rag, tmp_path):
    other, document = (info.id for info in reversed(rag.documents()))
    row = {"_id": "a", "text": QUESTION, "document": document, "also": [other, "gone"]}
    (tmp_path / "set.jsonl").write_text(json.dumps(row))

    run = evaluate_questions(rag, tmp_path / "set.jsonl")

    assert run.figures()["hybrid"]["recall@10"].value == 1.0
    assert run.figures()["hybrid"]["recall@1"].value == 0.5
