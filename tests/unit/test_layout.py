from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.clean import assemble, clean_pages
from ingest.layout import TextBox, blocks_of
from ingest.pages import Page

LINE = 30.0
WORDS = "the mirror of the northern telescope is washed in spring"
CHINESE = "望远镜的主镜每年春天清洗一次由值班工程师负责完成并且"


def _line(text: str, row: int, left: float = 100.0, *, width: float = 900.0) -> TextBox:
    top = 100 + row * 1.5 * LINE
    return TextBox(left, top, left + width, top + LINE, text)


def _texts(boxes: list[TextBox]) -> list[str]:
    return [block.text for block in blocks_of(boxes)]


def _stored(boxes: list[TextBox]) -> str:
    page = Page(tuple(blocks_of(boxes)), number=1)
    return assemble(clean_pages([page], format="image"), source="a.png", format="image").text


def test_lines_come_from_top_to_bottom():
    lines = [_line(f"{WORDS} {row}", row) for row in range(6)]

    assert _texts(lines[::-1]) == ["\n".join(line.text for line in lines)]


def test_the_left_column_comes_before_the_right_one():
    left = [_line(f"left {row} {WORDS}", row, 100, width=500) for row in range(6)]
    right = [_line(f"right {row} {WORDS}", row, 700, width=500) for row in range(6)]
    mixed = [box for pair in zip(left, right, strict=True) for box in pair]

    assert _texts(mixed) == ["\n".join(b.text for b in column) for column in (left, right)]


def test_a_title_across_two_columns_comes_before_both():
    title = _line("A title that reaches across both of the columns", 0, 100, width=1100)
    left = [_line(f"left {row} {WORDS}", row, 100, width=500) for row in range(2, 8)]
    right = [_line(f"right {row} {WORDS}", row, 700, width=500) for row in range(2, 8)]

    first, *rest = _texts([*right, *left, title])

    assert first == title.text
    assert [text.split()[0] for text in rest] == ["left", "right"]


def test_cells_beside_one_another_are_a_table():
    cells = [
        _line(text, row, 100 + 400 * column, width=120)
        for row, texts in enumerate([("夜班", "周次"), ("钱一鸣", "周一"), ("阮小舟", "周二")])
        for column, text in enumerate(texts)
    ]

    (block,) = blocks_of(cells)

    assert (block.kind, block.text) == ("table", "夜班 | 周次\n钱一鸣 | 周一\n阮小舟 | 周二")


def test_a_crooked_row_stays_a_row():
    cells = [
        TextBox(
            100 + 300 * column,
            100 + 45 * row - 8 * column,
            220 + 300 * column,
            130 + 45 * row - 8 * column,
            f"r{row}c{column}",
        )
        for row in range(3)
        for column in range(3)
    ]

    assert _texts(cells) == ["r0c0 | r0c1 | r0c2\nr1c0 | r1c1 | r1c2\nr2c0 | r2c1 | r2c2"]


def test_an_indented_line_begins_a_paragraph():
    lines = [_line(WORDS, 0), _line(WORDS, 1), _line(WORDS, 2, 180), _line(WORDS, 3)]

    assert len(blocks_of(lines)) == 2


def test_a_wide_gap_begins_a_paragraph():
    lines = [_line(WORDS, row) for row in (0, 1, 2, 5, 6)]

    assert len(blocks_of(lines)) == 2


def test_english_lines_are_joined_with_spaces():
    assert _stored([_line(WORDS, row) for row in range(3)]) == " ".join([WORDS] * 3)


def test_chinese_lines_are_joined_without_spaces():
    assert _stored([_line(CHINESE, row) for row in range(3)]) == CHINESE * 3


def test_pieces_of_one_chinese_line_are_joined_without_a_space():
    pieces = [_line("望远镜的", 0, 100, width=120), _line("主镜", 0, 225, width=60)]

    assert _texts(pieces) == ["望远镜的主镜"]


def test_vertical_lines_are_read_from_the_right():
    columns = [
        TextBox(left, 50, left + 30, 600, f"第{name}列文字")
        for left, name in ((100, "三"), (200, "二"), (300, "一"))
    ]

    assert _texts(columns) == ["第一列文字\n第二列文字\n第三列文字"]


_BOXES = st.builds(
    lambda left, top, width, height, text: TextBox(left, top, left + width, top + height, text),
    *[st.integers(0, 2000)] * 2,
    st.integers(1, 1500),
    st.integers(1, 200),
    st.sampled_from(["mirror", "主镜", "12.5", "a b"]),
)


@given(st.lists(_BOXES, max_size=40))
def test_every_box_is_kept_exactly_once(boxes):
    kept = "".join(_texts(boxes))

    assert sorted(kept.translate({32: None, 10: None, 124: None})) == sorted(
        "".join(box.text for box in boxes).replace(" ", "")
    )
