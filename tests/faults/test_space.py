"""A full disk: refused before the work where it can be seen, and never worse than one clear error."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from ingest import ingest_paths
from ragapp.collection import Collection
from ragapp.collection.space import BALLAST_BYTES, BALLAST_NAME
from ragapp.errors import CollectionError
from tests.faults.child_ingestion import open_rag, write_documents
from tests.faults.disks import mounted
from tests.faults.steps import problems, wrong_answers

N_DOCUMENTS = 12


@pytest.fixture
def documents(tmp_path) -> Path:
    write_documents(tmp_path / "documents", N_DOCUMENTS)
    return tmp_path / "documents"


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    with mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=16m", "none") as disk:
        yield disk


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Take all of the disk's free bytes but `leave`."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("ab", buffering=0) as file:
        while (n := min(1 << 16, shutil.disk_usage(disk).free - leave)) > 0:
            file.write(b"x" * n)
    return filler


def test_a_session_lays_the_ballast(documents, tmp_path):
    with open_rag(tmp_path / "collection") as rag:
        ingest_paths(rag, [documents])

    assert (tmp_path / "collection" / BALLAST_NAME).stat().st_size == BALLAST_BYTES


def test_too_little_room_is_refused_before_anything_is_changed(documents, small_disk):
    with open_rag(small_disk / "collection") as rag:
        fill(small_disk, leave=5 << 20)
        with pytest.raises(CollectionError) as caught:
            ingest_paths(rag, [documents])

        assert rag.documents() == []
    assert "5.0 MiB free, writing needs 10.0 MiB" in caught.value.message
    assert "free some space" in caught.value.hint


def test_the_run_goes_on_once_there_is_room(documents, small_disk):
    with open_rag(small_disk / "collection") as rag:
        filler = fill(small_disk, leave=5 << 20)
        with pytest.raises(CollectionError):
            ingest_paths(rag, [documents])
        filler.unlink()

        assert ingest_paths(rag, [documents]).count("added") == N_DOCUMENTS


def test_documents_can_be_removed_from_a_full_disk(documents, small_disk):
    with open_rag(small_disk / "collection") as rag:
        ingest_paths(rag, [documents])
        fill(small_disk)

        rag.remove(rag.documents()[0].id)

        assert len(rag.documents()) == N_DOCUMENTS - 1
    assert (problems(small_disk / "collection"), wrong_answers(small_disk / "collection")) == (
        [],
        0,
    )


def test_the_ballast_lets_a_transaction_on_a_full_disk_come_to_its_end(documents, small_disk):
    with open_rag(small_disk / "collection") as rag:
        ingest_paths(rag, [documents])
        fill(small_disk)
        known = rag.collection.document_chunks(rag.documents()[0].id)
        chunks = [item.chunk for item in known]
        document = rag.document(rag.documents()[0].id)
        source = rag.collection.sources()[0]
        vectors = rag.embedder.embed_documents([chunk.embedded_text for chunk in chunks])

        rag.collection.add(document, chunks, vectors, source=source)

        assert len(rag.documents()) == N_DOCUMENTS
    assert not (small_disk / "collection" / BALLAST_NAME).exists()


def test_a_disk_that_fills_during_a_session_loses_nothing_acknowledged(documents, small_disk):
    acknowledged = []

    def fill_up(progress):
        acknowledged.append(progress.latest.document_id)
        if len(acknowledged) == 3:
            fill(small_disk)
            (small_disk / "collection" / BALLAST_NAME).unlink()
            fill(small_disk)

    with open_rag(small_disk / "collection") as rag:
        with pytest.raises(CollectionError, match=r"disk is full|disk I/O"):
            ingest_paths(rag, [documents], on_progress=fill_up)
        stored = {info.id for info in rag.documents()}
        (small_disk / "filler").unlink()
        ingest_paths(rag, [documents])

        assert set(acknowledged) <= stored
        assert len(rag.documents()) == N_DOCUMENTS
    assert (problems(small_disk / "collection"), wrong_answers(small_disk / "collection")) == (
        [],
        0,
    )


def test_an_index_that_cannot_be_written_costs_no_document_and_no_answer(documents, tmp_path):
    collection = tmp_path / "collection"
    with open_rag(collection) as rag:
        (collection / "index").write_text("in the way")
        ingest_paths(rag, [documents])

        assert len(rag.documents()) == N_DOCUMENTS
    assert (problems(collection), wrong_answers(collection)) == ([], 0)


def test_a_backup_to_a_full_disk_is_one_error_and_leaves_nothing(documents, small_disk, tmp_path):
    with open_rag(tmp_path / "collection") as rag:
        ingest_paths(rag, [documents])
        fill(small_disk, leave=1 << 14)

        with pytest.raises(CollectionError):
            rag.backup(small_disk / "backup")

    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_restoring_to_a_full_disk_changes_nothing(documents, small_disk, tmp_path):
    with open_rag(tmp_path / "collection") as rag:
        ingest_paths(rag, [documents])
        rag.backup(tmp_path / "backup")
    with closing(Collection.open(small_disk / "collection")):
        fill(small_disk, leave=3 << 20)

    with pytest.raises(CollectionError, match="writing needs"):
        Collection.restore(
            tmp_path / "backup", small_disk / "collection", index_name="faiss", is_forced=True
        )

    with closing(Collection.open(small_disk / "collection")) as collection:
        assert collection.documents() == []
