"""A file of regular expressions -> where they match in a text.

One expression a line; empty lines and lines that begin with ``#`` are left out. An expression sees
one line of the text at a time, at most WINDOW_CHARACTERS of it, so that its cost stays bounded; a
repetition of a repetition, whose cost can explode even there, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.findings import Finding, merged
from ragapp.errors import UsageError

MAX_LIST_BYTES = 1_000_000
WINDOW_CHARACTERS = 1_000
WINDOW_OVERLAP = 200

_LINE = re.compile(r"[^\n]+")
_ATOM = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*+\]|\(|\)[*+{]?|[*+]|\{\d*,|.", re.DOTALL)


def read_word_list(path: Path) -> list[re.Pattern[str]]:
    """Return the expressions of a word list in the file's order.

    Raises UsageError naming file and line for an expression that cannot be used, and for a file
    that cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"the word list {str(path)!r} cannot be read: {error}") from error
    if len(data) > MAX_LIST_BYTES:
        raise UsageError(f"the word list {str(path)!r} is over {MAX_LIST_BYTES:,} bytes")
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"the word list {str(path)!r} is not UTF-8") from error
    numbered = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return [
        _compiled(line, f"{path}, line {number}")
        for number, line in numbered
        if line and not line.startswith("#")
    ]


def find_words(text: str, patterns: Sequence[re.Pattern[str]]) -> list[Finding]:
    """Return where any pattern matches at least one character, all of kind "word"."""
    found = (
        Finding("word", start + match.start(), start + match.end())
        for start, window in _windows(text)
        for pattern in patterns
        for match in pattern.finditer(window)
        if match.end() > match.start()
    )
    return merged(found)


def _windows(text: str) -> Iterator[tuple[int, str]]:
    step = WINDOW_CHARACTERS - WINDOW_OVERLAP
    for line in _LINE.finditer(text):
        for start in range(line.start(), max(line.end() - WINDOW_OVERLAP, line.start() + 1), step):
            yield start, text[start : min(start + WINDOW_CHARACTERS, line.end())]


def _compiled(expression: str, place: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(expression)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"{place}: {expression!r} is no regular expression: {error}") from error
    if pattern.search(""):
        raise UsageError(f"{place}: {expression!r} matches nothing at all, so it matches anywhere")
    if _has_nested_repetition(expression):
        raise UsageError(
            f"{place}: {expression!r} repeats a repetition, which can take for ever",
            hint="repeat only one of the two, as in [ab]+ for (a|b+)+",
        )
    return pattern


def _has_nested_repetition(expression: str) -> bool:
    """Tell whether a group that holds a repetition is itself repeated."""
    holds = [False]
    for atom in _ATOM.findall(expression):
        if atom == "(":
            holds.append(False)
        elif atom.startswith(")") and len(holds) > 1:
            inner = holds.pop()
            if inner and len(atom) > 1:
                return True
            holds[-1] |= inner or len(atom) > 1
        elif atom in "*+" or (atom.startswith("{") and len(atom) > 1):
            holds[-1] = True
    return False
