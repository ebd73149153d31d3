"""Two texts compared: nearly the same, a revision of one another, or different.

Texts that share most of their shingles may still contradict each other: another year, another
dose, a "not" more, the same form filled in for someone else. Those are revisions: they are worth
linking, but neither can stand for the other. Order of sentences, line breaks, case, width and
punctuation are no differences. Pure, and linear in the texts' lengths.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, zip_longest
from typing import Literal

from ingest.simhash import jaccard, shingles, units

Kind = Literal["near", "revision", "different"]
Reason = Literal["number", "date", "negation", "entity"]

MIN_JACCARD = 0.7  # on labelled pairs, above all but pages of one template
MIN_MENTIONS = 2  # of a term on either side that the other text never uses
MAX_DIFFERENCES = 40
MAX_LINE_CHARACTERS = 240

_SENTENCE_END = re.compile(r"(?<=[。！？；!?;])|(?<=\.)\s+|\n+")
_NUMBER = re.compile(r"(?:(?<![\w)\]])[-\u2212])?\d+(?:[.,:]\d+)*(?:\s?%)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_NUMBER_WORDS = {
    word: str(number)
    for number, word in enumerate(
        "two three four five six seven eight nine ten eleven twelve".split(), start=2
    )
}
_NUMBER_WORD = re.compile(rf"\b(?:{'|'.join(_NUMBER_WORDS)})\b")

_CHINESE_DIGITS = {digit: n for n, digit in enumerate("零一二三四五六七八九")}
_CHINESE_DIGITS |= {"〇": 0, "两": 2, "兩": 2}
_CHINESE_POWERS = {"十": 10, "百": 100, "千": 1000}
_CHINESE_MYRIADS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
_NUMERAL = "[零〇一二两兩三四五六七八九十百千万萬亿億]"
# A lone numeral is a number only where it counts or orders: 一些, 一般 and 十分 hold none.
_COUNTED = "(?:[年月日号號版章节節条條款项項期届屆次名人岁歲元倍级級天周秒]|小时|小時|分钟|分鐘)"
_CHINESE_NUMBER = re.compile(
    f"(?<=第){_NUMERAL}+|(?<=百分之){_NUMERAL}+|{_NUMERAL}{{2,}}|{_NUMERAL}(?={_COUNTED})"
    "|[两兩三四五六七八九十](?=[个個])"
)

_MONTHS = (
    "january february march april may june july august september october november december"
).split()
_MONTH_NAMES = {month: n for n, name in enumerate(_MONTHS, 1) for month in (name, name[:3])}
_MONTH = rf"(?P<name>{'|'.join(_MONTH_NAMES)})\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = (
    re.compile(
        r"(?P<year>\d{4})\s?年\s?(?P<month>\d{1,2})\s?月(?:\s?(?P<day>\d{1,2})\s?[日号號])?"
    ),
    re.compile(r"(?<!\d)(?P<year>\d{4})([-/.])(?P<month>\d{1,2})\2(?P<day>\d{1,2})(?!\d)"),
    re.compile(rf"\b{_MONTH}\s{_DAY},?\s(?P<year>\d{{4}})\b"),
    re.compile(rf"\b{_DAY}\s{_MONTH},?\s(?P<year>\d{{4}})\b"),
)

_NEGATION = re.compile(
    r"(?:\b(?:not|no|never|none|nor|neither|without|cannot|unless|except)\b|n['’]t\b"
    r"|[不未无無非没沒勿莫])\W{0,3}(?P<negated>[a-z0-9]+|\w|)"
)
_NO_NEGATION = re.compile(  # words with a negation's character that negate nothing
    "非常|非洲|不仅|不僅|不但|不断|不斷|不过|不過|不同|不少|无论|無論|未来|未來|莫非"
)
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
    return f"{words}|{' '.join(_numbers(_normal(sentence)))}" if words else ""


def _changed_facts(removed: Sequence[str], added: Sequence[str]) -> tuple[Reason, ...]:
    """Return which kinds of fact the two runs of sentences don't state alike, in the same order."""
    first, second = _normal("\n".join(removed)), _normal("\n".join(added))
    found: list[Reason] = []
    first, first_dates = _dates(first)
    second, second_dates = _dates(second)
    if _numbers(first) != _numbers(second):
        found.append("number")
    if first_dates != second_dates:
        found.append("date")
    if _negations(first) != _negations(second):
        found.append("negation")
    return tuple(found)


def _normal(text: str) -> str:
    """Return the text in one case and width, its Chinese numbers and number words as digits."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _CHINESE_NUMBER.sub(lambda found: _arabic(found[0]), text)
    return _NUMBER_WORD.sub(lambda found: _NUMBER_WORDS[found[0]], text)


def _arabic(numeral: str) -> str:
    """Return a Chinese numeral in digits.

    >>> _arabic("二〇二六"), _arabic("十二"), _arabic("三千零五万")
    ('2026', '12', '30050000')
    """
    if not set(numeral) - set(_CHINESE_DIGITS):
        return "".join(str(_CHINESE_DIGITS[digit]) for digit in numeral)
    total = section = digit = 0
    for character in numeral:
        if character in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[character]
        elif character in _CHINESE_POWERS:
            section += (digit or 1) * _CHINESE_POWERS[character]
            digit = 0
        else:
            total += max(section + digit, 1) * _CHINESE_MYRIADS[character]
            section = digit = 0
    return str(total + section + digit)


def _numbers(text: str) -> list[str]:
    plain = _THOUSANDS.sub("", text).replace("\u2212", "-")
    return ["".join(found.split()).lstrip("0") for found in _NUMBER.findall(plain)]


def _dates(text: str) -> tuple[str, list[str]]:
    """Return the text without its dates, and these as "year-month-day", form by form."""
    dates: list[str] = []

    def take(found: re.Match[str]) -> str:
        values = found.groupdict()
        name = values.get("name")
        month = _MONTH_NAMES[name] if name else int(values["month"])
        dates.append(f"{int(values['year'])}-{month}-{int(values['day'] or 0)}")
        return " "

    for form in _DATES:
        text = form.sub(take, text)
    return text, dates


def _negations(text: str) -> list[str]:
    """Return the word or character after each negation."""
    return [found["negated"] for found in _NEGATION.finditer(_NO_NEGATION.sub(" ", text))]


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
    return found - set(_MONTH_NAMES)


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
