"""Needs the extra ragapp[ocr]: `make test-ocr` installs it and runs these."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from ingest import ingest_paths
from ingest.extras import has_ocr
from ingest.pages import Page
from ingest.pdfium import PdfiumPages
from ingest.readers.sandbox import Sandbox
from ragapp import open_rag
from ragapp.errors import NoTextError

CORPUS = Path(__file__).parents[2] / "sample_corpus"
ROSTER = CORPUS / "zh" / "scan-duty-roster.pdf"
SCANS = Path(__file__).parents[3] / "shared" / "docs"
SENTENCES = ["The mirror is washed in April.", "It takes four people six hours."]

pytestmark = pytest.mark.skipif(not has_ocr(), reason="the extra ragapp[ocr] is not installed")


@pytest.fixture(scope="module")
def recognise():
    with Sandbox() as sandbox:
        yield lambda path: list(sandbox.read(path, with_ocr=True))


@pytest.fixture(scope="module")
def roster(recognise) -> Page:
    (page,) = recognise(ROSTER)
    return page


def _drawn(*lines: str, background: str = "white") -> Image.Image:
    image = Image.new("RGB", (900, 260), background)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        draw.text((40, 40 + 70 * row), line, fill="black", font=ImageFont.load_default(size=40))
    return image


def _words(pages: list[Page]) -> list[str]:
    return [" ".join(b.text.replace("\n", " ") for b in page.blocks) for page in pages]


def test_a_scanned_chinese_table_gives_its_rows(roster):
    table = next(block for block in roster.blocks if block.kind == "table")

    assert "钱一鸣 | 周一\n阮小舟 | 周二\n尤里 | 周三" in table.text


def test_a_scanned_page_tells_its_confidence(roster):
    assert roster.metadata["ocr"] == "true"
    assert 0.9 <= float(roster.metadata["ocr_confidence"]) <= 1.0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".bmp", ".webp"])
def test_an_english_picture_gives_its_sentences(recognise, tmp_path, suffix):
    path = tmp_path / f"note{suffix}"
    _drawn(*SENTENCES).save(path)

    assert _words(recognise(path)) == [" ".join(SENTENCES)]


def test_a_chinese_picture_gives_its_words(recognise, tmp_path):
    with PdfiumPages(ROSTER.read_bytes()) as pdfium:
        Image.fromarray(pdfium.picture(0, max_side=1_600)[..., ::-1]).save(tmp_path / "roster.png")

    (page,) = recognise(tmp_path / "roster.png")

    assert page.blocks[0].text == "云阶天文台二月值班表"


def test_each_frame_of_a_tiff_is_a_page(recognise, tmp_path):
    first, second = (_drawn(sentence) for sentence in SENTENCES)
    first.save(tmp_path / "fax.tiff", save_all=True, append_images=[second])

    pages = recognise(tmp_path / "fax.tiff")

    assert [page.number for page in pages] == [1, 2]
    assert _words(pages) == SENTENCES


def test_a_photograph_is_turned_as_its_camera_says(recognise, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    _drawn(*SENTENCES).transpose(Image.Transpose.ROTATE_90).save(tmp_path / "p.jpg", exif=exif)

    assert _words(recognise(tmp_path / "p.jpg")) == [" ".join(SENTENCES)]


def test_text_on_a_transparent_ground_is_read(recognise, tmp_path):
    image = _drawn(*SENTENCES).convert("RGBA")
    image.putalpha(image.convert("L").point(lambda level: 255 - level))
    image.save(tmp_path / "glass.png")

    assert _words(recognise(tmp_path / "glass.png")) == [" ".join(SENTENCES)]


def test_a_blank_picture_holds_no_text(recognise, tmp_path):
    _drawn().save(tmp_path / "blank.png")

    with pytest.raises(NoTextError) as caught:
        recognise(tmp_path / "blank.png")

    assert caught.value.hint == "text recognition finds none either"


def test_a_scan_that_was_refused_is_read_once_recognition_is_on(tmp_path):
    with open_rag(tmp_path / "c", ocr="off") as rag:
        (refused,) = ingest_paths(rag, [ROSTER]).outcomes
    with open_rag(tmp_path / "c") as rag:
        (read,) = ingest_paths(rag, [ROSTER]).outcomes

    assert (refused.code, read.outcome) == ("no_text", "added")


def test_a_question_about_a_scan_is_answered_with_its_page(tmp_path):
    with open_rag(tmp_path / "c") as rag:
        ingest_paths(rag, [ROSTER])
        answer = rag.ask("二月的夜班周四由谁值班？")

    assert "马冬阳 | 周四" in [citation.quote for citation in answer.citations]
    assert {(Path(c.source).name, c.page) for c in answer.citations} == {(ROSTER.name, 1)}


@pytest.mark.slow
@pytest.mark.skipif(not SCANS.is_dir(), reason=f"there is no folder {SCANS}")
@pytest.mark.parametrize(
    ("name", "page", "passage"),
    [
        (
            "pdf25_scanned_ocrneeded.pdf",
            1,
            "Permit me to introduce you to the facility of facsimile",
        ),
        ("pdf26_small_ocr_8p.pdf", 1, "商品体本身，例如铁、小麦、金钢石等等，就是使用价值"),
    ],
)
def test_a_scan_from_the_wild_gives_its_text(recognise, name, page, passage):
    pages = {page.number: page for page in recognise(SCANS / name)}

    assert passage in "".join(b.text.replace("\n", "") for b in pages[page].blocks)
