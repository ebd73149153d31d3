from pathlib import Path

import pytest
from pydantic import ValidationError

from ragapp.errors import SettingsError
from ragapp.settings import Settings, load_settings


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    """An empty working folder, in which a configuration file may be written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text):
    Path("ragapp.toml").write_text(text, encoding="utf-8")


def refused(**overrides):
    with pytest.raises(SettingsError) as caught:
        load_settings(**overrides)
    return caught.value


def test_without_any_source_the_defaults_hold():
    assert load_settings().top_k == 5


def test_the_file_is_stronger_than_the_default():
    write("top_k = 6\n")
    assert load_settings().top_k == 6


def test_the_environment_is_stronger_than_the_file(monkeypatch):
    write("top_k = 6\n")
    monkeypatch.setenv("RAGAPP_TOP_K", "7")
    assert load_settings().top_k == 7


def test_an_argument_is_stronger_than_the_environment(monkeypatch):
    write("top_k = 6\n")
    monkeypatch.setenv("RAGAPP_TOP_K", "7")
    assert load_settings(top_k=8).top_k == 8


def test_sources_complete_each_other(monkeypatch):
    write("top_k = 6\n")
    monkeypatch.setenv("RAGAPP_ENGINE", "extractive")
    settings = load_settings(temperature=0.5)
    assert (settings.top_k, settings.engine, settings.temperature) == (6, "extractive", 0.5)


def test_an_argument_of_none_counts_as_not_given(monkeypatch):
    monkeypatch.setenv("RAGAPP_TOP_K", "7")
    assert load_settings(top_k=None).top_k == 7


def test_a_variable_in_lower_case_counts_too(monkeypatch):
    monkeypatch.setenv("ragapp_top_k", "7")
    assert load_settings().top_k == 7


def test_the_configuration_file_may_lie_elsewhere(monkeypatch, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "mine.toml"
    elsewhere.write_text("top_k = 9\n", encoding="utf-8")
    monkeypatch.setenv("RAGAPP_CONFIG", str(elsewhere))
    assert load_settings().top_k == 9


def test_a_configuration_file_that_is_named_but_missing_is_refused(monkeypatch):
    monkeypatch.setenv("RAGAPP_CONFIG", "missing.toml")
    assert "missing.toml" in refused().message


def test_the_file_holds_chinese(folder):
    write('collection = "资料库"\n')
    assert load_settings().collection == Path("资料库")


def test_the_default_collection_lies_in_the_users_data_folder(monkeypatch, folder):
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    assert load_settings().collection == folder / "ragapp" / "collection"


def test_an_unknown_key_of_the_file_is_named():
    write("topk = 6\n")
    assert "'topk'" in refused().message


def test_an_unknown_variable_is_named(monkeypatch):
    monkeypatch.setenv("RAGAPP_TOPK", "6")
    assert "'RAGAPP_TOPK'" in refused().message


def test_an_unknown_argument_is_named():
    assert "'topk'" in refused(topk=6).message


def test_the_known_names_stand_in_the_hint():
    assert "top_k" in refused(topk=6).hint


def test_variables_of_other_programs_are_none_of_ours(monkeypatch):
    monkeypatch.setenv("RAGAPPLE_TOPK", "6")
    monkeypatch.setenv("TOP_K", "6")
    assert load_settings().top_k == 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_k", 0),
        ("top_k", 101),
        ("n_candidates", 0),
        ("chunk_tokens", 15),
        ("overlap_tokens", -1),
        ("near_duplicate_bits", 17),
        ("passage_tokens", 63),
        ("history_tokens", -1),
        ("abstain_below", 1.01),
        ("abstain_below", -0.01),
        ("max_new_tokens", 0),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("engine", "magic"),
        ("index", "hnsw"),
        ("dtype", "int8"),
        ("top_k", "many"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name, value):
    assert name in refused(**{name: value}).message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("top_k", 1),
        ("top_k", 100),
        ("overlap_tokens", 0),
        ("near_duplicate_bits", 0),
        ("passage_tokens", 64),
        ("abstain_below", 0.0),
        ("abstain_below", 1.0),
        ("temperature", 2.0),
    ],
)
def test_the_ends_of_a_range_are_allowed(name, value):
    assert getattr(load_settings(**{name: value}), name) == value


@pytest.mark.parametrize("overlap_tokens", [64, 65])
def test_an_overlap_must_be_smaller_than_its_chunk(overlap_tokens):
    assert "overlap_tokens" in refused(chunk_tokens=64, overlap_tokens=overlap_tokens).message


@pytest.mark.parametrize("text", ["top_k = ", "= 3", "\x00", "top_k = 1\ntop_k = 2"])
def test_a_file_that_is_not_toml_is_refused_by_name(text):
    write(text)
    assert "ragapp.toml" in refused().message


def test_a_file_that_is_not_utf8_is_refused_by_name():
    Path("ragapp.toml").write_bytes('model = "模型"\n'.encode("gb18030"))
    assert "ragapp.toml" in refused().message


@pytest.mark.parametrize("value", ["a\nb", "many " * 5])
def test_the_message_is_one_line(value):
    assert "\n" not in refused(top_k=value).message


@pytest.mark.parametrize(
    ("engine", "model", "name"),
    [
        ("auto", "", "extractive"),
        ("auto", "/models/x", "transformers"),
        ("extractive", "/models/x", "extractive"),
        ("transformers", "", "transformers"),
    ],
)
def test_the_engine_follows_the_model_unless_it_is_named(engine, model, name):
    assert load_settings(engine=engine, model=model).engine_name == name


@pytest.mark.parametrize(
    ("written", "stop"), [("", ()), ("END", ("END",)), ('["\\n\\n", "。"]', ("\n\n", "。"))]
)
def test_a_variable_holds_one_stop_string_or_a_list_of_them(written, stop, monkeypatch):
    monkeypatch.setenv("RAGAPP_STOP", written)
    assert load_settings().stop == stop


def test_a_broken_list_of_stop_strings_is_said_so():
    with pytest.raises(SettingsError, match="stop = '\\[oops'"):
        load_settings(stop="[oops")


def test_settings_do_not_change():
    settings = load_settings()
    with pytest.raises(ValidationError):
        settings.top_k = 6


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_variable_and_a_key(name, monkeypatch):
    value = str(getattr(load_settings(), name))
    write(f'{name} = "{value}"\n')
    from_file = load_settings()
    Path("ragapp.toml").unlink()
    monkeypatch.setenv(f"RAGAPP_{name.upper()}", value)
    assert load_settings() == from_file
