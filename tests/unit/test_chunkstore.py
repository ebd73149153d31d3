import sqlite3
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stored_documents import make_chunks, make_document, make_source

from ragapp.analysis import query_terms, terms_of
from ragapp.chunkstore import (
    Database,
    chunks,
    documents,
    generations,
    passages,
    postings,
    sources,
    vectors,
)
from ragapp.chunkstore.schema import SCHEMA_VERSION, create_if_empty, is_wal_safe
from ragapp.errors import (
    CollectionDamagedError,
    CollectionError,
    CollectionLockedError,
    SchemaTooNewError,
)
from ragapp.protocols import EmbedderIdentity
from ragapp.stored import Near
from ragapp.types import Chunk

TEXT = "The dome opens at dusk.\nThe lens is clean.\n圆顶在黄昏打开。\n"
IDENTITY = EmbedderIdentity("fake", "fingerprint", 3)
HOSTILE_QUERIES = [
    '"',
    '""',
    'dome" OR "lens',
    "dome AND",
    "OR NEAR NOT",
    "NEAR(dome lens, 3)",
    "dome*",
    "(dome",
    "dome)",
    "^dome",
    "terms:dome",
    "{terms}: dome",
    "-dome",
    "dome\0lens",
    "'; DROP TABLE chunks; --",
    "c++ + c#",
    "wx-200/b's",
    "\ud800",
]


@pytest.fixture
def database(tmp_path):
    database = Database(tmp_path / "db.sqlite3")
    yield database
    database.close()


