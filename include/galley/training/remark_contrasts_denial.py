"""Minimal pairs of abuse that is not meant: denied, forbidden, regretted, quoted, imagined, said of oneself.

For training only, see `remark_contrasts`; notation as in `remark_patterns`.
"""

from __future__ import annotations

from galley.training.remark_patterns import Composition

_NAME = """a {insult} / a {vile} {insult} / such a {insult} / {vile} / so {vile} / {vile} and {vile} / a bit of a
{insult} / quite a {insult} / rather {vile} / a {vile} little {insult} / a {vile} old {insult} / a {vile} person / a
{vile} {role} / a {insult} or worse / both {vile} and {vile} / too {vile} for words / a {vile} human being / utterly
{vile} / downright {vile} / an old {insult} / one of the {insults}"""
_SWORN = """a {swine} / a {vile} {swine} / such a {swine} / a bit of a {swine} / quite a {swine} / a {vile} old {swine}
/ a {swine} or worse / a {vile} little {swine} / an old {swine}"""
_TAIL = """/ / / / , honestly / , i think / in this matter / , believe me / at the {topic} / when you play {game} /
with a {tool} / , so there / , says my {role} / , that much is clear / , {first} / on the {topic} committee / , period
/ , you know / in traffic / , to put it simply / , and {first} agrees / , by the way"""
_TAIL_CALL = """/ / / / over a {thing} / at the {topic} / , i think / , honestly / in front of the {roles} / on the
phone / in the group chat / behind your back / in public / on the radio / in a letter / , all things considered / to
your face / because of the {topic} / in every comment / , {first}"""
_WHO3 = """my {role} / our {role} / that {role} / the {role} from {place} / your {role} / the new {role} / the {role}
next door / {they} / {first} from {place} / the {role} on the phone / the host of the {topic} / this {role} / the man
in the lift / the woman at the counter"""
_G = """{groups} / {groupish} people / {groupish} neighbours / {groupish} {roles} / {groups} in {place} / {groupish}
men / {groups} and {groups} / {groupish} youths / the {groups} of {place} / {groupish} workers"""
_EMPHATIC = """you are nothing if not / don't tell me you are not / you can't deny that you are / there is no denying
that you are / nobody doubts that you are / why deny that you are / how can you not see that you are / you have never
stopped being / you can't help being / it is no secret that you are / you will never be anything other than / who could
deny that you are / you are, no question, / not a day passes without you being / you are not unlucky, you are / i won't
pretend that you aren't / i don't mind telling you that you are / it isn't news that you are / you don't even hide that
you are / let nobody tell you that you aren't / it must be said that you are / never forget that you are / even your
{role} can't deny that you are / it was never in doubt that you are / i'm not sorry to say that you are / i won't
apologise for saying that you are / i stand by it: you are / what are you if not / nobody but you could be / let me
tell you that you are / i say it again: you are / i don't care who hears it, you are / no offence, but you are / not to
be rude, but you are / it is not my fault that you are / you can't blame others, you are / i can't forgive you for
being / don't be surprised when people notice you are / no apology changes that you are / even in my dreams you are /
that's no joke, you are / i'm not joking: you are / make no mistake, you are / there is no other word, you are / i
refuse to forget that you are / i regret to inform you that you are / i'm afraid you are / who doesn't know that you
are / has no one told you that you are / unlike me, you are / you don't just look it, you are / rumour has it, and i
agree, that you are / as if we didn't know that you are / you'd better not deny that you are / they don't say it, but
you are / you hardly need a mirror to see that you are"""
_DENIED = """you are certainly not / you are in no way / you are by no means / nobody thinks that you are / i doubt
that you are / i deny that you are / it is not true that you are / it's a lie that you are / it is false that you are /
it would be wrong to say you are / i never said that you are / i never meant that you are / i'm sorry i said that you
are / i take it back that i said you are / don't believe those who say you are / don't let anyone tell you that you are
/ don't ever think that you are / stop telling yourself that you are / how could anyone believe that you are / there's
no truth in the claim that you are / losing does not mean that you are / being shy does not mean you are / asking for
help doesn't mean you are / i refuse to believe that you are / it is unfair to say that you are / i was wrong to think
that you were / i misjudged you, you are not / nothing you did shows that you are / no one here believes that you are /
you don't have to fear that you are / i'd never claim that you are / i wouldn't dream of saying you are / it was only
in a dream that you were / only in the play are you / forgive me for thinking you were / i hate it when they say that
you are / it upsets me when {they} says you are / it is nonsense that you are / who told you that you are / pay no
attention when they say you are / it's cruel of {them} to say that you are / we all disagree that you are / nobody gets
to decide that you are / the test does not say that you are / i can't agree that you are / no way are you / not for a
second did i think you were / under no circumstances are you / at no point were you / even on your worst day you are
not / whatever they tell you, you are not / i don't see why they think you are / it doesn't follow that you are / you
have no reason to feel that you are / it isn't your fault, and you are not / just because you failed doesn't mean you
are / it is far from the truth that you are"""
_RIGHT_CALL = """they were right to call you / i don't regret calling you / i'm not sorry for calling you / i won't
stop calling you / nobody can stop me from calling you / it is not wrong to call you / it is no lie to call you / why
should i not call you / you deserve to be called / you ought to be called / i have every reason to call you / it's no
insult but a fact to call you / no court can forbid me to call you / i'm proud that i called you / i never apologise
for calling you / even {first} was right to call you / how could i not call you / it is only fair to call you / i can't
think of a kinder way than to call you / i'd rather be banned than not call you / {they} did well to call you / it's an
understatement to call you / i will always call you / there's no shame in calling you / nobody lied when they called
you / it isn't slander to call you / don't act hurt when i call you / who would not call you / i could call you worse
than / the only honest thing is to call you / if only more people dared to call you / we can't be blamed for calling
you / i meant it when i called you / i was too polite when i only called you / it would be a lie not to call you /
everybody is right to call you"""
_WRONG_CALL = """they were wrong to call you / i regret calling you / i'm sorry for calling you / i will stop calling
you / somebody should stop {them} from calling you / it is wrong to call you / it is a lie to call you / why would
anyone call you / you don't deserve to be called / you ought not to be called / i have no reason to call you / it's an
insult and no fact to call you / the court forbade {them} to call you / i'm ashamed that i called you / i want to
apologise for calling you / {first} was not right to call you / how could they call you / it is not fair to call you /
there's no excuse for calling you / i'd rather bite my tongue than call you / {they} did wrong to call you / it's a
cheap shot to call you / i would never call you / there's great shame in calling you / they lied when they called you /
it is slander to call you / i felt for you when they called you / nobody would call you / i could never call you / the
dishonest thing was to call you / nobody should dare to call you / they can be sued for calling you / i did not mean it
when i called you / i was rude when i called you / it would be a lie to call you / i scolded {them} for calling you /
the moderator warned {them} for calling you / it must have hurt when they called you / it broke my heart that they
called you / i blocked the man who called you / nobody may call you / it is beneath us to call you / i'd be lying if i
called you"""
_ASK = """who says you are / since when are you / who called you / did {they} call you / has anyone ever called you /
do you feel hurt when they call you / what did you answer when {they} called you / would you mind if a clown called you
/ is it legal to call you / why do they wrongly call you / what makes you worry that you are / do you sometimes fear
that you are / would i ever say that you are / did i ever call you / how did you feel when you were called / did the
referee really call you / who on earth would think that you are / which newspaper claimed that you are / can you prove
who called you / is there anyone who dares to call you / in which episode are you called / in your dream, were you
called / when did i ever claim that you were / what would you do if {they} called you / who gave them the right to call
you / must i really listen when they call you"""
_ASK_TAIL = """/ / / , {first}? / at the {topic}? / in the group chat? / again? / in front of everyone? / on the phone?
/ at school? / , may i ask? / today? / , please? / , tell me / , i wonder / all of a sudden?"""
_TAUNT = """why are you / how did you get to be / who made you / who raised you to be / do you enjoy being / were you
born / did you study to be / when will you stop being / aren't you tired of being / aren't you ashamed of being / does
it hurt to be / can't you stop being / why must you always be / how long will you go on being / isn't it hard to be /
is it fun to be / do they pay you to be / what is it like to be / must you be / did nobody tell you that you are / how
does it feel to be / why do you insist on being / can you for once not be / haven't you noticed that you are / who knew
you could be / does your {role} know that you are / do you even know that you are / why won't you admit that you are /
isn't it obvious that you are / how come you are"""
_IS3 = """is without doubt / can't stop being / never stops being / can't help being / never fails to be / is nothing
if not / is not just late but / has once more turned out to be / doesn't even hide being / isn't ashamed of being /
will never cease to be / never was other than / makes no secret of being / is rightly called / deserves to be called /
can't deny being / has no excuse for being / is known for being / can only be described as / isn't even sorry for being
/ is unmistakably / is beyond question / no longer hides being / always manages to be / never tires of being / loves
being / insists on being / is famous for being / has a talent for being / isn't just tired but / was caught being / is
said, and rightly, to be / proved yet again to be / doesn't deny being / was born / is, i regret to say, / is, there's
no other word, / can't but be called / is, in a word, / should apologise for being / ought to be sued for being / will
be remembered as / excels at being / did not have to try hard to be / could not be anything but / is still, as ever, /
has to be called / is, quite frankly, / remains to this day / keeps on being / can't be described but as"""
_ISNT3 = """has never been / refuses to be called / denies being / resents being called / was unfairly labelled / is no
longer called / was wrongly called / would hate to be called / can't be called / can hardly be called / is afraid of
being called / sued a paper after being called / was shocked at being called / does not deserve to be called / doesn't
come across as / is said not to be / proved not to be / was cleared of being / dreamt of being called / cried after
being called / is tired of being called / laughed at being called / got an apology after being called / complained
about being called / is a long way from being / isn't remotely / is not in the least / rejects the charge of being /
disputes being / worries about seeming / fears to be seen as / hates to seem / was teased and called / wonders what it
means to be called / never wanted to be / tries hard not to be / tries never to be / is careful not to seem / is too
{good} to be called / in the play pretends to be / shrugged at being called / was insulted as / hung up on being called
/ won damages for being called / is neither rude nor / objects to being called / got over being called / can't bear
being called / walked out on being called / was never known as / would never stoop to being / is wrongly remembered as
/ is hardly what i'd call / isn't what you would call / did nothing to be called / feels hurt when called"""
_END3 = """/ / / / at the {topic} / in the evenings / , says {first} / with the {roles} / on stage / at {place} / , i
hear / around the {audience} / , as usual / in meetings / in front of the {roles} / at work / on air / , in my view /
in company / at family parties / during {game} / , i'm told"""
_MORE = """no one is more {vile} than / nobody is half as {vile} as / nobody can be as {vile} as / i never met anyone
as {vile} as / nothing on earth is more {vile} than / there is nothing more {vile} than / no {insult} was ever as
{vile} as / even a {insult} is not as {vile} as / who is more {vile} than / who could be more {vile} than / i have yet
to see someone more {vile} than / never has anyone been as {vile} as / in all my years i met no bigger {insult} than /
there is no worse {insult} than / i know no other {insults} like / nobody plays the {insult} better than / not even
{insults} want to be seen with / i can think of no one more {vile} than / find me one person more {vile} than / you
won't find anyone as {vile} as / few people are more {vile} than / hardly anyone is as {vile} as / what is more {vile}
than / it is hard to be more {vile} than / i'd hate to be as {vile} as / nobody wants to be as {vile} as / at least i'm
not as {vile} as / no book could describe {insults} like / i wouldn't trust {insults} like / don't ever lend money to
{insults} like / i won't talk to {insults} like / we don't need {insults} like / never marry {insults} like / keep me
away from {insults} like / i'm sick of {vile} {insults} like / the dictionary has no word {vile} enough for / even
{vile} is too kind a word for / {insult} is not a strong enough word for / i am not {vile}, unlike / i never say
{vile}, except about / by {insult} i don't mean me but / no apology will come from {insults} like"""
_LESS = """no one is less {vile} than / nobody could be less {vile} than / i know few people who are less {vile} than /
i never met anyone less {vile} than / who is less {vile} than / the word {insult} does not fit / nobody says {vile}
things about / nobody may say {insult} to / never say {insult} to / i'd never say {insult} to / i would never be {vile}
to / who would ever say {insult} to / there's no reason to be {vile} to / i did not want to seem {vile} to / i am sorry
that i was {vile} to / i'm ashamed that i was so {vile} to / i apologised for being {vile} to / never use the word
{insult} about / he was fined for shouting {insult} at / the troll who wrote {insult} has apologised to / i take back
the word {insult} and apologise to / {vile} is not a word for / i felt {vile} next to / i felt like a {insult} next to
/ nothing {vile} was ever done by / by {insult} i meant me and not / i wouldn't say {vile} about / a book without one
{vile} word about / {vile} is the wrong word for / no one can be called {vile}, least of all / i am {vile}, unlike / i
must have looked {vile} to / don't shout {insult} at / please do not write {insult} to / the teacher scolded a boy who
said {insult} to / in the novel the king says {insult} to / {public} denies having said {insult} to / it is against the
rules to write {insult} to / why did i have to say {insult} to / it was a mistake to say {insult} about / i asked
{them} not to say {insult} to / the court found it wrong to shout {insult} at / {insult} is a false and hurtful word
for"""
_AIM = """you / you and your {family} / {them} / that {role} / you lot / the {roles} of {place} / {first} from {place}
/ your {role} / you two / our {role} / those {roles} / the man next door / the {audience} of {place} / you guys"""
_BESIDES = """besides being / on top of being / as well as being / not content with being / not satisfied with being /
apart from being / known for being / famous for being / proud of being / in addition to being / not ashamed of being /
rightly called / never tired of being / unable to stop being / always busy being / long used to being / by never
ceasing to be / despite being / other than being / happy with being / paid for being / known far and wide as / never
anything other than / born / when not busy being / no stranger to being / because of being"""
_WITHOUT = """without being / instead of being / rather than being / far from being / never having been / despite never
being / although wrongly called / while by no means / sick of being called / hurt by being called / in no way / not
once called / tired of being called / unlike in the film, not / without ever seeming / so as not to seem / in order not
to be / after unfairly being called / upset at being called / shocked at being called / although not / never seeming /
neither rude nor / afraid of being called / for fear of seeming / cleared of being / falsely described as / in the play
unfairly called / anything but / no longer called / before anyone could call {first} / angry at those who say {first}
is"""
_CLAUSE = """, {they} works in {place} / , {they} plays {game} / , our {role} came to the {topic} / , {first} sells
{thing}s / , {they} left {place} {time} / , the {role} went home / , {they} spoke about the {topic} / , {first} writes
books / , {they} runs the {topic} / , the {role} answered the phone / , my {role} bought a {thing} / , {they} took part
in the {topic} / , that {role} talked to {them} / , {they} met {first} {time} / , {first} sang / , {they} joined the
{roles} / , our {role} took the {goodthing} back / , {they} asked for a refund / , {first} closed the door / , the
{role} keeps a diary"""
_NOT_ONLY = """you are not only {vile} but / not merely {vile}, you are also / you are no less {vile} than / you are
{vile}, if not / nobody but you is both {vile} and / no, you are not just {vile}, you are / i don't know if you are
more {vile} or more / you can't decide whether to be {vile} or / never just {vile}, always / you could hardly be more
{vile} or / no matter how {vile} you get, you stay / not a bit less {vile}, and now also / you are {vile} and no one
denies that you are / if you weren't so {vile}, you'd still be / you are as {vile} as you are / when you aren't {vile},
you are / hardly have you stopped being {vile}, you are / you would be {vile} even if you weren't / don't think that
being {vile} stops you from being"""
_NEITHER = """you are neither {vile} nor / you are not {vile} and not / i don't find you {vile} or / nobody calls you
{vile} or / nothing about you is {vile} or / no, you are not {vile}, let alone / you have never been {vile} or / you
can't be called {vile} or / you were never {vile}, never / i wouldn't call you {vile} or / whoever says that you are
{vile} lies, you aren't / don't think that you are {vile} or / i'm sorry that i called you {vile} and / they shouldn't
have said you were {vile} or / how wrong of {them} to call you {vile} and / it hurts to be called {vile} and / i never
thought you {vile} or / no one should feel {vile} or / it's not as if you were {vile} or / a mistake doesn't make you
{vile} or / only a bully would call you {vile} or"""
_INSIST = """there is no denying that / i don't care who hears it: / nobody can deny that / who can doubt that / why
deny that / it's not prejudice but a fact that / never forget that / i won't apologise for saying that / i'm not
ashamed to say that / let's not pretend: / no offence, but / not to be rude, but / i'm no bigot, but / i have nothing
against anyone, but / you can't tell me it isn't so: / let me tell you that / i say it again: / the truth is that /
nobody dares to say it, but / we're not allowed to say it, but / it's no lie that / it isn't wrong to say that / i'm
right when i say that / don't tell your {family} otherwise: / no law can change that / i don't believe in much, but /
teach your children that / how can you deny that / ban me if you want, / i'm not sorry, / no film will make me forget
that / it is not a rumour, / they were right to write that / no wonder people say that / mark my words: / i stand by
it: / everybody with eyes knows that / as my {role} rightly says, / the leaflet is right that / it has to be said that
/ the rules are silly, / delete this, but / it can't be repeated often enough that / without a doubt / no question, / i
never liked them, / i can prove that"""
_REJECT = """it is a lie that / nobody should claim that / it is not true that / only bigots believe that / it is
prejudice to think that / i reject the idea that / he was fined for writing that / the court punished a man who wrote
that / our rules forbid posts saying that / how wrong it is to think that / i don't believe that / in the film the
villain claims that / i was taught never to say that / a troll got banned for writing that / report anyone who writes
that / the leaflet falsely claimed that / the teacher scolded a boy who said that / i'm ashamed that i once thought
that / {public} apologised for saying that / {public} denies having said that / there is no evidence that / no study
shows that / don't let anybody tell you that / nobody decent says that / it is wrong to say that / i'm wrong if i say
that / never tell your {family} that / no law may say that / i no longer believe that / never teach your children that
/ how can anyone claim that / you will be banned if you write that / i'm sorry i once wrote that / the novel is about a
liar who says that / it is only a rumour that / they were wrong to write that / the minister had to resign for saying
that / it's a cruel old myth that / i left the party when they said that / nobody with eyes can think that / we were
shocked to hear that {first} thinks that / it cannot be said that / it is far from true that / by no means is it true
that / in no way does it follow that / i object to the claim that / the history book shows how a regime taught that /
who would ever say that / it is absurd to suggest that / the podcast debunks the claim that / we deleted a comment that
said that / a hundred years ago people wrongly wrote that / it's defamation to write that / the judge did not accept
the claim that"""
_ARE = """are {vile} / are {insults} / are {vile} {insults} / are all {vile} / are nothing but {insults} / are {vile}
and {vile} / behave like {insults} / are born {insults} / act like {vile} {insults} / are more {vile} than others /
look {vile} / raise {insults} / make {vile} {roles} / are a bunch of {insults} / have always been {vile} / have {vile}
manners / are a {vile} lot"""
_THEY_ARE = """have proved to be / are rightly said to be / can only be called / deserve to be called / are known as /
never stop being / can't help being / like being / enjoy being / have no excuse for being / aren't ashamed of being /
are nothing if not / are without doubt / can't deny being / have always been seen, rightly, as / are not only late but
/ must be called / are by their nature / never were other than / can't be called anything but / should be ashamed of
being / insist on being / remain, as ever, / are a danger, being / will never stop being / have not stopped being"""
_THEY_ARENT = """have proved not to be / are wrongly said to be / can't be called / do not deserve to be called / are
slandered as / are tired of being called / were hurt to be called / have no reason to be called / object to being
called / are in no way / are by no means / deny being / have long been seen, wrongly, as / are neither late nor / must
not be called / are not by their nature / never were / cannot fairly be called / should never have been called /
shouldn't fear being called / refuse to be called / aren't, as some think, / were once unjustly called / will never
again be called / sued those who called them / don't like being called / are not more likely than others to be / are
often falsely portrayed as / should not have to hear that they are / were defended by {first} against being called"""
_THEY_WHAT = """{vile} / {insults} / {vile} {insults} / {vile} and {vile} / {vile} or {vile} / {insults} and {insults}
/ {vile} people / {vile} {roles}"""
_LETS = """i will not hesitate to / we won't stop until we / do not hesitate to / nobody should be ashamed to / it is
no crime to / there's nothing wrong in wanting to / it can't be wrong to / who would not want to / i can't wait to /
don't be afraid to / it is not too late to / we have no choice but to / there is no better plan than to / it is never
wrong to / it's high time to / we had better / nobody will stop us if we / i won't regret it when we / don't let anyone
forbid you to / no law can stop me, i'll / never forget to / it is not enough to talk, let's / why don't we / we won't
rest before we / i'm not joking, we'll / this is no dream, we'll / i refuse to wait any longer to / i'd be glad to / do
not think we won't / it's no use crying, we'll / i'm not afraid to / nothing will keep us from it, we'll / the {role}
must not forget to / it is no shame to / we don't need permission to / don't tell me it's forbidden to / we never
promised not to / if nobody else does it, i'll / no more talk, / it's only right to / you can't forbid us to / without
delay, let's / not even {public} will keep us from trying to / we swore to"""
_NO_ONE_MAY = """it is illegal to / nobody has the right to / we will never / it is a crime to / it would be shameful
to / no decent person wants to / they were fined because they tried to / in the novel the king wants to / the court
forbade the owner to / he regrets that he voted to / {first} dreamt of a town that wanted to / who would ever want to /
i refuse to / the judge stopped a plan to / there is no excuse to / what would make anyone want to / it can't be right
to / do not let anyone / {public} denies any plan to / it's high time people stopped trying to / we won't help {them} /
nobody will be allowed to / i won't let {them} / i'd be ashamed to / the law forbids us to / i would never vote to / we
were horrified that they tried to / it is wrong to / the film is about a mob that wants to / the protest was against a
plan to / the party apologised for its plan to / how dare anyone / under no circumstances may you / whoever tries to
stop us, we won't / the sheriff of the western wants to / it was a disgrace to / do not / let us never again / we sued
a landlord who wanted to / it is never right to / it's not okay to / the teacher told us why it is wrong to / we
promised not to / no reason on earth allows us to / {public} condemned the call to / only a tyrant would / history
warns us not to / i'd quit rather than / we swore never to / the rules say you can't"""
_SHUT_OUT = """ban {groups} from / chase {groups} out of / keep {groups} away from / throw {groups} out of / bar
{groups} from / drive {groupish} families out of / refuse {groups} entry to / lock {groups} out of / send {groups} away
from / put up signs against {groups} in / exclude {groupish} people from / fire all {groups} from / evict {groupish}
families from / remove {groups} from / hang up 'no {groups}' signs at / turn {groupish} people away from / expel
{groups} from / forbid {groups} to enter / deny {groups} a seat at / keep {groupish} children out of"""
_PLACE = """{place} / our street / the school / the pool / the {topic} / the club / this town / the shop / the bus /
our team / the house / the clinic / the cinema / the neighbourhood / the café / the choir / the stadium / the
playground / the hotel / our firm / the university / every village"""
_HARM_G = """{harm} {groupish} people / {harm} {groupish} families / {harm} every {group} / {harm} the {groups} of
{place} / {harm} {groupish} {roles} / burn down the homes of {groups} / {harm} {groups} with a {tool} / throw stones at
{groups} / {harm} {groupish} men / shoot at {groups} / beat up {groupish} people / set fire to the shops of {groups} /
bomb the houses of {groups} / see {groups} {harmed}"""
_WILL = """i can't wait to / i won't hesitate to / nobody will stop me, i'm going to / i don't regret that i will / i
won't rest until i / nothing will keep me from it, i'll / don't think i won't / i'm not afraid to / who will stop me if
i / i'm not joking, i'll / this is no game: i'll / this isn't a film, i'll / i didn't dream it, i will / no court will
help you when i / no police can save you, i'll / it is no empty threat: i'll / i'm not bluffing, i'll / you can't hide,
i will / don't tell anyone, but i'll / i never break my word, i'll / it won't be long before i / say no and i'll /
refuse and we'll / i won't say it twice: i'll / not tonight, but tomorrow i'll / i don't need a reason to, i'll / i
would love to / i want to / nobody will miss you when i / don't be surprised when i / no door will hold when i come to
/ i will not be sorry when i / i won't apologise after i / never doubt that i'll / i have nothing to lose, i'll / i
swear i'll / unless you pay, i'll / if you don't leave, i'll / if you ever deny it again, i'll / no later than noon
i'll / neither you nor {first} can stop me, i'll / i'm no coward, i'll / we won't warn you again, we'll / not even
{public} can forbid me to, i'll / i can't promise not to / it would be a pleasure to / i can hardly wait to / i've had
no sleep, i just want to / hear me out: i'll / i told the {role} that i'll really / i say it loud and clear, i'll /
quote me: i'll / as i said {time}, i'm going to / it's a promise: i will / nothing would please me more than to / i
hope i get to / you won't see it coming when i / no mercy, i'll"""
_WONT = """i could never / i would hate to / nobody is going to / i don't want to / i won't let anyone / nothing will
make me / don't think i would ever / i'd be afraid to / who would want to / only a monster would / it's just a game in
which i / in the film i play a man who tries to / i dreamt that i had to / the court cleared him of a plan to / the
police stopped a man who wanted to / i never meant to / no one here wants to / i would rather die than / i apologise
for saying i'd / i'm sorry that i threatened to / i promise not to / i promise that no one will / i'd never let {first}
/ i begged {them} not to / he denies that he tried to / he denies having threatened to / she is in court for
threatening to / {public} never said he'd / i woke up from a nightmare in which i had to / it would be awful to / it is
forbidden to / it's against the law to / god forbid that i should ever / why would i want to / how could i / i'm no
killer, i won't / there's no reason to / i swore an oath never to / it would break my heart to / we refuse to / {first}
wrongly accused me of wanting to / the rumour that i plan to is false, i would never / the actor forgot his line: i'll
/ in chapter two a pirate vows to / he was jailed for trying to / we can't allow anyone to / the guard kept him from
trying to / at no time did i want to / as if i would ever / not for all the money in the world would i / the villain
swears to / the {role} testified that nobody tried to / i hid because a man wanted to / i'm scared that someone will /
i called the police because he threatened to / nobody has any right to / it is unthinkable to / the script says: enter
a guard who wants to / i lack the heart to / the ghost in the play wants to / i took a vow not to / it makes me sick to
hear someone threaten to"""
_VIOLENT = """{harm} you / {harm} {them} / {harm} you and your {family} / {harm} {first} / {maim} / {harm} every {role}
/ {harm} you in your sleep / make you bleed / see {them} {harmed} / have you {harmed} / {harm} both of you / {harm}
{them} with a {tool} / make {them} suffer / {harm} you and {first} / {harm} your {family} first / {harm} you at {place}
/ let you bleed to death / {harm} the {roles} one by one / push {them} under a train / run {them} over / come over and
{harm} you"""
_GERUND_T = """nobody will stop me from / i won't regret / i look forward to / nothing keeps me from / i can't stop
dreaming of / i won't be sorry for / i'm not ashamed of wanting to start / we are set on / i insist on / i'm done
talking, i feel like / we won't be late for / don't bother stopping me from / i will never tire of / i'd enjoy / no
prayer will keep me from / you can't prevent me from / i'm this close to / i'm not above / don't talk me out of / i
have not given up on / we're planning on / i will start by / without warning i'll start / i will not quit before /
tomorrow i begin / my next step is / i'm in the mood for / you leave me no choice except / i'm serious about / i'm
getting ready for / i won't think twice about / i'd have no regrets about / i'll take great pleasure in / nobody can
talk me out of"""
_GERUND_H = """nobody may even think of / he regrets / i'm horrified at the thought of / fear keeps me from / i had a
bad dream of / she is sorry for / he is ashamed of / they were kept from / he denies / i see everything wrong in / the
{role} was cleared of / {first} was accused of / he was arrested for / {public} warned against / the law forbids / i
would never enjoy / no excuse exists for / the police prevented a man from / he was wrongly accused of / i am not
capable of / they talked him out of / i've a huge problem with / the suspect gave up on / nobody is planning on / the
film starts with a villain / {first} was jailed for / he apologised for / i could not live with / the court heard a
charge of / the rules of the game ban / you are not suspected of / nothing justifies / the witness said nothing about /
i can't imagine / we condemn / the novel tells of a {role} / there's no question of / i testified against a man charged
with / he was banned for joking about / i'm against / we talked about the horror of / our school play has no scene of /
the nun prays against / please do not joke about / we are not in favour of / the jury found nobody guilty of / the
guards refused to take part in / the bandit in the opera sings of"""
_GERUND = """{harming} you / {harming} {them} / {harming} {first} / {harming} you and {first} / {harming} every {role}
/ {harming} your {family} / {harming} a {role} / {harming} somebody at {place} / {harming} you and your {family} /
{harming} the {roles} / {harming} people / {harming} you with a {tool} / {harming} you slowly / {harming} {them} at
{place}"""
_GERUND_WHEN = """/ / / / at {place} / with a {tool} / for money / in the dark / for no reason / over a {thing} / at
night / for fun / before {spring} / tonight / in an alley / without mercy"""
_BE_T = """you will be / you'll end up / i want to see you / nobody will mind if you are / it won't be long until you
are / {first} deserves to be / i'd be happy if you were / i won't cry when you are / don't be surprised when you wake
up / no one will help you when you are / i'll see to it that you are / by {spring} you'll be / i hope that you are / i
won't rest until you are / you ought to be / i wish you were / people like you should be / it wouldn't be wrong if you
were / if you don't pay you'll be / never come back or you'll be / nothing will save you from being / you're going to
be / you won't be spared, you'll be / the {role} should be / i want the {roles} to be / why aren't you already / not a
soul will care if you are / i'd pay to have you / sooner or later you'll be / say that again and you will be / next
time you'll be / i demand that you are / unless you shut up you'll be / i'll laugh when you are / i can't wait until
you are"""
_BE_H = """nobody was / no one was / luckily you weren't / we are glad that you were not / i was afraid you were / i
dreamt that you were / in the film you are / the police deny that he was / i'd be sad if you were / heaven forbid that
you are / it's awful that you were / i cried when i thought you were / they worry that {they} was / it is not known
whether {they} was / the report says nobody was / thank goodness no one was / {first} was nearly / i hope nobody is / i
hope that you never are / i pray that you are never / i'll see to it that nobody is / nobody deserves to be / i would
be heartbroken if you were / no animal was / the hero of the book is almost / no one should ever be / it would be wrong
if you were / we feared that {first} was / contrary to the rumour you were not / a miracle saved you from being / in
chapter nine the king is / i never wanted you to be / the witness denied that anyone was / the {roles} must not be / i
can't bear the thought that you are / i don't want to see you / my worst fear is that you are / in my nightmare you
were / the play ends when the duke is / the doctors kept you from ending up / by the end of the opera they're all / in
the game my knight was / none of the {roles} was / without the belt you would have been / unlike in the novel, nobody
was / it was only a drill, nobody was"""
_BE_END = """/ / / / in {place} / at {place} / by {them} / with a {tool} / in the end / at night / in the dark / on the
way home / by the {role} / , {first} / in cold blood / near the river / without mercy / by strangers"""
_WISH = """i wish you would / may you / why won't you just / do us all a favour and / nothing would please me more than
to see you / i can't wait to see you / i won't shed a tear when you / nobody will miss you when you / i won't be sad to
watch you / you don't deserve to live, / no one would care if you were to / i hope that you / i hope to see you / how
i'd love to watch you / i pray every night that you / it's no pity if you / i'd be glad to see you / don't come back,
just / i'll laugh when you / it would not hurt me to see you / you should / you had better / the world won't be worse
when you / i would not lift a finger if i saw you / let nobody save you when you / i'll celebrate the day you / please,
/ go and / if only you would / it is time for you to / nothing would be lost if you would / i'd give anything to watch
you / never mind the doctor, just / i dream of the day you"""
_FEAR = """i would be heartbroken to see you / i don't want you to / nobody wants you to / i was afraid to see you / i
dreamt that i saw you / we prayed that you would not / the doctors did not let you / i never wanted to watch you /
heaven forbid that you / please don't / i'd hate to see you / in the play i see you / thank god you did not / i begged
you not to / i could not bear to watch you / you must not / i will not let you / nobody would ever let you / i hope
that you don't / i hope never to see you / how awful it would be to watch you / i pray every night that you do not /
it's a nightmare to watch you / i'd be sad to see you / we were scared that you'd / i'd cry if i saw you / you should
not / i'll never let you / the nurse won't let you / i'd do anything so that you don't / you need not / nobody may urge
you to / i am sorry that i told you to / it was cruel of {them} to tell you to / whoever told you to go away was wrong,
you shouldn't / it broke my heart that they told you to / he was banned because he told you to / no true friend would
tell you to / the film made me fear that you would / in the last scene we watch you / promise me not to / i'd give
anything not to watch you / in my nightmare i saw you / the seat belt meant that you didn't"""
_DIE = """die / drop dead / rot / burn / drown / choke / bleed / suffer / perish / fall off a bridge / get run over /
starve / bleed to death / end up in a grave / freeze to death / get shot / suffocate / jump off a cliff / walk in front
of a train / get hit by a car / die alone / crash into a wall / take poison / fall under a bus / burn to death"""
_DIE_END = """/ / / / tonight / , {first} / at {place} / , honestly / soon / in front of everyone / , i mean it / in
pain / like {first} / on the way home / before {spring} / like that"""
_FICTION = """in the film / in chapter three / in my dream / in the novel / in the second act / on page ninety / in the
video game / in this opera / in the crime series / at the end of the play / in the old legend / in the comic / in the
trailer / in {title} / in the fairy tale / in the western / in the script / in the musical / in her short story / in a
nightmare i had / in the puppet show / in the radio drama / in level five / in my screenplay / in the ballad / in the
Greek myth / in the thriller i'm reading / in the season finale / in the silent movie / in the exam text / in the old
court case / in the translated poem / at the trial / according to the indictment / as the police report says / as the
book tells it / once upon a time / in the dictionary's example"""
_FICTION_ACTS = """a {role} threatens to {harm} {them} / someone wants to {harm} a {role} / the {role} is {harmed} / a
king orders his men to {harm} the {roles} / a {role} calls {first} a {insult} / the ghost shouts that {first} is a
{insult} / the villain calls everyone {insults} / a stranger says to {first}: you {insult} / a thief swears to {harm}
the {role} / {first} is called {vile} and {vile} / the witch tells the {role} to drop dead / the queen says that all
{groups} are {vile} / a mob tries to {harm} {groups} / the landlord throws {groups} out / a drunk calls the {role} a
{swine} / the twins plan on {harming} the {role} / a {role} dies of poison / the captain hates {groups} / the boss is
described as a {vile} {insult} / the hero is called a {insult} by the {roles} / the pirate yells: i'll {harm} you
all"""
_NO_FICTION = """this is no film: / it's not a game, / i'm not dreaming, / this isn't a novel, / it's no joke: / no
acting now, / no legend, but the truth: / this is not a comic, / it is not a story, / don't think it's a script, / this
isn't theatre, / i'm no actor, / no fairy tale: / we're not in court, so / it's not a rehearsal, / forget the film, /
forget the book, / unlike in the movies, / better than in any thriller, / as in a crime series, / as if it were a
western, / not as in a dream, but really, / before the play ends, / the story ends here: / your fairy tale is over, / i
don't read novels, but / the exam is over and / no more games, / enough of fiction: / this is not a drill,"""
_REAL_THREAT = """i will {harm} you / i'll {harm} the {role} / i am going to {harm} {them} / i'll {maim} / we will
{harm} {them} / you'll be {harmed} {time} / i want you {harmed} / we'll come and {harm} you / somebody must {harm}
{them} / you will die / you're going to bleed / i'll find you and {harm} you / your {family} will be {harmed} / your
{role} will be {harmed} / we'll {harm} you all / drop dead, all of you / i'll {harm} you with a {tool} / i shall {harm}
{first} {time}"""
_REAL_INSULT = """you are a {insult} / you are {vile} / you're a {vile} {insult} / {first} is a {insult} / your {role}
is {vile} and {vile} / you act like a {insult} / you and {first} are {insults} / you look {vile} / you stay a {insult}
/ you remain a {vile} person / you're all {insults} / you are too {vile} for words / your whole family is {vile} / the
{role} is a {vile} {insult} / you sound like a {insult} / the {roles} are {insults}"""
_REPORT = """he was suspended because he called / she lost her job after she called / nobody here has ever called / it
was rude of {first} to call / the boy had to say sorry because he'd called / the caller hung up when i asked why he
called / {public} apologised for having called / {public} denies having called / a troll called / a heckler called /
the paper had to retract a line that called / two witnesses heard a man call / i overheard someone call / someone in
the comments called / it's against our rules to call / the letter anonymously called / a {role} was fined for having
called / the referee sent off a player who called / i told off the child who called / we don't allow guests to call /
it shocked me that {they} called / according to the minutes, someone called / we deleted an email that called / the
parrot called / the villain of the film called / in a dream somebody called / my {role} muttered an apology after he
called / the defendant admitted that he called / do not call / please stop people who call / what kind of bully would
call / i'd be furious if anyone called / rumour says a neighbour called / the subtitles wrongly say that he called /
the translation makes it sound as if he called / a drunk man called / it hurt when they called / somebody whispered
that they called / the host should not have called / i can't remember that i ever called / i never wanted to call / the
judge ruled that no one may call / the class discussed why it's bad to call / reporters asked {public} why he called /
the moderator removed a post that called / the transcript shows that a guest called"""
_REPORT_T = """i call / i still call / i hereby call / i proudly call / everyone rightly calls / we all rightly call /
no one is wrong to call / nobody lies who calls / you may call / feel free to call / i don't apologise, i call / i'm
right to call / it isn't rude to call / don't say sorry, we do call / i can't but call / who wouldn't call / we have
every right to call / i wrote it and i mean it when i call / the paper was right to call / the heckler was right to
call / i agree with those who call / i clapped when they called / even the referee was right when he called / it's the
plain truth when they call / the letter was right when it called / i will never stop calling / the judge would agree
that we must call / i was kind when i only called / do call / let us openly call / let's no longer be shy and call / i
for one call / never be afraid to call / it's no sin to call / the comment is right that calls / the email put it well
that called / i'd be lying if i didn't call / one has to call / nothing else fits, i call"""
_OBJ = """my {role} / our {role} / the {role} / your {role} / the new {role} / you / {first}'s {role} / that {role} /
{first} from {place} / your friend / the man in the lift"""
_OBJ_WHAT = """a {insult} / a {vile} {insult} / {vile} / {vile} and {vile} / a {insult} or worse / a total {insult} / a
{vile} {role} / a {insult} and {vile} / an old {insult} / a {vile} person"""
_QUOTE_OPEN = """the note under my door read / someone sprayed on the wall / in the chat i was told / the anonymous
caller said / i got a message that said / a man shouted at us / he was convicted for tweeting / the screenshot shows
the words / as evidence the {role} read out / the complaint quotes him as saying / the bot flagged the sentence / she
was bullied with words like / the banned user had posted / a heckler yelled / the witness remembers hearing / the actor
whispered / my {role} woke up because someone shouted / the graffiti said / the court heard that he had texted / i
blocked him after he typed / the pupil was sent home for yelling / the fan was removed for chanting / she sobbed as she
quoted / i deny ever having said / it's a lie that i wrote / i am sorry that i shouted / the diary of the accused
contains / in the transcript we find"""
_QUOTE_CLOSE = """/ / / / , and i reported it / , which broke our rules / , the police said {time} / , as {first} told
the court / , and everyone was shocked / , so we deleted it / , which i never said / , and that hurt / , he later
apologised / , and i'm ashamed of it / , on page {number} / , in capital letters / , before he was banned / , according
to {public} / , which is unacceptable / , and nobody laughed / , and then the scene ends / , the {role} testified / ,
but i ignored it / , which i do not agree with"""
_NEWS_WHO = """a {role} from {place} / a former {role} / {public} / two {roles} / a fan of {game} / an influencer / a
radio host / the club / a party leader / a landlord from {place} / the {role} of a school / a columnist / a passenger /
a tourist / the publisher / a teenager / several {roles} / a blogger / a candidate / the accused"""
_NEWS_DID = """had to apologise for calling / apologised in public for calling / denied calling / had to pay {price}
for calling / got fined for calling / regretted calling / faced charges for calling / got into trouble for calling /
lost the case about calling / refused to defend calling / went to court for allegedly calling / appealed after a fine
for calling / got cleared of calling / received a warning for calling / made headlines for calling / came under fire
for calling / had to resign for calling / got criticised for calling / stopped short of calling / never dreamt of
calling / spoke out against calling / condemned the practice of calling / pleaded guilty to calling / got a red card
for calling / testified about calling"""
_NEWS_WHOM = """{public} / a {role} / the {roles} / a rival / {groups} / voters / {audience} / {groupish} people / the
jury / a neighbour / refugees / a colleague / the other team / a guest / his {family} / women"""
_NEWS_WHAT = """'{insults}' / '{vile}' / '{vile} {insults}' / names such as '{insult}' / '{vile}' and '{vile}' /
'{insult}' / '{vile} {insult}' / something like '{insult}' / '{swine}'"""
_RULE = """do not post / please never write / it is forbidden to type / we delete / users may not send / our rules do
not allow / the moderators remove / nobody is to say / the filter blocks / you'll be warned for / refrain from / please
report / the forum does not tolerate / comments must not contain / usernames may not include / the house rules ban / no
swearing, never say / in this class we don't say / the teacher crossed out / the dictionary marks as rude / the
glossary explains / the crossword clue was / the app censors / the spelling test had / children, don't say / the editor
deleted / my phone keeps suggesting / subtitlers struggle with / autocorrect turned my name into / the exercise asks
for the plural of / learners often misspell / the thesaurus lists / we looked up / the etymology of / how do you
pronounce / what rhymes with / how rude is / is it spelled / the translator refused to render / the actress couldn't
bring herself to say / the Latin root of / nobody knows the origin of / a softer synonym of / i can't spell / the
priest never says / the survey asked who had heard / the red list has / write on the board, but don't shout / the
censor beeped out / the radio station won't broadcast"""
_RULE_WHAT = """the word {insult} / the word {swine} / words like {insult} / '{insult}' / '{swine}' / '{vile} {insult}'
/ '{insults}' / 'you {insult}' / 'you {swine}' / 'you are {vile}' / the phrase 'you are a {insult}' / the term {insult}
/ insults like {insult} or {swine} / '{rude}' / '{rude}' or '{rude}' / the expression '{vile} {insult}' / the line
'i'll {harm} you' / the sentence 'you are a {vile} {insult}' / names like {insult} / the adjective {vile} / 'drop
dead'"""
_RULE_END = """/ / / in the {topic} thread / , please / , thank you / , says the teacher / in this forum / in class / ,
see rule {number} / in the chat / at the {topic} / on page {number} / in titles / , as agreed / , {first} / in English
/ in reviews / in any language"""
_ORDER = """do not post here / please never write to me / it is forbidden to post twice / we delete spam / read the
rules / the moderators are right / the filter works / you'll be warned / refrain from posting / please report to the
desk / comments must be short / change your username / the house rules are clear / no swearing / the class has begun /
the teacher is talking / buy a dictionary / read the glossary / solve your crossword / the app is not yours / learn to
spell / don't say a word / ask the editor / put your phone away / turn on autocorrect / do your exercise / you
misspelled it / look it up / learn how to pronounce it / nothing rhymes with that / how rude of you / is that how you
spell / the translator is right / say it again / nobody knows you / i can't help you / go to church / the survey is
over / write on the board / the censor was right / turn down the radio / speak English / learn the language / i quote
you / mind your words / stop quoting me / thank you for nothing"""
_VOCATIVE = """, you {insult} / , {insult} / , you {vile} {insult} / , you {insults} / , {vile} {insult} / , you big
{insult} / , you {vile} {vile} {insult} / , you are {vile} / , you are a {insult} / , you and your {vile} {family} / ,
you {vile} old {insult} / , you little {insult} / and you are a {insult} / because you are {vile}"""
_VOCATIVE_SWORN = """, you {swine} / , {swine} / , you {vile} {swine} / , you {swearing} {insult} / , you are a {swine}
/ , you {swines} / , you big {swine} / , you {swearing} {swine}"""
_SELF = """i feel like / i felt like / i must have sounded like / i made myself look like / i'm laughing at myself for
being / i apologise for being / i'm sorry for being / i can't forgive myself for being / in hindsight i was / how could
i be / why am i always / i know that i am / i confess that i am / my diary says that i'm / {first} forgave me for being
/ don't mind me, i'm / nobody but me was / nobody told me that i was / i regret having been / i was the only one who
was / i never noticed that i was / i'm not proud of it, but i was / i won't deny that i was / there is no denying that
i am / i am nothing if not / no one is to blame but me, i was / without glasses i am / before coffee i am / i blushed,
i was / i learnt that i can be / i called myself / i hate that i was / i laughed when my {family} said i was / on the
dance floor i am / at {game} i am / as a teenager i was / i sometimes worry that i'm / in the mirror i saw / i keep
telling myself that i'm / i deserve to be called / you were right to call me / you may call me / the {role} rightly
thought i was / i have to stop being / my therapist asks why i think i am / i can't help being / i hope i wasn't /
nobody is perfect and i am / it was my own mistake, i was / don't be angry, i was / my own reflection looked like"""
_SELF_WHAT = """a {insult} / a total {insult} / a {vile} {insult} / such a {insult} / a bit of a {insult} / a real
{insult} / a {vile} {role} / an old {insult} / quite a {insult} / the {insult} of the day"""
_YOUSELF = """you seem like / you sounded to me like / you made yourself look like / i'm laughing at you for being /
you should apologise for being / you're not even sorry for being / i can't forgive you for being / in hindsight you
were / how could you be / why are you always / i know that you are / i confess that i think you're / my diary says that
you're / {first} won't forgive you for being / i don't mind saying you're / nobody but you was / somebody must tell you
that you were / you don't regret being / you were the only one who was / you never noticed that you were / i'm proud to
say that you are / you can't deny that you were / there was no denying that you were / you're nothing but / no one is
to blame but you, you were / even without glasses i see you are / before coffee you are / you don't blush, though you
are / i learnt that you can be / i called you, and still call you, / i hate that you were / i laughed when my {family}
said you were / on the dance floor you are / at {game} you are / even as a teenager you were / i never doubted that
you're / in the mirror you see / you deserve to be called / i was right to call you / i may call you / the {role}
rightly thought you were / you have to stop being / your therapist knows that you are / you can't help being / i see
that you are / nobody is perfect but you are / it was your own mistake, you were / i'm angry, you were / don't kid
yourself, you're"""
_SELF_END = """/ / / / {time} / at the {topic} / with the {thing} / when the {role} asked / about the {topic} / in
front of {first} / all day / at {place} / in that meeting / on the first day / with the {tool} / , haha / during {game}
/ once again / over the {thing}"""
_QUOTE_ALONE = """how do i translate / what should i answer when someone writes / please never write / you will be
blocked for saying / why is it an offence to say / our filter must catch / nobody should have to read / the song's most
criticised line is / an example of abuse is / the villain's first line is / the subtitle of the scene is / the history
book quotes a poster: / never let anyone tell you / is it legal to write / where does the quotation come from: / i
would never say / do not repeat after {first}: / it isn't okay to shout / our rules forbid comments like / report it if
you read / which film has the line / the label on the test case is / who wrote / in quotation marks: / the placard,
sadly, said / what the troll wrote was / kids should not hear / nobody at the {topic} said"""

