from __future__ import annotations

import warnings
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zipfile import ZipFile

import openpyxl
import pytest

from ingest.pages import Block
from ingest.readers import read
from ingest.readers.rows import BLOCK_CHARACTERS, table_blocks
from ragapp.errors import CorruptFileError, EncryptedFileError, NoTextError

MEASUREMENTS = [["Day", "Seeing", "Remark"], *([str(day), "1.2", "clear"] for day in range(300))]


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _texts(path: Path) -> list[str]:
    return [block.text for page in read(path) for block in page.blocks]


# rows


def test_every_block_begins_with_the_header() -> None:
    blocks = list(table_blocks(MEASUREMENTS))
    assert len(blocks) > 1
    assert {block.text.split("\n")[0] for block in blocks} == {"Day | Seeing | Remark"}


def test_every_row_is_in_one_block() -> None:
    lines = [line for block in table_blocks(MEASUREMENTS) for line in block.text.split("\n")[1:]]
    assert lines == [" | ".join(row) for row in MEASUREMENTS[1:]]


def test_blocks_are_bounded() -> None:
    blocks = table_blocks(MEASUREMENTS)
    assert max(len(block.text) for block in blocks) < 1.5 * BLOCK_CHARACTERS


def test_a_title_above_the_header_is_a_paragraph() -> None:
    assert list(table_blocks([["Prices 2026"], [], ["Ticket", "Price"], ["Adult", "60"]])) == [
        Block("paragraph", "Prices 2026"),
        Block("table", "Ticket | Price\nAdult | 60"),
    ]


def test_an_overlong_header_is_not_repeated() -> None:
    rows = [["x" * 900, "y" * 900], *([["a" * 400, "b"]] * 3)]
    assert [block.text[:1] for block in table_blocks(rows)] == ["x", "a", "a"]


def test_a_row_over_the_bound_is_kept_whole() -> None:
    blocks = list(table_blocks([["a", "b"], ["1", "x" * 5_000], ["2", "y"]]))
    assert blocks[0].text == "a | b\n1 | " + "x" * 5_000


# CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    rows = ["Ticket;Price", "Adult, all days;60", "Child;20"]
    text = "\n".join(delimiter.join(f'"{cell}"' for cell in row.split(";")) for row in rows)
    path = _written(tmp_path / "a.csv", text)
    assert _texts(path) == ["Ticket | Price\nAdult, all days | 60\nChild | 20"]


