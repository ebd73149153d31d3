"""Evaluate: the collection's own questions asked, runs compared, each question a link to its why."""

import json
import shutil
from urllib.parse import parse_qs

import pytest
from page_driver import clicked, opening, page, say, shown

from ragapp import EvaluationRun, keep_run, list_runs, questions_file
from ragapp.evaluation.run import QuestionResult
from ui import labels, search_labels, state

VIEW = "views/evaluate.py"
HOSTILE = "![x](http://evil.example) :red[a] <b>$x$</b>"


def make_run(id_, scores, *, text="When is the office open?", system="hybrid"):
    """Return a run of one search whose questions have these nDCG values."""
    results = tuple(
        QuestionResult(f"q{i}", f"{text} {i}", True, {system: {"nDCG@10": score}}, {}, 0.5, False)
        for i, score in enumerate(scores)
    )
    made_at, times = "2026-01-02T03:04:05+00:00", {system: (1.5, 2.5)}
    return EvaluationRun(id_, "set", made_at, (system,), {"left_out": 0}, times, None, results)


def links(app):
    """Return the text and the query of each link to Inspect."""
    protos = [element.proto for element in app.get("page_link")]
    return [
        (proto.label, parse_qs(proto.query_string)) for proto in protos if proto.page == "inspect"
    ]


def tables(app):
    """Return the HTML of the tables on the page, the one of all runs left out."""
    return all_tables(app)[1:]


def all_tables(app):
    return [body for body in shown(app).split("\n") if "ragapp-table" in body]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_loads_without_a_run(collection, language):
    app = page(VIEW, language)

    assert app.title[0].value == say(language)(labels.EVALUATE)
    assert app.info[0].value == say(language)(search_labels.NO_RUNS)
    assert not app.error
    assert not questions_file(collection).exists()


@pytest.fixture(scope="module")
def evaluated(harbour, tmp_path_factory):
    """The page in each language after a run on a collection of its own, and the folders of those."""
    apps, folders = {}, {}
    for language in ("en", "zh"):
        folder = tmp_path_factory.mktemp("evaluated") / "collection"
        with pytest.MonkeyPatch.context() as monkeypatch, opening(monkeypatch) as use:
            folders[language] = use(shutil.copytree(harbour / "collection", folder))
            apps[language] = clicked(page(VIEW, language), search_labels.EVALUATE_NOW)
    return apps, folders


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_first_run_makes_the_questions_and_keeps_the_figures(evaluated, language):
    app, folder = (found[language] for found in evaluated)

    assert not app.exception
    assert not app.error
    rows = [json.loads(line) for line in questions_file(folder).read_text("utf-8").splitlines()]
    (run,) = list_runs(folder)
    assert len(run.results) == len(rows) > 1
    assert run.systems == ("hybrid", "dense", "lexical")
    assert say(language)(search_labels.RUN_KEPT) in app.success[0].value.replace("\\", "")


def test_the_figures_are_shown_with_their_intervals_in_a_table_and_a_plot(evaluated):
    app, folder = (found["en"] for found in evaluated)

    (run,) = list_runs(folder)
    item = run.figures()["lexical"]["nDCG@10"]
    assert f"{item.value:.3f} [{item.low:.3f}, {item.high:.3f}]" in tables(app)[0]
    (chart,) = app.get("vega_lite_chart") or app.get("arrow_vega_lite_chart")
    marks = [layer["mark"]["type"] for layer in json.loads(chart.proto.spec)["layer"]]
    assert marks == ["rule", "point"]


def test_the_searches_of_a_run_are_compared_with_the_first_by_a_paired_test(evaluated):
    app, folder = (found["en"] for found in evaluated)

    (run,) = list_runs(folder)
    pair = run.paired()["lexical"]["nDCG@10"]
    assert f"{pair.difference:+.3f} [{pair.low:+.3f}, {pair.high:+.3f}]" in tables(app)[1]
    assert f"{pair.p_value:.4f}" in tables(app)[1]


def test_only_the_chosen_searches_are_run_and_answers_are_judged_where_asked(collection):
    app = page(VIEW)
    app.multiselect(key=state.Key.SYSTEMS).set_value(["lexical"])
    app.checkbox(key=state.Key.JUDGE_ANSWERS).set_value(True)
    clicked(app, search_labels.EVALUATE_NOW)

    (run,) = list_runs(collection)
    assert run.systems == ("lexical",)
    assert all(result.answer for result in run.results)
    assert "dense" not in tables(app)[0]


def test_an_edited_question_set_is_run_as_it_is(collection, evaluated):
    made = questions_file(evaluated[1]["en"]).read_text("utf-8")
    questions_file(collection).parent.mkdir()
    questions_file(collection).write_text(made.splitlines()[0] + "\n", encoding="utf-8")

    clicked(page(VIEW), search_labels.EVALUATE_NOW)

    assert len(list_runs(collection)[-1].results) == 1


def test_questions_are_made_anew_only_after_a_confirmation(collection, evaluated):
    path = questions_file(collection)
    path.parent.mkdir()
    path.write_text("edited", encoding="utf-8")
    app = page(VIEW)

    clicked(app, search_labels.REMAKE)
    clicked(app, labels.REMOVE_NO)
    assert path.read_text(encoding="utf-8") == "edited"

    clicked(app, search_labels.REMAKE)
    clicked(app, search_labels.REMAKE_YES)
    assert path.read_bytes() == questions_file(evaluated[1]["en"]).read_bytes()
    assert not app.exception


