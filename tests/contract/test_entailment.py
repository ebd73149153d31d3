import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ragapp import open_rag
from ragapp.errors import ModelError, ModelNotFoundError
from ragapp.rerankers.entailment import CrossEncoderEntailment
from tests.tiny_nli import LABELS, save_tiny_nli
from ui.cli import main

PREMISES = ["The dome opens at dusk.", "It closes at dawn.", "Wind. " * 90, "圆顶在黄昏打开。"]
CLAIMS = ["Somebody agrees with it.", "Somebody denies it all.", "Nothing of it.", "agrees"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_nli(tmp_path_factory.mktemp("nli"))


@pytest.fixture(scope="module")
def entailment(folder):
    return CrossEncoderEntailment(str(folder), device="cpu")


def test_scores_are_the_softmax_of_the_plain_models_logits(entailment, folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        logits = [
            model(**tokenizer(*pair, truncation=True, return_tensors="pt")).logits[0]
            for pair in zip(PREMISES, CLAIMS, strict=True)
        ]
    expected = torch.softmax(torch.stack(logits), dim=-1).numpy()[:, [2, 0]]
    scores = entailment.score(PREMISES, CLAIMS)
    assert (scores.dtype, scores.shape) == (np.float32, (len(CLAIMS), 2))
    assert scores == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        ("ENTAILMENT", "Neutral", "Contradiction"),
        ("entail", "contradiction"),
        ("蕴含", "中立", "矛盾"),
    ],
)
def test_the_labels_say_which_score_is_which(tmp_path, labels):
    entailment = CrossEncoderEntailment(str(save_tiny_nli(tmp_path, labels)), device="cpu")
    scores = entailment.score(PREMISES[:2], CLAIMS[:2])
    assert scores == pytest.approx(np.eye(2), abs=0.01)


def test_no_pairs_have_no_scores(folder):
    assert CrossEncoderEntailment(str(folder)).score([], []).shape == (0, 2)


@pytest.mark.parametrize(
    ("labels", "missing"),
    [
        (("LABEL_0", "LABEL_1", "LABEL_2"), "entailment"),
        (("entailment", "not_entailment"), "contradiction"),
        (("contradiction", "not_entailment"), "entailment"),
        (("negative", "positive"), "entailment"),
        (("entailment", "entail", "contradiction"), "entailment"),
    ],
)
def test_other_classifiers_are_refused_at_once(tmp_path, labels, missing):
    folder = save_tiny_nli(tmp_path, labels)
    with pytest.raises(ModelError, match=f"no label for {missing}") as caught:
        CrossEncoderEntailment(str(folder))
    assert labels[0].casefold() in caught.value.message
    assert "natural-language inference" in caught.value.hint


@pytest.mark.parametrize("value", [None, [], {"0": "entailment", "2": "contradiction"}, {"a": 1}])
def test_a_configuration_without_usable_labels_is_refused(tmp_path, value):
    folder = save_tiny_nli(tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"id2label": value}), "utf-8")
    with pytest.raises(ModelError, match="its labels: none"):
        CrossEncoderEntailment(str(folder))


def test_classes_that_were_never_trained_are_refused(tmp_path):
    file = save_tiny_nli(tmp_path) / "model.safetensors"
    kept = {name: weight for name, weight in load_file(file).items() if "classifier" not in name}
    save_file(kept, file, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"no trained classes: 'classifier\.bias'"):
        CrossEncoderEntailment(str(tmp_path), device="cpu").score(PREMISES, CLAIMS)


def test_a_folder_without_safetensors_is_refused_at_once(tmp_path):
    with pytest.raises(ModelError, match="no safetensors"):
        CrossEncoderEntailment(str(tmp_path))


def test_a_model_that_is_not_here_is_refused_when_a_collection_is_opened(tmp_path):
    with pytest.raises(ModelNotFoundError, match="entailment 'no-such/model' is not on this"):
        open_rag(tmp_path / "collection", entailment="no-such/model")


def test_doctor_names_a_configured_model(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAGAPP_ENTAILMENT", str(folder))
    assert _doctor(tmp_path, monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["facts"]["entailment"] == str(folder)


def test_doctor_names_a_missing_model_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("RAGAPP_ENTAILMENT", "no-such/model")
    assert _doctor(tmp_path, monkeypatch) == 1
    assert "entailment 'no-such/model' is not on this machine" in capsys.readouterr().out


def _doctor(folder, monkeypatch):
    arguments = ["ragapp", "doctor", "--json", "--collection", str(folder / "collection")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as exit_:
        main()
    return exit_.value.code
