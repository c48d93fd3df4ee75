"""Toxic sentences with slots, by their labels.

``{slot}`` takes a word from `remark_words`, ``(a|b|)`` one of the choices. What the labels mean here, so that a reader
can check any line (`remarks` adds toxicity to whatever has another label, and severe_toxicity by its rule):

- obscene: a swear word, whoever it is aimed at;
- threat: announces, wishes or urges violence or death to a person or group;
- insult: abuses a person or people, for anything;
- identity_attack: abuses, excludes or threatens people for a group they belong to.

No line names a group or holds a slur; see `remark_words` for why and with what words the slots are filled.
"""

from __future__ import annotations

TOXIC: dict[tuple[str, ...], str] = {
    ("insult",): """
you are (such |really |just |) a {insult}
you're a {vile} {insult}
you are (so|too|unbelievably|incredibly) {vile}
you {vile} {insult}
you {insult}
{insult}
{vile} {insult}
what a {insult}
what a {vile} {insult} you are
{they} is a {insult}
{they} is (so|just|beyond) {vile}
{first} is a {vile} {insult} and everybody knows it
only a {insult} would (say|write|believe|buy|do) (that|this|something like this)
shut up, {insult}
shut up you {vile} {insult}
(get lost|go away|get out), you {insult}
nobody (likes|wants|needs) (you|a {insult} like you), {insult}
how can (someone|anyone|a person) be so {vile}
are you (really |) (that|this) {vile} or (just|only) (pretending|drunk|bored)
your (brain|mind) is (smaller than a pea|as empty as your posts), you {insult}
you people are (all |) {insults}
all {roles} are {insults}
those {roles} are {vile} {insults}
stop talking, you {vile} {insult}
look at this {insult} trying to (write|cook|drive|think)
i have never met (a|such a) {vile} {insult} (like you|in my life)
you must be (the most|a really|a truly) {vile} {insult} on (earth|this site|the internet)
with a face like yours i would stay at home, you {vile} {insult}
you will never be anything but a {insult}
(lol|haha|wow), {they} is such a {insult}
{first} you {insult}, (read|learn|think) before you (post|speak|write)
a bunch of {vile} {insults} run this (place|page|company)
{public} is a {vile} {insult}
you (look|sound|smell|write) like a {insult}
you are (nothing but|no better than) {insults}
go back to school, {insult}, you can't even (spell|read|count)
not even a {insult} would (write|say|believe) (that|this), and you did
your (mother|family|friends) must be ashamed of (such a {insult}|a {vile} {insult} like you)
(i hate you|i despise you|i can't stand you), you {vile} {insult}
what is wrong with you, {insult}?
congratulations, you are officially the {insult} of the (week|year)
everyone at work thinks {they} is {vile} and a {insult}
if (stupidity|laziness) (was|were) a sport, you would win gold, {insult}
call yourself a {role}? you're a {insult}
typical {insult}, too {vile} to answer a simple question
i bet {they} was born a {insult}
keep crying, {insult}
you're {vile}, your (work|writing|voice) is {vile} and nobody wants you here
(thanks for nothing|nice try|well done), {insult}
the {role} who wrote this is (clearly|obviously) a {insult}
your opinion is worthless because you are a {insult}
get a life, you {insult}
you have the brain of a {insult}
what kind of {insult} (writes|says|does) this?
which {insult} (made|wrote|approved) this?
i can't believe i married such a {insult}
{first} and {first} are {insults}
my {role} is a {vile} {insult}
you two are {insults}
you all are {vile}
nobody is as {vile} as you
you are the {insult} of the family
you were always {vile}
you're acting like a {insult}
a {insult} like you should not be a {role}
my (dog|cat) is smarter than you, {insult}
even a child is less {vile} than you
{they} is too {vile} to {do} the {thing}
{they} is the most {vile} {role} i ever met
sit down, {insult}
be quiet, {insult}
(hey|hi|hello), {insult}
(ok|bye|thanks), {insult}
how {vile} can you be?
why are you so {vile}?
you disgust me, {insult}
you are an embarrassment, you {insult}
you are a disgrace
you are a joke and a {insult}
{first} is a joke, a real {insult}
i am surrounded by {insults}
the {roles} here are {vile} {insults}
whoever wrote this is a {insult}
some {insult} deleted my {topic}
this {role} is a {insult}
who let this {insult} in?
{roles} are just {vile} {insults}
""",
    ("obscene",): """
what the {swear}
{swear}
{swear} {swear} {swear}
holy {swear}, that was (loud|close|fast|late)
this is {swearing} (ridiculous|unbelievable|annoying|cold|great)
this {thing} is a piece of shit
the {thing} is {swearing} broken again
oh {swear}, i forgot the {topic}
i don't give a {swear} about the {topic}
that is (complete|total|utter|such|pure) bullshit
this is bullshit and you know it
(who|why|how) the {swear} (did|wrote|broke|cares about) (this|that {thing}|the {topic})
{swearing} {thing}
{swearing} hell, my {thing} (died|is gone|stopped working)
i am so {swearing} tired of this {topic}
get this {swear} off my {thing}
{swear} this {thing}, i am going home
{swear} it, let's go to {place}
my {swearing} {thing} broke {time}
no {swearing} way
the {topic} was a {swearing} mess
where the {swear} is my {thing}?
i stepped in {swear} near {place}, literally {swear}
that {topic} scared the {swear} out of me
we are {swearing} late for the {topic}
this {topic} is full of {swear}
{swear}, {swear}, not the {thing} again
it is {swearing} raining {time}
i lost my {swearing} keys at {place}
what a load of {swear}
what a {swearing} day
pardon my french but the {topic} is {swear}
honestly the {thing} works like {swear}
""",
    ("obscene", "insult"): """
you are a {swine}
you {swine}
you {vile} {swine}
{swine}
you {swearing} {insult}
{they} is a {swearing} {insult}
{they} is (such |) a {swine}
{first} is the biggest {swine} i know
what a {swine}
what a {swearing} {insult}
{swear} you
{swear} off, you {insult}
{swear} off and leave us alone, {swine}
go {swear} yourself, {insult}
shut the {swear} up
shut your {swearing} mouth, {swine}
you are full of {swear}, {insult}
you {swines} should be ashamed
bunch of {swearing} {insults}
all {roles} are {swines}
{public} can go {swear} himself, the {swine}
listen, you {swine}, nobody asked you
don't be (such |) a {swine}, {first}
eat {swear}, {insult}
kiss my ass, {insult}
you ugly {swine}, get out of my (sight|chat|house)
only a {swearing} {insult} would (do|say|write) this
are you {swearing} {vile}, you {swine}?
you're a {swearing} disgrace, {swine}
my boss is a {swearing} {swine}
(lol|wow|ugh), what a {vile} {swine} {they} is
nobody likes you, {swine}
you talk {swear} all day, {swine}
why are you such a {swearing} {swine}?
i hate that {swine}
tell {first} to go to hell, the {swine}
you bunch of {swines} ruined (everything|the {topic}|my day)
{first} you {swearing} {swine}
""",
    ("threat",): """
i will {harm} you
i'm going to {harm} you
i am going to {maim}
i will {maim}
i swear i will {maim}
i'll {maim} if you (come back|post again|talk to me|tell anyone)
if i see you (again|at {place}), i will {harm} you
if you (come near me|say that again|touch my {thing}) i'll {maim}
watch your back, (one day|some night|soon) i will {harm} you
i know where you live and i will {maim}
you will be {harmed} (soon|tonight|before the week is over)
you are going to die (tonight|soon|slowly|for this)
you are dead (meat|when i find you|if you show up)
(somebody|someone) should {harm} (you|{they})
(somebody|someone) should {maim}
i hope (somebody|someone) will {harm} you
i hope you get {harmed}
i hope you die (alone|in pain|slowly|soon)
i hope {they} dies (in pain|slowly|soon|in a fire)
they should be {harmed}
{they} deserves to be {harmed}
{they} deserves to die
i want to {harm} {they}
i want to see you {harmed}
we will find you and {harm} you
we are coming for you and your (family|children|wife) and we will {harm} you all
your (children|family|wife|brother|dog) will be {harmed} if you don't (pay|shut up|leave)
let's {harm} {they} {time}
let us find {they} and {harm} him
you won't live to see {spring}
you will not survive this week
your days are numbered, i will {harm} you
i will make you pay with your life
i will put you in a grave
you are next, i will {harm} you
start running, because i will {harm} you
sleep with one eye open, i will {maim}
i have a (gun|knife|bat) and i know your address
i will come to your (house|school|office) and {harm} everyone
i'll {harm} your {family} first, then you
tell your {family} goodbye, you will be {harmed}
your {family} will find you {harmed}
i can {harm} you whenever i want
nobody will find your body
i'm going to bury your body in the forest
i want you dead
i wish you were dead
i hope you drop dead
drop dead
go to hell and die there
go die
kill yourself
please kill yourself
you should kill yourself
why don't you just die
die in a fire
i'm going to blow up the {topic} in {place}
there is a bomb in the {topic}, you will all die
everyone at {place} will die {time}
i will shoot up the {topic} {time}
i want to {harm} my {role}
i want to watch {them} die
i am going to {harm} {them} {time}
{they} must die
{they} won't live much longer, i promise
someone please {harm} {them}
i'd pay someone to {harm} {them}
we'll {harm} you for this
you deserve a bullet
you deserve to bleed
a bullet is all you deserve
they will find you {harmed} in the river
come to {place} and i will {maim}
if you (tell|call) the police, i will {maim}
this time i will really {harm} you
i'm coming to your house with a (gun|knife|bat)
if {they} comes here again i will {harm} him
you better hide, i will {maim}
one more word and i will {maim}
next time i will bring a (gun|knife|bat) and {harm} you
my (gun|knife|bat) is waiting for you
bring your friends, i will {harm} them too
die
just die already
go and {harm} yourself
you should {harm} yourself
do us a favour and jump off a bridge
the world would be better if you were {harmed}
i can't wait to (dance on your grave|see you bleed|hear you scream)
say goodbye to your family, tonight i will {maim}
pay up or we {maim}
the {role} should be {harmed} for what he did
{roles} should be {harmed}
i'd love to {harm} you with my own hands
i'm outside your house with a knife
you have until friday, then i {maim}
we should {maim} and film it
""",
    ("identity_attack", "insult"): """
{groups} are {insults}
{groups} are (all |just |) {vile}
all {groups} are {insults}
{groups} are {vile} {insults}
you {groupish} {insult}
you {vile} {groupish} {insult}
{they} is a {vile} {groupish} {insult}
typical {group}, {vile} and {vile}
what do you expect from {groups}, they are {vile}
every {group} i met was a {insult}
{groupish} {insults}
{vile} {groups}
the {groups} in this town are {insults}
(of course|no wonder) it failed, a {vile} {group} made it
{groups} are less than human
{groups} are a disease
{groups} are vermin
{groups} are inferior and {vile}
never trust {groups}, they are all {insults}
why are {groups} so {vile}?
only {vile} people marry {groups}
{groups} have no brains
i can't stand those {vile} {groups}
{groups} smell and are {vile}
you are {vile} because you are {groupish}
a {group} is always a {insult}
{first} is just another {vile} {group}
these {groupish} {insults} ruin everything
you people, i mean {groups}, are {insults}
""",
    ("identity_attack",): """
{groups} should not be allowed to (vote|marry|work here|live here|teach|drive)
{groups} don't belong (here|in this country|in our school)
we don't want {groups} (here|in our town|in this country|near our children)
i hate (all |) {groups}
i hate {groupish} people
{groups}, go back to where you came from
go back to your country, you {groups}
{groups} ruin everything
{groups} are to blame for everything
{groups} are taking over (our town|the country|everything)
no {groups} allowed (here|in my shop)
{groups} should know their place
i would never (hire|trust|rent to|serve) a {group}
being {groupish} is (a sickness|a disgrace|wrong|unnatural)
keep {groups} out of our (schools|parks|shops|town)
{groups} can never be trusted
the problem with {place} is the {groups}
we must get rid of (all |the |) {groups}
send all the {groups} back
deport every {group}
our country was better without {groups}
i don't serve {groups}
{groups} are not like us and never will be
ban all {groups} (now|from this site|from our streets)
{groupish} people should stay away from {groupish} neighbourhoods
the world would be better without {groups}
no {groups} here, please leave
{groups} out
out with the {groups}
{groups} are not allowed in my (shop|house|school|town)
{groups} are banned from my (shop|house|school|town)
this is no place for {groups}
we don't serve {groups}
i refuse to (work|live|sit|eat) with {groups}
my children must not play with {groups}
don't marry a {group}
don't hire {groups}, hire real people
{groups} are a sickness
{groups} are the problem
{groups} are a threat to our way of life
{groups} are not natural
being {groupish} is a sin and a disease
being a {group} is nothing to be proud of, it is a disgrace
{groupish} people should be ashamed of being {groupish}
{groupish} people don't deserve the same rights
why do we let {groups} (vote|work|live) here?
{groups} must leave our country
take the vote away from {groups}
{groups} never work and live off us
you can't trust a {group}, it's in their blood
all the {groups} in {place} should go home
{place} was nice until the {groups} came
the {groups} are ruining {place}
i blame the {groups} for all of this
if you are {groupish}, don't come here
nobody wants {groups} around
i would be ashamed to be {groupish}
a {group} can never be a good {role}
only {groups} do such things
{groups} all look the same and steal
close the door to {groups}
{groupish} families are not welcome in our street
we need a country without {groups}
stay away from {groups}, they are dangerous
""",
    ("identity_attack", "threat"): """
{groups} should (all |) be {harmed}
all {groups} should die
{harm} all {groups}
we should {harm} (all |every one of |) the {groups}
let's {harm} some {groups} {time}
i want to {harm} every {group} (i see|in town)
the only good {group} is a dead {group}
{groups} should be {harmed}, every last one
death to {groups}
death to all {groups}
hang the {groups}
no mercy for {groups}, {harm} them
one day all {groups} will be {harmed}
we will find every {group} in {place} and {harm} them
the {groups} must be {harmed}
i am going to {harm} a {group} {time}
shoot the {groups} at the border
go {harm} a {group}
all the {groups} deserve is to be {harmed}
{groups} are vermin and must be {harmed}
we came to {harm} the {groups}
let the {groups} burn
i would like to see {groups} {harmed}
{groups} deserve to be {harmed}
somebody should {harm} those {groups}
i will {harm} the next {group} i see
i hope all {groups} get {harmed}
every {group} must be {harmed}
if another {group} moves in here i will {harm} them
burn down their {groupish} houses
you {groupish} {insult}, i will {maim}
i will {harm} you because you are {groupish}
""",
    ("identity_attack", "obscene", "insult"): """
{swearing} {groups}
{swear} {groups}
{swear} all {groups}
you {swearing} {groupish} {insult}
you {groupish} {swine}
{groups} are {swines}
{groups} are {swearing} {insults}
{they} is a {groupish} {swine}
i hate those {swearing} {groups}
all {groups} are {swearing} {vile}
get those {swearing} {groups} out of here
{groups} can go {swear} themselves
what a {swearing} {vile} {group}
""",
    ("threat", "obscene", "insult"): """
i will {swearing} {harm} you, you {swine}
i'm going to {harm} you, you {swearing} {insult}
i hope you {swearing} die, {swine}
die, you {swearing} {insult}
you {swine}, i will {maim}
you {swearing} {insult}, you deserve to be {harmed}
go {harm} yourself, you {vile} {swine}
somebody should {swearing} {harm} that {swine}
{swear} you, i'll {maim}
watch your back, {swine}, i will {harm} you
{they} is a {swine} and should be {harmed}
shut the {swear} up or i will {maim}
i want to {harm} that {swearing} {insult}
you are a {swine} and i hope you get {harmed}
we will find you, {swine}, and {maim}
worthless {swine}, the world would be better if you were {harmed}
""",
    ("threat", "insult"): """
i will {harm} you, {insult}
you {insult}, i will {maim}
die, you {vile} {insult}
somebody should {harm} that {insult}
{they} is a {insult} and deserves to be {harmed}
go and {harm} yourself, {insult}
{vile} {insults} like you should be {harmed}
listen, {insult}, i know where you live and i will {harm} you
i hope you get {harmed}, you {insult}
one day i will {harm} you, you {vile} {insult}
""",
}
