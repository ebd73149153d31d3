"""How much memory this machine gives a model, in bytes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    import torch

_CGROUP_USED = Path("/sys/fs/cgroup/memory.current")
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container; "max" where there is none


def total_memory() -> int:
    """Return the memory that this process may ever have: the machine's, or its container's."""
    installed = int(psutil.virtual_memory().total)
    return min(installed, _number_in(_CGROUP_LIMIT) or installed)


def free_memory() -> int:
    """Return the memory that this process may take now without others being pushed out."""
    free = int(psutil.virtual_memory().available)
    limit, used = _number_in(_CGROUP_LIMIT), _number_in(_CGROUP_USED)
    return min(free, max(0, limit - used)) if limit else free


def free_memory_of(device: torch.device) -> int:
    """Return the memory that is free on a CUDA device, else this machine's."""
    if device.type == "cuda":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    return free_memory()


def gpu_memory() -> int:
    """Return the memory of the largest CUDA device, 0 without one. Imports torch."""
    import torch

    if not torch.cuda.is_available():
        return 0
    devices = range(torch.cuda.device_count())
    return max(int(torch.cuda.get_device_properties(i).total_memory) for i in devices)


def _number_in(path: Path) -> int:
    try:
        written = path.read_text(encoding="ascii").strip()
    except OSError:
        return 0
    return int(written) if written.isdigit() else 0
