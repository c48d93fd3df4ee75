"""The slot engine: rows join and leave one decode forward, and what a row says depends on none of the others.

Prompts are read a chunk of `CHUNK` tokens at a time, each chunk alone and on a grid that starts with the prompt, so
that a prompt's keys and values never depend on its neighbours. Decode is one token for every row at once, in as many
rows as `RowCounts` allows; unused rows are padding. See `galley.engines.text.slots` for the policy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from galley.engines.base import Figures, Outcome, RequestError
from galley.engines.certificate import SUBJECTS, Probe, RowCounts, certify, read, told
from galley.engines.memory import free_bytes, free_memory, is_device_lost, is_out_of_memory
from galley.engines.numerics import device, measure, settle
from galley.engines.sampling import StopText
from galley.engines.stock_text import StockTextEngine
from galley.engines.text.cache import SlotCache
from galley.engines.text.language_model import LanguageModel, not_finite, text_params
from galley.engines.text.masks import masks, unsupported
from galley.engines.text.prefix import PrefixStore
from galley.engines.text.sampler import Row, sample
from galley.engines.text.slots import Slots
from galley.errors import JobInterrupted, JobSpecError
from galley.items import Kind, Numerics, PlannedRequest
from galley.model_files import ModelFiles

CHUNK = 64
"""Tokens of a prompt read by one forward, and the grid of the number of keys that a decode forward reads."""
ROWS = 16
"""Rows of every decode forward where no set of counts gives equal bits."""
PREFIX_BYTES = 256 * 2**20
CACHE_SHARE = 0.6
"""Of the memory that is free when items come, what keys and values may take; another job may want some as well."""
TOLERANCE = {"float32": 1e-3, "bfloat16": 0.25, "float16": 0.05, "int8": 0.25}
"""How far scores in slots may be from the stock forward's, in standard deviations of the scores: rounding, no more."""


@dataclass(eq=False)
class Seat:
    """An item on its way.

    Attributes:
        planned: the request.
        row: its sampling state.
        stop: sees its stop texts, or None.
        read: tokens of the prompt that are in the cache.
        seconds: its share of the forwards it took part in.
        company: rows of the decode forwards it took part in, itself included, added up.
        steps: decode forwards it took part in.
    """

    planned: PlannedRequest
    row: Row
    stop: StopText | None
    read: int = 0
    seconds: float = 0.0
    company: int = 0
    steps: int = 0

    @property
    def held(self) -> int:
        """Positions of the cache that are filled: the prompt and all that was said but the newest token."""
        return len(self.row.prompt) + max(0, len(self.row.tokens) - 1)


