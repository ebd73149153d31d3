"""The long set: kills at random moments, damaged indexes, power cuts; counts at the end of each.

FAULTS_KILLS, FAULTS_DAMAGES and FAULTS_POWER_CUTS set how many of each.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ragapp.collection import Collection
from tests.faults.disks import make_image, mounted
from tests.faults.steps import (
    Runner,
    State,
    all_changes,
    opened,
    problems,
    state_of,
    wrong_answers,
)

pytestmark = pytest.mark.slow

N_KILLS = int(os.environ.get("FAULTS_KILLS", "1000"))
N_DAMAGES = int(os.environ.get("FAULTS_DAMAGES", "1000"))
N_POWER_CUTS = int(os.environ.get("FAULTS_POWER_CUTS", "300"))
FAULTS = ("acknowledged documents lost", "partial documents", "wrong answers", "problems")


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    runner = Runner()
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def states(tmp_path_factory) -> list[State]:
    directory = tmp_path_factory.mktemp("clean") / "collection"
    return [State({}, {}, {}, {}, 0), *(state_of(directory) for _ in all_changes(directory))]


@pytest.fixture
def say(capsys) -> Callable[[str, Counter[str]], None]:
    def say(what: str, counts: Counter[str]) -> None:
        line = ", ".join(f"{counts[name]} {name}" for name in dict.fromkeys([*counts, *FAULTS]))
        with capsys.disabled():
            sys.stdout.write(f"\n{what}: {line}\n")
            sys.stdout.flush()

    return say


def duration_s(runner: Runner, folder: Path) -> float:
    start = time.perf_counter()
    assert runner.run("all_changes", folder / "collection").status == 0
    return time.perf_counter() - start


def faults(states: list[State], n_acknowledged: int, directory: Path) -> Counter[str]:
    """Count what is wrong with a collection after so many changes were acknowledged."""
    expected = states[n_acknowledged : n_acknowledged + 2]
    found = state_of(directory)
    whole = {key: chunks for state in states for key, chunks in state.chunks.items()}
    kept = set.intersection(*(set(state.chunks) for state in expected))
    counts = Counter(dict.fromkeys(FAULTS, 0))
    counts["acknowledged documents lost"] += len(kept - found.chunks.keys())
    counts["partial documents"] += sum(
        chunks != whole.get(key) for key, chunks in found.chunks.items()
    )
    counts["states never acknowledged"] += found not in expected
    counts["wrong answers"] += wrong_answers(directory)
    counts["problems"] += len(problems(directory))
    return counts


def faults_of_the_next_run(runner: Runner, states: list[State], directory: Path) -> Counter[str]:
    counts = Counter({"next runs that failed": 0, "next runs that differ": 0})
    counts["next runs that failed"] += runner.run("all_changes", directory).status != 0
    counts["next runs that differ"] += state_of(directory) != states[-1]
    counts["problems"] += len(problems(directory))
    return counts


def test_kills_at_random_moments(runner, states, tmp_path, say):
    draw = random.Random(3)
    whole_s = duration_s(runner, tmp_path)
    n_killed, counts = 0, Counter[str]()

    while n_killed < N_KILLS:
        directory = tmp_path / "run" / "collection"
        directory.parent.mkdir()
        run = runner.run("all_changes", directory, kill_after_s=draw.uniform(0.0, whole_s))
        n_killed += run.status == -9
        counts.update(faults(states, len(run.acknowledged), directory))
        counts.update(faults_of_the_next_run(runner, states, directory))
        shutil.rmtree(directory.parent)

    say(f"{n_killed} kills", counts)
    assert +counts == Counter()


def damage(path: Path, draw: random.Random) -> None:
    """Damage a file in one of the ways of disks, copies and people."""
    content = bytearray(path.read_bytes())
    place = draw.randrange(len(content))
    match draw.randrange(6):
        case 0:
            content[place] ^= 1 << draw.randrange(8)
        case 1:
            for _ in range(20):
                content[draw.randrange(len(content))] = draw.randrange(256)
        case 2:
            content = content[:place]
        case 3:
            content += draw.randbytes(1 + place)
        case 4:
            content[place : place + 512] = bytes(len(content[place : place + 512]))
        case _:
            path.unlink()
            return
    path.write_bytes(content)


def test_damaged_indexes(runner, states, tmp_path, say):
    draw = random.Random(4)
    directory = tmp_path / "collection"
    assert runner.run("all_changes", directory).status == 0
    counts = Counter[str]()

    for _ in range(N_DAMAGES):
        (path,) = (directory / "index").iterdir()
        before = path.read_bytes()
        damage(path, draw)
        is_changed = not path.is_file() or path.read_bytes() != before
        counts["damages not reported"] += is_changed and len(problems(directory)) != 1
        counts["wrong answers"] += wrong_answers(directory)
        with closing(opened(directory)[0]) as collection, collection.writing():
            pass
        counts["indexes not mended"] += problems(directory) != []
        counts["acknowledged documents lost"] += state_of(directory) != states[-1]

    say(f"{N_DAMAGES} damaged indexes", counts)
    assert +counts == Counter()


def test_power_cuts(runner, states, tmp_path, say):
    draw = random.Random(5)
    empty = make_image(tmp_path / "empty.ext4")
    disk, cut = tmp_path / "disk.ext4", tmp_path / "cut.ext4"
    shutil.copyfile(empty, disk)
    with mounted(tmp_path / "disk", "-o", "loop", disk) as folder:
        whole_s = duration_s(runner, folder)
    n_cuts, counts = 0, Counter[str]()

    while n_cuts < N_POWER_CUTS:
        shutil.copyfile(empty, disk)
        with mounted(tmp_path / "disk", "-o", "loop", disk) as folder:
            run = runner.run(
                "all_changes",
                folder / "collection",
                kill_after_s=draw.uniform(0.0, whole_s),
                images=(disk, cut),
            )
        if run.status != -9:
            continue
        n_cuts += 1
        with mounted(tmp_path / "cut", "-o", "loop", cut) as folder:
            (folder / "collection").mkdir(exist_ok=True)
            counts.update(faults(states, len(run.acknowledged), folder / "collection"))
            if "backed up" in run.acknowledged:
                counts["backups lost"] += not is_restorable(folder / "backup.file", tmp_path)
            counts.update(faults_of_the_next_run(runner, states, folder / "collection"))

    say(f"{n_cuts} power cuts", counts)
    assert +counts == Counter()


def is_restorable(backup: Path, tmp_path: Path) -> bool:
    directory = tmp_path / "from_backup"
    Collection.restore(backup, directory, index_name="faiss", is_forced=True)
    return problems(directory) == []
