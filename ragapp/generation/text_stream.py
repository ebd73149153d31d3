"""Token ids -> text in pieces: whole characters only, and never a piece of a stop string."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_REPLACEMENT = "\ufffd"
_MAX_HELD_CHARACTERS = 3  # of a four-byte UTF-8 sequence at most three bytes can be waiting


class TextStream:
    """Turns one answer's ids into text as they arrive.

    `push` returns what can no longer change and `finish` the rest, so the pieces joined are
    ``decode(ids)`` up to the first stop string, less an unfinished character at the very end:

        ids of "天文" as bytes e5 a4 | a9 e6 | 96 87  ->  pieces "" | "天" | "文"
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], *, stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(string for string in stop if string)
        self._ids: list[int] = []
        self._context_start = 0
        self._window_start = 0
        self._n_returned = 0
        self._held = ""
        self.stopped = False

    def push(self, token_id: int) -> str:
        """Take the next id and return the text that is settled by it, often ""."""
        self._ids.append(token_id)
        self._held += self._new_text()
        cut = _first_match(self._held, self._stop)
        if cut is not None:
            self.stopped = True
            return self._release(cut, drop_rest=True)
        return self._release(len(self._held) - _n_begun(self._held, self._stop))

    def finish(self) -> str:
        """Return the text that was held back as the possible beginning of a stop string."""
        return self._release(len(self._held))

    def _release(self, n_characters: int, *, drop_rest: bool = False) -> str:
        text = self._held[:n_characters]
        self._held = "" if drop_rest else self._held[n_characters:]
        return text

    def _new_text(self) -> str:
        """Return the characters completed by the last id.

        The ids are decoded from a little before the first unsettled one, since a decoder may treat
        the first token of a text in its own way (drop a blank).
        """
        before = self._decode(self._ids[self._context_start : self._window_start])
        window = self._decode(self._ids[self._context_start :])[len(before) :]
        whole = window.rstrip(_REPLACEMENT)
        n_whole = max(len(whole), len(window) - _MAX_HELD_CHARACTERS)
        text = window[self._n_returned : n_whole]
        self._n_returned = max(self._n_returned, n_whole)
        if window and len(whole) == len(window):
            self._context_start, self._window_start = self._window_start, len(self._ids)
            self._n_returned = 0
        return text


def _first_match(text: str, stop: Sequence[str]) -> int | None:
    """Return where the earliest stop string begins in `text`, None without one."""
    places = [place for place in (text.find(string) for string in stop) if place >= 0]
    return min(places, default=None)


def _n_begun(text: str, stop: Sequence[str]) -> int:
    """Return the length of the longest end of `text` with which a stop string may begin."""
    longest = max((len(string) for string in stop), default=1) - 1
    for length in range(min(longest, len(text)), 0, -1):
        if any(string.startswith(text[-length:]) for string in stop):
            return length
    return 0
