"""The table of pages: a new page is one file in `views/` and one line here."""

from __future__ import annotations

from typing import NamedTuple

from ui import labels
from ui.labels import Label


class Page(NamedTuple):
    """A page of the app; the first of the table is the home. `path` is relative to `app.py`."""

    path: str
    slug: str
    title: Label
    icon: str
    is_wide: bool = False


ASK = Page("views/ask.py", "ask", labels.ASK, ":material/forum:")
LIBRARY = Page(
    "views/library.py", "library", labels.LIBRARY, ":material/library_books:", is_wide=True
)
ADD_FILES = Page("views/add_files.py", "add-files", labels.ADD_FILES, ":material/note_add:")
INSPECT = Page(
    "views/inspect.py", "inspect", labels.INSPECT, ":material/troubleshoot:", is_wide=True
)
EVALUATE = Page(
    "views/evaluate.py", "evaluate", labels.EVALUATE, ":material/monitoring:", is_wide=True
)
HEALTH = Page("views/health.py", "health", labels.HEALTH, ":material/monitor_heart:", is_wide=True)

PAGES = (ASK, LIBRARY, ADD_FILES, INSPECT, EVALUATE, HEALTH)
