"""An ingestion's outcomes in words, in both languages."""

from __future__ import annotations

from string import Formatter

import pytest

from ingest import IngestReport, Outcome, Quality, needs_a_look, remarks_on, summary_of, wording
from ingest.wording import Words, listed

WORDS = {name: value for name, value in vars(wording).items() if isinstance(value, Words)}
TABLES = (wording.OUTCOMES, wording.FAILURES, wording.KINDS)
ALL_WORDS = [*WORDS.values(), *wording.COLUMNS, *(w for table in TABLES for w in table.values())]
FULL = Quality(
    language="und",
    n_pages=20,
    pages_without_text=tuple(range(2, 14)),
    n_running_lines=40,
    garbled_share=0.034,
    characters={"ligature": 3, "tag": 9},
    flagged={"phone": 1},
    masked={"email": 2},
    instructions={"override": 1},
    n_hidden_characters=120,
    n_ocr_pages=2,
    ocr_confidence=0.71,
    encoding="cp1252",
    is_encoding_guessed=True,
)


def fields(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def report(*outcomes):
    return IngestReport(outcomes, 0, 1.5)


@pytest.mark.parametrize("words", ALL_WORDS)
def test_words_take_the_same_values_in_each_language(words):
    assert fields(words.en) == fields(words.zh)
    assert words.en.strip()
    assert words.zh.strip()


@pytest.mark.parametrize("words", [w for w in ALL_WORDS if w is not wording.CODED_REASON])
def test_chinese_words_are_chinese_and_english_ones_are_not(words):
    def is_chinese(text):
        return any("\u4e00" <= character <= "\u9fff" for character in text)

    assert is_chinese(words.zh)
    assert not is_chinese(words.en)


@pytest.mark.parametrize(
    ("reason", "english", "chinese"),
    [
        ("unchanged", "unchanged", "没有变化"),
        ("same text", "same text as before", "文本与之前相同"),
        ("same text as b.md", "same text as b.md", "文本相同：b.md"),
        ("nearly the same text as b.md", "nearly the same text as b.md", "文本几乎相同：b.md"),
        ("a revision of b.md", "a revision of b.md", "另一版本：b.md"),
        (
            "partial: 2 of 9 pages cannot be read",
            "partial: 2 of 9 pages cannot be read",
            "不完整：9 页中有 2 页无法读取",
        ),
        ("a reason not known", "a reason not known", "a reason not known"),
    ],
)
def test_a_reason_is_told_in_either_language(reason, english, chinese):
    outcome = Outcome("a.md", "added", reason)

    assert remarks_on(outcome, "en") == [english]
    assert remarks_on(outcome, "zh") == [chinese]


def test_a_failure_says_what_and_why():
    outcome = Outcome("a.pdf", "failed", "'a.pdf' ends early", code="corrupt")

    assert remarks_on(outcome, "en") == ["damaged ('a.pdf' ends early)"]


def test_all_that_is_known_is_said():
    said = remarks_on(Outcome("a.pdf", "added", quality=FULL), "en")

    assert said == [
        "instructions to a model: override 1",
        "masked: e-mail address 2",
        "flagged: phone number 1",
        "odd characters: tag 9, ligature 3",
        "without text: 12 of 20 pages (2, 3, 4, 5, 6, 7, 8, 9…)",
        "pages by text recognition: 2, confidence 71%",
        "running heads and feet removed: 40 lines",
        "characters that no reader sees: 120",
        "3.4% of the text is garbled",
        "encoding guessed: cp1252",
        "language unknown",
    ]


def test_as_much_is_said_in_chinese_as_in_english():
    outcome = Outcome("a.pdf", "added", "a revision of b.md", quality=FULL)

    assert len(remarks_on(outcome, "zh")) == len(remarks_on(outcome, "en")) == 12


def test_nothing_is_said_of_a_file_that_was_read_well():
    outcome = Outcome("a.pdf", "added", quality=Quality(language="en", n_pages=3))

    assert remarks_on(outcome, "en") == []
    assert not needs_a_look(outcome)


@pytest.mark.parametrize(
    "quality",
    [
        Quality(garbled_share=0.02),
        Quality(is_encoding_guessed=True),
        Quality(n_pages=9, pages_without_text=(1,)),
        Quality(n_ocr_pages=1, ocr_confidence=0.79),
        Quality(instructions={"override": 1}),
        Quality(instructions={"hidden": 1}, n_hidden_characters=90),
        Quality(characters={"replacement": 1}),
        Quality(characters={"tag": 1}),
    ],
)
def test_a_doubtful_file_needs_a_look(quality):
    assert needs_a_look(Outcome("a", "added", quality=quality))


@pytest.mark.parametrize(
    "quality",
    [
        Quality(garbled_share=0.01),
        Quality(n_pages=10, pages_without_text=(1,)),
        Quality(n_ocr_pages=1, ocr_confidence=0.8),
        Quality(masked={"email": 3}, flagged={"phone": 2}),
        Quality(characters={"ligature": 400, "full_width": 7}),
        Quality(duplicate="exact", duplicate_of="b"),
        Quality(n_running_lines=60),
        Quality(n_hidden_characters=40),
    ],
)
def test_what_is_ordinary_needs_no_look(quality):
    assert not needs_a_look(Outcome("a", "added", quality=quality))


@pytest.mark.parametrize(
    ("outcome", "is_doubtful"),
    [
        (Outcome("a", "failed", "why", code="corrupt"), True),
        (Outcome("a", "added", "partial: 1 of 2 pages cannot be read"), True),
        (Outcome("a", "skipped", "unchanged"), False),
        (Outcome("a", "skipped", "kept out", code="policy"), False),
    ],
)
def test_a_failed_and_a_partial_file_need_a_look(outcome, is_doubtful):
    assert needs_a_look(outcome) is is_doubtful


def test_the_summary_begins_with_the_counts():
    first, *rest = summary_of(report(Outcome("a", "added", chunks_new=3)), "en")

    assert first == (
        "seen 1: 1 added, 0 updated, 0 duplicate, 0 skipped, 0 failed, 0 removed; "
        "3 chunks embedded, 0 reused; 1.5 s"
    )
    assert rest == []


def test_the_summary_adds_up_what_was_found():
    lines = summary_of(
        report(
            Outcome("a", "added", quality=Quality(masked={"email": 2}, instructions={"reveal": 1})),
            Outcome("b", "added", quality=Quality(masked={"email": 1, "phone": 1})),
            Outcome("c", "duplicate", quality=Quality(duplicate="exact", duplicate_of="a")),
            Outcome("d", "added", quality=Quality(duplicate="revision", duplicate_of="a")),
        ),
        "en",
    )

    assert lines[1:] == [
        "1 file needs a look: a",
        "instructions to a model (in files: 1): reveal the prompt 1",
        "masked (in files: 2): e-mail address 3, phone number 1",
        "duplicates: 1 exact, 0 near; revisions: 1",
    ]


def test_of_many_doubtful_files_five_are_named():
    outcomes = [Outcome(f"{n}.pdf", "failed", "why", code="corrupt") for n in range(9)]

    line = summary_of(report(*outcomes), "en")[1]

    assert line.startswith("9 files need a look: 0.pdf, 1.pdf")
    assert line.endswith("4.pdf, and 4 more")


def test_sources_are_shown_as_asked():
    outcomes = (Outcome("/u/1/a.pdf", "duplicate", "same text as /u/2/b.pdf"),)

    assert remarks_on(outcomes[0], "en", shown=lambda path: path[-5:]) == ["same text as b.pdf"]


def test_the_most_frequent_kind_is_named_first():
    assert listed({"email": 1, "unheard_of": 7, "phone": 7}, "en") == (
        "phone number 7, unheard of 7, e-mail address 1"
    )
