"""Build the sample corpus's binary files from the texts in ``texts/``.

Run from anywhere::

    python sample_corpus/build_corpus.py

Needs the Python packages fpdf2 and python-docx (Pillow comes with fpdf2) and
the Debian packages fonts-dejavu-core (Latin) and fonts-droid-fallback
(Chinese). ``--out FOLDER`` writes somewhere else than beside this file. The
same texts, fonts and package versions give the same bytes.

Markdown, HTML and the other text documents are kept as plain files.

Written for ragapp; Apache-2.0.
"""

from __future__ import annotations

import argparse
import io
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from docx import Document
from docx.document import Document as DocxDocument
from fpdf import FPDF
from fpdf.enums import XPos, YPos
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).resolve().parent
TEXTS = HERE / "texts"
FONTS = Path("/usr/share/fonts/truetype")
LATIN = FONTS / "dejavu" / "DejaVuSans.ttf"
LATIN_BOLD = FONTS / "dejavu" / "DejaVuSans-Bold.ttf"
CHINESE = FONTS / "droid" / "DroidSansFallbackFull.ttf"
STAMP = datetime(2025, 3, 1, 12, 0, 0, tzinfo=UTC)
NAMES = {"en": ("Cloudstep Observatory", "en"), "zh": ("云阶天文台", "zh-CN")}
ORIGIN = "written for ragapp"
NO_LINE_START = set("，。、；：？！）》」』”’%…")
CJK = "\u2e80-\u9fff\uff00-\uffef"
# A number stays on one line with its unit or with the next Chinese characters.
TOKEN = re.compile(
    rf"[−\-]?\d[\d.,:]*%?(?: [A-Za-z°%][^\s{CJK}]*|[{CJK}]{{0,2}}(?<![，。、；：）]))"
    rf"|[{CJK}]|\s+|[^\s{CJK}]+"
)


@dataclass(frozen=True)
class Block:
    """One element of a text: h1, h2, h3, p, bullet, number or table."""

    kind: str
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


# Source below texts/ -> target below this folder.
PDFS = {
    "en/heron-telescope-handbook.md": "en/heron-telescope-handbook.pdf",
    "en/annual-report-2024.md": "en/annual-report-2024.pdf",
    "en/data-access-policy.md": "en/data-access-policy.pdf",
    "zh/lantern-handbook.md": "zh/灯笼望远镜使用手册.pdf",
    "zh/dome-maintenance.md": "zh/dome-maintenance.pdf",
    "zh/medical.md": "zh/高原医疗与应急手册.pdf",
}
DOCX = {
    "en/incident-2022-lightning.md": "en/incident-2022-lightning.docx",
    "en/safety-rules.md": "en/safety-rules.docx",
    "zh/incident-2023-snow.md": "zh/incident-2023-snow.docx",
    "zh/procurement.md": "zh/采购与经费管理办法.docx",
}
# Source and target -> encoding and line end.
PLAIN = {"en/power-system.txt": ("ascii", "\r\n"), "zh/班车时刻表.txt": ("gb18030", "\n")}
DUPLICATE = ("en/data-access-policy.pdf", "en/archive/policy-dp-02.pdf")
DAMAGED = ("en/dome-2-shutter-inspection.md", "en/dome-2-shutter-inspection.pdf")
SCAN = "zh/scan-duty-roster.pdf"


def line_block(line: str) -> Block:
    """Return the block of one line outside a table."""
    if match := re.match(r"(#{1,3}) (.*)", line):
        return Block(f"h{len(match[1])}", match[2])
    if line.startswith("- "):
        return Block("bullet", line[2:])
    return Block("number" if re.match(r"\d+\. ", line) else "p", line)


def parse(text: str) -> Iterator[Block]:
    """Yield the blocks of a plain Markdown text (one line per paragraph)."""
    table: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            if set(line) - set("|-"):
                table.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
            continue
        if table:
            yield Block("table", rows=tuple(table))
            table = []
        if line:
            yield line_block(line)


