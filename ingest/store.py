"""The half of the line that writes: duplicate? -> embed -> add, one transaction a document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ingest.outcomes import Outcome, OutcomeName
from ingest.prepare import Prepared, cut
from ingest.quality import Duplicate, Quality
from ingest.run import Run
from ragapp.collection import Source
from ragapp.protocols import Vectors
from ragapp.stored import Near
from ragapp.types import Chunk, Document


@dataclass(frozen=True, slots=True)
class Ready:
    """(dim,) vectors by embedded text; those of `reused` texts are stored already."""

    vectors: dict[str, Vectors]
    reused: set[str]

    def look_up(self, run: Run, pieces: Sequence[Chunk]) -> None:
        """Add the vectors of those pieces that were embedded before."""
        for place, vector in run.collection.reusable_vectors(pieces).items():
            self.vectors[pieces[place].embedded_text] = vector
            self.reused.add(pieces[place].embedded_text)

    def embed(self, run: Run, pieces: Iterable[Chunk]) -> None:
        """Add the vectors of all other pieces, in one call of the embedder."""
        texts = list(dict.fromkeys(piece.embedded_text for piece in pieces))
        texts = [text for text in texts if text not in self.vectors]
        self.vectors.update(zip(texts, run.embedder.embed_documents(texts), strict=True))


def embed_ahead(run: Run, wave: Sequence[Prepared]) -> Ready:
    """Embed in one call what several files need; small files share batches that way.

    Where near-duplicates are not stored, nothing: a file is compared before it is embedded.
    """
    ready = Ready({}, set())
    if run.is_skipping_near:
        return ready
    pieces = [piece for prepared in wave for piece in prepared.pieces or ()]
    ready.look_up(run, pieces)
    ready.embed(run, pieces)
    return ready


def store(run: Run, prepared: Prepared, ready: Ready) -> Outcome:
    """Write what became of a file, durably, and return its outcome."""
    source, known = prepared.source, prepared.known
    if prepared.verdict == "unchanged" and known is not None:
        reason = known.reason or "unchanged"
        return Outcome(source.path, "skipped", reason, known.document_id, code=prepared.code)
    if prepared.verdict == "unrecorded":
        return Outcome(source.path, "failed", prepared.reason, code=prepared.code)
    if prepared.verdict != "read" or prepared.document is None:
        run.collection.attach(source)
        is_failed = prepared.verdict == "failed"
        name: OutcomeName = "failed" if is_failed else "skipped"
        reason = prepared.reason or "unchanged"
        return Outcome(source.path, name, reason, source.document_id, code=prepared.code)
    outcome = _store_document(run, prepared.document, prepared, ready)
    quality = outcome.quality or prepared.quality
    return replace(outcome, reason=outcome.reason or prepared.reason, quality=quality)


def _store_document(run: Run, document: Document, prepared: Prepared, ready: Ready) -> Outcome:
    source, known = prepared.source, prepared.known
    holders = run.collection.holders(document.id)
    is_own = known is not None and known.document_id == document.id
    if holders and is_own and _is_cut_already(run, holders, source.recipe):
        run.collection.attach(source)
        return Outcome(source.path, "skipped", "same text", document.id)
    if holders and not is_own:
        run.collection.attach(source)
        first = next(path for path in holders if path != source.path)
        quality = _related(prepared, "exact", first)
        reason = f"same text as {first}"
        return Outcome(source.path, "duplicate", reason, document.id, first, quality=quality)
    near = _near(run, document, source)
    if run.is_skipping_near and near and near[0].kind == "near" and not is_own:
        return _attached_to(run, near[0], prepared)
    pieces = cut(run, document) if prepared.pieces is None else prepared.pieces
    vectors, n_reused = _vectors(run, pieces, ready)
    run.collection.add(document, pieces, vectors, source=source, near=near)
    return Outcome(
        source.path,
        "updated" if known is not None and known.document_id else "added",
        _near_reason(run, near),
        document.id,
        chunks_new=len(pieces) - n_reused,
        chunks_reused=n_reused,
        quality=_related(prepared, near[0].kind, _first_holder(run, near[0])) if near else None,
    )


def _related(prepared: Prepared, kind: Duplicate, other: str) -> Quality | None:
    return prepared.quality.of_duplicate(kind, other) if prepared.quality is not None else None


def _near(run: Run, document: Document, source: Source) -> list[Near]:
    """Return what is near a document, but the version of it that `source` is about to replace."""
    if run.near_duplicates is None:
        return []
    near = run.near_duplicates.near(document)
    return [n for n in near if run.collection.holders(n.document_id) != [source.path]]


def _attached_to(run: Run, near: Near, prepared: Prepared) -> Outcome:
    """Let the source hold the stored near-duplicate in place of its own text."""
    source = prepared.source
    first = next(p for p in run.collection.holders(near.document_id) if p != source.path)
    run.collection.attach(replace(source, document_id=near.document_id))
    reason = f"nearly the same text as {first}"
    quality = _related(prepared, "near", first)
    return Outcome(source.path, "duplicate", reason, near.document_id, first, quality=quality)


def _near_reason(run: Run, near: Sequence[Near]) -> str:
    if not near:
        return ""
    first = _first_holder(run, near[0])
    is_near = near[0].kind == "near"
    return f"nearly the same text as {first}" if is_near else f"a revision of {first}"


def _first_holder(run: Run, near: Near) -> str:
    return run.collection.holders(near.document_id)[0]


def _vectors(run: Run, pieces: Sequence[Chunk], ready: Ready) -> tuple[Vectors, int]:
    """Return (n, dim) vectors for the chunks and how many of them were stored already."""
    texts = [piece.embedded_text for piece in pieces]
    if not all(text in ready.vectors for text in texts):
        ready.look_up(run, pieces)
        ready.embed(run, pieces)
    n_reused = sum(1 for text in texts if text in ready.reused)
    ready.reused.update(texts)  # by the time that the next file asks
    vectors = np.empty((len(texts), run.embedder.identity.dim), dtype=np.float32)
    for i, text in enumerate(texts):
        vectors[i] = ready.vectors[text]
    return vectors, n_reused


def _is_cut_already(run: Run, holders: Sequence[str], recipe: str) -> bool:
    """Tell whether a stored document's chunks were cut by this recipe."""
    found: list[Source | None] = [run.collection.source(path) for path in holders]
    return any(source is not None and source.recipe == recipe for source in found)
