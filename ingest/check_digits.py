"""Check digits and built-in rules of numbers that name a person, a card or an account. Pure."""

from __future__ import annotations

from datetime import date

_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    "71 81 82 83".split()
)
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_CREDIT_CODE_DIGITS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_IBAN_LENGTHS = {
    country: int(entry[2:])
    for entry in (
        "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
        "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
        "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
        "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 "
        "TN24 TR26 UA29 VA22 VG24 XK20"
    ).split()
    for country in (entry[:2],)
}
_CARDS = (  # first four digits from, to, lengths
    (3000, 3059, (14,)),
    (3400, 3499, (15,)),
    (3528, 3589, (16,)),
    (3600, 3699, (14,)),
    (3700, 3799, (15,)),
    (3800, 3999, (14,)),
    (4000, 4999, (13, 16, 19)),
    (5000, 5999, (16,)),
    (2221, 2720, (16,)),
    (6000, 6199, (16, 19)),
    (6200, 6299, (16, 17, 18, 19)),
    (6300, 6999, (16, 19)),
    (8100, 8171, (16, 19)),
)


def is_card(digits: str) -> bool:
    """Tell whether 13 to 19 digits are a card number: a network's prefix and length, and Luhn.

    Source: ISO/IEC 7812-1, annex B.
    """
    head = int(digits[:4])
    fits = any(low <= head <= high and len(digits) in sizes for low, high, sizes in _CARDS)
    return fits and len(set(digits)) > 1 and _luhn(digits)


def is_resident_id(number: str) -> bool:
    """Tell whether 18 characters are a Chinese resident identity number.

    Province, date of birth and check digit have to fit. Source: GB 11643-1999.
    """
    if number[:2] not in _PROVINCES or not _is_date(number[6:14]):
        return False
    total = sum(int(d) * w for d, w in zip(number[:17], _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECKS[total % 11] == number[17].upper()


def is_credit_code(code: str) -> bool:
    """Tell whether 18 characters are a Unified Social Credit Code. Source: GB 32100-2015."""
    if any(character not in _CREDIT_CODE_DIGITS for character in code):
        return False
    values = [_CREDIT_CODE_DIGITS.index(character) for character in code]
    total = sum(value * pow(3, i, 31) for i, value in enumerate(values[:17]))
    return (31 - total % 31) % 31 == values[17]


def iban_length(country: str) -> int:
    """Return the number of characters of a country's IBANs, 0 where it has none."""
    return _IBAN_LENGTHS.get(country, 0)


def is_iban(number: str) -> bool:
    """Tell whether capital letters and digits are an IBAN. Source: ISO 13616-1 (mod 97 = 1)."""
    if len(number) != iban_length(number[:2]):
        return False
    rearranged = number[4:] + number[:4]
    return int("".join(str(int(character, 36)) for character in rearranged)) % 97 == 1


def _luhn(digits: str) -> bool:
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _is_date(digits: str) -> bool:
    try:
        born = date.fromisoformat(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except ValueError:
        return False
    return 1850 <= born.year < 2100
