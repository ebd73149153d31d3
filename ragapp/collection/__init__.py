"""A collection: chunk store and vector index, kept in step. Nothing else touches the disk."""

from ragapp.chunkstore.chunks import StoredChunk
from ragapp.chunkstore.sources import NO_FILE, Source
from ragapp.collection.backup import BackupReport
from ragapp.collection.collection import Collection, CollectionStats

__all__ = [
    "NO_FILE",
    "BackupReport",
    "Collection",
    "CollectionStats",
    "Source",
    "StoredChunk",
]
