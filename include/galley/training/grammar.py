"""Small probabilistic grammars: seeded sampling, and the exact probability of a text.

A grammar is a tree of nodes. `Node.draw` writes a text; `Node.parse` finds every way in which the tree could have
written it and adds their probabilities up (the inside algorithm, Baker 1979, for trees without recursion), so that the
probability of a text is exact even where two derivations give the same text. `Once` binds a variable at its first
mention and repeats it afterwards: that is how a product's name stays the same through a document.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from abc import ABC, abstractmethod
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence

Bindings = tuple[tuple[str, str], ...]
"""Variables bound so far, sorted by name; immutable, so that parses can branch."""

Parses = dict[tuple[int, Bindings], float]
"""(end position, bindings) of every partial parse, with its probability."""


def lookup(bindings: Bindings, variable: str) -> str | None:
    """The value of ``variable``, or None where it is not bound."""
    return next((value for name, value in bindings if name == variable), None)


def capital(text: str) -> str:
    """``text`` with its first character in upper case."""
    return text[:1].upper() + text[1:]


class Node(ABC):
    """One part of a grammar."""

    @abstractmethod
    def draw(self, rng: random.Random, env: dict[str, str], out: list[str]) -> float:
        """Append a sample to ``out``, bind variables in ``env``; returns the derivation's log-probability in nats."""

    @abstractmethod
    def parse(self, text: str, at: int, env: Bindings) -> Parses:
        """All ways in which this node can have written ``text`` from position ``at`` on."""

    @abstractmethod
    def capitalised(self) -> Node:
        """The same node with the first character of what it writes in upper case."""


