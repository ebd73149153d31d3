"""Filtered searches against an oracle that looks at every chunk under every source of it."""

import re
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given, settings
from hypothesis import strategies as st
from stored_documents import make_document, opened

from ragapp.analysis import query_terms
from ragapp.collection import NO_FILE, Source
from ragapp.errors import UsageError
from ragapp.explaining import explain
from ragapp.filters import And, Comparison, Filter, Not, Or, filter_of, parse_filter
from ragapp.filters.days import days_of
from ragapp.retrieval import find, retrieve
from ragapp.types import Chunk

QUESTION = "dome lens coat 圆顶"
FORMATS = ["pdf", "markdown", "text"]
LANGUAGES = ["en", "zh", "zh-Hans", "zh-Hant", "und"]
HEADINGS = ["", "Guide", "Guide > Setup", "Setup > Guide", "设置"]
DATES = ["2023-12-31", "2024-02-29", "2025-01-01", "2025-06-30"]
NAMES = ["reports/a.md", "reports/2024/b.pdf", "drafts/A.MD", "x[1].md", "港口.txt"]
LINES = ["The dome opens.", "A coat is warm.", "The lens weighs 120 kg.", "圆顶打开。", "外套。"]


@dataclass(frozen=True)
class Place:
    """A chunk under one of its document's sources, with all that a filter can ask for."""

    document: str
    source: str
    mtime_ns: int
    format: str
    title: str
    metadata: dict
    chunk: Chunk


def midnight(text):
    return int(datetime.fromisoformat(text).timestamp() * 10**9)


def stored(collection):
    """Fill a collection with documents that share lines; return every place of every chunk."""
    embedder, places = FakeEmbedder(), []
    draw = np.random.default_rng(7)
    for n in range(14):
        lines = [LINES[i] for i in draw.permutation(len(LINES))[: 1 + n % 4]] + [f"Only dome {n}."]
        text = "\n".join(lines) + "\n"
        metadata = {"author": ["Ada", "Bob"][n % 2], "issue": str(n - 3)}
        if n % 5 == 0:
            metadata["date"] = DATES[n % 4]
        document = make_document(text, title=f"Title {n % 3}", metadata=metadata)
        document = type(document)(
            **{**{f: getattr(document, f) for f in document.__slots__}, "format": FORMATS[n % 3]}
        )
        chunks, start = [], 0
        for i, line in enumerate(lines):
            chunks.append(
                Chunk(
                    document.id, i, start, start + len(line), line,
                    page=None if n % 3 else i + 1,
                    heading=HEADINGS[(n + i) % 2 * 2 + n % 3 % 2],
                    language=LANGUAGES[(n + i) % 5],
                )
            )  # fmt: skip
            start += len(line) + 1
        vectors = embedder.embed_documents([c.embedded_text for c in chunks])
        for k in range(1 + n % 3):
            path = f"/data/{n}/{NAMES[(n + k) % len(NAMES)]}"
            mtime = NO_FILE if n % 7 == 3 else midnight(DATES[(n + k) % 4]) + 3600 * 10**9
            collection.add(
                document,
                chunks,
                vectors,
                source=Source(path, document.id, b"1" * 32, 1, mtime, "r"),
            )
            places += [
                Place(document.id, path, mtime, document.format, document.title, metadata, c)
                for c in chunks
            ]
    return places


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    collection = opened(tmp_path_factory.mktemp("filtered"))
    with collection.writing():
        places = stored(collection)
    yield collection, places
    collection.close()


# --- the oracle


def passes(where: Filter, place: Place) -> bool:  # noqa: C901, PLR0911 (a case for each kind)
    match where:
        case And(left, right):
            return passes(left, place) and passes(right, place)
        case Or(left, right):
            return passes(left, place) or passes(right, place)
        case Not(inner):
            return not passes(inner, place)
        case Comparison(column, "!=", values):
            return not passes(Comparison(column, "=", values), place)
        case Comparison(column, "in", values):
            return any(passes(Comparison(column, "=", (value,)), place) for value in values)
        case Comparison("date", operator, (value,)):
            return dated(operator, value, place)
        case Comparison("page", operator, (value,)):
            page = place.chunk.page
            return page is not None and ordered(page, operator, int(value))
        case Comparison(column, "~", (value,)):
            return any(globbed(text, value, column) for text in texts(column, place))
        case Comparison(column, "=", (value,)):
            return any(equal(column, text, value) for text in texts(column, place))
        case Comparison(column, operator, (value,)):
            return any(compared(text, operator, value) for text in texts(column, place))
    raise AssertionError(where)


