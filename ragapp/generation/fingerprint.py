"""What tells one model's weights from another's without reading all of them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

_BLOCK_BYTES, _N_BLOCKS = 64 * 2**10, 64


def fingerprint_of(folder: Path, *, form: str) -> str:
    """Return 32 hex digits for the model or adapter in `folder`, its weights in `form`.

    They change with the configuration and with each file of weights: its size and, as far as 64
    blocks evenly spread over it tell, its content.
    """
    digest = sha256(form.encode())
    for path in [*sorted(folder.glob("*config.json")), *sorted(folder.glob("*.safetensors"))]:
        digest.update(f"\0{path.name} {path.stat().st_size}\0".encode())
        for block in _blocks(path):
            digest.update(block)
    return digest.hexdigest()[:32]


def _blocks(path: Path) -> Iterator[bytes]:
    n_bytes = path.stat().st_size
    step = max(_BLOCK_BYTES, n_bytes // _N_BLOCKS)
    with path.open("rb") as file:
        for start in range(0, n_bytes, step):
            file.seek(start)
            yield file.read(_BLOCK_BYTES)
