"""Keys computed at one place of a sequence -> the keys of the same tokens at another.

Rotary embeddings turn each pair of a key's numbers by an angle in proportion to its place, so keys
are moved by turning them further (Su et al. 2021, "RoFormer", section 3.4; re-rotated for chunks by
Lu et al. 2024, "TurboRAG").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from ragapp.errors import SettingsError

_ARCHITECTURES = frozenset(["gemma", "llama", "mistral", "qwen2", "qwen3"])  # all layers rotate


@dataclass(frozen=True, slots=True, eq=False)
class Rotation:
    """The angles of a model: (pairs,) float32 radians a place; number i is paired with i + pairs.

    Numbers of a key beyond 2 * pairs are not rotated.
    """

    radians: torch.Tensor

    def moved(self, keys: torch.Tensor, n_places: int) -> torch.Tensor:
        """Return (..., dim) keys as they are `n_places` further on, computed in float32."""
        angles = n_places * self.radians
        cos, sin = angles.cos(), angles.sin()
        n_pairs = len(self.radians)
        first, second, rest = torch.split(
            keys.float(), [n_pairs, n_pairs, keys.shape[-1] - 2 * n_pairs], dim=-1
        )
        turned = (first * cos - second * sin, second * cos + first * sin, rest)
        return torch.cat(turned, dim=-1).to(keys.dtype)


def rotation_of(model: PreTrainedModel, *, name: str, is_packing: bool) -> Rotation:
    """Return the rotation of a model's keys.

    Raises SettingsError for a model whose layers don't all rotate the keys of all tokens alike.
    """
    embedding = getattr(model.base_model, "rotary_emb", None)
    radians = getattr(embedding, "inv_freq", None)
    kind = model.config.model_type
    if not is_packing or kind not in _ARCHITECTURES or not isinstance(radians, torch.Tensor):
        raise SettingsError(
            f"chunk_cache needs a model whose keys can be moved, and {name!r} is a {kind!r}",
            hint=f"set chunk_cache to off, or choose one of: {', '.join(sorted(_ARCHITECTURES))}, "
            "with full attention and a rotation that does not change with the length",
        )
    return Rotation(radians.detach().float())
