"""Stored conversations on the page: listed, opened again, renamed, deleted, saved."""

import json

import pytest
from page_driver import APP, TIMEOUT_S, button, clicked, page, shown
from streamlit.testing.v1 import AppTest

from ragapp.transcripts import ConversationInfo
from ui import labels, state, talks
from ui.state import Key

QUESTION = "When does the harbour office open?"
QUOTE = "opens at seven in the morning"


@pytest.fixture
def asked(collection):
    app = page()
    app.chat_input[0].set_value(QUESTION).run()
    return app


def stored():
    return [info.name for info in state.rag().conversations.list()]


def opened_at(**parameters):
    app = AppTest.from_file(APP, default_timeout=TIMEOUT_S)
    app.context = {"locale": "en-GB"}
    for name, value in parameters.items():
        app.query_params[name] = value
    return app.run()


def test_a_conversation_is_stored_under_its_first_question(asked):
    asked.chat_input[0].set_value("Which boats need a pilot?").run()

    assert stored() == [QUESTION]
    assert len(state.rag().conversations.get(QUESTION).turns) == 2


def test_a_second_conversation_with_the_same_question_has_a_name_of_its_own(asked):
    clicked(asked, labels.NEW_CONVERSATION)
    asked.chat_input[0].set_value(QUESTION).run()

    assert stored() == [QUESTION, f"{QUESTION} (2)"]


def test_another_visit_opens_a_stored_conversation_with_its_passages(asked):
    app = page()
    app.button(key=f"{Key.STORED}-{QUESTION}").click().run()

    assert len(app.chat_message) == 2
    assert QUOTE in shown(app).split('<mark id="quote-1-1-1">')[1].split("</mark>")[0]


def test_the_address_opens_the_conversation_after_a_reload(asked):
    assert asked.query_params["conversation"] in (QUESTION, [QUESTION])

    app = opened_at(conversation=QUESTION)

    assert len(app.chat_message) == 2
    assert not app.exception


def test_an_address_with_an_unknown_conversation_is_one_sentence(collection):
    app = opened_at(conversation="nothing")

    assert not app.exception
    assert "There is no conversation" in app.error[0].value


def test_a_conversation_is_renamed_and_goes_on_under_the_new_name(asked):
    asked.text_input(key=f"{Key.NEW_NAME}-{QUESTION}").set_value("Harbour").run()
    clicked(asked, labels.RENAME_DO)
    asked.chat_input[0].set_value("Which boats need a pilot?").run()

    assert stored() == ["Harbour"]
    assert len(state.rag().conversations.get("Harbour").turns) == 2


def test_a_name_that_is_taken_is_one_sentence_and_changes_nothing(asked):
    clicked(asked, labels.NEW_CONVERSATION)
    asked.chat_input[0].set_value("Which boats need a pilot?").run()
    asked.text_input(key=f"{Key.NEW_NAME}-Which boats need a pilot?").set_value(QUESTION).run()

    clicked(asked, labels.RENAME_DO)

    assert "already" in asked.error[0].value
    assert stored() == [QUESTION, "Which boats need a pilot?"]


def test_deleting_needs_a_second_thought(asked):
    assert button(asked, labels.DELETE_CONVERSATION).disabled

    asked.checkbox(key=f"{Key.DELETE_SURE}-{QUESTION}").check().run()
    clicked(asked, labels.DELETE_CONVERSATION)

    assert stored() == []
    assert len(asked.chat_message) == 0


def test_a_conversation_is_saved_with_its_sources(asked):
    found = state.rag().conversations.get(QUESTION)

    assert len(asked.get("download_button")) == 2
    assert json.loads(talks.as_json(found))["turns"][0]["citations"][0]["quote"]


def test_names_are_shown_as_they_are_and_do_nothing(collection):
    hostile = "**bold** [x](http://evil.example) :smile: <b>$a$</b>"
    app = page()
    app.chat_input[0].set_value(hostile).run()

    label = app.button(key=f"{Key.STORED}-{hostile}").label

    assert "**" not in label
    assert "](http" not in label


def test_a_long_question_gives_a_short_name_of_one_line():
    name = talks.new_name("word \n" * 100, set())

    assert len(name) <= 60
    assert name.isprintable()


def test_conversations_are_listed_by_their_last_question():
    def info(name, asked_at):
        return ConversationInfo(name, "2026-01-01T00:00:00+00:00", asked_at, 1)

    found = [info("old", "2026-01-02"), info("new", "2026-01-04"), info("empty", "")]

    assert [one.name for one in talks.latest_first(found)] == ["new", "old", "empty"]
