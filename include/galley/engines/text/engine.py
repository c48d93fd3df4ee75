"""The slot engine: rows join and leave one decode forward, and what a row says depends on none of the others.

A decode forward has as many rows as `RowCounts` allows; unused rows are padding. See `galley.engines.text.slots` for
the policy and `galley.engines.text.forward` for what a forward reads and writes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from galley.engines.base import Figures, Outcome, RequestError
from galley.engines.certificate import RowCounts, read, told
from galley.engines.memory import free_bytes, free_memory, is_device_lost, is_out_of_memory
from galley.engines.numerics import measure, settle
from galley.engines.packed import pack_model
from galley.engines.sampling import StopText
from galley.engines.stock_text import StockTextEngine
from galley.engines.text.attention import GROUPED, register
from galley.engines.text.forward import CHUNK, SlotForward, up
from galley.engines.text.language_model import LanguageModel, not_finite, text_params
from galley.engines.text.masks import unsupported
from galley.engines.text.prefix import Kept, PrefixStore
from galley.engines.text.room import probed
from galley.engines.text.sampler import Row, sample
from galley.engines.text.slots import Slots, admission
from galley.engines.text.trial import EAGER, candidates, certified, disagreement
from galley.errors import JobInterrupted, JobSpecError
from galley.items import Kind, Numerics, PlannedRequest
from galley.model_files import ModelFiles

ROWS = 16
"""Rows of every decode forward where no set of counts gives equal bits."""
PREFIX_BYTES = 256 * 2**20
PREFIX_SHARE = 1 / 8
"""Kept prompts take so much of the memory there is for items at most, or `PREFIX_BYTES` if that is less."""
MEMORY_SHARE = 0.6
"""Of the memory that is free when items come, what they may take; another job may want some as well."""


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

    @property
    def needs(self) -> int:
        """Positions of the cache that it may come to fill."""
        return len(self.row.prompt) + self.row.params.max_new_tokens


class SlotTextEngine:
    """A causal language model with rows that come and go.

    A model that slots cannot serve (see `galley.engines.text.masks.unsupported`), or whose slots disagree with its own
    stock forward when it is loaded, runs on stock `generate`, in the plan's batches; its numerics then say ``stock``.

    Attributes:
        planned_batches: whether that is so; known once it is set up.
        certificate: the row counts it keeps to, as `galley.engines.certificate.told` says them; empty: none.
        figures: what was done so far.
        fallback: why stock `generate` is used, or empty.
    """

    kind: Kind = "text"

    def __init__(
        self,
        files: ModelFiles,
        dtype: str,
        threads: int,
        *,
        certificate: str = "",
        max_batch_size: int = 0,
        memory_bytes: int = 0,
        exact: bool = True,
        longest_first: bool = True,
        prefix_bytes: int = PREFIX_BYTES,
    ) -> None:
        """Take an inspected model directory, CPU threads to pin, and what an earlier engine was certified for.

        Without a certificate `setup` finds one, which takes some hundred forwards. ``max_batch_size`` keeps forwards to
        so many rows, padding included; 0 sets no limit. ``memory_bytes`` is what items may take beside the model; 0: a
        share of what is free. Not ``exact``: forwards have as many rows as there are items,
        none of padding, and last bits may depend on company. ``longest_first``: where every length is known.
        """
        self._files, self._dtype, self._threads = files, dtype, threads
        self.certificate, self._max_batch_size = certificate, max_batch_size
        self._memory_bytes, self._exact, self._longest_first = memory_bytes, exact, longest_first
        self._certified = self._counts = RowCounts((ROWS,))
        self._prefixes, self._prefix_bytes = PrefixStore(prefix_bytes), prefix_bytes
        self._awaited: Counter[tuple[int, ...]] = Counter()
        self._language: Any = None
        self._forward: Any = None
        self._room: Any = None
        self._stock: StockTextEngine | None = None
        self._desk = 0
        self.planned_batches = False
        self.figures = Figures()
        self.fallback = ""

    def setup(self) -> Numerics:
        """Load the model, see whether slots serve it, and find a certificate where one is needed and none was given."""
        try:
            return self._setup()
        except Exception as error:
            if is_out_of_memory(error) or is_device_lost(error):
                raise JobInterrupted(f"the model cannot be tried out here and now: {error}") from error
            raise

    def _setup(self) -> Numerics:
        settle(self._threads)
        register()
        attention, layout = self._served()
        if self.fallback:
            self._drop()
            self._stock = StockTextEngine(self._files, self._dtype, self._threads)
            self.planned_batches = True
            self.figures = self._stock.figures
            return self._stock.setup()
        self._room = probed(self._forward)
        self._certified = self._row_counts()
        engine, certificate = ("slots", self.certificate) if self._exact else ("slots-fast", "")
        return measure("text", self._dtype, engine=engine, certificate=certificate, attention=attention, layout=layout)

    def _served(self) -> tuple[str, str]:
        """Load the model in a form that slots serve: the attention they use, and how weights lie.

        Sets `fallback` where there is none: a model may look at its weights itself, or want of attention what ours has
        not.
        """
        for packed in (True, False):
            self._drop()  # two at once may not fit
            self._language = LanguageModel(self._files, self._dtype, attention=EAGER)
            self._forward = SlotForward(self._language)
            self.fallback = unsupported(self._forward.config)
            layout = pack_model(self._language.model) if packed and not self.fallback else ""
            free_memory()  # what the plain weights took
            for attention in () if self.fallback else (GROUPED, EAGER):
                self.fallback = disagreement(self._forward, self._dtype, attention)
                if not self.fallback:
                    return attention, layout
            if not layout:
                break
        return "", ""

    def _drop(self) -> None:
        self._language = self._forward = None
        free_memory()

    def _row_counts(self) -> RowCounts:
        """Row counts that forwards may have. Raises `JobSpecError` where ``max_batch_size`` allows none of them."""
        if not self._exact:
            return RowCounts(tuple(range(1, (self._max_batch_size or candidates()[-1]) + 1)))
        if not self.certificate and (found := certified(self._forward)):
            self.certificate = told(found)
        counts = read(self.certificate) if self.certificate else RowCounts((ROWS,))
        if not self._max_batch_size:
            return counts
        try:
            return counts.below(self._max_batch_size)
        except ValueError as error:
            raise JobSpecError(f'model "{self._files.directory.name}": {error}') from None

    def close(self) -> None:
        """Drop the model, its cache and kept prefixes."""
        self._language = self._forward = self._stock = None
        self._prefixes.clear()

    def generate(self, requests: Sequence[PlannedRequest]) -> Iterator[Outcome]:
        """Outcomes as they come; of a planned batch, where stock `generate` is used, in its order."""
        if self._stock is not None:
            yield from self._stock.generate(requests)
            return
        wanted = []
        for planned in requests:
            try:
                wanted.append(self._seat(planned))
            except RequestError as error:
                yield Outcome.failed(planned.key, error.kind, str(error))
            except Exception as error:  # one request's trouble is not the others'
                if is_out_of_memory(error) or is_device_lost(error):
                    raise
                yield Outcome.failed(planned.key, "engine_error", f"{type(error).__name__}: {error}")
        if self._longest_first:
            wanted = admission(wanted, lambda seat: seat.row.length)
        try:
            yield from self._in_memory(wanted)
        except Exception as error:
            if is_device_lost(error):
                raise JobInterrupted(f"the accelerator cannot be used any more: {error}") from error
            raise

    def _seat(self, planned: PlannedRequest) -> Seat:
        """A place for an item from its beginning; raises `RequestError` where it can have none."""
        prompt, params = self._language.encode(planned.request), text_params(planned.request)
        bad_words = self._language.spellings(params.bad_words)
        row = Row(params, planned.request.seed, prompt, self._language.eos, bad_words)
        return Seat(planned, row, StopText(self._language.tokenizer, params.stop) if params.stop else None)

    def _in_memory(self, seats: Sequence[Seat]) -> Iterator[Outcome]:
        """Outcomes of all, in as many runs as memory asks for.

        Where memory runs out at the smallest row count, what is unfinished is parted into its smaller and its larger
        half, and each begins anew: a text depends on its request alone, so nothing is lost or doubled. An item that
        does not fit alone costs no neighbour its outcome. It is no result either, for another try may find more room:
        once all others are done, the job is interrupted.

        Raises `JobInterrupted` where items did not fit alone.
        """
        groups = self._sized(seats)
        alone: list[str] = []
        while groups:
            left = {seat.planned.key: seat for seat in groups.pop()}
            try:
                for outcome in self._run(list(left.values())):
                    del left[outcome.key]
                    yield outcome
                continue
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
            finally:
                self._forward.close()
            self._room.missed()
            self._prefixes.clear()
            free_memory()
            if len(left) == 1:
                alone += left
                continue
            half = (len(left) + 1) // 2
            sized = sorted(left.values(), key=lambda seat: seat.needs)
            anew = [self._seat(seat.planned) for seat in sized]
            groups += [anew[half:], anew[:half]]
        if alone:
            raise JobInterrupted(
                f"memory ran out at {len(alone)} of {len(seats)} items even alone, the first {alone[0][:12]}; give the "
                "job more memory or make them shorter"
            )

    def _sized(self, seats: Sequence[Seat]) -> list[list[Seat]]:
        """All together where memory has rows enough for the longest; else by length, lest one long item cost the short
        ones their rows."""
        if not seats:
            return []
        longest = up(max(seat.needs for seat in seats))
        if self._room.within(self._certified, longest, self._budget()[0]).most == self._certified.most:
            return [list(seats)]
        groups: dict[int, list[Seat]] = {}
        for seat in seats:
            groups.setdefault(up(seat.needs).bit_length(), []).append(seat)
        return list(groups.values())

    def _budget(self) -> tuple[float, int]:
        """Bytes that rows may take, and kept prompts beside them."""
        budget = self._memory_bytes or free_bytes() * MEMORY_SHARE
        kept = min(self._prefix_bytes, int(budget * PREFIX_SHARE))
        return budget - kept, kept

    def _run(self, seats: Sequence[Seat]) -> Iterator[Outcome]:
        tokens = max(seat.needs for seat in seats)
        budget, kept = self._budget()
        self._prefixes.limit(kept)
        self._counts = self._room.within(self._certified, up(tokens), budget)
        self._awaited = Counter(tuple(seat.row.prompt) for seat in seats)
        slots: Slots[Seat] = Slots(seats, self._counts.most)
        self._desk = self._counts.fit(min(len(seats), self._counts.most))
        self._forward.open(self._desk + 1, tokens)
        while (forward := slots.next()) != "end":
            if forward == "prefill" and slots.reading is not None:
                yield from self._advance(slots, slots.reading)
            else:
                yield from self._tick(slots)

    def _advance(self, slots: Slots[Seat], seat: Seat) -> Iterator[Outcome]:
        """Read on in the prompt that is being read, ``seat``'s."""
        desk, prompt, cache = self._desk, seat.row.prompt, self._forward.cache
        began = time.perf_counter()
        while seat.read + CHUNK < len(prompt) and (kept := self._prefixes.get(prompt[: seat.read + CHUNK])):
            cache.write(desk, seat.read, kept.pairs)
            self.figures.prefix_hits += 1
            seat.read += CHUNK
        chunks = self.figures.chunks
        scores = self._chunk(seat)
        if self.figures.chunks == chunks:
            slots.copied()
        done = seat.read == len(prompt)
        token = sample(scores, [seat.row])[0] if done else None
        seat.seconds += self.figures.spent("prefill", began)
        if not done:
            return
        self._prefixes.touch(prompt)
        outcome = self._outcome(seat, token)
        if outcome is None:
            cache.copy(desk, slots.join(), seat.held)
            return
        slots.drop()
        if token is None:
            cache.clear(desk)
        yield outcome

    def _chunk(self, seat: Seat) -> Tensor:
        """Read the next chunk of the seat's prompt. Scores (1, vocabulary) after it."""
        desk, prompt, cache = self._desk, seat.row.prompt, self._forward.cache
        start, end = seat.read, min(seat.read + CHUNK, len(seat.row.prompt))
        last = end == len(prompt)
        seat.read = end
        if last and (kept := self._prefixes.get(prompt, whole=True)) and kept.scores is not None:
            cache.write(desk, start, kept.pairs)
            self.figures.prefix_hits += 1
            scores = kept.scores
        else:
            scores = self._forward.read(desk, prompt, start)
            self.figures.chunks += 1
        if not last:
            self._prefixes.put(prompt[:end], Kept(cache.read(desk, start, end)))
            return scores
        self._awaited[tuple(prompt)] -= 1
        if self._awaited[tuple(prompt)]:
            self._prefixes.put(prompt, Kept(cache.read(desk, start, end), scores.clone()))
        return scores

    def _tick(self, slots: Slots[Seat]) -> Iterator[Outcome]:
        """One token for every row."""
        rows = slots.rows
        began = time.perf_counter()
        scores = self._decode(rows)
        if scores.is_cuda:
            torch.cuda.synchronize()  # sampling waits for the scores, and the clock is not to take that for its own
        share = self.figures.spent("decode", began)
        began = time.perf_counter()
        tokens = sample(scores, [seat.row for seat in rows])
        share = (share + self.figures.spent("sample", began)) / len(rows)
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
                self._forward.cache.clear(index)
        for source, target in slots.release(ended):
            self._forward.cache.copy(source, target, slots.rows[target].held)
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
        end = len(row.tokens) if stopped else None
        made = self._language.made(row.tokens, row.params, end, row.told, len(row.prompt))
        return Outcome(key, made, None, seat.seconds, batch)

    def _decode(self, rows: Sequence[Seat]) -> Tensor:
        """Scores (rows, vocabulary) after each row's newest token."""
        while True:
            most = self._counts.most
            try:
                parts = [self._block(first, rows[: first + most]) for first in range(0, len(rows), most)]
                return parts[0] if len(parts) == 1 else torch.cat(parts)
            except Exception as error:
                smaller = self._counts.halved(len(rows)) if is_out_of_memory(error) else None
                if smaller is None:
                    raise
            # What was written is written again at the same positions, so nothing is lost and nothing doubled.
            self._counts = smaller
            self._room.missed()
            free_memory()

    def _block(self, first: int, rows: Sequence[Seat]) -> Tensor:
        """Scores (rows from ``first`` on, vocabulary) of one forward.

        Where so many rows would reach beyond the last slot, it begins before ``first``: rows that were computed already
        get the same once more, at the same positions.
        """
        count = self._counts.fit(len(rows) - first)
        start = max(0, min(first, self._desk - count))
        taken = rows[start:]
        scores: Tensor = self._forward.step(
            start, count, [seat.row.tokens[-1] for seat in taken], [seat.held for seat in taken]
        )
        self.figures.add(len(rows) - first, count)
        return scores[first - start :]
