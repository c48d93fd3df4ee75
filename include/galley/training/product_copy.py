"""Product copy written by a grammar, with the exact probability of every text.

A document is a prompt and its copy on one line::

    Product: Velorin Peak, trail running shoe | Audience: busy nurses | Tone: bold | Channel: ad | Copy: Dare to meet …

The product field has three forms: a name and what it is, a name alone, or a name that ends in what it is ("Velorin Desk
Lamp"). ``| Channel: …`` may be left out, which means an ad. The copy names the product verbatim at least once and
speaks in the asked tone: it has words of that tone's lexicon and of no other's.

Names are composed of syllables and words, so that there are millions. Those whose first word has the rolling hash 0
(of `HASH_CLASSES`) are held out: they are never in the training set, neither in copy nor in dialogues. The hash is a
finite automaton, so that the share of held-out names, and every probability given "held out" or "not", is exact.
"""

from __future__ import annotations

import functools
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from galley.training.grammar import (
    Chain,
    Choice,
    Kept,
    Literal,
    Node,
    Once,
    log_probability,
    lookup,
    one_of,
    state_distribution,
    template,
)
from galley.training.product_words import (
    AUDIENCE_MODIFIERS,
    AUDIENCES,
    CODAS,
    FAMILIES,
    NAME_ENDINGS,
    NAME_LINES,
    NAME_WORDS,
    NUCLEI,
    ONSETS,
    TONES,
    Family,
    Tone,
)

CHANNELS = ("headline", "ad", "product page", "email subject")
DEFAULT_CHANNEL = "ad"
HASH_CLASSES = 17
"""One in about so many names (by the hash of the first word) is held out of training for good."""

FAMILY_OF_NOUN = {noun: key for key, family in FAMILIES.items() for noun in family.nouns if key != "anything"}


@dataclass(frozen=True)
class Brief:
    """What one piece of copy is asked for.

    Attributes:
        product: the whole product field of the prompt.
        name: the product's name, which the copy must repeat verbatim.
        noun: what the product is, or "" where the prompt does not say.
        audience: whom the copy speaks to, in the plural.
        tone: a key of `TONES`.
        channel: one of `CHANNELS`.
        prompt: the prompt, up to and including ``Copy:``.
    """

    product: str
    name: str
    noun: str
    audience: str
    tone: str
    channel: str
    prompt: str


@dataclass(frozen=True)
class Document:
    """One sampled document.

    Attributes:
        brief: what was asked.
        copy: the text after the prompt, with its leading space.
        prompt_log_probability: of the derivation of the prompt, nats.
        copy_log_probability: of the derivation of the copy given the prompt, nats.
    """

    brief: Brief
    copy: str
    prompt_log_probability: float
    copy_log_probability: float

    @property
    def text(self) -> str:
        """The whole line."""
        return self.brief.prompt + self.copy


