"""RTF bytes -> tokens, and runs of bytes -> text by the code page of their font."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\(.)|([{}])"
    rb"|[\r\n\0]+|([^\\{}\r\n\0]+)",
    re.S,
)
_CODE_PAGES = {
    0: "cp1252",
    77: "mac_roman",
    128: "cp932",
    129: "cp949",
    130: "johab",
    134: "gb18030",
    136: "big5hkscs",
    161: "cp1253",
    162: "cp1254",
    163: "cp1258",
    177: "cp1255",
    178: "cp1256",
    186: "cp1257",
    204: "cp1251",
    222: "cp874",
    238: "cp1250",
}
_WIDE_CODE_PAGES = {"cp932": "cp932", "cp936": "gb18030", "cp949": "cp949", "cp950": "big5hkscs"}
_PAIRS = re.compile(rb"(?:[\x00-\x7f]|[\x80-\xff]{2})*")


@dataclass(frozen=True, slots=True)
class Token:
    """A control word with its number, a brace, or bytes of text."""

    kind: Literal["word", "{", "}", "text"]
    word: str = ""
    number: int | None = None
    data: bytes = b""


@dataclass(slots=True)
class Group:
    """What braces keep apart: where text goes, its font, and how many bytes follow a "\\u"."""

    target: str = "body"
    font: str = ""
    n_fallback: int = 1
    in_table: bool = False

    def copy(self) -> Group:
        """Return the state with which an inner group begins."""
        return replace(self)


def tokens(data: bytes) -> Iterator[Token]:
    """Yield the tokens of a file; binary data is passed over."""
    place = 0
    while match := _TOKEN.search(data, place):
        place = match.end()
        word, number, pair, symbol, brace, text = match.groups()
        if word == b"bin":
            place += max(0, int(number or 0))
        elif word:
            value = int(number) if number else None
            yield Token("word", word=word.decode("ascii"), number=value)
        elif pair:
            yield Token("text", data=bytes.fromhex(pair.decode("ascii")))
        elif symbol:
            yield Token("word", word=symbol.decode("latin-1"))
        elif brace:
            yield Token("{" if brace == b"{" else "}")
        elif text:
            yield Token("text", data=text)


def decoded_run(data: bytes, charset: int | None, code_page: str) -> str:
    """Decode a run by its font's character set, where that names a code page of its own.

    A font said to be Western, in a file whose own code page is East Asian, is not believed for
    bytes that stand in pairs.
    """
    named = _CODE_PAGES.get(charset) if charset is not None else None
    wide = _WIDE_CODE_PAGES.get(code_page, code_page)
    if (named is None or named == "cp1252") and _PAIRS.fullmatch(data):
        candidates = [wide, "cp1252"] if named is None or code_page in _WIDE_CODE_PAGES else [named]
    else:
        candidates = [named or wide, wide]
    for candidate in candidates:
        try:
            return data.decode(candidate)
        except (LookupError, ValueError):
            continue
    return data.decode("cp1252", "replace")
