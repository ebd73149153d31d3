import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaModel,
)

from ragapp.embedders import bert
from ragapp.embedders.model_files import EMBEDDED_NAME, EMBEDDED_SHA256, find_model_folder
from ragapp.embedders.prompts import known_prompts
from ragapp.embedders.sentence_transformers import SentenceTransformersEmbedder
from ragapp.errors import ModelError, ModelNotFoundError
from tests.unit.fake_embedder import FakeEmbedder

PUBLISHED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LINES = [
    "The observatory opens its dome at dusk.",
    "Which telescope was repaired after the storm?",
    "天文台位于山上，黄昏时打开圆顶。",
]
TEXTS = [
    *LINES,
    "",
    " ",
    "a",
    "The dome. " * 400,
    "圆顶" * 500,
    "naïve café ＷＸ－２００ 🔭",
    "[SEP] [MASK] [UNK] [CLS]",
    "x" * 5000,
]


def make_fake(_):
    return FakeEmbedder()


def make_embedded(request):
    return request.getfixturevalue("embedder")


@pytest.fixture(params=[make_embedded, make_fake], ids=["embedded", "fake"])
def any_embedder(request):
    return request.param(request)


@pytest.fixture(scope="module")
def embedded_folder():
    return find_model_folder(EMBEDDED_NAME).path


@pytest.fixture(scope="module")
def reference(embedded_folder):
    return SentenceTransformer(str(embedded_folder), device="cpu", local_files_only=True)


# --- every embedder


@pytest.mark.parametrize("n", [0, 1, 5])
def test_each_text_gives_a_row(any_embedder, n):
    vectors = any_embedder.embed_documents(LINES[:1] * n)
    assert vectors.shape == (n, any_embedder.identity.dim)
    assert vectors.dtype == np.float32


def test_a_query_gives_a_vector(any_embedder):
    vector = any_embedder.embed_query(LINES[0])
    assert (vector.shape, vector.dtype) == ((any_embedder.identity.dim,), np.float32)


def test_every_vector_has_unit_norm(any_embedder):
    norms = np.linalg.norm(any_embedder.embed_documents(TEXTS), axis=1)
    assert norms == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)


def test_rows_stand_in_the_order_of_the_texts_whatever_their_lengths(any_embedder):
    texts = [f"{'dome ' * (7 * i % 120)}number {i}" for i in range(60)]
    together = any_embedder.embed_documents(texts)
    alone = np.stack([any_embedder.embed_documents([text])[0] for text in texts[::9]])
    assert together[::9] == pytest.approx(alone, abs=1e-5)


def test_equal_texts_have_equal_vectors(any_embedder):
    first, second = any_embedder.embed_documents([LINES[0], LINES[0]])
    assert first == pytest.approx(second, abs=1e-6)


def test_different_texts_have_different_vectors(any_embedder):
    first, second = any_embedder.embed_documents(LINES[:2])
    assert float(first @ second) < 0.99


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_tokens_are_counted_as_their_offsets(any_embedder, text):
    assert any_embedder.count_tokens([text]) == [len(any_embedder.token_offsets(text))]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_the_offsets_of_tokens_lie_in_the_text_in_order(any_embedder, text):
    offsets = any_embedder.token_offsets(text)
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets)


def test_tokens_are_counted_beyond_the_window(any_embedder):
    assert any_embedder.count_tokens(["dome " * 2000])[0] >= 2000 > any_embedder.max_tokens


def test_no_texts_have_no_counts(any_embedder):
    assert any_embedder.count_tokens([]) == []


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_coverage_is_a_share(any_embedder, text):
    assert 0.0 <= any_embedder.coverage(text) <= 1.0


def test_threads_get_the_vectors_of_their_own_texts(any_embedder):
    texts = [f"telescope number {i} of the {'observatory ' * i}" for i in range(16)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(any_embedder.embed_query, texts))
    assert np.stack(found) == pytest.approx(any_embedder.embed_documents(texts), abs=1e-5)


