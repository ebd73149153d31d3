"""Bytes of XML -> a tree, without entities of its own, without the network."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from ingest.encoding import Decoded, decode
from ragapp.errors import CorruptFileError

_DECLARATION = re.compile(r"\A\s{0,99}<\?xml[^>]{0,500}\?>")
_ENCODING = re.compile(rb"\A\s{0,99}<\?xml[^>]{0,200}encoding\s{0,9}=\s{0,9}[\"']([\w.:-]{2,30})")


def parsed_xml(data: bytes) -> Any:
    """Return the root of a document; small faults are forgiven. Raises CorruptFileError."""
    return tree_of(decoded_xml(data).text)


def decoded_xml(data: bytes) -> Decoded:
    """Decode XML by its own declaration, or as text is decoded where that does not hold."""
    match = _ENCODING.search(data[:1_000])
    declared = match.group(1).decode("ascii", "replace") if match else ""
    return decode(data, declared=declared)


def tree_of(text: str) -> Any:
    """Return the root of decoded XML. Raises CorruptFileError where there is none."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        recover=True,
        remove_comments=True,
        remove_pis=True,
    )
    bare = _DECLARATION.sub("", text.replace("\0", ""), count=1).strip()
    try:
        root = etree.fromstring(bare.encode("utf-8", "replace"), parser=parser)
    except etree.XMLSyntaxError as error:
        raise CorruptFileError(f"its XML is damaged: {error}") from error
    if root is None:
        raise CorruptFileError("its XML is damaged: it has no elements")
    return root


def local_name(element: Any) -> str:
    """Return an element's name without its namespace, "" for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def whole_text(element: Any) -> str:
    """Return all text below an element; entities that were not expanded are left out."""
    parts: list[str] = []
    stack: list[Any] = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        if local_name(node):
            parts.append(node.text or "")
        for child in reversed(node):
            stack += [child.tail or "", child]
    return "".join(parts).strip()
