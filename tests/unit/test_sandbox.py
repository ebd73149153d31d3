from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.pages import Page
from ingest.readers import read
from ingest.readers.sandbox import Limits, Sandbox
from ragapp.errors import EncryptedFileError, NoTextError, ReadError

LIMITS = Limits(wall_s=3.0, cpu_s=1, memory_bytes=1_000_000_000)


@pytest.fixture
def hostile() -> Iterator[Sandbox]:
    with Sandbox(limits=LIMITS, target="hostile_readers:read") as sandbox:
        yield sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def _texts(pages: list[Page]) -> list[str]:
    return [block.text for page in pages for block in page.blocks]


def test_pages_are_those_of_the_plain_reader(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("# 观测站\n\nThe dome.\n\n- one\n")
    assert list(sandbox.read(path)) == list(read(path))


def test_errors_are_those_of_the_plain_reader(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(" ")
    with pytest.raises(NoTextError, match="holds no text"):
        list(sandbox.read(path))


def test_a_reported_error_keeps_its_kind_and_hint(hostile: Sandbox) -> None:
    with pytest.raises(EncryptedFileError, match="it is locked") as caught:
        list(hostile.read(Path("0-raise")))
    assert caught.value.hint == "unlock it"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("spin", "too long"),
        ("exit", "exit code 3"),
        ("crash", "SIGSEGV"),
        ("memory", "exit code 1"),
        ("hang", "too long"),
    ],
)
def test_a_hostile_file_costs_that_file_only(hostile: Sandbox, mode: str, reason: str) -> None:
    with pytest.raises(ReadError, match=reason):
        list(hostile.read(Path(f"0-{mode}")))
    assert _texts(list(hostile.read(Path("1-fine")))) == ["page 1 of 1-fine"]


def test_pages_finished_before_a_kill_are_kept(hostile: Sandbox) -> None:
    pages = list(hostile.read(Path("2-exit")))
    assert _texts(pages) == ["page 1 of 2-exit", "page 2 of 2-exit"]
    assert pages[-1].metadata["partial"] == "2 pages were read"
    assert "exit code 3" in pages[-1].metadata["error"]
    assert pages[-1].number == 3


def test_what_a_parser_prints_disturbs_nothing(hostile: Sandbox) -> None:
    assert _texts(list(hostile.read(Path("1-print")))) == ["page 1 of 1-print"]


def test_a_reader_cannot_fill_the_disk(hostile: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(ReadError):
        list(hostile.read(tmp_path / "0-write"))
    assert (tmp_path / "0-write").stat().st_size <= LIMITS.file_bytes


def test_a_file_left_half_read_ends_its_child(hostile: Sandbox) -> None:
    pages = hostile.read(Path("9-fine"))
    next(pages)
    pages.close()
    assert len(list(hostile.read(Path("2-fine")))) == 2


def test_the_child_loads_no_model_library() -> None:
    with Sandbox(target="hostile_readers:loaded_modules") as sandbox:
        modules = _texts(list(sandbox.read(Path("a"))))[0].split("\n")
    assert not {"torch", "transformers", "sentence_transformers", "faiss"} & set(modules)


def test_the_child_sees_no_secrets_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    with Sandbox(target="hostile_readers:environment") as sandbox:
        assert "SOME_API_KEY" not in _texts(list(sandbox.read(Path("a"))))[0].split("\n")


@pytest.mark.parametrize(("max_tasks", "n_children"), [(1, 3), (2, 2), (9, 1)])
def test_a_child_is_warm_until_its_last_task(max_tasks: int, n_children: int) -> None:
    limits = replace(LIMITS, max_tasks=max_tasks)
    with Sandbox(limits=limits, target="hostile_readers:environment") as sandbox:
        ids = {_texts(list(sandbox.read(Path("a"))))[1] for _ in range(3)}
    assert len(ids) == n_children


def test_threads_read_at_the_same_time(hostile: Sandbox) -> None:
    def count(name: str) -> int:
        return len(list(hostile.read(Path(name))))

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(count, ["1-a", "2-b", "3-c", "4-d"])) == [1, 2, 3, 4]
