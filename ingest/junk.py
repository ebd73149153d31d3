"""Text -> how much of it is junk: garbled by a wrong decoding or extraction, or said over and over.

Measured are shares of the text, in [0, 1], so that one broken formula in a book stays harmless.
Whitespace and the characters of tables and rules do not count. Linear in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARACTERS = 200_000  # the judged sample: beginning and end of longer texts
MAX_GARBLED_SHARE = 0.1
MAX_REPEATED_SHARE = 0.8
MIN_GARBLED_CHARACTERS = 8
MIN_CHARACTERS = 400  # shorter texts are never called repetitive
SHINGLE_CHARACTERS = 12
MIN_REPEATS = 5

# UTF-8 read as Latin-1 or cp1252: "Ã©", "â€œ", "Â°", and Chinese as "æˆ‘ä»¬"
_LATIN_MOJIBAKE = re.compile(
    "[\u00c2-\u00df][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]"
    "|[\u00e0-\u00ef][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc"
    "\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122]{2}"
)
_LOST = re.compile("锟斤拷|锟斤|斤拷|烫烫烫|屯屯屯|ï¿½|пїЅ")
_ACCENTED_RUN = re.compile("[\u00a1-\u00ff]{8,}+")  # GBK or Big5 read as Latin-1: "ÎÒÃÇÊÇÖÐ"
_FOREIGN_RUN = re.compile("[\u0391-\u045f\u2010-\u9fff\ue000-\uffe5]{6,}+")
_EXTRACTION = re.compile(r"\(cid:\d{1,6}\)")
_COMMON_SCRIPTS = re.compile(
    "[A-Za-z\u4e00-\u9fff]+|[\u0370-\u03ff]+|[\u0400-\u04ff]+|[\u0600-\u06ff]+|[\u0e00-\u0e7f]+"
    "|[\uac00-\ud7af]+|[\u0900-\u097f]+|[\u0530-\u058f]+|[\u10a0-\u10ff]+|[\u1200-\u137f]+"
)
_MIXED_RUN = re.compile(r"[^\W\d_]{3,}+")
_FILLER = re.compile(r"[\s.\-_=*·…|+~#/\\<>:,;()—–─│┌┐└┘├┤]+")


@dataclass(frozen=True, slots=True)
class Junk:
    """The shares, in [0, 1], of a text's characters that are garbled and that are repetition."""

    garbled_share: float
    repeated_share: float

    @property
    def is_garbled(self) -> bool:
        """Tell whether so much is garbled that the text is of no use."""
        return self.garbled_share > MAX_GARBLED_SHARE

    @property
    def is_repetitive(self) -> bool:
        """Tell whether the text says hardly more than one thing over and over."""
        return self.repeated_share > MAX_REPEATED_SHARE

    @property
    def kinds(self) -> tuple[str, ...]:
        """The names of what is wrong: "garbled", "repetition", both or none."""
        found = (("garbled", self.is_garbled), ("repetition", self.is_repetitive))
        return tuple(kind for kind, is_found in found if is_found)


def measure_junk(text: str) -> Junk:
    """Return the junk shares of a text; a text without visible characters has none."""
    sample = _sample(text)
    return Junk(_garbled_share(sample), _repeated_share(sample))


def measure_garbled(text: str) -> float:
    """Return the garbled share alone, which is measured faster."""
    return _garbled_share(_sample(text))


def _sample(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return text[: MAX_CHARACTERS // 2] + text[-MAX_CHARACTERS // 2 :]


def _garbled_share(text: str) -> float:
    n_visible = sum(map(len, text.split()))
    n_garbled = sum(text.count(c) for c in set(text) if _is_unlikely(c)) + sum(
        len(run)
        for pattern in (_LATIN_MOJIBAKE, _LOST, _EXTRACTION, _ACCENTED_RUN)
        for run in pattern.findall(text)
    )
    n_garbled += sum(len(run) for run in _MIXED_RUN.findall(text) if _is_mixed(run))
    n_garbled += sum(len(run) for run in _FOREIGN_RUN.findall(text) if _is_misread(run))
    if n_garbled < MIN_GARBLED_CHARACTERS and n_garbled < n_visible // 2:
        return 0.0
    return min(1.0, n_garbled / n_visible) if n_visible else 0.0


def _is_misread(run: str) -> bool:
    """Tell UTF-8 that was read as GBK or Big5: its bytes are UTF-8, those of Chinese are not."""
    return any(
        _is_nearly_utf8(run.encode(encoding, "ignore"), len(run)) for encoding in ("gbk", "big5")
    )


def _is_nearly_utf8(data: bytes, n_characters: int) -> bool:
    if len(data) < 1.6 * n_characters:
        return False
    decoded = data.decode("utf-8", "replace")
    n_foreign = sum(character > "\u2000" for character in decoded)
    n_lost = decoded.count("\ufffd")
    return n_lost <= 0.25 * len(decoded) and n_foreign - n_lost >= 0.5 * len(decoded)


@lru_cache(maxsize=65_536)
def _is_unlikely(character: str) -> bool:
    """Tell a replacement character, a private or unassigned one, or a control character."""
    if character == "\ufffd":
        return True
    return unicodedata.category(character) in ("Co", "Cn", "Cs") or (
        unicodedata.category(character) == "Cc" and character not in "\n\t\r\f"
    )


def _is_mixed(run: str) -> bool:
    """Tell a run of letters in three scripts or more, which no writing has."""
    return not run.isascii() and len({part[0] for part in _scripts(run)}) > 2


def _scripts(run: str) -> list[str]:
    """Return a name for each stretch of one script, Latin and Chinese counted as one."""
    parts = _COMMON_SCRIPTS.findall(run)
    return [_script_name(part[0]) for part in parts]


@lru_cache(maxsize=4_096)
def _script_name(character: str) -> str:
    point = ord(character)
    return "A" if point < 0x250 or 0x4E00 <= point <= 0x9FFF else chr(point >> 8)


def _repeated_share(text: str) -> float:
    """Return the larger share of repeated lines and of repeated shingles."""
    lines = [line for line in (_FILLER.sub("", part) for part in text.split("\n")) if line]
    letters = "".join(lines)
    if len(letters) < MIN_CHARACTERS:
        return 0.0
    step = SHINGLE_CHARACTERS
    shingles = [letters[i : i + step] for i in range(0, len(letters) - step + 1)]
    return max(_share(lines), _share(shingles))


def _share(pieces: Sequence[str]) -> float:
    """Return the share of characters in pieces that stand more than MIN_REPEATS times.

    Of each the first is no repetition.
    """
    counts = Counter(pieces)
    n_repeated = sum(len(p) * (n - 1) for p, n in counts.items() if n > MIN_REPEATS)
    return n_repeated / max(1, sum(map(len, pieces)))
