"""A collection of an older version is brought to the present one, and nothing is lost."""

import logging
import shutil
import sqlite3
from contextlib import closing
from types import SimpleNamespace

import pytest
from fake_embedder import FakeEmbedder
from opened_rag import open_fake_rag
from stored_documents import add, opened
from version_1 import make_version_1

from ragapp.analysis import query_terms
from ragapp.chunkstore.schema import SCHEMA_VERSION
from ragapp.collection import Collection
from ragapp.errors import CollectionError
from ragapp.rag import Rag

SHARED = "The mirror is washed once a year."
LETTER = f"Dear reader.\n{SHARED}\n"
MANUAL = f"Chapter one.\n{SHARED}\n圆顶在黄昏打开。\n"


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    """A collection of version 1 with two documents that share a line."""
    folder = tmp_path_factory.mktemp("old")
    with closing(opened(folder / "present")) as collection:
        add(collection, LETTER, path="letter.txt", title="Letter")
        add(collection, MANUAL, path="manual.txt", title="Handbook")
    make_version_1(folder / "present", folder / "old")
    return folder / "old"


@pytest.fixture
def directory(old, tmp_path):
    shutil.copytree(old, tmp_path / "collection")
    return tmp_path / "collection"


def version_of(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA user_version").fetchone()[0]


def test_every_text_and_place_is_kept(directory):
    with closing(opened(directory)) as collection:
        texts = {
            info.sources: [
                (item.chunk.text, item.chunk.start) for item in collection.document_chunks(info.id)
            ]
            for info in collection.documents()
        }
        assert collection.problems() == []
    assert texts == {
        ("letter.txt",): [("Dear reader.", 0), (SHARED, 13)],
        ("manual.txt",): [("Chapter one.", 0), (SHARED, 13), ("圆顶在黄昏打开。", 47)],
    }


def test_equal_texts_become_one_passage(directory):
    with closing(opened(directory)) as collection:
        stats = collection.stats()
    assert (stats.n_chunks, stats.n_passages) == (5, 4)


def test_the_index_serves_on_and_finds_each_passage_once(directory):
    with closing(opened(directory)) as collection:
        found = collection.search_dense(FakeEmbedder().embed_query(SHARED), 9)
        stats = collection.stats()
    assert (stats.generation, stats.n_unindexed, len(found)) == (1, 0, 4)


def test_a_shared_passage_is_found_by_both_titles(directory):
    with closing(opened(directory)) as collection:
        assert len(collection.search_lexical(query_terms("handbook"), 9)) == 3
        assert len(collection.search_lexical(query_terms("letter"), 9)) == 2


def test_a_copy_of_the_old_database_is_laid_beside_it(directory):
    Collection.open(directory).close()
    assert version_of(directory / "ragapp.sqlite3") == SCHEMA_VERSION
    assert version_of(directory / "ragapp.sqlite3.v1") == 1


def test_the_doctor_names_the_copy_its_size_and_how_to_delete_it(directory):
    with open_fake_rag(directory) as rag:
        fact = rag.health().facts["copy ragapp.sqlite3.v1"]

    n_bytes = (directory / "ragapp.sqlite3.v1").stat().st_size
    assert f"{n_bytes / 1e6:.1f} MB" in fact
    assert f"rm {directory / 'ragapp.sqlite3.v1'}" in fact


def test_the_doctor_names_no_copy_where_none_is(directory):
    Collection.open(directory).close()
    (directory / "ragapp.sqlite3.v1").unlink()
    (directory / "ragapp.sqlite3.vault").touch()
    with open_fake_rag(directory) as rag:
        assert not [name for name in rag.health().facts if name.startswith("copy ")]


def test_ids_are_not_given_again_after_it(directory):
    with closing(opened(directory)) as collection:
        add(collection, "A new line.\n", path="new.txt")
        (passage_id,) = collection.chunks([6])
        assert passage_id == 6
        assert collection.problems() == []


def test_without_room_for_it_nothing_is_changed(directory, monkeypatch):
    free = SimpleNamespace(free=100)
    monkeypatch.setattr("ragapp.chunkstore.migration.shutil.disk_usage", lambda path: free)
    with pytest.raises(CollectionError, match="of an older version"):
        Collection.open(directory)
    assert version_of(directory / "ragapp.sqlite3") == 1


def test_an_empty_collection_of_version_1_opens(directory):
    with closing(sqlite3.connect(directory / "ragapp.sqlite3")) as connection, connection:
        for table in ("vectors", "postings", "chunks", "sources", "documents", "generations"):
            connection.execute(f"DELETE FROM {table}")
    with closing(opened(directory)) as collection:
        add(collection, LETTER)
        assert collection.problems() == []


def test_a_backup_of_version_1_restores(directory, tmp_path):
    report = Rag.restore(directory / "ragapp.sqlite3", tmp_path / "other")

    assert report.n_chunks == 5
    assert version_of(directory / "ragapp.sqlite3") == 1
    assert not list((tmp_path / "other").glob("*.v1"))
    with closing(opened(tmp_path / "other")) as collection:
        assert collection.problems() == []


def test_a_migration_is_logged(directory, caplog):
    with caplog.at_level(logging.INFO):
        Collection.open(directory).close()
    assert "from schema 1 to" in caplog.text
