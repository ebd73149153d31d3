"""Near-duplicates on labelled pairs, beside `datasketch` and `simhash`; and the look-up's cost.

    python bench/neardup.py [--shared ../shared] [--check]

Every method sees the documents one after the other, as an ingestion does: it looks each one up
among those before it, then stores it. A pair counts as found when its later document finds the
earlier one. For ragapp, "merged" are the found pairs of kind "near"; the others are revisions.
`datasketch` gets the same shingles and the same Jaccard threshold, `simhash` its own features.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import logging
import sys
import time
import tracemalloc
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from ingest.dedup import NearDuplicates  # noqa: E402
from ingest.revisions import MIN_JACCARD  # noqa: E402
from ingest.simhash import FingerprintIndex, fingerprint, shingles  # noqa: E402
from ragapp.collection import Collection  # noqa: E402
from ragapp.types import Document  # noqa: E402

BITS = 12
N_PERMUTATIONS = 128
TEMPLATES = ("sibling-template", "template-other-entity")
N_FINGERPRINTS = 1_000_000
N_LOOK_UPS = 2_000
Found = dict[frozenset[str], str]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two documents and what is known of them; `group` is the row of the table it counts in."""

    ids: frozenset[str]
    group: tuple[str, str, str]


def main() -> int:
    """Print both tables; return 1 where a goal is missed and `--check` was given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--check", action="store_true", help="exit 1 where a goal is missed")
    options = parser.parse_args()
    folder = options.shared / "eval" / "neardup"
    missed = []
    if (folder / "pairs.tsv").is_file():
        missed += _score(_documents(folder), _pairs(folder / "pairs.tsv"))
    else:
        print(f"no labelled pairs in {folder}: name the folder that holds eval/ with --shared")
        missed.append("no labelled pairs")
    missed += _look_up_cost()
    for goal in missed:
        print(f"MISSED: {goal}")
    return 1 if missed and options.check else 0


def _documents(folder: Path) -> dict[str, str]:
    packed = folder / "docs.jsonl.gz"
    if packed.is_file():
        lines = gzip.decompress(packed.read_bytes()).decode("utf-8")
    else:
        lines = (folder / "docs.jsonl").read_text(encoding="utf-8")
    return {row["_id"]: row["text"] for row in map(json.loads, filter(None, lines.split("\n")))}


def _pairs(path: Path) -> list[Pair]:
    """Return the pairs but those of other history ("overlap", "rewritten"), which aren't scored."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Pair(frozenset((row["id_a"], row["id_b"])), (row["label"], _bin(row), row["lang"]))
        for row in rows
        if row["label"] in ("dup", "near", "distinct")
    ]


def _bin(row: Mapping[str, str]) -> str:
    if row["label"] == "near":
        low = min(int(float(row["edit_ratio"]) * 10), 9)
        return f"edit ratio 0.{low}"
    if row["label"] == "distinct":
        return row["kind"] if row["kind"] in TEMPLATES else "no template"
    return ""


def _score(texts: Mapping[str, str], pairs: list[Pair]) -> list[str]:
    methods: dict[str, Callable[[Mapping[str, str]], Found]] = {
        "ragapp": _with_ragapp,
        "datasketch": _with_datasketch,
        "simhash k=3": lambda given: _with_simhash(given, bits=3),
        f"simhash k={BITS}": lambda given: _with_simhash(given, bits=BITS),
    }
    found: dict[str, Found] = {}
    speeds = {}
    for name, method in methods.items():
        start = time.process_time()
        try:
            found[name] = method(texts)
        except ModuleNotFoundError as error:
            print(f"{name} is left out: {error}")
            continue
        speeds[name] = len(texts) / (time.process_time() - start)
    shares = _table(pairs, found)
    print(
        f"{'documents/s of processor time':<36}{'':>6}{'':>8}"
        + "".join(f"{v:>13,.0f}" for v in speeds.values())
    )
    return _missed(shares)


def _table(pairs: Iterable[Pair], found: Mapping[str, Found]) -> dict[tuple[str, str, str], float]:
    """Print the share of pairs found, by group; return ragapp's."""
    groups: dict[tuple[str, str, str], list[frozenset[str]]] = defaultdict(list)
    for pair in pairs:
        groups[pair.group].append(pair.ids)
    print(
        f"{'share of pairs found':<36}{'pairs':>6}{'merged':>8}"
        + "".join(f"{n:>13}" for n in found)
    )
    for group, members in sorted(groups.items()):
        merged = sum(found["ragapp"].get(ids) == "near" for ids in members) / len(members)
        shares = [sum(ids in known for ids in members) / len(members) for known in found.values()]
        label = " ".join(filter(None, group))
        print(
            f"{label:<36}{len(members):>6}{merged:>8.3f}" + "".join(f"{x:>13.3f}" for x in shares)
        )
    return {
        group: sum(ids in found["ragapp"] for ids in members) / len(members)
        for group, members in groups.items()
    }


