"""Answers rated on the page, in both languages."""

from __future__ import annotations

import pytest
from page_driver import clicked, page

from ragapp import open_rag
from ui import labels
from ui.keys import Key

QUESTIONS = {"en": "When does the harbour office open?", "zh": "港务处几点开门？"}


def asked(language="en"):
    app = page(language=language)
    return app.chat_input(key=Key.QUESTION).set_value(QUESTIONS[language]).run()


def ratings(collection):
    with open_rag(collection) as rag:
        return [(rated.question, rated.rating, rated.comment) for rated in rag.ratings.list()]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_click_stores_the_rating_in_the_collection(collection, language):
    app = clicked(asked(language), labels.HELPFUL)

    assert not app.exception
    assert ratings(collection) == [(QUESTIONS[language], "up", "")]


def test_another_click_takes_the_place_of_the_first(collection):
    app = clicked(asked(), labels.HELPFUL)
    clicked(app, labels.NOT_HELPFUL)

    assert ratings(collection) == [(QUESTIONS["en"], "down", "")]


def test_a_comment_is_stored_with_the_rating(collection):
    app = clicked(asked(), labels.NOT_HELPFUL)

    field = next(field for field in app.text_input if field.label == labels.COMMENT.en)
    app = field.set_value("It opens at eight").run()

    assert not app.exception
    assert ratings(collection) == [(QUESTIONS["en"], "down", "It opens at eight")]


def test_no_comment_is_asked_for_before_a_rating(collection):
    assert labels.COMMENT.en not in [field.label for field in asked().text_input]
