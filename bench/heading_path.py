"""Whether it helps to embed and index a chunk below its heading path.

    python bench/heading_path.py [covidqa] [sample] [sections-en] [sections-zh]

Each set is indexed twice, with the path above each chunk and without, at the sizes of the
settings, and asked the same questions. `covidqa` (the path is the article's title) and `sample`
(the sample corpus) have questions of people. `sections-*` are made from long documents with
headings: a heading, and the longest words of a sentence below it that is not the section's first,
ask for the chunk that holds the sentence. Prints each leg's figures and the paired 95 % interval
of what the path adds. Chinese is asked of the full-text leg alone: the built-in embedder cannot
read it.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from bench.chunking import LEGS, ReusingEmbedder, Scores, scores_of  # noqa: E402
from bench.locality import DOCUMENTS, read_document  # noqa: E402
from ingest.chunk import chunk_document  # noqa: E402
from ingest.clean import assemble, clean_pages  # noqa: E402
from ingest.evaluation import _pages  # noqa: E402
from ingest.readers import has_reader  # noqa: E402
from ingest.units import Section, sections_of  # noqa: E402
from ragapp.collection import Collection, Source  # noqa: E402
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: E402
from ragapp.errors import ReadError  # noqa: E402
from ragapp.evaluation.folder import read_folder  # noqa: E402
from ragapp.evaluation.intervals import paired_difference  # noqa: E402
from ragapp.evaluation.questions import Question  # noqa: E402
from ragapp.fusion import Legs  # noqa: E402
from ragapp.language_models.extractive import ExtractiveModel  # noqa: E402
from ragapp.rag import Rag  # noqa: E402
from ragapp.sentences import split_sentences  # noqa: E402
from ragapp.settings import load_settings  # noqa: E402
from ragapp.types import Document, Hit  # noqa: E402

SECTION_FILES = {
    "sections-en": ("pdf32_free_culture_352p.pdf", "md02_requests_history.md"),
    "sections-zh": ("pdf13_debian_reference_zhcn.pdf", "html07_debian_zh.html"),
}
SETS = ("sample", *SECTION_FILES, "covidqa")
N_QUESTIONS = 300
N_WORDS = 5
_WORD = re.compile(r"[A-Za-z][\w-]{3,}|[\u4e00-\u9fff]{2,4}")


@dataclass(frozen=True, slots=True)
class Asked:
    """A made question for the chunk that holds the offset `place` of a document."""

    text: str
    document_id: str
    place: int


def main() -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", default=SETS)
    embedder = ReusingEmbedder(
        SentenceTransformersEmbedder("all-MiniLM-L6-v2", device="cpu", dtype="auto")
    )
    for name in parser.parse_args().sets:
        documents, questions = _load(name)
        legs: tuple[Legs, ...] = ("lexical",) if name == "sections-zh" else LEGS
        with_path, without = (
            _measured(documents, questions, embedder, legs, has_path=has_path)
            for has_path in (True, False)
        )
        print(f"\n## {name}: {len(questions)} questions, {len(documents)} documents\n")
        _print_table(with_path, without)


def _load(name: str) -> tuple[list[Document], Sequence[Question] | list[Asked]]:
    if name == "sample":
        return _sample()
    if name in SECTION_FILES:
        documents = [read_document(DOCUMENTS / file) for file in SECTION_FILES[name]]
        made = [asked for document in documents for asked in section_questions(document)]
        return documents, random.Random(3).sample(made, min(N_QUESTIONS, len(made)))
    benchmark = read_folder(ROOT.parent / "shared" / "eval" / name)
    named = map(_pages, benchmark.passages)
    documents = [
        assemble(clean_pages(pages, format="loader"), source=id_, format="loader")
        for id_, pages in named
    ]
    return documents, benchmark.questions.questions


def _sample() -> tuple[list[Document], list[Question]]:
    folder = ROOT / "sample_corpus"
    lines = (folder / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    questions = [
        Question(
            row["id"],
            row["question"],
            tuple(row["answers"]),
            relevant=dict.fromkeys(
                [Path(n).name for n in (row["source"], *row.get("also", []))], 1
            ),
        )
        for row in rows
        if row["answerable"]
    ]
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and has_reader(p)]
    used = [p for p in files if p.suffix not in {".py", ".jsonl"}]
    return list(_readable(used)), questions


def _readable(paths: Iterable[Path]) -> Iterator[Document]:
    """Yield the documents; the sample corpus has broken files on purpose, and copies of others."""
    known: set[str] = set()
    for path in paths:
        try:
            document = read_document(path)
        except ReadError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        if document.id not in known:
            yield document
        known.add(document.id)


def section_questions(document: Document) -> Iterator[Asked]:
    """Yield a question for each section with at least three sentences."""
    numbers = random.Random(document.id)
    for section in sections_of(document):
        spans = list(split_sentences(document.text, start=section.heading_end, end=section.end))
        if not section.own or len(spans) < 3:
            continue
        start, end = numbers.choice(spans[1:])
        words = _telling(document.text[start:end], section)
        if len(words) >= 2:
            yield Asked(f"{section.own} {' '.join(words)}", document.id, (start + end) // 2)


def _telling(sentence: str, section: Section) -> list[str]:
    """Return the longest words of a sentence in its order, those of the heading left out."""
    words = dict.fromkeys(_WORD.findall(sentence))
    others = [word for word in words if word not in section.own]
    longest = set(sorted(others, key=len, reverse=True)[:N_WORDS])
    return [word for word in others if word in longest]


def _measured(
    documents: Iterable[Document],
    questions: Sequence[Question] | list[Asked],
    embedder: ReusingEmbedder,
    legs: Sequence[Legs],
    *,
    has_path: bool,
) -> dict[str, Scores]:
    with _indexed(documents, embedder, has_path=has_path, has_vectors="dense" in legs) as rag:
        return {leg: _scores(rag, questions, leg) for leg in legs}


@contextmanager
def _indexed(
    documents: Iterable[Document], embedder: ReusingEmbedder, *, has_path: bool, has_vectors: bool
) -> Iterator[Rag]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(collection=folder)
        collection = Collection.open(Path(folder))
        collection.use_embedder(embedder.identity)
        rag = Rag(
            settings=settings,
            collection=collection,
            embedder=embedder,
            language_model=ExtractiveModel(embedder),
        )
        with collection.writing():
            for document in documents:
                _add(rag, document, has_path=has_path, has_vectors=has_vectors)
        yield rag
        collection.close()


def _add(rag: Rag, document: Document, *, has_path: bool, has_vectors: bool) -> None:
    settings, embedder = rag.settings, rag.embedder
    chunks = chunk_document(
        document,
        embedder=embedder,
        chunk_tokens=settings.chunk_tokens,
        overlap_tokens=settings.overlap_tokens,
    )
    pieces = chunks if has_path else [replace(chunk, heading="") for chunk in chunks]
    vectors = np.full((len(pieces), embedder.identity.dim), embedder.identity.dim**-0.5, np.float32)
    if has_vectors:
        vectors = embedder.embed_documents([piece.embedded_text for piece in pieces])
    source = Source(document.source, document.id, None, 0, 0, "")
    rag.collection.add(document, pieces, vectors, source=source)


def _scores(rag: Rag, questions: Sequence[Question] | list[Asked], leg: Legs) -> Scores:
    asked = [question for question in questions if isinstance(question, Asked)]
    if not asked:
        return scores_of(rag, [q for q in questions if isinstance(q, Question)], leg)
    ranks = [_rank(rag.search(item.text, top_k=10, legs=leg), item) for item in asked]
    return {
        **{f"recall@{k}": [float(rank <= k) for rank in ranks] for k in (1, 5, 10)},
        "nDCG@10": [1.0 / math.log2(rank + 1) if rank <= 10 else 0.0 for rank in ranks],
    }


def _rank(hits: Sequence[Hit], asked: Asked) -> float:
    for hit in hits:
        if hit.document_id == asked.document_id and hit.start <= asked.place < hit.end:
            return hit.rank
    return math.inf


def _print_table(with_path: dict[str, Scores], without: dict[str, Scores]) -> None:
    print("| leg | metric | with path | without | path adds (95 %) |\n|---|---|---|---|---|")
    for leg, metrics in with_path.items():
        for metric, values in metrics.items():
            base = without[leg][metric]
            d = paired_difference(values, base)
            means = f"{np.mean(values):.3f} | {np.mean(base):.3f}"
            print(f"| {leg} | {metric} | {means} | {d.low:+.3f} to {d.high:+.3f} |", flush=True)


if __name__ == "__main__":
    main()
