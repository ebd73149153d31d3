"""Garbled and repetitive texts are told; tables, code, lists, logs and poems are neither."""

from __future__ import annotations

import time

import pytest

from ingest.junk import MAX_CHARACTERS, measure_junk

ENGLISH = (
    "The dome of the observatory is closed as soon as the wind exceeds twenty metres per second. "
    "Every closing is written down in the log, with its reason and the name of the observer. "
)
CHINESE = (
    "我们是中国人，今天的天气很好，所以大家一起去公园里散步，然后在图书馆里看书。"
    "观测站的圆顶在风速超过每秒二十米时必须关闭，每次关闭都要写入日志。"
)
FRENCH = "Déjà vu à l’école, où l’été fut très chaud – « oui ». Größe, Maß, Übergröße, façade. "


def misread(text, wrong, right="utf-8"):
    return text.encode(right).decode(wrong, "replace")


@pytest.mark.parametrize(
    "text",
    [
        misread(CHINESE, "gbk"),
        misread(CHINESE, "big5"),
        misread(CHINESE, "latin-1"),
        misread(CHINESE, "cp1252"),
        misread(CHINESE, "latin-1", right="gbk"),
        misread(CHINESE, "cp1252", right="gbk"),
        misread(CHINESE, "utf-8", right="gbk"),
        misread("圓頂在風速超過每秒二十米時必須關閉", "latin-1", right="big5"),
        misread(FRENCH, "latin-1"),
        misread(FRENCH, "cp1252"),
        misread(FRENCH, "utf-8", right="cp1252"),
        "锟斤拷锟斤拷锟斤拷 烫烫烫烫烫烫",
        "(cid:12)(cid:34)(cid:5)(cid:66) (cid:7)",
        "\ue001\ue002\ue003\ue004\ue005\ue006\ue007\ue008\ue009",
        "\ufffd" * 20,
        CHINESE + misread(CHINESE, "gbk"),
    ],
)
def test_garbled_text_is_told(text):
    assert measure_junk(text).kinds == ("garbled",)


@pytest.mark.parametrize(
    "text",
    [
        "Click here to read more about our offers!\n" * 60,
        "点击这里查看更多优惠信息，立即注册领取红包\n" * 60,
        "buy cheap pills online now " * 100,
        "哈哈" * 500,
        "a" * 3_000,
        ENGLISH + "Sign in to continue reading this article. " * 100,
    ],
)
def test_repetition_is_told(text):
    assert measure_junk(text).kinds == ("repetition",)


TABLE = "\n".join(f"| {i} | sensor {i % 7} | {i * 37 % 101}.{i % 10} | ok |" for i in range(200))
TABLE_ZH = "\n".join(
    f"{i} | 第{i % 7}号传感器 | {i * 37 % 101}.{i % 10} | 正常" for i in range(200)
)
ROWS = "\n".join(
    f"姓名: 张{'伟芳娜敏静'[i % 5]}{i}; 年龄: {20 + i % 40}; 城市: {'北京 上海 广州'.split()[i % 3]}"
    for i in range(200)
)
CODE = "\n".join(
    f"def test_case_{i}(client):\n    response = client.get('/items/{i}')\n"
    f"    assert response.status_code == {200 + i % 5}\n"
    for i in range(60)
)
LOG = "\n".join(
    f"2024-01-{1 + i % 28:02d} {i % 24:02d}:{i % 60:02d}:07 INFO worker-{i % 9} request {i * 7919} served in {i % 83} ms"
    for i in range(200)
)
CONTENTS = "\n".join(
    f"{i}.{i % 5} Chapter on {word} {'.' * 40} {i * 3}" for i, word in enumerate(ENGLISH.split())
)
POEM = (
    "Row, row, row your boat,\nGently down the stream,\nMerrily, merrily, merrily, merrily,\n"
    "Life is but a dream.\n\n" * 4
)
POEM_ZH = (
    "采采芣苢，薄言采之。采采芣苢，薄言有之。\n采采芣苢，薄言掇之。采采芣苢，薄言捋之。\n"
    "采采芣苢，薄言袺之。采采芣苢，薄言襭之。\n"
)
LIST_ZH = "\n".join(
    f"（{i}）第{i}条：当事人应当依照本办法第{i + 3}条的规定提交材料{i}份。" for i in range(60)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "A.",
        "好",
        ENGLISH,
        CHINESE,
        FRENCH,
        FRENCH * 4,
        TABLE,
        TABLE_ZH,
        ROWS,
        CODE,
        LOG,
        CONTENTS,
        POEM,
        POEM_ZH,
        LIST_ZH,
        "Ошибка при чтении файла. Это обычный русский текст без всяких ошибок.",
        "日本語のテキストです。カタカナとひらがなと漢字が混ざっています。",
        "한국어 텍스트입니다. 파일을 읽는 중에 오류가 발생했습니다.",
        "Η γλώσσα είναι ελληνική και το κείμενο είναι απλό.",
        "هذا نص عادي باللغة العربية وليس فيه أي خطأ.",
        "E = mc², ∑ᵢ xᵢ² ≤ ∫ f(x) dx, α→β, ∀ε>0 ∃δ: |x−y|<δ ⇒ |f(x)−f(y)|<ε",
        "Emoji are text: 😀🎉👩‍💻 and so are ① ② ③ and ™ ® ©.",
        "UTF-8 read as Latin-1 shows é as Ã©; in GBK a lost character shows as 锟斤拷.",
        r"print('\u4e2d\u6587', '\x41') # &#20013;&#25991; &amp;",
        "#include <stdio.h>\nint main(void) { return !(~0 ^ 0xFF) << 3; }",
        "ÀÉÎÕÜ are capital letters; ÆØÅ too.",
        "繁體中文的說明：圓頂在風速超過每秒二十米時必須關閉。" * 2,
        "DNA: ATGCGTACGTTAGCATCGATCGGATCTAGCTAGGATCGAACGTTAGC",
        "-----\n=====\n.....\n" * 50,
    ],
)
def test_real_text_is_no_junk(text):
    assert measure_junk(text).kinds == ()


@pytest.mark.parametrize(
    "unit", ["a", "中", "é", "Ã©", "\ufffd", "(cid:", "锟斤", "αб", "a\n", "\ue000", " "]
)
def test_the_measure_is_linear_on_hostile_text(unit):
    start = time.perf_counter()
    measure_junk((unit * MAX_CHARACTERS)[:MAX_CHARACTERS])

    assert time.perf_counter() - start < 3.0


def test_shares_lie_between_0_and_1():
    for text in (misread(CHINESE, "gbk") * 40, "\ufffd" * 3_000, "Ã©" * 4_000):
        junk = measure_junk(text)

        assert 0.0 <= junk.garbled_share <= 1.0
        assert 0.0 <= junk.repeated_share <= 1.0
