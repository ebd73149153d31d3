"""The demonstration behind `make demo`: ingest this folder, then ask in English and in Chinese.

    python sample_corpus/demo.py --collection .demo/collection

Running it again is quick: unchanged files are skipped and nothing is embedded twice.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from ingest import Progress, ingest_paths
from ragapp import Answer, Rag, RagError, open_rag

CORPUS = Path(__file__).parent
QUESTIONS = (
    "How low can the Heron telescope be pointed before the shutter gets in the way?",
    "血氧饱和度低到多少就不能上山？",
)


def main() -> int:
    """Run the demonstration; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collection", type=Path, required=True)
    folder = parser.parse_args().collection
    try:
        start = time.perf_counter()
        with open_rag(folder) as rag:
            print(f"opened {folder} in {time.perf_counter() - start:.1f} s\n")
            show_ingestion(rag)
            for question in QUESTIONS:
                show_answer(rag.ask(question))
    except RagError as error:
        print(f"demo: {error.message} ({error.hint})", file=sys.stderr)
        return error.exit_code
    print("Now open the page on these documents:\n")
    print(f"    make ui COLLECTION={folder}\n")
    return 0


def show_ingestion(rag: Rag) -> None:
    """Ingest the sample corpus and say what became of it, and how long it took."""
    print(f"ingesting {CORPUS.name}/ ...")
    report = ingest_paths(rag, [path_from_here(CORPUS)], on_progress=show_file)
    counts = ", ".join(
        f"{report.count(name)} {name}"
        for name in ("added", "updated", "duplicate", "skipped", "failed")
    )
    print(
        f"{report.seen} files: {counts}; {report.chunks_new} chunks embedded, "
        f"{report.chunks_reused} reused, in {report.seconds:.1f} s"
    )
    if report.count("failed"):
        print("(a damaged PDF, and a scan that needs ragapp[ocr], are in the corpus on purpose)")
    print()


def show_file(progress: Progress) -> None:
    """Print one file's outcome, unless it was skipped."""
    latest = progress.latest
    if latest.outcome != "skipped":
        reason = f"  ({latest.reason})" if latest.reason else ""
        print(f"  {latest.outcome:<9} {latest.path}{reason}")


def show_answer(answer: Answer) -> None:
    """Print a question, its answer, its citations and the time of each stage."""
    print(f"Q: {answer.question}\nA: {answer.text}")
    for citation in answer.citations:
        page = f", page {citation.page}" if citation.page is not None else ""
        place = f"characters {citation.start}-{citation.end}"
        print(f"   [{citation.marker}] {citation.source}{page}, {place}")
    times = answer.timings_ms
    print(
        f"   retrieved after {times.retrieve:.0f} ms, prompt ready after {times.prompt:.0f} ms, "
        f"first words after {times.first_token:.0f} ms, done after {times.total:.0f} ms\n"
    )


def path_from_here(path: Path) -> Path:
    """Return the path relative to the working folder where it lies below it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    sys.exit(main())
