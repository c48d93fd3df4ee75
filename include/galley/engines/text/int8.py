"""Linear layers and word embeddings in eight bits: weights per output channel, activations per row, as they come.

The products are sums of whole numbers, exact in 32 bits in any order, and a row's scale comes from that row alone; so
what a row becomes depends neither on how many rows there are nor on what they hold. (One scale for a whole batch, as
`torch.ao` and ONNX Runtime take dynamically, lets an outlier spoil its neighbours.) Symmetric, without zero points.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

MOST = 127
EIGHT = 8
"""Matrix units of GPUs take sizes in multiples of this."""
FEWEST_CUDA_ROWS = 32
"""`torch._int_mm` refuses less than 17 rows on CUDA."""


def quantise(values: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers (rows, n), int8, and scales (rows, 1), float32; their products are nearest to ``values`` (rows, n).

    A row with a value that is no number gets a scale that is none.
    """
    scale = values.abs().amax(dim=-1, keepdim=True).float() / MOST
    scale = scale.clamp_min(torch.finfo(torch.float32).tiny)
    return (values / scale).round_().to(torch.int8), scale


class Int8Linear(nn.Module):
    """``x @ weight.T + bias``.

    Attributes:
        weight: int8 (outputs, inputs), the outputs filled up to a multiple of `EIGHT` with zeros.
        scale: float32 (outputs,).
        bias: (outputs,) or None.
    """

    weight: Tensor
    scale: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, scale: Tensor, bias: Tensor | None) -> None:
        """``weight``: int8 (outputs, inputs); ``scale``: (outputs, 1), as `quantise` gives them."""
        super().__init__()
        missing = -len(weight) % EIGHT
        self.register_buffer("weight", nn.functional.pad(weight, (0, 0, 0, missing)) if missing else weight)
        self.register_buffer("scale", scale[:, 0])
        self.register_buffer("bias", None if bias is None else bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        """Shapes: (…, inputs) to (…, outputs), of the same float dtype."""
        rows = x.reshape(-1, x.shape[-1])
        whole, scale = quantise(rows)
        if x.is_cuda and len(rows) < FEWEST_CUDA_ROWS:
            whole = nn.functional.pad(whole, (0, 0, 0, FEWEST_CUDA_ROWS - len(rows)))
        product = torch._int_mm(whole, self.weight.t())[: len(rows), : len(self.scale)]
        found = product.float() * scale * self.scale
        if self.bias is not None:
            found += self.bias
        return found.to(x.dtype).reshape(*x.shape[:-1], len(self.scale))


class Int8Embedding(nn.Module):
    """Rows of a table, looked up.

    Attributes:
        weight: int8 (entries, size).
        scale: float32 (entries, 1).
        dtype: of what comes out.
    """

    weight: Tensor
    scale: Tensor

    def __init__(self, weight: Tensor, scale: Tensor, dtype: torch.dtype) -> None:
        """As `quantise` gives them."""
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.dtype = dtype

    def forward(self, ids: Tensor) -> Tensor:
        """Shapes: (…) to (…, size)."""
        return (self.weight[ids].float() * self.scale[ids]).to(self.dtype)


@torch.no_grad()
def quantise_model(model: Any) -> None:
    """Replace, in place, a causal language model's linear layers and its table of words.

    GPT-2's `Conv1D`, a linear layer with its weight turned, is one too. A head that shares the table's weight shares
    its whole numbers. Subclasses, which compute something else besides, stay as they are.
    """
    words, head = model.get_input_embeddings(), model.get_output_embeddings()
    shared: tuple[Tensor, Tensor] | None = None
    if type(words) is nn.Embedding:
        shared = quantise(words.weight)
    for parent in list(model.modules()):
        for name, layer in list(parent.named_children()):
            replaced: nn.Module
            if type(layer) is Conv1D:
                replaced = Int8Linear(*quantise(layer.weight.t().contiguous()), layer.bias)
            elif type(layer) is nn.Linear:
                tied = shared is not None and layer is head and layer.weight is words.weight
                replaced = Int8Linear(*(shared if tied and shared else quantise(layer.weight)), layer.bias)
            elif layer is words and shared is not None:
                replaced = Int8Embedding(*shared, words.weight.dtype)
            else:
                continue
            setattr(parent, name, replaced)
