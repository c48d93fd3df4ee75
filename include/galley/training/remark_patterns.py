"""Sentences assembled from parts: what teaches the classifier that a word, not a whole sentence, makes an insult.

A composition is a sequence of part lists; each choice of one part per list is a template. The harmless compositions
share the openings, contexts and endings of the toxic ones, so that none of these gives the label away. Parts are
separated by " / "; an empty part stands for nothing there.
"""

from __future__ import annotations

Composition = tuple[tuple[str, ...], tuple[str, ...]]
"""Labels (as in `remark_abuse`) and one string per part list."""

# --- noun phrases that carry a label, and harmless ones --------------------------------------------------------------
_A_INSULT = """a {insult} / a {vile} {insult} / a complete {insult} / such a {insult} / nothing but a {insult} / the
biggest {insult} in {place} / a {insult} and a {insult} / the most {vile} {insult} i know / one {vile} {insult}"""
_A_SWINE = """a {swine} / a {vile} {swine} / a {swearing} {insult} / a complete {swine} / such a {swine} / the
biggest {swine} in {place} / a {swearing} {swine} / nothing but a {swine} / a {swearing} {vile} {insult}"""
_A_GROUP_INSULT = """a {groupish} {insult} / a {vile} {groupish} {insult} / a typical {groupish} {insult} / just
another {vile} {group} / such a {groupish} {insult} / the most {vile} {group} i know"""
_A_GROUP_SWINE = """a {groupish} {swine} / a {swearing} {groupish} {insult} / a {swearing} {group} / a {vile}
{groupish} {swine}"""
_A_GOOD = """a {good} {goods} / a {good} {role} / the most {good} {goods} i know / such a {good} {goods} / a {role}
/ a {groupish} {role} / a {good} {groupish} {role} / my best friend / someone from {place} / a {group} / a {good}
{group} / {surname} / a real {goods} / the fastest {role} in {place}"""
_INSULT = """{insult} / {vile} {insult} / {vile} little {insult} / old {insult} / {vile}, {vile} {insult} / total
{insult}"""
_SWINE = """{swine} / {vile} {swine} / {swearing} {insult} / {swearing} {swine} / old {swine} / {swearing} {vile}
{insult}"""
_GROUP_INSULT = "{groupish} {insult} / {vile} {groupish} {insult} / {vile} {group} / little {groupish} {insult}"
_GROUP_SWINE = "{groupish} {swine} / {swearing} {groupish} {insult} / {swearing} {group} / {vile} {groupish} {swine}"
_GOOD = """{role} / {good} {role} / {groupish} {role} / {group} / {good} {goods} / {good} {group} / old {role} /
{goods}"""
_FRIEND = """{good} {goods} / {role} / {good} {role} / old {role} / {goods} / {good} old {goods} / dear {role} /
{good} little {goods} / {nice} {goods} / {role} from {place} / {good}, {good} {role}"""

# --- contexts they stand in ------------------------------------------------------------------------------------------
_CLAIM = """you are / you're / {they} is / {first} is / you will always be / you look like / {they} was / i think
you are / everyone knows that {they} is / you must be / you sound like / my {role} married / i work with / i sit
next to / honestly {first} is / you remain / so you are / meet {first}, / there goes {first}, / we hired / this
{topic} was written by / our {topic} is run by / you behave like / it turns out that {first} is / have you met
{first}? {first} is / you talk like / i always knew you were / my {role} thinks {they} is / the new {role} is /
there is / i live with / my neighbour is / {public} is / you dress like / we all think you are / i see that you are
/ you will never be more than / you have always been / you were born / {first} will always be / you turned into /
they call {first} / i bet {they} is / you are and remain / it is clear that you are / nobody knew that {they} is /
your {family} raised / {they} is nothing but"""
_AFTER = """/ / / and everybody knows it / and always will be / if you ask me / in my opinion / from {place} /
believe me / no doubt / again / as usual / every single day / {time} / to me / for sure / and that is all / in the
{topic}"""
_CLAUSE = """shut up / get lost / go away / leave me alone / read the manual / answer me / learn to {do} the {thing}
/ stop it / move / wait your turn / go home / look at the {topic} / give me the {thing} / nobody asked you / i told
you twice / you broke my {thing} / where is my {thing} / thanks for nothing / what do you want / this is your fault
/ listen / you forgot the {topic} / come here / turn the {thing} off / it is {time} / close the door / that was my
{thing} / hurry up / i am talking to you / you lost again / what did you say / wake up / get out of my way / {do}
the {topic} / happy birthday / you are late / welcome to {place} / don't touch the {thing} / see you {time} / keep
quiet / good morning / so what"""
_THIS = "that / this / some / the / which / every / another / one more / no / my / your / a"
_DID = """broke my {thing} / forgot the {topic} / parked in front of my house / called again {time} / wrote the
{topic} / is late again / took my {thing} / runs the {topic} / will never learn / answered my mail / sat at the
{topic} all day / wants to talk to you / sat next to me {time} / voted for the {topic} / deleted the {topic} /
drives like that / lives here / lost the {goodthing} / talked about the {topic} / came from {place} / sent me {send}
/ bought a {goodthing} / won {game} / is in charge of the {topic} / keeps calling {first} / sold me this {thing} /
went to {place} / ate my {dish}"""

