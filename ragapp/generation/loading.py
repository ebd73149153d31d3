"""Files of a model -> objects of transformers, in the precision that the machine does well.

Weights are read from safetensors only, code that comes with a model is never run, and nothing is
fetched: the folder is where `locating.find_model` found it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from ragapp.errors import ModelError, SettingsError
from ragapp.generation.packed_linear import pack_linears
from ragapp.generation.quantized_linear import Quantization, can_quantize, quantize_linears

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_DEFAULT_CONTEXT_TOKENS = 2048
_LOAD_ERRORS = (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError)

_log = logging.getLogger(__name__)


def load_config(folder: Path) -> PreTrainedConfig:
    """Return the model's configuration. Raises ModelError for one that transformers cannot use."""
    config: PreTrainedConfig = _load(transformers.AutoConfig, folder, what="configuration")
    return config


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Return the model's tokenizer. Raises ModelError for one that transformers cannot use."""
    tokenizer: PreTrainedTokenizerBase = _load(transformers.AutoTokenizer, folder, what="tokenizer")
    return tokenizer


def load_weights(
    folder: Path, *, device: str, dtype: str, quantization: Quantization = ""
) -> PreTrainedModel:
    """Return the model, ready to compute on `device`, its weights as they are or quantised.

    Raises ModelError for files that are damaged, incomplete or need code of their own, and where
    the memory does not suffice; SettingsError for a device, dtype or quantisation that this
    machine does not have.
    """
    place = choose_device(device)
    precision = choose_dtype(dtype, device=place)
    check_quantization(quantization, device=place, dtype=precision)
    model, report = _load(
        transformers.AutoModelForCausalLM,
        folder,
        what="model",
        dtype=precision,
        use_safetensors=True,
        output_loading_info=True,
    )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ModelError(
            f"the weights in {str(folder)!r} lack {len(missing)} tensors, first {missing[0]!r}",
            hint="download the model again",
        )
    moved = _moved(model, place)
    if quantization:
        head = moved.get_output_embeddings()  # type: ignore[no-untyped-call]
        n_ready = quantize_linears(moved, quantization, head=head)
    else:
        n_ready = pack_linears(moved)
    _log.info(
        "loaded %s on %s as %s, %d layers %s",
        type(model).__name__, place, precision, n_ready, quantization or "packed",
    )  # fmt: skip
    return moved


def check_quantization(
    quantization: Quantization, *, device: torch.device, dtype: torch.dtype
) -> None:
    """Raise SettingsError where weights cannot be quantised after loading."""
    if quantization and not can_quantize(device, dtype):
        raise SettingsError(
            f"quantization = {quantization!r} needs a CPU and bfloat16, not {device} and {dtype}",
            hint="set device to cpu and dtype to bfloat16, or choose a model that was quantised "
            "beforehand (AWQ, GPTQ)",
        )


def choose_device(device: str) -> torch.device:
    """Return the device named, or for "auto" the GPU where there is one."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        place = torch.device(device)
    except RuntimeError as error:
        raise SettingsError(
            f"device = {device!r} is unknown", hint="choose auto, cpu, cuda or cuda:0"
        ) from error
    n_gpus = torch.cuda.device_count()
    if place.type == "cuda" and (place.index or 0) >= n_gpus:
        raise SettingsError(
            f"device = {device!r}, but CUDA devices found: {n_gpus}", hint="choose auto or cpu"
        )
    return place


def choose_dtype(dtype: str, *, device: torch.device) -> torch.dtype:
    """Return the dtype named, or for "auto" what the device computes fast.

    That is bfloat16 where it is native, else float16 on a GPU and float32 on a CPU.
    """
    if dtype == "auto":
        if device.type == "cuda":
            return torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
        return torch.bfloat16 if _has_native_bfloat16() else torch.float32
    if dtype not in _DTYPES:
        known = ", ".join(["auto", *_DTYPES])
        raise SettingsError(f"dtype = {dtype!r} is unknown", hint=f"choose one of: {known}")
    return _DTYPES[dtype]


def context_tokens_of(config: PreTrainedConfig) -> int:
    """Return how many tokens the model's positions reach, 2048 where it does not say."""
    text_config = config.get_text_config(decoder=True)
    return int(getattr(text_config, "max_position_embeddings", None) or _DEFAULT_CONTEXT_TOKENS)


def end_ids_of(model: PreTrainedModel) -> frozenset[int]:
    """Return the tokens with which the model's generation configuration says that it ends."""
    ids = model.generation_config.eos_token_id if model.generation_config else None
    if ids is None:
        ids = model.config.get_text_config(decoder=True).eos_token_id
    return frozenset([ids] if isinstance(ids, int) else ids or [])


def _has_native_bfloat16() -> bool:
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _load(loader: Any, folder: Path, *, what: str, **options: Any) -> Any:
    """Load from `folder` with one of transformers' Auto classes, its errors translated."""
    try:
        with _quiet():
            # Left unset, transformers would ask on the terminal whether to run a model's own code.
            return loader.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False, **options
            )
    except _LOAD_ERRORS as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ModelError(
            f"the {what} in {str(folder)!r} cannot be loaded: {reason}",
            hint="download the model again, or choose one that transformers supports",
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' progress bars off the terminal, which belongs to the caller."""
    was_enabled = transformers.logging.is_progress_bar_enabled()
    transformers.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if was_enabled:
            transformers.logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def _moved(model: Any, device: torch.device) -> PreTrainedModel:
    try:
        moved: PreTrainedModel = model.to(device).eval()
    except torch.OutOfMemoryError as error:
        raise ModelError(
            f"the memory of {device} does not suffice for the model",
            hint="choose a smaller model or device cpu",
        ) from error
    return moved
