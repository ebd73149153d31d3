"""Ingestion against LangChain's usual pipeline: the same files, the same model, one run.

    python bench/ingest.py [FOLDER] [--profile]     (needs: pip install langchain-huggingface)

Compares tokens really embedded per second of wall time: LangChain's chunks of 1,000 characters can
be longer than the model's window, and what lies beyond is not embedded. The limit of the embedding
step is its floating-point operations, the products of attention included, over the rate of matrix
products measured before and after it on as many threads. Then a folder of 2,000 files is ingested,
and again unchanged, in a process of its own. `--profile` adds the seconds of each stage alone.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # this script has the name of the package that it measures

from ingest import ingest_paths  # noqa: E402
from ingest.chunk import chunk_document  # noqa: E402
from ingest.clean import assemble, clean_pages  # noqa: E402
from ingest.readers import format_of, has_reader  # noqa: E402
from ingest.readers.sandbox import Sandbox  # noqa: E402
from ragapp import open_rag  # noqa: E402
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: E402
from ragapp.errors import ReadError  # noqa: E402

LAYERS, WIDTH, INNER = 6, 384, 1536
FLOPS_PER_TOKEN = 2 * LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER)
FLOPS_PER_PAIR = 2 * LAYERS * 2 * WIDTH  # of tokens that attend to each other
N_SAMPLE = 400
N_SMALL = 2000
AGAIN = """
import time; start = time.perf_counter()
import sys
from ingest import ingest_paths
from ragapp import open_rag
with open_rag(sys.argv[1]) as rag:
    ready = time.perf_counter()
    report = ingest_paths(rag, [sys.argv[2]])
    print(f"{time.perf_counter() - ready:.2f} s for {report.count('skipped')} files,"
          f" {time.perf_counter() - start:.2f} s with the imports")
"""


def main() -> None:
    """Run both pipelines over one folder and print their rates and the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "sample_corpus")
    parser.add_argument("--profile", action="store_true", help="print the seconds of each stage")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        ours = ingest_with_ragapp(options.folder, Path(temporary))
        texts = embedded_texts(Path(temporary))
    theirs = ingest_with_langchain(options.folder)
    print(
        f"{'':<10} {'tokens':>9} {'seconds':>9} {'CPU s':>9} {'tokens/s':>9} {'tokens/CPU s':>13}"
    )
    for name, cost in {"ragapp": ours, "LangChain": theirs}.items():
        print(f"{name:<10} {cost.tokens:>9} {cost.wall_s:>9.1f} {cost.cpu_s:>9.1f}", end=" ")
        print(f"{cost.tokens / cost.wall_s:>9.0f} {cost.tokens / cost.cpu_s:>13.0f}")
    rate = ours.tokens / ours.wall_s / (theirs.tokens / theirs.wall_s)
    cpu_rate = ours.tokens / ours.cpu_s / (theirs.tokens / theirs.cpu_s)
    print(f"\nragapp embeds {rate:.2f} times as many tokens a second, end to end,")
    print(f"and {cpu_rate:.2f} times as many a CPU second, whatever else the machine does")
    compare_with_limit(texts)
    if options.profile:
        profile(options.folder)
    with tempfile.TemporaryDirectory() as temporary:
        ingest_unchanged(Path(temporary))


