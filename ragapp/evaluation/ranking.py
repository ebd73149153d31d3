"""Rankings -> recall, nDCG and MRR by question, computed by trec_eval (pytrec_eval)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytrec_eval

DEPTH = 10
RANKING_METRICS = ("recall@1", "recall@5", "recall@10", "nDCG@10", "MRR@10")

_MEASURES = {
    "recall@1": "recall_1",
    "recall@5": "recall_5",
    "recall@10": "recall_10",
    "nDCG@10": "ndcg_cut_10",
    "MRR@10": "recip_rank",
}


def score_rankings(
    rankings: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, float]]:
    """Return the RANKING_METRICS of each question of `relevant`, in [0, 1].

    A ranking holds distinct passage ids, best first; no more than the first ten count. `relevant`
    maps passage ids to grades > 0, the gain in nDCG. A question without a ranking scores 0.

    Source: Järvelin and Kekäläinen 2002 (nDCG, gain = grade); trec_eval for the rest.
    """
    wanted = {"recall.1,5,10", "ndcg_cut.10", "recip_rank"}
    evaluator = pytrec_eval.RelevanceEvaluator(
        {id_: dict(grades) for id_, grades in relevant.items()}, wanted
    )
    scored = evaluator.evaluate(
        {
            id_: {passage: float(DEPTH - place) for place, passage in enumerate(ranking[:DEPTH])}
            for id_, ranking in rankings.items()
            if id_ in relevant and ranking
        }
    )
    return {
        id_: {
            metric: float(scored.get(id_, {}).get(measure, 0.0))
            for metric, measure in _MEASURES.items()
        }
        for id_ in relevant
    }
