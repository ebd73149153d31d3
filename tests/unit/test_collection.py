import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Event, Thread

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from stored_documents import (
    OtherFakeEmbedder,
    add,
    make_chunks,
    make_document,
    make_source,
    opened,
)

from ragapp.chunkstore.schema import SCHEMA_VERSION
from ragapp.collection import Collection
from ragapp.errors import (
    CollectionDamagedError,
    CollectionError,
    CollectionLockedError,
    EmbedderMismatchError,
    NotFoundError,
    RagError,
    SchemaTooNewError,
    UsageError,
)
from ragapp.stored import Near

FIRST = "The dome opens at dusk.\nThe lens is clean.\n圆顶在黄昏打开。\n"
SECOND = "Boats need a pilot.\nThe harbour office opens at seven.\n"
LINES = ("dome", "圆顶", "harbour", "office", "of")
QUERIES = ("dome", "harbour office", "圆顶", "nothing of the kind")


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "collection"


@pytest.fixture
def collection(directory):
    collection = opened(directory)
    yield collection
    collection.close()


@pytest.fixture
def filled(collection):
    """A collection with two documents, all of whose vectors are in an index generation."""
    with collection.writing():
        add(collection, FIRST, path="first.txt")
        add(collection, SECOND, path="second.txt")
    return collection


def oracle(collection, query, k, *, embedder=None):
    """Return the nearest chunks by exact search over the texts that are stored."""
    embedder = embedder or FakeEmbedder()
    stored = [
        item for info in collection.documents() for item in collection.document_chunks(info.id)
    ]
    if not stored:
        return []
    texts = {item.row_id: item.chunk.embedded_text for item in stored}
    scores = embedder.embed_documents(list(texts.values())) @ embedder.embed_query(query)
    ids = np.array(list(texts))
    order = np.lexsort((ids, -np.round(scores, 5)))[:k]
    return [(int(ids[i]), pytest.approx(float(scores[i]), abs=1e-5)) for i in order]


def dense(collection, query, k=10, *, embedder=None):
    found = collection.search_dense((embedder or FakeEmbedder()).embed_query(query), k)
    return sorted(found, key=lambda pair: (-round(pair[1], 5), pair[0]))


def is_exact(collection, *, embedder=None):
    return all(
        dense(collection, query, embedder=embedder)
        == oracle(collection, query, 10, embedder=embedder)
        for query in QUERIES
    )


def fail_after(write):
    write()
    raise ZeroDivisionError


def index_files(directory):
    return sorted((directory / "index").iterdir())


def texts_found(collection, term):
    row_ids = [row_id for row_id, _ in collection.search_lexical([term], 10)]
    return {item.chunk.text for item in collection.chunks(row_ids).values()}


# --- documents and sources


def test_a_document_comes_back_as_it_was_added(collection):
    document = add(collection, FIRST, pages=((1, 0, 24), (2, 24, 43)), headings=((1, 0, 8),))
    assert collection.document(document.id) == document


def test_a_document_is_there_after_opening_again(collection, directory):
    document = add(collection, FIRST)
    with_again = Collection.open(directory)
    assert with_again.document(document.id) == document
    with_again.close()


def test_the_facts_of_a_document_are_listed(collection):
    document = add(collection, FIRST, title="Handbook", pages=((1, 0, 24), (2, 24, 43)))
    (info,) = collection.documents()
    assert (info.id, info.title, info.sources, info.n_pages, info.n_chunks, info.n_characters) == (
        document.id, "Handbook", ("a.txt",), 2, 3, len(FIRST),
    )  # fmt: skip


def test_an_unknown_document_is_not_found(collection):
    with pytest.raises(NotFoundError, match="nope"):
        collection.document("nope")


def test_removing_an_unknown_document_is_refused(collection):
    with pytest.raises(NotFoundError, match="nope"):
        collection.remove("nope")


def test_two_sources_hold_one_document(collection):
    document = add(collection, FIRST, path="a.txt")
    collection.attach(make_source("b.txt", document.id))
    assert collection.holders(document.id) == ["a.txt", "b.txt"]


def test_a_document_stays_while_another_source_holds_it(collection):
    document = add(collection, FIRST, path="a.txt")
    collection.attach(make_source("b.txt", document.id))
    collection.remove_source("a.txt")
    assert collection.document(document.id).source == "b.txt"


