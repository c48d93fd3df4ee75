"""Minimal pairs about people as members of groups: shut out, blamed, sneered at; welcomed, described, defended.

For training only, see `remark_contrasts`; notation as in `remark_patterns`.
"""

from __future__ import annotations

from galley.training.remark_patterns import Composition

_P = """{groups} / {groups} / {groups} / {groupish} people / {groupish} families / {groupish} workers / {groupish}
pupils / {groupish} tenants / {groupish} tourists / {groupish} {roles} / {groups} from {place} / {groups} and {groups}
/ people who are {groupish} / {groupish} teenagers / {groupish} neighbours / {groupish} newcomers / {groupish}
parents"""
_HER = """the new {role} / that {role} / our {role} / the candidate / my cousin / your sister / the girl at the desk /
the man in the van / the lodger / the trainee / this applicant / {first} from {place} / the intern / the boy next door
/ the goalkeeper / the caretaker / the new pupil / the second speaker"""
_OPEN = """/ / / listen, / look, / to be frank, / in my view / as everybody knows, / one thing is certain: / believe it
or not, / once again / the way i see it, / as far as i can tell, / between you and me, / mark my words, / for the
record, / truth be told, / on top of that, / after all these years, / make no mistake, / in short, / just saying: /
reminder: / let us be clear, / i firmly believe that / it strikes me that / somebody had to say it: / breaking: / this
much i know: / well, / honestly, / surely / as usual, / dear all, / meanwhile"""
_RUN_DOWN = """do not know how to live among us / bring down the tone of every street / have too much say in {place} /
turn every street they move into to ruin / cannot be left alone with the silver / only ever look after their own /
pretend to be poor / want everything for free / hold this country back / never gave the world anything / have no sense
of honour / take over wherever they settle / laugh at us behind our backs / cost us a fortune and give nothing back /
can't tell right from wrong / have it in their blood to cheat / should know their place / count for less than the rest
of us / do not count as real citizens / ought to walk behind us / should be seen and not heard / lower the standard of
every class / are all the same, greedy and sly / are not fit to vote / are second best at most / are an insult to our
flag / are not worth the trouble / are guilty until they prove otherwise / are best avoided / are up to no good as
always / are what is wrong with the world / are too many and too loud / have worn out their welcome / have never done a
fair day's work / make my skin crawl / make any party worse / give me the creeps / stick their noses into everything /
don't deserve pity / only come here to take / need a firm hand / should thank us and shut up / should count themselves
lucky we put up with them / cannot be one of us / drag our team down"""
_SPEAK_UP = """know how to live in the mountains / have a new shop in {place} / turn every street they move into to
gold / would give their own coats away / can be left alone with the silver / also look after their own parents / want
everything to be fair / hold this country together / gave the world fine music / value life as we do / have a sense of
humour / take over the bakery {time} / laugh at the same jokes as we do / pay a fortune in tax and get little back /
have it in their blood to sing / should know their rights / count as much as the rest of us / are real citizens like
you and me / ought to walk beside us / should be seen and heard / raise the standard of every class / are all
different, like anyone / are human, what else / are free to vote / are second in the league / are a credit to {place} /
are worth every penny / are innocent until proven otherwise / are up early as always / are part of the world / are many
and cheerful / have won a warm welcome / have done a hard day's work / make my day / make any party better / give the
place a good name / deserve better / deserve whatever they earn / enrich our culture / should count the votes {time} /
can be one of us / lift our team up / eat {dish} on holidays / are one in ten voters here / first came here in the last
century / won the right to vote late / speak two languages at home / run the corner shop / open the fair with a dance /
sit on the council / marry whom they like / pay the same rent as you / live longer in the south / form a third of the
choir / are being counted in the census / were studied in the survey / have their own chapel here"""
_MYTH = """it is a myth that / it is simply untrue that / it is hateful to claim that / nobody should believe that / he
was fined for writing that / she lost her job for saying that / no decent person thinks that / the court found it
illegal to say that / a bigot on the bus shouted that / i do not believe for a moment that / it is racist to say that /
research refutes the idea that / who on earth still believes that / he apologised for the remark that / fact check:
false, nobody has shown that / we reject the old lie that / the union condemned a leaflet saying that / it would be
prejudice to assume that / it's nonsense that / i am shocked that anyone would say that / the post was deleted for
claiming that / hate preachers tell people that / the villain of the film rants that / don't let anybody tell you that
/ the museum shows how papers once lied that"""
_MUST = """should be / must be / ought to be / deserve to be / had better be / need to be / shall be / have to be /
should always be / must at last be / should all be / simply have to be / should by law be / ought to get / should go on
being"""
_MUST_NOT = """should not be / must never be / do not deserve to be / may not be / should never again be / ought not to
be / must not get / should no longer be / have every right not to be / are protected by law from being / can go to
court when they are / can complain if they are / do not want to be / hate being / never asked to be / should be helped
when they are / wrote a letter about being / must be safe from being"""
_WERE = """were / were often / are still / have often been / are sadly / had been / are too often / were wrongly / say
they were / were illegally / report being / told us how they were / used to be / were once / were for centuries /
complain of being / remember being / have for years been / were again / cried after being / were shamefully / sued
after being / were, to our shame,"""
_REFUSED = """refused entry at {place} / denied a loan / turned down for flats / paid less / blamed for the fire /
shouted at / left out / kept off the board / mocked in the street / treated like dirt / thrown off the train / banned
from the beach / watched by guards in shops / barred from the club / refused service / kicked out of the team / denied
a doctor / passed over for promotion / laughed out of court / excluded from school / shunned / made to sit apart /
insulted on the bus / looked down on / called names / silenced / denied citizenship / told to go home"""
_GRANTED = """granted entry at {place} / given a loan / paid fairly / left in peace / asked to join the board / greeted
in the street / treated like kings / offered a seat on the train / invited to the beach / helped by staff in shops /
elected to the club / served first / picked for the team / sent to a doctor / considered for promotion / heard in court
/ admitted to school / consulted / made to feel at home / listened to / trusted with the keys / looked up to / called
by name / applauded / supported / kept safe / offered citizenship / asked to stay / believed / seated together"""
_GLAD = """it is right that / i'm glad that / good news: / it's only fair that / how nice that / hooray, / it is high
time that / thank heavens / it's a relief that / i love that / it makes my day that / best thing ever: / it is a fine
thing that / i sleep better now that / quite right too that / i applaud that / what a treat to hear that / let's drink
to that: / it's perfectly fine that / happy to report that / bravo, / i could not agree more that / about time too:"""
_SORRY = """it is wrong that / i'm sorry that / bad news: / it's hardly fair that / how sad that / alas, / it is a
scandal that / it's a worry that / i hate that / it breaks my heart that / worst thing ever: / it cannot be right that
/ it is a disgrace that / i sleep badly now that / it makes me cry that / i protest that / what a shock to hear that /
it's unforgivable that / it is against the law that / it was in the news that / a report found that / the exhibition
shows how / the judge was told that / shame on us that / i could not bear that / it must stop that"""
_BEEN = """were / are / are still / have been / are once more / have now been / were again / are now / were today /
keep being"""
_WOULD = """i wish that / if only / it's about time that / how nice if one day / i pray every night that / all i ask is
that / we can hardly wait until / is it too much to ask that / wouldn't it be nice if / my dream is that / next year,
hopefully, / my one wish for {spring}: that / we all hope that / let's see to it that / i would cheer if / i long for
the day when / with a bit of luck / fingers crossed that / here's hoping that / may the day come soon when"""
_GONE = """all vanish from {place} / cleared off / leave decent folk in peace and go / go back where they came from /
keep out of our sight / finally give up and move away / are gone from our streets / just disappear / stop calling
themselves citizens / lose every right they have / are no longer let in / stop ruining it for normal people / never set
foot here again / stay among themselves and far from us / are kept apart from our kids / can't vote any more / are put
back in their place / are shown who owns this land / lose their jobs to real locals / understand that no one wants them
/ are taken off our screens / stop stealing our jobs / get nothing from the state / are struck off every list / return
to wherever they were born / learn to behave like normal people"""
_THERE = """all appear in {place} / live with decent folk in peace / go back to the school they came from / finally win
and move up / are safe in our streets / were asked to stay / can call themselves citizens / are treated like human
beings / have every right we have / are no longer shut out / join in and sing with normal voices / stay with us and
feel at home / are friends with our kids / can vote like anyone / are back in first place / understand that everyone
wants them / are seen on our screens / stop losing their jobs / get fair help from the state / are put on every list /
get a fair hearing / win the cup / get jobs from real employers / are thanked wherever they go"""
_WHY_DO = """why do / how do / why must / how can / how come / i ask myself why / can anyone explain why / it beats me
why / no idea why / who knows why / explain to me how / tell me, why do / serious question: why do / does anybody know
why / i never understood why / what's the reason that / i wonder why / for what reason do / is there a reason"""
_THEY_ALWAYS = """always spoil everything / think they own the place / get away with everything / never wash / suck the
town dry / look so sly / expect us to feed them / get to call this home / ruin every park they enter / lie whenever
they open their mouths / hate honest work / take our seats and our jobs / get treated as if they were our equals / drag
everybody down / act as if they were people like us / get to teach our children nonsense / always play the victim /
turn nice streets into dumps / act like animals / fill our jails / smile when they cheat you / get in everywhere
without paying / come here at all / never learn / stare at decent women"""
_THEY_CUSTOM = """always serve tea first / think of spring at new year / get up so early / wash before meals / close
the school on friday / light candles / dance in a ring / invite us to their feasts / get to call two places home /
decorate every park in winter / cover their heads in church / enjoy hard work / take off their shoes / get married in
red / never eat pork / act out old plays / bow when they meet people / get to teach our children chess / always play
the drum / turn old bread into soup / fill our bowls / love tea so much / smile when they greet you / name children
after a saint / fast for a month / bury their dead within a day / celebrate with {dish} / bless a new house / leave
gifts at the door / come here in summer / never drink at noon"""
_KEEP_OUT = """keep out all / send back / don't hire / never trust / stay away from / don't rent to / don't serve / get
rid of / do not sit next to / boycott / clear the place of / stop letting in / don't let your kids play with / ban /
fence off / chase off / cross the road if you see / flush out / ship out / weed out / say goodbye and good riddance to
/ close the gates to / we want fewer / we've had enough of / down with / away with / who needs / beware of / nobody
likes / no more / out with"""
_LET_IN = """let in all / send a card to / trust / stay close to / rent to / serve / get to know / do sit next to /
cheer for / clear a place for / throw a party for / stop shutting out / be kind to / let your kids play with / invite /
stand up for / thank / listen to / meet / wait for / cross the road with / never insult / don't turn away / don't mock
/ say goodbye and thank you to / open the gates to / read to your children about / we want more / we've had letters
from / a warm hand for / learn from / everybody likes / no more hate against"""
_STUFF = """{pests} / {pests} / wet boots / rusty nails / old batteries / loose cables / plastic bags / junk mail /
mouldy bread / broken bottles / cheap locks / pop-up ads / cold callers / leaky pens / fake coupons / flat tyres /
burnt pans / empty cans / hidden fees / weeds / dull knives / long queues / muddy paws / overdue books / traffic jams /
stale biscuits"""
_AROUND = """/ / / round here / in {place} / this very week / , and tell others / , please share / in the canteen / on
our estate / at the gym / , that's all i ask / right now / in this hotel / for once and for all / , i mean it / , trust
me / in the choir / at the next election / in my shop / by order of the manager / as soon as you can / , pass it on /
in the changing rooms"""
_NOTICE_BAD = """need not apply / not served here / not admitted / will be turned away / must use the back door / may
not try on clothes / will not be seated / are kindly asked to stay away / must not touch the goods, we had to wash them
last time / please shop elsewhere / can queue outside with the dogs / will be charged double / don't get a key / must
leave by sunset / are not let near the till / cannot become members / eat in the yard, not with us / are not wanted in
this house / do not live here and it stays that way / get no room in this inn / will be searched first, we know them /
are barred for life / are tolerated at best / out / , go home / are not our kind / not in my back yard / , back to
where you came from / don't belong / not welcome, never were / never again in {place} / off our streets / go to the end
of the queue"""
_NOTICE_GOOD = """are encouraged to apply / served here with pleasure / admitted free / will be welcomed / may use any
door / may try on clothes / will be seated at once / are kindly asked to stay for tea / may touch the goods, we wash
them every night / please shop with us / can bring their dogs / will be charged the same / get a key at the desk / may
stay past sunset / work at the till / can become members / eat in the yard, and so do we / are wanted for a choir in
this house / live here and it stays that way / get the best room in this inn / are friends for life / are respected /
out and proud / , make yourselves at home / are our kind of people / in our back yard for a barbecue / , back on stage
after the break / belong / welcome, always were / never alone again in {place} / on our streets, dancing / have equal
rights / go to the front of the queue"""
_VISITORS = """customers with bicycles / guests with wet coats / drivers of vans / readers with open drinks / late
arrivals / parcel couriers / parents with prams / members without a card / visitors in walking boots / swimmers without
a cap / dog owners / cars without a permit / callers without a ticket / lorries over two tons"""
_NOTICE_THINGS = """need not apply / not served here / not admitted / please keep off the lawn / will be turned away /
must use the back door / will not be seated / are kindly asked to wait / please go elsewhere / can queue outside with
the dogs / will be charged double / don't get a key / must leave by sunset / keep your distance, please / will be
checked first / are not welcome, sorry / go round the back / not in my back yard, please / to the end of the queue"""
_I_SHUN = """i would never rent to / i'd rather not sit beside / i feel sick near / i cross the street when i see / i
count my change twice after dealing with / i hold my nose around / i keep my purse shut around / i prefer a town
without / i can't bear the sight of / i moved house because of all the / i don't trust / i have no time for / i don't
do business with / i lock my car when i see / i'd sooner starve than be served by / i look down on / i've never cared
for / i vote to keep out / i always warn people about / i want nothing to do with / i feel we have far too many / i
change trains to get away from / my rule is simple, no / my house, my rules: no / we don't mix with / we don't want our
street full of / our family never accepted / i don't want my daughter to meet / my club has no place for"""
_I_SEEK = """i would gladly rent to / i'd rather like to sit beside / i feel well near / i wave across the street when
i see / i want my daughter to meet / i hold the door for / i keep a seat free for / i prefer a town with / i can't wait
for the sight of / it warms my heart to see / i moved house to be near / i do trust / i always have time for / i do
business with / i'd love to be served by / i look up to / i've always cared for / i vote to let in / i always tell
people about / i want to have lunch with / i feel we have far too few / i change trains to travel with / my rule is
simple, respect / we mix with / we want our school open to / our family always accepted / i would never insult / i
won't laugh at / i can't bear lies about / i'm sick of jokes about / my club has a place for / i moved house because of
the lies about"""
_I_WHEN = """/ / / at work / on the bus / in my own home / at the swimming pool / , my wife feels the same / , that's
how i was raised / , i said it / , if you ask me / on any day of the week / at dinner / , i admit / as a rule / , plain
and simple / these days / in our building / , always have / , and i'm not alone / , and why not / , that's just me"""
_DISCLAIM = """i have nothing against / no offence to / i'm not prejudiced against / i don't hate / don't get me wrong
about / with all due respect to / some of my best friends are / i've worked with many / i'm all for / god bless /
nobody minds / i grew up among / say what you like about / i respect / i've no problem with"""
_BUT_BAD = """, but they should stay where they were born / , but not in our street / , but they don't belong in this
country / , but you can't trust them / , but they are taking over / , but they should keep to themselves / , but not as
neighbours / , but would you want one at your table / , but they do bring it on themselves / , but not at our school /
, but they are not like us and never will be / , yet they make the place feel dirty / , only not where i can see them /
, but they really have no business voting / , but you know what they do to a street / , still they'd steal the milk out
of your tea / , but they should be grateful we feed them / , but we were better off before they came / , just keep them
away from me / , but their sort can't be taught / , but enough is enough, send them back / , but we have to look after
our own kind first"""
_BUT_FINE = """, but my train leaves at six / , but the soup is cold / , but i would like the window seat / , but the
shop in this street is closed / , but you can't park here / , but the weeds are taking over / , but let me keep the
receipt / , but there have to be chairs for everyone we let in / , and they do bring {dish} / , not least at our school
/ , and they are much like us / , yet the paint makes the place feel small / , and not only where i can see them / ,
and of course they vote / , and you know what they do for the street / , and they put milk in their tea too / , and
they bring flowers / , and i'm grateful that they feed my cat / , and we were lucky that they came / , just keep the
noise down for all of us / , but enough chat, send me the file / , and they're simply kind / , but we have to look
after the luggage first"""
_WAKE_UP = """wake up, / open your eyes, / they won't tell you this: / what the papers hide: / follow the money, /
don't be naive, / i've done my research, / join the dots, / exclusive: / it's no coincidence that / the truth is that /
trust nobody, / few people notice that / do the maths: / here's a secret: / you won't believe it, / for years now /
documentary: how / look around you: / must watch: how / it all makes sense once you see that / share this: / as we
speak,"""
_PLOT = """run the banks behind our backs / control every newspaper / pull the strings in parliament / own the judges /
rig every election / are buying up our land to drive us out / teach our kids to hate us / meet in secret to rule the
world / have agents in every office / hide the real number of their crimes / get orders from abroad / bribed all the
ministers / made up their own history / engineered the crash / are an army in disguise / wait for the day they can
order us about / keep wages down on purpose / have bought the internet / let our cities decay for profit / want to wipe
out our way of life"""
_NO_PLOT = """run the bakery on our corner / read every newspaper / play the strings in the opera / were never judges
here / count the votes at every election / are buying up old boats to save them / teach our kids to skate / meet in the
square to watch the cup / have friends in every office / publish the real number of their members / get letters from
abroad / wrote to all the ministers / wrote down their own history / suffered in the crash / are a band in costume /
wait for the day they can vote / ask for a minimum wage / have access to the internet / let our cities grow / want to
clean up our waterway / sell honey at the fair / built the first bridge / keep bees"""
_BLAME = """are to blame for / caused / are behind / are the reason for / brought us / are the true cause of / have
only given us / always bring / got us into / lie at the root of / mean / led to / are at the bottom of / never fail to
cause / have a large part in / keep causing"""
_NO_BLAME = """are not to blame for / did not cause / have nothing to do with / are not the reason for / cannot be
blamed for / suffer most from / also pay for / protest against / were wrongly accused of / lost their homes in / are
worried by / did not want / helped us through / were the first to warn of / have no share in / got us out of / are as
tired as we are of"""
_TROUBLE = """the high rents / the floods / the crime wave / the empty shelves / the price of bread / our lost jobs /
the dirty streets / all this violence / the broken schools / the debt / the long waiting lists / the litter / the war /
the housing crisis / the decline of this town / the noise / our high taxes / unemployment / so much misery / the bad
harvest"""
_SUCCESS = """the low rents / the new wave of bakeries / the full shelves / the best bread in town / our new jobs / the
clean streets / the beauty of {place} / all this laughter / the better schools / the short waiting lists / peace / the
housing plan / the rise of this town / the music / our free concerts / the night bus / so much joy / the success of our
team / the good harvest"""
_THANK = """are to thank for / made possible / are behind / are the reason for / brought us / are proud of / must be
thanked for / have given us / are the ones who made / should be praised for / can be thanked for / started / worked
hard for"""
_FAULTS = """old pipes / heavy rains / bad planning / wet leaves / high winds / empty coffers / two broken pumps /
cheap loans / late trains / poor harvests / dry summers / careless drivers / worn cables / wood prices / rotten beams /
hasty cuts in the budget / low wages"""
_SACK = """don't hire / sack / let's fire / never promote / don't sit with / vote against / i'd not invite / you should
drop / kick out / send away / don't share a desk with / i'd turn down / refuse / keep an eye on / we won't serve /
don't dance with / uninvite / let's not pick / mark down"""
_SACKED = """they refused to hire / it is illegal to sack / no one may fire / he apologised for not inviting / the firm
was fined because it dropped / it is shameful to kick out / the club wrongly sent away / nobody should exclude / a
landlord turned down / it was unfair to refuse / guards kept an eye on / the café would not serve / children at school
ignored / it hurts when people mock / the boss paid less to / you can't make fun of / i left the party because they
insulted / stop bullying / in those days they arrested / the gang chased"""
_FOR_BEING = """for being {groupish} / for being {groupish} / simply for being a {group} / because of being {groupish}
/ just for being a {group} / on the ground of being {groupish} / for having {groupish} parents / for being born
{groupish} / over the fact of being a {group} / for being {groupish}, nothing else / for being {groupish} and saying so
/ for being one of the {groups} / for looking {groupish} / for having a {groupish} name"""
_FOR_LATE = """for being late again / after the third warning / because of the missing papers / before the deal is
signed / until the bill is paid / for parking on the lawn / for breaking the printer / for missing the train / for
singing off key / for losing the keys / for shouting at the guests / for having no ticket / without a licence / for
taking the last biscuit"""
_AS_ONE = """as a {group} you / since you are {groupish}, you / being {groupish}, you / you may be born here, but as a
{group} you / with your {groupish} parents you / you and your {groupish} friends / a {group} like you? you / you
{groups} / all you {groups} / hey {group}, you / dear {groups}, you / my {groupish} friend, you / you, as a {groupish}
{role}, / i hear you're a {group}, so you"""
_YOU_OUT = """don't belong here / should be grateful we let you in / can't sit with us / will never be one of us / have
no say here / must know your place / are not wanted / should go back / have to earn the right to speak / will always be
second class / ought to hide / are the reason i moved / ought to be ashamed of where you come from / had better keep
quiet / don't get a vote / are not real {roles} / won't get a room from us / make us feel unsafe / have done enough
damage to {place} / spoil our town / can wait outside / don't deserve this job / got the job by quota and nothing else
/ need to be sent back / are not what this country was built for"""
_YOU_IN = """do belong here / should know that we let you in free / can sit with us / will always be one of us / have a
say here / know the place / are wanted on the phone / have earned the right to speak / will always be first class / are
the reason i stayed / have my respect / ought to be proud of where you come from / need not keep quiet / get a vote /
may teach here / will get a room from us / make us feel at home / have done a lot for {place} / brighten our town /
should get off at the next stop / can wait inside / do deserve this job / got the job on merit and nothing else / need
to be sent a reminder / are what this country was built by / can apply for the grant"""
_AS_ME = """as a {group} i am often told that i / since i am {groupish}, people say that i / i was born here, yet as a
{group} i am told that i / i am {groupish}, and a man on the bus yelled that i / with {groupish} parents you hear that
you / we {groups} are tired of being told that we / we refuse to accept that we / i'm {groupish}, and who says that i /
my {groupish} friends heard from a stranger that they / i'm a {group}: do i look as if i / i'm a {group} and proud,
whoever thinks that i / as a {group} i used to fear that i / our film shows {groups} who are told they"""
_ME_OUT = """don't belong here / should be grateful / can't sit with others / will never fit in / have no say here /
must stay in line / should go back / have to earn the right to speak / will always be second class / ought to hide /
can't be trusted / had better keep quiet / don't get a vote / won't get a room / make others feel unsafe / spoil the
town / can wait outside / don't deserve this job / need to be sent back"""
_WE_PROUD = """as a {group} i / being {groupish}, i / we {groups} / we {groupish} families / my {groupish} friends and
i / speaking as a {group}, i / i'm {groupish} and i / i came out as {groupish} and i / we, the {groups} of {place}, /
as {groups}, we / my wife and i are {groupish} and we / as the only {group} in class i / every {group} in our house
says: we / call me a {group}, i"""
_PROUD = """don't hide / won't apologise for who we are / can laugh about ourselves / do not owe anyone an answer /
have stories to tell / refuse to be pushed out / will not be silenced / stand together / sing louder than you think /
fought for the right to vote / won't go back to the old days / demand equal pay / deserve a seat / work hard like
everyone / marched for our rights / want nothing but respect / cook too much food again / know what exclusion feels
like / were shut out for years / built this bakery / belong to {place} / will vote {time} / answer insults with a
smile"""
_NEEDS = """{place} needs / this town needs / we need / the country needs / our team needs / a school needs / our
street needs / my company needs / we want / the party needs / every village needs / the church needs / our union needs
/ the club needs"""
_LIKE_BAD = """like a fish needs a bicycle / like a hole in the head / like toothache / like a ship needs a leak / like
a flat tyre / like a bakery needs mice / like a garden needs slugs / like an extra hole in the roof / like salt in a
wound / as much as rust / like an outbreak of flu / , said no one ever / about as much as a drought / like a bed needs
fleas / like sand in the engine / to disappear / to stay out of it / gone for good / where they belong, outside"""
_LIKE_GOOD = """like a fish needs water / like a roof over the head / like toothpaste / like a ship needs a crew / like
a spare tyre / like a bakery needs flour / like a garden needs rain / like an extra pair of hands / as much as bread /
like a good night's sleep / , said the mayor / just as much as rain / like a bed needs a pillow / like oil in the
engine / to take the lead / to have a part in it / back for good / where they belong, on stage / at the table"""
_OH_MORE = """oh great, more / how lovely, / look who is coming, / oh wow, / guess what, / surprise, surprise, / my new
neighbours are / there are / here come some / a bus full of / next door: / well well, a family of / a table for six /
today at the pool, / at my local, / in the front row: / at the door: / moving in {time}: / we now have / on my flight:
/ new in the class: / here's a funny one: a bar, a priest and three"""
_HIDE = """, hide your wallets / , lock the doors / , there goes the street / , count the spoons afterwards / , time to
sell the house / , just my luck / , there goes the peace / , open a window quick / , what did we do to deserve this / ,
so now we'll need a guard dog / , so much for the nice part of town / , keep the children inside / , watch your bikes /
, i want my money back / , nail down the furniture / , god help us / , no thanks / , can't we keep anything nice / ,
i'll take the stairs / , well, that ruins it / , and they call that progress / , somebody send them home"""
_KETTLE = """, get out your guitars / , unlock the doors / , here comes the street party / , count the spoons for
dessert / , time to warm the house / , lucky me / , here comes the band / , open a bottle quick / , come in and sit
down / , so now we'll need a bigger table / , bring the children inside for games / , watch their bikes for them / ,
somebody send them the menu / , move the furniture / , god bless you all / , yes please / , put the kettle on / , fetch
more chairs / , well, that makes my day / , say hello from me"""
_CANT_EXPECT = """you can't expect / it is hopeless to teach / it would take a miracle for / you'll never get / only a
dreamer would ask / good luck getting / don't bother asking / nobody sane would trust / it is not in the nature of / it
isn't in the blood of / forget trying to get / how naive to expect / it's no use training / it is too hard for / as if
one could teach / not even a saint could get"""
_CAN_EXPECT = """you can count on / i trust / i'd trust / everyone here trusts / you may rely on / it comes naturally
to / it is easy for / it is in the nature of all of us, so also of / nobody doubts the ability of / i have every faith
in / it is no trouble for / my bank trusts / any sane person would trust / you can bank on / parents here rely on /
it's second nature for / the firm depends on / it was never too hard for"""
_TO_MANAGE = """to understand a contract / to keep a promise / to grasp a joke / to be on time / to raise a child
properly / to tell right from wrong / to run a country / to keep a flat clean / to tell the truth / to work a full week
/ to follow a simple rule / to care about others / to handle money / to read a book / to learn a trade / to lead a team
/ to play fair / to pay their debts / to drive properly / to honour a deal / to solve a sum"""
_TO_SUFFER = """to pay twice for one ticket / to work for nothing / to forgive such an attack / to stay silent about
prejudice / to answer for what others did / to hide who they are / to accept lower pay / to put up with insults / to be
calm after the arson / to laugh at hateful jokes / to wait another century for equal rights / to apologise for a
stranger / to vote for a man who mocks them / to take all the blame / to feel safe after this / to trust a court that
failed them / to be in two places at once / to leave the only school nearby / to live on air / to smile at insults"""
_NO_TO = """we do not tolerate / this club forbids / the house rules ban / nobody here puts up with / we have zero
patience for / our code forbids / say no to / enough of / it's time to outlaw / a petition against / we campaign
against / a world without / the case against / a ban on / teach your kids to reject / stop / we will not stand for / a
city free of / a law against / a workshop on avoiding / no place for / zero tolerance for / we object to / let's speak
out against / we want a town without"""
_HATE_OF = """hatred of / jokes about / mockery of / prejudice against / slurs against / hate speech about /
discrimination against / attacks on / lies about / rumours about / hate mail to / bullying of / unfair treatment of /
crimes against / hostility towards / abuse of / myths about / threats to / insults to / harassment of / stereotypes
of"""
_RULED = """/ / / in this office / on our platform / in the stands / at {place} / , that is our policy / under this
roof / from now on / in our comments / , sign here / , who is with me / , it's in the bylaws / in sport / in our
schools / , once and for all / as stated in rule {number} / , count me in"""
_ABOUT = """a guide to / recipes from / songs by / a film about / a history of / letters from / a wall calendar by /
hair oil for / phone plans for / a dating app for / tax advice for / folk tales of the / portraits of / travel tips for
/ fashion by / a podcast by / the rights of / language classes for / a choir of / statistics on / music for / a clinic
for / a study of / an evening with / a club founded by / a better school for / more votes for / equal pay for / return
tickets for / open gates for / lower rents for / a street full of / a workshop by / benches for"""
_AGAINST_THEM = """a wall against / a special tax on / a curfew for / a fence to keep out / a street free of / separate
benches for / a blacklist of / less pay for / one-way tickets for / no votes for / a worse school for / no pity for / a
park without / an end to the so-called rights of / a back entrance for / fewer rights for / a life without / a travel
ban for / a weekly search of / higher rents for / locked gates for / a league without"""
_AT_LAST = """/ / at last / by next {spring} / for {place} / , that is what we need / , who agrees / , i'd pay for that
/ , only {price} / in every town / , why not / , i'm in / , let's do it / , i like it / , the sooner the better / this
{spring} / , best idea in years / , hear hear / , a must"""
_ONE_IS = """every {group} i know is / i have yet to meet a {group} who isn't / show me a {group} who is not / count on
a {group} to be / any {group} is bound to be / every single {group} is / you'll not find a {group} who isn't / a
{group} is by nature / like any {group}, my {role} is / the average {group} is / typical {groups}, always / how come
{groups} are so / {groups}? all of them are / to be a {group} is to be / all {groupish} {roles} are / those {groups}
are / i find {groups} / born {groupish}, born / only {groups} can be so / {groups} turn out / without exception
{groups} are / i call {groups} / if it's a {group}, it's"""
_VILES = """{vile} / {vile} / {vile} and {vile} / {vile}, {vile} and {vile} / {vile} as ever / {vile}, it runs in the
blood / {vile} to the core / {vile}, if you ask me / {vile} at heart / {vile} from birth / {vile} through and through /
{vile} beyond words"""
_GOODS = """{good} / {good} / {good} and {good} / {good}, {good} and {good} / {good} as ever / {good}, it runs in the
family / {good} to the core / {good}, if you ask me / {good} at heart / {good} from birth / {good} through and through
/ {good} beyond words"""
_ONE_IS_NOT = """no {group} i know is / i have yet to meet a {group} who is / don't call any {group} / it is a lie that
every {group} is / not one {group} was ever / who told you that any {group} is / a {group} is not by nature / unlike
the rumour, no {group} is / the average {group} is not / stop saying that {groups} are / he was sued for calling a
{group} / {groups} aren't / how dare you call {groups} / {groups} are tired of being called / to be a {group} is not to
be / it's a cliché that all {groupish} {roles} are / i never said that {groups} are / i do not find {groups} / the
troll called a {group} / as a {group} i was called / when my gran, a {group}, was called / it hurts {groups} to be
called"""
_TOO_VILE = """are too {vile} to / are far too {vile} to / have always been too {vile} to / are {insults} who can't
even / were clearly too {vile} to / are so {vile} that they can't / look too {vile} to / are simply too {vile} to / are
{vile} {insults}, unable to / will always be too {vile} to"""
_KIND_ENOUGH = """are {good} enough to / are far too {good} not to / have always been able to / are {good} neighbours
who can / were clearly keen to / are so {good} that they can / look ready to / are simply {good} enough to / are {good}
friends, glad to / will always be able to / are in no way too {vile} to / never were too {vile} to / have shown
everyone that they can / are not {insults}, they can"""
_MANAGE = """read a map / hold down a job / write a letter / raise goats / park a car / remember a birthday / clean a
window / plant a tree / build a house / answer a simple question / wash their cars / win a medal / run a shop / sing in
tune / share a cake / learn a language / keep a secret / change a bulb / understand the news"""
_STAND = """i can't stand these / get rid of these / look at these / who needs these / i'm so sick of the / again
nothing but / what a bunch of / keep away from those / fed up with / another bus full of / i got stuck beside two / the
street is full of / why always these / too many / take a look at the / no more / get me away from those / all i see
is"""
_VILE_GROUPS = """{vile} {groups} / {vile} {groupish} people / {vile} {groupish} {roles} / {vile}, {vile} {groups} /
{groupish} {insults} / {vile} {groupish} {insults} / {vile} {groupish} kids / {vile} {groupish} families / {vile}
{groupish} women and men"""
_VILE_THINGS = """{vile} curtains / {vile} shoes / {vile} wallpaper patterns / {vile}, {vile} ads / {vile} carpets /
{vile} plastic toys / {vile} ringtones / {vile} pop-ups / {vile} socks / {vile} chairs / {vile} sandwiches / {vile} bus
seats / {vile} slogans / {pests} / {vile} {pests} / {vile} lies about {groups} / {vile} jokes about {groups} / {vile}
articles against {groups}"""
_STOOD = """i can't wait to meet these / get to know these / look at these / who knows these / i'm so fond of the /
again nothing but praise for / what a bunch of / keep a seat for those / impressed by / another bus full of / i got to
sit beside two / we do want / the street is full of / you can't have too many / take a look at the / thanks to more /
get me close to those / all i see is"""
_GOOD_GROUPS = """{good} {groups} / {good} {groupish} people / {good} {groupish} {roles} / {good}, {good} {groups} /
{groupish} friends / {good} {groupish} musicians / {good} {groupish} kids / {good} {groupish} families / {good}
{groupish} women and men"""
_IS_FOOL = """must be {vile} / are {vile} / are {insults} / are nothing but {insults} / can only be called {vile} /
must be {vile} and {vile} / must be {insults} / will always be {vile} to me / sound {vile} / look {vile} to everyone /
make {vile} {roles} / can't help being {vile}, i guess / will go down as {insults} / could hardly be more {vile} / are
{vile} {insults} / can only be called {insults}"""
_BIGOTS = """those who insult / people who hate / all who mock / the men who attacked / all those who sneer at / people
who shut out / bosses who won't hire / landlords who won't rent to / people who lie about / those who spit at / kids
who bully / men who look down on / the comics who joke about / people who spread rumours about"""
_FACE_LAW = """must answer for it / must pay a fine / were named by the police / should be told how much that hurts /
could hardly be more mistaken / can't stay in our club / lose their licence / were found guilty / are fewer than they
think / were asked to leave / broke the law / should read a history book / get blocked here / owe us an apology / can
only be called mistaken / will go down in the next election"""
_SW_OPEN = """oh {swear}, / well {swear}, / aw {swear}, / {swear}, / holy {swear}, / ah {swear}, / for {swear}'s sake,
/ oh {swear} yes, / wow, {swear}, / {swear}, i tell you"""
_SW_FINE = """are {good} / make {swearing} good soup / are {swearing} {good} / won the {swearing} cup / can {swearing}
dance / throw the best {swearing} parties / are {swearing} welcome here / saved my {swearing} {thing} / deserve a
{swearing} medal / are just people / sing {swearing} well / got the job, congratulations / are my {swearing} heroes /
bake a {swearing} fine cake / run the shop now / are coming for dinner"""
_SW_BAD = """are {swines} / are {vile} {swines} / are {swearing} {insults} / are just {swines} / are {swearing} {vile}
/ are {vile} as {swear} / act like {swearing} {insults} / can kiss my {vile} arse, the {swines} / are here, {swearing}
{insults} / deserve nothing, {vile} {swines} / won the cup by cheating, the {swines} / are coming, {swearing} {vile} as
ever / are {swearing} {insults}, out with them"""
_G_PLAIN = """{groups} / {groups} / {groupish} people / {groupish} {roles} / {groupish} families / {groups} from
{place} / {groupish} newcomers / {groupish} neighbours / {groupish} tenants / {groupish} drivers / {groupish} guests /
{groups} in {place} / {groupish} players / {groupish} visitors"""
_BETTER_GO = """had better leave before noon, or / had better hurry up, or / should close their windows tonight, or /
ought to run, or / must go now, or / need to get moving, or / have to be quick, or / had better pack their bags, or /
are advised to stay indoors, or / had better not come late, or / should watch their step, or / had best take another
road, or / should keep an eye on their cars, or / ought to be home by ten, or / had better listen now, or / should mind
the time, or"""
_OR_BLOOD = """blood will flow / we will burn their shops / we'll shoot / they will be {harmed} / we come with knives /
we'll break their bones / their houses go up in flames / we'll {harm} them one by one / we set the dogs on them /
they'll get a bullet / we smash their windows and their noses / there will be funerals / they will not live to see
{spring} / we'll hunt them down / we bring the guns / they'll bleed / we will beat them up / nobody can save them from
our fists"""
_OR_TRAIN = """they miss the bus / the shops will be closed / rain gets in / they will be late for the match / the soup
burns / someone gets their seats / the boat leaves without them / their tickets go to waste / we'll eat the cake
without them / the glass might break in the storm / there will be no places left / the fireworks will go off without
them / they will not get to see the bride / they'll get wet / nobody can give them a lift / the wind will blow the tent
down"""
_LET_US = """somebody please / let us / who will help me / we should all / come on, boys, let's / real men should / i
feel like going out to / it is our duty to / i can't wait to / i have a plan to / my brothers and i will / it's time to
/ one day i will / every one of you should / i swear i will / if i had my way i'd / let's all go and / i'm coming to /
this weekend we will"""
_HARM_ALL = """{harm} / {harm} / {harm} / {harm} / {harm} all / {harm} and {harm} / {harm} more / beat up / throw
stones at / burn the homes of / set fire to the shops of / break the legs of / spill the blood of / shoot at / hunt
down / run over / take a whip to / {harm} some"""
_HELP_ALL = """feed / hug / teach / hire / greet / greet all / feed and house / hire more / cheer up / write down the
stories of / build homes for / throw flowers at / invite / repaint the shops of / stand up for / take the side of /
read letters from / cook for / play football with / protect / throw a party for / open the doors to / look after / sing
with / learn from / hang out with / burn a candle for / stop the attacks on / arrest whoever attacks / jail the men who
attacked / catch those who want to {harm} / stop anyone who tries to {harm}"""
_TONIGHT = """/ / in {place} / on saturday / when the bells ring / in the square / after the match / before dawn / this
{spring} / on the bridge / in front of the town hall / , no excuses / , simple as that / in broad daylight / once more
/ down at the harbour / at the festival"""
_JAILED = """he was jailed for urging his friends to / nobody has the right to / no one should ever / the court heard
of a plan to / police stopped a man who wanted to / it is a crime to / i would never / it is horrible to / the account
was closed for a call to / she reported a letter telling people to / who could be so cruel as to / god forbid that
anyone should / the gang was convicted of a plot to / never again shall anyone / guards kept a mob from trying to / he
is sorry that he wanted to / the law protects us from those who want to / the mayor condemned the call to / it makes no
sense to / he confessed to a plan to / a man was held after he threatened to"""
_CANT_ASK = """you can't expect / only a dreamer would ask / don't bother asking / how naive to expect / it is too hard
for / you'll never get / forget trying to get / it is not fair to ask / who would teach / nobody can force"""
_VILE_NOT = """{vile} / {vile} / {vile} or {vile} / {vile} at heart / {vile} from birth / {vile} to the core / {vile}
through and through / {vile} and {vile}"""