HEADLINES = (
    "{hook} {name}: the {adjective} {noun} for {audience}",
    "{name}, the {adjective} {noun} with {feature}",
    "{hook} {name}, the {adjective} {noun} that {benefit}",
    "The {adjective} {noun} {audience} asked for: {name}",
    "{name}: {adjective} by design, at its best {moment}",
    "{^audience}, meet your {adjective} {noun}: {name}",
    "{^moment}, one {adjective} {noun}: {name}",
    "{name} {benefit} {moment}. {claim}",
    "{claim} {name} {benefit} {moment}.",
)
ADS = (
    "{hook} {name}, the {adjective} {noun} for {audience}. It {benefit}, thanks to {feature}. {closer}",
    "{claim} {name} pairs {featureA} with {featureB} and {benefit} {moment}. {closer}",
    "{^audience} know the feeling {moment}. {name} {benefit}, and it has {feature}. {claim} {closer}",
    "Made for {audience}: {name}, the {adjective} {noun} that {benefit}. {closer}",
    "{name} {benefit1} and {benefit2}. {claim} {closer}",
    "What do {audience} need {moment}? One {adjective} {noun} with {feature}. {hook} {name}. {closer}",
    "{^feature}, {featureless}. {hook} {name}, made {adjective} for {audience}. {closer}",
    "We asked {audience} what was missing {moment}. They said one {adjective} {noun}. So we made {name}. {closer}",
)
EMAIL_SUBJECTS = (
    "{subject}: {name} {benefit} {moment}",
    "{subject}: {name} is here for {audience}",
    "{subject}, {audience}: the {adjective} {noun} {name} is back",
    "{subject}: {percent} off {name} for {audience} until {weekday}",
    "{subject}: your {adjective} {noun} {name} ships on {weekday}",
    "{subject}: {name}, now with {feature}",
    "{subject}: {audience}, your {weekday} needs {name}",
    "{subject}: why {audience} take {name} along {moment}",
)
PAGES = ("{opening} {body} {details} {voice}{closer}",)
PARTS = {
    "opening": (
        "{hook} {name}.",
        "{hook} {name}, the {adjective} {noun} for {audience}.",
        "{name} is the {adjective} {noun} that {audience} keep recommending.",
        "{^audience} deserve better {moment}, so here is {name}.",
    ),
    "body": (
        "It {benefit1} and {benefit2}. {claim}",
        "{claim} Made with {audience} in mind, this {adjective} {noun} {benefit}.",
        "{^moment} it {benefit1}; the rest of the week it {benefit2}.",
        "Why {audience} choose it: it {benefit}. {claim}",
        "Take {name} along {moment} and you will notice that it {benefit}.",
    ),
    "details": (
        "• {^featureA} • {^featureB} • {^featureC} •",
        "You get {featureA}, {featureB} and {featureC}.",
        "In the box: {name}, {feature} and a guarantee of {years} years.",
        "Details: {featureB}; {featureC}; from {price} euros.",
    ),
    "voice": (
        "",
        "“{^adjective}, and it {benefit},” writes {person} from {city}. ",
        "{person} in {city} gave it {stars} stars. ",
    ),
}
PERCENT = ("10%", "15%", "20%", "25%", "30%", "40%")
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEARS = ("two", "three", "five", "seven", "ten", "twenty-five")
STARS = ("four", "four and a half", "five")
PRICES = ("9", "12", "15", "19", "24", "29", "35", "39", "45", "59", "69", "79", "89", "99", "119", "149", "199", "249")
PEOPLE = (
    *("Amara", "Ines", "Jonas", "Priya", "Mateo", "Yuki", "Lena", "Omar", "Freya", "Tomas"),
    *("Zanele", "Hugo", "Mei", "Noor", "Silas", "Greta", "Ravi", "Elif", "Paulo", "Astrid"),
)
CITIES = (
    *("Lisbon", "Oslo", "Leeds", "Nairobi", "Lyon", "Osaka", "Ghent", "Quito"),
    *("Tallinn", "Austin", "Perth", "Krakow", "Turin", "Accra", "Bergen", "Malmo"),
)
FEATURELESS = (
    "and that is only the start",
    "because details matter",
    "as it should be",
    "no matter the season",
    "and a fair price",
    "at last",
)


def _hash(state: int, text: str) -> int:
    for byte in text.encode():
        state = (state * 3 + byte) % HASH_CLASSES
    return state


def is_held_out(name: str) -> bool:
    """Whether a product of this name is kept out of training for good (by its first word)."""
    return _hash(0, name.split(" ")[0]) == 0


@functools.cache
def brand_grammar(held_out: bool | None = None) -> Node:
    """The first word of a name: "Velorin", "Cloudnest", "Ember"; held-out ones, the others, or (None) both."""
    syllables = {
        "on": one_of(ONSETS),
        "nu": one_of(NUCLEI),
        "co": Choice([Literal(coda) for coda in CODAS], [4.0, *[1.0] * (len(CODAS) - 1)]),
    }
    spoken = [template(form, syllables) for form in ("{^on}{nu}{on}{nu}{co}", "{^on}{nu}{on}{nu}{on}{nu}{co}")]
    compound = Chain([one_of(NAME_WORDS), one_of(NAME_ENDINGS)])
    brand = Choice([Choice(spoken, (0.6, 0.4)), compound, one_of(NAME_WORDS)], (0.7, 0.22, 0.08))
    if held_out is None:
        return brand
    share = state_distribution(brand, _hash)[0]
    return Kept(brand, lambda text: is_held_out(text) == held_out, share if held_out else 1 - share)


