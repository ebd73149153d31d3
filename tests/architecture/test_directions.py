"""Who may import whom, and who may import the heavy libraries."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("ragapp", "ingest", "ui")

# library -> where it may be imported: a module, or all of a package
ADAPTERS = {
    "torch": (
        "ragapp/embedders/",
        "ragapp/rerankers/",
        "ragapp/language_models/transformers.py",
        "ragapp/generation/",
    ),
    "transformers": (
        "ragapp/embedders/",
        "ragapp/language_models/transformers.py",
        "ragapp/generation/",
    ),
    "peft": ("ragapp/generation/adapters.py",),
    "sentence_transformers": ("ragapp/embedders/", "ragapp/rerankers/"),
    "faiss": ("ragapp/indexes/faiss.py",),
    "langchain": ("ragapp/langchain",),
    "langchain_core": ("ragapp/langchain",),
    "langchain_community": ("ragapp/langchain",),
    "sqlite3": ("ragapp/chunkstore/", "ragapp/collection/", "ragapp/health.py"),
    "streamlit": ("ui/",),
    "typer": ("ui/cli/",),
    "pypdf": ("ingest/",),
    "pytrec_eval": ("ragapp/evaluation/ranking.py",),
    "docx": ("ingest/",),
    "lxml": ("ingest/",),
}


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level names that a module imports anywhere, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def importers(library: str) -> set[str]:
    return {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if library in set(imported(path))
    }


def test_the_import_contracts_are_kept():
    code = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert " 0 broken" in finished.stdout


@pytest.mark.parametrize("library", sorted(ADAPTERS))
def test_a_library_is_imported_by_its_adapter_alone(library):
    assert {name for name in importers(library) if not name.startswith(ADAPTERS[library])} == set()


@pytest.mark.parametrize("library", ["torch", "transformers", "faiss", "streamlit", "typer"])
def test_the_search_for_importers_finds_the_adapter(library):
    assert importers(library)


def test_no_import_is_relative():
    relative = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.level
    }

    assert relative == set()
