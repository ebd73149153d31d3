"""Is a question that the documents don't answer told from one that they do?

    python bench/abstention.py [--limit 300]

Out-of-corpus questions (ooc_en, ooc_zh of ../shared/eval) are asked beside answerable ones of the
same collection; dureader_checklist_dev has both, about the same pages. All figures are of the half
of the questions on which the default fit was not fitted; "calibrated" is fitted on the other half,
as `ragapp calibrate` does.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterable, Sequence
from hashlib import sha1
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from ingest.evaluation import opened_folder  # noqa: E402
from ragapp import Rag  # noqa: E402
from ragapp.abstention import Judged, measure_abstention  # noqa: E402
from ragapp.calibration import Sample, calibrate  # noqa: E402
from ragapp.confidence import DEFAULT_FIT, Fit  # noqa: E402
from ragapp.evaluation.questions import Question  # noqa: E402
from ragapp.trust import sample_of, trust_of  # noqa: E402

PAIRS = (
    ("xquad_en", "ooc_en"),
    ("squadshifts_wiki", "ooc_en"),
    ("nq_open", "ooc_en"),
    ("xquad_zh", "ooc_zh"),
    ("cmrc2018_dev", "ooc_zh"),
    ("dureader_checklist_dev", ""),
)
COVERAGES = (0.25, 0.5, 0.75, 1.0)


def main() -> None:
    """Print two rows for each pair: the default fit, and one calibrated on the other half."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=300, help="answerable questions a set")
    parser.add_argument("sets", nargs="*", help="of the sets; default: all")
    options = parser.parse_args()
    risks = " ".join(f"{coverage:.0%}" for coverage in COVERAGES)
    print(
        "| set, others | fit | AUROC | refused at 5 % | threshold: falsely, rightly refused | "
        f"mean risk | risk where {risks} are answered |\n|{'---|' * 7}"
    )
    for name, others in PAIRS:
        if options.sets and name not in options.sets:
            continue
        folder, extra = _folder(name), _folder(others) / "queries.jsonl" if others else None
        with opened_folder(folder, unanswerable=extra) as (rag, known):
            asked = _drawn(known.questions.questions, options.limit)
            fitted, held = ([_sample(rag, q) for q in asked if _is_held(q) is h] for h in (0, 1))
            least = trust_of(rag.settings).threshold
            _print(f"{name}, {others}", "default", held, DEFAULT_FIT, least)
            own = calibrate(fitted)
            _print(f"{name}, {others}", "calibrated", held, own.fit, own.threshold)


def _folder(name: str) -> Path:
    return ROOT.parent / "shared" / "eval" / name


def _is_held(question: Question) -> int:
    return int(sha1(question.id.encode()).hexdigest(), 16) % 2


def _drawn(questions: Iterable[Question], limit: int) -> list[Question]:
    """Return all unanswerable questions and at most `limit` others, the same ones each time."""
    every = list(questions)
    answerable = [question for question in every if question.is_answerable]
    random.Random(0).shuffle(answerable)
    return answerable[:limit] + [question for question in every if not question.is_answerable]


def _sample(rag: Rag, question: Question) -> Sample:
    hits = rag.search(question.text)
    selection = rag.selection()
    return sample_of(question.text, hits, selection, is_answerable=question.is_answerable)


def _print(name: str, kind: str, samples: Sequence[Sample], fit: Fit, threshold: float) -> None:
    scores = [
        0.0 if s.signals is None else fit.confidence(s.signals, is_read=s.is_read) for s in samples
    ]
    judged = [
        Judged(score, score < threshold, s.is_answerable, s.is_answerable)
        for score, s in zip(scores, samples, strict=True)
    ]
    found = measure_abstention(judged)
    if found is None:
        return
    false = sum(j.has_abstained and j.is_answerable for j in judged) / found.n_answerable
    risks = {round(coverage, 2): risk for coverage, risk in found.curve}
    shown = " ".join(
        f"{min(risks.items(), key=lambda item: abs(item[0] - wanted))[1]:.3f}"
        for wanted in COVERAGES
    )
    print(
        f"| {name} | {kind} | {found.auroc:.3f} | {found.refused_at_5 or 0.0:.3f} | "
        f"{false:.3f} {found.recall:.3f} | {found.area:.3f} | {shown} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
