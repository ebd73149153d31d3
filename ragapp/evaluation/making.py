"""The collection -> an editable question set, without a model, the same for the same seed.

Answerable questions come from titles, headings, definitions and numbers. Unanswerable ones are
such questions about a made-up name that stands nowhere in the collection.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from ragapp.analysis import is_chinese
from ragapp.collection.evaluation_files import FOLDER_NAME
from ragapp.errors import NotFoundError
from ragapp.evaluation.keeping import made_folder
from ragapp.evaluation.own_set import OwnQuestion, write_questions
from ragapp.evaluation.patterns import ask_of
from ragapp.rag import Rag
from ragapp.sentences import split_sentences
from ragapp.types import Document

KINDS = ("definition", "number", "heading", "title")
UNANSWERABLE = "unanswerable"
QUESTIONS_NAME = "questions.jsonl"

_MOST_DOCUMENTS = 2000
_PER_DOCUMENT_AND_KIND = 20
_MIN_HEADING, _MAX_HEADING = 2, 60
_ENGLISH_PARTS = (
    "vel tor mar quin ard bel cor dun fen gal hol ist kel lor mon nar os per rud sal tam ul wex yar"
).split()
_CHINESE_PARTS = "岚霁璟翊珩砚澍昕屿栎沅湄筠皓翎茗逸韫麒蔚"
_CHINESE_ENDS = "台湖院社镇会"


@dataclass(frozen=True, slots=True)
class _Draft:
    """A question before the choice, with the entity in it that can be replaced."""

    question: OwnQuestion
    subject: str


def make_questions(
    rag: Rag, *, n_questions: int = 100, unanswerable_share: float = 0.2, seed: int = 0
) -> list[OwnQuestion]:
    """Return up to `n_questions` questions on the collection, that share of them unanswerable.

    The kinds take turns, as far as the documents give them; a question that two documents give is
    left out. Of more than 2,000 documents, 2,000 are drawn. Raises NotFoundError for a collection
    that gives none.
    """
    chance = random.Random(seed)  # noqa: S311  a draw that anyone may repeat
    documents = sorted(rag.documents(), key=lambda info: info.id)
    if len(documents) > _MOST_DOCUMENTS:
        documents = chance.sample(documents, _MOST_DOCUMENTS)
    titles = Counter(info.title for info in documents)
    drafts = [
        draft
        for info in documents
        for draft in _drafts(rag.document(info.id), has_own_title=titles[info.title] == 1)
    ]
    chosen = _chosen(drafts, chance)
    if not chosen:
        raise NotFoundError(
            "no question can be made of this collection", hint="ingest documents first"
        )
    n_unanswerable = round(n_questions * unanswerable_share)
    answerable = chosen[: n_questions - n_unanswerable]
    texts = [rag.document(info.id).text for info in rag.documents()]
    false = islice(_unanswerable(chosen, texts, chance), n_unanswerable)
    questions = [draft.question for draft in answerable] + list(false)
    return [replace(question, id=f"q{i:04d}") for i, question in enumerate(questions, start=1)]


def questions_file(collection: Path) -> Path:
    """Return where the collection's own set lies, or would lie."""
    return collection / FOLDER_NAME / QUESTIONS_NAME


def keep_questions(rag: Rag, *, n_questions: int = 100, is_forced: bool = False) -> Path:
    """Make the collection's own set and return its file, to be edited.

    A set that is there is kept, with `is_forced` replaced. Raises NotFoundError for a collection
    that gives no question, RagError.
    """
    path = questions_file(rag.settings.collection)
    if is_forced or not path.exists():
        made = make_questions(rag, n_questions=n_questions)
        made_folder(rag.settings.collection)
        write_questions(path, made, is_forced=True)
    return path


def _drafts(document: Document, *, has_own_title: bool) -> Iterator[_Draft]:
    title = document.title if has_own_title else ""
    headings = {(heading.start, heading.end) for heading in document.headings}
    sentences = [span for span in split_sentences(document.text) if span not in headings]
    counts: Counter[str] = Counter()
    if title and sentences:
        yield _about_title(document, title, sentences[0])
    for draft in _about_headings(document, title, sentences):
        if counts["heading"] < _PER_DOCUMENT_AND_KIND:
            counts["heading"] += 1
            yield draft
    for start, end in sentences:
        for asked in ask_of(document.text[start:end], title):
            if counts[asked.kind] < _PER_DOCUMENT_AND_KIND:
                counts[asked.kind] += 1
                place = (start + asked.start, start + asked.end)
                answer = document.text[place[0] : place[1]]
                yield _draft(document, asked.text, asked.kind, place, asked.subject, answer)


def _about_title(document: Document, title: str, place: tuple[int, int]) -> _Draft:
    text = (
        f"《{title.strip('《》')}》讲的是什么？"
        if is_chinese(title)
        else f"What is “{title}” about?"
    )
    return _draft(document, text, "title", place, title.strip("《》"))


def _about_headings(
    document: Document, title: str, sentences: Sequence[tuple[int, int]]
) -> Iterator[_Draft]:
    """Yield a question for each heading below the title; the first sentence under it answers."""
    for heading in document.headings if title else ():
        text = " ".join(heading.text.split())
        below = next((span for span in sentences if span[0] >= heading.end), None)
        if below is None or text == title or not _MIN_HEADING <= len(text) <= _MAX_HEADING:
            continue
        if is_chinese(text):
            asked = f"《{title.strip('《》')}》中关于“{text}”是怎么说的？"
        else:
            asked = f"What does “{title}” say about “{text}”?"
        yield _draft(document, asked, "heading", below, title.strip("《》"))


def _draft(
    document: Document,
    text: str,
    kind: str,
    place: tuple[int, int],
    subject: str,
    answer: str | None = None,
) -> _Draft:
    question = OwnQuestion(
        id="",
        text=text,
        answers=(answer,) if answer else (),
        document=document.id,
        source=document.source,
        start=place[0],
        end=place[1],
        kind=kind,
    )
    return _Draft(question, subject)


def _chosen(drafts: Sequence[_Draft], chance: random.Random) -> list[_Draft]:
    """Return the drafts whose text is their own, in a drawn order in which the kinds take turns."""
    counts = Counter(draft.question.text for draft in drafts)
    by_kind: Mapping[str, list[_Draft]] = {kind: [] for kind in KINDS}
    for draft in drafts:
        if counts[draft.question.text] == 1:
            by_kind[draft.question.kind].append(draft)
    for group in by_kind.values():
        chance.shuffle(group)
    longest = max(map(len, by_kind.values()))
    return [group[i] for i in range(longest) for group in by_kind.values() if i < len(group)]


def _unanswerable(
    drafts: Sequence[_Draft], texts: Sequence[str], chance: random.Random
) -> Iterator[OwnQuestion]:
    """Yield drafts whose entity is replaced by a name that stands in none of the texts."""
    known = [text.casefold() for text in texts]
    for draft in drafts:
        name = _made_up(chance, is_chinese=is_chinese(draft.subject))
        if draft.subject and not any(name.casefold() in text for text in known):
            text = draft.question.text.replace(draft.subject, name, 1)
            yield OwnQuestion("", text, kind=UNANSWERABLE, is_answerable=False)


def _made_up(chance: random.Random, *, is_chinese: bool) -> str:
    if is_chinese:
        return "".join(chance.sample(_CHINESE_PARTS, 3)) + chance.choice(_CHINESE_ENDS)
    return "".join(chance.sample(_ENGLISH_PARTS, 3)).capitalize()
