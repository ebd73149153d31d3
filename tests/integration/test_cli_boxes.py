"""`ragapp ask --boxes` as scripts and readers see it."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_cli import Command, run_batch

SAMPLES = Path(__file__).parents[2] / "sample_corpus"
QUESTION = "How low can the Heron telescope be pointed?"


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    folder = tmp_path_factory.mktemp("boxes")
    variables = {"RAGAPP_COLLECTION": str(folder / "c"), "RAGAPP_ENGINE": "extractive"}
    path = SAMPLES / "en" / "heron-telescope-handbook.pdf"
    commands = {
        "ingest": ("ingest", str(path)),
        "json": ("ask", QUESTION, "--boxes", "--json"),
        "words": ("ask", QUESTION, "--boxes"),
        "together": ("ask", QUESTION, "--boxes", "--json", "--collection", str(folder / "c")),
    }
    return run_batch({name: Command(a, variables=variables) for name, a in commands.items()})


@pytest.mark.parametrize("name", ["json", "together"])
def test_each_citation_has_its_boxes_on_its_page(shown, name):
    for citation in shown[name].json["citations"]:
        assert citation["boxes"]
        assert citation["boxes"][0]["page"] == citation["page"]
        assert citation["boxes_reason"] == ""


def test_in_words_a_line_tells_each_box(shown):
    (citation, *_) = shown["json"].json["citations"]
    sides = (citation["boxes"][0][side] for side in ("left", "bottom", "right", "top"))

    assert "box " + " ".join(f"{side:.1f}" for side in sides) in shown["words"].stdout
