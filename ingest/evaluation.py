"""A folder of passages and questions -> figures, through the real ingestion and retrieval.

The passages are ingested into a collection of their own. It is kept in the user's cache folder,
named by the passages, the settings that shape it and the code that made it.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from ingest.pages import Block, Page
from ingest.pipeline import ingest_pages
from ingest.run import recipe_of
from ragapp.bootstrap import open_rag
from ragapp.evaluation.asking import OnQuestion, checked_systems, evaluate, facts_of
from ragapp.evaluation.folder import (
    BenchmarkSet,
    Passage,
    read_folder,
    read_passages,
    with_distractors,
    with_unanswerable,
)
from ragapp.evaluation.run import EvaluationRun
from ragapp.rag import Rag
from ragapp.settings import Settings, load_settings
from ragapp.types import Hit

_log = logging.getLogger(__name__)
_KEPT_COLLECTIONS = 64
_STALE_S = 24 * 3600
_FACTS_NAME = "evaluated.json"
# what reads a stored collection but does not shape it: a change there keeps the cache
_READING = {
    *("fusion", "choosing", "joining", "questions", "explaining", "streaming", "searching"),
    *("rerankers", "several", "confidence", "verifying", "support", "statements"),
    *("fitting", "trace", "tracing", "templates", "calibration", "trust"),
    *("retrieval", "rag", "prompting", "citing", "health", "bootstrap", "langchain", "server"),
    *("evaluation", "language_models", "generation", "registry", "settings", "errors"),
}


@dataclass(frozen=True, slots=True)
class _Ingested:
    """Where the passages lie, and what bringing them there took."""

    collection: Path
    facts: dict[str, Any]


def evaluate_folder(
    folder: str | Path,
    *,
    systems: Sequence[str] = (),
    has_answers: bool = False,
    distractors: Path | None = None,
    max_distractors: int | None = None,
    unanswerable: Path | None = None,
    is_cached: bool = True,
    on_progress: OnQuestion | None = None,
) -> EvaluationRun:
    """Evaluate retrieval, and with `has_answers` the configured engine, on a folder.

    The folder holds corpus.jsonl, queries.jsonl and qrels.tsv (BEIR). `systems` are of hybrid,
    dense, lexical and hybrid+rerank, the first the baseline; () is the one in force. `distractors`
    is a file of further passages, of which the first `max_distractors` are taken, `unanswerable`
    one of questions that the passages don't answer. `on_progress` is told (done, all, what).

    Raises NotFoundError, CorruptFileError (naming file and line), UsageError, and what `open_rag`
    raises.
    """
    settings = load_settings()
    wanted = checked_systems(systems, has_reranker=bool(settings.reranker))
    benchmark = _enlarged(read_folder(Path(folder)), distractors, max_distractors, unanswerable)
    with (
        _ingested(benchmark.passages, settings, is_cached, on_progress) as ingested,
        open_rag(settings=_at(settings, ingested.collection)) as rag,
    ):
        return evaluate(
            rag,
            benchmark.questions,
            systems=wanted,
            has_answers=has_answers,
            keys=_passage_ids,
            facts=_facts(rag, benchmark, ingested, folder=Path(folder)),
            on_question=on_progress,
        )


@contextmanager
def opened_folder(
    folder: Path, *, unanswerable: Path | None = None, **overrides: Any
) -> Iterator[tuple[Rag, BenchmarkSet]]:
    """Yield a folder's passages as a collection, kept in the cache, and its questions.

    `unanswerable` is as for `evaluate_folder`; `overrides` are settings. Raises what it raises.
    """
    settings = load_settings(**overrides)
    benchmark = _enlarged(read_folder(folder), None, None, unanswerable)
    with (
        _ingested(benchmark.passages, settings, True, None) as ingested,
        open_rag(settings=_at(settings, ingested.collection)) as rag,
    ):
        yield rag, benchmark


def _enlarged(
    benchmark: BenchmarkSet,
    distractors: Path | None,
    max_distractors: int | None,
    unanswerable: Path | None,
) -> BenchmarkSet:
    if distractors is not None:
        extra = read_passages(distractors, limit=max_distractors)
        benchmark = with_distractors(benchmark, extra)
    if unanswerable is not None:
        benchmark = with_unanswerable(benchmark, unanswerable)
    return benchmark


def _passage_ids(hit: Hit) -> list[str]:
    """Return the passages that a hit stands for: equal texts are stored once."""
    return [hit.source, *hit.also_in]


def _facts(
    rag: Rag, benchmark: BenchmarkSet, ingested: _Ingested, *, folder: Path
) -> dict[str, Any]:
    return {
        "source": str(folder),
        "passages": len(benchmark.passages),
        **ingested.facts,
        **facts_of(rag),
    }


@contextmanager
def _ingested(
    passages: Sequence[Passage],
    settings: Settings,
    is_cached: bool,
    on_progress: OnQuestion | None,
) -> Iterator[_Ingested]:
    """Yield the collection of the passages, made now or found in the cache."""
    cache = user_cache_path("ragapp", appauthor=False) / "evaluation" if is_cached else None
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        _prune(cache)
    with tempfile.TemporaryDirectory(prefix="new-", dir=cache, ignore_cleanup_errors=True) as made:
        fresh = Path(made) / "collection"
        with open_rag(settings=_at(settings, fresh)) as rag:
            kept = None if cache is None else cache / _key(passages, recipe_of(rag))
            if kept is None or not (kept / _FACTS_NAME).is_file():
                facts = _ingest(rag, passages, on_progress)
                is_found = False
            else:
                facts = json.loads((kept / _FACTS_NAME).read_text(encoding="utf-8"))
                is_found = True
                kept.touch()
        if kept is not None and not is_found:
            (fresh / _FACTS_NAME).write_text(json.dumps(facts), encoding="utf-8")
            kept = _moved(fresh, kept)
        yield _Ingested(kept or fresh, {**facts, "cached": is_found})


def _ingest(
    rag: Rag, passages: Sequence[Passage], on_progress: OnQuestion | None
) -> dict[str, Any]:
    n_done = 0

    def count(outcome: Any) -> None:
        nonlocal n_done
        n_done += 1
        if on_progress is not None:
            on_progress(n_done, len(passages), outcome.path)

    start = time.perf_counter()
    report = ingest_pages(rag, map(_pages, passages), on_outcome=count)
    return {
        "chunks": rag.collection.stats().n_chunks,
        "duplicates": report.count("duplicate"),
        "not_stored": report.count("failed") + report.count("skipped"),
        "ingest_seconds": round(time.perf_counter() - start, 3),
    }


def _pages(passage: Passage) -> tuple[str, list[Page]]:
    """Return a passage as a reader would: its title as a heading, then its paragraphs."""
    blocks = [Block("paragraph", part) for part in passage.text.split("\n\n") if part.strip()]
    if passage.title.strip():
        blocks.insert(0, Block("heading", passage.title, level=1))
    return passage.id, [Page(tuple(blocks), metadata={"title": passage.title})]


def _at(settings: Settings, collection: Path) -> Settings:
    return settings.model_copy(update={"collection": collection})


def _key(passages: Iterable[Passage], recipe: str) -> str:
    digest = sha256(f"{recipe}\0{_code_digest()}".encode())
    for passage in passages:
        row = json.dumps([passage.id, passage.title, passage.text])
        digest.update(row.encode())
    return digest.hexdigest()[:24]


def _code_digest() -> str:
    """Return a hash of the code that shapes a collection: another version is another collection."""
    root = Path(__file__).parent.parent
    digest = sha256()
    for file in sorted([*root.glob("ingest/**/*.py"), *root.glob("ragapp/**/*.py")]):
        package, first = file.relative_to(root).parts[:2]
        if package == "ingest" or Path(first).stem not in _READING:
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _moved(fresh: Path, kept: Path) -> Path:
    """Give a finished collection its name, unless another process was quicker."""
    if not (kept / _FACTS_NAME).is_file():
        try:
            fresh.rename(kept)
        except OSError:
            _log.debug("the cached collection was made by another process")
    return kept if (kept / _FACTS_NAME).is_file() else fresh


def _prune(cache: Path) -> None:
    """Remove what an ended process left, and the collections not used for the longest time."""
    entries = sorted((path.stat().st_mtime, path) for path in cache.iterdir() if path.is_dir())
    kept = [path for _, path in entries if not path.name.startswith("new-")]
    now = time.time()
    stale = [p for t, p in entries if p.name.startswith("new-") and now - t > _STALE_S]
    for path in stale + kept[: max(0, len(kept) - _KEPT_COLLECTIONS)]:
        shutil.rmtree(path, ignore_errors=True)
