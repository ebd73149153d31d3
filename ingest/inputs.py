"""What is to be read, and under which name: a file's bytes need not lie where its source says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePath

from ingest.archives import ARCHIVE_SUFFIX

MEMBER_MARK = "!/"

_MARK = f"{ARCHIVE_SUFFIX}{MEMBER_MARK}"


@dataclass(frozen=True, slots=True)
class Input:
    """A file to read: the name of its source, and where its bytes are now.

    `mtime_ns` stands in for the file's own: an archive's for its members, NO_FILE for a pipe.
    """

    name: str
    path: Path
    mtime_ns: int | None = None

    @property
    def label(self) -> str:
        """The last part of the name, as messages and titles show it."""
        return PurePath(self.name).name


def file_input(path: Path) -> Input:
    """Return the input of a file that is read where it lies."""
    return Input(str(path), path)


def is_archive(path: Path) -> bool:
    """Tell whether the path's suffix is that of an archive whose members are documents."""
    return path.suffix.lower() == ARCHIVE_SUFFIX


def member_name(archive: str, label: str) -> str:
    """Return the source name of an archive's member, such as "docs/a.zip!/b/c.pdf"."""
    return f"{archive}{MEMBER_MARK}{label}"


def file_of(source: str) -> str:
    """Return the path of the file behind a source name: a member's archive, or the name itself.

    >>> file_of("docs/a.zip!/b/c.pdf")
    'docs/a.zip'
    """
    place = source.lower().find(_MARK)
    return source if place < 0 else source[: place + len(ARCHIVE_SUFFIX)]
