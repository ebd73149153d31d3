"""Runs kept, found again and compared; the report as a page."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from ragapp.abstention import Judged, measure_abstention
from ragapp.errors import CorruptFileError, NotFoundError, UsageError
from ragapp.evaluation.comparing import compare_runs
from ragapp.evaluation.keeping import keep_run, list_runs, load_run
from ragapp.evaluation.report import render_report
from ragapp.evaluation.run import EvaluationRun, QuestionResult

HOSTILE = '<script>alert("x")</script> & 问题'


def make_run(scores, *, id_="20260101-000000-000000", text="Which?", abstention=None):
    """Return a run of one system whose questions have these nDCG values."""
    results = tuple(
        QuestionResult(
            f"q{i}",
            text,
            True,
            {"hybrid": {"nDCG@10": score}},
            {"hybrid": ("a",)},
            0.5,
            False,
            text,
        )
        for i, score in enumerate(scores)
    )
    return EvaluationRun(
        id_, "set", "2026-01-01", ("hybrid",), {"n": 1}, {"hybrid": (1.0, 2.0)}, abstention, results
    )


@pytest.fixture
def measured():
    return measure_abstention([Judged(0.9, False, True, True), Judged(0.1, True, False, False)])


def test_a_kept_run_is_read_back_as_it_was(tmp_path, measured):
    run = make_run([0.5, 1.0], abstention=measured)
    keep_run(run, tmp_path)
    found = load_run(run.id, tmp_path)

    assert json.dumps(found.to_dict()) == json.dumps(run.to_dict())


def test_a_kept_run_leaves_no_draft(tmp_path):
    path = keep_run(make_run([1.0]), tmp_path)

    assert list(path.parent.iterdir()) == [path]


def test_runs_are_listed_oldest_first(tmp_path):
    for id_ in ("2026-c", "2026-a", "2026-b"):
        keep_run(make_run([1.0], id_=id_), tmp_path)

    assert [run.id for run in list_runs(tmp_path)] == ["2026-a", "2026-b", "2026-c"]


def test_the_beginning_of_an_id_is_enough(tmp_path):
    keep_run(make_run([1.0], id_="2026-a"), tmp_path)
    keep_run(make_run([1.0], id_="2027-a"), tmp_path)

    assert load_run("2027", tmp_path).id == "2027-a"


def test_an_ambiguous_beginning_is_an_error(tmp_path):
    for id_ in ("2026-a", "2026-b"):
        keep_run(make_run([1.0], id_=id_), tmp_path)

    with pytest.raises(UsageError, match="2 runs begin"):
        load_run("2026", tmp_path)


@pytest.mark.parametrize("name", ["", "2099", "../x", "*"])
def test_an_unknown_run_is_an_error(tmp_path, name):
    keep_run(make_run([1.0]), tmp_path)

    with pytest.raises(NotFoundError):
        load_run(name, tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 99}', '{"format": 1}'])
def test_a_file_that_is_no_run_is_an_error(tmp_path, text):
    (tmp_path / "run.json").write_text(text)

    with pytest.raises(CorruptFileError, match="is no evaluation run"):
        load_run(str(tmp_path / "run.json"), tmp_path)


def test_a_clear_fall_is_told():
    found = compare_runs(make_run([1.0] * 20), make_run([0.5] * 20))

    assert found.fallen == (("hybrid", "nDCG@10"),)
    assert found.differences["hybrid"]["nDCG@10"].difference == pytest.approx(-0.5)


@pytest.mark.parametrize("after", [[1.0] * 20, [1.0] * 19 + [0.0]])
def test_no_fall_and_one_question_are_within_the_interval(after):
    assert compare_runs(make_run([1.0] * 20), make_run(after)).fallen == ()


def test_the_questions_that_got_worse_come_farthest_first():
    found = compare_runs(make_run([1.0, 1.0, 0.5]), make_run([0.9, 0.2, 0.6]))

    assert [(item.id, item.before, item.after) for item in found.worse] == [
        ("q1", 1.0, 0.2),
        ("q0", 1.0, 0.9),
    ]


def test_only_shared_questions_are_compared():
    assert compare_runs(make_run([1.0] * 3), make_run([1.0] * 5)).n_shared == 3


def test_runs_without_a_shared_question_are_an_error():
    other = replace(make_run([1.0]), results=())

    with pytest.raises(UsageError, match="no question in common"):
        compare_runs(make_run([1.0]), other)


def test_a_report_escapes_what_it_shows(measured):
    page = render_report(replace(make_run([0.5], text=HOSTILE, abstention=measured), name=HOSTILE))

    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; 问题") == 4


def test_a_report_is_well_formed_and_loads_nothing(measured):
    page = render_report(make_run([0.5, 1.0], text=HOSTILE, abstention=measured))
    body = page[page.index("<body>") : page.index("</html>")]
    tags = {element.tag for element in ET.fromstring(body).iter()}

    assert {"table", "svg", "polyline", "circle"} <= tags
    assert not tags & {"script", "img", "link", "iframe", "a", "style"}
    assert "url(" not in page


def test_a_report_without_refusals_has_no_curve():
    assert "Refusals" not in render_report(make_run([0.5]))
