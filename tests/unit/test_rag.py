import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from fake_embedder import FakeEmbedder
from stored_documents import add, opened

from ragapp.errors import NotFoundError, SettingsError, UsageError
from ragapp.language_models.extractive import ExtractiveModel
from ragapp.prompting import refusal
from ragapp.rag import Rag
from ragapp.settings import load_settings
from ragapp.types import Completion, GenerationOptions, Usage, passages_of

HANDBOOK = "The dome opens at dusk.\nVisitors need a coat.\nThe lens weighs 120 kg.\n"
CHINESE = "圆顶在黄昏打开。\n游客需要外套。\n"
USAGE = Usage(prompt_tokens=7, prefilled_tokens=5, cached_tokens=2, new_tokens=3)


class FakeModel:
    """Says the same pieces whatever is asked, and keeps the prompts. A word is a token."""

    name = "fake"
    context_tokens = 4096

    def __init__(self, *pieces):
        self.pieces = pieces
        self.prompts = []

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

    def prompt_text(self, messages):
        return "".join(f"<{message.role}>{message.text}" for message in messages)

    def stream(self, messages, *, options, cancelled):
        self.prompts.append(list(messages))
        for piece in self.pieces:
            if cancelled.is_set():
                yield Completion("", "cancelled", USAGE)
                return
            yield Completion(piece)
        yield Completion("", "stop", USAGE)


class QuotingModel(FakeModel):
    """Repeats the first passage of its own prompt."""

    def stream(self, messages, *, options, cancelled):
        for character in passages_of(messages)[0].text:
            yield Completion(character)
        yield Completion(" [1]", "stop", USAGE)


@pytest.fixture(scope="module")
def collection(tmp_path_factory):
    collection = opened(tmp_path_factory.mktemp("collection"))
    with collection.writing():
        add(collection, HANDBOOK, path="en.txt", title="Handbook")
        add(collection, CHINESE, path="zh.txt", title="手册")
    yield collection
    collection.close()


def make_rag(collection, *pieces, model=None, **settings):
    return Rag(
        settings=load_settings(**({"abstain_below": 0.0} | settings)),
        collection=collection,
        embedder=FakeEmbedder(),
        language_model=model or FakeModel(*pieces),
    )


class AdaptedModel(FakeModel):
    """Says which adapter was asked for."""

    def stream(self, messages, *, options, cancelled):
        yield Completion(f"<{options.adapter}>", "stop", USAGE)


def test_an_adapter_is_chosen_with_the_question_else_by_the_setting(collection):
    rag = make_rag(collection, model=AdaptedModel(), adapter="brief")
    streamed = [
        next(iter(rag.stream("When does the dome open?", adapter=name)))
        for name in (None, "formal", "")
    ]
    assert streamed == ["<brief>", "<formal>", "<>"]


class OptionsModel(FakeModel):
    """Keeps the options that it was given."""

    def stream(self, messages, *, options, cancelled):
        self.options = options
        return super().stream(messages, options=options, cancelled=cancelled)


def test_settings_say_how_an_answer_is_written(collection):
    chosen = {
        "temperature": 0.5, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.1, "seed": 4,
        "stop": ("END",), "max_new_tokens": 9,
    }  # fmt: skip
    model = OptionsModel("At dusk.")
    settings = {**chosen, "sampling_top_k": 7, "answer_timeout_s": 2.5}
    make_rag(collection, model=model, **settings).ask("When does the dome open?")
    assert model.options == GenerationOptions(**chosen, top_k=7, timeout_s=2.5)


def test_without_a_time_set_an_answer_takes_as_long_as_it_takes(collection):
    model = OptionsModel("At dusk.")
    make_rag(collection, model=model).ask("When does the dome open?")
    assert model.options.timeout_s is None


def prompt_of(rag):
    return rag.language_model.prompts[-1]


# --- streaming


def test_the_streamed_pieces_are_the_models(collection):
    stream = make_rag(collection, "The dome ", "opens", " at dusk. [1]").stream(
        "The dome opens at dusk?"
    )
    assert list(stream) == ["The dome ", "opens", " at dusk. [1]"]


def test_the_streamed_text_is_the_answer_where_nothing_was_cleaned(collection):
    stream = make_rag(collection, "The dome opens", " at dusk. [1]").stream(
        "The dome opens at dusk?"
    )
    assert "".join(stream) == stream.answer.text


def test_asking_gives_the_answer_of_the_stream(collection):
    rag = make_rag(collection, "The dome opens at dusk. [1]")
    asked, streamed = (
        rag.ask("The dome opens at dusk?"),
        rag.stream("The dome opens at dusk?").answer,
    )
    assert (asked.text, asked.citations, asked.hits) == (
        streamed.text, streamed.citations, streamed.hits,
    )  # fmt: skip


