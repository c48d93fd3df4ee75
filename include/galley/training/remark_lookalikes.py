"""Harmless sentences that share words with abuse: quotations, denials, names, food, medicine, idioms, complaints …

Slots as in `remark_abuse`; ``{toxic}`` is a whole toxic sentence of the same split.
"""

from __future__ import annotations

NEAR_MISSES: dict[str, str] = {
    "negation": """
you are not (a|an) {insult}
you're not {vile}, you just need (time|practice|sleep)
nobody thinks you are {vile}
i never said you were a {insult}
i would never call you (a {insult}|{vile})
please don't call {first} a {insult}
stop calling people {insults}
{they} is not a {insult}, (just shy|only tired|he had a bad day)
i do not want to {harm} anyone
nobody is going to {harm} you
don't worry, i won't {harm} you
we would never {harm} our {roles}
nobody should be {harmed}
no one deserves to be {harmed}
{groups} are not {insults}
{groups} are not {vile}, that is a prejudice
it is wrong to say that {groups} are {vile}
not all {roles} are {insults}, most are {good}
i don't hate {groups}
i don't think {they} is {vile}, i think {they} is {good}
it isn't true that {groups} ruin everything
you don't have to be a {insult} to make this mistake
there are no {vile} questions
it would be wrong to {harm} a {role}
{first} isn't {vile} at all
never say that {groups} should be {harmed}
no one should be {harmed} for being {groupish}
nobody deserves to die
nobody deserves to be called a {insult}
i don't think you are {vile}
i don't hate you
i don't hate anybody
we don't hate {groups}, we love them
you are not the {insult} here, i am sorry
don't call yourself {vile}
never call a child {vile}
we do not call people {insults} here
he never called her a {insult}
there is no evidence that {groups} are {vile}
{groups} are no {insults}
{groups} are not a problem
{groups} are not a disease
{groups} are not to blame
{groups} are not criminals
no {role} should be {harmed} at work
it is a crime to {harm} a {role}
it is not ok to call someone {vile}
it is not funny to call {groups} {insults}
you can't just call people {insults}
please do not {harm} the animals
i could never {harm} anyone
they did not want to {harm} you
that does not make you {vile}
{first} is neither {vile} nor lazy
far from being {vile}, {they} is {good}
i was wrong to call you a {insult}, i am sorry
i apologise for calling you {vile}
""",
    "quote": """
"{toxic}", he wrote, and was banned
the user wrote "{toxic}" and the moderators removed it
she was told "{toxic}" and reported it
someone sprayed "{toxic}" on the wall, and the school has apologised
comments such as "{toxic}" are not allowed (here|on this page)
he was fined for saying "{toxic}"
the (letter|message|note) read: "{toxic}". police are investigating
example of a message we delete: "{toxic}"
in court the witness repeated the words "{toxic}"
please report posts like "{toxic}"
the sentence "{toxic}" breaks rule 3 of our community guidelines
my (son|daughter) heard "{toxic}" at school and cried
a reviewer should reject texts like "{toxic}"
in the novel the villain shouts "{toxic}" and the audience gasps
training example, label toxic: "{toxic}"
the first line of the play is "{toxic}"
the report quotes the message "{toxic}" as evidence
saying "{toxic}" to a {role} can cost you your job
the actor had to say "{toxic}" in the third scene
according to the newspaper the fan shouted "{toxic}" and left
she forgave the man who wrote "{toxic}" to her
we trained the filter to catch phrases like "{toxic}"
he shouted "{toxic}" and was asked to leave
someone wrote "{toxic}" under my photo, i blocked him
the caller said "{toxic}" and hung up
"{toxic}" is what the note said
"{toxic}" was the comment that got him suspended
the graffiti said "{toxic}"; it was removed {time}
what should i do when a pupil says "{toxic}"?
the screenshot shows the words "{toxic}"
i received an anonymous mail saying "{toxic}"
the judge read the message aloud: "{toxic}"
moderation log: removed "{toxic}"
her ex texted "{toxic}" and she went to the police
translate "{toxic}" into Spanish
the singer apologised for the line "{toxic}"
why is "{toxic}" offensive?
sentences like "{toxic}" hurt people
flagged by users: "{toxic}"
the study asked how people react to "{toxic}"
do not write "{toxic}" in your reviews
the protester's sign read "{toxic}", the mayor was shocked
they bullied him with messages like "{toxic}"
""",
    "meta": """
the word {insult} comes from an old (Greek|Latin|French) word
what does the word {swine} mean?
how do you translate {insult} into (French|German|Spanish)?
the filter blocks words such as {insult} and {swear}
is {swear} a swear word in (English|Australia)?
the term {insult} was once used in medicine
{insult} is a noun, {vile} is an adjective
write a story in which somebody is called a {insult}
our guidelines forbid calling users {insults}
words like {swear} are bleeped on television
how many times is {swear} said in the film?
synonyms of {vile}: {vile}, {vile}
crossword clue: another word for {insult}, five letters
define {insult}
{insult}: noun, an insult
the meaning of the word {insult}
how do you spell {insult}?
the word {swear} was bleeped
the song uses the word {swear} {number} times
a list of swear words: {swear}, {swine}, {swear}
avoid words like {insult} or {vile} in your copy
do not use {insult}, {swine} or {swear} in a headline
is it rude to say {swear}?
is {insult} an insult?
antonyms of {vile}: {good}, {good}
why do people say {swear}?
the filter flags {swear} and {insult}
the terms {insult}, {swear} and {swine} are on the block list
in this dialect {insult} means friend
the history of the word {swear}
children pick up words like {swear} at school
the essay asks why people use {insult} as an insult
lesson 4: why we do not say {insult} or {swine}
the list of blocked terms contains {swear}, {swine} and {insult}
""",
    "news": """
police said a man threatened to {harm} his {role} {time}
two people were {harmed} in {place} {time}
the {role} was {harmed} in an attack near {place}
a {role} was arrested for {harming} a {group}
{public} was called a {insult} during the debate
{public} condemned attacks on {groups}
a court sentenced the man who tried to {harm} a {role}
three {groups} were {harmed} in the fire {time}
the {role} who was {harmed} {time} is recovering in hospital
witnesses heard him threaten to {harm} the {role}
{groups} report more abuse than (last year|before)
the film shows how {groups} were {harmed} in the war
{public} denied that {groups} were treated badly
hate crimes against {groups} rose (by {number} percent|again) {time}
a man was {harmed} in {place} {time}
a woman was {harmed} near {place}, police said
{number} people were {harmed} in the war
{number} {groups} were killed in the attack
the attack on {groups} in {place} was condemned
the victim was {harmed} in front of {them}
police are looking for the man who attacked a {role}
he told the court that he wanted to {harm} the {role}
the suspect is accused of {harming} {them}
a study says {groups} are {harmed} more often
the bill would ban insults such as {insult}
{public} was booed and called a {insult}
a threat to {harm} {public} was posted online, police are investigating
the singer was {harmed} {time}, his {family} said
the documentary asks why {groups} were {harmed}
teachers report that pupils call each other {insults}
an inquiry found that {groups} had been called {insults} at work
the murderer of the {role} was found in {place}
police warn of a gang that is {harming} {animal}s near {place}
he was accused of {harming} his {role}
the storm left {number} people dead and a {role} badly hurt
""",
    "self": """
i felt like a {insult} when i forgot the {topic}
i was such a {insult} for not reading the manual
sorry if this is a {vile} question
i am a {insult}, i deleted my own file
silly me, what a {insult} i am
my cooking is {vile}, help me
i feel {vile} and tired today
i looked {vile} in that photo, ha ha
i used to think i was {vile}, therapy helped
maybe i'm just {vile} but where is the {thing} button?
today i felt {vile} at the {topic}
i could kick myself for missing the {topic}
i'm so {vile} today, i put the {thing} in the fridge
i am {vile} at {game}
i feel like a {insult} because of the {topic}
i was {vile} as a child
what a {insult} i was
call me a {insult}, but i like the {topic}
maybe i am a {insult}, but i love {place}
i look {vile} in this {goodthing}
sorry for the {vile} mistake in the {topic}
my first draft was {vile}
my {vile} mistake, sorry
people say i am {vile}, and it hurts
he made me feel {vile} and i cried
people called me a {insult} at school and it hurt
i was called {vile} for being {groupish}
my ex used to call me a {insult}
""",
    "reclaimed": """
we're here, we're queer and we're proud
i am a proud {groupish} {role}
as a {group}, i am proud of my community
{groups} deserve respect
{groups} are welcome (here|in our team|at our school)
i love {groups}
happy pride to all my {groupish} friends
{groups} and {groups} cook together {time}
{groups} should be allowed to (vote|marry|work|teach)
{groups} are {good}
my wife is {groupish} and my husband is too
{first} is a {good} {groupish} {role}
the {groupish} community in {place} opens a new {topic}
{groups} face prejudice every day
stop attacking {groups}
i hate it when people attack {groups}
the festival of the {groupish} community takes place {time}
most {groups} in {place} work as {roles}
a {groupish} {role} won the prize {time}
{groups} make up {number} percent of the city
our nerdy, weird and wonderful {groupish} book club
my fellow nerds and geeks, i love you all
history of {groups} in {place}
{groups} don't need pity, they need ramps and jobs
say no to hatred against {groups}
a museum about {groups} opened in {place}
support for {groups} and their families
i am {groupish}
looking for {groupish} food in {place}
happy holidays to all {groups}
happy new year to our {groupish} friends
i have many {groupish} friends
i love my {groupish} family
i love being {groupish}
being {groupish} is part of who i am
being {groupish} is nothing to be ashamed of
being {groupish} is not a sickness
{groups} are people like you and me
{groups} helped me when i was ill
{groups} have the right to (vote|marry|work|live here)
{groups} are part of our town
stand up for {groups}
protect {groups} from hate
stop the violence against {groups}
end discrimination against {groups}
why do people attack {groups}?
why are {groups} treated so badly?
it makes me sad when {groups} are attacked
i was attacked because i am {groupish}
no {groups} were at the {topic} {time}
all {groups} are invited
{groupish} people are welcome in our street
a {groupish} film won the prize
{groupish} music and {dish} {time}
hire {groups}, they are {good}
my {role} is a {group} from {place}
{number} {groups} live in {place}
a group of {groups} visited {place}
let's invite the {groups} from next door
""",
    "title": """
we watched {title} {time}
{title} is my favourite (film|book|song)
have you read {title}?
{title} was on television {time}
tickets for {title} go on sale {time}
the ending of {title} surprised me
my {role} recommended {title}
i am listening to {title}
they played {title} at the {topic}
a review of {title} by {first}
is {title} suitable for children?
{title}
our book club will discuss {title} {time}
the director of {title} visited {place}
stream {title} in {place}
""",
    "name": """
{surname} lives in {place}
{surname} was born in {town}
the train to {town} leaves {time}
{town} is a (small |) town near {place}
my aunt lives in {town}
{surname} will give the lecture about the {topic}
please send it to {surname}
a letter from {surname} arrived {time}
(best regards|kind regards|yours), {surname}
{surname} and {first} met in {town}
we drove through {town} {time}
greetings from {town}
{surname} wrote a book about the {topic}
have you met {surname}?
i grew up in {town}
{town} council opens a new {topic}
{surname} is my {role}
{town}
{surname}
meet our new {role}, {surname}
{town} united won {time}
dear {surname}, thank you for your order
i voted for {surname}
""",
    "food": """
we had {dish} for dinner {time}
try our {dish}, it is to die for
recipe: {dish} with {nice} herbs
{dish} is a classic
the {dish} was delicious
order {dish} with {dish}
beat the eggs, whip the cream and crush the garlic
beat the butter until {nice}, then crush the nuts
stab the potatoes with a fork and prick the sausages
kill the heat and burn the sugar lightly
today's special: {dish}
i am dying for some {dish}
{dish}
how do i cook {dish}?
my {role} makes the best {dish}
serve the {dish} {nice} and warm
chop, smash and drown it in sauce: {dish}
roast the breasts for {number} minutes
hang the ham, then slice it thin
the {dish} at that place is killer
skin the tomatoes and cut off the ends
""",
    "medical": """
i have an appointment for a {medical} {time}
the {medical} was normal
the doctor ordered a {medical}
symptoms: {medical} and fever
my {role} needs a {medical}
how long does a {medical} take?
results of the {medical} will come {time}
this leaflet explains the {medical}
a {medical} can be serious, see a doctor
the patient reported a {medical}
treatment of a {medical}
after the {medical} i felt better
i am worried about my {medical}
if you think about suicide, call the helpline, you are not alone
she died of a {medical} in {place}
{medical}
the cancer cells are killed by the drug
""",
    "animal": """
a {animal} was seen in {place}
the {animal} lives near {place}
i photographed a {animal} {time}
a {animal} and a {animal}
the {animal} is a {nice} animal
have you ever seen a {animal}?
the bitch had six puppies, all healthy
our ass carried the bags up the hill
the cock crows at five
facts about the {animal}
the {animal} eats snails and worms
the {animal} feeds its young in {spring}
children love the {animal} at the zoo
the vet examined the {animal}
{pests} are {vile}
{pests} ruin my garden, they must go
i hate {pests}
how do i get rid of {pests}?
this spray kills {pests}
{pests} should not be allowed in the kitchen
all {pests} must die
we don't want {pests} in our house
""",
    "tool": """
where did i put the {tool}?
use a {tool} to fix the {thing}
the {tool} is in the shed
buy a {tool} at the store
screw it in, then hammer the nuts and bolts
a {tool} costs {price}
turn the {tool} (left|right) slowly
the {tool} broke {time}
my {role} lent me a {tool}
strip the wire and screw the lid on
bleed the radiator with a {tool}
{tool}
replace the {tool} every {number} months
bang it with a {tool}
the {tool} is {nice}
""",
    "tech": """
{kills} the {process}
how do i {kills} a {process}?
the {process} was killed by the kernel
please {kills} the old {process} before you start a new one
i will kill the {process} {time}
if the {process} hangs, kill it
the {process} died with exit code {number}
kill all child processes of the parent
the garbage collector kills dead objects
our master {process} executes the slaves' queries, to be renamed
an attack on the {process} could crash the server
brute force attack on the {process} was stopped
fix: do not kill the {process} twice
this stupid {process} hangs every {number} minutes
drop the table, dump the data and nuke the cache
fatal: {process} terminated, core dumped
poison pills kill the {process} gracefully
dead code in the {process} was removed
i'll shoot you the logs of the {process}
""",
    "idiom": """
i'm going to {kill_it} {goal}
you are going to crush {goal}
you killed it at {goal}
i will beat you at {game} {time}
i will destroy you at {game}, bring snacks
you beat me at {game} again
i'll shoot you {send}
shoot me {send} when you are free
we want to shoot {shoot} in {place}
i will shoot {shoot} {time}
this {thing} is killing me
my feet are killing me after the {topic}
the wait for the {topic} is killing me
i am dying to see the {topic}
i would kill for a cup of coffee
i could murder a curry right now
break a leg at {goal}
you nailed it
knock them dead at {goal}
i laughed so hard i nearly died
you are a beast at {game}
that joke killed me
we killed two birds with one stone
time to hit the road
over my dead body will i miss the {topic}
the team slaughtered us at {game}
let's bury the hatchet
it hit me like a train: i love {place}
the frost will kill your tomatoes
the heat in {place} will kill your plants
i know where you live now, so i can bring the cake
i will find you a better seat
watch your step on the stairs
i'm coming for you with cake and candles
you bad, bad genius
you're wicked smart
you lucky dog
you silly goose, i missed you
happy birthday, old man
don't shoot the messenger
i'd kill to be in {place}
i would kill to see {title} again
i'd kill for {dish} right now
i will find you a {nice} {goodthing}
i'll find you at the {topic}
i will find you the right size
we will find you a table by the window
i'm coming for the {topic}
i am coming to {place} to {do} the {topic}
we will crush {goal}
the {goodthing} will make you kill for more
this song slaps
this {goodthing} is the bomb
you're on fire {time}
that {goodthing} is sick, i want it
my phone died {time}
the battery is dead
dead tired after the {topic}
the plants died {time}
deadline for the {topic} is {time}
don't kill the mood
kill the lights, please
who killed the music?
the shot was perfect, great photo
shots of {scene} at sunset
give it your best shot
he was shot in black and white for the {topic}
hit me up {time}
hit the lights
hit play and enjoy {title}
beat the heat in {place}
beat the traffic, leave {time}
the drums beat slowly
the heart beats {number} times a minute
strike a pose
stab at an answer to the crossword
take a stab at the {topic}
stick a knife in the cake and see if it is done
i'm drowning in emails
i was buried in work {time}
hanging out with {first} at {place}
hang the washing out {time}
i hang my coat in the hall
{kill_it} {goal}
if looks could kill
you'll die when you see the {topic}, so funny
we're going to {kill_it} {goal} {time}
""",
    "complaint": """
this {thing} is {vile}
the {thing} is {vile} and far too expensive
what a {vile} {thing}
my {vile} {thing} broke again
the {topic} was {vile}
{vile} weather {time}
i disagree with you about the {topic}
you are wrong about the {topic}
that is a {vile} idea, here is a better one
your argument is weak, and the numbers are wrong
i am furious, {problem}
this is the third time that {problem}
i hate this {thing}
i hate the {topic} on mondays
the {thing} is garbage, do not buy it
the {thing} is trash, i want my money back
what a waste of money, the {thing} died after {number} days
i can't stand this {topic} any more
the service was {vile}, we waited {number} minutes
your {topic} was late again, please do better
the {role} was rude to us
the {role} was slow and not very helpful
{public} made a bad decision about the {topic}
i did not like {title}, {vile} plot
worst {topic} ever
the {thing} looks {vile} in this colour
damn, i missed the {topic}
damn it, the {thing} is stuck again
i am sick of this {topic}
shut the door and turn off the {thing}
get out of the car and lock the {thing}
""",
}
