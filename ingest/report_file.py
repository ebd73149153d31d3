"""A run's report as one HTML file: no scripts, nothing from elsewhere, light and dark.

Names, reasons and encodings come from outside. All text goes through `_text`, which makes unseen
characters visible and escapes the rest; there is no template that data could reach.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from html import escape
from pathlib import Path

from ingest import wording
from ingest.outcomes import IngestReport, Outcome
from ingest.remarks import needs_a_look, remarks_on, summary_of
from ingest.wording import Language, Words, say
from ragapp.errors import UsageError

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --bad: #b3261e; --good: #1b6e3a; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; --good: #7fd8a0; } }
body { font: 16px/1.5 system-ui, "Noto Sans", "Noto Sans CJK SC", "PingFang SC",
  "Microsoft YaHei", sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin-top: 2rem; }
time { opacity: 0.75; }
div { overflow-x: auto; } div:focus-visible { outline: 2px solid; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: start; vertical-align: top; padding: 0.4rem 0.75rem 0.4rem 0;
  border-bottom: 1px solid var(--line); }
thead th { background: var(--soft); white-space: nowrap; padding-inline-start: 0.4rem; }
tbody th, tbody td { padding-inline-start: 0.4rem; }
tbody th { font-weight: 600; min-width: 12rem; max-width: 24rem; overflow-wrap: anywhere; }
td.said { min-width: 16rem; overflow-wrap: anywhere; } td.word { white-space: nowrap; }
td.number { text-align: end; font-variant-numeric: tabular-nums; }
li { overflow-wrap: anywhere; } td ul { margin: 0; padding-inline-start: 1.1rem; }
.failed { color: var(--bad); font-weight: 600; } .added, .updated { color: var(--good); }
@media print { body { max-width: none; margin: 0; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def check_report_path(path: Path) -> None:
    """Raise UsageError unless a report can be written there, as far as can be told beforehand."""
    folder = path.parent
    if path.is_dir():
        raise UsageError(f"the report {str(path)!r} is a folder", hint="name a file, like r.html")
    if not folder.is_dir():
        raise UsageError(f"there is no folder {str(folder)!r} for the report", hint="make it first")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"the report {str(path)!r} cannot be written", hint="name another place")


def write_report(report: IngestReport, path: Path, *, language: Language = "en") -> None:
    """Write the report of a run as an HTML file. Raises UsageError where that fails."""
    made_at = datetime.now().astimezone()
    page = render_report(report, language=language, made_at=made_at)
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the report {str(path)!r} cannot be written: {error.strerror or error}",
            hint="name another place; what was ingested is stored",
        ) from error


def render_report(report: IngestReport, *, language: Language, made_at: datetime) -> str:
    """Return the report of a run as a whole HTML document."""
    title = _text(say(wording.TITLE, language))
    day = made_at.strftime("%Y-%m-%d %H:%M")
    parts = [
        "<!doctype html>",
        f'<html lang="{"zh-Hans" if language == "zh" else "en"}">',
        f'<head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<style>{_STYLE}</style></head>",
        f"<body><main><h1>{title}</h1>",
        f"<p><time>{_text(say(wording.MADE_AT, language, day=day))}</time></p>",
        *_summary(report, language),
        *_tables(report, language),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _summary(report: IngestReport, language: Language) -> Iterator[str]:
    yield f"<h2>{_text(say(wording.TOTALS, language))}</h2>"
    yield "<ul>"
    yield from (f"<li>{_text(line)}</li>" for line in summary_of(report, language))
    yield "</ul>"


def _tables(report: IngestReport, language: Language) -> Iterator[str]:
    if not report.outcomes:
        yield f"<p>{_text(say(wording.NO_FILES, language))}</p>"
        return
    doubtful = [outcome for outcome in report.outcomes if needs_a_look(outcome)]
    if doubtful:
        yield from _table(wording.LOOK_TITLE, doubtful, language, key="look")
    else:
        yield f"<p>{_text(say(wording.NOTHING_TO_LOOK_AT, language))}</p>"
    yield from _table(wording.ALL_TITLE, report.outcomes, language, key="all")


def _table(
    title: Words, outcomes: Iterable[Outcome], language: Language, *, key: str
) -> Iterator[str]:
    yield f'<h2 id="{key}">{_text(say(title, language))}</h2>'
    yield f'<div role="region" tabindex="0" aria-labelledby="{key}"><table><thead><tr>'
    yield from (f'<th scope="col">{_text(say(c, language))}</th>' for c in wording.COLUMNS)
    yield "</tr></thead><tbody>"
    yield from (_row(outcome, language) for outcome in outcomes)
    yield "</tbody></table></div>"


def _row(outcome: Outcome, language: Language) -> str:
    quality = outcome.quality
    said = "".join(f"<li>{_text(remark)}</li>" for remark in remarks_on(outcome, language))
    name = say(wording.OUTCOMES[outcome.outcome], language)
    n_chunks = outcome.chunks_new + outcome.chunks_reused
    return (
        f'<tr><th scope="row"><bdi>{_text(outcome.path)}</bdi></th>'
        f'<td class="word {outcome.outcome}">{_text(name)}</td>'
        f'<td class="said">{f"<ul>{said}</ul>" if said else ""}</td>'
        f'<td class="word">{_text(quality.language if quality else "")}</td>'
        f'<td class="number">{quality.n_pages or "" if quality else ""}</td>'
        f'<td class="number">{n_chunks or ""}</td>'
        f'<td class="word">{_text(quality.encoding if quality else "")}</td></tr>'
    )


def _text(text: str) -> str:
    """Return untrusted text for HTML; characters that are not seen stand as their code."""
    return escape("".join(map(_visible, text)))


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return " " if character.isspace() else f"\\u{{{ord(character):x}}}"
