"""What running out of memory looks like, and how to get some back."""

from __future__ import annotations

import gc
from pathlib import Path

import psutil
import torch

_PHRASES = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "defaultcpuallocator",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "std::bad_alloc",
)
"""Found in the messages of RuntimeErrors, for torch has a class of its own only for the accelerator's memory."""


_CONTROL_GROUP = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
"""Files of limit and use, of the second version and of the first, as a container sees its own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the host or on an accelerator."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _PHRASES)


def is_device_lost(error: BaseException) -> bool:
    """Whether an error leaves the accelerator unusable to this process: after it every call fails, good items too."""
    return isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error)


def free_memory() -> None:
    """Drop what nothing refers to any more and return the accelerator's cached blocks."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_bytes() -> int:
    """Memory that could be had now: the accelerator's, or else the host's within the limits of our control group."""
    if torch.cuda.is_available():
        return int(torch.cuda.mem_get_info()[0])
    free = int(psutil.virtual_memory().available)
    for limit, used in _CONTROL_GROUP:
        try:
            # A limit is "max", or absurdly large, where there is none.
            free = min(free, int(Path(limit).read_text()) - int(Path(used).read_text()))
        except (OSError, ValueError):
            continue
    return max(0, free)
