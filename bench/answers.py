"""Answers on public question sets: is the reference answer quoted, and by the right sentence?

    python bench/answers.py [SET...] [--limit 300] [--top-k 3] [--gold]

Each set of ../shared/eval is ingested and asked through the whole pipeline with the engine in
force; its collection is kept in the cache. Beside the answers stands what quoting the one or two
sentences with the best BM25, cosine or sum of both (min-max) out of the same passages would hold.
The constants of the extractive engine were fitted on one half of the questions ("fitted"), the
other half is "held". `--gold` gives the passage that holds the answer instead of searching.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha1
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from ingest.evaluation import opened_folder  # noqa: E402
from ragapp import Answer, Hit, Rag, Source  # noqa: E402
from ragapp.analysis import query_terms, terms_of  # noqa: E402
from ragapp.evaluation.matching import exact_match, f1, holds  # noqa: E402
from ragapp.evaluation.questions import Question  # noqa: E402
from ragapp.sentences import split_sentences  # noqa: E402

SETS = (
    "xquad_en xquad_zh cmrc2018_dev drcd_test expmrc_squad_dev expmrc_cmrc_dev squadshifts_wiki "
    "nq_open dureader_robust_dev"
)
PICKS = ("BM25", "cosine", "sum")
Row = dict[str, float]


def main() -> None:
    """Print a row for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS.split())
    parser.add_argument("--limit", type=int, default=300, help="questions, drawn by a fixed seed")
    parser.add_argument("--top-k", type=int, default=3, help="passages, the same for all")
    parser.add_argument("--gold", action="store_true", help="give the passage with the answer")
    options = parser.parse_args()
    _print_head()
    for name in options.sets:
        folder = ROOT.parent / "shared" / "eval" / name
        start = time.perf_counter()
        with opened_folder(folder, abstain_below=0.0) as (rag, known):
            asked = drawn(known.questions.questions, options.limit)
            rows = [
                _asked(rag, question, top_k=options.top_k, has_gold=options.gold)
                for question in asked
            ]
        _print_set(name, asked, rows, time.perf_counter() - start)


def drawn(questions: Iterable[Question], limit: int) -> list[Question]:
    """Return at most `limit` of the questions that can be judged, the same ones each time."""
    judged = [q for q in questions if q.is_answerable and q.answers]
    random.Random(0).shuffle(judged)
    return judged[:limit]


def is_held(question: Question) -> bool:
    """Tell whether nothing was fitted on a question."""
    return int(sha1(question.id.encode()).hexdigest(), 16) % 2 == 1


def _asked(rag: Rag, question: Question, *, top_k: int, has_gold: bool) -> Row:
    """Return what holds of one question, each figure 0 or 1 or a count."""
    where = None
    for id_ in question.relevant if has_gold else ():
        where = Source(id_) if where is None else where | Source(id_)
    answer = rag.ask(question.text, top_k=top_k, where=where)
    quotes = [citation.quote for citation in answer.citations]
    row: Row = {
        "passages": float(any(holds(hit.text, question.answers) for hit in answer.hits)),
        "quoted": float(any(holds(quote, question.answers) for quote in quotes)),
        "quotes": float(len(quotes)),
        "unresolvable": float(_unresolvable(rag, answer)),
        "seconds": answer.timings_ms.total / 1000.0,
        **_singles(rag, question, answer.hits),
    }
    if rag.language_model.name != "extractive":
        row |= {"EM": exact_match(answer.text, question.answers)}
        row |= {"F1": f1(answer.text, question.answers)}
    if question.evidences and quotes:
        row |= _evidence(question.evidences, quotes)
    return row


def _unresolvable(rag: Rag, answer: Answer) -> int:
    return sum(
        rag.document(c.document_id).text[c.start : c.end] != c.quote for c in answer.citations
    )


def _evidence(evidences: Sequence[str], quotes: Sequence[str]) -> Row:
    """Return the share of quotes that are evidence, and the share of evidence that is quoted.

    Of several evidences of a question, any one will do.
    """
    proving = [any(holds(q, [e]) or holds(e, [q]) for e in evidences) for q in quotes]
    recalls = []
    for evidence in evidences:
        parts = [evidence[start:end] for start, end in split_sentences(evidence)]
        found = [any(holds(q, [part]) or holds(part, [q]) for q in quotes) for part in parts]
        recalls.append(sum(found) / max(len(found), 1))
    return {"precision": sum(proving) / len(proving), "recall": max(recalls)}


