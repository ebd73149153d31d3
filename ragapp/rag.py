"""The question pipeline: retrieve -> fit -> prompt -> stream -> cite. `ask` drains `stream`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event
from typing import Unpack

from ragapp.citing import cite, with_revisions
from ragapp.closing import Closing
from ragapp.collection import BackupReport, Collection, Searched, Selection
from ragapp.confidence import confidence
from ragapp.errors import NotFoundError
from ragapp.explaining import Explanation, explain
from ragapp.filters import Where, filter_of
from ragapp.health import Health, examine
from ragapp.prompting import build_messages, fit, is_refusal, refusal
from ragapp.protocols import Embedder, LanguageModel, Reranker
from ragapp.questions import Turn, checked, search_text, without_markers
from ragapp.searching import Searcher, SearchOptions
from ragapp.settings import Settings, load_settings
from ragapp.stored import DocumentInfo
from ragapp.streaming import AnswerStream, Clock
from ragapp.support import likeness_by
from ragapp.types import (
    Answer,
    Completion,
    Document,
    GenerationOptions,
    Hit,
    Message,
    Usage,
)
from ragapp.verifying import Verified, verify, without_ungrounded

_Turns = Sequence[Turn]
_Search = Callable[[str], list[Hit]]
_Write = Callable[[Sequence[Message]], Iterator[Completion]]

_TEMPLATE_TOKENS = 96  # what a chat template and the breaks between passages may add


class Asking(Closing):
    """The question pipeline over whatever `selection` gives. Safe to use from several threads."""

    def __init__(
        self, settings: Settings, searcher: Searcher, language_model: LanguageModel
    ) -> None:
        self.settings = settings
        self.searcher = searcher
        self.embedder = searcher.embedder
        self.language_model = language_model

    @abstractmethod
    def selection(self, where: Where | None = None) -> Searched:
        """Return what a filter lets pass of what is asked. Raises UsageError."""

    def ask(
        self,
        question: str,
        *,
        top_k: int | None = None,
        history: Sequence[Turn] = (),
        where: Where | None = None,
        adapter: str | None = None,
    ) -> Answer:
        """Answer a question from the documents, or from what `where` lets pass of them.

        `history` are the earlier turns of the conversation, oldest first, each ("user", text) or
        ("assistant", text). `adapter` is the name or folder of a LoRA adapter, "" for the model as
        it is, None for the setting `adapter`. Raises UsageError for an empty question, a filter
        that is none or an engine without adapters, ModelNotFoundError when the model or adapter is
        not on this machine, ModelError when the adapter is broken or another model's.
        """
        return self.stream(
            question, top_k=top_k, history=history, where=where, adapter=adapter
        ).answer

    def stream(
        self,
        question: str,
        *,
        top_k: int | None = None,
        history: Sequence[Turn] = (),
        where: Where | None = None,
        adapter: str | None = None,
    ) -> AnswerStream:
        """Answer a question piece by piece; arguments and errors as for `ask`."""
        question, cancelled = checked(question), Event()
        search = partial(self.search, top_k=top_k, where=filter_of(where))
        options = self._options(adapter)
        write = partial(self.language_model.stream, options=options, cancelled=cancelled)
        return AnswerStream(self._answer(question, history, search, write, cancelled), cancelled)

    def search(
        self, query: str, *, where: Where | None = None, **options: Unpack[SearchOptions]
    ) -> list[Hit]:
        """Return the best chunks for a query, best first; `options` as in `SearchOptions`.

        `where` is a filter such as ``Language("zh") & Source("reports/*")``, or its text. Raises
        UsageError for an empty query, a filter that is none, or an option out of its range.
        """
        question = checked(query)
        return self.searcher.find(question, self.selection(where), **options).hits()

    def explain(
        self, query: str, *, where: Where | None = None, **options: Unpack[SearchOptions]
    ) -> Explanation:
        """Return how each stage of `search` came to its hits; arguments and errors as there."""
        question, selection = checked(query), self.selection(where)
        found = self.searcher.find(question, selection, **options)
        return explain(question, found, selection, readable=self.embedder.coverage(question))

    def _answer(
        self, question: str, history: _Turns, search: _Search, write: _Write, cancelled: Event
    ) -> Iterator[str | Answer]:
        """Yield the answer's text in pieces, then the Answer."""
        clock = Clock()
        hits = search(search_text(question, history))
        clock.retrieve = clock.now()
        turns = without_markers(history)
        passages = self._fit(question, hits, turns)
        messages = build_messages(question, passages, history=turns)
        clock.prompt = clock.now()
        text, usage = "", Usage()
        if confidence(hits) >= self.settings.abstain_below:
            for piece in write(messages):
                usage = piece.usage or usage
                if piece.text:
                    clock.first_token = clock.first_token or clock.now()
                    text += piece.text
                    yield piece.text
        abstained = not cancelled.is_set() and (not text.strip() or is_refusal(text))
        if abstained and not text.strip():
            text, clock.first_token = refusal(question), clock.now()
            yield text
        verified = self._verified(text, passages, abstained=abstained)
        if not verified.text and not cancelled.is_set():  # nothing of it was supported
            verified, abstained = Verified(refusal(question), (), ()), True
        yield Answer(
            question=question,
            text=verified.text,
            abstained=abstained,
            citations=with_revisions(verified.citations, self.selection().revisions_of),
            statements=verified.statements,
            hits=tuple(hits),
            engine=self.language_model.name,
            timings_ms=clock.timings(),
            usage=usage,
        )

    def _verified(self, text: str, passages: Sequence[Hit], *, abstained: bool) -> Verified:
        """Return the answer with checked citations; its text is "" where nothing may be shown.

        The setting `unsupported` says what becomes of sentences that no passage supports.
        """
        cited, citations = cite(text, passages)
        if abstained:
            return Verified(cited, citations, ())
        similar = likeness_by(self.embedder)
        verified = verify(cited, passages, similar=similar)
        policy = self.settings.unsupported
        is_grounded = all(statement.is_grounded for statement in verified.statements)
        if policy == "mark" or is_grounded:
            return verified
        if policy == "refuse":
            return replace(verified, text="")
        return verify(without_ungrounded(verified), passages, similar=similar)

    def _fit(self, question: str, hits: Sequence[Hit], turns: Sequence[Message]) -> tuple[Hit, ...]:
        """Return the hits as passages of a prompt, neighbours joined, within the budget."""
        bare = build_messages(question, (), history=turns)
        return fit(
            hits,
            passage_tokens=self._passage_tokens(bare),
            count_tokens=self.language_model.count_tokens,
            text_of=self.selection().text_of,
        )

    def _passage_tokens(self, bare: Sequence[Message]) -> int:
        """Return how many tokens of passages fit beside the bare prompt and the answer."""
        n_bare = sum(self.language_model.count_tokens([message.text for message in bare]))
        room = self.language_model.context_tokens - self.settings.max_new_tokens
        return max(0, min(self.settings.passage_tokens, room - n_bare - _TEMPLATE_TOKENS))

    def _options(self, adapter: str | None) -> GenerationOptions:
        return GenerationOptions(
            max_new_tokens=self.settings.max_new_tokens,
            temperature=self.settings.temperature,
            adapter=self.settings.adapter if adapter is None else adapter,
        )


