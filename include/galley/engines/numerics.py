"""What decides an artifact's bytes beside its request: measured, not assumed."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import torch

from galley.items import Kind, Numerics

LIBRARIES: dict[Kind, tuple[str, ...]] = {
    "image": ("torch", "diffusers", "transformers", "tokenizers", "pillow"),
    "text": ("torch", "transformers", "tokenizers"),
}
"""Libraries whose version can change the bytes of a kind; Pillow compresses PNGs and scales pictures to begin with."""


def device() -> torch.device:
    """The first CUDA device where there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def settle(threads: int) -> None:
    """Pin everything that may change bits from run to run: threads, algorithm choice by timing, TF32."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def channels_last_helps() -> bool:
    """Whether convolutions are faster with channels last: on CUDA, and on CPUs with AMX, where it was measured.

    On other CPUs it costs as much in reordering as it gains. The answer follows from ``device`` and ``isa``.
    """
    return torch.cuda.is_available() or torch.cpu._is_amx_tile_supported()


def measure(
    kind: Kind, dtype: str, *, engine: str = "stock", certificate: str = "", attention: str = "", layout: str = ""
) -> Numerics:
    """Numerics of this process as it stands; call `settle` first.

    On a CPU the kernels are chosen by the instruction set and, in MKL, by the maker, so both are in ``isa``.
    """
    where = device()
    cpu = where.type == "cpu"
    return Numerics(
        device="cpu" if cpu else torch.cuda.get_device_name(where),
        dtype=dtype,
        isa=_instructions() if cpu else "",
        threads=torch.get_num_threads(),
        versions={name: version(name) for name in LIBRARIES[kind]},
        engine=engine,
        certificate=certificate,
        attention=attention,
        layout=layout,
    )


def _instructions() -> str:
    parts = [torch.backends.cpu.get_cpu_capability()]
    if torch.cpu._is_avx512_bf16_supported():
        parts.append("BF16")
    if torch.cpu._is_amx_tile_supported():
        parts.append("AMX")
    parts.append(_maker())
    return " ".join(part for part in parts if part)


def _maker() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("vendor_id")), platform.machine())
