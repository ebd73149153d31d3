"""EML -> one Page: the subject as heading, the body, the names of attachments."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import islice
from pathlib import Path

from ingest.encoding import decode
from ingest.opening import read_text_bytes
from ingest.pages import Block, Page
from ingest.readers.markup import markup_page
from ragapp.errors import CorruptFileError

MAX_NESTING = 10
MAX_PARTS = 100
MAX_HEADER_CHARACTERS = 2_000

_HEADERS = ("from", "to", "date", "subject")


def read_eml(path: Path) -> Iterator[Page]:
    """Yield a message as one Page without a number; messages inside it follow.

    The title is the subject, the metadata "from", "to" and "date". Raises CorruptFileError.
    """
    message: EmailMessage = message_from_bytes(read_text_bytes(path), policy=policy.default)
    if not any(name in message for name in _HEADERS):
        raise CorruptFileError(f"{path.name!r} does not begin like an e-mail message")
    blocks = [*_heading(message, level=1), *_parts(message, depth=0)]
    known = {name: _header(message, name) for name in _HEADERS[:3]}
    known |= {"title": _header(message, "subject")}
    metadata = {name: value for name, value in known.items() if value}
    yield Page(tuple(blocks), metadata=metadata | _hidden(message))


def _hidden(message: EmailMessage) -> dict[str, str]:
    """Return the metadata for what the message's HTML forms do not show."""
    pages = [
        markup_page(data, declared=part.get_content_charset(""))
        for part in islice(message.walk(), MAX_PARTS)
        if part.get_content_type() == "text/html"
        and isinstance(data := part.get_payload(decode=True), bytes)
    ]
    verdicts = [page.metadata["hidden"] for page in pages if "hidden" in page.metadata]
    n_hidden = sum(int(page.metadata.get("hidden_characters", 0)) for page in pages)
    metadata = {"hidden_characters": str(n_hidden)} if n_hidden else {}
    return metadata | ({"hidden": min(verdicts)} if verdicts else {})  # instructions before prose


def _heading(message: EmailMessage, *, level: int) -> Iterator[Block]:
    """Yield a message's subject, and who wrote to whom and when."""
    if subject := _header(message, "subject"):
        yield Block("heading", subject, level=level)
    lines = [(name, _header(message, name)) for name in _HEADERS[:3]]
    if text := "\n".join(f"{name.capitalize()}: {value}" for name, value in lines if value):
        yield Block("table", text)


def _header(message: EmailMessage, name: str) -> str:
    """Return a header on one line, a date as ISO 8601; raw bytes in it are decoded as text is."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    raw = raw[:MAX_HEADER_CHARACTERS]
    if not raw.isascii():
        return " ".join(decode(raw.encode("utf-8", "surrogateescape")).text.split())
    try:
        value = policy.default.header_factory(name, raw)
        moment = getattr(value, "datetime", None)
    except Exception:  # noqa: BLE001  the library stumbles over many a broken header
        return " ".join(raw.split())
    return moment.isoformat(" ") if isinstance(moment, datetime) else " ".join(str(value).split())


def _parts(part: EmailMessage, *, depth: int) -> Iterator[Block]:
    if depth > MAX_NESTING:
        return
    content_type = part.get_content_type()
    if part.get_content_disposition() == "attachment":
        yield from _attachment(part)
    elif content_type == "multipart/alternative":
        yield from _alternative(part, depth=depth)
    elif part.is_multipart():
        for child in _children(part):
            if content_type == "message/rfc822":
                yield from _heading(child, level=2)
            yield from _parts(child, depth=depth + 1)
    elif content_type in ("text/plain", "text/html"):
        yield from _body(part)
    else:
        yield from _attachment(part)


def _children(part: EmailMessage) -> list[EmailMessage]:
    return [child for child in part.get_payload() if isinstance(child, EmailMessage)]


def _alternative(part: EmailMessage, *, depth: int) -> Iterator[Block]:
    """Yield one of several forms of the same text: plain, unless it is empty or a mere remark."""
    forms = [list(_parts(child, depth=depth + 1)) for child in _children(part)]
    sizes = [sum(len(block.text) for block in form) for form in forms]
    worthy = [form for form, size in zip(forms, sizes, strict=True) if 2 * size >= max(sizes)]
    yield from worthy[0] if worthy else ()


def _body(part: EmailMessage) -> Iterator[Block]:
    data = part.get_payload(decode=True)
    charset = part.get_content_charset("")
    content = data if isinstance(data, bytes) else b""
    if part.get_content_type() == "text/html":
        yield from markup_page(content, declared=charset).blocks
        return
    text = decode(content, declared=charset).text.replace("\r\n", "\n").replace("\r", "\n")
    for paragraph in text.split("\n\n"):
        if paragraph.strip():
            yield Block("paragraph", paragraph.strip("\n"))


def _attachment(part: EmailMessage) -> Iterator[Block]:
    """Yield the name of what is attached; its content is not read."""
    inner = _children(part) if part.get_content_type() == "message/rfc822" else []
    name = part.get_filename() or (_header(inner[0], "subject") if inner else "")
    if name:
        yield Block("paragraph", f"Attachment: {' '.join(name.split())[:MAX_HEADER_CHARACTERS]}")
