"""The errors of ragapp. Each says in one sentence what, which and what was expected.

    RagError                    code "error"            exit 1
    +-- UsageError              "usage"                 exit 2   a wrong argument
    |   +-- SettingsError       "settings"              exit 2   a wrong or unknown setting
    |   +-- NotFoundError       "not_found"             exit 1   no such document, collection, file
    +-- CollectionError         "collection"            exit 1
    |   +-- CollectionLockedError   "locked"            another process is writing
    |   +-- CollectionDamagedError  "damaged"           the database cannot be read
    |   +-- EmbedderMismatchError   "embedder_mismatch" stored vectors come from another embedder
    |   +-- SchemaTooNewError       "schema_too_new"    written by a newer ragapp
    +-- ReadError               "unreadable"            a file that gives no document
    |   +-- EncryptedFileError  "encrypted"
    |   +-- CorruptFileError    "corrupt"
    |   +-- NoTextError         "no_text"
    |   +-- UnsupportedFileError "unsupported"
    |   +-- FileTooLargeError   "too_large"
    +-- ModelError              "model"                 exit 1
        +-- ModelNotFoundError  "model_not_found"
        +-- ContextTooSmallError "context_too_small"
        +-- BusyError           "busy"                  too many requests are waiting

`hint` is what to do next, one sentence or "".
"""

from __future__ import annotations


class RagError(Exception):
    """Base of all errors that a user may see. `str(error)` is one line."""

    code = "error"
    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(" ".join(message.split()))
        self.hint = hint

    @property
    def message(self) -> str:
        """What happened, on one line."""
        return str(self.args[0])


class UsageError(RagError):
    """A wrong argument."""

    code = "usage"
    exit_code = 2


class SettingsError(UsageError):
    """A wrong or unknown setting."""

    code = "settings"


class NotFoundError(UsageError):
    """No such document, collection, file or folder."""

    code = "not_found"
    exit_code = 1


class CollectionError(RagError):
    """A collection that cannot be used as asked."""

    code = "collection"


class CollectionLockedError(CollectionError):
    """Another process is writing to the collection."""

    code = "locked"


class CollectionDamagedError(CollectionError):
    """The collection's database cannot be read."""

    code = "damaged"


class EmbedderMismatchError(CollectionError):
    """The stored vectors were made by another embedder than the configured one."""

    code = "embedder_mismatch"


class SchemaTooNewError(CollectionError):
    """The collection was written by a newer version of ragapp."""

    code = "schema_too_new"


class ReadError(RagError):
    """A file that gives no document."""

    code = "unreadable"


class EncryptedFileError(ReadError):
    """A file that opens only with a password."""

    code = "encrypted"


class CorruptFileError(ReadError):
    """A file whose structure cannot be parsed."""

    code = "corrupt"


class NoTextError(ReadError):
    """A readable file that holds no text, such as a scan."""

    code = "no_text"


class UnsupportedFileError(ReadError):
    """A format for which there is no reader."""

    code = "unsupported"


class FileTooLargeError(ReadError):
    """A file over a size limit."""

    code = "too_large"


class ModelError(RagError):
    """A model that cannot be used as asked."""

    code = "model"


class ModelNotFoundError(ModelError):
    """A model that is not on this machine."""

    code = "model_not_found"


class ContextTooSmallError(ModelError):
    """A prompt that does not fit into the model's context."""

    code = "context_too_small"


class BusyError(ModelError):
    """A model for which too many requests are waiting already."""

    code = "busy"
