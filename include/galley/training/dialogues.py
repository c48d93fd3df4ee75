"""Short support dialogues written by a grammar, with an intent per turn and the exact probability of every text.

A document is lines that alternate between ``User: …`` and ``Assistant: …``, each ended by a newline. Intents follow a
Markov chain (`STATES`); an order number, a product or a feature that was mentioned once stays the same
afterwards. An assistant's
turn carries the intent that it answers.
"""

from __future__ import annotations

import functools
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from galley.training.grammar import Bindings, Chain, Choice, Literal, Node, Once, one_of
from galley.training.product_copy import name_grammar
from galley.training.product_words import FAMILIES


@dataclass(frozen=True)
class Turn:
    """One turn of a dialogue.

    Attributes:
        role: ``user`` or ``assistant``.
        text: what was said, without the speaker's label.
        intent: one of `INTENTS`: what the user wants, or what the assistant answers.
    """

    role: str
    text: str
    intent: str


@dataclass(frozen=True)
class Dialogue:
    """One sampled dialogue.

    Attributes:
        turns: user and assistant in turn.
        log_probability: of its derivation, nats.
    """

    turns: tuple[Turn, ...]
    log_probability: float

    @property
    def text(self) -> str:
        """The dialogue as the model sees it."""
        return "".join(f"{turn.role.capitalize()}: {turn.text}\n" for turn in self.turns)


@dataclass(frozen=True)
class State:
    """One exchange (a user's turn and the reply) of the Markov chain over intents.

    Attributes:
        intent: the label of both turns.
        user: templates of the user's turn.
        assistant: templates of the reply.
        then: next states with their weights; ``end`` ends the dialogue.
    """

    intent: str
    user: tuple[str, ...]
    assistant: tuple[str, ...]
    then: dict[str, float]


TOPICS = {
    "order_status": 3.0,
    "refund": 2.0,
    "shipping": 2.0,
    "product_question": 2.0,
    "complaint": 1.5,
    "cancel_order": 1.0,
    "change_address": 1.0,
    "discount": 1.0,
    "human_handoff": 1.0,
}
AFTER_TOPIC = {"end": 3.0, "thanks": 5.0} | {topic: 0.25 * weight for topic, weight in TOPICS.items()}
START = {"greeting": 5.0, "order_status_unnumbered": 2.0} | TOPICS

