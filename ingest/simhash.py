"""64-bit SimHash fingerprints of texts, and the exact look-up of near ones. Pure.

Texts that share most of their shingles get fingerprints that differ in few bits. Shingles are
runs of words, and runs of single characters in Chinese, Japanese and Korean, so that neither needs
a word splitter.

Source: Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002; Manku,
Jain, Das Sarma, "Detecting near-duplicates for web crawling", WWW 2007 (look-up by blocks).
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from hashlib import blake2b
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

N_BITS = 64
SHINGLE_UNITS = 2  # of 1 to 5, the best recall at no false merge between unrelated texts
MIN_SHINGLES = 8
BATCH_SHINGLES = 65_536

_UNIT = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
    "|[^\\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_Hashes = NDArray[np.uint64]


def fingerprint(text: str) -> int | None:
    """Return the unsigned 64-bit SimHash of `text`, None where it has fewer than 8 shingles.

    Case, width forms, punctuation and white space do not matter. Each distinct shingle counts once.
    """
    hashes = np.unique(_shingle_hashes(text))
    if len(hashes) < MIN_SHINGLES:
        return None
    ones = np.zeros(N_BITS, dtype=np.int64)
    for start in range(0, len(hashes), BATCH_SHINGLES):
        batch = hashes[start : start + BATCH_SHINGLES].astype("<u8")
        bits = np.unpackbits(batch.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        ones += bits.sum(axis=0, dtype=np.int64)  # (n, 64) -> (64,)
    majority = 2 * ones > len(hashes)
    return int.from_bytes(np.packbits(majority, bitorder="little").tobytes(), "little")


def hamming(first: int, second: int) -> int:
    """Return in how many bits two fingerprints differ.

    >>> hamming(0b1011, 0b0010)
    2
    """
    return (first ^ second).bit_count()


class FingerprintIndex:
    """Fingerprints under ids, and everything within `bits` Hamming distance of a query, exactly.

    The 64 bits are cut into ``bits + 1`` blocks. Two fingerprints that differ in at most `bits`
    bits agree in at least one whole block (pigeonhole), so comparing those that share a block with
    the query misses none.
    """

    def __init__(self, *, bits: int) -> None:
        if not 0 <= bits < N_BITS:
            raise ValueError(f"bits = {bits!r}, expected 0 to {N_BITS - 1}")
        self.bits = bits
        edges = [round(block * N_BITS / (bits + 1)) for block in range(bits + 2)]
        self._blocks = [(low, (1 << (high - low)) - 1) for low, high in pairwise(edges)]
        self._tables: list[dict[int, list[str]]] = [defaultdict(list) for _ in self._blocks]
        self._fingerprints: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._fingerprints)

    def add(self, id_: str, fingerprint: int) -> None:
        """Store a fingerprint under an id, in place of the one it had."""
        self.remove(id_)
        self._fingerprints[id_] = fingerprint
        for table, (low, mask) in zip(self._tables, self._blocks, strict=True):
            table[(fingerprint >> low) & mask].append(id_)

    def remove(self, id_: str) -> None:
        """Forget an id; an unknown one is no error."""
        known = self._fingerprints.pop(id_, None)
        if known is None:
            return
        for table, (low, mask) in zip(self._tables, self._blocks, strict=True):
            key = (known >> low) & mask
            table[key].remove(id_)
            if not table[key]:
                del table[key]

    def near(self, fingerprint: int) -> list[tuple[int, str]]:
        """Return (distance, id) of all within `bits`, nearest first, ties by id."""
        candidates: set[str] = set()
        for table, (low, mask) in zip(self._tables, self._blocks, strict=True):
            candidates.update(table.get((fingerprint >> low) & mask, ()))
        found = ((hamming(fingerprint, self._fingerprints[id_]), id_) for id_ in candidates)
        return sorted(pair for pair in found if pair[0] <= self.bits)


def _shingle_hashes(text: str) -> _Hashes:
    """Hash each distinct unit once with blake2b, then mix the hashes of neighbours."""
    units = _UNIT.findall(unicodedata.normalize("NFKC", text).casefold())
    n_shingles = len(units) - SHINGLE_UNITS + 1
    if n_shingles < 1:
        return np.empty(0, dtype=np.uint64)
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    digests = b"".join(
        blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8).digest() for unit in numbers
    )
    places = np.fromiter(map(numbers.__getitem__, units), dtype=np.int64, count=len(units))
    hashes = np.frombuffer(digests, dtype="<u8").astype(np.uint64)[places]
    mixed = np.zeros(n_shingles, dtype=np.uint64)
    for offset in range(SHINGLE_UNITS):
        mixed = _mix(mixed + hashes[offset : offset + n_shingles])
    return mixed


def _mix(values: _Hashes) -> _Hashes:
    """Spread every input bit over all 64 (splitmix64 finaliser, wrapping arithmetic)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
