"""How well the sample corpus is answered: documents found, answers quoted, refusals.

    python bench/sample_questions.py [--collection DIR] [--verbose]

Ingests sample_corpus/ into DIR (default: a temporary one) and asks its 40 questions.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from ingest import ingest_paths  # noqa: E402
from ragapp import Answer, Rag, open_rag  # noqa: E402

CORPUS = ROOT / "sample_corpus"
TOP_K = 5


@dataclass(frozen=True, slots=True)
class Result:
    """One question with its answer and what was right about it."""

    question: dict[str, Any]
    answer: Answer
    found: bool
    contains: bool
    page_right: bool


def evaluate(rag: Rag) -> list[Result]:
    """Ask all questions of the sample corpus, which must have been ingested."""
    return [_result(question, rag) for question in read_questions("questions.jsonl")]


def read_questions(name: str) -> list[dict[str, Any]]:
    """Return the rows of a file of questions on the sample corpus."""
    lines = (CORPUS / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _result(question: dict[str, Any], rag: Rag) -> Result:
    answer = rag.ask(question["question"], top_k=TOP_K)
    wanted = {question["source"], *question.get("also", [])} - {None}
    hits = [
        h for h in answer.hits if any(s.endswith(tuple(wanted)) for s in (h.source, *h.also_in))
    ]
    cited = [c for c in answer.citations if any(a in c.quote for a in question["answers"])]
    return Result(
        question=question,
        answer=answer,
        found=bool(wanted) and bool(hits),
        contains=any(text in answer.text for text in question["answers"]),
        page_right=any(c.page == question["page"] for c in cited),
    )


def summary(results: list[Result]) -> dict[str, int]:
    """Return the counts by which the corpus is judged."""
    answerable = [r for r in results if r.question["answerable"]]
    return {
        "answerable": len(answerable),
        "right document in the top 5": sum(r.found for r in answerable),
        "answer holds the expected text": sum(r.contains for r in answerable),
        "cited on the expected page": sum(r.page_right for r in answerable),
        "wrongly refused": sum(r.answer.abstained for r in answerable),
        "unanswerable": len(results) - len(answerable),
        "rightly refused": sum(r.answer.abstained for r in results if not r.question["answerable"]),
    }


def main() -> None:
    """Print the counts, with --verbose every question that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        open_rag(options.collection or Path(temporary) / "collection") as rag,
    ):
        ingest_paths(rag, [CORPUS])
        results = evaluate(rag)
    for result in results if options.verbose else []:
        _print_if_wrong(result)
    for name, count in summary(results).items():
        print(f"{count:>3}  {name}")


def _print_if_wrong(result: Result) -> None:
    question, answer = result.question, result.answer
    is_right = result.contains if question["answerable"] else answer.abstained
    if is_right and not (question["answerable"] and not result.found):
        return
    print(f"{question['id']} {question['question']}")
    print(f"   expected {question['answers']} in {question['source']}, found: {result.found}")
    print(f"   got {answer.text!r}")
    hits = [(Path(h.source).name, round(h.coverage, 2), h.dense_score) for h in answer.hits]
    print(f"   hits {hits}")


if __name__ == "__main__":
    main()
