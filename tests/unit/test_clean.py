from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.characters import fold_spaces, normalise
from ingest.clean import assemble, clean_pages
from ingest.headings import heading_level, section_level
from ingest.language import detect_language
from ingest.pages import Block, Page
from ingest.paragraphs import is_table_row, join_lines, join_wrapped
from ingest.running_heads import running_lines
from ingest.titles import meaningful_title

KINDS = st.sampled_from(["heading", "paragraph", "list", "table", "code"])
BLOCKS = st.builds(Block, KINDS, st.text(max_size=60), st.integers(-3, 9))
PAGES = st.lists(st.lists(BLOCKS, max_size=4), max_size=5)
FORMATS = st.sampled_from(["pdf", "text", "html", "markdown", "docx"])


def _pages(*texts: str) -> list[Page]:
    return [Page((Block("paragraph", text),), number=n) for n, text in enumerate(texts, start=1)]


def _text(text: str, *, format: str = "pdf") -> str:  # noqa: A002
    return assemble(clean_pages(_pages(text), format=format), source="a", format=format).text


# characters


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("cafe\u0301", "café"),
        ("a\0b\x07c\x9fd", "abcd"),
        ("a\ud800b", "ab"),
        ("a\U000e0041\U000e007fb", "ab"),
        ("a\u200bb\ufeffc\u2060d", "abcd"),
        ("a\u202eb\u2066c\u200fd", "abcd"),
        ("a\r\nb\rc\x85d\u2028e", "a\nb\nc\nd\ne"),
        ("a\xa0b\u3000c\u2009d", "a b c d"),
        ("co\xadoperate auto\xad\nmatic", "cooperate auto-\nmatic"),
        ("a\u200cb", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("Ａ１，全角", "Ａ１，全角"),
    ],
)
def test_characters_are_normalised(raw: str, clean: str) -> None:
    assert normalise(raw) == clean


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    once.encode("utf-8")


def test_spaces_are_folded_within_lines() -> None:
    assert fold_spaces("  a \t b  \n   c ") == "a b\nc"


# paragraphs


@pytest.mark.parametrize(
    ("raw", "paragraphs"),
    [
        ("The line runs from\nWillowford to the", ["The line runs from Willowford to the"]),
        ("观测站的电力来自\n一条架空线路。", ["观测站的电力来自一条架空线路。"]),
        ("第一段。\n\n第二段。", ["第一段。", "第二段。"]),
        ("the auto-\nmatic dome", ["the automatic dome"]),
        ("the well-known and well-\nknown dome", ["the well-known and well-known dome"]),
        ("使用\nPython 编写", ["使用 Python 编写"]),
        ("五、认识高原病\n1. 轻症", ["五、认识高原病", "1. 轻症"]),
        ("一、圆顶\n二、挡板", ["一、圆顶\n二、挡板"]),
        ("air in the dome has to be within\n1.5 degrees of it", None),
        ("Steps:\n- close the dome\n- wait", ["Steps:", "- close the dome\n- wait"]),
        ("1. one\n2. two and\nmore", ["1. one\n2. two and more"]),
        ("Revenue 1,234 1,100\nCosts 900 800", ["Revenue 1,234 1,100\nCosts 900 800"]),
    ],
)
def test_lines_are_joined_into_paragraphs(raw: str, paragraphs: list[str] | None) -> None:
    assert join_lines(raw) == (paragraphs or [raw.replace("\n", " ")])


def test_a_short_line_that_ends_a_sentence_ends_its_paragraph() -> None:
    full = "The observatory gets its power from an overhead line that runs from the valley"
    raw = f"{full}\nto the summit.\nDuring the day a solar field covers about a quarter of the needs\n{full}"
    assert join_lines(raw)[0].endswith("to the summit.")


