"""Files from the wild against what their manifest expects of each, through the real sandbox."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ingest.clean import assemble, clean_pages
from ingest.pages import Page
from ingest.readers import format_of
from ingest.readers.sandbox import Sandbox
from ragapp.errors import ReadError
from ragapp.types import Document

DOCUMENTS = Path(__file__).parents[3] / "shared" / "docs"
MAX_PAGES = 30
MIN_SHARE = 0.6  # of the characters that pdfium finds

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DOCUMENTS.is_dir(), reason=f"there is no folder {DOCUMENTS}"),
]

CODES = {"encrypted": {"encrypted"}, "corrupt": {"corrupt"}, "no text": {"no_text"}, "text": {""}}
CODES["text or unsupported"] = {"", "unsupported"}

# passages that a wrong encoding would garble, each read by eye in the file
PASSAGES = {
    "html02_big_preamble.html": "Поиск ресторанов и кафе в аренду",
    "html03_utf16le.html": "This is a sample text",
    "html04_noisy_meta.html": "وأعرب الاتحاد الجزائري",
    "html05_gb18030.html": "马兴瑞，中国航天科技集团公司总经理",
    "html06_nonutf8.html": "We, Hamdan bin Mohamme",
    "md01_vue_zh.md": "Ref 可以持有任何类型的值，包括深层嵌套的对象",
    "md03_nonutf8.md": "Copyright © 2025 Law Offices",
    "rtf01_japanese.rtf": "古書店で処刑記録見つかる",
    "txt_cp1252.txt": "this is a “windows” encoding",
    "txt_gb18030.txt": "软件包池的出现修复了这个问题",
    "txt_latin1.txt": "um certo caminho andado na direcção",
    "txt_unknown_300k.txt": "“That’s right. You were with Nick here.”",
    "txt_utf16be_nobom.txt": "07/19/2015 21:00:15.469,1.083,1.08332",
    "txt_utf16le_bom.txt": "没有连接服务器时几乎不能做什么事",
    "txt_utf8_bom.srt": "this monetary system seems to have no point",
    "xml01_gb2312_feed.xml": "社会性软件应运而生",
    "xml02_big5_feed.xml": "政府及政黨股份必須在兩年內退出廣電媒體",
}


def _rows() -> list[dict[str, str]]:
    if not DOCUMENTS.is_dir():
        return []
    lines = (DOCUMENTS / "MANIFEST.tsv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


ROWS = _rows()
LOCKED = [row for row in ROWS if row["password"]]


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def outcomes(sandbox) -> dict[str, tuple[str, Document | None]]:
    """Read every file: its error code or "", and its document."""
    return {row["file"]: _outcome(sandbox, row["file"]) for row in ROWS}


def _outcome(sandbox, name: str, *, password: str = "") -> tuple[str, Document | None]:
    try:
        pages = list(sandbox.read(DOCUMENTS / name, password=password))
    except ReadError as error:
        return error.code, None
    kind = format_of(Path(name))
    return "", assemble(clean_pages(pages, format=kind), source=name, format=kind)


def _pages(sandbox, name: str) -> list[Page]:
    try:
        return list(sandbox.read(DOCUMENTS / name))
    except ReadError:
        return []


def _sized() -> list[dict[str, str]]:
    """Return the rows of the PDFs whose text pdfium has measured, short ones."""
    return [
        row
        for row in ROWS
        if row["expected"] == "text"
        and (row["chars_pdfium"] or "").isdigit()
        and int(row["pages_pdfium"]) <= MAX_PAGES
    ]


def test_every_file_ends_as_its_manifest_expects(outcomes):
    wrong = {
        row["file"]: (row["expected"], outcomes[row["file"]][0])
        for row in ROWS
        if outcomes[row["file"]][0] not in CODES[row["expected"]]
    }

    assert wrong == {}


def test_what_ends_as_text_has_text(outcomes):
    assert [name for name, (code, found) in outcomes.items() if not code and not found.text] == []


@pytest.mark.parametrize("row", LOCKED, ids=lambda row: row["file"])
def test_a_locked_file_opens_with_its_password(sandbox, row):
    code, document = _outcome(sandbox, row["file"], password=row["password"])

    assert (code, bool(document.text)) == ("", True)


def test_a_short_pdf_keeps_most_of_the_characters_that_pdfium_finds(outcomes):
    shares = {
        row["file"]: len(outcomes[row["file"]][1].text) / max(1, int(row["chars_pdfium"]))
        for row in _sized()
    }

    assert len(shares) > 20
    assert {name: share for name, share in shares.items() if share < MIN_SHARE} == {}


@pytest.mark.parametrize("name", PASSAGES)
def test_an_encoded_file_gives_its_words(outcomes, name):
    assert PASSAGES[name] in outcomes[name][1].text


def test_no_text_holds_a_sign_of_a_wrong_encoding(outcomes):
    texts = {name: found.text for name, (_, found) in outcomes.items() if found}

    assert [n for n, text in texts.items() if "\ufffd" in text and not n.startswith("pdf")] == []


def test_no_file_is_falsely_said_to_hide_a_passage(sandbox):
    flagged = [
        row["file"]
        for row in ROWS
        if row["file"].endswith((".docx", ".html", ".eml", ".epub")) or row in _sized()
        for page in _pages(sandbox, row["file"])
        if "hidden" in page.metadata
    ]

    assert flagged == []
