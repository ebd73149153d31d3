"""`ragapp ask --boxes`: where the quotes of an answer stand on the pages of their PDFs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.cli.printing import print_line

if TYPE_CHECKING:
    from ragapp import Answer, Rag, Rags


def boxed(rag: Rag | Rags, answer: Answer) -> dict[str, Any]:
    """Return the answer as JSON values, with the boxes of each citation."""
    from ingest import citation_boxes

    found = citation_boxes(rag, answer.citations)
    values = answer.to_dict()
    cited = zip(values["citations"], found, strict=True)
    return values | {"citations": [citation | boxes.to_dict() for citation, boxes in cited]}


def print_boxes(rag: Rag | Rags, answer: Answer) -> None:
    """Print a line a box: page, left, bottom, right, top in points; or why there is none."""
    from ingest import citation_boxes

    boxes = citation_boxes(rag, answer.citations)
    for citation, found in zip(answer.citations, boxes, strict=True):
        if found.reason:
            print_line(f"  [{citation.marker}] no boxes: {found.reason}")
        for box in found.boxes:
            sides = f"{box.left:.1f} {box.bottom:.1f} {box.right:.1f} {box.top:.1f}"
            print_line(f"  [{citation.marker}] p. {box.page}, box {sides}")
