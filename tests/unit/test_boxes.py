"""Boxes of quotes on PDF pages: what stands inside them is the quote."""

from __future__ import annotations

import re
import shutil
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pypdfium2
import pytest
from fpdf import FPDF
from opened_rag import open_fake_rag, write_zip
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import RectangleObject

from ingest import citation_boxes, ingest_paths, quote_boxes
from ingest.locating import locate
from ragapp.citing import citation_of
from ragapp.errors import EncryptedFileError, ReadError
from ragapp.sentences import split_sentences
from ragapp.types import Hit

CORPUS = Path(__file__).parents[2] / "sample_corpus"
SHARED = Path(__file__).parents[3] / "shared" / "docs"
SAMPLES = [
    "en/annual-report-2024.pdf",
    "en/data-access-policy.pdf",
    "en/heron-telescope-handbook.pdf",
    "zh/dome-maintenance.pdf",
    "zh/灯笼望远镜使用手册.pdf",
    "zh/高原医疗与应急手册.pdf",
]
WILD = ["pdf02_libreoffice.pdf", "pdf03_pdflatex4.pdf", "pdf10_multicolumn.pdf"]
MIRROR = "The mirror is washed every spring with distilled water and soap."
HYPHEN = re.compile("[-\u2010\ufffe\x02\xad]")


def _pdf(path: Path, *texts: str, columns: int = 1) -> Path:
    """Write a PDF with a page for each text, set in columns 60 mm wide."""
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    for text in texts:
        pdf.add_page()
        with pdf.text_columns(ncols=columns, gutter=12, text=text):
            pass
    pdf.output(str(path))
    return path


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def _turned(path: Path, source: Path, *, rotation: int) -> Path:
    """Copy a PDF with its pages turned, and cropped to what stands right of 20 and above 30."""
    writer = PdfWriter(clone_from=PdfReader(source))
    for page in writer.pages:
        page.cropbox = RectangleObject((20, 30, 500, 820))
        page.rotate(rotation)
    writer.write(path)
    return path


def _read_back(path: Path, boxes) -> str:
    """Return what pdfium finds inside the boxes, without blanks and hyphens."""
    document = pypdfium2.PdfDocument(path)
    texts = []
    for box in boxes:
        page = document[box.page - 1].get_textpage()
        sides = (box.left + 0.1, box.bottom + 0.1, box.right - 0.1, box.top - 0.1)
        texts.append(page.get_text_bounded(*sides))
    document.close()
    return _bare("".join(texts))


def _bare(text: str) -> str:
    return HYPHEN.sub("", "".join(text.split()))


def _citation(rag, quote: str):
    """Return a citation of the first document that holds the quote."""
    for info in rag.documents():
        text = rag.document(info.id).text
        if (start := text.find(quote)) >= 0:
            hit = Hit(1, 1.0, info.id, info.sources[0], "", 1, "", "c", 0, len(text), text)
            return citation_of(1, hit, (start, start + len(quote)))
    raise AssertionError(quote)


def _boxes(rag, quote: str, **options):
    return citation_boxes(rag, [_citation(rag, quote)], **options)[0]


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as rag:
        yield rag


# --- what stands inside


