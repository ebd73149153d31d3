import re
from threading import Event

import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit

from ragapp.language_models.extractive import ExtractiveModel
from ragapp.prompting import build_messages
from ragapp.types import GenerationOptions

HANDBOOK = (
    "Opening hours\n\nThe dome opens at 18:30 on Fridays. Visitors need a coat. "
    "The telescope was built by Dr. Wu in 1987."
)
CHINESE = "开放时间\n\n圆顶每周五18:30打开。游客需要外套。望远镜由吴博士于1987年建造。"
OTHER = "The harbour office closes at noon. Boats longer than 20 m need a pilot."


class ReadsEnglish(FakeEmbedder):
    """Knows no character beyond ASCII, as an English model does."""

    def coverage(self, text):
        return sum(character.isascii() for character in text) / max(len(text), 1)


def answer(question, *texts, embedder=None):
    hits = [make_hit(text, rank=i, document=f"d{i}") for i, text in enumerate(texts, start=1)]
    return answered(question, hits, embedder=embedder)


def answered(question, hits, *, embedder=None):
    messages = build_messages(question, hits)
    pieces = ExtractiveModel(embedder or ReadsEnglish()).stream(
        messages, options=GenerationOptions(), cancelled=Event()
    )
    return "".join(piece.text for piece in pieces)


def quotes(text):
    """Return (quote, number) of each line of an answer."""
    return [(m[1], int(m[2])) for m in re.finditer(r"(.+?) \[(\d+)\](?:\n|$)", text, re.DOTALL)]


PASSAGES = st.lists(
    st.sampled_from(
        [HANDBOOK, CHINESE, OTHER, "| a | b |\n| 1 | 2 |", "- one\n- two", "x", "。", "One.Two"]
    )
    | st.text(min_size=1, max_size=40).filter(lambda text: "[" not in text and text.strip() != ""),
    min_size=1,
    max_size=4,
)


@given(PASSAGES, st.sampled_from(["When does the dome open?", "圆顶几点打开？", "?", "a"]))
def test_every_quote_is_a_part_of_the_passage_it_names(texts, question):
    found = quotes(answer(question, *texts))
    assert found
    assert all(quote in texts[number - 1] for quote, number in found)


@given(PASSAGES, st.sampled_from(["When does the dome open?", "圆顶几点打开？"]))
def test_at_most_two_sentences_are_quoted(texts, question):
    assert 1 <= len(quotes(answer(question, *texts))) <= 2


def test_no_sentence_is_quoted_twice():
    found = quotes(answer("When does the dome open?", HANDBOOK, HANDBOOK))
    assert len({quote for quote, _ in found}) == len(found)


@pytest.mark.parametrize("embedder", [FakeEmbedder(), ReadsEnglish()])
@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("When does the dome open?", "18:30"),
        ("What do visitors need?", "coat"),
        ("Who built the telescope?", "Dr. Wu"),
        ("圆顶几点打开？", "18:30"),
        ("游客需要什么？", "外套"),
        ("望远镜是谁建造的？", "吴博士"),
    ],
)
def test_the_sentence_that_answers_is_quoted(question, part, embedder):
    passage = HANDBOOK if question.isascii() else CHINESE
    assert part in answer(question, passage, OTHER, embedder=embedder)


def test_the_answer_may_stand_in_a_later_passage():
    found = quotes(answer("When does the harbour office close?", HANDBOOK, OTHER))
    assert ("The harbour office closes at noon.", 2) in found


def test_a_passage_answers_in_its_own_language():
    assert "圆顶每周五18:30打开。" in answer("dome 圆顶 18:30 打开?", CHINESE)


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(
    ("question", "heading", "body"),
    [
        (
            "What are the opening hours?",
            "Opening hours",
            "The dome opens at 18:30 on Fridays. It closes at 22:00 on all days.",
        ),
        ("开放时间是什么？", "开放时间", "圆顶每周五18:30开放。关闭的时间为22:00。"),
    ],
)
def test_a_heading_is_not_chosen_over_the_sentences_below_it(question, heading, body, is_known):
    hit = make_hit(f"{heading}\n\n{body}", heading=heading if is_known else "")
    assert heading not in [quote for quote, _ in quotes(answered(question, [hit]))]


def test_a_heading_is_quoted_where_there_is_nothing_else():
    assert answer("What are the opening hours?", "Opening hours") == "Opening hours [1]"


def test_a_table_is_quoted_by_the_row():
    table = "Weights of parts\n| lens | 120 kg |\n| mirror | 900 kg |\n| dome | 40 t |"
    assert quotes(answer("What is the weight of the mirror?", table))[0][0] in table.split("\n")


def test_a_sentence_with_a_number_is_preferred_where_a_number_is_asked_for():
    passage = "The lens is heavy to lift. The lens weighs 120 kg to lift."
    assert quotes(answer("How much is the lens to lift?", passage))[-1][0].endswith(
        "120 kg to lift."
    )


def test_quotes_stand_in_reading_order():
    text = answer("When does the dome open and what do visitors need?", HANDBOOK)
    places = [HANDBOOK.index(quote) for quote, _ in quotes(text)]
    assert places == sorted(places)


def test_there_is_nothing_to_say_without_passages():
    assert answer("When does the dome open?") == ""


def test_the_usage_counts_prompt_and_answer():
    messages = build_messages("When does the dome open?", [make_hit(HANDBOOK)])
    embedder = FakeEmbedder()
    pieces = list(
        ExtractiveModel(embedder).stream(messages, options=GenerationOptions(), cancelled=Event())
    )
    text = "".join(piece.text for piece in pieces)
    usage = pieces[-1].usage
    assert usage.prompt_tokens == sum(embedder.count_tokens([m.text for m in messages]))
    assert usage.new_tokens == embedder.count_tokens([text])[0]


def test_text_that_the_embedder_cannot_read_is_not_embedded():
    embedder = ReadsEnglish()
    answer("圆顶几点打开？", CHINESE, embedder=embedder)
    assert embedder.n_embedded == 0
