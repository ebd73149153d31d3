-- The tables of schema version 1, as ragapp wrote them before passages were shared.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE embedders (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    dim INTEGER NOT NULL
);
CREATE TABLE documents (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    format TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    pages TEXT NOT NULL,
    headings TEXT NOT NULL,
    metadata TEXT NOT NULL,
    fingerprint INTEGER,
    n_characters INTEGER NOT NULL,
    n_chunks INTEGER NOT NULL,
    added_at TEXT NOT NULL,
    sha256 BLOB NOT NULL
);
CREATE TABLE sources (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    document_id TEXT REFERENCES documents (id) DEFERRABLE INITIALLY DEFERRED,
    sha256 BLOB,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    recipe TEXT NOT NULL,
    failure TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sources_by_document ON sources (document_id);
CREATE TABLE near_duplicates (
    document_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    other_id TEXT NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
    distance INTEGER NOT NULL,
    jaccard REAL NOT NULL,
    kind TEXT NOT NULL,
    PRIMARY KEY (document_id, other_id)
) WITHOUT ROWID;
CREATE INDEX near_duplicates_by_other ON near_duplicates (other_id);
CREATE TABLE chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    document_seq INTEGER NOT NULL REFERENCES documents (seq),
    ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    page INTEGER,
    heading TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    embedded_sha256 BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    UNIQUE (document_seq, ordinal)
);
CREATE INDEX chunks_by_embedded_text ON chunks (embedded_sha256);
CREATE TABLE vectors (
    chunk_id INTEGER NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    vector BLOB NOT NULL,
    sha256 BLOB NOT NULL,
    UNIQUE (embedder_id, chunk_id)
);
CREATE INDEX vectors_by_chunk ON vectors (chunk_id);
CREATE TABLE removed_chunks (chunk_id INTEGER PRIMARY KEY);
CREATE TABLE generations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    file TEXT NOT NULL,
    index_name TEXT NOT NULL,
    embedder_id INTEGER NOT NULL REFERENCES embedders (id),
    dim INTEGER NOT NULL,
    n_vectors INTEGER NOT NULL,
    last_chunk_id INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL
);
-- The analyzer has already split the text: the tokenizer only parts at white space.
CREATE VIRTUAL TABLE postings USING fts5 (terms, tokenize = "ascii tokenchars '+#._-/'''");
CREATE VIRTUAL TABLE vocabulary USING fts5vocab (postings, 'row');
