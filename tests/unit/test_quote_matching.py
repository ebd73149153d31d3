from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.quote_matching import find_quote


def _found(quote: str, page: str, **around: str) -> list[str]:
    return [page[start:end] for start, end in find_quote(quote, list(page), **around)]


@pytest.mark.parametrize(
    ("quote", "page", "found"),
    [
        ("The dome opens.", "At dusk the dome\r\nopens. Then", "the dome\r\nopens."),
        ("cooperate", "to co\ufffe\r\noperate", "co\ufffe\r\noperate"),
        ("well-known", "a well\ufffe\r\nknown case", "well\ufffe\r\nknown"),
        ("first office", "a \ufb01rst o\ufb03ce", "\ufb01rst o\ufb03ce"),
        ("café", "one cafe\u0301 more", "cafe"),
        ("圆顶在日落后打开。", "说明：圆顶在日\r\n落后打开。完", "圆顶在日\r\n落后打开。"),
        ("全角ＡＢＣ", "是全角ABC吗", "全角ABC"),
        ("(about 30 %)", "it is (about 30 %).", "(about 30 %)"),
        ("“Stop!”", "said “Stop!” twice", "“Stop!”"),
    ],
)
def test_a_quote_is_found_as_it_was_drawn(quote, page, found):
    assert _found(quote, page) == [found]


@pytest.mark.parametrize("quote", ["", "…!", "another sentence", "The dome shuts for good."])
def test_what_a_page_does_not_hold_is_not_found(quote):
    assert find_quote(quote, list("At dusk the dome opens.")) == []


def test_of_equal_places_the_one_in_its_context_is_taken():
    page = "Pump A is rated for 30 bar. Pump B is rated for 30 bar."
    quote = "is rated for 30 bar."

    assert find_quote(quote, list(page), before="Pump A ", after=" Pump B") == [(7, 27)]
    assert find_quote(quote, list(page), before="Pump B ") == [(35, 55)]


def test_a_quote_whose_parts_are_drawn_in_another_order_gives_its_parts():
    page = "of the mirror is washed every month. The coating"

    assert _found("The coating of the mirror is washed every month.", page) == [
        "The coating",
        "of the mirror is washed every month.",
    ]


def test_a_quote_of_which_a_fifth_is_missing_is_not_found():
    assert _found("The coating of the mirror is washed", "The coating of the mirror") == []


def test_characters_without_text_are_passed_over():
    assert find_quote("dome", ["d", "", "o", "\0", "m", "e"]) == [(0, 6)]


@given(st.text("ab ,é圆\n", max_size=60), st.data())
def test_every_stretch_of_a_page_is_found_as_letters_that_are_its_own(page, data):
    start = data.draw(st.integers(0, len(page)))
    quote = page[start : data.draw(st.integers(start, len(page)))]

    found = "".join(_found(quote, page))

    assert "".join(filter(str.isalnum, found)) == "".join(filter(str.isalnum, quote))


def test_a_hostile_page_takes_no_longer_than_a_second():
    started = time.process_time()
    find_quote("ab" * 2_000 + "c" + "ab" * 2_000, list("ab" * 50_000))

    assert time.process_time() - started < 1.0
