"""Text -> where personal data stand in it. Pure.

Precise before complete: numbers with check digits are verified, and a number without any needs a
form that hardly anything else has, or a word such as "phone" before it. Full-width digits count.
All patterns are bounded, so the search is linear on its worst input. Keys and passwords are found
by `secrets_in_text`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ingest.check_digits import iban_length, is_card, is_credit_code, is_iban, is_resident_id
from ingest.findings import Finding, half_width, merged

CUE_CHARACTERS = 24

_NO_WORD_BEFORE = r"(?<![A-Za-z0-9_.+#/-])"
_NO_WORD_AFTER = r"(?![A-Za-z0-9_%-]|\.\d)"
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}+@"
    r"[A-Za-z0-9-]{1,63}+(?:\.[A-Za-z0-9-]{1,63}+){1,8}+"
)
_RESIDENT_ID = re.compile(
    r"(?<![A-Za-z0-9_.])\d{6}[ -]?(?:18|19|20)\d{6}[ -]?\d{3}[\dXx](?![A-Za-z0-9_])"
)
_CREDIT_CODE = re.compile(r"(?<![A-Za-z0-9_.])[1-9A-Y][0-9A-Y]\d{6}[0-9A-Y]{10}(?![A-Za-z0-9_])")
_CARDS = tuple(
    re.compile(rf"{_NO_WORD_BEFORE}(?:{form}){_NO_WORD_AFTER}")
    for form in (
        r"\d{13,19}",
        r"\d{4} \d{4} \d{4} \d{4} \d{3}|\d{4}-\d{4}-\d{4}-\d{4}-\d{3}|\d{6} \d{13}",
        r"\d{4} \d{4} \d{4} \d{4}|\d{4}-\d{4}-\d{4}-\d{4}",
        r"\d{4}[ -]\d{6}[ -]\d{4,5}",
    )
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,30}+")
_SSN = re.compile(r"(?<![\w.+/-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
_INTERNATIONAL = re.compile(r"(?<![A-Za-z0-9_+.])\+(?:\d[ ().-]{0,2}){7,14}\d(?![A-Za-z0-9_%])")
_MOBILE = re.compile(
    _NO_WORD_BEFORE
    + r"(?:00)?(?:86[ -])?1(?:3\d|4[015-9]|5[0-35-9]|6[2567]|7[0-8]|8\d|9[0-35-9])"
    + r"(?:\d{8}|-\d{4}-\d{4}| \d{4} \d{4})"
    + _NO_WORD_AFTER
)
_LANDLINE = re.compile(
    _NO_WORD_BEFORE
    + r"(?:\((?:010|02\d|0[3-9]\d\d)\) ?|(?:010|02\d|0[3-9]\d\d)-)[2-8]\d{3}[ -]?\d{3,4}"
    + r"(?:(?:-|转| ?ext\.? ?)\d{1,5})?"
    + _NO_WORD_AFTER
)
_NORTH_AMERICAN = re.compile(
    _NO_WORD_BEFORE
    + r"(?:1[ .-])?(?:\([2-9]\d\d\) ?[2-9]\d\d[ .-]|[2-9]\d\d([.-])[2-9]\d\d\1)\d{4}"
    + _NO_WORD_AFTER
)
_AFTER_CUE = re.compile(
    r"(?<![A-Za-z0-9_.+/-])\(?\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}(?:-\d{1,5})?" + _NO_WORD_AFTER
)
_PHONE_CUE = re.compile(
    r"(?i:(?<![a-z])(?:phone|tel|telephone|mobile|cell|fax|call|whatsapp)(?![a-z])|[电電][话話]"
    r"|手机|手機|传真|傳真|热线|熱線|联系方式)[^\d\n]*$"
)
_CALLING_CODES = re.compile(
    r"1|7|2[07]|2[1-689]\d|3[0-469]|3[578]\d|4[013-9]|42\d|5[1-8]|5[09]\d|6[0-6]|6[7-9]\d"
    r"|8[1246]|8[058]\d|9[0-58]|9[679]\d"
)
_NO_MAIL_ENDINGS = frozenset("png jpg jpeg gif svg webp ico css js py html htm pdf".split())


def find_personal_data(text: str) -> list[Finding]:
    """Return where personal data stand, in order, none overlapping.

    Kinds: "email", "phone", "resident_id" (China), "card" (bank and credit cards), "iban", "ssn"
    (United States) and "credit_code" (Unified Social Credit Code: a company's, or a trader's).

    >>> find_personal_data("写信给 li@example.cn")
    [Finding(kind='email', start=4, end=17)]
    """
    folded = half_width(text)
    return merged(finding for find in _FINDERS for finding in find(folded))


def _emails(text: str) -> Iterator[Finding]:
    for match in _EMAIL.finditer(text) if "@" in text else ():
        local, _, domain = match.group().partition("@")
        ending = domain.rpartition(".")[2].lower()
        is_domain = ending.isalpha() and len(ending) > 1 and ending not in _NO_MAIL_ENDINGS
        if local != "git" and (is_domain or ending.startswith("xn--")):
            yield Finding("email", match.start(), match.end())


def _checked(
    kind: str, pattern: re.Pattern[str], is_valid: Callable[[str], bool]
) -> Callable[[str], Iterator[Finding]]:
    def find(text: str) -> Iterator[Finding]:
        for match in pattern.finditer(text):
            if is_valid(match.group().replace(" ", "").replace("-", "")):
                yield Finding(kind, match.start(), match.end())

    return find


def _is_card(digits: str) -> bool:
    is_book = len(digits) == 13 and digits.startswith(("978", "979"))
    return not is_book and is_card(digits)


def _ibans(text: str) -> Iterator[Finding]:
    for match in _IBAN.finditer(text):
        length = iban_length(match.group()[:2])
        places = [i for i in range(match.start(), match.end()) if text[i] != " "][:length]
        number = "".join(text[i] for i in places)
        is_cut = text[places[-1] + 1 : places[-1] + 2].isalnum() if places else True
        if not is_cut and is_iban(number):
            yield Finding("iban", places[0], places[-1] + 1)


def _international_phones(text: str) -> Iterator[Finding]:
    for match in _INTERNATIONAL.finditer(text) if "+" in text else ():
        digits = re.sub(r"\D", "", match.group())
        if _is_e164(digits, match.group()):
            yield Finding("phone", match.start(), match.end())


def _is_e164(digits: str, written: str) -> bool:
    """Tell whether digits after a plus are a phone number. Source: ITU-T E.164."""
    if not _CALLING_CODES.match(digits) or re.fullmatch(r"\d\d?\d?0{5,}", digits):
        return False
    if digits[0] == "1":
        return bool(re.fullmatch(r"1[2-9]\d\d[2-9]\d{6}", digits))
    if digits.startswith("86"):
        return bool(re.fullmatch(r"86(?:1[3-9]\d{9}|0?[2-9]\d{8,10}|10\d{8})", digits))
    return len(digits) >= (9 if "." not in written else 10)


def _phones_after_cue(text: str) -> Iterator[Finding]:
    for match in _AFTER_CUE.finditer(text):
        n_digits = sum(character.isdigit() for character in match.group())
        before = text[max(0, match.start() - CUE_CHARACTERS) : match.start()]
        if n_digits >= 9 and _PHONE_CUE.search(before):
            yield Finding("phone", match.start(), match.end())


def _always(_: str) -> bool:
    return True


_FINDERS: tuple[Callable[[str], Iterator[Finding]], ...] = (
    _emails,
    _checked("resident_id", _RESIDENT_ID, is_resident_id),
    _checked("credit_code", _CREDIT_CODE, is_credit_code),
    *(_checked("card", pattern, _is_card) for pattern in _CARDS),
    _ibans,
    _checked("ssn", _SSN, _always),
    _international_phones,
    *(_checked("phone", form, _always) for form in (_MOBILE, _LANDLINE, _NORTH_AMERICAN)),
    _phones_after_cue,
)
