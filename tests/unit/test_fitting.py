"""Hits fitted into a budget, as passages of a prompt; what was dropped is told."""

from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit

from ragapp.fitting import Fitted, fit, fit_prompt
from ragapp.prompting import build_messages
from ragapp.sentences import split_sentences
from ragapp.settings import load_settings

SENTENCES = st.lists(
    st.sampled_from(
        ["The dome opens. ", "圆顶打开。", "A long one about " + "x" * 90 + ". ", "Why? "]
    ),
    min_size=1,
    max_size=5,
).map("".join)
HITS = st.lists(SENTENCES, max_size=14).map(
    lambda texts: [
        make_hit(text, rank=i, document=f"d{i}") for i, text in enumerate(texts, start=1)
    ]
)


def characters(texts):
    return [len(text) for text in texts]


def words(texts):
    return [len(text.split()) for text in texts]


def size_in_prompt(hits, count_tokens):
    """Return what passages and the lines above them cost, as they stand in the prompt."""
    spans = build_messages("Why?", hits)[-1].spans
    return sum(count_tokens([s.text for s in spans if s.kind in ("source", "origin", "passage")]))


def first_sentence(text):
    return text[: split_sentences(text)[0][1]]


# --- the budget


@given(HITS, st.integers(0, 900), st.sampled_from([characters, words]))
def test_no_passage_but_the_firsts_first_sentence_exceeds_the_budget(hits, budget, count_tokens):
    passages = fit(hits, passage_tokens=budget, count_tokens=count_tokens).passages
    is_least = len(passages) == 1 and passages[0].text == first_sentence(hits[0].text)
    assert is_least or size_in_prompt(passages, count_tokens) <= budget


@given(HITS.filter(bool), st.integers(0, 300))
def test_the_first_sentence_of_the_first_passage_is_always_kept(hits, budget):
    passages = fit(hits, passage_tokens=budget, count_tokens=characters).passages
    assert passages[0].text.startswith(first_sentence(hits[0].text))


@given(HITS, st.integers(0, 900))
def test_passages_are_beginnings_of_the_hits_in_their_order(hits, budget):
    passages = fit(hits, passage_tokens=budget, count_tokens=characters).passages
    assert [p.chunk_id for p in passages] == [hit.chunk_id for hit in hits[: len(passages)]]
    assert all(h.text.startswith(p.text) for h, p in zip(hits, passages, strict=False))


@given(HITS, st.integers(0, 900))
def test_the_offsets_of_a_passage_span_its_text(hits, budget):
    passages = fit(hits, passage_tokens=budget, count_tokens=characters).passages
    assert all(passage.end - passage.start == len(passage.text) for passage in passages)


@given(HITS, st.integers(0, 900))
def test_only_the_last_passage_is_cut_and_at_a_sentence(hits, budget):
    passages = fit(hits, passage_tokens=budget, count_tokens=characters).passages
    cut = [i for i, p in enumerate(passages) if p.text != hits[i].text]
    assert cut in ([], [len(passages) - 1])
    for i in cut:
        assert len(passages[i].text) in [end for _, end in split_sentences(hits[i].text)]


@given(HITS)
def test_everything_fits_into_a_large_budget(hits):
    fitted = fit(hits, passage_tokens=10**6, count_tokens=characters)
    assert (fitted.passages, fitted.dropped) == (tuple(hits), ())


def test_a_second_passage_with_a_long_sentence_is_left_out():
    hits = [make_hit("Short."), make_hit("word " * 500, rank=2, document="d2")]
    passages = fit(hits, passage_tokens=100, count_tokens=characters).passages
    assert [passage.text for passage in passages] == ["Short."]


def test_no_hits_give_no_passages():
    assert fit([], passage_tokens=100, count_tokens=characters) == Fitted(())


# --- what was dropped


@given(HITS, st.integers(0, 900))
def test_the_tokens_told_are_those_in_the_prompt(hits, budget):
    fitted = fit(hits, passage_tokens=budget, count_tokens=characters)
    assert fitted.n_tokens == size_in_prompt(fitted.passages, characters)


@given(HITS, st.integers(0, 900))
def test_every_hit_is_a_passage_or_told_as_dropped(hits, budget):
    fitted = fit(hits, passage_tokens=budget, count_tokens=characters)
    left_out = [hit.chunk_id for hit in fitted.dropped if hit.reason == "no room"]
    shown = [passage.chunk_id for passage in fitted.passages]
    assert sorted(shown + left_out) == sorted(hit.chunk_id for hit in hits)
    assert fitted.n_left_out == len(left_out)


@given(HITS, st.integers(0, 900))
def test_a_hit_is_told_as_cut_where_its_passage_is_shorter(hits, budget):
    fitted = fit(hits, passage_tokens=budget, count_tokens=characters)
    whole = {hit.chunk_id: hit.end for hit in hits}
    cut = {(p.chunk_id, p.end) for p in fitted.passages if p.end != whole[p.chunk_id]}
    assert {(hit.chunk_id, hit.end) for hit in fitted.dropped if hit.reason == "cut"} == cut


# --- the whole prompt


class CountingModel:
    """A model whose token is a character."""

    name = "counting"

    def __init__(self, context_tokens):
        self.context_tokens = context_tokens

    def count_tokens(self, texts):
        return characters(texts)


def prompt_of(hits, *, context_tokens=4000, history=(), question="Why?", **settings):
    return fit_prompt(
        question,
        hits,
        history=history,
        model=CountingModel(context_tokens),
        settings=load_settings(**({"max_new_tokens": 100} | settings)),
    )


TURNS = st.lists(
    st.tuples(st.text("ab圆 ", max_size=90), st.text("ab圆 ", max_size=300)), max_size=12
).map(lambda pairs: [t for q, a in pairs for t in (("user", q), ("assistant", a))])


@given(HITS, TURNS, st.integers(1200, 4000), st.integers(64, 900))
def test_prompt_and_answer_never_exceed_the_context(hits, turns, context_tokens, passage_tokens):
    prompt = prompt_of(
        hits, context_tokens=context_tokens, history=turns, passage_tokens=passage_tokens
    )
    n_prompt = sum(characters([message.text for message in prompt.messages]))
    assert n_prompt + 100 <= context_tokens


def size_of(prompt):
    return sum(characters([message.text for message in prompt.messages]))


@given(HITS, TURNS)
def test_the_budget_tells_what_the_prompt_costs_and_a_rest_for_the_chat_template(hits, turns):
    prompt, empty = prompt_of(hits, history=turns), prompt_of([])
    told = prompt.budget.bare_tokens + prompt.budget.used_tokens
    rest = empty.budget.bare_tokens - size_of(empty)
    assert told >= size_of(prompt) + rest
    assert told == size_of(prompt) + rest or len(prompt.fitted.passages) < len(hits)


def test_earlier_turns_take_at_most_a_quarter_of_the_context():
    history = [("user", "x" * 500), ("assistant", "y" * 100)]
    shown = prompt_of([], context_tokens=2400, history=history)
    dropped = prompt_of([], context_tokens=2399, history=history)
    assert (len(shown.messages), shown.n_dropped_turns) == (4, 0)
    assert (len(dropped.messages), dropped.n_dropped_turns) == (2, 1)
