from __future__ import annotations

import csv
import os
import zipfile
from io import BytesIO
from pathlib import Path

import docx
import pytest
from _pytest.mark import ParameterSet
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from ingest import opening
from ingest.pages import Block, Page
from ingest.readers import READERS, format_of, read
from ingest.readers.html import read_html
from ingest.readers.markdown import read_markdown
from ragapp.errors import (
    CorruptFileError,
    EncryptedFileError,
    FileTooLargeError,
    NoTextError,
    ReadError,
    UnsupportedFileError,
)

SHARED_DOCS = Path(__file__).parents[3] / "shared" / "docs"
QUICK_BYTES = 250_000
FORMATS = (".pdf", ".docx", ".pptx", ".xlsx", ".odt", ".rtf", ".epub", ".eml", ".html", ".xml")
FORMATS += (".csv", ".md", ".txt", ".srt")
SUFFIXES = sorted({entry.format: suffix for suffix, entry in READERS.items()}.values())
EXPECTED_CODES = {
    "text": {"text"},
    "text or unsupported": {"text"},
    "no text": {"no_text"},
    "encrypted": {"encrypted"},
    "corrupt": {"corrupt"},
}


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _blocks(path: Path) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for page in read(path) for block in page.blocks]


def _pdf(*pages: str) -> FPDF:
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for text in pages:
        pdf.add_page()
        if text:
            pdf.multi_cell(0, 6, text)
    return pdf


