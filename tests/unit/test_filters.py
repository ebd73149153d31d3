"""What a filter's text means, and what is wrong with one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragapp.errors import UsageError
from ragapp.filters import (
    MAX_DEPTH,
    MAX_LENGTH,
    And,
    Comparison,
    Date,
    DocumentId,
    Format,
    HeadingPath,
    Language,
    Metadata,
    Not,
    Or,
    PageNumber,
    Source,
    Title,
    filter_of,
    parse_filter,
)
from ragapp.filters.days import days_of

ZH = Comparison("lang", "=", ("zh",))
EN = Comparison("lang", "=", ("en",))
PDF = Comparison("format", "=", ("pdf",))
COLUMNS = ["source", "document", "lang", "format", "title", "heading", "meta.author", "作者", "x y"]


@st.composite
def comparisons(draw):
    operator = draw(st.sampled_from(["=", "!=", "~", "in"]))
    column = draw(st.sampled_from(COLUMNS))
    text = st.text(max_size=8)
    values = draw(st.lists(text, min_size=1, max_size=3) if operator == "in" else st.tuples(text))
    return Comparison(column, operator, tuple(values))


TREES = st.recursive(
    comparisons(),
    lambda inner: (
        st.builds(And, inner, inner) | st.builds(Or, inner, inner) | st.builds(Not, inner)
    ),
    max_leaves=6,
)


@given(TREES)
def test_a_filter_written_as_text_is_read_as_the_same_filter(where):
    assert parse_filter(str(where)) == where


@given(st.text(max_size=40) | st.text(alphabet="()=!~<>,\"' “”langzhnotdi", max_size=40))
def test_any_text_is_a_filter_or_one_line_of_error(text):
    problem = None
    try:
        parse_filter(text)
    except UsageError as error:
        problem = error
    assert problem is None or (problem.hint and "\n" not in problem.message)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("lang=zh", ZH),
        ("LANG = zh", ZH),
        ("language=zh", ZH),
        ("type=pdf", PDF),
        ("lang=zh and format=pdf", And(ZH, PDF)),
        ("lang=zh AND format=pdf", And(ZH, PDF)),
        ("lang=zh or lang=en and format=pdf", Or(ZH, And(EN, PDF))),
        ("(lang=zh or lang=en) and format=pdf", And(Or(ZH, EN), PDF)),
        ("not lang=zh and format=pdf", And(Not(ZH), PDF)),
        ("not (lang=zh or lang=en)", Not(Or(ZH, EN))),
        ("not not lang=zh", Not(Not(ZH))),
        ("lang in (zh, en)", Comparison("lang", "in", ("zh", "en"))),
        ("lang not in (zh)", Not(Comparison("lang", "in", ("zh",)))),
        ("page>=3", Comparison("page", ">=", ("3",))),
        ("date<2025-01", Comparison("date", "<", ("2025-01",))),
        ("title='it is'", Comparison("title", "=", ("it is",))),
        ("title=“港口 须知”", Comparison("title", "=", ("港口 须知",))),
        ("title=「港口」", Comparison("title", "=", ("港口",))),
        ("（lang＝zh）", ZH),
        ('title="a \\"b\\" \\\\c"', Comparison("title", "=", ('a "b" \\c',))),
        ('source="C:\\data"', Comparison("source", "=", ("C:\\data",))),
        ('meta.author="Ada"', Comparison("meta.author", "=", ("Ada",))),
        ('meta."first author"=Ada', Comparison("meta.first author", "=", ("Ada",))),
        ("author=Ada", Comparison("author", "=", ("Ada",))),
        ("title=and", Comparison("title", "=", ("and",))),
        ("source~reports/*.md", Comparison("source", "~", ("reports/*.md",))),
    ],
)
def test_text_is_read_as(text, where):
    assert parse_filter(text) == where


@pytest.mark.parametrize(
    ("built", "text"),
    [
        (Language("zh") & Source("reports/*"), 'lang=zh and source~"reports/*"'),
        (Language("zh", "en") | Format("pdf"), "lang in (zh, en) or format=pdf"),
        (~DocumentId("d1"), "not document in (d1)"),
        (Source("a/*", "b/*"), 'source~"a/*" or source~"b/*"'),
        (Title("Har*"), 'title~"Har*"'),
        (HeadingPath("Guide > Setup"), 'heading="Guide > Setup"'),
        (PageNumber(1, 2), "page in (1, 2)"),
        (Date(since=date(2025, 1, 1)), "date>=2025-01-01"),
        (Date(since="2024", until="2025-03"), "date>=2024 and date<=2025-03"),
        (Metadata("author", "Ada"), "meta.author=Ada"),
    ],
)
def test_python_builds_what_text_writes(built, text):
    assert built == parse_filter(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "column 1: expected a column"),
        ("lang", "column 5: expected one of"),
        ("lang zh", "'zh' at column 6: expected one of"),
        ("lang=", "column 6: expected a value after lang"),
        ("lang=zh format=pdf", "'format' at column 9: expected and, or"),
        ("(lang=zh", "column 9: expected ')'"),
        ("lang in zh", "'zh' at column 9: expected '('"),
        ("lang in ()", "')' at column 10: expected a value"),
        ("lang=zh and", "column 12: expected a column"),
        ("=zh", "'=' at column 1: expected a column"),
        ('title="open', "opens a quote at column 7"),
        ("title=”", "'”' at column 7"),
        ("lang>zh", "lang cannot be compared by '>'"),
        ("page~1*", "page cannot be compared by '~'"),
        ("page=one", "page 'one' is no page"),
        ("page=-1", "page '-1' is no page"),
        ("date=yesterday", "date 'yesterday' is no date"),
        ("date>2025-02-30", "date '2025-02-30' is no date"),
        ("date=2025-13", "date '2025-13' is no date"),
        ("date=0000", "date '0000' is no date"),
        ("source~" + "*a" * 11, "source has a pattern of more than 10 wildcards"),
        ("title=" + "a" * 1001, "title has a value of more than 1000"),
        ("not " * 40 + "lang=zh", f"nested more than {MAX_DEPTH} deep"),
        ("(" * 500 + "lang=zh" + ")" * 500, f"nested more than {MAX_DEPTH} deep"),
        ("lang in (" + "zh," * 100 + "en)", "more than 100 values"),
        ("lang=zh or " * 400, f"more than {MAX_LENGTH} characters"),
    ],
)
def test_what_is_wrong_is_named(text, named):
    with pytest.raises(UsageError) as caught:
        parse_filter(text)
    assert named in caught.value.message


def test_many_alternatives_are_no_deep_filter():
    assert parse_filter(" or ".join(f"page={n}" for n in range(100)))


def test_a_deep_tree_built_in_python_is_refused():
    deep = ZH
    for _ in range(2000):
        deep = ~deep
    with pytest.raises(UsageError, match="deep"):
        filter_of(deep)


@pytest.mark.parametrize("where", [None, "", "  "])
def test_no_filter_is_none(where):
    assert filter_of(where) is None


def test_a_filter_by_date_needs_a_bound():
    with pytest.raises(UsageError, match="bound"):
        Date()


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2025", (2025, 1, 1), (2026, 1, 1)),
        ("2025-12", (2025, 12, 1), (2026, 1, 1)),
        ("2024-02-29", (2024, 2, 29), (2024, 3, 1)),
    ],
)
def test_a_date_is_a_stretch_of_days(text, first, after):
    assert days_of(text) == (date(*first), date(*after))