def compare_with_limit(texts: Sequence[str]) -> None:
    """Print the rate of the embedding step and what the matrix products alone allow."""
    embedder = SentenceTransformersEmbedder("all-MiniLM-L6-v2", dtype="auto")
    sample = texts[:: max(1, len(texts) // N_SAMPLE)]
    counts = [min(n, embedder.max_tokens) + 2 for n in embedder.count_tokens(sample)]
    flops = sum(n * FLOPS_PER_TOKEN + n * n * FLOPS_PER_PAIR for n in counts)
    embedder.embed_documents(sample[:8])
    rates = [matmul_rate()]
    start = time.perf_counter()
    embedder.embed_documents(sample)
    seconds = time.perf_counter() - start
    rates.append(matmul_rate())
    limit_s = flops / (sum(rates) / 2)
    print(f"embedding alone: {sum(counts) / seconds:.0f} tokens/s of {sum(counts) / limit_s:.0f}")
    print(f"that the matrix products allow ({sum(rates) / 2e9:.0f} GFLOP/s):", end=" ")
    print(f"{seconds / limit_s:.2f} times the limit")


def profile(folder: Path) -> None:
    """Print the seconds of wall time of each stage, one file after the other, one stage at once."""
    seconds = dict.fromkeys(("read", "clean", "chunk", "embed"), 0.0)
    embedder = SentenceTransformersEmbedder("all-MiniLM-L6-v2", dtype="auto")
    embedder.embed_documents(["The model is loaded."])

    def lap(stage: str, since: float) -> float:
        now = time.perf_counter()
        seconds[stage] += now - since
        return now

    with Sandbox() as sandbox:
        for path in sorted(path for path in folder.rglob("*") if has_reader(path)):
            at = time.perf_counter()
            try:
                pages = list(sandbox.read(path))
            except ReadError:
                continue
            at = lap("read", at)
            kind = format_of(path)
            cleaned = clean_pages(pages, format=kind)
            document = assemble(cleaned, source=str(path), format=kind)
            at = lap("clean", at)
            pieces = chunk_document(
                document, embedder=embedder, chunk_tokens=512, overlap_tokens=64
            )
            at = lap("chunk", at)
            embedder.embed_documents([piece.embedded_text for piece in pieces])
            lap("embed", at)
    print("stages alone:", ", ".join(f"{stage} {s:.1f} s" for stage, s in seconds.items()))


def ingest_unchanged(folder: Path) -> None:
    """Ingest 2,000 small files, and again in a process of its own; print both times."""
    documents = folder / "documents"
    documents.mkdir()
    for i in range(N_SMALL):
        text = f"Note {i}. The mirror of telescope {i * 7919 % 997} was washed in week {i % 52}."
        (documents / f"{i:04}.txt").write_text(text, encoding="utf-8")
    collection = folder / "collection"
    with open_rag(collection) as rag:
        seconds = ingest_paths(rag, [documents]).seconds
    print(f"{N_SMALL} small files: {seconds:.1f} s;", "again, unchanged:", end=" ", flush=True)
    subprocess.run([sys.executable, "-c", AGAIN, collection, documents], cwd=ROOT, check=True)


class Cost(NamedTuple):
    """Tokens embedded, and the seconds of wall and CPU time, that of child processes included."""

    tokens: int
    wall_s: float
    cpu_s: float


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds of wall and CPU time that `work` takes, ended children included."""
    before, start = sum(os.times()[:4]), time.perf_counter()
    work()
    return time.perf_counter() - start, sum(os.times()[:4]) - before


def ingest_with_ragapp(folder: Path, collection: Path) -> Cost:
    """Ingest a folder into `collection`, the model's loading included."""
    with open_rag(collection) as rag:
        wall_s, cpu_s = timed(lambda: ingest_paths(rag, [folder]))
        return Cost(sum(rag.embedder.count_tokens(embedded_texts(collection))), wall_s, cpu_s)


def embedded_texts(collection: Path) -> list[str]:
    """Return the different texts that were embedded."""
    with open_rag(collection) as rag:
        stored = [
            item.chunk.embedded_text
            for info in rag.documents()
            for item in rag.collection.document_chunks(info.id)
        ]
    return list(dict.fromkeys(stored))


def ingest_with_langchain(folder: Path) -> Cost:
    """Load, split, embed and index the same files; only tokens within the window count."""
    from langchain_community.document_loaders import PyPDFLoader, TextLoader
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from ragapp.embedders.model_files import find_model_folder

    model = find_model_folder("all-MiniLM-L6-v2")
    kept: list[list[str]] = []

    def work() -> None:
        documents = []
        for path in sorted(folder.rglob("*")):
            try:
                if path.suffix == ".pdf":
                    documents += PyPDFLoader(path).load()
                elif path.suffix in {".txt", ".md"}:
                    documents += TextLoader(path, encoding="utf-8").load()
            except Exception as error:  # noqa: BLE001  a broken file would end the whole run
                print(f"LangChain leaves out {path.name}: {type(error).__name__}")
        splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
        pieces = splitter.split_documents(documents)
        embeddings = HuggingFaceEmbeddings(model_name=str(model.path))
        FAISS.from_documents(pieces, embeddings)
        kept.append([piece.page_content for piece in pieces])

    wall_s, cpu_s = timed(work)
    counts = SentenceTransformersEmbedder(model.name).count_tokens(kept[0])
    return Cost(sum(min(count, (model.window or 256) - 2) for count in counts), wall_s, cpu_s)


def matmul_rate() -> float:
    """Return the rate of bfloat16 matrix products of the model's shape on all threads, FLOP/s."""
    n_threads = torch.get_num_threads()

    def products(_: int) -> float:
        torch.set_num_threads(1)  # as in the embedding step: a batch a thread
        rows = torch.randn(2048, WIDTH).bfloat16()
        weights = torch.randn(INNER, WIDTH).bfloat16()
        torch.nn.functional.linear(rows, weights)
        start = time.perf_counter()
        for _ in range(100):
            torch.nn.functional.linear(rows, weights)
        return 100 * 2 * 2048 * WIDTH * INNER / (time.perf_counter() - start)

    with ThreadPoolExecutor(n_threads) as pool:
        return sum(pool.map(products, range(n_threads)))


if __name__ == "__main__":
    main()
