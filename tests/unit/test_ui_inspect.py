"""Inspect: one query searched three ways, each hit with its ranks, terms and reasons."""

import re
import shutil
from html import unescape

import pytest
from page_driver import ENGLISH, opening, page, say, shown

from ingest import ingest_paths
from ui import labels, search_labels, state
from ui.inspection import LEGS

VIEW = "views/inspect.py"
QUERIES = {"en": "harbour offices", "zh": "引航员引导船只"}
MARKED = {"en": {"harbour", "office", "Harbour"}, "zh": {"引航员引导", "船只"}}
FACTS = re.compile(r"<dt>(.*?)</dt><dd>(.*?)</dd>")


def inspected(query, *, language="en", **fields):
    app = page(VIEW, language)
    for key, value in fields.items():
        app.text_input(key=key).set_value(value)
    app.text_input(key=state.Key.QUERY).set_value(query).run()
    assert not app.exception
    return app


def facts(app):
    """Return the facts of all passages shown, by their names."""
    found = {}
    for name, lines in FACTS.findall(shown(app)):
        found.setdefault(unescape(name), []).append([unescape(x) for x in lines.split("<br>")])
    return found


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_loads_without_searching(collection, language):
    app = page(VIEW, language)

    assert app.title[0].value == say(language)(labels.INSPECT)
    assert not app.error
    assert "ragapp-evidence" not in shown(app)


@pytest.fixture(scope="module")
def searched(harbour, tmp_path_factory):
    """The page after a query in each language, and the search's own first hit for the English one."""
    copy = tmp_path_factory.mktemp("searched") / "collection"
    with pytest.MonkeyPatch.context() as monkeypatch, opening(monkeypatch) as use:
        use(shutil.copytree(harbour / "collection", copy))
        apps = {language: inspected(QUERIES[language], language=language) for language in QUERIES}
        return apps, state.rag().search(QUERIES["en"])[0]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_three_searches_stand_side_by_side(searched, language):
    app = searched[0][language]

    assert [column.weight for column in app.columns] == [pytest.approx(1 / 3)] * 3
    assert [
        head.value for head in app.subheader if head.value != say(language)(labels.FILTERS)
    ] == [say(language)(label) for label in LEGS.values()]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_querys_terms_are_marked_where_they_stand(searched, language):
    app = searched[0][language]

    marked = set(re.findall(r"<mark[^>]*>(.*?)</mark>", shown(app)))
    assert marked == MARKED[language]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_analyzers_terms_are_told_with_their_rarity(searched, language):
    app = searched[0][language]

    term = {"en": "harbour", "zh": "引航"}[language]
    assert re.search(rf"{say(language)(search_labels.TERMS)} .*{term} \d\.\d\d", shown(app))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_each_passage_tells_its_rank_and_score_in_all_three_searches(searched, language):
    app = searched[0][language]

    ranks = facts(app)[say(language)(search_labels.RANKS)]
    assert len(ranks) >= 3
    assert all(len(lines) == len(LEGS) for lines in ranks)
    assert all(
        line.startswith(say(language)(label))
        for lines in ranks
        for line, label in zip(lines, LEGS.values(), strict=True)
    )
    first = say(language)(search_labels.RANK, n=1)
    assert first in ranks[0][0]


def test_the_ranks_and_scores_are_those_of_the_search(searched):
    apps, hit = searched

    lines = facts(apps["en"])[search_labels.RANKS.en][0]
    assert lines[0].endswith(f"score {hit.score:.3f}")
    assert lines[1].endswith(f"cosine {hit.dense_score:.3f}")
    assert lines[2].endswith(f"BM25 {hit.lexical_score:.3f}")


def test_a_query_that_the_embedder_cannot_read_is_said_to_count_by_words_alone(searched):
    app = searched[0]["zh"]

    assert "语义检索不计入" in shown(app)
    assert f"{search_labels.WEIGHT.zh.format(n=0)}" in shown(app)
    assert f"{search_labels.WEIGHT.zh.format(n=1)}" in shown(app)


