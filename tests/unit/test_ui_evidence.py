"""Evidence: passages cut around their quotes."""

from ui.evidence import Part, marked_parts


def joined(parts):
    return "".join(part.text for part in parts)


def test_a_short_text_is_shown_whole():
    text = "Before it. The quote. After it."

    parts = marked_parts(text, [(11, 21)])

    assert joined(parts) == text
    assert [part.text for part in parts if part.quote] == ["The quote."]


def test_a_long_text_is_cut_at_sentence_ends():
    text = "Filler sentence here. " * 100 + "The quote. " + "More filler text. " * 100
    start = text.index("The quote.")

    parts = marked_parts(text, [(start, start + 10)])

    assert parts[0] == Part("… ")
    assert parts[-1] == Part(" …")
    assert parts[-2].text.endswith("More filler text.")
    assert len(joined(parts)) < 900


def test_chinese_text_without_spaces_is_cut_at_full_stops():
    text = "这是填充的句子。" * 100 + "引文在此。" + "后面还有更多内容。" * 100
    start = text.index("引文在此。")

    parts = marked_parts(text, [(start, start + 5)])

    assert [part.text for part in parts if part.quote] == ["引文在此。"]
    assert parts[1].text.startswith("这是填充")
    assert parts[-2].text.endswith("。")


def test_overlapping_quotes_are_marked_once():
    parts = marked_parts("abcdefgh", [(4, 6), (1, 3), (2, 5)])

    assert parts == (Part("a"), Part("bcdef", 1), Part("gh"))


def test_separate_quotes_are_both_marked():
    parts = marked_parts("One. Two. Three.", [(0, 4), (10, 16)])

    assert [part.text for part in parts if part.quote] == ["One.", "Three."]
