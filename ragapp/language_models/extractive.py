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
from typing import NamedTuple

import numpy as np

from ragapp.analysis import cjk_share, informative_terms, query_terms, terms_of
from ragapp.language_models.refusing import refuse_adapter
from ragapp.protocols import Embedder
from ragapp.sentences import split_sentences
from ragapp.types import Completion, GenerationOptions, Message, Span, Usage

_MAX_SENTENCES = 2
_SECOND_WITHIN = 2.0
_READABLE = 0.8
_LONG_UNIT = 240

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


class _Weights(NamedTuple):
    """What each piece of evidence adds to a sentence's log-odds of holding the answer.

    Logistic fits on public sets with answers (150 questions each of xquad, nq_open and cmrc2018),
    one where the embedder reads the question and one where it does not.
    """

    terms: float
    terms_before: float
    terms_in_header: float
    cosine: float
    first_passage: float
    asked_quantity: float


_READ = _Weights(2.5, 0.7, 1.2, 3.3, 3.7, 0.8)
_UNREAD = _Weights(5.8, 2.1, 2.0, 0.0, 2.7, 0.5)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A candidate quote: a sentence of passage `number`, which is the `rank`-th of the prompt."""

    number: int
    rank: int
    text: str
    terms: frozenset[str]
    before: frozenset[str]
    header: frozenset[str]
    is_fragment: bool


class ExtractiveModel:
    """Quotes the sentences that answer the question. Needs no weights but the embedder's."""

    name = "extractive"
    context_tokens = 1 << 20

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens of the embedder each text has."""
        return self._embedder.count_tokens(texts)

    def prompt_text(self, messages: Sequence[Message]) -> str:
        """Return "": no model reads a prompt."""
        return ""

    def stream(
        self, messages: Sequence[Message], *, options: GenerationOptions, cancelled: Event
    ) -> Iterator[Completion]:
        """Yield the chosen sentences with their markers, or nothing where there is no passage.

        `options` bounds nothing here: the answer is at most two sentences of the passages.
        """
        refuse_adapter(options, engine=self.name)
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
        """Return each unit's log-odds, up to a constant, of holding the answer."""
        rarity = _local_weights(informative_terms(query_terms(question)), units)
        weights = _READ if self._reads(question) else _UNREAD
        cosines = self._cosines(question, units)
        asks_quantity = _ASKS_QUANTITY.search(question) is not None
        return [
            weights.terms * _share(unit.terms, rarity)
            + weights.terms_before * _share(unit.before - unit.terms, rarity)
            + weights.terms_in_header * _share(unit.header - unit.terms, rarity)
            + weights.cosine * max(cosine, 0.0)
            + weights.first_passage / unit.rank
            + weights.asked_quantity * (asks_quantity and _QUANTITY.search(unit.text) is not None)
            for unit, cosine in zip(units, cosines, strict=True)
        ]

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
    """Return the sentences of all passages, each with the terms before it and above it."""
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
    texts = [
        line for start, end in split_sentences(span.text) for line in _rows(span.text[start:end])
    ]
    terms = [frozenset(terms_of(text)) for text in texts]
    header_terms = frozenset(terms_of(header))
    before = [frozenset[str](), *terms[:-1]]
    return [
        _Unit(
            number=span.number or rank,
            rank=rank,
            text=text,
            terms=own,
            before=previous,
            header=header_terms,
            is_fragment=text in header or _is_fragment(text),
        )
        for text, own, previous in zip(texts, terms, before, strict=True)
    ]


def _rows(text: str) -> list[str]:
    """Return the lines of a table or list without sentence ends, else the text as one."""
    if "\n" in text and (" | " in text or len(text) > _LONG_UNIT):
        return [line.strip() for line in text.split("\n") if line.strip()]
    return [text]


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
    """Return the best sentence, and the second where it is nearly as good, in reading order.

    Headings and labels are chosen only where there is nothing else.
    """
    sentences = [i for i, unit in enumerate(units) if not unit.is_fragment]
    order = sorted(sentences or range(len(units)), key=lambda i: (-scores[i], i))
    chosen = order[:1]
    for i in order[1:]:
        if len(chosen) == _MAX_SENTENCES or scores[i] < scores[order[0]] - _SECOND_WITHIN:
            break
        if units[i].text not in {units[j].text for j in chosen}:
            chosen.append(i)
    return [units[i] for i in sorted(chosen)]
