"""The copy of a text in which things are looked for, and the way back to the text."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.findings import matching_copy

SENTENCE = "Die Kuppel schließt um acht. 圆顶八点关闭。\n"


@given(st.text(max_size=30), st.integers(1, 5))
def test_every_character_of_the_copy_leads_back_to_the_one_that_it_was_made_of(text, n) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.findings.PIECE_CHARACTERS", n)
        copy = matching_copy(text)

    made = [(i, part) for i, character in enumerate(text) for part in matching_copy(character).text]
    assert copy.text == "".join(part for _, part in made)
    found = [copy.finding("", place, place + 1) for place in range(len(made))]
    assert [(item.start, item.end) for item in found] == [(i, i + 1) for i, _ in made]


def test_a_finding_covers_what_was_left_out_within_it() -> None:
    text = "Ig\u200bno\u200bre"
    found = matching_copy(text).finding("override", 0, 6)

    assert text[found.start : found.end] == text


def test_the_copy_of_a_long_text_takes_a_few_bytes_a_character() -> None:
    text = SENTENCE * 6_000
    matching_copy(SENTENCE)
    tracemalloc.start()
    try:
        matching_copy(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 10 * len(text)