def test_the_box_of_a_quote_on_one_line_holds_its_words_alone(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", f"Before it.\n\n{MIRROR}\n\nAfter it.")
    ingest_paths(rag, [path])

    found = _boxes(rag, MIRROR)

    assert [box.page for box in found.boxes] == [1]
    assert _read_back(path, found.boxes) == _bare(MIRROR)


def test_a_quote_that_runs_over_lines_has_a_box_for_each(rag, tmp_path):
    quote = f"{MIRROR[:-1]}, but never {'in the cold of winter ' * 8}or after dark."
    path = _pdf(tmp_path / "a.pdf", f"Before it. {quote} After it.")
    ingest_paths(rag, [path])

    found = _boxes(rag, quote)

    assert len(found.boxes) == 3
    assert _read_back(path, found.boxes) == _bare(quote)


def test_a_quote_that_runs_from_one_column_to_the_next_has_boxes_in_both(rag, tmp_path):
    quote = " ".join(f"Sentence number {n} speaks of the dome and its shutter." for n in range(60))
    path = _pdf(tmp_path / "a.pdf", quote, columns=2)
    ingest_paths(rag, [path])

    found = _boxes(rag, quote)

    assert {box.page for box in found.boxes} == {1}
    assert min(box.right for box in found.boxes) < max(box.left for box in found.boxes)
    assert _read_back(path, found.boxes) == _bare(quote)


def test_a_quote_over_a_page_break_has_boxes_on_both_pages(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", "The mirror is washed every spring", "and every autumn.")
    ingest_paths(rag, [path])
    text = rag.document(rag.documents()[0].id).text

    found = _boxes(rag, text)

    assert [box.page for box in found.boxes] == [1, 2]
    assert _read_back(path, found.boxes) == _bare(text)


def test_of_a_sentence_that_comes_twice_the_cited_one_is_boxed(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", "Pump A:\nIt holds 30 bar.\n\nPump B:\nIt holds 30 bar.")
    ingest_paths(rag, [path])
    info = rag.documents()[0]
    text = rag.document(info.id).text
    hit = Hit(1, 1.0, info.id, info.sources[0], "", 1, "", "c", 0, len(text), text)
    places = [match.span() for match in re.finditer("It holds 30 bar.", text)]

    first, second = citation_boxes(rag, [citation_of(1, hit, place) for place in places])

    assert first.boxes[0].bottom > second.boxes[0].top


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_boxes_stand_on_the_ink_of_a_page_that_is_turned_and_cropped(rag, tmp_path, rotation):
    path = _turned(tmp_path / "b.pdf", _pdf(tmp_path / "a.pdf", MIRROR), rotation=rotation)

    box = quote_boxes(path, _digest(path), [1], [MIRROR])[0]

    page = pypdfium2.PdfDocument(path)[0]
    picture = page.render(scale=2).to_numpy()[..., 0] < 128  # (h, w)
    rows, columns = picture.nonzero()
    height, width = picture.shape
    x, y, w, h = box.shown
    ink = (columns.min() / width, rows.min() / height, columns.max() / width, rows.max() / height)
    assert ink == pytest.approx((x, y, x + w, y + h), abs=0.005)
    assert (box.rotation, box.page_width, box.page_height) == (rotation, *page.get_size())


@pytest.mark.parametrize("name", SAMPLES)
def test_the_boxes_of_the_sample_corpus_hold_their_sentences(rag, name):
    path = CORPUS / name
    ingest_paths(rag, [path])

    assert _share_read_back(rag, path) >= 0.98


@pytest.mark.parametrize("name", WILD)
def test_the_boxes_of_files_from_the_wild_hold_their_sentences(rag, name):
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"there is no file {path}")
    ingest_paths(rag, [path])

    assert _share_read_back(rag, path, limit=40) >= 0.9


def _share_read_back(rag, path: Path, *, limit: int | None = None) -> float:
    info = rag.documents()[0]
    document = rag.document(info.id)
    hit = Hit(1, 1.0, info.id, str(path), "", 1, "", "c", 0, len(document.text), document.text)
    citations = [citation_of(1, hit, span) for span in split_sentences(document.text)[:limit]]
    found = citation_boxes(rag, citations)
    same = [
        _read_back(path, boxes.boxes) == _bare(citation.quote)
        for citation, boxes in zip(citations, found, strict=True)
    ]
    return sum(same) / len(same)


# --- no box rather than a wrong one


def test_a_file_that_was_changed_gives_a_reason(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", MIRROR)
    ingest_paths(rag, [path])
    _pdf(path, f"{MIRROR} And more.")

    found = _boxes(rag, MIRROR)

    assert found.boxes == ()
    assert found.reason == "'a.pdf' changed since it was ingested; ingest it again"


def test_a_file_that_was_moved_gives_a_reason(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", MIRROR)
    ingest_paths(rag, [path])
    path.rename(tmp_path / "b.pdf")

    assert "is no longer there; bring it back" in _boxes(rag, MIRROR).reason


def test_another_source_of_the_document_stands_in_for_one_that_is_gone(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", MIRROR)
    copy = Path(shutil.copy(path, tmp_path / "b.pdf"))
    ingest_paths(rag, [path, copy])
    path.unlink()

    assert _read_back(copy, _boxes(rag, MIRROR).boxes) == _bare(MIRROR)


def test_a_document_without_pages_gives_a_reason(rag, tmp_path):
    (tmp_path / "a.md").write_text(MIRROR)
    ingest_paths(rag, [tmp_path / "a.md"])

    assert _boxes(rag, MIRROR).reason


def test_words_that_the_page_does_not_hold_have_no_boxes(tmp_path):
    path = _pdf(tmp_path / "a.pdf", MIRROR)

    assert quote_boxes(path, _digest(path), [1, 7], ["Another sentence.", MIRROR]) == ()


def test_a_file_that_is_no_pdf_is_refused(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7 and nothing else")

    with pytest.raises(ReadError, match=r"'a\.pdf' is damaged"):
        quote_boxes(path, _digest(path), [1], [MIRROR])


# --- locked and packed files


def test_a_locked_file_opens_with_its_password(rag, tmp_path):
    path = tmp_path / "a.pdf"
    writer = PdfWriter(clone_from=PdfReader(_pdf(tmp_path / "plain.pdf", MIRROR)))
    writer.encrypt("secret")
    writer.write(path)
    ingest_paths(rag, [path], passwords=["secret"])

    assert "is protected by a password" in _boxes(rag, MIRROR).reason
    assert _boxes(rag, MIRROR, password="secret").boxes


def test_the_child_tells_a_locked_file(tmp_path):
    path = tmp_path / "a.pdf"
    writer = PdfWriter(clone_from=PdfReader(_pdf(tmp_path / "plain.pdf", MIRROR)))
    writer.encrypt("secret")
    writer.write(path)

    with pytest.raises(EncryptedFileError):
        list(locate(path, sha256=_digest(path), pages=["1"], quotes=[""], around=["", ""]))


def test_a_member_of_an_archive_has_boxes(rag, tmp_path):
    path = _pdf(tmp_path / "a.pdf", MIRROR)
    archive = write_zip(tmp_path / "a.zip", {"x/b.pdf": path.read_bytes(), "c.txt": "Other."})
    ingest_paths(rag, [archive])

    assert _read_back(path, _boxes(rag, MIRROR).boxes) == _bare(MIRROR)


# --- drawn


def _picture(tmp_path, rotation=0):
    plain = _pdf(tmp_path / "plain.pdf", MIRROR)
    path = _turned(tmp_path / "mirror.pdf", plain, rotation=rotation) if rotation else plain
    with open_fake_rag(tmp_path / "collection", abstain_below=0.0) as rag:
        ingest_paths(rag, [path])
        answer = rag.ask("How is the mirror washed?")
        return citation_boxes(rag, answer.citations, has_pictures=True)[0]


def _is_marked(pixel):
    return pixel[2] < 200 < pixel[0]


@pytest.mark.parametrize("rotation", [0, 90, 270])
def test_a_picture_of_the_page_has_the_quote_coloured_and_nothing_else(tmp_path, rotation):
    found = _picture(tmp_path, rotation)

    page, png = found.pictures[0]
    picture = Image.open(BytesIO(png))
    marked = [
        (x / picture.width, y / picture.height)
        for x in range(picture.width)
        for y in range(picture.height)
        if _is_marked(picture.getpixel((x, y)))
    ]
    boxes = [box.shown for box in found.boxes]

    assert page == 1
    assert marked
    assert all(
        any(
            left - 0.01 <= x <= left + width + 0.01 and top - 0.01 <= y <= top + height + 0.01
            for left, top, width, height in boxes
        )
        for x, y in marked
    )


def test_no_picture_comes_unasked(tmp_path):
    path = _pdf(tmp_path / "plain.pdf", MIRROR)
    with open_fake_rag(tmp_path / "collection", abstain_below=0.0) as rag:
        ingest_paths(rag, [path])
        found = citation_boxes(rag, rag.ask("How is the mirror washed?").citations)

    assert found[0].boxes
    assert found[0].pictures == ()
