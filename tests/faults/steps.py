"""Every change that a collection can undergo, one after the other, each named once it is durable.

    python -m tests.faults.steps

serves runs: a line of JSON [scenario, folder, failpoint, seconds, images] in, a line {"acknowledged": names,
"status": exit status, negative when killed} out. Each run is a fork, so that a kill costs no start.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ragapp.chunkstore.failpoints import VARIABLE
from ragapp.collection import Collection, Source
from ragapp.errors import CollectionDamagedError, EmbedderMismatchError, NotFoundError
from ragapp.stored import NearPassage
from ragapp.types import Chunk, Document
from tests.unit.fake_embedder import FakeEmbedder

ROOT = Path(__file__).parents[2]
SHARED = "All of them share this one line."
LINES = {
    name: (*(f"{name} keeps the harbour number {i} of {name * 3}." for i in range(4)), SHARED)
    for name in ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf")
}


class OtherEmbedder(FakeEmbedder):
    """Gives vectors that have nothing to do with those of the fake."""

    def embed_query(self, text):
        return super().embed_query(text)[::-1].copy()


EMBEDDERS = (FakeEmbedder(), OtherEmbedder(name="other"))


class State(NamedTuple):
    """What a collection holds: the document of each source, the chunks of each document, the
    fingerprints of the passages that were compared, and how many turns each conversation has, and
    how many answers were rated.
    """

    sources: dict[str, str | None]
    chunks: dict[str, list[tuple[str, int, int]]]
    fingerprints: dict[str | None, int]
    n_turns: dict[str, int]
    n_ratings: int


def opened(directory: Path) -> tuple[Collection, FakeEmbedder]:
    """Open a collection with the embedder whose vectors it holds."""
    collection = Collection.open(directory)
    try:
        collection.use_embedder(EMBEDDERS[0].identity)
    except EmbedderMismatchError:
        collection.use_embedder(EMBEDDERS[1].identity)
        return collection, EMBEDDERS[1]
    return collection, EMBEDDERS[0]


def state_of(directory: Path) -> State:
    collection, _ = opened(directory)
    with closing(collection):
        return State(
            {source.path: source.document_id for source in collection.sources()},
            {
                info.id: [
                    (item.chunk.text, item.chunk.start, item.chunk.end)
                    for item in collection.document_chunks(info.id)
                ]
                for info in collection.documents()
            },
            {collection.passage_text(i): value for i, value in collection.passage_fingerprints()},
            {info.name: info.n_turns for info in collection.conversations.list()},
            len(collection.ratings.list()),
        )


def wrong_answers(directory: Path) -> int:
    """Return for how many texts the search differs from an exact one over the stored chunks."""
    collection, embedder = opened(directory)
    with closing(collection):
        stored = [
            item for info in collection.documents() for item in collection.document_chunks(info.id)
        ]
        texts = {item.row_id: item.chunk.text for item in stored}
        ids = np.array(list(texts), dtype=np.int64)
        rows = embedder.embed_documents(list(texts.values()))
        n_wrong = 0
        for lines in LINES.values():
            query = embedder.embed_query(lines[0])
            scores = np.round(rows @ query, 5)
            best = [(int(ids[i]), float(scores[i])) for i in np.lexsort((ids, -scores))]
            found = collection.search_dense(query, len(stored) + 1)
            rounded = sorted(
                ((i, float(np.round(np.float32(score), 5))) for i, score in found),
                key=lambda pair: (-pair[1], pair[0]),
            )
            n_wrong += [i for i, _ in rounded] != [i for i, _ in best] or not np.allclose(
                [score for _, score in rounded], [score for _, score in best], atol=2e-5
            )
    return n_wrong


def problems(directory: Path) -> list[str]:
    collection, _ = opened(directory)
    with closing(collection):
        return collection.problems()


# --- the scenarios


def all_changes(directory: Path) -> Iterator[str]:
    """Make every kind of change, yield the name of each once it is durable."""
    backup = directory.with_name("backup.file")
    collection, embedder = opened(directory)
    with closing(collection):
        yield "opened"
        with collection.writing():
            for name in ("alpha", "bravo", "charlie", "delta"):
                _add(collection, embedder, name, path=f"{name}.txt")
                yield f"added {name}"
            _compare(collection)
            yield "compared"
        yield "built"
        with collection.writing():
            collection.remove_source("golf.txt")  # there only where a run was killed after it
            collection.attach(_source("copy.txt", _document("alpha", "").id))
            yield "attached"
            _add(collection, embedder, "echo", path="alpha.txt")
            yield "replaced a document that another source holds"
            _add(collection, embedder, "foxtrot", path="bravo.txt")
            yield "replaced a document"
            collection.remove_source("charlie.txt")
            yield "removed a source"
            with suppress(NotFoundError):
                collection.remove(_document("delta", "").id)
            yield "removed a document"
        yield "built again"
        collection.reindex(EMBEDDERS[1])
        yield "embedded anew"
        with suppress(NotFoundError):  # there only where a run was killed after it
            collection.conversations.delete("talk")
        collection.conversations.append("talk", {"question": "Why?"})
        yield "appended a turn"
        for rated in collection.ratings.list():
            collection.ratings.delete(rated.id)
        collection.ratings.add({"question": "Why?", "answer": "So."}, "up")
        yield "rated an answer"
        (directory / "evaluations").mkdir(exist_ok=True)
        (directory / "evaluations" / "questions.jsonl").write_text("{}\n")
        collection.back_up(backup, is_forced=True)
        yield "backed up"
        _add(collection, EMBEDDERS[1], "golf", path="golf.txt")
        yield "added after the backup"
    Collection.restore(backup, directory, index_name="faiss", is_forced=True)
    yield "restored"


def rescue(directory: Path) -> Iterator[str]:
    """Damage the index of a collection with a backup, search, damage the database, restore."""
    with suppress(CollectionDamagedError):
        collection, embedder = opened(directory)
        with closing(collection):
            for path in (directory / "index").glob("g*.faiss"):
                path.write_bytes(path.read_bytes()[:-9])
            collection.search_dense(embedder.embed_query("harbour"), 3)
    yield "searched"
    (directory / "ragapp.sqlite3").write_bytes(b"no database" * 999)
    Collection.restore(
        directory.with_name("backup.file"), directory, index_name="faiss", is_forced=True
    )
    yield "restored"


def upgrade(directory: Path) -> Iterator[str]:
    """Open a collection, which brings one of an older version to the present one."""
    collection, _ = opened(directory)
    collection.close()
    yield "opened"


SCENARIOS = {"all_changes": all_changes, "rescue": rescue, "upgrade": upgrade}


def _compare(collection: Collection) -> None:
    """Store a comparison for each new passage, each near the one before it."""
    before: int | None = None
    comparisons: dict[int, tuple[int | None, list[NearPassage]]] = {}
    for passage_id, text in collection.uncompared_passages(99):
        near = [] if before is None else [NearPassage(before, 3, 0.9, "revision")]
        comparisons[passage_id] = (len(text), near)
        before = passage_id
    collection.put_comparisons(comparisons)


def _document(name: str, path: str) -> Document:
    text = "\n".join(LINES[name])
    return Document(sha256(text.encode()).hexdigest()[:16], path, name, text, format="txt")


def _source(path: str, document_id: str) -> Source:
    return Source(path, document_id, b"\x01" * 32, 3, 4, "recipe")


def _add(collection: Collection, embedder: FakeEmbedder, name: str, *, path: str) -> None:
    document = _document(name, path)
    pieces, start = [], 0
    for i, line in enumerate(LINES[name]):
        pieces.append(Chunk(document.id, i, start, start + len(line), line, None, "", "en"))
        start += len(line) + 1
    collection.add(
        document,
        pieces,
        embedder.embed_documents([piece.text for piece in pieces]),
        source=_source(path, document.id),
    )


# --- the server


class Run(NamedTuple):
    """What a run acknowledged, in order, and its exit status: -9 when it was killed."""

    acknowledged: list[str]
    status: int


class Runner:
    """A process that runs scenarios in forks of itself."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.steps"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            text=True,
        )

    def run(
        self,
        scenario: str,
        directory: Path,
        *,
        failpoint: str = "",
        kill_after_s: float = 60.0,
        images: tuple[Path, Path] | None = None,
    ) -> Run:
        """Run a scenario, killed at a failpoint or a time; copy images[0] to images[1] before that.

        The copy is made while the process is stopped: of the image of a mounted disk, it is what a
        power cut would have left.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps(
            [scenario, str(directory), failpoint, kill_after_s, [str(i) for i in images or ()]]
        )
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return Run(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def serve() -> None:
    import ragapp.indexes.faiss  # noqa: F401  (once for all forks)

    for line in sys.stdin:
        scenario, directory, failpoint, kill_after_s, images = json.loads(line)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            _run(scenario, Path(directory), failpoint, writer)
        os.close(writer)
        acknowledged = _acknowledged(reader, pid, kill_after_s, images)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sys.stdout.write(json.dumps({"acknowledged": acknowledged, "status": status}) + "\n")
        sys.stdout.flush()


def _run(scenario: str, directory: Path, failpoint: str, writer: int) -> Any:
    status = 1
    try:
        if failpoint:
            os.environ[VARIABLE] = failpoint
        for name in SCENARIOS[scenario](directory):
            os.write(writer, f"{name}\n".encode())
        status = 0
    finally:
        if status:
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        os._exit(status)


def _acknowledged(reader: int, pid: int, kill_after_s: float, images: list[str]) -> list[str]:
    """Read what the run says until it ends; kill it when its time is over."""
    deadline = time.monotonic() + kill_after_s
    said = b""
    while True:
        left = max(0.0, deadline - time.monotonic())
        if not select.select([reader], [], [], left)[0]:
            if images:
                os.kill(pid, signal.SIGSTOP)
                os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
                while select.select([reader], [], [], 0)[0] and (piece := os.read(reader, 65536)):
                    said += piece  # said before the cut
                shutil.copyfile(*images)
            os.kill(pid, signal.SIGKILL)
            deadline += 60.0
            continue
        piece = os.read(reader, 65536)
        if not piece:
            os.close(reader)
            return said.decode().splitlines()
        said += piece


if __name__ == "__main__":
    serve()
