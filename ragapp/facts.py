"""What a text states that must not be mistaken: numbers, dates, and what it negates.

English and Chinese alike: `十二`, `twelve` and `12` are one number, `2026年3月5日` and
`5 March 2026` one date. Pure, and linear in the text's length.
"""

from __future__ import annotations

import re
import unicodedata

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
MONTH_NAMES = {month: n for n, name in enumerate(_MONTHS, 1) for month in (name, name[:3])}
_MONTH = rf"(?P<name>{'|'.join(MONTH_NAMES)})\.?"
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


def normal(text: str) -> str:
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


def numbers(text: str) -> list[str]:
    """Return the numbers of a text that `normal` gave, in order, without leading zeros."""
    plain = _THOUSANDS.sub("", text).replace("\u2212", "-")
    return ["".join(found.split()).lstrip("0") for found in _NUMBER.findall(plain)]


def dates(text: str) -> tuple[str, list[str]]:
    """Return the text without its dates, and these as "year-month-day", form by form."""
    dates: list[str] = []

    def take(found: re.Match[str]) -> str:
        values = found.groupdict()
        name = values.get("name")
        month = MONTH_NAMES[name] if name else int(values["month"])
        dates.append(f"{int(values['year'])}-{month}-{int(values['day'] or 0)}")
        return " "

    for form in _DATES:
        text = form.sub(take, text)
    return text, dates


def negations(text: str) -> list[str]:
    """Return the word or character after each negation."""
    return [found["negated"] for found in _NEGATION.finditer(_NO_NEGATION.sub(" ", text))]
