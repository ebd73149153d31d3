"""One document from a stream."""

from __future__ import annotations

import io

import pytest
from opened_rag import invented, open_fake_rag, outcomes, sources

from ingest import ingest_paths, ingest_stream, pipes
from ragapp.errors import FileTooLargeError, NoTextError, UnsupportedFileError


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as opened:
        yield opened


def test_a_stream_is_a_document_under_its_name(rag):
    report = ingest_stream(rag, io.BytesIO(b"# Wind\n\nThe dome closes."), name="notes/wind.md")

    assert outcomes(report) == {"notes/wind.md": "added"}
    [info] = rag.documents()
    assert (info.title, info.format) == ("Wind", "markdown")


def test_the_same_bytes_again_are_skipped(rag):
    ingest_stream(rag, io.BytesIO(b"The dome closes at noon."))

    assert ingest_stream(rag, io.BytesIO(b"The dome closes at noon.")).count("skipped") == 1


def test_other_bytes_of_equal_length_are_an_update(rag):
    ingest_stream(rag, io.BytesIO(b"The dome closes at noon."))

    assert ingest_stream(rag, io.BytesIO(b"The dome closes at nine.")).count("updated") == 1


def test_sync_leaves_what_came_from_a_stream(rag, tmp_path, monkeypatch):
    (tmp_path / "documents").mkdir()
    monkeypatch.chdir(tmp_path / "documents")
    ingest_stream(rag, io.BytesIO(invented(1).encode()))

    ingest_paths(rag, ["."], sync=True)

    assert sources(rag) == {"stdin.txt"}


def test_an_empty_stream_is_an_error(rag):
    with pytest.raises(NoTextError, match="nothing came"):
        ingest_stream(rag, io.BytesIO())


def test_a_stream_over_the_limit_is_an_error(rag, monkeypatch):
    monkeypatch.setattr(pipes, "MAX_FILE_BYTES", 10)

    with pytest.raises(FileTooLargeError):
        ingest_stream(rag, io.BytesIO(bytes(11)))


@pytest.mark.parametrize("name", ["a.xyz", "a", "", ".", "a.zip"])
def test_a_name_without_a_reader_is_an_error(rag, name):
    with pytest.raises(UnsupportedFileError):
        ingest_stream(rag, io.BytesIO(b"text"), name=name)


def test_nothing_is_left_on_disk(rag, tmp_path):
    ingest_stream(rag, io.BytesIO(b"The dome closes at noon."))

    assert not list((tmp_path / "collection").glob("unpacked-*"))