def texts(column, place):
    known = {
        "source": place.source, "document": place.document, "lang": place.chunk.language,
        "format": place.format, "title": place.title, "heading": place.chunk.heading,
    }  # fmt: skip
    if column in known:
        return [known[column]]
    name = column.removeprefix("meta.")
    return [place.metadata[name]] if name in place.metadata else []


def equal(column, text, value):
    if column == "lang":
        return text.lower() == value.lower() or text.lower().startswith(value.lower() + "-")
    if column == "source":
        return text == value or text.endswith("/" + value)
    if column == "heading":
        return f" > {value} > " in f" > {text} > "
    return text == (value.lower() if column == "format" else value)


def globbed(text, pattern, column):
    parts = {"*": ".*", "?": "."}
    regex = "".join(parts.get(c, re.escape(c)) for c in pattern)
    if column == "source":
        regex = f"(?:.*/)?{regex}"
    return re.fullmatch(regex, text, re.DOTALL | re.IGNORECASE) is not None


def ordered(one, operator, other):
    return {"=": one == other, "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other}[operator]  # fmt: skip


def compared(text, operator, value):
    if re.fullmatch(r"-?\d+", value):
        return re.fullmatch(r"-?\d+", text) is not None and ordered(int(text), operator, int(value))
    return ordered(text, operator, value)


def dated(operator, value, place):
    if "date" in place.metadata:
        day = datetime.fromisoformat(place.metadata["date"]).date()
    elif place.mtime_ns >= 0:
        day = datetime.fromtimestamp(place.mtime_ns / 10**9).date()
    else:
        return False
    first, after = days_of(value)
    return {
        "=": first <= day < after, "<": day < first, "<=": day < after, ">": day >= after, ">=": day >= first,
    }[operator]  # fmt: skip


# --- filters drawn by chance

TEXT_VALUES = {
    "source": ["reports/a.md", "a.md", "/data/0/reports/a.md", "md", "x[1].md", "港口.txt"],
    "document": ["unknown"],
    "lang": ["en", "zh", "zh-hans", "zh-Hant", "ZH", "z"],
    "format": [*FORMATS, "PDF"],
    "title": ["Title 0", "Title 2", "title 2"],
    "heading": [*HEADINGS, "Set"],
    "meta.author": ["Ada", "ada", "Eve"],
    "author": ["Ada", "Bob"],
    "meta.none": ["x"],
}
PATTERNS = [
    "*",
    "reports/*",
    "*.md",
    "?.md",
    "*2*",
    "zh-*",
    "Guide*",
    "ad?",
    "T*",
    "港口*",
    "",
    "x*",
]
LEAVES = st.one_of(
    *(
        st.builds(Comparison, st.just(c), st.sampled_from(["=", "!="]), st.sampled_from(v).map(lambda x: (x,)))
        | st.builds(Comparison, st.just(c), st.just("in"), st.lists(st.sampled_from(v), min_size=1).map(tuple))
        | st.builds(Comparison, st.just(c), st.just("~"), st.sampled_from(PATTERNS).map(lambda x: (x,)))
        for c, v in TEXT_VALUES.items()
    ),
    st.builds(
        Comparison,
        st.just("date"),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.sampled_from([*DATES, "2024", "2025-01", "2024-01-01"]).map(lambda x: (x,)),
    ),
    st.builds(
        Comparison,
        st.sampled_from(["page", "issue", "meta.issue"]),
        st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
        st.integers(0, 12).map(lambda n: (str(n),)),
    ),
    st.builds(
        Comparison,
        st.just("meta.author"),
        st.sampled_from(["<", "<=", ">", ">="]),
        st.sampled_from(["Ada", "B", "王"]).map(lambda x: (x,)),
    ),
)  # fmt: skip
FILTERS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(And, inner, inner) | st.builds(Or, inner, inner) | st.builds(Not, inner)
    ),
    max_leaves=5,
)


