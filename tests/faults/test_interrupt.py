"""Ctrl-C stops an ingestion at once, and what was acknowledged stays."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ragapp import open_rag

ROOT = Path(__file__).parents[2]
N_SMALL = 16  # a wave of their own
STOP_S = 3.0  # a second, and room for a busy machine


def start(collection: Path, documents: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "ingest", documents, "--collection", collection],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def documents(tmp_path) -> Path:
    """Sixteen small files, then one of some 2,000 chunks."""
    folder = tmp_path / "documents"
    folder.mkdir()
    draw = random.Random(3)
    words = ["".join(draw.choices("abcdefghiklm", k=6)) for _ in range(2000)]
    for i in range(N_SMALL):
        (folder / f"a{i:02d}.txt").write_text(f"Harbour {i} {' '.join(draw.choices(words, k=20))}.")
    paragraphs = (" ".join(draw.choices(words, k=80)) + "." for _ in range(2000))
    (folder / "b.txt").write_text("\n\n".join(paragraphs))
    return folder


@pytest.mark.slow
def test_ctrl_c_stops_a_large_wave_and_keeps_what_was_acknowledged(tmp_path, documents):
    with start(tmp_path / "collection", documents) as child:
        assert child.stderr is not None
        lines = [child.stderr.readline() for _ in range(N_SMALL)]
        assert child.poll() is None
        began = time.perf_counter()
        child.send_signal(signal.SIGINT)
        child.communicate()
        seconds = time.perf_counter() - began

    with open_rag(tmp_path / "collection") as rag:
        assert len(rag.documents()) == len(lines) == N_SMALL
        assert rag.collection.problems() == []
    assert child.returncode == 130
    assert seconds < STOP_S
