"""A process that ingests a folder with the fake embedder, and says each file as it is durable.

    python -m tests.faults.child_ingestion COLLECTION FOLDER

Prints one line a file, "outcome document-id name", then "done". Run by the fault tests, which kill it.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from ingest import Progress, ingest_paths
from ragapp import Rag, Settings
from ragapp.collection import Collection
from ragapp.errors import RagError
from ragapp.language_models.extractive import ExtractiveModel
from tests.unit.fake_embedder import FakeEmbedder

CHUNK_TOKENS = 48


def open_rag(folder: Path, embedder: FakeEmbedder | None = None) -> Rag:
    """Open a collection with the fake embedder and small chunks."""
    embedder = embedder or FakeEmbedder()
    collection = Collection.open(folder)
    collection.use_embedder(embedder.identity)
    return Rag(
        settings=Settings(collection=folder, chunk_tokens=CHUNK_TOKENS, overlap_tokens=8),
        collection=collection,
        embedder=embedder,
        language_model=ExtractiveModel(embedder),
    )


def write_documents(folder: Path, n_documents: int) -> list[Path]:
    """Write texts of several chunks each, the word "harbour" and the file's name in each chunk."""
    folder.mkdir()
    paths = [folder / f"{i:02d}.txt" for i in range(n_documents)]
    for i, path in enumerate(paths):
        draw = random.Random(i)
        sentences = [
            f"Harbour {i:02d} keeps "
            + " ".join("".join(draw.choices("abcdefghiklmnoprstuvw", k=6)) for _ in range(9))
            + "."
            for _ in range(10)
        ]
        path.write_text("\n\n".join(sentences), encoding="utf-8")
    return paths


def main(collection: str, folder: str) -> int:
    """Ingest `folder`; return the exit status."""
    try:
        with open_rag(Path(collection)) as rag:
            _say("opened")
            ingest_paths(rag, [folder], on_progress=_say_outcome)
    except RagError as error:
        sys.stderr.write(f"{error.code}: {error.message}\n")
        return error.exit_code
    _say("done")
    return 0


def _say_outcome(progress: Progress) -> None:
    latest = progress.latest
    _say(f"{latest.outcome} {latest.document_id} {Path(latest.path).name}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
