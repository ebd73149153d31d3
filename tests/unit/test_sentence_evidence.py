import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp.analysis import terms_of
from ragapp.language_models.sentence_evidence import READ, UNREAD, Unit, Weights, evidence

TEXTS = st.lists(
    st.sampled_from(["Wind stops it.", "圆顶打开。", "x", "", "12 km", "a a a"]), max_size=5
)
QUESTIONS = st.sampled_from(["When does the wind stop?", "圆顶几点打开？", "?", "x"])


def units(texts, *, header=""):
    terms = [frozenset(terms_of(text)) for text in texts]
    return [
        Unit(
            number=1,
            rank=1,
            text=text,
            words=tuple(terms_of(text)),
            terms=terms[i],
            before=terms[i - 1] if i else frozenset(),
            after=terms[i + 1] if i + 1 < len(texts) else frozenset(),
            header=frozenset(terms_of(header)),
            is_fragment=False,
        )
        for i, text in enumerate(texts)
    ]


def column(table, name):
    return table[:, Weights._fields.index(name)]


@given(QUESTIONS, TEXTS)
def test_all_evidence_lies_between_0_and_1(question, texts):
    table = evidence(question, units(texts), [0.5] * len(texts))

    assert table.shape == (len(texts), len(Weights._fields))
    assert ((table >= 0) & (table <= 1)).all()


def test_a_term_counts_in_the_sentence_or_beside_it_not_in_both():
    table = evidence("Where is the pump?", units(["The pump hums.", "Its pump is red."]), [0, 0])

    assert column(table, "terms")[1] == 1.0
    assert column(table, "terms_before")[1] == 0.0


@pytest.mark.parametrize(("place", "name"), [(1, "terms_before"), (0, "terms_after")])
def test_a_term_of_the_neighbour_counts_as_such(place, name):
    texts = ["The pump hums.", "It is red."] if place else ["It is red.", "The pump hums."]

    table = evidence("Where is the pump?", units(texts), [0, 0])

    assert column(table, name)[place] == 1.0


def test_a_term_of_the_heading_counts_as_such():
    texts = ["It is red.", "The pump hums."]

    table = evidence("Where is the pump?", units(texts, header="Pump"), [0, 0])

    assert column(table, "terms_in_header").tolist() == [1.0, 0.0]


def test_the_best_sentence_by_bm25_has_1():
    table = evidence("Where is the pump?", units(["The pump hums.", "It is red."]), [0, 0])

    assert column(table, "bm25").tolist() == [1.0, 0.0]


def test_words_in_the_order_of_the_question_count_more():
    texts = ["the red pump is here", "here is pump red the"]

    runs = column(evidence("the red pump", units(texts), [0, 0]), "runs")

    assert runs[0] == 1.0
    assert runs[1] == 0.0


def test_no_weight_speaks_against_a_sentence():
    assert np.asarray(READ).min() >= 0
    assert np.asarray(UNREAD).min() >= 0


def test_cosines_have_no_weight_where_the_embedder_cannot_read():
    assert (UNREAD.cosine, UNREAD.cosine_relative) == (0.0, 0.0)
