import json
import sqlite3
from contextlib import closing

import pytest
from stored_documents import OtherFakeEmbedder, add, opened

from ragapp import Rag
from ragapp.chunkstore.schema import SCHEMA_VERSION
from ragapp.collection import Collection
from ragapp.errors import (
    CollectionDamagedError,
    CollectionError,
    CollectionLockedError,
    NotFoundError,
    SchemaTooNewError,
    UsageError,
)

FIRST = "The dome opens at dusk.\nThe lens is clean.\n"
SECOND = "Boats need a pilot.\nThe harbour office opens at seven.\n"


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "collection"


@pytest.fixture
def collection(directory):
    collection = opened(directory)
    with collection.writing():
        add(collection, FIRST, path="first.txt")
        add(collection, SECOND, path="second.txt")
    yield collection
    collection.close()


@pytest.fixture
def backup(collection, tmp_path):
    path = tmp_path / "backup.ragapp"
    collection.back_up(path, is_forced=False)
    return path


def restore(backup, directory, *, is_forced=False):
    return Collection.restore(backup, directory, index_name="faiss", is_forced=is_forced)


def holdings(collection):
    return (
        collection.documents(),
        collection.sources(),
        [collection.document_chunks(info.id) for info in collection.documents()],
        collection.search_dense(opened_query("dome"), 10),
    )


def opened_query(text):
    from fake_embedder import FakeEmbedder

    return FakeEmbedder().embed_query(text)


def change(backup, statement):
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute(statement)


def test_a_backup_restores_the_same_documents_and_answers(collection, backup, tmp_path):
    restore(backup, tmp_path / "other")
    again = opened(tmp_path / "other")
    assert holdings(again) == holdings(collection)
    again.close()


def test_a_restored_collection_has_a_sound_index_of_all_chunks(backup, tmp_path):
    restore(backup, tmp_path / "other")
    again = opened(tmp_path / "other")
    assert (again.problems(), again.stats().n_unindexed) == ([], 0)
    again.close()


@pytest.fixture
def evaluations(directory):
    """Two files of evaluations, and what is none: a draft, a link, a folder."""
    folder = directory / "evaluations"
    (folder / "folder").mkdir(parents=True)
    (folder / "questions.jsonl").write_text('{"_id": "q1", "text": "圆顶何时打开？"}\n')
    (folder / "run.json").write_bytes(b"{}\n")
    (folder / ".run.json.77").write_bytes(b"{")
    (folder / "link.json").symlink_to(directory / "ragapp.sqlite3")
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_backup_restores_the_files_of_evaluations(collection, evaluations, tmp_path):
    report = collection.back_up(tmp_path / "b", is_forced=False)
    restored = restore(tmp_path / "b", tmp_path / "other")

    assert (report.n_evaluation_files, restored.n_evaluation_files) == (2, 2)
    assert contents(tmp_path / "other" / "evaluations") == {
        name: (evaluations / name).read_bytes() for name in ("questions.jsonl", "run.json")
    }


def test_restoring_leaves_evaluations_that_the_backup_does_not_hold(
    collection, evaluations, directory, tmp_path
):
    collection.back_up(tmp_path / "b", is_forced=False)
    (evaluations / "run.json").write_bytes(b"changed")
    (evaluations / "later.json").write_bytes(b"later")
    restore(tmp_path / "b", directory, is_forced=True)

    assert (evaluations / "run.json").read_bytes() == b"{}\n"
    assert (evaluations / "later.json").read_bytes() == b"later"


def test_a_restored_collection_holds_no_file_in_its_database(collection, evaluations, tmp_path):
    collection.back_up(tmp_path / "b", is_forced=False)
    restore(tmp_path / "b", tmp_path / "other")
    with closing(sqlite3.connect(tmp_path / "other" / "ragapp.sqlite3")) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%evaluation%'")
        assert found.fetchall() == []


def test_a_backup_of_before_evaluations_were_in_it_restores(collection, backup, tmp_path):
    change(backup, "DROP TABLE evaluation_files")
    assert restore(backup, tmp_path / "other").n_evaluation_files == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evaluation_files SET content = 'x'",
        "UPDATE evaluation_files SET name = CAST('../run.json' AS BLOB) WHERE CAST(name AS TEXT) = 'run.json'",
        "UPDATE evaluation_files SET name = CAST('.run.json' AS BLOB) WHERE CAST(name AS TEXT) = 'run.json'",
        "UPDATE evaluation_files SET name = NULL, sha256 = 7, content = 1.5",
    ],
)
def test_a_changed_file_of_evaluations_changes_nothing(
    collection, evaluations, directory, tmp_path, statement
):
    collection.back_up(tmp_path / "b", is_forced=False)
    change(tmp_path / "b", statement)
    before = (holdings(collection), (evaluations / "run.json").read_bytes())
    with pytest.raises(CollectionDamagedError, match="no sound backup"):
        restore(tmp_path / "b", directory, is_forced=True)
    assert (holdings(collection), (evaluations / "run.json").read_bytes()) == before


