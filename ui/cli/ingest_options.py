"""The options of `ragapp ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Policy = Literal["off", "flag", "mask", "skip"]

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(help="Files, folders or globs; '-' reads one document from standard input."),
]
SyncOption = Annotated[
    bool, typer.Option("--sync", help="Remove documents whose file is gone from a folder.")
]
PasswordOption = Annotated[
    list[str] | None,
    typer.Option(
        "--password", help="For locked PDFs, Office files and zips; repeatable, never stored."
    ),
]
RetryOption = Annotated[
    bool, typer.Option("--retry-failed", help="Only what failed before (under the paths, if any).")
]
WatchOption = Annotated[
    bool, typer.Option("--watch", help="Keep the folders in step until Ctrl-C (exit status 130).")
]
IntervalOption = Annotated[
    float | None,
    typer.Option(
        "--interval", metavar="SECONDS", help="Between two looks of --watch.  [default: 2]"
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option(
        "--name", help="The source name of '-'; its suffix is the format.  [default: stdin.txt]"
    ),
]
LoaderOption = Annotated[
    str | None,
    typer.Option("--loader", metavar="MODULE:CLASS", help="Ingest what a LangChain loader gives."),
]
LoaderArgumentOption = Annotated[
    list[str] | None,
    typer.Option("--loader-arg", metavar="KEY=VALUE", help="An argument of it, JSON or text."),
]
NearDuplicatesOption = Annotated[
    Literal["link", "skip", "keep"] | None,
    typer.Option(help="Texts nearly stored already: link them, store one, or don't look."),
]
PersonalDataOption = Annotated[
    Policy | None, typer.Option(help="E-mail, phone, ID and card numbers.")
]
SecretsOption = Annotated[Policy | None, typer.Option(help="Keys, tokens and passwords.")]
WordListOption = Annotated[
    Path | None,
    typer.Option("--word-list", metavar="FILE", help="Regular expressions, one a line."),
]
WordListPolicyOption = Annotated[
    Policy | None, typer.Option(help="What to do with them.  [default: flag]")
]
LanguagesOption = Annotated[
    str | None, typer.Option("--languages", metavar="CODES", help="Languages to keep, as en,zh.")
]
JunkOption = Annotated[
    Literal["off", "flag", "skip"] | None, typer.Option(help="Garbled or repetitive texts.")
]
ReportOption = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write the quality report to this HTML file."),
]
ReportLanguageOption = Annotated[
    Literal["en", "zh"], typer.Option(help="The language of that file.")
]
