"""What contradicts a cited sentence, and what only looks like it."""

from __future__ import annotations

import json
import os
import re

import pytest
from made_hits import make_hit
from opened_rag import open_fake_rag
from stored_documents import make_document

from ingest import ingest_paths
from ragapp import Rags
from ragapp.citing import citation_of
from ragapp.conflict import Conflict, DocumentDate
from ragapp.conflicting import conflicts_of
from ui.evidence import cited_evidence
from ui.labels import CONTRADICTED, say_in
from ui.markup import evidence_markup

DAY = DocumentDate("2024-05-01", "declared")
LIMITS = (
    "# Limits of the mill\n\n{head}\n\nThe mill wheel must be stopped when the stream rises {rise}."
    " Nobody enters the mill while the wheel is turning and the gate is open."
    " The gate is closed by hand from the north bank, by two people who wear gloves."
    " The miller writes the time and the level into the book of the mill each evening.\n"
)
SENTENCE = "The mill wheel must be stopped when the stream rises {}."


class Documents:
    """The revisions of whatever is cited; every document is of one day."""

    def __init__(self, *texts):
        self.revisions = [make_document(text, source=f"{n}.md") for n, text in enumerate(texts)]

    def revision_documents(self, citation):
        return self.revisions

    def date_of(self, collection, document_id, source):
        return DAY


def found(cited, *, revision="", other=""):
    """Return what contradicts a cited sentence, in a revision or another document that was hit."""
    hit = make_hit(cited)
    hits = [hit, make_hit(other, rank=2, document="d2")] if other else [hit]
    documents = Documents(revision) if revision else Documents()
    return conflicts_of([citation_of(1, hit, (0, len(cited)))], hits, documents)


@pytest.mark.parametrize(
    ("cited", "other", "differs"),
    [
        (SENTENCE.format("40 cm"), SENTENCE.format("60 cm"), ("number",)),
        (SENTENCE.format("by two metres"), SENTENCE.format("by three metres"), ("number",)),
        ("水位上涨四十厘米时必须停下水车。", "水位上涨60厘米时必须停下水车。", ("number",)),
        ("The mill opened to guests on 3 May 1998.", "The mill opened to guests on 4 May 1998.", ("date",)),
        ("新磨坊于2019年3月5日向公众开放。", "新磨坊于2019年4月5日向公众开放。", ("date",)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["revision", "other"])
def test_the_same_words_with_another_number_or_date_contradict(cited, other, differs, place):
    (conflict,) = found(cited, **{place: f"Before. {other} After."})

    assert conflict.differs == differs
    assert (conflict.cited.quote, conflict.other.quote) == (cited, other)
    assert conflict.other.date == DAY


def test_a_revision_that_negates_contradicts():
    cited = "Visitors may enter the mill while the wheel is turning."

    (conflict,) = found(cited, revision=cited.replace("may", "may not"))

    assert conflict.differs == ("negation",)


@pytest.mark.parametrize("place", ["revision", "other"])
@pytest.mark.parametrize(
    ("cited", "other"),
    [
        (SENTENCE.format("40 cm"), SENTENCE.format("40 cm")),
        (SENTENCE.format("twelve metres"), SENTENCE.format("12 metres")),
        ("Pump 3 is rated for 30 bar and no more.", "Pump 4 is rated for 35 bar and no more."),
        ("The Osk mill grinds 30 sacks of rye a day.", "The Dun mill grinds 35 sacks of rye a day."),
        ("第3号水泵的额定压力为三十巴左右。", "第4号水泵的额定压力为三十五巴左右。"),
        ("It costs 30.", "It costs 35."),
        ("The mill grinds 30 sacks of rye a day.", "The bakery sells 35 loaves of bread a week."),
    ],
)  # fmt: skip
def test_what_is_said_alike_or_of_another_thing_contradicts_nothing(cited, other, place):
    assert found(cited, **{place: other}) == ()


@pytest.mark.parametrize(
    ("cited", "other"),
    [
        ("The mill ground 1,200 sacks of rye in 2023.", "The mill ground 1,450 sacks of rye in 2024."),
        ("| Sacks of rye ground | 1,200 | north bank |", "| Sacks of rye ground | 1,450 | north bank |"),
    ],
)  # fmt: skip
def test_another_year_or_table_contradicts_nothing_unless_in_a_revision(cited, other):
    assert found(cited, other=other) == ()
    assert found(cited, revision=other)


def test_a_document_that_states_both_contradicts_nothing():
    both = f"{SENTENCE.format('60 cm')} {SENTENCE.format('40 cm')}"

    assert found(SENTENCE.format("40 cm"), revision=both) == ()


def test_a_conflict_comes_back_from_its_json():
    (conflict,) = found(SENTENCE.format("40 cm"), revision=SENTENCE.format("60 cm"))

    assert Conflict.of(json.loads(json.dumps(conflict.to_dict()))) == conflict


# --- in a collection


@pytest.fixture
def folder(tmp_path):
    """Two revisions of one instruction, the second dated by its own text."""
    (tmp_path / "old.md").write_text(LIMITS.format(head="For all.", rise="40 cm"))
    (tmp_path / "new.md").write_text(LIMITS.format(head="Of 2 July 2025.", rise="60 cm"))
    os.utime(tmp_path / "old.md", (1_600_000_000, 1_600_000_000))
    return tmp_path


def conflicts(rag):
    return rag.ask("When must the mill wheel be stopped?").conflicts


def test_an_answer_gives_both_with_their_days(folder):
    with open_fake_rag(folder / "c", abstain_below=0.0) as rag:
        ingest_paths(rag, [folder / "old.md", folder / "new.md"])
        (conflict,) = conflicts(rag)

    days = {side.source.rpartition("/")[2]: side.date for side in (conflict.cited, conflict.other)}
    assert days["new.md"] == DocumentDate("2025-07-02", "stated")
    assert days["old.md"].origin == "file"
    assert re.fullmatch(r"2020-09-1\d", days["old.md"].day)


def test_both_quotes_are_verbatim(folder):
    with open_fake_rag(folder / "c", abstain_below=0.0) as rag:
        ingest_paths(rag, [folder / "old.md", folder / "new.md"])
        (conflict,) = conflicts(rag)

        for side in (conflict.cited, conflict.other):
            assert rag.document(side.document_id).text[side.start : side.end] == side.quote


def test_documents_of_different_collections_contradict_each_other(folder):
    for name in ("old", "new"):
        with open_fake_rag(folder / name) as rag:
            ingest_paths(rag, [folder / f"{name}.md"])
    with Rags([open_fake_rag(folder / name, abstain_below=0.0) for name in ("old", "new")]) as rags:
        (conflict,) = conflicts(rags)

    assert {side.collection for side in (conflict.cited, conflict.other)} == {
        str((folder / name).resolve()) for name in ("old", "new")
    }


def test_the_page_tells_the_contradiction_in_both_languages(folder):
    with open_fake_rag(folder / "c", abstain_below=0.0) as rag:
        ingest_paths(rag, [folder / "old.md", folder / "new.md"])
        answer = rag.ask("When must the mill wheel be stopped?")
        evidence, *_ = cited_evidence(answer, rag)

    other = answer.conflicts[0].other
    assert other.quote in evidence.contradicted[0]
    assert other.date.day in evidence.contradicted[0]
    for language, name in (("en", CONTRADICTED.en), ("zh", CONTRADICTED.zh)):
        assert name in evidence_markup(evidence, turn=0, say=say_in(language))
