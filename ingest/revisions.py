"""Two texts compared: nearly the same, a revision of one another, or different.

Texts that share most of their shingles may still contradict each other: another year, another
dose, a "not" more, the same form filled in for someone else. Those are revisions: they are worth
linking, but neither can stand for the other. Order of sentences, line breaks, case, width and
punctuation are no differences. Pure, and linear in the texts' lengths.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, zip_longest
from typing import Literal

from ingest.simhash import jaccard, shingles, units
from ragapp.facts import MONTH_NAMES, dates, negations, normal, numbers

Kind = Literal["near", "revision", "different"]
Reason = Literal["number", "date", "negation", "entity"]

MIN_JACCARD = 0.7  # on labelled pairs, above all but pages of one template
MIN_MENTIONS = 2  # of a term on either side that the other text never uses
MAX_DIFFERENCES = 40
MAX_LINE_CHARACTERS = 240

_SENTENCE_END = re.compile(r"(?<=[。！？；!?;])|(?<=\.)\s+|\n+")
_NAME = re.compile(r"(?<=[\s(\"“‘'/-])[A-Z][\w]+")


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two texts relate. `jaccard` is the shared part of their shingles, 0 to 1.

    `reasons` say why a revision is one; () for other kinds. `differences` are sentences that only
    one text has, in order: "- " before those of the first, "+ " before those of the second; long
    ones are cut, and there are at most 40. () for different texts.
    """

    jaccard: float
    kind: Kind
    reasons: tuple[Reason, ...] = ()
    differences: tuple[str, ...] = ()


def compare(a: str, b: str) -> Comparison:
    """Compare two texts.

    >>> compare("The pump of dome 4 is rated for 30 bar and no more.",
    ...         "The pump of dome 4 is rated for 35 bar and no more.").reasons
    ('number',)
    """
    similarity = jaccard(shingles(a), shingles(b))
    if similarity < MIN_JACCARD:
        return Comparison(similarity, "different")
    removed, added = _only_in_one(a, b)
    reasons = _changed_facts(removed, added)
    if _is_about_another(a, b, removed=removed, added=added):
        reasons = (*reasons, "entity")
    kind: Kind = "revision" if reasons else "near"
    return Comparison(
        similarity, kind, reasons, tuple(islice(_differences(removed, added), MAX_DIFFERENCES))
    )


def _only_in_one(a: str, b: str) -> tuple[list[str], list[str]]:
    """Return the sentences that only `a` has, and those that only `b` has, each in order."""
    first, second = _without_shared(_SENTENCE_END.split(a), _SENTENCE_END.split(b), key=str.strip)
    return _without_shared(first, second, key=_stated)


def _without_shared(
    first: Sequence[str], second: Sequence[str], *, key: Callable[[str], str]
) -> tuple[list[str], list[str]]:
    """Drop from both sides the sentences with equal keys, one for one, and those with key ""."""
    keys, other_keys = [key(line) for line in first], [key(line) for line in second]
    shared = Counter(keys) & Counter(other_keys)
    return _dropped(first, keys, dict(shared)), _dropped(second, other_keys, dict(shared))


def _dropped(sentences: Sequence[str], keys: Sequence[str], left: dict[str, int]) -> list[str]:
    kept = []
    for sentence, key in zip(sentences, keys, strict=True):
        if left.get(key, 0):
            left[key] -= 1
        elif key:
            kept.append(sentence.strip())
    return kept


def _stated(sentence: str) -> str:
    """Return what counts of a sentence, "" where it has no letter and no digit."""
    words = " ".join(units(sentence))
    return f"{words}|{' '.join(numbers(normal(sentence)))}" if words else ""


def _changed_facts(removed: Sequence[str], added: Sequence[str]) -> tuple[Reason, ...]:
    """Return which kinds of fact the two runs of sentences don't state alike, in the same order."""
    first, second = normal("\n".join(removed)), normal("\n".join(added))
    found: list[Reason] = []
    first, first_dates = dates(first)
    second, second_dates = dates(second)
    if numbers(first) != numbers(second):
        found.append("number")
    if first_dates != second_dates:
        found.append("date")
    if negations(first) != negations(second):
        found.append("negation")
    return tuple(found)


def _is_about_another(a: str, b: str, *, removed: Sequence[str], added: Sequence[str]) -> bool:
    """Tell whether each text names something that the other never does.

    That is a name in Latin letters, or any term that comes more than once. `removed` and `added`
    are the sentences that only `a` and only `b` have: what `b` never names stands in `removed`.
    """
    if not removed or not added:
        return False
    first, second = units(a), units(b)
    if _names(removed) - set(second) and _names(added) - set(first):
        return True
    return _repeats(removed, beyond=second) and _repeats(added, beyond=first)


def _repeats(sentences: Sequence[str], *, beyond: Sequence[str]) -> bool:
    """Tell whether a term comes more than once in the sentences and never in the other text."""
    known = set(_terms(beyond))
    counts = Counter(term for line in sentences for term in _terms(units(line)))
    return any(n >= MIN_MENTIONS and term not in known for term, n in counts.items())


def _terms(found: Sequence[str]) -> Iterator[str]:
    """Yield the words; and the pairs of characters, where words are not marked."""
    return chain(found, (a + b for a, b in pairwise(found) if not (a + b).isascii()))


def _names(sentences: Iterable[str]) -> set[str]:
    """Return the capitalised words that don't begin a sentence, but months."""
    found = {unit for line in sentences for name in _NAME.findall(line) for unit in units(name)}
    return found - set(MONTH_NAMES)


def _differences(removed: Sequence[str], added: Sequence[str]) -> Iterator[str]:
    """Yield the sentences with their signs, the first of each side first."""
    for old, new in zip_longest(removed, added):
        if old is not None:
            yield f"- {_cut(old)}"
        if new is not None:
            yield f"+ {_cut(new)}"


def _cut(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= MAX_LINE_CHARACTERS else line[: MAX_LINE_CHARACTERS - 1] + "…"
