"""`ragapp ask`, `ragapp chat`, `ragapp search`, `ragapp ui`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ui.cli.app import (
    CollectionOption,
    CollectionsOption,
    DiversityOption,
    JsonOption,
    PerDocumentOption,
    SetOption,
    TopKOption,
    WhereOption,
    app,
    opened,
    overrides_of,
)
from ui.cli.boxes import boxed, print_boxes
from ui.cli.hits import print_hits, shortened
from ui.cli.printing import print_json, print_line, print_piece, report, reported_errors
from ui.cli.refused import print_refusal
from ui.cli.tracing import print_trace

if TYPE_CHECKING:
    from ragapp import Answer, AnswerStream, Conflict, DocumentDate, Rag, Rags

AdapterOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="A LoRA adapter: its name or its folder.", show_default=False
    ),
]
TemplateOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="qa, brief, table, customer-service, legal, medical, or a TOML file of your own.",
        show_default=False,
    ),
]
QuoteOption = Annotated[
    bool, typer.Option("--quote-only", help="Answer in verbatim quotes alone, whatever the engine.")
]
TraceOption = Annotated[
    bool, typer.Option("--trace", help="Tell how the answer came about: search, prompt, budget.")
]
BoxesOption = Annotated[
    bool,
    typer.Option("--boxes", help="Tell where each quote stands on its PDF's page."),
]
_Turn = tuple[Literal["user", "assistant"], str]


@app.command()
def ask(  # noqa: PLR0913  one for each option
    question: Annotated[str, typer.Argument(help="The question, in English or Chinese.")],
    *,
    top_k: TopKOption = None,
    where: WhereOption = None,
    adapter: AdapterOption = None,
    template: TemplateOption = None,
    quote_only: QuoteOption = False,
    trace: TraceOption = False,
    has_boxes: BoxesOption = False,
    assignments: SetOption = None,
    collection: CollectionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question from the documents, with citations."""
    choice: dict[str, Any] = {"top_k": top_k, "where": where, "adapter": adapter}
    choice |= {"template": template, "quote_only": quote_only, "trace": trace}
    with (
        reported_errors(as_json=as_json),
        opened(collection, **overrides_of(assignments)) as rag,
    ):
        if as_json:
            answer = rag.ask(question, **choice)
            print_json(boxed(rag, answer) if has_boxes else answer.to_dict())
        else:
            answer = _streamed(rag, rag.stream(question, **choice))
            if has_boxes:
                print_boxes(rag, answer)
            if answer.trace is not None:
                print_trace(answer.trace)


@app.command()
def chat(  # noqa: PLR0913  one for each option
    *,
    top_k: TopKOption = None,
    where: WhereOption = None,
    adapter: AdapterOption = None,
    template: TemplateOption = None,
    quote_only: QuoteOption = False,
    conversation: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Store the turns under this name, and go on where it was left.",
            show_default=False,
        ),
    ] = None,
    assignments: SetOption = None,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask question after question; an empty line or Ctrl-D ends. With --json one object a line."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag, talk

        history: list[_Turn] = []
        choice: dict[str, Any] = {"top_k": top_k, "where": where, "adapter": adapter}
        choice |= {"template": template, "quote_only": quote_only}
        with open_rag(collection, **overrides_of(assignments)) as rag:
            while question := _read_question(is_prompted=not as_json):
                if conversation is None:
                    stream = rag.stream(question, history=history, **choice)
                else:
                    stream = talk(rag, conversation, question, **choice)
                answer = _told(rag, stream, as_json=as_json)
                history += [("user", question), ("assistant", answer.text)]