def test_a_backup_is_one_file(backup, tmp_path):
    assert sorted(p.name for p in tmp_path.iterdir()) == ["backup.ragapp", "collection"]


def test_a_backup_says_what_it_holds(collection, tmp_path):
    report = collection.back_up(tmp_path / "b", is_forced=False)
    assert (report.n_documents, report.n_chunks, report.n_bytes) == (
        2, 4, (tmp_path / "b").stat().st_size,
    )  # fmt: skip


def test_a_backup_does_not_replace_a_file_unless_forced(collection, backup):
    with pytest.raises(UsageError, match="exists"):
        collection.back_up(backup, is_forced=False)
    assert collection.back_up(backup, is_forced=True).n_documents == 2


def test_a_backup_never_replaces_its_own_collection(collection, directory):
    with pytest.raises(UsageError):
        collection.back_up(directory / "ragapp.sqlite3", is_forced=True)


def test_a_backup_into_a_folder_that_is_not_there_is_one_error(collection, tmp_path):
    with pytest.raises(CollectionError, match="cannot be written"):
        collection.back_up(tmp_path / "none" / "backup", is_forced=False)


def test_a_damaged_collection_gives_no_backup(collection, directory, tmp_path):
    change(directory / "ragapp.sqlite3", "UPDATE passages SET text = 'x' WHERE id = 1")
    with pytest.raises(CollectionDamagedError, match="hash"):
        collection.back_up(tmp_path / "b", is_forced=False)
    assert not (tmp_path / "b").exists()


def test_a_collection_that_is_not_empty_is_replaced_by_force_alone(collection, backup, directory):
    add(collection, "new\n", path="third.txt")
    with pytest.raises(UsageError, match="not empty"):
        restore(backup, directory)
    assert collection.stats().n_documents == 3
    restore(backup, directory, is_forced=True)
    assert collection.stats().n_documents == 2


def test_an_open_reader_answers_from_what_was_restored(collection, backup, directory):
    before = holdings(collection)
    with collection.writing():
        add(collection, "A new dome of the harbour.\n", path="third.txt")
        collection.remove_source("first.txt")
    holdings(collection)
    restore(backup, directory, is_forced=True)
    assert holdings(collection) == before


def test_restoring_never_uses_the_number_of_an_earlier_generation(collection, backup, directory):
    with collection.writing():
        add(collection, "new\n", path="third.txt")
    number = collection.stats().generation
    restore(backup, directory, is_forced=True)
    assert collection.stats().generation > number


def test_a_collection_that_cannot_be_opened_is_set_aside_and_replaced(backup, directory):
    (directory / "ragapp.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(UsageError):
        restore(backup, directory)
    restore(backup, directory, is_forced=True)
    assert (directory / "quarantine" / "ragapp.sqlite3").read_bytes() == b"garbage" * 1000
    again = opened(directory)
    assert (again.stats().n_documents, again.problems()) == (2, [])
    again.close()


def test_a_backup_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="no backup"):
        restore(tmp_path / "none", tmp_path / "other")


@pytest.mark.parametrize("content", [b"", b"text", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_backup_changes_nothing(collection, directory, tmp_path, content):
    (tmp_path / "b").write_bytes(content)
    before = holdings(collection)
    with pytest.raises(CollectionDamagedError, match="no sound backup"):
        restore(tmp_path / "b", directory, is_forced=True)
    assert holdings(collection) == before


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET text = 'x' WHERE id = 1",
        "UPDATE documents SET title = 'x'",
        "UPDATE vectors SET vector = zeroblob(64) WHERE passage_id = 1",
        "DELETE FROM chunks WHERE passage_id = 1",
        "DELETE FROM postings WHERE rowid = 1",
        "DELETE FROM sources",
    ],
)
def test_a_backup_with_a_changed_row_changes_nothing(collection, backup, directory, statement):
    change(backup, statement)
    before = holdings(collection)
    with pytest.raises(CollectionDamagedError, match="no sound backup"):
        restore(backup, directory, is_forced=True)
    assert holdings(collection) == before


def test_a_cut_off_backup_changes_nothing(collection, backup, directory):
    backup.write_bytes(backup.read_bytes()[:-4096])
    with pytest.raises(CollectionDamagedError):
        restore(backup, directory, is_forced=True)
    assert collection.problems() == []