def test_a_document_goes_with_its_last_source(collection):
    document = add(collection, FIRST, path="a.txt")
    collection.attach(make_source("b.txt", document.id))
    collection.remove_source("a.txt")
    collection.remove_source("b.txt")
    assert (collection.documents(), dense(collection, "dome")) == ([], [])
    with pytest.raises(NotFoundError):
        collection.document(document.id)


def test_removing_a_document_forgets_all_its_sources(collection):
    document = add(collection, FIRST, path="a.txt")
    collection.attach(make_source("b.txt", document.id))
    assert collection.remove(document.id) == ("a.txt", "b.txt")
    assert collection.sources() == []


@pytest.mark.parametrize(("path", "is_known"), [("a.txt", True), ("b.txt", False)])
def test_removing_a_source_tells_whether_it_was_known(collection, path, is_known):
    add(collection, FIRST, path="a.txt")
    assert collection.remove_source(path) is is_known


def test_a_changed_source_releases_the_document_it_held(collection):
    add(collection, FIRST, path="a.txt")
    changed = add(collection, SECOND, path="a.txt")
    assert [info.id for info in collection.documents()] == [changed.id]


def test_the_words_of_a_released_document_are_not_found(collection):
    add(collection, FIRST, path="a.txt")
    add(collection, SECOND, path="a.txt")
    assert texts_found(collection, "dome") == set()


def test_a_changed_source_leaves_the_document_to_its_other_holder(collection):
    document = add(collection, FIRST, path="a.txt")
    collection.attach(make_source("b.txt", document.id))
    add(collection, SECOND, path="a.txt")
    assert collection.holders(document.id) == ["b.txt"]


def test_a_source_that_comes_to_hold_a_stored_document_releases_its_own(collection):
    first = add(collection, FIRST, path="a.txt")
    add(collection, SECOND, path="b.txt")
    collection.attach(make_source("b.txt", first.id))
    assert [info.sources for info in collection.documents()] == [("a.txt", "b.txt")]


def test_a_failed_source_keeps_its_last_good_version(collection):
    document = add(collection, FIRST, path="a.txt")
    collection.attach(make_source("a.txt", document.id, failure="corrupt", reason="why"))
    assert collection.document(document.id).text == FIRST
    assert collection.stats().n_failed_sources == 1


def test_a_document_added_again_is_stored_once(collection):
    add(collection, FIRST, path="a.txt")
    add(collection, FIRST, path="b.txt")
    stats = collection.stats()
    assert (stats.n_documents, stats.n_chunks, stats.n_sources) == (1, 3, 2)


def test_near_duplicates_are_linked(collection):
    first = add(collection, FIRST, path="a.txt")
    second = make_document(SECOND)
    pieces = make_chunks(second)
    vectors = FakeEmbedder().embed_documents([piece.text for piece in pieces])
    collection.add(
        second,
        pieces,
        vectors,
        source=make_source("b.txt", second.id),
        near=[Near(first.id, 2, 0.9, "near")],
    )
    assert [info.near_duplicates for info in collection.documents()] == [(second.id,), (first.id,)]


# --- all or nothing


@pytest.mark.parametrize("shape", [(2, 16), (4, 16), (3, 15), (3,), (0, 16)])
def test_an_addition_that_fails_midway_changes_nothing(filled, shape):
    before = (filled.documents(), filled.sources(), filled.stats())
    document = make_document("one\ntwo\nthree\n")
    with pytest.raises(ValueError, match="shape"):
        filled.add(
            document, make_chunks(document), np.zeros(shape, np.float32),
            source=make_source("first.txt", document.id),
        )  # fmt: skip
    assert (filled.documents(), filled.sources(), filled.stats()) == before


def test_the_searches_are_as_before_after_an_addition_that_failed(filled):
    document = make_document("dome\n")
    with pytest.raises(ValueError, match="shape"):
        filled.add(
            document, make_chunks(document), np.zeros((2, 16), np.float32),
            source=make_source("first.txt", document.id),
        )  # fmt: skip
    assert is_exact(filled)


def test_what_was_added_before_a_failure_is_kept_and_found(collection):
    with pytest.raises(ZeroDivisionError), collection.writing():
        fail_after(lambda: add(collection, FIRST))
    assert is_exact(collection)
    assert collection.stats().n_documents == 1


# --- dense search


def test_search_before_the_first_generation_is_exact(collection):
    add(collection, FIRST, path="first.txt")
    add(collection, SECOND, path="second.txt")
    assert collection.stats().generation == 0
    assert is_exact(collection)


