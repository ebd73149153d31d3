"""Rows of the library and of an ingestion's outcomes."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingest import IngestReport, Outcome
from ui.labels import say_in
from ui.listing import Row, matching
from ui.outcomes import outcome_counts, outcome_row

COLLECTION = Path("/c")
UPLOAD = "/c/uploads/0123456789abcdef/report.pdf"
EN, ZH = say_in("en"), say_in("zh")


def row(title, *sources):
    return Row("id", title, sources, "pdf", "fr", 0, 1, 2, "2026-01-01 10:00", ())


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        ("unchanged", "unchanged", "没有变化"),
        ("same text", "same text as before", "文本与之前相同"),
        (f"same text as {UPLOAD}", "same text as report.pdf", "文本相同：report.pdf"),
        (
            f"nearly the same text as {UPLOAD}",
            "nearly the same text as report.pdf",
            "文本几乎相同：report.pdf",
        ),
        (
            "partial: 2 of 9 pages cannot be read",
            "partial: 2 of 9 pages cannot be read",
            "不完整：9 页中有 2 页无法读取",
        ),
        ("a reason not known", "a reason not known", "a reason not known"),
        ("", "", ""),
    ],
)
def test_a_reason_is_told_in_the_visitors_language(reason, english, chinese):
    outcome = Outcome("a.md", "added", reason)

    assert outcome_row(outcome, collection=COLLECTION, say=EN)[2] == english
    assert outcome_row(outcome, collection=COLLECTION, say=ZH)[2] == chinese


def test_a_failure_names_its_kind_and_its_message():
    outcome = Outcome(UPLOAD, "failed", "'report.pdf' is damaged", code="corrupt")

    assert outcome_row(outcome, collection=COLLECTION, say=ZH) == [
        "report.pdf",
        "失败",
        "文件已损坏 ('report.pdf' is damaged)",
    ]


def test_counts_leave_out_what_did_not_occur():
    outcomes = (Outcome("a", "added"), Outcome("b", "failed", "x", code="unheard-of"))

    assert outcome_counts(IngestReport(outcomes, 0, 1.25), EN) == [
        "Seen 2",
        "Added 1",
        "Failed 1",
        "1.2 s",
    ]


@pytest.mark.parametrize(
    ("typed", "n_found"),
    [
        ("", 2),
        ("  ", 2),
        ("HARBOUR", 1),
        ("harbour docs/a", 1),
        ("ｈａｒｂｏｕｒ", 1),
        ("手册", 1),
        ("x", 0),
    ],
)
def test_a_filter_keeps_rows_that_hold_every_word(typed, n_found):
    rows = [row("Harbour rules", "docs/a.md"), row("港口手册", "b.pdf")]

    assert len(matching(rows, typed)) == n_found


def test_two_revisions_under_one_title_are_told_apart():
    assert row("Rules", "docs/2023.md").name == "Rules · 2023.md"


def test_a_language_without_a_label_is_shown_by_its_code():
    assert row("t", "a").cells(EN)["Language"] == "fr"
    assert row("t", "a").cells(EN)["Pages"] is None


@pytest.mark.parametrize(
    ("language", "english", "chinese"),
    [
        ("zh", "Chinese", "中文"),
        ("zh-Hans", "Chinese (simplified)", "简体中文"),
        ("zh-Hant", "Chinese (traditional)", "繁体中文"),
    ],
)
def test_chinese_of_any_script_is_named_in_words(language, english, chinese):
    listed = replace(row("t", "a"), language=language)
    assert listed.cells(EN)["Language"] == english
    assert listed.cells(ZH)["语言"] == chinese
