import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp import traditional as traditional_table
from ragapp.analysis import (
    MAX_QUERY_TERMS,
    cjk_share,
    informative_terms,
    is_chinese,
    query_terms,
    term_spans,
    terms_of,
    weighted_coverage,
)

TEXTS = st.text(max_size=80)
WRITTEN = [
    "ferries",
    "渡船从码头开出",
    "12,500",
    "WX-200",
    "ﬁne",
    "½",
    "café",
    "Ｃ++",
    "、",
    "it's",
]
HOSTILE = {
    "one letter": lambda n: "a" * n,
    "the letter y": lambda n: "y" * n,
    "endings": lambda n: "ing" * (n // 3),
    "dotted letters": lambda n: "a." * (n // 2),
    "apostrophes": lambda n: "a'" * (n // 2),
    "commas": lambda n: "1," * (n // 2),
    "thousands": lambda n: "1,111" * (n // 5),
    "digits": lambda n: "1" * n,
    "one Chinese character": lambda n: "望" * n,
    "Chinese function words": lambda n: "的" * n,
    "stops": lambda n: "." * n + "a",
    "line breaks": lambda n: "\n" * n,
    "blanks": lambda n: " " * n,
    "combining marks": lambda n: "a" + "\u0301" * n,
    "ligatures that unfold": lambda n: "\ufdfa" * (n // 18),
}


def lasted(function, text):
    started = time.process_time()
    function(text)
    return time.process_time() - started


@given(TEXTS)
def test_no_term_is_empty_or_holds_white_space(text):
    assert all(term and not any(c.isspace() for c in term) for term in terms_of(text))


@given(TEXTS, TEXTS)
def test_texts_on_lines_of_their_own_have_their_terms_in_turn(first, second):
    assert terms_of(f"{first}\n\n{second}") == terms_of(first) + terms_of(second)


@given(TEXTS)
def test_the_terms_of_a_question_are_terms_of_its_text_or_parts_of_them(text):
    assert set(query_terms(text)) <= set(terms_of(text))


@given(TEXTS)
def test_the_terms_of_a_question_are_distinct(text):
    terms = query_terms(text)
    assert len(terms) == len(set(terms))


@given(TEXTS)
def test_a_text_with_terms_is_never_a_question_without(text):
    assert bool(query_terms(text)) == bool(terms_of(text))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("telescopes", "telescope"),
        ("repaired", "repairing"),
        ("OPENING", "opens"),
        ("Wu's", "Wu"),
        ("Wu’s", "wu"),
        ("ＷＸ－２００", "wx-200"),
        ("３．５", "3.5"),
        ("1,234,567", "1234567"),
        ("１，２３４", "1234"),
        ("ﬁlter", "filter"),
        ("Straße", "STRASSE"),
        ("㎏", "kg"),
    ],
)
def test_two_spellings_give_the_same_terms(one, other):
    assert terms_of(one) == terms_of(other)


@pytest.mark.parametrize("number", ["12,34", "1,2345", "1,2,3"])
def test_a_comma_that_parts_no_thousands_parts_numbers(number):
    assert terms_of(number) == number.split(",")


@pytest.mark.parametrize("code", ["c++", "c#", "3.5", "2.0.1", "wx-200", "v3.5", "192.168.0.1"])
def test_a_code_is_kept_whole(code):
    assert code in terms_of(f"the {code.upper()}, again")


def test_a_code_is_found_by_its_parts_too():
    assert terms_of("WX-200") == ["wx-200", "wx", "200"]


def test_c_and_c_plus_plus_are_different_terms():
    assert "c" not in terms_of("C++")


def test_chinese_gives_characters_and_bigrams():
    assert terms_of("望远镜") == ["望", "远", "镜", "望远", "远镜"]


def test_no_bigram_spans_a_mark():
    assert "镜望" not in terms_of("镜，望")


def test_chinese_and_english_side_by_side_are_told_apart():
    assert terms_of("用Python写") == ["用", "python", "写"]


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("When does the dome open?", ["dome", "open"]),
        ("What is the weight of WX-200?", ["weight", "wx-200", "wx", "200"]),
        ("What's in the dome?", ["dome"]),
        ("圆顶什么时候打开？", ["圆", "顶", "打", "开", "圆顶", "打开"]),
        ("望远镜的重量是多少？", ["望", "远", "镜", "重", "量", "望远", "远镜", "重量"]),
    ],
)
def test_function_words_are_left_out_of_a_question(question, terms):
    assert sorted(query_terms(question)) == sorted(terms)


@pytest.mark.parametrize("question", ["What is it?", "Who are you", "是什么", "怎么办？"])
def test_a_question_of_function_words_alone_keeps_them(question):
    assert query_terms(question) == list(dict.fromkeys(terms_of(question)))


def test_a_question_has_at_most_the_most_terms_that_are_searched():
    assert len(query_terms(" ".join(f"word{i}" for i in range(200)))) == MAX_QUERY_TERMS


def test_the_first_terms_of_a_long_question_are_kept():
    words = [f"{i}" for i in range(200)]
    assert query_terms(" ".join(words)) == words[:MAX_QUERY_TERMS]


def test_characters_that_a_bigram_covers_are_not_informative():
    assert informative_terms(["望", "远", "镜", "望远", "dome"]) == ["镜", "望远", "dome"]


@given(st.dictionaries(st.sampled_from(["dome", "望远", "3.5", "x"]), st.floats(0, 1e6)), TEXTS)
def test_coverage_is_a_share(weights, text):
    assert 0.0 <= weighted_coverage(weights, text + " dome 望远镜") <= 1.0


def test_coverage_weighs_terms():
    assert weighted_coverage({"dome": 3.0, "roof": 1.0}, "The domes") == 0.75


def test_coverage_of_nothing_is_nothing():
    assert weighted_coverage({}, "dome") == 0.0


@given(TEXTS)
def test_the_chinese_share_is_a_share(text):
    assert 0.0 <= cjk_share(text) <= 1.0


@pytest.mark.parametrize("text", ["望远镜在哪里？", "GPU 的显存有多大？"])
def test_a_chinese_question_is_known_as_one(text):
    assert is_chinese(text)


@pytest.mark.parametrize(
    "text", ["Where is it?", "What does the word 望 mean in Chinese?", "", "3"]
)
def test_another_question_is_not_taken_for_chinese(text):
    assert not is_chinese(text)


@pytest.mark.parametrize("function", [terms_of, query_terms])
@pytest.mark.parametrize("name", HOSTILE)
def test_twice_the_hostile_text_takes_no_more_than_about_twice_as_long(function, name):
    make = HOSTILE[name]
    once = lasted(function, make(80_000))
    assert lasted(function, make(160_000)) <= 2.8 * once + 0.1


@pytest.mark.parametrize(
    ("text", "terms", "marked"),
    [
        ("Two ferries leave.", {"ferri"}, ["ferries"]),
        ("The FERRY, the ferry", {"ferri"}, ["FERRY", "ferry"]),
        ("渡船每天从码头开出", {"渡船", "码头"}, ["渡船", "码头"]),
        ("渡船每天从码头开出", {"渡", "渡船", "船每"}, ["渡船每"]),
        ("costs 12,500 yuan", {"12500"}, ["12,500"]),
        ("the ＷＸ－２００ station", {"wx"}, ["ＷＸ－２００"]),
        ("zero\u200bwidth ferries", {"zerowidth"}, ["zero\u200bwidth"]),
        ("cafe\u0301 society", {"café"}, ["cafe\u0301"]),
        ("no such thing", {"ferri"}, []),
        ("", {"ferri"}, []),
    ],
)
def test_a_term_is_found_where_it_stands_in_the_text_as_written(text, terms, marked):
    assert [text[start:end] for start, end in term_spans(text, terms)] == marked


@given(st.lists(st.sampled_from(WRITTEN) | TEXTS, max_size=8), st.randoms(use_true_random=False))
def test_marked_places_hold_the_terms_and_lie_apart_in_order(pieces, chance):
    text = " ".join(pieces)
    terms = set(chance.sample(all_terms := sorted(set(terms_of(text))), len(all_terms) // 2))

    spans = term_spans(text, terms)

    assert bool(spans) == bool(terms)
    assert all(terms & set(terms_of(text[start:end])) for start, end in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize(
    ("traditional", "simplified"), [("望遠鏡的鏡面", "望远镜的镜面"), ("為什麼開門", "为什么开门")]
)
def test_both_chinese_scripts_give_the_same_terms(traditional, simplified):
    assert terms_of(traditional) == terms_of(simplified)
    assert query_terms(traditional) == query_terms(simplified)


def test_a_term_of_the_other_script_is_marked_where_it_stands():
    assert term_spans("A 望遠鏡", {"远镜"}) == [(3, 5)]


def test_the_table_of_characters_leads_to_simplified_ones_alone():
    table = traditional_table.SIMPLIFIED
    assert not set(table) & set(table.values())