@pytest.mark.parametrize("language", ["en", "zh"])
def test_two_runs_are_compared_and_what_got_worse_leads_to_inspect(collection, language):
    keep_run(make_run("20260101-1", [1.0] * 9), collection)
    keep_run(make_run("20260102-1", [1.0] * 7 + [0.5, 0.25]), collection)
    app = page(VIEW, language)

    app.selectbox(key=state.Key.COMPARED).set_value("20260101-1").run()

    assert not app.error
    assert say(language)(search_labels.GOT_WORSE, n=2) in [head.value for head in app.subheader]
    assert say(language)(search_labels.SHARED, n=9) in shown(app)
    assert [query["query"] for _, query in links(app)] == [
        ["When is the office open? 8"],
        ["When is the office open? 7"],
    ]
    assert {query["lang"][0] for _, query in links(app)} == {language}


@pytest.mark.parametrize("first", ["20260101-1", "20260102-1"])
def test_the_later_run_is_judged_by_the_earlier_one_whichever_is_chosen_first(collection, first):
    keep_run(make_run("20260101-1", [1.0] * 9), collection)
    keep_run(make_run("20260102-1", [0.5] * 9), collection)
    app = page(VIEW)
    other = {"20260101-1": "20260102-1", "20260102-1": "20260101-1"}[first]

    app.selectbox(key=state.Key.RUN).set_value(first).run()
    app.selectbox(key=state.Key.COMPARED).set_value(other).run()

    assert "-0.500 [-0.500, -0.500]" in tables(app)[0]
    assert search_labels.LOWER.en in tables(app)[0]


def test_the_questions_lead_to_inspect_the_worst_first(collection):
    keep_run(make_run("20260101-1", [1.0, 0.5, 0.0]), collection)

    app = page(VIEW)

    assert [query["query"][0][-1] for _, query in links(app)] == ["2", "1", "0"]


def test_runs_without_a_common_question_are_one_sentence(collection):
    keep_run(make_run("20260101-1", [1.0]), collection)
    keep_run(make_run("20260102-1", [1.0], system="dense"), collection)
    app = page(VIEW)

    app.selectbox(key=state.Key.COMPARED).set_value("20260101-1").run()

    assert not app.exception
    assert len(app.error) == 1
    assert "no question in common" in app.error[0].value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_empty_collection_leads_to_adding_files(opened, tmp_path, language):
    opened(tmp_path / "collection")

    app = page(VIEW, language)

    assert app.info[0].value == say(language)(labels.EMPTY_COLLECTION)
    assert not app.multiselect


def test_no_search_chosen_is_said(collection):
    app = page(VIEW)
    app.multiselect(key=state.Key.SYSTEMS).set_value([])

    clicked(app, search_labels.EVALUATE_NOW)

    assert app.warning[0].value == search_labels.NO_SYSTEM.en


@pytest.mark.parametrize("text", ["{", '{"_id": "q", "text": "x", "source": "gone.txt"}', ""])
def test_a_question_set_that_cannot_be_run_is_one_sentence(collection, text):
    path = questions_file(collection)
    path.parent.mkdir()
    path.write_text(text + "\n", encoding="utf-8")

    app = clicked(page(VIEW), search_labels.EVALUATE_NOW)

    assert not app.exception
    assert len(app.error) == 1
    assert list_runs(collection) == []


def test_a_run_that_cannot_be_read_is_one_sentence(collection):
    keep_run(make_run("20260101-1", [1.0]), collection)
    (collection / "evaluations" / "bad.json").write_text("{", encoding="utf-8")

    app = page(VIEW)

    assert len(app.error) == 1
    assert "is no evaluation run" in app.error[0].value.replace("\\", "")


def test_a_hostile_question_is_shown_as_it_is(collection):
    keep_run(make_run("20260101-1", [0.0], text=HOSTILE), collection)

    app = page(VIEW)

    ((label, query),) = links(app)
    assert query["query"] == [f"{HOSTILE} 0"]
    assert "](" not in label.replace("\\]\\(", "")
    assert ":red[" not in label
    assert not app.exception


def test_a_run_that_is_gone_is_chosen_no_longer(collection):
    path = keep_run(make_run("20260102-1", [1.0]), collection)
    keep_run(make_run("20260101-1", [1.0]), collection)
    app = page(VIEW)
    assert app.selectbox(key=state.Key.RUN).value == "20260102-1"

    path.unlink()
    app.run()

    assert app.selectbox(key=state.Key.RUN).value == "20260101-1"
    assert not app.exception


@pytest.mark.parametrize("language", ["en", "zh"])
def test_all_kept_runs_are_listed_with_their_main_figure_the_newest_first(collection, language):
    keep_run(make_run("20260101-1", [1.0, 0.5]), collection)
    keep_run(make_run("20260102-1", [0.25]), collection)

    table = all_tables(page(VIEW, language))[0]

    assert say(language)(search_labels.MADE_AT) in table
    assert table.index("0.250") < table.index("0.750")


def test_runs_of_one_name_are_told_apart(collection):
    keep_run(make_run("20260101-1", [1.0]), collection)
    keep_run(make_run("20260102-1", [1.0]), collection)

    options = page(VIEW).selectbox(key=state.Key.RUN).options

    assert len(set(options)) == 2
