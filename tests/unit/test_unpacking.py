"""Archives among the files: members as sources of their own."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from fpdf import FPDF
from locked_zip import write_locked_zip
from opened_rag import invented, open_fake_rag, outcomes, sources, write_zip

from ingest import IngestReport, ingest_paths
from ragapp.collection import Collection


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "documents"
    made.mkdir()
    return made


@pytest.fixture
def archive(folder) -> Path:
    members = {"one.txt": invented(1), "deep/two.md": invented(2), "tool.xyz": "no document"}
    return write_zip(folder / "a.zip", members)


def reasons(report: IngestReport) -> dict[str, str]:
    return {outcome.path.partition("!/")[2]: outcome.reason for outcome in report.outcomes}


def left_on_disk(rag) -> list[Path]:
    return list(Path(rag.settings.collection).glob("unpacked-*"))


def test_a_named_archive_becomes_its_members(rag, archive):
    assert outcomes(ingest_paths(rag, [archive])) == {
        f"{archive}!/deep/two.md": "added",
        f"{archive}!/one.txt": "added",
        f"{archive}!/tool.xyz": "skipped",
    }


def test_an_archive_in_a_folder_becomes_its_members(rag, archive):
    ingest_paths(rag, [archive.parent])

    assert sources(rag) == {f"{archive}!/deep/two.md", f"{archive}!/one.txt"}


def test_the_five_counts_add_up_to_what_was_seen(rag, archive):
    write_zip(archive.parent / "b.zip", {"c.pdf": b"no PDF", ".hidden": b"", "x": b""})
    (archive.parent / "plain.txt").write_text(invented(3))

    counts = ingest_paths(rag, [archive.parent]).to_dict()

    assert [counts[name] for name in ("added", "skipped", "failed")] == [3, 3, 1]
    assert counts["seen"] == len(counts["outcomes"]) == 7


def test_a_member_s_title_is_its_own_name(rag, archive):
    ingest_paths(rag, [archive])

    assert {info.title for info in rag.documents()} == {"one", "two"}


def test_a_member_that_fails_is_called_by_its_own_name(rag, folder):
    path = write_zip(folder / "a.zip", {"broken.pdf": b"no PDF"})

    [outcome] = ingest_paths(rag, [path]).outcomes

    assert (outcome.outcome, outcome.code) == ("failed", "corrupt")
    assert "'broken.pdf'" in outcome.reason


def test_equal_texts_in_and_beside_an_archive_are_one_document(rag, archive):
    (archive.parent / "z.txt").write_text(invented(1))

    ingest_paths(rag, [archive.parent])

    assert len(rag.documents()) == 2


def test_nothing_unpacked_is_left(rag, archive):
    ingest_paths(rag, [archive])

    assert left_on_disk(rag) == []


def test_what_a_killed_run_left_unpacked_goes_with_the_next(rag, archive):
    (Path(rag.settings.collection) / "unpacked-x").mkdir()

    ingest_paths(rag, [archive])

    assert left_on_disk(rag) == []


def test_an_unchanged_archive_is_not_opened(rag, archive):
    ingest_paths(rag, [archive])
    status = archive.stat()
    archive.write_bytes(b"x" * status.st_size)
    os.utime(archive, ns=(status.st_mtime_ns, status.st_mtime_ns))

    report = ingest_paths(rag, [archive])

    assert set(outcomes(report).values()) == {"skipped"}
    assert reasons(report) == {
        "one.txt": "unchanged",
        "deep/two.md": "unchanged",
        "tool.xyz": "no reader for .xyz",
    }


def test_an_archive_with_other_bytes_updates_what_changed(rag, archive):
    ingest_paths(rag, [archive])
    write_zip(archive, {"one.txt": invented(1), "deep/two.md": invented(9), "tool.xyz": "no"})
    os.utime(archive, ns=(1, 1))

    assert outcomes(ingest_paths(rag, [archive])) == {
        f"{archive}!/deep/two.md": "updated",
        f"{archive}!/one.txt": "skipped",
        f"{archive}!/tool.xyz": "skipped",
    }


def test_an_archive_of_which_a_member_failed_is_tried_again(rag, folder):
    path = write_zip(folder / "a.zip", {"one.txt": invented(1), "broken.pdf": b"no PDF"})
    ingest_paths(rag, [path])

    assert outcomes(ingest_paths(rag, [path])) == {
        f"{path}!/broken.pdf": "failed",
        f"{path}!/one.txt": "skipped",
    }


def test_a_broken_archive_is_one_failure_and_keeps_what_it_held(rag, archive):
    ingest_paths(rag, [archive])
    before = sources(rag)
    archive.write_bytes(archive.read_bytes()[:-30])

    [outcome] = ingest_paths(rag, [archive.parent], sync=True).outcomes

    assert (outcome.path, outcome.outcome, outcome.code) == (str(archive), "failed", "corrupt")
    assert sources(rag) == before


def test_a_broken_archive_that_is_mended_is_no_failure_any_more(rag, folder):
    path = folder / "a.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    ingest_paths(rag, [path])
    write_zip(path, {"one.txt": invented(1)})

    ingest_paths(rag, [path])

    assert rag.collection.stats().n_failed_sources == 0


def test_an_empty_archive_is_accounted_for(rag, folder):
    path = write_zip(folder / "a.zip", {})

    [first] = ingest_paths(rag, [path]).outcomes
    [second] = ingest_paths(rag, [path]).outcomes

    assert (first.outcome, first.reason) == ("skipped", "the archive is empty")
    assert (second.outcome, second.reason) == ("skipped", "the archive is empty")


def test_sync_removes_the_members_that_are_gone(rag, archive):
    ingest_paths(rag, [archive])
    write_zip(archive, {"one.txt": invented(1)})

    report = ingest_paths(rag, [archive.parent], sync=True)

    assert sources(rag) == {f"{archive}!/one.txt"}
    assert report.removed == 1


def test_without_sync_members_that_are_gone_stay(rag, archive):
    ingest_paths(rag, [archive])
    write_zip(archive, {"one.txt": invented(1)})

    report = ingest_paths(rag, [archive.parent])

    assert len(sources(rag)) == 2
    assert report.seen == ingest_paths(rag, [archive.parent]).seen == 1


def test_sync_removes_all_of_an_archive_that_is_gone(rag, archive):
    ingest_paths(rag, [archive])
    archive.unlink()

    report = ingest_paths(rag, [archive.parent], sync=True)

    assert (rag.documents(), report.removed) == ([], 2)
    assert rag.collection.sources() == []


def test_a_run_that_was_stopped_within_an_archive_removes_none_of_its_members(rag, folder):
    members = {f"{n:02}.txt": invented(n) for n in range(16)}
    path = write_zip(folder / "a.zip", members)
    ingest_paths(rag, [path])
    write_zip(path, members | {"new.txt": invented(50)})
    taken = []

    ingest_paths(
        rag, [folder], sync=True, on_progress=taken.append, should_stop=lambda: len(taken) == 3
    )

    assert len(sources(rag)) >= 16


def test_a_run_that_was_stopped_goes_on_in_the_next(rag, folder):
    path = write_zip(folder / "a.zip", {f"{n:02}.txt": invented(n) for n in range(16)})
    taken = []
    ingest_paths(rag, [folder], on_progress=taken.append, should_stop=lambda: len(taken) == 3)

    report = ingest_paths(rag, [path])

    assert (report.seen, len(sources(rag))) == (16, 16)


def test_the_progress_never_exceeds_its_total(rag, archive):
    (archive.parent / "plain.txt").write_text(invented(3))
    seen = []

    ingest_paths(rag, [archive.parent], on_progress=seen.append)

    assert [progress.done for progress in seen] == [1, 2, 3, 4]
    assert all(progress.done <= progress.total for progress in seen)


def test_no_name_of_a_member_leaves_the_folder_of_unpacked_files(rag, folder, tmp_path):
    write_zip(folder / "a.zip", {"../../out.txt": invented(1), str(tmp_path / "abs.txt"): "text"})

    report = ingest_paths(rag, [folder])

    assert set(outcomes(report).values()) == {"skipped"}
    assert not list(tmp_path.rglob("out.txt"))
    assert not (tmp_path / "abs.txt").exists()


def test_random_damage_to_an_archive_never_ends_a_run(rag, folder):
    data = write_zip(folder / "a.zip", {"a.txt": invented(1), "b.txt": invented(2)}).read_bytes()
    draw = random.Random(0)
    for number in range(12):
        damaged = bytearray(data)
        for _ in range(8):
            damaged[draw.randrange(len(data))] = draw.randrange(256)
        (folder / f"{number:02}.zip").write_bytes(damaged)

    report = ingest_paths(rag, [folder])

    assert all(o.reason for o in report.outcomes if o.outcome == "failed")
    assert sum(report.count(n) for n in ("added", "updated", "duplicate", "skipped", "failed")) == (
        report.seen
    )


# --- passwords


@pytest.fixture
def locked(folder) -> Path:
    members = {"a.txt": (invented(1).encode(), "one"), "b.txt": (invented(2).encode(), "two")}
    return write_locked_zip(folder / "a.zip", members)


def test_a_locked_archive_is_one_failure(rag, locked):
    [outcome] = ingest_paths(rag, [locked]).outcomes

    assert (outcome.path, outcome.code) == (str(locked), "encrypted")


def test_passwords_are_tried_in_turn_on_locked_members(rag, locked):
    report = ingest_paths(rag, [locked], passwords=["no", "two", "one"])

    assert report.count("added") == 2


def test_a_locked_archive_is_tried_again_with_a_password(rag, locked):
    ingest_paths(rag, [locked])

    ingest_paths(rag, [locked], passwords=["one", "two"])

    assert (len(rag.documents()), rag.collection.stats().n_failed_sources) == (2, 0)


def write_locked_pdf(path: Path) -> Path:
    pdf = FPDF()
    pdf.set_encryption("owner", "open sesame")
    pdf.set_font("Helvetica", size=12)
    pdf.add_page()
    pdf.multi_cell(0, 6, invented(7))
    pdf.output(str(path))
    return path


def test_passwords_are_tried_in_turn_on_a_locked_file(rag, folder):
    path = write_locked_pdf(folder / "a.pdf")

    report = ingest_paths(rag, [path], passwords=["wrong", "open sesame"])

    assert outcomes(report) == {str(path): "added"}


def test_a_locked_file_is_tried_again_with_a_password(rag, folder):
    path = write_locked_pdf(folder / "a.pdf")

    assert [o.code for o in ingest_paths(rag, [path]).outcomes] == ["encrypted"]
    assert ingest_paths(rag, [path], passwords=["open sesame"]).count("added") == 1


def test_a_file_opened_once_is_unchanged_without_its_password(rag, folder):
    path = write_locked_pdf(folder / "a.pdf")
    ingest_paths(rag, [path], passwords=["open sesame"])

    assert ingest_paths(rag, [path]).count("skipped") == 1


def test_a_locked_file_in_an_archive_opens_too(rag, folder, tmp_path):
    data = write_locked_pdf(tmp_path / "a.pdf").read_bytes()
    path = write_zip(folder / "a.zip", {"a.pdf": data})

    assert ingest_paths(rag, [path], passwords=["open sesame"]).count("added") == 1


def test_a_password_that_does_not_open_a_file_is_said_so(rag, folder):
    [outcome] = ingest_paths(
        rag, [write_locked_pdf(folder / "a.pdf")], passwords=["s3cret"]
    ).outcomes

    assert outcome.code == "encrypted"
    assert "does not open" in outcome.reason


def test_a_password_is_stored_nowhere(tmp_path, locked):
    write_locked_pdf(locked.parent / "a.pdf")
    with open_fake_rag(tmp_path / "collection") as rag:
        ingest_paths(rag, [locked.parent], passwords=["one", "open sesame", "s3cret"])
        rag.collection.stats()
    Collection.open(tmp_path / "collection").close()

    files = [path for path in (tmp_path / "collection").rglob("*") if path.is_file()]
    stored = b"".join(path.read_bytes() for path in files)
    assert b"open sesame" not in stored
    assert b"s3cret" not in stored
