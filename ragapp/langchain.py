"""LangChain adapters: a retriever and a chat model over a `Rag`.

    from ragapp.langchain import ChatRagapp, RagRetriever

The rest of ragapp does not import LangChain. Documents come in through `ingest.ingest_loader`,
which takes any LangChain `BaseLoader`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from langchain_core.callbacks import CallbackManagerForLLMRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document as LangChainDocument
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict

from ragapp.errors import UsageError
from ragapp.filters import Filter
from ragapp.rag import Asking
from ragapp.types import Answer, Hit

_Turns = list[tuple[Literal["user", "assistant"], str]]


class RagRetriever(BaseRetriever):
    """Finds chunks for a query; each Document's metadata says where its text stands.

    `rag` is a `Rag`, or a `Rags` over several collections; `where` is a filter as `Rag.search`
    takes it.

    >>> RagRetriever(rag=rag, top_k=3).invoke("opening hours")  # doctest: +SKIP
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rag: Asking
    top_k: int | None = None
    where: Filter | str | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun
    ) -> list[LangChainDocument]:
        hits = self.rag.search(query, top_k=self.top_k, where=self.where)
        return [_to_document(hit) for hit in hits]


class ChatRagapp(BaseChatModel):
    """Answers the last human message from the documents; earlier messages are the history.

    `response_metadata` holds "citations", "abstained" and "engine". System messages are ignored:
    the prompt is ragapp's own.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    rag: Asking
    top_k: int | None = None
    where: Filter | str | None = None

    @property
    def _llm_type(self) -> str:
        return "ragapp"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        history, question = _turns(messages)
        answer = self.rag.ask(question, top_k=self.top_k, history=history, where=self.where)
        message = AIMessage(content=answer.text, response_metadata=_metadata(answer))
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        history, question = _turns(messages)
        stream = self.rag.stream(question, top_k=self.top_k, history=history, where=self.where)
        for piece in stream:
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager is not None:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        metadata = _metadata(stream.answer)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", response_metadata=metadata))


def _to_document(hit: Hit) -> LangChainDocument:
    metadata = {key: value for key, value in hit.to_dict().items() if key != "text"}
    return LangChainDocument(page_content=hit.text, metadata=metadata, id=hit.chunk_id)


def _turns(messages: Sequence[BaseMessage]) -> tuple[_Turns, str]:
    """Return the history and the question, which is the last message. Raises UsageError."""
    turns: _Turns = []
    for message in messages:
        if message.type == "human":
            turns.append(("user", str(message.text)))
        elif message.type == "ai":
            turns.append(("assistant", str(message.text)))
    if not turns or turns[-1][0] != "user":
        raise UsageError(
            "the conversation has no question", hint="end the messages with a human message"
        )
    return turns[:-1], turns[-1][1]


def _metadata(answer: Answer) -> dict[str, Any]:
    values = answer.to_dict()
    return {key: values[key] for key in ("citations", "abstained", "engine", "usage")}