# --- the embedded model


def test_the_embedded_weights_are_the_published_ones(embedded_folder):
    found = sha256((embedded_folder / "model.safetensors").read_bytes()).hexdigest()
    assert found == PUBLISHED_SHA256 == EMBEDDED_SHA256


def test_the_embedded_model_runs_on_torch_alone():
    assert bert.is_plain_bert(find_model_folder(EMBEDDED_NAME))


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_vector_is_that_of_the_library(embedder, reference, text):
    expected = reference.encode(text, normalize_embeddings=True, show_progress_bar=False)
    assert embedder.embed_query(text) == pytest.approx(expected, abs=1e-5)


def test_a_batch_is_that_of_the_library(embedder, reference):
    expected = reference.encode(TEXTS, normalize_embeddings=True, show_progress_bar=False)
    assert embedder.embed_documents(TEXTS) == pytest.approx(expected, abs=1e-5)


def test_the_window_is_that_of_the_library(embedder, reference):
    assert embedder.max_tokens == reference.max_seq_length - 2


def test_text_beyond_the_window_does_not_matter(embedder):
    inside = "dome " * embedder.max_tokens
    longer = embedder.embed_query(inside + "harbour pilot")
    assert longer == pytest.approx(embedder.embed_query(inside), abs=1e-6)


def test_the_last_token_of_the_window_matters(embedder):
    inside = "dome " * (embedder.max_tokens - 1)
    cosine = embedder.embed_query(inside + "harbour") @ embedder.embed_query(inside + "dome")
    assert cosine < 0.9999


def test_english_is_covered_and_unknown_characters_are_not(embedder):
    assert embedder.coverage("The dome opens at dusk.") == 1.0
    assert embedder.coverage("龘龘龘龘") == 0.0


@pytest.mark.parametrize(
    ("text", "share"), [("中国人口", 0.0), ("QQ 中国", 0.5), ("The 中 mark of the dome", 0.8)]
)
def test_chinese_characters_that_an_english_model_happens_to_have_are_not_read(
    embedder, text, share
):
    assert embedder.coverage(text) == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("name", [EMBEDDED_NAME, f"sentence-transformers/{EMBEDDED_NAME}"])
def test_the_identity_is_the_same_for_every_instance(embedder, name):
    again = SentenceTransformersEmbedder(name).identity
    assert (again.fingerprint, again.dim) == (embedder.identity.fingerprint, 384)


def test_identity_and_window_need_no_weights(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("weights were loaded")

    monkeypatch.setattr(SentenceTransformersEmbedder, "_load", refuse)
    embedder = SentenceTransformersEmbedder(EMBEDDED_NAME)
    assert (embedder.identity.dim, embedder.max_tokens) == (384, 254)


@pytest.mark.parametrize("name", ["no-such/model", "nope", "a/b/c", "../nope", "bad name!", "x\0y"])
def test_a_model_that_is_not_here_is_refused_at_once(name):
    with pytest.raises(ModelNotFoundError) as caught:
        SentenceTransformersEmbedder(name)
    assert EMBEDDED_NAME in caught.value.hint


def test_a_folder_without_a_model_is_refused_at_once(tmp_path):
    with pytest.raises(ModelError, match="not a sentence-transformers model"):
        SentenceTransformersEmbedder(str(tmp_path))


def test_a_folder_with_broken_json_is_refused_at_once(tmp_path):
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(ModelError, match="JSON"):
        SentenceTransformersEmbedder(str(tmp_path))


# --- other models, made on the spot


def make_tokenizer(marks):
    """Return a word-piece tokenizer with the special tokens `marks`: start, end, unknown, pad."""
    start, end, unknown, padding = marks
    backend = Tokenizer(models.WordPiece(unk_token=unknown))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.train_from_iterator(
        LINES,
        trainers.WordPieceTrainer(
            vocab_size=200, special_tokens=[padding, unknown, start, end], show_progress=False
        ),
    )
    ids = [(mark, backend.token_to_id(mark)) for mark in (start, end)]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}", pair=f"{start} $A {end} $B {end}", special_tokens=ids
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        cls_token=start, sep_token=end, unk_token=unknown, pad_token=padding,
        bos_token=start, eos_token=end,
    )  # fmt: skip


