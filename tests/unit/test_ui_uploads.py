"""Uploads: a name from outside is a label, never a path."""

from pathlib import Path

import pytest

from ui.uploads import delete_uploads, safe_name, save_upload, shown_source

HOSTILE_NAMES = [
    "../../etc/passwd",
    "..\\..\\windows\\system.ini",
    "/etc/shadow",
    "C:\\Users\\a\\b.txt",
    "",
    ".",
    "..",
    "...",
    ".hidden",
    "a\x00b.pdf",
    "a\nb.pdf",
    "name<script>.pdf",
    "x" * 400 + ".pdf",
    "长" * 300 + ".pdf",
    "a." + "b" * 300,
    "\udcff.txt",
    "\u202egnp.exe",
    "~/.bashrc",
    "CON:|?*",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_an_upload_stays_in_its_folder(name, tmp_path):
    path = save_upload(tmp_path, name, b"data")

    assert path.parent.parent == tmp_path / "uploads"
    assert path.resolve().parent == path.parent.resolve()
    assert path.read_bytes() == b"data"
    assert not path.name.startswith(".")
    assert len(path.name.encode()) < 255


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("报告 2024.pdf", "报告 2024.pdf"),
        ("README", "README"),
        ("a.tar.gz", "a.tar.gz"),
        ("../x/y.md", "y.md"),
        ("  spaced   out .txt", "spaced out.txt"),
        ("...", "file"),
    ],
)
def test_a_name_keeps_what_is_harmless(name, expected):
    assert safe_name(name) == expected


def test_the_same_upload_is_stored_once(tmp_path):
    first = save_upload(tmp_path, "a.txt", b"data")
    stamp = first.stat().st_mtime_ns

    assert save_upload(tmp_path, "a.txt", b"data") == first
    assert first.stat().st_mtime_ns == stamp
    assert len(list(first.parent.iterdir())) == 1


def test_other_bytes_under_the_same_name_are_another_file(tmp_path):
    assert save_upload(tmp_path, "a.txt", b"one") != save_upload(tmp_path, "a.txt", b"two")


def test_an_upload_is_shown_by_its_name_and_another_source_by_its_path(tmp_path):
    upload = save_upload(tmp_path, "手册.pdf", b"data")

    assert shown_source(str(upload), tmp_path) == "手册.pdf"
    assert shown_source("docs/a.md", tmp_path) == "docs/a.md"


def test_only_uploaded_copies_are_deleted(tmp_path):
    collection, own = tmp_path / "collection", tmp_path / "own.txt"
    own.write_bytes(b"mine")
    upload = save_upload(collection, "a.txt", b"data")
    escaping = collection / "uploads" / ".." / ".." / "own.txt"

    assert delete_uploads([str(upload), str(own), str(escaping)], collection) == 1
    assert own.exists()
    assert not upload.exists()
    assert not upload.parent.exists()


def test_an_uploaded_archive_is_deleted_with_its_last_document(tmp_path):
    archive = save_upload(tmp_path, "a.zip", b"data")
    first, second = f"{archive}!/a.txt", f"{archive}!/deep/b.txt"

    assert delete_uploads([first], tmp_path, held=[second]) == 0
    assert archive.exists()
    assert delete_uploads([second], tmp_path, held=["docs/c.md"]) == 1
    assert not archive.parent.exists()


def test_a_document_that_all_members_hold_takes_the_archive_along(tmp_path):
    archive = save_upload(tmp_path, "a.zip", b"data")

    assert delete_uploads([f"{archive}!/a.txt", f"{archive}!/b.txt"], tmp_path) == 1


def test_an_archive_that_was_not_uploaded_stays(tmp_path):
    own = tmp_path / "own.zip"
    own.write_bytes(b"mine")

    assert delete_uploads([f"{own}!/a.txt"], tmp_path / "collection") == 0
    assert own.exists()


def test_a_link_among_the_uploads_is_not_followed(tmp_path):
    collection, own = tmp_path / "collection", tmp_path / "own.txt"
    own.write_bytes(b"mine")
    upload = save_upload(collection, "a.txt", b"data")
    upload.unlink()
    upload.symlink_to(own)

    assert delete_uploads([str(upload)], collection) == 0
    assert Path(own).exists()


def test_a_member_of_an_uploaded_archive_is_shown_by_both_names(tmp_path):
    path = save_upload(tmp_path, "a.zip", b"data")

    assert shown_source(f"{path}!/deep/b.txt", tmp_path) == "a.zip!/deep/b.txt"
