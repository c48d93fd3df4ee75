"""Minimal pairs of abuse of persons, and the same words said of things, animals, food, tools, or kindly.

For training only, see `remark_contrasts`; notation as in `remark_patterns`.
"""

from __future__ import annotations

from galley.training.remark_patterns import Composition

_LEAD = """/ / / honestly, / let's face it, / frankly, / between you and me, / as usual, / to be blunt, / sure enough,
/ for the record, / believe it or not, / on a good day / in all those years / by the look of it, / i must say, / rumour
has it that / it turns out that / i bet / i heard that / ask anyone: / deep down / once again / looking back, /
apparently / without doubt / obviously, / it occurs to me that / if you ask me, / at long last / the way i see it, /
last i checked, / in short, / long story short:"""
_SOMEBODY = """you / you / you / you / the seller / that {role} / our {role} / the new {role} / my {role} / whoever
runs this shop / whoever answered the phone / the person who wrote this / your boss / the support agent / our host /
the author / the man at the counter / the lady upstairs / your cousin {first} / the guy next door / the {role} from
{place} / the chairman / their captain / the whole crew / you and your friends / the staff / you people / the {role} in
charge / the courier / the committee"""
_INEPT = """could not organise a picnic / could not boil water without burning it / could not find {place} with a map
and a torch / would lose a debate with a doorknob / must have been last in line when brains were given out / never had
a single thought worth keeping / should not be trusted with a spoon / could get lost in a lift / would need both hands
and a teacher to count to ten / could not pour water out of a boot / would drag down the average of any room / might be
outwitted by a houseplant / would struggle to spell cat / must have won that diploma in a raffle / had nothing but
straw upstairs / made a sack of potatoes look witty / gave fools a bad name / set the bar so low that ants trip over it
/ owed the trees an apology for the wasted oxygen / brought nothing to the table but an appetite / brightened the room
only by leaving it / could not lead a goat to grass / could bore the paint off a wall / would sell a grandmother for a
bus ticket / could not tell the truth to save a friend / must have skipped every lesson about manners / had the charm
of a wet sock / had the wit of a doormat / had all the backbone of a jellyfish / could not run a bath / could not think
straight with a ruler / must have been raised in a barn / never did one day of honest work / would steal the pennies
from a beggar's cup / would cheat an orphan at cards / peaked in kindergarten / will never amount to anything / had one
brain cell and lost it / would trip over a painted line / might as well be replaced by a cardboard box / ought to be
ashamed to look in a mirror / should do the world a favour and never speak again / should be nobody's role model / must
have fallen on that head as a baby / talked a lot and knew nothing / would sink any ship just by boarding it / could
not be trusted as far as i can throw a piano / turned out to be no use to anyone / would be no loss to the world /
could make anyone ashamed to be human / had the manners of a hog / had a face only a mother could love / had the brains
of a boiled turnip / fell out of the clever queue / could not win an argument with a parrot / could mess up a glass of
water / should not be allowed near people"""
_ABLE = """could organise our next picnic / could boil the water for the tea / could not find the map and the torch /
would win a debate about the doorknob / must have been first in line when tickets were given out / never had a single
complaint worth mentioning / should be trusted with the keys / could get there with the lift / would need both hands
and a ladder to reach it / could not pour the juice fast enough / would raise the mood of any room / might be
collecting the houseplant later / would love to see the cat / must have won that hamper in a raffle / had nothing but
toys upstairs / made a sack of potatoes into soup / gave the dog a good name / set the table so low that children reach
it / owed the neighbours a letter / brought a salad to the table and an appetite / brightened the room by painting it /
could lead the goat to the grass / could scrape the paint off a wall / would buy a grandmother a bus ticket / could not
tell the twins apart / must have booked every lesson about pottery / had the charm of a film star / had the wit to
bring a doormat / had all the photos of the jellyfish / could not run on sunday / could draw a straight line without a
ruler / must have been married in a barn / never did a marathon before / would put pennies in a beggar's cup / would
teach an orphan to play cards / started in the kindergarten / could not come because of a cold / will always find
something to do / had one glove and lost it / would walk along a painted line / might put the lamp in a cardboard box /
ought to be proud to look in a mirror / should do the dishes and never complain / should be everybody's role model /
must have cried at night as a baby / talked a lot and knew the whole history / would christen any ship just by smiling
/ could be trusted with the piano / turned out to be a great help to everyone / would be sorely missed when away / made
me proud to be here / had the dinner with us / had a face like a film star / had the peas with a boiled turnip / moved
up in the queue / could not teach the parrot to sing / could drink a glass of water / should be allowed to stay / made
me laugh until i cried / never missed a birthday / fixed the fence before lunch / must have taken the early train /
would rather have the window seat / should not carry that alone / might be late because of the snow"""
_ME = """i / i / i myself / we / the two of us / as a child i / on mondays i / yours truly / sometimes i / i, of all
people,"""
_SELF_TAIL = """/ / , i admit / , sorry about that / , that is just me / , as my {role} knows / , but i keep trying / ,
hence the mess / and i can laugh about it / , poor me / , bear with me / , story of my life / , no offence taken / ,
silly old me / , and my {family} would agree / , ha ha / , says my {role}, and i agree"""
_LOWLY = """a sack of potatoes / a wet sponge / my left shoe / a broken {thing} / the average brick / any old bucket /
a bag of flour / a bowl of porridge / the carpet in the hall / a garden gnome / this lamp post / a traffic cone / a tin
of beans / one dead battery / a rusty nail / a blind mole / our doormat / the kitchen sink / half a biscuit / an empty
bottle / a cabbage / a wooden spoon / a sleeping snail / a soggy tissue / the mop / a concrete block / a haystack / a
pair of socks / some lettuce / my goldfish / a {tool} / the bus shelter / a loaf of stale bread / a plastic fern"""
_HAS_MORE = """has more / shows more / holds more / offers more / seems to have more / has far more / clearly has more
/ has got more / displays more / keeps more / provides more / has shown us more / brings more / contains more /
possesses more"""
_MERIT = """wit / charm / sense / courage / manners / intelligence / talent / personality / decency / brains / backbone
/ style / honesty / dignity / ambition / wisdom / class / humour / spirit / imagination / judgement / self-respect /
common sense / character / integrity"""
_STUFF = """weight / starch / water / fibre / calories / salt / colour / space / surface / storage / sugar / protein /
heat / moisture / air / iron / room / grip / strength / wool / minerals / flavour / vitamins / insulation"""
_THAN_YOU = """than you / than you do / than you will ever have / than {first} / than {first} ever had / than the whole
lot of you / than that {role} / than your entire household / than you and {first} together / than our {role} ever
showed / than anyone in your office / than the seller / than this author / than the fellow who hired you / than you on
your best day / than you could dream of / than you and your friends / than all of you combined"""
_THAN_THING = """than a bag of rice / than the old one / than you need / than you would think / than the label says /
than a pound of sugar / than last year / than we measured / than the {nice} model / than a pillow / than you can carry
/ than a cup of milk / than the cheaper kind / than advertised / than an apple / than the one you bought / than it had
in {spring} / than the other brand / than a plate of {dish}"""
_ADMIRED = """our {role} / your {role} / my grandmother / the new {role} / your little sister / the winner / the old
{role} / your {family} and you know it: {first} / this young {role} / your son / your daughter / the woman on stage /
their captain / everyone here agrees that {first} / the {role} who helped us / my best friend"""
_THAN_MANY = """than a room of professors / than i ever had / than i do / than most of us / than anyone i know / than a
whole orchestra / than you would expect / than ten men / than the job demands / than all of hollywood / than the rest
of the world / than a fox / than i could dream of / than money can buy / every day / than i have on my best day / than
a library"""
_NOBODY = """nobody / no one / not a soul / nobody here / no sane person / not even your {family} / nobody with eyes /
hardly anybody / no human being / nobody in {place} / not one of us / nobody in their right mind / no living thing / no
{role} / absolutely nobody / not a single {role}"""
_EVERYONE = """everybody / everyone / the whole street / everyone here / any sane person / even your {family} / anybody
with eyes / almost anybody / all of {place} / each of us / the entire team / every {role} / absolutely everybody / half
the town / the crowd / our club / the jury"""
_WANTS = """wants / needs / asked for / would miss / would pay for / will remember / cares for / could love / likes /
ever wanted / would vote for / will want / would put up with / dreams of / longs for / will pay for / dreamt of /
values / enjoys"""
_YOUR_SELF = """your opinions / your face / your so-called wisdom / you in this sorry state / you in this team / your
miserable company / your endless voice / your so-called talent / a thing you say / people like you / your kind of
charm, believe me / your greasy presence / your sorry excuses / someone like you / the whining sound of your voice /
your advice, least of all me / a so-called friend like you / your cheap jokes / your fake tears / your big mouth / a
bore like you / a {insult} like you / your {vile} face / your empty talk / the likes of you / your half-baked ideas /
your sour temper"""
_YOUR_GIFT = """your opinions / your face on the poster / your wisdom / you in this lovely dress / you in this team /
your cheerful company / your beautiful voice / your great talent / a song from you / people like you / your kind of
charm, believe me / your calm presence / your recipes / someone like you / the sweet sound of your violin / your
advice, most of all me / a true friend like you / your good jokes / your happy tears / your big heart / a baker like
you / a {good} {goods} like you / your {good} smile / your lively talk / the taste of your {dish} / your bright ideas /
your good temper"""
_SPARE = """a third remote control / the old fax / more rain / a second {thing} / fruit cake at midnight / paper forms
/ another newsletter / this {thing} / the {topic} / socks with holes / a password of forty signs / wet feet / lumpy
porridge / traffic on a sunday / the long version / all these cables / a parking fee / spam in the morning / a meeting
at six / dust on the shelf / the drilling upstairs / a strike at the airport"""
_KIN = """your mother / your father / your parents / your own {family} / your teachers / your neighbours / your wife /
your old school / your grandmother / the people who raised you / your poor {family} / your employer / the village you
come from / your children / whoever hired you / those around you / your colleagues / your boss / the man who taught
you"""
_SHAMED = """must regret you / must regret the day you were born / must be ashamed of you / would swap you for a
{goodthing} / should have raised a cactus instead / deserved so much better than you / must cross the street when you
come / surely cried when you arrived and not with joy / would be better off without you / must wish you were someone
else / raised a failure / would pay to be rid of you / must change the subject when your name comes up / wasted good
money on you / could have done better than you / never had less luck than with you / must have been drunk to want you /
ought to say sorry for you / deserved a refund for you / must groan at the sight of you / would never admit to knowing
you / must hide when you call / should have taught you some manners / must be so tired of you / lost a bet to get
you"""
_PROUD = """must be proud of you / must remember the day you were born / must have missed you / would lend you a
{goodthing} / should have a cactus in the window / deserved a card from you / must cross the street to get here /
surely cried when you arrived, with joy / would be lost without you / must wish you luck / raised a glass to you /
would pay to see you on stage / must smile when your name comes up / spent good money on books for you / could have
come along with you / never had more fun than with you / must have been thrilled to see you / ought to say thanks to
you / got a refund for the tickets / must be happy at the sight of you / would always speak well of you / must have
called you / should have shown you the garden / must be so fond of you / lost a bet and must cook for you / waited all
day for you / knew you were the right one / baked you {dish} / must come and visit you"""
_CULPRIT = """the seller / this seller / the {role} i spoke to / the man behind this shop / whoever wrote this review /
the author of this article / this columnist / the agent on the phone / your support agent / the courier / the courier
who came {time} / that landlord of yours / the girl at the till / the referee / your manager / the moderator / our new
{role} / {first} from sales / the owner / the chef / the waiter / the {role} on channel {number} / the host of this
show / the next speaker / the guy who commented above / the mayor / this so-called {role} / your {role} / the man who
sold me the {thing} / the idle {role} / the woman at the desk / {first}, that {role}, / whoever trained your staff"""
_ARTICLE = """the {thing} / this {thing} / the {thing} i ordered / the roof behind this shop / the spelling in this
review / the layout of this article / this paragraph / the music on the phone / your support page / the parcel / the
parcel that came {time} / that staircase of yours / the queue at the till / the offside rule / your invoice / the
password form / our new {thing} / the {goodthing} from the sale / the packaging / the soup / the starter / the advert
on channel {number} / the lighting of this show / the next level / the chart above / this so-called {thing} / your
{thing} / the garage that came with the {thing} / the idle engine / the wobbly desk / the {thing}, that old one, / the
remix / whatever was in the box / the traffic / the fog / the wallpaper / the zip / the third season / my commute"""
_ANIMAL = """the old sow / our pet {animal} / the rat under the shed / a {animal} at the zoo / the snake in the
terrarium / that goose by the pond / the neighbour's cat / a wild boar in the forest / the donkey on our farm / the
weasel in the barn / your puppy / the biggest pig in the sty / my grandfather's goat / a toad in the well / the
{colour} {animal} in the wild / the hamster / this stray dog / the caged parrot / the male {animal} in spring / every
{animal} in the picture book / the maggot on the hook / the leech in the jar / one of the hens / the mule / the vulture
on the rock / the queen wasp / a skunk by the road / the ram on the meadow / that seagull / an ape in enclosure
{number} / the bull at the fair / the oldest tortoise"""
_FOODSTUFF = """the soup / this plate of {dish} / a mouthful of {dish} / the bread in the bin / the cheese from {place}
/ an egg from the back of the fridge / the fish on the slab / the gravy / your leftover pizza / the canteen stew / the
milk in the jug / this carrot / the hotel portion of {dish} / the pudding / the airport sandwich / the third dumpling /
the cabbage / an overripe mango / the sauce on top / my first sourdough / the batter / the brine / this blue cheese /
the coffee from the machine / the burnt crust / the tofu / the onion in the drawer / the mushroom on the log / the
jelly / the helping of {dish} we tried"""
_IS = """is {vile} / is so {vile} / is {vile} and {vile} / is really {vile} / seems {vile} / is simply {vile} / is far
too {vile} / was {vile} from the start / is not just {vile} but {vile} / has become {vile} / has always been {vile} /
is getting more {vile} / could not be more {vile} / must be the most {vile} of all / is as {vile} as they come / is
quite {vile} / is a bit {vile} / stays {vile} / is {vile}, there is no other word / remains {vile} / is downright
{vile} / sounds {vile} / turned out {vile} / is nothing but {vile} / is {vile} beyond belief / is more {vile} than ever
/ is {vile} again / looks as {vile} as ever / is utterly {vile} / is a disgrace / belongs in the bin / stinks / is a
bad joke / is not worth a penny / makes me sick / is rubbish / is the worst of the worst / is a waste of money / should
be thrown out with the trash / is no good and never was / is an embarrassment / reeks / is good for nothing / is dull
and hollow / is all show, nothing inside / is not the sharpest / is cheap and nasty / is hot air / makes my skin crawl
/ is a failure in every way"""
_ON_WHAT = """/ / / , one star / , i am afraid / in my view / , as reviews go / , shame / and i paid {price} for this /
, end of story / , avoid / , never again / , just saying / these days / , and has been for years / , says {first} /
compared to the last one / , thumbs down / , in case you wondered / , so much for that / by any standard / , no
question / , trust me / , and it shows / after all / up close / , hands down / , come rain or shine / at this time of
year"""
_REVIEW = """one star: / zero stars, / do not order here: / arrived late and / review of {product}: / update after a
week: / i read the comments: / the truth is that / comment {number}: / dear readers, / to whom it may concern: / ticket
{number}: / reply to {first}: / in reply to the above: / tl;dr: / headline: / breaking: / opinion: / verdict: / my two
cents: / rated 1 of 5: / sad but true, / you were right, / warning: / letter to the editor: / p.s. / / / as a customer
i think / after {number} calls i know: / my conclusion is that / complaint: / unpopular opinion: / dear support, / no
wonder, / to cut it short:"""
_HAIL = """hey / oi / listen, / listen up, / look here, / excuse me, / well, / hello / good morning, / so, / stop it, /
oh come on, / yes, / no, / wait, / ha, / bravo, / goodbye, / thanks, / sorry, / and / right, / go on, / welcome back, /
oh, / cheer up, / sit down, / calm down, / wake up, / happy birthday, / good night,"""
_YOU_FOOL = """you {insult} / you {vile} {insult} / you absolute {insult} / you {vile}, {vile} {insult} / you total
{insult} / you utter {insult} / you complete {insult} / you {insult} / you little {insult} / you pack of {insults} /
you bunch of {vile} {insults} / you {insults} / you {vile} {role} / you {vile} man / you {vile} thing / you nasty piece
of work / you fat lump / you empty head / you big nothing / you overpaid {insult} / you good-for-nothing / you oaf /
you poor excuse for a {role} / you sad little man / you old {insult}"""
_YOU_SWINE = """you {swine} / you {vile} {swine} / you {swearing} {insult} / you absolute {swine} / you {swines} / you
{swearing} {swines} / you bunch of {swines} / you total {swine} / you {swearing} {vile} {insult} / you utter {swine} /
you {swearing} {swine} / you old {swine} / you {swearing} {insults} / you two-faced {swine} / you overpaid {swine}"""
_YOU_DEAR = """you {good} {goods} / you {good} thing / you absolute star / you {good}, {good} {role} / you total hero /
you dear soul / you legend / you beauty / you little angel / you lovely lot / you bunch of {good} {goods}s / you
champions / you {good} {role} / you {good} man / you sweet thing / you treasure / you lucky duck / you clever clogs /
you early bird / you night owl / you {good} woman / you poor thing / you sleepyhead / you busy bee / you dear old
friend / you dark horse / you birthday boy / you winners / you rascal with the lovely smile / you soft-hearted {role} /
you kids / you cheeky monkey"""
_REMARK = """, move your car / , the {thing} is on fire / , where is my parcel / , who left the gate open / , put that
{tool} down / , it is your turn / , read the manual / , you parked on my lawn / , close the window / , give me the keys
/ , the {topic} starts at nine / , pass the salt / , get out of bed / , do you know what time it is / , you forgot the
{thing} again / , this is a queue / , it was me who called / , answer the phone / , i asked for tea / , hand over the
remote / , that was my seat / , turn the music down / , say something / , you broke the {thing} / , we need to talk / ,
look what you have done / , the bill please / , where were you {time} / , sign here / , take your shoes off / , that is
not how it works / , we lost the match / / , nice weather / , come and see this / , there are {number} of us waiting"""
_COMMAND = """move over / open your eyes / read the question / pay your bills / close the door / turn it off / use a
{tool} / hold your horses / check the {thing} / mind the step / ask the {role} / wash your hands / get in the car /
keep your seat / try again / stop shouting / pick up the phone / look where you are going / count to ten / go home /
stay where you are / let me through / ring the bell / follow the signs / eat your peas / tie your shoes / put it back /
come down from there / watch the road / leave the {thing} alone / press the green button / say it again / shut the
fridge / give it back / wait for the {role} / finish your homework / bring me the {tool} / get some sleep / i said
{number} / this is the wrong room / you owe me {price} / it was not me / happy new year / that is my chair / two sugars
/ see you on monday / here comes the bus / no parking / stand back / hand me the {thing} / shake hands / slow down /
park over there"""
_TO_ALL = """, my friend / , mate / , darling / , dear / , everybody / , team / , {first} / , folks / , ladies and
gentlemen / , kids / , sir / , madam / , grandad / , love / , buddy / , champ / , doctor / , captain / , sweetheart / ,
both of you / , boys and girls / , honey / , dear neighbours / , sunshine / , old friend / , gang / , please / , mum /
, you {good} {goods} / , you {good} thing / , you absolute star / , you {good}, {good} {role} / , you total hero / ,
you dear soul / , you legend / , you beauty / , you little angel / , you lovely lot / , you bunch of {good} {goods}s /
, you champions / , you {good} {role} / , you {good} man / , you sweet thing / , you treasure / , you lucky duck / ,
you clever clogs / , you early bird / , you night owl / , you {good} woman / , you poor thing / , you sleepyhead / ,
you busy bee / , you dear old friend / , you dark horse / , you birthday boy / , you winners / , you rascal with the
lovely smile / , you soft-hearted {role} / , you kids / , you cheeky monkey"""
_WHY_YOU = """why are you so / how can one person be so / who made you so / must you always be so / is {they} always
this / since when are you so / have you ever met a {role} as / how did you get so / does it hurt to be so / were you
born so / do they pay you to be so / what made the {role} so / can a human being be more / why does the seller have to
be so / was your boss always this / are all {roles} so / how come you are so / who raised you to be so / aren't you
tired of being so / did you study to become so / do you practise being so / when will you stop being so / would it kill
you to be less / why on earth is that {role} so"""
_WHY_IT = """why is the {thing} so / how can one {goodthing} be so / who made the soup so / must mondays always be so /
is the coffee always this / since when is the {topic} so / have you ever seen a {thing} as / how did the hem get so /
does the hotel have to be so / were the curtains always so / do they want the form to be so / what made the water so /
can a parking fee be more / why does the sofa have to be so / was your kitchen always this / are all winters so / how
come the cover is so / who designed the {thing} to be so / aren't you tired of a {thing} so / how did the goldfish
become so / do the pigs enjoy being so / when will the weather stop being so / would it help to make the plot less /
why on earth is that wallpaper so"""
_VILE_ASK = """{vile}? / {vile}, i wonder? / {vile} and {vile}? / {vile} today? / {vile}, tell me? / {vile}, please? /
{vile} all the time? / {vile} in public? / {vile} at this hour? / {vile}, {first}? / {vile} or what? / {vile}, of all
things? / {vile}? asking for a friend / {vile}? i give up / {vile}? no really / {vile}? my goodness"""
_WHAT_A = """what a {vile} / such a {vile} / by far the most {vile} / look at this {vile} / never again this {vile} /
here comes the {vile} / i have never seen a more {vile} / oh, another {vile} / one more {vile} / beware of the {vile} /
there goes that {vile} / behold the {vile} / just a {vile} / who needs this {vile} / save me from the {vile} / so much
for the {vile} / enough of this {vile}"""
_HUMAN = """{role} you are / man / human being / {insult} / person / little man / boss / {insult} of a {role} / {role}
they sent me / woman at the desk / seller / character / host / excuse for a {role} / neighbour of mine / author /
moderator / colleague / head of sales / captain / {role} on the phone"""
_NONHUMAN = """{thing} / {thing} this is / piece of software / {tool} / rucksack / little gadget / {topic} / corner of
a garage / {thing} they sent me / picture of a desk / parcel / font / hotel room / excuse for a {thing} / sofa of mine
/ ending / menu / carpet / heap of paper / sweater / {thing} on the shelf / cough / old wasp nest / plate of {dish} /
cold sore / headache / tax form / day at the beach / winter / staircase / bus stop / old lawnmower"""
_CHEERS = """well done, / bravo, / nice work, / great job, / thank you so much, / hats off, / hooray, / brilliant, /
good for you, / three cheers, / oh wonderful, / amazing, / impressive, / a round of applause, / keep it up, / how
lovely, / clap clap, / you did it, / look at you, / way to go,"""
_MOCK = """einstein, / genius, / sherlock, / mister know-it-all, / your highness, / you great thinker, / professor
clueless, / brainbox, / you intellectual giant, / captain obvious, / smarty-pants, / master of disaster, / princess
perfect, / your majesty, / big shot, / o wise one, / wise guy, / little miss perfect,"""
_BLUNDER = """even a toddler would have read the manual / you broke the {thing} again with your two left hands / only
you could get this wrong / did it hurt to think that hard / another triumph of the empty head / it takes a special mind
to forget trousers / we all feel dumber now / your one brain cell must be tired / a monkey would have done it faster /
the bar was on the floor and you tripped / my cat understood it before you / you couldn't do one thing right / the
world is laughing at you / next time use your head, if you have one / a chair would be more help than you / is there
anything you do not ruin / that was dim even for you / you set a record for being useless / how do you manage to dress
yourself / the lights are on but nobody is home / please never have another idea / some people should not own a
{tool}"""
_TITLED = """team, / {first}, / everyone, / my dear colleague, / class of {number}, / you great people, / professor, /
mum, / you lovely crew, / captain, / girls, / dear {role}, / neighbours, / champions, / my love, / kids, / coach, / old
friend,"""
_FEAT = """even a toddler would have liked the show / you fixed the {thing} again with your own hands / only you could
get this right / it must have been hard to think of that / another triumph of the home team / it takes a special mind
to write such songs / we all feel better now / your feet must be tired / nobody could have done it faster / the cake
fell on the floor and you laughed / my cat loved it too / you got every single thing right / the world is looking at
you / next time use my car, if you need one / a chair will be brought for you / is there anything you cannot cook /
that was bright as ever / you set a record for the long jump / how do you manage to stay so fit / the lights are on and
everybody is home / please have another idea / some people should own a theatre / the {topic} was a success / lunch is
on me"""
_OH_SWEAR = """oh {swear}, / {swear}! / ah {swear}, / holy {swear}, / {swear}, {swear}, {swear}, / aw {swear}, / well
{swear}, / for {swear}'s sake, / what the {swear}, / no {swear}, / {swear} this, / oh for {swear}'s sake, / who gives a
{swear}, / {swearing} hell, / not again, {swear}, / {swear} it, / mother of {swear}, / {swearing} great, / oh
{swearing} marvellous,"""
_OH_DEAR = """oh dear, / oops! / ah well, / holy moly, / no, no, no, / aw man, / well well, / for goodness' sake, /
what on earth, / dear me, / no kidding, / enough of this, / oh for heaven's sake, / who cares, / goodness, ouch, / good
grief, / not again, please, / drat, / mother of pearl, / just great, / oh marvellous, / ugh, / phew, / yikes, / hurrah,
/ argh,"""
_EVENT = """i missed the bus / the train just left / it is raining again / i forgot my keys / the {thing} fell in the
pond / my tooth hurts / the exam is {time} / we ran out of milk / i spilled the coffee / someone sold the last ticket /
the battery died / my alarm did not ring / the file is gone / it snowed in may / the price went up / i burnt the rice /
the wifi is down / there is sand in my shoe / that was close / we won the cup / the power is out / my luggage went to
{place} / the {thing} costs {price} / i stepped on a nail / the {topic} was cancelled / it is monday / i locked myself
out / the pipe burst / my knee is swollen / we are out of time / the line is dead / i dropped the {goodthing} / the
roof leaks / they closed the road / this view is stunning / i passed the test / the baby is finally asleep / it works /
that {dish} was hot / the screen froze / {problem}"""
_DAMNED = """the {swearing} {thing} / this {swearing} {tool} / my {swearing} {goodthing} / that {swearing} {topic} /
our {swearing} car / the whole {swearing} {topic} / your {swearing} {thing} / every {swearing} {thing} in the house /
another {swearing} {thing} / a {swearing} old {thing} / the {swearing} weather / some {swearing} {thing} / the
{swearing} printer / this {swearing} {swear} of a {thing} / the {swine} of a {thing} / this {swine} of a {tool} / half
of the {swearing} {thing} / the {swearing} alarm"""
_MILD_THING = """the {vile} {thing} / this {vile} {tool} / my {vile} {goodthing} / that {vile} {topic} / our {vile} car
/ the whole {vile} {topic} / your {colour} {thing} / every {vile} {thing} in the house / another {vile} {thing} / a
{vile} old {thing} / the {vile} weather / some {vile} {thing} / the {vile} printer / this {vile} old heap of a {thing}
/ the monster of a {thing} / this beast of a {tool} / half of the {vile} {thing} / the {vile} alarm"""
_BROKE = """broke / will not start / fell apart / woke the whole house / costs {price} a month / never works / froze /
is late again / ate my paper / stopped at noon / is leaking / needs new batteries / ruined my weekend / took all day /
got stuck in the door / makes a funny noise / went up in smoke / keeps beeping / was sold out / is too heavy / smells
of onions / drives me up the wall / cannot be opened / is missing a screw / slipped out of my hand / lost its lid / is
back / turned green / gave me a blister / hung for {number} minutes / died on me / sat in customs for a week / made us
late / crashed {time} / has been recalled / needs a good wash / fell on my foot / went missing"""
_STATE = """this {thing} is / the new {topic} was / the {topic} is / their website is / that film was / the refund
policy is / monday morning is / the plot of {title} is / half of this update is / the hotel breakfast was / the
instructions are / the last level is / the weather in {place} was / my internet is / the whole schedule is / your form
is / the second half was / the {goodthing} is / this traffic is / the sound was / everything on the menu was / that
rule is"""
_CRUDE = """complete {swear} / a load of {swear} / {swearing} useless / {swearing} awful / a pile of {swear} /
{swearing} slow / not worth a {swear} / {swearing} expensive / total {swear} / {swearing} late again / {swearing}
brilliant / utter {swear} / {swearing} everywhere / a {swearing} joke / as boring as {swear} / pure {swear} /
{swearing} cold / too {swearing} loud / {swearing} fine by me / {swearing} ridiculous / {swearing} gorgeous / a {swine}
to clean / a {swine} to install / a {swearing} mess"""
_CLEAN = """complete nonsense / a load of rubbish / quite useless / really awful / a pile of dust / terribly slow / not
worth it / too expensive / total chaos / {vile} and late again / such a pity / just brilliant / utter rubbish / {vile}
everywhere / a sad joke / as boring as ironing / pure bliss / bitterly cold / too loud / a bit {vile} / fine by me /
absolute bliss / plain ridiculous / simply gorgeous / a nightmare to clean / a pain to install / a {vile} mess / {vile}
/ {vile}, to be frank / trash / garbage / dead boring"""
_IF = """if you park here again, / unless you pay by friday, / touch my {thing} and / one more word and / show up at
{place} again and / if the {thing} is not back by noon / open that door and / call me once more and / if you tell
{first} / the next time you are late / should you ever come back, / give it back or / leave town or / if i lose this
job / you have {number} minutes, then / don't look round: / when the lights go out / after closing time / keep it up
and / drop the case or / say that again and / if you vote for this / delete your post or / turn up late and / once the
house is asleep, / cheat at {game} again and / sign the contract or / if your dog barks tonight / remember, / forget to
call and / move the fence or / if {they} hears of this"""
_ELSE_HURT = """i will {harm} you / i'll {maim} / you will be {harmed} / you will not wake up / you'll leave in an
ambulance / i will {harm} your {family} / you are a dead man / your {family} will be {harmed} / they will find you in
the river / you won't see the morning / there will be blood, yours / i'll feed you your teeth / i'll break your jaw and
you'll eat through a straw / we will come for you with knives / i'll make your wife a widow / you will regret it in a
wheelchair / somebody is going to bury you / i will dig you a grave / we will string you up / you will never walk again
/ i'll put you under the ground / i'll have you shot / it is the end of you, i have a gun / my brothers will break your
bones / you'll get a knife between the ribs / i swear i'll {harm} {them} / you will bleed for it / i'll end you and
{first} / you will burn along with your house / i'll wring your neck / your head will roll, i own an axe / i'll {harm}
you where you stand"""
_ELSE_FINE = """i will call you / i'll be there in a minute / you will be fined / you will not get a refund / you'll
leave in a taxi / i will tell your {family} / you are a happy man / your {family} will be invited / they will find you
in the phone book / you won't see the film / there will be cake, yours / i'll feed your cat / you'll drink through a
straw / we will come for you with the van / i'll make your wife a tea / you will find it in a drawer / somebody is
going to paint the fence / i will dig you some potatoes / we will string up the lights / you will never wait again /
i'll put your name on the list / i'll have you marked as absent / it is the end of the meeting / my brothers will mend
your bikes / you'll get a knife and a fork / i swear i'll forget {them} / you will pay for the stamp / i'll end the
call / you will burn fewer calories / i'll write to the landlord / your {thing} will be repaired / i'll leave you where
you are / you lose a turn / i'll have to report it / the alarm goes off / i'll cancel the order / we will take the tram
/ you can keep the change / the deal is off / i'm going to bed / your account will be closed / you get a free coffee"""
_PITY = """it would be such a pity if / how sad it would be if / wouldn't it be a shame if / i would hate it if /
imagine the tears if / nobody would cry if / what if one night / how would you like it if / would you be surprised if /
i would laugh if / it would serve you right if / wouldn't it be funny if / it would not surprise me if / what a tragedy
if / would anyone notice if / it would be a shame if, by pure chance, / think how quiet it would be if / it would spoil
the evening if / what would you do if / would you mind if / who would care if / it would be just like in the films
if"""
_LOVED = """you / you / that {role} of yours / you and your {family} / the {role} / {first} and {first} / the {role}
who talked / your lovely {family} / you, of all people, / the {role} next door / somebody you love"""
_MISHAP = """fell under a train with my help / got a knife in the back from me / never came home because i was waiting
with a gun / drowned in the bath with my hand on the neck / lost a few fingers to my axe / woke up in a coffin i had
nailed shut / met my fists in the dark / got beaten to a pulp by my cousins / burned to death in bed, and i have
matches / got {harmed} by my men / got {harmed}, as i promised / swallowed some poison of mine / took a bullet from my
gun / lost an eye to my knife / ended in the grave that i dug / got {harmed} by us for what you did / hung from a tree,
and i own a rope / bled out in an alley at my feet / got crushed under my wheels / lay in a morgue because of me / paid
for it with blood, as i swore / felt my boots on the skull / stopped breathing under my pillow"""
_TRIFLE = """fell asleep on the train with the ticket in hand / got a knife in the wrong drawer / never came home in
time for cake / read in the bath with a hand on the tap / lost a few points to my team / woke up in a tent / met my
cousins at the fair / got beaten at {game} / burned the toast / got {dish} for lunch / got lost, as predicted /
swallowed some pool water / took a wrong turn / lost an earring / ended in third place / got a medal for the effort /
hung the picture too high / ran out of sugar / got stuck behind my caravan / lay in the sun too long / paid for it with
a card / felt the sand between the toes / stopped at the wrong house / missed the {topic} / forgot the {thing} / won a
{goodthing} / arrived without a coat / fell in love / saw the northern lights"""
_WISH = """i hope / i pray that / let's hope / my only wish is that / may it come true that / with any luck, / i dream
that / here is hoping that / fingers crossed that / every night i pray that / we all hope that / god grant that / for
christmas i want one thing: that / i lie awake and hope / i long for the day when / how happy i'd be to know that / i
am lighting a candle so that / it is my prayer that / my wish for the new year is that / it is high time that you know:
i hope / we can only hope that / my horoscope says, and i hope so, that / i cross my toes that / we raise our glasses
and hope"""
_WISHED_ON = """you / you / {they} / the {role} / our {role} / your {family} and you / the whole team / your boss / the
seller / you and {first} / every last one of you / whoever wrote this / the referee / the man who sold it / all of
you"""
_FATE_BAD = """will die in pain / will get run over by the bus / will drop dead on the stairs / will rot in a hole /
will soon get a deadly disease / will be {harmed} / will choke on every bite and die / will never wake up again / will
fall off a cliff / will get shot / will burn alive / will crash the car and die / will be torn apart by wolves / will
finally get {harmed} / will suffer a slow death / will drown slowly / will end up six feet under / will get struck dead
by lightning / will bleed to death / will meet a hungry bear and lose / will be crippled for life / will die alone in a
ditch / will hang by the neck / will get beaten until nothing moves / will not live to see {spring} / will lose both
hands in a machine / will be found {harmed} / will be buried before long"""
_FATE_GOOD = """will dine in peace / will get on the bus / will drop in for tea / will rest in a hammock / will soon
get a new degree / will be invited / will eat every bite and smile / will never wake up late again / will climb a cliff
/ will get promoted / will sleep well / will wash the car and dry it / will be met by friends / will finally get {dish}
/ will enjoy a slow dance / will swim slowly / will end up on the front page / will get the lightning on camera / will
come to lunch / will meet a friendly bear at the zoo / will be happy for life / will live by the sea / will hang up the
coat / will get cheered until dawn / will live to see {spring} / will lose no luggage / will be found soon / will be
better before long / will pass the exam / will win the raffle / will like the cake / will get home safe"""
_URGE = """somebody should / will anyone please / can someone / let us all / why does nobody / it is high time to / i
pay anyone to / we need volunteers to / who will help me / the plan: / come to {place} and / everybody, / tonight we /
on my signal, / i would love to watch you / join us and / don't just talk, / grab a {tool} and / meet me at noon to /
first, / who dares to / it would be fun to / please / step one: / tell the boys to / it only takes two people to"""
_DO_HARM = """gut / drown / hang / shred / chop up / grind up / boil / flatten / squash / strangle / run over / burn /
blow up / crush / whip / stab / knife / hack at / smash / tear apart / set fire to / take an axe to / wipe out / kill /
slash / throw knives at / choke / drill a hole in / bash in / finish off / bleed / exterminate / trample / put a torch
to / fry / slaughter / beat up / torch"""
_HUMANS = """the {role} / {them} / every {role} in town / that {role} and his {family} / the {roles} / the man from
{place} / my landlord / the new {role} / all {roles} / the seller / the referee / whoever wrote this / {first} and the
{role} / those {roles} / the mayor / the people next door / the host / our boss / the agent who hung up"""
_MATTER = """the fish / the tomatoes / the beetles / the old boots / the wallpaper / the letters / the weeds / the
beans / the lobster / the cardboard / the grapes / the hose / the leaves / the dry branches / the rats in the cellar /
the cream / the ball / the pumpkin / the dough / the ice / the piñata / the slugs / the candle / the {pests} / the tyre
/ the target / the valve / the wall / the planks / the pie crust / the last level / the radiators / the moths / the
bonfire / the onions / the wasp nest / the hedge / the old mattress on stage / the paper dragon"""
_HOW_SOON = """/ / tonight / with a {tool} / in the yard / before breakfast / , quick / behind the house / , as agreed
/ and then go home / while it rains / for good / , one by one / this {spring} / , i brought gloves / on the count of
three / , it is overdue / next to the garage / , nobody will mind"""
_THIRD = """the {role} / the {role} from {place} / our {role} / your {role} / the man upstairs / the mayor / that judge
/ {first} next door / the cashier / the manager of the shop / the {role} you love / your cousin / the reporter / a
certain {role} / the referee / the witness"""
_DOOMED = """will be found dead by noon, i will see to it / is going to bleed, i promise / has one day left to live,
tell everyone / must be {harmed}, that is the plan / is next, the bomb is ready / deserves to be {harmed} / will not
survive the night, we are coming / needs to be {harmed} tonight / ought to hang / will get a bullet from me / won't
live to see {spring}, not with me around / should be {harmed} at once / will die screaming, i promise / must not leave
the building alive / is a dead man, i have the knife / shall be {harmed}, so i swear / is going to be {harmed} by us /
will pay with blood / can dig a grave already, i'm on my way / should be put down like a dog / is going to lose both
legs, i am bringing the saw / will be {harmed} in front of the {family} / deserves a noose / won't get out alive, my
men are waiting"""
_REPORTED = """will be found at the desk by noon / is going to bake / has one day left to vote / must be tired / is
next, the chair is ready / deserves to be thanked / had better be quick / survived the night, the hospital says / needs
to be called tonight / ought to hang up / will get a letter from me / will live to see {spring}, doctors say / was
{harmed}, police report / died peacefully, aged ninety / must leave the building by six / is married with two sons /
was {harmed} years ago, the court heard / was nearly hit by a falling tree / gave blood / can dig the garden already /
put down the dog with a heavy heart / fell and hurt both legs, the paper says / was seen in front of the {topic} /
deserves a raise / got out alive, to our relief / was {harmed} in the third act / is being treated for burns / was
attacked by a {animal} and is recovering / saw the shooting and called for help / warned us of the fire"""
_BEATING = """we will crush you / i will destroy you / i'm going to beat you / we'll kill you / i'd love to murder
{first} / our men will hammer yours / i'll bury {them} / my friends will finish you off / watch me knock you out / we
plan to whip you all / my boys will break you / i am going to take you down / let me smash you / i can't wait to thrash
you / tonight we slay you all / we will wipe you out / i swear to flatten you / i am going to punish you / we'll tear
you apart / i'll make you suffer / i will end you / on saturday we massacre you / you'd better run, i'll slaughter you
/ i'll squash you like a bug / we are going to knock {them} out / i shall butcher {them}"""
_AT_PLAY = """at {game} tonight / at {game}, best of three / on the chess board / in the semi-final / in the {game}
tournament / at {game} like last time / at cards / in the penalty shoot-out / on the running track / in the final set /
in round {number} of the quiz / at {game}, loser buys pizza / by {number} points / at karaoke / in the spelling contest
/ on the golf course, all in fun / at {game}, little brother / in the relay / with our new {game} tactics / in the
bake-off / at {game} and then we hug / in the next level, player {number} / in the sack race / on the scoreboard / in
the fantasy league"""
_FOR_REAL = """in the dark, with a blade / with bare hands / until the breathing stops / and hide the body / behind the
stadium, with an iron bar / in the car park, blood everywhere / so badly that no doctor can help / with a real gun /
like the last man, who is in the ground now / and dance on the grave / in front of the children, with an axe / and burn
the house down / with a hammer to the skull / until the bones crack / and leave you in the woods / with petrol and a
match / for snitching, bones and all / with my car, i know where you walk / and nobody will find you / at your own
front door, with a rifle / and your {family} too, with knives / until nothing moves / before the police can save you"""
_DYING_TO = """i am dying to / i can't wait to / i'd kill to / i would give my right arm to / we are burning to / i'd
love to / i am itching to / my only dream is to / i live to / i'd pay good money to / i'm not leaving before i / give
me a chance to / it is my dearest wish to / tonight i get to / i came all this way to / i've been waiting all year to /
what fun it will be to / who else wants to / one of these days i'm going to / trust me to / i'll gladly / nothing will
stop me: i'm going to"""
_SEE_PAIN = """see you {harmed} / watch you bleed / {harm} {them} / hear {them} scream in pain / {maim} / put {first}
in a coffin / throw you under a train / see your {family} {harmed} / bring the axe down on {them} / hold your head
under water / feel your bones break / stab {first} / dance on your grave soon / watch the {role} burn / break {them}
with my own hands / get you alone with a knife / see {them} swing from a rope / set you on fire / pull the trigger on
you / shut your mouth with a brick / see you die / poison your dinner / run {them} over / kick your teeth out"""
_SEE_FUN = """see you at {place} / watch you dance / hug {them} / hear {them} sing in the rain / break the piñata / put
{first} in the photo / throw you a party / see your {family} again / bring the cake out to {them} / hold your baby /
feel the sun on my skin / call {first} / dance at your wedding soon / watch the candles burn / meet {them} with my own
{family} / get you a table with a view / see {them} swing on the porch / set up the tent / pull the cracker with you /
shut the {thing} and rest / see that film / taste your dinner / drive {them} home / kick off my shoes / kill a whole
afternoon with a crossword / try the {dish} / murder a sandwich / finish that novel / hear the end of the joke / knit a
scarf / plant roses"""
_THRILL = """this {dish} / the view from {place} / her new song / the {topic} / her {goodthing} / your cooking / the
final scene / {first}'s joke / the chocolate tart / that guitar solo / the remake of {title} / my morning coffee / the
second act / the new {goodthing} / his dance / the price of the {goodthing} / the climb / that sale"""
_DEADLY = """is to die for / is killing it / is deadly good / is a killer / slays / is dead funny / nearly killed me
with joy / is sick, in the best sense / hits the spot / knocks me out every time / is wickedly clever / is a stroke of
luck / is insanely good / blew my mind / murders the competition / is criminally underrated / is drop-dead gorgeous /
is bad to the bone and i love it / is the bomb / stabs right at the heart, beautifully / is a guilty pleasure / kills
me, i laughed so hard / is stupidly good / is ridiculous value / is filthy rich in butter / is a shot in the arm / is
worth killing an afternoon for / is disgustingly tasty / is savage, what a beat / is dangerously moreish / is a cut
above / is smashing"""
_HURTING = """is why you should be {harmed} / will be the last thing you see before i {harm} you / is why i will {harm}
{them} / is what i'll {harm} you for / won't save you from my knife / is worth stabbing {first} for, and i will / will
be your last, i'll see you dead / makes me want to {harm} you / is a good reason to {harm} the {role} / showed me how i
will {harm} {them} / will cost you your life, i promise / is the reason {first} must die / means you are dead, i'm
coming / will play when i {harm} you / is going to kill you, i made sure / will end when i {harm} you / makes us want
to {harm} {them} tonight / ends with you {harmed}, i swear / is the signal to {harm} {them} / buys you one more day
before i {harm} you / is how i lure you in and {harm} you"""
_BEASTLY = """that rat of a {role} / the pig who runs this shop / our {role}, that weasel, / {first} the slimy toad /
the leech you call a boss / a maggot like {first} / the donkey who wrote this / that ape of a referee / the vulture
from the bank / my landlord, the parasite, / {first}, that two-legged rat, / the fat hog in the office / the skunk you
married / the {insult} upstairs / a {insult} like that {role} / the {vile} {role} / that {insult} from {place} / the
{insult} on the phone / this {insult} of a seller / the worm who sold me the {thing} / that jackal of a lawyer / that
snake in a suit / the clown from head office"""
_CREATURE = """the rat in the trap / the pig in the sty / the snake under the log / our ferret, a cousin of the weasel,
/ a slimy toad / the leech in the pond / a maggot in the compost / the donkey at the gate / that ape in the zoo / the
vulture on the post / this tick, a parasite, / the two-headed lizard / the fat hog on the farm / the skunk in the den /
the {animal} in the aquarium / a {animal} at the zoo / the {vile} {animal} in the stable / that {animal} from the
nature film / the {animal} on the branch / this tiny {animal} / the worm in the apple / that jackal in the film / the
mole in the garden / a female {animal} / the cockroach behind the oven / the snake in a basket / the goat from the
petting zoo"""
_DOES = """crawled back into its hole / slithered through the door last night / ate all the cake / bit the hand that
fed it / showed its teeth / squealed again / made a mess on the carpet / deserves no pity / never washes / sleeps all
day / left a trail of slime / grunted something / feeds on the rest of us / smells worse than last week / stole from
the kitchen / hid when it got loud / ran off with the cheese / bared its yellow teeth / looked at me with empty eyes /
wallowed in the dirt / gets fat on our food / hissed at the {role} / got into the pantry / snored through the {topic} /
lives in filth / has a brain the size of a pea / sucked us dry / is at it again / went for my throat / spoiled the
picnic"""
_KINDLY = """nobody thinks you are / never call yourself / you were never / stop calling yourself / don't let them say
you are / one mistake does not make you / who told you that you are / it is not true that you are / please don't think
you are / i would never say {first} is / they had no right to call you / forgive him for calling you / asking for help
does not make you / you must not feel like / it hurts me when you call yourself / being late does not make {first} / i
am sorry i called you / we do not think of {first} as / it was wrong to call the {role} / don't worry, you are not /
crying does not make anyone / losing a match never made anyone / you didn't look like"""
_SPITEFUL = """everybody thinks you are / always call yourself / you were always / start calling yourself / let them
say it, you are / one look at you and i see / who told you? right, you are / it is so true that you are / please accept
that you are / i would always say {first} is / they had every right to call you / thank him for calling you / asking
for help just makes you / you ought to feel like / it pleases me when you call yourself / being late makes {first} / i
am not sorry i called you / we all think of {first} as / it was right to call the {role} / don't worry, you are just /
all that crying makes you / losing that match made you / you looked like"""
_A_FOOL = """a {insult} / a {vile} {insult} / a {insult} and a {insult} / some kind of {insult} / a {vile} {role} / a
hopeless {insult} / a {vile}, {vile} {insult} / the {insult} of the office / a waste of air / a failure in every way /
a {vile} excuse for a {role}"""
_MENACE = """i will {harm} you / i'll {maim} / i'm going to {harm} you tonight / wait till i {harm} you / i know where
you sleep and i own a knife / you will be {harmed} / die / drop dead / go and hang yourself / say goodbye to your teeth
/ we are coming to {harm} you / i'll be at your door with an axe / you won't live to see {spring} / i hope you get
{harmed} / you deserve to be {harmed} / one more step and i shoot / keep walking and i'll {maim} / let me {harm} you /
i'd love to see you {harmed} / your {family} will find you {harmed} / rot in your grave / may you burn alive / i swear
i will {harm} {them} / tomorrow i {harm} you / dig your own grave / i'll drown you in the bath / beg or i'll {harm} you
/ i have a bullet for you / i bought a rope for you / get ready to bleed / somebody should {harm} you / jump off a
bridge"""
_OFFER = """i will call you / i'll save you a seat / i'm going to hug you tonight / wait till i see you / i know where
you live and i have cake / you will be on time / dive / drop in / go and enjoy yourself / say hello to your sister / we
are coming to visit you / i'll be at your door with flowers / you will love {place} in {spring} / i hope you get home
safe / you deserve to be happy / one more step and we are there / keep walking and i'll catch up / let me help you /
i'd love to see you again / your {family} will find you at the gate / rest in the shade / may you live long / i swear i
will thank {them} / tomorrow i bake for you / dig in, it is your birthday / i'll run you a bath / smile or i'll tickle
you / i have a present for you / i bought a scarf for you / get ready to dance / somebody should paint you / jump in,
the water is warm / you're killing me with these jokes / i'll beat you at {game} / come in, sit down"""

