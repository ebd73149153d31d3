"""Which questions point back, and what they are searched with."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp.questions import newest_turns, points_back, search_text

LENS = ("user", "How heavy is the lens?")


@pytest.mark.parametrize(
    "question",
    [
        "And in winter?",
        "How about the lens?",
        "What about a family?",
        "Who built it?",
        "When were they washed?",
        "How often?",
        "那冬天呢？",
        "它是谁造的？",
        "他们什么时候来？",
        "这个多少钱？",
        "镜头呢？",
        "多久一次？",
    ],
)
def test_a_pronoun_an_ellipsis_or_hardly_a_word_points_back(question):
    assert points_back(question)


@pytest.mark.parametrize(
    "question",
    [
        "How wide is the dome of the Heron telescope?",
        "Who is the engineer that looks after the Sparrow Array?",
        "How long does it take to clear the summit?",
        "Are there wheelchairs for visitors at the desk?",
        "What is Weaver?",
        "灯笼望远镜的主镜口径是多少？",
        "其他游客在山顶需要带外套吗？",
        "改正镜上结了露水，应该怎么处理？",
    ],
)
def test_a_question_with_a_subject_of_its_own_does_not_point_back(question):
    assert not points_back(question)


def test_a_question_of_its_own_is_searched_as_it_stands():
    question = "How wide is the dome of the Heron telescope?"
    assert search_text(question, [LENS, ("assistant", "120 kg.")]) == question


def test_a_follow_up_takes_the_question_before_it_and_not_the_answer():
    found = search_text("Who ground it?", [LENS, ("assistant", "120 kg.")])
    assert found == "How heavy is the lens? Who ground it?"


def test_a_chain_of_follow_ups_is_traced_back_to_the_question_with_a_subject():
    dome = ("user", "How wide is the dome of the Heron telescope?")
    questions = [("user", "Who painted the Lower Station?"), dome, ("user", "And how high?")]
    found = search_text("Who built it?", questions)
    assert found == "How wide is the dome of the Heron telescope? And how high? Who built it?"


def test_a_chain_is_not_traced_back_for_ever():
    assert (
        search_text("Why?", [("user", f"And {i}?") for i in range(9)])
        == "And 6? And 7? And 8? Why?"
    )


def test_the_first_question_is_searched_as_it_stands():
    assert search_text("Who built it?", []) == "Who built it?"


# --- how many of the turns a model is shown

TURNS = st.lists(st.tuples(st.text("ab圆", max_size=9), st.text("ab圆", max_size=30)), max_size=20)


def characters(texts):
    return [len(text) for text in texts]


def history_of(turns):
    return [part for q, a in turns for part in (("user", q), ("assistant", a))]


def size_of(history):
    return sum(len(text) for _, text in history)


@given(TURNS, st.integers(0, 120))
def test_the_turns_shown_are_the_newest_and_fit(turns, n_tokens):
    history = history_of(turns)
    shown, n_dropped = newest_turns(history, n_tokens, characters)
    assert list(shown) == history_of(turns[n_dropped:])
    assert size_of(shown) <= n_tokens


@given(TURNS)
def test_no_turn_is_dropped_where_all_fit(turns):
    history = history_of(turns)
    assert newest_turns(history, size_of(history), characters) == (history, 0)


@given(TURNS.filter(bool))
def test_the_newest_turn_is_shown_where_it_fits(turns):
    n_tokens = size_of(history_of(turns[-1:]))
    shown, _ = newest_turns(history_of(turns), n_tokens, characters)
    assert list(shown[-2:]) == history_of(turns[-1:])


@given(TURNS, st.integers(40, 200))
def test_the_turns_shown_begin_alike_unless_the_new_one_does_not_fit(turns, n_tokens):
    """A model's cache of the earlier turns goes on."""
    shown = [
        newest_turns(history_of(turns[:n]), n_tokens, characters) for n in range(len(turns) + 1)
    ]
    for place, ((before, n_before), (after, n_after)) in enumerate(pairwise(shown)):
        added = size_of(history_of(turns[place : place + 1]))
        assert list(after[: len(before)]) == list(before) or size_of(before) + added > n_tokens
        assert n_after >= n_before


def test_an_answer_without_a_question_is_a_turn_of_its_own():
    history = [("assistant", "Hello."), ("user", "Who?"), ("assistant", "Wu.")]
    assert newest_turns(history, 7, characters) == (history[1:], 1)
