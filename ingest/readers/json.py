"""JSON and JSON Lines -> readable "key: value" lines, a block for each record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.pages import Block, Page
from ingest.readers.lines import bounded
from ingest.readers.plain import read_plain
from ragapp.errors import CorruptFileError

MAX_NESTING = 20
MAX_HEADING_CHARACTERS = 80

_LINE_SUFFIXES = (".jsonl", ".ndjson")


def read_json(path: Path) -> Iterator[Page]:
    """Yield a JSON file as one Page; keys of the outermost object head what lies below them.

    A file of one value a line is taken for JSON Lines, whatever its suffix. Raises
    CorruptFileError.
    """
    decoded = read_plain(path)
    if path.suffix.lower() in _LINE_SUFFIXES:
        yield from _lines_pages(path, decoded.text, decoded.metadata())
        return
    try:
        value = _parsed(decoded.text)
    except ValueError as error:
        if not _is_lines(decoded.text):
            raise CorruptFileError(f"{path.name!r} is not valid JSON: {error}") from error
        yield from _lines_pages(path, decoded.text, decoded.metadata())
        return
    yield Page(tuple(_document_blocks(value)), metadata=decoded.metadata())


def _parsed(text: str) -> Any:
    """Parse JSON; numbers keep the digits that were written."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=str)


def _is_lines(text: str) -> bool:
    """Tell whether the first two lines with text are values of their own."""
    first = [line for line in text[:1_000_000].split("\n") if line.strip()][:2]
    try:
        return len(first) == 2 and all(_parsed(line) is not None for line in first)
    except ValueError:
        return False


def _lines_pages(path: Path, text: str, metadata: dict[str, str]) -> Iterator[Page]:
    """Yield the records of JSON Lines; a line that is none is counted in a last page's "error"."""
    blocks: list[Block] = []
    n_bad = 0
    reason = ""
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            blocks += _record_blocks(_parsed(line))
        except ValueError as error:
            n_bad, reason = n_bad + 1, reason or f"line {number}: {error}"
    if n_bad and not blocks:
        raise CorruptFileError(f"{path.name!r} is not valid JSON Lines: {reason}")
    yield Page(tuple(blocks), metadata=metadata)
    if n_bad:
        yield Page((), metadata={"error": f"{n_bad} lines are not JSON ({reason})"})


def _document_blocks(value: Any) -> Iterator[Block]:
    """Yield a list's items, or an object's simple values and then each of its lists and objects."""
    if isinstance(value, list):
        for item in value:
            yield from _record_blocks(item)
    elif isinstance(value, dict):
        simple = {key: item for key, item in value.items() if not _has_records(item)}
        yield from _record_blocks(simple)
        for key, item in value.items():
            if _has_records(item):
                yield Block("heading", " ".join(key.split())[:MAX_HEADING_CHARACTERS], level=2)
                yield from (
                    _document_blocks(item) if isinstance(item, list) else _record_blocks(item)
                )
    else:
        yield from _record_blocks(value)


def _has_records(value: Any) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(isinstance(item, dict | list) for item in items)


def _record_blocks(record: Any) -> Iterator[Block]:
    lines = _flattened(record, "", depth=0)
    yield from (Block("table", text) for text in bounded(lines))


def _flattened(value: Any, name: str, *, depth: int) -> Iterator[str]:
    """Yield "outer.inner: value" for each simple value; a list of simple values is one line."""
    if isinstance(value, dict | list) and depth >= MAX_NESTING:
        yield _line(name, json.dumps(value, ensure_ascii=False))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _flattened(item, f"{name}.{key}" if name else key, depth=depth + 1)
    elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for place, item in enumerate(value, start=1):
            yield from _flattened(item, f"{name}[{place}]", depth=depth + 1)
    elif isinstance(value, list):
        yield _line(name, ", ".join(filter(None, map(_scalar, value))))
    else:
        yield _line(name, _scalar(value))


def _line(name: str, text: str) -> str:
    if not text.strip():
        return ""
    return f"{name}: {text}" if name else text


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value) if isinstance(value, bool) else str(value)