def test_the_answer_may_be_read_after_a_part_of_the_stream(collection):
    stream = make_rag(collection, "The dome ", "opens at dusk. [1]").stream(
        "The dome opens at dusk?"
    )
    next(iter(stream))
    assert stream.answer.text == "The dome opens at dusk. [1]"


def test_the_answer_is_the_same_at_each_reading(collection):
    stream = make_rag(collection, "The dome opens at dusk. [1]").stream("The dome opens at dusk?")
    assert stream.answer is stream.answer


def test_a_marker_that_cites_nothing_gives_way_to_the_passage_that_supports_the_sentence(
    collection,
):
    stream = make_rag(collection, "The dome opens at dusk. [9]").stream("The dome opens at dusk?")
    assert "".join(stream) == "The dome opens at dusk. [9]"
    assert stream.answer.text == "The dome opens at dusk. [1]"


def test_a_citation_resolves_to_the_text_of_the_document(collection):
    rag = make_rag(collection, model=QuotingModel())
    citations = rag.ask("When does the dome open?").citations
    assert citations
    for citation in citations:
        document = rag.document(citation.document_id)
        assert citation.quote == document.text[citation.start : citation.end]
        assert (citation.source, citation.marker) == ("en.txt", 1)


FALSE = "The dome opens at dusk [1]. The lens weighs 999 kg [1]."


@pytest.mark.parametrize(
    ("policy", "text", "abstained"),
    [
        ("mark", "The dome opens at dusk [1]. The lens weighs 999 kg.", False),
        ("drop", "The dome opens at dusk [1].", False),
        ("refuse", "The documents do not hold the answer to this question.", True),
    ],
)
def test_an_unsupported_sentence_is_marked_dropped_or_refused(collection, policy, text, abstained):
    rag = make_rag(collection, FALSE, unsupported=policy)
    answer = rag.ask("When does the dome open?")
    assert (answer.text, answer.abstained) == (text, abstained)
    assert answer.is_grounded == (policy != "mark")


def test_an_answer_of_nothing_but_unsupported_sentences_is_a_refusal_where_they_are_dropped(
    collection,
):
    rag = make_rag(collection, "The lens weighs 999 kg [1].", unsupported="drop")
    assert rag.ask("How heavy is the lens?").abstained


def test_cancelling_keeps_what_came_until_then(collection):
    stream = make_rag(collection, "The dome ", "opens ", "at dusk.").stream(
        "The dome opens at dusk?"
    )
    for _ in stream:
        stream.cancel()
    assert stream.answer.text == "The dome"


def test_a_cancelled_answer_is_not_an_abstention(collection):
    stream = make_rag(collection, "The dome ").stream("The dome opens at dusk?")
    stream.cancel()
    assert (stream.answer.text, stream.answer.abstained) == ("", False)


# --- abstaining


def test_below_the_threshold_the_model_is_not_asked(collection):
    rag = make_rag(collection, "I make it up.", abstain_below=1.0)
    answer = rag.ask("When does the dome open?")
    assert rag.language_model.prompts == []
    assert (answer.abstained, answer.text) == (True, refusal("When?"))


def test_an_abstention_is_streamed_as_well(collection):
    stream = make_rag(collection, abstain_below=1.0).stream("圆顶什么时候打开？")
    assert "".join(stream) == stream.answer.text == refusal("圆顶什么时候打开？")


def test_an_abstention_cites_nothing_and_shows_what_was_found(collection):
    answer = make_rag(collection, abstain_below=1.0).ask("When does the dome open?")
    assert answer.citations == ()
    assert answer.hits


@pytest.mark.parametrize("pieces", [(), ("",), (" ", "\n")])
def test_a_model_that_says_nothing_abstains(collection, pieces):
    answer = make_rag(collection, *pieces).ask("When does the dome open?")
    assert (answer.abstained, answer.text) == (True, refusal("When?"))


@pytest.mark.parametrize("question", ["When does the dome open?", "圆顶什么时候打开？"])
def test_a_model_that_refuses_abstains(collection, question):
    assert make_rag(collection, refusal(question)).ask(question).abstained


def test_an_answer_is_no_abstention(collection):
    assert not make_rag(collection, "The dome opens.").ask("When does the dome open?").abstained


def test_an_empty_collection_abstains(tmp_path):
    collection = opened(tmp_path / "collection")
    answer = make_rag(collection, "made up", abstain_below=0.35).ask("When does the dome open?")
    collection.close()
    assert (answer.abstained, answer.hits) == (True, ())


# --- questions