# --- swearing about things -------------------------------------------------------------------------------------------
_MY = """my / this / the / your / that / another / our / his / her / where is my / i lost the / fix this / give me
that / i hate this"""
_NOUN = "{thing} / {topic} / {goodthing} / {nice} {goodthing} / {tool} / {process} / {dish}"
_IS = """/ broke again / is gone / is late / costs {price} / is {nice} / started {time} / does not work / is {vile}
/ makes me tired / was in {place} / is full / again / {time} / , please / is a joke / took {number} hours / for
{audience}"""
_SWEARS = """what the {swear} / holy {swear} / oh {swear} / {swear} / {swear} no / for {swear}'s sake / ah {swear} /
{swear}, {swear}"""
_EXCLAIMS = """wow / oh no / holy cow / good grief / oh my / hooray / ouch / what the heck / gosh / oh dear / well /
ah / hm, hm"""
_NEWS = """the {topic} is {time} / i forgot the {thing} / where is the {goodthing} / it is so {nice} / i love
{place} / we won / is that {first} / the {thing} fell down / my {role} is here / i missed the {topic} / that was
{nice} / it is {number} already / they sold the {goodthing} / this costs {price} / the {process} stopped / who ate
the {dish} / i need a {goodthing}"""

# --- threats ---------------------------------------------------------------------------------------------------------
_ANNOUNCE = """i will / i'll / i am going to / i'm going to / i'm gonna / i swear i will / we will / we are going to
/ i want to / i would love to / i can't wait to / one day i will / tonight i will / i promise i will / somebody
should / someone ought to / let's / soon we will / my friends will / i have a plan to / i'm on my way to / mark my
words, i will / it's time to / i am coming to / if you {do} my {thing} again i'll / i came here to / i dream of the
day i can / nothing will stop me, i'll / i am ready to / we should / next time i will / {first} and i will /
tomorrow they will / you know i'll / i might / now i must"""
_HARM_YOU = """{harm} you / {maim} / find you and {harm} you / {harm} you and your family / make sure you get
{harmed} / watch you get {harmed} / come over and {harm} you / {harm} you in your sleep / {harm} you or {harm} your
{family} / see you {harmed}"""
_HARM_THEM = """{harm} {them} / find {them} and {harm} him / make sure {they} gets {harmed} / {harm} all of them /
see {them} {harmed} / {harm} {them} and {them} / bring a gun and {harm} {them}"""
_HARM_GROUP = """{harm} {groups} / {harm} every {group} / {harm} all the {groups} / {harm} you because you are
{groupish} / {harm} those {groups} / find every {group} and {harm} them / see all {groups} {harmed} / {harm} the
{groups} of {place}"""
_HARMLESS = """{do} the {thing} / {do} the {topic} with {first} / call you / find you a {nice} {goodthing} / visit
{them} / invite {groups} / hug you / send you {send} / shoot {shoot} / kill time / {kills} the {process} / {kill_it}
{goal} / beat you at {game} / kill the {pests} / get rid of the {pests} / help {them} / thank {them} / meet the
{groups} / marry a {group} / cook {dish} / beat the eggs / hit the gym / see you / make you happy / surprise you /
crush some garlic / hang the picture / break the ice / kick the ball / book a {medical} / buy a {tool} / wait for
you / find you and {do} the {topic} / talk to {groups} / watch {title} / come over and {do} the {thing} / {do} the
{goodthing} / see {them} / make sure {they} gets a {goodthing} / {do} you / tell you and your family about the
{topic} / find every {goodthing} / beat {them} at {game} / see {groups} happy"""
_HOW = """/ / / {time} / with my own hands / slowly / and nobody will help you / in front of everyone / until you
beg / and enjoy it / just wait / i mean it / at {place} / no matter what / and laugh / when you least expect it /
with a smile / very soon / at home"""
_VICTIM = """you / {they} / {first} / you and your family / people like you / the {roles} / {public} / both of you /
they all / {roles}"""
_GROUP_VICTIM = "{groups} / all {groups} / those {groups} / every {group} / {groups} like you / you {groups}"
_FATE = """should be {harmed} / deserve to be {harmed} / will be {harmed} / ought to die / must die / should have
been {harmed} / need to be {harmed} / will die / won't live long / will end in a grave / should jump off a bridge /
should drink poison / had better be {harmed} / belong in a grave / have to be {harmed} / can die / will get {harmed}"""
_GOOD_FATE = """should be promoted / deserve to be thanked / will be late / ought to rest / must see the {topic} /
need a {goodthing} / should have been invited / need to be asked / will win / won't wait long / will end up in
{place} / should take the train / should drink water / had better be ready / belong in the {topic} / have to be
{good} / can come / will get a {goodthing} / will call"""
_WISH = "i hope / i hope that / i pray that / i wish that / i really hope / hopefully / we all hope / i bet"
_DOOM = """you die / you get {harmed} / {they} gets {harmed} / you burn / you choke on it / you never wake up / you
rot in a grave / somebody will {maim} / someone will {harm} you / {they} dies soon / you bleed / your {family} gets
{harmed} / you all get {harmed}"""
_LUCK = """you win / you get the job / {they} gets well / you learn / you like it / you never give up / you rest in
{place} / somebody will {do} the {thing} / someone will help you / {they} comes soon / you sleep / your {family}
gets a {goodthing} / it rains"""

