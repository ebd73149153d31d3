import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit

from ragapp.citing import cite, marker

DOME = "The dome opens at dusk. It closes at dawn. Visitors need a coat."
LENS = "The lens weighs 120 kg. Dr. Wu cleaned it in 2012."
CHINESE = "圆顶在黄昏打开。游客需要外套。镜头重120公斤。"
BEFORE = "An introduction.\n\n"
HITS = [
    make_hit(DOME, document="d1", before=BEFORE),
    make_hit(LENS, rank=2, document="d2"),
    make_hit(CHINESE, rank=3, document="d3", before="前言。"),
]
DOCUMENTS = {"d1": BEFORE + DOME, "d2": LENS, "d3": "前言。" + CHINESE}
ANSWERS = st.lists(
    st.sampled_from(
        [
            "The dome opens",
            " at dusk. ",
            "圆顶在黄昏打开。",
            "[1]",
            " [2]",
            "[3]",
            "[9]",
            "[0]",
            "[001]",
            " ",
            "\n",
            ".",
            "。",
            "[",
            "]",
            "120",
            "kg",
            "nothing",
            "[٣]",
            DOME,
            "Dr. Wu",
        ]
    ),
    max_size=12,
).map("".join)


def quotes(text, hits=HITS):
    return [citation.quote for citation in cite(text, hits)[1]]


@given(ANSWERS | st.text(max_size=60))
def test_every_citation_resolves_to_the_documents_text(text):
    for citation in cite(text, HITS)[1]:
        document = DOCUMENTS[citation.document_id]
        assert citation.quote == document[citation.start : citation.end] != ""


@given(ANSWERS)
def test_the_markers_left_are_those_of_the_citations(text):
    cited, citations = cite(text, HITS)
    left = {int(number) for number in re.findall(r"\[(\d{1,3})\]", cited)}
    assert left == {citation.marker for citation in citations}


@given(ANSWERS)
def test_nothing_but_markers_and_blanks_is_taken_away(text):
    def bare(answer):
        return "".join(re.sub(r"\[\d{1,3}\]", "", answer).split())

    assert bare(cite(text, HITS)[0]) == bare(text)


@given(ANSWERS)
def test_no_citation_stands_twice(text):
    citations = cite(text, HITS)[1]
    assert len(citations) == len(set(citations))


@given(st.text(max_size=60))
def test_without_passages_there_is_nothing_to_cite(text):
    assert cite(text + "[1]", [])[1] == ()


def test_a_marker_is_a_number_in_brackets():
    assert marker(2) == "[2]"


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("The dome opens at dusk. [1]", "The dome opens at dusk."),
        ("It closes at dawn [1].", "It closes at dawn"),
        ("圆顶在黄昏打开。[3]", "圆顶在黄昏打开。"),
        ("镜头重120公斤[3]。", "镜头重120公斤"),
        (f"{DOME} [1]", DOME),
    ],
)
def test_a_claim_that_stands_in_the_passage_is_quoted_word_for_word(answer, quote):
    assert quotes(answer) == [quote]


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("They open the dome when it is dusk [1].", "The dome opens at dusk."),
        ("In the end you should bring a coat as a visitor. [1]", "Visitors need a coat."),
        ("The weight of the lens: 120 kg [2]", "The lens weighs 120 kg."),
        ("那里的游客应该带上外套[3]。", "游客需要外套。"),
    ],
)
def test_a_claim_in_other_words_quotes_the_sentence_that_supports_it(answer, quote):
    assert quotes(answer) == [quote]


@pytest.mark.parametrize("answer", ["Bananas grow in the tropics [1].", "香蕉很甜[3]。"])
def test_a_claim_that_shares_nothing_with_its_passage_loses_its_marker(answer):
    cited, citations = cite(answer, HITS)
    assert "[" not in cited
    assert citations == ()


@pytest.mark.parametrize("number", ["0", "4", "99", "000"])
def test_a_marker_out_of_range_goes_with_the_blank_before(number):
    assert cite(f"The dome opens at dusk [{number}].", HITS) == ("The dome opens at dusk.", ())


def test_a_year_in_brackets_is_no_marker():
    assert cite("The dome opens at dusk [2012].", HITS)[0] == "The dome opens at dusk [2012]."


@pytest.mark.parametrize("between", ["", " ", "\n"])
def test_markers_side_by_side_share_their_claim(between):
    answer = f"The dome opens at dusk; the lens weighs 120 kg. [1]{between}[2]"
    assert [citation.marker for citation in cite(answer, HITS)[1]] == [1, 2]


def test_a_bad_marker_beside_a_good_one_goes_alone():
    assert cite("The dome opens at dusk. [1] [7]", HITS)[0] == "The dome opens at dusk. [1]"


def test_each_marker_stands_for_the_sentence_before_it():
    answer = "The dome opens at dusk. [1] The lens weighs 120 kg. [2] It closes at dawn. [1]"
    assert quotes(answer) == [
        "The dome opens at dusk.",
        "The lens weighs 120 kg.",
        "It closes at dawn.",
    ]


def test_the_same_claim_twice_is_one_citation():
    assert len(quotes("The dome opens at dusk. [1] The dome opens at dusk. [1]")) == 1


def test_a_number_is_not_found_inside_a_longer_number():
    assert "12" not in quotes("12 [2]")


def test_a_word_is_not_found_inside_a_longer_word():
    assert "we" not in quotes("we [2]", [HITS[0], make_hit("The lens weighs much.", rank=2)])


def test_reference_numbers_of_the_passage_do_not_take_its_marker_away():
    text = "The mirror was coated again in spring, as in [12]."
    assert [c.marker for c in cite(f"{text} [1]", [make_hit(text)])[1]] == [1]


def test_reference_numbers_of_a_quoted_passage_stay_in_the_quote():
    text = "The mirror was coated again [12] in spring."
    assert cite(f"{text} [1]", [make_hit(text)])[0] == f"{text} [1]"


@pytest.mark.parametrize(("quote", "page"), [("One.", 1), ("Two.", 2), ("Three.", 3)])
def test_the_page_is_that_on_which_the_quote_stands(quote, page):
    text = "One. Two. Three."
    hit = make_hit(text, before="xx", page=1, pages=((1, 0, 7), (2, 7, 12), (3, 12, 18)))
    assert cite(f"{quote} [1]", [hit])[1][0].page == page


def test_a_document_without_pages_has_no_page():
    assert cite("The dome opens at dusk. [1]", HITS)[1][0].page is None


def test_a_citation_names_its_chunk_and_all_its_sources():
    hit = make_hit(DOME, also_in=("copy.txt",))
    (citation,) = cite("The dome opens at dusk. [1]", [hit])[1]
    assert (citation.document_id, citation.source, citation.chunk_id, citation.also_in) == (
        "d1", "d1.txt", "d1-0001", ("copy.txt",),
    )  # fmt: skip


def test_an_answer_without_markers_has_no_citations():
    assert cite("The dome opens at dusk.", HITS) == ("The dome opens at dusk.", ())
