"""Finds where documents contradict a cited sentence: the same words with another number or date.

Compared with it are the sentences of the revisions of its document, and those of the other
documents that were found. What is no contradiction is told apart as far as words tell: another
name, another year, the number of a thing ("Dome 2"), rows of different tables.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from ragapp.conflict import Conflict, Difference, DocumentDate, Stated
from ragapp.facts import dates, negations, normal, numbers
from ragapp.places import page_at
from ragapp.sentences import split_sentences
from ragapp.support import objections
from ragapp.traditional import simplified
from ragapp.types import Citation, Document, Hit

MIN_SHARED = 0.9  # of the words of both sentences together
MIN_SHARED_IN_REVISION = 0.75
MIN_WORDS = 4  # Chinese characters count as half
MAX_CONFLICTS = 10
MAX_CHARACTERS = 1_000_000  # of one revision that is compared

_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+(?:['’][a-z]+)?")
_YEAR = re.compile(r"(?:19|20)\d\d")
# the number of a thing, not of a quantity; a word that opens a sentence may be any word
_LABEL = re.compile(
    r"(?:[A-Z][\w-]*\s|[A-Za-z]-?|[第§#]\s?|\b[Nn]os?\.\s?|\bnumber\s)(?<!\d)(\d+)(?![\d.,]*\d)"
    r"|(\d+)\s?[号號]"
)
_ANY_WORD = re.compile(
    r"^(?:About|Over|Under|Between|At|In|After|Before|Only|Nearly|Almost|Up|From|Until|By|Within"
    r"|All|The|Some|For|Every|Since|To|Of|On|With|And|Or|As|Around)\s"
)


class Reads(Protocol):
    """What is read of the documents; methods as of `ragapp.collection.Selection`."""

    def revision_documents(self, citation: Citation) -> list[Document]:
        """Return the revisions of a cited document, with their texts."""

    def date_of(self, collection: str, document_id: str, source: str) -> DocumentDate:
        """Return a document's day."""


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence with what it states: its words, numbers, dates, and what it negates."""

    text: str
    start: int
    end: int
    words: Counter[str]
    numbers: Counter[str]
    dates: frozenset[str]
    negated: frozenset[str]

    @property
    def weight(self) -> float:
        return sum(n if word.isascii() else n / 2 for word, n in self.words.items())


def conflicts_of(
    citations: Sequence[Citation], hits: Sequence[Hit], documents: Reads
) -> tuple[Conflict, ...]:
    """Return what contradicts the cited sentences, at most 10, those of revisions first.

    Two sentences contradict each other once, however many documents hold them.
    """
    found: dict[frozenset[str], Conflict] = {}
    for citation in citations:
        for cited in _sentences(citation.quote, citation.start):
            for other, differs, sides in _contradictions(cited, citation, hits, documents):
                key = frozenset((cited.text, other.quote))
                if key in found or len(found) == MAX_CONFLICTS:
                    continue
                found[key] = Conflict(
                    citation.marker,
                    _stated(cited, citation, documents),
                    other,
                    differs,
                    sides,
                )
    return tuple(found.values())


def _contradictions(
    cited: _Sentence, citation: Citation, hits: Sequence[Hit], documents: Reads
) -> Iterator[tuple[Stated, tuple[Difference, ...], tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Yield each statement against a cited sentence, what differs, and the values of both."""
    if cited.weight < MIN_WORDS:
        return
    known = {citation.document_id}
    for document in documents.revision_documents(citation):
        known.add(document.id)
        text = document.text[:MAX_CHARACTERS]
        for other in _nearest(cited, _cached_sentences(text), MIN_SHARED_IN_REVISION):
            if differs := _differences(cited, other, is_revision=True):
                yield (
                    _of_document(other, document, citation, documents),
                    differs,
                    _values(cited, other),
                )
    for hit in (hit for hit in hits if hit.document_id not in known and not _holds(hit, citation)):
        for other in _nearest(cited, _sentences(hit.text, hit.start), MIN_SHARED):
            if differs := _differences(cited, other, is_revision=False):
                yield _of_hit(other, hit, documents), differs, _values(cited, other)


def _holds(hit: Hit, citation: Citation) -> bool:
    """Tell whether the hit's passage holds the quote too: a copy contradicts nothing."""
    return citation.quote in hit.text


def _nearest(cited: _Sentence, others: Iterable[_Sentence], least: float) -> Iterator[_Sentence]:
    """Yield the sentences that share most words with the cited one, none if that is said alike."""
    scored = [(_shared(cited.words, other.words), other) for other in others]
    best = max((score for score, _ in scored), default=0.0)
    nearest = [other for score, other in scored if score == best]
    if best >= least and not any(_states_alike(cited, other) for other in nearest):
        yield from nearest[:1]


