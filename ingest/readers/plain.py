"""A text file -> its characters, for all formats that are text below: tables, records, code."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.encoding import Decoded, decode
from ingest.opening import read_text_bytes
from ragapp.errors import UnsupportedFileError

MAX_CONTROL_SHARE = 0.05
SAMPLE_CHARACTERS = 100_000

_CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")


def read_plain(path: Path) -> Decoded:
    """Return a file's text with "\\n" as its only line end.

    Raises UnsupportedFileError for binary data.
    """
    decoded = decode(read_text_bytes(path))
    text = decoded.text.replace("\r\n", "\n").replace("\r", "\n")
    sample = text[:SAMPLE_CHARACTERS]
    if len(_CONTROL.findall(sample)) > MAX_CONTROL_SHARE * len(sample):
        raise UnsupportedFileError(f"{path.name!r} holds binary data, not text")
    return Decoded(text, decoded.encoding, decoded.uncertain)
