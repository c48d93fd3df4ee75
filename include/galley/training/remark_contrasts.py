"""Minimal pairs: frames in which one part alone decides the label, for training only.

They drill what the classifier confused most on templates it had not seen: shutting a group out and naming it, urging
death and urging rest, "never more than a fool" and "anything but a fool", the same words said of oneself, of others, of
things. More of them stand in `remark_contrasts_denial`, `remark_contrasts_groups` and `remark_contrasts_persons`. Being
no part of the held-out templates, they leave what the figures are measured on as it was; no part of theirs stands among
the held-out ones of `remark_patterns`. Notation as there.
"""

from __future__ import annotations

from galley.training.remark_patterns import Composition

# --- groups: shut out, run down, named, welcomed ----------------------------------------------------------------------
_G = """{groups} / {groupish} people / {groupish} families / {groupish} {roles} / {groups} from {place} / the {groups}
/ {groupish} couples"""
_SPOT = """beyond this point / in this queue / on this bus / in our street / at our tables / after dark / in this
building / in my taxi / in the pool / near our school / at this party / on our boat / in this team / through this door
/ on the second floor / at the {topic} / behind this line / on the {topic} committee / / tonight / next door"""
_NONE_OF = """no / never any / not one of / nothing for / no seats for / not with / no room for / no vote for / lock
out / turn away / chase away / drive out / bar / shut out / cancel / show the door to / expel / keep away / refuse"""
_ALL_OF = """room for / welcome, / a seat for / hello, / there are / we met / we expect / we greet / a vote for / more
/ make way for / let in / bring / congratulate / a prize for / tea with / open the door for / photos of / help /
employ"""
_TRIFLES = """skateboards / umbrellas / hot drinks / pets / ice cream / trolleys / scooters / muddy boots / tents /
balloons / loud phones / leaflets / card games / kites / candles / fireworks / backpacks / loose dogs / food
deliveries / perfume / selfie sticks / buskers / radio sets / paper cups"""
_AWAY = """should be sent away / have ruined {place} / ruined our {topic} / are the reason for all our troubles / must
be removed / are not to be trusted / do not fit in / should never be let in / must go home / ought to be sent home /
are unfit to be {roles} / should lose the vote / do not deserve a seat / have no business in {place} / are unclean /
are a mistake / will never belong / belong in a cage / belong behind bars / spoil everything / bring nothing but
trouble / live off us / take what is ours / are idle by nature / should stay in their own country / have to get out /
must not be hired / were never wanted / are ruining the {topic} / had better stay outside / make {place} worse / need
not come back / have no right to be here / are not our kind / should be kept from our children / ought to be ashamed
of themselves / must leave {place} / steal and cheat / poison our town / are not like normal people / should sit at
the back / get too much of everything / are behind every crime / bring the town down"""
_NEAR = """should be heard / have saved {place} / saved our {topic} / are the reason for our success / must be
protected / are to be trusted / fit in well / should be let in / may go home {time} / ought to be thanked / are fit to
be {roles} / should keep the vote / deserve a seat / have a shop in {place} / are not ill / are our guests / will
always belong / belong on stage / belong in the team / enrich everything / bring {dish} / live next to us / take the
train / are calm by nature / should stay as long as they like / have to get up early / must be hired / were always
wanted / are painting the {topic} / had better take an umbrella / make {place} better / need not pay / have every
right to be here / are our kind of people / should be taught with our children / ought to be proud of themselves /
must change trains in {place} / sing and dance / feed our town / are like all people / should sit at the front / get
too little of everything / are behind the new {topic} / pray {time} / marry {time} / moved to {place} / sell {dish} /
bring the town up"""
_SAID = """/ / / it seems to me that / my {role} says that / we know that / let me tell you: / as ever, / these days /
in my street / no wonder: / i'm afraid / i'm glad that / you will see that / from what i hear / in the end"""
_ALWAYS = """have always been / were always / are clearly / are plainly / are nothing but / are every bit / have long
been / are once again / are and remain / will always be / are, frankly,"""
_HARDLY = """have not ever been / were never / are hardly / are not at all / never were / are not one bit / are
anything but / are far from being / aren't and won't be / will never be / are, of course, not / have not once been"""
_CURSE = """a menace / a nuisance / a drain on us / an epidemic / invaders / thieves / second class / a burden on
{place} / a danger to us / the ruin of {place} / the cause of it all / a step below us / cheats / outlaws / a curse /
a stain / bad people / a risk to our children / the enemy within / a plague on us"""
_AGAINST = """the hate against / prejudice against / violence against / threats against / insults against / crimes
against / slurs against / the discrimination of / the attack on / abuse of / a rise in attacks on / hostility to /
another arson attack on / the campaign against"""
_REPORTED = """was on the news / is rising / must end / has to stop / worries {public} / hurts us all / is the topic
of the film / will be punished / was reported {time} / is illegal / grew in {place} / shocked {place} / was debated
{time} / is a disgrace, says {public} / is what the march is about / must never be normal / was condemned by the
{role}"""
_URGE = """we call for / i support / let's plan / it is time for / cheers for / hooray for / i enjoy / nothing wrong
with / i can only recommend / we need more / start with / who joins in"""
_VIOLENCE = (
    "violence against / attacks on / an attack on / a war on / bombs on / bullets for / a beating for / the end of"
)

