"""Every page, run by Streamlit's own test driver over a real collection."""

from io import BytesIO
from zipfile import ZipFile

import pytest
from fpdf import FPDF
from page_driver import APP, ENGLISH, TIMEOUT_S, clicked, page, say, shown
from streamlit.testing.v1 import AppTest

from ui import labels, state
from ui.pages import PAGES


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("views/ask.py", labels.ASK),
        ("views/library.py", labels.LIBRARY),
        ("views/add_files.py", labels.ADD_FILES),
        ("views/inspect.py", labels.INSPECT),
        ("views/evaluate.py", labels.EVALUATE),
        ("views/health.py", labels.HEALTH),
    ],
)
def test_a_page_loads_in_the_browsers_language(collection, path, title, language):
    app = page(path, language)

    assert [element.value for element in app.title] == [say(language)(title)]
    assert not app.error


def test_the_address_outranks_the_browsers_language(collection):
    app = AppTest.from_file(APP, default_timeout=TIMEOUT_S)
    app.context = {"locale": "en-GB"}
    app.query_params["lang"] = "zh"

    assert app.run().title[0].value == labels.ASK.zh


def test_the_selector_switches_the_language_and_the_address(collection):
    app = page()

    app.selectbox(key=state.Key.LANGUAGE).set_value("zh").run()

    assert app.title[0].value == labels.ASK.zh
    assert app.query_params["lang"] in ("zh", ["zh"])


@pytest.mark.parametrize(
    ("language", "question", "quote"),
    [
        ("en", "When does the harbour office open?", "opens at seven in the morning"),
        ("zh", "港务处几点开门？", "早上七点开门"),
    ],
)
def test_a_question_is_answered_with_its_passage_marked(collection, language, question, quote):
    app = page(language=language)

    app.chat_input[0].set_value(question).run()

    markup = shown(app)
    assert not app.exception
    assert not app.error
    assert 'href="#quote-1-1-1"' in markup
    marked = markup.split('<mark id="quote-1-1-1">')[1].split("</mark>")[0]
    assert quote in marked
    assert say(language)(labels.SOURCES) in markup


@pytest.mark.parametrize(
    ("language", "question"),
    [("en", "Who composed the opera Fidelio?"), ("zh", "船只博物馆的馆长姓什么？")],
)
def test_a_refusal_is_set_apart_and_shows_the_nearest_passages(collection, language, question):
    app = page(language=language)

    app.chat_input[0].set_value(question).run()

    assert "ragapp-refusal" in shown(app)
    assert say(language)(labels.NEAREST) in shown(app)
    assert "ragapp-evidence" in shown(app)


def test_a_follow_up_keeps_the_conversation_until_a_new_one_begins(collection):
    app = page()
    app.chat_input[0].set_value("When does the harbour office open?").run()
    app.chat_input[0].set_value("Which boats need a pilot?").run()
    assert len(app.chat_message) == 4

    clicked(app, labels.NEW_CONVERSATION)

    assert len(app.chat_message) == 0


def test_a_blank_question_is_one_sentence_and_a_hint(collection):
    app = page()

    app.chat_input[0].set_value("   ").run()

    assert not app.exception
    assert "The question is empty" in app.error[0].value


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_empty_collection_says_so_and_leads_to_adding_files(opened, tmp_path, language):
    opened(tmp_path / "collection")

    app = page(language=language)

    assert app.info[0].value == say(language)(labels.EMPTY_COLLECTION)
    assert app.chat_input[0].disabled
    assert app.get("page_link")


@pytest.mark.parametrize("path", [view.path for view in PAGES])
def test_a_collection_that_cannot_be_opened_is_no_traceback(opened, tmp_path, path):
    (tmp_path / "file").write_text("no folder")
    opened(tmp_path / "file")

    app = page(path)

    assert "cannot be made" in app.error[0].value
    assert len(app.error) == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_library_lists_and_opens_documents(collection, language):
    app = page("views/library.py", language)

    table = app.dataframe[0].value
    assert list(table[say(language)(labels.COLUMN_TITLE)]) == ["Harbour rules", "港口须知"]

    chooser = app.selectbox(key=state.Key.OPENED)
    chooser.set_value(state.rag().documents()[1].id).run()

    assert "引航员" in shown(app)
    assert not app.exception


def test_documents_of_one_title_and_file_name_are_opened_apart(collection, tmp_path):
    for folder, fact in (
        ("north", "Ferries leave at nine."),
        ("south", "Tugs lie idle in winter."),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "log.md").write_text(f"# Log\n\n{fact}\n", encoding="utf-8")
    app = page("views/add_files.py")
    app.text_input(key=state.Key.FOLDER).set_value(str(tmp_path / "*" / "log.md")).run()
    clicked(app, labels.ADD_FOLDER)
    app.switch_page("views/library.py").run()

    for info in state.rag().documents()[-2:]:
        app.selectbox(key=state.Key.OPENED).set_value(info.id).run()
        assert state.rag().document(info.id).text in shown(app)


