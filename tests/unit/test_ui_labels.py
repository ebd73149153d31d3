"""The page's texts in both languages."""

from string import Formatter

import pytest

from ui import health_labels, labels, reason_labels, search_labels
from ui.labels import ERRORS, LANGUAGE_NAMES, Label, say_in
from ui.pages import PAGES

LABELS = {
    name: value
    for module in (labels, health_labels, reason_labels, search_labels)
    for name, value in vars(module).items()
    if isinstance(value, Label)
}


def fields(text):
    return sorted((name, spec) for _, name, spec, _ in Formatter().parse(text) if name)


@pytest.mark.parametrize("name", LABELS)
def test_every_label_has_a_text_in_each_language(name):
    assert set(LABELS[name]._fields) == set(LANGUAGE_NAMES)
    assert all(text.strip() for text in LABELS[name])


@pytest.mark.parametrize("name", LABELS)
def test_a_label_takes_the_same_numbers_in_each_language(name):
    assert fields(LABELS[name].en) == fields(LABELS[name].zh)


@pytest.mark.parametrize("name", LABELS)
def test_chinese_labels_are_chinese_and_english_ones_are_not(name):
    def is_chinese(text):
        return any("\u4e00" <= character <= "\u9fff" for character in text)

    assert is_chinese(LABELS[name].zh)
    assert not is_chinese(LABELS[name].en)


def test_no_label_is_left_out_of_the_tables_that_use_labels():
    assert all(label in LABELS.values() for label in ERRORS.values())
    assert all(page.title in LABELS.values() for page in PAGES)


def test_say_puts_numbers_in_their_places():
    assert say_in("en")(labels.PAGE, n=3) == "p. 3"
    assert say_in("zh")(labels.PAGE, n=3) == "第 3 页"