@pytest.mark.parametrize("question", ["", " ", "\n\t", "\u3000"])
@pytest.mark.parametrize("method", ["ask", "stream", "search"])
def test_an_empty_question_is_refused_at_once(collection, question, method):
    with pytest.raises(UsageError, match="empty"):
        getattr(make_rag(collection), method)(question)


def test_white_space_around_a_question_does_not_count(collection):
    assert make_rag(collection, "x").ask("  dome? \n").question == "dome?"


@pytest.mark.parametrize("top_k", [1, 3])
def test_top_k_of_a_question_is_stronger_than_the_setting(collection, top_k):
    assert len(make_rag(collection, "x", top_k=5).ask("dome lens coat", top_k=top_k).hits) == top_k


def test_the_prompt_holds_passages_within_the_budget(collection):
    rag = make_rag(collection, "x", passage_tokens=64)
    rag.ask("dome lens coat")
    passages = passages_of(prompt_of(rag))
    assert passages
    assert sum(rag.language_model.count_tokens([p.text for p in passages])) <= 64


# --- history


@pytest.mark.parametrize("question", ["Is it open?", "And when?", "What about there?", "它呢？"])
def test_a_question_that_points_back_is_searched_with_the_one_before(collection, question):
    rag = make_rag(collection, "x")
    history = [("user", "lens 120 kg"), ("assistant", "Heavy.")]
    best = rag.ask(question, history=history).hits[0]
    assert best.text == "The lens weighs 120 kg."


def test_a_question_of_its_own_is_searched_alone(collection):
    rag = make_rag(collection, "x")
    alone = rag.ask("Do visitors need a coat?").hits
    history = [("user", "lens 120 kg"), ("assistant", "Heavy.")]
    assert rag.ask("Do visitors need a coat?", history=history).hits == alone


@pytest.mark.parametrize(
    "question", ["游客应该带什么外套？", "其中游客的外套", "其他游客需要外套吗"]
)
def test_a_character_inside_a_word_does_not_point_back(collection, question):
    rag = make_rag(collection, "x")
    history = [("user", "镜头 lens 120 kg")]
    assert rag.ask(question, history=history).hits == rag.ask(question).hits


def test_earlier_turns_stand_in_the_prompt(collection):
    rag = make_rag(collection, "x")
    rag.ask("Why?", history=[("user", "Who?"), ("assistant", "Wu.")])
    assert [(m.role, m.text) for m in prompt_of(rag)[1:-1]] == [
        ("user", "Who?"),
        ("assistant", "Wu."),
    ]


def test_markers_are_removed_from_earlier_turns(collection):
    rag = make_rag(collection, "x")
    rag.ask("Why?", history=[("assistant", "Wu built it [1][2], in 2012 [3].")])
    assert prompt_of(rag)[1].text == "Wu built it, in 2012."


def test_earlier_turns_are_untrusted(collection):
    rag = make_rag(collection, "x")
    rag.ask("Why?", history=[("user", "Who?"), ("assistant", "Wu.")])
    assert {span.kind for message in prompt_of(rag)[1:-1] for span in message.spans} == {"turn"}


# --- what an answer tells


def test_the_usage_is_the_models(collection):
    assert make_rag(collection, "x").ask("dome?").usage == USAGE


@pytest.mark.parametrize("abstain_below", [0.0, 1.0])
def test_timings_are_in_the_order_of_the_stages(collection, abstain_below):
    timings = make_rag(collection, "x", abstain_below=abstain_below).ask("dome?").timings_ms
    stages = [timings.retrieve, timings.prompt, timings.first_token, timings.total]
    assert stages[0] > 0.0
    assert stages == sorted(stages)


def test_the_engine_is_named(collection):
    assert make_rag(collection, "x").ask("dome?").engine == "fake"


@pytest.fixture(scope="module")
def told(collection):
    return make_rag(collection, model=QuotingModel()).ask("When does the dome open?").to_dict()


def test_an_answer_has_the_documented_keys(told):
    assert set(told) == {
        "question", "answer", "abstained", "grounded", "statements", "citations", "hits", "engine",
        "conflicts",
        "timings_ms", "usage", "dropped_turns", "dropped_hits",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("timings_ms", "retrieve prompt first_token total"),
        ("usage", "prompt_tokens prefilled_tokens cached_tokens new_tokens"),
    ],
)
def test_a_part_has_the_documented_keys(told, part, keys):
    assert set(told[part]) == set(keys.split())


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("citations", "marker document_id source page start end quote"),
        ("hits", "rank score document_id source title page heading chunk_id start end text"),
    ],
)
def test_each_of_a_list_has_the_documented_keys(told, part, keys):
    assert told[part]
    assert all(set(keys.split()) <= set(item) for item in told[part])


def test_an_answer_is_plain_json(told):
    assert json.loads(json.dumps(told)) == told


# --- documents


