"""The command line as scripts use it: real processes, their output, errors and exit codes."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ragapp.collection import Collection

ROOT = Path(__file__).parents[2]
POLICY = ROOT / "sample_corpus" / "en" / "data-access-policy.pdf"
QUESTION = "At what mean wind does the dome close?"
CHINESE_QUESTION = "值班日志由谁保管？"
WIND = "# Wind limits\n\nThe dome closes at a mean wind of 14 m/s.\n\nThe crew waits for an hour.\n"
ROSTER = "值班日志由夜间主管保管。每天早上八点交接班，交接时必须两人签字。"
STEERING = "A crate\x1b[2J of plums \x9b31mstands\x07 behind the workshop door.\n"
ODD_NAME = "odd \x1b[31m\x9b7m\x7f name.txt"
BROKEN_NAME = "broken \x1b]0;title\x07.pdf"

REPORT_KEYS = {
    "seen",
    "added",
    "updated",
    "duplicate",
    "skipped",
    "failed",
    "removed",
    "chunks_new",
    "chunks_reused",
    "seconds",
    "warnings",
    "outcomes",
}
OUTCOME_KEYS = {
    "path",
    "outcome",
    "reason",
    "document_id",
    "duplicate_of",
    "code",
    "chunks_new",
    "chunks_reused",
    "quality",
}
HIT_KEYS = {
    "rerank_score",
    "date",
    "collection",
    "has_instructions",
    "language",
    "dense_score",
    "lexical_score",
    "coverage",
    "also_in",
    "also_at",
    "rank",
    "score",
    "document_id",
    "source",
    "title",
    "page",
    "heading",
    "chunk_id",
    "start",
    "end",
    "text",
}
ANSWER_KEYS = {
    "grounded",
    "statements",
    "question",
    "answer",
    "abstained",
    "citations",
    "conflicts",
    "hits",
    "engine",
    "timings_ms",
    "usage",
    "dropped_turns",
    "dropped_hits",
}
CITATION_KEYS = {
    "revisions",
    "has_instructions",
    "collection",
    "marker",
    "document_id",
    "source",
    "page",
    "start",
    "end",
    "quote",
    "title",
    "chunk_id",
    "also_in",
    "also_at",
}
TIMING_KEYS = {"retrieve", "prompt", "first_token", "total"}
USAGE_KEYS = {"prompt_tokens", "prefilled_tokens", "cached_tokens", "new_tokens"}


class Finished(NamedTuple):
    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


def run(
    *arguments: str | bytes | Path,
    program: Sequence[str] = ("-c", "from ui.cli import main; main()"),
    folder: Path | None = None,
    typed: bytes = b"",
    variables: Mapping[str, str] | None = None,
    is_privileged: bool = True,
) -> Finished:
    """Run ragapp with none of this session's settings, to its end."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("RAGAPP_")}
    finished = subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=folder or "/",
        env={**clean, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **(variables or {})},
        input=typed,
        capture_output=True,
        timeout=120,
        check=False,
        preexec_fn=None if is_privileged else _obey_permissions,
    )
    shown = (text.decode("utf-8") for text in (finished.stdout, finished.stderr))
    return Finished(finished.returncode, *shown)


_BATCH = """
import io, json, os, sys, traceback
from contextlib import redirect_stderr, redirect_stdout
from ui.cli import main

finished = []
for arguments, folder, variables in json.load(sys.stdin):
    sys.argv = ["ragapp", *arguments]
    os.chdir(folder)
    os.environ.update(variables)
    stdout, stderr, status = io.StringIO(), io.StringIO(), 1
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            main()
    except SystemExit as end:
        status = end.code
    except BaseException:
        stderr.write(traceback.format_exc())
    for name in variables:
        del os.environ[name]
    finished.append((status, stdout.getvalue(), stderr.getvalue()))
json.dump(finished, sys.stdout)
"""


class Command(NamedTuple):
    """One command of a batch: its arguments, working folder and environment."""

    arguments: tuple[str, ...]
    folder: str = "/"
    variables: Mapping[str, str] = {}


def run_batch(commands: Mapping[str, Command]) -> dict[str, Finished]:
    """Run commands one after the other in one process: the libraries load once."""
    finished = run(program=("-c", _BATCH), typed=json.dumps([*commands.values()]).encode())
    assert finished.status == 0, finished.stderr
    return {n: Finished(*values) for n, values in zip(commands, finished.json, strict=True)}


