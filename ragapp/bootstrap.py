"""Settings -> live objects: the only place where a name becomes an instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ragapp.collection import Collection
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder
from ragapp.errors import ModelNotFoundError
from ragapp.generation.limits import Limits
from ragapp.protocols import Embedder, Entailment, LanguageModel, Reranker
from ragapp.rag import Rag
from ragapp.registry import ENTAILMENTS, LANGUAGE_MODELS, RERANKERS, resolve
from ragapp.settings import DEFAULT_BASE_URL, Settings, load_settings
from ragapp.templates import load_template

_CHUNK_FOLDER = "chunk_kv"  # in the collection, whose passages can be told from it


def open_rag(
    collection: str | Path | None = None,
    *,
    settings: Settings | None = None,
    is_reembedding: bool = False,
    **overrides: Any,
) -> Rag:
    """Open a collection, made if there is none, ready for questions and ingestion.

    `collection` is a folder (default: `RAGAPP_COLLECTION`, else a per-user one). `overrides` are
    settings by name, such as ``top_k=8``; given `settings`, they are taken as they are. With
    `is_reembedding`, vectors of another embedder are no error: `Rag.reindex` replaces them.

    Models load at first use. Raises SettingsError, ModelNotFoundError, EmbedderMismatchError and
    other CollectionErrors.
    """
    if settings is None:
        settings = load_settings(collection=collection, **overrides)
    load_template(settings.template)  # a wrong one is told at once, not with the first question
    embedder = SentenceTransformersEmbedder(
        settings.embedder, device=settings.device, dtype=settings.dtype
    )
    opened = Collection.open(Path(settings.collection), index_name=settings.index)
    try:
        if not is_reembedding:
            opened.use_embedder(embedder.identity)
        language_model = _language_model(settings, embedder)
        reranker = _reranker(settings)
        entailment = _entailment(settings)
    except BaseException:
        opened.close()
        raise
    return Rag(
        settings=settings,
        collection=opened,
        embedder=embedder,
        language_model=language_model,
        reranker=reranker,
        entailment=entailment,
    )


def _reranker(settings: Settings) -> Reranker | None:
    if not settings.reranker:
        return None
    adapter = resolve(RERANKERS, "cross_encoder", setting="reranker")
    reranker: Reranker = adapter(settings.reranker, device=settings.device)
    return reranker


def _entailment(settings: Settings) -> Entailment | None:
    if not settings.entailment:
        return None
    adapter = resolve(ENTAILMENTS, "cross_encoder", setting="entailment")
    entailment: Entailment = adapter(settings.entailment, device=settings.device)
    return entailment


def _language_model(settings: Settings, embedder: Embedder) -> LanguageModel:
    name = settings.engine_name
    engine = resolve(LANGUAGE_MODELS, name, setting="engine")
    model: LanguageModel
    if name == "extractive":
        model = engine(embedder)
        return model
    context_tokens = settings.context_tokens or None
    if name == "openai":
        model = engine(
            settings.model,
            base_url=settings.base_url or DEFAULT_BASE_URL,
            api_key=settings.api_key.get_secret_value(),
            timeout_s=settings.server_timeout_s,
            context_tokens=context_tokens,
        )
        return model
    if not settings.model:
        raise ModelNotFoundError(
            f"engine = {name!r} needs a model",
            hint="set model to a local folder or a model's name, e.g. RAGAPP_MODEL=/path/to/model",
        )
    model = engine(
        settings.model,
        device=settings.device,
        dtype=settings.dtype,
        context_tokens=context_tokens,
        adapters=settings.adapters,
        quantization=settings.quantization,
        limits=_limits(settings),
    )
    return model


def _limits(settings: Settings) -> Limits:
    if settings.chunk_cache == "off":
        return Limits()
    is_kept = settings.chunk_cache == "disk"
    return Limits(
        chunk_bytes=settings.chunk_cache_mb * 2**20,
        chunk_share=settings.chunk_recompute,
        chunk_folder=settings.collection / _CHUNK_FOLDER if is_kept else None,
    )