def _shared(first: Counter[str], second: Counter[str]) -> float:
    """Return the words of both as a share of the words of either."""
    either = (first | second).total()
    return (first & second).total() / either if either else 0.0


def _states_alike(first: _Sentence, second: _Sentence) -> bool:
    is_negated_alike = first.negated == second.negated
    return first.numbers == second.numbers and first.dates == second.dates and is_negated_alike


def _differences(
    cited: _Sentence, other: _Sentence, *, is_revision: bool
) -> tuple[Difference, ...]:
    """Return in what two sentences of the same words contradict each other, () if in nothing."""
    left, right = cited.numbers - other.numbers, other.numbers - cited.numbers
    found: list[Difference] = []
    if left and right:
        found.append("number")
    if cited.dates - other.dates and other.dates - cited.dates:
        found.append("date")
    raised = {*objections(cited.text, other.text), *objections(other.text, cited.text)}
    if "negation" in raised and is_revision and not (left or right):
        found.append("negation")
    if "name" in raised or ("negation" in raised and "negation" not in found):
        return ()
    if not is_revision and _is_another_case(cited, other, left, right):
        return ()
    labels = _labels(cited.text) | _labels(other.text)
    return () if labels & (set(left) | set(right)) else tuple(found)


def _is_another_case(
    cited: _Sentence, other: _Sentence, left: Counter[str], right: Counter[str]
) -> bool:
    """Tell rows of tables, and what is said of another year, from what is said otherwise."""
    if "|" in cited.text or "|" in other.text:
        return True
    changed = [*left, *right]
    has_year = any(_YEAR.fullmatch(number) for number in changed)
    has_other_number = not all(_YEAR.fullmatch(number) for number in changed)
    has_other_date = cited.dates != other.dates
    return (has_year and has_other_number) or (has_other_date and bool(changed))


def _labels(text: str) -> set[str]:
    """Return the numbers that name a thing, such as that of "Dome 2".

    >>> sorted(_labels("Dome 2 closes at 15 m/s, see OI-07 and 第3章."))
    ['2', '3', '7']
    """
    bare = _ANY_WORD.sub("", text)
    found = (number for groups in _LABEL.findall(bare) for number in groups if number)
    return {number.lstrip("0") for number in found}


def _values(cited: _Sentence, other: _Sentence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the numbers and dates that only one of the two states, in order."""
    left = (*(cited.numbers - other.numbers), *sorted(cited.dates - other.dates))
    return left, (*(other.numbers - cited.numbers), *sorted(other.dates - cited.dates))


def _sentences(text: str, offset: int = 0) -> list[_Sentence]:
    """Return the sentences of a text, and the rows of its tables, that stand at `offset`."""
    return [
        _sentence(text[start:end], offset + start)
        for begin, stop in split_sentences(text)
        for start, end in _rows(text, begin, stop)
    ]


@lru_cache(maxsize=8)
def _cached_sentences(text: str) -> tuple[_Sentence, ...]:
    return tuple(_sentences(text))


def _rows(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    if " | " not in text[start:end]:
        yield start, end
        return
    for line in re.finditer(r"[^\n]+", text[start:end]):
        yield start + line.start(), start + line.end()


def _sentence(text: str, start: int) -> _Sentence:
    rest, found = dates(normal(simplified(text)))
    return _Sentence(
        text,
        start,
        start + len(text),
        Counter(_WORD.findall(rest)),
        Counter(numbers(rest)),
        frozenset(found),
        frozenset(negations(rest)),
    )


def _stated(cited: _Sentence, citation: Citation, documents: Reads) -> Stated:
    return Stated(
        quote=cited.text,
        document_id=citation.document_id,
        source=citation.source,
        title=citation.title,
        page=citation.page,
        start=cited.start,
        end=cited.end,
        date=documents.date_of(citation.collection, citation.document_id, citation.source),
        collection=citation.collection,
    )


def _of_document(
    other: _Sentence, document: Document, citation: Citation, documents: Reads
) -> Stated:
    return Stated(
        quote=other.text,
        document_id=document.id,
        source=document.source,
        title=document.title,
        page=page_at(document.pages, other.start, None),
        start=other.start,
        end=other.end,
        date=documents.date_of(citation.collection, document.id, document.source),
        collection=citation.collection,
    )


def _of_hit(other: _Sentence, hit: Hit, documents: Reads) -> Stated:
    return Stated(
        quote=other.text,
        document_id=hit.document_id,
        source=hit.source,
        title=hit.title,
        page=hit.page_at(other.start),
        start=other.start,
        end=other.end,
        date=documents.date_of(hit.collection, hit.document_id, hit.source),
        collection=hit.collection,
    )
