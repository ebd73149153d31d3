import pytest
from opened_rag import open_fake_rag
from stored_documents import add

from ragapp import searched_in_vain
from ragapp.several import Rags
from ui.cli.refused import print_refusal

HANDBOOK = "Visitors need a coat. The dome opens at dusk. Tea is served."
MANUAL = "游客需要外套。圆顶在黄昏打开。茶水免费。"


def opened(folder, *texts):
    rag = open_fake_rag(folder, abstain_below=1.0)
    with rag.collection.writing():
        for i, text in enumerate(texts):
            add(rag.collection, text, path=f"{i}.txt", title=f"Book {i}")
    return rag


@pytest.fixture
def rag(tmp_path):
    with opened(tmp_path / "collection", HANDBOOK, MANUAL) as rag:
        yield rag


def test_the_documents_searched_are_counted(rag):
    assert searched_in_vain(rag, rag.ask("Who painted the dome?")).n_documents == 2


def test_the_documents_of_all_collections_are_counted(tmp_path):
    parts = [opened(tmp_path / "one", HANDBOOK), opened(tmp_path / "two", MANUAL)]
    with Rags(parts) as rags:
        assert searched_in_vain(rags, rags.ask("Who painted the dome?")).n_documents == 2


def test_the_words_are_those_of_the_question_but_function_words(rag):
    found = searched_in_vain(rag, rag.ask("Who painted the dome?"))

    assert found.words == ("painted", "dome")


@pytest.mark.parametrize(
    ("question", "sentence"),
    [("Who painted the dome?", "The dome opens at dusk."), ("圆顶是谁画的？", "圆顶在黄昏打开。")],
)
def test_of_a_passage_the_sentence_with_the_most_terms_is_shown(rag, question, sentence):
    nearest = searched_in_vain(rag, rag.ask(question)).nearest

    assert sentence in {near.sentence for near in nearest}


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("Who painted the dome?", "searched 2 documents for: painted, dome"),
        ("圆顶是谁画的？", "在 2 份文档中查找：圆顶、画"),
    ],
)
def test_a_refusal_is_told_in_the_language_of_the_question(rag, question, said, capsys):
    print_refusal(rag, rag.ask(question))

    assert said in capsys.readouterr().out
