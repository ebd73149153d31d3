"""`ragapp calibrate` as scripts use it: fitted, kept, told by the doctor, and forgotten again."""

from __future__ import annotations

import json

import pytest
from test_cli import Command, run_batch

NAMES = "dome lens ferry pump mirror tower harbour bridge tunnel garden".split()
PLACES = ("Lark", "Wren", "Rook")
KEYS = {"questions", "threshold", "false_abstention", "refused", "abstention", "default"}


def commands(folder):
    facts = [f"The {name} of {place} opens at dawn." for name in NAMES for place in PLACES]
    documents = folder / "documents"
    documents.mkdir()
    for i, fact in enumerate(facts):
        (documents / f"{i}.txt").write_text(fact, encoding="utf-8")
    asked, few = folder / "asked.jsonl", folder / "few.jsonl"
    rows = [
        {
            "_id": f"k{i}",
            "text": f"When does {fact[:-15]} open?",
            "source": str(documents / f"{i}.txt"),
        }
        for i, fact in enumerate(facts)
    ]
    rows += [
        {"_id": f"u{colour}{n}", "text": f"Who painted the {colour} {n}?", "answerable": False}
        for colour in ("red", "blue")
        for n in ("ox", "elk", "hen", "cow", "yak")
    ]
    asked.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    few.write_text(json.dumps(rows[0]) + "\n", encoding="utf-8")
    return {
        "ingest": ("ingest", str(documents)),
        "few": ("calibrate", str(few)),
        "json": ("calibrate", str(asked), "--json"),
        "words": ("calibrate", str(asked), "--target-false-abstention", "0.1"),
        "doctor": ("doctor", "--json"),
        "wrong target": ("calibrate", str(asked), "--target-false-abstention", "2"),
        "no file": ("calibrate", str(folder / "none.jsonl")),
        "reset": ("calibrate", "--reset", "--json"),
        "doctor after": ("doctor", "--json"),
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("calibrate")
    where = ("--collection", str(folder / "collection"))
    return run_batch({n: Command((*words, *where)) for n, words in commands(folder).items()})


def test_it_prints_the_keys_that_the_readme_names(done):
    assert set(done["json"].json) == KEYS


def test_questions_on_other_things_are_told_from_those_on_the_documents(done):
    assert done["json"].json["abstention"]["auroc"] > 0.9
    assert done["json"].json["false_abstention"] <= 0.05


def test_both_fits_stand_beside_each_other(done):
    assert "default fit" in done["words"].stdout
    assert "AUROC" in done["words"].stdout


def test_the_doctor_tells_what_it_was_fitted_on(done):
    assert "30 answerable and 10 other" in done["doctor"].json["facts"]["refusals"]


def test_a_reset_goes_back_to_the_default_fit(done):
    assert done["reset"].json == {"removed": True}
    assert "the default fit" in done["doctor after"].json["facts"]["refusals"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("few", "1 answerable and 0 unanswerable questions are too few"),
        ("wrong target", "2.0"),
        ("no file", "none.jsonl"),
    ],
)
def test_what_is_wrong_is_one_line(done, name, said):
    assert done[name].status != 0
    assert len(done[name].stderr.strip().splitlines()) == 1
    assert said in done[name].stderr
