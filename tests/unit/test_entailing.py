"""An entailment model's word on the sentences of an answer, and where it is not heard."""

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit
from stored_documents import add, opened

from ragapp.rag import Rag
from ragapp.rerankers.entailment import CrossEncoderEntailment
from ragapp.settings import load_settings
from ragapp.support import MIN_ENTAILED
from ragapp.types import Completion
from ragapp.verifying import as_policy, verify, without_ungrounded
from tests.tiny_nli import save_tiny_nli
from ui.labels import OBJECTIONS

PASSAGES = [
    "The dome opens at dusk. It closes at dawn. Visitors need a coat.",
    "The lens weighs 120 kg. Dr. Wu cleaned it on 5 March 2012. The keeper denies it.",
    "圆顶在黄昏打开。游客不需要外套。",
]
HITS = [make_hit(text, rank=n, document=f"d{n}") for n, text in enumerate(PASSAGES, start=1)]
OTHER_WORDS = "Everyone agrees: evenings are when it swings wide."
SAME_WORDS = "The dome opens at dusk, denies nobody."
HARD = [
    ("The lens agrees, weighing 130 kg.", "number"),
    ("Dr. Wu agrees and cleaned it on 6 March 2012.", "date"),
    ("The dome agrees and never opens at dusk.", "negation"),
    ("The keeper Bernard agrees and opens the dome at dusk.", "name"),
]
UNTOUCHED = [
    "The dome opens at dusk [1].", "The lens weighs 130 kg [2].", "The keeper denies it [1].",
    "圆顶在黄昏打开 [2]。", "The café serves warm soup. [3]", "Yes.", "\n", *PASSAGES,
]  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return CrossEncoderEntailment(str(save_tiny_nli(tmp_path_factory.mktemp("nli"))), device="cpu")


class Fixed:
    """Says the same of all pairs, and keeps what it was asked."""

    name = "fixed"

    def __init__(self, entailed, contradicted):
        self.says = (entailed, contradicted)
        self.asked = []

    def score(self, premises, claims):
        self.asked.append((list(premises), list(claims)))
        return np.array([self.says] * len(premises), dtype=np.float32).reshape(-1, 2)


def test_other_words_are_supported_where_the_passage_entails_them(model):
    (before,) = verify(f"{OTHER_WORDS} [1]", HITS).statements
    (after,) = verify(f"{OTHER_WORDS} [1]", HITS, entailment=model).statements
    assert (before.is_grounded, before.objections) == (False, ("words",))
    assert (after.is_grounded, after.markers, after.objections) == (True, (1,), ())


def test_same_words_lose_their_support_where_the_passage_contradicts_them(model):
    (before,) = verify(f"{SAME_WORDS} [1]", HITS).statements
    (after,) = verify(f"{SAME_WORDS} [1]", HITS, entailment=model).statements
    assert (before.is_grounded, before.markers) == (True, (1,))
    assert (after.is_grounded, after.markers, after.objections) == (False, (), ("entailment",))


@pytest.mark.parametrize(("claim", "objection"), HARD)
def test_entailment_outweighs_no_other_fact(model, claim, objection):
    (statement,) = verify(claim, HITS[:2], entailment=model).statements
    assert not statement.is_grounded
    assert objection in statement.objections


@pytest.mark.parametrize(("share", "is_grounded"), [(MIN_ENTAILED, True), (0.79, False)])
def test_entailment_counts_from_its_least_probability(share, is_grounded):
    (statement,) = verify(OTHER_WORDS, HITS, entailment=Fixed(share + 1e-6, 0.0)).statements
    assert statement.is_grounded == is_grounded


@pytest.mark.parametrize(("share", "is_grounded"), [(MIN_ENTAILED, False), (0.79, True)])
def test_contradiction_counts_from_its_least_probability(share, is_grounded):
    (statement,) = verify(SAME_WORDS, HITS, entailment=Fixed(0.0, share + 1e-6)).statements
    assert statement.is_grounded == is_grounded


def test_the_model_is_asked_once_a_sentence():
    model = Fixed(0.0, 0.0)
    verify(f"{OTHER_WORDS} [1][2] {SAME_WORDS} [3]", HITS, entailment=model)
    assert [set(claims) for _, claims in model.asked] == [{OTHER_WORDS}, {SAME_WORDS}]


def test_a_quote_is_not_asked_about():
    model = Fixed(0.0, 1.0)
    (statement,) = verify("The keeper denies it. [2]", HITS, entailment=model).statements
    assert statement.is_grounded
    assert model.asked == []


def test_what_is_asked_stands_in_its_passage():
    model = Fixed(0.0, 0.0)
    verify(SAME_WORDS, HITS, entailment=model)
    ((premises, _),) = model.asked
    assert "The dome opens at dusk." in premises
    assert all(any(premise in text for text in PASSAGES) for premise in premises)


@given(st.lists(st.sampled_from(UNTOUCHED), max_size=5).map(" ".join))
def test_an_undecided_model_changes_nothing(text):
    assert verify(text, HITS, entailment=Fixed(0.5, 0.5)) == verify(text, HITS)


def test_what_a_passage_contradicts_is_dropped_where_that_is_wanted(model):
    text = f"The dome opens at dusk [1]. {SAME_WORDS} [1]"
    kept = as_policy(text, HITS, "drop", similar=lambda *_: 0.0, entailment=model)
    assert kept.text == "The dome opens at dusk [1]."
    assert without_ungrounded(kept) == kept.text


def test_the_page_tells_of_a_contradiction_in_both_languages():
    label = OBJECTIONS["entailment"]
    assert "contradict" in label.en
    assert "矛盾" in label.zh


class Claiming:
    """A language model that says one thing, whatever it is asked."""

    name = "claiming"
    context_tokens = 4096

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

    def prompt_text(self, messages):
        return ""

    def stream(self, messages, *, options, cancelled):
        yield Completion(text=f"{SAME_WORDS} [1]", finish_reason="stop")


def test_a_question_is_answered_with_the_models_word(model, tmp_path):
    collection, embedder = opened(tmp_path), FakeEmbedder()
    with collection.writing():
        add(collection, PASSAGES[0], path="a.txt", title="Handbook")
    with Rag(
        settings=load_settings(abstain_below=0.0),
        collection=collection,
        embedder=embedder,
        language_model=Claiming(),
        entailment=model,
    ) as rag:
        (statement,) = rag.ask("When does the dome open?").to_dict()["statements"]
    assert statement["grounded"] is False
    assert statement["objections"] == ["entailment"]
