"""What a refusal is told with: how much was searched, for what, and the nearest sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ragapp.analysis import content_words, is_chinese, query_terms, terms_of
from ragapp.rag import Rag
from ragapp.sentences import split_sentences
from ragapp.several import Rags
from ragapp.types import Answer, Hit

_N_NEAREST = 3


@dataclass(frozen=True, slots=True)
class Nearest:
    """The sentence of a passage that holds most of the question's terms, and where it stands."""

    title: str
    source: str
    page: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Searched:
    """What was searched in vain: documents, for which words, the nearest sentences, best first."""

    n_documents: int
    words: tuple[str, ...]
    nearest: tuple[Nearest, ...]
    language: Literal["en", "zh"]


def searched_in_vain(rag: Rag | Rags, answer: Answer) -> Searched:
    """Return what was searched for an answer that was refused."""
    rags = list(rag.rags.values()) if isinstance(rag, Rags) else [rag]
    terms = query_terms(answer.question)
    return Searched(
        n_documents=sum(one.collection.stats().n_documents for one in rags),
        words=tuple(content_words(answer.question)),
        nearest=tuple(_nearest(hit, terms) for hit in answer.hits[:_N_NEAREST]),
        language="zh" if is_chinese(answer.question) else "en",
    )


def _nearest(hit: Hit, terms: Sequence[str]) -> Nearest:
    wanted = set(terms)
    spans = split_sentences(hit.text) or [(0, len(hit.text))]
    start, end = max(spans, key=lambda span: len(wanted & set(terms_of(hit.text[slice(*span)]))))
    return Nearest(hit.title, hit.source, hit.page_at(hit.start + start), hit.text[start:end])
