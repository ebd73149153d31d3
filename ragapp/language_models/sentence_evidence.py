"""How likely each sentence of the passages holds the answer: evidence, and its fitted weights.

Evidence is the question's words in the sentence, in those beside it and in the headings above; the
cosine; the passage's rank; a thing of the kind that is asked for.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ragapp.analysis import informative_terms, query_terms
from ragapp.language_models.asked import wanted_by
from ragapp.traditional import simplified

_K1, _B = 1.2, 0.75
_TOKEN = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")


@dataclass(frozen=True, slots=True)
class Unit:
    """A candidate quote: a sentence of passage `number`, which is the `rank`-th of the prompt.

    `words` are its terms in order, `terms` the distinct ones; `before` and `after` are the terms of
    its neighbours, `header` those above the passage.
    """

    number: int
    rank: int
    text: str
    words: tuple[str, ...]
    terms: frozenset[str]
    before: frozenset[str]
    after: frozenset[str]
    header: frozenset[str]
    is_fragment: bool


class Weights(NamedTuple):
    """What a unit of each piece of evidence adds to a sentence's log-odds of holding the answer.

    Conditional logit fits (the answer is in one of the sentences of five passages) on half of the
    questions of public sets, one where the embedder reads the question and one where it does not;
    `docs/answers.md` has the sets and the figures on the other half.
    """

    terms: float  # shares of the question's terms, weighted by rarity among the sentences
    terms_before: float
    terms_after: float
    terms_in_header: float
    bm25: float  # relative to the best sentence's
    runs: float  # share of the question's tokens in runs of its own order
    cosine: float
    cosine_relative: float
    first_passage: float  # 1 / rank
    quantity: float
    time: float
    person: float
    place: float
    reason: float


READ = Weights(3.7, 1.5, 1.0, 4.1, 0.5, 1.3, 1.6, 2.1, 3.2, 1.4, 2.6, 1.5, 1.3, 0.9)
UNREAD = Weights(3.4, 2.2, 1.3, 3.3, 3.8, 0.5, 0.0, 0.0, 3.4, 2.3, 0.7, 1.6, 1.3, 1.7)


def evidence(question: str, units: Sequence[Unit], cosines: Sequence[float]) -> NDArray[np.float64]:
    """Return (n_units, n_weights) rows of evidence, its columns those of `Weights`."""
    rarity = _local_weights(informative_terms(query_terms(question)), units)
    shares = [_share(unit.terms, rarity) for unit in units]
    bm25 = _relative_bm25(query_terms(question), units)
    best_cosine = max([0.0, *cosines]) or 1.0
    runs, kinds = _runs(question), wanted_by(question)
    rows = [
        (
            share,
            _share(unit.before - unit.terms, rarity),
            _share(unit.after - unit.terms, rarity),
            _share(unit.header - unit.terms, rarity),
            lexical,
            len(runs & _runs(unit.text)) / len(runs) if runs else 0.0,
            max(cosine, 0.0),
            max(cosine, 0.0) / best_cosine,
            1.0 / unit.rank,
            *kinds(unit.text),
        )
        for unit, share, lexical, cosine in zip(units, shares, bm25, cosines, strict=True)
    ]
    return np.asarray(rows, dtype=np.float64).reshape(len(units), len(Weights._fields))


def _local_weights(wanted: Sequence[str], units: Sequence[Unit]) -> dict[str, float]:
    """Return each term's inverse sentence frequency: what stands everywhere tells nothing."""
    counts = Counter(term for unit in units for term in unit.terms)
    n_units = len(units)
    return {
        term: math.log(1.0 + (n_units - counts[term] + 0.5) / (counts[term] + 0.5))
        for term in wanted
        if counts[term]
    }


def _relative_bm25(wanted: Sequence[str], units: Sequence[Unit]) -> list[float]:
    """Return each sentence's BM25 among the sentences, as a share of the best one's.

    Source: Robertson and Zaragoza 2009, "The Probabilistic Relevance Framework: BM25 and Beyond".
    """
    rarity = _local_weights(wanted, units)
    mean_length = sum(len(unit.words) for unit in units) / max(len(units), 1) or 1.0
    scores = []
    for unit in units:
        damping = _K1 * (1.0 - _B + _B * len(unit.words) / mean_length)
        counts = Counter(word for word in unit.words if word in rarity)
        scores.append(sum(rarity[t] * n * (_K1 + 1.0) / (n + damping) for t, n in counts.items()))
    best = max(scores, default=0.0) or 1.0
    return [score / best for score in scores]


def _share(terms: frozenset[str], weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    return sum(weights[term] for term in terms & weights.keys()) / total if total else 0.0


def _runs(text: str) -> frozenset[tuple[str, ...]]:
    """Return the pairs of neighbouring words and the triples of neighbouring Chinese characters."""
    return frozenset(_tuples(_TOKEN.findall(simplified(text).casefold())))


def _tuples(tokens: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for i in range(len(tokens) - 1):
        if not "\u3400" <= tokens[i] <= "\u9fff":
            yield tokens[i], tokens[i + 1]
        elif i + 2 < len(tokens):
            yield tokens[i], tokens[i + 1], tokens[i + 2]
