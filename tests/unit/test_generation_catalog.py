import pytest

from ragapp.errors import UsageError
from ragapp.generation import catalog, memory

GB = 10**9


def recommended(monkeypatch, *, ram, gpu=0, context_tokens=8192):
    monkeypatch.setattr(catalog, "total_memory", lambda: ram)
    monkeypatch.setattr(catalog, "gpu_memory", lambda: gpu)
    return catalog.recommend_models(context_tokens=context_tokens)


def best(found):
    return [fit.model.name for fit in found.fits if fit.verdict == "best"]


@pytest.mark.parametrize(
    ("ram", "gpu", "name"),
    [
        (4 * GB, 0, "Qwen/Qwen3-0.6B"),
        (16 * GB, 0, "Qwen/Qwen3-4B-Instruct-2507"),
        (512 * GB, 0, "Qwen/Qwen3-4B-Instruct-2507"),
        (16 * GB, 24 * GB, "Qwen/Qwen3-8B"),
        (16 * GB, 80 * GB, "Qwen/Qwen3-14B"),
        (16 * GB, 96 * GB, "Qwen/Qwen2.5-32B-Instruct"),
    ],
)
def test_the_largest_model_that_fits_is_the_best(monkeypatch, ram, gpu, name):
    assert best(recommended(monkeypatch, ram=ram, gpu=gpu)) == [name]


def test_no_model_is_the_best_where_none_fits(monkeypatch):
    assert best(recommended(monkeypatch, ram=GB // 2)) == []


def test_large_models_are_slow_without_a_gpu(monkeypatch):
    found = recommended(monkeypatch, ram=64 * GB)
    verdicts = {fit.model.name: fit.verdict for fit in found.fits}
    assert (verdicts["Qwen/Qwen3-8B"], verdicts["Qwen/Qwen2.5-32B-Instruct"]) == (
        "slow",
        "too large",
    )


def test_a_longer_context_takes_more_memory(monkeypatch):
    short, long = (
        recommended(monkeypatch, ram=8 * GB, context_tokens=n).fits[0].n_bytes for n in (1, 32_768)
    )
    assert long - short == 2 * 2 * 24 * 2 * 64 * 32_767


def test_every_best_model_reads_chinese(monkeypatch):
    for ram in range(3, 100, 3):
        for name in best(recommended(monkeypatch, ram=ram * GB, gpu=ram * GB)):
            assert name.startswith("Qwen/")


def test_a_context_that_no_model_has_is_refused(monkeypatch):
    with pytest.raises(UsageError, match="no model's"):
        recommended(monkeypatch, ram=GB, context_tokens=10**7)


@pytest.mark.parametrize(("written", "limit"), [("2000000\n", 2_000_000), ("max\n", None)])
def test_a_containers_limit_counts_as_its_memory(monkeypatch, tmp_path, written, limit):
    file = tmp_path / "memory.max"
    file.write_text(written)
    whole = memory.total_memory()
    monkeypatch.setattr(memory, "_CGROUP_LIMIT", file)
    assert memory.total_memory() == (limit or max(whole, memory.psutil.virtual_memory().total))
