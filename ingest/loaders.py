"""LangChain loaders as a source of documents, without importing LangChain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from ingest.pages import Block, Page
from ragapp.errors import UsageError


class LoaderFailure(NamedTuple):
    """What ended a loader before its end: the loader's name, and a reason of one line."""

    loader: str
    reason: str


def make_loader(name: str, arguments: Sequence[str] = ()) -> Any:
    """Return the loader "module:Class", made with "key=value" arguments.

    A value is taken as JSON where it is JSON, else as text. Raises UsageError, of one line, for a
    name that cannot be imported and for arguments that the class does not take.
    """
    module_name, _, class_name = name.partition(":")
    if not module_name or not class_name.isidentifier():
        raise UsageError(
            f"{name!r} does not name a loader",
            hint="write module:Class, as langchain_community.document_loaders:CSVLoader",
        )
    values = dict(_argument(argument) for argument in arguments)
    try:
        loader_class = getattr(import_module(module_name), class_name)
    except Exception as error:  # a module may raise anything when it is imported
        raise UsageError(
            f"the loader {name!r} cannot be imported: {_described(error)}",
            hint="check the spelling, and that its package is installed",
        ) from error
    try:
        loader = loader_class(**values)
    except Exception as error:  # and so may a class
        raise UsageError(
            f"the loader {name!r} cannot be made: {_described(error)}",
            hint="give its arguments with --loader-arg key=value",
        ) from error
    _check(loader)
    return loader


def read_loader(loader: Any) -> Iterator[tuple[str, list[Page]] | LoaderFailure]:
    """Yield (source name, pages) for each run of a loader's documents with the same "source".

    A "page" in a document's metadata counts from 0, as LangChain's PDF loaders do. Where the loader
    fails, the pages of the source it was at say that they are not all, and a LoaderFailure comes
    last. Raises UsageError for an object without `lazy_load`.
    """
    _check(loader)
    name = ""
    pages: list[Page] = []
    failure: LoaderFailure | None = None
    for place, loaded in enumerate(_documents(loader)):
        if isinstance(loaded, LoaderFailure):
            failure = loaded
            break
        source = str(loaded.metadata.get("source") or f"{type(loader).__name__}-{place}")
        if pages and source != name:
            yield name, pages
            pages = []
        name = source
        pages.append(_page(loaded))
    if pages and failure:
        partial = {"partial": f"{len(pages)} parts were loaded", "error": failure.reason}
        pages.append(Page((), metadata=partial))
    if pages:
        yield name, pages
    if failure:
        yield failure


def _documents(loader: Any) -> Iterator[Any]:
    """Yield what a loader yields, or a LoaderFailure in place of what it raises."""
    try:
        yield from loader.lazy_load()
    except Exception as error:  # noqa: BLE001  the border to code that is not ours
        yield LoaderFailure(type(loader).__name__, _described(error))


def _check(loader: Any) -> None:
    if not callable(getattr(loader, "lazy_load", None)):
        raise UsageError(
            f"{type(loader).__name__} is not a document loader",
            hint="pass an object with a lazy_load method, such as a LangChain BaseLoader",
        )


def _argument(text: str) -> tuple[str, Any]:
    key, mark, value = text.partition("=")
    if not mark or not key.isidentifier():
        raise UsageError(f"the loader's argument {text!r} is not of the form key=value")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _described(error: Exception) -> str:
    """Return an error as one line: what a loader raises may be long."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def _page(loaded: Any) -> Page:
    number = loaded.metadata.get("page")
    title = loaded.metadata.get("title")
    return Page(
        blocks=tuple(
            Block("paragraph", part) for part in loaded.page_content.split("\n\n") if part.strip()
        ),
        number=number + 1 if isinstance(number, int) else None,
        metadata={"title": str(title)} if title else {},
    )