def _missed(shares: Mapping[tuple[str, str, str], float]) -> list[str]:
    """Return the goals that ragapp's shares miss. A false link counts like a false merge."""
    floors = {("dup", ""): 1.0, ("near", "edit ratio 0.9"): 0.95, ("near", "edit ratio 0.8"): 0.75}
    missed = []
    for (label, bin_, language), share in sorted(shares.items()):
        if share < floors.get((label, bin_), 0.0):
            missed.append(f"{label} {bin_} {language}: {share:.3f} < {floors[label, bin_]}")
        if (label, bin_) == ("distinct", "no template") and share > 0.01:
            missed.append(f"{label} {bin_} {language}: {share:.3f} > 0.01")
    return missed


class _Stored:
    """The part of a collection that near-duplicates are looked up in."""

    def __init__(self) -> None:
        self._documents: dict[str, Document] = {}

    def fingerprints(self) -> list[tuple[str, int]]:
        return []

    def document(self, document_id: str) -> Document:
        return self._documents[document_id]

    def add(self, document: Document) -> None:
        self._documents[document.id] = document


def _with_ragapp(texts: Mapping[str, str]) -> Found:
    stored = _Stored()
    near_duplicates = NearDuplicates(cast(Collection, stored), bits=BITS)
    found: Found = {}
    for id_, text in texts.items():
        document = Document(
            id=id_, source=id_, title="", text=text, format="txt", fingerprint=fingerprint(text)
        )
        for near in near_duplicates.near(document):
            found[frozenset((id_, near.document_id))] = near.kind
        stored.add(document)
    return found


def _with_datasketch(texts: Mapping[str, str]) -> Found:
    from datasketch import MinHash, MinHashLSH

    index: Any = MinHashLSH(threshold=MIN_JACCARD, num_perm=N_PERMUTATIONS)
    found: Found = {}
    for id_, text in texts.items():
        sketch: Any = MinHash(num_perm=N_PERMUTATIONS)
        sketch.update_batch([shingle.tobytes() for shingle in shingles(text)])
        found |= {frozenset((id_, other)): "near" for other in index.query(sketch)}
        index.insert(id_, sketch)
    return found


def _with_simhash(texts: Mapping[str, str], *, bits: int) -> Found:
    from simhash import Simhash, SimhashIndex

    logging.disable(logging.WARNING)  # it warns of every crowded bucket
    index: Any = SimhashIndex([], k=bits)
    found: Found = {}
    for id_, text in texts.items():
        value: Any = Simhash(text)
        found |= {frozenset((id_, other)): "near" for other in index.get_near_dups(value)}
        index.add(id_, value)
    return found


def _look_up_cost() -> list[str]:
    """Print the time of a look-up and the memory of an index of a million fingerprints."""
    generator = np.random.default_rng(0)
    values = generator.integers(0, 2**64, N_FINGERPRINTS, dtype=np.uint64)
    queries = values[:N_LOOK_UPS] ^ np.uint64(0b1001_0001_0001_0001)
    tracemalloc.start()
    index = FingerprintIndex(bits=BITS)
    for number, value in enumerate(values.tolist()):
        index.add(f"{number:016x}", value)
    index.near(0)
    n_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    milliseconds = sorted(_milliseconds(index, query) for query in queries.tolist())
    median, high = (milliseconds[int(N_LOOK_UPS * part)] for part in (0.5, 0.95))
    print(
        f"look-up within {BITS} bits of {N_FINGERPRINTS:,} fingerprints: "
        f"{median:.3f} ms (median), {high:.3f} ms (95 %); {n_bytes / 2**20:,.0f} MiB with ids, "
        f"{index.n_bytes / 2**20:,.0f} MiB without"
    )
    return [f"look-up: {median:.3f} ms, not under 1 ms"] if median >= 1.0 else []


def _milliseconds(index: FingerprintIndex, query: int) -> float:
    start = time.perf_counter()
    found = index.near(query)
    assert found, "a query near a stored fingerprint finds it"
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    sys.exit(main())