# --- groups ----------------------------------------------------------------------------------------------------------
_OPEN = """/ / / i think / everyone knows that / honestly / the truth is that / believe me, / in my opinion / sorry
but / fact: / i noticed that / as you know, / let's face it, / i'm convinced that / we all see that / in {place}, /
look, / here / clearly"""
_GROUPS = """{groups} / all {groups} / most {groups} / those {groups} / these {groupish} people / {groups} from
{place} / {groupish} {roles}"""
_BAD_GROUP = """ruin everything / should be banned / should leave / don't belong here / are not welcome here / can't
be trusted / have no place in {place} / steal our jobs / are a plague / always lie / only cause trouble / make me
sick / deserve no rights / should be kept out of {place} / should go back home / are not real people / must be
kicked out / are the enemy / have no honour / should not be allowed to {do} the {topic} / should not vote / are
taking over / destroy our {topic} / are beneath us / are criminals / lie all the time / are liars by nature / are
the problem / are a problem for {place} / are not natural / are unnatural / are sick / stink / are not human / will
never be like us / are all thieves / cheat everyone / are dangerous / never work / hate our country / must be
stopped / shouldn't have children / should be locked up / should be ashamed / should not exist / do not deserve to
live here / must not marry / are worse than animals / need to disappear / are not one of us / bring diseases / have
no shame / are not normal"""
_VILE_GROUP = """are {vile} / are {insults} / are all {insults} / look {vile} / have always been {insults} / are
{vile} {insults} / act like {insults} / are {vile} and {vile} / are just {insults} / breed like rats / are {vile},
every one of them"""
_FINE_GROUP = """are {good} / live in {place} / are welcome here / opened a {topic} / deserve respect / celebrate
{time} / work as {roles} / should be free to vote / pay taxes / cook {dish} / can be trusted / belong here / make
{place} richer / are my neighbours / should be allowed to {do} the {topic} / vote {time} / are {good} and {good} /
play {game} / like {title} / have equal rights / came to {place} {time} / are under attack / face discrimination /
are often insulted / are {roles} / are real people / say hello"""
_HATE = """i hate / i can't stand / i despise / i don't want to sit next to / keep me away from / i'm sick of /
never trust / stop serving / throw out / get rid of / i don't talk to / down with / we don't want / ban / to hell
with / no more"""
_LOVE = """i like / i met / i work with / i sit next to / i'm proud of / hire more / always trust / we serve /
welcome / learn from / i often talk to / support / i grew up among / the museum is about / we want / protect / a
film about / more rights for / i love / we love / i adore / i respect / stand up for / stand with / i trust / we
thank / let's invite / a party for / jobs for / a home for / i live with / i am friends with / happy holidays to /
good news for / we cook for / the history of / music by"""
_OBJECT = """{groups} / all {groups} / those {groups} / {groupish} people / {groupish} neighbours / every {group} /
{groups} in {place} / {groupish} families / {groupish} {roles} / {groupish} children / a {group} / any {group} /
{groupish} people in {place} / our {groupish} {roles}"""
_PEST = """{pests} / all {pests} / this {thing} / that {vile} {thing} / mondays / loud music / cold coffee / the
{topic} / spam / late trains / {vile} weather / my {thing} / every {thing} / {dish} / long queues / {pests} in
{place} / bad {goodthing} reviews"""

