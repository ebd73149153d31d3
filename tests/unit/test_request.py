"""Which arguments go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest import Request, policy_settings
from ragapp.errors import UsageError

HERE, STDIN = (Path("docs"),), (Path("-"),)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "nothing to ingest"),
        ({"paths": (*STDIN, *HERE)}, "stands alone"),
        ({"paths": HERE, "name": "a.txt"}, "--name is for"),
        ({"paths": HERE, "loader_arguments": ["a=b"]}, "--loader-arg is for"),
        ({"paths": HERE, "interval_s": 2.0}, "--interval is for"),
        ({"paths": HERE, "is_watch": True, "interval_s": 0.0}, "at least 0.1 s"),
        ({"paths": HERE, "is_watch": True, "interval_s": float("nan")}, "at least 0.1 s"),
        ({"paths": HERE, "passwords": [""]}, "a password is empty"),
        ({"paths": HERE, "loader": "a:B"}, "--loader does not go with paths"),
        ({"loader": "a:B", "sync": True}, "--loader does not go with --sync"),
        ({"loader": "a:B", "is_watch": True}, "--loader does not go with --watch"),
        ({"loader": "a:B", "is_retry": True}, "--loader does not go with --retry-failed"),
        ({"paths": STDIN, "sync": True}, "does not go with --sync"),
        ({"paths": STDIN, "is_retry": True}, "does not go with --retry-failed"),
        ({"paths": STDIN, "is_watch": True}, "does not go with --watch"),
        ({"is_retry": True, "is_watch": True}, "--retry-failed does not go with --watch"),
        ({"is_retry": True, "sync": True}, "--retry-failed does not go with --sync"),
        ({"is_watch": True}, "nothing to ingest"),
        ({"paths": HERE, "is_watch": True, "report": Path("r.html")}, "--report does not go"),
    ],
)
def test_arguments_that_exclude_each_other_are_a_usage_error(values, message):
    with pytest.raises(UsageError, match=message):
        Request(**values)


@pytest.mark.parametrize(
    "values",
    [
        {"paths": HERE, "sync": True},
        {"paths": STDIN, "name": "a.md", "passwords": ["x"]},
        {"loader": "a:B", "loader_arguments": ["a=b"]},
        {"is_retry": True},
        {"is_retry": True, "paths": HERE},
        {"paths": HERE, "is_watch": True, "sync": True, "interval_s": 0.1},
    ],
)
def test_arguments_that_go_together_are_taken(values):
    assert Request(**values)


def test_a_password_is_not_in_what_a_request_prints():
    assert "s3cret" not in repr(Request(paths=HERE, passwords=["s3cret"]))


def test_a_word_list_without_a_policy_is_flagged():
    assert policy_settings(word_list=Path("words"))["policy_word_list"] == "flag"


def test_a_word_list_without_a_policy_leaves_that_of_the_settings(monkeypatch):
    monkeypatch.setenv("RAGAPP_POLICY_WORD_LIST", "mask")

    assert policy_settings(word_list=Path("words"))["policy_word_list"] is None
