"""Questions -> results: each one searched with every system, and answered where asked for."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast, get_args

import numpy as np

from ragapp.abstention import Judged, measure_abstention
from ragapp.errors import UsageError
from ragapp.evaluation.matching import exact_match, f1, holds, is_label
from ragapp.evaluation.questions import Question, QuestionSet
from ragapp.evaluation.ranking import DEPTH, score_rankings
from ragapp.evaluation.run import EvaluationRun, QuestionResult
from ragapp.fusion import Legs
from ragapp.rag import Rag
from ragapp.searching import SearchOptions
from ragapp.types import Answer, Hit

ANSWER_DEPTHS = (1, 3, 5)
RERANKED = "hybrid+rerank"
ANSWERS = "answers"  # the name under which the engine's figures stand beside the systems'

Keys = Callable[[Hit], Sequence[str]]
OnQuestion = Callable[[int, int, str], None]

_MARKER = re.compile(r"\s*\[\d{1,3}\]")
_SHOWN = 5
_FIRST_CHUNKS = 20
_FARTHER = 4
_MOST_CHUNKS = 1600


@dataclass(frozen=True, slots=True)
class _Searched:
    """One system's hits for one question, the ids they stand for, and the milliseconds it took."""

    hits: Sequence[Hit]
    ids: Sequence[str]
    milliseconds: float


def checked_systems(names: Sequence[str], *, has_reranker: bool) -> tuple[str, ...]:
    """Return the systems of these names, each once; where none is named, the one that is in force.

    Raises UsageError for an unknown name, and for a reranker that is not set.
    """
    known = (*get_args(Legs), RERANKED)
    names = names or [RERANKED if has_reranker else "hybrid"]
    wanted = list(dict.fromkeys(name.strip() for name in names))
    for name in wanted:
        if name not in known:
            raise UsageError(f"the system {name!r} is unknown", hint=f"known: {', '.join(known)}")
    if RERANKED in wanted and not has_reranker:
        raise UsageError(
            f"the system {RERANKED!r} needs a reranker",
            hint="set RAGAPP_RERANKER to the folder of a cross-encoder",
        )
    return tuple(wanted)


def _options(system: str, top_k: int) -> SearchOptions:
    if system == RERANKED:
        return {"top_k": top_k, "rerank": True}
    return {"top_k": top_k, "legs": cast(Legs, system), "rerank": False}


def facts_of(rag: Rag) -> dict[str, Any]:
    """Return the models and settings on which the figures depend."""
    return {
        "embedder": rag.embedder.identity.name,
        "engine": rag.language_model.name,
        "chunk_tokens": rag.settings.chunk_tokens,
        "overlap_tokens": rag.settings.overlap_tokens,
        "top_k": rag.settings.top_k,
        "n_candidates": rag.settings.n_candidates,
        "abstain_below": rag.settings.abstain_below,
        "reranker": rag.settings.reranker,
        "rerank_candidates": rag.settings.rerank_candidates,
        "entailment": rag.settings.entailment,
        "max_per_document": rag.settings.max_per_document,
        "diversity": rag.settings.diversity,
    }


def evaluate(
    rag: Rag,
    questions: QuestionSet,
    *,
    systems: Sequence[str],
    has_answers: bool,
    keys: Keys,
    facts: Mapping[str, Any],
    on_question: OnQuestion | None = None,
) -> EvaluationRun:
    """Return what the systems find, and with `has_answers` what the engine answers.

    `keys` names the ids that a hit stands for: a passage's rank is that of its best chunk.
    Searches have the settings of `rag`. `on_question` is told (done, all, question) after each.
    """
    start = time.perf_counter()
    searched: list[dict[str, _Searched]] = []
    answers: list[Answer | None] = []
    for number, question in enumerate(questions.questions, start=1):
        searched.append({system: _search(rag, question, system, keys) for system in systems})
        answers.append(rag.ask(question.text) if has_answers else None)
        if on_question is not None:
            on_question(number, len(questions.questions), question.text)
    scores = _ranking_scores(questions.questions, searched, systems)
    results = tuple(
        _result(rag, question, searched[i], answers[i], scores[i])
        for i, question in enumerate(questions.questions)
    )
    made_at = datetime.now(UTC)
    return EvaluationRun(
        id=f"{made_at:%Y%m%d-%H%M%S-%f}",
        name=questions.name,
        made_at=made_at.isoformat(timespec="seconds"),
        systems=tuple(systems),
        facts={**facts, **_counts(questions), "question_seconds": time.perf_counter() - start},
        milliseconds={system: _times(searched, system) for system in systems},
        abstention=measure_abstention(_judged(results, systems[0])),
        results=results,
    )


def _search(rag: Rag, question: Question, system: str, keys: Keys) -> _Searched:
    """Search as the settings say; only where that gives fewer than ten ids, look farther down.

    Up to `n_candidates` chunks the ranking does not depend on how many are asked for.
    """
    n_candidates = rag.settings.n_candidates
    n_chunks = max(rag.settings.top_k, min(_FIRST_CHUNKS, n_candidates))
    start = time.perf_counter()
    hits = rag.search(question.text, **_options(system, n_chunks))
    milliseconds = (time.perf_counter() - start) * 1000.0
    ids = _ids(hits, keys)
    found = len(hits)
    while len(ids) < DEPTH and found >= n_chunks and n_chunks < _MOST_CHUNKS:
        n_chunks = n_candidates if n_chunks < n_candidates else n_chunks * _FARTHER
        farther = rag.search(question.text, **_options(system, n_chunks))
        ids = list(dict.fromkeys([*ids, *_ids(farther, keys)]))
        found = len(farther)
    return _Searched(hits, ids[:DEPTH], milliseconds)


