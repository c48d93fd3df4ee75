"""Linear layers and convolutions on a processor whose weights lie as oneDNN's kernels read them, put so once.

Left to itself PyTorch has float32 products made by another library, and brings the weights of bfloat16 products and of
convolutions into order anew in every forward. Measured on two cores with AVX-512: a linear layer of 768 to 3072 at 16
rows 0.69 to 0.35 ms in float32, at one row 0.24 to 0.11 ms, in bfloat16 0.14 to 0.07 ms; a UNet of 0.26 GFLOP a row at
16 rows 162 to 134 ms, which channels last alone came to as well. These kernels give a row equal bits at nearly every
row count there, others at some; the certificate (`galley.engines.certificate`) finds out what holds.

The operations are PyTorch's own, of its compiler's freezing pass, and no public API: every layer is tried once when it
is packed, and stays as it was where they are missing, refuse it or give other numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from galley.engines.memory import is_out_of_memory

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
        self.out_features, self.in_features = weight.shape  # which pipelines ask their layers for
        self._packed: Tensor = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), ROWS)
        self.register_buffer("bias", None if bias is None else bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (…, inputs) to (…, outputs)."""
        rows = x.reshape(-1, x.shape[-1])
        found: Tensor = torch.ops.mkldnn._linear_pointwise(rows, self._packed, self.bias, "none", [], "")
        return found.reshape(*x.shape[:-1], found.shape[-1])


class PackedConv2d(nn.Module):
    """A convolution over pictures, with zeros around them; the weight itself cannot be read any more."""

    bias: Tensor | None

    def __init__(self, layer: nn.Conv2d) -> None:
        """Pack its weight. Raises what PyTorch raises where it cannot."""
        super().__init__()
        self.in_channels, self.out_channels = layer.in_channels, layer.out_channels
        self._shape = list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups
        self._packed: Tensor = torch.ops.mkldnn._reorder_convolution_weight(
            layer.weight.detach().contiguous(), *self._shape, None
        )
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (rows, channels, height, width) to the same of other sizes, channels last."""
        found: Tensor = torch.ops.mkldnn._convolution_pointwise(
            x, self._packed, self.bias, *self._shape, "none", [], ""
        )
        return found


def pack_model(model: Any) -> str:
    """Replace a model's linear layers and convolutions in place; `LAYOUT`, or "" where none could be.

    GPT-2's `Conv1D`, a linear layer with its weight turned, is one too. Subclasses, which compute something else
    besides, stay as they are.
    """
    packed = False
    for places in _places(model):
        parent, name = places[0]
        replaced = _packed(getattr(parent, name))  # no name here holds the plain layer: its weight goes at once
        if replaced is not None:
            packed = True
            for parent, name in places:
                setattr(parent, name, replaced)
    return LAYOUT if packed else ""


def _places(model: nn.Module) -> list[list[tuple[nn.Module, str]]]:
    """For each layer that can be packed, where it stands: parents and names under which they have it."""
    found: dict[int, list[tuple[nn.Module, str]]] = {}
    for parent in model.modules():
        for name, child in parent._modules.items():
            if type(child) in _PACKERS:
                found.setdefault(id(child), []).append((parent, name))
    return list(found.values())


_PACKERS: dict[type[nn.Module], Callable[[Any], nn.Module]] = {
    nn.Linear: lambda plain: PackedLinear(plain.weight, plain.bias),
    Conv1D: lambda plain: PackedLinear(plain.weight.t(), plain.bias),
    nn.Conv2d: PackedConv2d,
}


def parameters(model: Any) -> int:
    """How many numbers a model's weights are, packed ones included, the biases of packed layers left out."""
    packed = [layer._packed for layer in model.modules() if isinstance(layer, PackedLinear | PackedConv2d)]
    return sum(each.numel() for each in (*model.parameters(), *packed))


@torch.no_grad()
def _packed(layer: nn.Module) -> nn.Module | None:
    """The layer packed, where it can be and computes what the plain one does. Raises where memory runs out."""
    plain: Any = layer
    weight: Any = plain.weight
    if weight.device.type != "cpu" or weight.dtype not in _CLOSE:
        return None
    if isinstance(plain, nn.Conv2d) and (plain.padding_mode != "zeros" or isinstance(plain.padding, str)):
        return None
    probe = torch.randn(_probe(plain), generator=torch.Generator().manual_seed(0)).to(weight.dtype)
    try:
        expected = plain(probe).float()
        made = _PACKERS[type(plain)](plain)
        found = made(probe).float()
    except (AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise  # a layer left plain for that would give other bits under the same name
        return None
    spread = expected.std().clamp_min(torch.finfo(torch.float32).tiny)
    same = found.shape == expected.shape and float((found - expected).abs().max() / spread) <= _CLOSE[weight.dtype]
    return made if same else None


def _probe(layer: nn.Module) -> tuple[int, ...]:
    """Shape of what a layer is tried with: two rows."""
    if isinstance(layer, nn.Conv2d):
        height, width = (
            2 * step * (size - 1) + 2 for step, size in zip(layer.dilation, layer.kernel_size, strict=True)
        )
        return 2, layer.in_channels, height, width
    weight: Any = layer.weight
    return 2, weight.shape[0] if isinstance(layer, Conv1D) else weight.shape[1]