def _obey_permissions() -> None:
    """Make permission bits count for the superuser too (PR_CAPBSET_DROP, CAP_DAC_*)."""
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


def steering(text: str) -> set[str]:
    """Return the control characters in `text` that can steer a terminal."""
    return {c for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"}


class Setting(NamedTuple):
    """A folder of documents, the collection it was ingested into, and what that printed."""

    documents: Path
    collection: Path
    ingestion: Finished

    def run(self, *arguments: str | bytes | Path, **options: Any) -> Finished:
        return run(*arguments, "--collection", self.collection, **options)

    def copied(self, folder: Path) -> Setting:
        """Return the same with a collection that may be changed."""
        copy = Path(shutil.copytree(self.collection, folder / "collection"))
        return self._replace(collection=copy)


@pytest.fixture(scope="module")
def setting(tmp_path_factory) -> Setting:
    folder = tmp_path_factory.mktemp("cli")
    documents = folder / "documents"
    (documents / "night").mkdir(parents=True)
    (documents / "wind.md").write_text(WIND, encoding="utf-8")
    (documents / "wind-again.md").write_text(WIND, encoding="utf-8")
    (documents / "night" / "roster.txt").write_text(ROSTER, encoding="utf-8")
    (documents / ODD_NAME).write_text(STEERING, encoding="utf-8")
    (documents / BROKEN_NAME).write_bytes(b"not a PDF")
    shutil.copy(POLICY, documents / "policy.pdf")
    collection = folder / "collection"
    ingestion = run("ingest", documents, "--json", "--collection", collection)
    return Setting(documents, collection, ingestion)


@pytest.fixture(scope="module")
def answered(setting):
    return setting.run("ask", QUESTION, "--json")


@pytest.fixture(scope="module")
def shown(setting) -> dict[str, Finished]:
    """What the commands print that only read."""
    roster, policy, odd = (
        str(setting.documents / name) for name in ("night/roster.txt", "policy.pdf", ODD_NAME)
    )
    commands = {
        "search": ("search", "mean wind", "--json", "-k", "3"),
        "list": ("docs", "list", "--json"),
        "roster": ("docs", "show", roster, "--json"),
        "policy": ("docs", "show", policy, "--json"),
        "doctor": ("doctor", "--json"),
        "show in words": ("docs", "show", odd),
        "search in words": ("search", "crate of plums"),
        "unchanged": ("ingest", str(setting.documents / "wind.md")),
        "unknown in words": ("docs", "show", "no-such-id"),
        "traced": ("ask", QUESTION, "--trace", "--json"),
        "traced in words": ("ask", QUESTION, "--trace", "--quote-only", "--template", "brief"),
    }
    variables = {"RAGAPP_COLLECTION": str(setting.collection)}
    return run_batch({n: Command(a, variables=variables) for n, a in commands.items()})


@pytest.fixture(scope="module")
def found(shown):
    return shown["search"]


@pytest.fixture(scope="module")
def listed(shown):
    return shown["list"]


@pytest.fixture(scope="module")
def chatted(setting):
    lines = f"{QUESTION}\n{CHINESE_QUESTION}\n\nnever asked\n"
    return setting.run("chat", "--json", typed=lines.encode())


# --- ingest


def test_ingest_prints_one_json_value_though_a_file_failed(setting):
    assert isinstance(setting.ingestion.json, dict)


def test_ingest_exits_with_0_when_no_file_failed(shown):
    assert shown["unchanged"].status == 0
    assert "1 skipped" in shown["unchanged"].stdout


def test_ingest_exits_with_1_when_a_file_failed(setting):
    assert setting.ingestion.status == 1


def test_the_report_has_exactly_the_keys_of_the_contract(setting):
    assert set(setting.ingestion.json) == REPORT_KEYS


def test_an_outcome_has_exactly_the_keys_of_the_contract(setting):
    assert {frozenset(o) for o in setting.ingestion.json["outcomes"]} == {frozenset(OUTCOME_KEYS)}


def test_the_five_counts_of_the_report_add_up_to_seen(setting):
    report = setting.ingestion.json

    assert (report["added"], report["duplicate"], report["failed"]) == (4, 1, 1)
    assert (report["updated"], report["skipped"], report["seen"]) == (0, 0, 6)


def test_an_outcome_s_path_is_the_path_as_given(setting):
    paths = [outcome["path"] for outcome in setting.ingestion.json["outcomes"]]

    assert paths == sorted(str(path) for path in setting.documents.rglob("*.*"))


@pytest.fixture(scope="module")
def second(setting, tmp_path_factory):
    copy = setting.copied(tmp_path_factory.mktemp("second"))
    return copy.run("ingest", setting.documents, "--json")


def test_a_second_ingestion_embeds_nothing(second):
    report = second.json

    assert (report["skipped"], report["failed"], report["chunks_new"]) == (5, 1, 0)


def test_a_second_ingestion_prints_the_same_keys(setting, second):
    assert set(second.json) == set(setting.ingestion.json)


def test_the_batch_door_prints_the_same_report(setting, second, tmp_path):
    copy = setting.copied(tmp_path)
    options = ("--collection", copy.collection, "--quiet")

    finished = run(setting.documents, *options, program=("-m", "ingest"))

    volatile = {"seconds": None}
    assert finished.status == second.status
    assert {**finished.json, **volatile} == {**second.json, **volatile}


def test_the_batch_door_reports_wrong_usage_on_one_line_with_exit_2():
    finished = run("--no-such-option", "x", program=("-m", "ingest"))

    assert (finished.status, finished.stdout) == (2, "")
    assert finished.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def reported(setting, tmp_path_factory):
    """The second run again, in words and with a report; its text and its file."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    copy = setting.copied(path.parent)
    finished = copy.run("ingest", setting.documents, "--report", path, "--report-language", "zh")
    return finished.stdout, path.read_text(encoding="utf-8")


def test_ingest_ends_with_totals_and_the_files_that_have_something_to_say(setting, reported):
    first, second = reported[0].splitlines()[:2]

    assert first.startswith("seen 6: 0 added, 0 updated, 0 duplicate, 5 skipped, 1 failed")
    assert second.startswith("1 file needs a look: ")
    assert "roster.txt" not in reported[0]


def test_the_report_file_names_every_file_in_the_language_asked_for(setting, reported):
    assert '<html lang="zh-Hans">' in reported[1]
    for name in ("wind.md", "wind-again.md", "roster.txt", "policy.pdf"):
        assert str(setting.documents / name) in reported[1] or f"night/{name}" in reported[1]


@pytest.mark.parametrize("program", [("-c", "from ui.cli import main; main()"), ("-m", "ingest")])
def test_a_report_that_cannot_be_written_is_told_before_the_work(setting, tmp_path, program):
    arguments = () if program[0] == "-m" else ("ingest",)
    target = tmp_path / "none" / "report.html"

    finished = run(
        *arguments,
        setting.documents,
        "--report",
        target,
        "--collection",
        tmp_path / "collection",
        program=program,
    )

    assert finished.status == 2
    assert len(finished.stderr.splitlines()) == 1
    assert "no folder" in finished.stderr
    assert not (tmp_path / "collection").exists()


def test_the_batch_door_writes_the_report_too(setting, tmp_path):
    target = tmp_path / "report.html"
    copy = setting.copied(tmp_path)

    finished = copy.run(setting.documents, "--quiet", "--report", target, program=("-m", "ingest"))

    assert finished.json["failed"] == 1
    assert "wind.md" in target.read_text(encoding="utf-8")


def test_sync_removes_the_document_of_a_deleted_file(setting, tmp_path):
    copy = setting.copied(tmp_path)
    roster = setting.documents / "night" / "roster.txt"
    put_aside = roster.rename(tmp_path / "roster.txt")

    report = copy.run("ingest", setting.documents, "--sync", "--json")

    put_aside.rename(roster)
    assert (report.json["seen"], report.json["removed"]) == (5, 1)


def test_sync_keeps_the_documents_of_a_folder_that_cannot_be_listed(setting, tmp_path):
    copy = setting.copied(tmp_path)
    (setting.documents / "night").chmod(0o000)

    report = copy.run("ingest", setting.documents, "--sync", "--json", is_privileged=False)

    (setting.documents / "night").chmod(0o700)
    assert "Traceback" not in report.stderr
    assert report.json["removed"] == 0


# --- search, ask, chat


def test_search_prints_hits_and_nothing_else(found):
    assert (found.status, set(found.json)) == (0, {"hits"})


def test_a_hit_has_exactly_the_keys_of_the_contract(found):
    assert {frozenset(hit) for hit in found.json["hits"]} == {frozenset(HIT_KEYS)}


def test_search_returns_k_hits_ranked_from_1(found):
    hits = found.json["hits"]

    assert [hit["rank"] for hit in hits] == [1, 2, 3]
    assert [hit["score"] for hit in hits] == sorted((h["score"] for h in hits), reverse=True)


def test_a_hit_s_source_is_the_path_as_ingested(setting, found):
    first = found.json["hits"][0]

    assert first["source"] in {str(setting.documents / n) for n in ("wind.md", "wind-again.md")}


def test_an_answer_has_exactly_the_keys_of_the_contract(answered):
    answer = answered.json

    assert set(answer) == ANSWER_KEYS
    assert set(answer["timings_ms"]) == TIMING_KEYS
    assert set(answer["usage"]) == USAGE_KEYS


def test_a_traced_answer_is_the_answer_and_its_trace(answered, shown):
    traced = shown["traced"].json
    assert set(traced) == ANSWER_KEYS | {"trace"}
    assert traced["answer"] == answered.json["answer"]
    assert traced["trace"]["searched"] == QUESTION


def test_a_trace_is_told_in_words_below_the_answer(answered, shown):
    finished = shown["traced in words"]
    told = finished.stdout
    assert (finished.status, finished.stderr) == (0, "")
    assert told.index("[1]") < told.index(f"searched: {QUESTION}") < told.index("--- user")
    assert "as few words as will do" in told
    assert all(name in told for name in ("confidence: ", "budget: ", "milliseconds: ", "tokens: "))


def test_a_citation_has_exactly_the_keys_of_the_contract(answered):
    assert {frozenset(c) for c in answered.json["citations"]} == {frozenset(CITATION_KEYS)}


def test_an_answer_s_hits_look_like_those_of_search(answered, found):
    keys = {frozenset(hit) for hit in answered.json["hits"]}

    assert keys == {frozenset(hit) for hit in found.json["hits"]}


def test_the_answer_is_in_the_documents(answered):
    answer = answered.json

    assert "14 m/s" in answer["answer"]
    assert answer["abstained"] is False
    assert (answer["question"], answered.status) == (QUESTION, 0)


def test_the_tokens_of_a_prompt_are_prefilled_or_cached(answered):
    usage = answered.json["usage"]

    assert usage["prompt_tokens"] == usage["prefilled_tokens"] + usage["cached_tokens"] > 0


def test_timings_grow_from_stage_to_stage(answered):
    timings = answered.json["timings_ms"]

    stages = [timings[name] for name in ("retrieve", "prompt", "first_token", "total")]
    assert stages == sorted(stages)
    assert stages[0] > 0


def test_every_quote_stands_verbatim_at_its_place_in_docs_show(setting, answered, chatted):
    answers = [answered.json, *map(json.loads, chatted.stdout.splitlines())]
    citations = [c for answer in answers for c in answer["citations"]]
    arguments = ("--json", "--collection", str(setting.collection))
    printed = run_batch(
        {i: Command(("docs", "show", i, *arguments)) for i in {c["document_id"] for c in citations}}
    )
    texts = {document_id: finished.json["text"] for document_id, finished in printed.items()}

    assert len(citations) >= 3
    assert all(c["quote"] == texts[c["document_id"]][c["start"] : c["end"]] for c in citations)


def test_chat_answers_a_question_a_line_until_an_empty_one(chatted):
    answers = [json.loads(line) for line in chatted.stdout.splitlines()]

    assert chatted.status == 0
    assert [answer["question"] for answer in answers] == [QUESTION, CHINESE_QUESTION]
    assert "夜间主管" in answers[1]["answer"]


def test_chat_takes_bytes_that_are_not_utf_8_without_a_traceback(setting):
    finished = setting.run("chat", "--json", typed=b"\xff\xfe mean wind\n")

    assert "Traceback" not in finished.stderr
    assert finished.stderr.count("\n") <= 1


def test_search_takes_bytes_that_are_not_utf_8_without_a_traceback(setting):
    finished = setting.run("search", b"\xff mean wind", "--json")

    assert "Traceback" not in finished.stderr
    assert finished.stderr.count("\n") <= 1


# --- docs, doctor, reindex


def test_docs_list_names_each_document_with_all_its_sources(setting, listed):
    sources = {name for entry in listed.json["documents"] for name in entry["sources"]}

    assert listed.status == 0
    assert len(listed.json["documents"]) == 4
    assert sources == {str(p) for p in setting.documents.rglob("*.*") if p.name != BROKEN_NAME}


def test_docs_show_finds_a_document_by_its_path(shown):
    assert shown["roster"].json["text"] == ROSTER


def test_docs_show_tells_the_pages_of_a_pdf(shown):
    policy = shown["policy"].json

    assert [page["number"] for page in policy["pages"]] == [1, 2, 3, 4]
    assert policy["pages"][-1]["end"] <= len(policy["text"])


def test_docs_remove_removes_the_document_and_says_which_files_held_it(setting, tmp_path):
    copy = setting.copied(tmp_path)

    removed = copy.run("docs", "remove", setting.documents / "wind.md", "--json").json
    left = copy.run("docs", "list", "--json").json["documents"]

    assert removed["sources"] == [
        str(setting.documents / name) for name in ("wind-again.md", "wind.md")
    ]
    assert removed["document_id"] not in {entry["id"] for entry in left}
    assert len(left) == 3


def test_doctor_finds_no_problem_in_a_sound_collection(shown):
    finished = shown["doctor"]

    assert (finished.status, set(finished.json)) == (0, {"facts", "problems", "warnings"})
    assert finished.json["problems"] == []


def test_doctor_exits_with_1_and_names_a_damaged_index(setting, tmp_path):
    copy = setting.copied(tmp_path)
    (index,) = (copy.collection / "index").iterdir()
    index.write_bytes(index.read_bytes()[:-1])

    finished = copy.run("doctor", "--deep", "--json")

    assert finished.status == 1
    assert index.name in finished.json["problems"][0]


def test_reindex_mends_a_lost_index_and_embeds_nothing(setting, tmp_path):
    copy = setting.copied(tmp_path)
    shutil.rmtree(copy.collection / "index")

    finished = copy.run("reindex", "--json")

    collection = Collection.open(copy.collection)
    problems = collection.problems()
    collection.close()
    assert problems == []
    assert finished.json["embedded"] == 0
    assert finished.json["chunks"] > 4


# --- what reaches the terminal


@pytest.mark.parametrize(
    ("name", "text"),
    [("show in words", "plums"), ("search in words", "plums"), ("list", "odd"), ("search", "wind")],
)
def test_no_control_character_reaches_the_terminal(shown, name, text):
    finished = shown[name]

    assert text in finished.stdout
    assert steering(finished.stdout + finished.stderr) == set()


def test_no_control_character_of_a_report_reaches_the_terminal(setting):
    assert steering(setting.ingestion.stdout + setting.ingestion.stderr) == set()


def test_no_control_character_of_a_failed_file_s_name_reaches_the_terminal(setting, tmp_path):
    broken = setting.documents / BROKEN_NAME

    finished = run("ingest", broken, "--collection", tmp_path)

    assert "failed" in finished.stdout
    assert steering(finished.stdout + finished.stderr) == set()


# --- errors


class Case(NamedTuple):
    """A command that must fail with `status` and the error code `code`."""

    arguments: tuple[str, ...]
    status: int
    code: str
    variables: Mapping[str, str] = {}
    config: str = ""


CASES = {
    "unknown option": Case(("ask", "x", "--no-such-option"), 2, "usage"),
    "option with a line end": Case(("ask", "x", "--no\nsuch"), 2, "usage"),
    "unknown command": Case(("no-such-command",), 2, "usage"),
    "missing argument": Case(("ask",), 2, "usage"),
    "missing subcommand": Case(("docs",), 2, "usage"),
    "top-k of zero": Case(("search", "x", "-k", "0"), 2, "usage"),
    "empty question": Case(("ask", " \t"), 2, "usage"),
    "set without a value": Case(("ask", "x", "--set", "seed"), 2, "usage"),
    "set of no setting": Case(("ask", "x", "--set", "sed=1"), 2, "settings"),
    "set out of range": Case(("ask", "x", "--set", "top_p=2"), 2, "settings"),
    "missing path": Case(("ingest", "no such\nfile.txt"), 1, "not_found"),
    "unknown document": Case(("docs", "show", "no-such-id"), 1, "not_found"),
    "unknown document to remove": Case(("docs", "remove", "no-such-id"), 1, "not_found"),
    "unknown variable": Case(("docs", "list"), 2, "settings", {"RAGAPP_NO_SUCH": "1"}),
    "value out of range": Case(("docs", "list"), 2, "settings", {"RAGAPP_TOP_K": "0"}),
    "overlap above the size": Case(
        ("docs", "list"),
        2,
        "settings",
        {"RAGAPP_CHUNK_TOKENS": "32", "RAGAPP_OVERLAP_TOKENS": "32"},
    ),
    "missing configuration": Case(("docs", "list"), 2, "settings", {"RAGAPP_CONFIG": "none.toml"}),
    "broken configuration": Case(("docs", "list"), 2, "settings", config="top_k = = 3\n"),
    "unknown key": Case(("docs", "list"), 2, "settings", config="no_such_key = 3\n"),
    "unknown embedder": Case(
        ("search", "x"), 1, "model_not_found", {"RAGAPP_EMBEDDER": "no-such/embedder"}
    ),
    "unknown template": Case(("ask", QUESTION, "--template", "haiku"), 2, "settings"),
    "missing template": Case(("docs", "list"), 2, "settings", {"RAGAPP_TEMPLATE": "none.toml"}),
    "unknown model": Case(
        ("ask", QUESTION), 1, "model_not_found", {"RAGAPP_MODEL": "/no/such/model"}
    ),
}


def assert_one_error(finished: Finished, *, status: int, code: str) -> None:
    """Check the shape of every error: one line, the same as JSON, no traceback."""
    assert finished.stderr.count("\n") == 1, finished.stderr
    assert "Traceback" not in finished.stderr
    assert finished.status == status
    assert set(finished.json) == {"error"}
    assert set(finished.json["error"]) == {"code", "message", "hint"}
    assert finished.json["error"]["code"] == code
    assert finished.json["error"]["message"] in finished.stderr


@pytest.fixture(scope="module")
def failures(setting, tmp_path_factory) -> dict[str, Finished]:
    commands = {}
    for name, case in CASES.items():
        folder = tmp_path_factory.mktemp("case")
        if case.config:
            (folder / "ragapp.toml").write_text(case.config)
        variables = {"RAGAPP_COLLECTION": str(setting.collection), **case.variables}
        commands[name] = Command((*case.arguments, "--json"), str(folder), variables)
    return run_batch(commands)


@pytest.mark.parametrize("name", CASES)
def test_an_error_is_one_line_and_one_json_value(failures, name):
    assert_one_error(failures[name], status=CASES[name].status, code=CASES[name].code)


def test_without_json_an_error_leaves_stdout_empty(shown):
    finished = shown["unknown in words"]

    assert (finished.status, finished.stdout) == (1, "")
    assert finished.stderr.count("\n") == 1


def test_a_collection_in_a_folder_that_cannot_be_made_is_one_error(tmp_path):
    (tmp_path / "file").touch()

    finished = run("docs", "list", "--json", "--collection", tmp_path / "file" / "collection")

    assert_one_error(finished, status=1, code="collection")


def test_a_collection_that_may_not_be_written_is_one_error(setting, tmp_path):
    copy = setting.copied(tmp_path)
    for path in copy.collection.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    copy.collection.chmod(0o500)

    finished = copy.run(
        "docs", "remove", setting.documents / "wind.md", "--json", is_privileged=False
    )

    copy.collection.chmod(0o700)
    assert_one_error(finished, status=1, code="collection")


def test_a_database_that_is_none_is_one_error(tmp_path):
    (tmp_path / "ragapp.sqlite3").write_bytes(b"not a database" * 100)

    finished = run("docs", "list", "--json", "--collection", tmp_path)

    assert_one_error(finished, status=1, code="damaged")


def test_a_locked_collection_is_one_error_that_names_the_holder(setting, tmp_path):
    copy = setting.copied(tmp_path)
    holder = Collection.open(copy.collection)
    with holder.writing():
        finished = copy.run("ingest", setting.documents / "wind.md", "--json")
    holder.close()

    assert_one_error(finished, status=1, code="locked")
    assert str(os.getpid()) in finished.stderr
