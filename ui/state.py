"""What the page remembers: one `Rag` for all visitors, and each visitor's session.

The session's keys are `ui.keys.Key`; everything else goes through these functions."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Literal, cast

import streamlit as st

from ingest import IngestReport
from ragapp import Answer, Rag, RagError, open_rag
from ui.evidence import Evidence
from ui.keys import Key
from ui.labels import LANGUAGE_NAMES, Language, Say, say_in
from ui.narrowing import Narrowing

_LANGUAGE_PARAMETER = "lang"
_CONVERSATION_PARAMETER = "conversation"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error as the page shows it."""

    message: str
    hint: str = ""
    code: str = ""

    @classmethod
    def of(cls, error: RagError | OSError) -> Failure:
        """Return what a visitor may see of an error."""
        if isinstance(error, RagError):
            return cls(error.message, error.hint, error.code)
        return cls(f"{error.strerror or error}: {error.filename!r}")


Verdict = Literal["up", "down"]


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and what came of it: an answer, a failure, or the text until it was stopped.

    `narrowing` is what the search was narrowed to, `rating` and `rating_id` what the visitor
    thought of the answer, None and 0 before that is told.
    """

    question: str
    narrowing: Narrowing = field(default_factory=Narrowing)
    answer: Answer | None = None
    evidence: tuple[Evidence, ...] = ()
    partial: str = ""
    rating: Verdict | None = None
    rating_id: int = 0
    failure: Failure | None = None


@st.cache_resource(show_spinner=False)
def rag() -> Rag:
    """Return the collection that all visitors share, opened once. Raises RagError."""
    return open_rag()


def has_documents(opened: Rag) -> bool:
    """Tell whether there is anything to ask about."""
    return opened.collection.stats().n_documents > 0


def language() -> Language:
    """Return the language in force: the visitor's choice, the address's, or the browser's."""
    if Key.LANGUAGE not in st.session_state:
        st.session_state[Key.LANGUAGE] = _first_language()
    return cast(Language, st.session_state[Key.LANGUAGE])


def keep_language_in_address() -> None:
    """Write the language into the query parameters, so that a copied link carries it."""
    if st.query_params.get(_LANGUAGE_PARAMETER) != language():
        st.query_params[_LANGUAGE_PARAMETER] = language()


def say() -> Say:
    """Return the function that gives labels in the language in force."""
    return say_in(language())


def conversation() -> list[Turn]:
    """Return the session's turns, oldest first; append to it and replace in it."""
    turns: list[Turn] = st.session_state.setdefault(Key.CONVERSATION, [])
    return turns


def has_begun() -> bool:
    """Tell whether the session has drawn a conversation before, if only an empty one."""
    return Key.CONVERSATION in st.session_state


def forget_conversation() -> None:
    """Begin a new conversation."""
    open_conversation("", [])


def open_conversation(name: str, turns: list[Turn]) -> None:
    """Show a stored conversation, "" for a new one that is stored once it is named."""
    st.session_state[Key.CONVERSATION] = turns
    name_conversation(name)


def conversation_name() -> str:
    """Return the name under which the session's conversation is stored, "" before it is."""
    return str(st.session_state.get(Key.CONVERSATION_NAME, ""))


def name_conversation(name: str) -> None:
    """Remember under which name the session's conversation is stored."""
    st.session_state[Key.CONVERSATION_NAME] = name


def conversation_in_address() -> str:
    """Return the conversation that the address names, "" for none."""
    return st.query_params.get(_CONVERSATION_PARAMETER, "")


def keep_conversation_in_address() -> None:
    """Write the conversation's name into the query parameters, so that a reload opens it."""
    name = conversation_name()
    if name != conversation_in_address():
        st.query_params.pop(_CONVERSATION_PARAMETER, None)
        st.query_params.update({_CONVERSATION_PARAMETER: name} if name else {})


def ask_for_original(turn: int, marker: int) -> None:
    """Remember that the page that a marker of an answer cites is to be shown in the next run."""
    st.session_state[Key.ORIGINAL] = (turn, marker)


def take_original() -> tuple[int, int] | None:
    """Return the turn and marker whose page is to be shown, once."""
    return cast("tuple[int, int] | None", st.session_state.pop(Key.ORIGINAL, None))


def leave_failure(failure: Failure) -> None:
    """Leave an error to be shown in the next run."""
    st.session_state[Key.FAILURE] = failure


def take_failure() -> Failure | None:
    """Return the error left by a click, once."""
    return cast("Failure | None", st.session_state.pop(Key.FAILURE, None))


