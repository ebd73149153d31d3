import pytest
from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from stored_documents import add, opened

from ragapp.retrieval import retrieve

HANDBOOK = "The dome opens at dusk.\nVisitors need a coat.\nThe lens weighs 120 kg.\n"
CHINESE = "圆顶在黄昏打开。\n游客需要外套。\n镜头重120公斤。\n"
SHARES = st.floats(0.0, 1.0)


class Covers(FakeEmbedder):
    """Reads a fixed share of every text and counts the questions that it embedded."""

    def __init__(self, share):
        super().__init__()
        self.share = share
        self.queries = []

    def coverage(self, text):
        return self.share

    def embed_query(self, text):
        self.queries.append(text)
        return super().embed_query(text)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    collection = opened(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        add(collection, HANDBOOK, path="en.txt", title="Handbook")
        add(collection, CHINESE, path="zh.txt", title="手册")
    yield collection
    collection.close()


def ask(collection, question, *, embedder=None, top_k=5, n_candidates=50, legs="hybrid"):
    return retrieve(
        question,
        collection=collection,
        embedder=embedder or FakeEmbedder(),
        top_k=top_k,
        n_candidates=n_candidates,
        legs=legs,
    )


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Does the dome open at dusk?", "The dome opens at dusk."),
        ("How much does the lens weigh?", "The lens weighs 120 kg."),
        ("圆顶什么时候打开？", "圆顶在黄昏打开。"),
        ("游客需要什么？", "游客需要外套。"),
    ],
)
@pytest.mark.parametrize("coverage", [0.0, 0.75, 1.0])
def test_the_chunk_about_the_question_is_the_best(collection, question, text, coverage):
    assert ask(collection, question, embedder=Covers(coverage))[0].text == text


@pytest.mark.parametrize("top_k", [1, 2, 6, 100])
def test_at_most_top_k_hits_come_back(collection, top_k):
    assert len(ask(collection, "dome lens coat 圆顶", top_k=top_k)) == min(top_k, 6)


def test_top_k_may_exceed_the_candidates_of_a_leg(collection):
    assert len(ask(collection, "dome", top_k=6, n_candidates=1)) == 6


@given(st.text(max_size=30) | st.sampled_from(["dome lens", "圆顶 dome", "the", "120"]))
def test_hits_are_ranked_from_one_by_falling_score(collection, question):
    hits = ask(collection, question, top_k=10)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


@given(st.text(max_size=30) | st.sampled_from(["dome lens", "圆顶 dome", "the", "120"]))
def test_scores_and_coverage_are_shares(collection, question):
    hits = ask(collection, question, top_k=10)
    assert all(0.0 <= hit.score <= 1.0 and 0.0 <= hit.coverage <= 1.0 for hit in hits)


@given(st.text(max_size=30))
def test_no_chunk_comes_back_twice(collection, question):
    ids = [hit.chunk_id for hit in ask(collection, question, top_k=10)]
    assert len(ids) == len(set(ids))


def test_a_text_that_the_embedder_cannot_read_is_not_embedded(collection):
    embedder = Covers(0.5)
    hits = ask(collection, "圆顶", embedder=embedder)
    assert embedder.queries == []
    assert {hit.dense_score for hit in hits} == {None}


def test_a_text_that_the_embedder_reads_has_dense_scores(collection):
    hits = ask(collection, "dome", embedder=Covers(1.0), top_k=6)
    assert all(-1.0 <= hit.dense_score <= 1.0 for hit in hits)


def test_a_chunk_of_the_lexical_leg_alone_has_its_cosine_too(collection):
    hits = ask(collection, "the dome", embedder=Covers(1.0), top_k=1, n_candidates=1)
    assert all(hit.dense_score is not None for hit in hits)


def test_a_chunk_without_a_term_of_the_question_has_no_lexical_score(collection):
    hits = {hit.text: hit for hit in ask(collection, "dome", top_k=6)}
    assert hits["Visitors need a coat."].lexical_score is None
    assert hits["The dome opens at dusk."].lexical_score > 0.0


def test_what_holds_no_term_is_not_found_without_the_dense_leg(collection):
    assert ask(collection, "submarine", embedder=Covers(0.0)) == []


@pytest.mark.parametrize("question", ["", " ", "？！", "\n", "*"])
def test_a_question_without_a_word_finds_nothing(collection, question):
    assert ask(collection, question) == []


@pytest.mark.parametrize(
    "question", ['"dome" AND (lens', "dome* OR NEAR(lens)", "^title:dome", "\0"]
)
def test_no_question_is_an_error(collection, question):
    assert len(ask(collection, question, top_k=3)) <= 3


def test_an_empty_collection_finds_nothing(tmp_path):
    collection = opened(tmp_path / "collection")
    assert ask(collection, "dome") == []
    collection.close()


@pytest.mark.parametrize("coverage", [0.0, 1.0])
def test_equal_scores_are_ordered_by_age(tmp_path, coverage):
    collection = opened(tmp_path / "collection")
    for i in range(5):
        add(collection, f"dome{' ' * (i + 1)}dome\nother {i}\n", path=f"{i}.txt", title="")
    found = [hit.source for hit in ask(collection, "dome", embedder=Covers(coverage))]
    collection.close()
    assert found == [f"{i}.txt" for i in range(5)]


def test_the_same_question_finds_the_same(collection):
    assert ask(collection, "dome lens 圆顶") == ask(collection, "dome lens 圆顶")


def test_a_chunk_that_holds_all_terms_is_covered_whole(collection):
    assert ask(collection, "When does the dome open at dusk?")[0].coverage == pytest.approx(1.0)


def test_a_chunk_that_holds_no_term_is_not_covered(collection):
    assert {hit.coverage for hit in ask(collection, "submarine", embedder=Covers(1.0))} == {0.0}


def test_the_title_counts_for_the_coverage(collection):
    hits = {hit.text: hit for hit in ask(collection, "handbook dome", top_k=6)}
    assert hits["The dome opens at dusk."].coverage == pytest.approx(1.0)


def test_a_hit_spans_its_text_in_the_document(collection):
    for hit in ask(collection, "dome 圆顶 lens", top_k=6):
        assert collection.document(hit.document_id).text[hit.start : hit.end] == hit.text


def test_a_hit_names_all_sources_of_its_document(tmp_path):
    collection = opened(tmp_path / "collection")
    add(collection, HANDBOOK, path="b.txt")
    add(collection, HANDBOOK, path="a.txt")
    (hit,) = ask(collection, "dome", top_k=1)
    collection.close()
    assert {hit.source, *hit.also_in} == {"a.txt", "b.txt"}
    assert len(hit.also_in) == 1


# --- one leg alone


def test_the_lexical_leg_alone_embeds_nothing(collection):
    embedder = Covers(1.0)
    hits = ask(collection, "dome", embedder=embedder, legs="lexical")
    assert embedder.queries == []
    assert all("dome" in hit.text for hit in hits)


def test_the_dense_leg_alone_ranks_by_cosine(collection):
    hits = ask(collection, "dome", embedder=Covers(0.0), top_k=6, legs="dense")
    scores = [hit.dense_score for hit in hits]
    assert len(hits) == 6
    assert scores == sorted(scores, reverse=True)
    assert {hit.lexical_score for hit in hits} == {None}
