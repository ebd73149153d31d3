"""Text -> filter, by recursive descent.

    either     = both ("or" both)*
    both       = condition ("and" condition)*
    condition  = "not" condition | "(" either ")" | comparison
    comparison = column ("=" | "!=" | "~" | "<" | "<=" | ">" | ">=") value
               | column ["not"] "in" "(" value ("," value)* ")"

Values and column names may be quoted, by English or Chinese quotes, a backslash before a quote that
belongs to them; a bare word ends at white space, an operator, a comma or a bracket.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, cast

from ragapp.errors import UsageError
from ragapp.filters.expression import (
    ALIASES,
    COLUMNS,
    MAX_DEPTH,
    METADATA,
    And,
    Comparison,
    Filter,
    Not,
    Operator,
    Or,
    checked_filter,
)

MAX_LENGTH = 4000
EXAMPLE = 'e.g. lang=zh and source~"reports/*"'

_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」", "『": "』"}
_OPERATORS = ("!=", "<=", ">=", "=", "~", "<", ">")
_FULL_WIDTH = str.maketrans("（），＝！～＜＞", "(),=!~<>")
_WORD = re.compile(r"[^\s(),=!~<>（），＝！～＜＞\"'“”‘’「」『』]+")
_SPACE = re.compile(r"\s*")
_ESCAPE = re.compile(r"\\([\\\"'“”‘’「」『』])")

Kind = Literal["word", "quoted", "mark", "end"]


@dataclass(frozen=True, slots=True)
class _Token:
    """`place` is the 1-based column in the text."""

    kind: Kind
    text: str
    place: int


def parse_filter(text: str) -> Filter:
    """Return the filter that `text` writes. Raises UsageError: where, and what was expected."""
    if len(text) > MAX_LENGTH:
        raise UsageError(f"the filter has more than {MAX_LENGTH} characters", hint="shorten it")
    parser = _Parser(_tokens(text))
    where = parser.either()
    parser.end()
    return checked_filter(where)


class _Parser:
    """The tokens not read yet."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    def either(self) -> Filter:
        return self._joined("or", self._both, Or)

    def end(self) -> None:
        if self._token.kind != "end":
            raise self._unexpected("and, or, or the end")

    def _both(self) -> Filter:
        return self._joined("and", self._condition, And)

    def _joined(
        self, word: str, part: Callable[[], Filter], joined: Callable[[Filter, Filter], Filter]
    ) -> Filter:
        parts = [part()]
        while self._takes(word):
            parts.append(part())
        return _balanced(parts, joined)

    def _condition(self) -> Filter:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UsageError(f"the filter is nested more than {MAX_DEPTH} deep", hint="shorten it")
        if self._takes("not"):
            found: Filter = Not(self._condition())
        elif self._takes("("):
            found = self.either()
            self._must_take(")")
        else:
            found = self._comparison()
        self._depth -= 1
        return found

    def _comparison(self) -> Filter:
        column = self._column()
        if self._takes("not"):
            self._must_take("in")
            return Not(Comparison(column, "in", self._values()))
        if self._takes("in"):
            return Comparison(column, "in", self._values())
        for operator in _OPERATORS:
            if self._takes(operator):
                return Comparison(column, cast(Operator, operator), (self._value(column),))
        raise self._unexpected(f"one of {' '.join(_OPERATORS)} in after {column}")

    def _column(self) -> str:
        token = self._token
        if token.kind not in ("word", "quoted"):
            raise self._unexpected(f"a column: {', '.join(COLUMNS)} or a metadata field")
        self._next += 1
        if token.kind == "quoted":
            return token.text
        if token.text == METADATA and self._token.kind == "quoted":
            self._next += 1
            return METADATA + self._tokens[self._next - 1].text
        name = token.text.lower()
        name = ALIASES.get(name, name)
        return name if name in COLUMNS else token.text

    def _values(self) -> tuple[str, ...]:
        self._must_take("(")
        values = [self._value("in")]
        while self._takes(","):
            values.append(self._value("in"))
        self._must_take(")")
        return tuple(values)

    def _value(self, column: str) -> str:
        token = self._token
        if token.kind not in ("word", "quoted"):
            raise self._unexpected(f"a value after {column}")
        self._next += 1
        return token.text

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _takes(self, text: str) -> bool:
        token = self._token
        if token.kind in ("quoted", "end") or token.text.lower() != text:
            return False
        self._next += 1
        return True

    def _must_take(self, text: str) -> None:
        if not self._takes(text):
            raise self._unexpected(repr(text))

    def _unexpected(self, expected: str) -> UsageError:
        token = self._token
        found = "ends too early" if token.kind == "end" else f"has {token.text[:40]!r}"
        return UsageError(
            f"the filter {found} at column {token.place}: expected {expected}", hint=EXAMPLE
        )


def _balanced(parts: list[Filter], joined: Callable[[Filter, Filter], Filter]) -> Filter:
    """Join many parts in a tree of little depth."""
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    return joined(_balanced(parts[:middle], joined), _balanced(parts[middle:], joined))


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    place = _space_end(text, 0)
    while place < len(text):
        token, end = _token_at(text, place)
        tokens.append(token)
        place = _space_end(text, end)
    return [*tokens, _Token("end", "", len(text) + 1)]


def _token_at(text: str, place: int) -> tuple[_Token, int]:
    if text[place] in _QUOTES:
        return _quoted_at(text, place)
    mark = text[place : place + 2].translate(_FULL_WIDTH)
    for known in (*_OPERATORS, "(", ")", ","):
        if mark.startswith(known):
            return _Token("mark", known, place + 1), place + len(known)
    word = _WORD.match(text, place)
    if word is None:
        raise UsageError(
            f"the filter has {text[place]!r} at column {place + 1}: expected a word or a quote",
            hint=EXAMPLE,
        )
    return _Token("word", word.group(), place + 1), word.end()


def _quoted_at(text: str, place: int) -> tuple[_Token, int]:
    closing, end = _QUOTES[text[place]], place + 1
    while end < len(text) and text[end] != closing:
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise UsageError(
            f"the filter opens a quote at column {place + 1} and does not close it",
            hint=f"expected {closing}",
        )
    return _Token("quoted", _ESCAPE.sub(r"\1", text[place + 1 : end]), place + 1), end + 1


def _space_end(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found is not None else place
