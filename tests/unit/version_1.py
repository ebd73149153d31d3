"""A collection as version 1 stored it: every chunk with a text, vector and posting of its own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import file_digest, sha256
from pathlib import Path

import numpy as np
from made_vectors import Held

from ragapp.analysis import terms_of
from ragapp.registry import INDEXES, resolve

_SCHEMA = Path(__file__).with_name("schema_v1.sql")
_CHUNKS = """
    SELECT c.document_seq, c.ordinal, c.start, c.end, c.page, p.heading, c.language, p.text,
        c.sha256, d.title, v.embedder_id, v.vector, v.sha256
    FROM chunks c JOIN passages p ON p.id = c.passage_id JOIN documents d ON d.seq = c.document_seq
    JOIN vectors v ON v.passage_id = p.id ORDER BY d.seq, c.ordinal
"""


def make_version_1(present: Path, directory: Path) -> None:
    """Write into the new folder `directory` what the collection in `present` holds, index too."""
    directory.mkdir(parents=True)
    with (
        closing(sqlite3.connect(present / "ragapp.sqlite3")) as source,
        closing(sqlite3.connect(directory / "ragapp.sqlite3")) as target,
    ):
        target.executescript(_SCHEMA.read_text(encoding="utf-8"))
        with target:
            target.execute("PRAGMA user_version = 1")
            for table in ("embedders", "documents", "sources", "near_duplicates"):
                _copy(source, target, table)
            target.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                source.execute(
                    "SELECT key, value FROM meta WHERE key NOT IN ('readable_since', 'analyzer')"
                ),
            )
            _put_chunks(source, target)
            _put_generation(target, directory)


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    rows = source.execute(f"SELECT * FROM {table}").fetchall()
    if rows:
        places = ",".join("?" * len(rows[0]))
        target.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def _put_chunks(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    for number, row in enumerate(source.execute(_CHUNKS), start=1):
        heading, text, title = row[5], row[7], row[9]
        embedded = f"{heading}\n{text}" if heading else text
        digest = sha256(embedded.encode()).digest()
        target.execute(
            "INSERT INTO chunks (id, document_seq, ordinal, start, end, page, heading, language,"
            " text, embedded_sha256, sha256) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (number, *row[:8], digest, row[8]),
        )
        target.execute("INSERT INTO vectors VALUES (?,?,?,?)", (number, *row[10:]))
        terms = " ".join(terms_of(f"{title}\n{embedded}"))
        target.execute("INSERT INTO postings (rowid, terms) VALUES (?, ?)", (number, terms))


def _put_generation(target: sqlite3.Connection, directory: Path) -> None:
    """Index all vectors, as the end of an ingestion does."""
    rows = target.execute("SELECT chunk_id, vector, embedder_id FROM vectors ORDER BY 1").fetchall()
    ids = np.array([row[0] for row in rows], dtype=np.int64)
    vectors = np.stack([np.frombuffer(row[1], dtype="<f4") for row in rows])
    path = directory / "index" / "g000001.faiss"
    path.parent.mkdir()
    resolve(INDEXES, "faiss", setting="index").build(Held(ids, vectors)).save(path)
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").digest()
    target.execute(
        "INSERT INTO generations VALUES (1, ?, 'faiss', ?, ?, ?, ?, ?, ?)",
        (
            path.name,
            rows[0][2],
            vectors.shape[1],
            len(ids),
            int(ids[-1]),
            path.stat().st_size,
            digest,
        ),
    )
