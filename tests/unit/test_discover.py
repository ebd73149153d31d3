from __future__ import annotations

from pathlib import Path

import pytest

from ingest.discover import discover
from ragapp.errors import NotFoundError, UsageError


def _make(root: Path, *names: str) -> None:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)


def _names(root: Path, paths: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def test_folders_are_walked_and_sorted(tmp_path: Path) -> None:
    _make(tmp_path, "b.txt", "a/c.md", "a/b/d.PDF")
    assert _names(tmp_path, discover([tmp_path])) == ["a/b/d.PDF", "a/c.md", "b.txt"]


def test_hidden_files_in_folders_are_left_out(tmp_path: Path) -> None:
    _make(tmp_path, "a.txt", ".hidden.txt", ".git/b.txt", "c.exe")
    assert _names(tmp_path, discover([tmp_path])) == ["a.txt", "c.exe"]


def test_named_files_are_always_kept(tmp_path: Path) -> None:
    _make(tmp_path, ".hidden.txt", "c.exe")
    (tmp_path / ".ragappignore").write_text("*")
    named = [tmp_path / "c.exe", tmp_path / ".hidden.txt"]
    assert discover(named) == sorted(named)


def test_a_file_named_twice_is_found_once(tmp_path: Path) -> None:
    _make(tmp_path, "a/x.txt")
    twice = [tmp_path, tmp_path / "a" / "x.txt", tmp_path / "a" / ".." / "a" / "x.txt"]
    assert len(discover(twice)) == 1


def test_patterns_are_expanded(tmp_path: Path) -> None:
    _make(tmp_path, "a/x.txt", "a/b/y.txt", "a/z.md", "a/.h.txt")
    found = discover([tmp_path / "**" / "*.txt"])
    assert _names(tmp_path, found) == ["a/b/y.txt", "a/x.txt"]


@pytest.mark.parametrize("name", ["missing", "*.nothing"])
def test_what_matches_nothing_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        discover([tmp_path / name])


def test_ignore_files_hold_for_their_folder_and_below(tmp_path: Path) -> None:
    _make(tmp_path, "a/x.txt", "a/keep.txt", "b/x.txt", "a/old/y.txt")
    (tmp_path / "a" / ".ragappignore").write_text("*.txt\n!keep.txt\nold/\n")
    assert _names(tmp_path, discover([tmp_path])) == ["a/keep.txt", "b/x.txt"]


def test_a_deeper_ignore_file_overrides_a_higher_one(tmp_path: Path) -> None:
    _make(tmp_path, "x.log", "a/x.log")
    (tmp_path / ".ragappignore").write_text("*.log\n")
    (tmp_path / "a" / ".ragappignore").write_text("!x.log\n")
    assert _names(tmp_path, discover([tmp_path])) == ["a/x.log"]


def test_a_broken_ignore_file_is_a_usage_error(tmp_path: Path) -> None:
    _make(tmp_path, "a.txt")
    (tmp_path / ".ragappignore").write_text("!\n")
    with pytest.raises(UsageError, match="gitignore"):
        discover([tmp_path])


def test_links_inside_folders_are_not_followed(tmp_path: Path) -> None:
    _make(tmp_path, "outside/secret.txt", "root/a.txt")
    (tmp_path / "root" / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (tmp_path / "root" / "folder").symlink_to(tmp_path / "outside")
    (tmp_path / "root" / "loop").symlink_to(tmp_path / "root")
    assert _names(tmp_path, discover([tmp_path / "root"])) == ["root/a.txt"]


def test_a_named_link_stands_for_its_target(tmp_path: Path) -> None:
    _make(tmp_path, "a.txt")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    assert discover([tmp_path / "link.txt"]) == [(tmp_path / "a.txt").resolve()]
