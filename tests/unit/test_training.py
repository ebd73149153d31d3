"""The examples that the reader is to learn from."""

import gzip
import json
import random
from collections import Counter

import pytest
from tokenizers import Tokenizer

from ragapp.embedders.model_files import find_model_folder
from ragapp.prompting import refusal
from training.examples import MAX_TOKENS, Maker, shuffled
from training.sources import Passage, Triple, read_triples
from training.vocabulary import character_vectors, extend_tokenizer, frequent_characters

TEXT = "The dome is 12 m high. " * 60 + "The shutter weighs 5 tonnes. " + "It is grey. " * 200
CHINESE = "圆顶宽九米。望远镜在圆顶里。"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "tokenizer.json"
    source = find_model_folder("all-MiniLM-L6-v2").path / "tokenizer.json"
    extend_tokenizer(source, path, frequent_characters([CHINESE], at_most=50))
    made = Tokenizer.from_file(str(path))
    made.no_padding()
    made.no_truncation()
    return made


@pytest.fixture(scope="module")
def triples():
    start = TEXT.index("5 tonnes")
    long = Triple("a", "How heavy is the shutter?", Passage("p", "Dome", TEXT), start, start + 8)
    short = "The lens is made of glass from Jena."
    place = short.index("Jena")
    other = Triple("b", "Where is it from?", Passage("q", "Lens", short), place, place + 4)
    return [long, other]


def test_every_answer_is_its_passages_words_or_the_refusal(tokenizer, triples):
    maker, draw = Maker(tokenizer, triples), random.Random(3)
    seen = Counter()
    for _ in range(60):
        example = maker.make(triples[0], draw)
        if example is None:  # two long passages do not fit
            continue
        text = tokenizer.decode(example.answer).replace(" ]", "]").replace("[ ", "[")
        seen[text] += 1
        assert len(example.prompt) <= MAX_TOKENS + 2
        if "tonnes" in text:
            start = example.answer[0]
            assert start in example.prompt

    refused = tokenizer.decode(tokenizer.encode(refusal("what"), add_special_tokens=False).ids)
    assert set(seen) <= {"5 tonnes [1]", "5 tonnes [2]", refused}
    assert len(seen) == 3


def test_a_cut_passage_holds_the_answer_wherever_it_stands(tokenizer, triples):
    example = Maker(tokenizer, triples).gold(triples[0])

    assert "shutter weighs 5 tonnes" in tokenizer.decode(example.prompt)


def test_batches_hold_every_triple_once_in_an_order_that_the_seed_decides(tokenizer, triples):
    maker = Maker(tokenizer, triples)

    def made(seed):
        batches = shuffled(triples, maker, seed=seed, tokens_per_batch=600)
        return [example for batch in batches for example in batch]

    assert len(made(1)) == 2
    assert made(1) == made(1)


def test_chinese_characters_become_tokens_with_vectors_of_their_own(tokenizer):
    known = frequent_characters([CHINESE], at_most=50)
    vectors = character_vectors([CHINESE] * 3, known, dim=4)

    assert "[UNK]" not in tokenizer.encode(CHINESE).tokens
    assert vectors.shape == (len(known), 4)
    assert known[0] == "。"


def test_rows_of_unclear_licence_or_of_an_articles_twin_are_left_out(tmp_path):
    row = {"question": "Who?", "answerable": True, "kind": "span", "split": "train"}
    row |= {"context_id": "p", "answers": [{"text": "Wu", "start": 0}]}
    rows = [
        row | {"id": "kept", "source": "qamr"},
        row | {"id": "licence", "source": "subjqa"},
        row | {"id": "twin", "source": "drcd_dev", "same_article_as_eval": True},
        row | {"id": "dev", "source": "qamr", "split": "dev"},
    ]
    for name, values in (
        ("en_qa", rows),
        ("en_contexts", [{"_id": "p", "title": "", "text": "Wu won.", "source": "qamr"}]),
    ):
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(value) + "\n" for value in values)

    assert [triple.id for triple in read_triples(tmp_path, "en", split="train")] == ["kept"]
