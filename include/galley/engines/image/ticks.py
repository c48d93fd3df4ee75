"""Which items take part in the next forward: the policy of the step engine, pure.

Only items of one group (pictures of one size) fit into a forward together. Each group has a queue, served first come,
first served, and as many live items as fill a forward; an item lives until it is done, and the next one joins at the
forward after. Groups take turns, the longest unserved first, so that no size waits for another to finish.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(eq=False)
class _Group(Generic[Item]):
    waiting: deque[Item] = field(default_factory=deque)
    live: list[Item] = field(default_factory=list)
    served: int = -1


class Ticks(Generic[Item]):
    """Who waits and who lives, by group."""

    def __init__(
        self,
        items: Iterable[Item],
        *,
        group: Callable[[Item], Hashable],
        rows: Callable[[Item], int],
        most: int,
    ) -> None:
        """Take items in the order they came, what tells groups apart, how many rows an item needs, and a forward has.

        An item that needs more rows than ``most`` has a forward, or rather several parts of one, to itself.
        """
        self._rows, self._most = rows, most
        self._groups: dict[Hashable, _Group[Item]] = {}
        for item in items:
            self._groups.setdefault(group(item), _Group()).waiting.append(item)
        self._tick = 0

    def next(self) -> Sequence[Item]:
        """The items of the next forward, the longest living first; empty when all are done."""
        if not self._groups:
            return ()
        group = min(self._groups.values(), key=lambda each: each.served)  # the first to come where none was served
        used = sum(map(self._rows, group.live))
        while group.waiting and (not group.live or used + self._rows(group.waiting[0]) <= self._most):
            item = group.waiting.popleft()
            group.live.append(item)
            used += self._rows(item)
        group.served = self._tick
        self._tick += 1
        return tuple(group.live)

    def done(self, items: Iterable[Item]) -> None:
        """Take out items that `next` gave."""
        gone = {id(item) for item in items}
        for group in self._groups.values():
            group.live = [item for item in group.live if id(item) not in gone]
        self._groups = {name: group for name, group in self._groups.items() if group.live or group.waiting}
