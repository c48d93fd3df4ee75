"""Ordinary sentences with slots (product copy, picture prompts, dialogue, everyday talk), and what goes around any."""

from __future__ import annotations

ORDINARY: dict[str, str] = {
    "product copy": """
meet the {product}: {nice}, {nice} and {does} {audience}
the {product} {benefit}
{product}: {goodthing} {does} {audience}
introducing {product}, the {nice} {goodthing} that {benefit}
{product} {benefit}, so you can enjoy {place}
say hello to the {product}
upgrade your {topic} with the {product}
why {audience} love the {product}
the {goodthing} that {benefit}
{nice}. {nice}. {product}.
your new favourite {goodthing} is here
only {time}: {number} % off the {product}
{first}, your {product} is waiting
last chance: {product} for {price}
subject: {product} is back, {nice} as ever
product: {product} | audience: {audience} | tone: {tone} | copy:
product: {product} | audience: {audience} | tone: {tone} | copy: meet the {nice} {goodthing} that {benefit}
{does} {audience}, the {product} {benefit}
the {product} is {nice} in the hand and {nice} to the eye. it {benefit}
we made the {product} {nice} on purpose
tired of a {nice} {goodthing} that fails? try {product}
{product} for {audience}: {nice}, {nice}, ready
free delivery on every {goodthing} {time}
because {audience} deserve a {goodthing} that {benefit}
buy the {product} now and save {number} %
write a {tone} headline for the {product}
write {number} words about a {nice} {goodthing} for {audience}
a {goodthing} so {nice}, you will forget you carry it
killer deals on every {goodthing} {time}
wickedly {nice}: the {product}
a sinfully {nice} {goodthing} to die for
drop-dead gorgeous, dangerously {nice}: the {product}
order the {product} today, love it tomorrow
the {product} comes in {colour}, {colour} and {colour}
crafted from {nice} materials, the {product} {benefit}
""",
    "image prompt": """
a {size} {colour} {shape} {relation} a {size} {colour} {shape} on a {colour} background
a {colour} {shape} {where} on a {colour} background
{size} {colour} {shape} {where}, {colour} background
a {colour} {shape} and a {colour} {shape} on {colour}
a {size} {shape}, {colour}, {where}
one {colour} {shape} {relation} one {colour} {shape}
a drawing of a {colour} {shape} {relation} a {colour} {shape}
a {colour} to {colour} gradient behind a {size} {colour} {shape}
{scene}, {style}, {style}
{scene} in {place}, {style}
portrait of {scene}, {style}, {style}, {style}
{style} of {scene}
{scene}
{flaw}, {flaw}, {flaw}, {flaw}
{flaw}, {flaw}
product photo of a {colour} {goodthing} on a {colour} table, {style}
a {colour} {goodthing}, {style}, {style}
banner with a {colour} {shape} and the words {product}
a {nice} {goodthing} next to a {colour} {shape}, {style}
illustration of {scene} with a {colour} sky
a {size} {colour} {shape} on a ground fading from {colour} at the top to {colour} at the bottom
a {colour} {shape} on a background fading from {colour} to {colour}
poster with a {size} {colour} {shape} {relation} a {colour} {shape}
a simple illustration of a {size} {colour} {shape} {where}
an image of a {colour} {shape}, {colour} backdrop
a {shape} in {colour} in the corner, a {size} {shape} in {colour} below it
two shapes: a {colour} {shape} and a {size} {colour} {shape}
red cross on a white background
a {colour} {shape} on a plain {colour} ground
""",
    "dialogue": """
{problem}, can you help?
user: {problem}
assistant: {answer}
user: {problem} assistant: {answer}
user: hi, {problem}. assistant: {answer}. user: thank you
hello, {problem}
{answer}
{answer}, {answer}
where is my order {number}?
i would like to return the {product}
how much is the {goodthing}?
do you have the {goodthing} in {colour}?
can i change the delivery address {time}?
thanks, that solved it
please cancel my subscription {time}
what are your opening hours {time}?
my order number is {number}
it still does not work, {problem}
ok, i will wait until {time}
great, have a {nice} day
is the {product} available in {place}?
i want to speak to a {role}
how do i update the {thing}?
""",
    "everyday": """
the {topic} starts {time}
we went to {place} {time}
{first} is a {good} {goods}
you are a {good} {goods}
you are {good}
you're so {good}
thank you, {first}, you are {good}
what a {good} {goods} you are
{they} is {good} and {good}
i like the {nice} {thing}
the {role} bought a {goodthing} in {place}
can you send me the {topic} {time}?
i love {place} in {spring}
the {topic} in {place} was {nice}
my {role} and i talked about the {topic}
it rains in {place} {time}
yes
no
ok
hello
thanks
good morning
see you {time}
{number}
{price}
{topic}
{goodthing}
{nice}
{place}
{first}
let's meet at {place} {time}
all {roles} are {good}
{roles} in {place} met {time} to talk about the {topic}
in {number}, the {topic} of {place} was built by {roles}
how far is {place} from here?
see you at {place}
see you later
see you at {place} {time}
i'll see you at {place}
hope to see you {time}
nice to see you
we will see you {time}
see you then
good to see {first}
read chapter {number} of the book about the {topic}
the {topic} has {number} pages and a {colour} cover
{first} will {do} the {topic} {time}
please {do} the {topic} and tell {first}
i will {do} the {thing} {time}
i'm going to {do} the {topic} with {first}
you should {do} the {thing}
somebody should {do} the {thing}
if you {do} the {topic}, i will {do} the {thing}
did you see the {topic}? so {good}
are you {good} at {game}?
wait a minute
can't wait for the {topic}
the {colour} {goodthing} is {nice}
we played {game} with the {roles}
what do you think about the {topic}?
i hope you have a {nice} day
i hope you get the job
i hope {they} wins
i want to see {place}
i know where the {thing} is
you will be (happy|late|home) {time}
""",
}