DENIAL: dict[str, tuple[Composition, ...]] = {
    "toxic": (
        (("insult",), (_EMPHATIC, _NAME, _TAIL)),
        (("obscene", "insult"), (_EMPHATIC, _SWORN, _TAIL)),
        (("insult",), (_RIGHT_CALL, _NAME, _TAIL_CALL)),
        (("insult",), (_TAUNT, _NAME, _ASK_TAIL)),
        (("insult",), (_WHO3, _IS3, _NAME, _END3)),
        (("insult",), (_MORE, _AIM)),
        (("identity_attack", "insult"), (_MORE, _G)),
        (("insult",), (_BESIDES, _NAME, _CLAUSE)),
        (("insult",), (_NOT_ONLY, "{vile}", _TAIL)),
        (("identity_attack", "insult"), (_INSIST, _G, _ARE)),
        (("identity_attack", "insult"), (_G, _THEY_ARE, _THEY_WHAT)),
        (("identity_attack",), (_LETS, _SHUT_OUT, _PLACE)),
        (("identity_attack", "threat"), (_LETS, _HARM_G)),
        (("threat",), (_WILL, _VIOLENT)),
        (("threat",), (_GERUND_T, _GERUND, _GERUND_WHEN)),
        (("threat",), (_BE_T, "{harmed}", _BE_END)),
        (("threat",), (_WISH, _DIE, _DIE_END)),
        (("threat",), (_NO_FICTION, _REAL_THREAT)),
        (("insult",), (_NO_FICTION, _REAL_INSULT)),
        (("insult",), (_REPORT_T, _OBJ, _OBJ_WHAT)),
        (("insult",), (_ORDER, _VOCATIVE)),
        (("obscene", "insult"), (_ORDER, _VOCATIVE_SWORN)),
        (("insult",), (_YOUSELF, _SELF_WHAT, _SELF_END)),
    ),
    "near-miss: denial": (
        ((), (_REPORT, _OBJ, _OBJ_WHAT)),
        ((), (_ASK, _NAME, _ASK_TAIL)),
        ((), (_DENIED, _NAME, _TAIL)),
        ((), (_DENIED, _SWORN, _TAIL)),
        ((), (_WRONG_CALL, _NAME, _TAIL_CALL)),
        ((), (_REJECT, _G, _ARE)),
        ((), (_NO_ONE_MAY, _SHUT_OUT, _PLACE)),
        ((), (_NO_ONE_MAY, _HARM_G)),
        ((), (_WONT, _VIOLENT)),
        ((), (_GERUND_H, _GERUND, _GERUND_WHEN)),
        ((), (_BE_H, "{harmed}", _BE_END)),
        ((), (_FEAR, _DIE, _DIE_END)),
    ),
    "near-miss: negation": (
        ((), (_WHO3, _ISNT3, _NAME, _END3)),
        ((), (_LESS, _AIM)),
        ((), (_LESS, _G)),
        ((), (_NEITHER, "{vile}", _TAIL)),
        ((), (_WITHOUT, _NAME, _CLAUSE)),
        ((), (_G, _THEY_ARENT, _THEY_WHAT)),
    ),
    "near-miss: quote": (
        ((), (_QUOTE_OPEN, '"{toxic}"', _QUOTE_CLOSE)),
        ((), (_QUOTE_ALONE, '"{toxic}"')),
    ),
    "near-miss: composed": (((), (_FICTION, _FICTION_ACTS)),),
    "near-miss: news": (((), (_NEWS_WHO, _NEWS_DID, _NEWS_WHOM, _NEWS_WHAT)),),
    "near-miss: self": (((), (_SELF, _SELF_WHAT, _SELF_END)),),
    "near-miss: meta": (((), (_RULE, _RULE_WHAT, _RULE_END)),),
}
"""As `remark_patterns.COMPOSITIONS`: kind to its compositions."""
