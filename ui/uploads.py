"""Uploaded bytes -> files in the collection's folder, and their names as a person knows them.

A name from outside is a label: it names the file within a folder of our own choosing, after all
that could make a path of it is gone.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from ragapp import Rag

UPLOADS_FOLDER = "uploads"

_MEMBER_MARK = "!/"  # between an archive's path and a member's
_DIGEST_LENGTH = 16
_MAX_STEM_BYTES = 150
_MAX_SUFFIX_BYTES = 20
_UNWANTED = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff<>:"|?*]')


def collection_folder(rag: Rag) -> Path:
    """Return the absolute folder of the collection."""
    return Path(rag.settings.collection).absolute()


def save_upload(collection: Path, name: str, data: bytes) -> Path:
    """Store an upload as ``uploads/<digest>/<name>`` under the collection; return its path.

    The same bytes under the same name are stored once. Raises OSError.
    """
    digest = hashlib.sha256(data).hexdigest()[:_DIGEST_LENGTH]
    folder = collection / UPLOADS_FOLDER / digest
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / safe_name(name)
    if not (path.is_file() and path.stat().st_size == len(data)):
        _write(path, data)
    return path


def safe_name(name: str) -> str:
    """Return a name from outside as a plain file name.

    >>> safe_name("../../etc/报告 2024.PDF")
    '报告 2024.PDF'
    """
    normal = unicodedata.normalize("NFC", name.encode("utf-8", "ignore").decode())
    last = re.split(r"[/\\]", normal)[-1]
    cleaned = " ".join(_UNWANTED.sub("", last).split()).strip(". ")
    stem, dot, suffix = cleaned.rpartition(".")
    if not dot or len(suffix.encode()) > _MAX_SUFFIX_BYTES:
        stem, dot, suffix = cleaned, "", ""
    return (_shortened(stem) or "file") + dot + suffix


def shown_source(source: str, collection: Path) -> str:
    """Return a source as a person knows it: an upload by its name, any other by its path.

    A member of an uploaded archive keeps its name behind the archive's.
    """
    file, mark, member = source.partition(_MEMBER_MARK)
    is_upload = _is_upload(Path(file), collection)
    return f"{Path(file).name}{mark}{member}" if is_upload else source


def delete_uploads(sources: Iterable[str], collection: Path, *, held: Iterable[str] = ()) -> int:
    """Delete the copies that uploading made of `sources`, no other file; return how many.

    An archive stays while one of the sources `held` is of it.
    """
    n_deleted = 0
    for path in map(Path, sorted({*map(_file_of, sources)} - {*map(_file_of, held)})):
        if _is_upload(path, collection) and path.is_file() and not path.is_symlink():
            path.unlink()
            n_deleted += 1
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    return n_deleted


def _file_of(source: str) -> str:
    return source.partition(_MEMBER_MARK)[0]


def _is_upload(path: Path, collection: Path) -> bool:
    return path.parent.parent == collection / UPLOADS_FOLDER and ".." not in path.parts


def _shortened(stem: str) -> str:
    return stem.encode()[:_MAX_STEM_BYTES].decode("utf-8", "ignore").strip()


def _write(path: Path, data: bytes) -> None:
    """Write the file whole or not at all."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        temporary = Path(file.name)
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            temporary.unlink()
            raise
    temporary.replace(path)
