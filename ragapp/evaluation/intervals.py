"""How sure a mean is, and a difference of means: seeded bootstrap and paired permutation test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
_N_RESAMPLES = 1000
_N_PERMUTATIONS = 2000
_BLOCK_VALUES = 4_000_000  # drawn at once: bounds the memory


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean of `n` values with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Paired:
    """The mean difference of `n` pairs, its 95 % interval, and how likely chance makes it."""

    difference: float
    low: float
    high: float
    p_value: float
    n: int


def mean_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the mean of at least one value with its percentile-bootstrap interval.

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13.
    """
    sample = np.asarray(values, dtype=np.float64)  # (n,)
    low, high = _bounds(sample, seed)
    return Interval(float(sample.mean()), low, high, len(sample))


def paired_difference(
    values: Sequence[float], baseline: Sequence[float], *, seed: int = 0
) -> Paired:
    """Return how far `values` lie above `baseline`, pair by pair; both have the same length >= 1.

    The p-value is that of the two-sided sign-flip permutation test, > 0 by construction.

    Source: Smucker, Allan and Carterette 2007, "A Comparison of Statistical Significance Tests for
    Information Retrieval Evaluation".
    """
    sample = np.asarray(values, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)  # (n,)
    low, high = _bounds(sample, seed)
    mean = float(sample.mean())
    n_as_far = 0
    for signs in _draws(len(sample), _N_PERMUTATIONS, seed, is_signs=True):
        means = (signs * sample).mean(axis=1)  # (block,)
        n_as_far += int((np.abs(means) >= abs(mean) - 1e-12).sum())
    return Paired(mean, low, high, (1 + n_as_far) / (1 + _N_PERMUTATIONS), len(sample))


def _bounds(sample: NDArray[np.float64], seed: int) -> tuple[float, float]:
    blocks = _draws(len(sample), _N_RESAMPLES, seed, is_signs=False)
    means = np.concatenate([sample[places].mean(axis=1) for places in blocks])
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return float(low), float(high)


def _draws(n: int, n_rows: int, seed: int, *, is_signs: bool) -> Iterator[NDArray[np.int64]]:
    """Yield blocks of rows of `n` places in [0, n), or of `n` signs -1 or 1."""
    random = np.random.default_rng(seed)
    block = max(1, _BLOCK_VALUES // n)
    for start in range(0, n_rows, block):
        size = (min(block, n_rows - start), n)
        yield random.integers(0, 2, size) * 2 - 1 if is_signs else random.integers(0, n, size)
