"""How well follow-up questions are searched: without the conversation, with it, and the oracle.

    python bench/followups.py [--collection DIR] [--beside PATH]... [--verbose]

Ingests sample_corpus/, and each PATH to make it harder, into DIR (default: a temporary one), leads
the 60 conversations of sample_corpus/followups.jsonl up to their last question, and prints in which
share the passage that holds the answer comes first, and is among the first 5: searched by the
question alone, with what it takes over from the conversation, and by a question written by hand
that needs none (the oracle). Rules were fitted on the half "fit" alone; no conversation of "check"
was read for it. Last come the corpus' own questions, each after one about something else: they must
lose nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from bench.sample_questions import CORPUS, TOP_K, read_questions  # noqa: E402
from ingest import ingest_paths  # noqa: E402
from ragapp import Rag, open_rag  # noqa: E402


@dataclass(frozen=True, slots=True)
class Result:
    """The rank of the passage with the answer, 0 where it is not among the first, three ways."""

    followup: dict[str, Any]
    alone: int
    carried: int
    oracle: int


def followups() -> list[dict[str, Any]]:
    """Return the conversations: earlier questions, the last one, where its answer stands."""
    return read_questions("followups.jsonl")


def unrelated() -> list[dict[str, Any]]:
    """Return the corpus' answerable questions, each after one about another document."""
    asked = [question for question in read_questions("questions.jsonl") if question["answerable"]]
    apart = len(asked) // 4  # so far on, a question of the same language is of another document
    return [
        question
        | {"history": [asked[i - apart]["question"]], "standalone": question["question"]}
        | {"half": "", "kind": "unrelated"}
        for i, question in enumerate(asked)
    ]


def evaluate(rag: Rag, conversations: list[dict[str, Any]]) -> list[Result]:
    """Lead conversations over the sample corpus, which must have been ingested."""
    return [_result(followup, rag) for followup in conversations]


def _result(followup: dict[str, Any], rag: Rag) -> Result:
    history: list[Any] = []
    for question in followup["history"]:
        answer = rag.ask(question, top_k=TOP_K, history=history)
        history += [("user", question), ("assistant", answer.text)]
    asked = followup["question"]
    carried = rag.ask(asked, top_k=TOP_K, history=history).hits
    oracle = rag.search(followup["standalone"], top_k=TOP_K)
    ranks = (_rank(followup, hits) for hits in (rag.search(asked, top_k=TOP_K), carried, oracle))
    return Result(followup, *ranks)


def _rank(followup: dict[str, Any], hits: Any) -> int:
    for hit in hits:
        held = any(source.endswith(followup["source"]) for source in (hit.source, *hit.also_in))
        if held and any(_solid(text) in _solid(hit.text) for text in followup["answers"]):
            return int(hit.rank)
    return 0


def _solid(text: str) -> str:
    return "".join(text.split())


def table(results: list[Result]) -> list[tuple[str, list[Result]]]:
    """Return the groups of conversations by name: all, each half, language and kind."""
    groups = [("all", results)]
    for key in ("half", "language", "kind"):
        for value in dict.fromkeys(result.followup[key] for result in results):
            groups.append((value, [r for r in results if r.followup[key] == value]))
    return groups


def recall(ranks: list[int], k: int) -> float:
    """Return in [0, 1] the share of ranks from 1 to `k`."""
    return sum(0 < rank <= k for rank in ranks) / len(ranks)


def main() -> None:
    """Print the table; with --verbose the conversations outside "check" that went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path)
    parser.add_argument("--beside", type=Path, action="append", default=[], metavar="PATH")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        open_rag(options.collection or Path(temporary) / "collection") as rag,
    ):
        ingest_paths(rag, [CORPUS, *options.beside])
        print(f"{rag.collection.stats().n_passages} passages")
        results = evaluate(rag, followups())
        others = evaluate(rag, unrelated())
    for result in [*results, *others] if options.verbose else []:
        followup = result.followup
        if followup["half"] != "check" and result.carried != 1:
            ranks = (result.alone, result.carried, result.oracle)
            print(followup["id"], *followup["history"], "|", followup["question"], ranks)
    _print([*table(results), ("unrelated", others)])


def _print(groups: list[tuple[str, list[Result]]]) -> None:
    print(f"{'':<10}{'':>4}{'recall@1':^24}{'recall@5':^24}")
    print(f"{'':<10}{'n':>4}" + f"{'alone':>8}{'carried':>8}{'oracle':>8}" * 2)
    for name, chosen in groups:
        ways = [[r.alone for r in chosen], [r.carried for r in chosen], [r.oracle for r in chosen]]
        shares = (f"{recall(ranks, k):>8.3f}" for k in (1, TOP_K) for ranks in ways)
        print(f"{name:<10}{len(chosen):>4}" + "".join(shares))


if __name__ == "__main__":
    main()
