"""`ragapp chat --conversation` and `ragapp conversations`, from the question to the file."""

import json

import pytest
from typer.testing import CliRunner

import ui.cli.ask
import ui.cli.conversations  # noqa: F401  (they register their commands)
from ingest import ingest_paths
from ragapp import open_rag
from ui.cli.app import app

QUESTION = "At what mean wind does the dome close?"


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    folder = tmp_path_factory.mktemp("talk")
    (folder / "wind.md").write_text("# Wind limits\n\nThe dome closes at a mean wind of 14 m/s.\n")
    with open_rag(folder / "collection") as rag:
        ingest_paths(rag, [folder / "wind.md"])
    return folder / "collection"


@pytest.fixture
def run(collection):
    def run(*words, typed=""):
        return CliRunner().invoke(app, [*words, "--collection", str(collection)], input=typed)

    return run


@pytest.fixture
def talked(run):
    """A stored conversation of two turns, by name; it is gone afterwards."""
    for question in (QUESTION, "And when?"):
        assert run("chat", "--conversation", "wind", "--json", typed=f"{question}\n").exit_code == 0
    yield "wind"
    run("conversations", "delete", "wind")


def test_a_conversation_goes_on_in_the_next_process(run, talked):
    shown = json.loads(run("conversations", "show", talked, "--json").stdout)
    assert [turn["question"] for turn in shown["turns"]] == [QUESTION, "And when?"]
    assert "14 m/s" in shown["turns"][0]["answer"]


def test_a_chat_without_a_name_stores_nothing(run):
    run("chat", typed=f"{QUESTION}\n")
    assert json.loads(run("conversations", "list", "--json").stdout) == {"conversations": []}


def test_the_list_names_it_with_its_turns(run, talked):
    (row,) = json.loads(run("conversations", "list", "--json").stdout)["conversations"]
    assert (row["name"], row["n_turns"]) == (talked, 2)


def test_it_is_exported_as_markdown_and_as_json(run, talked, tmp_path):
    for name in ("wind.md", "wind.json"):
        assert run("conversations", "export", talked, str(tmp_path / name)).exit_code == 0
    assert "wind.md: “The dome closes" in (tmp_path / "wind.md").read_text(encoding="utf-8")
    assert len(json.loads((tmp_path / "wind.json").read_text(encoding="utf-8"))["turns"]) == 2


def test_a_file_in_the_way_is_kept_unless_forced(run, talked, tmp_path):
    (tmp_path / "a.md").write_text("mine")
    refused = run("conversations", "export", talked, str(tmp_path / "a.md"))
    assert (refused.exit_code, (tmp_path / "a.md").read_text()) == (2, "mine")
    assert run("conversations", "export", talked, str(tmp_path / "a.md"), "--force").exit_code == 0


def test_it_is_renamed_and_deleted(run, talked):
    assert run("conversations", "rename", talked, "breeze").exit_code == 0
    assert run("conversations", "delete", "breeze").exit_code == 0
    assert run("conversations", "show", talked).exit_code != 0


def test_an_unknown_name_is_one_line(run):
    refused = run("conversations", "show", "nobody")
    assert refused.stderr.count("\n") == 1
    assert "'nobody'" in refused.stderr
