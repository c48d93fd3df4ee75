"""One training loop for all starters: deterministic by step, resumable, with an exponential moving average.

A step's data depends on (seed, step) alone, so a run that was cut off goes on from its last checkpoint and sees what an
undisturbed run would have seen. Checkpoints are written beside the target and renamed: a kill leaves the old one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from galley.training.optimisers import Together

StepLoss = Callable[[int], Tensor]
"""Maps a 0-based step to the scalar loss of that step's batch. Must draw everything from (seed, step)."""


@dataclass(frozen=True)
class Recipe:
    """The numbers of one training run.

    Attributes:
        steps: optimiser updates in all.
        learning_rate: peak of the schedule (linear warm-up, cosine decay to a twentieth).
        warmup: updates of linear warm-up.
        weight_decay: AdamW's, on tensors of two dimensions and more.
        betas: AdamW's.
        clip: largest gradient norm.
        ema: decay of the moving average of the weights, 0 for none; ramps up as (1 + t) / (10 + t).
        save_every: seconds between checkpoints.
    """

    steps: int
    learning_rate: float
    warmup: int = 500
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    ema: float = 0.999
    save_every: float = 120.0

    def rate(self, step: int) -> float:
        """Learning rate of a 0-based step."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def best_device() -> torch.device:
    """CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bf16; a CPU without them emulates it, many times slower than fp32."""
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast(device: torch.device) -> AbstractContextManager[None]:
    """bf16 autocast where the device multiplies in bf16, several times faster than fp32; elsewhere nothing."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=multiplies_bf16(device))


def layout(device: torch.device) -> torch.memory_format:
    """Memory format of the convolutions: channels-last on GPUs and on CPUs with AMX.

    With AMX bf16 measured faster so (an update of the autoencoder 76 ms against 101 ms, of the denoiser 207 ms against
    234 ms); on CPUs without AMX it measured slower.
    """
    fast = device.type == "cuda" or torch.cpu._is_amx_tile_supported()
    return torch.channels_last if fast else torch.contiguous_format


def begin(part: nn.Module, shipped: Path | None) -> None:
    """Give ``part`` the weights of the directory ``shipped``, where there is one, instead of its random ones."""
    if shipped is not None:
        weights = next(iter(sorted(shipped.glob("*.safetensors"))))
        part.load_state_dict(load_file(weights))


def generator(device: torch.device | str, *key: int) -> torch.Generator:
    """A generator that depends on ``key`` alone (for example seed and step), by splitmix64 over its parts."""
    state = 0x9E3779B97F4A7C15
    for part in key:
        state = (state ^ (part & (2**64 - 1))) * 0xBF58476D1CE4E5B9 % 2**64
        state = (state ^ (state >> 27)) * 0x94D049BB133111EB % 2**64
        state ^= state >> 31
    return torch.Generator(device).manual_seed(state % 2**63)


def adamw(parameters: Sequence[nn.Parameter], recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW with the recipe's numbers; vectors (biases, norms) do not decay."""
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=recipe.learning_rate,
        betas=recipe.betas,
        fused=True,
    )


def fit(
    model: nn.Module,
    loss_of_step: StepLoss,
    recipe: Recipe,
    checkpoint: Path,
    *,
    optimiser: torch.optim.Optimizer | Together | None = None,
    say: Callable[[str], None] = print,
    deadline: float | None = None,
) -> bool:
    """Train ``model`` in place, resuming from ``checkpoint`` where there is one.

    Args:
        model: its parameters are trained and, at the end, replaced by their moving average.
        loss_of_step: see `StepLoss`.
        recipe: the numbers.
        checkpoint: file for weights, average, optimiser state and step; kept at the end, so that a finished run is
            not repeated.
        optimiser: takes the steps, at the recipe's learning rate; by default AdamW on all parameters.
        say: gets a line of progress every ten seconds.
        deadline: `time.monotonic()` at which to stop after saving; None for never.

    Returns:
        True when the last step is done; False when the deadline came first. Either way the checkpoint is current.
    """
    parameters = list(model.parameters())
    average = [p.detach().clone() for p in parameters]
    device = parameters[0].device
    saved = torch.load(checkpoint, map_location=device, weights_only=True) if checkpoint.exists() else None
    if saved is not None and saved["step"] >= recipe.steps:
        return _finish(model, saved["average"])
    optimiser = optimiser or adamw(parameters, recipe)
    step = 0
    if saved is not None:
        model.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        average, step = saved["average"], int(saved["step"])
        say(f"resuming at step {step} of {recipe.steps}")

    def save() -> None:
        state = {"average": average, "step": step}
        if step < recipe.steps:  # a finished run needs no more than its result
            state |= {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(checkpoint)

    model.train()
    began, first, told, saved_at = time.monotonic(), step, time.monotonic(), time.monotonic()
    losses: list[Tensor] = []
    while step < recipe.steps and (deadline is None or time.monotonic() < deadline):
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(step)
        loss = loss_of_step(step)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, recipe.clip)
        optimiser.step()
        with torch.no_grad():
            keep = min(recipe.ema, (1 + step) / (10 + step)) if recipe.ema else 0.0
            torch._foreach_lerp_(average, [p.detach() for p in parameters], 1 - keep)
        losses.append(loss.detach())
        step += 1
        now = time.monotonic()
        if now - told > 10 or step == recipe.steps:
            mean = float(torch.stack(losses).mean())
            if not math.isfinite(mean):
                raise FloatingPointError(f"the loss is {mean} at step {step}; the last good checkpoint is {checkpoint}")
            rate = (step - first) / (now - began)
            left = (recipe.steps - step) / rate
            say(f"step {step}/{recipe.steps}  loss {mean:.4f}  {rate:.1f} steps/s  {left:.0f} s left")
            told, losses = now, []
        if now - saved_at > recipe.save_every:
            save()
            saved_at = now
    if step > first:
        save()
    if step < recipe.steps:
        return False
    return _finish(model, average)


@torch.no_grad()
def _finish(model: nn.Module, average: list[Tensor]) -> bool:
    for parameter, mean in zip(model.parameters(), average, strict=True):
        parameter.copy_(mean)
    model.eval()
    return True
