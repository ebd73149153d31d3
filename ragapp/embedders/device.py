"""The device on which models run."""

from __future__ import annotations


def resolve_device(device: str) -> str:
    """Return the torch device to use: "auto" is the first CUDA device, else the CPU."""
    if device != "auto":
        return device
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def describe_device() -> str:
    """Return the device that "auto" stands for, with its memory or its threads."""
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.get_device_properties(0).total_memory / 2**30
        return f"{torch.cuda.get_device_name(0)}, {memory:.0f} GiB"
    return f"CPU, {torch.get_num_threads()} threads"
