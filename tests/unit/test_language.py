"""Simplified Chinese is told from traditional, and a text that is neither is left undecided."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("text", HANS + HANT)
def test_the_language_is_chinese_in_either_script(text):
    assert detect_language(text) == "zh"


def test_a_long_text_is_judged_by_a_sample():
    assert detect_script("圖書館開門了。" * 200_000) == "zh-Hant"
