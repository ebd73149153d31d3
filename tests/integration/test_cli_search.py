"""`--where` and `--explain` as scripts use them: in both languages, and one line for a wrong filter."""

from __future__ import annotations

import pytest
from test_cli import HIT_KEYS, Command, Finished, assert_one_error, run_batch

ENGLISH_QUESTION = "When does the ferry leave?"
CHINESE_QUESTION = "渡船几点开？"
DOCUMENTS = {
    "north/ferry.md": "# North quay\n\nThe ferry leaves the north quay at nine in the morning.\n",
    "south/ferry.md": "# South quay\n\nThe ferry leaves the south quay at noon, full or not.\n",
    "south/copy.txt": "The ferry leaves the south quay at noon, full or not, as ever.\n",
    "north/渡船.md": "# 北码头\n\n渡船每天上午九点从北码头开出。\n",
    "south/渡船.md": "# 南码头\n\n渡船每天中午十二点从南码头开出。\n",
}
EXPLAIN_KEYS = {"terms", "where", "n_passages", "n_allowed", "readable", "dense", "lexical", "hits"}
STAGE_KEYS = {
    "marks",
    "chunk_id",
    "rank",
    "dense",
    "lexical",
    "fused",
    "coverage",
    "terms",
    "collapsed",
}
WRONG_FILTERS = {
    "no column": "lang=en and = 3",
    "a column that no document has": "colour=red",
    "no date": "date>=yesterday",
    "an open bracket": "(lang=en",
}
COMMANDS = {
    "search en": ("search", ENGLISH_QUESTION, "--where", 'source~"south/*"', "--json"),
    "search zh": ("search", CHINESE_QUESTION, "--where", "lang=zh", "--json"),
    "search zh north": ("search", CHINESE_QUESTION, "--where", "lang=zh and source~“north/*”"),
    "ask en": ("ask", ENGLISH_QUESTION, "--where", "title~south*", "--json"),
    "ask zh": ("ask", CHINESE_QUESTION, "--where", "title=南码头", "--json"),
    "ask none": ("ask", ENGLISH_QUESTION, "--where", "format=pdf", "--json"),
    "ask zh in words": ("ask", CHINESE_QUESTION, "--where", "source~north/*"),
    "explain en": ("search", ENGLISH_QUESTION, "--explain", "--json"),
    "explain zh": ("search", CHINESE_QUESTION, "--explain", "--json", "--where", "lang=zh"),
    "explain in words": ("search", ENGLISH_QUESTION, "--explain", "--where", "lang=en"),
    "varied": (
        "search",
        ENGLISH_QUESTION,
        "--max-per-document",
        "1",
        "--diversity",
        "0.5",
        "--json",
    ),
    "too varied": ("search", ENGLISH_QUESTION, "--diversity", "1.5", "--json"),
    "explain varied": ("search", ENGLISH_QUESTION, "--explain", "-k", "2", "--diversity", "0.9"),
    "explain none": ("search", ENGLISH_QUESTION, "--explain", "--where", "format=pdf"),
    **{
        f"search {name}": ("search", "x", "--where", f, "--json")
        for name, f in WRONG_FILTERS.items()
    },
    **{f"ask {name}": ("ask", "x", "--where", f, "--json") for name, f in WRONG_FILTERS.items()},
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory) -> dict[str, Finished]:
    folder = tmp_path_factory.mktemp("search")
    for name, text in DOCUMENTS.items():
        path = folder / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    variables = {"RAGAPP_COLLECTION": str(folder / "collection"), "RAGAPP_ENGINE": "extractive"}
    quays = [(name, str(folder / name)) for name in ("north", "south")]
    commands = {
        "ingest": ("ingest", str(folder / "documents")),
        **{
            f"ingest {name}": (
                "ingest", str(folder / "documents" / name), "--collection", place
            )
            for name, place in quays
        },
        **COMMANDS,
        **{
            f"{name} both": (
                *command, "--json", *(part for _, place in quays for part in ("--collection", place))
            )
            for name, command in {
                "search": ("search", ENGLISH_QUESTION),
                "ask": ("ask", CHINESE_QUESTION),
            }.items()
        },
        "search none": (
            "search", "x", "--json", "--collection", quays[0][1], "--collection", str(folder / "no")
        ),
    }  # fmt: skip
    return run_batch({name: Command(a, variables=variables) for name, a in commands.items()})


def names(hits):
    return {"/".join(hit["source"].split("/")[-2:]) for hit in hits}


# --- where


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("search en", {"south/ferry.md", "south/copy.txt", "south/渡船.md"}),
        ("search zh", {"north/渡船.md", "south/渡船.md"}),
        ("ask en", {"south/ferry.md"}),
        ("ask zh", {"south/渡船.md"}),
        ("ask none", set()),
    ],
)
def test_hits_are_what_the_filter_lets_pass(shown, name, found):
    assert shown[name].status == 0
    assert names(shown[name].json["hits"]) == found


