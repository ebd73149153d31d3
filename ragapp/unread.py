"""Which languages of a collection its embedder cannot read, and what could."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ragapp.collection import Collection
from ragapp.protocols import READABLE_COVERAGE, Embedder

READERS = ("BAAI/bge-m3", "intfloat/multilingual-e5-small", "Qwen/Qwen3-Embedding-0.6B")
_CONSIDERABLE = 0.1  # of the collection's chunks
_N_SAMPLED = 16
# trained on English: their tokenizers know the letters of more languages than they understand
_ENGLISH_ALONE = re.compile(r"(^|/)(all-MiniLM|all-mpnet|multi-qa)-|-en(-|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unread:
    """A language that `embedder` cannot read: its share of the chunks, in [0, 1], and the share
    of its tokens that the embedder knows, in a sample of them.
    """

    embedder: str
    language: str
    share: float
    known: float

    @property
    def warning(self) -> str:
        """What this means, on one line, with what to do."""
        return (
            f"the embedder {self.embedder!r} cannot read {self.language!r}, the language of "
            f"{self.share:.0%} of the chunks (it knows {self.known:.0%} of their tokens): they are "
            f"found by full text alone; {advice()}"
        )


def advice() -> str:
    """Return the setting and the command that bring a multilingual embedder."""
    first, *others = READERS
    return (
        f"set embedder = {first!r} in ragapp.toml (or {' or '.join(map(repr, others))}; or the "
        "folder of one), then embed anew with: ragapp reindex"
    )


def unread_languages(collection: Collection, embedder: Embedder) -> list[Unread]:
    """Return the languages of a considerable share of the chunks that the embedder cannot read.

    zh-Hans and zh-Hant count as zh; the most frequent comes first. A language is not read when a
    tenth or more of its tokens are unknown, or when the embedder is known to read English alone.
    """
    counts = collection.stats().chunks_by_language
    n_chunks = sum(counts.values())
    tags: dict[str, list[str]] = {}
    for tag in counts:
        tags.setdefault(tag.split("-")[0], []).append(tag)
    found = []
    for language, spelled in tags.items():
        share = sum(counts[tag] for tag in spelled) / n_chunks
        if share < _CONSIDERABLE or language == "und":
            continue
        known = _known(collection.sampled_texts(spelled, _N_SAMPLED), embedder)
        name = embedder.identity.name
        is_foreign = language != "en" and _ENGLISH_ALONE.search(name) is not None
        if known < READABLE_COVERAGE or is_foreign:
            found.append(Unread(name, language, share, known))
    return sorted(found, key=lambda unread: (-unread.share, unread.language))


def _known(texts: Sequence[str], embedder: Embedder) -> float:
    """Return the mean share of the texts' tokens that the embedder knows, 1 for no texts."""
    return sum(map(embedder.coverage, texts)) / len(texts) if texts else 1.0