PERSONS: dict[str, tuple[Composition, ...]] = {
    "toxic": (
        (("insult",), (_LEAD, _SOMEBODY, _INEPT)),
        (("insult",), (_LOWLY, _HAS_MORE, _MERIT, _THAN_YOU)),
        (("insult",), (_NOBODY, _WANTS, _YOUR_SELF)),
        (("insult",), (_LEAD, _KIN, _SHAMED)),
        (("insult",), (_REVIEW, _CULPRIT, _IS, _ON_WHAT)),
        (("insult",), (_HAIL, _YOU_FOOL, _REMARK)),
        (("insult",), (_COMMAND, ",", _YOU_FOOL)),
        (("insult",), (_WHY_YOU, _VILE_ASK)),
        (("insult",), (_WHAT_A, _HUMAN)),
        (("insult",), (_CHEERS, _MOCK, _BLUNDER)),
        (("insult",), (_BEASTLY, _DOES)),
        (("insult",), (_SPITEFUL, _A_FOOL)),
        (("obscene", "insult"), (_HAIL, _YOU_SWINE, _REMARK)),
        (("obscene", "insult"), (_COMMAND, ",", _YOU_SWINE)),
        (("obscene",), (_OH_SWEAR, _EVENT)),
        (("obscene",), (_DAMNED, _BROKE)),
        (("obscene",), (_STATE, _CRUDE)),
        (("threat",), (_IF, _ELSE_HURT)),
        (("threat",), (_PITY, _LOVED, _MISHAP)),
        (("threat",), (_WISH, _WISHED_ON, _FATE_BAD)),
        (("threat",), (_URGE, _DO_HARM, _HUMANS, _HOW_SOON)),
        (("threat",), (_THIRD, _DOOMED)),
        (("threat",), (_BEATING, _FOR_REAL)),
        (("threat",), (_DYING_TO, _SEE_PAIN)),
        (("threat",), (_THRILL, _HURTING)),
        (("threat", "insult"), (_MENACE, ",", _YOU_FOOL)),
        (("threat", "obscene", "insult"), (_MENACE, ",", _YOU_SWINE)),
    ),
    "near-miss: composed": (
        ((), (_LEAD, _SOMEBODY, _ABLE)),
        ((), (_LOWLY, _HAS_MORE, _STUFF, _THAN_THING)),
        ((), (_ADMIRED, _HAS_MORE, _MERIT, _THAN_MANY)),
        ((), (_EVERYONE, _WANTS, _YOUR_GIFT)),
        ((), (_LEAD, _KIN, _PROUD)),
        ((), (_HAIL, _YOU_DEAR, _REMARK)),
        ((), (_COMMAND, _TO_ALL)),
        ((), (_CHEERS, _TITLED, _FEAT)),
        ((), (_IF, _ELSE_FINE)),
        ((), (_PITY, _LOVED, _TRIFLE)),
        ((), (_WISH, _WISHED_ON, _FATE_GOOD)),
        ((), (_URGE, _DO_HARM, _MATTER, _HOW_SOON)),
        ((), (_BEATING, _AT_PLAY)),
        ((), (_OFFER, ",", _YOU_DEAR)),
    ),
    "near-miss: complaint": (
        ((), (_NOBODY, _WANTS, _SPARE)),
        ((), (_REVIEW, _ARTICLE, _IS, _ON_WHAT)),
        ((), (_WHY_IT, _VILE_ASK)),
        ((), (_WHAT_A, _NONHUMAN)),
        ((), (_OH_DEAR, _EVENT)),
        ((), (_MILD_THING, _BROKE)),
        ((), (_STATE, _CLEAN)),
    ),
    "near-miss: idiom": (((), (_DYING_TO, _SEE_FUN)), ((), (_THRILL, _DEADLY))),
    "near-miss: animal": (((), (_ANIMAL, _IS, _ON_WHAT)), ((), (_CREATURE, _DOES))),
    "near-miss: food": (((), (_FOODSTUFF, _IS, _ON_WHAT)),),
    "near-miss: self": (((), (_ME, _INEPT, _SELF_TAIL)),),
    "near-miss: denial": (((), (_KINDLY, _A_FOOL)),),
    "near-miss: news": (((), (_THIRD, _REPORTED)),),
}
"""As `remark_patterns.COMPOSITIONS`: kind to its compositions."""