def texts_that_pass(places, where):
    return {(p.chunk.heading, p.chunk.text) for p in places if passes(where, p)}


@settings(max_examples=100)
@given(FILTERS)
def test_exactly_the_passages_that_the_oracle_lets_pass_are_allowed(filled, where):
    collection, places = filled
    allowed = collection.selection(where).allowed
    chunks = collection.chunks(allowed)
    assert {(chunks[i].chunk.heading, chunks[i].chunk.text) for i in allowed} == texts_that_pass(
        places, where
    )


@settings(max_examples=50)
@given(FILTERS, st.integers(1, 30))
def test_the_dense_leg_gives_the_nearest_of_what_passes(filled, where, k):
    collection, _ = filled
    query = FakeEmbedder().embed_query(QUESTION)
    selection = collection.selection(where)
    everything = collection.search_dense(query, 10_000)
    expected = [row_id for row_id, _ in everything if row_id in set(selection.allowed)][:k]
    scores = dict(everything)
    found = selection.search_dense(query, k)
    assert len(found) == len(expected)
    np.testing.assert_allclose([s for _, s in found], [scores[i] for i in expected], atol=1e-6)


@settings(max_examples=50)
@given(FILTERS, st.integers(1, 30))
def test_the_lexical_leg_gives_the_best_of_what_passes(filled, where, k):
    collection, _ = filled
    terms = query_terms(QUESTION)
    selection = collection.selection(where)
    everything = collection.search_lexical(terms, 10_000)
    expected = [pair for pair in everything if pair[0] in set(selection.allowed)][:k]
    assert selection.search_lexical(terms, k) == expected


@settings(max_examples=50)
@given(FILTERS)
def test_every_hit_stands_where_the_filter_lets_pass(filled, where):
    collection, places = filled
    allowed = {(p.document, p.source, p.chunk.start) for p in places if passes(where, p)}
    hits = retrieve(
        QUESTION,
        collection=collection,
        embedder=FakeEmbedder(),
        top_k=20,
        n_candidates=5,
        where=where,
    )
    assert {(hit.document_id, hit.source, hit.start) for hit in hits} <= allowed


@settings(max_examples=50)
@given(FILTERS)
def test_as_many_hits_come_back_as_pass(filled, where):
    collection, places = filled
    hits = retrieve(
        QUESTION,
        collection=collection,
        embedder=FakeEmbedder(),
        top_k=100,
        n_candidates=1,
        where=where,
    )
    assert len(hits) == len(texts_that_pass(places, where))


@settings(max_examples=50)
@given(FILTERS)
def test_a_filter_and_its_opposite_let_every_place_pass_once(filled, where):
    collection, _ = filled
    everything = set(collection.selection(Comparison("source", "~", ("*",))).allowed)
    assert (
        set(collection.selection(where).allowed) | set(collection.selection(~where).allowed)
        == everything
    )


def test_a_passage_far_down_its_places_is_shown_where_it_passes(tmp_path):
    collection = opened(tmp_path / "many")
    embedder = FakeEmbedder()
    for n in range(40):
        document = make_document(f"The dome opens.\nNumber {n}.\n", title=f"T{n}")
        chunk = Chunk(document.id, 0, 0, 15, "The dome opens.")
        vectors = embedder.embed_documents([chunk.embedded_text])
        source = Source(f"/d/{n}.md", document.id, b"1" * 32, 1, NO_FILE, "r")
        collection.add(document, [chunk], vectors, source=source)
    (hit,) = retrieve(
        "dome",
        collection=collection,
        embedder=embedder,
        top_k=5,
        n_candidates=5,
        where=parse_filter("title=T33"),
    )
    collection.close()
    assert (hit.source, hit.title) == ("/d/33.md", "T33")
    assert hit.also_at[0].source == "/d/0.md"


