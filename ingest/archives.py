"""A zip archive of documents -> its members as files, within limits and under names of our own.

Names in an archive are labels: no path is ever made of one. What is not unpacked (links, names that
point outside, archives inside the archive, locked members) is yielded with the reason, so that
every member can be accounted for. Meant for a child process (`unpack`): bzip2 inflates a whole
buffer at once, and a central directory may be large.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from shutil import copyfileobj
from typing import Literal

from ingest.encoding import decode
from ingest.opening import MAX_ZIP_BYTES, open_package
from ingest.pages import Page
from ragapp.errors import CorruptFileError, EncryptedFileError, FileTooLargeError, ReadError

ARCHIVE_SUFFIX = ".zip"
COPY_BYTES = 1_048_576

_EMPTY = b"PK\x05\x06"
_ENCRYPTED_FLAG = 0x1
_UTF8_FLAG = 0x800
_STRONG_FLAG = 0x40
_AES = 99  # the "compression" of a member that is encrypted with AES
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
_ARCHIVES = frozenset(".zip .gz .tgz .bz2 .tbz2 .xz .txz .zst .7z .rar .tar .jar .war".split())
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,12}")
_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    MemoryError,
    NotImplementedError,
    ValueError,
)

_Entries = Sequence[tuple[str, zipfile.ZipInfo]]


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: unpacked to `file`, or passed over or failed for a `reason`.

    `code` is the error code of one that was not unpacked, "" otherwise, and so is `file`.
    """

    label: str
    outcome: Literal["unpacked", "skipped", "failed"] = "unpacked"
    file: str = ""
    reason: str = ""
    code: str = ""


def unpacked(
    path: Path,
    into: Path,
    *,
    passwords: Sequence[str] = (),
    is_wanted: Callable[[str], bool] = lambda _: True,
) -> Iterator[Member]:
    """Yield all members of an archive but folders, in the archive's order, no label twice.

    Each file is written into the folder `into` under a number and its suffix just before it is
    yielded, and may be removed before the next. Members whose label is not wanted are skipped, the
    locked ones tried with each password. Raises EncryptedFileError where all are locked and there
    is no password, CorruptFileError, FileTooLargeError for too many members or bytes, or too good a
    compression.
    """
    with path.open("rb") as file:
        if file.read(len(_EMPTY)) == _EMPTY:
            return
    with open_package(path, max_xml_bytes=MAX_ZIP_BYTES) as archive:
        members = _members(archive)
        _check_lock(path, members, passwords)
        for number, (label, entry) in enumerate(members, start=1):
            reason = _reason(label, entry)
            if not reason and not is_wanted(label):
                reason = f"no reader for {_suffix(label) or 'files without a suffix'}"
            if reason:
                yield Member(label, "skipped", reason=reason, code="unsupported")
            else:
                file_path = into / f"{number:05}{_suffix(label)}"
                yield _taken(archive, label, entry, file_path, passwords)


def unpack(path: Path, *, into: str, passwords: Sequence[str] = ()) -> Iterator[Page]:
    """Yield the members that `unpacked` yields as pages without blocks, as a child answers.

    Members without a reader are skipped. Raises what `unpacked` raises.
    """
    from ingest.readers import has_reader

    def is_wanted(label: str) -> bool:
        return has_reader(Path(label))

    try:
        for member in unpacked(path, Path(into), passwords=passwords, is_wanted=is_wanted):
            yield Page((), metadata=asdict(member))
    except MemoryError as error:
        raise FileTooLargeError(f"{path.name!r} needs more memory than it may use") from error


def _members(archive: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Return (label, entry) of all files; labels that come again get a number."""
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    seen: Counter[str] = Counter()
    members = []
    for label, entry in zip(_labels(entries), entries, strict=True):
        seen[label] += 1
        members.append((f"{label} ({seen[label]})" if seen[label] > 1 else label, entry))
    return members


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


def _is_locked(entry: zipfile.ZipInfo) -> bool:
    return bool(entry.flag_bits & _ENCRYPTED_FLAG)


def _check_lock(path: Path, members: _Entries, passwords: Sequence[str]) -> None:
    documents = [entry for label, entry in members if not _reason(label, entry)]
    if documents and not passwords and all(map(_is_locked, documents)):
        raise EncryptedFileError(
            f"{path.name!r} is protected by a password", hint="give it with --password"
        )


def _reason(label: str, entry: zipfile.ZipInfo) -> str:
    """Return why a member is passed over, "" for one to unpack."""
    name = PurePosixPath(label.replace("\\", "/"))
    mode = entry.external_attr >> 16
    checks = (
        (stat.S_IFMT(mode) not in (0, stat.S_IFREG), "it is a link or a device"),
        (name.is_absolute() or ".." in name.parts, "its name points outside the archive"),
        (_DRIVE.match(label) is not None, "its name points outside the archive"),
        (_is_hidden(name), "it is hidden"),
        (_suffix(label) in _ARCHIVES, "it is an archive inside an archive"),
    )
    return next((reason for holds, reason in checks if holds), "")


def _is_hidden(name: PurePosixPath) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in name.parts)


def _suffix(label: str) -> str:
    suffix = PurePosixPath(label.replace("\\", "/")).suffix
    return suffix.lower() if _SUFFIX.fullmatch(suffix) else ""


def _taken(
    archive: zipfile.ZipFile,
    label: str,
    entry: zipfile.ZipInfo,
    file: Path,
    passwords: Sequence[str],
) -> Member:
    """Write a member to a new file, none of it where it is damaged, and return it."""
    try:
        if _is_locked(entry):
            _unlock(archive, entry, file, passwords)
        else:
            _write(archive, entry, file)
    except ReadError as error:
        file.unlink(missing_ok=True)
        reason = f"{error.message}; {error.hint}" if error.hint else error.message
        return Member(label, "failed", reason=reason, code=error.code)
    return Member(label, file=str(file))


def _unlock(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path, passwords: Sequence[str]
) -> None:
    """Write a locked member with the first password that gives its checksum."""
    if entry.compress_type == _AES or entry.flag_bits & _STRONG_FLAG:
        raise EncryptedFileError(
            "it is encrypted with AES, which is not supported", hint="unpack it yourself"
        )
    for password in _encoded(passwords):
        try:
            _write(archive, entry, file, password=password)
        except (CorruptFileError, RuntimeError):  # one wrong password in 256 looks right at first
            file.unlink(missing_ok=True)
        else:
            return
    if passwords:
        raise EncryptedFileError("it does not open with the passwords given")
    raise EncryptedFileError("it is protected by a password", hint="give it with --password")


def _encoded(passwords: Sequence[str]) -> list[bytes]:
    """Return the bytes that a password may stand for: an archive does not tell its encoding."""
    encodings = ("utf-8", "gb18030")
    return list(dict.fromkeys(p.encode(e, "replace") for p in passwords for e in encodings))


def _write(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Path, *, password: bytes | None = None
) -> None:
    """Write a member to a new file. Raises CorruptFileError, ReadError for a full disk."""
    if entry.compress_type not in _COMPRESSIONS:
        raise ReadError("its compression is not supported", hint="unpack it yourself")
    try:
        with archive.open(entry, pwd=password) as source, file.open("xb") as target:
            copyfileobj(source, target, COPY_BYTES)
    except _DAMAGE as error:
        raise CorruptFileError("it is damaged in the archive") from error
    except OSError as error:
        raise ReadError(f"it cannot be unpacked: {error.strerror or error}") from error
