"""Bytes of unknown encoding -> text, with the encoding and whether it was a guess.

The order goes from proof to guess: byte order mark, strict UTF-8, what the file declares, UTF-8
with a few broken bytes, UTF-16 without a mark, the East Asian encodings by how common the decoded
characters are, and at last charset-normalizer. What is not proven is marked as uncertain, so that
wrong characters are never silent.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

import charset_normalizer

SAMPLE_BYTES = 200_000
MAX_REPAIRED_SHARE = 0.001
MIN_COMMON_SHARE = 0.12
SURE_COMMON_SHARE = 0.2

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_EAST_ASIAN = ("gb18030", "big5hkscs", "cp932", "euc_jp", "cp949")
_ALIASES = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932"}
_NOT_CHARSETS = frozenset(["punycode", "idna", "unicode_escape", "raw-unicode-escape", "undefined"])
_NOT_CHARSETS |= {"unicode-escape", "raw_unicode_escape"}
_ALIASES |= {"iso8859-1": "cp1252", "ascii": "cp1252", "euc_kr": "cp949"}
_COMMON = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里"
    "用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实"
    "日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政"
    "件系统数据文件信息请安装包的，。、；：“”（）《》"
    "這個們來為國說時會對於著過發後裡種經麼學當沒動還進樣開從實軍無與長機關點業將兩間問並應戰向頭體們請"
    "のはをにがでとしたるいてれなすもまさこりかっあらうくけどおそやめみえわつせちきノンスルトイラクリアレタッー"
    "이다는에의가을를은고하지한사도로기어나자서정시인대해수전"
)
_RARE_RUN = re.compile("[\udc80-\udcff]+")
_DECLARABLE = re.compile(r"[A-Za-z0-9][\w.:-]{1,30}")
_NEVER_GUESSED = [
    "mac_cyrillic",
    "mac_greek",
    "mac_turkish",
    "mac_iceland",
    "mac_latin2",
    "mac_roman",
]


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded text, the encoding's name, and whether the encoding is a guess or was repaired."""

    text: str
    encoding: str
    uncertain: bool = False

    def metadata(self) -> dict[str, str]:
        """Return what a reader puts into its first page's metadata."""
        uncertain = {"encoding_uncertain": "true"} if self.uncertain else {}
        return {"encoding": self.encoding, **uncertain}


def decode(data: bytes, *, declared: str = "") -> Decoded:
    """Decode `data`, whose own header may declare an encoding. Never raises.

    >>> decode("观测站".encode("utf-8-sig"))
    Decoded(text='观测站', encoding='utf-8', uncertain=False)
    """
    if not data.strip(b"\0 \t\r\n"):
        return Decoded("", "utf-8")
    for step in (_marked, _utf16_with_nuls, _strict_utf8):
        if decoded := step(data):
            return decoded
    return _declared(data, declared) or _guessed(data)


def _guessed(data: bytes) -> Decoded:
    for step in (_repaired_utf8, _utf16_chinese, _east_asian, _western):
        if decoded := step(data):
            return decoded
    return _normalised(data)


def _marked(data: bytes) -> Decoded | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return Decoded(text, encoding, "\ufffd" in text)
    return None


def _strict_utf8(data: bytes) -> Decoded | None:
    if b"\x1b$" in data and (decoded := _strictly(data, "iso2022_jp_2")):
        return decoded
    return _strictly(data, "utf-8")


def _strictly(data: bytes, encoding: str) -> Decoded | None:
    try:
        return Decoded(data.decode(encoding), encoding)
    except (LookupError, ValueError):
        return None


def _declared(data: bytes, declared: str) -> Decoded | None:
    """Believe a declared encoding that decodes without error, a superset of it where one exists."""
    if not _DECLARABLE.fullmatch(declared):
        return None
    try:
        name = codecs.lookup(declared).name
    except LookupError:
        return None
    if name.startswith("utf") or name in _NOT_CHARSETS:  # UTF would have been seen before
        return None
    return _mostly(data, _ALIASES.get(name, name))


def _mostly(data: bytes, encoding: str) -> Decoded | None:
    if decoded := _strictly(data, encoding):
        return decoded
    try:
        text = data.decode(encoding, "replace")
    except (LookupError, ValueError):
        return None
    if text.count("\ufffd") > max(1, len(text) * MAX_REPAIRED_SHARE):
        return None
    return Decoded(text, encoding, uncertain=True)


def _repaired_utf8(data: bytes) -> Decoded | None:
    """Accept UTF-8 in which broken bytes are rare beside well-formed multi-byte characters."""
    text = data.decode("utf-8", "surrogateescape")
    n_broken = sum(len(run) for run in _RARE_RUN.findall(text))
    n_wide = sum(character > "\x7f" for character in text) - n_broken
    is_rare = n_broken <= len(text) * MAX_REPAIRED_SHARE and n_wide >= n_broken
    if not is_rare and n_wide < 8 * n_broken:
        return None
    return Decoded(_RARE_RUN.sub(_repair, text), "utf-8", uncertain=True)


