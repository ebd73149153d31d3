"""Characters that are not what a reader sees are counted, all others are not."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.odd_characters import count_odd_characters

ANY_TEXT = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]), max_size=80)


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("oﬃce ﬁle", {"ligature": 2}),
        ("ＡＢ１２，。！", {"full_width": 4}),
        ("ｶﾒﾗ", {"half_width": 3}),
        ("a\u200bb\u2060c\ufeff", {"zero_width": 3}),
        ("a\u200db", {"zero_width": 1}),
        ("a\u202eb\u2066c\u200f", {"bidi": 3}),
        ("a\U000e0041\U000e0042", {"tag": 2}),
        ("a\0b\x07\x9fc", {"control": 3}),
        ("co\xadoperate", {"soft_hyphen": 1}),
        ("\uf0b7 item \U000f0000", {"private_use": 2}),
        ("a\ud800b\uffff", {"invalid": 2}),
        ("a\ufffdb", {"replacement": 1}),
        ("ﬁ\u200bﬁ", {"ligature": 2, "zero_width": 1}),
    ],
)
def test_each_kind_is_counted(text, counts):
    assert count_odd_characters([text]) == counts


@pytest.mark.parametrize(
    "text",
    [
        string.printable,
        "观测站，海拔三千米。（第一章）",
        "café naïve e\u0301",
        "می\u200cخواهم",
        "👩\u200d🚀 ❤️",
        "한국어",
        "a\x85b",
    ],
)
def test_what_writing_needs_is_not_counted(text):
    assert count_odd_characters([text]) == {}


@given(ANY_TEXT, ANY_TEXT)
def test_counts_of_texts_add_up(first, second):
    separate = [count_odd_characters([text]) for text in (first, second)]
    together = count_odd_characters([first, second])
    assert together.keys() == separate[0].keys() | separate[1].keys()
    assert all(n == sum(part.get(kind, 0) for part in separate) for kind, n in together.items())


@given(ANY_TEXT)
def test_no_character_is_counted_twice(text):
    assert sum(count_odd_characters([text]).values()) <= len(text)
