"""The language of a text by its script, and for Latin script by its commonest words. Pure."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

SAMPLE_CHARACTERS = 20_000
MIN_LETTERS = 2
MIN_STOP_WORDS = 2
MIN_STOP_WORD_SHARE = 0.08
HAN_WEIGHT = 4
KANA_SHARE = 0.08

_SCRIPTS: tuple[tuple[str, tuple[tuple[int, int], ...]], ...] = (
    ("latin", ((0x41, 0x5B), (0x61, 0x7B), (0xC0, 0x250), (0x1E00, 0x1F00))),
    ("han", ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))),
    ("kana", ((0x3041, 0x30FB), (0x31F0, 0x3200), (0xFF66, 0xFF9E))),
    ("ko", ((0xAC00, 0xD7A4), (0x1100, 0x1200), (0x3131, 0x318F))),
    ("ru", ((0x400, 0x530),)),
    ("ar", ((0x600, 0x700), (0x750, 0x780), (0xFB50, 0xFE00), (0xFE70, 0xFEFF))),
    ("he", ((0x5D0, 0x5EB),)),
    ("el", ((0x370, 0x400), (0x1F00, 0x2000))),
    ("th", ((0xE00, 0xE80),)),
    ("hi", ((0x900, 0x980),)),
)
_WORD = re.compile(r"[^\W\d_]+")
_STOP_WORDS = {
    "en": "the of and to in a is that for it was on are with as be this by not or at from which",
    "de": "der die das und ist nicht ein eine zu den von mit sich des auf für im dem auch als",
    "fr": "le la les et est des une dans du que qui pour pas sur au plus avec ce par sont cette ne",
    "es": "el los las y es del una que por con para se su como más este pero ha son lo al está",
    "it": "il di che è la un una per non sono del della con gli nel alla più come dei le questo si",
    "pt": "o os as e é do da um uma que para com não por se mais dos no na ao como das em seu",
    "nl": "de het een en van is dat niet op te zijn voor met aan die er ook als bij maar om naar",
}
_STOP_SETS = {language: frozenset(words.split()) for language, words in _STOP_WORDS.items()}


def detect_language(text: str) -> str:
    """Return "en", "zh", another ISO 639-1 code, or "und" where the text does not tell.

    Long texts are judged by their beginning, middle and end.

    >>> detect_language("The dome is closed at wind speeds of 20 m/s."), detect_language("圆顶关闭")
    ('en', 'zh')
    """
    sample = _sample(text)
    counts = _script_counts(sample)
    if sum(counts.values()) < MIN_LETTERS:
        return "und"
    east_asian = counts["han"] + counts["kana"]
    weights = {script: count for script, count in counts.items() if script not in ("han", "kana")}
    weights["east_asian"] = east_asian * HAN_WEIGHT
    script = max(weights, key=lambda name: (weights[name], name))
    if script == "east_asian":
        return "ja" if counts["kana"] > KANA_SHARE * east_asian else "zh"
    return _latin_language(sample) if script == "latin" else script


def _sample(text: str) -> str:
    if len(text) <= SAMPLE_CHARACTERS:
        return text
    part = SAMPLE_CHARACTERS // 3
    middle = len(text) // 2
    return " ".join((text[:part], text[middle : middle + part], text[-part:]))


def _script_counts(text: str) -> dict[str, int]:
    raw = text.encode("utf-32-le", "surrogatepass")
    points: NDArray[np.uint32] = np.frombuffer(raw, dtype="<u4")
    return {
        script: sum(int(((points >= low) & (points < high)).sum()) for low, high in ranges)
        for script, ranges in _SCRIPTS
    }


def _latin_language(text: str) -> str:
    words = [word.lower() for word in _WORD.findall(text)]
    if not words:
        return "und"
    counts = {
        language: sum(word in stop_words for word in words)
        for language, stop_words in _STOP_SETS.items()
    }
    best, second = sorted(counts, key=lambda language: (-counts[language], language))[:2]
    clear = counts[best] >= 1.3 * counts[second]
    enough = counts[best] >= max(MIN_STOP_WORDS, MIN_STOP_WORD_SHARE * len(words))
    return best if clear and enough else "und"
