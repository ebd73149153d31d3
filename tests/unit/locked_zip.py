"""Zip archives with members locked the traditional way, which the standard library only reads."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile, ZipInfo

_HEADER = bytes(11)  # random in other writers


def write_locked_zip(path: Path, members: Mapping[str, tuple[bytes, str | bytes]]) -> Path:
    """Write an archive of stored members, name -> (data, password)."""
    with ZipFile(path, "w") as archive:
        for name, (data, password) in members.items():
            secret = password.encode() if isinstance(password, str) else password
            check = (zlib.crc32(data) >> 24).to_bytes(1, "big")
            archive.writestr(ZipInfo(name), _encrypted(_HEADER + check + data, secret))
    _mark(path, [data for data, _ in members.values()])
    return path


def _encrypted(data: bytes, password: bytes) -> bytes:
    """Encrypt as section 6.1 of PKWARE's APPNOTE.TXT says."""
    keys = [0x12345678, 0x23456789, 0x34567890]

    def update(byte: int) -> None:
        keys[0] = _crc(keys[0], byte)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = _crc(keys[2], keys[1] >> 24)

    for byte in password:
        update(byte)
    encrypted = bytearray()
    for byte in data:
        masked = (keys[2] & 0xFFFF) | 2
        encrypted.append(byte ^ (masked * (masked ^ 1) >> 8 & 0xFF))
        update(byte)
    return bytes(encrypted)


def _crc(crc: int, byte: int) -> int:
    return zlib.crc32(bytes([byte]), crc ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def _mark(path: Path, contents: list[bytes]) -> None:
    """Set the members' flag, plain checksum and plain size, in both of their headers."""
    data = bytearray(path.read_bytes())
    with ZipFile(path) as archive:
        locals_ = [entry.header_offset for entry in archive.infolist()]
        place = archive.start_dir
    for start, content in zip(locals_, contents, strict=True):
        for at, flags in ((start, 6), (place, 8)):
            data[at + flags] |= 1
            data[at + flags + 8 : at + flags + 12] = zlib.crc32(content).to_bytes(4, "little")
            sizes = at + flags + 16
            data[sizes : sizes + 4] = len(content).to_bytes(4, "little")
        place += 46 + int.from_bytes(data[place + 28 : place + 30], "little")
    path.write_bytes(data)