class Literal(Node):
    """Always the same text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def draw(self, rng: random.Random, env: dict[str, str], out: list[str]) -> float:
        """See `Node.draw`."""
        out.append(self.text)
        return 0.0

    def parse(self, text: str, at: int, env: Bindings) -> Parses:
        """See `Node.parse`."""
        return {(at + len(self.text), env): 1.0} if text.startswith(self.text, at) else {}

    def capitalised(self) -> Node:
        """See `Node.capitalised`."""
        return Literal(capital(self.text))


class Choice(Node):
    """One of several options, each with its weight (equal weights where none are given)."""

    def __init__(self, options: Sequence[Node], weights: Sequence[float] | None = None) -> None:
        if not options or (weights is not None and len(weights) != len(options)):
            raise ValueError(f"a choice of {len(options)} options with weights {weights!r}: needs one weight for each")
        self.options = tuple(options)
        self.weights = tuple(weights) if weights is not None else (1.0,) * len(self.options)
        total = sum(self.weights)
        self.shares = [weight / total for weight in self.weights]
        self._logs = [math.log(share) for share in self.shares]
        self._upto = list(itertools.accumulate(self.shares))[:-1]
        self._equal = weights is None

    def draw(self, rng: random.Random, env: dict[str, str], out: list[str]) -> float:
        """See `Node.draw`."""
        u = rng.random()
        index = int(u * len(self.options)) if self._equal else bisect(self._upto, u)
        return self._logs[index] + self.options[index].draw(rng, env, out)

    def parse(self, text: str, at: int, env: Bindings) -> Parses:
        """See `Node.parse`."""
        found: Parses = {}
        for option, share in zip(self.options, self.shares, strict=True):
            for state, probability in option.parse(text, at, env).items():
                found[state] = found.get(state, 0.0) + share * probability
        return found

    def capitalised(self) -> Node:
        """See `Node.capitalised`."""
        return Choice([option.capitalised() for option in self.options], None if self._equal else self.weights)


class Chain(Node):
    """Several parts one after the other."""

    def __init__(self, parts: Sequence[Node]) -> None:
        self.parts = tuple(parts)

    def draw(self, rng: random.Random, env: dict[str, str], out: list[str]) -> float:
        """See `Node.draw`."""
        return sum([part.draw(rng, env, out) for part in self.parts])

    def parse(self, text: str, at: int, env: Bindings) -> Parses:
        """See `Node.parse`."""
        states: Parses = {(at, env): 1.0}
        for part in self.parts:
            following: Parses = {}
            for (position, bound), mass in states.items():
                for state, probability in part.parse(text, position, bound).items():
                    following[state] = following.get(state, 0.0) + mass * probability
            states = following
            if not states:
                break
        return states

    def capitalised(self) -> Node:
        """See `Node.capitalised`."""
        return Chain((self.parts[0].capitalised(), *self.parts[1:])) if self.parts else self


class Once(Node):
    """Draws ``node`` and binds ``variable`` to it at the first mention; repeats the bound text at every later one."""

    def __init__(self, variable: str, node: Node | None = None, *, capitalise: bool = False) -> None:
        self.variable, self.node, self._capitalise = variable, node, capitalise

    def draw(self, rng: random.Random, env: dict[str, str], out: list[str]) -> float:
        """See `Node.draw`."""
        log_probability = 0.0
        if self.variable not in env:
            if self.node is None:
                raise KeyError(f"{self.variable!r} is mentioned before it is bound")
            inner: list[str] = []
            log_probability = self.node.draw(rng, env, inner)
            env[self.variable] = "".join(inner)
        value = env[self.variable]
        out.append(capital(value) if self._capitalise else value)
        return log_probability

    def parse(self, text: str, at: int, env: Bindings) -> Parses:
        """See `Node.parse`."""
        value = lookup(env, self.variable)
        if value is not None:
            value = capital(value) if self._capitalise else value
            return {(at + len(value), env): 1.0} if text.startswith(value, at) else {}
        if self.node is None or self._capitalise:  # a capitalised first mention would hide what was bound
            return {}
        found: Parses = {}
        for (end, bound), probability in self.node.parse(text, at, env).items():
            state = (end, tuple(sorted((*bound, (self.variable, text[at:end])))))
            found[state] = found.get(state, 0.0) + probability
        return found

    def capitalised(self) -> Node:
        """See `Node.capitalised`."""
        return Once(self.variable, self.node, capitalise=True)


class Kept(Node):
    """``node``, drawn again until ``keep`` accepts the text; probabilities are conditioned on that.

    Attributes:
        share: probability that ``keep`` accepts, exactly (see `state_distribution`).
    """

    def __init__(self, node: Node, keep: Callable[[str], bool], share: float) -> None:
        self.node, self.keep, self.share = node, keep, share

    def draw(self, rng: random.Random, env: dict[str, str], out: list[str]) -> float:
        """See `Node.draw`."""
        while True:
            inner: list[str] = []
            log_probability = self.node.draw(rng, env, inner)
            text = "".join(inner)
            if self.keep(text):
                out.append(text)
                return log_probability - math.log(self.share)

    def parse(self, text: str, at: int, env: Bindings) -> Parses:
        """See `Node.parse`."""
        parses = self.node.parse(text, at, env).items()
        return {state: p / self.share for state, p in parses if self.keep(text[at : state[0]])}

    def capitalised(self) -> Node:
        """See `Node.capitalised`."""
        raise NotImplementedError("a filtered node is not capitalised: its filter would see another text")


def state_distribution(node: Node, step: Callable[[int, str], int], start: int = 0) -> dict[int, float]:
    """Distribution of the state of a finite automaton that has read what ``node`` writes, exactly.

    Args:
        node: made of `Literal`, `Choice` and `Chain` alone.
        step: the automaton: maps a state and a text to the next state.
        start: the state before the first character.
    """
    if isinstance(node, Literal):
        return {step(start, node.text): 1.0}
    found: dict[int, float] = {}
    if isinstance(node, Choice):
        for option, share in zip(node.options, node.shares, strict=True):
            for state, p in state_distribution(option, step, start).items():
                found[state] = found.get(state, 0.0) + share * p
        return found
    if not isinstance(node, Chain):
        raise TypeError(f"{type(node).__name__} has no finite distribution of states")
    found = {start: 1.0}
    for part in node.parts:
        following: dict[int, float] = {}
        for state, mass in found.items():
            for after, p in state_distribution(part, step, state).items():
                following[after] = following.get(after, 0.0) + mass * p
        found = following
    return found


Rules = Mapping[str, Node]


def template(text: str, rules: Rules) -> Node:
    """A node from ``text`` with slots: ``{slot}`` is the rule of that name, ``{^slot}`` the same with a capital."""
    parts: list[Node] = []
    for index, piece in enumerate(re.split(r"\{(\^?\w+)\}", text)):
        if index % 2 == 0:
            if piece:
                parts.append(Literal(piece))
            continue
        rule = rules[piece.lstrip("^")]
        parts.append(rule.capitalised() if piece.startswith("^") else rule)
    return parts[0] if len(parts) == 1 else Chain(parts)


def one_of(texts: Sequence[str], rules: Rules | None = None) -> Choice:
    """A choice of templates with equal weights."""
    return Choice([template(text, rules or {}) for text in texts])


def log_probability(node: Node, text: str, env: Mapping[str, str] | None = None) -> float:
    """Exact log-probability, in nats, that ``node`` writes the whole of ``text``; -inf where it cannot."""
    start: Bindings = tuple(sorted((env or {}).items()))
    total = sum(p for (end, _), p in node.parse(text, 0, start).items() if end == len(text))
    return math.log(total) if total > 0 else -math.inf
