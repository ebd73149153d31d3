"""Text -> the same text in NFC without characters that nobody sees. Pure.

Dropped are control characters, NUL, lone surrogates, tag characters, zero-width and
bidirectional marks and noncharacters. Joiners stay where a script or an emoji needs them.
Full-width forms stay: they are text. All patterns are linear on their worst input.
"""

from __future__ import annotations

import re
import unicodedata

MAX_COMBINING_RUN = 30

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_HIDDEN = re.compile(
    "[\0-\x08\x0e-\x1f\x7f-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ufdd0-\ufdef\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
JOINERS = re.compile(
    "(?<![\u0600-\u08ff\u0900-\u0fff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\ufe0f"
    "\U0001f000-\U0001faff])[\u200c\u200d]"
)
_SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SPACE_RUN = re.compile("[ \t]{2,}|\t")
_LINE_EDGES = re.compile(" ?\n ?")
_COMBINING_RUN = re.compile(b"[^\0]{%d,}" % (MAX_COMBINING_RUN + 1))
_LIGATURES = str.maketrans(
    {
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
        "\uf0b7": "•",
        "\uf0a7": "▪",
        "\uf0d8": "➢",
        "\uf0fc": "✓",
    }
)


def normalise(text: str) -> str:
    """Return `text` in NFC, line ends as ``\\n``, all spaces as U+0020, hidden characters dropped.

    A soft hyphen stays only at a line end, as a hyphen. More than 30 combining marks in a row are
    cut to 30 (UAX #15, stream-safe text format), which also keeps the normalisation linear.

    >>> normalise("cafe\\u0301\\u200b\\r\\n观\\u3000测")
    'café\\n观 测'
    """
    text = _LINE_ENDS.sub("\n", text)
    text = text.replace("\xad\n", "-\n").replace("\xad", "")
    text = JOINERS.sub("", _HIDDEN.sub("", text))
    if not text.isascii():
        text = unicodedata.normalize("NFC", _cut_combining_runs(text))
    return _SPACES.sub(" ", text)


def expand_ligatures(text: str) -> str:
    """Return `text` with typographic ligatures as letters and symbol-font bullets as bullets."""
    return text.translate(_LIGATURES)


def fold_spaces(text: str) -> str:
    """Return `text` with one space for each run of blanks, none at the edges of its lines."""
    return _LINE_EDGES.sub("\n", _SPACE_RUN.sub(" ", text)).strip()


def _cut_combining_runs(text: str) -> str:
    classes = bytes(map(unicodedata.combining, text))
    kept, place = [], 0
    for run in _COMBINING_RUN.finditer(classes):
        kept.append(text[place : run.start() + MAX_COMBINING_RUN])
        place = run.end()
    return "".join([*kept, text[place:]])
