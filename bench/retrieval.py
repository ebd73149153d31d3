"""Retrieval on public question sets: every leg of ragapp, and what a user would take instead.

    python bench/retrieval.py FOLDER... [--systems hybrid,dense,lexical] [--peers bm25s,...]
    python bench/retrieval.py --language en|zh      (the 8 sets of bench/peers.md in ../shared)
    python bench/retrieval.py --pooled en|zh        (their passages together, with distractors)
    python bench/retrieval.py --crossed             (xquad: asked in one language, read in another)
    python bench/retrieval.py --table               (only print what earlier runs left)

Each set's figures are kept as JSON in --out and not measured again unless --anew is given, so a
long run can be made in pieces. A passage's rank is that of its best chunk. The peers (langchain,
bm25s, txtai, haystack: those that are installed) have their own default splitters and read title,
newline, text; all embed with all-MiniLM-L6-v2.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[0] = str(ROOT)  # beside this script lies one with the name of the package `ingest`

from ingest import evaluate_folder  # noqa: E402
from ragapp.analysis import cjk_share, terms_of  # noqa: E402
from ragapp.evaluation.folder import Passage, read_folder, read_passages  # noqa: E402
from ragapp.evaluation.ranking import RANKING_METRICS, score_rankings  # noqa: E402

SHARED = ROOT.parent / "shared"
SETS = {
    "en": "covidqa expmrc_squad_dev financebench hotpot_mini policyqa_test rgb_en "
    "squadshifts_wiki xquad_en",
    "zh": "cjrc_legal cmrc2018_dev drcd_test dureader2_demo dureader_checklist_dev "
    "dureader_robust_dev expmrc_cmrc_dev xquad_zh",
}
DEPTH = 100
Ranking = Mapping[str, list[str]]
Row = dict[str, float]


def main() -> None:
    """Measure what is not measured yet and print the tables."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    folders = list(options.folders)
    if options.language:
        folders += [SHARED / "eval" / name for name in SETS[options.language].split()]
    if options.pooled:
        folders.append(_pooled(options.pooled, options.out, options.distractors))
    if options.crossed:
        folders += [_crossed("en", "zh", options.out), _crossed("zh", "en", options.out)]
    for folder in [] if options.table else folders:
        _measure(folder, options)
    rows = _kept(options.out)
    for language, names in SETS.items():
        _print_means(language, names.split(), rows)
    _print_sets(rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--language", choices=SETS)
    parser.add_argument("--pooled", choices=SETS)
    parser.add_argument("--crossed", action="store_true")
    parser.add_argument("--distractors", type=int, default=2000, help="of the pooled passages")
    parser.add_argument("--systems", default="hybrid,dense,lexical")
    parser.add_argument("--peers", default="", help=f"of {', '.join(PEERS)}")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "retrieval")
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


def _measure(folder: Path, options: argparse.Namespace) -> None:
    kept = options.out / f"{folder.name}.json"
    if options.systems and (options.anew or not kept.is_file()):
        start = time.perf_counter()
        run = evaluate_folder(folder, systems=options.systems.split(","))
        kept.write_text(json.dumps(run.to_dict(), ensure_ascii=False), encoding="utf-8")
        print(f"{folder.name}: {time.perf_counter() - start:.0f} s", flush=True)
    for peer in filter(None, options.peers.split(",")):
        kept = options.out / f"{folder.name}.{peer}.json"
        if options.anew or not kept.is_file():
            start = time.perf_counter()
            kept.write_text(json.dumps(_peer_figures(folder, peer)), encoding="utf-8")
            print(f"{folder.name}, {peer}: {time.perf_counter() - start:.0f} s", flush=True)


def _peer_figures(folder: Path, peer: str) -> dict[str, Row]:
    known = read_folder(folder)
    asked = {q.id: q.text for q in known.questions.questions if q.relevant}
    relevant = {q.id: q.relevant for q in known.questions.questions if q.relevant}
    rankings = PEERS[peer](known.passages, asked)
    scores = score_rankings(rankings, relevant).values()
    return {peer: {m: sum(s[m] for s in scores) / len(scores) for m in RANKING_METRICS}}


