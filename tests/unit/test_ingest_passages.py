"""Passages that say the same are linked after an ingestion; revisions are told apart."""

from contextlib import closing

import pytest
from stored_documents import add, opened

from ingest.passages import BATCH_PASSAGES, compare_passages

WASHED = (
    "The mirror of the telescope is washed once a year by two people with distilled water, soft"
    " cotton and a good deal of patience, and it is dried in the shade."
)
NEARLY = WASHED.replace("a good deal of", "much")
REVISED = WASHED.replace("two people", "three people")
CHINESE = (
    "望远镜的主镜每年清洗一次，由两名工作人员使用蒸馏水和柔软的棉布仔细完成，然后在阴凉处晾干。"
)
CHINESE_NEARLY = CHINESE.replace("仔细", "小心")
OTHER = "The dome opens at dusk, when the sensors report no rain and a wind below the limit of all."


@pytest.fixture
def collection(tmp_path):
    with closing(opened(tmp_path / "collection")) as collection:
        yield collection


def links(collection):
    """Return the texts of the linked passages, each with those that say the same."""
    ids = [passage_id for passage_id, _ in collection.passage_fingerprints()]
    return {
        collection.passage_text(passage_id): {collection.passage_text(o) for o in others}
        for passage_id, others in collection.near_passages(ids).items()
        if others
    }


@pytest.mark.parametrize(("one", "other"), [(WASHED, NEARLY), (CHINESE, CHINESE_NEARLY)])
def test_passages_that_say_the_same_are_linked(collection, one, other):
    add(collection, f"{one}\n{OTHER}\n", path="a.txt")
    add(collection, f"{other}\n", path="b.txt")
    assert compare_passages(collection, bits=12) == 3
    assert links(collection) == {one: {other}, other: {one}}


def test_a_passage_that_states_another_number_is_not_linked_as_the_same(collection):
    add(collection, f"{WASHED}\n", path="a.txt")
    add(collection, f"{REVISED}\n", path="b.txt")
    compare_passages(collection, bits=12)
    assert links(collection) == {}


def test_a_later_run_compares_with_what_earlier_ones_stored(collection):
    add(collection, f"{WASHED}\n", path="a.txt")
    compare_passages(collection, bits=12)
    add(collection, f"{NEARLY}\n", path="b.txt")
    assert compare_passages(collection, bits=12) == 1
    assert links(collection) == {WASHED: {NEARLY}, NEARLY: {WASHED}}


def test_a_second_pass_compares_nothing(collection):
    add(collection, f"{WASHED}\nshort\n")
    assert compare_passages(collection, bits=12) == 2
    assert compare_passages(collection, bits=12) == 0


def test_a_stopped_pass_goes_on_in_the_next_run(collection):
    lines = [f"{WASHED} It is run {'x' * i}." for i in range(BATCH_PASSAGES + 9)]
    add(collection, "\n".join(lines))
    answers = iter([False, True])
    assert compare_passages(collection, bits=0, should_stop=lambda: next(answers)) == BATCH_PASSAGES
    assert compare_passages(collection, bits=0) == 9
