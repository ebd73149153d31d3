"""The sample corpus from files to cited answers, with the embedded model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from bench.followups import evaluate as lead
from bench.followups import followups, recall
from bench.sample_questions import CORPUS, Result, evaluate, summary
from ingest import IngestReport, ingest_paths
from ragapp import Rag, open_rag
from ragapp.types import Document

LINES = (CORPUS / "questions.jsonl").read_text(encoding="utf-8").splitlines()
QUESTIONS = [json.loads(line) for line in LINES]
ANSWERABLE = [question for question in QUESTIONS if question["answerable"]]
ANSWERED = 26
REFUSED = 6


class Corpus(NamedTuple):
    """The corpus once ingested: what became of its files and of its questions."""

    rag: Rag
    report: IngestReport
    results: list[Result]

    def document(self, source: str) -> Document:
        return self.rag.document(self.rag.document_info(str(CORPUS / source)).id)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    with open_rag(tmp_path_factory.mktemp("corpus") / "collection", ocr="off") as rag:
        report = ingest_paths(rag, [CORPUS])
        yield Corpus(rag, report, evaluate(rag))


# --- the question set


def test_there_are_forty_questions_each_with_its_own_id():
    assert len({question["id"] for question in QUESTIONS}) == len(QUESTIONS) == 40


def test_half_of_the_questions_are_in_each_language():
    assert Counter(question["language"] for question in QUESTIONS) == {"en": 20, "zh": 20}


def test_eight_questions_have_no_answer():
    unanswerable = [question for question in QUESTIONS if not question["answerable"]]

    assert len(unanswerable) == 8
    assert all(not q["answers"] and q["source"] is None for q in unanswerable)


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_an_expected_answer_stands_word_for_word_in_its_document(corpus, question):
    text = corpus.document(question["source"]).text

    assert question["answers"]
    assert [answer for answer in question["answers"] if answer not in text] == []


@pytest.mark.parametrize(
    "question", [q for q in ANSWERABLE if q["page"]], ids=lambda question: question["id"]
)
def test_an_expected_answer_stands_on_its_page(corpus, question):
    document = corpus.document(question["source"])
    (span,) = [span for span in document.pages if span.number == question["page"]]

    page = document.text[span.start : span.end]
    assert any(answer in page for answer in question["answers"])


# --- the conversations


def test_there_are_sixty_conversations_half_in_each_language_and_half_to_check():
    counts = Counter((f["language"], f["half"]) for f in followups())

    assert set(counts.values()) == {15}
    assert len(counts) == 4


@pytest.mark.parametrize("followup", followups(), ids=lambda followup: followup["id"])
def test_an_answer_to_a_follow_up_stands_in_its_document(corpus, followup):
    text = "".join(corpus.document(followup["source"]).text.split())

    assert ["".join(answer.split()) in text for answer in followup["answers"]] == [True]


def test_follow_ups_find_what_questions_in_full_find(corpus):
    chosen = [f for f in followups() if f["half"] == "check" and f["kind"] != "shift"][::3]

    results = lead(corpus.rag, chosen)

    assert recall([r.carried for r in results], 5) == recall([r.oracle for r in results], 5) == 1.0


# --- ingestion


def outcomes(corpus: Corpus) -> dict[str, tuple[str, str]]:
    return {
        Path(outcome.path).relative_to(CORPUS).as_posix(): (outcome.outcome, outcome.code)
        for outcome in corpus.report.outcomes
    }


def test_every_file_of_the_corpus_has_an_outcome(corpus):
    files = {
        path.relative_to(CORPUS).as_posix()
        for language in ("en", "zh")
        for path in (CORPUS / language).rglob("*.*")
    }

    assert outcomes(corpus).keys() == files


def test_the_damaged_and_the_scanned_file_fail_for_their_own_reasons(corpus):
    failed = {
        name: code for name, (outcome, code) in outcomes(corpus).items() if outcome == "failed"
    }

    assert failed == {
        "en/dome-2-shutter-inspection.pdf": "corrupt",
        "zh/scan-duty-roster.pdf": "no_text",
    }


def test_the_exact_duplicate_is_one_document_under_two_names(corpus):
    (duplicate,) = [o for o in corpus.report.outcomes if o.outcome == "duplicate"]
    pair = {str(CORPUS / "en" / n) for n in ("data-access-policy.pdf", "archive/policy-dp-02.pdf")}

    assert {duplicate.path, duplicate.duplicate_of} == pair
    assert set(corpus.rag.document_info(duplicate.path).sources) == pair


def test_the_revised_document_is_linked_to_the_one_before(corpus):
    before, after = (
        corpus.rag.document_info(str(CORPUS / "en" / f"weather-limits-{year}.md"))
        for year in (2023, 2025)
    )

    assert (before.revisions, after.revisions) == ((after.id,), (before.id,))


def test_no_other_documents_are_linked(corpus):
    assert sum(1 for info in corpus.rag.documents() if info.revisions) == 2


def test_the_corpus_holds_four_or_more_pdfs_of_several_pages(corpus):
    pdfs = [info for info in corpus.rag.documents() if info.format == "pdf" and info.n_pages > 1]

    assert len(pdfs) >= 4


def test_the_corpus_holds_both_languages_in_equal_parts(corpus):
    languages = Counter(info.language for info in corpus.rag.documents())

    assert languages.keys() == {"en", "zh-Hans"}
    assert abs(languages["en"] - languages["zh-Hans"]) <= 2


def test_no_chunk_is_longer_than_the_embedder_reads(corpus):
    pieces = [
        item.chunk.embedded_text
        for info in corpus.rag.documents()
        for item in corpus.rag.collection.document_chunks(info.id)
    ]

    assert max(corpus.rag.embedder.count_tokens(pieces)) <= corpus.rag.embedder.max_tokens


def test_the_collection_is_sound(corpus):
    assert corpus.rag.collection.problems() == []


# --- questions


def test_the_right_document_is_in_the_top_five_for_all_but_one(corpus):
    assert summary(corpus.results)["right document in the top 5"] >= len(ANSWERABLE) - 1


def test_the_answer_holds_the_expected_text_for_26_of_32(corpus):
    assert summary(corpus.results)["answer holds the expected text"] >= ANSWERED


def test_six_of_eight_unanswerable_questions_are_refused(corpus):
    assert summary(corpus.results)["rightly refused"] >= REFUSED


def test_every_answer_that_is_no_refusal_has_a_citation(corpus):
    bare = [
        result.question["id"]
        for result in corpus.results
        if not result.answer.abstained and not result.answer.citations
    ]

    assert bare == []


def test_every_quote_stands_at_its_place_in_its_document(corpus):
    citations = [c for result in corpus.results for c in result.answer.citations]
    wrong = [
        citation
        for citation in citations
        if corpus.rag.document(citation.document_id).text[citation.start : citation.end]
        != citation.quote
    ]

    assert len(citations) >= ANSWERED
    assert wrong == []


def test_every_citation_of_a_pdf_names_the_page_on_which_its_quote_begins(corpus):
    for result in corpus.results:
        for citation in result.answer.citations:
            pages = corpus.rag.document(citation.document_id).pages
            begins_on = [p.number for p in pages if p.start <= citation.start < p.end]
            assert [citation.page] == (begins_on or [None])


def test_the_quotes_are_the_answer(corpus):
    for result in corpus.results:
        quoted = [c.quote for c in result.answer.citations]
        assert result.answer.abstained or all(q in result.answer.text for q in quoted)


# --- again


def test_a_second_ingestion_embeds_nothing(corpus):
    again = ingest_paths(corpus.rag, [CORPUS])

    assert (again.chunks_new, again.count("failed")) == (0, 2)
    assert again.count("skipped") == again.seen - 2


def test_a_citation_names_the_revision_that_states_other_facts(corpus):
    citations = corpus.rag.ask("At what mean wind does the dome close?").citations
    limits = [c for c in citations if "weather-limits" in c.source]
    assert limits
    for citation in limits:
        (other,) = citation.revisions
        assert "weather-limits" in other
        assert other != citation.source


def test_a_document_without_revisions_names_none(corpus):
    (first, *_) = corpus.rag.ask("How low can the Heron telescope be pointed?").citations
    assert first.revisions == ()


def test_the_two_wind_limits_are_given_with_the_days_of_both_revisions(corpus):
    result = next(r for r in corpus.results if r.question["id"] == "en-08")
    (conflict,) = result.answer.conflicts

    assert conflict.differs == ("number",)
    assert sorted(conflict.values) == [("15",), ("18",)]
    days = {side.source[-7:-3]: side.date.day for side in (conflict.cited, conflict.other)}
    assert days == {"2023": "2023-03-06", "2025": "2025-02-17"}


def test_no_other_question_of_the_corpus_meets_a_contradiction(corpus):
    contradicted = {r.question["id"] for r in corpus.results if r.answer.conflicts}

    assert contradicted == {"en-08"}