def _docx(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("Handbook", level=1)
    document.add_paragraph("First paragraph.")
    document.add_paragraph("one", style="List Bullet")
    document.add_paragraph("two", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for place, text in enumerate(["Ticket", "Price", "Adult", "60"]):
        table.cell(place // 2, place % 2).text = text
    document.add_paragraph("观测站。")
    document.save(str(path))
    return path


# the door to all readers


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_is_a_read_error(tmp_path: Path, suffix: str) -> None:
    with pytest.raises((NoTextError, CorruptFileError)):
        list(read(_written(tmp_path / f"a{suffix}", b"")))


@pytest.mark.parametrize("suffix", SUFFIXES)
@given(data=st.binary(max_size=300))
def test_any_bytes_give_pages_or_a_read_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes
) -> None:
    path = _written(tmp_path_factory.getbasetemp() / f"any{suffix}", data)
    try:
        pages = list(read(path))
    except ReadError:
        return
    assert pages


def test_an_unknown_suffix_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFileError, match=r"'\.exe'"):
        list(read(tmp_path / "a.exe"))


def test_suffixes_are_compared_without_case() -> None:
    assert format_of(Path("A.PDF")) == "pdf"


def test_a_missing_file_is_a_read_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="cannot be opened"):
        list(read(tmp_path / "a.txt"))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    _written(tmp_path / "a.txt", "text")
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    with pytest.raises(ReadError, match="not a regular file"):
        list(read(tmp_path / "b.txt"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(ReadError, match="not a regular file"):
        list(read(tmp_path / "pipe.txt"))


def test_a_file_over_the_limit_is_too_large(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.txt", b"x" * 11)
    with pytest.raises(FileTooLargeError):
        opening.read_regular_file(path, max_bytes=10)


@pytest.mark.parametrize("suffix", [".txt", ".md", ".html"])
def test_a_pdf_named_as_text_is_unsupported(tmp_path: Path, suffix: str) -> None:
    path = _written(tmp_path / f"a{suffix}", b"%PDF-1.7 ...")
    with pytest.raises(UnsupportedFileError, match="is a PDF"):
        list(read(path))


def test_text_named_as_pdf_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="does not begin like a PDF"):
        list(read(_written(tmp_path / "a.pdf", "hello")))


# PDF


def test_pdf_pages_are_numbered(tmp_path: Path) -> None:
    _pdf("Alpha page.", "Beta page.").output(str(tmp_path / "a.pdf"))
    pages = list(read(tmp_path / "a.pdf"))
    assert [(page.number, page.blocks[0].text.strip()) for page in pages] == [
        (1, "Alpha page."),
        (2, "Beta page."),
    ]


def test_pdf_title_comes_from_the_metadata(tmp_path: Path) -> None:
    pdf = _pdf("text")
    pdf.set_title("Power supply")
    pdf.output(str(tmp_path / "a.pdf"))
    assert next(read(tmp_path / "a.pdf")).metadata["title"] == "Power supply"


def test_pdf_bookmarks_become_headings(tmp_path: Path) -> None:
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    pdf.add_page()
    pdf.start_section("Opening times")
    pdf.multi_cell(0, 6, "Opening times", new_x="LMARGIN", new_y="NEXT")
    pdf.multi_cell(0, 6, "Closed on Mondays.")
    pdf.output(str(tmp_path / "a.pdf"))
    assert [kind for kind, _ in _blocks(tmp_path / "a.pdf")] == ["heading", "paragraph"]


def test_pdf_without_text_is_no_text(tmp_path: Path) -> None:
    _pdf("", "").output(str(tmp_path / "a.pdf"))
    with pytest.raises(NoTextError, match="holds no text"):
        list(read(tmp_path / "a.pdf"))


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-256"])
def test_pdf_with_a_user_password_is_encrypted(tmp_path: Path, algorithm: str) -> None:
    _encrypted_pdf(tmp_path / "a.pdf", user="secret", algorithm=algorithm)
    with pytest.raises(EncryptedFileError, match="password"):
        list(read(tmp_path / "a.pdf"))


def test_pdf_with_an_owner_password_only_is_read(tmp_path: Path) -> None:
    _encrypted_pdf(tmp_path / "a.pdf", user="", algorithm="AES-256")
    assert "Alpha" in _blocks(tmp_path / "a.pdf")[0][1]


def _encrypted_pdf(path: Path, *, user: str, algorithm: str) -> None:
    writer = PdfWriter(clone_from=PdfReader(BytesIO(bytes(_pdf("Alpha page.").output()))))
    writer.encrypt(user, "owner", algorithm=algorithm)
    with path.open("wb") as file:
        writer.write(file)


def test_pdf_cut_off_is_read_or_corrupt(tmp_path: Path) -> None:
    data = bytes(_pdf("Alpha page.").output())
    with pytest.raises(CorruptFileError):
        list(read(_written(tmp_path / "a.pdf", data[:60])))


def test_a_broken_pdf_page_costs_that_page_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pdf("Alpha page.", "Beta page.").output(str(tmp_path / "a.pdf"))
    from ingest.readers import pdf

    original = pdf._page_text

    def first_fails(reader: PdfReader, index: int) -> tuple[str, str]:
        return ("", "ValueError: broken") if index == 0 else original(reader, index)

    monkeypatch.setattr(pdf, "_page_text", first_fails)
    monkeypatch.setattr(pdf.PdfiumPages, "text", lambda self, index: "")
    pages = list(read(tmp_path / "a.pdf"))
    assert [page.metadata.get("error", "") for page in pages] == ["ValueError: broken", ""]


def test_a_page_that_pypdf_cannot_read_is_tried_with_pdfium(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _pdf("Alpha page.", "Beta page.").output(str(tmp_path / "a.pdf"))
    monkeypatch.setattr("ingest.readers.pdf._page_text", lambda reader, index: ("", "broken"))
    assert [text.strip() for _, text in _blocks(tmp_path / "a.pdf")] == [
        "Alpha page.",
        "Beta page.",
    ]
    assert "error" not in next(read(tmp_path / "a.pdf")).metadata


def test_a_pdf_that_pypdf_cannot_open_is_tried_with_pdfium(tmp_path: Path) -> None:
    data = bytes(_pdf("Alpha page.").output()).replace(b"startxref", b"starxxref")
    assert _blocks(_written(tmp_path / "a.pdf", data))[0][1].strip() == "Alpha page."


# DOCX


def test_docx_structure_is_kept_in_order(tmp_path: Path) -> None:
    assert _blocks(_docx(tmp_path / "a.docx")) == [
        ("heading", "Handbook"),
        ("paragraph", "First paragraph."),
        ("list", "- one\n- two"),
        ("table", "Ticket | Price\nAdult | 60"),
        ("paragraph", "观测站。"),
    ]


def test_docx_in_an_ole_container_is_encrypted(tmp_path: Path) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    with pytest.raises(EncryptedFileError):
        list(read(_written(tmp_path / "a.docx", data)))


def test_old_word_files_are_unsupported(tmp_path: Path) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100)
    with pytest.raises(UnsupportedFileError, match="Office 97"):
        list(read(_written(tmp_path / "a.docx", data)))


def test_a_zip_bomb_is_too_large(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", bytes(opening.MAX_XML_BYTES + 1))
    with pytest.raises(FileTooLargeError, match="zip bomb"):
        list(read(tmp_path / "a.docx"))


def test_docx_entities_are_not_expanded(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    source = _docx(tmp_path / "a.docx").read_bytes()
    with (
        zipfile.ZipFile(BytesIO(source)) as old,
        zipfile.ZipFile(tmp_path / "b.docx", "w") as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            if name == "word/document.xml":
                head, _, body = data.partition(b"?>")
                body = body.replace(b"First paragraph.", b"First &x; paragraph.")
                data = head + b"?>" + bomb.encode() + body
            new.writestr(name, data)
    text = "\n".join(text for _, text in _blocks(tmp_path / "b.docx"))
    assert "root:" not in text


# HTML


def _html_blocks(tmp_path: Path, body: str, head: str = "") -> list[tuple[str, str]]:
    return _blocks(
        _written(
            tmp_path / "a.html",
            f"<html><head><meta charset=utf-8>{head}</head><body>{body}</body></html>",
        )
    )


def test_html_structure_is_kept(tmp_path: Path) -> None:
    body = (
        "<h1>Visit</h1><p>Open\nfrom <b>Wednesday</b>.<br>Closed Monday.</p>"
        "<ul><li>one<li>two <a href=x>link</a></ul><pre>  a\n b</pre>"
        "<table><tr><th>Ticket<th>Price<tr><td>Adult<td>60</table><p>圆顶\n挡板</p>"
    )
    assert _html_blocks(tmp_path, body) == [
        ("heading", "Visit"),
        ("paragraph", "Open from Wednesday.\nClosed Monday."),
        ("list", "- one\n- two link"),
        ("code", "  a\n b"),
        ("table", "Ticket | Price\nAdult | 60"),
        ("paragraph", "圆顶挡板"),
    ]


@pytest.mark.parametrize(
    "boilerplate",
    [
        "<script>var gone</script>",
        "<style>gone</style>",
        "<nav><a href=/>gone</a></nav>",
        "<footer>gone</footer>",
        "<header><a>gone</a></header>",
        '<div class="cookie-banner">gone</div>',
        '<div id="cookieConsent">gone</div>',
        '<div role="dialog">gone</div>',
        '<ul class="main-menu"><li><a href=/>gone</a></ul>',
        "<p hidden>gone</p>",
        '<p style="display: none">gone</p>',
        "<!-- gone -->",
        "<button>gone</button>",
    ],
)
def test_html_boilerplate_is_removed(tmp_path: Path, boilerplate: str) -> None:
    body = f"{boilerplate}before<p>kept</p>{boilerplate}"
    assert _html_blocks(tmp_path, body)[:2] == [("paragraph", "before"), ("paragraph", "kept")]
    assert "gone" not in str(_html_blocks(tmp_path, body))


def test_html_that_is_all_menu_is_kept(tmp_path: Path) -> None:
    assert _html_blocks(tmp_path, "<nav>only this</nav>") == [("paragraph", "only this")]


def test_html_around_comments_is_kept(tmp_path: Path) -> None:
    assert _html_blocks(tmp_path, "<p>be<!-- x -->fore</p>") == [("paragraph", "before")]


@pytest.mark.parametrize("depth", [300, 5_000, 50_000])
def test_html_nested_deeply_is_not_lost(tmp_path: Path, depth: int) -> None:
    body = "<div>" * depth + "deep text" + "</div>" * depth + "<p>after</p>"
    text = " ".join(text for _, text in _html_blocks(tmp_path, body))
    assert text == "deep text after"


def test_html_layout_tables_are_read_as_text(tmp_path: Path) -> None:
    body = "<table><tr><td><h2>Head</h2><p>Text</p></td></tr></table>"
    assert _html_blocks(tmp_path, body) == [("heading", "Head"), ("paragraph", "Text")]


def test_html_title_is_metadata(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.html", "<title>Plan your visit</title><p>x")
    assert next(read_html(path)).metadata["title"] == "Plan your visit"


@pytest.mark.parametrize(
    ("encoding", "declaration"),
    [("gb18030", "gb2312"), ("big5", "big5"), ("cp1251", "windows-1251"), ("utf-8", "utf-8")],
)
def test_html_charset_is_believed(tmp_path: Path, encoding: str, declaration: str) -> None:
    text = "Привет" if encoding == "cp1251" else "天文"
    markup = f'<html><head><meta http-equiv="a" content="text/html; charset={declaration}"></head>'
    path = _written(tmp_path / "a.html", (markup + f"<p>{text}</p>").encode(encoding))
    assert _blocks(path) == [("paragraph", text)]


def test_xhtml_with_a_declaration_and_entities_is_read(tmp_path: Path) -> None:
    path = _written(
        tmp_path / "a.xhtml",
        '<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html [<!ENTITY x "bomb">]>'
        "<html><body><p>a &amp; b &x;</p></body></html>",
    )
    assert _blocks(path)[-1][1].startswith("a & b")
    assert "bomb" not in _blocks(path)[-1][1].replace('"bomb"', "")


@pytest.mark.parametrize("unit", ["<", "<a ", "<!--", "<p>", "<b>", "&", "<li>x", "<td>", "</p>"])
@pytest.mark.parametrize("size", [100_000, 200_000])
def test_html_hostile_markup_is_read_to_the_end(tmp_path: Path, unit: str, size: int) -> None:
    path = _written(tmp_path / "a.html", unit * (size // len(unit)))
    assert isinstance(next(read_html(path)), Page)


# Markdown


def test_markdown_structure_is_kept(tmp_path: Path) -> None:
    text = (
        "---\ntitle: Night duty\n---\n# Duties {#duties}\n\nThe [dome](http://x) is\n`closed`.\n\n"
        "- one\n- two\n  - three\n\n1. first\n\n```sh\nls  -l\n```\n\n"
        "| Ticket | Price |\n|---|---|\n| Adult | 60 |\n\n> quoted\n\n圆顶\n挡板\n"
    )
    path = _written(tmp_path / "a.md", text)
    assert _blocks(path) == [
        ("heading", "Duties"),
        ("paragraph", "The dome is closed."),
        ("list", "- one\n- two\n- three"),
        ("list", "1. first"),
        ("code", "ls  -l\n"),
        ("table", "Ticket | Price\nAdult | 60"),
        ("paragraph", "quoted"),
        ("paragraph", "圆顶挡板"),
    ]
    assert next(read_markdown(path)).metadata["title"] == "Night duty"


@pytest.mark.parametrize("unit", ["[", "*a ", "> ", "`", "- ", "#", "|", "---\n", "&", "<"])
@pytest.mark.parametrize("size", [100_000, 200_000])
def test_markdown_hostile_text_is_read_to_the_end(tmp_path: Path, unit: str, size: int) -> None:
    path = _written(tmp_path / "a.md", "---\n" + unit * (size // len(unit)))
    assert isinstance(next(read_markdown(path)), Page)


# text


def test_text_headings_and_paragraphs_are_parted(tmp_path: Path) -> None:
    text = "POWER SUPPLY\n\n1. WHERE IT COMES FROM\n\nThe line\nruns.\n\nTitle\n=====\nBody.\n"
    assert _blocks(_written(tmp_path / "a.txt", text)) == [
        ("heading", "POWER SUPPLY"),
        ("heading", "1. WHERE IT COMES FROM"),
        ("paragraph", "The line\nruns."),
        ("heading", "Title"),
        ("paragraph", "Body."),
    ]


def test_text_encoding_is_metadata(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.txt", "欢迎来到天文台，请遵守这里的规则。".encode("gb18030"))
    assert next(read(path)).metadata["encoding"] == "gb18030"


def test_binary_data_named_text_is_unsupported(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFileError, match="binary"):
        list(read(_written(tmp_path / "a.txt", bytes(range(1, 32)) * 50)))


# real files


def _manifest() -> list[ParameterSet]:
    file = SHARED_DOCS / "MANIFEST.tsv"
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [
        pytest.param(row["file"], row["expected"], marks=_marks(row))
        for row in rows
        if row["file"].endswith(FORMATS)
    ]


def _marks(row: dict[str, str]) -> list[pytest.MarkDecorator]:
    is_slow = int(row["bytes"]) > QUICK_BYTES or "slow" in row["special"]
    return [pytest.mark.slow] if is_slow else []


@pytest.mark.skipif(not SHARED_DOCS.is_dir(), reason="the shared documents are not here")
@pytest.mark.parametrize(("name", "expected"), _manifest())
def test_a_real_file_ends_as_its_manifest_expects(name: str, expected: str) -> None:
    try:
        pages = list(read(SHARED_DOCS / name))
        code = "text"
        assert any(isinstance(block, Block) for page in pages for block in page.blocks)
    except ReadError as error:
        code = error.code
    assert code in EXPECTED_CODES[expected]
