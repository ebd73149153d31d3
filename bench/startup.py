"""What a cold start costs: CPU seconds of whole processes, side by side.

    python bench/startup.py

The floor is `import torch`, which any answer with an embedding needs; importing
sentence-transformers is what a plain RAG script pays before its first line.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
QUESTION = "How often does the nitrogen vessel of the Tern camera have to be refilled?"
RUNS = 3


def main() -> None:
    """Ingest the English samples once, then time each command as a whole process."""
    with tempfile.TemporaryDirectory() as folder:
        collection = str(Path(folder) / "collection")
        ragapp = [sys.executable, "-c", "from ui.cli import main; main()"]
        ingest = [*ragapp, "ingest", str(ROOT / "sample_corpus/en"), "--collection", collection]
        subprocess.run(ingest, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
        commands = {
            "import torch": [sys.executable, "-c", "import torch"],
            "import sentence_transformers": [
                *(sys.executable, "-c", "import sentence_transformers")
            ],
            "ragapp --help": [*ragapp, "--help"],
            "ragapp ask, cold": [*ragapp, "ask", QUESTION, "--collection", collection],
        }
        seconds = {
            name: sorted(_cpu_seconds(command) for _ in range(RUNS))
            for name, command in commands.items()
        }
    floor = seconds["import torch"][RUNS // 2]
    print(f"{'CPU seconds, median of ' + str(RUNS):<32} {'median':>7} {'x floor':>8}")
    for name, runs in seconds.items():
        median = runs[RUNS // 2]
        print(f"{name:<32} {median:>7.2f} {median / floor:>8.2f}")


def _cpu_seconds(command: list[str]) -> float:
    """Run a command to its end and return its user and system time, children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "TRANSFORMERS_VERBOSITY": "error"}
    subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
