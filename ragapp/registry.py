"""Configured names -> "module:attribute", resolved on demand: nothing loads before its use."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ragapp.errors import SettingsError

INDEXES: Mapping[str, str] = {
    "faiss": "ragapp.indexes.faiss:FaissIndex",
    "numpy_flat": "ragapp.indexes.numpy_flat:NumpyFlatIndex",
}

LANGUAGE_MODELS: Mapping[str, str] = {
    "extractive": "ragapp.language_models.extractive:ExtractiveModel",
    "openai": "ragapp.language_models.openai:OpenAIModel",
    "transformers": "ragapp.language_models.transformers:TransformersModel",
}

ENTAILMENTS: Mapping[str, str] = {
    "cross_encoder": "ragapp.rerankers.entailment:CrossEncoderEntailment",
}

RERANKERS: Mapping[str, str] = {
    "cross_encoder": "ragapp.rerankers.cross_encoder:CrossEncoderReranker",
}


def resolve(table: Mapping[str, str], name: str, *, setting: str) -> Any:
    """Import and return what `name` stands for in `table`.

    Raises SettingsError, naming the `setting` and the known names, for an unknown name.
    """
    if name not in table:
        known = ", ".join(sorted(table))
        raise SettingsError(f"{setting} = {name!r} is unknown", hint=f"choose one of: {known}")
    module_name, attribute = table[name].split(":")
    return getattr(import_module(module_name), attribute)
