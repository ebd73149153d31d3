from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.simhash import FingerprintIndex, fingerprint, hamming, jaccard, shingles

ENGLISH = " ".join(
    f"The dome number {n} closes when wind speed reaches {n * 3} knots." for n in range(60)
)
CHINESE = "".join(f"第{n}号圆顶在风速达到{n * 3}节时关闭，值班员记录时间。" for n in range(60))
FINGERPRINTS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize("text", ["", "one two three", "短文", "!!! ???", "a b c d e f g h"])
def test_a_text_with_few_shingles_has_no_fingerprint(text: str) -> None:
    assert fingerprint(text) is None


def test_the_fingerprint_never_changes() -> None:
    assert (
        fingerprint("the quick brown fox jumps over the lazy dog again and again today")
        == 16836233893253824524
    )


@given(st.text("ab é\u0301\u0327ﬁΣ圆顶,７\n\r\u2028", max_size=60))
def test_shingles_do_not_depend_on_the_pieces_that_a_text_is_taken_in(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.simhash.PIECE_CHARACTERS", 2)
        patch.setattr("ingest.simhash.BATCH_SHINGLES", 3)
        in_pieces = shingles.__wrapped__(text)

    assert in_pieces.tolist() == shingles.__wrapped__(text).tolist()


def test_a_long_text_takes_a_few_bytes_a_character() -> None:
    text = "\n".join(f"{ENGLISH} {number}" for number in range(300))
    fingerprint(text)  # once, for what is remembered of words
    tracemalloc.start()
    try:
        fingerprint(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 8 * len(text)


@pytest.mark.parametrize("text", [ENGLISH, CHINESE])
def test_layout_case_and_width_do_not_matter(text: str) -> None:
    other = text.upper().replace(" ", "\n ").replace("，", ",").replace("0", "０")
    assert fingerprint(other) == fingerprint(text)


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        (ENGLISH, ENGLISH.replace("number 7 closes", "number 7 opens")),
        (CHINESE, CHINESE.replace("第7号圆顶在", "第7号穹顶在")),
    ],
)
def test_a_small_edit_changes_few_bits(text: str, edited: str) -> None:
    first, second = fingerprint(text), fingerprint(edited)
    assert first is not None
    assert second is not None
    assert hamming(first, second) <= 8


def test_unrelated_texts_differ_in_many_bits() -> None:
    first, second = fingerprint(ENGLISH), fingerprint(CHINESE)
    assert first is not None
    assert second is not None
    assert hamming(first, second) > 16


@given(st.text())
def test_any_text_has_a_64_bit_fingerprint_or_none(text: str) -> None:
    value = fingerprint(text)
    assert value is None or 0 <= value < 2**64


@given(FINGERPRINTS, FINGERPRINTS)
def test_hamming_counts_the_differing_bits(first: int, second: int) -> None:
    assert hamming(first, second) == sum((first >> n & 1) != (second >> n & 1) for n in range(64))


@given(
    st.integers(0, 18),
    st.lists(st.tuples(FINGERPRINTS, st.lists(st.integers(0, 63), max_size=20)), max_size=20),
    st.sampled_from([0, 5, 1000]),
    st.data(),
)
def test_look_up_equals_brute_force(
    bits: int, seeds: list[tuple[int, list[int]]], max_unsorted: int, data: st.DataObject
) -> None:
    stored: dict[str, int] = {}
    index = FingerprintIndex(bits=bits, max_unsorted=max_unsorted)
    for number, (value, flips) in enumerate(seeds):
        near = value
        for flip in flips:
            near ^= 1 << flip
        stored[f"a{number}"], stored[f"b{number}"] = value, near
    for id_, value in stored.items():
        index.add(id_, value)
    for id_ in data.draw(st.lists(st.sampled_from(sorted(stored) or ["none"]), max_size=5)):
        index.remove(id_)
        stored.pop(id_, None)
    for query in [value for value, _ in seeds]:
        expected = sorted(
            (hamming(query, value), id_)
            for id_, value in stored.items()
            if hamming(query, value) <= bits
        )
        assert index.near(query) == expected
    assert len(index) == len(stored)


@pytest.mark.parametrize("bits", [0, 1, 3, 4, 7, 10, 12, 16])
def test_the_tables_find_what_a_scan_finds(bits: int) -> None:
    generator = np.random.default_rng(bits)
    centres = generator.integers(0, 2**64, 50, dtype=np.uint64)
    stored = [_flipped(int(centre), generator, n=bits + 3) for centre in centres for _ in range(40)]
    stored += generator.integers(0, 2**64, 20_000, dtype=np.uint64).tolist()
    index = FingerprintIndex(bits=bits, max_unsorted=0)
    for number, value in enumerate(stored):
        index.add(str(number), value)
    for centre in centres.tolist():
        expected = sorted(
            (hamming(centre, value), str(number))
            for number, value in enumerate(stored)
            if hamming(centre, value) <= bits
        )
        assert index.near(centre) == expected


def test_blocks_that_are_all_alike_are_looked_up_exactly() -> None:
    index = FingerprintIndex(bits=12, max_unsorted=0)
    for number in range(3000):
        index.add(str(number), number)
    assert len(index.near(0)) == 3000


def test_what_was_removed_after_sorting_is_not_found() -> None:
    index = FingerprintIndex(bits=3, max_unsorted=0)
    index.add("a", 1)
    index.add("b", 3)
    index.near(0)
    index.remove("a")
    index.add("c", 0)
    assert index.near(0) == [(0, "c"), (2, "b")]


def test_jaccard_is_the_shared_part_of_the_shingles() -> None:
    assert jaccard(shingles("a b c d"), shingles("b c d e")) == pytest.approx(2 / 4)


def test_texts_without_shingles_share_nothing() -> None:
    assert jaccard(shingles(""), shingles("")) == 0.0


def _flipped(value: int, generator: np.random.Generator, *, n: int) -> int:
    for place in generator.integers(0, 64, generator.integers(0, n)).tolist():
        value ^= 1 << place
    return value


def test_adding_an_id_anew_replaces_its_fingerprint() -> None:
    index = FingerprintIndex(bits=3)
    index.add("a", 0)
    index.add("a", 2**64 - 1)
    assert (index.near(0), index.near(2**64 - 1)) == ([], [(0, "a")])


@pytest.mark.parametrize("bits", [-1, 64])
def test_impossible_distances_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="bits"):
        FingerprintIndex(bits=bits)


@pytest.mark.parametrize("unit", ["a", "a ", "中", " ", "_", "\u0301", "aa中"])
@pytest.mark.parametrize("size", [100_000, 200_000])
def test_hostile_text_is_fingerprinted_to_the_end(unit: str, size: int) -> None:
    fingerprint(unit * (size // len(unit)))
