"""Questions made of documents: what a sentence gives, and what a set of them keeps to."""

from __future__ import annotations

import json

import pytest
from fake_embedder import FakeEmbedder
from stored_documents import add, opened

from ragapp.errors import NotFoundError, RagError, UsageError
from ragapp.evaluation.making import KINDS, keep_questions, make_questions, questions_file
from ragapp.evaluation.own_set import write_questions
from ragapp.evaluation.patterns import ask_of
from ragapp.language_models.extractive import ExtractiveModel
from ragapp.rag import Rag
from ragapp.settings import Settings

ENGLISH = (
    "Wind limits\n\nThe dome closes at a mean wind of 14 m/s. The entrance fee is 60 yuan. "
    "Weaver is an echelle spectrograph of the telescope.\n\nThe shutter\n\nIt opens slowly."
)
CHINESE = "值班规定\n\n值班日志是指夜间主管保管的记录本。雪量为94厘米。交接时必须两人签字。"


@pytest.fixture(scope="module")
def rag(tmp_path_factory):
    folder = tmp_path_factory.mktemp("making")
    collection = opened(folder / "collection")
    with collection.writing():
        start = ENGLISH.index("The shutter")
        headings = [(1, 0, 11), (2, start, start + 11)]
        add(collection, ENGLISH, path="wind.md", title="Wind limits", headings=headings)
        add(collection, CHINESE, path="duty.md", title="值班规定", headings=[(1, 0, 4)])
    embedder = FakeEmbedder()
    settings = Settings(collection=folder / "collection")
    yield Rag(
        settings=settings,
        collection=collection,
        embedder=embedder,
        language_model=ExtractiveModel(embedder),
    )
    collection.close()


@pytest.fixture(scope="module")
def made(rag):
    return make_questions(rag, n_questions=40)


@pytest.mark.parametrize(
    ("sentence", "question", "answer"),
    [
        ("Weaver is the echelle spectrograph.", "What is Weaver?", "the echelle spectrograph"),
        (
            "The Heron telescope is the largest one.",
            "What is the Heron telescope?",
            "the largest one",
        ),
        ("The entrance fee is 60 yuan.", "What is the entrance fee?", "60 yuan"),
        ("The mirror weighs about 120 kg today.", "How much does the mirror weigh?", "120 kg"),
        (
            "It closes at a mean wind of 14 m/s.",
            "What figure does “T” give for the mean wind?",
            "14 m/s",
        ),
        ("望远镜是一种观测仪器。", "望远镜是什么？", "一种观测仪器"),
        ("值班日志是指夜间的记录本。", "值班日志是什么？", "夜间的记录本"),
        ("预报雪量为8厘米。", "《T》中，预报雪量是多少？", "8厘米"),
        ("宽限不超过三个月。", "《T》中，宽限是多少？", "三个月"),
    ],
)
def test_a_sentence_gives_a_question_and_its_answer(sentence, question, answer):
    [asked] = ask_of(sentence, "T")

    assert (asked.text, sentence[asked.start : asked.end]) == (question, answer)


@pytest.mark.parametrize(
    "sentence",
    [
        "It is the best of all.",
        "The first is a planet far away.",
        "The night of 19 January was clear.",
        "The deadline is 31 March.",
        "The ratio of 50 in blue light is rare.",
        "这是一种仪器。",
        "他也是一名主管。",
        "",
    ],
)
def test_a_sentence_without_a_subject_or_number_gives_none(sentence):
    assert list(ask_of(sentence, "T")) == []


def test_every_kind_is_made(made):
    assert {question.kind for question in made} == {*KINDS, "unanswerable"}


def test_every_answer_stands_where_it_says(rag, made):
    for question in made:
        if question.answers:
            text = rag.document(question.document).text
            assert text[question.start : question.end] == question.answers[0]


def test_every_answerable_question_names_a_document_and_a_place(made):
    for question in made:
        if question.is_answerable:
            assert question.document
            assert question.source
            assert question.end > question.start


def test_no_text_is_asked_twice(made):
    texts = [question.text for question in made]

    assert len(texts) == len(set(texts))


def test_the_ids_are_distinct(made):
    assert len({question.id for question in made}) == len(made)


def test_an_unanswerable_question_names_what_stands_nowhere(rag, made):
    known = (ENGLISH + CHINESE).casefold()
    answerable = {question.text for question in made if question.is_answerable}
    false = [question for question in made if not question.is_answerable]

    assert false
    for question in false:
        assert question.text not in answerable
        assert question.document is None
        assert any(word.strip("“”?") not in known for word in question.text.casefold().split())


def test_the_same_seed_makes_the_same_questions(rag, made):
    assert make_questions(rag, n_questions=40) == made


def test_another_seed_draws_another_order(rag, made):
    assert make_questions(rag, n_questions=40, seed=1) != made


@pytest.mark.parametrize("n", [1, 3, 5])
def test_no_more_questions_are_made_than_asked_for(rag, n):
    assert len(make_questions(rag, n_questions=n)) <= n


def test_without_a_share_all_are_answerable(rag):
    assert all(q.is_answerable for q in make_questions(rag, unanswerable_share=0.0))


def test_an_empty_collection_gives_no_questions(tmp_path, rag):
    empty = Rag(
        settings=rag.settings,
        collection=opened(tmp_path / "empty"),
        embedder=rag.embedder,
        language_model=rag.language_model,
    )
    with empty, pytest.raises(NotFoundError, match="no question"):
        make_questions(empty)


def test_a_written_row_has_the_keys_to_edit(tmp_path, made):
    write_questions(tmp_path / "set.jsonl", made)
    rows = [json.loads(line) for line in (tmp_path / "set.jsonl").read_text("utf-8").splitlines()]

    assert [row["_id"] for row in rows] == [question.id for question in made]
    assert set(rows[0]) == {
        *("_id", "text", "answers", "document", "source", "start", "end", "kind", "answerable")
    }


def test_a_file_in_its_place_is_kept_unless_forced(tmp_path, made):
    path = tmp_path / "set.jsonl"
    path.write_text("mine")

    with pytest.raises(UsageError, match="there already"):
        write_questions(path, made)
    assert path.read_text() == "mine"
    write_questions(path, made, is_forced=True)
    assert path.read_text("utf-8").count("\n") == len(made)


def test_a_folder_that_is_not_there_is_one_line(tmp_path, made):
    with pytest.raises(RagError, match="is no folder"):
        write_questions(tmp_path / "nowhere" / "set.jsonl", made)


def test_the_collection_s_own_set_is_made_once_and_anew_where_that_is_asked_for(rag):
    path = keep_questions(rag, n_questions=4)
    made = path.read_bytes()
    path.write_text("edited", encoding="utf-8")

    assert keep_questions(rag).read_text(encoding="utf-8") == "edited"
    assert keep_questions(rag, n_questions=4, is_forced=True).read_bytes() == made
    assert path == questions_file(rag.settings.collection)
