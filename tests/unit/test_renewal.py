"""Full-text terms that another version's analyzer made are made anew when a collection opens."""

import sqlite3
from contextlib import closing

import pytest
from fake_embedder import FakeEmbedder
from stored_documents import make_chunks, make_document, make_source, opened

from ragapp.analysis import query_terms


@pytest.fixture
def directory(tmp_path):
    """Return a collection of two lines whose terms are those of an earlier analyzer."""
    document = make_document("望遠鏡每年清洗兩次\nThe dome opens at dusk")
    chunks = make_chunks(document)
    rows = FakeEmbedder().embed_documents([chunk.embedded_text for chunk in chunks])
    with closing(opened(tmp_path / "c")) as collection, collection.writing():
        source = make_source(document.source, document.id)
        collection.add(document, chunks, rows, source=source)
    with closing(sqlite3.connect(tmp_path / "c" / "ragapp.sqlite3")) as connection, connection:
        connection.execute("UPDATE postings SET terms = '望 遠 鏡 望遠 遠鏡' WHERE rowid = 1")
        connection.execute("DELETE FROM meta WHERE key = 'analyzer'")
    return tmp_path / "c"


@pytest.mark.parametrize("question", ["望遠鏡", "望远镜", "清洗"])
def test_a_collection_of_an_earlier_analyzer_is_found_in_by_the_present_one(directory, question):
    with closing(opened(directory)) as collection:
        assert [i for i, _ in collection.search_lexical(query_terms(question), 5)] == [1]


def test_terms_are_made_anew_once(directory):
    opened(directory).close()
    with closing(sqlite3.connect(directory / "ragapp.sqlite3")) as connection, connection:
        connection.execute("UPDATE postings SET terms = 'kept' WHERE rowid = 1")
    with closing(opened(directory)) as collection:
        assert [i for i, _ in collection.search_lexical(["kept"], 5)] == [1]