def test_a_backup_of_a_newer_version_is_refused(backup, tmp_path):
    change(backup, f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(SchemaTooNewError):
        restore(backup, tmp_path / "other")


def test_a_collection_that_is_being_written_is_not_restored(collection, backup, directory):
    from concurrent.futures import ThreadPoolExecutor

    with collection.writing(), ThreadPoolExecutor(1) as pool, pytest.raises(CollectionLockedError):
        pool.submit(restore, backup, directory, is_forced=True).result()


def test_a_backup_of_an_empty_collection_restores_an_empty_one(tmp_path):
    with closing(Collection.open(tmp_path / "empty")) as empty:
        empty.back_up(tmp_path / "b", is_forced=False)
    restore(tmp_path / "b", tmp_path / "other")
    with closing(opened(tmp_path / "other", OtherFakeEmbedder())) as again:
        assert (again.documents(), again.problems()) == ([], [])


def test_rag_restores_into_the_configured_collection(backup, tmp_path, monkeypatch):
    monkeypatch.setenv("RAGAPP_COLLECTION", str(tmp_path / "other"))
    assert Rag.restore(backup).n_documents == 2
    assert (tmp_path / "other" / "ragapp.sqlite3").is_file()


# --- the deep check


def test_a_deep_check_counts_rows_and_orphans(collection):
    check = collection.deep_check()
    assert check.problems == ()
    assert (check.counts["chunks"], check.counts["vectors without a passage"]) == (4, 0)


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("DELETE FROM vectors WHERE passage_id = 2", "1 passages without vectors: 2"),
        ("DELETE FROM postings WHERE rowid = 2", "1 passages without postings: 2"),
        (
            "INSERT INTO postings (rowid, terms) VALUES (99, 'x')",
            "1 postings without a passage: 99",
        ),
        (
            "INSERT INTO vectors VALUES (99, 1, zeroblob(64), x'00')",
            "1 vectors without a passage: 99",
        ),
        ("DELETE FROM sources WHERE path = 'first.txt'", "1 documents without a source"),
        ("DELETE FROM chunks WHERE passage_id = 2", "1 documents without all their chunks"),
        ("DELETE FROM chunks WHERE passage_id = 2", "1 passages without a chunk: 2"),
        ("DELETE FROM passages WHERE id = 2", "1 chunks without a passage: 1-1"),
        ("UPDATE sources SET document_id = 'x'", "2 sources without their document"),
        ("DELETE FROM documents", "4 chunks without a document: 1-0, 1-1, 2-0, 2-1"),
    ],
)
def test_a_deep_check_names_what_belongs_to_nothing(collection, directory, statement, problem):
    change(directory / "ragapp.sqlite3", statement)
    assert any(found.startswith(problem) for found in collection.problems())


def put_in_force(collection, directory, index):
    """Put another index in the place of the one in force, its manifest changed with it."""
    from hashlib import sha256

    (path,) = (directory / "index").iterdir()
    path.unlink()
    index.save(path)
    content = path.read_bytes()
    with closing(sqlite3.connect(directory / "ragapp.sqlite3")) as connection, connection:
        connection.execute(
            "UPDATE generations SET sha256 = ?, size = ?, n_vectors = ?",
            (sha256(content).digest(), len(content), index.n_vectors),
        )


@pytest.mark.parametrize("index_name", ["faiss", "numpy_flat"])
@pytest.mark.parametrize(
    ("alter", "problem"),
    [
        (lambda ids, rows: (ids, rows * [[1], [1], [1.001], [1]]), "vectors of 1 passages: 3"),
        (lambda ids, rows: (ids[::-1].copy(), rows), "vectors of 4 passages: 1, 2, 3, 4"),
        (lambda ids, rows: (ids + 1, rows), "does not hold the passages"),
        (lambda ids, rows: (ids[1:], rows[1:]), "holds 3 vectors, the database 4"),
    ],
)
def test_a_deep_check_compares_the_index_with_the_vectors(tmp_path, index_name, alter, problem):
    import numpy as np
    from fake_embedder import FakeEmbedder
    from made_vectors import Held

    from ragapp.registry import INDEXES, resolve

    directory = tmp_path / "c"
    with closing(opened(directory, index_name=index_name)) as collection:
        with collection.writing():
            add(collection, FIRST + SECOND)
        rows = FakeEmbedder().embed_documents((FIRST + SECOND).splitlines())
        ids, rows = alter(np.arange(1, 5), rows)
        index = resolve(INDEXES, index_name, setting="index").build(
            Held(ids, rows.astype(np.float32))
        )
        put_in_force(collection, directory, index)

        assert collection.index_problems() == []
        (found,) = collection.problems()
    assert problem in found


def test_a_deep_check_allows_for_chunks_removed_since_the_index_was_built(collection):
    collection.remove_source("first.txt")
    add(collection, "newer\n", path="third.txt")
    assert collection.problems() == []


# --- the commands


@pytest.fixture
def run(monkeypatch, capsys, directory):
    from ui.cli.app import main

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["ragapp", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code, capsys.readouterr()

    return run


def test_the_restore_command_prints_json(run, backup, tmp_path):
    status, said = run("restore", backup, "--collection", tmp_path / "other", "--json")
    assert (status, json.loads(said.out)["n_documents"]) == (0, 2)


def test_the_restore_command_refuses_a_collection_with_documents_in_one_line(
    run, backup, directory
):
    status, said = run("restore", backup, "--collection", directory)
    assert (status, said.err.count("\n"), "--force" in said.err) == (2, 1, True)
    assert run("restore", backup, "--collection", directory, "--force")[0] == 0


def test_the_backup_command_writes_a_file_that_restores(run, tmp_path):
    path = tmp_path / "empty.backup"
    status, said = run("backup", path, "--collection", tmp_path / "new")
    assert (status, "0 documents" in said.out, path.is_file()) == (0, True, True)
    assert run("restore", path, "--collection", tmp_path / "newer", "--json")[0] == 0
