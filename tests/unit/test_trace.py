"""How an answer came about: told where asked for, and true."""

import json
import pickle

import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_documents import add, opened

from ragapp.language_models.transformers import TransformersModel
from ragapp.rag import Rag
from ragapp.sentences import split_sentences
from ragapp.settings import load_settings
from ragapp.several import Rags
from ragapp.types import Completion, Usage, passages_of
from tests.tiny_llama import save_tiny_llama

LENS = "The lens weighs 120 kg. It was ground in 2012. It is washed once a year."
DOME = "The dome opens at dusk. Nobody enters it in a storm."
QUESTION = "How heavy is the lens, and when does the dome open?"
USAGE = Usage(prompt_tokens=7, prefilled_tokens=5, cached_tokens=2, new_tokens=3)


class FakeModel:
    """Says one sentence, and keeps what it was asked with. A token is a word."""

    name = "fake"
    context_tokens = 4096

    def __init__(self):
        self.asked = []

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

    def prompt_text(self, messages):
        return "".join(f"<{message.role}>{message.text}" for message in messages)

    def stream(self, messages, *, options, cancelled):
        self.asked.append(list(messages))
        yield Completion("The lens weighs 120 kg. [1]", "stop", USAGE)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    collection = opened(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        add(collection, LENS, path="lens.txt", title="Lens")
        add(collection, DOME, path="dome.txt", title="Dome")
    yield collection
    collection.close()


def make_rag(collection, model=None, **settings):
    return Rag(
        settings=load_settings(**({"abstain_below": 0.0} | settings)),
        collection=collection,
        embedder=FakeEmbedder(),
        language_model=model or FakeModel(),
    )


def traced(rag, question=QUESTION, **options):
    return rag.ask(question, trace=True, **options)


# --- asked for


def test_an_answer_has_no_trace_unless_asked_for(collection):
    answer = make_rag(collection).ask(QUESTION)
    assert answer.trace is None
    assert "trace" not in answer.to_dict()


def test_a_trace_changes_nothing_of_the_answer(collection):
    plain, answer = make_rag(collection).ask(QUESTION), traced(make_rag(collection))
    assert (plain.text, plain.citations, plain.hits) == (answer.text, answer.citations, answer.hits)


def test_a_traced_answer_is_plain_json(collection):
    told = traced(make_rag(collection)).to_dict()
    assert json.loads(json.dumps(told)) == told
    assert set(told["trace"]) == {
        "searched", "search", "confidence", "abstain_below", "messages", "prompt", "budget",
        "dropped", "stages_ms", "prefilled_tokens", "cached_tokens", "dropped_turns",
    }  # fmt: skip


def test_a_traced_answer_survives_pickling(collection):
    answer = traced(make_rag(collection))
    copy = pickle.loads(pickle.dumps(answer))
    assert (copy, copy.trace) == (answer, answer.trace)


# --- what it tells


def test_the_question_is_told_as_searched(collection):
    history = [("user", "How heavy is the lens?"), ("assistant", "120 kg.")]
    trace = traced(make_rag(collection), "And the dome?", history=history).trace
    assert trace.searched == "How heavy is the lens? And the dome?"


def test_the_stages_of_each_hit_are_those_of_the_explanation(collection):
    rag = make_rag(collection)
    answer = traced(rag)
    assert answer.trace.search == rag.explain(QUESTION).to_dict()
    assert [hit["chunk_id"] for hit in answer.trace.search["hits"]] == [
        hit.chunk_id for hit in answer.hits
    ]


def test_the_messages_are_those_that_the_model_was_asked_with(collection):
    rag = make_rag(collection)
    trace = traced(rag).trace
    (asked,) = rag.language_model.asked
    assert trace.messages == tuple((message.role, message.text) for message in asked)
    assert trace.prompt == rag.language_model.prompt_text(asked)


def test_a_model_that_is_not_asked_has_no_prompt(collection):
    trace = traced(make_rag(collection, abstain_below=1.0)).trace
    assert (trace.messages, trace.prompt) == ((), "")
    assert trace.confidence < trace.abstain_below == 1.0


def test_the_budget_counts_the_passages_shown(collection):
    rag = make_rag(collection, max_new_tokens=50)
    budget = traced(rag).trace.budget
    shown = [
        s
        for m in rag.language_model.asked[0]
        for s in m.spans
        if s.kind in ("source", "origin", "passage")
    ]
    assert budget.used_tokens == sum(rag.language_model.count_tokens([s.text for s in shown]))
    assert (budget.context_tokens, budget.answer_tokens, budget.passage_tokens) == (4096, 50, 2048)


def test_hits_that_did_not_fit_are_told_and_counted(collection):
    rag = make_rag(collection, model=SmallModel())
    answer = traced(rag)
    (first,) = passages_of(rag.language_model.asked[0])
    whole = {hit.chunk_id: hit for hit in answer.hits}
    reasons = [(hit.reason, hit.chunk_id) for hit in answer.trace.dropped]
    assert reasons == [("cut", answer.hits[0].chunk_id), ("no room", answer.hits[1].chunk_id)]
    assert whole[answer.trace.dropped[0].chunk_id].text.startswith(first.text)
    assert answer.dropped_hits == answer.to_dict()["dropped_hits"] == 1


class SmallModel(FakeModel):
    """A model with room for the instruction, an answer and a sentence."""

    context_tokens = 443


def test_no_stage_took_less_than_nothing_and_all_of_them_took_the_total(collection):
    answer = traced(make_rag(collection))
    stages = [getattr(answer.trace.stages_ms, name) for name in answer.trace.stages_ms.__slots__]
    assert min(stages) >= 0.0
    assert sum(stages) == pytest.approx(answer.timings_ms.total, abs=0.1)


def test_tokens_prefilled_and_reused_are_the_models(collection):
    trace = traced(make_rag(collection)).trace
    assert (trace.prefilled_tokens, trace.cached_tokens) == (5, 2)


# --- earlier turns


def turns(n):
    return [part for i in range(n) for part in (("user", f"Question {i}?"), ("assistant", "Yes."))]


def test_earlier_turns_are_bounded_by_the_setting_and_the_dropped_ones_told(collection):
    rag = make_rag(collection, history_tokens=9)
    answer = traced(rag, history=turns(5))
    shown = [message.text for message in rag.language_model.asked[0][1:-1]]
    assert shown == ["Question 3?", "Yes.", "Question 4?", "Yes."]
    assert answer.dropped_turns == answer.trace.dropped_turns == 3


def test_the_second_turn_reuses_the_first_ones_instruction(tmp_path, collection, one_thread):
    model = TransformersModel(str(save_tiny_llama(tmp_path)), device="cpu", dtype="float32")
    rag = make_rag(collection, model, max_new_tokens=4, context_tokens=2048)
    first = traced(rag)
    history = [("user", QUESTION), ("assistant", first.text)]
    second = traced(rag, "Is it washed?", history=history)
    n_system = model.count_tokens([text for _, text in second.trace.messages[:1]])[0]
    assert first.trace.cached_tokens == 0
    assert second.usage.cached_tokens >= n_system
    third = traced(
        rag,
        "And the dome?",
        history=[*history, ("user", "Is it washed?"), ("assistant", second.text)],
    )
    n_turns = sum(model.count_tokens([text for _, text in third.trace.messages[:3]]))
    assert third.usage.cached_tokens >= n_turns
    model.close()


def test_the_prompt_of_a_transformers_model_is_told_with_its_control_tokens(tmp_path, collection):
    model = TransformersModel(str(save_tiny_llama(tmp_path)), device="cpu", dtype="float32")
    rag = make_rag(collection, model, max_new_tokens=2)
    trace = traced(rag).trace
    expected = "".join(f"<|im_start|>{role}\n{text}<|im_end|>\n" for role, text in trace.messages)
    assert trace.prompt == expected + "<|im_start|>assistant\n"
    model.close()


def test_what_a_model_read_is_within_what_the_budget_tells(tmp_path, collection):
    model = TransformersModel(str(save_tiny_llama(tmp_path)), device="cpu", dtype="float32")
    rag = make_rag(collection, model, max_new_tokens=2)
    answer = traced(rag, history=turns(3))
    budget = answer.trace.budget
    assert 0 < answer.usage.prompt_tokens <= budget.bare_tokens + budget.used_tokens
    assert budget.used_tokens <= budget.passage_tokens
    model.close()


# --- over any budget


class QuotingModel(FakeModel):
    """Repeats the sentences of all passages with their markers. A token is a word."""

    def __init__(self, context_tokens):
        super().__init__()
        self.context_tokens = context_tokens

    def stream(self, messages, *, options, cancelled):
        for span in passages_of(messages):
            for start, end in split_sentences(span.text):
                yield Completion(f"{span.text[start:end]} [{span.number}]\n")
        yield Completion("", "stop", USAGE)


@given(st.integers(400, 700), st.integers(64, 200), st.integers(1, 5))
@settings(max_examples=30)
def test_quotes_are_verbatim_and_passages_within_the_budget(collection, n, given_tokens, top_k):
    rag = make_rag(collection, QuotingModel(n), passage_tokens=given_tokens)
    answer = traced(rag, top_k=top_k)
    budget = answer.trace.budget
    texts = {hit.document_id: rag.document(hit.document_id).text for hit in answer.hits}
    assert answer.citations
    assert all(texts[c.document_id][c.start : c.end] == c.quote for c in answer.citations)
    assert budget.used_tokens <= max(budget.passage_tokens, LEAST)
    assert answer.dropped_hits == sum(d.reason == "no room" for d in answer.trace.dropped)


LEAST = 12  # words of the longest first sentence with the lines above it


def test_an_answer_over_two_collections_is_traced(tmp_path, collection):
    other = opened(tmp_path / "other")
    with other.writing():
        add(other, DOME, path="dome-again.txt", title="Dome")
    with Rags([make_rag(collection), make_rag(other)]) as both:
        trace = both.ask(QUESTION, trace=True).trace
        assert trace.search == both.explain(QUESTION).to_dict()
        both.rags.pop(next(iter(both.rags)))  # the shared one stays open
