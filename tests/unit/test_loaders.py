"""Loaders by name, and loaders that fail on their way."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from opened_rag import invented, open_fake_rag, outcomes, sources

from ingest import failures, ingest_loader
from ingest.loaders import make_loader
from ragapp.errors import UsageError


class NumberLoader:
    """Gives a document for each number up to `n`; the one numbered `fails_at` raises."""

    def __init__(self, n: int, fails_at: int | None = None, source: str = "{}.txt") -> None:
        if n < 0:
            raise ValueError("n must not be\nnegative")
        self.n, self.fails_at, self.source = n, fails_at, source

    def lazy_load(self):
        for number in range(self.n):
            if number == self.fails_at:
                raise OSError("the server\nhas gone")
            metadata = {"source": self.source.format(number)}
            yield SimpleNamespace(page_content=invented(number), metadata=metadata)


@pytest.fixture
def rag(tmp_path):
    with open_fake_rag(tmp_path / "collection") as opened:
        yield opened


@pytest.fixture(autouse=True)
def module(monkeypatch) -> ModuleType:
    made = ModuleType("number_loaders")
    made.NumberLoader = NumberLoader
    made.number = 3
    monkeypatch.setitem(sys.modules, "number_loaders", made)
    return made


def test_a_loader_is_made_by_its_name_and_arguments():
    loader = make_loader("number_loaders:NumberLoader", ["n=2", "source=x=y"])

    assert (loader.n, loader.source) == (2, "x=y")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("number_loaders", [], "does not name a loader"),
        ("number_loaders:", [], "does not name a loader"),
        ("number_loaders:a b", [], "does not name a loader"),
        (".relative:NumberLoader", ["n=1"], "cannot be imported"),
        ("no_such_module:Loader", [], "cannot be imported: ModuleNotFoundError"),
        ("number_loaders:NoLoader", [], "cannot be imported: AttributeError"),
        ("number_loaders:NumberLoader", [], "cannot be made: TypeError"),
        ("number_loaders:NumberLoader", ["n=1", "m=2"], "cannot be made: TypeError"),
        ("number_loaders:NumberLoader", ["n=-1"], "n must not be negative"),
        ("number_loaders:NumberLoader", ["n"], "not of the form key=value"),
        ("number_loaders:number", [], "cannot be made: TypeError"),
        ("builtins:dict", [], "is not a document loader"),
    ],
)
def test_a_wrong_loader_is_a_usage_error(name, arguments, message):
    with pytest.raises(UsageError, match=message):
        make_loader(name, arguments)


def test_a_loader_that_fails_keeps_what_it_gave_and_reports_the_failure(rag):
    report = ingest_loader(rag, NumberLoader(5, fails_at=2))

    assert outcomes(report) == {"0.txt": "added", "1.txt": "added", "NumberLoader": "failed"}
    assert sources(rag) == {"0.txt", "1.txt"}


def test_a_loader_s_failure_has_a_reason_of_one_line(rag):
    [outcome] = ingest_loader(rag, NumberLoader(1, fails_at=0)).outcomes

    assert outcome.reason == "OSError: the server has gone"


def test_the_source_at_which_a_loader_failed_is_called_partial(rag):
    report = ingest_loader(rag, NumberLoader(5, fails_at=2, source="one.txt"))

    reasons = {outcome.path: outcome.reason for outcome in report.outcomes}
    assert reasons["one.txt"].startswith("partial: 2 parts were loaded, then OSError")


def test_a_loader_s_failure_is_no_failed_source(rag):
    ingest_loader(rag, NumberLoader(1, fails_at=0))

    assert failures(rag) == []


def test_each_outcome_is_told_as_it_comes(rag):
    seen = []

    ingest_loader(rag, NumberLoader(3), on_progress=seen.append)

    assert [progress.done for progress in seen] == [1, 2, 3]