def _repair(match: re.Match[str]) -> str:
    """Read a single broken byte inside a Latin word as Windows-1252, anything else as unknown."""
    text, start, end = match.string, match.start(), match.end()
    beside = text[max(0, start - 1) : start] + text[end : end + 1]
    if end - start <= 2 and beside.isascii() and any(map(str.isalpha, beside)):
        raw = match.group().encode("utf-8", "surrogateescape")
        return raw.decode("cp1252", "replace")
    return "\ufffd"


def _utf16_with_nuls(data: bytes) -> Decoded | None:
    """Recognise UTF-16 by its NUL bytes standing at one parity: the high half of ASCII."""
    even, odd = data[0:SAMPLE_BYTES:2].count(0), data[1:SAMPLE_BYTES:2].count(0)
    n_units = min(len(data), SAMPLE_BYTES) // 2
    if max(even, odd) < max(1, n_units * 0.01) or min(even, odd) > max(even, odd) * 0.05:
        return None
    encoding = "utf-16-be" if even > odd else "utf-16-le"
    decoded = _mostly(data, encoding)
    if decoded is None or _plausible_share(decoded.text) < 0.9:
        return None
    return Decoded(decoded.text.rstrip("\ufffd"), encoding, decoded.uncertain)


def _utf16_chinese(data: bytes) -> Decoded | None:
    """Recognise UTF-16 without any ASCII character by its common Chinese characters."""
    if len(data) % 2:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        decoded = _strictly(data, encoding)
        if decoded and _common_share(decoded.text) > SURE_COMMON_SHARE:
            return Decoded(decoded.text, encoding)
    return None


def _plausible_share(text: str) -> float:
    sample = text[:SAMPLE_BYTES]
    good = sum(
        character.isprintable() or character in "\n\r\t\f\ufeff\u3000" for character in sample
    )
    return good / max(1, len(sample))


def _east_asian(data: bytes) -> Decoded | None:
    """Choose the encoding whose decoded characters are the commonest of their language."""
    scored = sorted(_east_asian_scores(data), reverse=True)
    if not scored or scored[0][0] < MIN_COMMON_SHARE:
        return None
    share, order, broken = scored[0]
    encoding = _EAST_ASIAN[-order]
    margin = share - (scored[1][0] if len(scored) > 1 else 0.0)
    text = data.decode(encoding, "replace")
    sure = share >= SURE_COMMON_SHARE and margin > 0.1 and not broken
    return Decoded(text, encoding, uncertain=not sure)


def _east_asian_scores(data: bytes) -> Iterator[tuple[float, int, bool]]:
    """Yield (share of common characters, minus the place in the table, broken) per encoding."""
    for order, encoding in enumerate(_EAST_ASIAN):
        text = data.decode(encoding, "replace")
        n_broken = text.count("\ufffd")
        if n_broken <= max(1, len(text) * MAX_REPAIRED_SHARE):
            yield _common_share(text[:SAMPLE_BYTES]), -order, n_broken > 0


def _common_share(text: str) -> float:
    """Return the share of common characters among all beyond Latin-1, 0.0 where those are few."""
    wide = [character for character in text if character > "\u02ff"]
    if len(wide) < 4:
        return 0.0
    return sum(character in _COMMON for character in wide) / len(wide)


def _western(data: bytes) -> Decoded | None:
    """Recognise Windows-1252 (and so Latin-1) by accented letters standing inside Latin words."""
    text = data.decode("cp1252", "replace")
    high = [place for place, character in enumerate(text) if character > "\x7f"]
    if not high or "\ufffd" in text or len(high) > 0.15 * len(text):
        return None
    sample = high[:20_000]
    fitting = sum(_fits_western(text, place) for place in sample)
    if fitting < 0.9 * len(sample):
        return None
    return Decoded(text, "cp1252", uncertain=len(high) < 3 or fitting < len(sample))


def _fits_western(text: str, place: int) -> bool:
    character = text[place]
    if (
        character
        in "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\u2022\u20ac\xa0\xa3\xa7\xa9\xae\xb0\xab\xbb"
    ):
        return True
    beside = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
    is_letter = character in "ÄÖÜäöüßàâçéèêëîïôùûœÀÉÈñáíóúÑåøæÅØÆìòãõ"
    return is_letter and any(part.isascii() and part.isalpha() for part in beside)


def _normalised(data: bytes) -> Decoded:
    """Ask charset-normalizer about a sample; without an answer, Windows-1252 as a marked guess."""
    matches = charset_normalizer.from_bytes(data[:SAMPLE_BYTES], cp_exclusion=_NEVER_GUESSED)
    best = matches.best()
    encoding = best.encoding if best else "cp1252"
    return Decoded(data.decode(encoding, "replace"), encoding, uncertain=True)
