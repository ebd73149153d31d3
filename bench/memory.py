"""Peak memory of an ingestion, by its progress: does it stay flat as the text grows?

    python bench/memory.py [--megabytes 100] [--file-megabytes 1] [--real]

Writes generated English and Chinese text files, ingests them and samples the resident memory of
this process and of its readers. Unless `--real`, vectors are drawn rather than computed, 384
dimensions as the built-in model's, so that a gigabyte takes minutes and not hours; tokens are
counted by the model's own tokenizer all the same. What the models take is left out by comparing
with the memory before the first file.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Event, Thread

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # bench/ingest.py has the name of the package

from ingest import Progress, ingest_paths  # noqa: E402
from ragapp import Rag  # noqa: E402
from ragapp.collection import Collection  # noqa: E402
from ragapp.embedders.model_files import find_model_folder  # noqa: E402
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: E402
from ragapp.language_models.extractive import ExtractiveModel  # noqa: E402
from ragapp.protocols import Vectors  # noqa: E402
from ragapp.settings import Settings  # noqa: E402

SAMPLE_S = 0.1
MB = 1_000_000


class DrawnEmbedder(SentenceTransformersEmbedder):
    """The built-in model's tokenizer, with vectors that are drawn from the text's hash."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dim) float32 unit rows, equal for equal texts."""
        vectors = np.empty((len(texts), self.identity.dim), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            seed = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")
            row[:] = np.random.default_rng(seed).standard_normal(len(row))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Sampler:
    """Peaks of resident bytes, sampled in a thread: this process, and all its children."""

    def __init__(self) -> None:
        self.own = self.children = 0
        self._stopped = Event()
        self._thread = Thread(target=self._sample, daemon=True)
        self._thread.start()

    def take(self) -> tuple[int, int]:
        """Return the peaks since the last call, and begin anew."""
        peaks = self.own, self.children
        self.own = self.children = 0
        return peaks

    def stop(self) -> None:
        """End the sampling."""
        self._stopped.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_S):
            self.own = max(self.own, resident("self"))
            tasks = Path("/proc/self/task").glob("*/children")
            children = [child for task in tasks for child in read(task).split()]
            self.children = max(self.children, sum(map(resident, children)))


def main() -> None:
    """Generate, ingest, and print the peaks by tenths of the run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--file-megabytes", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="embed with the model: hours for 1 GB")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        files = write_files(Path(temporary), options.megabytes, options.file_megabytes)
        embedder = (SentenceTransformersEmbedder if options.real else DrawnEmbedder)(
            "all-MiniLM-L6-v2", dtype="auto"
        )
        embedder.embed_documents(["The model is loaded."])
        embedder.count_tokens(["So is its tokenizer."])
        with opened(Path(temporary) / "collection", embedder) as rag:
            measure(rag, files)


def measure(rag: Rag, files: Sequence[Path]) -> None:
    """Ingest and print one line a tenth of the files."""
    before = resident("self")
    sampler = Sampler()
    peak = 0
    step = max(1, len(files) // 10)
    start = time.perf_counter()
    print(f"before: {before / MB:.0f} MB\n{'files':>8} {'s':>8} {'process':>9} {'readers':>9}  MB")

    def tell(progress: Progress) -> None:
        nonlocal peak
        if progress.done % step == 0 or progress.done == progress.total:
            own, children = sampler.take()
            peak = max(peak, own + children)
            seconds = time.perf_counter() - start
            print(f"{progress.done:>8} {seconds:>8.1f} {own / MB:>9.0f} {children / MB:>9.0f}")
            sys.stdout.flush()

    report = ingest_paths(rag, [files[0].parent], on_progress=tell)
    sampler.stop()
    own, children = sampler.take()
    peak = max(peak, own + children)
    seconds = time.perf_counter() - start
    print(f"{'index':>8} {seconds:>8.1f} {own / MB:>9.0f} {children / MB:>9.0f}")
    text = sum(path.stat().st_size for path in files)
    print(f"\n{report.count('added')} of {len(files)} files, {report.chunks_new} chunks")
    print(f"{text / MB:.0f} MB of text: {(peak - before) / MB:.0f} MB beyond what was there before")


def opened(folder: Path, embedder: SentenceTransformersEmbedder) -> Rag:
    """Return a new collection in `folder` with this embedder."""
    collection = Collection.open(folder)
    collection.use_embedder(embedder.identity)
    return Rag(
        settings=Settings(collection=folder),
        collection=collection,
        embedder=embedder,
        language_model=ExtractiveModel(embedder),
    )


def write_files(folder: Path, megabytes: int, file_megabytes: int) -> list[Path]:
    """Write files of random sentences, English and Chinese by turns; return their paths."""
    documents = folder / "documents"
    documents.mkdir()
    draw = random.Random(7)
    words = vocabulary_words()
    characters = [chr(code) for code in range(0x4E00, 0x5600)]
    paths = []
    for i in range(max(1, megabytes // file_megabytes)):
        path = documents / f"{i:05}.txt"
        with path.open("w", encoding="utf-8") as file:
            while file.tell() < file_megabytes * MB:
                file.write(paragraph(draw, characters if i % 2 else words, is_chinese=bool(i % 2)))
        paths.append(path)
    return paths


def vocabulary_words() -> list[str]:
    """Return the whole words of the built-in model's vocabulary: a token each, as in real text."""
    names = find_model_folder("all-MiniLM-L6-v2").path / "tokenizer.json"
    vocabulary = json.loads(names.read_text(encoding="utf-8"))["model"]["vocab"]
    return sorted(word for word in vocabulary if word.isascii() and word.isalpha())


def paragraph(draw: random.Random, parts: Sequence[str], *, is_chinese: bool) -> str:
    """Return four to eight sentences and a blank line."""
    join, end = ("", "。") if is_chinese else (" ", ". ")
    sentences = (join.join(draw.choices(parts, k=draw.randint(8, 24))) for _ in range(6))
    return "".join(sentence + end for sentence in sentences) + "\n\n"


def resident(process: str) -> int:
    """Return a process' resident bytes, 0 when it has ended."""
    for line in read(Path("/proc") / process / "status").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def read(path: Path) -> str:
    """Return what a file of /proc says, "" when its process has ended."""
    try:
        return path.read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    main()