def test_a_plain_name_that_no_document_has_is_told(filled):
    with pytest.raises(UsageError, match="'langg' is neither a column nor metadata"):
        filled[0].selection(parse_filter("langg=zh"))


def test_metadata_named_as_such_may_be_absent(filled):
    assert filled[0].selection(parse_filter("meta.langg=zh")).allowed == ()


def test_a_value_is_never_read_as_sql(filled):
    where = parse_filter('title="x\' OR 1=1 --" or "a\' b"~x or meta."k\') --"=1')
    with pytest.raises(UsageError, match="a' b"):
        filled[0].selection(where)


# --- explanations


def explained(collection, question=QUESTION, *, where=None, top_k=5, legs="hybrid"):
    embedder = FakeEmbedder()
    selection = collection.selection(filter_of(where))
    found = find(question, selection, embedder, top_k=top_k, n_candidates=50, legs=legs)
    return explain(question, found, selection, readable=embedder.coverage(question))


@pytest.mark.parametrize("legs", ["hybrid", "dense", "lexical"])
def test_an_explanation_has_the_hits_of_the_search(filled, legs):
    collection, _ = filled
    hits = retrieve(
        QUESTION,
        collection=collection,
        embedder=FakeEmbedder(),
        top_k=5,
        n_candidates=50,
        legs=legs,
    )
    assert [found.hit for found in explained(collection, legs=legs).hits] == hits


def test_ranks_follow_the_scores_of_their_leg(filled):
    hits = [e for e in explained(filled[0], top_k=30).hits if e.lexical_rank is not None]
    by_rank = sorted(hits, key=lambda e: e.lexical_rank)
    scores = [e.hit.lexical_score for e in by_rank]
    assert len(scores) > 3
    assert scores == sorted(scores, reverse=True)


def test_an_explanation_counts_what_the_filter_left(filled):
    whole, part = explained(filled[0]), explained(filled[0], where="lang=zh")
    assert whole.n_allowed == whole.n_passages
    assert part.n_allowed == len(filled[0].selection(parse_filter("lang=zh")).allowed)
    assert 0 < part.n_allowed < part.n_passages


def test_the_terms_of_a_hit_stand_in_it(filled):
    for found in explained(filled[0], "dome").hits:
        assert ("dome" in found.hit.text) == ("dome" in {term.text for term in found.terms})


def test_the_marks_of_a_hit_are_where_a_term_stands_in_its_text(filled):
    for found in explained(filled[0], "domes").hits:
        marked = [found.hit.text[start:end].lower() for start, end in found.marks]
        assert marked == re.findall(r"\bdomes?\b", found.hit.text.lower())


def test_a_question_without_a_word_is_explained_by_nothing(filled):
    found = explained(filled[0], "？")
    assert (found.terms, found.hits) == ((), ())


def test_a_near_passage_is_shown_behind_the_hit_that_stands_for_it(tmp_path):
    from ragapp.stored import NearPassage

    collection = opened(tmp_path / "near")
    embedder = FakeEmbedder()
    for n, text in enumerate(["The dome opens at dusk.", "The dome opens at dusk!"]):
        document = make_document(text, title="T")
        chunk = Chunk(document.id, 0, 0, len(text), text)
        source = Source(f"/d/{n}.md", document.id, b"1" * 32, 1, NO_FILE, "r")
        collection.add(document, [chunk], embedder.embed_documents([text]), source=source)
    first, second = sorted(row_id for row_id, _ in collection.search_lexical(["dome"], 9))
    collection.put_comparisons({second: (1, [NearPassage(first, 1, 0.9, "near")])})
    (found,) = explained(collection, "dome").hits
    collection.close()
    (behind,) = found.collapsed
    assert {found.hit.source, behind.source} == {"/d/0.md", "/d/1.md"}
    assert (found.fused_rank, behind.rank) == (1, 2)


def test_an_explanation_is_plain_json(filled):
    values = explained(filled[0], where="lang=zh").to_dict()
    assert values["where"] == 'lang = "zh"'
    assert set(values["hits"][0]) == {
        "chunk_id", "rank", "dense", "lexical", "fused", "reranked", "likeness", "coverage", "terms",
        "collapsed", "marks",
    }  # fmt: skip
