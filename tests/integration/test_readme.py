"""The README's own lines: its Python runs as it stands, and so does every command it shows."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EVALUATION_SET = {
    "corpus.jsonl": '{"_id": "a", "title": "Dome", "text": "It closes at a wind of 14 m/s."}\n',
    "queries.jsonl": '{"_id": "q", "text": "When does the dome close?"}\n',
    "qrels.tsv": "query-id\tcorpus-id\tscore\nq\ta\t1\n",
}
SLOW_DOORS = ("make", "ragapp ui")


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[str]:
    lines = [
        line.split("#")[0].strip()
        for block in code_blocks("console")
        for line in block.splitlines()
    ]
    return [line for line in lines if line and not line.startswith(SLOW_DOORS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "sample_corpus" / "en", made / "sample_corpus" / "en")
    (made / "reports").mkdir()
    (made / "reports" / "wind.txt").write_text("风速上限为每秒15米。", encoding="utf-8")
    (made / "my-set").mkdir()
    for name, text in EVALUATION_SET.items():
        (made / "my-set" / name).write_text(text, encoding="utf-8")
    (made / "notes.md").write_text("# Notes\n\nThe mirror is washed twice a year.\n")
    return made


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "RAGAPP_COLLECTION": str(folder / "default-collection"),
    }
    return subprocess.run(
        arguments,
        cwd=folder,
        env=environment,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_python_of_the_readme_answers_with_a_citation(folder: Path) -> None:
    [block] = [block for block in code_blocks("python") if "open_rag" in block]
    assert len([line for line in block.splitlines() if line.strip()]) <= 10
    done = run([sys.executable, "-c", block], folder)
    assert done.returncode == 0, done.stderr
    assert "18° of elevation" in done.stdout
    assert "heron-telescope-handbook.pdf 1" in done.stdout


def test_every_command_of_the_readme_runs(folder: Path) -> None:
    assert len(commands()) >= 6
    for command in commands():
        program, *arguments = shlex.split(command)
        prefix = {
            "ragapp": [sys.executable, "-c", "from ui.cli import main; main()"],
            "python": [sys.executable],
        }[program]
        done = run([*prefix, *arguments], folder)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert "Traceback" not in done.stderr


def test_the_make_targets_of_the_readme_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!eval )make ([a-z-]+)", README))
    assert named
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in named)
