"""Chunk size and overlap: what they do to retrieval, over public sets with known answers.

    python bench/chunking.py [SET ...] [--sizes 64/0,128/32,...] [--questions N]

Each set (a folder of ../shared/eval, or a path) is ingested through the real pipeline for each
size/overlap in tokens and asked with the dense, the lexical and both legs. A passage's rank is
that of its best chunk. Prints a Markdown table a set: figures, and the difference of the hybrid's
to those of the first size with its paired 95 % interval. "answer in N tokens": the share of the
questions with an answer that stands in the first hits within N tokens, which is fair to all sizes.
A size over the embedder's window ("512*") is cut as if the window were larger: what the model does
not read is lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from ingest.evaluation import _pages  # noqa: E402
from ingest.pipeline import ingest_pages  # noqa: E402
from ragapp.collection import Collection  # noqa: E402
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: E402
from ragapp.evaluation.folder import BenchmarkSet, read_folder  # noqa: E402
from ragapp.evaluation.intervals import paired_difference  # noqa: E402
from ragapp.evaluation.matching import holds, is_label  # noqa: E402
from ragapp.evaluation.questions import Question  # noqa: E402
from ragapp.evaluation.ranking import RANKING_METRICS, score_rankings  # noqa: E402
from ragapp.fusion import Legs  # noqa: E402
from ragapp.language_models.extractive import ExtractiveModel  # noqa: E402
from ragapp.protocols import EmbedderIdentity, Vectors  # noqa: E402
from ragapp.rag import Rag  # noqa: E402
from ragapp.settings import load_settings  # noqa: E402
from ragapp.types import Hit  # noqa: E402

SETS = ("covidqa", "nq_open", "dureader2_demo")
SIZES = "254/64,254/32,254/0,192/32,192/0,128/32,128/0,96/0,64/0"
BUDGETS = (500, 1000, 2000)
N_HITS = 50
LEGS: tuple[Legs, ...] = ("hybrid", "dense", "lexical")

Scores = dict[str, list[float]]  # by metric, a value for each question


class ReusingEmbedder:
    """An embedder that embeds each text once, and claims the window `window` if that is larger."""

    def __init__(self, embedder: SentenceTransformersEmbedder) -> None:
        self._embedder = embedder
        self._vectors: dict[str, Vectors] = {}
        self._queries: dict[str, Vectors] = {}
        self.window = embedder.max_tokens
        self.count_tokens = embedder.count_tokens
        self.token_offsets = embedder.token_offsets
        self.coverage = embedder.coverage

    @property
    def identity(self) -> EmbedderIdentity:
        """Return the model's."""
        return self._embedder.identity

    @property
    def max_tokens(self) -> int:
        """Return the window, the model's or the claimed one."""
        return max(self.window, self._embedder.max_tokens)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dim) unit rows; a text that came before is not embedded again."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(zip(missing, self._embedder.embed_documents(missing), strict=True))
        rows = [self._vectors[text] for text in texts]
        return np.stack(rows) if rows else self._embedder.embed_documents([])

    def embed_query(self, text: str) -> Vectors:
        """Return a (dim,) unit vector."""
        if text not in self._queries:
            self._queries[text] = self._embedder.embed_query(text)
        return self._queries[text]


@dataclass(frozen=True, slots=True)
class Result:
    """One size/overlap on one set: scores by leg, chunks, seconds of ingestion."""

    size: str
    scores: Mapping[str, Scores]
    n_chunks: int
    n_tokens: int
    seconds: float


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--sizes", default=SIZES, help="the first is the baseline")
    parser.add_argument("--questions", type=int, help="only the first N of each set")
    options = parser.parse_args()
    embedder = SentenceTransformersEmbedder("all-MiniLM-L6-v2", device="cpu", dtype="auto")
    for name in options.sets:
        folder = Path(name) if Path(name).is_dir() else ROOT.parent / "shared" / "eval" / name
        benchmark = read_folder(folder)
        questions = benchmark.questions.questions[: options.questions]
        reusing = ReusingEmbedder(embedder)
        results = [
            _measured(benchmark, questions, reusing, size) for size in options.sizes.split(",")
        ]
        print(f"\n## {folder.name}: {len(questions)} questions, {len(benchmark.passages)} passages")
        print(_table(results), flush=True)