# --- people: abused, praised; the speaker abused by himself -----------------------------------------------------------
_THOSE = "those / these / such / all those / all these / the / our / most / some / you / no wonder, / of course the"
_FOLK = """{roles} / {audience} / {roles} from {place} / old {roles} / new {roles} / {roles} and {roles} / young
people / fans of {title} / men / parents / voters"""
_ABUSED = """are {vile} / are {insults} / are {vile} {insults} / behave like {insults} / act {vile} / are a bunch of
{insults} / are nothing but {insults} / are both {vile} and {vile} / sound {vile} / turned out to be {insults} / are
so {vile} it hurts / make {vile} {roles} / are a {vile} lot / deserve to be called {insults}"""
_SWORN_AT = """are {swines} / are {swearing} {insults} / are {swearing} {vile} / behave like {swines} / are a bunch of
{swines} / turned out to be {swines} / are nothing but {swines} / can kiss my ass / should {swear} off"""
_PRAISED = """are {good} / are {roles} / are {good} {goods}s / behave like {roles} / act fast / are a bunch of
{goods}s / are nothing but {good} / are both {good} and {good} / sound {good} / turned out to be {roles} / are so
{good} it helps / make {good} {roles} / are a {good} lot / deserve to be called {good} / like a {nice} {goodthing} /
meet {time} / know {place}"""
_NEVER_MORE = """you have never been more than / {they} was never more than / {first} has never been better than /
{they} will stay nothing but / you remain nothing but / you were, are and will be / i see nothing but / so you turned
out to be / it takes one to know one, / you could not be more of / you grew up to be / you'll end as / the world knows
you as / {they} is once more"""
_ANYTHING_BUT = """you are anything but / {they} is far from / {first} was the opposite of / you are nowhere near /
{they} is not even close to / you are hardly / {they} was wrongly called / {first} is the contrary of / you could not
be less of / you have never been / nobody takes you for / {they} is less of / nobody remembers you as / he did not
mean that you are / she took it back that you are"""
_I_MYSELF = """i am / i was / i have been / call me / silly me, i am / i admit i am / it was me, i am / my wife says i
am / today i was / forgive me, i am / i behaved like / i must look like / shame on me, i am / deep down i am"""
_YOU_ARE = """you are / you're / you were / you have been / i call you / silly you, you are / admit you are / it was
you, you are / trust me, you are / my wife says you are / today you were / listen, you are / you behaved like / you
must be / shame on you, you are / deep down you are"""
_FOOL = """{insult} / a {insult} / a {vile} {insult} / such a {insult} / a total {insult} / a real {insult} / so
{vile} / {vile}"""
_A_FOOL = "a {insult} / a {vile} {insult} / such a {insult} / a total {insult} / a real {insult} / the {insult} here"
_A_SWORN = "a {swine} / a {vile} {swine} / such a {swine} / a total {swine} / a real {swine}"
_WHO = """/ when it comes to {game} / for losing the {thing} / about {topic} matters / before breakfast / without
{dish} / at parties / in the mornings / with a {tool} / in the kitchen / in {place} / for missing the {topic} / , i
know / at times / compared to {first} / on the phone / behind the wheel / in a queue"""