@app.command()
def search(
    query: Annotated[str, typer.Argument(help="What to look for, in English or Chinese.")],
    *,
    top_k: TopKOption = None,
    where: WhereOption = None,
    max_per_document: PerDocumentOption = None,
    diversity: DiversityOption = None,
    is_explained: Annotated[
        bool, typer.Option("--explain", help="Show how each stage came to the hits.")
    ] = False,
    collection: CollectionsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the passages nearest to a query."""
    choice: dict[str, Any] = {"max_per_document": max_per_document, "diversity": diversity}
    with reported_errors(as_json=as_json):
        with opened(collection) as rag:
            if is_explained:
                explanation = rag.explain(query, top_k=top_k, where=where, **choice)
                hits = [explained.hit for explained in explanation.hits]
            else:
                explanation, hits = None, rag.search(query, top_k=top_k, where=where, **choice)
        if as_json:
            found: dict[str, Any] = {"hits": [hit.to_dict() for hit in hits]}
            print_json(found | ({"explain": explanation.to_dict()} if explanation else {}))
        else:
            print_hits(hits, explanation)


@app.command()
def ui(
    *,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The page's port.")] = 8501,
    open_browser: Annotated[bool, typer.Option(help="Open the page in the browser.")] = True,
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve the page on this machine alone, until Ctrl-C."""
    with reported_errors(as_json=as_json):
        from ui.launch import launch, page_address

        if as_json:
            print_json({"url": page_address(port)})
        else:
            print_line(f"the page: {page_address(port)} (Ctrl-C ends it)")
        status = launch(collection=collection, port=port, headless=not open_browser)
    if status:
        report("ui", f"the page could not be served on port {port}", "try --port", as_json=as_json)
        raise typer.Exit(1)


def _told(rag: Rag, stream: AnswerStream, *, as_json: bool) -> Answer:
    """Print an answer: as a line of JSON, or as it comes, its sources below."""
    if as_json:
        print_json(stream.answer.to_dict(), indent=None)
        return stream.answer
    return _streamed(rag, stream)


def _streamed(rag: Rag | Rags, stream: AnswerStream) -> Answer:
    """Stream an answer to the terminal, its sources below."""
    for piece in stream:
        print_piece(piece)
    answer = stream.answer
    print_line()
    for statement in answer.statements:
        if not statement.is_grounded:
            reasons = ", ".join(statement.objections)
            print_line(f"  no passage supports ({reasons}): “{shortened(statement.text)}”")
    _print_sources(answer)
    if answer.abstained:
        print_refusal(rag, answer)
    if answer.dropped_turns:
        print_line(f"  the {answer.dropped_turns} oldest turns no longer fit and were left out")
    if answer.dropped_hits and not answer.abstained:
        n = f"{answer.dropped_hits} of {len(answer.hits)}"
        print_line(f"  {n} passages did not fit into the prompt (passage_tokens, context_tokens)")
    return answer


def _print_sources(answer: Answer) -> None:
    for citation in answer.citations:
        page = f", p. {citation.page}" if citation.page is not None else ""
        print_line(f"  [{citation.marker}] {citation.source}{page}: “{shortened(citation.quote)}”")
        if citation.has_instructions:
            print_line("      warning: this document holds instructions to a language model")
        for revision in citation.revisions:
            print_line(f"      a revision states other facts: {revision}")
        for place in citation.also_at:
            page = f", p. {place.page}" if place.page is not None else ""
            nearly = "" if place.is_exact else " (nearly the same words)"
            print_line(f"      also in {place.source}{page}{nearly}")
    for conflict in answer.conflicts:
        _print_conflict(conflict)


def _print_conflict(conflict: Conflict) -> None:
    other = conflict.other
    page = f", p. {other.page}" if other.page is not None else ""
    print_line(f"  documents contradict each other ({', '.join(conflict.differs)}):")
    dated = _dated(conflict.cited.date)
    print_line(f"      [{conflict.marker}]{dated}: “{shortened(conflict.cited.quote)}”")
    print_line(f"      {other.source}{page}{_dated(other.date)}: “{shortened(other.quote)}”")


def _dated(date: DocumentDate) -> str:
    return f" ({date.day}, {date.origin})" if date.day else ""


def _read_question(*, is_prompted: bool) -> str:
    try:
        return input("> " if is_prompted else "").strip()
    except EOFError:
        return ""