def _measured(
    benchmark: BenchmarkSet, questions: Sequence[Question], embedder: ReusingEmbedder, size: str
) -> Result:
    chunk_tokens, overlap_tokens = map(int, size.replace("*", "").split("/"))
    embedder.window = chunk_tokens if "*" in size else 0
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            collection=folder, chunk_tokens=chunk_tokens, overlap_tokens=overlap_tokens
        )
        collection = Collection.open(Path(folder))
        collection.use_embedder(embedder.identity)
        rag = Rag(
            settings=settings,
            collection=collection,
            embedder=embedder,
            language_model=ExtractiveModel(embedder),
        )
        start = time.perf_counter()
        ingest_pages(rag, map(_pages, benchmark.passages))
        seconds = time.perf_counter() - start
        scores = {leg: scores_of(rag, questions, leg) for leg in LEGS}
        texts = [
            item.chunk.embedded_text
            for info in rag.documents()
            for item in collection.document_chunks(info.id)
        ]
        n_tokens = sum(embedder.count_tokens(texts))
        collection.close()
    print(f"{size}: {len(texts)} chunks, {seconds:.0f} s", file=sys.stderr, flush=True)
    return Result(size, scores, len(texts), n_tokens, seconds)


def scores_of(rag: Rag, questions: Sequence[Question], leg: Legs) -> Scores:
    """Return the metrics of every question that the set can answer, in the order of the set."""
    hits = {q.id: rag.search(q.text, top_k=N_HITS, legs=leg) for q in questions if q.relevant}
    rankings = {id_: _sources(found) for id_, found in hits.items()}
    ranked = score_rankings(rankings, {q.id: q.relevant for q in questions if q.relevant})
    scores: Scores = {metric: [] for metric in RANKING_METRICS}
    for question in (q for q in questions if q.relevant):
        for metric in RANKING_METRICS:
            scores[metric].append(ranked[question.id][metric])
        if question.answers and not is_label(question.answers):
            for metric, value in _answer_scores(rag, question, hits[question.id]).items():
                scores.setdefault(metric, []).append(value)
    return scores


def _sources(hits: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(name for hit in hits for name in (hit.source, *hit.also_in)))


def _answer_scores(rag: Rag, question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    """Return whether the right passage's first chunks, or the first N tokens, hold an answer."""
    held = [
        bool({hit.source, *hit.also_in} & set(question.relevant))
        and holds(hit.text, question.answers)
        for hit in hits
    ]
    scores = {f"answer@{k}": float(any(held[:k])) for k in (1, 3, 5)}
    ends = np.cumsum(rag.embedder.count_tokens([hit.text for hit in hits]))
    for budget in BUDGETS:
        n_within = int(np.searchsorted(ends, budget, side="right"))
        scores[f"answer in {budget}"] = float(any(held[:n_within]))
    return scores


def _table(results: Sequence[Result]) -> str:
    base = results[0]
    metrics = list(base.scores["hybrid"])
    head = ["size/overlap", "chunks", "tokens", "s", *metrics, "nDCG@10 dense", "nDCG@10 lexical"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for result in results:
        hybrid = result.scores["hybrid"]
        row = [result.size, str(result.n_chunks), str(result.n_tokens), f"{result.seconds:.0f}"]
        row += [_cell(hybrid[m], base.scores["hybrid"][m], result is base) for m in metrics]
        row += [f"{np.mean(result.scores[leg]['nDCG@10']):.3f}" for leg in ("dense", "lexical")]
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def _cell(values: Sequence[float], base: Sequence[float], is_base: bool) -> str:
    mean = f"{np.mean(values):.3f}"
    if is_base:
        return mean
    difference = paired_difference(values, base)
    return f"{mean} ({difference.low:+.3f} to {difference.high:+.3f})"


if __name__ == "__main__":
    main()
