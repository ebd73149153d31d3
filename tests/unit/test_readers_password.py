from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import docx
import pytest
from fpdf import FPDF
from msoffcrypto.format.ooxml import OOXMLFile
from pypdf import PdfReader, PdfWriter

from ingest.readers import read
from ingest.readers.sandbox import Sandbox
from ragapp.errors import EncryptedFileError, ReadError


@pytest.fixture(params=["AES-256", "AES-128", "RC4-128", "RC4-40"])
def locked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    pdf = FPDF()
    pdf.set_font("Helvetica", size=12)
    pdf.add_page()
    pdf.multi_cell(0, 6, "The dome is closed.")
    writer = PdfWriter(clone_from=PdfReader(BytesIO(bytes(pdf.output()))))
    writer.encrypt("open sesame", "owner", algorithm=request.param)
    writer.write(tmp_path / "a.pdf")
    return tmp_path / "a.pdf"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def locked_docx(tmp_path: Path) -> Path:
    document = docx.Document()
    document.add_paragraph("The dome is closed.")
    plain = BytesIO()
    document.save(plain)
    with (tmp_path / "a.docx").open("wb") as file:
        OOXMLFile(plain).encrypt("öffne dich", file)
    return tmp_path / "a.docx"


def test_a_locked_office_file_opens_with_its_password(locked_docx: Path) -> None:
    [page] = read(locked_docx, password="öffne dich")
    assert [block.text for block in page.blocks] == ["The dome is closed."]


@pytest.mark.parametrize(
    ("password", "message"), [("", "protected by a password"), ("s3cret", "does not open with")]
)
def test_a_locked_office_file_stays_closed_otherwise(
    locked_docx: Path, password: str, message: str
) -> None:
    with pytest.raises(EncryptedFileError, match=message) as caught:
        list(read(locked_docx, password=password))
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_locked_office_file_that_is_damaged_is_said_to_be(locked_docx: Path) -> None:
    data = bytearray(locked_docx.read_bytes())
    data[600:2_000] = bytes(1_400)
    locked_docx.write_bytes(data)
    with pytest.raises(ReadError):
        list(read(locked_docx, password="x"))


DOCUMENTS = Path(__file__).parents[3] / "shared" / "docs"


@pytest.mark.skipif(not DOCUMENTS.is_dir(), reason=f"there is no folder {DOCUMENTS}")
@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("pdf04_password.pdf", "openpassword"),
        ("pdf22_aes256_pw.pdf", "foo"),
        ("pdf23_rc4_40_pw.pdf", "foo"),
        ("docx04_protected.docx", "tika"),
    ],
)
def test_a_locked_file_from_the_wild_opens_with_its_password(name: str, password: str) -> None:
    pages = list(read(DOCUMENTS / name, password=password))
    assert any(block.text.strip() for page in pages for block in page.blocks)


@pytest.mark.parametrize("password", ["open sesame", "owner"])
def test_an_encrypted_pdf_opens_with_its_passwords(locked: Path, password: str) -> None:
    [page] = read(locked, password=password)
    assert page.blocks[0].text.strip() == "The dome is closed."


def test_the_password_reaches_the_child(locked: Path, sandbox: Sandbox) -> None:
    assert list(sandbox.read(locked, password="owner")) == list(read(locked, password="owner"))


def test_a_wrong_password_is_said_to_be_wrong(locked: Path) -> None:
    with pytest.raises(EncryptedFileError, match="does not open with the password given"):
        list(read(locked, password="wrong"))


def test_no_password_is_asked_for(locked: Path) -> None:
    with pytest.raises(EncryptedFileError, match="protected by a password") as caught:
        list(read(locked))
    assert "give its password" in caught.value.hint


def test_a_password_is_never_in_a_message(locked: Path) -> None:
    with pytest.raises(EncryptedFileError) as caught:
        list(read(locked, password="s3cret-guess"))
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_password_for_an_open_file_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The dome is closed.")
    assert list(read(tmp_path / "a.txt", password="x")) == list(read(tmp_path / "a.txt"))