@pytest.mark.parametrize("index_name", ["faiss", "numpy_flat"])
def test_search_in_a_generation_is_exact(directory, index_name):
    collection = opened(directory, index_name=index_name)
    with collection.writing():
        add(collection, FIRST, path="first.txt")
        add(collection, SECOND, path="second.txt")
    assert collection.stats().n_unindexed == 0
    assert is_exact(collection)
    collection.close()


def test_search_over_a_generation_and_newer_chunks_is_exact(filled):
    add(filled, "A newer dome.\nA newer office.\n", path="third.txt")
    assert filled.stats().n_unindexed == 2
    assert is_exact(filled)


def test_a_removed_chunk_of_the_generation_is_not_found(filled):
    filled.remove_source("first.txt")
    assert is_exact(filled)


def test_a_removed_chunk_newer_than_the_generation_is_not_found(filled):
    add(filled, "A newer dome.\n", path="third.txt")
    dense(filled, "dome")
    filled.remove_source("third.txt")
    assert is_exact(filled)


def test_a_search_finds_k_chunks_although_nearer_ones_were_removed(filled):
    nearest = dense(filled, "dome", 1)[0][0]
    document_id = filled.chunks([nearest])[nearest].chunk.document_id
    filled.remove(document_id)
    assert len(dense(filled, "dome", 2)) == 2


def test_a_search_finds_what_is_there_where_k_is_more(filled):
    assert len(dense(filled, "dome", 100)) == 5


def test_an_empty_collection_finds_nothing(collection):
    assert dense(collection, "dome") == []


def test_a_collection_without_embedder_finds_nothing(directory):
    collection = Collection.open(directory)
    assert dense(collection, "dome") == []
    collection.close()


def test_a_collection_emptied_again_finds_nothing(filled):
    with filled.writing():
        filled.remove_source("first.txt")
        filled.remove_source("second.txt")
    assert dense(filled, "dome") == []


def test_cosines_are_those_of_the_search(filled):
    found = dict(dense(filled, "dome"))
    cosines = filled.cosines(FakeEmbedder().embed_query("dome"), list(found))
    assert cosines == pytest.approx(found, abs=1e-6)


def test_removed_and_unknown_chunks_have_no_cosine(filled):
    ids = [row_id for row_id, _ in dense(filled, "dome")]
    filled.remove_source("first.txt")
    filled.remove_source("second.txt")
    assert filled.cosines(FakeEmbedder().embed_query("dome"), [*ids, 999]) == {}


def test_searches_while_another_thread_writes_are_whole(filled):
    """Each document has two chunks: a search that sees one without the other saw half of it."""
    done = Event()
    query = FakeEmbedder().embed_query("pair")

    def write():
        for i in range(12):
            with filled.writing():
                add(filled, f"pair {i} left\npair {i} right\n", path=f"{i % 3}.txt")
        done.set()

    seen = []
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(write)
        while not done.is_set() and not writer.done():
            seen.append(len(filled.search_dense(query, 1000)))
        writer.result()
    assert {n % 2 for n in seen} == {1}  # the five chunks of before, and pairs
    assert is_exact(filled)


class Changes(RuleBasedStateMachine):
    """Additions, removals, builds, damage and reopening in any order, searched by two openers."""

    def __init__(self, directory):
        super().__init__()
        self.directory = directory
        self.writer = opened(directory)
        self.reader = opened(directory)

    @rule(
        path=st.sampled_from("abc"), lines=st.lists(st.sampled_from(LINES), min_size=1, max_size=4)
    )
    def put(self, path, lines):
        add(self.writer, "\n".join(lines), path=path)

    @rule(path=st.sampled_from("abc"))
    def drop(self, path):
        self.writer.remove_source(path)

    @rule()
    def build(self):
        with self.writer.writing():
            pass

    @rule()
    def reindex(self):
        self.writer.reindex(FakeEmbedder())

    @rule()
    def damage(self):
        for path in (self.directory / "index").glob("g*"):
            path.write_bytes(path.read_bytes()[:-1])

    @rule()
    def open_again(self):
        self.writer.close()
        self.writer = opened(self.directory)

    @invariant()
    def both_search_exactly(self):
        assert is_exact(self.writer)
        assert is_exact(self.reader)

    def teardown(self):
        self.writer.close()
        self.reader.close()