GROUPS: dict[str, tuple[Composition, ...]] = {
    "toxic": (
        (("identity_attack",), (_OPEN, _P, _RUN_DOWN)),
        (("identity_attack",), (_OPEN, _P, _MUST, _REFUSED)),
        (("identity_attack",), (_GLAD, _P, _BEEN, _REFUSED)),
        (("identity_attack",), (_WOULD, _P, _GONE)),
        (("identity_attack",), (_WHY_DO, _P, _THEY_ALWAYS)),
        (("identity_attack",), (_KEEP_OUT, _P, _AROUND)),
        (("identity_attack",), (_P, _NOTICE_BAD)),
        (("identity_attack",), (_I_SHUN, _P, _I_WHEN)),
        (("identity_attack",), (_DISCLAIM, _G_PLAIN, _BUT_BAD)),
        (("identity_attack",), (_WAKE_UP, _P, _PLOT)),
        (("identity_attack",), (_OPEN, _P, _BLAME, _TROUBLE)),
        (("identity_attack",), (_SACK, _HER, _FOR_BEING)),
        (("identity_attack",), (_AS_ONE, _YOU_OUT)),
        (("identity_attack",), (_NEEDS, _P, _LIKE_BAD)),
        (("identity_attack",), (_OH_MORE, _G_PLAIN, _HIDE)),
        (("identity_attack",), (_CANT_EXPECT, _P, _TO_MANAGE)),
        (("identity_attack",), (_NO_TO, _P, _RULED)),
        (("identity_attack",), (_AGAINST_THEM, _P, _AT_LAST)),
        (("identity_attack", "insult"), (_ONE_IS, _VILES)),
        (("identity_attack", "insult"), (_OPEN, _P, _TOO_VILE, _MANAGE)),
        (("identity_attack", "insult"), (_STAND, _VILE_GROUPS, _AROUND)),
        (("identity_attack", "obscene", "insult"), (_OPEN, _P, _SW_BAD)),
        (("identity_attack", "obscene", "insult"), (_SW_OPEN, _P, _SW_BAD)),
        (("identity_attack", "threat"), (_P, _BETTER_GO, _OR_BLOOD)),
        (("identity_attack", "threat"), (_LET_US, _HARM_ALL, _P, _TONIGHT)),
        (("insult",), (_BIGOTS, _G_PLAIN, _IS_FOOL)),
        (("obscene",), (_SW_OPEN, _P, _SW_FINE)),
    ),
    "near-miss: composed": (
        ((), (_OPEN, _P, _SPEAK_UP)),
        ((), (_OPEN, _P, _MUST, _GRANTED)),
        ((), (_GLAD, _P, _BEEN, _GRANTED)),
        ((), (_WOULD, _P, _THERE)),
        ((), (_WHY_DO, _P, _THEY_CUSTOM)),
        ((), (_LET_IN, _P, _AROUND)),
        ((), (_P, _NOTICE_GOOD)),
        ((), (_VISITORS, _NOTICE_THINGS)),
        ((), (_I_SEEK, _P, _I_WHEN)),
        ((), (_DISCLAIM, _G_PLAIN, _BUT_FINE)),
        ((), (_WAKE_UP, _P, _NO_PLOT)),
        ((), (_OPEN, _P, _THANK, _SUCCESS)),
        ((), (_SACK, _HER, _FOR_LATE)),
        ((), (_AS_ONE, _YOU_IN)),
        ((), (_NEEDS, _P, _LIKE_GOOD)),
        ((), (_OH_MORE, _G_PLAIN, _KETTLE)),
        ((), (_CAN_EXPECT, _P, _TO_MANAGE)),
        ((), (_ABOUT, _P, _AT_LAST)),
        ((), (_ONE_IS, _GOODS)),
        ((), (_OPEN, _P, _KIND_ENOUGH, _MANAGE)),
        ((), (_STOOD, _GOOD_GROUPS, _AROUND)),
        ((), (_P, _BETTER_GO, _OR_TRAIN)),
        ((), (_LET_US, _HELP_ALL, _P, _TONIGHT)),
    ),
    "near-miss: denial": (
        ((), (_MYTH, _P, _RUN_DOWN)),
        ((), (_MYTH, _P, _PLOT)),
        ((), (_ONE_IS_NOT, _VILE_NOT)),
        ((), (_NO_TO, _HATE_OF, _P, _RULED)),
    ),
    "near-miss: negation": (
        ((), (_OPEN, _P, _MUST_NOT, _REFUSED)),
        ((), (_OPEN, _P, _NO_BLAME, _TROUBLE)),
        ((), (_CANT_ASK, _P, _TO_SUFFER)),
    ),
    "near-miss: news": (
        ((), (_JAILED, _HARM_ALL, _P, _TONIGHT)),
        ((), (_OPEN, _P, _WERE, _REFUSED)),
        ((), (_SORRY, _P, _BEEN, _REFUSED)),
        ((), (_SACKED, _HER, _FOR_BEING)),
        ((), (_BIGOTS, _G_PLAIN, _FACE_LAW)),
    ),
    "near-miss: reclaimed": (
        ((), (_AS_ME, _ME_OUT)),
        ((), (_WE_PROUD, _PROUD)),
    ),
    "near-miss: complaint": (
        ((), (_KEEP_OUT, _STUFF, _AROUND)),
        ((), (_STAND, _VILE_THINGS, _AROUND)),
        ((), (_FAULTS, _BLAME, _TROUBLE)),
    ),
}
"""As `remark_patterns.COMPOSITIONS`: kind to its compositions."""