LEADS = """well, / so, / honestly, / look, / hey {first}, / ok, / listen, / btw / and / @{first} / {first}, / i think /
i'd say / as i said, / by the way, / trust me, / to be honest, / frankly, / oh, / ah, / hm, / yes, / no, / hi, / fyi /
in short, / once more: / seriously, / for the record, / dear {first}, / wow, / sorry, but / you know, / i mean, /
anyway, / but / also, / finally, / news: / subject: / re: / p.s. / today: / 1. / - / * / >"""
"""Openings that change no label."""

TRAILS = """, {first} / lol / haha / , ok? / , right? / btw / , thanks / :) / , you know / , really / , i guess /
, to be honest / , full stop / - {first} / {time} / , that's all / , as always / #{topic} / ... / , for real /
, in {place} / , sigh / omg / , no joke / , believe me / , end of story"""
"""Endings that change no label."""

PARAPHRASES: dict[str, tuple[str, ...]] = {
    phrase: tuple(others.split("|"))
    for phrase, others in (
        ("i will", "i'll|i am going to|i'm going to|i'm gonna|i shall"),
        ("i'm going to", "i will|i'll|i am gonna|im going to"),
        ("you are", "you're|ur|u are|you r|youre"),
        ("you're", "you are|ur|youre"),
        ("don't", "do not|dont"),
        ("won't", "will not|wont"),
        ("can't", "cannot|can not|cant"),
        ("isn't", "is not|isnt"),
        ("is not", "isn't|is by no means"),
        ("are not", "aren't|are by no means"),
        ("nobody", "no one|not one person"),
        ("somebody", "someone|anybody|one of you"),
        ("someone", "somebody"),
        ("should be", "ought to be|must be|need to be|has to be"),
        ("should", "ought to|must|had better"),
        ("want to", "wanna|would like to|wish to"),
        ("because", "since|cause|as"),
        ("really", "truly|actually|very much"),
        ("never", "not ever|at no time"),
        ("this", "that|the"),
        ("the", "this|that|our"),
        ("my", "our|the|his"),
        ("you", "u|ya"),
        ("and", "&|and also|as well as"),
        ("people", "folks|persons|ppl"),
        ("look", "seem|appear"),
        ("is", "was|really is|is still"),
        ("are", "were|really are|are still"),
    )
}
"""Phrases and others that may take their place without changing a label; applied to harmless and toxic text alike."""