def test_searches_are_exact_after_any_sequence_of_changes(tmp_path_factory):
    run_state_machine_as_test(
        lambda: Changes(tmp_path_factory.mktemp("collection")),
        settings=settings(max_examples=12, stateful_step_count=12),
    )


# --- several processes


def test_another_opener_sees_new_documents_at_its_next_search(filled, directory):
    other = opened(directory)
    dense(other, "dome")
    add(filled, "A newer dome.\n", path="third.txt")
    assert is_exact(other)
    other.close()


def test_another_opener_sees_a_new_generation_at_its_next_search(filled, directory):
    other = opened(directory)
    dense(other, "dome")
    with filled.writing():
        add(filled, "A newer dome.\n", path="third.txt")
        filled.remove_source("first.txt")
    assert is_exact(other)
    other.close()


def test_another_opener_does_not_find_what_was_removed(filled, directory):
    other = opened(directory)
    dense(other, "dome")
    filled.remove_source("first.txt")
    assert is_exact(other)
    other.close()


def test_another_opener_sees_the_new_vectors_although_the_build_failed(directory):
    writer = opened(directory, index_name="no such index")
    add(writer, FIRST)
    other = Collection.open(directory)  # it has named no embedder
    dense(other, "dome")
    new = OtherFakeEmbedder()
    with pytest.raises(RagError):
        writer.reindex(new)
    found = dict(dense(other, "dome", embedder=new))
    assert found == pytest.approx(other.cosines(new.embed_query("dome"), list(found)), abs=1e-6)
    writer.close()
    other.close()


def test_a_second_writer_is_told_who_holds_the_lock(collection, directory):
    errors = []

    def write():
        other = Collection.open(directory)
        try:
            add(other, SECOND)
        except CollectionLockedError as error:
            errors.append(error)
        other.close()

    with collection.writing():
        thread = Thread(target=write)
        thread.start()
        thread.join()
    assert [f"process {os.getpid()} " in error.message for error in errors] == [True]


def test_a_second_writer_changes_nothing(filled, directory):
    before = filled.stats()

    def write():
        other = Collection.open(directory)
        with pytest.raises(CollectionLockedError):
            other.remove_source("first.txt")
        other.close()

    with filled.writing():
        thread = Thread(target=write)
        thread.start()
        thread.join()
    assert filled.stats() == before


def test_a_second_collection_of_the_same_thread_is_refused_too(collection, directory):
    other = Collection.open(directory)
    with collection.writing(), pytest.raises(CollectionLockedError):
        other.remove_source("a.txt")
    other.close()


def test_the_holder_of_the_lock_is_named_without_an_option_s_value(
    collection, directory, monkeypatch
):
    monkeypatch.setattr("sys.argv", ["ingest", "--password=s3cret", "docs"])

    with collection.writing():
        assert "s3cret" not in (directory / "writer.json").read_text(encoding="utf-8")


def test_the_lock_is_free_after_a_writer_failed(collection, directory):
    with pytest.raises(ZeroDivisionError), collection.writing():
        raise ZeroDivisionError
    other = opened(directory)
    add(other, FIRST)
    assert collection.stats().n_documents == 1
    other.close()


def test_a_holder_that_cannot_be_read_is_called_unknown(collection, directory):
    outcome = []

    def write():
        other = Collection.open(directory)
        (directory / "writer.json").write_text("{", encoding="utf-8")
        try:
            other.remove_source("a.txt")
        except CollectionLockedError as error:
            outcome.append(error.message)
        other.close()

    with collection.writing():
        thread = Thread(target=write)
        thread.start()
        thread.join()
    assert ["unknown process" in message for message in outcome] == [True]


def test_the_holder_is_written_as_json(collection, directory):
    with collection.writing():
        holder = json.loads((directory / "writer.json").read_text(encoding="utf-8"))
    assert holder["pid"] == os.getpid()


# --- damage


def truncate(path):
    path.write_bytes(path.read_bytes()[:-10])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def fill_with_garbage(path):
    path.write_bytes(b"\xff" * path.stat().st_size)


DAMAGES = [truncate, empty, flip, fill_with_garbage]


