"""Which items take part in the next forward: the policy of the step engine, pure.

Only items of one group (pictures of one size) fit into a forward together. Each group has a queue, served first come,
first served, and as many live items as fill a forward; an item lives until it is done, and the next one joins at the
forward after. Groups take turns, the longest unserved first, so that no size waits for another to finish: among n
groups each has one forward of every n.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Key = TypeVar("Key", bound=Hashable)


@dataclass(eq=False)
class _Group(Generic[Item]):
    waiting: deque[Item] = field(default_factory=deque)
    live: list[Item] = field(default_factory=list)
    served: int = -1


class Ticks(Generic[Item, Key]):
    """Who waits and who lives, by group."""

    def __init__(
        self,
        items: Iterable[Item],
        *,
        group: Callable[[Item], Key],
        rows: Callable[[Item], int],
        most: Callable[[Key], int],
    ) -> None:
        """Take items in the order they came, what tells groups apart, how many rows an item needs, and how many a
        group's forward has, which may change from one to the next.

        An item that needs more rows than a forward has gets a forward, or rather several parts of one, to itself.
        """
        self._rows, self._most = rows, most
        self._groups: dict[Key, _Group[Item]] = {}
        for item in items:
            self._groups.setdefault(group(item), _Group()).waiting.append(item)
        self._tick = 0

    def next(self) -> Sequence[Item]:
        """The items of the next forward, the longest living first; empty when all are done."""
        if not self._groups:
            return ()
        # The first to come where none was served.
        name, group = min(self._groups.items(), key=lambda each: each[1].served)
        used, most = sum(map(self._rows, group.live)), self._most(name)
        while group.waiting and (not group.live or used + self._rows(group.waiting[0]) <= most):
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

    def drop(self, name: Key) -> Sequence[Item]:
        """Give a group up: its items that are not done."""
        group = self._groups.pop(name)
        return (*group.live, *group.waiting)
