"""The model-free engine: answers with the best sentences of the best passages, word for word.

Differs from `transformers` in that it writes nothing of its own: every sentence is a quote with its
marker, in the passage's own language, or the refusal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from threading import Event

import numpy as np

from ragapp.analysis import cjk_share, terms_of
from ragapp.generation.options import check_options
from ragapp.language_models.deadline import Deadline
from ragapp.language_models.refusing import refuse_adapter
from ragapp.language_models.sentence_evidence import READ, UNREAD, Unit, evidence
from ragapp.protocols import Embedder
from ragapp.sentences import split_sentences
from ragapp.types import Completion, GenerationOptions, Message, Span, Usage

_MAX_SENTENCES = 2
_SECOND_WITHIN = 4.5
_READABLE = 0.8
_LONG_UNIT = 240

_ENDS_AS_SENTENCE = re.compile(r"[.!?。！？；…:：][\"'”’」』）)】》\]]*$")


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

        Of `options` only `timeout_s` counts here: the answer is at most two sentences of the
        passages. Raises UsageError for options out of range.
        """
        refuse_adapter(options, engine=self.name)
        check_options(options)
        deadline = Deadline(cancelled, timeout_s=options.timeout_s)
        question = _question_of(messages)
        units = _units(messages)
        chosen = _choose(units, self._score(question, units)) if units else []
        n_prompt = sum(self.count_tokens([message.text for message in messages]))
        n_new = n_quoted = 0
        for place, unit in enumerate(chosen):
            if deadline.is_set():
                break
            quote = f"{unit.text} [{unit.number}]"
            n_new += self.count_tokens([quote])[0]
            n_quoted += 1
            yield Completion(("\n" if place else "") + quote)
        is_cut = n_quoted < len(chosen) or cancelled.is_set()
        yield Completion(
            "",
            finish_reason=deadline.reason if is_cut else "stop",
            usage=Usage(prompt_tokens=n_prompt, prefilled_tokens=n_prompt, new_tokens=n_new),
        )

    def _score(self, question: str, units: Sequence[Unit]) -> list[float]:
        """Return each unit's log-odds, up to a constant, of holding the answer."""
        weights = READ if self._reads(question) else UNREAD
        table = evidence(question, units, self._cosines(question, units))
        scores: list[float] = (table @ np.asarray(weights)).tolist()
        return scores

    def _cosines(self, question: str, units: Sequence[Unit]) -> list[float]:
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


def _units(messages: Sequence[Message]) -> list[Unit]:
    """Return the sentences of all passages, each with the terms before it and above it."""
    units: list[Unit] = []
    header = ""
    rank = 0
    for span in (span for message in messages for span in message.spans):
        if span.kind == "source":
            header = span.text
        elif span.kind == "passage":
            rank += 1
            units += _units_of_passage(span, header, rank)
    return units


def _units_of_passage(span: Span, header: str, rank: int) -> list[Unit]:
    texts = [
        line for start, end in split_sentences(span.text) for line in _rows(span.text[start:end])
    ]
    words = [tuple(terms_of(text)) for text in texts]
    terms = [frozenset(own) for own in words]
    header_terms = frozenset(terms_of(header))
    return [
        Unit(
            number=span.number or rank,
            rank=rank,
            text=text,
            words=words[place],
            terms=terms[place],
            before=terms[place - 1] if place else frozenset(),
            after=terms[place + 1] if place + 1 < len(texts) else frozenset(),
            header=header_terms,
            is_fragment=text in header or _is_fragment(text),
        )
        for place, text in enumerate(texts)
    ]


def _rows(text: str) -> list[str]:
    """Return the lines of a table or list without sentence ends, else the text as one."""
    if "\n" in text and (" | " in text or len(text) > _LONG_UNIT):
        return [line.strip() for line in text.split("\n") if line.strip()]
    return [text]


def _is_fragment(text: str) -> bool:
    """Tell a heading or label from a sentence, a list item or a table row."""
    if _ENDS_AS_SENTENCE.search(text) or "|" in text or any(c.isdigit() for c in text):
        return False
    return len(text) <= 16 if cjk_share(text) > 0.5 else len(text.split()) <= 7


def _choose(units: Sequence[Unit], scores: Sequence[float]) -> list[Unit]:
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
