from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.encoding import decode

SIMPLIFIED = "欢迎来到白岩山天文台。本手册说明观测助理夜间的职责，请遵守规则。"
TRADITIONAL = "歡迎來到白岩山天文臺。本手冊說明觀測助理夜間的職責，請遵守規則。"
JAPANESE = "これは日本語の文章です。観測所のテストをしています。"
KOREAN = "안녕하세요. 이것은 한국어로 된 문서입니다. 관측소에서 쓰는 글입니다."
GERMAN = "Die Kuppel schließt früher, wenn es stürmt; das Öl läuft über."


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        (SIMPLIFIED, "utf-8", "utf-8"),
        (SIMPLIFIED, "utf-8-sig", "utf-8"),
        (SIMPLIFIED, "gb18030", "gb18030"),
        (TRADITIONAL, "big5", "big5hkscs"),
        (JAPANESE, "cp932", "cp932"),
        (JAPANESE, "euc_jp", "euc_jp"),
        (KOREAN, "cp949", "cp949"),
        (GERMAN, "latin-1", "cp1252"),
        (TRADITIONAL, "utf-16-le", "utf-16-le"),
        (TRADITIONAL, "utf-16-be", "utf-16-be"),
        ("Plain English.\n", "utf-16-be", "utf-16-be"),
        (SIMPLIFIED + "\n", "utf-16-le", "utf-16-le"),
        (JAPANESE, "iso2022_jp", "iso2022_jp_2"),
    ],
)
def test_real_text_is_decoded_and_sure(text: str, encoding: str, name: str) -> None:
    decoded = decode(text.encode(encoding))
    assert (decoded.text, decoded.encoding, decoded.uncertain) == (text, name, False)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_byte_order_mark_decides(encoding: str) -> None:
    assert decode(SIMPLIFIED.encode(encoding)).text == SIMPLIFIED


def test_long_gb18030_with_rare_characters_is_right() -> None:
    text = SIMPLIFIED * 50 + "𠮷野家与镕㙍。"
    assert decode(text.encode("gb18030")).text == text


def test_utf8_with_a_few_broken_bytes_stays_utf8() -> None:
    data = ("résumé 观测站 " * 100).encode() + b"na\xefve caf\xe9 \xff\xfe\xfd"
    decoded = decode(data)
    assert decoded.encoding == "utf-8"
    assert decoded.text.endswith("naïve café \ufffd")
    assert decoded.metadata() == {"encoding": "utf-8", "encoding_uncertain": "true"}


def test_a_declared_encoding_is_believed_when_it_decodes() -> None:
    text = "Привет, телескоп"
    decoded = decode(text.encode("cp1251"), declared="windows-1251")
    assert (decoded.text, decoded.uncertain) == (text, False)


@pytest.mark.parametrize("declared", ["nonsense", "utf-8", "rot13", "base64", "zlib", "x" * 99])
def test_a_wrong_declaration_does_no_harm(declared: str) -> None:
    assert decode(SIMPLIFIED.encode("gb18030"), declared=declared).text == SIMPLIFIED


def test_a_guess_is_marked_uncertain() -> None:
    assert decode("Привет, это русский текст о телескопах.".encode("koi8-r")).uncertain


def test_nothing_visible_is_empty_text() -> None:
    assert decode(b"\0\0 \n").text == ""


@given(st.text())
def test_utf8_round_trips(text: str) -> None:
    data = text.encode("utf-8", "ignore")
    decoded = decode(data)
    assert decoded.text in (data.decode("utf-8"), data.decode("utf-8-sig"), "") or "\0" in text


@given(st.binary(max_size=400), st.text(max_size=20))
def test_any_bytes_are_decoded_to_encodable_text(data: bytes, declared: str) -> None:
    decode(data, declared=declared).text.encode("utf-8")
