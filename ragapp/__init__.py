"""ragapp: question answering over your own documents, on one machine, with exact citations.

    from ragapp import open_rag

Importing it loads no model and none of torch, transformers, sentence-transformers and FAISS.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ragapp.bootstrap import open_rag
    from ragapp.errors import RagError
    from ragapp.evaluation.run import EvaluationRun
    from ragapp.rag import AnswerStream, Rag
    from ragapp.settings import Settings
    from ragapp.types import Answer, Citation, Hit

__all__ = [
    "Answer",
    "AnswerStream",
    "Citation",
    "EvaluationRun",
    "Hit",
    "Rag",
    "RagError",
    "Settings",
    "open_rag",
]

_HOMES = {
    "Answer": "ragapp.types",
    "AnswerStream": "ragapp.rag",
    "Citation": "ragapp.types",
    "EvaluationRun": "ragapp.evaluation.run",
    "Hit": "ragapp.types",
    "Rag": "ragapp.rag",
    "RagError": "ragapp.errors",
    "Settings": "ragapp.settings",
    "open_rag": "ragapp.bootstrap",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module at first use."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ragapp' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
