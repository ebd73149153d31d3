"""Question sets on the user's own collection: rows of JSON Lines, and running them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ragapp.errors import CorruptFileError, NotFoundError, RagError, UsageError
from ragapp.evaluation.asking import OnQuestion, checked_systems, evaluate, facts_of
from ragapp.evaluation.questions import (
    Question,
    QuestionSet,
    answers_of,
    optional_text,
    read_rows,
    required_text,
)
from ragapp.evaluation.run import EvaluationRun
from ragapp.rag import Rag
from ragapp.types import Hit
from ragapp.whole_files import write_whole


@dataclass(frozen=True, slots=True)
class OwnQuestion:
    """A row of an editable set: `[start, end)` of the document is what answers the question.

    An unanswerable question has no document, and `kind` says how the row was made. `also` are
    further documents that answer it.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    document: str | None = None
    source: str | None = None
    start: int = 0
    end: int = 0
    kind: str = ""
    is_answerable: bool = True
    also: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the row as plain JSON values, under the names that the README documents."""
        return {
            "_id": self.id,
            "text": self.text,
            "answers": list(self.answers),
            "document": self.document,
            "source": self.source,
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "answerable": self.is_answerable,
        } | ({"also": list(self.also)} if self.also else {})


def write_questions(
    path: Path, questions: Iterable[OwnQuestion], *, is_forced: bool = False
) -> None:
    """Write a set as JSON Lines. Raises UsageError for a file in its place, RagError."""
    if path.exists() and not is_forced:
        raise UsageError(f"{str(path)!r} is there already", hint="replace it with --force")
    if not path.parent.is_dir():
        raise RagError(f"{str(path.parent)!r} is no folder", hint="make it, or name another")
    rows = (json.dumps(question.to_dict(), ensure_ascii=False) for question in questions)
    write_whole(path, "".join(f"{row}\n" for row in rows))


def evaluate_questions(
    rag: Rag,
    path: str | Path,
    *,
    systems: Sequence[str] = (),
    has_answers: bool = False,
    on_progress: OnQuestion | None = None,
) -> EvaluationRun:
    """Ask a set of one's own on the collection: a document's rank is that of its best chunk.

    Raises NotFoundError for a missing file or where no question belongs to the collection,
    CorruptFileError (naming the line), UsageError.
    """
    wanted = checked_systems(systems, has_reranker=rag.searcher.reranker is not None)
    questions = _read(Path(path), rag)
    stats = rag.collection.stats()
    facts = {
        "source": str(path),
        "documents": stats.n_documents,
        "chunks": stats.n_chunks,
        **facts_of(rag),
    }
    return evaluate(
        rag,
        questions,
        systems=wanted,
        has_answers=has_answers,
        keys=_documents_of,
        facts=facts,
        on_question=on_progress,
    )


def labelled_questions(rag: Rag, path: str | Path) -> list[tuple[str, bool]]:
    """Return the questions of a set of one's own, each with whether it is answerable.

    Raises NotFoundError and CorruptFileError as `evaluate_questions` does.
    """
    return [(item.text, item.is_answerable) for item in _read(Path(path), rag).questions]


def _documents_of(hit: Hit) -> list[str]:
    """Return the documents in which a hit stands: equal passages are stored once."""
    return [hit.document_id, *(place.document_id for place in hit.also_at)]


def _read(path: Path, rag: Rag) -> QuestionSet:
    """Return the questions whose documents are still there; the others are counted."""
    documents = rag.documents()
    ids = {info.id for info in documents}
    by_source = {source: info.id for info in documents for source in info.sources}
    read: dict[str, Question | None] = {}
    for place, row in read_rows(path):
        id_ = required_text(row, "_id", place)
        if id_ in read:
            raise CorruptFileError(f"{place}: the id {id_!r} stands twice")
        read[id_] = _question(row, place, ids=ids, by_source=by_source)
    questions = tuple(question for question in read.values() if question is not None)
    if not read:
        raise CorruptFileError(f"{str(path)!r} holds no question")
    if not questions:
        raise NotFoundError(
            f"no question of {str(path)!r} is about a document of this collection",
            hint="make a set of its own: ragapp eval make questions.jsonl",
        )
    return QuestionSet(path.stem, questions, len(read) - len(questions))


def _question(
    row: Mapping[str, Any], place: str, *, ids: set[str], by_source: Mapping[str, str]
) -> Question | None:
    """Return a row's question, None where its document is gone.

    Where the file was read anew to another text, offsets no longer hold and only answers count.
    """
    id_, text = required_text(row, "_id", place), required_text(row, "text", place)
    answers, is_answerable = answers_of(row, place), row.get("answerable", True)
    if not isinstance(is_answerable, bool):
        raise CorruptFileError(
            f"{place}: 'answerable' is {is_answerable!r}, expected true or false"
        )
    if not is_answerable:
        return Question(id_, text, is_answerable=False)
    named = optional_text(row, "document", place)
    start, end = _offset(row, "start", place), _offset(row, "end", place)
    found = named if named in ids else by_source.get(optional_text(row, "source", place))
    if found is None:
        return None
    has_place = found == named and end > start
    also = [other for other in _texts(row, "also", place) if other in ids]
    return Question(
        id_,
        text,
        answers,
        relevant=dict.fromkeys([found, *also], 1),
        document_id=found if has_place else None,
        start=start,
        end=end,
    )


def _texts(row: Mapping[str, Any], key: str, place: str) -> list[str]:
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise CorruptFileError(f"{place}: {key!r} is {values!r}, expected a list of texts")
    return values


def _offset(row: Mapping[str, Any], key: str, place: str) -> int:
    value = row.get(key) or 0
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise CorruptFileError(f"{place}: {key!r} is {value!r}, expected a number of 0 or more")
    return value
