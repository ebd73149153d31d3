import pytest
from fake_embedder import FakeEmbedder
from stored_documents import make_document, make_source, opened

from ingest import IngestReport, ingest_paths, summary_of
from ragapp import open_rag
from ragapp.types import Chunk
from ragapp.unread import READERS, Unread, unread_languages


class Reads(FakeEmbedder):
    """Knows the share of a text's characters that are of the Latin alphabet."""

    def coverage(self, text):
        return sum(c.isascii() for c in text) / max(len(text), 1)


def filled(folder, counts, *, name="fake"):
    """Return a collection of so many chunks of each language, and its embedder."""
    embedder = Reads(name=name)
    collection = opened(folder, embedder)
    texts = {
        "en": "The dome opens.",
        "zh": "圆顶在黄昏打开。",
        "ru": "Купол открыт.",
        "und": "圆顶",
    }
    with collection.writing():
        for language, n in counts.items():
            for i in range(n):
                text = f"{texts.get(language.split('-')[0], 'Dôme ouvert')} {language} {i}"
                document = make_document(text)
                chunk = Chunk(document.id, 0, 0, len(text), text, language=language)
                vectors = embedder.embed_documents([text])
                source = make_source(f"{language}{i}", document.id)
                collection.add(document, [chunk], vectors, source=source)
    return collection, embedder


def unread(folder, counts, **options):
    collection, embedder = filled(folder, counts, **options)
    found = unread_languages(collection, embedder)
    collection.close()
    return {each.language: each for each in found}


@pytest.mark.parametrize(
    ("counts", "languages"),
    [
        ({"en": 9, "zh-Hans": 1}, {"zh"}),
        ({"en": 19, "zh-Hans": 1}, set()),
        ({"en": 18, "zh-Hans": 1, "zh-Hant": 1}, {"zh"}),
        ({"zh-Hans": 3, "ru": 3}, {"zh", "ru"}),
        ({"en": 5}, set()),
        ({"en": 5, "und": 5}, set()),
        ({}, set()),
    ],
)
def test_a_considerable_share_that_the_embedder_does_not_know_is_told(tmp_path, counts, languages):
    assert set(unread(tmp_path, counts)) == languages


def test_the_shares_of_chunks_and_of_known_tokens_are_told(tmp_path):
    found = unread(tmp_path, {"en": 6, "zh-Hans": 3, "zh-Hant": 1})["zh"]
    assert found.share == pytest.approx(0.4)
    assert 0.0 < found.known < 0.9


def test_an_embedder_of_english_alone_reads_no_other_language(tmp_path):
    counts = {"en": 5, "fr": 5}
    assert set(unread(tmp_path / "a", counts, name="all-MiniLM-L6-v2")) == {"fr"}
    assert set(unread(tmp_path / "b", counts, name="BAAI/bge-small-en-v1.5")) == {"fr"}
    assert set(unread(tmp_path / "c", counts, name="BAAI/bge-m3")) == set()


def test_the_sample_is_spread_over_all_chunks(tmp_path):
    collection, _ = filled(tmp_path, {"en": 40, "ru": 5})
    texts = collection.sampled_texts(["en"], 8)
    collection.close()
    assert [text.rsplit(" ", 1)[1] for text in texts] == [str(i) for i in range(0, 40, 5)]


def test_the_warning_is_one_line_with_a_setting_and_a_command():
    warning = Unread("all-MiniLM-L6-v2", "zh", 0.4, 0.3).warning
    assert "\n" not in warning
    assert all(reader in warning for reader in READERS)
    assert "embedder = 'BAAI/bge-m3'" in warning
    assert "ragapp reindex" in warning


@pytest.mark.parametrize(("language", "word"), [("en", "cannot read zh"), ("zh", "读不懂 zh")])
def test_the_summary_of_a_run_warns_in_both_languages(language, word):
    report = IngestReport((), 0, 1.0, (Unread("m", "zh", 0.4, 0.3),))
    (line,) = [line for line in summary_of(report, language) if word in line]
    assert all(reader in line for reader in READERS)


@pytest.fixture(scope="module")
def chinese(tmp_path_factory):
    """Return a real collection of a Chinese document, and the reports of two runs over it."""
    folder = tmp_path_factory.mktemp("chinese")
    file = folder / "a.txt"
    file.write_text("圆顶在黄昏打开，游客需要外套，镜头重一百二十公斤。" * 5, encoding="utf-8")
    with open_rag(folder / "collection") as rag:
        yield rag, [ingest_paths(rag, [file]) for _ in range(2)]


def test_the_end_of_an_ingestion_warns_where_it_added_something(chinese):
    _, (first, again) = chinese
    assert [each.language for each in first.unread] == ["zh"]
    assert first.to_dict()["warnings"] == [first.unread[0].warning]
    assert again.unread == ()


def test_the_doctor_warns_and_finds_no_problem(chinese):
    health = chinese[0].health()
    assert health.problems == ()
    assert [line for line in health.warnings if "'zh'" in line]
    assert health.to_dict()["warnings"] == list(health.warnings)