class Rag(Asking):
    """Questions over one collection. Safe to use from several threads.

    Made by `ragapp.open_rag`; use it in a `with` block, or call `close`.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        collection: Collection,
        embedder: Embedder,
        language_model: LanguageModel,
        reranker: Reranker | None = None,
    ) -> None:
        super().__init__(settings, Searcher(settings, embedder, reranker), language_model)
        self.collection = collection
        self.conversations = collection.conversations

    def selection(self, where: Where | None = None) -> Selection:
        """Return what a filter lets pass of the collection. Raises UsageError."""
        return self.collection.selection(filter_of(where))

    def documents(self) -> list[DocumentInfo]:
        """Return all documents without their texts, in the order in which they were added."""
        return self.collection.documents()

    def document(self, document_id: str) -> Document:
        """Return a document with its text. Raises NotFoundError for an unknown id."""
        return self.collection.document(document_id)

    def document_info(self, name: str) -> DocumentInfo:
        """Return the facts of the document with this id or source. Raises NotFoundError."""
        for info in self.collection.documents():
            if name == info.id or name in info.sources:
                return info
        raise NotFoundError(
            f"no document has the id or path {name!r}", hint="list them: ragapp docs list"
        )

    def remove(self, document_id: str) -> tuple[str, ...]:
        """Remove a document; return the sources that held it. Raises NotFoundError."""
        with self.collection.writing(is_growing=False):
            return self.collection.remove(document_id)

    def reindex(self) -> int:
        """Embed what the configured embedder has not embedded and build the index anew.

        Returns the number of chunks embedded.
        """
        return self.collection.reindex(self.embedder)

    def health(self, *, is_deep: bool = False) -> Health:
        """Return versions, devices, models and the collection's state, and what is wrong."""
        return examine(
            settings=self.settings,
            collection=self.collection,
            embedder=self.embedder,
            language_model=self.language_model,
            is_deep=is_deep,
        )

    def backup(self, path: str | Path, *, is_forced: bool = False) -> BackupReport:
        """Write the collection as one checked file; a file in its place needs `is_forced`."""
        return self.collection.back_up(Path(path), is_forced=is_forced)

    @staticmethod
    def restore(
        path: str | Path, collection: str | Path | None = None, *, is_forced: bool = False
    ) -> BackupReport:
        """Make a collection what a backup holds; one that is not empty needs `is_forced`."""
        settings = load_settings(collection=collection)
        return Collection.restore(
            Path(path), settings.collection, index_name=settings.index, is_forced=is_forced
        )

    def close(self) -> None:
        """Free the database; the object cannot be used afterwards."""
        self.collection.close()