def _singles(rag: Rag, question: Question, hits: Sequence[Hit]) -> Row:
    """Return whether the best sentence, and the two best, by each of PICKS hold the answer."""
    texts = list(
        dict.fromkeys(
            hit.text[start:end] for hit in hits for start, end in split_sentences(hit.text)
        )
    )
    if not texts:
        return {f"{pick}{n}": 0.0 for pick in PICKS for n in (1, 2)}
    lexical = _bm25(query_terms(question.text), [terms_of(text) for text in texts])
    dense = _embedded(rag, texts) @ rag.embedder.embed_query(question.text)
    scores = {"BM25": lexical, "cosine": dense, "sum": _min_max(lexical) + _min_max(dense)}
    row: Row = {}
    for pick, values in scores.items():
        held = [holds(texts[i], question.answers) for i in np.argsort(-values, kind="stable")[:2]]
        row |= {f"{pick}1": float(held[0]), f"{pick}2": float(any(held))}
    return row


_VECTORS: dict[str, np.ndarray] = {}


def _embedded(rag: Rag, texts: Sequence[str]) -> np.ndarray:
    """Return (n, dim) vectors; a sentence is embedded once."""
    new = [text for text in texts if text not in _VECTORS]
    if new:
        _VECTORS.update(zip(new, rag.embedder.embed_documents(new), strict=True))
    return np.stack([_VECTORS[text] for text in texts])


def _bm25(wanted: Sequence[str], documents: Sequence[Sequence[str]]) -> np.ndarray:
    """Return each sentence's BM25 (k1 = 1.2, b = 0.75), rarity counted among the sentences."""
    held = Counter(term for document in documents for term in set(document))
    mean = sum(map(len, documents)) / len(documents) or 1.0
    n = len(documents)
    scores = np.zeros(n)
    for i, document in enumerate(documents):
        counts = Counter(document)
        damping = 1.2 * (0.25 + 0.75 * len(document) / mean)
        for term in wanted:
            rarity = math.log(1.0 + (n - held[term] + 0.5) / (held[term] + 0.5))
            scores[i] += rarity * counts[term] * 2.2 / (counts[term] + damping)
    return scores


def _min_max(scores: np.ndarray) -> np.ndarray:
    spread = np.ptp(scores)
    return (scores - scores.min()) / spread if spread else np.zeros(len(scores))


def _print_head() -> None:
    columns = (
        "set questions passages|one sentence: BM25 cosine sum|two: BM25 cosine sum|"
        "ours fitted held|over the best one|quotes precision recall|unresolvable|s/question"
    )
    print(f"| {columns.replace('|', ' | ')} |\n|{'---|' * (columns.count('|') + 1)}")


def _print_set(name: str, asked: Sequence[Question], rows: Sequence[Row], seconds: float) -> None:
    halves = [
        _mean([row for q, row in zip(asked, rows, strict=True) if is_held(q) is held], "quoted")
        for held in (False, True)
    ]
    ones = [_mean(rows, f"{pick}1") for pick in PICKS]
    twos = [_mean(rows, f"{pick}2") for pick in PICKS]
    ours = _mean(rows, "quoted")
    judged: Mapping[str, Any] = {
        key: _mean([row for row in rows if key in row], key)
        for key in ("precision", "recall", "EM", "F1")
        if any(key in row for row in rows)
    }
    cells = [
        f"{name} {len(rows)} {_mean(rows, 'passages'):.3f}",
        " ".join(f"{x:.3f}" for x in ones),
        " ".join(f"{x:.3f}" for x in twos),
        " ".join(f"{x:.3f}" for x in (ours, *halves)),
        f"{ours - max(ones):+.3f}",
        f"{_mean(rows, 'quotes'):.2f} " + " ".join(f"{x:.3f}" for x in judged.values()),
        f"{sum(row['unresolvable'] for row in rows):.0f}",
        f"{_mean(rows, 'seconds'):.3f} ({seconds:.0f} s in all)",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def _mean(rows: Sequence[Row], key: str) -> float:
    return sum(row[key] for row in rows) / len(rows) if rows else 0.0


if __name__ == "__main__":
    main()
