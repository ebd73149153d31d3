"""Policies flag, mask or keep out what they name, and never repeat it in a message."""

from __future__ import annotations

import os

import pytest

from ingest.pages import Block, Page
from ingest.policies import Policies, PolicySkip, apply
from ragapp.errors import ReadError, UsageError

ENGLISH = "Please write to li@example.com or call +1-212-555-0147 about the order that is due."
SIMPLIFIED = "请联系张先生，手机13800138000，身份证号11010519491231002X，谢谢关照。"
TRADITIONAL = "請聯繫張先生，手機13800138000，電郵 li@example.com，謝謝關照。"
PASSWORD = "password = 'hunter2!x'"


def page(*texts, number=1, **metadata):
    return Page(tuple(Block("paragraph", text) for text in texts), number, metadata)


def texts_of(filtered):
    return [block.text for page in filtered.pages for block in page.blocks]


def test_nothing_is_looked_for_by_default():
    pages = (page(ENGLISH, PASSWORD),)

    filtered = apply(pages, Policies())

    assert (filtered.pages, filtered.findings) == (pages, {})


def test_flagged_findings_are_counted_and_left():
    pages = (page(ENGLISH), page(SIMPLIFIED, number=2))

    filtered = apply(pages, Policies(personal_data="flag"))

    assert filtered.pages == pages
    assert filtered.findings == {"email": 1, "phone": 2, "resident_id": 1}


def test_masks_are_in_english_for_an_english_text():
    filtered = apply([page(ENGLISH)], Policies(personal_data="mask"))

    assert texts_of(filtered) == [
        "Please write to [EMAIL] or call [PHONE] about the order that is due."
    ]
    assert filtered.findings == {"email": 1, "phone": 1}


def test_masks_are_in_simplified_chinese_for_such_a_text():
    filtered = apply([page(SIMPLIFIED)], Policies(personal_data="mask"))

    assert texts_of(filtered) == ["请联系张先生，手机[电话号码]，身份证号[身份证号]，谢谢关照。"]


def test_masks_are_in_traditional_chinese_for_such_a_text():
    filtered = apply([page(TRADITIONAL)], Policies(personal_data="mask"))

    assert texts_of(filtered) == ["請聯繫張先生，手機[電話號碼]，電郵 [電子郵箱]，謝謝關照。"]


def test_a_masked_text_holds_nothing_more_to_find():
    policies = Policies(personal_data="mask", secrets="mask")
    once = apply([page(ENGLISH, SIMPLIFIED, TRADITIONAL, PASSWORD)], policies)

    assert apply(once.pages, policies) == type(once)(once.pages, {})


def test_one_policy_masks_while_another_flags():
    filtered = apply([page(ENGLISH, PASSWORD)], Policies(personal_data="flag", secrets="mask"))

    assert texts_of(filtered) == [ENGLISH, "password = '[PASSWORD]'"]
    assert filtered.findings == {"email": 1, "password": 1, "phone": 1}


def test_the_metadata_is_masked_too():
    filtered = apply(
        [page("Text", title="Letter to li@example.com")], Policies(personal_data="mask")
    )

    assert filtered.pages[0].metadata == {"title": "Letter to [EMAIL]"}


def test_a_finding_that_reaches_over_blocks_and_pages_is_masked_whole():
    begin, end = "-----BEGIN " + "PRIVATE KEY-----", "-----END " + "PRIVATE KEY-----"
    pages = [page(f"The key: {begin}", "MIIEabc"), page("MIIEdef", f"{end} is mine.", number=2)]

    filtered = apply(pages, Policies(secrets="mask"))

    assert texts_of(filtered) == ["The key: [PRIVATE KEY]", " is mine."]
    assert [page.number for page in filtered.pages] == [1, 2]


def test_block_kinds_and_levels_stay():
    heading = Block("heading", "Contact li@example.com", level=2)

    filtered = apply([Page((heading,))], Policies(personal_data="mask"))

    assert filtered.pages[0].blocks == (Block("heading", "Contact [EMAIL]", level=2),)