@pytest.mark.parametrize(("name", "fact"), [("ask en", "at noon"), ("ask zh", "中午十二点")])
def test_an_answer_rests_on_what_the_filter_lets_pass(shown, name, fact):
    answer = shown[name].json

    assert fact in answer["answer"]
    assert names(answer["citations"]) == names(answer["hits"])


def test_an_answer_in_words_cites_what_the_filter_lets_pass(shown):
    assert "上午九点" in shown["ask zh in words"].stdout
    assert "south" not in shown["ask zh in words"].stdout


def test_a_filter_in_chinese_quotes_is_read(shown):
    assert shown["search zh north"].status == 0
    assert shown["search zh north"].stdout.count("渡船.md") == 1


def test_where_nothing_passes_the_answer_is_that_there_is_none(shown):
    assert shown["ask none"].json["abstained"]
    assert shown["ask none"].json["citations"] == []


@pytest.mark.parametrize("command", ["search", "ask"])
@pytest.mark.parametrize("name", WRONG_FILTERS)
def test_a_wrong_filter_is_one_line_and_exit_status_2(shown, command, name):
    assert_one_error(shown[f"{command} {name}"], status=2, code="usage")


# --- explain


@pytest.mark.parametrize("name", ["explain en", "explain zh"])
def test_an_explanation_has_the_keys_of_the_contract(shown, name):
    explained = shown[name].json

    assert set(explained) == {"hits", "explain"}
    assert all(hit.keys() >= HIT_KEYS for hit in explained["hits"])
    assert explained["explain"].keys() >= EXPLAIN_KEYS
    assert all(stage.keys() >= STAGE_KEYS for stage in explained["explain"]["hits"])


@pytest.mark.parametrize("name", ["explain en", "explain zh"])
def test_the_stages_stand_in_the_order_of_the_hits_with_their_scores(shown, name):
    explained = shown[name].json

    stages = [
        (stage["chunk_id"], stage["rank"], stage["dense"]["score"], stage["fused"]["score"])
        for stage in explained["explain"]["hits"]
    ]
    assert stages == [
        (hit["chunk_id"], hit["rank"], hit["dense_score"], hit["score"])
        for hit in explained["hits"]
    ]


def test_an_explanation_tells_how_many_passages_the_filter_let_pass(shown):
    explained = shown["explain zh"].json["explain"]

    assert (explained["n_passages"], explained["n_allowed"]) == (5, 2)
    assert explained["where"] == 'lang = "zh"'


def test_a_question_that_the_embedder_cannot_read_is_left_to_the_lexical_leg(shown):
    explained = shown["explain zh"].json["explain"]

    assert explained["readable"] < 0.5
    assert (explained["dense"]["weight"], explained["lexical"]["weight"]) == (0.0, 1.0)
    assert {"渡", "渡船"} <= set(explained["terms"])


@pytest.mark.parametrize(
    "line",
    [
        "terms and their rarity: ferri",
        'searched: 3 of 5 passages, where lang = "en"',
        "dense: weight 0.60",
        "     dense: rank 1, cosine",
        "     lexical: rank 1, BM25",
        "     fused: rank 1, score",
    ],
)
def test_an_explanation_in_words_tells(shown, line):
    assert line in shown["explain in words"].stdout


def test_an_explanation_of_no_hits_tells_that_nothing_passed(shown):
    assert shown["explain none"].status == 0
    assert "searched: 0 of 5 passages" in shown["explain none"].stdout
    assert "nothing found" in shown["explain none"].stdout


# --- the choice among the candidates


def test_at_most_one_hit_of_a_document_comes_back(shown):
    found = [hit["document_id"] for hit in shown["varied"].json["hits"]]

    assert shown["varied"].status == 0
    assert len(found) == len(set(found)) > 1


def test_a_diversity_out_of_range_is_one_line_and_exit_status_2(shown):
    assert_one_error(shown["too varied"], status=2, code="usage")


def test_what_was_passed_over_is_shown_in_words(shown):
    assert "passed over, like a better hit: rank 2" in shown["explain varied"].stdout
    assert "counts as 1" in shown["explain varied"].stdout


# --- several collections


def test_two_collections_are_searched_as_one(shown):
    hits = shown["search both"].json["hits"]

    assert shown["search both"].status == 0
    assert {hit["collection"].rsplit("/", 1)[1] for hit in hits} == {"north", "south"}


def test_an_answer_over_two_collections_names_the_one_that_it_cites(shown):
    (citation, *_) = shown["ask both"].json["citations"]

    assert f"/{citation['collection'].rsplit('/', 1)[1]}/" in citation["source"]


def test_a_collection_that_is_not_there_is_one_line_and_exit_status_1(shown):
    assert_one_error(shown["search none"], status=1, code="not_found")
