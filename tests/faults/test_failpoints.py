"""A process killed between any two steps of a write: what it acknowledged is whole, nothing is half."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ragapp.chunkstore.failpoints import POINTS
from tests.faults.steps import (
    Runner,
    State,
    all_changes,
    problems,
    state_of,
    wrong_answers,
)
from tests.unit.version_1 import make_version_1

ROOT = Path(__file__).parents[2]
RESCUE_POINTS = (*(p for p in POINTS if p.startswith("quarantine.")),)
UPGRADE_POINTS = tuple(p for p in POINTS if p.startswith("migration."))
CHANGE_POINTS = tuple(p for p in POINTS if p not in (*RESCUE_POINTS, *UPGRADE_POINTS))


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> list[State]:
    """The states of an undisturbed run: before it, and after each change that it names."""
    directory = tmp_path_factory.mktemp("clean") / "collection"
    return [State({}, {}, {}, {}, 0), *(state_of(directory) for _ in all_changes(directory))]


@pytest.fixture(scope="module")
def finished(runner, tmp_path_factory) -> Path:
    """A folder with the collection that all changes lead to, and the backup made on the way."""
    folder = tmp_path_factory.mktemp("finished")
    assert runner.run("all_changes", folder / "collection").status == 0
    return folder


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def is_what_was_acknowledged(states: list[State], n_acknowledged: int, directory: Path) -> bool:
    """Tell whether the state is the one acknowledged last, or the next: that was on its way."""
    return state_of(directory) in states[n_acknowledged : n_acknowledged + 2]


def test_every_point_is_reached_by_name_in_the_sources():
    reached = [
        ast.literal_eval(node.args[0])
        for path in (ROOT / "ragapp").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "reach"
    ]

    assert set(reached) == set(POINTS)


@pytest.mark.parametrize("point", CHANGE_POINTS)
def test_a_kill_at_a_point_loses_nothing_and_the_next_run_goes_on(
    runner, states, finished, tmp_path, point
):
    directory = tmp_path / "collection"

    run = runner.run("all_changes", directory, failpoint=point)

    assert run.status == -9
    assert is_what_was_acknowledged(states, len(run.acknowledged), directory)
    assert (problems(directory), wrong_answers(directory)) == ([], 0)
    assert runner.run("all_changes", directory).status == 0
    assert state_of(directory) == states[-1]
    assert (problems(directory), wrong_answers(directory)) == ([], 0)
    assert files(directory) == files(finished / "collection")
    assert files(tmp_path) == files(finished)


@pytest.mark.slow
@pytest.mark.parametrize("point", CHANGE_POINTS)
def test_a_kill_at_any_later_arrival_at_a_point_loses_nothing(runner, states, tmp_path, point):
    for n in range(2, 100):
        directory = tmp_path / str(n) / "collection"
        directory.parent.mkdir()
        run = runner.run("all_changes", directory, failpoint=f"{point}:{n}")
        if run.status == 0:
            break
        assert is_what_was_acknowledged(states, len(run.acknowledged), directory)
        assert (problems(directory), wrong_answers(directory)) == ([], 0)
        shutil.rmtree(directory.parent)


@pytest.mark.parametrize(
    "point",
    [*RESCUE_POINTS, *(f"{p}:2" for p in RESCUE_POINTS), "restore.staged", "restore.replaced"],
)
def test_a_rescue_that_is_killed_succeeds_when_it_is_run_again(
    runner, states, finished, tmp_path, point
):
    shutil.copytree(finished, tmp_path / "rescued")
    directory = tmp_path / "rescued" / "collection"

    killed = runner.run("rescue", directory, failpoint=point)
    again = runner.run("rescue", directory)

    assert (killed.status, again.status) == (-9, 0)
    assert state_of(directory) == states[-1]
    assert (problems(directory), wrong_answers(directory)) == ([], 0)


@pytest.fixture(scope="module")
def old(finished, tmp_path_factory) -> Path:
    """The finished collection as version 1 would have stored it."""
    directory = tmp_path_factory.mktemp("old") / "collection"
    make_version_1(finished / "collection", directory)
    return directory


def is_upgrade_killed_and_done_again(runner, old, directory, wanted, failpoint) -> bool:
    """Kill an upgrade, check that the next one loses nothing; False where it came to its end."""
    shutil.copytree(old, directory)
    killed = runner.run("upgrade", directory, failpoint=failpoint)
    if killed.status == 0:
        return False
    assert (killed.status, runner.run("upgrade", directory).status) == (-9, 0)
    assert state_of(directory).chunks == wanted
    assert (problems(directory), wrong_answers(directory)) == ([], 0)
    left = {name for name in files(directory) if not name.endswith("-journal")}
    assert left == {*files(old), "ragapp.sqlite3.v1"}
    return True


@pytest.mark.parametrize("point", [*UPGRADE_POINTS, "migration.step:9"])
def test_a_killed_upgrade_leaves_the_old_collection_or_the_new_one(
    runner, finished, old, tmp_path, point
):
    wanted = state_of(finished / "collection").chunks
    assert is_upgrade_killed_and_done_again(runner, old, tmp_path / "c", wanted, point)


@pytest.mark.slow
def test_an_upgrade_killed_at_any_step_leaves_the_old_collection_or_the_new_one(
    runner, finished, old, tmp_path
):
    wanted = state_of(finished / "collection").chunks
    n = 1
    while is_upgrade_killed_and_done_again(
        runner, old, tmp_path / str(n), wanted, f"migration.step:{n}"
    ):
        n += 1
    assert n > 20
