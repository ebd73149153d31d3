"""Text as read -> how many of its characters are not what a reader sees, by kind. Pure.

Counted before cleaning, which drops most of them (`characters`) and keeps the others. What scripts
and emoji need (joiners, and the marks that a variation asks for) is not odd.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from ingest.characters import JOINERS

# what stands between the brackets of a regular expression's character class
_KINDS = {
    "control": "\0-\x08\x0e-\x1f\x7f-\x84\x86-\x9f",
    "soft_hyphen": "\xad",
    "zero_width": "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2064\u3164"
    "\ufeff\uffa0",
    "bidi": "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f",
    "tag": "\U000e0000-\U000e007f",
    "ligature": "\ufb00-\ufb06",
    "full_width": "\uff10-\uff19\uff21-\uff3a\uff41-\uff5a",
    "half_width": "\uff61-\uff9f\uffa1-\uffdc",
    "private_use": "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd",
    "invalid": "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff",
    "replacement": "\ufffd",
}
_ODD = re.compile(f"[{''.join(_KINDS.values())}]")
_KIND = re.compile("|".join(f"(?P<{kind}>[{part}])" for kind, part in _KINDS.items()))


def count_odd_characters(texts: Iterable[str]) -> dict[str, int]:
    """Return how often each kind occurs in all the texts together, absent kinds left out.

    Kinds, in alphabetical order: "bidi" (marks that turn the direction of writing), "control",
    "full_width" and "half_width" (letters and digits, not punctuation), "invalid" (half pairs and
    noncharacters), "ligature", "private_use", "replacement" (U+FFFD, a lost character),
    "soft_hyphen", "tag", and "zero_width".

    >>> count_odd_characters(["ﬁnd １２", "a\\u200bb"])
    {'full_width': 2, 'ligature': 1, 'zero_width': 1}
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for character, n in Counter(_ODD.findall(text)).items():
            counts[_kind_of(character)] += n
        if not text.isascii():
            counts["zero_width"] += len(JOINERS.findall(text))
    return dict(sorted((kind, n) for kind, n in counts.items() if n))


def _kind_of(character: str) -> str:
    found = _KIND.match(character)
    assert found is not None
    return str(found.lastgroup)
