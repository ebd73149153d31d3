"""Sources that failed: which they are, and another try for exactly these."""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ingest.inputs import file_of
from ingest.outcomes import IngestReport, Outcome
from ingest.pipeline import OnProgress, ingest_files
from ingest.policies import PolicySkip
from ragapp.collection import NO_FILE, Source
from ragapp.errors import NotFoundError, RagError
from ragapp.rag import Rag


def failures(rag: Rag, paths: Iterable[str | Path] = ()) -> list[Source]:
    """Return the sources that failed, by path: all, or those that `paths` stand for.

    A path may be a file, an archive, a folder or a glob. What a policy kept out did not fail.
    Raises NotFoundError for a path that neither exists nor failed.
    """
    failed = [s for s in rag.collection.sources() if s.failure not in ("", PolicySkip.code)]
    given = [Path(path) for path in paths]
    if not given:
        return failed
    wanted = [match for path in given for match in _matches(path, failed)]
    return [source for source in failed if any(_is_under(source, path) for path in wanted)]


def retry_failed(
    rag: Rag,
    paths: Iterable[str | Path] = (),
    *,
    passwords: Sequence[str] = (),
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> IngestReport:
    """Ingest the sources that failed once more, and no other: all, or those under `paths`.

    A source that cannot be read again, as its file is gone or it came from a pipe or a loader, is
    reported as failed, and its record stays. Raises what `failures` and `ingest_paths` raise.
    """
    failed = failures(rag, paths)
    lost = [source for source in failed if not _is_there(source)]
    names = frozenset(source.path for source in failed) - {source.path for source in lost}
    return ingest_files(
        rag,
        sorted({Path(file_of(name)) for name in names}, key=Path.as_posix),
        only=names,
        others=[_lost(source) for source in lost],
        passwords=passwords,
        on_progress=on_progress,
        should_stop=should_stop,
    )


def _matches(path: Path, failed: Sequence[Source]) -> list[Path]:
    if path.exists() or any(_is_under(source, path) for source in failed):
        return [path]
    matches = glob.glob(str(path), recursive=True)  # noqa: PTH207  Path.glob takes no absolute one
    if not matches:
        raise NotFoundError(
            f"{str(path)!r} does not exist and is no source that failed",
            hint="list them: ragapp docs failures",
        )
    return [Path(match) for match in matches]


def _is_under(source: Source, path: Path) -> bool:
    return source.path == str(path) or Path(file_of(source.path)).is_relative_to(path)


def _is_there(source: Source) -> bool:
    return source.mtime_ns != NO_FILE and Path(file_of(source.path)).exists()


def _lost(source: Source) -> Outcome:
    reason = "it is not there any more"
    if source.mtime_ns == NO_FILE:
        reason = "it came from a pipe or a loader; give it again"
    code = NotFoundError.code if source.mtime_ns != NO_FILE else RagError.code
    return Outcome(source.path, "failed", reason, source.document_id, code=code)
