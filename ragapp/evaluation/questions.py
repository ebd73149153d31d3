"""Question sets: what is asked, what holds the answer, and the one-line errors of bad files."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ragapp.errors import CorruptFileError, NotFoundError


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what is known of its answer.

    `relevant` maps the ids of the passages (or documents) that answer it to a grade > 0. `answers`
    are texts of which any one is right, `evidences` passages of which any one proves it.
    `document_id` with `start` and `end` is the place of the
    answer in a stored document, None where it is not known.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    is_answerable: bool = True
    relevant: Mapping[str, int] = field(default_factory=dict)
    document_id: str | None = None
    start: int = 0
    end: int = 0
    evidences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions under a name. `n_left_out` counts those that could not be judged."""

    name: str
    questions: tuple[Question, ...]
    n_left_out: int = 0


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, object) for each line of a JSON Lines file, gzipped or not.

    `place` is "NAME, line N", for errors. Raises NotFoundError and CorruptFileError.
    """
    for place, line in read_lines(path):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CorruptFileError(
                f"{place}: not valid JSON: {error}", hint="mend or remove the line"
            ) from error
        if not isinstance(row, dict):
            raise CorruptFileError(
                f"{place}: expected an object, found {line.strip()[:40]!r}",
                hint='write each line as {"_id": ..., "text": ...}',
            )
        yield place, row


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (place, line) for each line with text. Raises NotFoundError and CorruptFileError."""
    if not path.is_file():
        raise NotFoundError(f"there is no file {str(path)!r}")
    number = 0
    try:
        with _opened(path) as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield f"{path.name}, line {number}", line
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptFileError(f"{str(path)!r} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        raise CorruptFileError(
            f"{path.name}, after line {number}: not UTF-8", hint="save the file as UTF-8"
        ) from error


def required_text(row: Mapping[str, Any], key: str, place: str) -> str:
    """Return a row's value as text. Raises CorruptFileError where there is none."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise CorruptFileError(f"{place}: {key!r} is {value!r}, expected a text")
    return str(value)


def optional_text(row: Mapping[str, Any], key: str, place: str) -> str:
    """Return a row's text, "" where there is none. Raises CorruptFileError for another type."""
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise CorruptFileError(f"{place}: {key!r} is {value!r}, expected a text")
    return value or ""


def answers_of(row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """Return a row's answers, () where none are given. Raises CorruptFileError for other types."""
    return texts_of(row, "answers", place)


def texts_of(row: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
    """Return a row's texts, () where none are given. Raises CorruptFileError for other types."""
    texts = row.get(key) or []
    if isinstance(texts, str):
        texts = [texts]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise CorruptFileError(f"{place}: {key!r} is {texts!r}, expected a list of texts")
    return tuple(text for text in texts if text.strip())


def _opened(path: Path) -> Any:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")