@pytest.fixture(scope="module")
def memory():
    """A database with one chunk, for reading alone."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_if_empty(connection, "memory")
    store(connection, make_document(TEXT))
    yield connection
    connection.close()


def store(connection, document, *, heading=""):
    pieces = make_chunks(document, heading=heading)
    seq = documents.insert_document(connection, document, n_chunks=len(pieces), added_at="2026")
    return chunks.insert_chunks(connection, seq, pieces)


def stored(database, document, **values):
    with database.writing() as connection:
        row_ids = store(connection, document, **values)
        sources.put_source(connection, make_source(document.source, document.id))
    return row_ids


def found(connection, question, k=10):
    return [row_id for row_id, _ in postings.search_terms(connection, query_terms(question), k)]


# --- round trips


@pytest.mark.parametrize("fingerprint", [None, 0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_a_document_comes_back_as_it_was_stored(database, fingerprint):
    document = make_document(
        TEXT,
        pages=((1, 0, 24), (2, 24, len(TEXT))),
        headings=((1, 0, 8), (2, 24, 32)),
        language="en",
        metadata={"作者": "Wu", "b": ""},
        fingerprint=fingerprint,
    )
    stored(database, document)
    with database.reading() as connection:
        assert documents.get_document(connection, document.id) == document


@pytest.mark.parametrize("text", ["", "\0", "a\0b", "🔭\U0010ffff", "é\r\n\u2028", "\ufeffx"])
def test_any_text_comes_back_whole(database, text):
    document = make_document(text)
    stored(database, document)
    with database.reading() as connection:
        assert documents.get_document(connection, document.id).text == text


def test_chunks_come_back_in_order_as_they_were_stored(database):
    document = make_document(TEXT, pages=((1, 0, 24), (2, 24, len(TEXT))))
    stored(database, document, heading="Handbook > 开放")
    with database.reading() as connection:
        found_chunks = chunks.chunks_of_document(connection, document.id)
    expected = make_chunks(document, heading="Handbook > 开放")
    assert [item.chunk for item in found_chunks] == expected


def test_a_stored_chunk_knows_the_pages_of_its_document(database):
    document = make_document(TEXT, pages=((1, 0, 24), (2, 24, len(TEXT))))
    row_ids = stored(database, document)
    with database.reading() as connection:
        assert chunks.get_chunks(connection, row_ids)[row_ids[0]].page_spans == document.pages


def test_only_the_chunks_asked_for_and_still_stored_come_back(database):
    row_ids = stored(database, make_document(TEXT))
    with database.reading() as connection:
        assert set(chunks.get_chunks(connection, [row_ids[1], 9999])) == {row_ids[1]}


@pytest.mark.parametrize("failure", ["", "corrupt"])
def test_a_source_comes_back_as_it_was_stored(database, failure):
    source = make_source("目录/a.txt", failure=failure, reason="why")
    with database.writing() as connection:
        sources.put_source(connection, source)
    with database.reading() as connection:
        assert sources.get_source(connection, "目录/a.txt") == source


def test_vectors_come_back_bit_by_bit(database):
    rows = np.random.default_rng(1).standard_normal((3, 3)).astype(np.float32)
    row_ids = stored(database, make_document(TEXT))
    with database.writing() as connection:
        row = vectors.register_embedder(connection, IDENTITY)
        vectors.insert_vectors(connection, row_ids, row, rows)
        ids, read = vectors.vectors_of(connection, row, 3, row_ids)
    assert ids.tolist() == row_ids
    assert np.array_equal(read, rows)


def test_an_embedder_registers_once(database):
    with database.writing() as connection:
        first = vectors.register_embedder(connection, IDENTITY)
        assert vectors.register_embedder(connection, IDENTITY) == first


def test_documents_are_listed_in_the_order_in_which_they_were_added(database):
    texts = ["c", "a", "b"]
    for text in texts:
        stored(database, make_document(text, source=f"{text}.txt"))
    with database.reading() as connection:
        assert [info.sources for info in documents.list_documents(connection)] == [
            ("c.txt",),
            ("a.txt",),
            ("b.txt",),
        ]


def test_near_duplicates_know_each_other(database):
    first, second = make_document("first"), make_document("second", source="b.txt")
    stored(database, first)
    stored(database, second)
    with database.writing() as connection:
        documents.link_near_duplicates(connection, second.id, [Near(first.id, 2, 0.9, "near")])
        assert documents.document_info(connection, first.id).near_duplicates == (second.id,)
        assert documents.document_info(connection, second.id).near_duplicates == (first.id,)


def test_revisions_know_each_other(database):
    first, second = make_document("first"), make_document("second", source="b.txt")
    stored(database, first)
    stored(database, second)
    with database.writing() as connection:
        near = [Near(first.id, 2, 0.9, "revision")]
        documents.link_near_duplicates(connection, second.id, near)
        info = documents.document_info(connection, first.id)
        assert (info.near_duplicates, info.revisions) == ((), (second.id,))


def test_a_deleted_document_leaves_no_row_behind(database):
    document = make_document(TEXT)
    row_ids = stored(database, document)
    with database.writing() as connection:
        row = vectors.register_embedder(connection, IDENTITY)
        vectors.insert_vectors(connection, row_ids, row, np.ones((len(row_ids), 3), np.float32))
        sources.delete_source(connection, document.source)
        documents.delete_document(connection, document.id)
    with database.reading() as connection:
        counts = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in "documents chunks passages vectors postings vocabulary".split()
        ]
    assert counts == [0] * 6


def test_the_id_of_a_deleted_passage_is_never_given_again(database):
    document = make_document(TEXT)
    before = stored(database, document)
    with database.writing() as connection:
        sources.delete_source(connection, document.source)
        documents.delete_document(connection, document.id)
    assert min(stored(database, document)) > max(before)


def test_the_number_of_a_dropped_generation_is_never_given_again(database):
    with database.writing() as connection:
        row = vectors.register_embedder(connection, IDENTITY)
        generation = generations.Generation(1, "g", "faiss", row, 3, 0, 0, 0, b"")
        generations.put_generation(connection, generation)
        generations.drop_generations(connection)
        assert generations.next_number(connection) == 2


# --- vectors that need not be made again


def test_a_vector_is_found_again_by_equal_embedded_text(database):
    row_ids = stored(database, make_document("same line\n"), heading="H")
    again = Chunk("other", 7, 100, 109, "same line", heading="H")
    with database.writing() as connection:
        row = vectors.register_embedder(connection, IDENTITY)
        vectors.insert_vectors(connection, row_ids, row, np.array([[1, 2, 3]], np.float32))
        key = passages.key_of(again.heading, again.text)
        reusable = vectors.reusable_vectors(connection, row, [key])
    assert reusable[key].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("other", [{"heading": ""}, {"text": "same linE"}])
def test_a_vector_of_another_embedded_text_is_not_used(database, other):
    row_ids = stored(database, make_document("same line\n"), heading="H")
    piece = Chunk(
        **{"document_id": "o", "ordinal": 0, "start": 0, "end": 9}
        | {"text": "same line", "heading": "H"}
        | other
    )
    with database.writing() as connection:
        row = vectors.register_embedder(connection, IDENTITY)
        vectors.insert_vectors(connection, row_ids, row, np.ones((1, 3), np.float32))
        key = passages.key_of(piece.heading, piece.text)
        assert vectors.reusable_vectors(connection, row, [key]) == {}


def test_a_vector_of_another_embedder_is_not_used(database):
    row_ids = stored(database, make_document("same line\n"))
    with database.writing() as connection:
        row = vectors.register_embedder(connection, IDENTITY)
        other = vectors.register_embedder(connection, EmbedderIdentity("o", "other", 3))
        vectors.insert_vectors(connection, row_ids, row, np.ones((1, 3), np.float32))
        key = passages.key_of("", "same line")
        assert vectors.reusable_vectors(connection, other, [key]) == {}


# --- full text


@pytest.mark.parametrize("query", HOSTILE_QUERIES)
def test_no_question_is_a_syntax_error(memory, query):
    assert isinstance(found(memory, query), list)


@given(st.text(max_size=40))
def test_no_question_whatsoever_is_a_syntax_error(memory, query):
    assert len(found(memory, query)) <= 3


@pytest.mark.parametrize("term", ['"', '"" OR lens', "*", "(", "terms:dome", "NEAR(a b)"])
def test_a_term_that_looks_like_syntax_is_only_looked_up(memory, term):
    assert postings.search_terms(memory, [term], 10) == []


@pytest.mark.parametrize("question", ["lens AND zzz", "lens*", '"lens"', "NOT lens", "terms:lens"])
def test_operators_in_a_question_are_words_like_others(memory, question):
    assert found(memory, question) == [2]


@pytest.mark.parametrize(
    "text", ["c++", "c#", "wx-200", "3.5", "a/b", "it's", "望远镜", "ß", "ñandú"]
)
def test_every_term_of_a_chunk_finds_it(database, text):
    (row_id,) = stored(database, make_document(text + "\n", title=""))
    with database.reading() as connection:
        hits = [postings.search_terms(connection, [term], 5) for term in terms_of(text)]
    assert [[found_id for found_id, _ in hit] for hit in hits] == [[row_id]] * len(hits)


@given(st.text(min_size=1, max_size=30))
def test_every_term_of_any_text_finds_it(text):
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_if_empty(connection, "memory")
    document = make_document(text)
    piece = Chunk(document.id, 0, 0, len(text), text)
    seq = documents.insert_document(connection, document, n_chunks=1, added_at="2026")
    (row_id,) = chunks.insert_chunks(connection, seq, [piece])
    missed = [t for t in terms_of(text) if not postings.search_terms(connection, [t], 1)]
    connection.close()
    assert (row_id, missed) == (1, [])


def test_the_title_counts_as_part_of_every_chunk(memory):
    assert sorted(found(memory, "title")) == [1, 2, 3]


def test_equal_scores_are_ordered_by_age(database):
    row_ids = stored(database, make_document("dome\ndome \ndome  \n", title=""))
    with database.reading() as connection:
        assert found(connection, "dome") == row_ids


def test_at_most_k_chunks_are_found(memory):
    assert len(found(memory, "title", k=2)) == 2


def test_scores_fall_and_are_not_negative(memory):
    scores = [score for _, score in postings.search_terms(memory, ["title", "dome", "lens"], 9)]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) >= 0.0


def test_a_term_is_counted_once_a_passage(database):
    stored(database, make_document("dome dome\nroof\ndome\n", title=""))
    with database.reading() as connection:
        counted = postings.passage_frequencies(connection, ["dome", "roof", "none"])
    assert counted == {"dome": 2, "roof": 1, "none": 0}


# --- the database file


@pytest.mark.parametrize(
    ("version", "is_safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 44, 7), True),
        ((3, 45, 0), False),
        ((3, 45, 1), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_the_write_ahead_log_is_used_only_where_it_is_sound(version, is_safe):
    assert is_wal_safe(version) is is_safe


def test_the_journal_mode_follows_the_version(database):
    expected = "wal" if is_wal_safe(sqlite3.sqlite_version_info) else "truncate"
    assert database.journal_mode() == expected


def test_a_failed_transaction_changes_nothing(database):
    document = make_document("stored twice")
    stored(database, document)
    with pytest.raises(CollectionError), database.writing() as connection:
        fail_after_a_write(connection, document)
    with database.reading() as connection:
        assert [source.path for source in sources.list_sources(connection)] == ["a.txt"]


def fail_after_a_write(connection, document):
    sources.put_source(connection, make_source("b.txt"))
    store(connection, document)


def test_a_writer_reads_its_own_writes(database):
    with database.writing() as connection:
        sources.put_source(connection, make_source("a.txt"))
        with database.reading() as inner:
            assert sources.get_source(inner, "a.txt") is not None


def test_reading_again_while_reading_is_allowed(database):
    with database.reading(), database.reading() as connection:
        assert documents.count_documents(connection) == 0


def test_a_newer_schema_that_is_not_readable_is_refused(tmp_path):
    make_newer(tmp_path / "db", readable_since=SCHEMA_VERSION + 1)
    with pytest.raises(SchemaTooNewError, match=f"schema {SCHEMA_VERSION + 1}"):
        Database(tmp_path / "db")


def test_a_newer_schema_that_is_readable_is_read_and_not_written(tmp_path):
    document = make_document(TEXT)
    with closing(Database(tmp_path / "db")) as database:
        stored(database, document)
    make_newer(tmp_path / "db", readable_since=SCHEMA_VERSION)

    with closing(Database(tmp_path / "db")) as database:
        with database.reading() as connection:
            assert documents.get_document(connection, document.id) == document
        with pytest.raises(SchemaTooNewError, match="can be read, not changed"):
            stored(database, make_document("other"))


def make_newer(path, *, readable_since):
    """Let a database look as one that the next version has written."""
    Database(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute(
            "UPDATE meta SET value = ? WHERE key = 'readable_since'", (str(readable_since),)
        )


@pytest.mark.parametrize("content", [b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_file_of_garbage_is_reported_as_damaged(tmp_path, content):
    (tmp_path / "db").write_bytes(content)
    with pytest.raises(CollectionDamagedError):
        Database(tmp_path / "db")


def test_a_folder_in_place_of_the_file_is_reported(tmp_path):
    (tmp_path / "db").mkdir()
    with pytest.raises(CollectionError, match="db"):
        Database(tmp_path / "db")


def test_a_database_held_by_another_is_reported_as_locked(tmp_path, monkeypatch):
    monkeypatch.setattr("ragapp.chunkstore.schema.BUSY_TIMEOUT_S", 0.0)
    database, other = Database(tmp_path / "db"), Database(tmp_path / "db")
    with other.writing(), pytest.raises(CollectionLockedError), database.writing():
        pass
    database.close()
    other.close()


def test_a_sound_database_has_no_problems(database):
    stored(database, make_document(TEXT))
    assert database.integrity_problems() == []


@pytest.mark.parametrize("column", ["text", "heading", "start", "page"])
def test_a_changed_chunk_row_is_found(database, column):
    row_ids = stored(database, make_document(TEXT))
    with database.writing() as connection:
        table, key = (
            ("passages", "id") if column in ("text", "heading") else ("chunks", "passage_id")
        )
        connection.execute(f"UPDATE {table} SET {column} = 7 WHERE {key} = ?", (row_ids[1],))
        assert list(chunks.damaged_chunks(connection)) == [f"{make_document(TEXT).id}-0001"]
