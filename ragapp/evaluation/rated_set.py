"""Ratings of answers -> a question set that `ragapp eval` reads.

Up: what was cited holds the answer, and a refusal was right. Down: the answer was wrong, which does
not tell what is right, so it gives no question. Of ratings of one question the last one counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ragapp.evaluation.own_set import OwnQuestion
from ragapp.rated import Rated

KIND = "feedback"


def questions_of_ratings(ratings: Sequence[Rated]) -> list[OwnQuestion]:
    """Return a question for each one whose last rating is up, in the order of those ratings.

    It has the place of the first citation, the documents of the others in `also`, and all quotes as
    answers; an answer that was no refusal and cites nothing gives none.
    """
    last = {rated.question.casefold(): rated for rated in ratings}
    found = (_question(rated) for rated in sorted(last.values(), key=lambda rated: rated.id))
    return [question for question in found if question is not None]


def _question(rated: Rated) -> OwnQuestion | None:
    citations: Sequence[Mapping[str, Any]] = rated.answer["citations"]
    if rated.rating != "up":
        return None
    id_ = f"{KIND}-{rated.id}"
    if rated.answer["abstained"]:
        return OwnQuestion(id_, rated.question, kind=KIND, is_answerable=False)
    if not citations:
        return None
    first = citations[0]
    documents = dict.fromkeys(citation["document_id"] for citation in citations)
    return OwnQuestion(
        id_,
        rated.question,
        answers=tuple(dict.fromkeys(citation["quote"] for citation in citations)),
        document=first["document_id"],
        source=first["source"],
        start=first["start"],
        end=first["end"],
        kind=KIND,
        also=tuple(document for document in documents if document != first["document_id"]),
    )
