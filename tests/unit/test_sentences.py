import time
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragapp.sentences import split_sentences

PIECES = st.lists(
    st.sampled_from(
        [
            "Dr. Wu",
            "e.g.",
            "3.5",
            " ",
            "\n",
            "\n\n",
            ".",
            "!",
            "?",
            "。",
            "……",
            "”",
            ")",
            "）",
            "她醒了",
            "a",
            "A",
            "- item",
            "\t",
            "\u3000",
            "\x1c",
            "\u200b",
            "🔭",
            "#",
            "1. x",
        ]
    ),
    max_size=30,
).map("".join)
TEXTS = st.text(max_size=200) | PIECES

HOSTILE = {
    "full stops": lambda n: "." * n + "a",
    "line breaks": lambda n: "\n" * n,
    "blanks": lambda n: " " * n,
    "a line of blanks": lambda n: "\n" + " " * n,
    "a line of tabs, then text": lambda n: "\n" + "\t" * n + "x",
    "lines of one blank": lambda n: "\n " * (n // 2),
    "stops and blanks": lambda n: ". " * (n // 2),
    "stops and quotes": lambda n: '."' * (n // 2) + "a",
    "initials": lambda n: "a." * (n // 2),
    "Chinese stops": lambda n: "。" * n,
    "numbered lines": lambda n: "\n1" * (n // 2),
    "one word": lambda n: "a" * n,
}


def sentences(text):
    return [text[start:end] for start, end in split_sentences(text)]


def lasted(text):
    started = time.process_time()
    split_sentences(text)
    return time.process_time() - started


@given(TEXTS)
def test_every_visible_character_is_in_a_sentence(text):
    covered = {i for start, end in split_sentences(text) for i in range(start, end)}
    assert {i for i, character in enumerate(text) if not character.isspace()} <= covered


@given(TEXTS)
def test_sentences_are_in_order_and_do_not_overlap(text):
    assert all(first[1] <= second[0] for first, second in pairwise(split_sentences(text)))


@given(TEXTS)
def test_no_sentence_is_blank_or_has_white_space_around_it(text):
    assert all(sentence and sentence == sentence.strip() for sentence in sentences(text))


@given(TEXTS, st.integers(0, 60), st.integers(0, 60))
@example("One. Two. Three.", 4, 10)
def test_a_part_is_covered_and_nothing_outside_of_it(text, start, length):
    start = min(start, len(text))
    end = min(start + length, len(text))
    covered = {i for a, b in split_sentences(text, start=start, end=end) for i in range(a, b)}
    visible = {i for i in range(start, end) if not text[i].isspace()}
    assert visible <= covered <= set(range(start, end))


@given(TEXTS, TEXTS)
def test_a_blank_line_parts_texts_as_if_each_stood_alone(first, second):
    assert sentences(f"{first}\n\n{second}") == sentences(first) + sentences(second)


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Wu slept.",
        "Prof. Li and Mrs. Hu met Mr. Ma.",
        "The fee is 3.50 euros.",
        "Version 2.0.1 is out.",
        "J. R. Smith built it.",
        "See Fig. 3 and pp. 4 to 6.",
        "Bring tools, e.g. a torch.",
        "It opens at 7 p.m. on Fridays.",
        "The U.S. team came.",
        "Read ragapp.toml first.",
        "It ran, etc. and then stopped.",
    ],
)
def test_a_full_stop_inside_a_sentence_is_no_border(sentence):
    assert sentences(f"{sentence} Next.") == [sentence, "Next."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        ("Why? No! Well...", ["Why?", "No!", "Well..."]),
        ('He said "go." Then he left.', ['He said "go."', "Then he left."]),
        ("天文台开放。请预约！几点？", ["天文台开放。", "请预约！", "几点？"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("（见下文。）好", ["（见下文。）", "好"]),
        ("等等……然后", ["等等……", "然后"]),
        ("镜面直径3.5米。重2吨。", ["镜面直径3.5米。", "重2吨。"]),
        ("Dr. Wu slept. 她醒了。", ["Dr. Wu slept.", "她醒了。"]),
        ("Opening hours\n\nDaily", ["Opening hours", "Daily"]),
        ("Bring\n- a torch\n- a coat", ["Bring", "- a torch", "- a coat"]),
        ("步骤\n一、登记\n二、入场", ["步骤", "一、登记", "二、入场"]),
        ("a line\nthat goes on", ["a line\nthat goes on"]),
    ],
)
def test_borders_stand_where_a_reader_puts_them(text, expected):
    assert sentences(text) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u3000\t"])
def test_a_blank_text_has_no_sentence(text):
    assert split_sentences(text) == []


@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_hostile_text_takes_no_more_than_about_twice_as_long(name):
    make = HOSTILE[name]
    once = min(lasted(make(100_000)) for _ in range(2))
    assert lasted(make(200_000)) <= 3.2 * once + 0.2
