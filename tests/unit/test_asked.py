import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp.language_models.asked import KINDS, wanted_by


def named(question, sentence):
    return {
        kind
        for kind, is_there in zip(KINDS, wanted_by(question)(sentence), strict=True)
        if is_there
    }


@pytest.mark.parametrize(
    ("question", "sentence", "kind"),
    [
        ("When was the dome built?", "It was built in 1987.", "time"),
        ("圆顶是什么时候建成的？", "圆顶于1987年建成。", "time"),
        ("How many mirrors are there?", "There are 12 mirrors.", "quantity"),
        ("一共有多少面镜子？", "一共有十二面镜子，另有三个备用。", "quantity"),
        ("Who built the dome?", "The dome was built by Wu Lan.", "person"),
        ("圆顶是谁建造的？", "圆顶由陈立主持建造。", "person"),
        ("Where does the ferry stop?", "The ferry stops in Larkmouth.", "place"),
        ("渡船停在哪里？", "渡船停在柳渡镇。", "place"),
        ("Why is it closed?", "It is closed because of the wind.", "reason"),
        ("为什么关闭？", "由于大风，今天关闭。", "reason"),
    ],
)
def test_a_sentence_that_names_what_is_asked_for_is_told(question, sentence, kind):
    assert kind in named(question, sentence)


def test_a_name_of_the_question_is_no_answer_to_who():
    assert named("Who met Wu Lan?", "Yesterday they met Wu Lan.") == set()


@given(st.text(max_size=60))
def test_a_question_that_asks_for_none_of_the_kinds_finds_none(sentence):
    assert named("Describe the colour.", sentence) == set()
