"""How many chunks an edit of a long document makes new, and how good the chunks are.

    python bench/locality.py [FILE ...] [--places N] [--overlap TOKENS]

Without files: a generated document of 300 pages, and an English book of 352 pages and a Chinese
handbook of 251 from ../shared/docs. A paragraph is inserted at the start, in the middle, at the
end and at N random paragraph borders of the cleaned text; N/4 paragraphs are removed (no headings:
those name all chunks below them), and a word is changed in N/4 places. New are the chunks whose
embedded text was not there before. With --places 0 only the quality of the chunks is told.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
if __name__ == "__main__":
    sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

import ingest.chunk  # noqa: E402
from ingest.chunk import TINY_SHARE, chunk_document  # noqa: E402
from ingest.clean import assemble, clean_pages  # noqa: E402
from ingest.pages import Block, Page  # noqa: E402
from ingest.readers import format_of, read  # noqa: E402
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder  # noqa: E402
from ragapp.settings import load_settings  # noqa: E402
from ragapp.types import Chunk, Document  # noqa: E402

DOCUMENTS = ROOT.parent / "shared" / "docs"
FILES = ("pdf32_free_culture_352p.pdf", "pdf13_debian_reference_zhcn.pdf")
WORDS = (
    "sea tide harbour bell record visitor lamp keeper stone winter letter engine market valley "
    "river council measure copper signal archive"
).split()
ENGLISH = (
    "The visitor centre keeps a record of {} and of every change to it. Nothing in that record may "
    "be altered once number {} has been signed. Copies of it are sent each quarter to the {} "
    "members of the board. They answer within {} days, or the entry stands as written."
)
CHINESE = (
    "观测站保存着第{}号的记录以及每一次修改。编号{}签署之后，记录中的任何内容都不得更改。"
    "每个季度将副本送交董事会的{}名成员。他们在{}天之内答复，否则该条目按原文生效。"
)


class CountingEmbedder(SentenceTransformersEmbedder):
    """The built-in embedder's tokenizer, which remembers what it has counted."""

    def __init__(self) -> None:
        super().__init__("all-MiniLM-L6-v2", device="cpu")
        self._counted: dict[str, int] = {}

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._counted]
        self._counted.update(zip(missing, super().count_tokens(missing), strict=True))
        return [self._counted[text] for text in texts]


@dataclass(frozen=True, slots=True)
class Chunker:
    """A document's chunks at the sizes to be measured."""

    embedder: CountingEmbedder
    chunk_tokens: int
    overlap_tokens: int

    def __call__(self, document: Document) -> list[Chunk]:
        """Return the chunks."""
        return chunk_document(
            document,
            embedder=self.embedder,
            chunk_tokens=self.chunk_tokens,
            overlap_tokens=self.overlap_tokens,
        )

    @property
    def limit(self) -> int:
        """The tokens a chunk may have."""
        return min(self.chunk_tokens, self.embedder.max_tokens)


def main() -> None:
    """Print the counts of new chunks and the quality of the chunks for each document."""
    settings = load_settings()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--places", type=int, default=200)
    parser.add_argument("--overlap", type=int, default=settings.overlap_tokens)
    options = parser.parse_args()
    chunker = Chunker(CountingEmbedder(), settings.chunk_tokens, options.overlap)
    ingest.chunk.detect_language = cache(ingest.chunk.detect_language)
    files = options.files or [DOCUMENTS / name for name in FILES if DOCUMENTS.is_dir()]
    documents = [] if options.files else [generated_document(300)]
    for document in [*documents, *map(read_document, files)]:
        print(f"\n{document.source}: {quality(chunker, document)}")
        if options.places:
            _print_locality(chunker, document, options.places)


