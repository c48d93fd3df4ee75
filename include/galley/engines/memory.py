"""What running out of memory looks like, how to get some back, and how much a forward takes."""

from __future__ import annotations

import ctypes
import gc
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Folder, files of limit and use, and in ``memory.stat`` what of the use are pages of files that would be given up: of
the second version and of the first, as a container sees its own."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on the host or on an accelerator."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _PHRASES)


def is_device_lost(error: BaseException) -> bool:
    """Whether an error leaves the accelerator unusable to this process: after it every call fails, good items too."""
    return isinstance(error, torch.AcceleratorError) and not is_out_of_memory(error)


def free_memory() -> None:
    """Drop what nothing refers to any more, and return what the allocators of host and accelerator keep of it."""
    gc.collect()
    with suppress(AttributeError, OSError):  # glibc's
        ctypes.CDLL(None).malloc_trim(0)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_bytes() -> int:
    """Memory that could be had now: the accelerator's, or else the host's within the limits of our control group."""
    if torch.cuda.is_available():
        # Blocks that torch keeps for itself are there for the asking.
        return int(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved() - torch.cuda.memory_allocated())
    free = int(psutil.virtual_memory().available)
    for folder, limit, used, pages in _CONTROL_GROUP:
        try:
            # A limit is "max", or absurdly large, where there is none.
            left = int(Path(folder, limit).read_text()) - int(Path(folder, used).read_text())
            told = dict(line.split() for line in Path(folder, "memory.stat").read_text().splitlines())
            free = min(free, left + int(told[pages]))
        except (OSError, ValueError, KeyError):
            continue
    return max(0, free)


class TensorPeak(TorchDispatchMode):
    """Counts, within its ``with`` block, the bytes of tensors that were made there and lived at the same time.

    Exact and the same on every machine, but only of what torch itself allocates: libraries below it copy on their own.

    Attributes:
        peak: bytes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = self._now = 0
        self._known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run one operation and look at what it made."""
        for each in tree_leaves((args, kwargs)):
            if isinstance(each, Tensor) and not each.is_mkldnn:  # packed weights have no storage to ask for
                self._known.add(each.untyped_storage())  # a view of it is nothing new
        made = function(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            if (
                isinstance(each, Tensor)
                and not each.is_mkldnn
                and (storage := each.untyped_storage()) not in self._known
            ):
                self._known.add(storage)
                self._now += storage.nbytes()
                self.peak = max(self.peak, self._now)
                weakref.finalize(storage, self._free, storage.nbytes())
        return made

    def _free(self, nbytes: int) -> None:
        self._now -= nbytes
