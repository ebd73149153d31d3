"""The values that travel through ragapp, in order of travel.

    Document -> Chunk -> Hit -> Message -> Completion -> Citation -> Answer

All are frozen and slotted. Offsets are half-open code-point offsets ``[start, end)`` into
``Document.text``, carried from the split and never recovered by searching.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ragapp.conflict import Conflict
from ragapp.places import PageSpan, Place, page_at
from ragapp.statements import Statement
from ragapp.trace import Timings, Trace

INSTRUCTIONS_KEY = "instructions"  # in Document.metadata: instructions to a model found in it

Role = Literal["system", "user", "assistant"]
SpanKind = Literal["instruction", "source", "origin", "passage", "question", "turn"]
FinishReason = Literal["stop", "length", "cancelled", "timeout"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 to 6 that stands at `[start, end)` of the document's text."""

    level: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """The cleaned text of one file with its structure.

    `id` is derived from the text alone, so equal texts are one document under several sources.
    `fingerprint` is the text's unsigned 64-bit SimHash, None where it is too short. `listings` are
    its tables and code, for the chunker: they are not stored.
    `language` is "en", "zh-Hans", "zh-Hant", "zh" (either), another ISO 639-1 code, or "und".
    """

    id: str
    source: str
    title: str
    text: str
    format: str
    language: str = "und"
    pages: tuple[PageSpan, ...] = ()
    headings: tuple[Heading, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    fingerprint: int | None = None
    listings: tuple[tuple[int, int], ...] = field(default=(), compare=False)  # [start, end)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a document that is embedded and found as one: ``document.text[start:end]``.

    `page` is the page on which the chunk begins, None for formats without pages. `heading` is the
    path of headings above it, joined by " > ", or "".
    """

    document_id: str
    ordinal: int
    start: int
    end: int
    text: str
    page: int | None = None
    heading: str = ""
    language: str = "und"

    @property
    def id(self) -> str:
        """The chunk's name outside the store: document id and 0-based place in the document."""
        return f"{self.document_id}-{self.ordinal:04d}"

    @property
    def embedded_text(self) -> str:
        """What the embedder reads: the heading path on a line of its own, then the text."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a query. `rank` starts at 1; a higher `score` is better.

    `dense_score` is the cosine in [-1, 1] (None where the dense leg did not look), `lexical_score`
    the BM25 score (>= 0, None where the lexical leg did not find it), and `coverage` in [0, 1] the
    share of the question's terms, weighted by rarity, that stand in the chunk. `rerank_score` is a
    reranker's, in [0, 1], None where none read the chunk; what one read has a `score` of at least
    0.5, the rest one of at most that. `also_in` names the other sources that hold the text,
    `also_at` where it stands in other documents; `has_instructions` warns of instructions to a
    model in the document. `parts` are the hits that a passage was joined of, () for a chunk. `date`
    is the one that the document declares, as YYYY-MM-DD, "" where it declares none.
    `collection` names the document's where several are searched, else "".
    """

    rank: int
    score: float
    document_id: str
    source: str
    title: str
    page: int | None
    heading: str
    chunk_id: str
    start: int
    end: int
    text: str
    language: str = "und"
    dense_score: float | None = None
    lexical_score: float | None = None
    coverage: float = 0.0
    also_in: tuple[str, ...] = ()
    has_instructions: bool = False
    page_spans: tuple[PageSpan, ...] = ()
    also_at: tuple[Place, ...] = ()
    parts: tuple[Hit, ...] = ()
    rerank_score: float | None = None
    collection: str = ""
    date: str = ""

    def page_at(self, offset: int) -> int | None:
        """Return the page on which the document offset `offset` stands, None without pages."""
        return page_at(self.page_spans, offset, self.page)

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as plain JSON values, under the names that the README documents."""
        values = asdict(self)
        del values["page_spans"], values["parts"]
        places = [place.to_dict() for place in self.also_at]
        return values | {"also_in": list(self.also_in), "also_at": places}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a message. Only an "instruction" is ours; all other kinds are untrusted text.

    `number` is the passage's marker number for kind "passage", else None.
    """

    kind: SpanKind
    text: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message, kept as spans so that untrusted text is never taken for control tokens."""

    role: Role
    spans: tuple[Span, ...]

    @property
    def text(self) -> str:
        """The message as one string."""
        return "".join(span.text for span in self.spans)

    @classmethod
    def of(cls, role: Role, text: str, *, kind: SpanKind = "instruction") -> Message:
        """Return a message of a single span."""
        return cls(role, (Span(kind, text),))


@dataclass(frozen=True, slots=True)
class GenerationOptions:
    """How to decode. `temperature` 0 is greedy. `stop` strings never appear in the output.

    `min_p` drops tokens less likely than this share of the likeliest; `repetition_penalty` above 1
    makes tokens that the prompt or the answer holds less likely. After `timeout_s` seconds, waiting
    included, the answer ends with what there is of it. `has_logprobs` asks for `logprobs`.
    `adapter` is the name or folder of a LoRA adapter, "" for the model as it is.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    seed: int = 0
    stop: tuple[str, ...] = ()
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    timeout_s: float | None = None
    has_logprobs: bool = False
    adapter: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one answer: prompt_tokens = prefilled_tokens + cached_tokens."""

    prompt_tokens: int = 0
    prefilled_tokens: int = 0
    cached_tokens: int = 0
    new_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """A piece of a model's output. The pieces' texts joined are the whole output.

    The last piece (its text may be "") carries `finish_reason` and `usage`; both are None before.
    A request that must wait is told its place in the queue, from 1, by pieces without text. Where
    asked for, the last piece has the natural logarithm of each new token's probability, by the
    model's own distribution, whatever was drawn from.
    """

    text: str
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    queue_place: int | None = None
    logprobs: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """Marker `[n]` of an answer resolved: `quote` is ``document.text[start:end]``, verbatim.

    `revisions` are sources that state other facts in nearly the same words as the document.
    """

    marker: int
    document_id: str
    source: str
    title: str
    page: int | None
    start: int
    end: int
    quote: str
    chunk_id: str
    also_in: tuple[str, ...] = ()
    has_instructions: bool = False
    also_at: tuple[Place, ...] = ()
    collection: str = ""
    revisions: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the citation as plain JSON values, under the names that the README documents."""
        return listed(asdict(self)) | {"also_at": [place.to_dict() for place in self.also_at]}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its evidence. `abstained` means that the documents do not hold the answer,
    `dropped_turns` counts the oldest turns of a conversation that the model was not shown, and
    `dropped_hits` the hits that did not fit into its prompt. `trace` is there where asked for.
    """

    question: str
    text: str
    abstained: bool
    citations: tuple[Citation, ...]
    hits: tuple[Hit, ...]
    engine: str
    timings_ms: Timings = field(default_factory=Timings)
    usage: Usage = Usage()
    statements: tuple[Statement, ...] = ()
    dropped_turns: int = 0
    dropped_hits: int = 0
    conflicts: tuple[Conflict, ...] = ()
    trace: Trace | None = field(default=None, compare=False)

    @property
    def is_grounded(self) -> bool:
        """Tell whether every sentence is supported by a passage; True for a refusal."""
        return all(statement.is_grounded for statement in self.statements)

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as plain JSON values, under the names that the README documents."""
        traced = {} if self.trace is None else {"trace": self.trace.to_dict()}
        return {
            "question": self.question,
            "answer": self.text,
            "abstained": self.abstained,
            "grounded": self.is_grounded,
            "statements": [statement.to_dict() for statement in self.statements],
            "citations": [citation.to_dict() for citation in self.citations],
            "conflicts": [conflict.to_dict() for conflict in self.conflicts],
            "hits": [hit.to_dict() for hit in self.hits],
            "engine": self.engine,
            "timings_ms": asdict(self.timings_ms),
            "usage": asdict(self.usage),
            "dropped_turns": self.dropped_turns,
            "dropped_hits": self.dropped_hits,
        } | traced


def passages_of(messages: Sequence[Message]) -> list[Span]:
    """Return the passage spans of a prompt in order."""
    return [span for message in messages for span in message.spans if span.kind == "passage"]


def listed(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with lists in place of tuples, as JSON has them."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}
