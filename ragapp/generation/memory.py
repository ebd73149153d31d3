"""How much memory this machine gives a model, in bytes."""

from __future__ import annotations

from pathlib import Path

import psutil

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container; "max" where there is none


def total_memory() -> int:
    """Return the memory that this process may ever have: the machine's, or its container's."""
    installed = int(psutil.virtual_memory().total)
    return min(installed, _container_limit() or installed)


def gpu_memory() -> int:
    """Return the memory of the largest CUDA device, 0 without one. Imports torch."""
    import torch

    if not torch.cuda.is_available():
        return 0
    devices = range(torch.cuda.device_count())
    return max(int(torch.cuda.get_device_properties(i).total_memory) for i in devices)


def _container_limit() -> int:
    try:
        written = _CGROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(written) if written.isdigit() else 0
