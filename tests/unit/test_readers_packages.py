from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest
from pptx import Presentation
from pptx.util import Inches

from ingest.pages import Block, Page
from ingest.readers import read
from ragapp.errors import CorruptFileError, EncryptedFileError, NoTextError

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)
CHAPTER = "<html><head><title>{0}</title></head><body><h1>{0}</h1><p>It is {0}.</p></body></html>"


def _blocks(pages: list[Page]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for page in pages for block in page.blocks]


# PPTX


def _presentation(path: Path) -> Path:
    presentation = Presentation()
    presentation.core_properties.title = "Night duty"
    slide = presentation.slides.add_slide(presentation.slide_layouts[1])
    slide.shapes.title.text = "观测站"
    slide.placeholders[1].text = "one\ntwo"
    slide.notes_slide.notes_text_frame.text = "Say it slowly."
    slide = presentation.slides.add_slide(presentation.slide_layouts[6])
    box = Inches(1)
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(box, box, box, box).text_frame.text = "inside a group"
    table = slide.shapes.add_table(2, 2, box, box, box, box).table
    for place, text in enumerate(["Ticket", "Price", "Adult", "60"]):
        table.cell(place // 2, place % 2).text = text
    presentation.save(str(path))
    return path


def test_pptx_slides_are_pages_of_blocks(tmp_path: Path) -> None:
    pages = list(read(_presentation(tmp_path / "a.pptx")))
    assert [page.number for page in pages] == [1, 2]
    assert pages[0].metadata == {"title": "Night duty"}
    assert _blocks(pages) == [
        ("heading", "观测站"),
        ("list", "- one\n- two"),
        ("paragraph", "Say it slowly."),
        ("paragraph", "inside a group"),
        ("table", "Ticket | Price\nAdult | 60"),
    ]


def test_pptx_damaged_is_corrupt(tmp_path: Path) -> None:
    data = _presentation(tmp_path / "a.pptx").read_bytes()
    (tmp_path / "b.pptx").write_bytes(data[:5_000])
    with pytest.raises(CorruptFileError):
        list(read(tmp_path / "b.pptx"))


def test_pptx_with_a_broken_slide_keeps_the_others(tmp_path: Path) -> None:
    _presentation(tmp_path / "a.pptx")
    with ZipFile(tmp_path / "a.pptx") as source, ZipFile(tmp_path / "b.pptx", "w") as target:
        for name in source.namelist():
            data = source.read(name)
            is_first = name.endswith("slides/slide1.xml")
            target.writestr(
                name,
                data.replace(b"<p:spTree>", b"<p:x>").replace(b"</p:spTree>", b"</p:x>")
                if is_first
                else data,
            )
    pages = list(read(tmp_path / "b.pptx"))
    assert "error" in pages[0].metadata
    assert pages[1].blocks[0].text == "inside a group"


def test_pptx_without_text_says_so(tmp_path: Path) -> None:
    presentation = Presentation()
    presentation.slides.add_slide(presentation.slide_layouts[6])
    presentation.save(str(tmp_path / "a.pptx"))
    with pytest.raises(NoTextError):
        list(read(tmp_path / "a.pptx"))


# EPUB


def _epub(path: Path, *, spine: str = "two one", extra: dict[str, str] | None = None) -> Path:
    items = "".join(
        f'<item id="{name}" href="text/{name}%20.xhtml" media-type="application/xhtml+xml"/>'
        for name in ("one", "two", "lost")
    )
    references = "".join(f'<itemref idref="{name}"/>' for name in spine.split())
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        "<metadata><dc:title>The Dome</dc:title><dc:creator>A. Keeper</dc:creator></metadata>"
        f"<manifest>{items}</manifest><spine>{references}</spine></package>"
    )
    with ZipFile(path, "w") as package:
        package.writestr("mimetype", "application/epub+zip")
        package.writestr("META-INF/container.xml", CONTAINER)
        package.writestr("OPS/book.opf", opf)
        for name in ("one", "two"):
            package.writestr(f"OPS/text/{name} .xhtml", CHAPTER.format(name))
        for name, text in (extra or {}).items():
            package.writestr(name, text)
    return path


def test_epub_chapters_are_pages_in_spine_order(tmp_path: Path) -> None:
    pages = list(read(_epub(tmp_path / "a.epub")))
    assert _blocks(pages) == [
        ("heading", "two"),
        ("paragraph", "It is two."),
        ("heading", "one"),
        ("paragraph", "It is one."),
    ]
    assert [page.number for page in pages] == [1, 2]
    assert (pages[0].metadata["title"], pages[0].metadata["author"]) == ("The Dome", "A. Keeper")


def test_epub_with_a_lost_chapter_keeps_the_others(tmp_path: Path) -> None:
    pages = list(read(_epub(tmp_path / "a.epub", spine="lost one")))
    assert "error" in pages[0].metadata
    assert pages[1].blocks[0].text == "one"


def test_epub_chapters_named_twice_are_read_once(tmp_path: Path) -> None:
    assert len(list(read(_epub(tmp_path / "a.epub", spine="one " * 500)))) == 1


def test_epub_without_chapters_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="no chapters"):
        list(read(_epub(tmp_path / "a.epub", spine="")))


@pytest.mark.parametrize(("name", "is_open"), [("OPS/text/one.xhtml", False), ("a.otf", True)])
def test_epub_under_rights_management_is_encrypted(
    tmp_path: Path, name: str, is_open: bool
) -> None:
    encryption = f'<encryption><CipherReference URI="{name}"/></encryption>'
    path = _epub(tmp_path / "a.epub", extra={"META-INF/encryption.xml": encryption})
    if is_open:
        assert list(read(path))
        return
    with pytest.raises(EncryptedFileError):
        list(read(path))


def test_epub_outside_names_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.xhtml").write_text("<p>secret</p>")
    items = '<item id="x" href="../../secret.xhtml" media-type="application/xhtml+xml"/>'
    opf = f'<package><manifest>{items}</manifest><spine><itemref idref="x"/></spine></package>'
    with ZipFile(tmp_path / "a.epub", "w") as package:
        package.writestr("META-INF/container.xml", CONTAINER)
        package.writestr("OPS/book.opf", opf)
    with pytest.raises(CorruptFileError):
        list(read(tmp_path / "a.epub"))


def test_a_heading_block_of_a_slide_is_of_level_one(tmp_path: Path) -> None:
    page = next(read(_presentation(tmp_path / "a.pptx")))
    assert page.blocks[0] == Block("heading", "观测站", level=1)
