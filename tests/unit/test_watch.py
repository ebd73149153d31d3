"""Folders kept in step, told look by look: between two looks the tests change the folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from threading import Event as Signal
from threading import Thread

import pytest
from opened_rag import invented, open_fake_rag, sources, write_zip

from ingest import Event, ingest_paths, ingest_stream, watch_folders
from ingest.watch import Round, rounds
from ragapp.collection import Collection
from ragapp.errors import NotFoundError, UsageError


class EndOfScriptError(Exception):
    """Ends a watch when the steps are used up."""


class Script:
    """Stands for the wait between two looks: runs the next step instead of sleeping."""

    def __init__(self, *steps: Callable[[], object] | None) -> None:
        self._steps = list(steps)

    def __call__(self, seconds: float = 0.0) -> None:
        if not self._steps:
            raise EndOfScriptError
        step = self._steps.pop(0)
        if step is not None:
            step()


def looks(folders: list[Path], *steps, known: tuple[str, ...] = ()) -> list[Round]:
    """Return the rounds of a look before, between and after the steps."""
    found = []
    with pytest.raises(EndOfScriptError):
        found.extend(_each(rounds(folders, known, wait=Script(*steps)), found))
    return found


def _each(source, found):
    for item in source:
        found.append(item)
    return []


def watched(rag, folder: Path, *steps) -> list[Event]:
    events: list[Event] = []
    with pytest.raises(EndOfScriptError):
        watch_folders(rag, [folder], tell=events.append, sleep=Script(*steps))
    return events


def told(events: list[Event]) -> list[tuple[str, str]]:
    return [(event.event, Path(event.path).name) for event in events]


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "documents"
    made.mkdir()
    return made


@pytest.fixture
def file(folder) -> Path:
    path = folder / "a.txt"
    path.write_text(invented(1))
    return path


# --- what is to be done


def test_a_file_that_stands_still_for_two_looks_is_taken_once(folder, file):
    assert looks([folder], None, None, None) == [Round(changed=(file,))]


def test_a_file_that_is_being_written_is_waited_for(folder, file):
    def grow():
        file.write_text(file.read_text() + "more")

    found = looks([folder], grow, grow, grow)
    assert found == []
    assert looks([folder], grow, grow, None) == [Round(changed=(file,))]


def test_a_file_that_changes_later_is_taken_again(folder, file):
    found = looks([folder], None, lambda: file.write_text("other"), None)

    assert found == [Round(changed=(file,)), Round(changed=(file,))]


def test_a_change_of_equal_size_is_noticed(folder, file):
    found = looks([folder], None, lambda: os.utime(file, ns=(1, 1)), None)

    assert len(found) == 2


def test_a_file_that_is_gone_for_two_looks_is_gone(folder, file):
    (folder / "b.txt").write_text("text")

    found = looks([folder], None, file.unlink, None)

    assert found[1:] == [Round(gone=frozenset({str(file)}))]


def test_a_file_that_is_replaced_between_two_looks_is_not_gone(folder, file):
    data = file.read_bytes()

    found = looks([folder], None, file.unlink, lambda: file.write_bytes(data), None)

    assert all(not item.gone for item in found)


def test_a_file_that_was_stored_before_and_is_gone_is_removed(folder, file):
    gone = str(folder / "before.txt")

    assert looks([folder], None, known=(gone,))[0].gone == {gone}


def test_the_last_file_of_a_folder_can_go(folder, file):
    found = looks([folder], None, file.unlink, None)

    assert found[1:] == [Round(gone=frozenset({str(file)}))]


def test_files_without_a_reader_are_left_alone(folder):
    (folder / "a.xyz").write_text("text")

    assert looks([folder], None, None) == []


def test_a_folder_that_vanishes_keeps_its_files_and_is_told_of_once(folder, file):
    found = looks([folder], None, lambda: rmtree(folder), None, None)

    assert [bool(item.notices) for item in found] == [False, True]
    assert all(not item.gone for item in found)


def test_a_folder_that_comes_back_is_gone_on_with(folder, file):
    def mount():
        folder.mkdir()
        file.write_text("changed meanwhile")

    found = looks([folder], None, lambda: rmtree(folder), None, mount, None)

    assert found[-1] == Round(changed=(file,))


def test_an_empty_folder_whose_files_were_never_seen_keeps_them(folder):
    found = looks([folder], None, None, known=(str(folder / "a.txt"),))

    assert [item.gone for item in found] == [frozenset()]
    assert "disk may not be mounted" in found[0].notices[0]


def test_a_folder_that_may_not_be_listed_keeps_its_files(folder, file, monkeypatch):
    real = os.scandir

    def refused(path):
        if Path(path) == folder:
            raise PermissionError(13, "Permission denied")
        return real(path)

    found = looks([folder], None, lambda: monkeypatch.setattr(os, "scandir", refused), None)

    assert all(not item.gone for item in found)
    assert "Permission denied" in found[-1].notices[0]


def test_an_ignore_file_that_cannot_be_parsed_keeps_what_was_taken(folder, file):
    def spoil():
        (folder / ".ragappignore").write_text("a[\n!!\n\\")

    assert all(not item.gone for item in looks([folder], None, spoil, None))


# --- what is done


def test_changes_are_stored_and_told_line_by_line(rag, folder, file):
    new = folder / "b.txt"
    steps = (
        None,
        lambda: new.write_text(invented(2)),
        None,
        lambda: file.write_text(invented(3)),
        None,
        new.unlink,
        None,
    )

    assert told(watched(rag, folder, *steps)) == [
        ("added", "a.txt"),
        ("added", "b.txt"),
        ("updated", "a.txt"),
        ("removed", "b.txt"),
    ]
    assert sources(rag) == {str(file)}


def test_what_was_stored_before_is_not_stored_again(rag, folder, file):
    ingest_paths(rag, [folder])

    [event] = watched(rag, folder, None, None)

    assert (event.event, event.reason) == ("skipped", "unchanged")


def test_what_went_while_nobody_watched_is_removed(rag, folder, file):
    (folder / "b.txt").write_text(invented(2))
    ingest_paths(rag, [folder])
    file.unlink()

    assert ("removed", "a.txt") in told(watched(rag, folder, None, None))


def test_a_failed_file_is_tried_again_only_when_it_changes(rag, folder):
    path = folder / "a.pdf"
    path.write_bytes(b"no PDF")

    events = watched(rag, folder, None, None, None, lambda: path.write_bytes(b"none either"), None)

    assert told(events) == [("failed", "a.pdf"), ("failed", "a.pdf")]


def test_an_archive_is_kept_in_step_with_its_members(rag, folder):
    path = write_zip(folder / "a.zip", {"one.txt": invented(1), "two.txt": invented(2)})
    steps = (None, lambda: write_zip(path, {"one.txt": invented(1)}), None)

    watched(rag, folder, *steps)

    assert sources(rag) == {f"{path}!/one.txt"}


def test_an_archive_that_is_gone_takes_its_members_with_it(rag, folder, file):
    path = write_zip(folder / "a.zip", {"one.txt": invented(2)})

    watched(rag, folder, None, path.unlink, None)

    assert sources(rag) == {str(file)}


def test_a_document_from_a_pipe_is_not_taken_for_a_file_that_is_gone(
    rag, folder, file, monkeypatch
):
    monkeypatch.chdir(folder)
    with (folder.parent / "piped").open("w+b") as stream:
        stream.write(invented(5).encode())
        stream.seek(0)
        ingest_stream(rag, stream, name="piped.txt")

    watched(rag, Path(), None, None)

    assert "piped.txt" in sources(rag)


def test_another_writer_is_waited_for_with_one_line(rag, folder, file):
    holder = Collection.open(Path(rag.settings.collection))
    held, free = Signal(), Signal()

    def hold() -> None:
        with holder.writing():
            held.set()
            free.wait(30)
        held.clear()

    thread = Thread(target=hold)

    def begin() -> None:
        thread.start()
        assert held.wait(30)

    def end() -> None:
        free.set()
        thread.join()

    events = watched(rag, folder, begin, end, None)

    holder.close()
    assert told(events) == [("notice", ""), ("added", "a.txt")]
    assert "another ingestion" in events[0].reason


def test_the_lock_is_not_held_between_two_looks(rag, folder, file):
    def write_elsewhere() -> None:
        other = Collection.open(Path(rag.settings.collection))
        thread = Thread(target=lambda: taken.append(_can_write(other)))
        thread.start()
        thread.join()
        other.close()

    taken: list[bool] = []
    watched(rag, folder, None, write_elsewhere)

    assert taken == [True]


def _can_write(collection: Collection) -> bool:
    with collection.writing(is_growing=False):
        return True


def test_the_collection_s_own_folder_is_left_out(rag, tmp_path, file):
    assert told(watched(rag, tmp_path, None, None, None, None)) == [("added", "a.txt")]


@pytest.mark.parametrize(("name", "error"), [("none", NotFoundError), ("a.txt", UsageError)])
def test_what_is_no_folder_is_refused(rag, folder, file, name, error):
    with pytest.raises(error):
        watch_folders(rag, [folder / name], tell=lambda _: None)