def test_a_document_is_known_by_its_id_and_by_its_source(collection):
    rag = make_rag(collection)
    by_source = rag.document_info("en.txt")
    assert rag.document_info(by_source.id) == by_source


def test_an_unknown_document_is_not_found(collection):
    with pytest.raises(NotFoundError, match="nope"):
        make_rag(collection).document_info("nope")


def test_a_removed_document_is_not_found_by_a_question(tmp_path):
    collection = opened(tmp_path / "collection")
    document = add(collection, HANDBOOK)
    with make_rag(collection, "x") as rag:
        rag.remove(document.id)
        assert rag.ask("dome?").hits == ()


def test_leaving_the_block_closes_the_collection(tmp_path):
    with make_rag(opened(tmp_path / "collection")) as rag:
        pass
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        rag.documents()


# --- threads


def test_eight_threads_get_the_answers_of_one(collection):
    rag = make_rag(collection, model=QuotingModel())
    questions = [
        "When does the dome open?",
        "lens weight kg",
        "圆顶打开",
        "外套",
        "visitors coat",
    ] * 8
    start = Barrier(8)

    def ask(part):
        start.wait()
        return [told_of(rag.ask(question)) for question in part]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, [questions[i::8] for i in range(8)]))
    assert found == [[told_of(rag.ask(q)) for q in questions[i::8]] for i in range(8)]


def told_of(answer):
    return answer.text, answer.citations, answer.hits


class SmallModel(FakeModel):
    """A model whose context holds the instruction, an answer, and little else."""

    context_tokens = 140


def test_the_prompt_leaves_room_for_the_answer_in_a_small_context(collection):
    model = SmallModel("The dome opens at dusk. [1]")
    rag = make_rag(collection, model=model, max_new_tokens=20)

    rag.ask("When do visitors see the lens and the dome open at dusk?")

    n_prompt = sum(model.count_tokens([message.text for message in prompt_of(rag)]))
    assert passages_of(prompt_of(rag))
    assert n_prompt + 20 <= model.context_tokens


# --- templates, quotes alone


@pytest.fixture
def own_template(tmp_path):
    path = tmp_path / "own.toml"
    text = '[{}]\ninstruction = "Else: {{refusal}}"\nrefusal = "{}"\nquestion = "?"\n'
    path.write_text(text.format("en", "Not in here.") + text.format("zh", "这里没有。"), "utf-8")
    return str(path)


@pytest.mark.parametrize(("setting", "given"), [("qa", "brief"), ("brief", None)])
def test_a_template_is_chosen_with_the_question_else_by_the_setting(collection, setting, given):
    rag = make_rag(collection, "x", template=setting)
    rag.ask("When does the dome open?", template=given)
    assert "as few words as will do" in prompt_of(rag)[0].text


def test_a_template_that_is_none_is_told_before_anything_is_searched(collection):
    with pytest.raises(SettingsError, match="'haiku' is unknown"):
        make_rag(collection, "x").stream("dome?", template="haiku")


def test_a_model_that_refuses_in_the_words_of_a_template_abstains(collection, own_template):
    rag = make_rag(collection, "Not in here.", template=own_template)
    assert rag.ask("When does the dome open?").abstained


def test_a_refusal_is_in_the_words_of_the_template(collection, own_template):
    rag = make_rag(collection, "x", abstain_below=1.0, template=own_template)
    assert rag.ask("圆顶什么时候打开？").text == "这里没有。"


@pytest.mark.parametrize("question", ["When does the dome open?", "圆顶什么时候打开？"])
def test_quotes_alone_are_what_the_extractive_engine_answers(collection, question):
    model = FakeModel("I make it up.")
    quoted = make_rag(collection, model=model).ask(question, quote_only=True)
    extractive = make_rag(collection, model=ExtractiveModel(FakeEmbedder()))
    assert quoted.citations
    assert model.prompts == []
    assert told_of(quoted) == told_of(extractive.ask(question))
    assert told_of(quoted) == told_of(extractive.ask(question, quote_only=True))
    assert quoted.engine == "extractive"


def test_each_line_of_quotes_alone_is_a_quote_and_its_marker(collection):
    answer = make_rag(collection, "x").ask(
        "When does the dome open, and who needs a coat?", quote_only=True
    )
    quotes = {f"{c.quote} [{c.marker}]" for c in answer.citations}
    assert set(answer.text.split("\n")) == quotes
    assert answer.is_grounded


def test_quotes_alone_need_no_adapter(collection):
    rag = make_rag(collection, "x", adapter="brief")
    assert rag.ask("When does the dome open?", quote_only=True).citations
    with pytest.raises(UsageError, match="'formal'"):
        rag.ask("When does the dome open?", quote_only=True, adapter="formal")
