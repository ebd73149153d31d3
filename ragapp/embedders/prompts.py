"""What some models were trained to read before a question or a passage, where they don't say so.

A model that declares prompts in config_sentence_transformers.json (Qwen3-Embedding, say) is taken
at its word. Without its prompts such a model finds worse, silently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_E5_INSTRUCTION = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: "
)
# The names of the published models; source: their model cards (intfloat on the hub).
_KNOWN: tuple[tuple[re.Pattern[str], dict[str, str]], ...] = (
    (
        re.compile(r"\b(e5-mistral-7b|multilingual-e5-large)-instruct\b"),
        {"query": _E5_INSTRUCTION, "document": ""},
    ),
    (
        re.compile(r"\b(multilingual-)?e5-(small|base|large)(-v2|-unsupervised)?$"),
        {"query": "query: ", "document": "passage: "},
    ),
)


def declared_prompts(config: Any) -> dict[str, str]:
    """Return the prompts that a model's config_sentence_transformers.json declares, "" left out."""
    prompts = config.get("prompts") if isinstance(config, Mapping) else None
    if not isinstance(prompts, Mapping):
        return {}
    return {str(name): text for name, text in prompts.items() if isinstance(text, str) and text}


def known_prompts(name: str, config: Mapping[str, Any]) -> dict[str, str]:
    """Return the prompts of a published model by its name, {} where none are known.

    `name` is a hub name or a folder; where it tells nothing, the name in its `config` may.
    """
    for candidate in (name, str(config.get("_name_or_path") or "")):
        # a folder of the hub's cache is .../models--intfloat--e5-small/snapshots/COMMIT
        for part in reversed(Path(candidate.replace("--", "/")).parts):
            for pattern, prompts in _KNOWN:
                if pattern.search(part.lower()):
                    return prompts
    return {}
