"""64-bit SimHash fingerprints of texts, and the exact look-up of near ones. Pure.

Texts that share most of their shingles get fingerprints that differ in few bits. Shingles are
runs of words, and runs of single characters in Chinese, Japanese and Korean, so that neither needs
a word splitter.

Source: Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

N_BITS = 64
SHINGLE_UNITS = 2  # of 1 to 5, the best recall at no false merge between unrelated texts
MIN_SHINGLES = 8
BATCH_SHINGLES = 65_536
PIECE_CHARACTERS = 262_144
MAX_KEPT_CHARACTERS = 1_000_000  # of a text whose shingles are kept for its comparisons
MAX_KNOWN_CHARACTERS = 24  # of a unit whose hash is remembered: a bound on memory
N_BLOCKS = 4
BLOCK_BITS = N_BITS // N_BLOCKS
MAX_TABLE_BITS = 16  # beyond, a look-up by blocks touches more than a scan does
MAX_UNSORTED = 32_768  # scanned in 30 microseconds

_UNIT = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]"
    "|[^\\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_Hashes = NDArray[np.uint64]
_Rows = NDArray[np.int64]


def fingerprint(text: str) -> int | None:
    """Return the unsigned 64-bit SimHash of `text`, None where it has fewer than 8 shingles.

    Case, width forms, punctuation and white space do not matter. Each distinct shingle counts once.
    """
    hashes = shingles(text) if len(text) <= MAX_KEPT_CHARACTERS else shingles.__wrapped__(text)
    if len(hashes) < MIN_SHINGLES:
        return None
    ones = np.zeros(N_BITS, dtype=np.int64)
    for start in range(0, len(hashes), BATCH_SHINGLES):
        batch = hashes[start : start + BATCH_SHINGLES].astype("<u8")
        bits = np.unpackbits(batch.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        ones += bits.sum(axis=0, dtype=np.int64)  # (n, 64) -> (64,)
    majority = 2 * ones > len(hashes)
    return int.from_bytes(np.packbits(majority, bitorder="little").tobytes(), "little")


@lru_cache(maxsize=2)  # the text in hand, while it is compared with one after another
def shingles(text: str) -> NDArray[np.uint64]:
    """Return the sorted hashes of the distinct shingles of `text`; the array is read-only."""
    hashes = _shingle_hashes(text)
    hashes.sort()  # np.unique takes a table of many times the array's size
    is_first = np.ones(len(hashes), dtype=bool)
    np.not_equal(hashes[1:], hashes[:-1], out=is_first[1:])
    hashes = hashes[is_first]
    hashes.flags.writeable = False
    return hashes


def units(text: str) -> list[str]:
    """Return the words and single CJK characters of which shingles are made.

    >>> units("Ｆull WIDTH：圆顶 7")
    ['full', 'width', '圆', '顶', '7']
    """
    return _UNIT.findall(unicodedata.normalize("NFKC", text).casefold())


def jaccard(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> float:
    """Return the shared part of two texts' shingles, 0 to 1; 0 where both have none."""
    n_shared = len(np.intersect1d(first, second, assume_unique=True))
    n_all = len(first) + len(second) - n_shared
    return n_shared / n_all if n_all else 0.0


def hamming(first: int, second: int) -> int:
    """Return in how many bits two fingerprints differ.

    >>> hamming(0b1011, 0b0010)
    2
    """
    return (first ^ second).bit_count()


