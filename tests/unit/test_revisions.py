from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.revisions import MAX_DIFFERENCES, compare

FILLER = (
    "The dome closes when the wind is strong, and the night assistant writes down the time. "
    "Before it opens again, the mirror is inspected for dew and the log is signed by two people. "
    "Whoever is on duty calls the valley station, reads the list aloud and waits for an answer. "
)
FILLER_ZH = (
    "风速过高时圆顶自动关闭，值班员在日志中记录时间。重新打开之前，必须检查镜面是否结露，"
    "并由值班员签字确认。值班期间应与山下的观测站保持联系，逐项朗读清单，等待对方答复后方可继续操作。"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The limit is 30 knots.", "The limit is 35 knots."),
        ("The limit is 3.5 bar.", "The limit is 35 bar."),
        ("The limit is -5 degrees.", "The limit is 5 degrees."),
        ("It costs 1,000 crowns.", "It costs 10,000 crowns."),
        ("Call three people.", "Call four people."),
        ("风速上限为每秒15米。", "风速上限为每秒18米。"),
        ("本手册为第三版。", "本手册为第四版。"),
        ("违者罚款三千元。", "违者罚款五千元。"),
        ("需要两个人操作。", "需要三个人操作。"),
    ],
)
def test_other_numbers_make_a_revision(old: str, new: str) -> None:
    assert _between(old, new).reasons == ("number",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Valid from 2025-05-01.", "Valid from 2026-05-01."),
        ("Valid from May 1, 2025.", "Valid from June 1, 2025."),
        ("自2025年5月1日起施行。", "自2026年5月1日起施行。"),
        ("自二〇二五年五月一日起施行。", "自二〇二五年六月一日起施行。"),
    ],
)
def test_other_dates_make_a_revision(old: str, new: str) -> None:
    assert _between(old, new).reasons == ("date",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Visitors may enter the dome.", "Visitors may not enter the dome."),
        ("The valve is safe to open.", "The valve isn't safe to open."),
        ("访客可以进入圆顶。", "访客不可以进入圆顶。"),
        ("设备已经检修。", "设备未检修。"),
        ("需要许可证。", "无需许可证。"),
        ("这属于正常现象。", "这非正常现象。"),
    ],
)
def test_a_negation_makes_a_revision(old: str, new: str) -> None:
    assert _between(old, new).reasons == ("negation",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The key is kept by Anna Berg.", "The key is kept by Omar Haddad."),
        ("Use the Tern camera. Cool the Tern.", "Use the Heron camera. Cool the Heron."),
        ("苏州站负责维护。请致电苏州站。", "青岛站负责维护。请致电青岛站。"),
    ],
)
def test_another_name_makes_a_revision(old: str, new: str) -> None:
    assert _between(old, new).reasons == ("entity",)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("The limit is 1,000 knots.", "The limit is 1000 knots."),
        ("Call three people.", "Call 3 people."),
        ("Valid from May 1, 2025.", "Valid from 1 May 2025."),
        ("Valid from 2025-05-01.", "Valid from 2025/5/1."),
        ("自二〇二五年五月一日起施行。", "自2025年5月1日起施行。"),
        ("Please do not enter.", "Please don't enter."),
        ("The valve is old.", "The valve is rather old."),
        ("效果良好。", "效果非常良好。"),
        ("检查设备。", "检查一下设备。"),
    ],
)
def test_other_wording_of_the_same_facts_is_near(old: str, new: str) -> None:
    assert _between(old, new).kind == "near"


def test_facts_that_change_places_make_a_revision() -> None:
    assert _between("A gets 10, B gets 20.", "A gets 20, B gets 10.").reasons == ("number",)


def test_layout_is_no_difference() -> None:
    comparison = compare(FILLER, FILLER.upper().replace(". ", ".\n\n"))

    assert (comparison.kind, comparison.jaccard, comparison.differences) == ("near", 1.0, ())


def test_moved_sentences_are_no_difference() -> None:
    first, second = "Pump 4 is red.", "Pump 5 is blue."

    assert compare(f"{first} {second} {FILLER}", f"{second} {first} {FILLER}").differences == ()


def test_unrelated_texts_are_different() -> None:
    comparison = compare(FILLER, FILLER_ZH)

    assert (comparison.kind, comparison.reasons, comparison.differences) == ("different", (), ())


def test_the_differences_are_the_sentences_of_one_text_only() -> None:
    comparison = _between("The limit is 30 knots.", "The limit is 35 knots.")

    assert comparison.differences == ("- The limit is 30 knots.", "+ The limit is 35 knots.")


def test_the_differences_of_chinese_texts_are_sentences() -> None:
    comparison = _between("本手册为第三版。", "本手册为第四版。")

    assert comparison.differences == ("- 本手册为第三版。", "+ 本手册为第四版。")


def test_a_long_list_of_differences_is_cut() -> None:
    old = "".join(f"{FILLER}Valve {n} is open now, check it.\n" for n in range(99))

    assert len(compare(old, old.replace("open", "shut")).differences) == MAX_DIFFERENCES


@given(st.text(), st.text())
def test_comparison_is_symmetric_in_its_verdict(a: str, b: str) -> None:
    first, second = compare(a, b), compare(b, a)

    assert (first.kind, first.reasons) == (second.kind, second.reasons)


@given(st.lists(st.sampled_from("第三十万亿年月日不是否非常 1,-.%\nAbMay2026中中"), min_size=20))
def test_a_text_never_differs_from_itself(characters: list[str]) -> None:
    text = FILLER + "".join(characters)

    assert compare(text, text).kind == "near"


@pytest.mark.parametrize(
    "unit", ["1,", "-1", "不", "亿", ".\n", "jan 1 ", "2020-1-", "A b ", "2020年", "Aa", " ", "a"]
)
def test_hostile_text_is_compared_to_the_end(unit: str) -> None:
    text = unit * (100_000 // len(unit))
    compare(text + "x y", text + "y z")


def _between(old: str, new: str):
    filler = FILLER if old.isascii() else FILLER_ZH
    return compare(filler + old, filler + new)
