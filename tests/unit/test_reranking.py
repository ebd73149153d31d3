import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from stored_documents import add, opened

from ragapp.errors import UsageError
from ragapp.language_models.extractive import ExtractiveModel
from ragapp.rag import Rag
from ragapp.settings import load_settings

LINES = [f"The dome of tower {name} opens at dusk." for name in "alpha beta gamma delta".split()]
QUESTION = "When does the dome of tower alpha open?"


class ByLength:
    """Trusts short passages, whatever is asked, and keeps what it read."""

    name = "by length"

    def __init__(self):
        self.read = []

    def score(self, question, passages):
        self.read.append((question, list(passages)))
        return np.array([1.0 / len(text) for text in passages], dtype=np.float32)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    collection = opened(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        add(collection, "\n".join(LINES), path="a.txt", title="Handbook")
    yield collection
    collection.close()


def rag_over(collection, *, reranker=None, **settings):
    embedder = FakeEmbedder()
    return Rag(
        settings=load_settings(**settings),
        collection=collection,
        embedder=embedder,
        language_model=ExtractiveModel(embedder),
        reranker=reranker,
    )


def texts(hits):
    return [hit.text for hit in hits]


def test_the_rerankers_order_replaces_the_fused_one(collection):
    fused = texts(rag_over(collection).search(QUESTION))
    reranked = texts(rag_over(collection, reranker=ByLength()).search(QUESTION))
    assert fused[0] == LINES[0]
    assert reranked == sorted(fused, key=len)


def test_what_was_not_reranked_follows_in_its_order(collection):
    fused = texts(rag_over(collection).search(QUESTION))
    rag = rag_over(collection, reranker=ByLength(), rerank_candidates=2)
    assert texts(rag.search(QUESTION)) == [*sorted(fused[:2], key=len), *fused[2:]]


@given(st.integers(1, 6), st.integers(1, 6))
def test_scores_fall_and_stay_shares_however_many_were_reranked(collection, n, top_k):
    rag = rag_over(collection, reranker=ByLength(), rerank_candidates=n)
    scores = [hit.score for hit in rag.search(QUESTION, top_k=top_k)]
    assert scores == sorted(scores, reverse=True)
    assert all(0.0 <= score <= 1.0 for score in scores)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_a_reranker_reads_title_and_text_of_the_first_candidates(collection, n):
    reranker = ByLength()
    fused = texts(rag_over(collection).search(QUESTION))
    rag_over(collection, reranker=reranker, rerank_candidates=n).search(QUESTION)
    ((question, read),) = reranker.read
    assert question == QUESTION
    assert sorted(read) == sorted(f"Handbook\n{text}" for text in fused[:n])


def test_a_search_without_the_reranker_is_that_of_before(collection):
    rag = rag_over(collection, reranker=ByLength())
    assert rag.search(QUESTION, rerank=False) == rag_over(collection).search(QUESTION)


@pytest.mark.parametrize("legs", ["dense", "lexical"])
def test_a_leg_alone_is_reranked_only_where_that_is_asked_for(collection, legs):
    rag = rag_over(collection, reranker=ByLength())
    alone = rag.search(QUESTION, legs=legs)
    assert alone == rag_over(collection).search(QUESTION, legs=legs)
    assert texts(rag.search(QUESTION, legs=legs, rerank=True)) == sorted(texts(alone), key=len)


def test_without_a_reranker_there_is_none_to_ask(collection):
    with pytest.raises(UsageError, match="no reranker"):
        rag_over(collection).search(QUESTION, rerank=True)


def test_hits_tell_the_rerankers_score_of_those_that_it_read(collection):
    hits = rag_over(collection, reranker=ByLength(), rerank_candidates=1).search(QUESTION)
    assert [hit.rerank_score is None for hit in hits] == [False, True, True, True]
    assert {hit.rerank_score for hit in rag_over(collection).search(QUESTION)} == {None}


def test_an_explanation_shows_the_ranks_before_and_after(collection):
    fused = rag_over(collection).search(QUESTION)
    explained = rag_over(collection, reranker=ByLength()).explain(QUESTION)
    assert [found.reranked_rank for found in explained.hits] == [1, 2, 3, 4]
    before = [fused[found.fused_rank - 1] for found in explained.hits]
    assert texts(before) == texts(found.hit for found in explained.hits)
    assert [hit.score for hit in before] == [found.fused_score for found in explained.hits]


def test_an_answer_reads_the_reranked_passages(collection):
    answer = rag_over(collection, reranker=ByLength(), abstain_below=0.0).ask(QUESTION, top_k=2)
    assert texts(answer.hits) == sorted(LINES, key=len)[:2]


def test_an_evaluation_compares_with_and_without(collection, tmp_path):
    from ragapp.evaluation.own_set import evaluate_questions

    file = tmp_path / "q.jsonl"
    row = f'{{"_id": "1", "text": "{QUESTION}", "document": "{collection.documents()[0].id}"}}\n'
    file.write_text(row, encoding="utf-8")
    rag = rag_over(collection, reranker=ByLength())
    assert evaluate_questions(rag, file).systems == ("hybrid+rerank",)
    run = evaluate_questions(rag, file, systems=["hybrid", "hybrid+rerank"])
    assert set(run.figures()) == {"hybrid", "hybrid+rerank"}
    with pytest.raises(UsageError, match="needs a reranker"):
        evaluate_questions(rag_over(collection), file, systems=["hybrid+rerank"])
