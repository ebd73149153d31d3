from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.pages import Page
from ingest.readers import READERS, read
from ingest.readers.code import BLOCK_CHARACTERS, read_code
from ragapp.errors import CorruptFileError, UnsupportedFileError

RSS = """<?xml version="1.0" encoding="gb2312"?>
<rss version="2.0"><channel><title>天文台新闻</title><description>圆顶和望远镜</description>
<item><title>第一条</title><pubDate>2026-03-01</pubDate>
<description>&lt;p&gt;圆顶今天&lt;b&gt;关闭&lt;/b&gt;。&lt;/p&gt;&lt;p&gt;明天开放。&lt;/p&gt;</description></item>
<item><title>Second</title><description>Plain text.</description></item></channel></rss>"""
SOURCE = '''"""A module."""

import os


def first():
    """Do it."""

    return os


class Second:
    x = 1
'''


def _written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def _blocks(path: Path) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for page in read(path) for block in page.blocks]


# JSON


def test_json_list_is_a_block_per_record(tmp_path: Path) -> None:
    records = [{"name": "观测站", "tags": ["a", "b"], "place": {"lat": 1.50}}, {"open": True}]
    path = _written(tmp_path / "a.json", json.dumps(records, ensure_ascii=False))
    assert _blocks(path) == [
        ("table", "name: 观测站\ntags: a, b\nplace.lat: 1.5"),
        ("table", "open: true"),
    ]


def test_json_keys_of_records_are_headings(tmp_path: Path) -> None:
    value = {"version": 2, "tickets": [{"kind": "adult"}, {"kind": "child"}], "none": None}
    assert _blocks(_written(tmp_path / "a.json", json.dumps(value))) == [
        ("table", "version: 2"),
        ("heading", "tickets"),
        ("table", "kind: adult"),
        ("table", "kind: child"),
    ]


def test_json_numbers_keep_their_digits(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.json", '{"a": 1.50, "b": 12345678901234567890123}')
    assert _blocks(path) == [("table", "a: 1.50\nb: 12345678901234567890123")]


def test_json_long_records_are_parted(tmp_path: Path) -> None:
    record = {f"key {place}": "x" * 100 for place in range(100)}
    blocks = _blocks(_written(tmp_path / "a.json", json.dumps([record])))
    assert len(blocks) > 5
    assert max(len(text) for _, text in blocks) < 1_300


def test_json_lines_are_records(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json"):
        path = _written(tmp_path / name, '{"a": 1}\n\n{"a": 2}\n')
        assert _blocks(path) == [("table", "a: 1"), ("table", "a: 2")]


def test_json_lines_with_a_bad_line_keep_the_others(tmp_path: Path) -> None:
    pages = list(read(_written(tmp_path / "a.jsonl", '{"a": 1}\n{"a": \n{"a": 2}\n')))
    assert [block.text for block in pages[0].blocks] == ["a: 1", "a: 2"]
    assert pages[1].metadata["error"].startswith("1 lines are not JSON (line 2")


def test_json_cut_short_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError, match="not valid JSON"):
        list(read(_written(tmp_path / "a.json", '{"a": [1, 2')))


@pytest.mark.parametrize("unit", ["[", '{"a":', "[1,"])
def test_json_deep_nesting_is_an_error_not_a_crash(tmp_path: Path, unit: str) -> None:
    with pytest.raises(CorruptFileError):
        list(read(_written(tmp_path / "a.json", unit * 100_000)))


def test_json_nesting_is_kept_as_far_as_it_goes(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.json", "[" * 100 + '"deep"' + "]" * 100)
    assert "deep" in _blocks(path)[0][1]


# XML


def test_xml_feed_in_its_declared_encoding_is_parted_at_its_entries(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.xml", RSS.encode("gb2312"))
    assert _blocks(path) == [
        ("heading", "天文台新闻"),
        ("paragraph", "圆顶和望远镜"),
        ("heading", "第一条"),
        ("paragraph", "2026-03-01"),
        ("paragraph", "圆顶今天关闭。"),
        ("paragraph", "明天开放。"),
        ("heading", "Second"),
        ("paragraph", "Plain text."),
    ]
    assert next(read(path)).metadata == {"encoding": "gb18030", "title": "天文台新闻"}


def test_xml_atom_entries_are_read(tmp_path: Path) -> None:
    text = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><entry><title>One</title>'
        '<updated>2026-03-01</updated><content type="html">&lt;p&gt;Text.&lt;/p&gt;</content>'
        "</entry></feed>"
    )
    assert _blocks(_written(tmp_path / "a.atom", text))[1:] == [
        ("heading", "One"),
        ("paragraph", "2026-03-01"),
        ("paragraph", "Text."),
    ]


def test_xml_documents_are_their_elements_with_text(tmp_path: Path) -> None:
    text = "<book><title>Dome</title><part><title>Use</title><p>It <b>turns</b>.</p></part></book>"
    path = _written(tmp_path / "a.xml", text)
    assert _blocks(path) == [("heading", "Dome"), ("heading", "Use"), ("paragraph", "It turns.")]
    assert [block.level for block in next(read(path)).blocks] == [1, 2, 0]


def test_xml_entities_are_never_expanded(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    entities = '<!ENTITY a "lol"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "secret">'
    text = f"<!DOCTYPE r [{entities}]><r>before &b; &c; after</r>"
    [(_, read_text)] = _blocks(_written(tmp_path / "a.xml", text))
    assert read_text.split() == ["before", "after"]


def test_xml_without_elements_is_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptFileError):
        list(read(_written(tmp_path / "a.xml", "no markup at all")))


@pytest.mark.parametrize("unit", ["<a>", "<a ", "&amp;", "<![CDATA[", "<!--", "x<a/>"])
def test_xml_hostile_text_ends(tmp_path: Path, unit: str) -> None:
    path = _written(tmp_path / "a.xml", "<r>text " + unit * (200_000 // len(unit)))
    assert _blocks(path)


# code


def test_code_short_files_are_one_listing(tmp_path: Path) -> None:
    assert _blocks(_written(tmp_path / "a.py", SOURCE)) == [("code", SOURCE.strip("\n"))]


def test_code_is_parted_at_top_level_definitions(tmp_path: Path) -> None:
    functions = [f"def f{place}():\n    a = 1\n\n    return '{'x' * 400}'\n" for place in range(9)]
    blocks = _blocks(_written(tmp_path / "a.py", "\n\n".join(functions)))
    assert len(blocks) == 5
    assert all(text.startswith("def f") for _, text in blocks)


def test_code_of_one_long_definition_is_parted_at_its_blank_lines(tmp_path: Path) -> None:
    body = "\n\n".join(f"    step_{place} = '{'x' * 300}'" for place in range(20))
    blocks = _blocks(_written(tmp_path / "a.py", f"def f():\n{body}\n"))
    assert max(len(text) for _, text in blocks) <= BLOCK_CHARACTERS
    assert blocks[1][1].startswith("    step_")


@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\r\0\ufeff")))
def test_code_loses_no_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = _written(tmp_path_factory.getbasetemp() / "any.py", text)
    try:
        [page] = list(read_code(path))
    except UnsupportedFileError:
        return
    assert isinstance(page, Page)
    joined = "".join(block.text for block in page.blocks)
    assert joined.split() == text.split()


@pytest.mark.parametrize("suffix", [".py", ".cpp", ".go", ".sql", ".yaml", ".sh", ".ts"])
def test_code_suffixes_have_the_code_reader(suffix: str) -> None:
    assert READERS[suffix].format == "code"
