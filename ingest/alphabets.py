"""The language of a text in letters (Latin, Cyrillic, Arabic, Devanagari, ...), by py3langid.

Its model (naive Bayes over byte n-grams: Lui and Baldwin, "langid.py", ACL 2012) takes half a
second and 80 MB to load, so clearly English text is told by its commonest words without it. What
the choice rests on is in docs/language-detection.md.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_log = logging.getLogger(__name__)
MIN_CERTAINTY = 0.5
MIN_ENGLISH_WORDS = 4
MIN_ENGLISH_SHARE = 0.2

# languages of many readers, and Latin; those told by their script alone are not asked for
_LANGUAGES = (
    "af ar az be bg bn bs ca cs cy da de en es et eu fa fi fr ga gl gu hi hr hu hy id is it ka kk "
    "km kn la lo lt lv mk ml mn mr ms my ne nl nn no pa pl pt ro ru si sk sl sq sr sv sw ta te tl "
    "tr uk ur uz vi zxx"
).split()
_UNTOLD = "zxx"  # the model's own name for text in no language
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENGLISH = frozenset(
    "the of and to in a is that for it was on are with as be this by not or at from which".split()
)
_lock = Lock()


def alphabetic_language(text: str) -> str:
    """Return the ISO 639-1 code of a text in letters, "und" where the certainty is under 0.5.

    Digits and marks do not count. Takes 0.1 ms for 1,000 letters.

    >>> alphabetic_language("It was closed by the crew at the end of the night.")
    'en'
    """
    words = _WORD.findall(text)
    if _is_clearly_english(words):
        return "en"
    if not words:
        return "und"
    try:
        identifier = _identifier()
    except OSError as error:  # it is unpacked into a temporary file
        _warn(str(error))
        return "und"
    language, certainty = identifier.classify(" ".join(words))
    is_told = certainty >= MIN_CERTAINTY and language != _UNTOLD
    return str(language) if is_told else "und"


@lru_cache(maxsize=8)
def _warn(reason: str) -> None:
    """Say it once, not for every text."""
    _log.warning("languages cannot be told apart: %s", reason)


def _is_clearly_english(words: list[str]) -> bool:
    n_common = sum(word.lower() in _ENGLISH for word in words)
    return n_common >= max(MIN_ENGLISH_WORDS, MIN_ENGLISH_SHARE * len(words))


def _identifier() -> LanguageIdentifier:
    with _lock:  # files are read in threads, and one model is enough
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_LANGUAGES)
    return identifier
