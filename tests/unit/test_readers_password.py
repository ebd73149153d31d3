from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF
from pypdf import PdfReader, PdfWriter

from ingest.readers import read
from ingest.readers.sandbox import Sandbox
from ragapp.errors import EncryptedFileError


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
