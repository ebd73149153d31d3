"""An answer's sentences against the passages: nothing false keeps its support."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit

from ragapp.verifying import verify, without_ungrounded

BEFORE = "An introduction.\n\n"
PASSAGES = {
    "d1": "The dome opens at dusk. It closes at dawn. Visitors need a coat.",
    "d2": "The lens weighs 120 kg. Dr. Wu cleaned it on 5 March 2012. Anna Li repaired the dome.",
    "d3": "圆顶在黄昏打开。游客不需要外套。镜头重一百二十公斤。李明在2012年3月5日修理了圆顶。",
}
HITS = [
    make_hit(text, rank=rank, document=name, before=BEFORE)
    for rank, (name, text) in enumerate(PASSAGES.items(), start=1)
]
TRUE = [
    ("The dome opens at dusk", 1),
    ("The lens weighs 120 kg", 2),
    ("Dr. Wu cleaned the lens on 5 March 2012", 2),
    ("Dr. Wu cleaned the lens in March 2012", 2),
    ("Anna Li repaired the dome", 2),
    ("圆顶在黄昏打开", 3),
    ("圓頂在黃昏打開", 3),
    ("镜头重120公斤", 3),
    ("游客不需要外套", 3),
    ("李明于2012年3月5日修理了圆顶", 3),
]
FALSE = [
    ("The lens weighs 130 kg", "number"),
    ("The lens weighs twelve kg", "number"),
    ("Dr. Wu cleaned the lens on 6 March 2012", "date"),
    ("Dr. Wu cleaned the lens in April 2012", "name"),
    ("Dr. Li cleaned the lens on 5 March 2012", "name"),
    ("Anna Wu repaired the dome", "name"),
    ("Bernard repaired the dome", "name"),
    ("The dome does not open at dusk", "negation"),
    ("Visitors need no coat", "negation"),
    ("The dome never opens at dusk", "negation"),
    ("镜头重130公斤", "number"),
    ("镜头重一百三十公斤", "number"),
    ("李明于2012年3月6日修理了圆顶", "date"),
    ("王芳在2012年3月5日修理了圆顶", "name"),
    ("李刚在2012年3月5日修理了圆顶", "name"),
    ("游客需要外套", "negation"),
    ("圆顶在黄昏不打开", "negation"),
    ("The café serves warm soup all night", "words"),
    ("餐厅整夜供应热汤", "words"),
]


def statements(text):
    return verify(text, HITS).statements


@pytest.mark.parametrize(("claim", "number"), TRUE)
def test_a_true_sentence_keeps_its_marker(claim, number):
    verified = verify(f"{claim} [{number}].", HITS)
    assert verified.text == f"{claim} [{number}]."
    assert [s.markers for s in verified.statements] == [(number,)]


@pytest.mark.parametrize(("claim", "number"), TRUE)
def test_a_true_sentence_without_a_marker_gets_one(claim, number):
    (statement,) = statements(f"{claim}.")
    assert statement.is_grounded
    assert statement.markers


@pytest.mark.parametrize(("claim", "number"), TRUE)
def test_a_wrong_marker_is_moved_to_a_passage_that_supports_the_sentence(claim, number):
    wrong = 1 if number > 1 else 2
    (statement,) = statements(f"{claim}. [{wrong}]")
    assert wrong not in statement.markers
    assert statement.is_grounded


@pytest.mark.parametrize(("claim", "objection"), FALSE)
@pytest.mark.parametrize("marker", ["", " [1]", " [2]", " [3]", " [1][2][3]"])
def test_a_false_sentence_has_no_support_whatever_it_cites(claim, objection, marker):
    verified = verify(f"{claim}{marker}.", HITS)
    (statement,) = verified.statements
    assert (statement.is_grounded, statement.markers) == (False, ())
    assert objection in statement.objections
    assert verified.citations == ()
    assert "[" not in verified.text


def test_only_the_false_sentence_is_told():
    verified = verify("The dome opens at dusk [1]. The lens weighs 130 kg [2].", HITS)
    assert [s.is_grounded for s in verified.statements] == [True, False]
    assert without_ungrounded(verified) == "The dome opens at dusk [1]."


def test_a_sentence_may_be_supported_by_two_passages():
    again = make_hit(PASSAGES["d1"], document="d4")
    (statement,) = verify("The dome opens at dusk. [1][4]", [*HITS, again]).statements
    assert statement.markers == (1, 4)


def test_lists_keep_their_form():
    text = "In short:\n- The dome opens at dusk [1]\n- 圆顶在黄昏打开 [3]"
    assert verify(text, HITS).text == text


@pytest.mark.parametrize("text", ["Yes.", "是。", "Here it is:", ""])
def test_what_states_nothing_is_no_statement(text):
    assert statements(text) == ()


def test_a_quote_that_holds_what_looks_like_a_marker_stays_whole():
    hit = make_hit("As shown in [1] and [2], the dome opens.", document="d9")
    text = "As shown in [1] and [2], the dome opens. [1]"
    verified = verify(text, [hit, *HITS])
    assert verified.text == text
    assert [c.quote for c in verified.citations] == ["As shown in [1] and [2], the dome opens."]


@pytest.mark.parametrize(("cosine", "is_grounded"), [(0.9, True), (0.5, False)])
def test_other_words_are_taken_where_the_embedder_finds_them_alike(cosine, is_grounded):
    claim = "Wide swings the old dome at dusk."
    (statement,) = verify(claim, HITS, similar=lambda first, second: cosine).statements
    assert statement.is_grounded == is_grounded


def test_a_cosine_outweighs_no_changed_number():
    (statement,) = verify("The lens weighs 130 kg.", HITS, similar=lambda *_: 1.0).statements
    assert statement.objections == ("number",)


PIECES = st.sampled_from(
    [f"{c}." for c, _ in TRUE] + [f"{c}." for c, _ in FALSE]
    + ["[1]", " [2]", "[3]", "[9]", "\n", " ", "。", "[", "]", "Yes.", *PASSAGES.values()]
)  # fmt: skip
ANSWERS = st.lists(PIECES, max_size=8).map("".join) | st.text(max_size=40)


@given(ANSWERS)
def test_every_citation_is_cut_from_its_document(text):
    for citation in verify(text, HITS).citations:
        document = BEFORE + PASSAGES[citation.document_id]
        assert citation.quote == document[citation.start : citation.end] != ""


@given(ANSWERS)
def test_nothing_but_markers_and_blanks_changes(text):
    def bare(answer):
        return "".join(re.sub(r"\[\d{1,3}\]", "", answer).split())

    assert bare(verify(text, HITS).text) == bare(text)


@given(ANSWERS)
def test_statements_stand_where_they_say_in_order(text):
    verified = verify(text, HITS)
    end = 0
    for statement in verified.statements:
        assert end <= statement.start < statement.end <= len(verified.text)
        shown = verified.text[statement.start : statement.end]
        assert "".join(statement.text.split()) in "".join(
            re.sub(r"\[\d+\]", "", shown).split()
        ) or ("[" in statement.text)
        end = statement.end


@given(ANSWERS)
def test_verifying_again_changes_nothing(text):
    once = verify(text, HITS)
    assert verify(once.text, HITS).text == once.text


# --- tables

TABLE = "| Part of the telescope | Its weight |\n|---|:--:|\n| Lens | 120 kg [2] |\n| Dome | 130 kg [2] |"


def test_the_rows_of_a_table_are_checked_and_its_head_states_nothing():
    verified = verify(TABLE, HITS)
    assert [s.is_grounded for s in verified.statements] == [True, False]
    assert verified.text.splitlines()[:3] == TABLE.splitlines()[:3]


def test_a_number_in_the_head_of_a_table_is_checked():
    verified = verify("| The lens weighs 130 kg |\n|---|\n", HITS)
    assert [s.is_grounded for s in verified.statements] == [False]


@pytest.mark.parametrize("below", ["", "\n---", "\nIt opens.", "\n| a - b |"])
def test_a_line_with_bars_is_a_head_only_above_a_rule(below):
    verified = verify("| Part of the telescope | Its weight |" + below, HITS)
    assert verified.statements[0].text.startswith("| Part")
