"""`ragapp ingest`, `ragapp reindex`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import typer

from ui.cli.app import CollectionOption, JsonOption, app
from ui.cli.ingest_options import (
    IntervalOption,
    JunkOption,
    LanguagesOption,
    LoaderArgumentOption,
    LoaderOption,
    NameOption,
    NearDuplicatesOption,
    PasswordOption,
    PathsArgument,
    PersonalDataOption,
    ReportLanguageOption,
    ReportOption,
    RetryOption,
    SecretsOption,
    SyncOption,
    WatchOption,
    WordListOption,
    WordListPolicyOption,
)
from ui.cli.printing import (
    print_error_line,
    print_json,
    print_line,
    print_piece,
    print_table,
    progress_bar,
    rate,
    reported_errors,
)

if TYPE_CHECKING:
    from ingest import IngestReport, Outcome, Progress, Request

_MAX_ROWS = 40
_QUIET_REASONS = ("unchanged", "same text")


@app.command("ingest")
def ingest_command(  # noqa: PLR0913  one for each option
    paths: PathsArgument = None,
    *,
    sync: SyncOption = False,
    password: PasswordOption = None,
    retry_failed: RetryOption = False,
    watch: WatchOption = False,
    interval: IntervalOption = None,
    name: NameOption = None,
    loader: LoaderOption = None,
    loader_arg: LoaderArgumentOption = None,
    near_duplicates: NearDuplicatesOption = None,
    personal_data: PersonalDataOption = None,
    secrets: SecretsOption = None,
    word_list: WordListOption = None,
    word_list_policy: WordListPolicyOption = None,
    languages: LanguagesOption = None,
    junk: JunkOption = None,
    report: ReportOption = None,
    report_language: ReportLanguageOption = "en",
    collection: CollectionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read, clean, deduplicate, chunk and embed documents into the collection.

    A zip becomes its members. Unchanged files are skipped. Exits with 1 when a file failed; the
    others are stored.
    """
    given = locals()
    with reported_errors(as_json=as_json):
        request, settings = _parsed(given)
        if watch:
            _watch(request, collection, settings, as_json=as_json)
        ingested = _ingested(request, collection, settings, as_json=as_json)
        _print_report(ingested, as_json=as_json)
        if report is not None:
            _write_report(ingested, report, report_language)
        raise typer.Exit(1 if ingested.count("failed") else 0)


@app.command()
def reindex(*, collection: CollectionOption = None, as_json: JsonOption = False) -> None:
    """Embed what the configured embedder has not embedded, and build the index anew."""
    with reported_errors(as_json=as_json):
        from ragapp import open_rag

        with open_rag(collection, is_reembedding=True) as rag:
            n_embedded = rag.reindex()
            n_chunks = rag.collection.stats().n_chunks
    if as_json:
        print_json({"chunks": n_chunks, "embedded": n_embedded})
    else:
        print_line(f"index built: {n_chunks} chunks, {n_embedded} of them embedded now")


def _parsed(given: Mapping[str, Any]) -> tuple[Request, dict[str, Any]]:
    """Return the request and the settings that the options stand for."""
    from ingest import Request, check_report_path, policy_settings

    if given["report"] is not None:
        check_report_path(given["report"])
    request = Request(
        paths=given["paths"] or (),
        sync=given["sync"],
        passwords=given["password"] or (),
        name=given["name"],
        loader=given["loader"],
        loader_arguments=given["loader_arg"] or (),
        is_retry=given["retry_failed"],
        is_watch=given["watch"],
        interval_s=given["interval"],
        report=given["report"],
    )
    policies = policy_settings(
        personal_data=given["personal_data"],
        secrets=given["secrets"],
        word_list=given["word_list"],
        word_list_policy=given["word_list_policy"],
        languages=given["languages"],
        junk=given["junk"],
    )
    return request, {"near_duplicates": given["near_duplicates"], **policies}


def _ingested(
    request: Request, collection: Path | None, settings: Mapping[str, Any], *, as_json: bool
) -> IngestReport:
    from ingest import carry_out
    from ragapp import open_rag

    with (
        open_rag(collection, **settings) as rag,
        progress_bar(is_shown=sys.stderr.isatty() and not as_json) as move,
    ):
        return carry_out(rag, request, on_progress=lambda p: move(p.done, p.total, _label(p)))


def _watch(
    request: Request, collection: Path | None, settings: Mapping[str, Any], *, as_json: bool
) -> NoReturn:
    """Keep the folders in step until Ctrl-C, the way in which a watch ends."""
    from ingest import Event, keep_watch
    from ragapp import open_rag

    def tell(event: Event) -> None:
        if as_json:
            print_json(asdict(event), indent=None)
        elif event.event == "notice":
            print_error_line(event.reason)
        elif event.reason not in _QUIET_REASONS:
            reason = f"  ({event.reason})" if event.reason else ""
            print_piece(f"{event.event:<9} {' '.join(event.path.split())}{reason}\n")

    with open_rag(collection, **settings) as rag:
        if not as_json:
            print_error_line("watching, Ctrl-C ends it")
        with suppress(KeyboardInterrupt):
            keep_watch(rag, request, tell=tell)
    raise typer.Exit(130)


def _write_report(ingested: IngestReport, path: Path, language: Literal["en", "zh"]) -> None:
    from ingest import write_report

    write_report(ingested, path, language=language)


def _label(progress: Progress) -> str:
    name = Path(progress.latest.path).name
    return f"{rate(progress.bytes_per_s, progress.eta_s)}  {name[-40:]}".strip()


def _print_report(report: IngestReport, *, as_json: bool) -> None:
    from ingest import needs_a_look, remarks_on, summary_of

    if as_json:
        print_json(report.to_dict())
        return
    for line in summary_of(report, "en"):
        print_line(line)
    ordered = sorted(report.outcomes, key=lambda outcome: not needs_a_look(outcome))
    told = [(outcome, remarks_on(outcome, "en")) for outcome in ordered]
    rows = [[o.outcome, o.path, "; ".join(said)] for o, said in told if _is_worth_a_row(o, said)]
    if rows:
        print_table(["outcome", "file", "remarks"], rows[:_MAX_ROWS])
    if len(rows) > _MAX_ROWS:
        print_line(f"... and {len(rows) - _MAX_ROWS} more (--json or --report FILE lists all)")


def _is_worth_a_row(outcome: Outcome, said: list[str]) -> bool:
    return bool(said) and said != ["unchanged"]
