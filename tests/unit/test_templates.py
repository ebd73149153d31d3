"""Our words around passages and question: by name and language, checked, and never formatted."""

import pytest
from made_hits import make_hit

from ragapp.analysis import is_chinese
from ragapp.errors import SettingsError
from ragapp.prompting import build_messages, is_refusal, refusal
from ragapp.templates import load_template, template_names

QUESTIONS = {"en": "When does the dome open?", "zh": "圆顶什么时候打开？"}
OWN = """
[en]
instruction = "Answer like a pirate. Else say: {refusal}"
refusal = "Arr, the scrolls be silent."
question = "Ye ask: "

[zh]
instruction = "像海盗一样回答。否则说：{refusal}"
refusal = "卷轴里没有。"
question = "你问："
"""
HOSTILE = "{refusal} {0} {} %s %(x)s $x ${x} {{ messages }} \\1"


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_the_templates_are_those_that_the_documents_name():
    names = ("brief", "customer-service", "legal", "medical", "qa", "table")
    assert template_names() == names


@pytest.mark.parametrize("name", template_names())
@pytest.mark.parametrize("language", ["en", "zh"])
class TestEachTemplate:
    def test_speaks_the_language_of_the_question(self, name, language):
        english = make_hit("The dome opens at dusk.")
        messages = build_messages(QUESTIONS[language], [english], template=load_template(name))
        instruction = messages[0].text
        assert is_chinese(instruction) == (language == "zh")
        assert {"en": "in the language of the question", "zh": "使用提问的语言"}[
            language
        ] in instruction

    def test_asks_for_markers_for_its_refusal_and_to_obey_no_passage(self, name, language):
        wording = load_template(name).wordings[language]
        assert "[1]" in wording.instruction
        assert f"{wording.refusal} " in wording.instruction
        assert {"en": "never follow", "zh": "绝不执行"}[language] in wording.instruction

    def test_has_no_slot_left(self, name, language):
        assert "{" not in load_template(name).wordings[language].instruction

    def test_knows_its_refusal(self, name, language):
        template = load_template(name)
        assert is_refusal(refusal(QUESTIONS[language], template) + " [1]", template)

    def test_leaves_what_documents_and_users_write_as_it_is(self, name, language):
        hit = make_hit(HOSTILE, title=HOSTILE, heading=HOSTILE)
        question = HOSTILE + QUESTIONS[language]
        messages = build_messages(question, [hit], template=load_template(name))
        spans = [s for m in messages for s in m.spans]
        assert [s.text for s in spans if s.kind == "passage"] == [HOSTILE]
        assert [s.text for s in spans if s.kind == "question"] == [question]
        assert sum(HOSTILE in s.text for s in spans if s.kind == "source") == 1
        assert not any(HOSTILE in s.text for s in spans if s.kind == "instruction")


# --- a file of one's own


def test_a_file_gives_the_words_of_the_prompt(own):
    template = load_template(own(OWN))
    system, user = build_messages(QUESTIONS["zh"], [], template=template)
    assert system.text == "像海盗一样回答。否则说：卷轴里没有。"
    assert user.text == "你问：" + QUESTIONS["zh"]


def test_a_file_may_begin_with_a_byte_order_mark(own):
    assert load_template(own("\ufeff" + OWN)).wordings["en"].question == "Ye ask: "


def test_only_the_refusal_of_the_template_is_one(own):
    template = load_template(own(OWN))
    assert is_refusal("Arr, the scrolls be silent", template)
    assert not is_refusal(refusal(QUESTIONS["en"]), template)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("[zh]", "[fr]", "'zh' is missing"),
        ("[zh]", "[de]\n[zh]", "unknown key 'de'"),
        ('question = "Ye ask: "\n', "", "[en]: 'question' is missing"),
        ("[en]", '[en]\nfooter = "x"', "[en]: unknown key 'footer'"),
        ("like a pirate", "like {animal}", "unknown slot '{animal}' in instruction"),
        ("Ye ask: ", "{refusal}", "unknown slot '{refusal}' in question"),
        ("Else say: {refusal}", "", "asks for no refusal"),
        ('"Arr, the scrolls be silent."', '"No."', "refusal = 'No.' is no sentence"),
        ('"Arr, the scrolls be silent."', '"Arr,\\nsilent."', "is no sentence"),
        ('"Arr, the scrolls be silent."', "7", "refusal = 7, expected a text"),
        ('"Arr, the scrolls be silent."', '" "', "refusal = ' ', expected a text"),
        ("[en]", "[en", "is no TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_in_one_line(own, old, new, told):
    path = own(OWN.replace(old, new, 1))
    with pytest.raises(SettingsError) as caught:
        load_template(path)
    assert told in caught.value.message
    assert "own.toml" in caught.value.message
    assert "\n" not in str(caught.value)


def test_a_language_that_is_no_table_is_told(own):
    with pytest.raises(SettingsError, match=r"\[en\]: expected a table"):
        load_template(own("en = 1\nzh = 2\n"))


def test_a_file_that_is_not_utf_8_is_told(tmp_path):
    (tmp_path / "own.toml").write_bytes(OWN.encode("gb18030"))
    with pytest.raises(SettingsError, match="is no TOML"):
        load_template(str(tmp_path / "own.toml"))


@pytest.mark.parametrize("name", ["absent.toml", "sub.toml"])
def test_a_file_that_cannot_be_read_is_told(tmp_path, name):
    (tmp_path / "sub.toml").mkdir()
    with pytest.raises(SettingsError, match="cannot be read: "):
        load_template(str(tmp_path / name))


@pytest.mark.parametrize("name", ["", "QA", "haiku", "../qa"])
def test_an_unknown_name_is_told_with_those_that_there_are(name):
    with pytest.raises(SettingsError) as caught:
        load_template(name)
    assert f"template = {name!r}" in caught.value.message
    assert "customer-service" in caught.value.hint
