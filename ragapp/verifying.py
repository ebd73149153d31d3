"""An answer's sentences, each bound to the passage that supports it, whatever markers it came with.

A marker whose passage supports its sentence stays, one whose passage does not is moved to one that
does, a missing one is added, and a sentence that no passage supports is told. Source of the idea:
Gao et al. 2023, "RARR: Researching and Revising What Language Models Say".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ragapp.analysis import content_terms, informative_terms
from ragapp.citing import MARKER, citation_of, marker, verbatim
from ragapp.facts import normal, numbers
from ragapp.protocols import Entailment
from ragapp.sentences import split_sentences
from ragapp.statements import Objection, Statement
from ragapp.support import Similar, Support, best_support, weighed
from ragapp.types import Citation, Hit

Policy = Literal["mark", "drop", "refuse"]

_MIN_TERMS = 2  # a sentence with fewer, and without a number, states nothing
_NOTHING = Support(0, 0, 0.0, ("words",))
_LINE = re.compile(r"[^\n]+")
_MARKED = re.compile(rf" ?{MARKER.pattern}")
_TABLE_RULE = frozenset("|-: \t")  # what the line below a Markdown table's head is made of
_GAP = re.compile(r"\n{3,}")


@dataclass(frozen=True, slots=True)
class Verified:
    """An answer as it may be shown: its text with checked markers, citations and statements."""

    text: str
    citations: tuple[Citation, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A sentence with its markers, ``text[start:end]``, its words alone, its markers' numbers."""

    start: int
    end: int
    claim: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Bound:
    """What a sentence came to; `citations` are those of the passages that support it."""

    citations: tuple[Citation, ...]
    objections: tuple[Objection, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        return tuple(citation.marker for citation in self.citations)


def verify(
    text: str,
    hits: Sequence[Hit],
    *,
    similar: Similar | None = None,
    entailment: Entailment | None = None,
) -> Verified:
    """Bind each sentence of `text` to the passages that support it.

    `hits` are the passages of the prompt: marker 1 is the first. `similar` gives the cosine of two
    texts, None where the embedder reads neither; `entailment` is asked once a sentence, but for one
    that a passage holds word for word. A sentence that states nothing ("Yes.") is none.
    """
    pieces: list[str] = []
    citations: list[Citation] = []
    statements: list[Statement] = []
    done = length = 0
    for sentence in _sentences(text, hits):
        bound = _bound(sentence, hits, similar, entailment)
        if bound is None:
            continue
        shown = _shown(text, sentence, bound)
        start = length + sentence.start - done
        length = start + len(shown)
        pieces += [text[done : sentence.start], shown]
        done = sentence.end
        citations += [citation for citation in bound.citations if citation not in citations]
        statements.append(_statement(sentence, bound, start, length))
    return Verified("".join([*pieces, text[done:]]), tuple(citations), tuple(statements))


def as_policy(
    text: str,
    hits: Sequence[Hit],
    policy: Policy,
    *,
    similar: Similar,
    entailment: Entailment | None = None,
) -> Verified:
    """Return what `verify` makes of `text`, and of its unsupported sentences what `policy` wants.

    "mark" keeps them, "drop" leaves them out, and "refuse" refuses all of an answer that has any:
    its text is "" then, as it is where nothing is left.
    """
    verified = verify(text, hits, similar=similar, entailment=entailment)
    if policy == "mark" or all(statement.is_grounded for statement in verified.statements):
        return verified
    if policy == "refuse":
        return replace(verified, text="")
    kept = without_ungrounded(verified)
    return verify(kept, hits, similar=similar, entailment=entailment)


def without_ungrounded(verified: Verified) -> str:
    """Return the text without the sentences that no passage supports."""
    kept, begin = [], 0
    for statement in verified.statements:
        if not statement.is_grounded:
            kept.append(verified.text[begin : statement.start].rstrip(" "))
            begin = statement.end
    kept.append(verified.text[begin:])
    return _GAP.sub("\n\n", "".join(kept)).strip()


def _statement(sentence: _Sentence, bound: _Bound, start: int, end: int) -> Statement:
    return Statement(
        start=start,
        end=end,
        text=sentence.claim,
        markers=bound.numbers,
        is_grounded=bool(bound.citations),
        objections=bound.objections,
    )


def _shown(text: str, sentence: _Sentence, bound: _Bound) -> str:
    """Return the sentence as it came where its markers stay, else with those that support it."""
    if bound.numbers == sentence.numbers:
        return text[sentence.start : sentence.end]
    return "".join([sentence.claim, *(f" {marker(n)}" for n in bound.numbers)])


def _bound(
    sentence: _Sentence,
    hits: Sequence[Hit],
    similar: Similar | None,
    entailment: Entailment | None,
) -> _Bound | None:
    """Return what supports the sentence; None for one that has no marker and states nothing.

    The passages that it names come first; others only where none of these supports it.
    """
    if not sentence.numbers and not _states_something(sentence.claim):
        return None
    weighed_all = _weighed(sentence.claim, hits, similar, entailment)
    judged: dict[int, Support] = {}
    others = [n for n in range(1, len(hits) + 1) if n not in sentence.numbers]
    for numbers_of, at_most in ((sentence.numbers, len(hits)), (others, 1)):
        judged |= {
            n: weighed_all.get(n) or best_support(sentence.claim, hits[n - 1], similar=similar)
            for n in numbers_of
        }
        ranked = sorted(judged, key=lambda n: -judged[n].share)
        supporting = [n for n in ranked if not judged[n].objections][:at_most]
        if supporting:
            kept = [n for n in sentence.numbers if n in supporting] or supporting
            return _Bound(
                tuple(citation_of(n, hits[n - 1], (judged[n].start, judged[n].end)) for n in kept)
            )
    nearest = max(judged.values(), key=lambda support: support.share, default=_NOTHING)
    return _Bound((), nearest.objections)


def _weighed(
    claim: str, hits: Sequence[Hit], similar: Similar | None, entailment: Entailment | None
) -> dict[int, Support]:
    """Return what each passage is to the claim by the model; {} where it is not asked."""
    if entailment is None or any(verbatim(claim, hit) is not None for hit in hits):
        return {}
    supports = [best_support(claim, hit, similar=similar) for hit in hits]
    return dict(enumerate(weighed(claim, hits, supports, entailment), start=1))


def _states_something(claim: str) -> bool:
    terms = informative_terms(content_terms(claim))
    return len(terms) >= _MIN_TERMS or bool(numbers(normal(claim)))


def _sentences(text: str, hits: Sequence[Hit]) -> Iterator[_Sentence]:
    """Yield the sentences of each line in order, with the markers that stand behind them."""
    for line in _LINE.finditer(text):
        markers = [
            found
            for found in _MARKED.finditer(text, line.start(), line.end())
            if 1 <= int(found.group(1)) <= len(hits)
        ]
        quote = _quoted(text, line, markers, hits)
        if quote is not None:
            yield quote
        elif markers or not _is_table_head(text, line):
            yield from _split(text, line, markers)


def _is_table_head(text: str, line: re.Match[str]) -> bool:
    """Tell the names of a Markdown table's columns, without a number: they state nothing."""
    rule = _LINE.match(text, line.end() + 1)
    is_rule = rule is not None and {"|", "-"} <= set(rule.group()) <= _TABLE_RULE
    return is_rule and not numbers(normal(line.group()))


def _quoted(
    text: str, line: re.Match[str], markers: Sequence[re.Match[str]], hits: Sequence[Hit]
) -> _Sentence | None:
    """Return a line that is one quote: what looks like a marker within it is text."""
    if not markers or text[markers[-1].end() : line.end()].strip():
        return None
    number = int(markers[-1].group(1))
    quote = text[line.start() : markers[-1].start()]
    if verbatim(quote, hits[number - 1]) is None:
        return None
    return _Sentence(line.start(), markers[-1].end(), quote, (number,))


def _split(text: str, line: re.Match[str], markers: Sequence[re.Match[str]]) -> Iterator[_Sentence]:
    """Yield the sentences of a line; a marker belongs to the sentence that it ends or follows."""
    places = list(range(line.start(), line.end()))
    for found in reversed(markers):
        del places[found.start() - line.start() : found.end() - line.start()]
    bare = "".join(text[place] for place in places)
    spans = split_sentences(bare)
    borders = [places[start] for start, _ in spans[1:]] + [line.end()] * bool(spans)
    begin = line.start()
    for (start, end), border in zip(spans, borders, strict=True):
        own = [found for found in markers if begin <= found.start() < border]
        ends = [places[end - 1] + 1, *(found.end() for found in own)]
        first = min([places[start], *(found.start() for found in own)])
        numbers_of = tuple(dict.fromkeys(int(found.group(1)) for found in own))
        yield _Sentence(first, max(ends), bare[start:end], numbers_of)
        begin = border
