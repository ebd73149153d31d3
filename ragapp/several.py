"""Several collections asked as one: `open_rags`, `Rags`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ragapp.bootstrap import open_rag
from ragapp.collection import Collection, Several, holds_collection
from ragapp.errors import EmbedderMismatchError, NotFoundError, UsageError
from ragapp.filters import Filter, Where, filter_of
from ragapp.rag import Asking, Rag


class Rags(Asking):
    """Questions over several collections at once, each hit with the name of its `collection`.

    Made by `ragapp.open_rags`, or of open ones; use it in a `with` block, or call `close`. The
    settings and all models are those of the first of `rags`. A search finds what it would find in
    one collection of all documents: scores are by the counts of all, and passages with equal texts
    are one hit.

    Raises UsageError for none, or one named twice, and EmbedderMismatchError where they have
    different embedders: the cosines of one say nothing beside those of another.
    """

    def __init__(self, rags: Sequence[Rag]) -> None:
        if not rags:
            raise UsageError("no collection is named", hint="name at least one")
        self.rags = {str(rag.collection.directory.resolve()): rag for rag in rags}
        if len(self.rags) < len(rags):
            raise UsageError("a collection is named twice", hint="name each once")
        first = rags[0]
        for rag in rags[1:]:
            if rag.embedder.identity.fingerprint != first.embedder.identity.fingerprint:
                raise EmbedderMismatchError(
                    f"the collections {first.collection.directory} and {rag.collection.directory} "
                    f"have different embedders, {first.embedder.identity.name!r} and "
                    f"{rag.embedder.identity.name!r}",
                    hint="embed one anew: ragapp reindex --collection DIR",
                )
        super().__init__(first.settings, first.searcher, first.language_model)
        self.entailment = first.entailment

    def selection(self, where: Where | None = None) -> Several:
        """Return what a filter lets pass of all collections.

        Raises UsageError where it names what no document of any of them has.
        """
        condition = filter_of(where)
        collections = {name: rag.collection for name, rag in self.rags.items()}
        is_checked = not any(_knows(found, condition) for found in collections.values())
        return Several(
            {
                name: found.selection(condition, is_checked=is_checked)
                for name, found in collections.items()
            }
        )

    def close(self) -> None:
        """Close all collections; the object cannot be used afterwards."""
        for rag in self.rags.values():
            rag.close()


def open_rags(collections: Sequence[str | Path], **overrides: Any) -> Rags:
    """Open several collections, ready for questions over all of them.

    `overrides` and errors are as for `open_rag`. Raises NotFoundError for a folder without a
    collection, and what `Rags` raises.
    """
    for folder in collections:
        if not holds_collection(Path(folder)):
            raise NotFoundError(
                f"there is no collection in {str(folder)!r}", hint="ingest into it first"
            )
    with ExitStack() as opened:
        rags = [opened.enter_context(open_rag(folder, **overrides)) for folder in collections]
        together = Rags(rags)
        opened.pop_all()
    return together


def _knows(collection: Collection, condition: Filter | None) -> bool:
    """Tell whether documents of a collection have all that a filter names."""
    try:
        collection.selection(condition)
    except UsageError:
        return False
    return True
