"""The durable truth of a collection: documents, chunks, vectors and postings in SQLite.

Plain functions over a connection, inside the transactions that `Database` opens.
"""

from ragapp.chunkstore.database import Database

__all__ = ["Database"]
