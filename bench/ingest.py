"""Ingestion against LangChain's usual pipeline: the same files, the same model, one run.

    python bench/ingest.py [FOLDER]          (needs: pip install langchain-huggingface)

Compares tokens really embedded per second of wall time: LangChain's chunks of 1,000 characters can
be longer than the model's window, and what lies beyond is not embedded. The limit is the model's
floating-point operations over the matrix-product rate measured in the same run.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # this script has the name of the package that it measures

from ingest import ingest_paths  # noqa: E402
from ragapp import open_rag  # noqa: E402

LAYERS, WIDTH, INNER = 6, 384, 1536
FLOPS_PER_TOKEN = 2 * LAYERS * (4 * WIDTH * WIDTH + 2 * WIDTH * INNER)


def main() -> None:
    """Run both pipelines over one folder and print their rates and the limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "sample_corpus")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as temporary:
        ours = timed(lambda: ingest_with_ragapp(folder, Path(temporary)))
        again = timed(lambda: ingest_with_ragapp(folder, Path(temporary)))
    theirs = timed(lambda: ingest_with_langchain(folder))
    limit = matmul_rate(torch.bfloat16) / FLOPS_PER_TOKEN
    print(f"{'':<28} {'tokens':>9} {'seconds':>9} {'tokens/s':>9}")
    for name, (tokens, seconds) in {"ragapp": ours, "LangChain": theirs}.items():
        print(f"{name:<28} {tokens:>9} {seconds:>9.1f} {tokens / seconds:>9.0f}")
    print(f"{'ragapp, unchanged folder':<28} {again[0]:>9} {again[1]:>9.2f}")
    ratio = (ours[0] / ours[1]) / (theirs[0] / theirs[1])
    print(f"\nragapp embeds {ratio:.2f} times as many tokens a second, end to end")
    print(f"the model's limit in bfloat16 on all cores: {limit:.0f} tokens/s")


def timed(work: Callable[[], int]) -> tuple[int, float]:
    """Return what `work` returns and the seconds of wall time it took."""
    start = time.perf_counter()
    tokens = work()
    return tokens, time.perf_counter() - start


def ingest_with_ragapp(folder: Path, collection: Path) -> int:
    """Ingest a folder into `collection` and return the tokens embedded."""
    with open_rag(collection) as rag:
        report = ingest_paths(rag, [folder])
        if not report.chunks_new:
            return 0
        texts = [
            stored.chunk.embedded_text
            for info in rag.documents()
            for stored in rag.collection.document_chunks(info.id)
        ]
        return sum(rag.embedder.count_tokens(texts))


def ingest_with_langchain(folder: Path) -> int:
    """Load, split, embed and index the same files; return the tokens within the window."""
    from langchain_community.document_loaders import PyPDFLoader, TextLoader
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from ragapp.embedders.model_files import find_model_folder

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
    model = find_model_folder("all-MiniLM-L6-v2")
    embeddings = HuggingFaceEmbeddings(model_name=str(model.path))
    FAISS.from_documents(pieces, embeddings)
    tokenizer = embeddings._client.tokenizer
    counts = [len(tokenizer.tokenize(piece.page_content)) for piece in pieces]
    return sum(min(count, (model.window or 256) - 2) for count in counts)


def matmul_rate(dtype: torch.dtype) -> float:
    """Return the measured rate of matrix products of the model's shape, in FLOP/s."""
    rows = torch.randn(4096, WIDTH).to(dtype)
    weights = torch.randn(INNER, WIDTH).to(dtype)
    torch.nn.functional.linear(rows, weights)
    start = time.perf_counter()
    for _ in range(40):
        torch.nn.functional.linear(rows, weights)
    return 40 * 2 * 4096 * WIDTH * INNER / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