@pytest.mark.parametrize("damage", [*DAMAGES, lambda path: path.unlink()])
@pytest.mark.parametrize("index_name", ["faiss", "numpy_flat"])
def test_results_are_exact_without_a_sound_index_file(directory, damage, index_name):
    first = opened(directory, index_name=index_name)
    with first.writing():
        add(first, FIRST, path="first.txt")
    first.close()
    damage(index_files(directory)[0])
    again = opened(directory, index_name=index_name)
    assert is_exact(again)
    again.close()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_file_is_kept_in_quarantine(filled, directory, damage):
    (file,) = index_files(directory)
    damage(file)
    content = file.read_bytes()
    again = opened(directory)
    dense(again, "dome")
    again.close()
    assert index_files(directory) == []
    assert (directory / "quarantine" / file.name).read_bytes() == content


@pytest.mark.parametrize("damage", [*DAMAGES, lambda path: path.unlink()])
def test_a_damaged_index_file_is_a_problem(filled, directory, damage):
    damage(index_files(directory)[0])
    assert len(filled.index_problems()) == 1


def test_results_stay_exact_when_documents_change_after_the_damage(filled, directory):
    flip(index_files(directory)[0])
    again = opened(directory)
    dense(again, "dome")
    add(again, "A newer dome.\n", path="third.txt")
    again.remove_source("first.txt")
    assert is_exact(again)
    again.close()


def test_the_next_writing_replaces_a_damaged_index_file(filled, directory):
    flip(index_files(directory)[0])
    again = opened(directory)
    with again.writing():
        pass
    assert again.index_problems() == []
    assert again.stats().generation == 2
    again.close()


def test_only_the_generation_in_force_lies_in_the_folder(filled, directory):
    (directory / "index" / "g000009.faiss.tmp").write_bytes(b"unfinished")
    with filled.writing():
        add(filled, "A newer dome.\n", path="third.txt")
    assert [path.name for path in index_files(directory)] == ["g000002.faiss"]


def test_a_writing_that_changes_nothing_builds_nothing(filled):
    with filled.writing():
        pass
    assert filled.stats().generation == 1


def test_a_sound_collection_has_no_problems(filled):
    assert filled.problems() == []


@pytest.mark.parametrize(
    "change",
    [
        "passages SET text = 'x' WHERE id = 1",
        "chunks SET start = 9 WHERE passage_id = 1",
        "passages SET heading = 'x' WHERE id = 1",
    ],
)
def test_a_changed_chunk_row_is_a_problem(filled, directory, change):
    with sqlite3.connect(directory / "ragapp.sqlite3") as connection:
        connection.execute(f"UPDATE {change}")
    connection.close()
    assert len(filled.problems()) == 1


def test_a_database_of_garbage_is_reported_as_damaged(directory):
    directory.mkdir()
    (directory / "ragapp.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(CollectionDamagedError):
        Collection.open(directory)


def test_a_database_that_lost_its_pages_is_reported_as_damaged(directory):
    collection = opened(directory)
    add(collection, FIRST)
    collection.close()
    file = directory / "ragapp.sqlite3"
    file.write_bytes(file.read_bytes()[:4096] + b"\xff" * (file.stat().st_size - 4096))
    with pytest.raises(CollectionDamagedError):
        Collection.open(directory).documents()


def test_a_newer_schema_is_refused(collection, directory):
    with sqlite3.connect(directory / "ragapp.sqlite3") as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.execute("DELETE FROM meta WHERE key = 'readable_since'")
    connection.close()
    with pytest.raises(SchemaTooNewError):
        Collection.open(directory)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CollectionError, match="cannot be made"):
        Collection.open(tmp_path / "file" / "collection")


# --- embedders


def test_another_embedder_is_refused(filled):
    with pytest.raises(EmbedderMismatchError) as caught:
        filled.use_embedder(OtherFakeEmbedder().identity)
    assert "ragapp reindex" in caught.value.hint


def test_the_same_embedder_is_welcome(filled):
    filled.use_embedder(FakeEmbedder().identity)
    assert is_exact(filled)


def test_an_empty_collection_adopts_another_embedder(collection):
    new = OtherFakeEmbedder(dim=8)
    collection.use_embedder(new.identity)
    add(collection, FIRST, embedder=new)
    assert is_exact(collection, embedder=new)


def test_an_emptied_collection_adopts_another_embedder(filled):
    with filled.writing():
        filled.remove_source("first.txt")
        filled.remove_source("second.txt")
    new = OtherFakeEmbedder(dim=8)
    filled.use_embedder(new.identity)
    add(filled, FIRST, embedder=new)
    assert is_exact(filled, embedder=new)


@pytest.mark.parametrize("dim", [16, 8])
def test_reindexing_switches_to_the_vectors_of_the_new_embedder(filled, dim):
    new = OtherFakeEmbedder(dim=dim)
    filled.reindex(new)
    assert is_exact(filled, embedder=new)


