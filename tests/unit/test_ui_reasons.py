"""Why an answer came out as it did, on the page."""

import json

import pytest
from page_driver import page, say, shown

from ui import reason_labels
from ui.keys import Key

QUESTION = {"en": "When does the harbour office open?", "zh": "港务处几点开门？"}


def asked(language="en", question=""):
    app = page(language=language)
    return app.chat_input[0].set_value(question or QUESTION[language]).run()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_answer_tells_how_it_came_about(collection, language):
    app = asked(language)

    assert not app.exception
    assert say(language)(reason_labels.WHY) in [found.label for found in app.expander]
    assert json.loads(app.code[0].value)["searched"] == QUESTION[language]
    for name in reason_labels.STAGE_NAMES.values():
        assert say(language)(name) in shown(app)


def test_a_stored_conversation_opened_again_has_no_reasons_and_no_error(collection):
    asked()
    app = page()
    app.button(key=f"{Key.STORED}-{QUESTION['en']}").click().run()

    assert not app.exception
    assert not app.code
