import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
    BertModel,
    PreTrainedTokenizerFast,
)

from ragapp import open_rag
from ragapp.errors import ModelError, ModelNotFoundError
from ragapp.rerankers.cross_encoder import CrossEncoderReranker

QUESTION = "When does the dome open?"
PASSAGES = [
    "The observatory opens its dome at dusk.",
    "Which telescope was repaired after the storm?",
    "天文台位于山上，黄昏时打开圆顶。",
    "Visitors need a coat. " * 40,
]


def save_tokenizer(folder):
    backend = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=marks, show_progress=False)
    backend.train_from_iterator([QUESTION, *PASSAGES], trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(mark, backend.token_to_id(mark)) for mark in ("[CLS]", "[SEP]")],
    )
    PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]",
        pad_token="[PAD]", model_max_length=64,
    ).save_pretrained(folder)  # fmt: skip


def save_model(folder, *, kind=BertForSequenceClassification, n_labels=1):
    """Save a tiny BERT of random weights, all of them stored."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=200, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=80, initializer_range=0.3,
        pad_token_id=0, num_labels=n_labels,
    )  # fmt: skip
    kind(config).eval().save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def drop_weights(folder, part):
    """Leave the weights whose name holds `part` out of the stored ones."""
    file = folder / "model.safetensors"
    kept = {name: weight for name, weight in load_file(file).items() if part not in name}
    save_file(kept, file, metadata={"format": "pt"})


def rename_architecture(folder, name):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"architectures": [name]}), "utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_model(tmp_path_factory.mktemp("reranker"))


@pytest.fixture(scope="module")
def reranker(folder):
    return CrossEncoderReranker(str(folder), device="cpu")


def plain_logits(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        return np.array(
            [
                float(
                    model(**tokenizer(QUESTION, text, truncation=True, return_tensors="pt")).logits
                )
                for text in PASSAGES
            ]
        )


def test_passages_are_ranked_as_by_the_plain_models_logits(reranker, folder):
    scores = reranker.score(QUESTION, PASSAGES)
    logits = plain_logits(folder)
    assert scores == pytest.approx(1.0 / (1.0 + np.exp(-logits)), abs=1e-5)
    assert np.argsort(-scores).tolist() == np.argsort(-logits).tolist()
    assert len(set(scores.tolist())) == len(PASSAGES)


def test_scores_are_float32_shares(reranker):
    scores = reranker.score(QUESTION, PASSAGES)
    assert (scores.dtype, scores.shape) == (np.float32, (len(PASSAGES),))
    assert ((scores >= 0.0) & (scores <= 1.0)).all()


def test_no_passages_have_no_scores(folder):
    assert CrossEncoderReranker(str(folder)).score(QUESTION, []).shape == (0,)


def test_threads_get_the_scores_of_their_own_passages(reranker):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda text: float(reranker.score(QUESTION, [text])[0]), PASSAGES))
    assert found == pytest.approx(reranker.score(QUESTION, PASSAGES).tolist(), abs=1e-5)


@pytest.mark.parametrize(
    ("part", "name"), [("classifier", "classifier.bias"), ("pooler", "bert.pooler.dense.bias")]
)
def test_a_head_that_was_never_trained_is_refused(tmp_path, part, name):
    folder = save_model(tmp_path / "model")
    drop_weights(folder, part)
    with pytest.raises(ModelError, match=rf"no trained score head: '{name}'") as caught:
        CrossEncoderReranker(str(folder), device="cpu").score(QUESTION, PASSAGES)
    assert "bge-reranker" in caught.value.hint


def test_an_encoder_without_a_head_is_refused_at_once(tmp_path):
    folder = save_model(tmp_path / "model", kind=BertModel)
    with pytest.raises(ModelError, match="is a BertModel, which has no trained score head"):
        CrossEncoderReranker(str(folder))


def test_a_causal_language_model_is_refused_at_once_with_what_to_use(tmp_path):
    folder = save_model(tmp_path / "model")
    rename_architecture(folder, "Qwen3ForCausalLM")
    with pytest.raises(ModelError, match="Qwen3ForCausalLM") as caught:
        CrossEncoderReranker(str(folder))
    assert "SequenceClassification" in caught.value.hint


def test_a_classifier_of_several_classes_is_refused(tmp_path):
    folder = save_model(tmp_path / "model", n_labels=3)
    with pytest.raises(ModelError, match="gives 3 scores a pair"):
        CrossEncoderReranker(str(folder), device="cpu").score(QUESTION, PASSAGES)


@pytest.mark.parametrize("name", ["no-such/model", "../nope", "bad name!"])
def test_a_model_that_is_not_here_is_refused_at_once(name):
    with pytest.raises(ModelNotFoundError, match="not on this machine"):
        CrossEncoderReranker(name)


def test_a_folder_without_safetensors_is_refused_at_once(tmp_path):
    with pytest.raises(ModelError, match="no safetensors"):
        CrossEncoderReranker(str(tmp_path))


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_folder_with_a_broken_configuration_is_refused_at_once(tmp_path, text):
    folder = save_model(tmp_path / "model")
    (folder / "config.json").write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        CrossEncoderReranker(str(folder))


def test_weights_that_cannot_be_read_are_one_error(tmp_path):
    folder = save_model(tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"torn")
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(str(folder), device="cpu").score(QUESTION, PASSAGES)


def test_a_configured_reranker_orders_the_hits(folder, tmp_path):
    from ingest import ingest_paths

    for n, text in enumerate(PASSAGES[:3]):
        (tmp_path / f"{n}.txt").write_text(text, encoding="utf-8")
    with open_rag(tmp_path / "collection", reranker=str(folder), device="cpu") as rag:
        ingest_paths(rag, [tmp_path])
        hits = rag.search("dome dusk telescope storm")
    scores = [hit.rerank_score for hit in hits]
    assert len(hits) >= 2
    assert scores == sorted(scores, reverse=True)
