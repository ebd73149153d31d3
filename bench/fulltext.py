"""SQLite FTS5 beside tantivy on the same terms: the figures of docs/adr/0003-full-text.md.

    pip install tantivy
    python bench/fulltext.py [--sizes 10000,100000] [--questions N]

Passages and questions are those of `made_corpus`, cut into terms by ragapp's analyzer beforehand.
Query times are CPU milliseconds of one thread, all others wall seconds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

import numpy as np  # noqa: E402
import tantivy  # noqa: E402

from bench import made_corpus  # noqa: E402
from ragapp.analysis import query_terms, terms_of  # noqa: E402
from ragapp.chunkstore import postings  # noqa: E402
from ragapp.chunkstore.schema import connect, create_if_empty  # noqa: E402

K = 100
N_MORE = 100  # passages that are added, then deleted


class Engine(Protocol):
    """What is measured of a full-text index; `add` and `delete` are durable on return."""

    def add(self, first: int, texts: Sequence[str]) -> None:
        """Index texts of terms under the ids from `first` on."""

    def delete(self, ids: Sequence[int]) -> None:
        """Remove texts."""

    def search(self, terms: Sequence[str]) -> list[int]:
        """Return the ids of the best `K`."""


class Fts5:
    """ragapp's own tables and search."""

    def __init__(self, folder: Path, *, is_narrowed: bool) -> None:
        self._connection = connect(folder / "fts5.sqlite3")
        create_if_empty(self._connection, folder)
        self._limit = {} if is_narrowed else {"scored_whole": sys.maxsize}

    def add(self, first: int, texts: Sequence[str]) -> None:
        """Index texts of terms under the ids from `first` on."""
        self._connection.execute("BEGIN")
        self._connection.executemany(
            "INSERT INTO postings (rowid, terms) VALUES (?, ?)", enumerate(texts, start=first)
        )
        self._connection.execute("COMMIT")

    def delete(self, ids: Sequence[int]) -> None:
        """Remove texts."""
        self._connection.execute("BEGIN")
        self._connection.executemany("DELETE FROM postings WHERE rowid = ?", [(i,) for i in ids])
        self._connection.execute("COMMIT")

    def search(self, terms: Sequence[str]) -> list[int]:
        """Return the ids of the best `K`."""
        return [i for i, _ in postings.search_terms(self._connection, terms, K, **self._limit)]


class Tantivy:
    """tantivy with one writer thread, its terms parted at white space."""

    def __init__(self, folder: Path) -> None:
        builder = tantivy.SchemaBuilder()
        builder.add_integer_field("id", stored=True, indexed=True)
        builder.add_text_field("terms", tokenizer_name="terms", index_option="freq")
        folder.mkdir()
        self._schema = builder.build()
        self._index = tantivy.Index(self._schema, path=str(folder))
        by_space = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
        self._index.register_tokenizer("terms", by_space)

    def add(self, first: int, texts: Sequence[str]) -> None:
        """Index texts of terms under the ids from `first` on."""
        writer = self._index.writer(heap_size=128_000_000, num_threads=1)
        for number, text in enumerate(texts, start=first):
            writer.add_document(tantivy.Document(id=number, terms=text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def delete(self, ids: Sequence[int]) -> None:
        """Remove texts."""
        writer = self._index.writer(heap_size=128_000_000, num_threads=1)
        for number in ids:
            writer.delete_documents_by_term("id", number)
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()

    def search(self, terms: Sequence[str]) -> list[int]:
        """Return the ids of the best `K`."""
        query = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, "terms", term))
                for term in terms
            ]
        )
        searcher = self._index.searcher()
        hits = searcher.search(query, K).hits
        return [searcher.doc(address)["id"][0] for _, address in hits]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    asked = [query_terms(q) for q in made_corpus.questions(arguments.questions)]
    for n in map(int, arguments.sizes.split(",")):
        texts = [" ".join(terms_of(text)) for text in made_corpus.texts(n + N_MORE)]
        with tempfile.TemporaryDirectory() as folder:
            engines: dict[str, Callable[[Path], Engine]] = {
                "FTS5, all terms": lambda path: Fts5(path, is_narrowed=False),
                "FTS5, narrowed": lambda path: Fts5(path, is_narrowed=True),
                "tantivy": lambda path: Tantivy(path / "tantivy"),
            }
            for i, (name, engine) in enumerate(engines.items()):
                place = Path(folder) / str(i)
                place.mkdir()
                print(f"{n} {name}: {measured(engine(place), place, texts, asked)}", flush=True)


def measured(
    engine: Engine, place: Path, texts: Sequence[str], asked: Sequence[Sequence[str]]
) -> str:
    """Return what an engine costs."""
    n = len(texts) - N_MORE
    index_s = seconds(lambda: engine.add(1, list(islice(texts, n))))
    size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    times = []
    for terms in asked:
        start = time.thread_time()
        engine.search(terms)
        times.append(1e3 * (time.thread_time() - start))
    add_s = seconds(lambda: engine.add(n + 1, texts[n:]))
    delete_s = seconds(lambda: engine.delete(range(n + 1, n + N_MORE + 1)))
    return (
        f"indexed in {index_s:.1f} s, {size / 1e6:.0f} MB, p50 {np.median(times):.2f} ms"
        f" (en {np.median(times[::2]):.2f}, zh {np.median(times[1::2]):.2f}),"
        f" p99 {np.percentile(times, 99):.2f} ms, {N_MORE} added in {add_s:.2f} s,"
        f" deleted in {delete_s:.2f} s"
    )


def seconds(work: Callable[[], Any]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
