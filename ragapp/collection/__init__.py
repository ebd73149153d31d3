"""A collection: chunk store and vector index, kept in step. Nothing else touches the disk."""

from ragapp.chunkstore.chunks import MAX_PLACES, StoredChunk, places_of
from ragapp.chunkstore.sources import NO_FILE, Source
from ragapp.collection.backup import BackupReport
from ragapp.collection.collection import Collection, holds_collection
from ragapp.collection.conversations import Conversations, checked_name
from ragapp.collection.selection import Selection
from ragapp.collection.several import Searched, Several
from ragapp.collection.stats import CollectionStats

__all__ = [
    "MAX_PLACES",
    "NO_FILE",
    "BackupReport",
    "Collection",
    "CollectionStats",
    "Conversations",
    "Searched",
    "Selection",
    "Several",
    "Source",
    "StoredChunk",
    "checked_name",
    "holds_collection",
    "places_of",
]
