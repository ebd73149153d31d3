from itertools import pairwise
from threading import Event

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from ragapp.errors import ModelNotFoundError, UsageError
from ragapp.language_models.extractive import ExtractiveModel
from ragapp.language_models.openai import OpenAIModel
from ragapp.language_models.transformers import TransformersModel
from ragapp.registry import LANGUAGE_MODELS
from ragapp.types import GenerationOptions, Message, Span
from tests.chat_server import reciting_server
from tests.tiny_llama import make_tokenizer, save_tiny_llama
from tests.unit.fake_embedder import FakeEmbedder

OPTIONS = GenerationOptions(max_new_tokens=24)
WITHOUT_LOGPROBS = ("extractive",)  # it quotes, and no token of it has a probability
WORDS = "é🔭龘"  # no byte of its UTF-8 form comes twice


def make_extractive(folder):
    return ExtractiveModel(FakeEmbedder())


def make_transformers(folder):
    return TransformersModel(str(save_tiny_llama(folder)), device="cpu", dtype="float32")


def make_reciter(folder):
    """A Llama whose next token depends on the last one alone, so that it recites WORDS."""
    tokenizer = make_tokenizer()
    size = len(tokenizer)
    config = LlamaConfig(
        vocab_size=size, hidden_size=size + size % 2, intermediate_size=8, num_hidden_layers=1,
        num_attention_heads=1, num_key_value_heads=1, max_position_embeddings=2048,
        bos_token_id=None, eos_token_id=0, pad_token_id=None, tie_word_embeddings=False,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    chain = [
        tokenizer.encode("\n")[-1],
        *tokenizer.encode(WORDS),
        tokenizer.convert_tokens_to_ids("<|im_end|>"),
    ]
    with torch.no_grad():
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.zero_().fill_diagonal_(1.0)
        model.lm_head.weight.zero_()
        for token, following in pairwise(chain):
            model.lm_head.weight[following, token] = 1.0
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return TransformersModel(str(folder), device="cpu", dtype="float32")


def make_openai(folder):
    return OpenAIModel("told", base_url=reciting_server())


MAKERS = {
    "extractive": make_extractive,
    "openai": make_openai,
    "transformers": make_transformers,
}


@pytest.fixture(scope="module", params=sorted(LANGUAGE_MODELS))
def model(request, tmp_path_factory):
    return MAKERS[request.param](tmp_path_factory.mktemp("model"))


def prompt(passage="The dome opens at dusk. The lens is clean.", question="When does it open?"):
    spans = (
        Span("source", "[1] Handbook\n"),
        Span("passage", passage, 1),
        Span("instruction", "\n\n"),
        Span("question", question),
    )
    return [Message.of("system", "Answer."), Message("user", spans)]


def answered(model, messages=None, *, options=OPTIONS, cancelled=None):
    return list(model.stream(messages or prompt(), options=options, cancelled=cancelled or Event()))


def text_of(pieces):
    return "".join(piece.text for piece in pieces)


def test_an_adapter_that_cannot_be_had_is_an_error(model):
    options = GenerationOptions(max_new_tokens=4, adapter="no-such-adapter")
    with pytest.raises((UsageError, ModelNotFoundError), match="'no-such-adapter'"):
        answered(model, options=options)


@pytest.mark.parametrize(
    "option",
    [
        {"temperature": -1.0}, {"top_p": 0.0}, {"top_k": -1}, {"min_p": 1.5}, {"timeout_s": 0.0},
        {"repetition_penalty": 0.0}, {"max_new_tokens": 0},
    ],
    ids=lambda option: next(iter(option)),
)  # fmt: skip
def test_options_out_of_range_are_refused_by_name(model, option):
    with pytest.raises(UsageError, match=next(iter(option))):
        answered(model, options=GenerationOptions(**option))


def test_options_in_range_are_taken(model):
    options = GenerationOptions(
        max_new_tokens=8, temperature=0.7, top_p=0.9, top_k=5, min_p=0.05, seed=3,
        repetition_penalty=1.2, timeout_s=60.0, stop=("no such text",),
    )  # fmt: skip
    assert answered(model, options=options)[-1].finish_reason in ("stop", "length")


def test_an_answer_whose_time_is_over_ends_by_saying_so(model):
    pieces = answered(model, options=GenerationOptions(max_new_tokens=200, timeout_s=1e-9))
    assert (text_of(pieces), pieces[-1].finish_reason) == ("", "timeout")


def test_logprobs_come_for_each_token_or_not_at_all(model):
    options = GenerationOptions(max_new_tokens=8, has_logprobs=True)
    *_, last = answered(model, options=options)
    if last.logprobs is None:
        assert model.name in WITHOUT_LOGPROBS
    else:
        assert len(last.logprobs) == last.usage.new_tokens
        assert all(logprob <= 0 for logprob in last.logprobs)


def test_no_logprobs_come_that_were_not_asked_for(model):
    assert answered(model)[-1].logprobs is None


def test_the_last_piece_tells_how_it_ended(model):
    assert answered(model)[-1].finish_reason in ("stop", "length")


def test_no_piece_but_the_last_tells_how_it_ended(model):
    others = answered(model)[:-1]
    assert others
    assert {(piece.finish_reason, piece.usage) for piece in others} == {(None, None)}


def test_the_prompt_was_prefilled_or_cached(model):
    usage = answered(model)[-1].usage
    assert usage.prompt_tokens == usage.prefilled_tokens + usage.cached_tokens
    assert usage.prompt_tokens > 0


def test_new_tokens_are_counted(model):
    *_, last = pieces = answered(model)
    assert bool(last.usage.new_tokens) == bool(text_of(pieces))


def test_equal_prompts_have_equal_answers(model):
    assert text_of(answered(model)) == text_of(answered(model))


def test_nothing_is_written_when_cancelled_before_the_start(model):
    cancelled = Event()
    cancelled.set()
    pieces = answered(model, cancelled=cancelled)
    assert (text_of(pieces), pieces[-1].finish_reason, pieces[-1].usage.new_tokens) == (
        "", "cancelled", 0,
    )  # fmt: skip


def test_cancelling_after_the_first_piece_stops_before_the_end(model):
    cancelled = Event()
    passage = "The dome opens at dusk. The dome opens at eight on Fridays."  # a long answer
    options = GenerationOptions(max_new_tokens=200)
    pieces = []
    for piece in model.stream(prompt(passage), options=options, cancelled=cancelled):
        pieces.append(piece)
        cancelled.set()
    whole = text_of(answered(model, prompt(passage), options=options))
    assert pieces[-1].finish_reason == "cancelled"
    assert whole.startswith(text_of(pieces))
    assert len(text_of(pieces)) < len(whole)


def test_an_answer_left_early_does_not_hinder_the_next(model):
    stream = model.stream(prompt(), options=OPTIONS, cancelled=Event())
    next(stream)
    stream.close()
    assert answered(model)[-1].finish_reason in ("stop", "length")


def test_every_text_has_its_count(model):
    assert len(model.count_tokens(["dome", "", "圆顶"])) == 3


def test_an_empty_text_has_no_token(model):
    assert model.count_tokens([""]) == [0]


def test_no_texts_have_no_counts(model):
    assert model.count_tokens([]) == []


def test_a_longer_text_has_more_tokens(model):
    one, two = model.count_tokens(["the dome", "the dome " * 20])
    assert 0 < one < two


def test_the_engine_has_a_name_without_a_path(model, tmp_path):
    assert model.name
    assert "/" not in model.name


def test_the_context_has_room(model):
    assert model.context_tokens >= sum(model.count_tokens([m.text for m in prompt()]))


@pytest.mark.parametrize("make", [make_extractive, make_openai, make_reciter])
def test_characters_of_several_bytes_come_whole(make, tmp_path):
    pieces = answered(make(tmp_path), prompt(f"{WORDS}。", WORDS))
    assert WORDS in text_of(pieces)
    assert not any("\ufffd" in piece.text for piece in pieces)
