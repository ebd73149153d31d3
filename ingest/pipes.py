"""One document from a pipe, such as standard input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from ingest.inputs import Input
from ingest.opening import MAX_FILE_BYTES
from ingest.outcomes import IngestReport
from ingest.pipeline import OnProgress, ingest_tasks
from ingest.prepare import Prepared, prepare_file
from ingest.readers import format_of
from ingest.run import Run
from ingest.unpacking import UNPACKED_PREFIX
from ragapp.collection import NO_FILE
from ragapp.errors import FileTooLargeError, NoTextError
from ragapp.rag import Rag

STREAM_NAME = "stdin.txt"


def ingest_stream(
    rag: Rag,
    stream: BinaryIO,
    *,
    name: str = STREAM_NAME,
    passwords: Sequence[str] = (),
    on_progress: OnProgress | None = None,
) -> IngestReport:
    """Ingest all that a stream of bytes holds as one document, whose source is `name`.

    The suffix of `name` decides how it is read. Raises UnsupportedFileError for a suffix without a
    reader, NoTextError for an empty stream, FileTooLargeError, CollectionErrors.
    """
    format_of(Path(name))
    data = stream.read(MAX_FILE_BYTES + 1)
    if not data:
        raise NoTextError(f"nothing came for {name!r}", hint="pipe a document into standard input")
    if len(data) > MAX_FILE_BYTES:
        raise FileTooLargeError(
            f"{name!r} has more than the {MAX_FILE_BYTES:,} bytes allowed", hint="split it"
        )
    return ingest_tasks(
        rag,
        lambda run: [partial(_prepared, run, name, data)],
        passwords=passwords,
        on_progress=on_progress,
    )


def _prepared(run: Run, name: str, data: bytes) -> Prepared:
    """Lay the bytes where a reader's child process can read them, while it does."""
    with TemporaryDirectory(prefix=UNPACKED_PREFIX, dir=run.collection.directory) as folder:
        path = Path(folder, "stream").with_suffix(Path(name).suffix.lower())
        path.write_bytes(data)
        return prepare_file(run, Input(name, path, mtime_ns=NO_FILE))