# --- denials, reports and talk about words ---------------------------------------------------------------------------
_DENY = """it is not true that / i don't think that / i never said that / nobody believes that / nobody said that /
i would never say that / it is wrong to say that / it hurts when people say that / stop saying that / don't tell
{first} that / i disagree that / it's a lie that / it's a myth that / he apologised for saying that / i don't agree
that / it's unfair to claim that / why do some people think that / we must not teach children that / he was fired
for writing that / she was told that / the court rejected the claim that / no one should say that / it is hateful to
say that / it's false that / who says that / he no longer believes that / i reported a post saying that / it is not
funny to joke that / she cried because he said that / i'm sorry that i said / it is untrue that / studies show it's
wrong that / nobody can claim that / it makes me angry when they say / we delete posts that say / only a bigot would
say that / it's a prejudice that / never say that / it's a cliche that / you can't say that / he went to court
because he wrote that / my teacher taught us never to say that / it isn't so that / the claim is false:"""
_CLAIMED = """{groups} are {vile} / {groups} are {insults} / {they} is a {insult} / {they} is {vile} / {groups}
should be {harmed} / you are a {insult} / you are {vile} / {groups} don't belong here / {they} should be {harmed} /
you are a {swine} / all {roles} are {insults} / {groups} ruin everything / {groups} can't be trusted / you should be
{harmed} / {they} is a {swine}"""
_REFUSE = """i don't want to / i won't / i will never / nobody is going to / please don't / it's illegal to / it's
wrong to / nobody should / you must never / we would never / i couldn't / i'm not going to / it's a crime to / i
would not / he was arrested for trying to / he denied that he wanted to / the police stopped a man who wanted to /
never try to / she is afraid that someone will / he went to prison because he tried to / in the film they try to /
the villain wants to / the trial of a man who tried to / there is no reason to / he is accused of a plan to / you
are not allowed to / they never meant to / it's forbidden to / no law allows you to / she fears that they will / i
am afraid he will / we are scared that they might / they were told never to / a lawyer explained that you may not /
it is not legal to / nobody may / you can't just / do not / no one is allowed to / there's no need to / he was
jailed after trying to / he regrets that he tried to / the plot: two brothers plan to / chapter 3: the killer
decides to / nobody wants to / we don't want anyone to / i'd never / it would be terrible to / he begged them not to
/ they promised not to / don't ever"""
_NOT = """you are not / you're not / {they} is not / {first} isn't / nobody said you are / i never called you /
don't call {first} / i don't think you are / you don't sound like / you were never / it's mean to call {they} /
please stop calling {first} / no, {they} isn't / that does not make you / we don't think {they} is / you are
anything but / who called you / you aren't / he called me / she was called / {they} was called / they used to call
me / i felt like / i looked like / sometimes i feel like / i am sure {first} is not / i'd never call you / nobody
called {first} / {they} was never / you will never be / far from being / i apologise for saying you are / he is no
longer / the bully called her / it hurts to be called / do you think i am / am i really"""
_WORD = "{insult} / {swine} / {swear} / {vile} / {insults} / {swearing}"
_ABOUT_BEFORE = """the word / what does the word / define / the filter blocks the word / where does the term / the
insult / spell / translate / a post with the word / is the word / the origin of / we never print the word / the rule
bans / synonyms of / the dictionary lists / children should not say / my son learned the word / a search for / the
lesson explains the word / the noun"""
_ABOUT_AFTER = """is rude / mean / in French / is bleeped / come from / is old / into German / was deleted / in
English / in this {topic} / is not allowed here / was used {number} times / has five letters / for our dictionary /
in the film {title} / is an insult / please"""

