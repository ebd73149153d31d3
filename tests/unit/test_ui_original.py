"""The cited page of a PDF, opened from an answer."""

from io import BytesIO

import pytest
from fpdf import FPDF
from page_driver import page, say, shown
from PIL import Image

from ingest import citation_boxes, ingest_paths
from ui import labels, state
from ui.keys import Key
from ui.pictures import cut_around

FACT = "The keeper of the beacon winds the clockwork every nine hours."


@pytest.fixture
def pdf(opened, tmp_path):
    document = FPDF()
    document.set_font("Helvetica", size=14)
    document.add_page()
    document.multi_cell(0, text="The beacon of Grey Skerry was lit in 1871.")
    document.add_page()
    document.multi_cell(0, text=FACT)
    document.output(str(tmp_path / "beacon.pdf"))
    opened(tmp_path / "collection")
    ingest_paths(state.rag(), [tmp_path / "beacon.pdf"])
    return tmp_path / "beacon.pdf"


def asked(language="en"):
    app = page(language=language)
    return app.chat_input[0].set_value("How often does the keeper wind the clockwork?").run()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_citation_opens_the_page_that_it_stands_on(pdf, language):
    app = asked(language)

    app.button(key=f"{Key.ORIGINAL}-1-1").click().run()

    assert not app.exception
    assert len(app.get("image")) == 2  # around the quote, and the whole page
    assert any(caption.value == say(language)(labels.PAGE, n=2) for caption in app.caption)


def test_a_changed_file_is_told_with_the_quote_as_it_was(pdf):
    app = asked()
    pdf.write_bytes(pdf.read_bytes() + b"\n% changed")

    app.button(key=f"{Key.ORIGINAL}-1-1").click().run()

    assert not app.exception
    assert "changed since it was ingested" in app.warning[0].value
    assert FACT in shown(app)
    assert not app.get("image")


def test_a_text_file_has_no_page_to_open(collection):
    app = page()
    app.chat_input[0].set_value("When does the harbour office open?").run()

    assert not [found for found in app.button if (found.key or "").startswith(Key.ORIGINAL)]


def test_the_picture_around_a_quote_has_its_colour_and_the_pages_width(pdf):
    answer = state.rag().ask("How often does the keeper wind the clockwork?")
    found = citation_boxes(state.rag(), answer.citations, has_pictures=True)[0]
    page, png = found.pictures[0]

    whole, part = (Image.open(BytesIO(x)) for x in (png, cut_around(png, found.boxes)))

    assert page == 2
    assert part.width == whole.width
    assert part.height < whole.height / 2
    assert any(r > 200 > b for _, (r, _, b) in part.getcolors(part.width * part.height))
