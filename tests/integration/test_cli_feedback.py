"""`ragapp feedback`: list, export, delete, and one line for what cannot be."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

import ui.cli.evaluate
import ui.cli.feedback  # noqa: F401  (they register their commands)
from ingest import ingest_paths
from ragapp import open_rag
from ui.cli.app import app

QUESTION = "At what mean wind does the dome close?"


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rated")
    (folder / "wind.md").write_text("# Wind limits\n\nThe dome closes at a mean wind of 14 m/s.\n")
    with open_rag(folder / "collection") as rag:
        ingest_paths(rag, [folder / "wind.md"])
        rag.feedback(rag.ask(QUESTION), "up", "to the point")
        rag.feedback(rag.ask("Who was Napoleon?"), "down")
    return folder / "collection"


@pytest.fixture
def run(collection):
    def run(*words):
        return CliRunner().invoke(app, [*words, "--collection", str(collection)])

    return run


def test_ratings_are_listed_with_question_and_comment(run):
    shown = run("feedback", "list").stdout

    assert all(word in shown for word in (*QUESTION.split(), "to the point"))
    assert "2 ratings" in shown


def test_the_listed_json_has_the_rated_answers(run):
    first, second = json.loads(run("feedback", "list", "--json").stdout)["feedback"]

    assert set(first) == {"id", "given_at", "rating", "comment", "answer"}
    assert (first["rating"], second["rating"]) == ("up", "down")
    assert "14 m/s" in first["answer"]["answer"]


def test_the_exported_file_is_evaluated(run, tmp_path):
    path = tmp_path / "set.jsonl"

    told = json.loads(run("feedback", "export", str(path), "--json").stdout)
    evaluated = json.loads(run("eval", "run", str(path), "--json").stdout)

    assert told == {"path": str(path), "questions": 1, "ratings": 2}
    assert evaluated["figures"]["hybrid"]["recall@1"]["value"] == 1.0


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("export", "set.txt"), 2, "does not end in .jsonl"),
        (("export", "/no/such/folder/set.jsonl"), 1, "is no folder"),
        (("delete", "99"), 1, "there is no rating 99"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(run, words, status, told):
    result = run("feedback", *words)

    assert result.exit_code == status
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_file_in_its_place_is_kept_unless_forced(run, tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text("mine")

    assert run("feedback", "export", str(path)).exit_code == 2
    assert path.read_text() == "mine"
    assert run("feedback", "export", str(path), "--force").exit_code == 0


def test_a_collection_without_ratings_exports_nothing(tmp_path):
    words = ["feedback", "export", str(tmp_path / "a.jsonl"), "--collection", str(tmp_path / "c")]

    result = CliRunner().invoke(app, words)

    assert (result.exit_code, (tmp_path / "a.jsonl").exists()) == (1, False)
    assert "none of 0 ratings gives a question" in result.stderr
