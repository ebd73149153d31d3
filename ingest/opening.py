"""A path -> its bytes, checked before any parser sees them.

The file must be regular, not a link, within the size limit, and begin as its format begins; a
zip-based format must also be within the limits of its own central directory. All checks are made
on the descriptor that is then read, so that a file cannot be exchanged in between.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from ingest.locked_office import is_locked_office, unlocked
from ragapp.errors import (
    CorruptFileError,
    EncryptedFileError,
    FileTooLargeError,
    ReadError,
    UnsupportedFileError,
)

MAX_FILE_BYTES = 200_000_000
MAX_ZIP_ENTRIES = 10_000
MAX_ZIP_BYTES = 200_000_000
MAX_XML_BYTES = 60_000_000
MAX_ZIP_RATIO = 200
MIN_RATIO_BYTES = 10_000_000

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_XML_SUFFIXES = (".xml", ".rels", ".opf", ".ncx", ".xhtml", ".html", ".htm")
_BINARY_MAGIC: Mapping[bytes, str] = {
    b"%PDF-": "a PDF",
    b"PK\x03\x04": "a zip archive",
    _OLE: "an Office 97 file",
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x1f\x8b\x08": "a gzip archive",
    b"\x7fELF": "a program",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"SQLite format 3\0": "an SQLite database",
}


def read_regular_file(path: Path, *, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return the bytes of a regular file of at most `max_bytes`.

    Raises ReadError for a link, pipe, device or unreadable file, FileTooLargeError.
    """
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ReadError(f"{path.name!r} is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ReadError(f"{path.name!r} cannot be opened: {reason}") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ReadError(f"{path.name!r} is not a regular file")
        _check_size(path, status.st_size, max_bytes)
        data = file.read(max_bytes + 1)
    _check_size(path, len(data), max_bytes)
    return data


def read_pdf_bytes(path: Path) -> bytes:
    """Return the bytes of a file that begins like a PDF. Raises CorruptFileError otherwise."""
    data = read_regular_file(path)
    if b"%PDF-" not in data[:1024]:
        raise CorruptFileError(
            f"{path.name!r} does not begin like a PDF", hint="check what the file really is"
        )
    return data


def read_text_bytes(path: Path) -> bytes:
    """Return the bytes of a text file. Raises UnsupportedFileError for known binary formats."""
    data = read_regular_file(path)
    for magic, name in _BINARY_MAGIC.items():
        if data.startswith(magic):
            raise UnsupportedFileError(
                f"{path.name!r} is {name}, not text", hint="give it the suffix of its format"
            )
    return data


def read_office_bytes(
    path: Path, *, max_xml_bytes: int = MAX_XML_BYTES, password: str = ""
) -> bytes:
    """Return the bytes of a zip-based Office file whose archive is within the limits.

    `max_xml_bytes` bounds one XML part; a reader that streams its parts may allow more. One that is
    locked (an OLE container) is opened with `password`. Raises EncryptedFileError where that is
    missing or wrong, CorruptFileError for anything that is not a zip archive, FileTooLargeError for
    one that unpacks to too much.
    """
    data = read_regular_file(path)
    if data.startswith(_OLE):
        data = _unlocked(path, data, password)
    if not data.startswith(b"PK\x03\x04"):
        raise CorruptFileError(
            f"{path.name!r} does not begin like the zip archive that its format is"
        )
    try:
        entries = zipfile.ZipFile(BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise CorruptFileError(f"{path.name!r} is damaged: {error}") from error
    _check_entries(path, entries, max_xml_bytes)
    return data


def open_package(path: Path, *, max_xml_bytes: int = MAX_XML_BYTES) -> zipfile.ZipFile:
    """Return a zip-based file of documents, opened in memory, its archive within the limits.

    Raises what `read_office_bytes` raises.
    """
    return zipfile.ZipFile(BytesIO(read_office_bytes(path, max_xml_bytes=max_xml_bytes)))


def read_member(package: zipfile.ZipFile, name: str) -> bytes:
    """Return a member's bytes. Raises EncryptedFileError, CorruptFileError, also for none."""
    try:
        return package.read(name)
    except KeyError as error:
        raise CorruptFileError(f"there is no {name!r} in the package") from error
    except RuntimeError as error:
        raise EncryptedFileError(f"{name!r} in the package is protected by a password") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
        raise CorruptFileError(f"{name!r} in the package is damaged: {error}") from error


def _unlocked(path: Path, data: bytes, password: str) -> bytes:
    if is_locked_office(data):
        return unlocked(path.name, data, password)
    raise UnsupportedFileError(
        f"{path.name!r} is an Office 97 file",
        hint="save it in its current format (.docx, .xlsx, .pptx)",
    )


def _check_size(path: Path, size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise FileTooLargeError(
            f"{path.name!r} has {size:,} bytes, more than the {max_bytes:,} allowed",
            hint="split the file",
        )


def _check_entries(path: Path, entries: list[zipfile.ZipInfo], max_xml_bytes: int) -> None:
    if len(entries) > MAX_ZIP_ENTRIES:
        raise FileTooLargeError(f"{path.name!r} packs {len(entries):,} files, a possible zip bomb")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_ZIP_BYTES or any(_is_bomb(entry, max_xml_bytes) for entry in entries):
        raise FileTooLargeError(f"{path.name!r} unpacks to {total:,} bytes, a possible zip bomb")


def _is_bomb(entry: zipfile.ZipInfo, max_xml_bytes: int) -> bool:
    if entry.filename.endswith(_XML_SUFFIXES) and entry.file_size > max_xml_bytes:
        return True
    ratio = entry.file_size / max(1, entry.compress_size)
    return entry.file_size > MIN_RATIO_BYTES and ratio > MAX_ZIP_RATIO
