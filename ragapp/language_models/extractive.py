"""The model-free engine: answers with the best sentences of the best passages, word for word.

Differs from `transformers` in that it writes nothing of its own: every sentence is a quote with its
marker, in the passage's own language, or the refusal.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

import numpy as np

from ragapp.analysis import cjk_share, informative_terms, query_terms, terms_of
from ragapp.protocols import Embedder
from ragapp.sentences import split_sentences
from ragapp.types import Completion, GenerationOptions, Message, Span, Usage

_MAX_SENTENCES = 2
_SECOND_SHARE = 0.7
_LONG_UNIT = 240
_READABLE = 0.8
_LEXICAL_WEIGHT, _DENSE_WEIGHT, _CONTEXT_WEIGHT, _RANK_WEIGHT = 1.0, 0.6, 0.25, 0.12
_QUANTITY_BONUS = 0.12
_FRAGMENT_FACTOR = 0.4
_MIN_SCORE = 0.05

_ASKS_QUANTITY = re.compile(
    r"\bhow (?:many|much|long|often|far|high|low|old|big|large|tall|deep|fast|heavy|wide"
    r"|soon|late)\b"
    r"|\bwhen\b|\bwhat (?:year|time|date|day|percentage|number|age|speed|temperature|price|cost)\b"
    r"|多少|几|多[长久大高远深重快宽]|何时|什么时候|哪[一]?[年天日月]|哪天|幾|多[長遠]",
    re.IGNORECASE,
)
_QUANTITY = re.compile(
    r"\d|[零〇一二三四五六七八九十百千万两]+[年月日天周个名次米元人台条点时分秒小岁%％]"
    r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty"
    r"|hundred|thousand|once|twice|daily|weekly|monthly|yearly|annually|every"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)
_ENDS_AS_SENTENCE = re.compile(r"[.!?。！？；…:：][\"'”’」』）)】》\]]*$")


@dataclass(frozen=True, slots=True)
class _Unit:
    """A candidate quote: a sentence of passage `number`, which is the `rank`-th of the prompt."""

    number: int
    rank: int
    start: int
    text: str
    terms: frozenset[str]
    context: frozenset[str]


class ExtractiveModel:
    """Quotes the sentences that answer the question. Needs no weights but the embedder's."""

    name = "extractive"
    context_tokens = 1 << 20

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of the embedder each text has."""
        return self._embedder.count_tokens(texts)

    def stream(
        self, messages: Sequence[Message], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the chosen sentences with their markers, or nothing where no sentence fits.

        `options` bounds nothing here: the answer is at most two sentences of the passages.
        """
        question = _question_of(messages)
        units = _units(messages)
        chosen = _choose(units, self._score(question, units)) if units else []
        n_prompt = sum(self.count_tokens([message.text for message in messages]))
        n_new = 0
        for place, unit in enumerate(chosen):
            if cancelled.is_set():
                break
            quote = f"{unit.text} [{unit.number}]"
            n_new += self.count_tokens([quote])[0]
            yield Completion(("\n" if place else "") + quote)
        yield Completion(
            "",
            finish_reason="cancelled" if cancelled.is_set() else "stop",
            usage=Usage(prompt_tokens=n_prompt, prefilled_tokens=n_prompt, new_tokens=n_new),
        )

    def _score(self, question: str, units: Sequence[_Unit]) -> list[float]:
        """Return each unit's score: terms, meaning, the passage's rank, the kind of answer."""
        wanted = informative_terms(query_terms(question))
        weights = _local_weights(wanted, units)
        cosines = self._cosines(question, units)
        asks_quantity = _ASKS_QUANTITY.search(question) is not None
        scores = []
        for unit, cosine in zip(units, cosines, strict=True):
            score = _LEXICAL_WEIGHT * _share(unit.terms, weights)
            score += _CONTEXT_WEIGHT * _share(unit.context - unit.terms, weights)
            score += _DENSE_WEIGHT * max(cosine, 0.0) + _RANK_WEIGHT / unit.rank
            if asks_quantity and _QUANTITY.search(unit.text):
                score += _QUANTITY_BONUS
            scores.append(score * (_FRAGMENT_FACTOR if _is_fragment(unit.text) else 1.0))
        return scores

    def _cosines(self, question: str, units: Sequence[_Unit]) -> list[float]:
        """Return the cosines of question and units; 0 where the embedder cannot read them."""
        readable = [i for i, unit in enumerate(units) if self._reads(unit.text)]
        cosines = [0.0] * len(units)
        if not readable or not self._reads(question):
            return cosines
        vectors = self._embedder.embed_documents([units[i].text for i in readable])  # (n, dim)
        products = np.asarray(vectors @ self._embedder.embed_query(question))  # (n,)
        for i, product in zip(readable, products, strict=True):
            cosines[i] = float(product)
        return cosines

    def _reads(self, text: str) -> bool:
        return self._embedder.coverage(text) >= _READABLE