def save_parts(folder, model_type, *, seed=0):
    """Save a tiny BERT or XLM-R of random weights with its tokenizer."""
    torch.manual_seed(seed)
    sizes = {
        "vocab_size": 200, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 80, "initializer_range": 0.3,
        "pad_token_id": 0,
    }  # fmt: skip
    if model_type == "bert":
        tokenizer = make_tokenizer(("[CLS]", "[SEP]", "[UNK]", "[PAD]"))
        model = BertModel(BertConfig(**sizes))
    else:
        tokenizer = make_tokenizer(("<s>", "</s>", "<unk>", "<pad>"))
        model = XLMRobertaModel(XLMRobertaConfig(**sizes))
    tokenizer.model_max_length = 64
    tokenizer.save_pretrained(folder)
    model.eval().save_pretrained(folder)


def save_as_published(folder, *, pooling="mean", window=32, seed=0):
    """Save a tiny BERT in the layout in which most models are published."""
    save_parts(folder, "bert", seed=seed)
    kinds = ("Transformer", "Pooling", "Normalize")
    write_json(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (kind, path) in enumerate(zip(kinds, ["", "1_Pooling", "2_N"], strict=True))
        ],
    )
    write_json(
        folder / "1_Pooling" / "config.json",
        {
            "word_embedding_dimension": 32,
            "pooling_mode_cls_token": pooling == "cls",
            "pooling_mode_mean_tokens": pooling == "mean",
        },
    )
    (folder / "2_N").mkdir()
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": window})
    return folder


def save_by_library(folder, model_type, *, window=32):
    """Save a tiny model as the library itself saves one."""
    save_parts(folder / "parts", model_type)
    stages = [Transformer(str(folder / "parts")), Pooling(32, pooling_mode="mean"), Normalize()]
    model = SentenceTransformer(modules=stages, device="cpu")
    model.max_seq_length = window
    model.save(str(folder / "saved"), create_model_card=False)
    return folder / "saved"


def write_json(path, value):
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def encoded(folder, texts):
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    return model.encode(texts, normalize_embeddings=True, show_progress_bar=False)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_a_plain_bert_folder_gives_the_vectors_of_the_library(tmp_path, pooling):
    folder = save_as_published(tmp_path / "model", pooling=pooling)
    embedder = SentenceTransformersEmbedder(str(folder), device="cpu")
    assert bert.is_plain_bert(find_model_folder(str(folder)))
    assert embedder.embed_documents(TEXTS) == pytest.approx(encoded(folder, TEXTS), abs=1e-5)


@pytest.mark.parametrize("model_type", ["bert", "xlm-roberta"])
def test_a_folder_saved_by_the_library_gives_its_vectors(tmp_path, model_type):
    folder = save_by_library(tmp_path, model_type)
    embedder = SentenceTransformersEmbedder(str(folder), device="cpu")
    vectors = embedder.embed_documents(TEXTS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(len(TEXTS)), abs=1e-5)
    assert vectors == pytest.approx(encoded(folder, TEXTS), abs=1e-5)


@pytest.mark.parametrize("model_type", ["bert", "xlm-roberta"])
def test_the_window_of_a_folder_saved_by_the_library_is_known(tmp_path, model_type):
    folder = save_by_library(tmp_path, model_type, window=16)
    assert SentenceTransformersEmbedder(str(folder)).max_tokens == 14


def test_a_model_that_is_no_bert_runs_through_the_library(tmp_path):
    folder = save_by_library(tmp_path, "xlm-roberta")
    assert not bert.is_plain_bert(find_model_folder(str(folder)))
    assert SentenceTransformersEmbedder(str(folder)).identity.dim == 32


