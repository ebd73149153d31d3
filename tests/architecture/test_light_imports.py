"""What is loaded when: nothing heavy before it is needed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ragapp.evaluation.keeping import keep_run
from ragapp.evaluation.run import EvaluationRun, QuestionResult

ROOT = Path(__file__).parents[2]
HEAVY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "faiss",
    "langchain",
    "langchain_core",
    "langchain_community",
    "streamlit",
}
HELP_MODULES = 250

_RUN_CLI = """
import io, json, sys
from contextlib import redirect_stdout
from ui.cli import main

for arguments in json.loads(sys.argv[1]):
    sys.argv = ["ragapp", *arguments]
    shown = io.StringIO()
    try:
        with redirect_stdout(shown):
            main()
    except SystemExit as end:
        assert not end.code, (arguments, end.code, shown.getvalue())
print(json.dumps([shown.getvalue(), sorted(sys.modules)]))
"""

_OPEN_PAGES = """
import os, sys

os.environ["RAGAPP_COLLECTION"] = sys.argv[1]
from streamlit.testing.v1 import AppTest

import ui.app
from ui.pages import PAGES

app = AppTest.from_file(ui.app.__file__, default_timeout=60).run()
for page in PAGES:
    app.switch_page(page.path).run()
    assert not app.exception and not app.error and not app.info, page
print(*sys.modules)
"""


def run(code: str, *arguments: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def run_cli(*commands: list[str]) -> tuple[str, set[str]]:
    """Run commands of ragapp in one process; return the last one's output and all modules."""
    shown, modules = json.loads(run(_RUN_CLI, json.dumps(commands)).splitlines()[-1])
    return shown, set(modules)


@pytest.mark.parametrize("module", ["ragapp", "ingest", "ui.cli", "ragapp.settings"])
def test_importing_loads_nothing_heavy(module):
    loaded = set(run(f"import sys, {module}; print(*sys.modules)").split())

    assert module in loaded
    assert not loaded & HEAVY


@pytest.fixture(scope="module")
def help_run():
    return run_cli(["--help"])


def test_help_loads_nothing_heavy(help_run):
    shown, loaded = help_run

    assert "ingest" in shown
    assert not loaded & (HEAVY | {"numpy", "pydantic"})


def test_help_loads_few_modules(help_run):
    assert len(help_run[1]) < HELP_MODULES


def test_a_whole_ask_loads_no_model_library_but_torch(tmp_path):
    document = tmp_path / "wind.txt"
    document.write_text("The dome closes at 14 m/s of mean wind.", encoding="utf-8")
    collection = ["--collection", str(tmp_path / "collection"), "--json"]

    shown, loaded = run_cli(
        ["ingest", str(document), *collection], ["ask", "When does the dome close?", *collection]
    )

    assert "14 m/s" in json.loads(shown)["answer"]
    assert loaded & HEAVY <= {"torch", "faiss"}


def test_no_page_loads_a_model_library_before_it_is_asked_for_something(tmp_path):
    document, collection = tmp_path / "wind.txt", tmp_path / "collection"
    document.write_text("The dome closes at 14 m/s of mean wind.", encoding="utf-8")
    run_cli(["ingest", str(document), "--collection", str(collection)])
    run_kept(collection)

    loaded = set(run(_OPEN_PAGES, str(collection)).split())

    assert "streamlit" in loaded
    assert not loaded & (HEAVY | {"altair"}) - {"streamlit"}


def run_kept(collection: Path) -> None:
    """Keep an evaluation run, so that its table and plot are drawn."""
    results = (QuestionResult("q", "When?", True, {"hybrid": {"MRR@10": 1.0}}, {}, 0.5, False),)
    times = {"hybrid": (1.0, 2.0)}
    keep_run(
        EvaluationRun("r", "set", "2026-01-01", ("hybrid",), {}, times, None, results), collection
    )
