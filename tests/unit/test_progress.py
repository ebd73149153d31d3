"""The rate and the time left of a run."""

from __future__ import annotations

import pytest

from ingest.outcomes import Outcome, Progress
from ingest.progress import meter


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.zip", tmp_path / "c.txt"]
    for path, size in zip(paths, (100, 200, 300), strict=True):
        path.write_bytes(b"x" * size)
    return paths


def test_the_time_left_is_the_bytes_left_over_the_rate():
    assert Progress(1, 2, Outcome("a", "added"), 50.0, 100).eta_s == 2.0


def test_before_a_file_was_read_no_time_is_told(files):
    progress = meter(files)(1, 3, Outcome(str(files[0]), "skipped"))
    assert (progress.eta_s, progress.bytes_left) == (None, 500)


def test_an_archive_counts_once_whatever_the_number_of_its_members(files):
    measured = meter(files)
    left = [
        measured(i, 4, Outcome(f"{files[1]}!/{name}", "added")).bytes_left
        for i, name in enumerate(("x.txt", "y.txt"))
    ]
    assert left == [400, 400]


def test_nothing_is_left_at_the_end(files):
    measured = meter(files)
    last = [measured(i, 3, Outcome(str(path), "added")) for i, path in enumerate(files)][-1]
    assert (last.bytes_left, last.eta_s) == (0, 0.0)
