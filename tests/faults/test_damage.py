"""Damaged files, a full disk, a reader beside a writer: right answers or one clear error."""

from __future__ import annotations

import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from ingest import ingest_paths
from ragapp import Rag
from ragapp.errors import CollectionError, NotFoundError
from tests.faults.child_ingestion import open_rag, write_documents

ROOT = Path(__file__).parents[2]
DATABASE = "ragapp.sqlite3"
N_DOCUMENTS = 16
QUESTIONS = ("Harbour 03 keeps", "What does harbour 11 keep?", "harbour")
Found = list[list[tuple[str, str, float]]]


class Sound(NamedTuple):
    """An undamaged collection and what it answers."""

    documents: Path
    collection: Path
    found: Found
    texts: dict[str, str]


def found(rag: Rag) -> Found:
    return [
        [(hit.chunk_id, hit.text, round(hit.score, 5)) for hit in rag.search(question)]
        for question in QUESTIONS
    ]


def texts(rag: Rag) -> dict[str, str]:
    return {info.id: rag.document(info.id).text for info in rag.documents()}


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Sound:
    folder = tmp_path_factory.mktemp("sound")
    write_documents(folder / "documents", N_DOCUMENTS)
    with open_rag(folder / "collection") as rag:
        ingest_paths(rag, [folder / "documents"])
        return Sound(folder / "documents", folder / "collection", found(rag), texts(rag))


@pytest.fixture
def copied(sound, tmp_path) -> Path:
    return Path(shutil.copytree(sound.collection, tmp_path / "collection"))


def index_file(collection: Path) -> Path:
    (path,) = (collection / "index").iterdir()
    return path


def flip(path: Path, place: int, mask: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ mask]))


# --- the index file


def test_a_flipped_byte_in_the_index_changes_no_answer(sound, copied):
    draw = random.Random(1)
    path = index_file(copied)
    whole = path.read_bytes()

    for _ in range(20):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(whole)
        flip(path, draw.randrange(len(whole)), 1 << draw.randrange(8))
        with open_rag(copied) as rag:
            assert found(rag) == sound.found


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_cut_off_index_changes_no_answer(sound, copied, share):
    path = index_file(copied)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    with open_rag(copied) as rag:
        assert found(rag) == sound.found


def test_a_lost_index_changes_no_answer(sound, copied):
    shutil.rmtree(copied / "index")

    with open_rag(copied) as rag:
        assert found(rag) == sound.found


