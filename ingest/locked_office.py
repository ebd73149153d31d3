"""An Office file that is locked with a password (an OLE container) -> the zip package inside.

Standard and agile encryption of ECMA-376, by msoffcrypto. To be called in a reader's child process.
"""

from __future__ import annotations

from io import BytesIO

from ragapp.errors import CorruptFileError, EncryptedFileError

_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")


def is_locked_office(data: bytes) -> bool:
    """Tell a locked package from another OLE file, such as one of Office 97."""
    return _ENCRYPTED_PACKAGE in data


def unlocked(name: str, data: bytes, password: str) -> bytes:
    """Return the package in `data`, opened with `password`; `name` is for messages.

    Raises EncryptedFileError for a wrong password or an unknown encryption, CorruptFileError.
    """
    if not password:
        raise EncryptedFileError(
            f"{name!r} is protected by a password",
            hint="give its password, or save a copy without it",
        )
    from msoffcrypto.exceptions import DecryptionError, InvalidKeyError
    from msoffcrypto.format.ooxml import OOXMLFile

    package = BytesIO()
    try:
        file = OOXMLFile(BytesIO(data))
        file.load_key(password=password, verify_password=True)
        file.decrypt(package)
    except InvalidKeyError as error:
        raise EncryptedFileError(
            f"{name!r} does not open with the password given", hint="check the password"
        ) from error
    except DecryptionError as error:
        raise EncryptedFileError(
            f"{name!r} is encrypted in a way that is not supported: {error}"
        ) from error
    except Exception as error:  # the border to a parser of untrusted bytes
        raise CorruptFileError(f"{name!r} is damaged: {type(error).__name__}: {error}") from error
    return package.getvalue()
