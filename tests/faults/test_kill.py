"""A writer killed at any point loses nothing that it acknowledged, and stores nothing by half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from ingest import ingest_paths
from ragapp import Rag
from tests.faults.child_ingestion import open_rag, write_documents
from tests.unit.fake_embedder import FakeEmbedder

ROOT = Path(__file__).parents[2]
N_DOCUMENTS = 40


class Clean(NamedTuple):
    """The documents, and what an undisturbed run makes of them."""

    documents: Path
    contents: dict[str, list[tuple[str, int, int]]]
    n_embedded: int


def contents(rag: Rag) -> dict[str, list[tuple[str, int, int]]]:
    """Return each document's chunks by its file name: text and place."""
    return {
        Path(info.sources[0]).name: [
            (item.chunk.text, item.chunk.start, item.chunk.end)
            for item in rag.collection.document_chunks(info.id)
        ]
        for info in rag.documents()
    }


@pytest.fixture(scope="module")
def clean(tmp_path_factory) -> Clean:
    folder = tmp_path_factory.mktemp("clean")
    write_documents(folder / "documents", N_DOCUMENTS)
    embedder = FakeEmbedder()
    with open_rag(folder / "collection", embedder) as rag:
        ingest_paths(rag, [folder / "documents"])
        return Clean(folder / "documents", contents(rag), embedder.n_embedded)


def start(collection: Path, documents: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.faults.child_ingestion", collection, documents],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def killed_after(n_acknowledged: int, collection: Path, documents: Path) -> set[str]:
    """Kill a writer once it has acknowledged so many files; return all that it acknowledged."""
    with start(collection, documents) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "opened\n"
        lines = [child.stdout.readline() for _ in range(n_acknowledged)]
        child.kill()
        lines += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL
    return {line.split()[2] for line in lines if line.startswith("added") and line.endswith("\n")}


@pytest.mark.parametrize("n_acknowledged", [0, 1, 5, 17, 39, N_DOCUMENTS])
def test_a_killed_writer_loses_nothing_and_the_next_run_goes_on(clean, tmp_path, n_acknowledged):
    collection = tmp_path / "collection"
    acknowledged = killed_after(n_acknowledged, collection, clean.documents)
    embedder = FakeEmbedder()

    with open_rag(collection, embedder) as rag:
        stored, problems = contents(rag), rag.collection.problems()
        ingest_paths(rag, [clean.documents])
        finished, problems_after = contents(rag), rag.collection.problems()

    assert n_acknowledged <= len(acknowledged)
    assert acknowledged <= stored.keys()
    assert all(chunks == clean.contents[name] for name, chunks in stored.items())
    assert (problems, problems_after) == ([], [])
    assert finished == clean.contents
    n_stored = sum(map(len, stored.values()))
    assert embedder.n_embedded == clean.n_embedded - n_stored


def test_a_collection_survives_being_killed_again_and_again(clean, tmp_path):
    collection = tmp_path / "collection"
    acknowledged: set[str] = set()

    for _ in range(4):
        n_before = len(acknowledged)
        acknowledged |= killed_after(n_before + 6, collection, clean.documents)
        assert len(acknowledged) >= n_before + 6
    with open_rag(collection) as rag:
        stored, problems = contents(rag), rag.collection.problems()

    assert acknowledged <= stored.keys()
    assert all(chunks == clean.contents[name] for name, chunks in stored.items())
    assert problems == []


def test_a_stopped_writer_that_is_killed_gives_its_lock_back(clean, tmp_path):
    collection = tmp_path / "collection"
    with start(collection, clean.documents) as child:
        assert child.stdout is not None
        for _ in range(3):
            child.stdout.readline()
        os.kill(child.pid, signal.SIGSTOP)
        child.kill()

    with open_rag(collection) as rag, rag.collection.writing():
        assert len(rag.documents()) >= 2


def test_search_finds_what_was_acknowledged_before_the_kill(clean, tmp_path):
    acknowledged = killed_after(9, tmp_path / "collection", clean.documents)

    with open_rag(tmp_path / "collection") as rag:
        found = {
            name: [hit.text for hit in rag.search(clean.contents[name][0][0])]
            for name in acknowledged
        }

    assert all(clean.contents[name][0][0] in texts for name, texts in found.items())


@pytest.mark.parametrize("leftover", ["g000001.faiss.tmp", "g000002.faiss", "g000009.faiss.tmp"])
def test_an_index_file_left_unfinished_does_no_harm(clean, tmp_path, leftover):
    collection = tmp_path / "collection"
    killed_after(5, collection, clean.documents)
    (collection / "index").mkdir(exist_ok=True)
    (collection / "index" / leftover).write_bytes(b"half an index")

    with open_rag(collection) as rag:
        ingest_paths(rag, [clean.documents])
        (kept,) = (collection / "index").iterdir()
        assert (rag.collection.problems(), kept.name != leftover) == ([], True)
        assert contents(rag) == clean.contents