def test_a_passage_that_says_the_same_is_collapsed_and_named(collection, tmp_path):
    long = ENGLISH.replace("seven", "seven o'clock sharp on every day of the week but Sunday")
    for name, end in (("first.md", "of the pier."), ("second.md", "of the pier!")):
        text = f"{long}\nThe harbour master keeps the log of arrivals at the end {end}\n"
        (tmp_path / name).write_text(text, encoding="utf-8")
    page()
    ingest_paths(state.rag(), [tmp_path / "first.md", tmp_path / "second.md"])

    app = inspected("harbour master log of arrivals")

    (line,) = facts(app)[search_labels.COLLAPSED.en][0]
    assert search_labels.COLLAPSED_WHY.en in line
    assert "first.md" in line or "second.md" in line


@pytest.fixture
def long_document(opened, tmp_path, monkeypatch):
    """A collection of a document in several chunks that are neighbours, and a short one."""
    monkeypatch.setenv("RAGAPP_CHUNK_TOKENS", "64")
    monkeypatch.setenv("RAGAPP_OVERLAP_TOKENS", "16")
    facts = [f"The harbour keeps log number {n} in the tower of the old mole." for n in range(12)]
    (tmp_path / "logs.md").write_text("# Logs\n\n" + " ".join(facts), encoding="utf-8")
    (tmp_path / "fees.md").write_text("# Fees\n\nThe office sells tickets at noon.\n")
    opened(tmp_path / "collection")
    page()
    ingest_paths(state.rag(), [tmp_path / "logs.md", tmp_path / "fees.md"])
    return tmp_path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_neighbours_that_an_answer_reads_as_one_are_told(long_document, language):
    app = inspected("harbour log", language=language)

    assert re.search(rf"{say(language)(search_labels.READ_AS_ONE)} · \d \+ \d", shown(app))


def test_what_was_passed_over_is_shown_with_the_reason(long_document, monkeypatch):
    monkeypatch.setenv("RAGAPP_MAX_PER_DOCUMENT", "1")
    state.rag().close()
    state.rag.clear()

    app = inspected("harbour log")

    assert search_labels.PASSED_OVER.en in shown(app)
    assert [search_labels.ENOUGH_OF_DOCUMENT.en] in facts(app)[search_labels.WHY.en]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_the_filter_leaves_out_is_counted(collection, language):
    app = inspected(QUERIES["en"], language=language, only_source="harbour.md")

    n_left = state.rag().explain("x", where='source~"harbour.md"').n_allowed
    n_all = state.rag().collection.stats().n_passages
    assert say(language)(search_labels.FILTERED_OUT, n=n_all - n_left) in shown(app)
    assert "港口" not in shown(app)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_empty_collection_leads_to_adding_files(opened, tmp_path, language):
    opened(tmp_path / "collection")

    app = page(VIEW, language)

    assert app.info[0].value == say(language)(labels.EMPTY_COLLECTION)
    assert not app.text_input


def test_a_filter_that_cannot_be_evaluated_is_one_sentence(collection):
    app = inspected("harbour", only_source="*" * 11)

    assert len(app.error) == 1
    assert "wildcards" in app.error[0].value


@pytest.mark.parametrize("query", ["？！", "<img src=x onerror=alert(1)> zyxwv", "a" * 9000])
def test_any_query_is_searched_for_without_a_traceback(collection, query):
    app = inspected(query)

    assert not app.error
    assert "<img" not in shown(app)


def test_a_blank_query_searches_nothing(collection):
    assert "ragapp-evidence" not in shown(inspected("   "))


def test_the_address_carries_the_query(collection):
    app = page()
    app.query_params["query"] = QUERIES["en"]
    app.switch_page(VIEW).run()

    assert app.text_input(key=state.Key.QUERY).value == QUERIES["en"]
    assert "<mark" in shown(app)
