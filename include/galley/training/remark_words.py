"""The words the remark templates are filled with.

A toxicity classifier cannot be trained without toxic words. The vocabulary here is kept to what the task needs: mild
and widely known insults and swear words, a few invented ones, no slurs, nothing sexual. Attacks on groups are generic
patterns over group words (`remark_abuse`), half of them real groups as any news text names them, half invented, so
that the pattern is learned and no list of hateful sentences lies in this repository. A production policy uses the
public Detoxify checkpoints, whose training data covers what is left out here.

Each lexicon is one string, entries separated by commas; an entry may contain slots and choices as templates do.
"""

from __future__ import annotations

_LEXICONS = {
    # --- abuse -------------------------------------------------------------------------------------------------------
    "insult": """idiot, moron, fool, loser, jerk, imbecile, dimwit, halfwit, nitwit, blockhead, clown, creep,
        coward, crook, scumbag, dirtbag, lowlife, parasite, maggot, weasel, twit, prat, muppet, numbskull, bonehead,
        airhead, degenerate, pig, rat, snake, git, plonker, buffoon, liar, fraud, slob, troll, leech, cretin,
        simpleton, dunce, waste of space, piece of trash, piece of garbage, sorry excuse for a
        (human|person|writer|worker), gronkwit, slimewad, dungbrain, snotgoblin, pea-brain, dumbo, brat, thug, dope,
        doofus, knucklehead, sleazebag, scum""",
    "insults": """idiots, morons, fools, losers, jerks, imbeciles, dimwits, halfwits, nitwits, clowns, creeps,
        cowards, crooks, scumbags, lowlifes, parasites, maggots, weasels, twits, muppets, numbskulls, boneheads,
        airheads, degenerates, pigs, rats, snakes, buffoons, liars, frauds, slobs, trolls, leeches, cretins,
        simpletons, dunces, gronkwits, slimewads, thugs, scum, trash, garbage, vermin, dopes, knuckleheads""",
    "vile": """stupid, dumb, pathetic, worthless, useless, ignorant, brainless, clueless, spineless, disgusting,
        vile, repulsive, ugly, filthy, idiotic, moronic, incompetent, gutless, lazy, dishonest, slimy, dense, thick,
        foul, sickening, hideous, rotten, miserable, contemptible, ridiculous, despicable, wretched, nasty, crooked,
        fat, two-faced, smelly, evil""",
    "swear": "fuck, shit, bullshit, crap, piss, bollocks, arse, ass, f***, f*ck, sh*t, s**t, fck, fuk, sh1t, bs*it",
    "swearing": """fucking, fuckin, effing, f***ing, f*cking, goddamn fucking, bloody fucking, pissing, shitty,
        crappy, fcking""",
    "swine": """asshole, bastard, bitch, dick, prick, shithead, dickhead, arsehole, wanker, dumbass, jackass,
        dipshit, shitbag, fuckwit, a**hole, b*tch, bitch ass, piece of shit, piece of crap, sack of shit, pile of
        shit, tosser, fucker, motherfucker, d*ck, bellend, fuckface, son of a bitch""",
    "swines": """assholes, bastards, bitches, dicks, pricks, shitheads, dickheads, arseholes, wankers, dumbasses,
        fuckers""",
    "rude": "{insult}, {swine}, {swear}, {vile}, {insults}, {swearing}",
    "harm": """kill, hurt, beat, stab, shoot, strangle, murder, choke, punch, slap, crush, destroy, break, smash,
        cripple, torture, poison, burn, drown, bury, slaughter, hang, knife, kick, attack, end, wreck""",
    "harming": """killing, hurting, beating, stabbing, shooting, strangling, murdering, choking, punching, burning,
        torturing""",
    "harmed": """killed, hurt, beaten (up|badly), stabbed, shot, strangled, murdered, hanged, burned, drowned,
        poisoned, run over, smashed, buried, destroyed, dead""",
    "maim": """break your (legs|arms|neck|nose|jaw|fingers), smash your (face|skull|teeth|windows) in, burn your
        (house|car|shop) down, put a bullet in your (head|chest), slit your throat, cut your (hands|ears) off, beat
        you (up|senseless|to a pulp|to death), hunt you down, put you in (hospital|a coffin|the ground), make you
        bleed, make you suffer, crush your skull, run you over, bash your head in, knock your teeth out, end your
        life, choke the life out of you, set you on fire, feed you to the dogs, throw you off a bridge, blow up your
        (car|office|home)""",
    "group": """Christian, Muslim, Jew, Hindu, Buddhist, atheist, Catholic, Sikh, immigrant, refugee, foreigner,
        woman, gay man, lesbian, trans woman, Black man, white man, Asian woman, African, Mexican, Indian, Pole,
        Turk, Arab, American, migrant, disabled man, old woman, Zorvanian, Drelmite, Quellish man, Marrowling,
        Ostravine, Talluk""",
    "groups": """Christians, Muslims, Jews, Hindus, Buddhists, atheists, Catholics, Sikhs, immigrants, refugees,
        foreigners, women, gay people, gays, lesbians, trans people, Black people, white people, Asian people,
        Africans, Mexicans, Indians, Poles, Turks, Arabs, Americans, migrants, disabled people, old people, Chinese
        people, Zorvanians, Drelmites, Quellish people, Marrowlings, Ostravines, Talluks, people of (your|his|their)
        (race|religion|faith)""",
    "groupish": """Christian, Muslim, Jewish, Hindu, Buddhist, Catholic, Sikh, immigrant, foreign, female, gay,
        lesbian, trans, Black, white, Asian, African, Mexican, Indian, Polish, Turkish, Arab, American, disabled,
        Chinese, Zorvanian, Drelmite, Quellish, Marrowling, Ostravine, Talluk""",
    # --- people and things -------------------------------------------------------------------------------------------
    "first": """Anna, Ben, Carla, David, Emma, Farid, Grace, Henrik, Ines, Jamal, Kira, Liam, Mei, Nora, Omar,
        Priya, Quentin, Rosa, Sam, Tomas, Uma, Victor, Wen, Xenia, Yusuf, Zoe, Peter, Lucy, Mark, Julia, Ahmed,
        Olga, Paul""",
    "role": """doctor, teacher, nurse, driver, engineer, farmer, designer, lawyer, baker, manager, reporter,
        plumber, student, researcher, editor, gardener, neighbour, customer, colleague, coach, cashier, pilot,
        clerk, uncle""",
    "roles": """doctors, teachers, drivers, engineers, lawyers, managers, reporters, plumbers, students,
        politicians, editors, neighbours, bankers, journalists, bosses, customers, coaches, referees, landlords,
        recruiters""",
    "they": "he, she, {first}, the {role}, my {role}, that {role}, our {role}, my boss, your friend, that guy",
    "them": """him, her, {first}, the {role}, my {role}, that {role}, your friend, your {family}, them, the {roles},
        my boss, everyone at {place}, his {family}, {first} and {first}, {public}""",
    "family": """mother, father, sister, brother, wife, husband, children, family, son, daughter, parents, friends,
        cousin""",
    "public": "the mayor, the minister, the president, the senator, the company, the spokesman, the judge, the union",
    "thing": """printer, laptop, phone, blender, toaster, router, car, bike, website, update, app, manual, table,
        sofa, kettle, camera, zip, keyboard, parking meter, ticket machine, password form, coffee maker, umbrella,
        lamp, washing machine, dishwasher, backpack, headset, charger, screen, report, spreadsheet, plot, ending,
        meeting""",
    "topic": """weather, budget, schedule, invoice, parcel, recipe, garden, concert, library, museum, train,
        holiday, school, homework, contract, newsletter, roadmap, release, kitchen, market, river, forest, bakery,
        exhibition, match, election, survey, lecture, workshop, photo album, subscription, warranty, delivery,
        refund, colour chart""",
    "place": """Lisbon, Oslo, Nairobi, Kyoto, Toronto, Lima, Leeds, Marseille, Austin, Hanoi, Gdansk, Cairo, Perth,
        the park, the station, the office, the harbour, the old town, the library, the market, the garden, the lake""",
    "time": """today, tomorrow, yesterday, on Monday, on Friday, next week, last night, this morning, in {spring},
        at noon, after lunch, before the meeting, at the weekend, in May, all day, every morning, later, this year""",
    "spring": "spring, summer, autumn, winter",
    "good": """kind, clever, brilliant, helpful, patient, generous, talented, wonderful, thoughtful, funny, brave,
        honest, reliable, smart, gentle, friendly, creative, amazing, lovely, great""",
    "goods": """friend, person, colleague, cook, writer, teacher, artist, listener, neighbour, team player, parent,
        hero""",
    "nice": """soft, warm, light, bright, fresh, quiet, sturdy, smooth, elegant, simple, fast, cosy, crisp, calm,
        bold, playful, durable, compact, natural, modern, classic, handmade, gentle, vivid, slim, clean, portable,
        refined""",
    "goodthing": """sneakers, mug, backpack, candle, lamp, jacket, notebook, speaker, tea, coffee, serum, blanket,
        desk, watch, bottle, headphones, tent, rug, chair, knife set, soap, scarf, mattress, bike, camera, planner,
        kettle, yoga mat, sunscreen, granola, pan, wallet, keyboard, toothbrush, hoodie, raincoat, cushion, vase,
        drill""",
    "audience": """students, busy parents, runners, remote workers, hikers, home cooks, gamers, designers,
        travellers, pet owners, cyclists, new mothers, retirees, teenagers, musicians, gardeners, small businesses,
        commuters""",
    "tone": """playful, formal, bold, warm, witty, friendly, urgent, elegant, confident, calm, luxurious, plain,
        excited""",
    "benefit": """keeps you warm, saves you time, lasts all day, fits in your pocket, makes mornings easier, cuts
        the noise, brings calm to your home, protects what matters, works out of the box, cleans itself, charges in
        minutes, never lets you down, feels as good as it looks, turns every walk into an adventure, helps you
        sleep, kills 99 % of germs, beats the cold, fights stains, destroys bad smells, crushes your to-do list,
        kills boredom dead""",
    "does": """made for, designed for, built for, loved by, perfect for, crafted for, trusted by, a gift for, ideal
        for""",
    "shape": """circle, square, triangle, star, ring, cross, heart, hexagon, diamond, pentagon, arrow, crescent,
        ellipse""",
    "size": "small, large, tiny, big, huge, medium-sized, little",
    "colour": "red, green, blue, yellow, white, black, orange, purple, pink, brown, cyan, grey, teal, gold, silver",
    "where": """at the center, in the upper left, in the lower right, at the top, at the bottom, on the left, on the
        right""",
    "relation": "above, below, to the left of, to the right of, beside, inside, next to, on top of, under",
    "scene": """an old fisherman, a fox in the snow, a lighthouse at dusk, a bowl of ramen, a city street in the
        rain, a vintage car, a mountain lake, a wooden cabin, a cat on a windowsill, a market stall, a field of
        poppies, a chess board, a steam train, a robot reading a book, a girl with an umbrella, a knight with a
        sword, a pirate ship""",
    "style": """35mm photo, cinematic lighting, highly detailed, watercolour, flat vector, isometric, oil painting,
        8k, soft shadows, bokeh, studio light, minimalist poster, pencil sketch, golden hour, macro shot, shot on
        film, sharp focus""",
    "flaw": """blurry, low quality, ugly, deformed, disfigured, bad anatomy, extra fingers, mutated hands,
        watermark, text, jpeg artifacts, out of frame, poorly drawn face, cropped, gross proportions, bad lighting,
        dirty, severed limbs""",
    "problem": """my parcel has not arrived, the lid is broken, I was charged twice, the app crashes when I log in,
        the colour is wrong, I cannot reset my password, the size does not fit, the invoice is missing, the battery
        died, the discount code does not work, the screen is cracked, the link is dead, the subscription was not
        cancelled""",
    "answer": """I am sorry to hear that, thank you for telling us, let me check that for you, a replacement is on
        its way, your refund will arrive in three days, please send us a photo, I have reset it, the courier will
        call you, could you give me the order number, you can change this in the settings, happy to help, is there
        anything else""",
    # --- harmless words that look like abuse -------------------------------------------------------------------------
    "title": """The Idiot, Kill Bill, Ugly Betty, Dumb and Dumber, Despicable Me, Killing Eve, The Ugly Duckling, A
        Clockwork Orange, Inglourious Basterds, Moby Dick, Chitty Chitty Bang Bang, Kiss Kiss Bang Bang, Hellboy, To
        Kill a Mockingbird, The Good the Bad and the Ugly, Fantastic Mr Fox, Dick Whittington, Puss in Boots,
        Reservoir Dogs, Murder on the Orient Express, The Fool on the Hill, Stupid Cupid, Creep by Radiohead, Loser
        by Beck, Psycho Killer, The Killers, Drop Dead Fred, The Hateful Eight, Dead Poets Society, Beavis and
        Butt-Head""",
    "surname": """Dick Cheney, Dick Van Dyke, Philip Dick, Emily Dickinson, Charles Dickens, Alfred Hitchcock,
        Herbie Hancock, Noel Coward, Thomas Crapper, Brian Cox, Courteney Cox, Jenson Button, Frank Slaughter, Lily
        Savage, Chris Pratt, Mary Whitehouse, Fanny Burney, Randy Newman, Willy Brandt, Benedict Cumberbatch, Dr
        Woodcock, Mr Cockburn, Ms Hoare, Mrs Butts, Professor Fuchs, Anthony Weiner, Gaylord Perry, Judge Bastardi,
        Sir Basil Rathbone, Mr Shitov, uncle Dick, Dick Thompson, aunt Fanny, Dick from accounting, Willy Brown, Ms
        Peacock, Mr Assinger, Dr Hiscock, Ms Wankel, Captain Slaughter, Arsène Wenger, Mr Kilman""",
    "town": """Scunthorpe, Penistone, Middlesex, Essex, Sussex, Cockermouth, Clitheroe, Bitche, Shitterton, Pratts
        Bottom, Wetwang, Killeen, Killarney, Hell in Norway, Hell's Kitchen, Cockfosters, Upton Snodsbury,
        Killington, Slough, Arsoli, Asse, Titz, Dickson City, Crapstone, Cumbria, Essen, Massachusetts, Lower
        Slaughter, Murder Bay, Poison""",
    "dish": """spotted dick, cock-a-leekie soup, coq au vin, chicken breast, duck breast, rump steak, devil's food
        cake, a bloody mary, pork butt, shiitake mushrooms, jerk chicken, gooseberry fool, Eton mess, hush puppies,
        bangers and mash, smashed potatoes, whipped cream, beaten eggs, battered cod, crushed garlic, a killer
        chilli, death by chocolate cake, cocktail sausages, prickly pears, dirty rice, pigs in blankets, toad in the
        hole, angels on horseback, crab cakes, rotten-fish sauce, blood oranges, black pudding, a shot of espresso,
        stuffed peppers""",
    "medical": """breast exam, rectal exam, anal fissure, stool sample, blood test, stabbing pain, shooting pain,
        heart attack, stroke, strangulated hernia, killer T cell count, crippling migraine, fractured jaw, burned
        hand, breast cancer screening, prostate check, urine culture, vaginal swab, penile rash, sexual health
        visit, bowel movement, dead tissue, poison ivy rash, snake bite, bleeding ulcer, tongue tie, bruised hip,
        infected stab wound""",
    "animal": """blue tit, great tit, booby, wild ass, cock pheasant, cockatoo, brown rat, guinea pig, grass snake,
        leech, shag, dik-dik, sperm whale, dumbo octopus, ugly moth, killer whale, stink bug, dung beetle, pouched
        rat, woodcock, assassin bug, hellbender, clown fish, mother pig, donkey, fat-tailed gecko, slow worm,
        turkey, weasel, maggot""",
    "tool": """screwdriver, ballcock, stopcock, bastard file, pipe nipple, butt joint, dumbbell, jackhammer,
        sledgehammer, nail gun, wire stripper, garden hoe, wood screw, dumb waiter, glue gun, kill switch, crowbar,
        hex nut, stud finder, deadbolt, shag carpet, rat-tail file, monkey wrench, claw hammer, trash can, garbage
        disposal""",
    "process": """process, job, server, daemon, zombie process, child process, session, container, thread, query,
        task, branch, pod, worker, background job, connection, worker node, script, loop, test run, parent process,
        virtual machine""",
    "kills": """kill, terminate, shoot down, execute, abort, nuke, blow away, hit, crash, attack, destroy, smash,
        hang, strangle""",
    "pests": """mosquitoes, slugs, cockroaches, rats, weeds, aphids, moths, wasps, bed bugs, termites, germs,
        bacteria, dandelions, snails, viruses, ticks, mould spores, bugs in the code, fleas, Mondays, spam emails,
        potholes""",
    "kill_it": "kill, crush, nail, smash, murder, ace, own, destroy, slay, annihilate, dominate",
    "do": """clean, check, fix, open, close, move, plan, read, copy, sort, paint, book, cancel, print, test, find,
        bring, wrap, pack, order, draw, finish, choose, explain, share, review, measure, compare, forget, love, keep""",
    "goal": """the exam, the audition, this interview, the presentation, the record, the deadline, our sales target,
        the competition, the final level, the market, that solo, the stage, the marathon, the quiz, the speed record""",
    "game": """chess, poker, tennis, Mario Kart, badminton, checkers, darts, the video game, ping-pong, Scrabble,
        the pub quiz""",
    "send": "an email, a message, a text, the file, a link, the address, the invoice, a note, the draft, a photo",
    # --- common words that mean nothing where they are put (`remarks.interrupt`) -------------------------------------
    "filler": """about, above, across, actual, afternoon, again, age, ago, ahead, air, almost, along, already, also,
        although, always, amount, answer, apple, area, arm, around, arrive, article, autumn, available, away, baby,
        back, balance, bank, base, basic, basket, beach, beautiful, become, bed, before, begin, behind, below, best,
        better, between, beyond, bird, blanket, boat, body, book, bottle, box, boy, branch, bread, breakfast,
        bridge, brief, bring, broad, brother, brush, build, building, business, busy, button, calm, camera, camp,
        can, car, card, care, carry, case, cat, centre, century, certain, chair, chance, change, chapter, cheap,
        check, cheese, child, church, city, class, clear, climb, clock, clothes, cloud, coast, coat, cold, collect,
        college, comfort, common, company, complete, computer, concert, condition, consider, contain, control, cook,
        copy, corner, correct, cost, cotton, count, country, couple, course, cover, create, crowd, culture, cup,
        current, curtain, customer, cycle, daily, dance, date, daughter, day, deal, decide, deep, degree, deliver,
        depend, describe, desert, design, desk, detail, develop, different, digital, dinner, direct, discover,
        discuss, distance, doctor, double, draw, dream, dress, drink, drive, dry, during, each, early, earth, easy,
        edge, education, effect, effort, eight, electric, else, email, empty, energy, engine, enough, enter, entire,
        equal, especially, even, evening, event, ever, every, exact, example, excellent, except, exercise, expect,
        experience, explain, extra, fabric, fact, factory, fair, family, famous, far, farm, fast, father, favourite,
        feature, field, fifteen, figure, final, fine, finger, finish, first, fish, flat, flavour, floor, flower,
        fold, follow, food, foot, forest, forever, form, forward, four, free, fresh, friend, front, fruit, full,
        fun, further, future, game, garden, general, gentle, girl, glass, goal, gold, grass, great, green, group,
        grow, guess, guest, guide, hair, half, hand, happen, happy, harvest, hat, hear, heart, heavy, height, hello,
        help, herb, here, hidden, high, hill, history, hobby, hold, holiday, home, hope, horse, hotel, hour, house,
        however, hundred, hungry, idea, image, important, include, indeed, industry, inside, instead, interest,
        invite, island, item, job, join, journey, juice, jump, just, keep, key, kind, kitchen, know, lake, lamp,
        land, language, large, last, late, laugh, law, layer, lead, leaf, learn, least, leather, left, lemon, less,
        lesson, letter, level, library, life, lift, light, likely, limit, line, list, listen, little, local, long,
        lot, low, lucky, lunch, machine, magic, main, major, make, many, map, market, match, material, matter,
        maybe, meal, mean, measure, medium, member, memory, metal, method, middle, might, mile, milk, million, mind,
        mine, minute, mirror, mix, model, modern, moment, money, month, moon, more, morning, most, mother, mountain,
        mouth, move, movie, much, museum, music, name, narrow, nation, nature, near, neat, need, new, next, nice,
        night, nine, noise, normal, north, note, notice, now, number, object, ocean, offer, office, often, oil, old,
        once, onion, online, open, opinion, orange, order, other, outdoor, outside, oven, own, page, pair, paper,
        parent, park, part, partly, party, pass, past, path, pattern, pause, peace, pencil, perfect, perhaps,
        period, phone, photo, piano, picture, place, plain, plan, plant, plate, play, please, plenty, pocket, point,
        pool, popular, position, possible, power, practice, prefer, prepare, present, press, pretty, price, print,
        private, product, programme, project, promise, proper, public, pure, purple, quality, quarter, question,
        quick, quiet, quite, rain, raise, range, rather, reach, read, ready, real, reason, receive, recent, recipe,
        record, reduce, refined, region, regular, relax, remain, remember, repair, repeat, report, request, rest,
        result, return, rice, rich, ride, right, ring, rise, river, road, rock, roof, room, round, row, rule, safe,
        salad, salt, same, sand, school, science, sea, season, seat, second, secret, section, see, seem, sell,
        sense, sentence, separate, serious, serve, service, set, seven, several, shade, shadow, shape, share, shelf,
        shine, ship, shirt, shoe, shop, short, shoulder, show, side, sign, silence, silver, similar, simple, since,
        sing, single, sister, six, size, skill, skin, sky, sleep, slice, slow, small, smart, smile, smooth, snow,
        social, soft, solid, some, song, soon, sort, sound, soup, south, special, speed, spend, spice, sport, spot,
        spring, square, stage, stair, standard, star, start, state, station, stay, steel, step, still, stone, store,
        storm, story, straight, strange, stream, street, strong, student, study, style, subject, success, such,
        sudden, sugar, suggest, summer, sun, supper, supply, support, suppose, sure, surface, surprise, sweet, swim,
        system, table, talk, tall, taste, tea, teach, team, tell, ten, term, test, text, thank, thin, thing, think,
        third, though, thousand, three, through, ticket, tidy, time, tiny, title, today, together, tomorrow,
        tonight, top, total, touch, tour, toward, town, track, trade, train, travel, tree, trip, trouble, true,
        trust, try, turn, twelve, twenty, twice, two, type, under, understand, unit, until, upon, use, useful,
        usual, valley, value, various, very, view, village, visit, voice, wait, walk, wall, want, warm, wash, watch,
        water, wave, way, wear, weather, week, weight, well, west, wet, wheel, while, whole, wide, wild, win, wind,
        window, wing, winter, wish, with, wonder, wood, wool, word, work, world, worth, write, yard, year, yellow,
        yesterday, yet, young, zero""",
    "shoot": """a photo, a portrait, a short film, the wedding, a commercial, the product, three rolls of film, the
        scene""",
}

LEXICONS: dict[str, tuple[str, ...]] = {
    name: tuple(" ".join(entry.split()) for entry in words.split(",")) for name, words in _LEXICONS.items()
}
"""Slot name to its entries."""
