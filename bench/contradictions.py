"""How many contradictions between two versions of a text an answer tells.

    python bench/contradictions.py [--sets xquad_en xquad_zh] [--questions 250]

Each passage of a public set stands beside a copy in which every number but years is another one.
Counted are the answers whose quotes the other copy does not hold (a number in them was changed):
how many of them tell it, and how many others tell a contradiction that is none.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from ingest import ingest_paths  # noqa: E402
from ragapp import Answer, Rag, open_rag  # noqa: E402

SETS = ROOT.parent / "shared" / "eval"
_NUMBER = re.compile(r"(?<![\d.,A-Za-z-])([1-8])(\d+)(?!\d)")
_YEAR = re.compile(r"(?:1\d|20)\d\d")


def measure(name: str, *, n_questions: int) -> Counter[str]:
    """Return the counts "changed", "told" and "false" over the first questions of a set."""
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents"
        documents.mkdir()
        for i, row in enumerate(_rows(SETS / name / "corpus.jsonl")):
            _write_pair(documents, i, str(row["text"]))
        with open_rag(Path(folder) / "collection", abstain_below=0.0) as rag:
            ingest_paths(rag, [documents])
            return _asked(rag, _rows(SETS / name / "queries.jsonl")[:n_questions])


def _asked(rag: Rag, questions: list[dict[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for question in questions:
        answer = rag.ask(str(question["text"]))
        if _is_contradicted(answer):
            counts["changed"] += 1
            counts["told"] += bool(answer.conflicts)
        else:
            counts["false"] += bool(answer.conflicts)
    return counts


def _write_pair(folder: Path, number: int, text: str) -> None:
    changed = _NUMBER.sub(_other_number, text)
    (folder / f"{number}-a.txt").write_text(text, encoding="utf-8")
    if changed != text:
        (folder / f"{number}-b.txt").write_text(changed, encoding="utf-8")


def _other_number(found: re.Match[str]) -> str:
    return found[0] if _YEAR.fullmatch(found[0]) else f"{int(found[1]) + 1}{found[2]}"


def _is_contradicted(answer: Answer) -> bool:
    return any(
        other.exists() and citation.quote not in other.read_text(encoding="utf-8")
        for citation in answer.citations
        for other in [_other_copy(Path(citation.source))]
    )


def _other_copy(path: Path) -> Path:
    number, _, copy = path.stem.partition("-")
    return path.with_stem(f"{number}-{'b' if copy == 'a' else 'a'}")


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    """Print a line for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sets", nargs="+", default=["xquad_en", "xquad_zh"])
    parser.add_argument("--questions", type=int, default=250)
    arguments = parser.parse_args()
    for name in arguments.sets:
        counts = measure(name, n_questions=arguments.questions)
        print(
            f"{name}: {counts['told']} of {counts['changed']} changed quotes told,"
            f" {counts['false']} told that were not changed"
        )


if __name__ == "__main__":
    main()