@given(st.text())
def test_joining_keeps_all_visible_characters(text: str) -> None:
    def visible(part: str) -> str:
        return "".join(c for c in part if not c.isspace() and c not in "-.·…_")

    assert visible("".join(join_lines(text))) == visible(text)
    assert visible(join_wrapped(text)) == visible(text)


def test_a_row_of_words_is_no_table_row() -> None:
    assert not is_table_row("In 1998 the cable was laid")


# running heads


def test_heads_feet_and_page_numbers_are_removed() -> None:
    pages = _pages(*(f"Handbook\nText {'abcd'[n]} of it.\nPage {n + 7} of 10" for n in range(4)))
    cleaned = clean_pages(pages, format="pdf")
    assert [page.blocks[0].text for page in cleaned] == [f"Text {c} of it." for c in "abcd"]


@pytest.mark.parametrize(
    "foot", ["{n}", "- {n} -", "第 {n} 页", "{n} / 10", "Handbook {n}", "1-{n}", "{roman}"]
)
def test_page_numbers_of_many_kinds_are_removed(foot: str) -> None:
    romans = ["i", "ii", "iii", "iv"]
    lines = [["Body " + "abcd"[n], foot.format(n=n + 1, roman=romans[n])] for n in range(4)]
    assert running_lines(lines) == [{1}] * 4


def test_column_titles_under_a_running_head_are_kept() -> None:
    head = ["Handbook", "October 1999", "Change table", "Field name", "Description"]
    assert running_lines([[*head, "row " + "abc"[n]] for n in range(3)]) == [{0, 1, 2}] * 3


def test_two_pages_alike_are_kept() -> None:
    assert running_lines([["Head", "a"], ["Head", "b"]]) == [set(), set()]


def test_lines_inside_pages_are_kept() -> None:
    pages = [[f"x{c}", "Total", f"y{c}"] for c in "abcd"]
    assert running_lines(pages) == [set()] * 4


def test_numbers_that_do_not_follow_the_page_are_kept() -> None:
    pages = [["text " + "abc"[n], f"Total {value}"] for n, value in enumerate([70, 12, 55])]
    assert running_lines(pages) == [set()] * 3


def test_a_document_of_heads_only_keeps_them() -> None:
    cleaned = clean_pages(_pages("Slide", "Slide", "Slide"), format="pdf")
    assert all(page.blocks for page in cleaned)


# language, titles, headings


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The dome is closed when the wind is strong.", "en"),
        ("圆顶在大风时关闭。", "zh-Hans"),
        ("請遵守規則，使用 Python 3 編寫程式。", "zh-Hant"),
        ("これは日本語の文章です。", "ja"),
        ("이것은 한국어 문서입니다", "ko"),
        ("Это русский текст", "ru"),
        ("هذا نص عربي", "ar"),
        ("Die Kuppel ist bei starkem Wind nicht zu öffnen und wird geschlossen.", "de"),
        ("Le dôme est fermé dans la nuit par les gardiens.", "fr"),
        ("El domo se cierra por la noche con las puertas.", "es"),
        ("12 34 %", "und"),
        ("", "und"),
        ("Zxq vbn", "und"),
    ],
)
def test_language_is_detected(text: str, language: str) -> None:
    assert detect_language(text) == language


@pytest.mark.parametrize(
    "title", ["", None, "untitled", "Microsoft Word - a.doc", "report.pdf", "无标题", "12", "标题"]
)
def test_placeholders_are_no_titles(title: str | None) -> None:
    assert meaningful_title(title) == ""


@pytest.mark.parametrize(
    ("line", "level", "section"),
    [
        ("第一章 总则", 1, 1),
        ("二、公司概况", 3, 3),
        ("3.4 Basic Pattern", 3, 3),
        ("3.4 电源", 5, 5),
        ("3. 电源", 4, 0),
        ("第二节 电源", 2, 2),
        ("1 Apple", 2, 0),
        ("SAFETY RULES", 2, 0),
        ("It rains.", 0, 0),
        ("1.1 Contents … 3", 0, 0),
    ],
)
def test_heading_lines_are_recognised(line: str, level: int, section: int) -> None:
    assert (heading_level(line), section_level(line)) == (level, section)