def test_after_reindexing_the_new_embedder_is_the_right_one(filled):
    new = OtherFakeEmbedder()
    filled.reindex(new)
    filled.use_embedder(new.identity)
    with pytest.raises(EmbedderMismatchError):
        filled.use_embedder(FakeEmbedder().identity)


def test_reindexing_counts_what_it_embedded(filled):
    new = OtherFakeEmbedder()
    assert filled.reindex(new) == new.n_embedded == 5


def test_reindexing_with_the_same_embedder_embeds_nothing(filled):
    same = FakeEmbedder()
    assert (filled.reindex(same), same.n_embedded) == (0, 0)


def test_reindexing_embeds_headings_with_their_chunks(collection):
    document = make_document("The dome opens.\n")
    pieces = make_chunks(document, heading="Handbook > Dome")
    vectors = FakeEmbedder().embed_documents([piece.embedded_text for piece in pieces])
    collection.add(document, pieces, vectors, source=make_source("a.txt", document.id))
    new = OtherFakeEmbedder(dim=8)
    collection.reindex(new)
    assert is_exact(collection, embedder=new)


class Interrupted(OtherFakeEmbedder):
    """Embeds one batch, then is stopped."""

    def embed_documents(self, texts):
        if self.n_embedded:
            raise KeyboardInterrupt
        return super().embed_documents(texts)


def test_an_interrupted_reindexing_leaves_the_old_vectors_in_force(collection):
    add(collection, "\n".join(f"line {i}" for i in range(300)))
    with pytest.raises(KeyboardInterrupt):
        collection.reindex(Interrupted())
    assert is_exact(collection)


def test_an_interrupted_reindexing_goes_on_where_it_was(collection):
    add(collection, "\n".join(f"line {i}" for i in range(300)))
    with pytest.raises(KeyboardInterrupt):
        collection.reindex(Interrupted())
    assert collection.reindex(OtherFakeEmbedder()) == 300 - 256


def test_an_embedder_that_cannot_read_the_chunks_whole_is_refused(filled):
    with pytest.raises(UsageError, match="tokens"):
        filled.reindex(OtherFakeEmbedder(max_tokens=3))
    assert is_exact(filled)


def test_vectors_of_another_embedder_are_not_added(filled, directory):
    other = opened(directory)
    other.reindex(OtherFakeEmbedder())
    with pytest.raises(EmbedderMismatchError):
        add(filled, "old vectors\n", path="third.txt")
    other.close()


def test_a_search_after_another_process_changed_the_dimension_is_refused(filled, directory):
    other = opened(directory)
    other.reindex(OtherFakeEmbedder(dim=8))
    other.close()
    with pytest.raises(EmbedderMismatchError):
        dense(filled, "dome")


def test_vectors_are_reused_by_place_of_equal_texts(filled):
    pieces = make_chunks(make_document("new line\nThe lens is clean.\n"))
    reusable = filled.reusable_vectors(pieces)
    assert list(reusable) == [1]
    assert reusable[1] == pytest.approx(FakeEmbedder().embed_query("The lens is clean."))


def test_vectors_of_a_removed_document_are_not_reused(filled):
    filled.remove_source("first.txt")
    pieces = make_chunks(make_document("The lens is clean.\n"))
    assert filled.reusable_vectors(pieces) == {}


# --- terms


def test_a_rarer_term_weighs_more(filled):
    weights = filled.term_weights(["dome", "the", "none"])
    assert weights["none"] > weights["dome"] > weights["the"] > 0.0


def test_a_collection_counts_what_it_holds(filled):
    stats = filled.stats()
    assert (stats.n_documents, stats.n_chunks, stats.n_sources, stats.n_unindexed) == (2, 5, 2, 0)


# --- when a source failed


@pytest.mark.parametrize("ends_it", ["attach", "remove_source"])
def test_the_time_of_a_failure_goes_with_the_failure(collection, ends_it):
    failed = make_source("a.txt", failure="corrupt", reason="it is cut off")
    with collection.writing():
        collection.attach(failed)
        assert datetime.fromisoformat(collection.source("a.txt").failed_at).utcoffset() is not None
        if ends_it == "remove_source":
            collection.remove_source("a.txt")
        collection.attach(make_source("a.txt"))

    assert [source.failed_at for source in collection.sources()] == [""]
