"""A module is at most 300 lines, a function at most 40, both with their docstrings."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("ragapp", "ingest", "ui")
MODULE_LINES = 300
FUNCTION_LINES = 40


def modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_there_are_modules_to_measure():
    assert len(modules()) > 50


def test_every_module_has_at_most_300_lines():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules()
    }

    assert {name: n for name, n in lengths.items() if n > MODULE_LINES} == {}


def test_every_function_has_at_most_40_lines():
    too_long = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": length
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }

    assert too_long == {}