# pages and documents


def test_pdf_ligatures_become_letters() -> None:
    assert _text("The ﬁrst oﬃce") == "The first office"


def test_code_keeps_its_indentation() -> None:
    page = Page((Block("code", "if x:\n    y = 1  \n"),))
    assert clean_pages([page], format="markdown")[0].blocks[0].text == "if x:\n    y = 1"


def test_html_line_breaks_are_kept() -> None:
    assert _text("a\nb", format="html") == "a\nb"


def test_sections_of_a_pdf_without_bookmarks_become_headings() -> None:
    raw = "intro text\n\n3.4 Basic Pattern\n\nMore text."
    (page,) = clean_pages(_pages(raw), format="pdf")
    assert [block.kind for block in page.blocks] == ["paragraph", "heading", "paragraph"]


def test_plain_numbers_are_headings_where_text_follows() -> None:
    raw = "1. The telescope\n\nIt stands in Dome 1 at an altitude of 3,870 m.\n\n2. Rest"
    (page,) = clean_pages(_pages(raw), format="pdf")
    assert [block.kind for block in page.blocks] == ["heading", "paragraph", "paragraph"]


def test_title_prefers_the_metadata() -> None:
    page = Page((Block("heading", "Head", 1),), metadata={"title": "Meta", "encoding": "utf-8"})
    document = assemble([page], source="a", format="text")
    assert (document.title, dict(document.metadata)) == ("Meta", {"encoding": "utf-8"})


def test_title_falls_back_to_the_first_heading() -> None:
    assert (
        assemble([Page((Block("heading", "Head", 1),))], source="a", format="text").title == "Head"
    )


def test_equal_texts_have_equal_ids() -> None:
    first, second = (assemble(_pages("same"), source=s, format="pdf") for s in ("a", "b"))
    assert first.id == second.id
    assert len(first.id) == 16


def test_each_numbered_page_has_a_span() -> None:
    document = assemble(_pages("one", "", "three"), source="a", format="pdf")
    spans = [(span.number, document.text[span.start : span.end]) for span in document.pages]
    assert spans == [(1, "one"), (2, ""), (3, "three")]


@given(PAGES, FORMATS)
def test_offsets_are_exact_for_any_text(blocks: list[list[Block]], format_name: str) -> None:
    pages = [Page(tuple(part), number=n) for n, part in enumerate(blocks, start=1)]
    cleaned = clean_pages(pages, format=format_name)
    document = assemble(cleaned, source="a", format=format_name)
    for heading in document.headings:
        assert document.text[heading.start : heading.end] == heading.text
        assert 1 <= heading.level <= 6
    edges = [edge for span in document.pages for edge in (span.start, span.end)]
    assert edges == sorted(edges)
    assert [span.number for span in document.pages] == list(range(1, len(pages) + 1))
    covered = "".join(document.text[span.start : span.end] for span in document.pages)
    assert "".join(covered.split()) == "".join(document.text.split())


@pytest.mark.parametrize("size", [100_000, 200_000])
@pytest.mark.parametrize(
    "unit",
    [
        " ",
        "\n",
        "a-\n",
        "- ",
        ".",
        ". ",
        "1",
        "1 ",
        "a",
        "\u0301",
        "\u0301\u0316",
        "\u200d",
        "中 ",
        "中\n",
        "\t",
        "a   ",
        "…",
        "(",
        "1.",
        "第",
        "一",
        "i",
        "\xad\n",
        "\r",
        "a\n\n",
    ],
)
def test_hostile_text_is_cleaned_to_the_end(unit: str, size: int) -> None:
    text = "x" + unit * (size // len(unit))
    document = assemble(clean_pages(_pages(text), format="pdf"), source="a", format="pdf")
    assert document.text
    heading_level(text[:size])
