from __future__ import annotations

import stat
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZipFile, ZipInfo

import pytest
from locked_zip import write_locked_zip

from ingest import opening
from ingest.archives import Member, unpacked
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
    found = [
        (member.label, Path(member.file).name, Path(member.file).read_bytes())
        for member in unpacked(path, into)
    ]
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
    assert [member.label for member in unpacked(path, into)] == names


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
    [left_out, fine] = unpacked(path, into)
    assert (left_out.label, left_out.outcome, left_out.file) == (name, "skipped", "")
    assert reason in left_out.reason
    assert fine.label == "fine.txt"
    assert [file.name for file in into.iterdir()] == ["00002.txt"]


def test_links_are_left_out(tmp_path: Path, into: Path) -> None:
    entry = ZipInfo("link.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    [member] = unpacked(tmp_path / "a.zip", into)
    assert member.outcome == "skipped"
    assert "link" in member.reason
    assert list(into.iterdir()) == []


def test_compressions_with_unbounded_memory_are_left_out(tmp_path: Path, into: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w", ZIP_LZMA) as archive:
        archive.writestr("a.txt", "text")
    [member] = unpacked(tmp_path / "a.zip", into)
    assert (member.outcome, list(into.iterdir())) == ("failed", [])


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
    found = [(member.label, member.code) for member in unpacked(path, into)]
    assert found == [("a.txt", "corrupt"), ("b.txt", "")]
    assert [file.name for file in into.iterdir()] == ["00002.txt"]


def test_members_of_one_name_are_told_apart(tmp_path: Path, into: Path) -> None:
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", b"first")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.txt", b"second")
    labels = [member.label for member in unpacked(tmp_path / "a.zip", into)]
    assert labels == ["a.txt", "a.txt (2)"]


def test_an_empty_archive_has_no_members(tmp_path: Path, into: Path) -> None:
    assert list(unpacked(_archive(tmp_path / "a.zip", {}), into)) == []


def test_members_that_are_not_wanted_are_passed_over(tmp_path: Path, into: Path) -> None:
    path = _archive(tmp_path / "a.zip", {"a.xyz": b"text"})
    [member] = unpacked(path, into, is_wanted=lambda label: False)
    assert (member.outcome, member.reason) == ("skipped", "no reader for .xyz")


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    members = {"a.txt": (b"first text", "one"), "b.txt": (b"second text", "二")}
    return write_locked_zip(tmp_path / "a.zip", members)


def test_an_archive_of_locked_members_is_encrypted(locked: Path, into: Path) -> None:
    with pytest.raises(EncryptedFileError):
        list(unpacked(locked, into))


def test_locked_members_open_each_with_its_password(locked: Path, into: Path) -> None:
    found = list(unpacked(locked, into, passwords=["wrong", "one", "二"]))
    assert [Path(member.file).read_bytes() for member in found] == [b"first text", b"second text"]


def test_a_password_may_have_been_typed_in_a_chinese_code_page(tmp_path: Path, into: Path) -> None:
    path = write_locked_zip(tmp_path / "a.zip", {"a.txt": (b"text", "口令".encode("gbk"))})
    [member] = unpacked(path, into, passwords=["口令"])
    assert Path(member.file).read_bytes() == b"text"


def test_a_member_that_stays_locked_costs_itself_only(locked: Path, into: Path) -> None:
    found = list(unpacked(locked, into, passwords=["one"]))
    assert [(member.label, member.code) for member in found] == [
        ("a.txt", ""),
        ("b.txt", "encrypted"),
    ]
    assert len(list(into.iterdir())) == 1


def test_a_member_that_is_encrypted_with_aes_says_so(locked: Path, into: Path) -> None:
    data = bytearray(locked.read_bytes())
    place = data.index(b"PK\x01\x02") + 10
    data[place : place + 2] = (99).to_bytes(2, "little")
    locked.write_bytes(data)
    [member, _] = unpacked(locked, into, passwords=["one", "二"])
    assert member.code == "encrypted"
    assert "AES" in member.reason


def test_a_password_is_never_in_a_member(locked: Path, into: Path) -> None:
    members: list[Member] = list(unpacked(locked, into, passwords=["s3cret"]))
    assert "s3cret" not in repr(members)


def test_what_is_no_archive_is_corrupt(tmp_path: Path, into: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 but no more")
    with pytest.raises(CorruptFileError):
        list(unpacked(tmp_path / "a.zip", into))
