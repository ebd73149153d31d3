"""Speed of the dense index, and of retrieval as a whole, by the number of passages.

    python bench/index.py [--sizes 10000,100000] [--questions N] [--data DIR] [--no-collection]

On one core. First the index alone beside FAISS's own flat and HNSW, recall against exact search;
then a collection of as many passages, stored as ingestion stores them: opening it, its dense and
its full-text search, and `retrieve` with ready-made embeddings of the questions. Vectors are kept
in DIR. Times are CPU time for searches, wall time for builds and opening. A million takes 2 GB of
memory for the vectors, as much for each index, and some ten minutes.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

import faiss  # noqa: E402
import numpy as np  # noqa: E402

from bench import made_corpus  # noqa: E402
from ragapp.analysis import query_terms  # noqa: E402
from ragapp.chunkstore import Database, vectors  # noqa: E402
from ragapp.chunkstore.database import DATABASE_NAME  # noqa: E402
from ragapp.collection import Collection, Source, changes  # noqa: E402
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: E402
from ragapp.indexes.faiss import FaissIndex  # noqa: E402
from ragapp.protocols import Ids, Vectors  # noqa: E402
from ragapp.retrieval import retrieve  # noqa: E402
from ragapp.types import Chunk, Document  # noqa: E402

NONE = np.zeros(0, dtype=np.int64)
K = 10
N_CANDIDATES = 100
BATCH = 20_000
PASSAGES_PER_DOCUMENT = 20
DOCUMENTS_PER_TRANSACTION = 250


class ReadyEmbedder(SentenceTransformersEmbedder):
    """The built-in embedder, whose embeddings of the questions are made beforehand."""

    def __init__(self, ready: dict[str, Vectors]) -> None:
        super().__init__("all-MiniLM-L6-v2", device="cpu")
        self._ready = ready

    def embed_query(self, text: str) -> Vectors:
        """Return the vector of one of the known questions."""
        return self._ready[text]


class Rows:
    """The rows of an array as an index takes them, by number."""

    def __init__(self, rows: Vectors) -> None:
        self._rows = rows
        self.n_vectors, self.dim = rows.shape

    def __iter__(self) -> Iterator[tuple[Ids, Vectors]]:
        """Yield them in batches."""
        for start in range(0, self.n_vectors, BATCH):
            rows = self._rows[start : start + BATCH]
            yield np.arange(start, start + len(rows), dtype=np.int64), rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "ragapp-bench")
    parser.add_argument("--no-collection", action="store_true")
    arguments = parser.parse_args()
    faiss.omp_set_num_threads(1)
    real, asked = made_corpus.embeddings(arguments.data)
    for n in map(int, arguments.sizes.split(",")):
        rows = made_corpus.enlarged(real, n)
        measure_indexes(rows, asked[: arguments.questions])
        if not arguments.no_collection:
            with tempfile.TemporaryDirectory(dir=arguments.data) as folder:
                measure_collection(Path(folder), rows, asked[: arguments.questions])


def measure_indexes(rows: Vectors, queries: Vectors) -> None:
    """Print a line for each kind of index."""
    n, dim = rows.shape
    flat = faiss.IndexFlatIP(dim)
    build_s = timed(lambda: flat.add(rows))[1]
    exact = report(n, "FAISS flat", build_s, n * dim * 4, lambda q: raw_ids(flat, q), queries)
    if n <= 100_000:
        graph = faiss.IndexHNSWFlat(dim, 16, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction, graph.hnsw.efSearch = 100, 256
        build_s = timed(lambda: graph.add(rows))[1]
        size = n * (dim * 4 + 2 * 16 * 4)
        report(n, "FAISS HNSW16", build_s, size, lambda q: raw_ids(graph, q), queries, exact)
    index, build_s = timed(lambda: FaissIndex.build(Rows(rows)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        index.save(path)
        size = path.stat().st_size
    search = lambda q: index.search(q, K, excluded=NONE)[0]  # noqa: E731
    report(n, "ragapp", build_s, size, search, queries, exact)


def raw_ids(index: Any, query: Vectors) -> Any:
    """Return the rows that a FAISS index finds."""
    return index.search(query[np.newaxis, :], K)[1][0]


def measure_collection(folder: Path, rows: Vectors, asked: Vectors) -> None:
    """Print what opening a collection and the parts of a question cost."""
    questions = made_corpus.questions(len(asked))
    ready = dict(zip(questions, asked, strict=True))
    embedder = ReadyEmbedder(ready)
    fill_s = timed(lambda: fill(folder, rows, embedder))[1]
    build_s = timed(lambda: build(folder))[1]
    start = time.perf_counter()
    with closing(Collection.open(folder)) as collection:
        collection.use_embedder(embedder.identity)
        collection.search_dense(rows[0], K)
        open_s = time.perf_counter() - start
        print(
            f"{len(rows)} collection: filled in {fill_s:.0f} s, index built in {build_s:.1f} s,"
            f" opened with a first search in {open_s:.2f} s, {megabytes(folder)} MB on disk"
        )
        parts: dict[str, Callable[[str], Any]] = {
            "term weights": lambda q: collection.term_weights(query_terms(q)),
            "full text": lambda q: collection.search_lexical(query_terms(q), N_CANDIDATES),
            "dense": lambda q: collection.search_dense(ready[q], N_CANDIDATES),
            "retrieve": lambda q: retrieve(
                q, collection=collection, embedder=embedder, top_k=5, n_candidates=N_CANDIDATES
            ),
        }
        for name, part in parts.items():
            times = [cpu_ms(part, q)[1] for q in questions]
            english, chinese = np.median(times[::2]), np.median(times[1::2])
            print(
                f"{len(rows)} {name}: p50 {np.median(times):.2f} ms, p99"
                f" {np.percentile(times, 99):.2f} ms (p50 en {english:.2f}, zh {chinese:.2f})",
                flush=True,
            )


def build(folder: Path) -> None:
    """Bring the index up to date, as every ingestion does at its end."""
    with closing(Collection.open(folder)) as collection, collection.writing():
        pass


def fill(folder: Path, rows: Vectors, embedder: ReadyEmbedder) -> None:
    """Store as many made passages as there are vectors, in documents of twenty."""
    with closing(Collection.open(folder)) as collection:
        collection.use_embedder(embedder.identity)
    database = Database(folder / DATABASE_NAME)
    texts = made_corpus.texts(len(rows))
    with closing(database):
        step = PASSAGES_PER_DOCUMENT * DOCUMENTS_PER_TRANSACTION
        for start in range(0, len(rows), step):
            with database.writing() as connection:
                for first in range(start, min(start + step, len(rows)), PASSAGES_PER_DOCUMENT):
                    held = [
                        next(texts) for _ in range(min(PASSAGES_PER_DOCUMENT, len(rows) - first))
                    ]
                    document, pieces = made_document(first, held)
                    ids = changes.store_document(connection, document, pieces, near=())
                    vectors.insert_vectors(connection, ids, 1, rows[first : first + len(held)])
                    digest = sha256(document.text.encode()).digest()
                    changes.hand_over(
                        connection, Source(document.source, document.id, digest, 1, 1, "made")
                    )


def made_document(number: int, held: Sequence[str]) -> tuple[Document, list[Chunk]]:
    """Return a document of the given passages, and its chunks."""
    identity = f"d{number:010d}"
    pieces, place = [], 0
    for ordinal, text in enumerate(held):
        end = place + len(text)
        pieces.append(Chunk(identity, ordinal, place, end, text, None, "", "und"))
        place = end + 1
    text = "\n".join(held)
    return Document(identity, f"/{identity}.txt", f"Document {number}", text, "text"), pieces


def report(
    n: int,
    name: str,
    build_s: float,
    size: int,
    search: Callable[[Vectors], Any],
    queries: Vectors,
    exact: Sequence[set[int]] | None = None,
) -> list[set[int]]:
    """Print what an index costs and finds; return what it found."""
    answers = [cpu_ms(search, query) for query in queries]
    found = [{int(i) for i in ids} for ids, _ in answers]
    times = [ms for _, ms in answers]
    recall = np.mean([len(a & b) / K for a, b in zip(found, exact or found, strict=True)])
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"{n} {name}: build {build_s:.1f} s, {size / n:.0f} MB per million,"
        f" recall@{K} {recall:.4f}, p50 {np.median(times):.2f} ms,"
        f" p99 {np.percentile(times, 99):.2f} ms, peak memory so far {peak_kb // 1024} MB",
        flush=True,
    )
    return found


def cpu_ms(work: Callable[[Any], Any], value: Any) -> tuple[Any, float]:
    """Return what `work` gives for `value`, and its CPU milliseconds."""
    start = time.thread_time()
    result = work(value)
    return result, 1e3 * (time.thread_time() - start)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `work` gives, and its seconds."""
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def megabytes(folder: Path) -> int:
    """Return how much lies in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >> 20


if __name__ == "__main__":
    main()