class FingerprintIndex:
    """Fingerprints under ids, and everything within `bits` Hamming distance of a query, exactly.

    The 64 bits are cut into four blocks. Two fingerprints that differ in at most `bits` bits differ
    in at most ``bits // 4`` of some block, so a query looks up, block by block, every value
    near its own; at 12 bits that is 2 % of the fingerprints. The newest ones, not in the tables
    yet, are compared one by one. Not safe for concurrent use.

    Memory: 56 bytes a fingerprint, and the ids.
    Source: Norouzi, Punjani, Fleet, "Fast search in Hamming space with multi-index hashing",
    CVPR 2012 (radii of the blocks: section 3).
    """

    def __init__(self, *, bits: int, max_unsorted: int = MAX_UNSORTED) -> None:
        if not 0 <= bits < N_BITS:
            raise ValueError(f"bits = {bits!r}, expected 0 to {N_BITS - 1}")
        self.bits = bits
        self._max_unsorted = max_unsorted
        self._rows: dict[str, int] = {}
        self._ids: list[str | None] = []  # by row, None where removed
        self._values: _Hashes = np.empty(1024, dtype=np.uint64)  # by row, with room to grow
        self._n_sorted = 0
        self._flips = _block_flips(bits) if bits <= MAX_TABLE_BITS else []
        self._tables: list[_BlockTable] = []

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def n_bytes(self) -> int:
        """How much memory the fingerprints and their tables take, the ids not counted."""
        return self._values.nbytes + sum(table.n_bytes for table in self._tables)

    def add(self, id_: str, fingerprint: int) -> None:
        """Store a fingerprint under an id, in place of the one it had."""
        self.remove(id_)
        row = len(self._ids)
        if row == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        self._rows[id_] = row
        self._ids.append(id_)
        self._values[row] = fingerprint

    def remove(self, id_: str) -> None:
        """Forget an id; an unknown one is no error."""
        row = self._rows.pop(id_, None)
        if row is not None:
            self._ids[row] = None

    def near(self, fingerprint: int) -> list[tuple[int, str]]:
        """Return (distance, id) of all within `bits`, nearest first, ties by id."""
        n_unsorted = len(self._ids) - self._n_sorted
        if self._flips and n_unsorted > max(self._max_unsorted, self._n_sorted // 8):
            self._sort()
        query = np.uint64(fingerprint)
        rows = self._look_up(query) if self._tables else np.empty(0, dtype=np.int64)
        rows = np.concatenate([rows, self._scan(query, self._n_sorted)])
        found = ((int(self._values[row]), self._ids[row]) for row in np.unique(rows).tolist())
        return sorted((hamming(fingerprint, value), id_) for value, id_ in found if id_ is not None)

    def _look_up(self, query: np.uint64) -> _Rows:
        """Return the rows near `query` among those in the tables; some may come twice."""
        places = [table.places(query) for table in self._tables]
        if sum(map(len, places)) > self._n_sorted // 8:  # the blocks are too alike to pay
            return self._scan(query, 0, self._n_sorted)
        return np.concatenate(
            [
                table.rows[place[np.bitwise_count(table.values[place] ^ query) <= self.bits]]
                for table, place in zip(self._tables, places, strict=True)
            ]
        ).astype(np.int64)

    def _scan(self, query: np.uint64, start: int, stop: int | None = None) -> _Rows:
        """Return the rows of ``[start, stop)`` near `query`, compared one by one."""
        values = self._values[start : len(self._ids) if stop is None else stop]
        return np.flatnonzero(np.bitwise_count(values ^ query) <= self.bits) + start

    def _sort(self) -> None:
        """Drop the removed rows and build the tables over all others."""
        kept = [row for row, id_ in enumerate(self._ids) if id_ is not None]
        self._values = self._values[kept] if kept else np.empty(1024, dtype=np.uint64)
        self._ids = [self._ids[row] for row in kept]
        self._rows = {id_: row for row, id_ in enumerate(self._ids) if id_ is not None}
        self._n_sorted = len(kept)
        self._tables = [
            _BlockTable.build(self._values[: len(kept)], block, flips)
            for block, flips in enumerate(self._flips)
        ]


@dataclass(frozen=True, slots=True)
class _BlockTable:
    """All fingerprints in the order of one of their four blocks.

    Those whose block has value v stand at ``[edges[v], edges[v + 1])`` of `values` and `rows`.
    """

    shift: np.uint64
    flips: NDArray[np.uint16]
    edges: _Rows
    values: _Hashes
    rows: NDArray[np.uint32]

    @classmethod
    def build(cls, values: _Hashes, block: int, flips: NDArray[np.uint16]) -> _BlockTable:
        shift = np.uint64(block * BLOCK_BITS)
        keys = (values >> shift).astype(np.uint16)  # the lowest 16 bits are kept
        order = np.argsort(keys, kind="stable").astype(np.uint32)
        edges = np.zeros((1 << BLOCK_BITS) + 1, dtype=np.int64)
        np.cumsum(np.bincount(keys, minlength=1 << BLOCK_BITS), out=edges[1:])
        return cls(shift, flips, edges, values[order], order)

    @property
    def n_bytes(self) -> int:
        return self.flips.nbytes + self.edges.nbytes + self.values.nbytes + self.rows.nbytes

    def places(self, query: np.uint64) -> _Rows:
        """Return where those stand whose block is one of the query's, flipped by `flips`."""
        keys = (self.flips ^ (query >> self.shift).astype(np.uint16)).astype(np.int64)
        starts = self.edges[keys]
        counts = self.edges[keys + 1] - starts
        ends = np.cumsum(counts)
        total = int(ends[-1])
        return np.repeat(starts - (ends - counts), counts) + np.arange(total)


def _block_flips(bits: int) -> list[NDArray[np.uint16]]:
    """Return for each block that is looked up the bit patterns by which it may differ.

    With ``bits = 4 r + a``, two fingerprints within `bits` differ in at most r bits of one of the
    first a + 1 blocks, or in at most r - 1 of one of the others: else they would differ in
    ``(a + 1)(r + 1) + (3 - a) r = bits + 1``.
    """
    radius, rest = divmod(bits, N_BLOCKS)
    radii = [radius if block <= rest else radius - 1 for block in range(N_BLOCKS)]
    return [_flips_within(radius) for radius in radii if radius >= 0]


def _flips_within(radius: int) -> NDArray[np.uint16]:
    return np.array(
        [
            sum(1 << place for place in places)
            for n_flipped in range(radius + 1)
            for places in combinations(range(BLOCK_BITS), n_flipped)
        ],
        dtype=np.uint16,
    )


def _shingle_hashes(text: str) -> _Hashes:
    """Hash each distinct unit once with blake2b, then mix the hashes of neighbours.

    A long text is taken in pieces: its units as objects would take many times its memory.
    """
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a new unit gets the next number
    places = np.concatenate([_numbered(units(piece), numbers) for piece in _pieces(text)])
    n_shingles = len(places) - SHINGLE_UNITS + 1
    if n_shingles < 1:
        return np.empty(0, dtype=np.uint64)
    digests = np.frombuffer(b"".join(map(_digest, numbers)), dtype="<u8").astype(np.uint64)
    mixed = np.zeros(n_shingles, dtype=np.uint64)
    for start in range(0, n_shingles, BATCH_SHINGLES):
        part = mixed[start : start + BATCH_SHINGLES]
        hashes = digests[places[start : start + len(part) + SHINGLE_UNITS - 1]]
        for offset in range(SHINGLE_UNITS):
            part[:] = _mix(part + hashes[offset : offset + len(part)])
    return mixed


def _numbered(found: Sequence[str], numbers: Mapping[str, int]) -> NDArray[np.uint32]:
    return np.fromiter(map(numbers.__getitem__, found), dtype=np.uint32, count=len(found))


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces that end at line ends, over which no unit and no letter reaches."""
    start = 0
    while start < len(text) or not start:
        end = text.find("\n", start + PIECE_CHARACTERS) + 1 or len(text) + 1
        yield text[start:end]
        start = end


def _digest(unit: str) -> bytes:
    return _known_digest(unit) if len(unit) <= MAX_KNOWN_CHARACTERS else _new_digest(unit)


def _new_digest(unit: str) -> bytes:
    return blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8).digest()


_known_digest = lru_cache(maxsize=32_768)(_new_digest)


def _mix(values: _Hashes) -> _Hashes:
    """Spread every input bit over all 64 (splitmix64 finaliser, wrapping arithmetic)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