def narrowing() -> Narrowing:
    """Return what the visitor has narrowed searches to."""
    chosen = st.session_state
    return Narrowing(
        source=chosen.get(Key.ONLY_SOURCE) or "",
        languages=tuple(chosen.get(Key.ONLY_LANGUAGES) or ()),
        formats=tuple(chosen.get(Key.ONLY_FORMATS) or ()),
        since=chosen.get(Key.ONLY_SINCE),
        until=chosen.get(Key.ONLY_UNTIL),
    )


def forget_narrowing() -> None:
    """Search everything again; before the fields are drawn in a run."""
    st.session_state[Key.ONLY_SOURCE] = ""
    st.session_state[Key.ONLY_LANGUAGES] = []
    st.session_state[Key.ONLY_FORMATS] = []
    st.session_state[Key.ONLY_SINCE] = st.session_state[Key.ONLY_UNTIL] = None


def forget_choices_but(*, languages: Container[str], formats: Container[str]) -> None:
    """Drop choices that the collection no longer offers; before the fields are drawn in a run."""
    for key, offered in ((Key.ONLY_LANGUAGES, languages), (Key.ONLY_FORMATS, formats)):
        chosen = st.session_state.get(key) or []
        if any(value not in offered for value in chosen):
            st.session_state[key] = [value for value in chosen if value in offered]


def report() -> IngestReport | None:
    """Return what became of the files that were added last."""
    return cast("IngestReport | None", st.session_state.get(Key.REPORT))


def keep_report(latest: IngestReport) -> None:
    """Keep a report for display and empty the upload field."""
    st.session_state[Key.REPORT] = latest
    st.session_state[Key.UPLOAD_ROUND] = _upload_round() + 1


def upload_key() -> str:
    """Return the key of the upload field; a new one stands for an emptied field."""
    return f"{Key.UPLOADS}-{_upload_round()}"


def opened_document() -> str | None:
    """Return the id of the document that is open in the library."""
    return cast("str | None", st.session_state.get(Key.OPENED))


def open_document(document_id: str | None) -> None:
    """Open a document in the library, or close it; before the chooser is drawn in a run."""
    st.session_state[Key.OPENED] = document_id


def is_removing(document_id: str) -> bool:
    """Tell whether the visitor has been asked to confirm removing this document."""
    return st.session_state.get(Key.REMOVING) == document_id


def ask_to_remove(document_id: str | None) -> None:
    """Remember which document waits for a confirmation, or that none does."""
    st.session_state[Key.REMOVING] = document_id


def address_of_query(query: str) -> dict[str, str]:
    """Return the address's parameters under which Inspect shows a query, in this language."""
    return {Key.QUERY: query, _LANGUAGE_PARAMETER: language()}


def is_remaking() -> bool:
    """Tell whether the visitor has been asked to confirm making the questions anew."""
    return bool(st.session_state.get(Key.REMAKING))


def ask_to_remake(is_asked: bool) -> None:
    """Remember whether making the questions anew waits for a confirmation."""
    st.session_state[Key.REMAKING] = is_asked


def choose_run(run_id: str) -> None:
    """Show this evaluation run; before the chooser is drawn in a run."""
    st.session_state[Key.RUN] = run_id
    st.session_state[Key.COMPARED] = None


def forget_runs_but(ids: Container[str]) -> None:
    """Drop chosen runs that are kept no longer; before the choosers are drawn in a run."""
    for key in (Key.RUN, Key.COMPARED):
        if st.session_state.get(key) not in ids:
            st.session_state.pop(key, None)


def chosen_row() -> int | None:
    """Return the row that was clicked in the library's table."""
    selection = st.session_state.get(Key.TABLE)
    rows = selection["selection"]["rows"] if selection else []
    return int(rows[0]) if rows else None


def leave_notice(text: str) -> None:
    """Leave one line of ours to be shown in the next run."""
    st.session_state[Key.NOTICE] = text


def take_notice() -> str:
    """Return the line left by the run before, once."""
    return str(st.session_state.pop(Key.NOTICE, ""))


def _first_language() -> Language:
    asked = st.query_params.get(_LANGUAGE_PARAMETER, "")
    for known in LANGUAGE_NAMES:
        if asked == known:
            return known
    return "zh" if (st.context.locale or "").lower().startswith("zh") else "en"


def _upload_round() -> int:
    return int(st.session_state.get(Key.UPLOAD_ROUND, 0))
