"""A zip archive of documents -> its members as files, within limits and under names of our own.

Names in an archive are labels: no path is ever made of one. What is not unpacked (links, names that
point outside, archives inside the archive) is listed by `left_out`, so that every member can be
accounted for.
"""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from shutil import copyfileobj

from ingest.encoding import decode
from ingest.opening import MAX_ZIP_BYTES, open_package
from ragapp.errors import EncryptedFileError

COPY_BYTES = 1_048_576

_ENCRYPTED_FLAG = 0x1
_UTF8_FLAG = 0x800
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ARCHIVES = frozenset(".zip .gz .tgz .bz2 .tbz2 .xz .txz .zst .7z .rar .tar .jar .war".split())
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")
_DRIVE = re.compile(r"[A-Za-z]:")
_LOCKED = "it is protected by a password"

_Member = tuple[str, zipfile.ZipInfo, str]


def unpacked(path: Path, into: Path) -> Iterator[tuple[str, Path]]:
    """Yield (member's name, file) for each document of an archive, in the archive's order.

    Each file is written into the folder `into` under a number and its suffix just before it is
    yielded, and may be removed before the next. A member that cannot be unpacked is yielded too,
    its file missing. Raises EncryptedFileError where every document has a password,
    CorruptFileError, FileTooLargeError for too many members or bytes, or too good a compression.
    """
    with open_package(path, max_xml_bytes=MAX_ZIP_BYTES) as archive:
        members = _members(archive)
        reasons = {reason for _, _, reason in members}
        if _LOCKED in reasons and "" not in reasons:
            raise EncryptedFileError(
                f"{path.name!r} is protected by a password", hint="unpack it yourself"
            )
        for number, (label, entry, reason) in enumerate(members, start=1):
            if not reason:
                file = into / f"{number:05}{_suffix(label)}"
                _unpack(archive, entry, file)
                yield label, file


def left_out(path: Path) -> list[tuple[str, str]]:
    """Return (member's name, reason) for all members that `unpacked` leaves out but folders."""
    with open_package(path, max_xml_bytes=MAX_ZIP_BYTES) as archive:
        return [(label, reason) for label, _, reason in _members(archive) if reason]


def _members(archive: zipfile.ZipFile) -> list[_Member]:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    labels = _labels(entries)
    return [
        (label, entry, _reason(label, entry)) for label, entry in zip(labels, entries, strict=True)
    ]


def _labels(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the members' names; those not marked as UTF-8 are decoded together, as text is."""
    raw = [entry.filename.encode("cp437", "replace") for entry in entries if _is_unmarked(entry)]
    encoding = decode(b"\n".join(raw)).encoding
    return [
        entry.filename.encode("cp437", "replace").decode(encoding, "replace")
        if _is_unmarked(entry)
        else entry.filename
        for entry in entries
    ]


def _is_unmarked(entry: zipfile.ZipInfo) -> bool:
    return not entry.flag_bits & _UTF8_FLAG


def _reason(label: str, entry: zipfile.ZipInfo) -> str:
    """Return why a member is left out, "" for one to unpack."""
    name = PurePosixPath(label.replace("\\", "/"))
    mode = entry.external_attr >> 16
    checks = (
        (stat.S_IFMT(mode) not in (0, stat.S_IFREG), "it is a link or a device"),
        (name.is_absolute() or ".." in name.parts, "its name points outside the archive"),
        (_DRIVE.match(label) is not None, "its name points outside the archive"),
        (_is_hidden(name), "it is hidden"),
        (name.suffix.lower() in _ARCHIVES, "it is an archive inside an archive"),
        (bool(entry.flag_bits & _ENCRYPTED_FLAG), _LOCKED),
        (entry.compress_type not in _COMPRESSIONS, "its compression is not supported"),
    )
    return next((reason for holds, reason in checks if holds), "")


def _is_hidden(name: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.parts)


def _suffix(label: str) -> str:
    suffix = PurePosixPath(label.replace("\\", "/")).suffix
    return suffix.lower() if _SUFFIX.fullmatch(suffix) else ""


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path) -> None:
    """Write a member to a new file, none of it where it is damaged."""
    try:
        with archive.open(entry) as source, file.open("xb") as target:
            copyfileobj(source, target, COPY_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        file.unlink(missing_ok=True)
