"""Personal data, secrets and listed words are found, and what looks like them is not."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.check_digits import is_card, is_credit_code, is_iban, is_resident_id
from ingest.findings import Finding, merged
from ingest.personal_data import find_personal_data
from ingest.secrets_in_text import find_secrets
from ingest.word_list import WINDOW_CHARACTERS, find_words, read_word_list
from ragapp.errors import UsageError

# Put together at run time, so that no scanner of sources takes them for real ones.
GITHUB = "ghp" + "_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
SLACK = "xox" + "b-" + "123456789012-abcdefABCDEF1234"
OPENAI = "sk" + "-proj-" + "Ab12Cd34Ef56Gh78Ij90Kl12Mn34"
DEEPSEEK = "sk" + "-" + "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
GCP = "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q"
JWT = "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxMjM0NTYifQ" + ".abc_DEF-123456789"
PEM_BEGIN = "-----BEGIN RSA " + "PRIVATE KEY-----"
PEM_END = "-----END RSA " + "PRIVATE KEY-----"


def found(text: str) -> list[tuple[str, str]]:
    return [(item.kind, text[item.start : item.end]) for item in find_personal_data(text)]


def secrets_of(text: str) -> list[tuple[str, str]]:
    return [(item.kind, text[item.start : item.end]) for item in find_secrets(text)]


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ("Write to li.wei+x@mail.example.co.uk.", "email", "li.wei+x@mail.example.co.uk"),
        ("邮箱zhang_san@example.cn，请勿外传", "email", "zhang_san@example.cn"),
        ("邮箱：ｌｉ＠ｅｘａｍｐｌｅ．ｃｎ", "email", "ｌｉ＠ｅｘａｍｐｌｅ．ｃｎ"),
        ("<a@b.io>", "email", "a@b.io"),
        ("Call +44 (0)20 7946 0958 now", "phone", "+44 (0)20 7946 0958"),
        ("+49 30 901820-0", "phone", "+49 30 901820-0"),
        ("+1-212-555-0147", "phone", "+1-212-555-0147"),
        ("+8613800138000", "phone", "+8613800138000"),
        ("+86 138 0013 8000", "phone", "+86 138 0013 8000"),
        ("(212) 555-0147", "phone", "(212) 555-0147"),
        ("Fax 212.555.0147", "phone", "212.555.0147"),
        ("1-800-555-0199", "phone", "1-800-555-0199"),
        ("phone: 212 555 0147", "phone", "212 555 0147"),
        ("手机13800138000。", "phone", "13800138000"),
        ("手机：138-0013-8000", "phone", "138-0013-8000"),
        ("联系人 王芳 159 1234 5678", "phone", "159 1234 5678"),
        ("電話：１３８００１３８０００", "phone", "１３８００１３８０００"),
        ("座机 010-62751234", "phone", "010-62751234"),
        ("座机(0755) 8266 1234", "phone", "(0755) 8266 1234"),
        ("021-55551234转802", "phone", "021-55551234转802"),
        ("客服热线 400-810-8888", "phone", "400-810-8888"),
        ("电话 010 62751234", "phone", "010 62751234"),
        ("身份证号11010519491231002X的持有人", "resident_id", "11010519491231002X"),
        ("身份证：440524 18800101 0014", "resident_id", "440524 18800101 0014"),
        ("card 4111 1111 1111 1111 12/26", "card", "4111 1111 1111 1111"),
        ("4111 1111 1111 1111 12 26", "card", "4111 1111 1111 1111"),
        ("卡号4111-1111-1111-1111。", "card", "4111-1111-1111-1111"),
        ("Amex 3782 822463 10005", "card", "3782 822463 10005"),
        ("卡号：5555555555554444", "card", "5555555555554444"),
        ("银行卡 6222020200112233446", "card", "6222020200112233446"),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC", "iban", "DE89 3704 0044 0532 0130 00"),
        ("GB82WEST12345698765432", "iban", "GB82WEST12345698765432"),
        ("SSN 123-45-6789", "ssn", "123-45-6789"),
        ("统一社会信用代码：91350100M000100Y43", "credit_code", "91350100M000100Y43"),
    ],
)
def test_personal_data_is_found_exactly(text, kind, data):
    assert found(text) == [(kind, data)]


@pytest.mark.parametrize(
    "text",
    [
        "2023-10-12 to 2024-01-05",
        "20231012 20240105 12:30:45",
        "2024年1月5日，第 20240105 号",
        "ISBN 978-7-302-51234-5",
        "ISBN 9787302512345 and 9780306406157",
        "ISBN 0-306-40615-2",
        "version 10.15.7.1234, build 19H2026",
        "v1.2.3-4567890123",
        "192.168.100.200 and 10.0.0.1:8080",
        "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
        "order 1234567890123456",
        "timestamp 1712345678901 and 1712345678",
        "tracking 9400110200881234567890123",
        "13800138000123 is too long",
        "the sum is 13800138000.50 yuan",
        "id_13800138000",
        "12345678901",
        "4111111111111112",
        "4444 4444 4444 4444",
        "110105194912310021",
        "99010519491231002X",
        "DE89 3704 0044 0532 0130 01",
        "AB12 CDEF GHIJ KLMN",
        "000-12-3456 and 900-12-3456 and 123-00-4567",
        "part 1123-45-6789-01",
        "icon@2x.png and logo@3x.jpeg",
        "pip install torch@2.1.0",
        "git clone git@github.com:org/repo.git",
        "@user.name said so",
        "a@b without a domain",
        "x+12345678901 = 5",
        "+10000000000 ms",
        "GDP grew from 212 555 2019 to 213 666 2020",
        "|212|555|0147|",
        "3.14159265358979323846",
        "0.13800138000",
        "0x13800138000",
        "https://example.com/item/13800138000",
        "doi:10.1000/138-0013-8000",
        "UUID 123e4567-e89b-12d3-a456-426614174000",
        "SHA 9f86d081884c7d659a2feaa0c55ad015",
        "国标 GB/T 7714-2015，邮编 100084",
        "第12345678901234567890条",
        "91350100M000100Y44",
        "1 234 567 890 123",
        "-33.8688, 151.2093",
        "1,234,567,890.12",
        "ＧＢ 2312-1980",
        "99.9% of 1000000",
        "1999-2000-2001-2002",
    ],
)
def test_what_looks_like_personal_data_is_not(text):
    assert found(text) == []


def test_hardly_any_long_number_is_taken_for_a_card():
    numbers = [str(10**15 + i * 7_919_000_003) for i in range(2_000)]

    assert sum(bool(found(f"no. {number} of")) for number in numbers) <= 40


@given(st.text(alphabet="0123456789+-() .Xx@aé中A", max_size=80))
def test_spans_are_ordered_disjoint_and_within_the_text(text):
    findings = find_personal_data(text)

    assert all(0 <= f.start < f.end <= len(text) for f in findings)
    assert all(a.end <= b.start for a, b in pairwise(findings))


@pytest.mark.parametrize(
    ("is_valid", "number"),
    [
        (is_card, "4111111111111111"),
        (is_resident_id, "11010519491231002X"),
        (is_iban, "GB82WEST12345698765432"),
        (is_credit_code, "91350100M000100Y43"),
    ],
)
def test_a_check_digit_tells_every_other_last_digit(is_valid, number):
    others = [number[:-1] + digit for digit in "0123456789" if digit != number[-1]]

    assert is_valid(number)
    assert not any(is_valid(other) for other in others)


def test_a_resident_id_needs_a_real_date():
    assert not is_resident_id("110105194902300027")


def test_overlapping_findings_become_one_that_covers_both():
    findings = [Finding("b", 3, 9), Finding("a", 0, 5), Finding("c", 9, 10)]

    assert merged(findings) == [Finding("a", 0, 9), Finding("c", 9, 10)]


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        (f"key {AWS}.", "aws_key", AWS),
        (f"用{GCP}访问", "gcp_key", GCP),
        (f"({GITHUB})", "github_token", GITHUB),
        (f"token={SLACK}", "slack_token", SLACK),
        (f"export K={OPENAI}", "model_key", OPENAI),
        (f"密钥 {DEEPSEEK}", "model_key", DEEPSEEK),
        (f"jwt: {JWT}", "jwt", JWT),
        ("password = 'hunter2!x'", "password", "hunter2!x"),
        ("DB_PASSWORD=Tr0ub4dor&3", "password", "Tr0ub4dor&3"),
        ('"api_key": "abcdef123456"', "password", "abcdef123456"),
        ("密码：abc12345。", "password", "abc12345"),
        ("初始密码为 Qwe12345", "password", "Qwe12345"),
        ("postgres://app:s3cretpw@db/x", "password", "s3cretpw"),
        (
            f"{PEM_BEGIN}\nMIIE\nabc=\n{PEM_END} end",
            "private_key",
            f"{PEM_BEGIN}\nMIIE\nabc=\n{PEM_END}",
        ),
    ],
)
def test_a_secret_is_found_exactly(text, kind, data):
    assert secrets_of(text) == [(kind, data)]


@pytest.mark.parametrize(
    "text",
    [
        "password: must be at least eight characters",
        "Password: required",
        "password = getpass.getpass('Password: ')",
        "password = os.environ['DB_PASSWORD']",
        "password=<your password>",
        "password=${DB_PASSWORD}",
        "password = '********'",
        "api_key = 'YOUR_API_KEY'",
        "The secret: practise every day",
        "密码：由字母和数字组成",
        "密码是用户登录时的凭证",
        "sk-estimator-id-1 sk-toggleable__content-arrow-label",
        "sk-learn-contrib-lightning-2024",
        "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "eyJ is how a JWT begins",
        "-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----",
        "Bearer tokens are described in RFC 6750",
        "https://example.com:8080/path@2",
        "AKIA is the prefix of a key",
        "if password == stored: return True",
        "def login(user, password): ...",
    ],
)
def test_what_looks_like_a_secret_is_not(text):
    assert secrets_of(text) == []


def test_a_private_key_without_an_end_is_found_to_its_limit():
    (key,) = find_secrets(f"x {PEM_BEGIN}\nMIIE")

    assert (key.start, key.end) == (2, len(f"x {PEM_BEGIN}\nMIIE"))


HOSTILE = [
    "a",
    "1",
    "1 ",
    "1-",
    "+1 ",
    "4111 ",
    "4111111111111111",
    "a@",
    "a.",
    "a@a.",
    "a@" + "a" * 60 + ".",
    "AA00 ",
    "DE89",
    "123-45-",
    "(010) 6275 ",
    "13800138000 ",
    "11010519491231002",
    "eyJ",
    "eyJaaaaaaaa.",
    "-----BEGIN PRIVATE KEY-----",
    "-----BEGIN A ",
    "password=",
    'password = "',
    "://a:",
    "sk-",
    "A1-",
    "phone ",
    "电话0",
    "bearer ",
    "xoxb-1-",
    "中",
    "\n",
]


def seconds_for(find, text):
    def once():
        start = time.perf_counter()
        find(text)
        return time.perf_counter() - start

    return min(once() for _ in range(2))


@pytest.mark.parametrize("find", [find_personal_data, find_secrets])
@pytest.mark.parametrize("unit", HOSTILE)
def test_the_search_is_linear_on_hostile_text(find, unit):
    half = seconds_for(find, (unit * 100_000)[:100_000])
    whole = seconds_for(find, (unit * 200_000)[:200_000])

    assert whole < 4 * half + 0.1
    assert whole < 3.0


def word_list(tmp_path, text):
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_word_list_holds_one_expression_a_line(tmp_path):
    path = word_list(tmp_path, "# names\n\nProject \\w+\n绝密|机密\n")
    text = "Project Falcon is 绝密.\nnot\nProject"

    findings = find_words(text, read_word_list(path))

    assert [text[f.start : f.end] for f in findings] == ["Project Falcon", "绝密"]


@pytest.mark.parametrize(
    "bad", ["(", "[a", "a{2,1}", "x*", "(a+)+", "(?:a*b?)*", "((ab+)c)*", "(\\d+){2,}"]
)
def test_a_bad_line_is_named_with_its_file_and_number(tmp_path, bad):
    path = word_list(tmp_path, f"good\n# comment\n{bad}\n")

    with pytest.raises(UsageError, match=r"words\.txt, line 3"):
        read_word_list(path)


@pytest.mark.parametrize("good", [r"(a|b)+", r"\(a+\)+", r"[(a+)]+", r"(?:ab+)c", r"(a+)b"])
def test_a_harmless_repetition_is_taken(tmp_path, good):
    assert len(read_word_list(word_list(tmp_path, good))) == 1


def test_a_word_list_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        read_word_list(tmp_path / "none.txt")


def test_a_word_list_in_another_encoding_is_a_usage_error(tmp_path):
    path = tmp_path / "words.txt"
    path.write_bytes("机密".encode("gb18030"))

    with pytest.raises(UsageError, match="not UTF-8"):
        read_word_list(path)


def test_words_are_found_throughout_a_long_line(tmp_path):
    patterns = read_word_list(word_list(tmp_path, "needle"))
    text = (
        "needle".rjust(WINDOW_CHARACTERS - 3, ".").ljust(3 * WINDOW_CHARACTERS - 3, ".") + "needle"
    )

    findings = find_words(text, patterns)

    assert [text[f.start : f.end] for f in findings] == ["needle", "needle"]


def test_a_polynomial_expression_stays_cheap_on_a_long_line(tmp_path):
    patterns = read_word_list(word_list(tmp_path, "a+b+c"))

    assert seconds_for(lambda text: find_words(text, patterns), "a" * 100_000) < 5.0
