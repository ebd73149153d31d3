"""Any sentence-transformers model as an Embedder; the embedded all-MiniLM-L6-v2 by default.

A plain BERT folder runs on torch alone (`bert`); every other architecture runs through the
sentence-transformers library, with the prompts and pooling that the model declares, or is known by.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from safetensors import SafetensorError

from ragapp.embedders.device import resolve_device
from ragapp.embedders.model_files import (
    ModelFolder,
    check_embedded_weights,
    find_model_folder,
    fingerprint,
)
from ragapp.embedders.quiet import quiet_loading
from ragapp.errors import ModelError
from ragapp.protocols import EmbedderIdentity, Vectors

_SLICE_TEXTS = 2048
_BATCH_TOKENS = 2048
_GPU_BATCH_TOKENS = 32_768
_DEFAULT_WINDOW = 512
_N_SPECIAL = 2
_CHINESE = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_COMMON_CHINESE = (
    "的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生自会那后能对"
    "着事其里所去行过家十用发天如然作方成者多日都三小军二无同么经法当起与好看学进种将还分此心前面"
)
_KNOWN_OF_COMMON = 0.9
_UNKNOWN_CHARACTER = " \u9f98 "


class _Tokenised(NamedTuple):
    """A text with its token ids, as many as the model reads, special tokens left out."""

    text: str
    ids: list[int]


_EmbedFunction = Callable[[Sequence[_Tokenised]], Vectors]


class SentenceTransformersEmbedder:
    """An Embedder over a sentence-transformers model folder. Safe to use from several threads.

    `name` is "all-MiniLM-L6-v2" (embedded), a folder, or the name of a model in the hub's cache.
    `dtype` is what a plain BERT computes in: "auto" is bfloat16 where the device does it well.
    Raises ModelNotFoundError when it is not on this machine. Weights load at the first embedding.
    """

    def __init__(self, name: str, *, device: str = "auto", dtype: str = "float32") -> None:
        self._folder = find_model_folder(name)
        self._device = device
        self._dtype = dtype
        self._load_lock = Lock()
        self._functions: tuple[_EmbedFunction, _EmbedFunction] | None = None

    @cached_property
    def identity(self) -> EmbedderIdentity:
        """Name, fingerprint and dimension."""
        if self._folder.dim is None:
            raise ModelError(f"{self._folder.path} does not declare its embedding dimension")
        return EmbedderIdentity(self._folder.name, fingerprint(self._folder), self._folder.dim)

    @property
    def max_tokens(self) -> int:
        """Tokens of text that the model reads, special tokens not counted; the rest is lost."""
        return (self._folder.window or _DEFAULT_WINDOW) - _N_SPECIAL - self._n_prompt_tokens

    @cached_property
    def _n_prompt_tokens(self) -> int:
        return max(self.count_tokens(list(self._folder.prompts.values())), default=0)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return how many tokens each text has, special tokens not counted, untruncated."""
        counts: list[int] = []
        for start in range(0, len(texts), _SLICE_TEXTS):  # encodings are large: not all at once
            part = list(texts[start : start + _SLICE_TEXTS])
            encodings = self._tokenizer.encode_batch_fast(part, add_special_tokens=False)
            counts += map(len, encodings)
        return counts

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """Return the half-open code-point offsets of each token of `text`, in order."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def coverage(self, text: str) -> float:
        """Return in [0, 1] the share of the text's tokens that the model knows.

        Chinese characters count as unknown to a model that lacks many of the commonest: it was
        not trained to read those that it happens to have.
        """
        if self._reads_chinese or not _CHINESE.search(text):
            return self._known_share(text)
        return self._known_share(_CHINESE.sub(_UNKNOWN_CHARACTER, text))

    @cached_property
    def _reads_chinese(self) -> bool:
        return self._known_share(_COMMON_CHINESE) >= _KNOWN_OF_COMMON

    def _known_share(self, text: str) -> float:
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        if not ids or self._unknown_id is None:
            return 1.0
        return 1.0 - float(ids.count(self._unknown_id)) / len(ids)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (n, dim) float32 rows of unit norm, in the order of `texts`."""
        vectors = np.empty((len(texts), self.identity.dim), dtype=np.float32)
        if not texts:
            return vectors
        embed = self._loaded()[0]
        with _workers() as pool:
            for start in range(0, len(texts), _SLICE_TEXTS):
                part = self._tokenised(texts[start : start + _SLICE_TEXTS])
                batches = list(_batches([len(item.ids) for item in part], self._batch_tokens))
                embedded = pool.map(lambda batch, of=part: embed([of[i] for i in batch]), batches)
                for batch, rows in zip(batches, embedded, strict=True):
                    vectors[[start + i for i in batch]] = rows
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Return a (dim,) float32 vector of unit norm."""
        embed = self._loaded()[1]
        with _workers(n_workers=1) as pool:
            vector: Vectors = pool.submit(embed, self._tokenised([text])).result()[0]
        return vector

    def _tokenised(self, texts: Sequence[str]) -> list[_Tokenised]:
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [
            _Tokenised(text, encoding.ids[: self.max_tokens])
            for text, encoding in zip(texts, encodings, strict=True)
        ]

    @property
    def _batch_tokens(self) -> int:
        is_cpu = resolve_device(self._device) == "cpu"
        return _BATCH_TOKENS if is_cpu else _GPU_BATCH_TOKENS

    @cached_property
    def _tokenizer(self) -> Any:
        """The folder's tokenizer, without truncation or padding."""
        from tokenizers import Tokenizer

        file = self._folder.path / "tokenizer.json"
        if file.is_file():
            tokenizer = Tokenizer.from_file(str(file))
        else:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(
                self._folder.path, local_files_only=True
            ).backend_tokenizer
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    @cached_property
    def _unknown_id(self) -> int | None:
        for token in ("[UNK]", "<unk>"):
            found = self._tokenizer.token_to_id(token)
            if found is not None:
                return int(found)
        return None

    def _loaded(self) -> tuple[_EmbedFunction, _EmbedFunction]:
        """Return the functions that embed documents and queries, the model loaded once."""
        with self._load_lock:
            if self._functions is None:
                check_embedded_weights(self._folder)
                try:
                    self._functions = self._load()
                except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
                    raise ModelError(
                        f"embedder {self._folder.name!r} cannot be loaded: {error}",
                        hint="download or save the model again",
                    ) from error
            return self._functions

    def _load(self) -> tuple[_EmbedFunction, _EmbedFunction]:
        from ragapp.embedders import bert

        device = resolve_device(self._device)
        first, last = (self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))
        if not bert.is_plain_bert(self._folder) or None in (first, last):
            return _load_library(self._folder, device)
        dtype = bert.choose_dtype(self._dtype, device=device)
        encoder = bert.BertEncoder(self._folder, device=device, dtype=dtype)

        def embed(items: Sequence[_Tokenised]) -> Vectors:
            rows = [[first, *item.ids, last] for item in items]
            vectors: Vectors = encoder.encode(rows).cpu().numpy()
            return vectors

        return embed, embed