STATES: dict[str, State] = {
    "greeting": State(
        "greeting",
        (
            "Hi!",
            "Hello",
            "Hi there",
            "Hey, is anyone there?",
            "Good morning",
            "Good evening",
            "Hello, I have a question.",
        ),
        (
            "Hello! How can I help you today?",
            "Hi, and welcome. What can I do for you?",
            "Hi there! Is it about an order or a product?",
            "Good to hear from you. How can I help?",
        ),
        {"order_status_unnumbered": 2.0} | TOPICS,
    ),
    "order_status": State(
        "order_status",
        (
            "Where is my order #{order}?",
            "Can you check order #{order} for me?",
            "Has order #{order} been sent yet?",
            "I ordered {product} and have not heard anything. The number is #{order}.",
            "Any news on my {product}? It is order #{order}.",
            "What is the status of #{order}?",
        ),
        (
            "Order #{order} left our warehouse on {day} and should arrive {soon}.",
            "I checked: #{order} is being packed and ships on {day}.",
            "Order #{order} is with {carrier}. They plan to deliver it {soon}.",
            "It looks as if #{order} was delayed by {delay}. The new date is {day}.",
        ),
        AFTER_TOPIC,
    ),
    "order_status_unnumbered": State(
        "order_status",
        (
            "Where is my order?",
            "When will my order arrive?",
            "I am still waiting for my parcel.",
            "Can you track my order?",
        ),
        (
            "I am happy to check. What is your order number?",
            "Let me look. Could you give me the order number?",
            "Of course. The order number is in your confirmation mail, could you send it?",
        ),
        {"order_number": 1.0},
    ),
    "order_number": State(
        "order_number",
        ("It is #{order}.", "#{order}", "The number is #{order}.", "Sure, #{order}"),
        (
            "Thank you. Order #{order} ships on {day} and should arrive {soon}.",
            "Found it: #{order} is with {carrier} and will be there {soon}.",
            "Thanks! #{order} was held up by {delay}; the new date is {day}.",
        ),
        AFTER_TOPIC,
    ),
    "refund": State(
        "refund",
        (
            "I would like a refund for order #{order}.",
            "How do I return my {product}?",
            "Can I get my money back for {product}? {reason}",
            "I want to send order #{order} back. {reason}",
            "How long does a refund take?",
        ),
        (
            "You can return it within {days} days. I have sent a label to your e-mail address.",
            "I am sorry it did not work out. The refund will be on your account in {days} days.",
            "No problem. Drop the parcel at any {carrier} point and we refund the full amount.",
            "Done. Your refund was started today and takes up to {days} days.",
        ),
        AFTER_TOPIC,
    ),
    "shipping": State(
        "shipping",
        (
            "Do you ship to {country}?",
            "How much is shipping to {country}?",
            "How long does delivery to {country} take?",
            "Can you deliver {product} by {day}?",
            "Is express delivery possible?",
        ),
        (
            "Yes, it takes {days} days and costs {price} euros.",
            "We do. Delivery is with {carrier} and free above {threshold} euros.",
            "Express arrives the next working day for {price} euros.",
            "It usually takes {days} days with {carrier}.",
        ),
        AFTER_TOPIC,
    ),
    "product_question": State(
        "product_question",
        (
            "Is {product} {property}?",
            "I have a question about {product}. Is it {property}?",
            "Does {product} come with {feature}?",
            "Is the {noun} {property}?",
            "What is the difference between {product} and your other {noun}?",
        ),
        (
            "Yes, it is, and it comes with a guarantee of {days} months.",
            "It has everything you need for that, so I would say yes.",
            "Not quite, but our {noun} in the {season} range is.",
            "Good question. It comes with {feature} and costs {threshold} euros.",
            "I am not certain. I will ask the workshop and write to you on {day}.",
        ),
        AFTER_TOPIC,
    ),
    "complaint": State(
        "complaint",
        (
            "My {product} arrived broken.",
            "This is the second time that something is missing from my parcel.",
            "I am really unhappy with {product}. {reason}",
            "Order #{order} came with the wrong {noun}.",
            "Nobody answered my last mail about #{order}.",
        ),
        (
            "I am very sorry about that. A replacement leaves on {day}.",
            "That should not have happened. Would you like a replacement or your money back?",
            "I apologise. I have added a credit of {price} euros to your account.",
            "I understand that this is annoying. Could you send us a photo?",
        ),
        AFTER_TOPIC,
    ),
    "cancel_order": State(
        "cancel_order",
        (
            "Please cancel order #{order}.",
            "Can I still cancel #{order}?",
            "I ordered {product} twice by mistake. Please cancel one.",
            "I do not need {product} any more. Can you cancel it?",
        ),
        (
            "Done, it is cancelled. You will not be charged.",
            "It has not been packed yet, so I could cancel it for you.",
            "I am afraid it has left already. You can return it within {days} days.",
        ),
        AFTER_TOPIC,
    ),
    "change_address": State(
        "change_address",
        (
            "I moved. Can you change the address of order #{order}?",
            "Please send #{order} to my new address in {city}.",
            "How do I change my delivery address?",
            "Can my {product} go to my office in {city}?",
        ),
        (
            "Certainly. Please reply with the new street and postcode.",
            "You can change it under Account, Addresses until the parcel is packed.",
            "I have changed it and sent you a confirmation.",
        ),
        AFTER_TOPIC,
    ),
    "discount": State(
        "discount",
        (
            "Do you have a discount code?",
            "My discount code does not work.",
            "Is {product} on sale soon?",
            "Is there a discount for students?",
        ),
        (
            "The code {code}{percent} takes {percent} percent off until {day}.",
            "Our {season} sale starts on {day}.",
            "Please try it again without spaces, it is valid until {day}.",
        ),
        AFTER_TOPIC,
    ),
    "human_handoff": State(
        "human_handoff",
        (
            "I want to talk to a person.",
            "Can I speak to a human, please?",
            "Please connect me with someone from the team.",
            "Is there a phone number I can call?",
        ),
        (
            "Of course. I am connecting you with {person} from our team.",
            "Sure, {person} will call you back {soon}.",
            "You are number {queue} in the queue. {person} will be with you shortly.",
        ),
        {"end": 3.0, "thanks": 2.0},
    ),
    "thanks": State(
        "thanks",
        (
            "Thank you!",
            "Great, thanks.",
            "Perfect, that was quick.",
            "Thanks for your help!",
            "OK, thank you {person}.",
        ),
        (
            "You are welcome! Have a good day.",
            "Glad I could help.",
            "Any time. Enjoy the rest of your {day}.",
            "My pleasure. Is there anything else?",
        ),
        {"end": 8.0} | {topic: 0.15 * weight for topic, weight in TOPICS.items()},
    ),
}
INTENTS = tuple(dict.fromkeys(state.intent for state in STATES.values()))
"""Every label that a turn can have."""

