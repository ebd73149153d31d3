"""Which chunks a search may find: a tree of comparisons, written as text or in Python.

    parse_filter('lang=zh and source~"reports/*"') == Language("zh") & Source("reports/*")

A filter is applied to a chunk under one of the sources that hold its document. `expression` holds
the tree and the names to build it with, `grammar` reads it from text, `days` the dates in it; the
chunk store turns it into SQL.
"""

from ragapp.filters.expression import (
    COLUMNS,
    MAX_COMPARISONS,
    MAX_DEPTH,
    And,
    Comparison,
    Date,
    DocumentId,
    Filter,
    Format,
    HeadingPath,
    Language,
    Metadata,
    Not,
    Or,
    PageNumber,
    Source,
    Title,
    checked_filter,
)
from ragapp.filters.grammar import MAX_LENGTH, parse_filter

Where = Filter | str

__all__ = [
    "COLUMNS",
    "MAX_COMPARISONS",
    "MAX_DEPTH",
    "MAX_LENGTH",
    "And",
    "Comparison",
    "Date",
    "DocumentId",
    "Filter",
    "Format",
    "HeadingPath",
    "Language",
    "Metadata",
    "Not",
    "Or",
    "PageNumber",
    "Source",
    "Title",
    "Where",
    "checked_filter",
    "filter_of",
    "parse_filter",
]


def filter_of(where: Where | None) -> Filter | None:
    """Return a filter given as text or as a tree, checked; None for None or blank text.

    Raises UsageError.
    """
    if where is None or (isinstance(where, str) and not where.strip()):
        return None
    return parse_filter(where) if isinstance(where, str) else checked_filter(where)