class Paper(FPDF):
    """An A5 document with a running head and a page number on every page."""

    def __init__(self, head: str) -> None:
        """Set up the page, the fonts and the metadata."""
        super().__init__(format=(148, 210))
        self.head = head
        self.add_font("latin", "", LATIN)
        self.add_font("latin", "B", LATIN_BOLD)
        self.add_font("chinese", "", CHINESE)
        self.set_fallback_fonts(["chinese"], exact_match=False)
        self.set_margins(16, 16, 16)
        self.set_auto_page_break(True, 18)
        stamp(self, head)

    def header(self) -> None:
        """Write the running head and a rule."""
        self.set_font("latin", size=7.5)
        self.cell(0, 5, self.head, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.line(self.l_margin, self.get_y(), self.w - self.r_margin, self.get_y())
        self.ln(4)

    def footer(self) -> None:
        """Write the page number."""
        self.set_y(-13)
        self.set_font("latin", size=7.5)
        self.cell(0, 5, f"{self.page_no()} / {{nb}}", align="C")

    def wrap(self, text: str, width: float) -> Iterator[str]:
        """Break a text into lines no wider than width (in mm)."""
        line = ""
        for token in TOKEN.findall(text):
            wide = self.get_string_width((line + token).rstrip()) > width
            if wide and line and token not in NO_LINE_START:
                yield line.rstrip()
                line = token.lstrip()
            else:
                line += token
        if line.strip():
            yield line.rstrip()

    def write_text(self, text: str, height: float, indent: float = 0.0) -> None:
        """Write one paragraph line by line."""
        for line in self.wrap(text, self.epw - indent):
            style = self.font_style
            self.set_font("chinese")  # without this the next call may do nothing,
            self.set_font("latin", style)  # though the last line ended in Chinese
            self.set_x(self.l_margin + indent)
            self.cell(0, height, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def write_table(self, rows: tuple[tuple[str, ...], ...]) -> None:
        """Write a ruled table whose first row is the heading."""
        self.set_font("latin", size=8.5)
        with self.table(line_height=5.2, text_align="LEFT", padding=1) as table:
            for cells in rows:
                table.row(cells)
        self.ln(3)

    def write_block(self, block: Block) -> None:
        """Write one block of the text."""
        size = {"h1": 15.0, "h2": 11.5, "h3": 10.0}.get(block.kind, 9.5)
        if block.kind == "table":
            self.write_table(block.rows)
        elif block.kind.startswith("h"):
            if self.get_y() > self.h - 45:
                self.add_page()
            self.ln(2)
            self.set_font("latin", "B", size)
            self.write_text(block.text, size * 0.6)
            self.ln(1)
        else:
            listed = block.kind in ("bullet", "number")
            self.set_font("latin", size=size)
            mark = "• " if block.kind == "bullet" else ""
            self.write_text(mark + block.text, 5.4, indent=4 if listed else 0)
            self.ln(0.6 if listed else 2.2)


def stamp(pdf: FPDF, title: str) -> None:
    """Give a PDF fixed metadata, so that every run writes the same bytes."""
    pdf.set_creation_date(STAMP)
    pdf.set_title(title)
    pdf.set_author("Cloudstep Observatory")
    pdf.set_creator(ORIGIN)
    pdf.set_producer(ORIGIN)


def pdf_bytes(source: str) -> bytes:
    """Return the PDF for a text; its running head is the name and the title."""
    blocks = list(parse((TEXTS / source).read_text("utf-8")))
    name, language = NAMES[source[:2]]
    paper = Paper(f"{name} · {blocks[0].text}")
    paper.set_lang(language)
    paper.add_page()
    for block in blocks:
        paper.write_block(block)
    return bytes(paper.output())


def fill_docx(document: DocxDocument, blocks: list[Block]) -> None:
    """Append the blocks to a Word document with its own styles."""
    styles = {"p": "Normal", "bullet": "List Bullet", "number": "List Number"}
    for block in blocks:
        if block.kind == "table":
            table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
            for cells in block.rows:
                for cell, text in zip(table.add_row().cells, cells, strict=True):
                    cell.text = text
            document.add_paragraph()
        elif block.kind == "h1":
            document.add_heading(block.text, level=0)
        elif block.kind in ("h2", "h3"):
            document.add_heading(block.text, level=int(block.kind[1]) - 1)
        else:
            text = re.sub(r"^\d+\. ", "", block.text) if block.kind == "number" else block.text
            document.add_paragraph(text, style=styles[block.kind])


def docx_bytes(source: str) -> bytes:
    """Return the Word document for a text, with fixed dates inside."""
    document = Document()
    blocks = list(parse((TEXTS / source).read_text("utf-8")))
    fill_docx(document, blocks)
    facts = document.core_properties
    facts.title, facts.author, facts.last_modified_by = blocks[0].text, "Cloudstep Observatory", ""
    facts.comments = ORIGIN
    facts.created = facts.modified = STAMP.replace(tzinfo=None)
    raw, fixed = io.BytesIO(), io.BytesIO()
    document.save(raw)
    with zipfile.ZipFile(raw) as plain, zipfile.ZipFile(fixed, "w") as target:
        for name in plain.namelist():
            entry = zipfile.ZipInfo(name, date_time=STAMP.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, plain.read(name))
    return fixed.getvalue()


def scan_page() -> Image.Image:
    """Draw a duty roster that looks like a slightly crooked scan."""
    page = Image.new("L", (900, 1270), 238)
    draw = ImageDraw.Draw(page)
    title, body = (ImageFont.truetype(str(CHINESE), size) for size in (46, 30))
    draw.text((190, 110), "云阶天文台二月值班表", font=title, fill=40)
    names = ["夜班", "钱一鸣", "阮小舟", "尤里", "马冬阳", "海伦", "柏青", "孙河", "田野"]
    for row, name in enumerate(names):
        top = 230 + row * 95
        draw.rectangle((90, top, 810, top + 95), outline=70, width=3)
        draw.line((330, top, 330, top + 95), fill=70, width=3)
        draw.text((120, top + 28), name, font=body, fill=50)
        draw.text((360, top + 28), "周" + "次一二三四五六日一"[row], font=body, fill=60)
    page = page.rotate(1.3, fillcolor=225)
    speck = random.Random(7)
    for _ in range(1500):
        page.putpixel((speck.randrange(900), speck.randrange(1270)), speck.randrange(80, 200))
    return page


def scan_bytes() -> bytes:
    """Return a PDF that holds one picture of a page and no text."""
    pdf, picture = FPDF(format="A4"), io.BytesIO()
    scan_page().save(picture, "JPEG", quality=60)
    stamp(pdf, "Scan")
    pdf.add_page()
    pdf.image(picture, x=0, y=0, w=pdf.w, h=pdf.h)
    return bytes(pdf.output())


def build(out: Path) -> dict[str, bytes]:
    """Make every file below out; return what was written, by relative path."""
    files = {target: pdf_bytes(source) for source, target in PDFS.items()}
    files |= {target: docx_bytes(source) for source, target in DOCX.items()}
    files[DUPLICATE[1]] = files[DUPLICATE[0]]
    files[SCAN] = scan_bytes()
    whole = pdf_bytes(DAMAGED[0])
    files[DAMAGED[1]] = whole[: len(whole) // 3]
    for name, (encoding, end) in PLAIN.items():
        files[name] = (TEXTS / name).read_text("utf-8").replace("\n", end).encode(encoding)
    for name, data in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    return files


def main() -> None:
    """Build, and list the files with their sizes."""
    parser = argparse.ArgumentParser(description="Build the sample corpus's binary files.")
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write below")
    for name, data in build(parser.parse_args().out).items():
        print(f"{len(data):8d}  {name}")


if __name__ == "__main__":
    main()