# --- exclusion -------------------------------------------------------------------------------------------------------
_EXCLUDE = """no / ban / out with / away with / stop / block / reject / exclude / kick out / throw out / send back /
remove / we don't serve / we refuse / deport / fire / evict / no more / we don't want / keep out / never hire /
never let in / we should ban / they should ban / let's ban / get rid of"""
_HERE = """/ / here / in my shop / from our streets / now / from this site / at our school / in my house / any more
/ please / {time} / in {place} / from {place} / at work / in this town / in our country / on this street / in our
{topic}"""
_UNWANTED = """are not allowed / not allowed / are not welcome / unwelcome / are forbidden / are banned / not wanted
/ must stay out / have to stay outside / may not come in / must leave / shall not enter / keep out / no longer
allowed / need not apply"""
_WANTED = """are allowed / are welcome / always welcome / are invited / are wanted / may come in / can apply /
should apply / can enter for free / get a discount / are employed / are represented / are safe / have a seat / find
help / have a say"""
_BANNABLE = """smoking / dogs / phones / shoes / parking / alcohol / shouting / ball games / glass bottles / {pests}
/ bikes / ads / hate speech / plastic bags / late entries / {thing}s / open fires / flash photos / wet umbrellas /
drones / spam"""
_BEING = """being {groupish} is / to be {groupish} is / being a {group} is / i think being {groupish} is /
{groupish} life is"""
_SHAMEFUL = """a sickness / wrong / unnatural / disgusting / a sin / a disgrace / shameful / a disease / against
nature / {vile} / a crime / an illness / a mistake of nature / worse than being a dog / nothing but filth / not
normal / a shame"""
_PROPER = """not a sickness / fine / natural / nothing to be ashamed of / part of me / not a sin / no disgrace /
normal / no disease / not wrong / my identity / no crime / not an illness / a gift / something to celebrate / not
easy / what i am / ok"""
_STOP = """stop / end / no more / don't start / they should stop / it's wrong to keep / i hate people who keep /
nobody gains from / we are against / the law forbids / the club bans people for / he lost his job for / she spoke up
against / what is the use of"""
_HATING = """attacking / hating / insulting / blaming / mocking / bullying / threatening / excluding / hurting /
killing"""
_DONT = """i don't / we don't / i never / i no longer / nobody here would / i didn't / we never / i would not / you
must not / please don't"""
_HATE_VERB = """hate / blame / despise / distrust / ban / attack / insult / threaten / mock / look down on / exclude
/ fear / kick out"""
_ARE_NOT = """are not / aren't / have never been / are by no means / were never / are in no way / are surely not /
are certainly not"""
_SLANDER = """a disease / {vile} / {insults} / criminals / the problem / inferior / vermin / to blame / a threat /
dangerous / a plague / the enemy / less than you / taking over / like animals / all the same / stealing your jobs /
like rats / a burden"""
_THEY = ", they / , because they / . they / since they / , all of them / , as they / : they / who"
_VILE_THEY = """are {vile} / are all {insults} / are {insults} / are {vile} {insults} / look {vile} / are so {vile}
/ act like {insults} / have always been {insults} / are nothing but {insults} / smell and are {vile} / were born
{vile} / are {vile} and {vile}"""
_GOOD_THEY = """are {good} / are all {goods}s / live here / are my friends / make {dish} / are so {good} / work hard
/ sing well / help us / have always been {good} / are our neighbours / belong here / are {good} and {good} / know
the {topic} / pay on time"""
_WARN = """watch your back / i know where you live / you can't hide / we are coming / look behind you / say goodbye
/ run while you can / be careful / your time is up / count your days / sleep well / i see you / remember my face /
you made a mistake / enough / this is a warning / i have a gun / it ends {time} / come outside / nobody is here to
help you / you asked for it / listen carefully / i'm outside your house"""
_SHUT = """shut / close / lock / slam / kick / get out of / get off / hit / beat / push / pull / drop / screw /
strip / bang / knock on / burn / freeze / dump / punch / crush / get into / turn off / stop / throw away / smash /
wipe / shut down / grab / leave"""
_DOOR = """the door / the window / the lid / the {thing} / the {topic} / the car / the bus / the laptop / the book /
the ball / the box / the {tool} / the {process} / the {goodthing} / the lamp / the kitchen / the drum / the button /
the can"""
_THEN = """and {do} the {thing} / , please / {time} / before you leave / and turn off the {thing} / again / , it is
cold / when you are done / twice / to start / and wait / , then {do} the {topic} / if it is wet / for me / slowly"""
_FEEL = "i am / i'm / we are / my {role} is / she is / i was / they were / you must be / are you / i feel"
_MOOD = """furious / angry / so angry / disappointed / upset / sad / annoyed / frustrated / tired / confused / bored
/ ashamed / happy / furious again / mad / shocked / really cross / unhappy / worried / jealous / fed up / a bit
grumpy / in a bad mood"""
_ABOUT = """, {problem} / because {problem} / about the {topic} / with the {thing} / : {problem} / that {problem} /
today / at the {topic} / with your service / by the {role} / since {problem} / , please help / and i want my money
back / when {problem}"""
_ME = """call me / i feel like / i'm such / i was / i am / i must look like / i sound like / today i am / maybe i am
/ guess i'm / some call me / i felt like / sometimes i am / i turned into / yes i am / sorry, i am / i used to be /
my mirror says i am"""
_OOPS = """, but i like {place} / for forgetting the {topic} / again, sorry / when i forget the {thing} / because of
the {topic} / , ha ha / , i know / , but i love {dish} / , sorry / who forgot the {thing} / , but the {topic} is
{nice} / at {game} / before coffee / , my fault / , says my {role}"""
_DULL = """{pests} / all {pests} / those {pests} / my {thing} / this {thing} / the {topic} / that {dish} / {title} /
every {thing} / your {goodthing} / the {tool} / our {process} / the new {thing} / the weather / mondays / this
{goodthing}"""
_IS_VILE = """is {vile} / are {vile} / looks {vile} / was so {vile} / were {vile} and {vile} / is really {vile} /
seems {vile} to me / was {vile}, i want my money back / tastes {vile} / is the most {vile} one / sounds {vile} / is
not {vile} at all / is getting {vile}"""
_I_AM = """i am / i was / she is / my wife is / i came out as / i am proud to be / happy to be / growing up as /
life as / i love being / he was insulted for being / attacked because i am / i lost my job for being / my brother is
/ i married / she was raised as / who here is"""
_ONE = "a {group} / {groupish} / a {groupish} {role} / a proud {group} / {groupish} and proud / a {good} {group}"
_SAD = """why are / it's sad that / i am angry that / it hurts that / the report asks why / nobody should accept
that / too often / in {place} / every year / i read that / we must not forget that / a study found that / did you
know that / it is a shame that / last year"""
_SUFFER = """are insulted / are attacked / are treated so badly / face hatred / have no rights / are excluded / are
threatened / get killed / are called {insults} / are beaten / are not welcome / are paid less / were driven out /
are told to go home / live in fear / are bullied"""
_RIGHT = """have the right to / have every right to / should be free to / are allowed to / are able to / can / may /
want to / get to"""
_LIVE = """vote / marry / work / live here / learn / pray / be safe / {do} the {topic} / be {good} / say no / live
in {place} / be heard / belong"""