# --- urging death, urging rest ----------------------------------------------------------------------------------------
_DO_IT = """go ahead and / it is time for you to / why not / you may / do it, / nobody stops you, / just go and / how
i long for you to / feel free to / you ought to / {they} should / {they} ought to / {they} had better / you must /
{public} could / the {roles} can / i told {first} to / we wish you would / all of you, / hey you, / tell {them} to /
one day you'll have to / don't wait, / be brave and / make sure to"""
_END_IT = """swallow poison / take poison / hang from a tree / stop breathing for good / lie down on the rails / leave
this world / end it all / sleep for ever / drive off a cliff / walk into the traffic / sink in the lake / die in a
ditch / perish / take your own life / go to the grave / fall off a roof / starve / be dead by {spring} / be buried
{time} / get a bullet / bleed to death / suffocate / rot / feed the worms / vanish in a coffin"""
_CARRY_ON = """swallow the pill with water / take the bus / hang a coat on the hook / stop running / lie down on the
sofa / leave this room / end the call / sleep until noon / drive to {place} / walk into the garden / swim in the lake
/ rest a bit / take your own bag / go to the {topic} / fall in love / eat {dish} / be there by {spring} / be thanked
{time} / get a {goodthing} / drink tea / sit in the shade / read / feed the birds / vanish for a week / make yourself
comfortable / feel at home / take a bath / live well / make a wish / poison the {pests}"""

# --- violence announced, plans announced ------------------------------------------------------------------------------
_PLAN = """you can be sure that i will / sooner or later i'll / my {family} and i will / in the end we'll / don't
doubt that i'll / we have decided to / i was told to / i plan to / i know how to / we met to / my {role} and i agreed
to / before {spring} i will / trust me, we will / i came back to / give me a minute and i'll / it is my plan to / by
{time} we will / i have come to {place} to / i am about to / this time we'll / we are here to / need i say that i'll"""
_VIOLENT = """{harm} you / {maim} / {harm} {them} / {harm} you and {first} / {harm} {them} slowly / come to your house
and {harm} you / watch {them} bleed / see to it that {they} dies / break {them} in two / leave you {harmed} / make
{them} suffer / send men who {harm} you / {harm} you until you stop moving / take a hammer to you / bring a knife and
{harm} {them} / {harm} whoever comes / {harm} your {family}"""
_PEACEFUL = """hang the lamp in the hall / hit the shops / crush the nuts / burn a candle / bury the time capsule /
beat the eggs / drown the rice in sauce / shoot a film about you / kill the weeds / break the record / smash the quiz
/ cut the ribbon / end the call / attack the dishes / punch the tickets / kick off the season / poison the wasps /
beat you to the station / beat {them} at {game} / find you a seat / come to your house with {dish} / watch you win /
see you at {place} / fight for {groups} / hang out with {groups} / break the news to {them} / knock on your door /
stop the {process} / take a hammer to the wall / slap a label on it / bring a knife and cut the cake / make you blush
/ leave you a note / destroy the old receipts / execute the {process} / strike a deal / visit your {family} / see to
it that {they} rests"""
_STRIKE = """kill / hang / burn / bury / beat / hit / smash / crush / drown / choke / stab / strangle / shoot / punch
/ slap / cut up / blow up / knock down / poison"""
_WHOM = "the {role} / {them} / every {role} / your whole {family} / the {roles} / {first} and {first} / that {role}"
_WHAT = """the lights / the engine / the music / the balloon / the old {thing} / the empty box / the ice / the oven /
the candle / the file / the {process} / the {pests} / the eggs / the dough / the cushion / the ball / the alarm / the
wall / the leaves / the picture / the {tool}"""
_WHEN = """before you go / when {they} leaves / at closing time / tonight / first / and call me / {time} / for the
night / , it is late / when nobody is around / and run / with a {tool} / at once / behind the shed / as agreed / ,
quick"""
_MAY_NOT = """the law says you must not / it is not allowed to / she asked him not to / we beg you not to / he swore
he would never / it makes no sense to / it would be a sin to / there is no reason for us to / no one has the right to
/ she stopped him when he tried to / he was convicted of a plot to / in the play he has to / he woke from a dream in
which he had to / it takes a monster to / how could anyone / what drives a man to / only in games do i / he is sorry
that he wanted to / i would rather leave than / the police keep people from trying to"""

