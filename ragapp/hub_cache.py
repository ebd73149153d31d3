"""The hub's cache on this machine, looked into without asking the network."""

from __future__ import annotations

from pathlib import Path


def cached_snapshot(name: str, file: str) -> Path | None:
    """Return the folder of a downloaded model that holds `file`, as of its revision main.

    None where it is not there, or `name` is none that the hub could have.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, file)
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None