_SLOTS: dict[str, tuple[str, ...]] = {
    "day": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    "soon": ("tomorrow", "by noon", "this week", "within three days", "on the weekend", "this afternoon"),
    "carrier": ("BlueVan", "Parcel & Sons", "SwiftPost", "Northline"),
    "delay": ("a storm", "a strike", "a missing house number", "customs", "a full depot"),
    "reason": (
        "It does not fit.",
        "It broke after a week.",
        "The colour is different.",
        "I found another one.",
        "It is too loud.",
    ),
    "days": ("two", "three", "five", "seven", "ten", "fourteen", "thirty"),
    "country": ("Norway", "Spain", "Japan", "Canada", "Chile", "Kenya", "Poland", "Ireland", "Portugal", "Estonia"),
    "price": ("3", "4", "5", "6", "8", "9", "12", "15"),
    "threshold": ("29", "39", "49", "59", "79", "99"),
    "property": (
        "waterproof",
        "vegan",
        "safe for children",
        "easy to repair",
        "back in stock",
        "available in green",
        "very heavy",
    ),
    "season": ("spring", "summer", "autumn", "winter"),
    "city": ("Lisbon", "Oslo", "Leeds", "Lyon", "Osaka", "Ghent", "Turin", "Bergen"),
    "code": ("SAVE", "HELLO", "EXTRA", "SUNNY"),
    "percent": ("5", "10", "15", "20"),
    "person": ("Amara", "Jonas", "Priya", "Mateo", "Lena", "Omar", "Freya", "Hugo"),
    "queue": ("two", "three", "four", "five"),
}


@functools.cache
def _rules() -> dict[str, Node]:
    rules: dict[str, Node] = {slot: one_of(values) for slot, values in _SLOTS.items()}
    digit, first = one_of(tuple("0123456789")), one_of(tuple("123456789"))
    families = [family for key, family in FAMILIES.items() if key != "anything"]
    rules["order"] = Once("order", Chain([first, digit, digit, digit, digit]))
    rules["product"] = Once("product", name_grammar(held_out=False))
    rules["noun"] = Once("noun", one_of(tuple(noun for family in families for noun in family.nouns)))
    rules["feature"] = Once("feature", one_of(tuple(feature for family in families for feature in family.features)))
    return rules


@functools.cache
def _exchange(state: str) -> tuple[Node, Node]:
    """The user's and the assistant's line of a state, each with its label and newline."""
    return _line("User", STATES[state].user), _line("Assistant", STATES[state].assistant)


def _line(speaker: str, forms: tuple[str, ...]) -> Node:
    return Chain([Literal(f"{speaker}: "), one_of(forms, _rules()), Literal("\n")])


@functools.cache
def _next(state: str) -> tuple[tuple[str, ...], Choice]:
    weights = START if state == "start" else STATES[state].then
    return tuple(weights), Choice([Literal(following) for following in weights], tuple(weights.values()))


def sample(rng: random.Random) -> Dialogue:
    """One dialogue; it depends on the state of ``rng`` alone."""
    turns: list[Turn] = []
    env: dict[str, str] = {}
    state, total = "start", 0.0
    while True:
        out: list[str] = []
        total += _next(state)[1].draw(rng, {}, out)
        state = out[0]
        if state == "end":
            return Dialogue(tuple(turns), total)
        for role, node in zip(("user", "assistant"), _exchange(state), strict=True):
            line: list[str] = []
            total += node.draw(rng, env, line)
            turns.append(Turn(role, "".join(line[1:-1]), STATES[state].intent))


def documents(seed: int, chunk: int, count: int) -> Iterator[Dialogue]:
    """``count`` dialogues that depend on (seed, chunk) alone."""
    rng = random.Random(f"dialogues/{seed}/{chunk}")
    for _ in range(count):
        yield sample(rng)


def labelled_turns(seed: int, count: int) -> list[Turn]:
    """All turns of ``count`` dialogues, with their intents: data for training or testing an intent classifier."""
    return [turn for dialogue in documents(seed, 0, count) for turn in dialogue.turns]


def log_probability(text: str) -> float:
    """Exact log-probability (nats) of a whole dialogue, over all intents that can have written it; -inf where none can.

    The forward algorithm over (state, what is bound so far), one exchange at a time.
    """
    lines = re.findall(r"[^\n]*\n", text)
    if not lines or "".join(lines) != text or len(lines) % 2:
        return -math.inf
    alpha: dict[tuple[str, Bindings], float] = {("start", ()): 1.0}
    for user, assistant in zip(lines[::2], lines[1::2], strict=True):
        pair = user + assistant
        following: dict[tuple[str, Bindings], float] = {}
        for (state, env), mass in alpha.items():
            for name, share in _shares(state).items():
                if name == "end":
                    continue
                user_node, assistant_node = _exchange(name)
                for (at, bound), p in user_node.parse(pair, 0, env).items():
                    for (end, final), q in assistant_node.parse(pair, at, bound).items():
                        if end == len(pair):
                            key = (name, final)
                            following[key] = following.get(key, 0.0) + mass * share * p * q
        alpha = following
    total = sum(mass * _shares(state).get("end", 0.0) for (state, _), mass in alpha.items())
    return math.log(total) if total > 0 else -math.inf


def _shares(state: str) -> dict[str, float]:
    weights = START if state == "start" else STATES[state].then
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
