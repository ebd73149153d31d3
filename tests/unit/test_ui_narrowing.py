"""Filters on the page: what they mean, what they are called, and that answers keep to them."""

from datetime import date

import pytest
from page_driver import clicked, page, say, shown

from ragapp import parse_filter
from ui import labels, state
from ui.narrowing import Narrowing, language_choices

EN, ZH = say("en"), say("zh")
DAY = date(2025, 3, 9)
NARROWINGS = {
    'source ~ "reports/*"': Narrowing(source="  reports/* "),
    'lang = "zh"': Narrowing(languages=("zh",)),
    "lang in (en, zh)": Narrowing(languages=("en", "zh")),
    "format = pdf": Narrowing(formats=("pdf",)),
    "date >= 2025-03-09": Narrowing(since=DAY),
    "date <= 2025-03-09": Narrowing(until=DAY),
    "((source ~ a.md and lang = en) and format = pdf) and (date >= 2025-03-09 and date <= 2025-03-09)": (
        Narrowing("a.md", ("en",), ("pdf",), DAY, DAY)
    ),
}
QUESTIONS = {"en": "When does the harbour office open?", "zh": "港务处几点开门？"}


@pytest.mark.parametrize("text", NARROWINGS)
def test_choices_mean_the_filter(text):
    assert NARROWINGS[text].where() == parse_filter(text)


@pytest.mark.parametrize("source", ["", "  "])
def test_no_choice_is_no_filter_and_no_words(source):
    assert Narrowing(source=source).where() is None
    assert Narrowing(source=source).told(EN) == []


def test_choices_are_told_in_the_visitors_language():
    narrowing = Narrowing("a.md", ("zh",), ("pdf",), since=DAY)

    assert narrowing.told(EN) == ["Searched only", "a.md", "Chinese", "pdf", "from 2025-03-09"]
    assert narrowing.told(ZH) == ["检索范围", "a.md", "中文", "pdf", "从 2025-03-09 起"]


@pytest.mark.parametrize(
    ("codes", "choices"),
    [
        (["en"], ["en"]),
        (["zh-Hans", "en"], ["zh-Hans", "en"]),
        (["zh-Hans", "zh-Hant"], ["zh", "zh-Hans", "zh-Hant"]),
        (["zh", "zh-Hant"], ["zh", "zh-Hant"]),
    ],
)
def test_chinese_of_any_script_is_a_choice_where_there_are_several(codes, choices):
    assert language_choices(codes) == choices


def chosen(app, **values):
    kinds = {
        "only_source": app.text_input,
        "only_since": app.date_input,
        "only_until": app.date_input,
    }
    for key, value in values.items():
        kinds.get(key, app.multiselect)(key=key).set_value(value)
    return app.run()


def asked(app, question):
    app.chat_input[0].set_value(question).run()
    assert not app.exception
    return shown(app)


def test_the_fields_offer_what_the_collection_holds(collection):
    app = page()

    assert app.multiselect(key=state.Key.ONLY_LANGUAGES).options == [
        "English",
        "Chinese (simplified)",
    ]
    assert app.multiselect(key=state.Key.ONLY_FORMATS).options == ["markdown"]


@pytest.mark.parametrize(("language", "other"), [("en", "zh-Hans"), ("zh", "en")])
def test_an_answer_keeps_to_the_chosen_language(collection, language, other):
    app = page(language=language)

    assert "ragapp-refusal" not in asked(app, QUESTIONS[language])
    chosen(app, only_languages=[other])
    shown_now = asked(app, QUESTIONS[language])

    turns = state_of(app)
    assert {hit.language for hit in turns[1].answer.hits} <= {other}
    assert any(hit.language.startswith(language) for hit in turns[0].answer.hits)
    assert say(language)(labels.ONLY) in shown_now


def state_of(app):
    return app.session_state[state.Key.CONVERSATION]


def test_an_answer_keeps_to_the_chosen_source_and_type(collection):
    app = chosen(page(), only_source="harbour.*", only_formats=["markdown"])

    asked(app, QUESTIONS["en"])

    (turn,) = state_of(app)
    assert {hit.title for hit in turn.answer.hits} == {"Harbour rules"}
    assert turn.answer.citations


@pytest.mark.parametrize("language", ["en", "zh"])
def test_where_nothing_passes_the_page_says_so(collection, language):
    app = chosen(page(language=language), only_until=date(1990, 1, 1))

    asked(app, QUESTIONS[language])

    assert app.info[0].value == say(language)(labels.NOTHING_PASSES)


def test_days_the_wrong_way_round_are_told(collection):
    app = chosen(page(), only_since=date(2025, 2, 1), only_until=date(2025, 1, 1))

    assert app.warning[0].value == labels.DATES_CROSSED.en


def test_a_pattern_that_cannot_be_evaluated_is_one_sentence(collection):
    app = chosen(page(), only_source="*" * 11)

    asked(app, QUESTIONS["en"])

    assert "wildcards" in app.error[0].value
    assert len(app.error) == 1


def test_clearing_the_filters_searches_everything_again(collection):
    app = chosen(page(), only_source="none.md", only_languages=["en"], only_since=date(2025, 1, 1))

    clicked(app, labels.CLEAR_FILTERS)

    assert state_of_narrowing(app) == Narrowing()
    assert labels.ONLY.en not in shown(app)


def state_of_narrowing(app):
    keys = ("only_source", "only_languages", "only_formats", "only_since", "only_until")
    source, languages, formats, since, until = (app.session_state[key] for key in keys)
    return Narrowing(source, tuple(languages), tuple(formats), since, until)


def test_filters_outlive_a_look_at_another_page(collection):
    app = chosen(page(), only_source="harbour.md", only_languages=["en"])

    app.switch_page("views/library.py").run()
    app.switch_page("views/ask.py").run()

    assert app.text_input(key=state.Key.ONLY_SOURCE).value == "harbour.md"
    assert app.multiselect(key=state.Key.ONLY_LANGUAGES).value == ["en"]


def test_a_language_that_is_gone_is_no_choice_any_more(collection):
    app = chosen(page(), only_languages=["en", "zh-Hans"])
    chinese = next(info for info in state.rag().documents() if info.language != "en")
    state.rag().remove(chinese.id)

    app.run()

    assert not app.exception
    assert app.multiselect(key=state.Key.ONLY_LANGUAGES).value == ["en"]
