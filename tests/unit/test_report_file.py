"""The report as an HTML file: whole, harmless whatever names and reasons hold, readable by all."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import IngestReport, Outcome, Quality, check_report_path, write_report
from ingest.report_file import render_report
from ragapp.errors import UsageError

DAY = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
TAGS = set(
    "html head meta title style body main h1 h2 p time ul li div table thead tbody tr th td bdi".split()
)
VOID = {"meta"}
HOSTILE = [
    "<script>alert(1)</script>.pdf",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><style>body{display:none}</style>",
    "{{ 7 * 7 }} ${7*7} %s {path}",
    "&lt;b&gt; &amp;",
    "a\u202egpj.exe",
    "a\x1b[31m\x00b\nc",
    "\ud800 half",
    "]]> --> <!-- ",
]
ANY_TEXT = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), max_size=60)


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that tags are closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open[-1:] != ["style"]:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def rendered(*outcomes: Outcome, language="en") -> str:
    return render_report(IngestReport(outcomes, 0, 1.0), language=language, made_at=DAY)


def outcome_of(text: str) -> Outcome:
    quality = Quality(language=text, encoding=text, is_encoding_guessed=True, duplicate_of=text)
    return Outcome(text, "failed", text, None, text, text, quality=quality)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    page = Page(rendered(outcome_of(text)))

    assert set(page.tags) == TAGS
    assert not {name for name in page.attributes if name.startswith("on")}
    shown = "".join(
        c if c.isprintable() else " " if c.isspace() else f"\\u{{{ord(c):x}}}" for c in text
    )
    assert shown in page.text


@given(ANY_TEXT)
def test_any_text_leaves_the_page_as_it_is_built(text):
    source = rendered(outcome_of(text))

    assert set(Page(source).tags) == TAGS
    source.encode("utf-8")
    assert not re.search("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", source)


def test_a_mark_that_turns_the_writing_is_shown_as_its_code():
    assert "a\\u{202e}gpj.exe" in Page(rendered(outcome_of("a\u202egpj.exe"))).text


def test_nothing_is_fetched_and_nothing_runs():
    source = rendered(outcome_of("a.pdf"))

    assert "default-src 'none'" in source
    assert not re.search(r"<script|<link|<img|<iframe|src=|href=|url\(|@import|https?:", source)


def test_every_file_has_a_row_and_doubtful_ones_two():
    outcomes = [Outcome(f"{n:04}.txt", "added") for n in range(1_999)]
    page = Page(rendered(*outcomes, Outcome("broken.pdf", "failed", "why", code="corrupt")))

    assert page.text.count("broken.pdf") == 3
    assert sum(page.text.count(f"{n:04}.txt") for n in range(1_999)) == 1_999


def test_two_thousand_files_make_a_small_page():
    quality = Quality(language="zh-Hans", n_pages=9, characters={"ligature": 4})
    outcomes = [Outcome(f"/some/folder/{n:04}.pdf", "added", quality=quality) for n in range(2_000)]

    assert len(rendered(*outcomes)) < 1_000_000


@pytest.mark.parametrize(("language", "tag"), [("en", "en"), ("zh", "zh-Hans")])
def test_the_page_names_its_language(language, tag):
    assert f'<html lang="{tag}">' in rendered(Outcome("a", "added"), language=language)


def test_a_chinese_report_is_chinese_but_for_names():
    text = Page(rendered(Outcome("手册.pdf", "failed", code="no_text"), language="zh")).text

    assert "手册.pdf" in text
    assert "不含文字" in text
    assert not re.search("[A-Za-z]{3,}", text.replace("手册.pdf", ""))


def test_tables_are_labelled_and_can_be_reached_by_keyboard():
    source = rendered(Outcome("a.pdf", "failed", code="corrupt"))

    for key in ("look", "all"):
        assert f'<h2 id="{key}">' in source
        assert f'<div role="region" tabindex="0" aria-labelledby="{key}">' in source
    assert source.count('<th scope="col">') == 14
    assert source.count('<th scope="row">') == 2


def test_the_page_follows_the_systems_dark_mode():
    source = rendered()

    assert "color-scheme: light dark" in source
    assert "prefers-color-scheme: dark" in source


def test_a_run_without_files_says_so():
    assert "No files were found." in Page(rendered()).text


def test_the_same_report_gives_the_same_bytes():
    assert rendered(outcome_of("a")) == rendered(outcome_of("a"))


# the file


def test_the_file_is_written_over(tmp_path):
    path = tmp_path / "r.html"
    path.write_text("old")

    write_report(IngestReport((Outcome("a.md", "added"),), 0, 1.0), path)

    assert "a.md" in path.read_text(encoding="utf-8")


def test_a_good_path_passes_and_is_not_touched(tmp_path):
    check_report_path(tmp_path / "r.html")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_place_for_a_report(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        check_report_path(tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"no folder .*none"):
        check_report_path(tmp_path / "none" / "r.html")


def test_a_failed_write_is_one_line(tmp_path):
    with pytest.raises(UsageError, match="cannot be written") as raised:
        write_report(IngestReport((), 0, 1.0), tmp_path / "none" / "r.html")

    assert "\n" not in str(raised.value)