def rank_with_langchain(passages: Sequence[Passage], asked: Mapping[str, str]) -> Ranking:
    """Rank by FAISS over LangChain's chunks of 1,000 characters with 200 overlap."""
    from langchain_community.vectorstores import FAISS
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    documents = [
        Document(page_content=f"{p.title}\n{p.text}".strip(), metadata={"id": p.id})
        for p in passages
    ]
    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    embeddings = HuggingFaceEmbeddings(model_name=_model_folder())
    store = FAISS.from_documents(splitter.split_documents(documents), embeddings)
    vectors = embeddings.embed_documents(list(asked.values()))
    return {
        id_: _distinct(
            found.metadata["id"] for found in store.similarity_search_by_vector(vector, k=DEPTH)
        )
        for id_, vector in zip(asked, vectors, strict=True)
    }


def rank_with_bm25s(passages: Sequence[Passage], asked: Mapping[str, str]) -> Ranking:
    """Rank by BM25 over whole passages: English stems, Chinese characters and bigrams."""
    import bm25s
    import snowballstemmer

    texts = [f"{p.title}\n{p.text}" for p in passages]
    questions = list(asked.values())
    if cjk_share("".join(questions[:100])) > 0.5:
        tokens, wanted = [terms_of(t) for t in texts], [terms_of(q) for q in questions]
    else:
        stem = snowballstemmer.stemmer("english").stemWords
        options: dict[str, Any] = {"stopwords": "en", "return_ids": False, "show_progress": False}
        tokens = bm25s.tokenize(texts, stemmer=stem, **options)
        wanted = bm25s.tokenize(questions, stemmer=stem, **options)
    retriever = bm25s.BM25()
    retriever.index(tokens, show_progress=False)
    k = min(DEPTH, len(texts))
    found, _ = retriever.retrieve([list(w) for w in wanted], k=k, show_progress=False)
    return {id_: [passages[int(i)].id for i in row] for id_, row in zip(asked, found, strict=True)}


def rank_with_txtai(passages: Sequence[Passage], asked: Mapping[str, str]) -> Ranking:
    """Rank by txtai's hybrid index over whole passages, as its defaults cut nothing."""
    from txtai import Embeddings

    index = Embeddings(path=_model_folder(), hybrid=True)
    index.index([(place, f"{p.title}\n{p.text}", None) for place, p in enumerate(passages)])
    found = index.batchsearch(list(asked.values()), DEPTH)
    return {
        id_: [passages[int(place)].id for place, _ in row]
        for id_, row in zip(asked, found, strict=True)
    }


def rank_with_haystack(passages: Sequence[Passage], asked: Mapping[str, str]) -> Ranking:
    """Rank by Haystack's BM25 and embedding retrievers, joined by reciprocal rank fusion."""
    from haystack import Document
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import (
        InMemoryBM25Retriever,
        InMemoryEmbeddingRetriever,
    )
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(_model_folder())
    whole = [Document(content=f"{p.title}\n{p.text}", meta={"passage": p.id}) for p in passages]
    pieces = DocumentSplitter().run(documents=whole)["documents"]
    vectors = model.encode([piece.content for piece in pieces], normalize_embeddings=True)
    for piece, vector in zip(pieces, vectors, strict=True):
        piece.embedding = vector.tolist()
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(pieces)
    lexical = InMemoryBM25Retriever(store, top_k=DEPTH)
    dense = InMemoryEmbeddingRetriever(store, top_k=DEPTH)
    joiner = DocumentJoiner(join_mode="reciprocal_rank_fusion")
    queries = model.encode(list(asked.values()), normalize_embeddings=True)
    rankings: dict[str, list[str]] = {}
    for (id_, text), vector in zip(asked.items(), queries, strict=True):
        legs = [
            lexical.run(query=text)["documents"],
            dense.run(query_embedding=vector.tolist())["documents"],
        ]
        joined = joiner.run(documents=legs)["documents"]
        rankings[id_] = _distinct(found.meta["passage"] for found in joined)
    return rankings


