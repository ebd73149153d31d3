"""Small file systems for the tests that fill or cut off a disk; skipped visibly where not allowed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

IMAGE_MEBIBYTES = 48


def run_or_skip(*command: str | Path) -> None:
    """Run a command that needs root; skip the test when it cannot be run."""
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed")
    finished = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    if finished.returncode:
        pytest.skip(f"{command[0]} is not allowed here: {finished.stderr.strip()[:80]}")


@contextmanager
def mounted(folder: Path, *options: str | Path) -> Iterator[Path]:
    """Mount a file system on `folder` with the options of mount(8)."""
    folder.mkdir(exist_ok=True)
    run_or_skip("mount", *options, folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def make_image(path: Path) -> Path:
    """Write the image of an empty ext4 file system to `path`."""
    with path.open("wb") as file:
        file.truncate(IMAGE_MEBIBYTES << 20)
    run_or_skip("mkfs.ext4", "-q", "-F", path)
    return path
