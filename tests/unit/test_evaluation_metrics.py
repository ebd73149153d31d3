"""The figures of an evaluation against cases computed by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp.abstention import Judged, auroc, measure_abstention, refused_at
from ragapp.evaluation.intervals import mean_interval, paired_difference
from ragapp.evaluation.matching import exact_match, f1, holds, is_label
from ragapp.evaluation.ranking import score_rankings

SHARES = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30)


def score(ranking, relevant):
    return score_rankings({"q": ranking}, {"q": relevant})["q"]


def numbered(n):
    return [f"p{i}" for i in range(n)]


# --- rankings


def test_one_relevant_passage_at_rank_two():
    assert score(["x", "a", "y"], {"a": 1}) == pytest.approx(
        {
            "recall@1": 0.0,
            "recall@5": 1.0,
            "recall@10": 1.0,
            "nDCG@10": 1 / math.log2(3),
            "MRR@10": 0.5,
        }
    )


def test_two_relevant_passages_at_ranks_one_and_six():
    scores = score(["a", "v", "w", "x", "y", "b"], {"a": 1, "b": 1})
    ideal = 1 + 1 / math.log2(3)

    assert scores == pytest.approx(
        {
            "recall@1": 0.5,
            "recall@5": 0.5,
            "recall@10": 1.0,
            "nDCG@10": (1 + 1 / math.log2(7)) / ideal,
            "MRR@10": 1.0,
        }
    )


def test_grades_are_the_gain_of_ndcg():
    found = score(["b", "a"], {"a": 3, "b": 1})["nDCG@10"]

    assert found == pytest.approx((1 + 3 / math.log2(3)) / (3 + 1 / math.log2(3)))


@pytest.mark.parametrize(("rank", "reciprocal"), [(1, 1.0), (4, 0.25), (10, 0.1), (11, 0.0)])
def test_the_reciprocal_rank_counts_ten_places(rank, reciprocal):
    ranking = [*numbered(rank - 1), "a"]

    assert score(ranking, {"a": 1})["MRR@10"] == pytest.approx(reciprocal)


@pytest.mark.parametrize("rankings", [{}, {"q": []}, {"q": ["x"]}, {"other": ["a"]}])
def test_what_is_not_found_scores_nothing(rankings):
    assert set(score_rankings(rankings, {"q": {"a": 1}})["q"].values()) == {0.0}


@given(st.permutations(numbered(12)), st.sets(st.sampled_from(numbered(12)), min_size=1))
def test_every_metric_is_a_share(ranking, relevant):
    assert all(0.0 <= x <= 1.0 for x in score(ranking, dict.fromkeys(relevant, 1)).values())


@given(st.permutations(numbered(12)), st.sampled_from(numbered(12)))
def test_with_one_relevant_passage_recall_at_1_is_hit_at_1(ranking, relevant):
    assert score(ranking, {relevant: 1})["recall@1"] == (ranking[0] == relevant)


# --- answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("It closed in the U.S. in 1999.", "the US"),
        ("The dome closes at 14 m/s", "14 m/s"),
        ("由光荣和 ω-force 开发", "光荣和ω-force"),
        ("高１６０厘米", "160厘米"),
        ("It was Mary-Ann’s.", "mary-ann's"),
    ],
)
def test_an_answer_stands_in_a_text(text, answer):
    assert holds(text, [answer])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("13088 points", "308"), ("a sunny day", "sun"), ("什么都没有", "公司"), ("x", "the")],
)
def test_an_answer_does_not_stand_in_a_text(text, answer):
    assert not holds(text, [answer])


def test_any_of_the_answers_is_enough():
    assert holds("In Melbourne.", ["Sydney", "Melbourne"])


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("The Dome!", "dome", 1.0),
        ("dome closes", "dome", 0.0),
        ("《望远镜》。", "望远镜", 1.0),
        ("", "dome", 0.0),
    ],
)
def test_exact_match_is_of_the_normalised_texts(text, answer, expected):
    assert exact_match(text, [answer]) == expected


@pytest.mark.parametrize(
    ("text", "answer", "expected"),
    [
        ("the dome closes early", "dome closes", 0.8),  # precision 2/3, recall 1
        ("wind", "dome", 0.0),
        ("每秒十五米", "十五米", 0.75),  # 3 of 5 characters, 3 of 3
        ("dome", "dome", 1.0),
    ],
)
def test_f1_as_computed_by_hand(text, answer, expected):
    assert f1(text, [answer]) == pytest.approx(expected)


def test_f1_is_that_of_the_best_answer():
    assert f1("dome", ["wind", "dome"]) == 1.0


@pytest.mark.parametrize(
    ("answers", "expected"), [(["yes"], True), (["No", "maybe"], True), (["yes", "308"], False)]
)
def test_labels_are_told_from_texts(answers, expected):
    assert is_label(answers) is expected


# --- intervals


@given(SHARES)
def test_a_mean_lies_in_its_interval(values):
    interval = mean_interval(values)

    assert min(values) - 1e-9 <= interval.low <= interval.high <= max(values) + 1e-9
    assert interval.n == len(values)
    assert interval.value == pytest.approx(sum(values) / len(values))


def test_equal_values_have_an_interval_of_no_width():
    interval = mean_interval([0.5] * 20)

    assert (interval.low, interval.high) == (0.5, 0.5)


def test_the_interval_of_a_proportion_is_near_the_normal_one():
    interval = mean_interval([1.0] * 80 + [0.0] * 20)
    half = 1.96 * math.sqrt(0.8 * 0.2 / 100)

    assert interval.low == pytest.approx(0.8 - half, abs=0.015)
    assert interval.high == pytest.approx(0.8 + half, abs=0.015)


def test_the_same_values_have_the_same_interval():
    assert mean_interval([0.0, 1.0, 1.0]) == mean_interval([0.0, 1.0, 1.0])


def test_a_constant_gain_is_hardly_chance():
    pair = paired_difference([0.6] * 20, [0.5] * 20)

    assert (pair.low, pair.high) == pytest.approx((0.1, 0.1))
    assert pair.p_value < 0.01


def test_no_difference_is_surely_chance():
    assert paired_difference([0.3, 0.4], [0.3, 0.4]).p_value == 1.0


def test_a_gain_of_three_pairs_has_the_exact_chance_of_its_signs():
    pair = paired_difference([1.0] * 3, [0.0] * 3)

    assert pair.p_value == pytest.approx(2 / 8, abs=0.04)


@given(SHARES)
def test_a_difference_turned_round_has_the_other_sign(values):
    other = values[::-1]
    one, back = paired_difference(values, other), paired_difference(other, values)

    assert one.difference == pytest.approx(-back.difference)


# --- refusals


def judged(*rows):
    return [Judged(*row) for row in rows]


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [([0.9], [0.1], 1.0), ([0.1], [0.9], 0.0), ([0.5], [0.5], 0.5), ([0.9, 0.4], [0.5], 0.5)],
)
def test_auroc_as_computed_by_hand(positive, negative, expected):
    assert auroc(positive, negative) == expected


@pytest.mark.parametrize(
    ("answerable", "unanswerable", "share", "expected"),
    [
        ([0.5] * 95 + [0.1] * 5, [0.2, 0.3, 0.6, 0.05], 0.05, 3 / 4),
        ([0.5] * 96 + [0.1] * 4, [0.2, 0.3, 0.6, 0.05], 0.0, 1 / 4),
        ([0.9], [0.1, 0.95], 0.05, 1 / 2),
    ],
)
def test_the_share_refused_at_few_false_refusals_as_counted_by_hand(
    answerable, unanswerable, share, expected
):
    assert refused_at(answerable, unanswerable, false_share=share) == expected


def test_refusals_as_counted_by_hand():
    measured = measure_abstention(
        judged(
            (0.9, False, True, True),
            (0.8, False, False, False),
            (0.4, True, True, True),
            (0.2, True, False, False),
            (0.1, True, False, False),
        )
    )

    assert measured.precision == pytest.approx(2 / 3)
    assert measured.recall == pytest.approx(2 / 3)
    assert measured.auroc == pytest.approx(5 / 6)
    assert [risk for _, risk in measured.curve] == pytest.approx([0, 1 / 2, 1 / 3, 2 / 4, 3 / 5])
    assert [coverage for coverage, _ in measured.curve] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert measured.area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2 + 3 / 5) / 5)


def test_without_a_refusal_there_is_no_precision():
    measured = measure_abstention(judged((0.9, False, True, True), (0.8, False, False, False)))

    assert measured.precision is None
    assert measured.recall == 0.0


@pytest.mark.parametrize("is_answerable", [True, False])
def test_questions_of_one_kind_measure_no_refusals(is_answerable):
    assert measure_abstention(judged((0.9, False, is_answerable, True))) is None


def test_of_equal_confidence_the_wrong_answer_counts_first():
    rows = judged((0.5, False, True, True), (0.5, False, False, False))

    assert measure_abstention(rows).curve == ((0.5, 1.0), (1.0, 0.5))