def _ids(hits: Sequence[Hit], keys: Keys) -> list[str]:
    return list(dict.fromkeys(key for hit in hits for key in keys(hit)))


def _ranking_scores(
    questions: Sequence[Question], searched: Sequence[dict[str, _Searched]], systems: Sequence[str]
) -> list[dict[str, dict[str, float]]]:
    """Return by question and system the metrics of ranking, answers and places."""
    relevant = {question.id: question.relevant for question in questions if question.relevant}
    scores: list[dict[str, dict[str, float]]] = [{} for _ in questions]
    for system in systems:
        rankings = {q.id: found[system].ids for q, found in zip(questions, searched, strict=True)}
        ranked = score_rankings(rankings, relevant)
        for i, question in enumerate(questions):
            hits = searched[i][system].hits
            scores[i][system] = {**ranked.get(question.id, {}), **_text_scores(question, hits)}
    return scores


def _text_scores(question: Question, hits: Sequence[Hit]) -> dict[str, float]:
    """Return whether the first hits hold an answer, and the place of the answer."""
    scores: dict[str, float] = {}
    if _has_texts(question):
        held = [holds(hit.text, question.answers) for hit in hits[: max(ANSWER_DEPTHS)]]
        scores |= {f"answer@{k}": float(any(held[:k])) for k in ANSWER_DEPTHS}
    if question.document_id is not None and question.is_answerable:
        covered = [_covers(hit, question) for hit in hits[: max(ANSWER_DEPTHS)]]
        scores |= {f"span@{k}": float(any(covered[:k])) for k in ANSWER_DEPTHS}
    return scores


def _has_texts(question: Question) -> bool:
    return question.is_answerable and bool(question.answers) and not is_label(question.answers)


def _covers(hit: Hit, question: Question) -> bool:
    places = [(hit.document_id, hit.start, hit.end)]
    places += [(place.document_id, place.start, place.end) for place in hit.also_at]
    return any(
        document_id == question.document_id and start <= question.start and question.end <= end
        for document_id, start, end in places
    )


def _result(
    rag: Rag,
    question: Question,
    searched: Mapping[str, _Searched],
    answer: Answer | None,
    scores: Mapping[str, Mapping[str, float]],
) -> QuestionResult:
    first = next(iter(searched.values()))
    trust = rag.trust()
    hits = first.hits[: rag.settings.top_k] if answer is None else answer.hits
    sure = trust.confidence(question.text, hits, rag.selection())
    answered = {} if answer is None else {ANSWERS: _answer_scores(question, answer)}
    return QuestionResult(
        id=question.id,
        text=question.text,
        is_answerable=question.is_answerable,
        scores={**scores, **answered},
        found={system: tuple(found.ids[:_SHOWN]) for system, found in searched.items()},
        confidence=sure,
        abstained=sure < trust.threshold if answer is None else answer.abstained,
        answer=None if answer is None else answer.text,
    )


def _answer_scores(question: Question, answer: Answer) -> dict[str, float]:
    """Return the metrics of an answer; a refusal of an answerable question is simply wrong."""
    if not question.is_answerable or not question.answers:
        return {}
    text = "" if answer.abstained else _MARKER.sub("", answer.text)
    scores = {"exact_match": exact_match(text, question.answers), "F1": f1(text, question.answers)}
    if not is_label(question.answers):
        scores["answer_contained"] = float(holds(text, question.answers))
        cited = [holds(citation.quote, question.answers) for citation in answer.citations]
        if cited:
            scores["citation_precision"] = sum(cited) / len(cited)
    return {**scores, **_evidence_scores(question, answer)}


def _evidence_scores(question: Question, answer: Answer) -> dict[str, float]:
    """Return how the cited quotes agree with the sentences that prove the answer, if known."""
    quotes = [citation.quote for citation in answer.citations]
    if not question.evidences or not quotes:
        return {}
    proving = [
        any(holds(quote, [known]) or holds(known, [quote]) for known in question.evidences)
        for quote in quotes
    ]
    return {
        "evidence_precision": sum(proving) / len(proving),
        "evidence_F1": f1("\n".join(dict.fromkeys(quotes)), question.evidences),
    }


def _judged(results: Sequence[QuestionResult], system: str) -> list[Judged]:
    return [
        Judged(
            result.confidence,
            result.abstained,
            result.is_answerable,
            result.is_answerable and _is_right(result, system),
        )
        for result in results
    ]


def _is_right(result: QuestionResult, system: str) -> bool:
    """Tell whether the answer, else the first passages, hold what was asked."""
    answered = result.scores.get(ANSWERS, {})
    if "answer_contained" in answered:
        return answered["answer_contained"] > 0
    found = result.scores[system]
    return found.get("answer@5", found.get("recall@5", 0.0)) > 0


def _counts(questions: QuestionSet) -> dict[str, int]:
    n_answerable = sum(question.is_answerable for question in questions.questions)
    return {
        "questions": len(questions.questions),
        "answerable": n_answerable,
        "unanswerable": len(questions.questions) - n_answerable,
        "left_out": questions.n_left_out,
    }


def _times(searched: Sequence[dict[str, _Searched]], system: str) -> tuple[float, float]:
    times = [found[system].milliseconds for found in searched]
    median, high = np.quantile(times, [0.5, 0.95])
    return round(float(median), 2), round(float(high), 2)
