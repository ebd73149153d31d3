"""What bad input and a kill cost, beside LangChain's usual pipeline: the same files, one run.

    python bench/bad_input.py                (needs: pip install langchain-huggingface)

Each case is a folder of good files and one bad one; both pipelines get it as a user would write it
down: LangChain's loaders for .txt and .pdf, its splitter, its FAISS store. Printed is what can be
searched afterwards, and what the user is told.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # beside this script lies one with the name of a package

N_GOOD = 12
N_KILL_FILES = 60
KILL_AT = 0.6  # of the time that an undisturbed run takes
GBK_LINE = "圆顶在平均风速达到十四米每秒时关闭，夜间助理把时间写进值班日志。"


@dataclass(frozen=True, slots=True)
class Found:
    """What a pipeline holds afterwards, and what it said."""

    texts: tuple[str, ...]
    said: str


def main() -> None:
    """Run all cases with both pipelines and print a table."""
    if len(sys.argv) == 4:  # a child: PIPELINE FOLDER STORE
        _PIPELINES[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
        return
    print(f"{'case':<34}{'ragapp':<46}LangChain")
    for name, make, judge in _CASES:
        cells = [_case(pipeline, make, judge) for pipeline in _PIPELINES]
        print(f"{name:<34}{cells[0]:<46}{cells[1]}")
    cells = [_killed(pipeline) for pipeline in _PIPELINES]
    print(f"{'kill -9 at 60 % of the time':<34}{cells[0]:<46}{cells[1]}")


def _case(pipeline: str, make: Callable[[Path], None], judge: Callable[[Found], str]) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        folder, store = Path(temporary) / "documents", Path(temporary) / "store"
        _write_good(folder, N_GOOD)
        make(folder)
        return judge(_run(pipeline, folder, store))


def _run(pipeline: str, folder: Path, store: Path) -> Found:
    child = subprocess.run(
        [sys.executable, __file__, pipeline, folder, store],
        capture_output=True,
        text=True,
        check=False,
    )
    last = child.stderr.strip().splitlines()[-1:] if child.returncode else []
    return Found(_held(pipeline, store), " ".join([*child.stdout.splitlines(), *last]))


def _killed(pipeline: str) -> str:
    """Kill an ingestion, then tell what is there; both get the same share of their own time."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "documents"
        _write_good(folder, N_KILL_FILES)
        start = time.perf_counter()
        _run(pipeline, folder, Path(temporary) / "whole")
        seconds = time.perf_counter() - start
        store = Path(temporary) / "killed"
        child = subprocess.Popen(
            [sys.executable, __file__, pipeline, folder, store],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(KILL_AT * seconds)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        n_left = _n_notes(_held(pipeline, store))
        _run(pipeline, folder, store)
        n_after = _n_notes(_held(pipeline, store))
        return f"{n_left} of {N_KILL_FILES} files kept, {n_after} after the next run"


# --- the files


def _write_good(folder: Path, n: int) -> None:
    folder.mkdir(parents=True)
    for i in range(n):
        lines = (f"Line {j} of note {i} tells of harbour {i * 31 + j}." for j in range(60))
        (folder / f"good{i:02}.txt").write_text(
            "\n\n".join([f"Note {i}", *lines]), encoding="utf-8"
        )


def _truncated_pdf(folder: Path) -> None:
    source = next(path for path in (ROOT / "sample_corpus").rglob("*.pdf"))
    (folder / "bad.pdf").write_bytes(source.read_bytes()[:400])


def _locked_pdf(folder: Path) -> None:
    from pypdf import PdfWriter

    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.encrypt("secret", algorithm="AES-256")
    writer.write(folder / "bad.pdf")


def _empty_file(folder: Path) -> None:
    (folder / "bad.txt").write_bytes(b"")


def _gbk_text(folder: Path) -> None:
    (folder / "bad.txt").write_bytes((GBK_LINE + "\n").encode("gb18030") * 20)


def _same_twice(folder: Path) -> None:
    shutil.copyfile(folder / "good00.txt", folder / "copy.txt")


def _n_notes(texts: tuple[str, ...]) -> int:
    """Return of how many good files there is text."""
    return len({number for text in texts for number in re.findall(r"of note (\d+) tells", text)})


def _judged_by_rest(found: Found) -> str:
    return f"{_n_notes(found.texts)} of {N_GOOD} good files; {found.said[:60] or 'says nothing'}"


def _judged_by_gbk(found: Found) -> str:
    is_right = any(GBK_LINE in text for text in found.texts)
    return f"{'right text' if is_right else 'text lost or wrong'}; {_judged_by_rest(found)}"


def _judged_by_copies(found: Found) -> str:
    n_first = sum("of note 0 tells" in text for text in found.texts)
    n_distinct = len({text for text in found.texts if "of note 0 tells" in text})
    return f"{n_first} chunks stored for {n_distinct} different ones"


_CASES: list[tuple[str, Callable[[Path], None], Callable[[Found], str]]] = [
    ("a truncated PDF", _truncated_pdf, _judged_by_rest),
    ("a PDF with a password", _locked_pdf, _judged_by_rest),
    ("an empty text file", _empty_file, _judged_by_rest),
    ("a Chinese text in GBK", _gbk_text, _judged_by_gbk),
    ("the same file twice", _same_twice, _judged_by_copies),
]

# --- the pipelines


def _ragapp(folder: Path, store: Path) -> None:
    from ingest import ingest_paths
    from ragapp import open_rag

    with open_rag(store) as rag:
        report = ingest_paths(rag, [folder])
    for outcome in report.outcomes:
        if outcome.outcome == "failed":
            sys.stdout.write(f"{Path(outcome.path).name}: {outcome.code}\n")


def _langchain(folder: Path, store: Path) -> None:
    from langchain_community.document_loaders import (
        DirectoryLoader,
        PyPDFDirectoryLoader,
        TextLoader,
    )
    from langchain_community.vectorstores import FAISS
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    from ragapp.embedders.model_files import find_model_folder

    documents = DirectoryLoader(
        str(folder), glob="**/*.txt", loader_cls=TextLoader, loader_kwargs={"encoding": "utf-8"}
    ).load()
    documents += PyPDFDirectoryLoader(str(folder)).load()
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    pieces = splitter.split_documents(documents)
    model = find_model_folder("all-MiniLM-L6-v2").path
    index = FAISS.from_documents(pieces, HuggingFaceEmbeddings(model_name=str(model)))
    index.save_local(str(store))
    (store / "texts.json").write_text(
        json.dumps([piece.page_content for piece in pieces]), encoding="utf-8"
    )


def _held(pipeline: str, store: Path) -> tuple[str, ...]:
    """Return the texts of the chunks that a store holds, () for one that was never written."""
    if pipeline == "langchain":
        file = store / "texts.json"  # beside its pickle, which we don't load
        return tuple(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else ()
    from ragapp import open_rag

    with open_rag(store) as rag:
        stored = [c for d in rag.documents() for c in rag.collection.document_chunks(d.id)]
        return tuple(item.chunk.text for item in stored)


_PIPELINES: dict[str, Callable[[Path, Path], None]] = {"ragapp": _ragapp, "langchain": _langchain}


if __name__ == "__main__":
    main()