def test_the_filter_keeps_the_documents_that_hold_every_word(collection):
    app = page("views/library.py")

    app.text_input(key=state.Key.FILTER).set_value("ｈarbour RULES").run()
    assert len(app.dataframe[0].value) == 1

    app.text_input(key=state.Key.FILTER).set_value("nothing like it").run()
    assert app.info[0].value == labels.NO_MATCH.en


def test_a_document_is_removed_only_after_a_confirmation(collection):
    app = page("views/library.py")
    first = state.rag().documents()[0].id
    app.selectbox(key=state.Key.OPENED).set_value(first).run()

    clicked(app, labels.REMOVE)
    assert app.warning[0].value == labels.REMOVE_QUESTION.en
    clicked(app, labels.REMOVE_NO)
    assert len(state.rag().documents()) == 2

    clicked(app, labels.REMOVE)
    clicked(app, labels.REMOVE_YES)

    assert [info.title for info in state.rag().documents()] == ["港口须知"]
    assert labels.REMOVED.en in app.success[0].value.replace("\\", "")
    assert not app.exception


def pdf_of(text):
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.multi_cell(0, 8, text)
    return bytes(pdf.output())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_uploads_are_ingested_and_accounted_for(collection, language):
    app = page("views/add_files.py", language)
    files = [
        ("tide.pdf", pdf_of("High water at the old mole comes at half past four."), "x/pdf"),
        ("../same.md", ENGLISH.encode(), "text/markdown"),
        ("broken.pdf", b"this is no PDF", "application/pdf"),
    ]

    app.file_uploader[0].set_value(files).run()
    clicked(app, labels.ADD_UPLOADS)

    cells = shown(app)
    assert not app.exception
    assert not app.error
    for label in (labels.ADDED, labels.DUPLICATE, labels.FAILED, labels.ERROR_CORRUPT):
        assert say(language)(label) in cells
    assert "tide.pdf" in cells
    assert str(collection) not in cells
    assert sorted(path.name for path in collection.glob("uploads/*/*")) == [
        "broken.pdf",
        "same.md",
        "tide.pdf",
    ]


def test_removing_an_uploaded_document_deletes_its_copy_alone(collection, harbour):
    app = page("views/add_files.py")
    app.file_uploader[0].set_value([("tide.txt", b"High water comes at four.", "x")]).run()
    clicked(app, labels.ADD_UPLOADS)
    uploaded = state.rag().documents()[-1].id

    app.switch_page("views/library.py").run()
    app.selectbox(key=state.Key.OPENED).set_value(uploaded).run()
    clicked(app, labels.REMOVE)
    clicked(app, labels.REMOVE_YES)

    assert not list(collection.glob("uploads/*/*"))
    assert (harbour / "harbour.md").exists()


def removed(app, document_id):
    app.selectbox(key=state.Key.OPENED).set_value(document_id).run()
    clicked(app, labels.REMOVE)
    return clicked(app, labels.REMOVE_YES)


def test_removing_the_last_document_of_an_uploaded_zip_deletes_the_zip(collection):
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("tide.txt", "High water comes at four.")
        archive.writestr("mole.txt", "The old mole was built by the fishermen.")
    app = page("views/add_files.py")
    app.file_uploader[0].set_value([("port.zip", packed.getvalue(), "application/zip")]).run()
    clicked(app, labels.ADD_UPLOADS)
    first, second = [info.id for info in state.rag().documents()][-2:]

    app.switch_page("views/library.py").run()
    removed(app, first)
    assert [path.name for path in collection.glob("uploads/*/*")] == ["port.zip"]
    removed(app, second)

    assert not app.exception
    assert not list(collection.glob("uploads/*"))


def test_a_folder_is_read_where_it_lies(collection, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "ferry.txt").write_text("The ferry leaves the north quay at noon.")
    app = page("views/add_files.py")

    app.text_input(key=state.Key.FOLDER).set_value(str(folder)).run()
    clicked(app, labels.ADD_FOLDER)

    assert "ferry.txt" in shown(app)
    assert not (collection / "uploads").exists()


@pytest.mark.parametrize("typed", ["/no/such :red[folder] $x$", "~nobody-at-all/x", "a" * 5000])
def test_a_folder_that_is_not_there_is_one_sentence(collection, typed):
    app = page("views/add_files.py")

    app.text_input(key=state.Key.FOLDER).set_value(typed).run()
    clicked(app, labels.ADD_FOLDER)

    assert not app.exception
    assert len(app.error) == 1
    assert ":red[" not in app.error[0].value


def test_no_folder_typed_is_said(collection):
    app = clicked(page("views/add_files.py"), labels.ADD_FOLDER)

    assert app.warning[0].value == labels.FOLDER_MISSING.en