def fingerprint_of(folder):
    return SentenceTransformersEmbedder(str(folder)).identity.fingerprint


@pytest.mark.parametrize("change", [{"seed": 1}, {"pooling": "cls"}, {"window": 30}])
def test_another_model_has_another_fingerprint(tmp_path, change):
    one = save_as_published(tmp_path / "one")
    other = save_as_published(tmp_path / "other", **change)
    assert fingerprint_of(one) != fingerprint_of(other)


def test_another_tokenizer_has_another_fingerprint(tmp_path):
    folder = save_as_published(tmp_path / "one")
    before = fingerprint_of(folder)
    text = (folder / "tokenizer.json").read_text(encoding="utf-8")
    (folder / "tokenizer.json").write_text(text.replace("dome", "emod"), encoding="utf-8")
    assert fingerprint_of(folder) != before


def test_a_copied_model_keeps_its_fingerprint(tmp_path):
    one = save_as_published(tmp_path / "one")
    other = Path(shutil.copytree(one, tmp_path / "other"))
    assert fingerprint_of(one) == fingerprint_of(other)


def test_weights_that_would_be_unpickled_are_refused(tmp_path):
    folder = save_as_published(tmp_path / "model")
    torch.save(BertModel.from_pretrained(folder).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError):
        SentenceTransformersEmbedder(str(folder), device="cpu").embed_query("dome")


def test_code_that_comes_with_a_model_is_not_run(tmp_path):
    folder = save_as_published(tmp_path / "model")
    ran = tmp_path / "ran"
    (folder / "stage.py").write_text(
        f"open({str(ran)!r}, 'w').close()\nclass Stage: pass\n", encoding="utf-8"
    )
    stages = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    stages[2]["type"] = "stage.Stage"
    write_json(folder / "modules.json", stages)
    with pytest.raises(ModelError):
        SentenceTransformersEmbedder(str(folder), device="cpu").embed_query("dome")
    assert not ran.exists()


def test_weights_cut_short_are_reported_as_a_model_error(tmp_path):
    folder = save_as_published(tmp_path / "model")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ModelError):
        SentenceTransformersEmbedder(str(folder), device="cpu").embed_query("dome")


def test_the_embedded_model_with_other_weights_is_refused(tmp_path, embedded_folder, monkeypatch):
    folder = save_as_published(tmp_path / "model")
    monkeypatch.setattr("ragapp.embedders.model_files._embedded_path", lambda: folder)
    with pytest.raises(ModelError, match="SHA-256"):
        SentenceTransformersEmbedder(EMBEDDED_NAME).embed_query("dome")


def test_bfloat16_gives_nearly_the_vectors_of_float32():
    texts = ["The dome opens at dusk.", "镜面每年清洗两次。", "word " * 300, "WX-200"]
    exact = SentenceTransformersEmbedder("all-MiniLM-L6-v2", dtype="float32")
    rounded = SentenceTransformersEmbedder("all-MiniLM-L6-v2", dtype="bfloat16")
    cosines = (exact.embed_documents(texts) * rounded.embed_documents(texts)).sum(axis=1)
    assert (cosines > 0.999).all()
    assert (cosines < 1.0).any()


def test_padded_attention_equals_that_of_texts_end_to_end():
    lengths = torch.tensor([3, 3, 7, 1])
    heads = torch.randn(14, 24, generator=torch.Generator().manual_seed(5))  # 4 heads of 2
    packed = bert._attended(heads, lengths, 4)
    assert torch.allclose(packed, bert._attended_padded(heads, lengths, 4), atol=1e-6)


@pytest.mark.parametrize("most_scores", [1, 200, 600_000])
def test_attention_in_pieces_equals_that_of_texts_end_to_end(monkeypatch, most_scores):
    monkeypatch.setattr(bert, "_SCORES_AT_ONCE", most_scores)
    lengths = torch.tensor([3, 3, 3, 7, 1, 32])
    heads = torch.randn(49, 24, generator=torch.Generator().manual_seed(5))  # 4 heads of 2
    pieces = bert._attended_in_pieces(heads, lengths, 4)
    assert torch.allclose(pieces, bert._attended(heads, lengths, 4), atol=1e-6)