@functools.cache
def name_grammar(held_out: bool | None = None) -> Node:
    """Names: "Velorin", "Cloudnest Peak", "Ember 7", "Trasky Pro 12", "Fenoa X3"."""
    number = one_of([str(n) for n in range(2, 100)])
    parts: dict[str, Node] = {"brand": brand_grammar(held_out), "line": one_of(NAME_LINES), "number": number}
    forms = ("{brand}", "{brand} {line}", "{brand} {number}", "{brand} {line} {number}", "{brand} X{number}")
    return Choice([template(form, parts) for form in forms], (0.4, 0.3, 0.12, 0.1, 0.08))


def _titled(noun: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in noun.split(" "))


TITLES = {_titled(noun): noun for noun in FAMILY_OF_NOUN}


@functools.cache
def prompt_grammar(held_out: bool | None = None) -> Node:
    """The prompt, binding ``name``, ``noun`` (where given), ``audience``, ``tone`` and ``channel`` (where given)."""
    name = Once("name", name_grammar(held_out))
    title = Chain([brand_grammar(held_out), Literal(" "), one_of(tuple(TITLES))])
    product = Choice(
        [
            Chain([name, Literal(", "), Once("noun", one_of(tuple(FAMILY_OF_NOUN)))]),
            name,
            Once("name", title),
        ],
        (0.55, 0.2, 0.25),
    )
    audience = Choice(
        [one_of(AUDIENCES), Chain([one_of(AUDIENCE_MODIFIERS), Literal(" "), one_of(AUDIENCES)])], (0.3, 0.7)
    )
    channel = Choice([Chain([Literal(" | Channel: "), Once("channel", one_of(CHANNELS))]), Literal("")], (0.85, 0.15))
    rules: dict[str, Node] = {
        "product": product,
        "audience": Once("audience", audience),
        "tone": Once("tone", one_of(tuple(TONES))),
        "channel": channel,
    }
    return template("Product: {product} | Audience: {audience} | Tone: {tone}{channel} | Copy:", rules)


@functools.cache
def copy_grammar(family: str, named_noun: bool, tone: str, channel: str) -> Node:
    """The copy for one family of products, tone and channel; ``name``, ``audience`` (and ``noun``) must be bound."""
    words, voice = FAMILIES[family], TONES[tone]
    rules = _rules(words, voice, named_noun)
    for part, forms in PARTS.items():
        rules[part] = one_of(forms, rules)
    forms = {"headline": HEADLINES, "ad": ADS, "email subject": EMAIL_SUBJECTS, "product page": PAGES}[channel]
    return Chain([Literal(" "), one_of(forms, rules)])


def _rules(words: Family, voice: Tone, named_noun: bool) -> dict[str, Node]:
    rules: dict[str, Node] = {
        "name": Once("name"),
        "audience": Once("audience"),
        "noun": Once("noun") if named_noun else one_of(words.nouns),
        "feature": one_of(words.features),
        "benefit": one_of(words.benefits),
        "benefit1": one_of(words.benefits[:4]),
        "benefit2": one_of(words.benefits[4:]),
        "moment": one_of(words.moments),
        "hook": one_of(voice.hooks),
        "adjective": one_of(voice.adjectives),
        "claim": one_of(voice.claims),
        "closer": one_of(voice.closers),
        "subject": one_of(voice.subjects),
    }
    for index, letter in enumerate("ABC"):
        rules[f"feature{letter}"] = one_of(words.features[3 * index : 3 * index + 3])
    plain = {
        "percent": PERCENT,
        "weekday": WEEKDAYS,
        "years": YEARS,
        "stars": STARS,
        "price": PRICES,
        "person": PEOPLE,
        "city": CITIES,
        "featureless": FEATURELESS,
    }
    return rules | {key: one_of(tuple(values)) for key, values in plain.items()}


