from fake_embedder import FakeEmbedder
from hypothesis import given
from hypothesis import strategies as st
from made_hits import make_hit
from stored_documents import opened

from ragapp.citing import cite
from ragapp.collection import Source
from ragapp.fitting import fit
from ragapp.joining import join, nothing_known, parts_of
from ragapp.places import Place
from ragapp.types import Chunk, Document

TEXTS = st.text(alphabet="ab圆。. \n", min_size=1, max_size=60)
SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 25)), min_size=1, max_size=8)


def cut_hits(text, spans, *, document="d1"):
    """Return a hit for each span of the text that holds anything, ranked in their order."""
    spans = {(start, min(start + size, len(text))): None for start, size in spans}
    return [
        make_hit(
            text[a:b], document=document, before=text[:a], rank=n, chunk_id=f"{document}-{a}-{b}"
        )
        for n, (a, b) in enumerate(((a, b) for a, b in spans if a < b), start=1)
    ]


def texts_of(**texts):
    return lambda hit, start, end: texts[hit.document_id][start:end]


@given(TEXTS, SPANS)
def test_a_passage_is_the_text_of_its_span(text, spans):
    for passage in join(cut_hits(text, spans), texts_of(d1=text)):
        assert passage.text == text[passage.start : passage.end]


@given(TEXTS, SPANS)
def test_no_character_stands_in_two_passages(text, spans):
    passages = join(cut_hits(text, spans), texts_of(d1=text))
    shown = [place for p in passages for place in range(p.start, p.end)]
    assert len(shown) == len(set(shown))


@given(TEXTS, SPANS)
def test_every_hit_is_a_part_of_one_passage(text, spans):
    hits = cut_hits(text, spans)
    parts = [part for passage in join(hits, texts_of(d1=text)) for part in parts_of(passage)]
    assert sorted(parts, key=lambda part: part.rank) == hits


@given(TEXTS, SPANS)
def test_joining_twice_changes_nothing(text, spans):
    joined = join(cut_hits(text, spans), texts_of(d1=text))
    assert join(joined, texts_of(d1=text)) == joined


@given(TEXTS, SPANS)
def test_passages_are_in_the_order_of_their_best_parts(text, spans):
    joined = join(cut_hits(text, spans), texts_of(d1=text))
    assert [p.rank for p in joined] == sorted(p.rank for p in joined)
    assert all(p.rank == min(part.rank for part in parts_of(p)) for p in joined)


@given(TEXTS, SPANS, st.integers(0, 80))
def test_what_fits_is_the_text_of_its_span_in_any_budget(text, spans, budget):
    passages = fit(
        cut_hits(text, spans),
        passage_tokens=budget,
        count_tokens=lambda texts: [len(text) for text in texts],
        text_of=texts_of(d1=text),
    ).passages
    assert all(p.text == text[p.start : p.end] for p in passages)


def test_hits_of_two_documents_are_never_joined():
    hits = [make_hit("the same"), make_hit("the same", document="d2", rank=2)]
    assert join(hits, nothing_known) == hits


def test_spans_with_a_word_between_them_are_not_joined():
    text = "One. and Two."
    hits = cut_hits(text, [(0, 4), (9, 4)])
    assert join(hits, texts_of(d1=text)) == hits


def test_spans_with_white_space_between_them_are_joined():
    text = "One.\n\nTwo."
    (passage,) = join(cut_hits(text, [(6, 4), (0, 4)]), texts_of(d1=text))
    assert (passage.text, passage.rank) == (text, 1)


def test_a_document_that_is_gone_leaves_its_hits_as_they_are():
    hits = cut_hits("One.\n\nTwo.", [(0, 4), (6, 4)])
    assert join(hits, nothing_known) == hits


def test_a_passage_has_the_page_and_heading_of_its_first_part_and_the_score_of_its_best():
    text = "One. Two."
    first = make_hit("One.", rank=2, page=3, heading="A")
    second = make_hit("Two.", rank=1, before="One. ", page=4, heading="B")
    (passage,) = join([second, first], texts_of(d1=text))
    assert (passage.page, passage.heading, passage.score) == (3, "A", second.score)


def test_an_overlap_is_paid_for_once():
    text = "x" * 100
    hits = cut_hits(text, [(0, 60), (40, 60)])
    size = len("[1] Title d1\nd1.txt\n") + 100
    fitting = fit(hits, passage_tokens=size, count_tokens=lambda texts: [len(t) for t in texts])
    assert [passage.text for passage in fitting.passages] == [text]


# --- citations of joined passages


def joined_pair():
    text = "The dome opens at dusk. The lens weighs 120 kg. Visitors need a coat."
    place = Place("copy.txt", "d9", 7, 100, 147)
    first = make_hit(text[:47], rank=2, chunk_id="d1-0000")
    second = make_hit(
        text[24:], rank=1, before=text[:24], chunk_id="d1-0001", also_at=(place,), also_in=("c",)
    )
    (passage,) = join([second, first], nothing_known)
    return text, passage


def test_a_citation_of_a_joined_passage_is_the_text_of_its_span():
    text, passage = joined_pair()
    for sentence in ("The dome opens at dusk.", "Visitors need a coat."):
        _, (citation,) = cite(f"{sentence} [1]", [passage])
        assert citation.quote == sentence == text[citation.start : citation.end]


def test_a_citation_names_the_chunk_in_which_it_stands():
    _, passage = joined_pair()
    _, (first,) = cite("The dome opens at dusk. [1]", [passage])
    _, (second,) = cite("Visitors need a coat. [1]", [passage])
    assert (first.chunk_id, second.chunk_id) == ("d1-0000", "d1-0001")


def test_a_citation_tells_the_other_places_of_its_own_chunk():
    _, passage = joined_pair()
    _, (citation,) = cite("Visitors need a coat. [1]", [passage])
    (place,) = citation.also_at
    assert (place.start, place.end) == (124, 145)
    assert citation.also_in == ("c",)


def test_a_citation_that_spans_two_chunks_names_no_other_places():
    text, passage = joined_pair()
    _, (citation,) = cite(f"{text} [1]", [passage])
    assert (citation.quote, citation.also_at, citation.also_in) == (text, (), ())


# --- the stored text


def test_the_text_between_two_chunks_is_that_of_the_document(tmp_path):
    text = "圆顶🔭打开。\n\n游客 need a coat."
    document = Document("0" * 16, "a.txt", "T", text, "txt")
    chunks = [Chunk(document.id, n, *span, text[slice(*span)]) for n, span in enumerate([(0, 6), (8, 22)])]  # fmt: skip
    collection = opened(tmp_path / "collection")
    vectors = FakeEmbedder().embed_documents([chunk.text for chunk in chunks])
    source = Source("a.txt", document.id, b"1" * 32, 1, 1, "r")
    collection.add(document, chunks, vectors, source=source)
    selection = collection.selection()
    hit = make_hit(text[:6], document=document.id)
    found = [selection.text_of(hit, a, b) for a, b in [(6, 8), (0, len(text))]]
    gone = selection.text_of(make_hit("x", document="f" * 16), 0, 1)
    collection.close()
    assert (found, gone) == (["\n\n", text], None)