class SlotTextEngine:
    """A causal language model with rows that come and go.

    A model that slots cannot serve (see `galley.engines.text.masks.unsupported`), or whose slots disagree with its own
    stock forward when it is loaded, runs on stock `generate`, one request at a time; its numerics then say ``stock``.

    Attributes:
        figures: what was done so far.
        fallback: why stock `generate` is used, or empty.
    """

    kind: Kind = "text"
    planned_batches = False

    def __init__(
        self,
        files: ModelFiles,
        dtype: str,
        threads: int,
        *,
        certificate: str = "",
        max_batch_size: int = 0,
        prefix_bytes: int = PREFIX_BYTES,
    ) -> None:
        """Take an inspected model directory, CPU threads to pin, and what an earlier engine was certified for.

        Without a certificate `setup` finds one, which takes some hundred forwards. ``max_batch_size`` keeps forwards to
        so many rows, padding included; 0 sets no limit.
        """
        self._files, self._dtype, self._threads = files, dtype, threads
        self._certificate, self._max_batch_size = certificate, max_batch_size
        self._counts = RowCounts((ROWS,))
        self._prefixes = PrefixStore(prefix_bytes)
        self._language: Any = None
        self._stock: StockTextEngine | None = None
        self._cache: Any = None
        self._desk = 0
        self._position_bytes = 0
        self._keeps_logits = False
        self.figures = Figures()
        self.fallback = ""

    def setup(self) -> Numerics:
        """Load the model, see whether slots serve it, and find a certificate where none was given."""
        try:
            return self._setup()
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise JobInterrupted(f"the model cannot be tried out here and now: {error}") from error
            raise

    def _setup(self) -> Numerics:
        settle(self._threads)
        # SDPA takes other paths at one query than at many, slower and dependent on the thread that gets the row.
        language = LanguageModel(self._files, self._dtype, attention="eager")
        self._language = language
        self.fallback = unsupported(language.model.config.get_text_config())
        if not self.fallback:
            self._keeps_logits = "logits_to_keep" in signature(language.model.forward).parameters
            self.fallback = self._disagreement()
        if self.fallback:
            self._language = None
            self._stock = StockTextEngine(self._files, self._dtype, self._threads)
            self.figures = self._stock.figures
            return self._stock.setup()
        if not self._certificate and (found := self._certify()):
            self._certificate = told(found)
        self._counts = read(self._certificate) if self._certificate else RowCounts((ROWS,))
        if self._max_batch_size:
            try:
                self._counts = self._counts.below(self._max_batch_size)
            except ValueError as error:
                raise JobSpecError(f'model "{self._files.directory.name}": {error}') from None
        self.figures = Figures()
        return measure("text", self._dtype, engine="slots", certificate=self._certificate)

    def close(self) -> None:
        """Drop the model, its cache and kept prefixes."""
        self._language = self._cache = self._stock = None
        self._prefixes = PrefixStore(0)

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes as they come."""
        if self._stock is not None:
            for planned in requests:
                yield from self._stock.generate([planned])
            return
        seats = []
        for planned in requests:
            try:
                prompt = self._language.encode(planned.request)
            except RequestError as error:
                yield Outcome.failed(planned.key, error.kind, str(error))
                continue
            params = text_params(planned.request)
            bad_words = self._language.spellings(params.bad_words)
            row = Row(params, planned.request.seed, prompt, self._language.eos, bad_words)
            stop = StopText(self._language.tokenizer, params.stop) if params.stop else None
            seats.append(Seat(planned, row, stop))
        if seats:
            try:
                yield from self._run(seats)
            except Exception as error:
                if is_device_lost(error):
                    raise JobInterrupted(f"the accelerator cannot be used any more: {error}") from error
                if is_out_of_memory(error):
                    raise JobInterrupted(f"memory ran out: {error}; give the job more of it") from error
                raise
            finally:
                self._cache = None

    def _run(self, seats: Sequence[Seat]) -> Iterator[Outcome]:
        tokens = max(len(seat.row.prompt) + seat.row.params.max_new_tokens for seat in seats)
        held = free_bytes() * CACHE_SHARE / (self._position_bytes * _up(tokens))
        self._counts = self._counts.within(int(held) - 1)  # and the slot where prompts are read
        slots: Slots[Seat] = Slots(seats, self._counts.most)
        self._open(tokens)
        while (forward := slots.next()) != "end":
            if forward == "prefill" and slots.reading is not None:
                yield from self._advance(slots, slots.reading)
            else:
                yield from self._tick(slots)

    def _open(self, tokens: int) -> None:
        """Make room for rows of up to ``tokens`` tokens; the last slot is where prompts are read."""
        layers = self._language.model.config.get_text_config().num_hidden_layers
        self._desk = self._counts.most
        self._cache = SlotCache(layers, self._desk + 1, _up(tokens))

    def _advance(self, slots: Slots[Seat], seat: Seat) -> Iterator[Outcome]:
        """Read on in the prompt that is being read, ``seat``'s."""
        desk, prompt = self._desk, seat.row.prompt
        began = time.perf_counter()
        # The chunk that holds the last token is always computed, for its scores are needed.
        while seat.read + CHUNK < len(prompt) and (kept := self._prefixes.get(prompt[: seat.read + CHUNK])):
            self._cache.write(desk, seat.read, kept)
            self.figures.prefix_hits += 1
            seat.read += CHUNK
        logits = self._read(desk, prompt, seat.read)
        end = seat.read + CHUNK
        if end < len(prompt):
            self._prefixes.put(prompt[:end], self._cache.read(desk, seat.read, end))
            seat.read = end
            seat.seconds += time.perf_counter() - began
            return
        seat.read = len(prompt)
        (token,) = sample(logits, [seat.row])
        seat.seconds += time.perf_counter() - began
        outcome = self._outcome(seat, token)
        if outcome is None:
            self._cache.copy(desk, slots.join(), seat.held)
            return
        slots.drop()
        if token is None:
            self._cache.clear(desk)
        yield outcome

    def _tick(self, slots: Slots[Seat]) -> Iterator[Outcome]:
        """One token for every row."""
        began = time.perf_counter()
        rows = slots.rows
        tokens = sample(self._decode(rows), [seat.row for seat in rows])
        share = (time.perf_counter() - began) / len(rows)
        ended: list[int] = []
        outcomes: list[Outcome] = []
        for index, (seat, token) in enumerate(zip(rows, tokens, strict=True)):
            seat.seconds += share
            seat.company += len(rows)
            seat.steps += 1
            outcome = self._outcome(seat, token)
            if outcome is not None:
                ended.append(index)
                outcomes.append(outcome)
            if token is None:
                self._cache.clear(index)
        for source, target in slots.release(ended):
            self._cache.copy(source, target, slots.rows[target].held)
        yield from outcomes

    def _outcome(self, seat: Seat, token: int | None) -> Outcome | None:
        """The item's outcome where its newest token ended it."""
        row, key = seat.row, seat.planned.key
        batch = max(1, round(seat.company / seat.steps)) if seat.steps else 1
        if token is None:
            text = not_finite(self._dtype)
            return Outcome.failed(key, "not_finite", text, seconds=seat.seconds, batch_size=batch)
        stopped = seat.stop is not None and seat.stop.seen(row.tokens)
        if not stopped and token not in self._language.eos and len(row.tokens) < row.params.max_new_tokens:
            return None
        made = self._language.made(row.tokens, row.params, len(row.tokens) if stopped else None)
        return Outcome(key, made, None, seat.seconds, batch)

    def _read(self, slot: int, prompt: Sequence[int], start: int) -> Tensor:
        """Read one chunk of a prompt into a slot. Scores (1, vocabulary) after its last token in the chunk."""
        chunk = prompt[start : start + CHUNK]
        ids = torch.tensor([[*chunk, *[self._language.pad] * (CHUNK - len(chunk))]], device=device())
        positions = torch.arange(start, start + CHUNK, device=device())[None]
        self.figures.chunks += 1
        return self._forward(slice(slot, slot + 1), ids, positions, start + CHUNK, keep=len(chunk) - 1)

    def _decode(self, rows: Sequence[Seat]) -> Tensor:
        """Scores (rows, vocabulary) after each row's newest token."""
        while True:
            most = self._counts.most
            try:
                parts = [
                    self._step(
                        first,
                        [seat.row.tokens[-1] for seat in rows[first : first + most]],
                        [seat.held for seat in rows[first : first + most]],
                    )
                    for first in range(0, len(rows), most)
                ]
                return torch.cat(parts)
            except Exception as error:
                smaller = self._counts.halved(len(rows)) if is_out_of_memory(error) else None
                if smaller is None:
                    raise
            # What was written is written again at the same positions, so nothing is lost and nothing doubled.
            self._counts = smaller
            free_memory()

    def _step(self, first: int, tokens: Sequence[int], positions: Sequence[int]) -> Tensor:
        """Scores (rows, vocabulary) after a token for each of the rows from slot ``first`` on."""
        count = self._counts.fit(len(tokens))
        padding = count - len(tokens)
        ids = torch.tensor([*tokens, *[self._language.pad] * padding], device=device())[:, None]
        at = torch.tensor([*positions, *[0] * padding], device=device())[:, None]
        scores = self._forward(slice(first, first + count), ids, at, _up(max(positions) + 1), keep=0)
        self.figures.add(len(tokens), count)
        return scores[: len(tokens)]

    @torch.inference_mode()
    def _forward(self, slots: slice, ids: Tensor, positions: Tensor, length: int, *, keep: int) -> Tensor:
        """Scores (rows, vocabulary) at query ``keep`` of each row."""
        model, config = self._language.model, self._language.model.config.get_text_config()
        self._cache.aim(slots, positions, length)
        room = self._language.room
        options = {"logits_to_keep": torch.tensor([keep], device=ids.device)} if self._keeps_logits else {}
        logits: Tensor = model(
            input_ids=ids,
            attention_mask=masks(config, positions, length, model.dtype),
            # Padding behind a prompt may lie behind the last position there is an embedding for.
            position_ids=positions.clamp_max(room - 1) if room else positions,
            past_key_values=self._cache,
            use_cache=True,
            **options,
        ).logits
        return logits[:, 0 if self._keeps_logits else keep]

    @torch.inference_mode()
    def _disagreement(self) -> str:
        """Why slots cannot be trusted with this model, or empty: two texts in slots against the stock forward."""
        language = self._language
        config = language.model.config.get_text_config()
        window = getattr(config, "sliding_window", None) or 0
        longest = min((language.room or 4096) - 1, max(CHUNK + 6, min(window + 6, 4 * CHUNK)))
        vocabulary = config.vocab_size
        for length in (min(7, longest), longest):
            text = [(31 * index * index + 17 * index + 5) % vocabulary for index in range(length)]
            given = max(1, length - 3)
            self._open(length)
            try:
                for start in range(0, given, CHUNK):
                    found = [self._read(0, text[:given], start)]
                self._position_bytes = self._cache.position_bytes
                found += [self._step(0, [text[at]], [at]) for at in range(given, length)]
                ids = torch.tensor([text], device=device())
                expected = language.model(input_ids=ids, use_cache=False).logits[0, given - 1 :].float()
            except Exception as error:
                if is_out_of_memory(error) or is_device_lost(error):
                    raise  # says nothing of the model: another try may find room
                return f"its forward in slots raises {type(error).__name__}: {error}"[:300]
            finally:
                self._cache = None
            apart = float((torch.cat(found).float() - expected).abs().max() / expected.std().clamp_min(1e-6))
            if not apart <= TOLERANCE[self._dtype]:
                return f"its scores in slots differ from the stock forward's by {apart:.2g} standard deviations"
        return ""

    def _certify(self) -> RowCounts | None:
        """Row counts that give equal bits to texts of many lengths, in any company and however many keys are read."""
        vocabulary, room = self._language.model.config.get_text_config().vocab_size, self._language.room or CHUNK
        random = torch.Generator().manual_seed(0)
        # All fit into the fewest keys that are read, so that no trial writes over what a later one reads.
        lengths = torch.randint(2, min(CHUNK, room - 1), (SUBJECTS,), generator=random).tolist()
        texts = [torch.randint(vocabulary, (length,), generator=random).tolist() for length in lengths]
        # Each text lies there twice, so that any run of rows, beginning anywhere, is a slice of the cache.
        self._counts = RowCounts((2 * SUBJECTS,))
        self._open(4 * CHUNK)
        for slot in range(2 * SUBJECTS):
            text = texts[slot % SUBJECTS]
            self._read(slot, text, 0)

        def probe(read: int) -> Probe:
            def bits(count: int, first: int) -> list[bytes]:
                rows = [texts[(first + row) % SUBJECTS] for row in range(count)]
                ids = torch.tensor([text[-1] for text in rows], device=device())[:, None]
                at = torch.tensor([len(text) for text in rows], device=device())[:, None]
                scores = self._forward(slice(first, first + count), ids, at, read, keep=0)
                return [row.tobytes() for row in scores.float().cpu().numpy()]

            return bits

        try:
            return certify([probe(read) for read in (4 * CHUNK, 2 * CHUNK, CHUNK)])
        finally:
            self._cache = None


def _up(tokens: int) -> int:
    """The next multiple of `CHUNK`."""
    return -(-tokens // CHUNK) * CHUNK