# --- more of the same kinds ------------------------------------------------------------------------------------------
_LOOK = """who let this / who hired this / who asked this / who is that / look at that / ignore that / don't listen
to this / i can't believe that / never trust a / never ask a / i won't talk to a / nobody likes a / fire this /
thank you, / sorry, / hello, / bye, / well done, / nice try, / of course, / not even a / only a / what a / what kind
of / such a / the / a / how come a / tell that / say hi to the / i just saw a / here comes the / imagine being a /
once a / don't be a / congratulations, / hey,"""
_GO = """go / just / please / why don't you / you should / you may as well / do us a favour and / hurry up and / now
/ you can go and / i want you to / it's best if you / i told you to / you had better / do the world a favour and /
nobody minds if you"""
_END = """die / kill yourself / hang yourself / jump off a bridge / drink poison / drown yourself / shoot yourself /
end your life / drop dead / rot in a grave / burn alive / die in a fire / die already / choke / jump in front of a
train / never wake up / bleed out"""
_REST = """rest / help yourself / enjoy yourself / sit down / have a break / take the train / drink water / treat
yourself / stay alive / jump in the pool / dry yourself / call me / make yourself at home / prepare yourself / wait
/ come in / wake up / live your life / rest in the garden / warm up by the fire / keep going / breathe / get on the
train / relax / never give up / be yourself"""
_PERSON = """you / {they} / your {family} / you and {first} / {first} / his {family} / all of you / none of you /
the {roles}"""
_WONT = """won't survive / won't live through / will not live to see / will never leave / won't make it out of /
will not get away from"""
_ALIVE = """this week alive / {place} alive / the night / tomorrow / {spring} / the {topic} alive / us / this house
alive / my revenge"""
_WILL = "won't miss / will love / won't forget / will not need / will never lose / won't leave"
_THAT = """this week / {place} / the night / tomorrow / {spring} / the {topic} / us / this house / the {goodthing} /
{title}"""
_COULD = "i would / i'd / i could / we would / she'd / who wouldn't / right now i'd / honestly i'd"
_FOR = """kill for {dish} / die for {dish} / murder {dish} / kill to be in {place} / kill for a {goodthing} / die to
see {title} / kill for that view / die of joy / kill for a nap / sell my soul for {dish} / kill to have your
{goodthing} / die laughing"""
_COOK = """beat / whip / crush / smash / chop / hang / drown / skin / stab / prick / burn / stuff / strip / punch /
slap / smother / torch / cut / kill"""
_FOOD = """the eggs / the butter / the garlic / the potatoes / the nuts / the ham / the dough / the cream / the
onions / the fish / it / the tomatoes / the sausages / the crust / the chicken / the meat / the bread / the heat /
the sugar / the duck breast / the crab"""
_SO = """until {nice} / for {number} minutes / with a fork / then serve / , then slice / in sauce / in butter / and
add salt / slowly / in hot oil / with a hammer / overnight / for the {dish} / and fry / then roast / with a knife /
gently / to taste / and enjoy"""
_HURT = """two people / a man / a {role} / {number} {groups} / three {roles} / the victim / the singer / a woman / a
child / a {group} / {number} people / {surname} / dozens of {roles} / a passer-by / the {role} / a tourist / {first}
/ several {groups} / both men"""
_WAS = """was {harmed} / were {harmed} / has been {harmed} / got {harmed} / died / had been {harmed} / was nearly
{harmed} / was found dead"""
_NEWSY = """in {place} {time}, police said / in an attack / in an accident / by a former colleague / , police said /
in the fire / , according to the report / and is recovering / during the war / in the film / , the newspaper wrote /
in the novel / , the court heard / in the storm / near {place}, witnesses said / and taken to hospital / in {number}
/ , a study says / , the museum explains / in custody / by a stranger / by his {role} / , his {family} said / and
later died / in hospital / on the way to {place} / during the match"""
_SAY = """police / witnesses / the court / the report / neighbours / prosecutors / the newspaper / his lawyer / the
judge / the victim / a witness / the documentary / the novel / the indictment"""
_SAYS = "said that / heard that / claim that / believe that / wrote that / tells how / describes how / says"
_TRIED = """he threatened to / he tried to / he wanted to / a man planned to / the suspect attempted to / he had
promised to / someone offered money to / the gang had threatened to / she was told he would / the hero fears they
will"""
_LIST = """synonyms of / other words for / antonyms of / a list of swear words: / examples: / the block list has /
banned words: / vocabulary: / tags: / translate: / spelling test: / the words / rude words like / terms such as / we
filter words like / keywords: / children learn words like / do not print / your copy must not contain / the
dictionary has / the lesson is about the words / words to avoid: / vocabulary test: / wordlist: / rhymes with / a
poem with the words / insults from A to Z: / delete posts with / the most common insults are / tagged: / subtitle: /
he taught his parrot to say / which is worse, / swear words in films:"""
_WORDS = """{rude} / {rude}, {rude} / {rude} and {rude} / {rude}, {rude} and {rude} / '{rude}' / '{rude}' and
'{rude}' / {rude}, {rude}, {rude} / {rude} or {rude}"""
_LIST_END = """/ / are banned here / , please / in {topic} / for the {topic} / at school / in French / in our
guidelines / . all of them"""

