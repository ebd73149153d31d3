import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from opened_rag import open_fake_rag
from stored_documents import add

from ragapp import Rags, open_rags
from ragapp.errors import EmbedderMismatchError, NotFoundError, UsageError
from ragapp.filters import Language, Source

WORDS = "dome heron lens 圆顶 镜头 wind coat dusk".split()
FIRST = [
    "The dome opens at dusk.\nThe dome of the heron is old.\nWind over the dome.\n",
    "圆顶在黄昏打开。\n镜头很重。\n",
]
SECOND = [
    "The heron is a bird.\nA heron stands in the wind.\nThe heron wears no coat.\nheron heron\n",
    "A lens weighs 120 kg.\n圆顶很高。\n",
    "Nothing about it at all, and a long line of other words that says so again and again.\n",
]
SHARED = "Both hold this sentence on the dome.\n"


def filled(folder, texts, *, prefix, embedder=None):
    rag = open_fake_rag(folder, abstain_below=0.0)
    if embedder is not None:
        rag.searcher = type(rag.searcher)(rag.settings, embedder)
        rag.embedder = embedder
    with rag.collection.writing():
        for n, text in enumerate(texts):
            add(rag.collection, text, path=f"/{prefix}/{n}.txt", title=f"{prefix} {n}")
    return rag


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return tmp_path_factory.mktemp("several")


@pytest.fixture(scope="module")
def both(folders):
    rags = [
        filled(folders / "a", FIRST, prefix="a"),
        filled(folders / "b", SECOND, prefix="b"),
    ]
    with Rags(rags) as together:
        yield together


@pytest.fixture(scope="module")
def one(folders):
    """Return the same documents in one collection."""
    rag = filled(folders / "one", FIRST, prefix="a")
    with rag.collection.writing():
        for n, text in enumerate(SECOND):
            add(rag.collection, text, path=f"/b/{n}.txt", title=f"b {n}")
    with rag:
        yield rag


@pytest.fixture(scope="module")
def sharing(folders):
    """Return two collections that hold one sentence both, in different documents."""
    rags = [
        filled(folders / "c", [SHARED + "The lens.\n"], prefix="c"),
        filled(folders / "d", ["A coat.\n" + SHARED], prefix="d"),
    ]
    with Rags(rags) as together:
        yield together


def by_text(hits):
    return {hit.text: hit for hit in hits}


@given(
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join),
    st.sampled_from(["hybrid", "dense", "lexical"]),
)
def test_several_collections_score_as_one_of_all_documents(both, one, question, legs):
    options = {"top_k": 20, "legs": legs}
    found, expected = both.search(question, **options), one.search(question, **options)
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], abs=1e-5)
    assert by_text(found).keys() == by_text(expected).keys()
    for text, hit in by_text(found).items():
        same = by_text(expected)[text]
        assert hit.score == pytest.approx(same.score, abs=1e-5)
        assert hit.coverage == pytest.approx(same.coverage)
        assert (hit.source, hit.chunk_id, hit.start) == (same.source, same.chunk_id, same.start)


def test_each_hit_names_its_collection(both, folders):
    hits = both.search("the heron and the dome", top_k=20)
    assert {(hit.collection, hit.source[1]) for hit in hits} == {
        (str(folders / "a"), "a"),
        (str(folders / "b"), "b"),
    }


def test_a_hit_of_one_collection_names_none(one):
    assert {hit.collection for hit in one.search("dome")} == {""}


def test_a_common_term_is_not_rare_because_one_collection_has_few_of_it(both):
    alone = next(iter(both.rags.values())).collection.term_weights(["heron"])["heron"]
    pooled = both.selection().term_weights(["heron"])["heron"]
    assert pooled < alone


@pytest.mark.parametrize(
    ("where", "prefix"), [(Source("/a/*"), "a"), ('source~"/b/*"', "b"), (~Source("/a/*"), "b")]
)
def test_a_filter_applies_to_all(both, where, prefix):
    hits = both.search("dome heron", where=where, top_k=20)
    assert hits
    assert {hit.source[1] for hit in hits} == {prefix}


