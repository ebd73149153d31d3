"""Folders, files and glob patterns -> the sorted list of files to read.

Inside folders, symbolic links are never followed: what they point to within the root is found under
its own name, and what lies outside the root is not ours to read.
"""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from ragapp.errors import NotFoundError, UsageError

IGNORE_FILE = ".ragappignore"

_LOGGER = logging.getLogger(__name__)
_Rules = tuple[tuple[Path, GitIgnoreSpec], ...]
_Identity = tuple[int, int]  # device and inode


def discover(paths: Sequence[Path], *, left_out: Path | None = None) -> list[Path]:
    """Return the files that `paths` stand for, sorted, each file once.

    A path may be a file, a folder (walked recursively) or a glob pattern (``docs/**/*.md``). Hidden
    files and folders and what a folder's ``.ragappignore`` (gitignore syntax) excludes are left out
    of folders, and so is the folder `left_out`; files without a reader are not, so that each can be
    accounted for. A named symbolic link stands for its target.

    Raises NotFoundError for a path or pattern that matches nothing, UsageError for an ignore file
    that cannot be parsed.
    """
    found: dict[Path, Path] = {}
    identity = _identity(left_out)
    for path in paths:
        for file in _files_of(path, identity):
            found.setdefault(file.resolve(), file)
    return sorted(found.values(), key=Path.as_posix)


def _identity(folder: Path | None) -> _Identity | None:
    try:
        status = folder.stat() if folder else None
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if status else None


def _files_of(path: Path, left_out: _Identity | None) -> Iterator[Path]:
    if path.exists() or path.is_symlink():
        yield from _named(path, left_out)
        return
    # Path.glob takes no absolute pattern and finds hidden files
    matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207
    if not matches:
        raise NotFoundError(
            f"{str(path)!r} does not exist", hint="check the spelling of the path or pattern"
        )
    for match in matches:
        yield from _named(Path(match), left_out)


def _named(path: Path, left_out: _Identity | None) -> Iterator[Path]:
    if path.is_dir():
        yield from _walk(path, (), left_out)
    elif path.is_symlink():
        yield path.resolve()
    else:
        yield path


def _walk(root: Path, rules: _Rules, left_out: _Identity | None) -> Iterator[Path]:
    """Yield the wanted files below `root`. A stack, not recursion: folders may be nested deeply."""
    folders = [(root, rules)]
    while folders:
        folder, inherited = folders.pop()
        own = inherited + _ignore_rules(folder)
        for entry in _entries(folder):
            path = folder / entry.name
            is_folder = entry.is_dir(follow_symlinks=False)
            if _is_ignored(path, own, is_folder=is_folder):
                continue
            if is_folder:
                if left_out is None or _identity(path) != left_out:
                    folders.append((path, own))
            elif entry.is_file(follow_symlinks=False):
                yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return the visible entries of a folder by name, none where it may not be listed."""
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        _LOGGER.warning("skipped folder %s: %s", folder, error.strerror)
        return []
    visible = [entry for entry in entries if not entry.name.startswith(".")]
    return sorted(visible, key=lambda entry: entry.name)


def _ignore_rules(folder: Path) -> _Rules:
    file = folder / IGNORE_FILE
    try:
        if file.is_symlink() or not file.is_file():
            return ()
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ()  # a folder that may not be entered: _entries says so
    try:
        return ((folder, GitIgnoreSpec.from_lines(lines)),)
    except ValueError as error:
        raise UsageError(
            f"{str(file)!r} is not in gitignore syntax: {error}", hint="correct or remove that line"
        ) from error


def _is_ignored(path: Path, rules: _Rules, *, is_folder: bool) -> bool:
    """Apply the rules, the deepest folder's first: the first that speaks of `path` decides."""
    for folder, spec in reversed(rules):
        relative = path.relative_to(folder).as_posix()
        verdict = spec.check_file(f"{relative}/" if is_folder else relative).include
        if verdict is not None:
            return verdict
    return False