# --- prompts

QWEN = {"query": "Instruct: Given a web search query, retrieve passages\nQuery:", "document": ""}
E5 = {"query": "query: ", "document": "passage: "}


def declare(folder, prompts):
    write_json(folder / "config_sentence_transformers.json", {"prompts": prompts})
    return folder


def assert_prompted(folder, prompts):
    """Check that questions and documents are embedded as the library does below these prompts."""
    embedder = SentenceTransformersEmbedder(str(folder), device="cpu")
    plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    text = "the dome at dusk"
    for name, found in [
        ("query", embedder.embed_query(text)),
        ("document", embedder.embed_documents([text])[0]),
    ]:
        expected = plain.encode(
            text, prompt=prompts[name], normalize_embeddings=True, show_progress_bar=False
        )
        bare = plain.encode(text, prompt="", normalize_embeddings=True, show_progress_bar=False)
        assert found == pytest.approx(expected, abs=1e-5)
        assert (abs(found - bare).max() > 1e-3) == bool(prompts[name])


@pytest.mark.parametrize("prompts", [QWEN, E5], ids=["qwen", "e5"])
def test_declared_prompts_stand_before_questions_and_documents(tmp_path, prompts):
    assert_prompted(declare(save_as_published(tmp_path / "model"), prompts), prompts)


@pytest.mark.parametrize("name", ["multilingual-e5-small", "e5-base-v2"])
def test_an_e5_model_that_declares_none_has_its_published_prompts(tmp_path, name):
    assert_prompted(save_as_published(tmp_path / name), E5)


def test_declared_prompts_are_stronger_than_the_published_ones(tmp_path):
    prompts = {"query": "dome ", "document": "dusk "}
    assert_prompted(declare(save_as_published(tmp_path / "e5-small"), prompts), prompts)


@pytest.mark.parametrize(
    ("name", "config", "query"),
    [
        ("intfloat/multilingual-e5-small", {}, "query: "),
        ("/models/E5-Large", {}, "query: "),
        ("/c/models--intfloat--e5-base/snapshots/0a1b", {}, "query: "),
        ("/models/mine", {"_name_or_path": "intfloat/e5-base-v2"}, "query: "),
        ("intfloat/multilingual-e5-large-instruct", {}, "Instruct: "),
        ("BAAI/bge-m3", {}, ""),
        ("/e5/all-MiniLM-L6-v2", {}, ""),
        ("not-e5-tiny", {}, ""),
    ],
)
def test_published_prompts_are_known_by_the_models_name(name, config, query):
    found = known_prompts(name, config).get("query", "")
    assert found.startswith(query)
    assert bool(found) == bool(query)


def test_prompts_take_their_room_in_the_window(tmp_path):
    plain = SentenceTransformersEmbedder(str(save_as_published(tmp_path / "mine")))
    prompted = SentenceTransformersEmbedder(str(save_as_published(tmp_path / "e5-small")))
    n_prompt = max(prompted.count_tokens(list(E5.values())))
    assert prompted.max_tokens == plain.max_tokens - n_prompt < plain.max_tokens


def test_published_prompts_make_another_fingerprint(tmp_path):
    assert fingerprint_of(save_as_published(tmp_path / "mine")) != fingerprint_of(
        save_as_published(tmp_path / "e5-small")
    )


def test_a_bert_with_the_vocabulary_of_xlm_r_runs_through_the_library(tmp_path):
    folder = save_as_published(tmp_path / "model")
    make_tokenizer(("<s>", "</s>", "<unk>", "<pad>")).save_pretrained(folder)
    embedder = SentenceTransformersEmbedder(str(folder), device="cpu")
    assert embedder.embed_documents(LINES) == pytest.approx(encoded(folder, LINES), abs=1e-5)
