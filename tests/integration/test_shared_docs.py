"""A folder of files from the wild, where one lies beside the repository: an outcome for each."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ingest import ingest_paths
from ragapp import open_rag

DOCUMENTS = Path(__file__).parents[3] / "shared" / "docs"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DOCUMENTS.is_dir(), reason=f"there is no folder {DOCUMENTS}"),
]


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    """Name every file, also those that a folder's walk would leave out."""
    files = sorted(path for path in DOCUMENTS.rglob("*") if path.is_file())
    with open_rag(tmp_path_factory.mktemp("wild") / "collection") as rag:
        yield rag, files, ingest_paths(rag, files)


def test_every_file_has_one_outcome(ingested):
    _, files, report = ingested

    assert [outcome.path for outcome in report.outcomes] == [str(file) for file in files]


def test_every_failure_has_a_code_and_a_reason(ingested):
    failures = [outcome for outcome in ingested[2].outcomes if outcome.outcome == "failed"]

    assert all(outcome.code and outcome.reason for outcome in failures)


def test_most_files_with_a_reader_give_a_document(ingested):
    codes = Counter(o.code for o in ingested[2].outcomes if o.code != "unsupported")

    assert codes[""] > sum(codes.values()) / 2


def test_the_collection_is_sound(ingested):
    assert ingested[0].collection.problems() == []


def test_every_chunk_stands_at_its_place_in_its_document(ingested):
    rag = ingested[0]
    wrong = [
        item.chunk.id
        for info in rag.documents()
        for item in rag.collection.document_chunks(info.id)
        if rag.document(info.id).text[item.chunk.start : item.chunk.end] != item.chunk.text
    ]

    assert wrong == []


def test_a_second_run_embeds_nothing(ingested):
    rag, files, _ = ingested

    assert ingest_paths(rag, files).chunks_new == 0
