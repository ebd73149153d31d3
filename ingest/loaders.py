"""LangChain loaders as a source of documents, without importing LangChain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.pages import Block, Page
from ragapp.errors import UsageError


def read_loader(loader: Any) -> Iterator[tuple[str, list[Page]]]:
    """Yield (source name, pages) for each run of a loader's documents with the same "source".

    A "page" in a document's metadata counts from 0, as LangChain's PDF loaders do. Raises
    UsageError for an object without `lazy_load`.
    """
    if not callable(getattr(loader, "lazy_load", None)):
        raise UsageError(
            f"{type(loader).__name__} is not a document loader",
            hint="pass an object with a lazy_load method, such as a LangChain BaseLoader",
        )
    name = ""
    pages: list[Page] = []
    for place, loaded in enumerate(loader.lazy_load()):
        source = str(loaded.metadata.get("source") or f"{type(loader).__name__}-{place}")
        if pages and source != name:
            yield name, pages
            pages = []
        name = source
        pages.append(_page(loaded))
    if pages:
        yield name, pages


def _page(loaded: Any) -> Page:
    number = loaded.metadata.get("page")
    title = loaded.metadata.get("title")
    return Page(
        blocks=tuple(
            Block("paragraph", part) for part in loaded.page_content.split("\n\n") if part.strip()
        ),
        number=number + 1 if isinstance(number, int) else None,
        metadata={"title": str(title)} if title else {},
    )
