"""`ragapp eval` as scripts use it: figures, the cache, and one line for what is wrong."""

from __future__ import annotations

import json

import pytest
from test_cli import Command, run_batch

from ragapp.evaluation.keeping import save_run
from ragapp.evaluation.run import EvaluationRun, QuestionResult

PASSAGES = [
    {"_id": "dome", "title": "Dome", "text": "The dome closes at a mean wind of 14 m/s."},
    {"_id": "lens", "title": "Lens", "text": "The lens weighs 120 kg and is washed twice a year."},
    {"_id": "log", "title": "值班日志", "text": "值班日志由夜间主管保管，交接时两人签字。"},
    {"_id": "fee", "title": "门票", "text": "成人门票每张六十元，儿童免费入场。"},
]
QUESTIONS = [
    {"_id": "q1", "text": "At what wind does the dome close?", "answers": ["14 m/s"]},
    {
        "_id": "q2",
        "text": "How heavy is the lens?",
        "answers": ["120 kg"],
        "evidences": ["The lens weighs 120 kg."],
    },
    {"_id": "q3", "text": "值班日志由谁保管？", "answers": ["夜间主管"]},
    {"_id": "q4", "text": "Who painted the submarine?", "answers": [], "answerable": False},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\tdome\t1\nq1\tlens\t0\nq2\tlens\t1\nq3\tlog\t1\n"
FIGURE_KEYS = {"value", "low", "high", "n"}
RANKING = {"recall@1", "recall@5", "recall@10", "nDCG@10", "MRR@10"}


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_set(folder, **changed):
    files = {
        "corpus.jsonl": lines(PASSAGES),
        "queries.jsonl": lines(QUESTIONS),
        "qrels.tsv": QRELS,
        **{f"{name.replace('_', '.')}": text for name, text in changed.items()},
    }
    folder.mkdir()
    for name, text in files.items():
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    return str(folder)


DOCUMENTS = {
    "wind.md": "# Wind limits\n\nThe dome closes at a mean wind of 14 m/s. Weaver is a spectrograph.\n",
    "duty.md": "# 值班规定\n\n值班日志是指夜间主管保管的记录本。预报雪量为8厘米。\n",
}


def write_run(path, ndcg):
    results = tuple(
        QuestionResult(f"q{i}", "Which?", True, {"hybrid": {"nDCG@10": ndcg}}, {}, 0.5, False)
        for i in range(9)
    )
    times = {"hybrid": (1.0, 2.0)}
    run = EvaluationRun(path.stem, "set", "2026-01-01", ("hybrid",), {}, times, None, results)
    save_run(run, path)
    return str(path)


def commands_on_folders(folder):
    good = write_set(folder / "good")
    more = folder / "more.jsonl"
    more.write_text(lines({"_id": f"m{i}", "text": f"Distractor {i}."} for i in range(3)))
    return {
        "all": ("run", good, "--systems", "hybrid,lexical,dense", "--answers", "--json"),
        "short": (good, "--json"),
        "words": (good, "--answers", "--systems", "lexical, hybrid"),
        "uncached": (good, "--json", "--no-cache"),
        "more": (good, "--json", "--distractors", str(more), "--max-distractors", "2"),
        "no folder": (str(folder / "nowhere"), "--json"),
        "no corpus": (write_set(folder / "a", corpus_jsonl=None),),
        "bad line": (write_set(folder / "b", queries_jsonl=lines(QUESTIONS) + "{\n"),),
        "unknown id": (write_set(folder / "c", qrels_tsv="q1\tmoon\t1\n"),),
        "empty": (write_set(folder / "d", corpus_jsonl=""),),
        "bad system": (good, "--systems", "hybrid,psychic"),
        "no distractors": (good, "--distractors", str(folder / "none.jsonl")),
        "nothing": (),
    }


def commands_on_a_collection(folder):
    bad, other = folder / "bad.jsonl", folder / "other.jsonl"
    bad.write_text('{"_id": "q", "text": "x", "start": -1, "source": "y"}\n')
    other.write_text('{"_id": "q", "text": "x", "source": "gone.txt"}\n')
    made, saved = str(folder / "made.jsonl"), str(folder / "run.json")
    high, low = write_run(folder / "high.json", 1.0), write_run(folder / "low.json", 0.2)
    return {
        "make": ("make", made, "--json"),
        "make again": ("make", made),
        "run": ("run", made, "--json", "--save", saved),
        "again": (made, "--answers", "--report", str(folder / "run.html")),
        "list": ("list", "--json"),
        "compare": ("compare", saved, saved, "--gate", "--json"),
        "fall": ("compare", high, low, "--gate"),
        "rise": ("compare", low, high, "--gate"),
        "unknown run": ("compare", saved, "no-such-run"),
        "bad row": (str(bad),),
        "other collection": (str(other),),
        "no file": (str(folder / "none.jsonl"),),
        "wrong option": (made, "--no-cache"),
        "no such place": (made, "--report", str(folder / "nowhere" / "run.html")),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("eval")
    (folder / "documents").mkdir()
    for name, text in DOCUMENTS.items():
        (folder / "documents" / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shown(folder):
    """What all commands print, run in one process."""
    variables = {"RAGAPP_COLLECTION": str(folder / "collection")}
    arguments = {**commands_on_folders(folder), **commands_on_a_collection(folder)}
    commands = {
        "ingest": Command(("ingest", str(folder / "documents")), variables=variables),
        **{n: Command(("eval", *a), variables=variables) for n, a in arguments.items()},
    }
    return run_batch(commands)


def test_every_system_has_every_figure_with_its_interval(shown):
    figures = shown["all"].json["figures"]

    assert set(figures) == {"hybrid", "lexical", "dense", "answers"}
    assert set(figures["hybrid"]) == RANKING | {"answer@1", "answer@3", "answer@5"}
    assert set(figures["hybrid"]["MRR@10"]) == FIGURE_KEYS


def test_what_the_words_of_the_questions_name_is_found_first(shown):
    figures = shown["all"].json["figures"]["lexical"]

    assert {metric: figures[metric]["value"] for metric in RANKING} == dict.fromkeys(RANKING, 1.0)


def test_the_engines_answers_are_judged(shown):
    answers = shown["all"].json["figures"]["answers"]

    assert answers["answer_contained"]["value"] == 1.0
    assert answers["citation_precision"]["value"] == 1.0
    assert answers["evidence_precision"]["n"] == answers["evidence_F1"]["n"] == 1
    assert answers["evidence_precision"]["value"] == 1.0
    assert answers["exact_match"]["n"] == 3


def test_refusals_are_judged_where_a_question_has_no_answer(shown):
    abstention = shown["all"].json["abstention"]

    assert (abstention["n_answerable"], abstention["n_unanswerable"]) == (3, 1)
    assert abstention["recall"] == 1.0
    assert abstention["curve"][-1][0] == 1.0


def test_further_systems_are_compared_with_the_first(shown):
    paired = shown["all"].json["paired"]

    assert set(paired) == {"lexical", "dense"}
    assert set(paired["dense"]["MRR@10"]) == {"difference", "low", "high", "p_value", "n"}


def test_a_folder_alone_is_run(shown):
    short, whole = shown["short"].json, shown["all"].json

    assert short["figures"]["hybrid"] == whole["figures"]["hybrid"]


def test_the_second_run_finds_the_passages_ingested(shown):
    assert [shown[name].json["facts"]["cached"] for name in ("all", "short")] == [False, True]


def test_without_the_cache_they_are_ingested_anew(shown):
    uncached = shown["uncached"].json

    assert uncached["facts"]["cached"] is False
    assert uncached["figures"] == shown["short"].json["figures"]


def test_distractors_are_ingested_up_to_the_number_given(shown):
    assert shown["more"].json["facts"]["passages"] == len(PASSAGES) + 2


def test_the_facts_name_counts_seconds_and_settings(shown):
    facts = shown["all"].json["facts"]

    assert {
        name: facts[name] for name in ("passages", "questions", "unanswerable", "left_out")
    } == {
        "passages": 4,
        "questions": 4,
        "unanswerable": 1,
        "left_out": 0,
    }
    assert facts["chunks"] == 4
    assert facts["ingest_seconds"] > 0
    assert facts["engine"] == "extractive"


def test_in_words_the_figures_stand_in_one_table(shown):
    words = shown["words"].stdout

    assert "recall@10             1.000 [1.000, 1.000]" in words
    assert "hybrid - lexical" in words
    assert "risk at coverage" in words


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("no folder", 1, "nowhere"),
        ("no corpus", 1, "no corpus.jsonl or corpus.jsonl.gz"),
        ("bad line", 1, "queries.jsonl, line 5: not valid JSON"),
        ("unknown id", 1, "qrels.tsv, line 1: no passage of the corpus has the id 'moon'"),
        ("empty", 1, "holds no passage"),
        ("bad system", 2, "the system 'psychic' is unknown"),
        ("no distractors", 1, "none.jsonl"),
    ],
)
def test_what_is_wrong_is_one_line(shown, name, status, message):
    finished = shown[name]

    assert finished.status == status
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1


def test_an_error_is_json_where_that_is_asked_for(shown):
    assert shown["no folder"].json["error"]["code"] == "not_found"


def test_eval_alone_shows_its_help(shown):
    assert "run" in shown["nothing"].stdout + shown["nothing"].stderr


def test_a_made_set_counts_its_kinds(shown):
    made = shown["make"].json

    assert made["questions"] == sum(made["kinds"].values())
    assert {"definition", "number", "title", "unanswerable"} <= set(made["kinds"])


def test_a_made_set_finds_its_own_documents(shown):
    figures = shown["run"].json["figures"]["hybrid"]

    assert figures["recall@5"]["value"] == 1.0
    assert figures["span@5"]["value"] == 1.0


def test_runs_of_questions_are_kept_in_the_collection(shown, folder):
    listed = [run["id"] for run in shown["list"].json["runs"]]

    assert len(listed) == 2
    assert shown["run"].json["id"] == listed[0]
    kept = (folder / "collection" / "evaluations").iterdir()
    assert sorted(path.stem for path in kept) == listed


def test_a_run_does_not_fall_behind_itself(shown):
    assert shown["compare"].status == 0
    assert shown["compare"].json["fallen"] == []


def test_the_gate_closes_where_figures_fell(shown):
    fall = shown["fall"]

    assert fall.status == 1
    assert "FELL" in fall.stdout
    assert "got worse" in fall.stdout
    assert fall.stderr == ""


def test_the_gate_stays_open_where_figures_rose(shown):
    assert shown["rise"].status == 0


def test_a_report_is_written(shown, folder):
    page = (folder / "run.html").read_text("utf-8")

    assert page.startswith("<!doctype html>")
    assert shown["again"].status == 0


@pytest.mark.parametrize(
    ("name", "status", "message"),
    [
        ("make again", 2, "is there already"),
        ("unknown run", 1, "no evaluation run has the id or file 'no-such-run'"),
        ("bad row", 1, "bad.jsonl, line 1: 'start' is -1"),
        ("other collection", 1, "is about a document of this collection"),
        ("no file", 1, "none.jsonl"),
        ("wrong option", 2, "go with a DIR alone"),
        ("no such place", 2, "cannot be written"),
    ],
)
def test_what_is_wrong_with_questions_of_ones_own_is_one_line(shown, name, status, message):
    finished = shown[name]

    assert finished.status == status
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1
