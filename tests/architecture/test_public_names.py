"""The names that other programs import."""

from __future__ import annotations

from importlib import import_module

import pytest

import ingest
import ragapp

RAGAPP_NAMES = (
    "open_rag",
    "open_rags",
    "Rag",
    "Rags",
    "Settings",
    "Answer",
    "Calibration",
    "forget_calibration",
    "searched_in_vain",
    "labelled_questions",
    "Citation",
    "Conflict",
    "Rated",
    "questions_of_ratings",
    "DocumentDate",
    "EvaluationRun",
    "Comparison",
    "OwnQuestion",
    "compare_runs",
    "evaluate_questions",
    "keep_questions",
    "keep_run",
    "questions_file",
    "list_runs",
    "list_models",
    "pull_model",
    "recommend_models",
    "remove_model",
    "load_run",
    "make_questions",
    "render_report",
    "save_run",
    "write_questions",
    "write_whole",
    "Hit",
    "AnswerStream",
    "Conversation",
    "ConversationInfo",
    "talk",
    "RagError",
    "ExplainedHit",
    "Explanation",
    "Filter",
    "parse_filter",
    "Date",
    "DocumentId",
    "Format",
    "HeadingPath",
    "Language",
    "Metadata",
    "PageNumber",
    "Source",
    "Title",
    "Trace",
    "answer_of",
)
INGEST_NAMES = (
    "Box",
    "Event",
    "IngestReport",
    "Outcome",
    "Progress",
    "Quality",
    "QuoteBoxes",
    "Request",
    "carry_out",
    "check_report_path",
    "citation_boxes",
    "compare",
    "evaluate_folder",
    "failures",
    "findings_of",
    "ingest_loader",
    "ingest_paths",
    "ingest_stream",
    "keep_watch",
    "needs_a_look",
    "policy_settings",
    "quote_boxes",
    "remarks_on",
    "retry_failed",
    "summary_of",
    "watch_folders",
    "write_report",
)


def test_ragapp_offers_exactly_these_names():
    assert sorted(ragapp.__all__) == sorted(RAGAPP_NAMES)


def test_ingest_offers_exactly_these_names():
    assert sorted(ingest.__all__) == sorted(INGEST_NAMES)


@pytest.mark.parametrize(
    ("package", "name"),
    [("ragapp", name) for name in RAGAPP_NAMES] + [("ingest", name) for name in INGEST_NAMES],
)
def test_a_public_name_is_what_its_own_module_calls_it(package, name):
    found = getattr(import_module(package), name)

    assert found.__name__ == name
    assert found.__module__.startswith(f"{package}.")


@pytest.mark.parametrize("package", [ragapp, ingest])
def test_an_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="no_such_name"):
        package.no_such_name  # noqa: B018
