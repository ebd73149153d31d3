"""How an answer came about, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ui.cli.printing import print_line

if TYPE_CHECKING:
    from ragapp import Trace


def print_trace(trace: Trace) -> None:
    """Print what was searched, prompted, dropped and reused, and the milliseconds of each stage."""
    print_line()
    print_line(f"searched: {trace.searched}")
    for hit in trace.search["hits"]:
        ranks = (_stage(hit, name) for name in ("dense", "lexical", "fused", "reranked"))
        print_line(f"  {hit['rank']}. {hit['chunk_id']}: {', '.join(filter(None, ranks))}")
    verdict = "answered" if trace.confidence >= trace.abstain_below else "refused unasked"
    print_line(f"confidence: {trace.confidence:.2f}, below {trace.abstain_below:.2f} no: {verdict}")
    _print_budget(trace)
    stages = trace.stages_ms
    print_line(
        f"milliseconds: retrieve {stages.retrieve}, prompt {stages.prompt}, "
        f"first token {stages.first_token}, write {stages.write}, check {stages.check}"
    )
    print_line(f"tokens: {trace.prefilled_tokens} prefilled, {trace.cached_tokens} reused")
    if trace.prompt:
        print_line("--- the prompt as the model reads it")
        print_line(trace.prompt)
        return
    for role, text in trace.messages:
        print_line(f"--- {role}")
        print_line(text)


def _print_budget(trace: Trace) -> None:
    budget = trace.budget
    print_line(
        f"budget: {budget.passage_tokens} tokens for passages, {budget.used_tokens} used; "
        f"context {budget.context_tokens}, answer {budget.answer_tokens}, "
        f"the rest of the prompt {budget.bare_tokens}"
    )
    for hit in trace.dropped:
        page = f", p. {hit.page}" if hit.page is not None else ""
        print_line(f"  dropped ({hit.reason}): {hit.chunk_id}, {hit.source}{page}")
    if trace.dropped_turns:
        print_line(f"  dropped: the {trace.dropped_turns} oldest turns")


def _stage(hit: dict[str, Any], name: str) -> str:
    found = hit[name]
    if found["rank"] is None:
        return ""
    return f"{name} {found['rank']} ({found['score']:.3f})"
