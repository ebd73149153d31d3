"""The Health page: what doctor finds, the models, a backup."""

import pytest
from page_driver import button, clicked, page, say, shown

from ragapp import Rag
from ui import health_labels, state
from ui.state import Key

PATH = "views/health.py"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_doctor_finds_is_shown(collection, language):
    app = clicked(page(PATH, language), health_labels.CHECK)

    assert app.success[0].value == say(language)(health_labels.NO_PROBLEMS)
    assert "2 from 2 sources" in shown(app)


def test_every_row_is_checked_where_asked_for(collection):
    app = clicked(page(PATH), health_labels.CHECK)
    assert ">checked<" not in shown(app)

    clicked(app, health_labels.DEEP_CHECK)

    assert ">checked<" in shown(app)
    assert not app.error


def test_a_damaged_index_is_a_problem_in_one_sentence(collection):
    folder = state.rag().collection.directory
    next((folder / "index").glob("*.faiss")).write_bytes(b"no index")

    app = clicked(page(PATH), health_labels.CHECK)

    assert len(app.error) == 1
    assert not app.success


def test_known_models_are_listed_with_what_this_machine_holds(collection):
    body = shown(clicked(page(PATH), health_labels.CHECK))

    assert "Qwen/Qwen2.5-7B-Instruct" in body
    assert any(verdict.en in body for verdict in health_labels.VERDICTS.values())


def test_a_backup_is_written_and_restores(collection, tmp_path):
    app = page(PATH)
    assert button(app, health_labels.BACKUP_DO).disabled
    app.text_input(key=Key.BACKUP_FILE).set_value(str(tmp_path / "kept.ragapp")).run()

    clicked(app, health_labels.BACKUP_DO)

    assert "2 documents" in app.success[-1].value
    assert Rag.restore(tmp_path / "kept.ragapp", tmp_path / "again").n_documents == 2


def test_a_backup_replaces_no_file(collection, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    app = page(PATH)
    app.text_input(key=Key.BACKUP_FILE).set_value(str(tmp_path / "mine.txt")).run()

    clicked(app, health_labels.BACKUP_DO)

    assert len(app.error) == 1
    assert (tmp_path / "mine.txt").read_text() == "mine"
