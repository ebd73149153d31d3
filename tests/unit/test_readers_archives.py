from __future__ import annotations

import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest

from ingest import opening
from ingest.archives import left_out, unpacked
from ragapp.errors import CorruptFileError, EncryptedFileError, FileTooLargeError


def _archive(path: Path, members: dict[str, bytes]) -> Path:
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def test_members_are_files_with_their_names_as_labels(tmp_path: Path, into: Path) -> None:
    path = _archive(tmp_path / "a.zip", {"docs/": b"", "docs/规则.TXT": b"one", "b.md": b"two"})
    found = [(label, file.name, file.read_bytes()) for label, file in unpacked(path, into)]
    assert found == [("docs/规则.TXT", "00001.txt", b"one"), ("b.md", "00002.md", b"two")]


def test_names_in_a_chinese_code_page_are_decoded(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.zip"
    names = ["观测站的规则和说明.txt", "这是中国的数据文件.txt"]
    _archive(
        path,
        {
            f"{'x' * len(name.encode('gbk')[:-4])}{place}txt": b"text"
            for place, name in enumerate(names)
        },
    )
    data = path.read_bytes()
    for place, name in enumerate(names):
        raw = name.encode("gbk")
        old = f"{'x' * len(raw[:-4])}{place}txt".encode()
        data = data.replace(old, raw)
    path.write_bytes(data)
    assert [label for label, _ in unpacked(path, into)] == names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../out.txt", "points outside"),
        ("/etc/out.txt", "points outside"),
        ("a/../../out.txt", "points outside"),
        ("..\\out.txt", "points outside"),
        ("C:\\out.txt", "points outside"),
        ("inner.zip", "archive inside"),
        ("inner.tar.gz", "archive inside"),
        ("__MACOSX/a.txt", "hidden"),
        (".git/config", "hidden"),
    ],
)
def test_what_is_not_unpacked_is_listed(tmp_path: Path, into: Path, name: str, reason: str) -> None:
    path = _archive(tmp_path / "a.zip", {name: b"text", "fine.txt": b"fine"})
    assert [label for label, _ in unpacked(path, into)] == ["fine.txt"]
    assert [file.name for file in into.iterdir()] == ["00002.txt"]
    [(label, why)] = left_out(path)
    assert label == name
    assert reason in why


def test_links_are_left_out(tmp_path: Path, into: Path) -> None:
    entry = ZipInfo("link.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    assert list(unpacked(tmp_path / "a.zip", into)) == []
    assert "link" in left_out(tmp_path / "a.zip")[0][1]


def test_compressions_with_unbounded_memory_are_left_out(tmp_path: Path, into: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_LZMA) as archive:
        archive.writestr("a.txt", "text")
    assert list(unpacked(tmp_path / "a.zip", into)) == []


def test_too_many_members_are_too_large(
    tmp_path: Path, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "MAX_ZIP_ENTRIES", 2)
    path = _archive(tmp_path / "a.zip", {f"{place}.txt": b"x" for place in range(3)})
    with pytest.raises(FileTooLargeError):
        list(unpacked(path, into))


def test_a_bomb_is_too_large_before_anything_is_written(tmp_path: Path, into: Path) -> None:
    path = _archive(tmp_path / "a.zip", {"fine.txt": b"x", "a.txt": bytes(20_000_000)})
    with pytest.raises(FileTooLargeError):
        list(unpacked(path, into))
    assert list(into.iterdir()) == []


def test_a_damaged_member_costs_itself_only(tmp_path: Path, into: Path) -> None:
    path = tmp_path / "a.zip"
    with ZipFile(path, "w") as archive:
        archive.writestr("a.txt", b"first text")
        archive.writestr("b.txt", b"second")
    path.write_bytes(path.read_bytes().replace(b"first text", b"FIRST text"))
    found = [(label, file.exists()) for label, file in unpacked(path, into)]
    assert found == [("a.txt", False), ("b.txt", True)]


def test_an_archive_of_locked_members_is_encrypted(tmp_path: Path, into: Path) -> None:
    path = _archive(tmp_path / "a.zip", {"a.txt": b"text"})
    data = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + offset] |= 1
    path.write_bytes(data)
    with pytest.raises(EncryptedFileError):
        list(unpacked(path, into))


def test_what_is_no_archive_is_corrupt(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(CorruptFileError):
        list(unpacked(tmp_path / "a.zip", into))