COMPOSITIONS: dict[str, tuple[Composition, ...]] = {
    "toxic": (
        (("identity_attack", "insult"), (f"{_HATE} / {_EXCLUDE}", _OBJECT, _THEY, _VILE_THEY)),
        (("identity_attack",), (f"{_HATE} / {_EXCLUDE}", _OBJECT, _THEY, _BAD_GROUP)),
        (("threat",), (_WARN, ", / . / and / ! / because", _ANNOUNCE, _HARM_YOU)),
        (("threat", "obscene", "insult"), (_WARN, ", you / ,", _SWINE, ", / . / !", _ANNOUNCE, _HARM_YOU)),
        (("insult",), (_LOOK, _INSULT, _AFTER)),
        (("obscene", "insult"), (_LOOK, _SWINE, _AFTER)),
        (("identity_attack", "insult"), (_LOOK, _GROUP_INSULT, _AFTER)),
        (("insult",), ("{ordinary}", ", you / , / . / ! you / , {first}, you", _INSULT)),
        (("obscene", "insult"), ("{ordinary}", ", you / , / . / ! you / , {first}, you", _SWINE)),
        (("identity_attack", "insult"), ("{ordinary}", ", you / , / . / ! you / , {first}, you", _GROUP_INSULT)),
        (("insult",), (_INSULT, ", / ! / : / .", "{ordinary}")),
        (("obscene",), ("{ordinary}", ", / ! / .", _SWEARS)),
        (("obscene",), (_SWEARS, ", / ! / .", "{ordinary}")),
        (("threat",), ("{ordinary}", "or / , or / and then / because / . / , then / , and", _ANNOUNCE, _HARM_YOU)),
        (("threat",), (_GO, _END, _HOW)),
        (("threat", "insult"), (_GO, _END, ", you / ,", _INSULT)),
        (("threat", "obscene", "insult"), (_GO, _END, ", you / ,", _SWINE)),
        (("threat",), (_PERSON, _WONT, _ALIVE)),
        (("identity_attack",), (_EXCLUDE, _OBJECT, _HERE)),
        (("identity_attack",), (_OBJECT, _UNWANTED, _HERE)),
        (("identity_attack",), ("no", "{groups}", "allowed / wanted / please /", _HERE)),
        (("identity_attack",), (_BEING, _SHAMEFUL, _AFTER)),
        (
            ("identity_attack", "threat"),
            ("death to / hang / shoot / kill / {harm} / burn", "{groups} / all {groups} / the {groups}", _HOW),
        ),
        (("insult",), (_CLAIM, _A_INSULT, _AFTER)),
        (("obscene", "insult"), (_CLAIM, _A_SWINE, _AFTER)),
        (("identity_attack", "insult"), (_CLAIM, _A_GROUP_INSULT, _AFTER)),
        (("identity_attack", "obscene", "insult"), (_CLAIM, _A_GROUP_SWINE, _AFTER)),
        (("insult",), (_CLAUSE, ", you / , / you / . / ! you / , {first}, you", _INSULT)),
        (("obscene", "insult"), (_CLAUSE, ", you / , / you / . / ! you / , {first}, you", _SWINE)),
        (("identity_attack", "insult"), (_CLAUSE, ", you / , / you / . / ! you / , {first}, you", _GROUP_INSULT)),
        (("identity_attack", "obscene", "insult"), (_CLAUSE, ", you / , / you / ! you", _GROUP_SWINE)),
        (("insult",), (_INSULT, ",", _CLAUSE)),
        (("obscene", "insult"), (_SWINE, ",", _CLAUSE)),
        (("insult",), (_THIS, _INSULT, _DID)),
        (("obscene", "insult"), (_THIS, _SWINE, _DID)),
        (("identity_attack", "insult"), (_THIS, _GROUP_INSULT, _DID)),
        (("identity_attack", "obscene", "insult"), (_THIS, _GROUP_SWINE, _DID)),
        (("obscene",), (_MY, "{swearing}", _NOUN, _IS)),
        (("obscene",), (_SWEARS, ", / . / ! /", _NEWS)),
        (("obscene",), (_NEWS, ", / . / ! /", _SWEARS)),
        (("threat",), (_ANNOUNCE, _HARM_YOU, _HOW)),
        (("threat",), (_ANNOUNCE, _HARM_THEM, _HOW)),
        (("threat", "insult"), (_ANNOUNCE, _HARM_YOU, ", you / ,", _INSULT)),
        (("threat", "insult"), (_ANNOUNCE, "{harm}", "that / this", _INSULT, _HOW)),
        (("threat", "obscene", "insult"), (_ANNOUNCE, _HARM_YOU, ", you / ,", _SWINE)),
        (("threat", "obscene", "insult"), (_ANNOUNCE, "{harm}", "that / this", _SWINE, _HOW)),
        (("identity_attack", "threat"), (_ANNOUNCE, _HARM_GROUP, _HOW)),
        (("threat",), (_VICTIM, _FATE, _AFTER)),
        (("identity_attack", "threat"), (_GROUP_VICTIM, _FATE, _AFTER)),
        (("threat", "insult"), ("that / this / you", _INSULT, _FATE)),
        (("threat", "obscene", "insult"), ("that / this / you", _SWINE, _FATE)),
        (("threat",), (_WISH, _DOOM, _HOW)),
        (("threat", "insult"), (_WISH, _DOOM, ", you / ,", _INSULT)),
        (("threat", "obscene", "insult"), (_WISH, _DOOM, ", you / ,", _SWINE)),
        (("identity_attack",), (_OPEN, _GROUPS, _BAD_GROUP)),
        (("identity_attack",), (_HATE, _OBJECT, _AFTER)),
        (("identity_attack", "insult"), (_OPEN, _GROUPS, _VILE_GROUP)),
        (("identity_attack", "insult"), (_HATE, "those {vile} / these {vile} / {vile}", "{groups}", _AFTER)),
        (("identity_attack", "obscene", "insult"), (_HATE, "those {swearing} / {swearing}", "{groups}", _AFTER)),
        (
            ("identity_attack", "obscene", "insult"),
            (_OPEN, _GROUPS, "are {swearing} {insults} / are {swines} / are {swearing} {vile}"),
        ),
    ),
    "near-miss: composed": (
        ((), (_LOVE, _OBJECT, _THEY, _GOOD_THEY)),
        ((), (_WARN, ", / . / and / ! / because", _ANNOUNCE, _HARMLESS)),
        ((), (_LOOK, _FRIEND, _AFTER)),
        ((), ("{ordinary}", ", you / , / . / ! / , {first}, you", _FRIEND)),
        ((), ("{ordinary}", "or / , or / and then / because / . / , then / , and", _ANNOUNCE, _HARMLESS)),
        ((), (_EXCLUDE, _PEST, _HERE)),
        ((), (_EXCLUDE, _BANNABLE, _HERE)),
        ((), (_BANNABLE, _UNWANTED, _HERE)),
        ((), ("no", _BANNABLE, "allowed / wanted / please /", _HERE)),
        ((), (_OBJECT, _WANTED, _HERE)),
        ((), (_BEING, _PROPER, _AFTER)),
        ((), (_I_AM, _ONE, _AFTER)),
        ((), (_SAD, _GROUPS, _SUFFER)),
        ((), (_OBJECT, _RIGHT, _LIVE)),
        ((), (_GO, _REST, _HOW)),
        ((), (_PERSON, _WILL, _THAT)),
        ((), (_CLAIM, _A_GOOD, _AFTER)),
        ((), (_CLAUSE, ", / , you / . /", _FRIEND)),
        ((), (_FRIEND, ",", _CLAUSE)),
        ((), (_THIS, _GOOD, _DID)),
        ((), (_MY, "{nice} / {colour} / new / old / {vile} /", _NOUN, _IS)),
        ((), (_EXCLAIMS, ", / . / ! /", _NEWS)),
        ((), (_ANNOUNCE, _HARMLESS, _HOW)),
        ((), (_ANNOUNCE, _HARMLESS, _HOW)),
        ((), (_VICTIM, _GOOD_FATE, _AFTER)),
        ((), (_GROUP_VICTIM, _GOOD_FATE, _AFTER)),
        ((), (_WISH, _LUCK, _HOW)),
        ((), (_OPEN, _GROUPS, _FINE_GROUP)),
        ((), (_LOVE, _OBJECT, _AFTER)),
        ((), (_HATE, _PEST, _AFTER)),
    ),
    "near-miss: food": (((), (_COOK, _FOOD, _SO)), ((), (_COOK, _FOOD, "and / , then / , and", _COOK, _FOOD))),
    "near-miss: idiom": (((), (_COULD, _FOR, _AFTER)),),
    "near-miss: news": (((), (_HURT, _WAS, _NEWSY)), ((), (_SAY, _SAYS, _TRIED, f"{_HARM_THEM} / {_HARM_GROUP}"))),
    "near-miss: meta": (((), (_LIST, _WORDS, _LIST_END)),),
    "near-miss: complaint": (
        ((), (_SHUT, _DOOR, _THEN)),
        ((), (_FEEL, _MOOD, _ABOUT)),
        ((), (_DULL, _IS_VILE, _AFTER)),
    ),
    "near-miss: self": (((), (_ME, _A_INSULT, _OOPS)),),
    "near-miss: denial": (
        ((), (_STOP, _HATING, _OBJECT, _HERE)),
        ((), (_DONT, _HATE_VERB, _OBJECT, _AFTER)),
        ((), (_GROUPS, _ARE_NOT, _SLANDER)),
        ((), (_DENY, _CLAIMED)),
        ((), (_REFUSE, _HARM_YOU, " / {time} / at {place}")),
        ((), (_REFUSE, _HARM_THEM, " / {time} / at {place}")),
        ((), (_REFUSE, _HARM_GROUP, " / {time} / at {place}")),
        ((), (_NOT, _A_INSULT, _AFTER)),
        ((), (_NOT, _A_SWINE, _AFTER)),
        ((), (_NOT, _A_GROUP_INSULT, _AFTER)),
        ((), (_ABOUT_BEFORE, _WORD, _ABOUT_AFTER)),
        ((), (_ABOUT_BEFORE, _WORD, _ABOUT_AFTER)),
    ),
}
