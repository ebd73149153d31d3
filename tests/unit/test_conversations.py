"""Conversations stored in a collection: kept whole, in order, bounded in what the model is shown."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from opened_rag import open_fake_rag

from ingest import ingest_paths
from ragapp import answer_of, talk
from ragapp.chunkstore.migration import old_copies
from ragapp.chunkstore.schema import SCHEMA_VERSION
from ragapp.collection import Collection
from ragapp.errors import CollectionDamagedError, NotFoundError, UsageError
from ragapp.rag import Rag
from ragapp.transcripts import Conversation, ConversationTurn

TEXT = "# Lens\n\nThe lens weighs 120 kg. The mirror is washed once a year.\n"
QUESTION = "How heavy is the lens?"


@pytest.fixture
def rag(tmp_path):
    (tmp_path / "lens.md").write_text(TEXT, encoding="utf-8")
    with open_fake_rag(tmp_path / "collection", abstain_below=0.0) as rag:
        ingest_paths(rag, [tmp_path / "lens.md"])
        yield rag


def turn(question="Who?", text="Wu.", citations=()):
    answer = {"question": question, "answer": text, "citations": list(citations)}
    return ConversationTurn("2025-01-01T00:00:00+00:00", answer)


def said(rag, name, question):
    return talk(rag, name, question).answer


def asked(rag, name):
    return [turn.question for turn in rag.conversations.get(name).turns]


# --- stored


def test_turns_are_stored_in_order_with_the_answers_given(rag):
    first = said(rag, "lens", QUESTION)
    second = said(rag, "lens", "And the mirror?")
    turns = rag.conversations.get("lens").turns
    assert [turn.question for turn in turns] == [QUESTION, "And the mirror?"]
    assert [turn.text for turn in turns] == [first.text, second.text]
    assert first.citations


def test_a_stored_turn_is_the_answer_as_json_without_its_hits(rag):
    facts = said(rag, "lens", QUESTION).to_dict()
    del facts["hits"]
    assert dict(rag.conversations.get("lens").turns[0].answer) == json.loads(json.dumps(facts))


def test_a_stream_that_is_left_stores_nothing(rag):
    next(iter(talk(rag, "lens", QUESTION)))
    assert rag.conversations.find("lens") is None


def test_a_follow_up_is_searched_with_the_stored_question_before_it(rag):
    said(rag, "lens", QUESTION)
    alone = rag.ask("Why?").hits[0].coverage
    assert said(rag, "lens", "Why?").hits[0].coverage > alone


def test_conversations_are_listed_by_age_with_their_number_of_turns(rag):
    for name in ("镜头", "b", "镜头"):
        said(rag, name, QUESTION)
    assert [(c.name, c.n_turns) for c in rag.conversations.list()] == [("镜头", 2), ("b", 1)]


def test_they_survive_closing_a_backup_and_a_restore(rag, tmp_path):
    said(rag, "lens", QUESTION)
    rag.backup(tmp_path / "file.backup")
    Rag.restore(tmp_path / "file.backup", tmp_path / "other")
    with open_fake_rag(tmp_path / "other") as other:
        assert other.conversations.get("lens") == rag.conversations.get("lens")


def test_a_collection_of_conversations_alone_is_not_replaced_unforced(rag, tmp_path):
    rag.backup(tmp_path / "file.backup")
    with closing(Collection.open(tmp_path / "other")) as other:
        other.conversations.append("a", {"question": "Why?"})
    with pytest.raises(UsageError, match="not empty"):
        Rag.restore(tmp_path / "file.backup", tmp_path / "other")


def test_a_turn_can_be_stored_while_documents_are_ingested(rag):
    with rag.collection.writing():
        said(rag, "lens", QUESTION)
    assert asked(rag, "lens") == [QUESTION]


# --- renamed, deleted


def test_a_renamed_conversation_goes_on_under_its_new_name(rag):
    said(rag, "a", QUESTION)
    rag.conversations.rename("a", "b")
    said(rag, "b", "Why?")
    assert (rag.conversations.find("a"), asked(rag, "b")) == (None, [QUESTION, "Why?"])


def test_a_name_that_is_taken_is_refused_and_nothing_is_lost(rag):
    for name in ("a", "b"):
        said(rag, name, QUESTION)
    with pytest.raises(UsageError, match="already"):
        rag.conversations.rename("a", "b")
    assert [c.name for c in rag.conversations.list()] == ["a", "b"]


def test_a_deleted_conversation_leaves_no_turn(rag):
    said(rag, "a", QUESTION)
    rag.conversations.delete("a")
    said(rag, "a", "Why?")
    assert asked(rag, "a") == ["Why?"]


@pytest.mark.parametrize("act", ["get", "delete"])
def test_an_unknown_name_is_not_found(rag, act):
    with pytest.raises(NotFoundError, match="'nobody'"):
        getattr(rag.conversations, act)("nobody")


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 121, "\x1b[31m"])
def test_a_name_that_is_none_is_refused(rag, name):
    with pytest.raises(UsageError, match="names no conversation"):
        talk(rag, name, QUESTION)


# --- the budget


def test_an_answer_tells_how_many_turns_were_dropped(tmp_path, rag):
    said(rag, "a", QUESTION)
    assert said(rag, "a", "Why?").dropped_turns == 0
    rag.settings = rag.settings.model_copy(update={"history_tokens": 0})
    assert said(rag, "a", "Why?").to_dict()["dropped_turns"] == 2


# --- exported


def test_markdown_holds_questions_answers_and_sources(rag):
    answer = said(rag, "lens", QUESTION)
    text = rag.conversations.get("lens").to_markdown()
    assert text.startswith("# lens\n\n## How heavy is the lens?\n")
    assert "The lens weighs 120 kg. \\[1\\]" in text
    assert f"- \\[1\\] {answer.citations[0].source}".replace("_", "\\_") in text


def test_nothing_of_a_document_is_markup_in_markdown():
    hostile = turn("# Who?", "- <b>Wu</b>\n1. [a](http://b) | `c`\n![i](j)")
    text = Conversation("*n*", "", (hostile,)).to_markdown()
    assert text.splitlines()[0] == "# \\*n\\*"
    assert "\\- \\<b\\>Wu\\</b\\>\n1\\. \\[a\\](http://b) \\| \\`c\\`\n!\\[i\\](j)" in text


def test_json_holds_every_turn(rag):
    said(rag, "镜头", QUESTION)
    values = rag.conversations.get("镜头").to_dict()
    assert (values["name"], [t["question"] for t in values["turns"]]) == ("镜头", [QUESTION])
    assert json.loads(json.dumps(values)) == values


# --- damage, and collections of version 2


def test_a_changed_turn_is_told_by_the_deep_check_and_not_shown(rag):
    said(rag, "a", QUESTION)
    with closing(sqlite3.connect(rag.collection.directory / "ragapp.sqlite3")) as other, other:
        other.execute("UPDATE turns SET answer = replace(answer, '120', '999')")
    assert rag.collection.problems() == ["conversation 'a', turn 1 does not match its hash"]
    with pytest.raises(CollectionDamagedError, match="turn 1"):
        rag.conversations.get("a")


@pytest.fixture
def version_2(rag, tmp_path):
    """The collection as version 2 stored it: without tables for conversations."""
    shutil.copytree(rag.collection.directory, tmp_path / "old")
    with closing(sqlite3.connect(tmp_path / "old" / "ragapp.sqlite3")) as old, old:
        for statement in (
            "DROP TABLE turns",
            "DROP TABLE conversations",
            "DROP TABLE ratings",
            "PRAGMA user_version = 2",
        ):
            old.execute(statement)
    return tmp_path / "old"


def test_a_collection_of_version_2_gets_the_tables_and_keeps_its_documents(rag, version_2):
    with open_fake_rag(version_2) as old:
        said(old, "a", QUESTION)
        assert old.documents() == rag.documents()
        assert old.collection.problems() == []
        assert asked(old, "a") == [QUESTION]


def test_no_copy_is_laid_where_tables_are_only_added(version_2):
    Collection.open(version_2).close()
    with closing(sqlite3.connect(version_2 / "ragapp.sqlite3")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    assert old_copies(version_2 / "ragapp.sqlite3") == []


# --- read back


def test_a_stored_turn_gives_its_answer_back_without_hits(rag):
    given = said(rag, "lens", QUESTION)

    back = answer_of(rag.conversations.get("lens").turns[0])

    assert back == replace(given, hits=())
    assert given.citations


def test_facts_of_another_version_are_left_out(rag):
    said(rag, "lens", QUESTION)
    turn = rag.conversations.get("lens").turns[0]
    facts = json.loads(json.dumps(turn.answer))
    facts["citations"][0]["mood"] = "good"
    del facts["citations"][0]["also_at"]

    back = answer_of(ConversationTurn(turn.asked_at, facts))

    assert back.citations[0].also_at == ()
