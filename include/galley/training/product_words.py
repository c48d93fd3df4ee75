"""The words of product copy: families of products, audiences, tones and the parts of invented names.

Everything here is invented for this project. A tone's lexicon is disjoint from every other tone's and from all neutral
words, so that the tone of a text can be read off its words (`galley.training.product_copy.tone_of`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """A family of products.

    Attributes:
        nouns: singular nouns that name a product of this family.
        features: noun phrases; nine, so that three sentences can draw from disjoint thirds.
        benefits: verb phrases in the third person; eight, so that two can be drawn from disjoint halves.
        moments: where or when it is used.
    """

    nouns: tuple[str, ...]
    features: tuple[str, ...]
    benefits: tuple[str, ...]
    moments: tuple[str, ...]


@dataclass(frozen=True)
class Tone:
    """A tone of voice. Every phrase contains at least one word of the lexicon.

    Attributes:
        lexicon: lower-case words that no other tone and no neutral phrase uses.
        hooks: lead-ins that a product's name follows.
        adjectives: before a noun.
        claims: whole sentences.
        closers: calls to action, whole sentences.
        subjects: how an e-mail subject begins.
    """

    lexicon: frozenset[str]
    hooks: tuple[str, ...]
    adjectives: tuple[str, ...]
    claims: tuple[str, ...]
    closers: tuple[str, ...]
    subjects: tuple[str, ...]


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


def _lexicon(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(","))


FAMILIES: dict[str, Family] = {
    "footwear": Family(
        _words("trail running shoe, leather boot, canvas sneaker, hiking sandal, house slipper"),
        _words(
            "a recycled rubber sole, a cork footbed, a wide toe box, a lining of merino wool, laces that stay tied, "
            "a heel that grips, stitching you can resole, a mesh that breathes, a tongue that never slips"
        ),
        _words(
            "keeps feet dry in the rain, takes the ache out of long days, grips wet stone without fuss, "
            "softens every step, lasts for a thousand miles, dries overnight, slips on without a struggle, "
            "goes from path to pavement"
        ),
        _words(
            "on the walk to work, on muddy Sunday paths, after the last bus home, between airport gates, "
            "on slow harbour walks, on the long way round"
        ),
    ),
    "kitchen": Family(
        _words("cast iron pan, chef's knife, stand mixer, copper kettle, bamboo cutting board"),
        _words(
            "a handle of olive wood, a weight that feels right, a surface that wipes clean, a base that stays put, "
            "an edge ground by hand, a finish free of chemicals, a hook for the wall, corners without crumbs, "
            "a repair kit in the box"
        ),
        _words(
            "makes weeknight dinners easier, gets better with every meal, cleans up in a minute, "
            "earns its place on the counter, turns leftovers into lunch, survives the busiest kitchen, "
            "outlives three rental flats, makes breakfast worth waking for"
        ),
        _words(
            "on a rainy Tuesday night, when guests arrive early, before the school run, at half past six, "
            "during the holiday rush, when the soup boils over"
        ),
    ),
    "audio": Family(
        _words("wireless speaker, open-back headset, turntable, pocket radio, soundbar"),
        _words(
            "thirty hours of battery, drivers tuned by ear, a knob for the volume, a case of solid walnut, "
            "a cable you can replace, pads of soft leather, a mute switch, a stand of brushed steel, "
            "a socket for old records"
        ),
        _words(
            "fills a room without shouting, keeps voices clear, hides the noise of the street, "
            "finds detail in old songs, pairs in two seconds, plays through a whole weekend, "
            "makes podcasts feel close, brings the bass back"
        ),
        _words(
            "on the night train, over Sunday pancakes, in an open office, while the city sleeps, in a tiny studio, "
            "on the balcony at dusk"
        ),
    ),
    "home": Family(
        _words("desk lamp, wool blanket, linen duvet, reading armchair, scented candle"),
        _words(
            "fabric woven in Portugal, a frame of solid oak, colours that do not fade, a cover you can wash, "
            "dyes made from plants, a five minute assembly, edges finished by hand, a box without plastic, "
            "parts on sale for a decade"
        ),
        _words(
            "makes a rented room feel like yours, calms a crowded corner, ages well, warms up grey afternoons, "
            "fits where other things cannot, hides the mess behind it, makes evenings longer, "
            "forgives a spilled drink"
        ),
        _words(
            "on the first cold evening, in the corner by the window, after a long commute, on moving day, "
            "when cousins stay over, during a late chapter"
        ),
    ),
    "outdoor": Family(
        _words("two-person tent, sleeping bag, camping stove, canvas backpack, folding chair"),
        _words(
            "poles of light aluminium, zips that never snag, a sack half the usual size, pockets for maps, "
            "reflective guy lines, fabric that sheds water, a lifetime repair promise, straps that stay put, "
            "a vent for muggy nights"
        ),
        _words(
            "packs down in a minute, shrugs off a sudden storm, weighs as much as a lunch box, "
            "stands up to gravel and salt, sets up in the dark, leaves room for snacks, "
            "keeps the chill outside, fits under a bus seat"
        ),
        _words(
            "at the end of the trail, above the tree line, on a windy beach, at the lake before dawn, "
            "on the second day of rain, beside a borrowed van"
        ),
    ),
    "beauty": Family(
        _words("face cream, shampoo bar, hand balm, lip oil, clay mask"),
        _words(
            "oil of cold-pressed apricot, no added perfume, a refillable glass jar, oats from one farm, "
            "a scent of fig and cedar, beeswax from small hives, a lid that travels well, a texture like silk, "
            "a label you can read"
        ),
        _words(
            "soothes skin after sun, sinks in before the kettle boils, lasts a whole season, "
            "tames a windy morning, leaves no film behind, wakes up a tired face, suits sensitive skin, "
            "takes up no space in a bag"
        ),
        _words(
            "after a cold swim, in the hotel mirror, before the first meeting, at the end of a shift, "
            "on the morning after, when winter air bites"
        ),
    ),
    "tech": Family(
        _words("mechanical keyboard, travel charger, smart watch, webcam, tablet stand"),
        _words(
            "a shell of recycled aluminium, keys you can swap, a braided cable, updates for seven years, "
            "a switch for the camera, two fast ports, a battery you can change, a screen you can read outside, "
            "a manual on one page"
        ),
        _words(
            "starts before you sit down, tidies a crowded desk, charges over lunch, stays quiet in meetings, "
            "works with what you own, remembers where you stopped, asks for no account, "
            "survives a drop on concrete"
        ),
        _words(
            "in back-to-back calls, on a borrowed desk, at gate forty-two, during a late deploy, "
            "in the middle of exams, on the sofa after dinner"
        ),
    ),
    "food": Family(
        _words("filter coffee, dark chocolate bar, loose-leaf tea, chilli sauce, oat granola"),
        _words(
            "a short list of ingredients, growers we know by name, a bag you can compost, no added sugar, "
            "a batch number on each pack, spices toasted daily, a hint of orange peel, salt from the coast, "
            "a note from the roaster"
        ),
        _words(
            "makes Mondays taste better, disappears before noon, turns toast into a meal, "
            "smells like a weekend, keeps well in a drawer, wins over picky eaters, "
            "pairs with almost anything, starts arguments over the last bite"
        ),
        _words(
            "at four in the afternoon, after the farmers' market, on the back step, between two meetings, "
            "around a full table, with the radio on"
        ),
    ),
    "pets": Family(
        _words("dog harness, cat tree, pet bed, chew toy, travel bowl"),
        _words(
            "a clip you can open one-handed, foam that keeps its shape, rope without dyes, a cover for muddy paws, "
            "a loop for the lead, seams that resist claws, a base that will not slide, a tag for the phone number, "
            "a size for every breed"
        ),
        _words(
            "ends the tug of war, saves the sofa, survives the puppy months, calms a nervous rescue, "
            "goes in the washing machine, folds into a coat pocket, keeps tails wagging, "
            "makes vet visits shorter"
        ),
        _words(
            "at the dog park, on the drive to the coast, when the doorbell rings, during fireworks, "
            "on the windowsill at noon, before the evening walk"
        ),
    ),
    "garden": Family(
        _words("watering can, raised planter, hand trowel, herb kit, garden bench"),
        _words(
            "a spout that never drips, wood that greys with grace, seeds saved by neighbours, "
            "a blade you can sharpen, "
            "a frost-proof glaze, screws of stainless steel, a guide for each month, a handle of ash wood, "
            "room for twelve plants"
        ),
        _words(
            "brings basil through July, stands out all winter, saves your back, grows more than you can eat, "
            "fits the smallest balcony, forgives a missed week, keeps slugs guessing, turns a yard into a room"
        ),
        _words(
            "after the last frost, on a shady balcony, at the allotment, between two showers, "
            "in the first week of May, when the tomatoes ripen"
        ),
    ),
    "stationery": Family(
        _words("fountain pen, dotted notebook, weekly planner, watercolour set, leather pencil case"),
        _words(
            "paper that takes ink well, a cover of recycled leather, a nib cut by hand, pages that lie flat, "
            "pigments from real minerals, a ribbon for each subject, a pocket for receipts, numbers on every page, "
            "a refill in the drawer"
        ),
        _words(
            "makes lists worth keeping, slows a racing mind, survives the bottom of a bag, "
            "never bleeds through, starts on the first stroke, makes letters worth sending, "
            "turns notes into plans, lasts a whole school year"
        ),
        _words(
            "in the back row, at the corner cafe, before the first lecture, on the morning tram, "
            "under the reading lamp, at the end of the quarter"
        ),
    ),
    "fitness": Family(
        _words("yoga mat, cast kettlebell, rowing machine, foam roller, water bottle"),
        _words(
            "a grip that likes sweat, natural rubber underneath, a coating that will not chip, a strap for the bus, "
            "marks for good posture, a display you can ignore, a quiet flywheel, a leakproof cap, "
            "a plan for eight weeks"
        ),
        _words(
            "gets you moving before breakfast, looks after your knees, rolls away under the bed, "
            "makes ten minutes count, takes the excuses away, keeps count for you, "
            "eases a stiff neck, holds up in a shared gym"
        ),
        _words(
            "before the house wakes up, on the living room floor, in a lunch hour, after leg day, "
            "at the outdoor gym, on a rest day"
        ),
    ),
    "anything": Family(
        _words("companion, essential, newcomer, original, all-rounder"),
        _words(
            "parts you can replace, a promise of ten years, a shape that fits the hand, materials with a history, "
            "packaging you can reuse, instructions in plain words, a price that makes sense, a maker who answers, "
            "a place for everything"
        ),
        _words(
            "does one thing well, saves you an hour a week, fits in with what you have, "
            "keeps working year after year, "
            "makes small days better, needs no introduction, stays out of the way, pays for itself"
        ),
        _words(
            "at home and away, on ordinary days, when it counts, from Monday to Monday, all year round, in small spaces"
        ),
    ),
}

AUDIENCE_MODIFIERS = _words(
    "busy, first-time, young, weekend, retired, night-shift, city, small-town, budget-minded, left-handed, "
    "remote, eco-minded, part-time, newly moved, thrifty, restless"
)
AUDIENCES = _words(
    "parents, students, hikers, home cooks, nurses, teachers, commuters, gardeners, runners, designers, musicians, "
    "dog owners, cat people, freelancers, campers, bakers, cyclists, readers, writers, gamers, travellers, founders, "
    "photographers, grandparents, teenagers, roommates, coffee lovers, collectors, swimmers, volunteers, makers, "
    "programmers, translators, climbers, night owls, early risers"
)

TONES: dict[str, Tone] = {
    "playful": Tone(
        _lexicon(
            "hiya hooray wheee boop yippee giggle giggles wiggle wiggly bouncy zippy cheeky silly goofy mischief "
            "confetti sprinkles tickle tickled pinky peekaboo psst yay"
        ),
        _lines(
            "Hiya,\nHooray for\nBoop! Here comes\nDo a wiggle for\nPeekaboo, it's\n"
            "Throw some confetti at\nPinky swear you'll love"
        ),
        _words("bouncy, zippy, cheeky, wiggly, goofy, delightfully silly, giggle-ready, confetti-worthy"),
        _lines(
            "Warning: may cause giggles.\nGrown-ups may wiggle too.\nIt is a tiny bit cheeky.\n"
            "Side effects include mischief.\nSilly faces are optional.\nBoring left the room, yippee!\n"
            "It tickled our whole team.\nThink of it as sprinkles on your day."
        ),
        _lines(
            "Come and get it, yippee!\nGo on, be silly.\nBring it home and do a wiggle.\nGrab one, boop the button!\n"
            "Add to basket, cue confetti.\nTickle your wish list today.\nOne click and hooray!\n"
            "Your inner goofy self says yes."
        ),
        _lines("Psst\nHiya\nYay\nWheee\nBoop\nHooray"),
    ),
    "luxurious": Tone(
        _lexicon(
            "opulent sumptuous exquisite indulgent indulgence refined lavish velvet atelier bespoke timeless elegance "
            "coveted rarefied connoisseur connoisseurs splendour privilege unveil unveiling behold savour gilded"
        ),
        _lines(
            "Behold\nWe unveil\nThe atelier presents\nAn indulgence named\nSavour\n"
            "Discover the splendour of\nFrom our atelier,"
        ),
        _words("opulent, sumptuous, exquisite, refined, lavish, coveted, rarefied, gilded"),
        _lines(
            "Elegance is never in a hurry.\nSome things remain timeless.\nEvery detail is bespoke.\n"
            "It is a privilege to hold.\nConnoisseurs will recognise it at once.\n"
            "It rests in velvet until it is yours.\n"
            "Refined does not mean distant.\nIndulgence begins with restraint."
        ),
        _lines(
            "Reserve your bespoke fitting.\nAllow yourself the indulgence.\nSavour it by appointment.\n"
            "Enter the atelier.\nClaim the privilege today.\nLet elegance find you.\n"
            "Make it your timeless signature.\n"
            "Live among the coveted few."
        ),
        _lines(
            "The unveiling\nAn exquisite arrival\nBy privilege only\nFrom the atelier\nA timeless note\nBespoke for you"
        ),
    ),
    "minimalist": Tone(
        _lexicon(
            "simply bare uncluttered pared clutter spare plainly nothing less hush stillness essentials reduced "
            "distilled pure purely understated subtract lightness"
        ),
        _lines("Simply\nPared back:\nDistilled:\nPurely\nReduced to one idea:\nAfter the clutter,\nPlainly put,"),
        _words("uncluttered, pared-back, understated, pure, distilled, spare, bare-bones, reduced"),
        _lines(
            "Nothing extra.\nLess, done well.\nIt makes no clutter.\nThe essentials, and then a pause.\n"
            "Stillness is a feature.\nWe chose to subtract.\nA lightness you notice.\nHush is part of the design."
        ),
        _lines(
            "Own less.\nKeep the essentials.\nSimply begin.\nSubtract the rest.\nChoose stillness.\n"
            "Leave the clutter.\n"
            "Nothing more to add.\nPurely yours."
        ),
        _lines("Less\nSimply new\nNothing extra\nPared back\nThe essentials\nHush"),
    ),
    "technical": Tone(
        _lexicon(
            "engineered benchmark benchmarks tolerance calibrated precision spec specs measured tested lab millimetre "
            "efficiency optimised iteration data rated certified performance datasheet prototype"
        ),
        _lines(
            "Now certified:\nReleased to spec:\nLab report:\nEngineered and signed off:\nOut of the lab:\n"
            "Version one of our benchmark,\nThe datasheet reads"
        ),
        _words(
            "precision-built, lab-tested, calibrated, optimised, spec-driven, performance-rated, "
            "certified, fully measured"
        ),
        _lines(
            "Every tolerance is published.\nThe benchmarks are on the site.\n"
            "We measured it, then measured it again.\n"
            "It took forty prototype rounds.\nEfficiency is up by a third.\nThe data speaks for itself.\n"
            "Each unit is calibrated before shipping.\nIt is accurate to a millimetre."
        ),
        _lines(
            "Read the datasheet.\nCompare the specs.\nRun your own benchmark.\nSee the lab results.\n"
            "Download the data.\nCheck the tolerance, then order.\nUpgrade to certified.\n"
            "Put the performance to work."
        ),
        _lines("Release data\nLab notes\nNew benchmark\nSpec update\nTested and ready\nPerformance report"),
    ),
    "bold": Tone(
        _lexicon(
            "unstoppable fearless fierce loud roar rule rules break dare dares rebel rebels bolder revolution "
            "ignite thunder charge unleash unleashed crush dominate louder"
        ),
        _lines(
            "Unleash\nDare to meet\nMake way for the fearless\nIgnite your day with\n"
            "The rebels built\nHear the roar of\n"
            "Get louder with"
        ),
        _words("unstoppable, fearless, fierce, rule-breaking, thunder-loud, rebel-made, bolder, unleashed"),
        _lines(
            "Average had its chance: break up with it.\nRules are for the others.\nThis is a revolution.\n"
            "It does not ask, it dares.\nLoud is a choice.\nRebels do not wait in line.\n"
            "Fortune follows the fearless.\n"
            "Play small and regret it: go bolder."
        ),
        _lines(
            "Dare to want it.\nCrush the ordinary.\nBreak the habit now.\nGo and rule the day.\nIgnite it today.\n"
            "Join the revolution.\nRoar back.\nTake charge now."
        ),
        _lines("Fearless\nUnleashed\nDare you\nBreak the rules\nGet loud\nRevolution"),
    ),
    "friendly": Tone(
        _lexicon(
            "hello hug hugs cosy welcome neighbour lovely together smile smiles buddy pal cheerful thoughtful glad "
            "kind kindly friend friends gentle chat sweet dear"
        ),
        _lines(
            "Say hello to\nWe are so glad to share\nGive a warm welcome to\nMeet your new pal,\nA big hug from\n"
            "Dear friend, here is\nCome and chat about"
        ),
        _words("lovely, cosy, cheerful, thoughtful, kind-hearted, gentle, neighbour-approved, smile-making"),
        _lines(
            "It feels like a hug.\nWe made it together with you in mind.\nYour friends will ask about it.\n"
            "There is a smile in every box.\nIt is the kind gift that gets used.\nYou are always welcome to ask us.\n"
            "Good things are better together.\nIt is thoughtful in all the small ways."
        ),
        _lines(
            "Come by and say hello.\nTake one home with a smile.\nBring a friend along.\nWe are glad you are here.\n"
            "Treat someone dear to you.\nLet's chat about sizes.\nShare it together.\nBe kind to yourself today."
        ),
        _lines("Hello dear\nLovely news\nA small hug\nGlad you're here\nFrom a friend\nHello again"),
    ),
    "adventurous": Tone(
        _lexicon(
            "explore explorer explorers wild wilder horizon horizons roam roaming uncharted summit summits compass "
            "expedition quest trailblazing daring venture ventures untamed frontier wander"
        ),
        _lines(
            "Roam further with\nSet your compass to\nInto the wild with\nYour next quest:\n"
            "The expedition starts with\n"
            "Wander off with\nBeyond the horizon:"
        ),
        _words(
            "untamed, trailblazing, wild-hearted, summit-ready, daring, expedition-grade, "
            "horizon-chasing, frontier-bound"
        ),
        _lines(
            "The map ends and the wild begins.\nEvery horizon is an invitation.\nExplorers pack it first.\n"
            "Some summits are close to home.\nIt was born on an expedition.\nGetting lost is part of the quest.\n"
            "Uncharted is our favourite word.\nA compass only points, you must roam."
        ),
        _lines(
            "Pack it and roam.\nFind your own summit.\nAnswer the wild.\nStart the quest.\n"
            "Go where it is uncharted.\n"
            "Chase the horizon.\nVenture out today.\nWander well."
        ),
        _lines("Quest log\nCompass set\nThe wild is calling\nExplorers wanted\nNew horizon\nRoam further"),
    ),
    "professional": Tone(
        _lexicon(
            "reliable dependable proven industry trusted standard standards expertise efficient consistent solution "
            "solutions investment productivity streamlined quality teams delivers partner assured professionals"
        ),
        _lines(
            "Introducing the proven\nYour trusted partner:\nNow available to professionals:\nThe new standard is\n"
            "A sound investment:\nBuilt on expertise:\nAn efficient solution:"
        ),
        _words("reliable, dependable, proven, trusted, streamlined, consistent, industry-standard, quality-assured"),
        _lines(
            "Quality is documented at each stage.\nIt meets the standards you report against.\n"
            "Teams rely on it daily.\nIt is an investment with a clear return.\n"
            "Consistent results build confidence.\n"
            "Our expertise is included.\nIt delivers what was agreed.\nProductivity follows good tools."
        ),
        _lines(
            "Request a quote from our industry desk.\nSpeak with a trusted adviser.\nSee what it delivers.\n"
            "Plan your investment today.\nEquip your teams.\nRaise your standards.\nMove to a proven choice.\n"
            "Choose assured supply."
        ),
        _lines(
            "Product update for teams\nIndustry briefing\nA proven choice\nQuality notice\nPartner news\nNew standard"
        ),
    ),
}

ONSETS = _words("b, br, c, d, dr, f, fl, g, gl, h, j, k, l, m, n, p, pr, qu, r, s, sk, st, t, th, tr, v, w, z")
NUCLEI = _words("a, e, i, o, u, ae, ea, ia, io, y")
CODAS = ("", "n", "r", "l", "s", "x", "nd", "rn", "th", "m", "sk", "lt")
NAME_WORDS = _words(
    "Cloud, Marble, Ember, North, Moss, Copper, Moonlit, Golden, Harbor, Willow, Cinder, Maple, Frost, Sun, "
    "Pebble, Snow, "
    "Birch, Cotton, Drift, Fern, Northern, Winter, Indigo, Acorn, Kestrel, Lark, Meadow, Nimbus, Otter, Silver, "
    "Quartz, Bright, "
    "Slate, Thistle, Umber, Hollow, Wren, Yarrow, Zephyr, Aspen"
)
NAME_ENDINGS = _words(
    "nest, field, works, line, craft, path, wood, stone, brook, light, house, ridge, well, song, root, leaf, gate, "
    "mark, wing, way, bloom, forge, loom, spark, tide, dale, crest, port"
)
NAME_LINES = _words(
    "Peak, Pro, Duo, Origin, Studio, Air, Classic, Mini, Nova, Flow, Core, Edition, Lite, Max, Echo, "
    "Prime, One, Atlas, "
    "Pulse, Field, Alto, Bloom, Metro, Arc"
)
