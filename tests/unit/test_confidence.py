import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit
from stored_documents import add, opened

from ragapp.analysis import query_terms
from ragapp.confidence import DEFAULT_FIT, Signals, confidence, is_read, signals
from ragapp.retrieval import retrieve

HANDBOOK = "The dome opens at dusk.\nVisitors need a coat.\nThe lens weighs 120 kg.\n"
CHINESE = "圆顶在黄昏打开。\n游客需要外套。\n镜头重120公斤。\n"
SHARES = st.floats(0.0, 1.0)
RARITY = {"dome": 2.0, "open": 1.0}


class ReadsNothing(FakeEmbedder):
    """Knows none of any text's characters."""

    def coverage(self, text):
        return 0.0


def with_coverage(*shares, dense_score=None):
    return [
        make_hit("x", rank=i, coverage=share, dense_score=dense_score)
        for i, share in enumerate(shares, start=1)
    ]


def test_no_hits_give_no_confidence():
    assert confidence(RARITY, []) == 0.0


def test_a_question_without_terms_gives_no_confidence():
    assert confidence({}, [make_hit("x")]) == 0.0


@given(SHARES, SHARES, st.none() | st.floats(-1.0, 1.0))
def test_confidence_grows_with_coverage(one, other, dense_score):
    low, high = (
        confidence(RARITY, with_coverage(share, dense_score=dense_score))
        for share in sorted((one, other))
    )
    assert 0.0 <= low <= high <= 1.0


@given(SHARES, st.floats(-1.0, 1.0), st.floats(-1.0, 1.0))
def test_confidence_grows_with_the_cosine(coverage, one, other):
    low, high = (
        confidence(RARITY, with_coverage(coverage, dense_score=score))
        for score in sorted((one, other))
    )
    assert low <= high


@given(st.permutations([0.1, 0.5, 0.9]))
def test_the_best_coverage_counts_whatever_hit_has_it(shares):
    assert signals(RARITY, with_coverage(*shares)).coverage == 0.9


def test_terms_in_one_sentence_support_more_than_apart():
    near = signals(RARITY, [make_hit("The dome opens. It rains. It pours.")])
    apart = signals(RARITY, [make_hit("The dome. It rains. It opens.")])

    assert near.sentence == 1.0
    assert apart.sentence < 1.0


def test_the_sentence_before_and_the_headings_support_too():
    found = signals(RARITY, [make_hit("It opens.", title="Dome")])

    assert found.sentence < found.stretch == 1.0


def test_the_legs_agree_where_they_have_the_same_best_hit():
    one, other = make_hit("x", dense_score=0.5, lexical_score=2.0), make_hit("y", dense_score=0.1)

    assert signals(RARITY, [one, other]).agreement == 1.0
    assert signals(RARITY, [make_hit("x", lexical_score=2.0), other]).agreement == 0.0


def test_a_question_that_the_dense_leg_did_not_search_is_not_read():
    assert not is_read([make_hit("x")])
    assert is_read([make_hit("x", dense_score=0.1)])


def test_the_default_fit_has_a_weight_for_each_signal():
    assert {len(DEFAULT_FIT.read), len(DEFAULT_FIT.unread)} == {1 + len(Signals._fields)}


@pytest.mark.parametrize(("question", "is_sure"), [("圆顶黄昏打开", True), ("潜水艇多少钱", False)])
def test_a_question_about_the_documents_is_told_from_another(tmp_path, question, is_sure):
    collection = opened(tmp_path / "collection")
    with collection.writing():
        add(collection, HANDBOOK, path="en.txt", title="Handbook")
        add(collection, CHINESE, path="zh.txt", title="手册")
    hits = retrieve(
        question, collection=collection, embedder=ReadsNothing(), top_k=5, n_candidates=100
    )
    rarity = collection.selection().term_weights(query_terms(question))
    collection.close()

    assert (confidence(rarity, hits) >= 0.5) is is_sure
