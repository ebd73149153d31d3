"""EPUB -> one Page per chapter, in the order in which the book is read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zipfile import ZipFile

from ingest.opening import open_package, read_member
from ingest.pages import Page
from ingest.readers.markup import markup_page
from ingest.readers.xmltree import local_name, parsed_xml
from ingest.titles import meaningful_title
from ragapp.errors import CorruptFileError, EncryptedFileError, ReadError

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_TEXT_TYPES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")
_FONT_TYPES = (".otf", ".ttf", ".woff", ".woff2")


def read_epub(path: Path) -> Iterator[Page]:
    """Yield a Page per file of the spine, numbered; a broken one is a page with "error".

    Raises EncryptedFileError for a book under digital rights management, CorruptFileError,
    FileTooLargeError.
    """
    with open_package(path) as package:
        _check_open(path, package)
        name = _package_name(package)
        root = parsed_xml(read_member(package, name))
        chapters = list(_spine(root, posixpath.dirname(name)))
        if not chapters:
            raise CorruptFileError(f"{path.name!r} names no chapters")
        metadata = _metadata(root)
        for number, chapter in enumerate(chapters, start=1):
            yield _chapter(package, chapter, number, metadata if number == 1 else {})


def _chapter(package: ZipFile, name: str, number: int, metadata: Mapping[str, str]) -> Page:
    try:
        page = markup_page(read_member(package, name))
    except ReadError as error:
        return Page((), number=number, metadata={**metadata, "error": error.message})
    uncertain = {key: value for key, value in page.metadata.items() if key != "title"}
    return Page(page.blocks, number=number, metadata={**uncertain, **metadata})


def _check_open(path: Path, package: ZipFile) -> None:
    """Refuse a book of which more than its fonts is encrypted."""
    if _ENCRYPTION not in package.namelist():
        return
    root = parsed_xml(read_member(package, _ENCRYPTION))
    names = [item.get("URI", "") for item in root.iter() if local_name(item) == "CipherReference"]
    if any(not name.lower().endswith(_FONT_TYPES) for name in names):
        raise EncryptedFileError(
            f"{path.name!r} is under digital rights management", hint="use a copy without it"
        )


def _package_name(package: ZipFile) -> str:
    """Return the name of the member that lists the book's parts."""
    if _CONTAINER in package.namelist():
        root = parsed_xml(read_member(package, _CONTAINER))
        for item in root.iter():
            if local_name(item) == "rootfile" and item.get("full-path"):
                return str(item.get("full-path"))
    for name in sorted(package.namelist()):
        if name.endswith(".opf"):
            return name
    raise CorruptFileError("the book has no list of its parts")


def _spine(root: Any, folder: str) -> Iterator[str]:
    """Yield the names of the members to read in order, each once."""
    items = {item.get("id"): item for item in root.iter() if local_name(item) == "item"}
    seen: set[str] = set()
    for reference in root.iter():
        item = items.get(reference.get("idref")) if local_name(reference) == "itemref" else None
        if item is None or item.get("media-type", "") not in _TEXT_TYPES:
            continue
        name = posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        if name not in seen:
            seen.add(name)
            yield name


def _metadata(root: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for element in root.iter():
        name = {"creator": "author"}.get(local_name(element), local_name(element))
        if name in ("title", "author") and name not in found and element.text:
            found[name] = " ".join(element.text.split())
    if "title" in found:
        found["title"] = meaningful_title(found["title"])
    return {name: value for name, value in found.items() if value}