# --- words as words ---------------------------------------------------------------------------------------------------
_AS_WORDS = """words such as / expressions like / nouns like / adjectives like / style guide: avoid / remove / replace
/ the entries / the letters of / the parrot says / the captcha read / in Scrabble i laid / blocked terms are / my
spellchecker knows / the quiz asked for / underline / please spell / the word list: / profanity: / the translation of
/ we counted / do not print / he looked up / which is ruder, / say instead of / pronounce"""
_LISTED = """{rude} / {rude}, {rude} / {rude} and {rude} / {rude} / '{rude}' / '{rude}', '{rude}' / {rude} or {rude} /
{insult} / {swine} / {swear}"""
_WHERE_LISTED = """in a headline / from the draft / on page {number} / for {number} points / in the glossary / in
capital letters / in old books / by mistake / with asterisks / , nothing else / in the {topic} / {number} times / in
German / / in the exam / , please"""

CONTRASTS: dict[str, tuple[Composition, ...]] = {
    "toxic": (
        (("identity_attack",), (_NONE_OF, _G, _SPOT)),
        (("identity_attack",), (_SAID, _G, _AWAY)),
        (("identity_attack",), (_SAID, _G, _AWAY)),
        (("identity_attack",), (_SAID, _G, _ALWAYS, _CURSE)),
        (("identity_attack", "threat"), (_URGE, _VIOLENCE, _G)),
        (("identity_attack", "threat"), (_PLAN, "{harm}", _G)),
        (("identity_attack", "insult"), (_SAID, _G, _ABUSED)),
        (("identity_attack", "obscene", "insult"), (_SAID, _G, _SWORN_AT)),
        (("insult",), (_THOSE, _FOLK, _ABUSED)),
        (("insult",), (_NEVER_MORE, _A_FOOL, _WHO)),
        (("insult",), (_YOU_ARE, _FOOL, _WHO)),
        (("obscene", "insult"), (_THOSE, _FOLK, _SWORN_AT)),
        (("obscene", "insult"), (_NEVER_MORE, _A_SWORN, _WHO)),
        (("threat",), (_DO_IT, _END_IT)),
        (("threat",), (_PLAN, _VIOLENT)),
        (("threat",), (_STRIKE, _WHOM, _WHEN)),
    ),
    "near-miss: composed": (
        ((), (_ALL_OF, _G, _SPOT)),
        ((), (_NONE_OF, _TRIFLES, _SPOT)),
        ((), (_SAID, _G, _NEAR)),
        ((), (_SAID, _G, _NEAR)),
        ((), (_THOSE, _FOLK, _PRAISED)),
        ((), (_DO_IT, _CARRY_ON)),
        ((), (_PLAN, _PEACEFUL)),
        ((), (_STRIKE, _WHAT, _WHEN)),
    ),
    "near-miss: denial": (
        ((), (_SAID, _G, _HARDLY, _CURSE)),
        ((), (_ANYTHING_BUT, _A_FOOL, _WHO)),
        ((), (_ANYTHING_BUT, _A_SWORN, _WHO)),
        ((), (_MAY_NOT, _VIOLENT)),
        ((), (_MAY_NOT, "{harm}", _G)),
    ),
    "near-miss: news": (((), (_AGAINST, _G, _REPORTED)),),
    "near-miss: self": (((), (_I_MYSELF, _FOOL, _WHO)),),
    "near-miss: meta": (((), (_AS_WORDS, _LISTED, _WHERE_LISTED)),),
}
"""As `remark_patterns.COMPOSITIONS`: kind to its compositions."""