def _question_of(messages: Sequence[Message]) -> str:
    spans = [span for message in messages for span in message.spans if span.kind == "question"]
    return spans[-1].text if spans else ""


def _units(messages: Sequence[Message]) -> list[_Unit]:
    """Return the sentences of all passages, each with the terms of its neighbours and header."""
    units: list[_Unit] = []
    header = ""
    rank = 0
    for span in (span for message in messages for span in message.spans):
        if span.kind == "source":
            header = span.text
        elif span.kind == "passage":
            rank += 1
            units += _units_of_passage(span, header, rank)
    return units


def _units_of_passage(span: Span, header: str, rank: int) -> list[_Unit]:
    offsets = [part for whole in split_sentences(span.text) for part in _lines(span.text, whole)]
    texts = [span.text[start:end] for start, end in offsets]
    terms = [frozenset(terms_of(text)) for text in texts]
    header_terms = frozenset(terms_of(header))
    units = []
    for i, (start, _) in enumerate(offsets):
        before = terms[i - 1] if i else frozenset()
        units.append(
            _Unit(span.number or rank, rank, start, texts[i], terms[i], header_terms | before)
        )
    return units


def _lines(text: str, span: tuple[int, int]) -> Iterator[tuple[int, int]]:
    """Yield the lines of a long stretch without sentence ends, such as a table."""
    start, end = span
    if end - start <= _LONG_UNIT or "\n" not in text[start:end]:
        yield span
        return
    for match in re.finditer(r"[^\n]+", text[start:end]):
        if match.group().strip():
            yield start + match.start(), start + match.end()


def _local_weights(wanted: Sequence[str], units: Sequence[_Unit]) -> dict[str, float]:
    """Return each term's inverse sentence frequency: what stands everywhere tells nothing."""
    counts = Counter(term for unit in units for term in unit.terms)
    n_units = len(units)
    return {
        term: math.log(1.0 + (n_units - counts[term] + 0.5) / (counts[term] + 0.5))
        for term in wanted
        if counts[term]
    }


def _share(terms: frozenset[str], weights: Mapping[str, float]) -> float:
    total = sum(weights.values())
    return sum(weights[term] for term in terms & weights.keys()) / total if total else 0.0


def _is_fragment(text: str) -> bool:
    """Tell a heading or label from a sentence, a list item or a table row."""
    if _ENDS_AS_SENTENCE.search(text) or "|" in text or any(c.isdigit() for c in text):
        return False
    return len(text) <= 16 if cjk_share(text) > 0.5 else len(text.split()) <= 7


def _choose(units: Sequence[_Unit], scores: Sequence[float]) -> list[_Unit]:
    """Return the best unit, and the second best where it is nearly as good, in reading order."""
    order = sorted(range(len(units)), key=lambda i: (-scores[i], i))
    best = order[0]
    if scores[best] < _MIN_SCORE:
        return []
    chosen = [best]
    for i in order[1:]:
        is_new = units[i].text not in {units[j].text for j in chosen}
        if len(chosen) < _MAX_SENTENCES and is_new and scores[i] >= _SECOND_SHARE * scores[best]:
            chosen.append(i)
    return [units[i] for i in sorted(chosen)]
