"""The question-and-answer rows that the reader may learn from, with their passages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# no licence stated, or none that allows shipping what was learnt
_LEFT_OUT = frozenset({"c3_train", "subjqa", "cjrc_dev", "cjrc_test", "cjrc_train_small"})


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of the training contexts."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Triple:
    """A question, its passage, and where in the passage's text the answer stands."""

    id: str
    question: str
    passage: Passage
    start: int
    end: int


def read_triples(folder: Path, language: str, *, split: str) -> list[Triple]:
    """Return the usable rows of a language, in the file's order.

    Left out are sources without a fitting licence, rows whose article an eval set holds too, and
    answers that stand nowhere in the passage. Raises OSError for a folder without the files.
    """
    passages = {p.id: p for p in read_passages(folder, language)}
    triples = []
    for row in _rows(folder / f"{language}_qa.jsonl.gz"):
        is_usable = (
            row["split"] == split
            and row["kind"] == "span"
            and row["answerable"]
            and row["source"] not in _LEFT_OUT
            and not row.get("same_article_as_eval")
        )
        answer = row["answers"][0] if row["answers"] else {"start": -1}
        if not is_usable or answer["start"] < 0 or row["context_id"] not in passages:
            continue
        start, end = answer["start"], answer["start"] + len(answer["text"])
        passage = passages[row["context_id"]]
        triples.append(Triple(row["id"], row["question"], passage, start, end))
    return triples


def read_passages(folder: Path, language: str) -> Iterator[Passage]:
    """Yield the passages of a language that rows may refer to."""
    for row in _rows(folder / f"{language}_contexts.jsonl.gz"):
        if row["source"] not in _LEFT_OUT:
            yield Passage(row["_id"], row["title"], row["text"])


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
