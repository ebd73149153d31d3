"""The question pipeline: retrieve -> fit -> prompt -> stream -> cite. `ask` drains `stream`."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Unpack

from ragapp.calibration import Calibration
from ragapp.citing import cite, with_revisions
from ragapp.closing import Closing
from ragapp.collection import BackupReport, Collection, Searched, Selection
from ragapp.conflicting import conflicts_of
from ragapp.errors import NotFoundError
from ragapp.explaining import Explanation, explain
from ragapp.filters import Where, filter_of
from ragapp.fitting import Asked, Prompt, fit_prompt
from ragapp.health import Health, examine
from ragapp.language_models.extractive import ExtractiveModel
from ragapp.prompting import is_refusal, refusal
from ragapp.protocols import Embedder, Entailment, LanguageModel, Reranker
from ragapp.questions import AskOptions, Turn, checked, search_text
from ragapp.rated import Verdict
from ragapp.retrieval import Found
from ragapp.rewriting import rewritten
from ragapp.searching import Searcher, SearchOptions
from ragapp.settings import Settings, generation_options, load_settings
from ragapp.stored import DocumentInfo
from ragapp.streaming import AnswerStream, Clock
from ragapp.support import likeness_by
from ragapp.templates import load_template
from ragapp.tracing import trace_of
from ragapp.trust import Labelled, Trust, calibrate_in, trust_in, trust_of
from ragapp.types import Answer, Completion, Document, Hit, Usage
from ragapp.verifying import Verified, as_policy


class Asking(Closing):
    """The question pipeline over whatever `selection` gives. Safe to use from several threads."""

    def __init__(
        self, settings: Settings, searcher: Searcher, language_model: LanguageModel
    ) -> None:
        self.settings = settings
        self.searcher = searcher
        self.embedder = searcher.embedder
        self.language_model = language_model
        self.entailment: Entailment | None = None
        self.quoting = ExtractiveModel(searcher.embedder)

    @abstractmethod
    def selection(self, where: Where | None = None) -> Searched:
        """Return what a filter lets pass of what is asked. Raises UsageError."""

    def trust(self) -> Trust:
        """Return what decides on refusals: the default fit."""
        return trust_of(self.settings)

    def ask(self, question: str, **options: Unpack[AskOptions]) -> Answer:
        """Answer a question from the documents; `options` as in `AskOptions`.

        Raises UsageError for an empty question, a filter that is none or an engine without
        adapters, SettingsError for a template that is none, ModelNotFoundError when the model or
        adapter is not on this machine, ModelError when the adapter is broken or another model's.
        """
        return self.stream(question, **options).answer

    def stream(self, question: str, **options: Unpack[AskOptions]) -> AnswerStream:
        """Answer a question piece by piece; arguments and errors as for `ask`."""
        asked, cancelled = self._asked(checked(question), **options), Event()
        return AnswerStream(self._answer(asked, cancelled), cancelled)

    def search(
        self, query: str, *, where: Where | None = None, **options: Unpack[SearchOptions]
    ) -> list[Hit]:
        """Return the best chunks for a query, best first; `options` as in `SearchOptions`.

        `where` is a filter such as ``Language("zh") & Source("reports/*")``, or its text. Raises
        UsageError for an empty query, a filter that is none, or an option out of its range.
        """
        return self.searcher.find(checked(query), self.selection(where), **options).hits()

    def explain(
        self, query: str, *, where: Where | None = None, **options: Unpack[SearchOptions]
    ) -> Explanation:
        """Return how each stage of `search` came to its hits; arguments and errors as there."""
        question, selection = checked(query), self.selection(where)
        found = self.searcher.find(question, selection, **options)
        return explain(question, found, selection, readable=self.embedder.coverage(question))

    def _asked(
        self,
        question: str,
        *,
        top_k: int | None = None,
        history: Sequence[Turn] = (),
        where: Where | None = None,
        adapter: str | None = None,
        template: str | None = None,
        quote_only: bool = False,
        trace: bool = False,
    ) -> Asked:
        if adapter is None:
            adapter = "" if quote_only else self.settings.adapter
        return Asked(
            question=question,
            searched=search_text(question, history),
            history=history,
            where=filter_of(where),
            top_k=top_k,
            model=self.quoting if quote_only else self.language_model,
            template=load_template(self.settings.template if template is None else template),
            options=generation_options(self.settings, adapter=adapter),
            is_traced=trace,
        )

    def _answer(self, asked: Asked, cancelled: Event) -> Iterator[str | Answer]:
        """Yield the answer's text in pieces, then the Answer."""
        clock, question, selection = Clock(), asked.question, self.selection(asked.where)
        asked = rewritten(asked, self.settings, cancelled)
        found = self.searcher.find(asked.searched, selection, top_k=asked.top_k)
        hits, clock.retrieve = found.hits(), clock.now()
        prompt = self._prompt(asked, hits, selection)
        clock.prompt = clock.now()
        text, usage = "", Usage()
        for piece in self._written(asked, prompt, hits, cancelled):
            usage = piece.usage or usage
            if piece.text:
                clock.first_token = clock.first_token or clock.now()
                text += piece.text
                yield piece.text
        abstained = not cancelled.is_set() and (
            not text.strip() or is_refusal(text, asked.template)
        )
        if abstained and not text.strip():
            text, clock.first_token = refusal(question, asked.template), clock.now()
            yield text
        clock.written = clock.now()
        verified = self._verified(text, prompt.fitted.passages, abstained=abstained)
        if not verified.text and not cancelled.is_set():  # nothing of it was supported
            verified, abstained = Verified(refusal(question, asked.template), (), ()), True
        answer = Answer(
            question=question,
            text=verified.text,
            abstained=abstained,
            citations=with_revisions(verified.citations, selection.revisions_of),
            conflicts=conflicts_of(verified.citations, hits, selection),
            statements=verified.statements,
            hits=tuple(hits),
            engine=asked.model.name,
            timings_ms=clock.timings(),
            usage=usage,
            dropped_turns=prompt.n_dropped_turns,
            dropped_hits=prompt.fitted.n_left_out,
        )
        yield self._traced(answer, asked, found, prompt, clock) if asked.is_traced else answer

    def _prompt(self, asked: Asked, hits: Sequence[Hit], selection: Searched) -> Prompt:
        return fit_prompt(
            asked.question,
            hits,
            history=asked.history,
            model=asked.model,
            settings=self.settings,
            template=asked.template,
            text_of=selection.text_of,
        )

    def _written(
        self, asked: Asked, prompt: Prompt, hits: Sequence[Hit], cancelled: Event
    ) -> Iterator[Completion]:
        """Return what the model says; nothing where the hits are not sure to be about it."""
        trust = self.trust()
        if trust.confidence(asked.searched, hits, self.selection()) < trust.threshold:
            return iter(())
        return asked.model.stream(prompt.messages, options=asked.options, cancelled=cancelled)

    def _verified(self, text: str, passages: Sequence[Hit], *, abstained: bool) -> Verified:
        """Return the answer with checked citations; its text is "" where nothing may be shown."""
        cited, citations = cite(text, passages)
        if abstained:
            return Verified(cited, citations, ())
        similar, policy = likeness_by(self.embedder), self.settings.unsupported
        return as_policy(cited, passages, policy, similar=similar, entailment=self.entailment)

    def _traced(
        self, answer: Answer, asked: Asked, found: Found, prompt: Prompt, clock: Clock
    ) -> Answer:
        readable, selection = self.embedder.coverage(asked.searched), self.selection(asked.where)
        trust = self.trust()
        sure, least = trust.confidence(asked.searched, answer.hits, selection), trust.threshold
        trace = trace_of(
            answer,
            explain(asked.searched, found, selection, readable=readable),
            prompt,
            clock=clock,
            model=asked.model if sure >= least else None,
            confidence=sure,
            abstain_below=least,
        )
        return replace(answer, trace=trace)


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
        entailment: Entailment | None = None,
    ) -> None:
        super().__init__(settings, Searcher(settings, embedder, reranker), language_model)
        self.collection, self.entailment = collection, entailment
        self.conversations, self.ratings = collection.conversations, collection.ratings

    def selection(self, where: Where | None = None) -> Selection:
        """Return what a filter lets pass of the collection. Raises UsageError."""
        return self.collection.selection(filter_of(where))

    def trust(self) -> Trust:
        """Return what decides on refusals: a calibration that holds, else the default fit."""
        return trust_in(self.collection, self.settings, self.embedder)

    def calibrate(self, questions: Iterable[Labelled], *, target: float = 0.05) -> Calibration:
        """Fit when to refuse on questions, each with whether it is answerable; used from then on.

        `target` is the share of the answerable refused at most. Raises UsageError for too few.
        """
        parts = (self.collection, self.settings, self.embedder)
        return calibrate_in(*parts, questions, search=self.search, target=target)

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

    def feedback(self, answer: Answer, rating: Verdict, comment: str = "") -> int:
        """Store what a reader thinks of an answer; errors and result as of `Ratings.add`."""
        return self.ratings.add(answer.to_dict(), rating, comment)

    def remove(self, document_id: str) -> tuple[str, ...]:
        """Remove a document; return the sources that held it. Raises NotFoundError."""
        with self.collection.writing(is_growing=False):
            return self.collection.remove(document_id)

    def reindex(self) -> int:
        """Embed what the embedder has not, build the index anew; return how many it embedded."""
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
