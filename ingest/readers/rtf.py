"""RTF -> one Page: headings, paragraphs, lists and tables; notes follow the body.

Bytes are decoded by the code page of the font they are set in, as the format demands, so that
Japanese and Chinese files are read, whatever the language of the program that wrote them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.opening import read_text_bytes
from ingest.pages import Block, Page
from ingest.readers.rtftokens import Group, Token, decoded_run, tokens
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError

MAX_DEPTH = 10_000

_SKIPPED = frozenset(
    "colortbl pict objdata fldinst header headerl headerr headerf footer footerl footerr footerf "
    "filetbl listtable listoverridetable revtbl rsidtbl generator xmlnstbl themedata datastore "
    "latentstyles colorschememapping info shprslt sp bkmkstart bkmkend pgdsctbl listpicture "
    "annotation atnid atnauthor nonshppict tc xe do template".split()
)
_ENTERED = {"title": "title", "shptxt": "body", "footnote": "note", "stylesheet": "stylesheet"}
_ENTERED |= {"fonttbl": "fonttbl"}
_STARRED_ENTERED = frozenset(["shpinst", "ud"])
_CHARACTERS = {
    "tab": "\t",
    "line": "\n",
    "emdash": "—",
    "endash": "–",
    "bullet": "•",
    "lquote": "‘",
    "rquote": "’",
    "ldblquote": "“",
    "rdblquote": "”",
    "~": "\xa0",
    "_": "-",
    "emspace": " ",
    "enspace": " ",
    "{": "{",
    "}": "}",
    "\\": "\\",
}
_PARAGRAPH_ENDS = ("par", "sect", "page", "\n", "\r")


def read_rtf(path: Path) -> Iterator[Page]:
    """Yield a rich text file as one Page without a number. Raises CorruptFileError."""
    data = read_text_bytes(path)
    if not data.lstrip().startswith(b"{\\rtf"):
        raise CorruptFileError(f"{path.name!r} does not begin like RTF")
    walk = _Walk()
    blocks = walk.blocks(data)
    title = meaningful_title(walk.title)
    yield Page(tuple(blocks), metadata={"title": title} if title else {})


class _Walk:
    """One pass over the tokens that gathers text by where it belongs."""

    def __init__(self) -> None:
        self.title = ""
        self._blocks: list[Block] = []
        self._notes: list[Block] = []
        self._text: dict[str, list[str]] = {"body": [], "note": [], "title": [], "stylesheet": []}
        self._run = bytearray()
        self._group = Group()
        self._stack: list[Group] = []
        self._code_page = "cp1252"
        self._charsets: dict[str, int] = {}
        self._levels: dict[str, int] = {}
        self._style = ""
        self._level = 0
        self._is_item = self._is_starred = False
        self._cells: list[str] = []
        self._rows: list[str] = []
        self._items: list[str] = []
        self._n_skipped = 0

    def blocks(self, data: bytes) -> list[Block]:
        """Return the blocks of a whole file, notes at the end."""
        for token in tokens(data):
            if token.kind == "text":
                self._take_bytes(token)
                continue
            self._flush_run()
            if token.kind == "{":
                self._open()
            elif token.kind == "}":
                self._close()
            else:
                self._take_word(token.word, token.number)
        self._flush_run()
        if self._cells:
            self._cells.append(self._taken("body"))
            self._end_row()
        self._group = Group()
        self._end_paragraph()
        self._end_table()
        self._end_list()
        return [*self._blocks, *self._notes]

    def _take_bytes(self, token: Token) -> None:
        """Gather characters; those that stand in for a preceding Unicode one are passed over."""
        data = token.data[self._n_skipped :]
        self._n_skipped = max(0, self._n_skipped - len(token.data))
        if self._group.target in self._text:
            self._run += data

    def _flush_run(self) -> None:
        if self._run:
            charset = self._charsets.get(self._group.font)
            self._put(decoded_run(bytes(self._run), charset, self._code_page))
            self._run.clear()

    def _put(self, text: str) -> None:
        if self._group.target in self._text:
            self._text[self._group.target].append(text)

    def _open(self) -> None:
        self._n_skipped = 0
        if len(self._stack) >= MAX_DEPTH:
            raise CorruptFileError(f"the file nests {MAX_DEPTH:,} groups")
        self._stack.append(self._group)
        self._group = self._group.copy()

    def _close(self) -> None:
        self._n_skipped = 0
        self._is_starred = False
        target = self._group.target
        self._group = self._stack.pop() if self._stack else Group()
        if target == "stylesheet":
            self._end_style()
        elif target == "title" and self._group.target != "title":
            self.title = self._taken("title") or self.title
        elif target == "note" and self._group.target != "note" and (text := self._taken("note")):
            self._notes.append(Block("paragraph", text))

    def _take_word(self, word: str, number: int | None) -> None:
        self._n_skipped = 0
        if word == "*":
            self._is_starred = True
            return
        is_starred, self._is_starred = self._is_starred, False
        if word in _ENTERED and (self._group.target != "skip" or word in ("title", "shptxt")):
            self._group.target = _ENTERED[word]
        elif word in _SKIPPED or (is_starred and word not in _STARRED_ENTERED):
            self._group.target = "skip"
        elif word in ("pntext", "listtext"):
            self._is_item, self._group.target = True, "skip"
        else:
            self._set(word, number)

    def _set(self, word: str, number: int | None) -> None:
        """Obey a word that says how text is read, or one that stands for a character."""
        value = 0 if number is None else number
        if word == "u":
            self._put(chr(value % 0x10000))
            self._n_skipped = self._group.n_fallback
        elif word in ("uc", "f", "fcharset", "ansicpg"):
            self._set_encoding(word, value)
        elif word == "s":
            self._style = str(value)
            self._level = self._levels.get(self._style, 0) if self._is_body() else 0
        elif word in _CHARACTERS:
            self._put(_CHARACTERS[word])
        elif self._is_body():
            self._lay_out(word, value)
        elif word in _PARAGRAPH_ENDS:
            self._put(" ")

    def _set_encoding(self, word: str, value: int) -> None:
        if word == "uc":
            self._group.n_fallback = min(max(value, 0), 100)
        elif word == "f":
            self._group.font = str(value)
        elif word == "fcharset":
            self._charsets[self._group.font] = value
        else:
            self._code_page = f"cp{value}"

    def _is_body(self) -> bool:
        return self._group.target == "body"

    def _lay_out(self, word: str, value: int) -> None:
        """Obey a word that ends a paragraph, a cell or a row, or says what a paragraph is."""
        if word in _PARAGRAPH_ENDS:
            self._end_paragraph()
        elif word in ("cell", "nestcell"):
            self._cells.append(self._taken("body").replace("\n", " "))
        elif word in ("row", "nestrow"):
            self._end_row()
        elif word == "intbl":
            self._group.in_table = True
        elif word == "outlinelevel" and 0 <= value <= 5:
            self._level = value + 1
        elif word == "pard":
            self._level, self._is_item, self._group.in_table = 0, False, False

    def _taken(self, target: str) -> str:
        """Take the text gathered so far; pairs of surrogates become one character."""
        text = "".join(self._text[target])
        self._text[target].clear()
        whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return whole.strip(" \t\r\n;" if target == "stylesheet" else " \t\r\n")

    def _end_style(self) -> None:
        words = self._taken("stylesheet").split(";")[0].lower().split()
        if words[:1] in (["heading"], ["标题"], ["標題"], ["見出し"]) and words[-1].isdecimal():
            self._levels[self._style] = min(6, max(1, int(words[-1][:2])))
        self._style = ""

    def _end_paragraph(self) -> None:
        if self._group.in_table or self._cells:
            self._put("\n")
            return
        text = self._taken("body")
        if not text:
            return
        self._end_table()
        if self._is_item and not self._level:
            self._items.append("- " + " ".join(text.split()))
            return
        self._end_list()
        heading = Block("heading", " ".join(text.split()), level=self._level)
        self._blocks.append(heading if self._level else Block("paragraph", text))

    def _end_row(self) -> None:
        self._end_list()
        if any(self._cells):
            self._rows.append(" | ".join(" ".join(cell.split()) for cell in self._cells))
        self._cells = []

    def _end_table(self) -> None:
        if self._cells:
            self._end_row()
        if self._rows:
            self._blocks.append(Block("table", "\n".join(self._rows)))
        self._rows = []

    def _end_list(self) -> None:
        if self._items:
            self._blocks.append(Block("list", "\n".join(self._items)))
        self._items = []
