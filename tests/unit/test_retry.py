"""Failed sources: listed, and tried again without touching any other."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from opened_rag import invented, open_fake_rag, outcomes, write_zip

from ingest import failures, ingest_paths, ingest_stream, retry_failed
from ragapp.errors import NotFoundError


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path, rag) -> Path:
    """A folder that was ingested: a good file, a broken one, and one of each in an archive."""
    made = tmp_path / "documents"
    made.mkdir()
    (made / "broken.pdf").write_bytes(b"no PDF")
    (made / "good.txt").write_text(invented(1))
    write_zip(made / "a.zip", {"good.txt": invented(2), "broken.docx": b"no DOCX"})
    ingest_paths(rag, [made])
    return made


def failed_names(rag, paths=()) -> list[str]:
    return [source.path for source in failures(rag, paths)]


def test_failures_are_listed_with_code_and_reason(rag, folder):
    found = {source.path: source for source in failures(rag)}

    assert list(found) == [f"{folder}/a.zip!/broken.docx", f"{folder}/broken.pdf"]
    assert all(source.failure == "corrupt" and source.reason for source in found.values())


def test_a_failure_tells_when_it_happened(tmp_path, rag):
    (tmp_path / "broken.pdf").write_bytes(b"no PDF")
    before = datetime.now(UTC) - timedelta(seconds=1)  # a stored time has whole seconds

    ingest_paths(rag, [tmp_path / "broken.pdf"])

    (source,) = failures(rag)
    assert before <= datetime.fromisoformat(source.failed_at) <= datetime.now(UTC)


def test_what_a_policy_kept_out_did_not_fail(tmp_path):
    (tmp_path / "a.txt").write_text("Write to alice.smith@example.org about the mirror.")
    with open_fake_rag(tmp_path / "kept", policy_personal_data="skip") as rag:
        ingest_paths(rag, [tmp_path / "a.txt"])

        assert failures(rag) == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("", ["a.zip!/broken.docx", "broken.pdf"]),
        ("broken.pdf", ["broken.pdf"]),
        ("good.txt", []),
        ("a.zip", ["a.zip!/broken.docx"]),
        ("a.zip!/broken.docx", ["a.zip!/broken.docx"]),
        ("*.pdf", ["broken.pdf"]),
    ],
)
def test_failures_can_be_narrowed_to_paths(rag, folder, path, names):
    assert failed_names(rag, [folder / path]) == [f"{folder}/{name}" for name in names]


def test_a_path_that_is_nowhere_is_an_error(rag, folder):
    with pytest.raises(NotFoundError):
        failures(rag, [folder / "nowhere"])


def test_a_retry_takes_the_failed_sources_and_no_other(rag, folder):
    (folder / "broken.pdf").write_bytes(b"still no PDF")
    (folder / "good.txt").write_text(invented(9))

    assert outcomes(retry_failed(rag)) == {
        f"{folder}/a.zip!/broken.docx": "failed",
        f"{folder}/broken.pdf": "failed",
    }


def test_a_retry_under_a_path_takes_what_failed_there(rag, folder):
    assert list(outcomes(retry_failed(rag, [folder / "a.zip"]))) == [f"{folder}/a.zip!/broken.docx"]


def test_a_retry_of_what_was_mended_leaves_no_failure(rag, tmp_path):
    path = tmp_path / "a.html"
    path.write_bytes(b"%PDF-1.7 no page")
    ingest_paths(rag, [path])
    path.write_text(f"<p>{invented(3)}</p>")

    report = retry_failed(rag)

    assert (outcomes(report), failures(rag)) == ({str(path): "added"}, [])


def test_a_retry_of_an_archive_takes_all_its_members(rag, tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"no archive")
    ingest_paths(rag, [path])
    write_zip(path, {"one.txt": invented(4), "two.txt": invented(5)})

    assert retry_failed(rag).count("added") == 2
    assert failures(rag) == []


def test_a_retry_of_a_file_that_is_gone_says_so(rag, folder):
    (folder / "broken.pdf").unlink()

    [outcome] = retry_failed(rag, [folder / "broken.pdf"]).outcomes

    assert (outcome.outcome, outcome.code) == ("failed", "not_found")


def test_a_retry_of_what_came_from_a_pipe_says_so(rag):
    ingest_stream(rag, io.BytesIO(b" "), name="piped.txt")

    [outcome] = retry_failed(rag).outcomes

    assert outcome.outcome == "failed"
    assert "pipe" in outcome.reason


def test_a_retry_of_nothing_is_an_empty_report(rag):
    assert retry_failed(rag).seen == 0
