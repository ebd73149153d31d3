"""The LangChain adapters, with the real packages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_community.document_loaders import TextLoader
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

from ingest import ingest_loader
from ragapp import Rag, RagError, Rags, open_rag
from ragapp.langchain import ChatRagapp, RagRetriever

TEXT = (
    "The ferry to Gull Island leaves at 9:15. It carries no cars.\n\n渡船每天九点一刻开往海鸥岛。"
)


@pytest.fixture(scope="module")
def rag(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rag]:
    folder = tmp_path_factory.mktemp("langchain")
    (folder / "ferry.txt").write_text(TEXT, encoding="utf-8")
    with open_rag(folder / "collection") as opened:
        report = ingest_loader(opened, TextLoader(folder / "ferry.txt", encoding="utf-8"))
        assert report.count("added") == 1
        yield opened


def test_retriever_gives_documents_that_say_where_their_text_stands(rag: Rag) -> None:
    [found] = RagRetriever(rag=rag, top_k=1).invoke("ferry to Gull Island")
    stored = rag.document(found.metadata["document_id"])
    assert found.page_content == stored.text[found.metadata["start"] : found.metadata["end"]]
    assert Path(found.metadata["source"]).name == "ferry.txt"


def test_a_retriever_over_several_collections_names_the_one_of_each_document(rag: Rag) -> None:
    [found] = RagRetriever(rag=Rags([rag]), top_k=1).invoke("ferry to Gull Island")
    assert found.metadata["collection"] == str(rag.collection.directory.resolve())


def test_retriever_takes_part_in_a_chain(rag: Rag) -> None:
    chain = RagRetriever(rag=rag) | (lambda documents: [d.page_content for d in documents])
    assert "9:15" in chain.invoke("When does the ferry leave?")[0]


def test_chat_model_answers_in_a_chain_with_its_citations(rag: Rag) -> None:
    prompt = ChatPromptTemplate.from_messages([("human", "{question}")])
    message = (prompt | ChatRagapp(rag=rag)).invoke({"question": "When does the ferry leave?"})
    [citation] = message.response_metadata["citations"][:1]
    assert "9:15" in citation["quote"]
    assert not message.response_metadata["abstained"]


def test_streamed_pieces_join_to_the_answer(rag: Rag) -> None:
    chain = ChatRagapp(rag=rag) | StrOutputParser()
    pieces = list(chain.stream([HumanMessage("渡船几点开往海鸥岛？")]))
    assert "".join(pieces) == rag.ask("渡船几点开往海鸥岛？").text
    assert "九点一刻" in "".join(pieces)


def test_earlier_messages_are_the_history(rag: Rag) -> None:
    messages = [
        HumanMessage("When does the ferry to Gull Island leave?"),
        AIMessage("The ferry to Gull Island leaves at 9:15. [1]"),
        HumanMessage("Does it carry cars?"),
    ]
    assert "no cars" in ChatRagapp(rag=rag).invoke(messages).text


def test_a_conversation_without_a_question_is_refused(rag: Rag) -> None:
    with pytest.raises(RagError, match="no question"):
        ChatRagapp(rag=rag).invoke([AIMessage("Hello")])