def test_a_filter_on_what_no_document_has_is_refused(both):
    with pytest.raises(UsageError, match="colour"):
        both.search("dome", where="colour=red")


def test_metadata_of_one_collection_filter_the_other_away(folders):
    rags = [filled(folders / "e", FIRST, prefix="e"), filled(folders / "f", [], prefix="f")]
    with rags[1].collection.writing():
        add(rags[1].collection, SECOND[0], path="/f/0.txt", metadata={"colour": "red"})
    with Rags(rags) as together:
        red = together.search("dome heron", where="colour=red", top_k=20)
        others = together.search("dome heron", where="not colour=red", top_k=20)
    assert {hit.source[1] for hit in red} == {"f"}
    assert {hit.source[1] for hit in others} == {"e"}


def test_equal_passages_of_two_collections_are_one_hit_with_both_places(sharing, folders):
    (hit,) = [hit for hit in sharing.search("sentence on the dome") if "Both" in hit.text]
    (place,) = hit.also_at
    assert hit.collection == str(folders / "c")
    assert (place.collection, place.source, place.is_exact) == (
        str(folders / "d"),
        "/d/0.txt",
        True,
    )
    assert hit.also_in == ("/d/0.txt",)


def test_an_explanation_is_of_the_search_over_all(both):
    explained = both.explain("heron dome", top_k=20)
    assert [found.hit for found in explained.hits] == both.search("heron dome", top_k=20)
    assert explained.n_passages == explained.n_allowed == 12


def test_an_answer_cites_the_collection_that_holds_the_quote(both, folders):
    answer = both.ask("Where does the heron stand in the wind?")
    (citation, *_) = answer.citations
    rag = both.rags[citation.collection]
    assert citation.collection == str(folders / "b")
    text = rag.document(citation.document_id).text
    assert text[citation.start : citation.end] == citation.quote


def test_neighbours_of_different_collections_are_not_joined(both):
    explained = both.explain("heron dome 圆顶 lens", top_k=20)
    assert explained.joined
    for passage in explained.joined:
        assert len({chunk_id.split("-")[0] for chunk_id in passage.chunk_ids}) == 1


@pytest.mark.parametrize("options", [{"max_per_document": 1}, {"diversity": 0.5}])
def test_the_choice_is_among_all(both, one, options):
    found = both.search("dome heron lens", top_k=4, **options)
    assert {hit.text for hit in found} == {
        hit.text for hit in one.search("dome heron lens", top_k=4, **options)
    }


# --- what is refused


def test_none_is_refused():
    with pytest.raises(UsageError, match="no collection"):
        Rags([])


def test_one_named_twice_is_refused(one):
    with pytest.raises(UsageError, match="twice"):
        Rags([one, one])


def test_different_embedders_are_refused_with_both_names(one, folders):
    other = filled(folders / "other", [], prefix="x", embedder=FakeEmbedder(name="strange"))
    with pytest.raises(EmbedderMismatchError, match=r"'fake' and 'strange'") as caught:
        Rags([one, other])
    other.close()
    assert "reindex" in caught.value.hint


def test_a_folder_without_a_collection_is_refused_and_not_made(tmp_path):
    with pytest.raises(NotFoundError, match="no collection in"):
        open_rags([tmp_path / "nothing"])
    assert list(tmp_path.iterdir()) == []


def test_opened_collections_are_asked_and_closed_together(tmp_path):
    from ingest import ingest_paths
    from ragapp import open_rag

    for name, text in [("north", "The ferry leaves at nine."), ("south", "The ferry is full.")]:
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
        with open_rag(tmp_path / name) as rag:
            ingest_paths(rag, [tmp_path / f"{name}.txt"])
    with open_rags([tmp_path / "north", str(tmp_path / "south")], top_k=2) as rags:
        hits = rags.search("the ferry", where=Language("en"))
    assert {hit.collection for hit in hits} == {str(tmp_path / "north"), str(tmp_path / "south")}