def _load_library(folder: ModelFolder, device: str) -> tuple[_EmbedFunction, _EmbedFunction]:
    from sentence_transformers import SentenceTransformer

    with quiet_loading():
        model = SentenceTransformer(
            str(folder.path),
            device=device,
            local_files_only=True,
            prompts=folder.prompts if folder.has_known_prompts else None,
        )

    def embed_with(encode: Callable[..., Any]) -> _EmbedFunction:
        def embed(items: Sequence[_Tokenised]) -> Vectors:
            texts = [item.text for item in items]
            rows = encode(texts, normalize_embeddings=True, show_progress_bar=False)
            return np.asarray(rows, dtype=np.float32)

        return embed

    return embed_with(model.encode_document), embed_with(model.encode_query)


@contextmanager
def _workers(*, n_workers: int | None = None) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that compute a batch each, on one core each; at the end none goes on.

    Several cores on one batch wait for each other at every layer: beside a busy neighbour that
    was ten times slower than one core alone.
    """
    import torch

    pool = ThreadPoolExecutor(
        n_workers or torch.get_num_threads(), initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        yield pool
    finally:  # after an interruption: the batches at work end, the others do not begin
        pool.shutdown(cancel_futures=True)


def _batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Yield places in `lengths`, shortest texts first, in batches of up to `max_tokens` tokens."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and (lengths[i] + _N_SPECIAL) * (len(batch) + 1) > max_tokens:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
