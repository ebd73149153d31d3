from __future__ import annotations

from contextlib import nullcontext
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZipFile

import pytest

from ingest.readers import read
from ragapp.errors import CorruptFileError, EncryptedFileError

ODT = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0">'
    "<office:body><office:text>{}</office:text></office:body></office:document-content>"
)


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _blocks(path: Path) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for page in read(path) for block in page.blocks]


# ODT


def _odt(path: Path, body: str, *, manifest: str = "<manifest/>") -> Path:
    with ZipFile(path, "w") as package:
        package.writestr("content.xml", ODT.format(body))
        package.writestr("META-INF/manifest.xml", manifest)
        package.writestr("meta.xml", "<m><title>Night duty</title></m>")
    return path


def test_odt_structure_is_kept(tmp_path: Path) -> None:
    body = (
        '<text:h text:outline-level="2">观测站</text:h>'
        '<text:p>It <text:span>tur<text:span>n</text:span></text:span>s<text:s text:c="2"/>on.</text:p>'
        "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>two"
        "</text:p></text:list-item></text:list></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>Ticket</text:p></table:table-cell>"
        "<table:table-cell><text:p>Price</text:p></table:table-cell></table:table-row></table:table>"
    )
    path = _odt(tmp_path / "a.odt", body)
    assert _blocks(path) == [
        ("heading", "观测站"),
        ("paragraph", "It turns  on."),
        ("list", "- one\n- two"),
        ("table", "Ticket | Price"),
    ]
    page = next(read(path))
    assert page.blocks[0].level == 2
    assert page.metadata["title"] == "Night duty"


def test_odt_notes_follow_the_body_and_remarks_are_left_out(tmp_path: Path) -> None:
    body = (
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
        "<text:p>Text<text:note><text:note-citation>1</text:note-citation><text:note-body>"
        "<text:p>A note.</text:p></text:note-body></text:note> goes on."
        "<office:annotation><text:p>remark</text:p></office:annotation></text:p><text:p>End.</text:p>"
    )
    texts = [text for _, text in _blocks(_odt(tmp_path / "a.odt", body))]
    assert texts == ["Text goes on.", "End.", "A note."]


def test_odt_text_boxes_are_read_once(tmp_path: Path) -> None:
    body = "<text:p>Above<draw:frame><draw:text-box><text:p>Inside</text:p></draw:text-box></draw:frame></text:p>"
    assert _blocks(_odt(tmp_path / "a.odt", body)) == [
        ("paragraph", "Above"),
        ("paragraph", "Inside"),
    ]


def test_odt_with_a_password_is_encrypted(tmp_path: Path) -> None:
    path = _odt(tmp_path / "a.odt", "", manifest="<manifest><encryption-data/></manifest>")
    with pytest.raises(EncryptedFileError):
        list(read(path))


def test_odt_without_content_is_corrupt(tmp_path: Path) -> None:
    with ZipFile(tmp_path / "a.odt", "w") as package:
        package.writestr("mimetype", "x")
    with pytest.raises(CorruptFileError, match=r"content\.xml"):
        list(read(tmp_path / "a.odt"))


# RTF


def _rtf(body: bytes, *, page: int = 1252, fonts: bytes = b"{\\f0\\fcharset0 Arial;}") -> bytes:
    head = f"{{\\rtf1\\ansi\\ansicpg{page}\\deff0".encode()
    return head + b"{\\fonttbl" + fonts + b"}" + body + b"}"


def _escaped(text: str, encoding: str) -> bytes:
    return b"".join(f"\\'{byte:02x}".encode() for byte in text.encode(encoding))


@pytest.mark.parametrize(
    ("text", "encoding", "charset"),
    [
        ("观测站", "gb18030", 134),
        ("觀測站", "big5", 136),
        ("最期を見た、表", "cp932", 128),
        ("Привет", "cp1251", 204),
        ("café", "cp1252", 0),
    ],
)
def test_rtf_is_decoded_by_its_fonts(
    tmp_path: Path, text: str, encoding: str, charset: int
) -> None:
    fonts = b"{\\f0\\fcharset0 Arial;}" + f"{{\\f7\\fcharset{charset} F;}}".encode()
    data = _rtf(b"\\f7 " + _escaped(text, encoding) + b"\\par", fonts=fonts)
    assert _blocks(_written(tmp_path / "a.rtf", data)) == [("paragraph", text)]


def test_rtf_without_charsets_is_decoded_by_its_code_page(tmp_path: Path) -> None:
    data = _rtf(_escaped("观测站", "gbk") + b"\\par", page=936)
    assert _blocks(_written(tmp_path / "a.rtf", data)) == [("paragraph", "观测站")]


def test_rtf_unicode_escapes_replace_their_fallbacks(tmp_path: Path) -> None:
    data = _rtf(b"\\uc1\\u35266?\\u27979\\'3f\\u-10179?\\u-8704?{\\uc0\\u31449}end\\par")
    assert _blocks(_written(tmp_path / "a.rtf", data)) == [("paragraph", "观测😀站end")]


