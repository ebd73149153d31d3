"""A follow-up worded by the model: used where it is faithful, else searched as without a model."""

import pytest
from fake_embedder import FakeEmbedder
from opened_rag import open_fake_rag

from ingest import ingest_paths
from ragapp import Rag
from ragapp.rewriting import is_faithful
from ragapp.types import Completion, Usage

TURNS = [("user", "How wide is the dome?"), ("assistant", "The dome is 9 m wide. [1]")]
ZH_TURNS = [("user", "圆顶有多宽？"), ("assistant", "圆顶宽9米。[1]")]


class Wording:
    """Words a follow-up as it was told to, and answers all else with a fixed sentence."""

    name = "wording"
    context_tokens = 4096

    def __init__(self, rewriting):
        self.rewriting = rewriting
        self.prompts = []

    def count_tokens(self, texts):
        return [len(text.split()) for text in texts]

    def prompt_text(self, messages):
        return ""

    def stream(self, messages, *, options, cancelled):
        self.prompts.append(list(messages))
        is_first = len(self.prompts) == 1
        yield Completion(self.rewriting if is_first else "The dome is 12 m high. [1]")
        yield Completion("", "stop", Usage())


@pytest.fixture
def ask(tmp_path):
    (tmp_path / "dome.md").write_text("# Dome\n\nThe dome is 12 m high and 9 m wide.\n")
    with open_fake_rag(tmp_path / "collection", abstain_below=0.0, rewrite="model") as opened:
        ingest_paths(opened, [tmp_path / "dome.md"])

        def asked(model, question, history, **settings):
            rag = Rag(
                settings=opened.settings.model_copy(update=settings),
                collection=opened.collection,
                embedder=FakeEmbedder(),
                language_model=model,
            )
            return rag.ask(question, history=history, trace=True)

        yield asked


def test_a_faithful_wording_is_what_is_searched(ask):
    model = Wording("How high is the dome?")

    answer = ask(model, "And how high is it?", TURNS)

    assert answer.trace.searched == "How high is the dome?"
    assert answer.question == "And how high is it?"
    assert model.prompts[0][-1].text.endswith("And how high is it?")
    assert "[1]" not in "".join(message.text for message in model.prompts[0])


@pytest.mark.parametrize(
    "wording",
    ["", "How high is the Eiffel Tower?", "How wide is the dome?", "high dome\nhigh dome"],
)
def test_any_other_wording_is_searched_as_without_a_model(ask, wording):
    answer = ask(Wording(wording), "And how high is it?", TURNS)

    assert answer.trace.searched == "How wide is the dome? And how high is it?"


def test_a_question_that_stands_alone_asks_no_model_for_its_wording(ask):
    model = Wording("anything")

    ask(model, "How heavy is the lens of the telescope in tonnes?", TURNS)

    assert len(model.prompts) == 1


@pytest.mark.parametrize(("setting", "history"), [("off", TURNS), ("model", [])])
def test_nothing_is_worded_anew_unasked_or_without_turns(ask, setting, history):
    model = Wording("How high is the dome?")

    ask(model, "And how high is it?", history, rewrite=setting)

    assert len(model.prompts) == 1


@pytest.mark.parametrize(
    ("text", "is_kept"),
    [
        ("圆顶有多高？", True),
        ("那它的高度呢？", False),
        ("埃菲尔铁塔有多高？", False),
    ],
)
def test_chinese_wordings_are_told_by_their_characters(text, is_kept):
    assert is_faithful(text, "那有多高呢？", ZH_TURNS) == is_kept
