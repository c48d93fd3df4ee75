"""What is tried out when a model is loaded: whether slots serve it, and which row counts give equal bits."""

from __future__ import annotations

import torch

from galley.engines.certificate import CANDIDATES, SUBJECTS, Probe, RowCounts, certify
from galley.engines.memory import free_bytes, is_device_lost, is_out_of_memory
from galley.engines.numerics import device
from galley.engines.text.forward import CHUNK, SlotForward

TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05, "int8": 0.25}
"""How far scores in slots may be from the stock forward's, in standard deviations of the scores: rounding, no more."""
WIDE = (*CANDIDATES, 64, 128, 256)
"""Row counts that an accelerator is tried at: a row costs it little where it reads the weights anyway."""
FAR = (5 * CHUNK, 8 * CHUNK, 16 * CHUNK)
"""Keys that are read of longer texts in a trial of its own, as far as a model has positions."""
EAGER = "eager"
"""The attention of the stock forward that slots are compared with."""


def candidates() -> tuple[int, ...]:
    """Row counts to try on this process's device, ascending."""
    return CANDIDATES if device().type == "cpu" else WIDE


def _fitting(forward: SlotForward) -> tuple[int, ...]:
    """Candidates whose trial takes at most half of the memory that is free; the smallest at least."""
    most = free_bytes() // 2 // max(1, forward.position_bytes * 4 * CHUNK) - SUBJECTS
    return tuple(count for count in candidates() if count <= most) or candidates()[:1]


@torch.inference_mode()
def disagreement(forward: SlotForward, dtype: str, attention: str) -> str:
    """Why slots cannot be trusted with this model, or empty: two texts in slots against the stock forward.

    Args:
        forward: closed; the model is left with ``attention``.
        dtype: decides how far scores may be apart.
        attention: the implementation that slots are to use.
    """
    language, config = forward.language, forward.config
    window = getattr(config, "sliding_window", None) or 0
    longest = min((language.room or 4096) - 1, max(CHUNK + 6, min(window + 6, 4 * CHUNK)))
    for length in (min(7, longest), longest):
        text = [(31 * index * index + 17 * index + 5) % config.vocab_size for index in range(length)]
        given = max(1, length - 3)
        forward.open(1, length)
        try:
            language.model.set_attn_implementation(EAGER)
            ids = torch.tensor([text], device=device())
            expected = language.model(input_ids=ids, use_cache=False).logits[0, given - 1 :].float()
            language.model.set_attn_implementation(attention)
            for start in range(0, given, CHUNK):
                found = [forward.read(0, text[:given], start)]
            found += [forward.step(0, 1, [text[at]], [at]) for at in range(given, length)]
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise  # says nothing of the model: another try may find room
            return f"its forward in slots raises {type(error).__name__}: {error}"[:300]
        finally:
            forward.close()
        apart = float((torch.cat(found).float() - expected).abs().max() / expected.std().clamp_min(1e-6))
        if not apart <= TOLERANCE[dtype]:
            return f"its scores in slots differ from the stock forward's by {apart:.2g} standard deviations"
    return ""


def certified(forward: SlotForward) -> RowCounts | None:
    """Row counts that give equal bits to texts of many lengths, in any company and however many keys are read."""
    vocabulary, room = forward.config.vocab_size, forward.language.room or CHUNK
    random = torch.Generator().manual_seed(0)
    # All fit into the fewest keys that are read, so that no trial writes over what a later one reads.
    lengths = torch.randint(2, min(CHUNK, room - 1), (SUBJECTS,), generator=random).tolist()
    texts = [torch.randint(vocabulary, (length,), generator=random).tolist() for length in lengths]
    tried = _fitting(forward)
    # The texts lie there over and over, so that any run of rows, beginning with any, is a slice of the cache.
    slots = SUBJECTS + tried[-1]
    forward.open(slots, 4 * CHUNK)
    for slot in range(slots):
        forward.read(slot, texts[slot % SUBJECTS], 0)

    def probe(read: int) -> Probe:
        def bits(count: int, first: int) -> list[bytes]:
            rows = [texts[(first + row) % SUBJECTS] for row in range(count)]
            ids = torch.tensor([text[-1] for text in rows], device=device())[:, None]
            at = torch.tensor([len(text) for text in rows], device=device())[:, None]
            scores = forward.run(slice(first, first + count), ids, at, read, keep=0)
            return [row.tobytes() for row in scores.float().cpu().numpy()]

        return bits

    try:
        found = certify([probe(read) for read in (4 * CHUNK, 2 * CHUNK, CHUNK)], tried)
    finally:
        forward.close()
    return found if found and _far_keys_sum_alike(forward, found) else None


def _far_keys_sum_alike(forward: SlotForward, counts: RowCounts) -> bool:
    """Whether rows with many keys have equal bits however many more are read, which the longest of them decides.

    The texts above end within the fewest keys that are read, so a sum over further ones would not show there.
    """
    vocabulary, room = forward.config.vocab_size, forward.language.room or FAR[-1]
    reads = [read for read in FAR if read <= room]
    if len(reads) < 2:
        return True
    random = torch.Generator().manual_seed(1)
    count = counts.fit(min(2, counts.most))
    lengths = [reads[0] - 11 * row - 7 for row in range(min(2, count))]
    texts = [torch.randint(vocabulary, (length,), generator=random).tolist() for length in lengths]
    forward.open(count, reads[-1])
    try:
        for slot, text in enumerate(texts):
            for start in range(0, len(text), CHUNK):
                forward.read(slot, text, start)
        ids = torch.tensor([text[-1] for text in texts] + [0] * (count - len(texts)), device=device())[:, None]
        at = torch.tensor([len(text) for text in texts] + [0] * (count - len(texts)), device=device())[:, None]
        seen = {
            forward.run(slice(0, count), ids, at, read, keep=0)[: len(texts)].float().cpu().numpy().tobytes()
            for read in reads
        }
        return len(seen) == 1
    finally:
        forward.close()