def test_rtf_structure_is_kept(tmp_path: Path) -> None:
    body = (
        b"{\\stylesheet{\\s1 heading 1;}{\\s2 Normal;}}{\\info{\\title Night duty}{\\author X}}"
        b"{\\header running head}\\pard\\s1 The dome\\par\\pard\\s2 It turns{\\footnote A note.}."
        b"\\par\\pard{\\pntext 1.\\tab}one\\par{\\listtext 2.}two\\par"
        b"\\trowd\\pard\\intbl Ticket\\cell Price\\cell\\row\\trowd\\pard\\intbl Adult\\cell 60\\cell\\row"
        b"\\pard {\\field{\\*\\fldinst HYPERLINK x}{\\fldrslt the link}}{\\pict 0a0b}\\par"
    )
    path = _written(tmp_path / "a.rtf", _rtf(body))
    assert _blocks(path) == [
        ("heading", "The dome"),
        ("paragraph", "It turns."),
        ("list", "- one\n- two"),
        ("table", "Ticket | Price\nAdult | 60"),
        ("paragraph", "the link"),
        ("paragraph", "A note."),
    ]
    assert next(read(path)).metadata["title"] == "Night duty"


def test_rtf_binary_data_is_passed_over(tmp_path: Path) -> None:
    data = _rtf(b"before {\\pict\\bin4 }}}}}after\\par")
    assert _blocks(_written(tmp_path / "a.rtf", data)) == [("paragraph", "before after")]


def test_rtf_of_another_kind_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError):
        list(read(_written(tmp_path / "a.rtf", "plain text")))


@pytest.mark.parametrize(
    "unit", [b"{", b"}", b"\\", b"\\'", b"\\u1", b"\\par ", b"\\cell", b"\\bin9"]
)
@pytest.mark.parametrize("size", [100_000, 200_000])
def test_rtf_hostile_text_ends(tmp_path: Path, unit: bytes, size: int) -> None:
    path = _written(tmp_path / "a.rtf", _rtf(b"text\\par " + unit * (size // len(unit))))
    with nullcontext() if unit != b"{" else pytest.raises(CorruptFileError, match="nests"):
        assert _blocks(path)


# EML


def test_eml_subject_body_and_attachments_are_read(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "A <a@example.org>", "B <b@example.org>"
    message["Subject"], message["Date"] = "观测站开放", "Sun, 01 Mar 2026 09:30:00 +0800"
    message.set_content("圆顶今天关闭。\n\nSecond.\n", charset="gb18030")
    message.add_attachment(b"%PDF-", maintype="application", subtype="pdf", filename="票价.pdf")
    path = _written(tmp_path / "a.eml", message.as_bytes())
    date = "2026-03-01 09:30:00+08:00"
    assert _blocks(path) == [
        ("heading", "观测站开放"),
        ("table", f"From: A <a@example.org>\nTo: B <b@example.org>\nDate: {date}"),
        ("paragraph", "圆顶今天关闭。"),
        ("paragraph", "Second."),
        ("paragraph", "Attachment: 票价.pdf"),
    ]
    metadata = next(read(path)).metadata
    assert (metadata["title"], metadata["date"]) == ("观测站开放", date)


def test_eml_html_alone_goes_through_the_html_reader(tmp_path: Path) -> None:
    message = EmailMessage()
    message["Subject"] = "News"
    message.set_content("<h2>Dome</h2><p>Open.</p><script>x()</script>", subtype="html")
    path = _written(tmp_path / "a.eml", message.as_bytes())
    assert _blocks(path) == [("heading", "News"), ("heading", "Dome"), ("paragraph", "Open.")]


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("Open today, as ever.", "Open today, as ever."),
        ("See HTML", "It is open today, as it ever was."),
    ],
)
def test_eml_alternatives_are_read_once(tmp_path: Path, plain: str, expected: str) -> None:
    message = EmailMessage()
    message["Subject"] = "News"
    message.set_content(plain)
    message.add_alternative("<p>It is open today, as it ever was.</p>", subtype="html")
    path = _written(tmp_path / "a.eml", message.as_bytes())
    assert _blocks(path)[1:] == [("paragraph", expected)]


def test_eml_raw_bytes_in_headers_are_decoded(tmp_path: Path) -> None:
    subject = "Subject: 观测站的圆顶今天关闭，请大家不要来。".encode("gb18030")
    data = b"From: a@example.org\r\n" + subject + b"\r\n\r\nText.\r\n"
    assert _blocks(_written(tmp_path / "a.eml", data))[0][1].startswith("观测站的圆顶")


def test_eml_messages_inside_are_read(tmp_path: Path) -> None:
    inner = EmailMessage()
    inner["Subject"] = "The first mail"
    inner.set_content("Inner text.")
    outer = EmailMessage()
    outer["Subject"] = "Fwd"
    outer.set_content("Outer text.")
    outer.add_attachment(inner)
    outer.get_payload()[1].replace_header("Content-Disposition", "inline")
    texts = [text for _, text in _blocks(_written(tmp_path / "a.eml", outer.as_bytes()))]
    assert texts == ["Fwd", "Outer text.", "The first mail", "Inner text."]


def test_eml_without_headers_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError):
        list(read(_written(tmp_path / "a.eml", "just text\n\nmore")))
