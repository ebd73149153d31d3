"""Triples -> token ids of a prompt and of the answer that follows it.

The prompt is what `ragapp.prompting` builds, its last message alone: the reader's chat template
leaves out the instruction, which it has learnt, and earlier turns.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from ragapp.citing import marker
from ragapp.prompting import build_messages, refusal
from ragapp.types import Hit
from training.sources import Passage, Triple

MAX_TOKENS = 448  # of 512 positions: the answer must fit behind
_MAX_ANSWER_TOKENS = 48
_WINDOWS = (120, 200, 340)  # tokens of a passage where it is cut, drawn
_SHARES = (0.62, 0.86)  # of questions with the right passage alone, with the right one and another
_MIN_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids of a prompt and of its answer, the end token included."""

    prompt: list[int]
    answer: list[int]

    @property
    def n_tokens(self) -> int:
        """The length of both."""
        return len(self.prompt) + len(self.answer)


class Maker:
    """Makes an example of a triple, its passages drawn: the right one, others, or only others."""

    def __init__(self, tokenizer: Tokenizer, triples: Sequence[Triple]) -> None:
        self._tokenizer = tokenizer
        self._begin = _id(tokenizer, "[CLS]")
        self._end = _id(tokenizer, "[SEP]")
        self._by_title: dict[str, list[Passage]] = defaultdict(list)
        for passage in {t.passage.id: t.passage for t in triples}.values():
            self._by_title[passage.title].append(passage)
        self._all = [passage for group in self._by_title.values() for passage in group]

    def make(self, triple: Triple, draw: random.Random) -> Example | None:
        """Return an example, None where the answer does not fit."""
        share = draw.random()
        if share > _SHARES[1]:
            other = self._other(triple, draw)
            return self._example(triple.question, [self._cut(other, 0, 0, draw)], None, draw)
        right = self._cut(triple.passage, triple.start, triple.end, draw)
        texts, place = [right], 0
        if share > _SHARES[0]:
            texts.append(self._cut(self._other(triple, draw), 0, 0, draw))
            place = draw.randrange(2)
            texts.insert(place, texts.pop(0))
        return self._example(triple.question, texts, place, draw)

    def gold(self, triple: Triple) -> Example | None:
        """Return the example of the right passage alone, cut to what fits, as a test has it."""
        draw = random.Random(0)
        right = self._cut(triple.passage, triple.start, triple.end, draw, at_most=_WINDOWS[-1])
        return self._example(triple.question, [right], 0, draw)

    def _other(self, triple: Triple, draw: random.Random) -> Passage:
        """Return a passage without the answer, of the same article where there is one."""
        answer = triple.passage.text[triple.start : triple.end]
        for group in (self._by_title[triple.passage.title], self._all):
            for _ in range(4):
                other = draw.choice(group)
                if other.id != triple.passage.id and answer not in other.text:
                    return other
        return draw.choice(self._all)

    def _cut(
        self, passage: Passage, start: int, end: int, draw: random.Random, *, at_most: int = 0
    ) -> _Cut:
        """Return a stretch of the passage that holds [start, end)."""
        window = at_most or draw.choice(_WINDOWS)
        offsets = self._tokenizer.encode(passage.text, add_special_tokens=False).offsets
        if len(offsets) <= window:
            return _Cut(passage, 0, len(passage.text), start, end)
        held = [i for i, (a, b) in enumerate(offsets) if a < end and b > start] or [0]
        first = max(0, held[-1] - window + 1)
        last = min(held[0], len(offsets) - window)
        begin = draw.randint(min(first, last), max(first, last))
        stop = offsets[min(begin + window, len(offsets)) - 1][1]
        return _Cut(passage, offsets[begin][0], stop, start, end)

    def _example(
        self, question: str, cuts: Sequence[_Cut], place: int | None, draw: random.Random
    ) -> Example | None:
        hits = [cut.hit(rank) for rank, cut in enumerate(cuts, start=1)]
        ids, where = self._read(question, hits)
        if place is None:
            answer = self._encode(refusal(question))
        else:
            cut = cuts[place]
            found = [token for token, a, b in where[place] if a < cut.end and b > cut.start]
            if not found or len(found) > _MAX_ANSWER_TOKENS:
                return None
            answer = found + self._encode(marker(place + 1))
        if len(ids) > MAX_TOKENS:
            return None
        return Example([self._begin, *ids, self._end], [*answer, self._end])

    def _read(
        self, question: str, hits: Sequence[Hit]
    ) -> tuple[list[int], list[list[tuple[int, int, int]]]]:
        """Return the prompt's ids, and of each passage the (id, start, end) of its tokens."""
        ids: list[int] = []
        where: list[list[tuple[int, int, int]]] = []
        for span in build_messages(question, hits)[-1].spans:
            encoded = self._tokenizer.encode(span.text, add_special_tokens=False)
            if span.kind == "passage":
                start = hits[len(where)].start
                where.append(
                    [
                        (token, a + start, b + start)
                        for token, (a, b) in zip(encoded.ids, encoded.offsets, strict=True)
                    ]
                )
            ids += encoded.ids
        return ids, where

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids


@dataclass(frozen=True, slots=True)
class _Cut:
    """A passage's stretch [begin, stop), and where in the passage the answer stands."""

    passage: Passage
    begin: int
    stop: int
    start: int
    end: int

    def hit(self, rank: int) -> Hit:
        """Return the stretch as retrieval would give it."""
        return Hit(
            rank=rank,
            score=1.0,
            document_id=self.passage.id,
            source=self.passage.title,
            title=self.passage.title,
            page=None,
            heading="",
            chunk_id=self.passage.id,
            start=self.begin,
            end=self.stop,
            text=self.passage.text[self.begin : self.stop],
            language="und",
        )


def shuffled(
    triples: Sequence[Triple], maker: Maker, *, seed: int, tokens_per_batch: int
) -> Iterator[list[Example]]:
    """Yield batches of examples of like length, all triples once, in an order the seed decides."""
    draw = random.Random(seed)
    order = list(triples)
    draw.shuffle(order)
    for start in range(0, len(order), 2048):
        made = (maker.make(triple, draw) for triple in order[start : start + 2048])
        pool = sorted(filter(None, made), key=lambda e: e.n_tokens)
        batches = list(_batches(pool, tokens_per_batch))
        draw.shuffle(batches)
        yield from batches


def _batches(pool: Sequence[Example], tokens: int) -> Iterator[list[Example]]:
    batch: list[Example] = []
    for example in pool:
        if batch and (len(batch) + 1) * example.n_tokens > tokens:
            yield batch
            batch = []
        batch.append(example)
    if batch:
        yield batch


def _id(tokenizer: Tokenizer, token: str) -> int:
    found = tokenizer.token_to_id(token)
    assert found is not None
    return int(found)