def test_a_skip_names_kinds_and_counts_but_never_the_text():
    with pytest.raises(PolicySkip) as caught:
        apply([page(ENGLISH, PASSWORD, SIMPLIFIED)], Policies(personal_data="skip", secrets="skip"))

    error = caught.value
    shown = f"{error.message} {error.hint}"
    assert isinstance(error, ReadError)
    assert error.code == "policy"
    assert error.message == (
        "kept out by policy: email (once), phone (2 times), resident_id (once), password (once)"
    )
    assert not any(secret in shown for secret in ("li@", "212", "138", "1101", "hunter2"))


def test_a_clean_file_passes_skip_policies():
    policies = Policies(personal_data="skip", secrets="skip", junk="skip", languages=("en",))
    pages = (page("The dome is closed at wind speeds of twenty metres per second."),)

    assert apply(pages, policies).pages == pages


@pytest.mark.parametrize(
    ("text", "languages", "is_kept"),
    [
        (SIMPLIFIED, ("zh",), True),
        (TRADITIONAL, ("zh",), True),
        (SIMPLIFIED, ("zh-Hans",), True),
        (TRADITIONAL, ("zh-Hans",), False),
        ("人口一千三百", ("zh-Hans",), True),
        (SIMPLIFIED, ("en",), False),
        (ENGLISH, ("en", "zh"), True),
        (ENGLISH, ("zh",), False),
        ("12345", ("zh",), True),
        ("", ("zh",), True),
    ],
)
def test_languages_to_keep(text, languages, is_kept):
    policies = Policies(languages=languages)

    if is_kept:
        assert texts_of(apply([page(text)], policies)) == [text]
    else:
        with pytest.raises(PolicySkip, match="its language is"):
            apply([page(text)], policies)


def test_junk_is_flagged_or_kept_out():
    pages = (page("锟斤拷" * 20), page("点击这里查看更多优惠信息，立即注册领取红包\n" * 60))

    filtered = apply(pages, Policies(junk="flag"))

    assert (filtered.pages, filtered.findings) == (pages, {"repetition": 1})
    with pytest.raises(PolicySkip, match="repetition"):
        apply(pages, Policies(junk="skip"))


def word_policies(tmp_path, text, word_list="mask"):
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf-8")
    return Policies(word_list=word_list, word_list_file=path)


def test_listed_words_are_masked(tmp_path):
    policies = word_policies(tmp_path, "# codenames\n(?i)project \\w+\n")

    filtered = apply([page("We start Project Falcon on the first day of May.")], policies)

    assert texts_of(filtered) == ["We start [REDACTED] on the first day of May."]
    assert filtered.findings == {"word": 1}


def test_a_word_list_has_to_be_named():
    with pytest.raises(UsageError, match="needs a word list"):
        Policies(word_list="flag")


def test_a_bad_word_list_is_told_before_any_file(tmp_path):
    with pytest.raises(UsageError, match="line 2"):
        _ = word_policies(tmp_path, "good\n(\n").recipe


@pytest.mark.parametrize("language", ["english", "EN", "zh-Hanx", "en zh"])
def test_a_language_that_is_no_code_is_a_usage_error(language):
    with pytest.raises(UsageError, match="is no language code"):
        Policies(languages=(language,))


def test_a_changed_word_list_is_read_again(tmp_path):
    policies = word_policies(tmp_path, "alpha\n", word_list="flag")
    before = policies.recipe
    policies.word_list_file.write_text("beta\n", encoding="utf-8")
    os.utime(policies.word_list_file, ns=(1, 1))

    assert apply([page("beta")], policies).findings == {"word": 1}
    assert policies.recipe != before


def test_the_recipe_tells_policies_apart():
    policies = [
        Policies(),
        Policies(personal_data="mask"),
        Policies(secrets="mask"),
        Policies(languages=("en",)),
        Policies(junk="skip"),
    ]

    assert len({item.recipe for item in policies}) == len(policies)
    assert Policies().recipe == Policies().recipe


def test_no_pages_give_no_pages():
    assert apply([], Policies(personal_data="mask", junk="flag")).pages == ()
    assert apply([Page(())], Policies(personal_data="mask")).pages == (Page(()),)
