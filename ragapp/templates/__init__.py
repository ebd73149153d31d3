"""How a model is asked to answer: our words around passages and question, by name and language.

A template is a TOML file with a table for each language, ``[en]`` and ``[zh]``, of three strings:
`instruction` (the system prompt, which holds ``{refusal}``), `refusal` (the sentence that says that
the documents hold no answer) and `question` (the label before the question). ``{refusal}`` is
replaced in the instruction alone: nothing is ever formatted that a document or a user wrote.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ragapp.errors import SettingsError

WordingLanguage = Literal["en", "zh"]

_FOLDER = Path(__file__).parent
_LANGUAGES: tuple[WordingLanguage, ...] = ("en", "zh")
_KEYS = ("instruction", "refusal", "question")
_REFUSAL = "{refusal}"
_SLOT = re.compile(r"\{\w*\}")
_SHORTEST_REFUSAL = 4  # characters: a "No." begins many an answer


@dataclass(frozen=True, slots=True)
class Wording:
    """A template's words in one language; `instruction` has its refusal put in."""

    instruction: str
    refusal: str
    question: str


@dataclass(frozen=True, slots=True)
class Template:
    """Our words of a prompt, in each language that is asked in."""

    name: str
    wordings: Mapping[WordingLanguage, Wording]


def load_template(name: str) -> Template:
    """Return the template of this name, or of the TOML file at this path.

    Raises SettingsError, in one line, for an unknown name and for a file that cannot be read or is
    no template.
    """
    if name in template_names():
        return _built_in(name)
    path = Path(name)
    if path.suffix.lower() != ".toml":
        known = ", ".join(template_names())
        raise SettingsError(
            f"template = {name!r} is unknown", hint=f"choose one of: {known}; or a .toml file"
        )
    return _checked(_read(path), name)


@cache
def template_names() -> tuple[str, ...]:
    """Return the names of the templates that ragapp brings along."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


@cache
def _built_in(name: str) -> Template:
    return _checked(_read(_FOLDER / f"{name}.toml"), name)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise SettingsError(f"the template {str(path)!r} cannot be read: {reason}") from error
    except ValueError as error:  # no TOML, or no UTF-8
        raise SettingsError(f"the template {str(path)!r} is no TOML: {error}") from error


def _checked(values: Mapping[str, Any], name: str) -> Template:
    _check_keys(values, _LANGUAGES, f"the template {name!r}")
    wordings: dict[WordingLanguage, Wording] = {}
    for language in _LANGUAGES:
        where = f"the template {name!r}, [{language}]"
        if not isinstance(values[language], Mapping):
            raise SettingsError(f"{where}: expected a table")
        wordings[language] = _wording(values[language], where)
    return Template(name, wordings)


def _wording(values: Mapping[str, Any], where: str) -> Wording:
    _check_keys(values, _KEYS, where)
    for key in _KEYS:
        if not isinstance(values[key], str) or not values[key].strip():
            raise SettingsError(f"{where}: {key} = {values[key]!r}, expected a text")
        for slot in _SLOT.findall(values[key]):
            if slot != _REFUSAL or key != "instruction":
                hint = f"only {_REFUSAL} is put in, and into the instruction alone"
                raise SettingsError(f"{where}: unknown slot {slot!r} in {key}", hint=hint)
    instruction, refusal = values["instruction"], values["refusal"].strip()
    if _REFUSAL not in instruction:
        hint = f"say there when to reply exactly: {_REFUSAL}"
        raise SettingsError(f"{where}: the instruction asks for no refusal", hint=hint)
    if "\n" in refusal or len(refusal) < _SHORTEST_REFUSAL:
        hint = "one line, a sentence that begins no other answer"
        raise SettingsError(f"{where}: refusal = {refusal!r} is no sentence", hint=hint)
    return Wording(instruction.replace(_REFUSAL, refusal), refusal, values["question"])


def _check_keys(values: Mapping[str, Any], expected: tuple[str, ...], where: str) -> None:
    hint = f"keys: {', '.join(expected)}"
    for key in expected:
        if key not in values:
            raise SettingsError(f"{where}: {key!r} is missing", hint=hint)
    for key in values:
        if key not in expected:
            raise SettingsError(f"{where}: unknown key {key!r}", hint=hint)
