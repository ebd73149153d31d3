"""Does a text hold or equal an expected answer? In English by words, in Chinese by characters.

English follows SQuAD's official normalisation: lower case, no punctuation, no articles. Chinese
drops punctuation and white space; its F1 counts characters.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from ragapp.analysis import is_chinese

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation + "“”‘’–—…")
_LABELS = frozenset({"yes", "no", "maybe", "是", "否", "不是"})


def is_label(answers: Iterable[str]) -> bool:
    """Tell whether all answers are yes, no or maybe, which no passage needs to hold."""
    return all(text.strip().casefold() in _LABELS for text in answers)


def holds(text: str, answers: Sequence[str]) -> bool:
    """Tell whether any of the answers stands in `text`, whole words only in English."""
    return any(_contains(text, answer) for answer in answers)


def exact_match(text: str, answers: Sequence[str]) -> float:
    """Return 1.0 where `text` equals an answer after normalisation, else 0.0."""
    return float(any(_units(text, answer) == _units(answer, answer) for answer in answers))


def f1(text: str, answers: Sequence[str]) -> float:
    """Return in [0, 1] the best harmonic mean of precision and recall over the answers.

    Source: Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of Text".
    """
    return max((_f1(_units(text, answer), _units(answer, answer)) for answer in answers), default=0)


def _contains(text: str, answer: str) -> bool:
    wanted = _units(answer, answer)
    if not wanted:
        return False
    glue = "" if is_chinese(answer) else " "
    found = glue.join(["", *_units(text, answer), ""])
    return glue.join(["", *wanted, ""]) in found


def _units(text: str, answer: str) -> list[str]:
    """Return the text's characters where the answer is Chinese, else its words, normalised."""
    folded = unicodedata.normalize("NFKC", text).lower()
    if is_chinese(answer):
        return [c for c in folded if unicodedata.category(c)[0] not in "PSZC"]
    return _ARTICLES.sub(" ", folded.translate(_PUNCTUATION)).split()


def _f1(found: Sequence[str], wanted: Sequence[str]) -> float:
    n_common = sum((Counter(found) & Counter(wanted)).values())
    if not n_common:
        return float(list(found) == list(wanted))
    precision, recall = n_common / len(found), n_common / len(wanted)
    return 2 * precision * recall / (precision + recall)
