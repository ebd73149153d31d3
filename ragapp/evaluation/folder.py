"""A folder in the BEIR layout -> passages and questions.

`corpus.jsonl`, `queries.jsonl` (each also `.gz`) and `qrels.tsv` or `qrels/test.tsv`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ragapp.errors import CorruptFileError, NotFoundError, UsageError
from ragapp.evaluation.questions import (
    Question,
    QuestionSet,
    answers_of,
    optional_text,
    read_lines,
    read_rows,
    required_text,
    texts_of,
)

_QRELS = ("qrels.tsv", "qrels/test.tsv")


@dataclass(frozen=True, slots=True)
class Passage:
    """A text of the corpus under the id that the qrels use."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class BenchmarkSet:
    """The passages to search and the questions with their qrels."""

    passages: tuple[Passage, ...]
    questions: QuestionSet


def read_folder(folder: Path) -> BenchmarkSet:
    """Return the set that a folder holds.

    A question with a row of score > 0 is answerable unless it is marked ``"answerable": false``;
    one whose rows are all 0, or that is marked and has no row, is unanswerable. One without any row
    and mark is left out: BEIR keeps the questions of other splits in the same file.

    Raises NotFoundError for a missing folder or file; CorruptFileError for a line that cannot be
    read, an id that the corpus or the questions lack, and for an empty set.
    """
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no folder {str(folder)!r}",
            hint="name a folder of corpus.jsonl, queries.jsonl and qrels.tsv",
        )
    passages = read_passages(_one_of(folder, "corpus.jsonl", "corpus.jsonl.gz"))
    queries = _one_of(folder, "queries.jsonl", "queries.jsonl.gz")
    qrels = _one_of(folder, *_QRELS)
    asked = _read_queries(queries)
    grades = _read_qrels(qrels, known=asked.keys(), passages={passage.id for passage in passages})
    judged = [_judged(asked[id_], marked, grades.get(id_)) for id_, marked in _marks(asked)]
    questions = tuple(question for question in judged if question is not None)
    if not questions:
        raise CorruptFileError(f"{qrels.name} judges no question of {queries.name}")
    n_left_out = len(judged) - len(questions)
    name = folder.resolve().name
    return BenchmarkSet(passages, QuestionSet(name, questions, n_left_out))


def read_passages(path: Path, *, limit: int | None = None) -> tuple[Passage, ...]:
    """Return the first `limit` passages of a file. Raises NotFoundError and CorruptFileError."""
    passages: dict[str, Passage] = {}
    for place, row in islice(read_rows(path), limit):
        passage = Passage(
            required_text(row, "_id", place),
            optional_text(row, "title", place),
            optional_text(row, "text", place),
        )
        if passage.id in passages:
            raise CorruptFileError(f"{place}: the id {passage.id!r} stands twice")
        passages[passage.id] = passage
    if not passages:
        raise CorruptFileError(f"{str(path)!r} holds no passage")
    return tuple(passages.values())


def with_distractors(known: BenchmarkSet, extra: Iterable[Passage]) -> BenchmarkSet:
    """Return the set with more passages, which answer nothing. Raises UsageError for a known id."""
    ids = {passage.id for passage in known.passages}
    added = tuple(extra)
    for passage in added:
        if passage.id in ids:
            raise UsageError(f"the distractor {passage.id!r} has the id of a passage of the set")
    return replace(known, passages=known.passages + added)


def with_unanswerable(known: BenchmarkSet, path: Path) -> BenchmarkSet:
    """Return the set with the questions of another file added, all of them unanswerable.

    Raises NotFoundError, and CorruptFileError for a bad line or an id that is known already.
    """
    extra = [replace(item, answers=(), is_answerable=False) for item, _ in _queries(path)]
    ids = {question.id for question in known.questions.questions}
    for question in extra:
        if question.id in ids:
            raise CorruptFileError(f"{path.name}: the id {question.id!r} is in the set already")
    questions = known.questions.questions + tuple(extra)
    return replace(known, questions=replace(known.questions, questions=questions))


_Asked = dict[str, tuple[Question, bool | None]]


def _read_queries(path: Path) -> _Asked:
    """Return the questions by id, each with its mark "answerable" (None where it has none)."""
    asked: _Asked = {}
    for question, mark in _queries(path):
        if question.id in asked:
            raise CorruptFileError(f"{path.name}: the id {question.id!r} stands twice")
        asked[question.id] = (question, mark)
    if not asked:
        raise CorruptFileError(f"{str(path)!r} holds no question")
    return asked


def _queries(path: Path) -> Iterator[tuple[Question, bool | None]]:
    for place, row in read_rows(path):
        mark = row.get("answerable")
        if mark is not None and not isinstance(mark, bool):
            raise CorruptFileError(f"{place}: 'answerable' is {mark!r}, expected true or false")
        question = Question(
            required_text(row, "_id", place),
            required_text(row, "text", place),
            answers_of(row, place),
            evidences=texts_of(row, "evidences", place),
        )
        yield question, mark


def _marks(asked: _Asked) -> list[tuple[str, bool | None]]:
    return [(id_, mark) for id_, (_, mark) in asked.items()]


def _judged(
    asked: tuple[Question, bool | None], mark: bool | None, grades: Mapping[str, int] | None
) -> Question | None:
    """Return the question with its qrels, None where nothing says whether it can be answered."""
    if grades is None and mark is not False:
        return None
    relevant = {id_: grade for id_, grade in (grades or {}).items() if grade > 0}
    is_answerable = bool(relevant) and mark is not False
    return replace(asked[0], relevant=relevant, is_answerable=is_answerable)


def _read_qrels(path: Path, *, known: Any, passages: set[str]) -> dict[str, dict[str, int]]:
    """Return question id -> passage id -> grade."""
    grades: dict[str, dict[str, int]] = {}
    for place, line in read_lines(path):
        fields = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
        row = _qrels_row(fields, place, is_first=not grades and place.endswith(", line 1"))
        if row is None:
            continue
        question_id, passage_id, grade = row
        if question_id not in known:
            raise CorruptFileError(f"{place}: no question has the id {question_id!r}")
        if passage_id not in passages:
            raise CorruptFileError(f"{place}: no passage of the corpus has the id {passage_id!r}")
        grades.setdefault(question_id, {})[passage_id] = grade
    if not grades:
        raise CorruptFileError(f"{str(path)!r} holds no judgement")
    return grades


def _qrels_row(fields: list[str], place: str, *, is_first: bool) -> tuple[str, str, int] | None:
    """Return (question, passage, grade) of three columns or TREC's four; None for a header."""
    if len(fields) not in (3, 4):
        raise CorruptFileError(
            f"{place}: {len(fields)} columns, expected question id, passage id, score"
        )
    try:
        grade = int(float(fields[-1]))
    except (ValueError, OverflowError) as error:
        if is_first:
            return None
        raise CorruptFileError(
            f"{place}: the score is {fields[-1]!r}, expected a number"
        ) from error
    return fields[0].strip(), fields[-2].strip(), grade


def _one_of(folder: Path, *names: str) -> Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise NotFoundError(
        f"{str(folder)!r} has no {' or '.join(names)}",
        hint="an evaluation set is a folder of corpus.jsonl, queries.jsonl and qrels.tsv",
    )
