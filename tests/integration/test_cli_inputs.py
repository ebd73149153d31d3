"""What the command lines take in beside files and folders: archives, passwords, pipes, loaders."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import docx
import pytest
from msoffcrypto.format.ooxml import OOXMLFile
from test_cli import ROOT, Command, Finished, assert_one_error, run, run_batch

WIND = "The dome closes at a mean wind of 14 m/s. Ask alice.smith@example.org about it."
CHINESE = "值班日志由夜间主管保管。每天早上八点交接班，交接时必须两人签字。"
ROWS = "name,height\nHeron,1200\nIbis,800\n"
CSV_LOADER = "langchain_community.document_loaders:CSVLoader"


def write_locked_docx(path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("The spare key hangs behind the workshop door.")
    plain = path.with_suffix(".plain")
    document.save(str(plain))
    with plain.open("rb") as source, path.open("wb") as target:
        OOXMLFile(source).encrypt("tika", target)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("inputs")
    with ZipFile(made / "a.zip", "w") as archive:
        archive.writestr("wind.txt", WIND)
        archive.writestr("夜班/roster.md", CHINESE)
        archive.writestr("tool.exe", "no document")
    (made / "rows.csv").write_text(ROWS)
    (made / "words.txt").write_text("[Dd]ome\n")
    (made / "bad-words.txt").write_text("(\n")
    write_locked_docx(made / "key.docx")
    return made


@pytest.fixture(scope="module")
def done(folder) -> dict[str, Finished]:
    """Commands in one process, in this order."""
    archive, locked, words = folder / "a.zip", folder / "key.docx", folder / "words.txt"
    commands = {
        "archive": ("a", "ingest", archive, "--json"),
        "archive again": ("a", "ingest", archive, "--json"),
        "list": ("a", "docs", "list", "--json"),
        "member": ("a", "docs", "show", f"{archive}!/夜班/roster.md", "--json"),
        "locked": ("a", "ingest", locked, "--json"),
        "failures": ("a", "docs", "failures", "--json"),
        "failures in words": ("a", "docs", "failures"),
        "wrong password": ("a", "ingest", "--retry-failed", "--password", "s3cret", "--json"),
        "retried": (
            *("a", "ingest", "--retry-failed", "--password", "no", "--password", "tika", "--json"),
        ),
        "no failures": ("a", "docs", "failures", "--json"),
        "nothing to retry": ("a", "ingest", "--retry-failed", "--json"),
        "loader": (
            *("a", "ingest", "--loader", CSV_LOADER),
            *("--loader-arg", f"file_path={folder / 'rows.csv'}", "--json"),
        ),
        "loader fails": (
            *("a", "ingest", "--loader", CSV_LOADER, "--loader-arg", "file_path=/no.csv", "--json"),
        ),
        "masked": (
            *("c", "ingest", archive, "--personal-data", "mask", "--word-list", words),
            *("--word-list-policy", "mask", "--json"),
        ),
        "masked text": ("c", "docs", "show", f"{archive}!/wind.txt", "--json"),
        "languages": ("e", "ingest", archive, "--languages", "fr", "--secrets", "flag", "--json"),
    }
    return run_batch(
        {
            name: Command(
                (*map(str, words[1:]), "--collection", str(folder / "collections" / words[0]))
            )
            for name, words in commands.items()
        }
    )


def outcome_of(finished: Finished) -> dict[str, str]:
    return {Path(o["path"]).name: o["outcome"] for o in finished.json["outcomes"]}


def test_the_members_of_an_archive_are_reported_each(done):
    assert outcome_of(done["archive"]) == {
        "wind.txt": "added",
        "roster.md": "added",
        "tool.exe": "skipped",
    }
    assert done["archive"].status == 0


def test_an_unchanged_archive_is_skipped(done):
    report = done["archive again"].json

    assert (report["seen"], report["skipped"], report["chunks_new"]) == (3, 3, 0)


def test_members_are_listed_under_their_archive(done, folder):
    sources = [name for d in done["list"].json["documents"] for name in d["sources"]]

    assert sources == [f"{folder}/a.zip!/wind.txt", f"{folder}/a.zip!/夜班/roster.md"]


def test_a_member_is_shown_by_its_name(done):
    assert done["member"].json["text"] == CHINESE


def test_a_locked_file_fails_and_is_listed_with_code_and_reason(done, folder):
    [failure] = done["failures"].json["failures"]

    assert done["locked"].status == 1
    assert set(failure) == {"path", "code", "reason", "document_id", "failed_at"}
    assert (failure["path"], failure["code"]) == (str(folder / "key.docx"), "encrypted")
    assert "encrypted" in done["failures in words"].stdout


def test_a_wrong_password_is_reported_and_not_shown(done):
    [outcome] = done["wrong password"].json["outcomes"]

    assert (done["wrong password"].status, outcome["code"]) == (1, "encrypted")
    assert "s3cret" not in done["wrong password"].stdout + done["wrong password"].stderr


def test_a_retry_with_the_password_ends_the_failure(done):
    assert outcome_of(done["retried"]) == {"key.docx": "added"}
    assert done["no failures"].json == {"failures": []}


def test_a_retry_of_nothing_is_no_failure(done):
    assert (done["nothing to retry"].status, done["nothing to retry"].json["seen"]) == (0, 0)


def test_a_loader_is_ingested_with_its_arguments(done):
    assert outcome_of(done["loader"]) == {"rows.csv": "added"}


def test_a_loader_that_fails_is_one_failed_outcome(done):
    [outcome] = done["loader fails"].json["outcomes"]

    assert (outcome["path"], outcome["outcome"]) == ("CSVLoader", "failed")
    assert done["loader fails"].status == 1


def test_a_policy_is_an_option(done):
    assert "[EMAIL]" in done["masked text"].json["text"]


def test_a_word_list_is_an_option(done):
    assert "[REDACTED] closes" in done["masked text"].json["text"]


def test_the_languages_to_keep_are_an_option(done):
    outcomes = done["languages"].json["outcomes"]

    assert {Path(o["path"]).name: o["code"] for o in outcomes if o["outcome"] == "skipped"} == {
        "wind.txt": "policy",
        "roster.md": "policy",
        "tool.exe": "unsupported",
    }


# --- wrong input: one line, one JSON value

WRONG = {
    "nothing": ((), 2, "usage"),
    "stdin and a path": (("-", "{folder}"), 2, "usage"),
    "name without stdin": (("{folder}", "--name", "a.txt"), 2, "usage"),
    "name without a reader": (("-", "--name", "a.xyz"), 1, "unsupported"),
    "empty stdin": (("-",), 1, "no_text"),
    "empty password": (("{folder}", "--password", ""), 2, "usage"),
    "retry of a path that is nowhere": (("{folder}/none", "--retry-failed"), 1, "not_found"),
    "retry and sync": (("{folder}", "--retry-failed", "--sync"), 2, "usage"),
    "loader without a class": (("--loader", "json"), 2, "usage"),
    "loader that is not installed": (("--loader", "no_such_module:Loader"), 2, "usage"),
    "loader with a wrong argument": (
        ("--loader", CSV_LOADER, "--loader-arg", "no_such=1"),
        2,
        "usage",
    ),
    "loader argument without a value": (("--loader", CSV_LOADER, "--loader-arg", "x"), 2, "usage"),
    "loader argument without a loader": (("{folder}", "--loader-arg", "x=1"), 2, "usage"),
    "no loader at all": (("--loader", "builtins:dict"), 2, "usage"),
    "watch of a file": (("{folder}/a.zip", "--watch"), 2, "usage"),
    "watch of nowhere": (("{folder}/none", "--watch"), 1, "not_found"),
    "interval of zero": (("{folder}", "--watch", "--interval", "0"), 2, "usage"),
    "interval without watch": (("{folder}", "--interval", "2"), 2, "usage"),
    "unknown policy": (("{folder}", "--personal-data", "hide"), 2, "usage"),
    "unknown junk policy": (("{folder}", "--junk", "mask"), 2, "usage"),
    "unknown secrets policy": (("{folder}", "--secrets", "x"), 2, "usage"),
    "word list that is nowhere": (("{folder}", "--word-list", "{folder}/none"), 2, "usage"),
    "word list that is broken": (("{folder}", "--word-list", "{folder}/bad-words.txt"), 2, "usage"),
    "word policy without a list": (("{folder}", "--word-list-policy", "mask"), 2, "usage"),
    "language that is no code": (("{folder}", "--languages", "english"), 2, "usage"),
}


@pytest.fixture(scope="module")
def refused(folder) -> dict[str, Finished]:
    collection = ("--json", "--collection", str(folder / "collections" / "refused"))
    return run_batch(
        {
            name: Command(("ingest", *(a.format(folder=folder) for a in arguments), *collection))
            for name, (arguments, _, _) in WRONG.items()
        }
    )


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_option_is_one_line_and_one_json_value(refused, name):
    _, status, code = WRONG[name]

    assert_one_error(refused[name], status=status, code=code)


# --- whole processes


def test_a_document_is_read_from_standard_input(tmp_path):
    options = ("--name", "notes.md", "--json", "--collection", tmp_path)

    finished = run("ingest", "-", *options, typed=WIND.encode())

    assert outcome_of(finished) == {"notes.md": "added"}
    assert finished.json["outcomes"][0]["path"] == "notes.md"


def test_the_batch_door_takes_the_same_options(folder, tmp_path):
    options = ("--password", "tika", "--personal-data", "mask", "--quiet", "--collection", tmp_path)

    finished = run(folder / "key.docx", *options, program=("-m", "ingest"))

    assert outcome_of(finished) == {"key.docx": "added"}


@pytest.mark.parametrize("arguments", [(), ("-", "--sync")])
def test_the_batch_door_refuses_the_same(arguments, tmp_path):
    finished = run(*arguments, "--collection", tmp_path, program=("-m", "ingest"))

    assert_one_error(finished, status=2, code="usage")


@pytest.mark.parametrize(
    "program",
    [
        ("-c", "from ui.cli import main; main()", "ingest", "--json"),
        pytest.param(("-m", "ingest"), marks=pytest.mark.slow),
    ],
)
def test_a_watch_tells_each_change_and_ends_with_130(program, tmp_path):
    documents = tmp_path / "documents"
    documents.mkdir()
    (documents / "a.txt").write_text(WIND)
    options = ("--watch", "--interval", "0.1", "--collection", str(tmp_path / "collection"))
    process = subprocess.Popen(
        [sys.executable, *program, str(documents), *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        events = [json.loads(process.stdout.readline())]
        (documents / "b.txt").write_text(CHINESE)
        events.append(json.loads(process.stdout.readline()))
        (documents / "a.txt").unlink()
        events.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
    finally:
        process.kill()

    assert [(e["event"], Path(e["path"]).name) for e in events] == [
        ("added", "a.txt"),
        ("added", "b.txt"),
        ("removed", "a.txt"),
    ]
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr
