"""Which questions point back, and what they are searched with."""

import pytest

from ragapp.questions import points_back, search_text

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