def _model_folder() -> str:
    from ragapp.embedders.model_files import find_model_folder

    return str(find_model_folder("all-MiniLM-L6-v2").path)


PEERS: dict[str, Callable[[Sequence[Passage], Mapping[str, str]], Ranking]] = {
    "langchain": rank_with_langchain,
    "bm25s": rank_with_bm25s,
    "txtai": rank_with_txtai,
    "haystack": rank_with_haystack,
}


def _distinct(ids: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def _pooled(language: str, out: Path, n_distractors: int) -> Path:
    """Write the language's sets as one, with distractors; return the folder."""
    folder = out / f"pooled_{language}_{n_distractors}"
    folder.mkdir(exist_ok=True)
    sources = [SHARED / "eval" / name for name in SETS[language].split()]
    passages = {p.id: p for source in sources for p in read_folder(source).passages}
    contexts = SHARED / "train" / f"{language}_contexts.jsonl.gz"
    extra = read_passages(contexts, limit=n_distractors) if n_distractors else ()
    passages |= {p.id: p for p in extra if p.id not in passages}
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as file:
        for p in passages.values():
            row = {"_id": p.id, "title": p.title, "text": p.text}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    for name in ("queries.jsonl", "qrels.tsv"):
        text = "".join((source / name).read_text(encoding="utf-8") for source in sources)
        lines = [line for line in text.splitlines() if not line.startswith("query-id")]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _crossed(asked: str, read: str, out: Path) -> Path:
    """Write xquad with questions in one language over passages in another; return the folder."""
    folder = out / f"crossed_{asked}_{read}"
    folder.mkdir(exist_ok=True)
    source, other = (SHARED / "eval" / f"xquad_{language}" for language in (read, asked))
    for name in ("corpus.jsonl", "qrels.tsv"):
        (folder / name).write_text((source / name).read_text(encoding="utf-8"), encoding="utf-8")
    known = {question.id for question in read_folder(source).questions.questions}
    with (folder / "queries.jsonl").open("w", encoding="utf-8") as file:
        for question in read_folder(other).questions.questions:
            id_ = question.id.replace(f"xquad_{asked}", f"xquad_{read}")
            if id_ in known:
                row = {"_id": id_, "text": question.text}
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return folder


def _kept(out: Path) -> dict[str, dict[str, Row]]:
    """Return the kept figures by set and system."""
    rows: dict[str, dict[str, Row]] = {}
    for path in sorted(out.glob("*.json")):
        values = json.loads(path.read_text(encoding="utf-8"))
        figures = values.get("figures", values)
        for system, metrics in figures.items():
            means = {m: v["value"] if isinstance(v, dict) else v for m, v in metrics.items()}
            rows.setdefault(path.name.split(".")[0], {})[system] = means
    return rows


def _print_means(
    language: str, names: Sequence[str], rows: Mapping[str, Mapping[str, Row]]
) -> None:
    known = [name for name in names if name in rows]
    if not known:
        return
    print(f"\nMeans over {len(known)} of {len(names)} sets, {language}")
    print(f"| system | {' | '.join(RANKING_METRICS)} |")
    print(f"|---|{'---|' * len(RANKING_METRICS)}")
    systems = [s for s in rows[known[0]] if all(s in rows[name] for name in known)]
    for system in systems:
        means = [sum(rows[name][system][m] for name in known) / len(known) for m in RANKING_METRICS]
        print(f"| {system} | {' | '.join(f'{mean:.3f}' for mean in means)} |")


def _print_sets(rows: Mapping[str, Mapping[str, Row]]) -> None:
    systems = _distinct(system for figures in rows.values() for system in figures)
    print(f"\nnDCG@10\n| set | {' | '.join(systems)} |\n|---|{'---|' * len(systems)}")
    for name, figures in rows.items():
        cells = [f"{figures[s]['nDCG@10']:.3f}" if s in figures else "" for s in systems]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
