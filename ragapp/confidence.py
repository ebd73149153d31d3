"""How sure hits are to be about a question: fitted on public sets, a refusal below a setting."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ragapp.types import Hit

# Logistic fits of "the collection holds the answer" on public sets: 400 answerable questions a
# language (xquad, nq_open, cmrc2018) against 300 out-of-corpus ones, classes weighted equally.
_READ_FIT = (-6.7, 3.7, 8.8)  # constant, per unit of coverage, per unit of cosine
_UNREAD_FIT = (-7.9, 13.1)  # constant, per unit of coverage


def confidence(hits: Sequence[Hit]) -> float:
    """Return in [0, 1] how sure the hits are to be about the question; 0 without hits.

    The best chunk's evidence counts: the share of the question's terms that it holds, and the
    cosine where the embedder reads the question. 0.5 is where an answer is as likely as none.
    """
    return max((_hit_confidence(hit) for hit in hits), default=0.0)


def _hit_confidence(hit: Hit) -> float:
    if hit.dense_score is None:
        constant, per_coverage = _UNREAD_FIT
        return _sigmoid(constant + per_coverage * hit.coverage)
    constant, per_coverage, per_cosine = _READ_FIT
    return _sigmoid(constant + per_coverage * hit.coverage + per_cosine * hit.dense_score)


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x))
