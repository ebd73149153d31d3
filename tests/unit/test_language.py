"""Languages are told by script and words; what does not tell is left undecided, not guessed."""

from __future__ import annotations

import random
import re
import string
import tempfile
from pathlib import Path

import pytest

from ingest.alphabets import _loaded
from ingest.language import detect_language, detect_script

HANS = [
    "圆顶在风速超过每秒二十米时关闭。",
    "他们从来没有见过这么大的雪。",
    "皇后大道的后面有一座图书馆。",
    "电脑软件的更新说明",
    "关于公司员工请假的规定",
    "简体中文的说明书 with English",
]
HANT = [
    "圓頂在風速超過每秒二十米時關閉。",
    "他們從來沒有見過這麼大的雪。",
    "皇后大道的後面有一座圖書館。",
    "電腦軟體的更新說明",
    "關於公司員工請假的規定",
    "台北的天氣與香港不同,我們應該帶雨傘。",
]


@pytest.mark.parametrize("text", HANS)
def test_simplified_text_is_told(text):
    assert detect_script(text) == "zh-Hans"


@pytest.mark.parametrize("text", HANT)
def test_traditional_text_is_told(text):
    assert detect_script(text) == "zh-Hant"


@pytest.mark.parametrize(
    "text", ["", "人口", "中文", "山高水深", "皇后在里面", "English only", "12345", "國国"]
)
def test_text_without_characteristic_characters_is_undecided(text):
    assert detect_script(text) == "zh"


def test_a_quotation_does_not_change_the_script():
    assert detect_script("门口的牌子上写着“歡迎”两个字，这是传统写法。") == "zh-Hans"


@pytest.mark.parametrize(
    ("text", "language"), [(t, "zh-Hans") for t in HANS] + [(t, "zh-Hant") for t in HANT]
)
def test_the_language_of_chinese_names_its_script(text, language):
    assert detect_language(text) == language


@pytest.mark.parametrize("text", ["人口", "山高水深", "皇后在里面"])
def test_chinese_of_both_scripts_is_chinese(text):
    assert detect_language(text) == "zh"


def test_a_long_text_is_judged_by_a_sample():
    assert detect_script("圖書館開門了。" * 200_000) == "zh-Hant"


# alphabets: the samples are two paragraphs of each language

SAMPLES = [
    tuple(line.split("\t"))
    for line in (Path(__file__).parent / "language_samples.tsv").read_text("utf-8").splitlines()
]
SENTENCES = [
    (language, sentence)
    for language, text in SAMPLES
    for sentence in re.split(r"(?<=[.!?।])\s+|(?<=[。！？])(?=.)", text)
]


@pytest.mark.parametrize(("language", "text"), SAMPLES)
def test_the_language_of_a_paragraph_is_told(language, text):
    assert detect_language(text) == language


def test_nearly_every_sentence_is_told_and_hardly_one_wrongly():
    told = [(language, detect_language(sentence)) for language, sentence in SENTENCES]
    families = [(wanted.partition("-")[0], got.partition("-")[0]) for wanted, got in told]

    n_right = sum(wanted == got for wanted, got in families)
    n_wrong = sum(got not in (wanted, "und") for wanted, got in families)
    assert n_right >= 0.97 * len(SENTENCES)
    assert n_wrong <= 0.01 * len(SENTENCES)


@pytest.mark.parametrize("seed", range(20))
def test_letters_at_random_are_in_no_language(seed):
    draw = random.Random(seed)
    words = ["".join(draw.choices(string.ascii_letters, k=8)) for _ in range(12)]
    assert detect_language(" ".join(words)) == "und"


@pytest.mark.parametrize(
    "text",
    ["", " ", "12 34 %", "E = mc² → ∞", "3.14 | 2.72 | 1.41\n0.5 | 0.25 | 0.1", "\ud800\udfff"],
)
def test_text_without_words_is_in_no_language(text):
    assert detect_language(text) == "und"


def test_quoted_words_of_another_language_do_not_count_for_more_than_the_text():
    text = "使用 Python 编写的程序 print the list of all names 可以直接运行，结果会显示在屏幕上。"
    assert detect_language(text) == "zh-Hans"


def test_a_model_that_cannot_be_unpacked_leaves_the_language_open(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    _loaded.cache_clear()

    language = detect_language(SAMPLES[2][1])

    assert language == "und"
    assert "cannot be told apart" in caplog.text