def test_csv_decimal_commas_are_no_delimiters(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.csv", "Ort;Wert\nBerlin;1,5\nBonn;2,25\n")
    assert _texts(path) == ["Ort | Wert\nBerlin | 1,5\nBonn | 2,25"]


def test_csv_declared_delimiter_is_believed(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.csv", "sep=~\na~b\n1,2~3\n")
    assert _texts(path) == ["a | b\n1,2 | 3"]


def test_csv_ragged_rows_keep_all_cells(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.csv", "1,2,3\na,b,c,d\ne\n")
    assert _texts(path) == ["1 | 2 | 3\na | b | c | d\ne"]


def test_csv_line_ends_inside_quotes_are_folded(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.csv", 'a,b\r\n"one\r\ntwo",3\r\n')
    assert _texts(path) == ["a | b\none two | 3"]


def test_csv_in_gb18030_is_read(tmp_path: Path) -> None:
    text = "名称,价格\n观测站的门票和说明,六十元\n这是中国的数据文件,二十元\n"
    page = next(read(_written(tmp_path / "a.csv", text.encode("gb18030"))))
    assert page.blocks[0].text.startswith("名称 | 价格\n观测站的门票和说明 | 六十元")
    assert page.metadata["encoding"] == "gb18030"


def test_tsv_with_commas_in_cells_is_read(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.tsv", "Place\tText\nA\tone, two\nB\tthree, four\n")
    assert _texts(path) == ["Place | Text\nA | one, two\nB | three, four"]


def test_csv_with_an_unclosed_quote_loses_no_text(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.csv", 'a,b\n"open,1\n' + "c,2\n" * 60_000)
    texts = _texts(path)
    assert sum(text.count("c | 2") for text in texts) == 60_000


@pytest.mark.parametrize("unit", ['"', ",", '",', "\n", '"\n', "a;"])
def test_csv_hostile_text_is_read_to_the_end(tmp_path: Path, unit: str) -> None:
    path = _written(tmp_path / "a.csv", "a,b\n" + unit * (200_000 // len(unit)))
    assert _texts(path)


# XLSX


def _workbook(path: Path, rows: list[list[object]], *, title: str = "Visitors") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


def test_xlsx_sheets_are_pages_under_their_names(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("票价", "Times"):
        sheet = book.create_sheet(name)
        sheet.append(["Item", "Value"])
        sheet.append([name, 1])
    book.remove(book.worksheets[0])
    book.save(tmp_path / "a.xlsx")
    pages = list(read(tmp_path / "a.xlsx"))
    assert [page.number for page in pages] == [1, 2]
    assert pages[0].blocks == (
        Block("heading", "票价", level=1),
        Block("table", "Item | Value\n票价 | 1"),
    )


def test_xlsx_values_are_written_as_read(tmp_path: Path) -> None:
    values: list[object] = [
        date(2026, 3, 1),
        datetime(2026, 3, 1, 9, 30),
        time(9, 5),
        timedelta(hours=30, minutes=2),
        60.0,
        0.1,
        1e20,
        True,
        None,
        "two\nlines",
    ]
    _workbook(tmp_path / "a.xlsx", [["a", "b"], values])
    row = _texts(tmp_path / "a.xlsx")[1].split("\n")[1]
    assert row == (
        "2026-03-01 | 2026-03-01 09:30:00 | 09:05:00 | 30:02:00 | 60 | 0.1 | "
        "1e+20 | TRUE |  | two lines"
    )


def test_xlsx_a_stray_cell_in_the_last_row_costs_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"], sheet["B1"], sheet["XFD1048576"] = "a", "b", "far"
    book.save(tmp_path / "a.xlsx")
    assert _texts(tmp_path / "a.xlsx")[1].endswith("| far")


def test_xlsx_an_empty_sheet_has_no_heading_alone(tmp_path: Path) -> None:
    with pytest.raises(NoTextError):
        list(read(_workbook(tmp_path / "a.xlsx", [])))


def test_xlsx_damaged_is_corrupt(tmp_path: Path) -> None:
    data = _workbook(tmp_path / "a.xlsx", [["a", "b"]]).read_bytes()
    with pytest.raises(CorruptFileError):
        list(read(_written(tmp_path / "b.xlsx", data[: len(data) // 2])))


def test_xlsx_with_a_broken_sheet_keeps_the_others(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for name in ("One", "Two"):
        book.create_sheet(name).append(["Item", name])
    book.remove(book.worksheets[0])
    book.save(tmp_path / "a.xlsx")
    with ZipFile(tmp_path / "a.xlsx") as source, ZipFile(tmp_path / "b.xlsx", "w") as target:
        for name in source.namelist():
            data, is_first = source.read(name), name.endswith("sheet1.xml")
            target.writestr(name, data[:-60] if is_first else data)
    pages = list(read(tmp_path / "b.xlsx"))
    assert "error" in pages[0].metadata
    assert pages[1].blocks[1].text == "Item | Two"


def test_xlsx_with_a_password_is_encrypted(tmp_path: Path) -> None:
    package = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(EncryptedFileError):
        list(read(_written(tmp_path / "a.xlsx", package)))


def test_xlsx_warnings_of_the_library_stay_inside(tmp_path: Path) -> None:
    path = _workbook(tmp_path / "a.xlsx", [["a", "b"]])
    with warnings.catch_warnings(record=True) as caught:
        list(read(path))
    assert not caught
