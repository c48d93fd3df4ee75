"""Linear layers on a processor whose weights lie as oneDNN's kernels read them, brought into that order once.

Left to itself PyTorch has float32 products made by another library and brings bfloat16 weights into order anew in every
forward. Measured on two cores with AVX-512 (768 to 3072, 16 rows): float32 0.69 to 0.35 ms, bfloat16 0.29 to 0.27 ms,
and one row 0.24 to 0.11 ms and 0.14 to 0.07 ms. These kernels give a row equal bits at every row count there, which
others do at some; the certificate (`galley.engines.certificate`) finds out what holds.

The two operations are PyTorch's own, of its compiler's freezing pass, and no public API: every layer is tried once when
it is packed, and stays as it was where they are missing, refuse it or give other numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

LAYOUT = "packed"
"""What numerics say of a model with such layers."""
ROWS = 32
"""Rows that the order is best for; all others are served as well."""
_CLOSE = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
"""How far apart, in standard deviations, the two ways to compute may be."""


class PackedLinear(nn.Module):
    """``x @ weight.T + bias``; the weight itself, (outputs, inputs), cannot be read any more."""

    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Pack ``weight``. Raises what PyTorch raises where it cannot."""
        super().__init__()
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), ROWS)
        self.register_buffer("bias", None if bias is None else bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (…, inputs) to (…, outputs)."""
        rows = x.reshape(-1, x.shape[-1])
        found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self.bias, "none", [], "")
        return found.reshape(*x.shape[:-1], found.shape[-1])


@torch.no_grad()
def pack_model(model: Any) -> str:
    """Replace a model's linear layers in place; `LAYOUT`, or "" where none could be.

    GPT-2's `Conv1D`, a linear layer with its weight turned, is one too. Subclasses, which compute something else
    besides, stay as they are.
    """
    packed = 0
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            if type(layer) is Conv1D:
                replaced = _packed(layer.weight.t(), layer.bias)
            elif type(layer) is nn.Linear:
                replaced = _packed(layer.weight, layer.bias)
            else:
                continue
            if replaced is not None:
                setattr(parent, name, replaced)
                packed += 1
    return LAYOUT if packed else ""


def _packed(weight: Tensor, bias: Tensor | None) -> PackedLinear | None:
    """The layer, where it computes what the plain one does."""
    if weight.device.type != "cpu" or weight.dtype not in _CLOSE:
        return None
    probe = torch.randn(2, weight.shape[1], generator=torch.Generator().manual_seed(0)).to(weight.dtype)
    expected = nn.functional.linear(probe, weight, bias).float()
    try:
        made = PackedLinear(weight, bias)
        found = made(probe).float()
    except (AttributeError, RuntimeError):
        return None
    spread = expected.std().clamp_min(torch.finfo(torch.float32).tiny)
    return made if float((found - expected).abs().max() / spread) <= _CLOSE[weight.dtype] else None
