"""`ragapp models list|recommend|pull|remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from ui.cli.app import JsonOption, models_app
from ui.cli.printing import print_json, print_line, print_table, reported_errors

NameArgument = Annotated[str, typer.Argument(help="Like Qwen/Qwen3-0.6B, or with @revision.")]
_GB = 1e9
_SHORT = 12


@models_app.command("list")
def list_command(*, as_json: JsonOption = False) -> None:
    """List the models that were downloaded to this machine."""
    with reported_errors(as_json=as_json):
        from ragapp import list_models

        models = list_models()
    if as_json:
        print_json({"models": [model.to_dict() for model in models]})
        return
    rows = [
        [m.name, m.revision[:_SHORT], f"{m.n_bytes / _GB:.2f}", "yes" if m.is_loadable else "no"]
        for m in models
    ]
    print_table(["model", "revision", "GB", "loadable"], rows)
    print_line(f"{len(models)} models")


@models_app.command()
def recommend(
    *,
    context: Annotated[int, typer.Option(min=1, help="Tokens of prompt and answer.")] = 8192,
    as_json: JsonOption = False,
) -> None:
    """Tell which models this machine has the memory for, in bfloat16, the best one marked."""
    with reported_errors(as_json=as_json):
        from ragapp import recommend_models

        found = recommend_models(context_tokens=context)
    if as_json:
        print_json(found.to_dict())
        return
    gpu = f"{found.gpu_memory / _GB:.1f} GB on the GPU" if found.gpu_memory else "no GPU"
    print_line(f"this machine: {found.memory / _GB:.1f} GB of memory, {gpu}")
    rows = [
        [fit.verdict, fit.model.name, f"{fit.n_bytes / _GB:.1f}", fit.model.languages]
        for fit in found.fits
    ]
    print_table(["verdict", "model", f"GB at {context} tokens", "reads"], rows)
    best = [fit.model.name for fit in found.fits if fit.verdict == "best"]
    if best:
        print_line(f"next: ragapp models pull {best[0]}; then set model = {best[0]!r}")


@models_app.command()
def pull(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Download a model: safetensors of one revision, going on where it stopped."""
    with reported_errors(as_json=as_json):
        from ragapp import pull_model

        model = pull_model(name)
    if as_json:
        print_json(model.to_dict())
        return
    print_line(f"{model.name}@{model.revision}: {model.n_bytes / _GB:.2f} GB")
    if not model.is_loadable:
        print_line(f"{model.architecture or 'this'} is no causal model, ragapp cannot load it")
    print_line(f"to keep to this revision, set model = '{model.name}@{model.revision[:_SHORT]}'")


@models_app.command()
def remove(name: NameArgument, *, as_json: JsonOption = False) -> None:
    """Remove a downloaded model, or one revision of it."""
    with reported_errors(as_json=as_json):
        from ragapp import remove_model

        freed = remove_model(name)
    if as_json:
        print_json({"removed": name, "bytes": freed})
    else:
        print_line(f"removed {name}: {freed / _GB:.2f} GB freed")
