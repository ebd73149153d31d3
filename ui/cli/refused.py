"""A refusal on the terminal: what was searched, for what, and the nearest sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.cli.hits import shortened
from ui.cli.printing import print_line

if TYPE_CHECKING:
    from ragapp import Answer, Rag, Rags

_WORDS = {
    "en": (
        "  searched {n} documents for: {words}",
        "  nearest: {place}: {sentence}",
        ", p. {page}",
    ),
    "zh": (
        "  在 {n} 份文档中查找：{words}",
        "  最接近的内容：{place}：{sentence}",
        "，第 {page} 页",
    ),
}


def print_refusal(rag: Rag | Rags, answer: Answer) -> None:
    """Print what was searched for an answer that was refused."""
    from ragapp import searched_in_vain

    found = searched_in_vain(rag, answer)
    searched, nearest, on_page = _WORDS[found.language]
    comma = "、" if found.language == "zh" else ", "
    print_line(searched.format(n=found.n_documents, words=comma.join(found.words)))
    for near in found.nearest:
        place = near.title or near.source
        if near.page is not None:
            place += on_page.format(page=near.page)
        print_line(nearest.format(place=place, sentence=shortened(near.sentence)))
