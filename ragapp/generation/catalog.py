"""Models worth trying, and which of them fit this machine.

Sizes are those of the models' published configurations; none of them was tried by the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ragapp.errors import UsageError
from ragapp.generation.memory import gpu_memory, total_memory

_BYTES_PER_VALUE = 2  # bfloat16
_USABLE_SHARE = 0.8  # the rest is for activations, the embedder, the index and everybody else
_EN_ZH, _EN = "English, Chinese", "English"
_MOST_PARAMETERS_ON_CPU = 4.5e9  # beyond, an answer takes minutes at the bandwidth of usual memory


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A causal model on the hub: `n_values_per_token` of keys and values in its cache."""

    name: str
    n_parameters: float
    n_values_per_token: int
    context_tokens: int
    languages: str
    licence: str

    def n_bytes(self, context_tokens: int) -> int:
        """Return what weights and KV cache take in bfloat16 for a context of that many tokens."""
        n_values = self.n_parameters + self.n_values_per_token * context_tokens
        return int(_BYTES_PER_VALUE * n_values)


def _known(
    name: str,
    billions: float,
    cache: tuple[int, int, int],
    context_tokens: int,
    *,
    languages: str = _EN_ZH,
    licence: str = "Apache-2.0",
) -> KnownModel:
    """Return an entry; `cache` is layers, heads of keys, and values a head."""
    n_values = 2 * cache[0] * cache[1] * cache[2]
    return KnownModel(name, billions * 1e9, n_values, context_tokens, languages, licence)


_LLAMA = {"languages": _EN, "licence": "Llama 3.2"}
KNOWN_MODELS: tuple[KnownModel, ...] = (
    _known("Qwen/Qwen2.5-0.5B-Instruct", 0.494, (24, 2, 64), 32_768),
    _known("Qwen/Qwen3-0.6B", 0.752, (28, 8, 128), 40_960),
    _known("meta-llama/Llama-3.2-1B-Instruct", 1.24, (16, 8, 64), 131_072, **_LLAMA),
    _known("Qwen/Qwen2.5-1.5B-Instruct", 1.54, (28, 2, 128), 32_768),
    _known("Qwen/Qwen3-1.7B", 2.03, (28, 8, 128), 40_960),
    _known("meta-llama/Llama-3.2-3B-Instruct", 3.21, (28, 8, 128), 131_072, **_LLAMA),
    _known("Qwen/Qwen3-4B-Instruct-2507", 4.02, (36, 8, 128), 262_144),
    _known("Qwen/Qwen2.5-7B-Instruct", 7.62, (28, 4, 128), 32_768),
    _known("Qwen/Qwen3-8B", 8.19, (36, 8, 128), 40_960),
    _known("Qwen/Qwen3-14B", 14.8, (40, 8, 128), 40_960),
    _known("Qwen/Qwen2.5-32B-Instruct", 32.8, (64, 8, 128), 32_768),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """A known model on this machine: `verdict` is "best", "fits", "slow" or "too large"."""

    model: KnownModel
    n_bytes: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What this machine has, in bytes, and every known model's fit, smallest first."""

    memory: int
    gpu_memory: int
    context_tokens: int
    fits: tuple[Fit, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def recommend_models(*, context_tokens: int = 8192) -> Recommendation:
    """Tell which known models this machine holds with a context of so many tokens.

    The GPU's memory counts where there is one, else the machine's; the largest that fits and
    reads both languages is the best. Raises UsageError for a context that no model has.
    """
    if context_tokens < 1 or context_tokens > max(m.context_tokens for m in KNOWN_MODELS):
        raise UsageError(
            f"a context of {context_tokens} tokens is no model's", hint="choose 8192, for instance"
        )
    on_gpu, memory = gpu_memory(), total_memory()
    suited = [model for model in KNOWN_MODELS if model.context_tokens >= context_tokens]
    fits = _judged(suited, on_gpu or memory, context_tokens, has_gpu=bool(on_gpu))
    return Recommendation(memory, on_gpu, context_tokens, fits)


def _judged(
    models: Sequence[KnownModel], memory: int, context_tokens: int, *, has_gpu: bool
) -> tuple[Fit, ...]:
    fits = []
    for model in models:
        n_bytes = model.n_bytes(context_tokens)
        verdict = "fits" if n_bytes <= _USABLE_SHARE * memory else "too large"
        if verdict == "fits" and not has_gpu and model.n_parameters > _MOST_PARAMETERS_ON_CPU:
            verdict = "slow"
        fits.append(Fit(model, n_bytes, verdict))
    both = [i for i, fit in enumerate(fits) if fit.verdict == "fits" and fit.model.languages != _EN]
    best = max(both, default=None)
    return tuple(
        Fit(fit.model, fit.n_bytes, "best") if i == best else fit for i, fit in enumerate(fits)
    )
