"""Why an answer came out as it did."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import PurePath

import streamlit as st

from ragapp import Answer, Hit, Trace
from ui import labels, reason_labels, render
from ui.labels import Say


def reasons(answer: Answer, say: Say) -> None:
    """Draw how the answer came about, closed; nothing for one without its trace."""
    trace = answer.trace
    if trace is None:
        return
    with st.expander(say(reason_labels.WHY), icon=":material/account_tree:"):
        render.note([say(reason_labels.SEARCHED_AS), trace.searched])
        _show_numbers(trace, say)
        _show_hits(answer, say)
        st.caption(say(reason_labels.STAGES))
        stages = asdict(trace.stages_ms).items()
        render.bars(
            [(say(reason_labels.STAGE_NAMES[name]), milliseconds) for name, milliseconds in stages],
            unit=reason_labels.MILLISECONDS,
            say=say,
        )
        shown = trace.prompt or "\n\n".join(text for _, text in trace.messages)
        if shown:
            st.caption(say(reason_labels.PROMPT))
            render.document(shown, language="und")
        st.caption(say(reason_labels.AS_JSON))
        render.copyable(json.dumps(trace.to_dict(), ensure_ascii=False, indent=2))


def _show_numbers(trace: Trace, say: Say) -> None:
    budget = trace.budget
    st.caption(say(reason_labels.CONFIDENCE, n=trace.confidence, least=trace.abstain_below))
    st.caption(
        say(
            reason_labels.BUDGET,
            context=budget.context_tokens,
            answer=budget.answer_tokens,
            bare=budget.bare_tokens,
            used=budget.used_tokens,
            given=budget.passage_tokens,
            prefilled=trace.prefilled_tokens,
            cached=trace.cached_tokens,
        )
    )
    if trace.dropped:
        st.caption(say(reason_labels.DROPPED, n=len(trace.dropped)))
    if trace.dropped_turns:
        st.caption(say(labels.TURNS_DROPPED, n=trace.dropped_turns))


def _show_hits(answer: Answer, say: Say) -> None:
    headers = [
        say(label)
        for label in (
            reason_labels.COLUMN_RANK,
            reason_labels.COLUMN_PASSAGE,
            reason_labels.COLUMN_SCORE,
            reason_labels.COLUMN_DENSE,
            reason_labels.COLUMN_LEXICAL,
        )
    ]
    render.table(headers, [_cells(hit, say) for hit in answer.hits])


def _cells(hit: Hit, say: Say) -> list[str]:
    page = f" · {say(labels.PAGE, n=hit.page)}" if hit.page is not None else ""
    place = f"{hit.title or PurePath(hit.source).name}{page}"
    dense, lexical = (
        "–" if x is None else f"{x:.2f}" for x in (hit.dense_score, hit.lexical_score)
    )
    return [str(hit.rank), place, f"{hit.score:.3f}", dense, lexical]
