"""Folders of passages, questions and qrels: what is read, and the one line for what is wrong."""

import gzip
import json

import pytest

from ragapp.errors import CorruptFileError, NotFoundError, RagError, UsageError
from ragapp.evaluation.folder import (
    Passage,
    read_folder,
    read_passages,
    with_distractors,
    with_unanswerable,
)

CORPUS = [{"_id": "a", "title": "Dome", "text": "It closes."}, {"_id": "b", "text": "It opens."}]
QUERIES = [
    {"_id": "q1", "text": "When?", "answers": ["now"]},
    {"_id": "q2", "text": "Why?", "answerable": False},
    {"_id": "q3", "text": "Who?"},
    {"_id": "q4", "text": "Where?"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\ta\t1\nq1\tb\t0\nq3\tb\t0\n"


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write(folder, *, corpus=None, queries=None, qrels=QRELS):
    (folder / "corpus.jsonl").write_text(corpus or lines(CORPUS), encoding="utf-8")
    (folder / "queries.jsonl").write_text(queries or lines(QUERIES), encoding="utf-8")
    (folder / "qrels.tsv").write_text(qrels, encoding="utf-8")
    return folder


def asked(folder):
    return {question.id: question for question in read_folder(folder).questions.questions}


def test_passages_keep_their_ids_titles_and_order(tmp_path):
    passages = read_folder(write(tmp_path)).passages

    assert passages == (Passage("a", "Dome", "It closes."), Passage("b", "", "It opens."))


def test_rows_of_score_0_are_not_relevant(tmp_path):
    assert asked(write(tmp_path))["q1"].relevant == {"a": 1}


def test_a_question_of_nothing_but_zeros_is_unanswerable(tmp_path):
    assert not asked(write(tmp_path))["q3"].is_answerable


def test_a_marked_question_is_unanswerable(tmp_path):
    assert not asked(write(tmp_path))["q2"].is_answerable


def test_a_marked_question_keeps_its_relevant_passage(tmp_path):
    question = asked(write(tmp_path, qrels="q2\ta\t1\n"))["q2"]

    assert (question.is_answerable, question.relevant) == (False, {"a": 1})


def test_a_question_without_row_and_mark_is_left_out_and_counted(tmp_path):
    questions = read_folder(write(tmp_path)).questions

    assert "q4" not in {question.id for question in questions.questions}
    assert questions.n_left_out == 1


@pytest.mark.parametrize(
    "qrels", ["q1\ta\t1\n", "q1 0 a 1\n", "q1\t0\ta\t1\n", "h\th\tscore\nq1\ta\t1.0\n", "\nq1 a 1"]
)
def test_qrels_may_have_a_header_or_four_columns(tmp_path, qrels):
    assert asked(write(tmp_path, qrels=qrels))["q1"].relevant == {"a": 1}


def test_gzipped_files_and_beirs_folder_of_qrels_are_read(tmp_path):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(QRELS, encoding="utf-8")
    for name, rows in (("corpus", CORPUS), ("queries", QUERIES)):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.write(lines(rows))

    assert asked(tmp_path)["q1"].relevant == {"a": 1}


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_a_missing_file_is_named(tmp_path, name):
    (write(tmp_path) / name).unlink()

    with pytest.raises(NotFoundError, match=name.replace(".", "[.]")):
        read_folder(tmp_path)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NotFoundError, match="nowhere"):
        read_folder(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"corpus": lines(CORPUS) + "{\n"}, "corpus.jsonl, line 3: not valid JSON"),
        ({"queries": '{"_id": "q1"}\n'}, "queries.jsonl, line 1: 'text' is None"),
        ({"queries": "[1]\n"}, "queries.jsonl, line 1: expected an object"),
        ({"corpus": lines([{"title": "x"}])}, "corpus.jsonl, line 1: '_id' is None"),
        ({"corpus": lines([CORPUS[0], CORPUS[0]])}, "line 2: the id 'a' stands twice"),
        ({"corpus": lines([{"_id": "a", "text": 3}])}, "line 1: 'text' is 3"),
        ({"queries": lines([QUERIES[0], QUERIES[0]])}, "the id 'q1' stands twice"),
        ({"queries": '{"_id": "q", "text": "x", "answers": 3}'}, "'answers' is 3"),
        ({"queries": '{"_id": "q", "text": "x", "answerable": "no"}'}, "'answerable' is 'no'"),
        ({"qrels": "q1\ta\t1\nq9\ta\t1\n"}, "qrels.tsv, line 2: no question has the id 'q9'"),
        ({"qrels": "q1\tz\t1\n"}, "line 1: no passage of the corpus has the id 'z'"),
        ({"qrels": "q1\ta\t1\nq1\tb\tx\n"}, "line 2: the score is 'x'"),
        ({"qrels": "q1\ta\n"}, "line 1: 2 columns"),
        ({"qrels": "\n"}, "holds no judgement"),
        ({"qrels": "a\tb\tscore\n"}, "holds no judgement"),
        ({"corpus": "\n"}, "holds no passage"),
        ({"queries": "\n"}, "holds no question"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_place(tmp_path, files, message):
    with pytest.raises(CorruptFileError) as caught:
        read_folder(write(tmp_path, **files))

    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("data", [b"\x1f\x8b\x08broken", b"plain text", b""])
def test_a_broken_gzip_file_is_one_line(tmp_path, data):
    (write(tmp_path) / "corpus.jsonl").unlink()
    (tmp_path / "corpus.jsonl.gz").write_bytes(data)

    with pytest.raises(CorruptFileError, match=r"corpus\.jsonl\.gz"):
        read_folder(tmp_path)


def test_a_file_of_another_encoding_is_one_line(tmp_path):
    (write(tmp_path) / "queries.jsonl").write_bytes(
        '{"_id": "q", "text": "问题"}'.encode("gb18030")
    )

    with pytest.raises(CorruptFileError, match="not UTF-8"):
        read_folder(tmp_path)


def test_a_byte_order_mark_is_no_error(tmp_path):
    write(tmp_path, queries="\ufeff" + lines(QUERIES))

    assert "q1" in asked(tmp_path)


def test_distractors_are_passages_too(tmp_path):
    known = read_folder(write(tmp_path))
    (tmp_path / "more.jsonl").write_text(lines([{"_id": "c", "text": "x"}, {"_id": "d"}]))

    enlarged = with_distractors(known, read_passages(tmp_path / "more.jsonl", limit=1))

    assert [passage.id for passage in enlarged.passages] == ["a", "b", "c"]


def test_a_distractor_with_a_known_id_is_an_error(tmp_path):
    with pytest.raises(UsageError, match="'a'"):
        with_distractors(read_folder(write(tmp_path)), [Passage("a", "", "x")])


def test_questions_of_another_file_are_unanswerable(tmp_path):
    known = read_folder(write(tmp_path))
    (tmp_path / "more.jsonl").write_text(lines([{"_id": "n", "text": "x", "answers": ["y"]}]))

    added = with_unanswerable(known, tmp_path / "more.jsonl").questions.questions[-1]

    assert (added.id, added.is_answerable, added.answers) == ("n", False, ())


def test_an_unanswerable_question_with_a_known_id_is_an_error(tmp_path):
    known = read_folder(write(tmp_path))

    with pytest.raises(RagError, match="'q1'"):
        with_unanswerable(known, tmp_path / "queries.jsonl")