def _print_locality(chunker: Chunker, document: Document, n_places: int) -> None:
    known = {chunk.embedded_text for chunk in chunker(document)}

    def n_new(edited: Document) -> int:
        return len({chunk.embedded_text for chunk in chunker(edited)} - known)

    numbers = random.Random(1)
    starts = paragraph_starts(document.text)
    ends = [0, starts[len(starts) // 2], len(document.text)]
    fixed = [n_new(inserted(document, place, numbers)) for place in ends]
    print(f"  inserted at the start, in the middle, at the end: {fixed} new chunks")
    places = numbers.choices(starts, k=n_places)
    headings = {heading.start for heading in document.headings}
    _print_counts("inserted", [n_new(inserted(document, place, numbers)) for place in places])
    few = [place for place in places if place not in headings][: n_places // 4]
    _print_counts("removed", [n_new(without_paragraph(document, place, numbers)) for place in few])
    _print_counts("a word changed", [n_new(with_word(document, place, numbers)) for place in few])


def _print_counts(what: str, counts: Sequence[int]) -> None:
    table = ", ".join(f"{n_new}: {times}" for n_new, times in sorted(Counter(counts).items()))
    share = sum(count > 3 for count in counts) / max(1, len(counts))
    print(f"  {what}, new chunks: times: {{{table}}}; over 3: {share:.1%}", flush=True)


def quality(chunker: Chunker, document: Document) -> str:
    """Return how full the chunks are, and how many are tiny, only headings, or cut mid-sentence."""
    chunks = chunker(document)
    headings = {heading.text for heading in document.headings}
    fresh, end = [], 0
    for chunk in chunks:
        fresh.append(document.text[max(end, chunk.start) : chunk.end])
        end = max(end, chunk.end)
    counts = chunker.embedder.count_tokens(fresh)
    n_tiny = sum(count < TINY_SHARE * chunker.limit for count in counts)
    n_headings = sum(set(filter(None, c.text.split("\n\n"))) <= headings for c in chunks)
    full = sum(counts) / len(counts) / chunker.limit
    return (
        f"{len(chunks)} chunks, without their overlap {full:.2f} of the limit full, "
        f"{n_tiny} tiny, {n_headings} only headings"
    )


def read_document(path: Path) -> Document:
    """Return a file as it is stored: read and cleaned."""
    format_name = format_of(path)
    pages = clean_pages(read(path), format=format_name)
    return assemble(pages, source=path.name, format=format_name)


def generated_document(n_pages: int, *, seed: int = 5) -> Document:
    """Return a document of about 450 words a page, with a heading on some pages."""
    numbers = random.Random(seed)
    pages = [Page(tuple(_page_blocks(numbers)), number=n) for n in range(1, n_pages + 1)]
    return assemble(pages, source=f"generated, {n_pages} pages", format="pdf")


def _page_blocks(numbers: random.Random) -> list[Block]:
    blocks = [Block("paragraph", _sentences(numbers)) for _ in range(numbers.randrange(4, 9))]
    if numbers.random() < 0.1:
        name = " ".join(numbers.choices(WORDS, k=3)).title()
        blocks.insert(0, Block("heading", name, numbers.choice([1, 2, 2])))
    return blocks


def _sentences(numbers: random.Random) -> str:
    sizes = [numbers.randrange(6, 25) for _ in range(numbers.randrange(1, 9))]
    return " ".join(" ".join(numbers.choices(WORDS, k=n)).capitalize() + "." for n in sizes)


def inserted(document: Document, place: int, numbers: random.Random) -> Document:
    """Return the document with a paragraph of four sentences at a paragraph border."""
    form = CHINESE if document.language.startswith("zh") else ENGLISH
    paragraph = form.format(*(numbers.randrange(100_000) for _ in range(4)))
    glued = f"{paragraph}\n\n" if place < len(document.text) else f"\n\n{paragraph}"
    return edited(document, place, place, glued)


def without_paragraph(document: Document, place: int, _: random.Random) -> Document:
    """Return the document without the paragraph at `place`."""
    end = document.text.find("\n\n", place)
    return edited(document, place, len(document.text) if end < 0 else end + 2, "")


def with_word(document: Document, place: int, numbers: random.Random) -> Document:
    """Return the document with one word after `place` replaced."""
    word = re.compile(r"\w+").search(document.text, place + numbers.randrange(300))
    if word is None:
        return document
    end = min(word.end(), word.start() + 8)
    return edited(document, word.start(), end, "改动" if word.group()[0] > "\u2e7f" else "altered")


def edited(document: Document, start: int, end: int, text: str) -> Document:
    """Return the document with ``[start, end)`` replaced, pages, headings and tables moved along.

    A heading that is touched is one no more.
    """
    delta = len(text) - (end - start)

    def moved(offset: int) -> int:
        return offset + delta if offset >= end else min(offset, start)

    def is_kept(first: int, last: int) -> bool:
        return last <= start or first >= end

    return replace(
        document,
        text=document.text[:start] + text + document.text[end:],
        pages=tuple(replace(p, start=moved(p.start), end=moved(p.end)) for p in document.pages),
        headings=tuple(
            replace(h, start=moved(h.start), end=moved(h.start) + len(h.text))
            for h in document.headings
            if is_kept(h.start, h.end)
        ),
        listings=tuple(
            (moved(first), moved(last) if last > start else last)
            for first, last in document.listings
            if is_kept(first, last) or last - first > end - start
        ),
    )


def paragraph_starts(text: str) -> list[int]:
    """Return where the paragraphs of a text begin, the first left out."""
    return [match.end() for match in re.finditer("\n\n", text)]


if __name__ == "__main__":
    main()