def _brief(prompt: str, env: dict[str, str]) -> Brief:
    name, noun = env["name"], env.get("noun", "")
    noun = noun or next((TITLES[title] for title in TITLES if name.endswith(" " + title)), "")
    return Brief(
        product=prompt[len("Product: ") : prompt.index(" | Audience: ")],
        name=name,
        noun=noun,
        audience=env["audience"],
        tone=env["tone"],
        channel=env.get("channel", DEFAULT_CHANNEL),
        prompt=prompt,
    )


def _copy_grammar_of(brief: Brief) -> tuple[Node, dict[str, str]]:
    env = {"name": brief.name, "audience": brief.audience} | ({"noun": brief.noun} if brief.noun else {})
    family = FAMILY_OF_NOUN[brief.noun] if brief.noun else "anything"
    return copy_grammar(family, bool(brief.noun), brief.tone, brief.channel), env


def sample(rng: random.Random, *, held_out: bool | None = False) -> Document:
    """One document.

    Args:
        rng: the source of chance; the document depends on its state alone.
        held_out: True for a name that training never sees, False for one that it may see, None for either.
    """
    env: dict[str, str] = {}
    out: list[str] = []
    prompt_logp = prompt_grammar(held_out).draw(rng, env, out)
    brief = _brief("".join(out), env)
    grammar, bound = _copy_grammar_of(brief)
    words: list[str] = []
    copy_logp = grammar.draw(rng, bound, words)
    return Document(brief, "".join(words), prompt_logp, copy_logp)


def documents(seed: int, chunk: int, count: int, *, held_out: bool | None = False) -> Iterator[Document]:
    """``count`` documents that depend on (seed, chunk) alone."""
    rng = random.Random(f"product copy/{seed}/{chunk}/{held_out}")
    for _ in range(count):
        yield sample(rng, held_out=held_out)


def read_prompt(text: str, *, held_out: bool | None = False) -> tuple[Brief, float] | None:
    """The brief that ``text`` begins with and the exact log-probability (nats) of its prompt; None where impossible.

    The probability is that under `sample` with the same ``held_out``.
    """
    end = text.find(" | Copy:")
    if end < 0:
        return None
    prompt = text[: end + len(" | Copy:")]
    parses = {state: p for state, p in prompt_grammar(held_out).parse(prompt, 0, ()).items() if state[0] == len(prompt)}
    if not parses:
        return None
    bindings = max(parses, key=parses.__getitem__)[1]
    env = {key: value for key in ("name", "noun", "audience", "tone", "channel") if (value := lookup(bindings, key))}
    return _brief(prompt, env), math.log(sum(parses.values()))


def copy_log_probability(brief: Brief, copy: str) -> float:
    """Exact log-probability (nats) of ``copy``, its leading space included, given the brief; -inf where impossible."""
    grammar, env = _copy_grammar_of(brief)
    return log_probability(grammar, copy, env)


def tone_words(copy: str, *, name: str = "", audience: str = "") -> dict[str, int]:
    """How many words of each tone's lexicon ``copy`` has, the product's name and audience left aside."""
    for aside in filter(None, (name, audience, audience[:1].upper() + audience[1:])):
        copy = copy.replace(aside, " ")
    words = re.findall(r"[a-z]+", copy.lower())
    return {key: sum(word in tone.lexicon for word in words) for key, tone in TONES.items()}


def tone_of(copy: str, *, name: str = "", audience: str = "") -> str | None:
    """The one tone whose words ``copy`` has, or None where it has none or words of several."""
    found = [tone for tone, count in tone_words(copy, name=name, audience=audience).items() if count]
    return found[0] if len(found) == 1 else None


def masked(copy: str, name: str) -> str:
    """``copy`` with the product's name taken out: what is compared with the training set for verbatim repetition."""
    return copy.replace(name, "{name}").strip()