def test_a_damaged_index_is_a_problem_that_is_named(copied):
    path = index_file(copied)
    flip(path, path.stat().st_size // 2, 1)

    with open_rag(copied) as rag:
        (problem,) = rag.collection.problems()

    assert path.name in problem


def test_a_damaged_index_is_set_aside_and_kept(copied):
    path = index_file(copied)
    flip(path, path.stat().st_size // 2, 1)
    damaged = path.read_bytes()

    with open_rag(copied) as rag:
        found(rag)

    assert not path.exists()
    assert (copied / "quarantine" / path.name).read_bytes() == damaged


def test_the_next_ingestion_mends_a_damaged_index(sound, copied):
    path = index_file(copied)
    flip(path, path.stat().st_size // 2, 1)

    with open_rag(copied) as rag:
        ingest_paths(rag, [sound.documents])
        problems, answers = rag.collection.problems(), found(rag)

    assert (problems, answers) == ([], sound.found)


# --- the database


def is_answered_or_reported(sound: Sound, collection: Path) -> bool:
    """Tell whether a damaged collection answers rightly or says that it is damaged."""
    try:
        with open_rag(collection) as rag:
            return _is_right(sound, rag) or bool(rag.collection.problems())
    except CollectionError:
        return True


def _is_right(sound: Sound, rag: Rag) -> bool:
    try:
        return (found(rag), texts(rag)) == (sound.found, sound.texts)
    except NotFoundError:
        return False


def test_a_flipped_bit_in_the_database_is_harmless_or_reported(sound, copied):
    draw = random.Random(2)
    path = copied / DATABASE
    whole = path.read_bytes()
    unnoticed = []

    for _ in range(60):
        place, mask = draw.randrange(len(whole)), 1 << draw.randrange(8)
        path.write_bytes(whole)
        flip(path, place, mask)
        if not is_answered_or_reported(sound, copied):
            unnoticed.append((place, mask))

    assert unnoticed == []


def test_a_damaged_document_id_is_reported(sound, copied):
    path = copied / DATABASE
    flip(path, path.read_bytes().index(next(iter(sound.texts)).encode()), 0x01)

    assert is_answered_or_reported(sound, copied)


def test_damaged_json_in_a_row_is_reported_not_raised(sound, copied):
    path = copied / DATABASE
    flip(path, path.read_bytes().index(b'{"encoding"') + 1, 0x20)

    assert is_answered_or_reported(sound, copied)


def test_a_changed_letter_of_a_document_is_reported(copied):
    with closing(sqlite3.connect(copied / DATABASE)) as connection, connection:
        connection.execute("UPDATE documents SET text = replace(text, 'Harbour 05', 'Harbour 04')")

    with open_rag(copied) as rag:
        assert rag.collection.problems() != []


def test_text_that_is_not_utf_8_any_more_is_reported_not_raised(sound, copied):
    path = copied / DATABASE
    flip(path, path.read_bytes().index(b"Harbour 05 keeps") + 3, 0x80)

    assert is_answered_or_reported(sound, copied)


def test_a_damaged_vector_is_reported(sound, copied):
    with open_rag(copied) as rag:
        (vector,) = rag.collection.reusable_vectors(
            [rag.collection.document_chunks(rag.documents()[4].id)[0].chunk]
        ).values()
    path = copied / DATABASE
    place = path.read_bytes().index(vector.astype("<f4").tobytes())
    flip(path, place + 3, 0x40)

    with open_rag(copied) as rag:
        assert rag.collection.problems() != []


@pytest.mark.parametrize("share", [0.0, 0.2, 0.6, 0.95])
def test_a_cut_off_database_is_reported(sound, copied, share):
    path = copied / DATABASE
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    try:
        with open_rag(copied) as rag:
            is_empty_or_reported = not rag.documents() or bool(rag.collection.problems())
    except CollectionError:
        is_empty_or_reported = True

    assert is_empty_or_reported


# --- a reader beside a writer


def child_command(collection: Path, documents: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "tests.faults.child_ingestion",
        str(collection),
        str(documents),
    ]


def test_a_reader_sees_whole_documents_while_another_process_writes(sound, tmp_path):
    collection = tmp_path / "collection"
    n_chunks = sound_chunk_counts(sound)
    open_rag(collection).close()
    seen = []

    with (
        open_rag(collection) as reader,
        subprocess.Popen(
            child_command(collection, sound.documents), cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer,
    ):
        while writer.poll() is None:
            for question in QUESTIONS:
                reader.search(question)
            seen += [
                (info.id, info.n_chunks, len(reader.collection.document_chunks(info.id)))
                for info in reader.documents()
            ]
        assert writer.stdout is not None
        assert writer.stdout.read().endswith("done\n")
        at_the_end = found(reader)

    assert writer.returncode == 0
    assert {entry for entry in seen if entry[1:] != (n_chunks[entry[0]],) * 2} == set()
    assert at_the_end == sound.found


def sound_chunk_counts(sound: Sound) -> dict[str, int]:
    with open_rag(sound.collection) as rag:
        return {info.id: info.n_chunks for info in rag.documents()}


def test_a_reader_beside_a_writer_finds_each_acknowledged_document(sound, tmp_path):
    collection = tmp_path / "collection"
    missed = []

    with (
        open_rag(collection) as reader,
        subprocess.Popen(
            child_command(collection, sound.documents), cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as writer,
    ):
        assert writer.stdout is not None
        for line in writer.stdout:
            if line.startswith("added"):
                document_id = line.split()[1]
                text = sound.texts[document_id].split("\n\n")[0]
                if document_id not in {hit.document_id for hit in reader.search(text)}:
                    missed.append(line)

    assert missed == []


# --- a full disk


class FullDisk(NamedTuple):
    """What a writer said that could write no file longer than a limit."""

    collection: Path
    status: int
    acknowledged: set[str]
    stderr: str


@pytest.fixture(params=[0.7, 0.9])
def full_disk(request, sound, tmp_path) -> FullDisk:
    collection = tmp_path / "collection"
    open_rag(collection).close()
    soft = int((sound.collection / DATABASE).stat().st_size * request.param)
    limit = (soft, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
    finished = subprocess.run(
        child_command(collection, sound.documents),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    lines = [line.split() for line in finished.stdout.splitlines()]
    acknowledged = {words[1] for words in lines if words[0] == "added"}
    return FullDisk(collection, finished.returncode, acknowledged, finished.stderr)


def test_a_full_disk_is_one_clear_error(full_disk):
    assert "Traceback" not in full_disk.stderr
    assert full_disk.status == 1
    warnings, error = full_disk.stderr.splitlines()[:-1], full_disk.stderr.splitlines()[-1]
    assert error.startswith("collection: ")
    assert [line.partition(":")[0] for line in warnings] == ["languages cannot be told apart"]


def test_a_full_disk_loses_nothing_acknowledged(sound, full_disk):
    with open_rag(full_disk.collection) as rag:
        stored, problems = texts(rag), rag.collection.problems()

    assert full_disk.acknowledged <= stored.keys()
    assert stored.items() <= sound.texts.items()
    assert problems == []


def test_the_run_after_a_full_disk_goes_on(sound, full_disk):
    with open_rag(full_disk.collection) as rag:
        report = ingest_paths(rag, [sound.documents])
        stored = texts(rag)

    assert report.count("skipped") == len(full_disk.acknowledged)
    assert stored == sound.texts
