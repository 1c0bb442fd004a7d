"""A small corpus of our own: what is remembered, and what is asked of it. Written for LOTUS; no dataset's sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_THINGS: Final = (
    "plates", "cups", "winter coats", "old letters", "photo albums", "cables", "tools", "board games", "curtains", "lamps",
    "jars", "books about ships", "books about trees", "school reports", "toys", "blankets", "bulbs", "paint", "seeds", "candles",
)  # fmt: skip
# Longer than the embedder reads: what stands at their ends is found by its words or not at all.
_ATTIC: Final = (
    "Moving list. "
    + " ".join(f"Box {n} holds {_THINGS[n % 20]} from the attic." for n in range(1, 60))
    + (" Box 60 holds the christening gown.")
)
_SHED: Final = (
    "Shed list. "
    + " ".join(f"Shelf {n} holds {_THINGS[(n * 7) % 20]} for the shed." for n in range(1, 60))
    + (" Shelf 60 holds the tarpaulin with brass eyelets.")
)
_CELLAR: Final = (
    "Cellar list. "
    + " ".join(f"Rack {n} holds {_THINGS[(n * 3) % 20]} for the cellar." for n in range(1, 60))
    + (" Rack 60 holds the quince jelly.")
)

NOTES: Final = (
    _ATTIC,
    _SHED,
    _CELLAR,
    "The spare key of the boat hangs behind the blue door in Marstal.",
    "The spare key of the summer house lies under the third flower pot.",
    "The boiler was serviced by Jensen & Sons; the next service is due in October.",
    "The boiler of the summer house leaks a little at the lower valve.",
    "Grandma's rye bread: 500 g rye flour, 300 g spelt, sourdough from the evening before, 90 minutes at 190 degrees.",
    "Our tax adviser is Mrs. Petersen, her office is above the pharmacy.",
    "Error E42 on the dishwasher means that the drain hose is kinked.",
    "Error E24 on the dishwasher means that the door doesn't close.",
    "The passphrase card for the safe is kept by aunt Lise.",
    "Der Ersatzreifen liegt im Keller hinter dem Weinregal.",
    "Le chat du voisin s'appelle Moustache et il est diabétique.",
    "La reunión de padres es el primer martes de cada mes.",
    "祖母の誕生日は三月三日です。",
    "花园的水龙头冬天要关掉。",
    "Ключ от гаража лежит в синей коробке.",
    "The allotment's water is turned off from November to March.",
    "Ravn IV is the sail maker's name for our old genoa.",
    "The insurance number of the car is KH-8841-77.",
    "Locker 7731 at the club is Mia's.",
    "Locker 7713 at the club is Tom's.",
    "Locker 1773 at the club is Eva's.",
    "Locker 3177 at the club is empty.",
    "Invoice RX-2209 was paid by Karl.",
    "Invoice RX-2290 was paid by Sofie.",
    "Invoice XR-2209 is still open.",
    "We planted two quince trees at the south wall; they need lime.",
    "The neighbour's dog is afraid of fireworks, so we walk it early on New Year's Eve.",
)

TALK: Final = (
    # (sitting, date, speaker, text)
    (1, "2024-03-02", "Ann", "Guess what, I finally quit the bank!"),
    (1, "2024-03-02", "Bo", "Really? What will you do instead?"),
    (1, "2024-03-02", "Ann", "Bake. I signed the lease for the shop on Harbour Street yesterday."),
    (1, "2024-03-02", "Bo", "That is brave. I'm still looking for a room for my drum kit."),
    (2, "2024-05-11", "Bo", "How is the shop doing?"),
    (2, "2024-05-11", "Ann", "Opening day was last Saturday, we sold out by noon."),
    (2, "2024-05-11", "Bo", "My news: I broke my wrist skiing, six weeks without playing."),
    (2, "2024-05-11", "Ann", "Oh no! Does it hurt?"),
    (2, "2024-05-11", "Bo", "Only when I laugh."),
    (3, "2024-09-20", "Ann", "I hired a second baker, Yusuf, he makes the best simit."),
    (3, "2024-09-20", "Bo", "I'm playing again, we had our first concert in the old gasworks."),
    (3, "2024-09-20", "Ann", "I was there! The encore was wonderful."),
    (3, "2024-09-20", "Bo", "Thanks! We recorded it, the tape comes out in winter."),
    (3, "2024-09-20", "Ann", "Mum moved in with us in August, she runs the till now."),
    (4, "2024-10-05", "Ann", "For me the lentil soup, please."),
    (4, "2024-10-05", "Bo", "For me the dumplings, please."),
    (4, "2024-10-05", "Bo", "I always wanted to see the northern lights."),
    (4, "2024-10-05", "Ann", "I always wanted to cross the Atlantic."),
    (5, "2024-11-30", "Bo", "Our first child is due in spring!"),
    (5, "2024-11-30", "Ann", "Congratulations! We get our first dog in spring."),
)

# Long sittings: what a question names may stand far from what answers it, and much is said in few words.
TRIPS: Final = (
    ("lisbon", "2024-06-03", (
        ("Cleo", "Shall we plan the Lisbon trip tonight?"),
        ("Dan", "Gladly, I have the map of Lisbon here."),
        ("Cleo", "The tram is a must."),
        ("Dan", "And the tiles museum."),
        ("Cleo", "What about money?"),
        ("Dan", "The hotel takes ninety a night."),
        ("Cleo", "Fine with me."),
        ("Dan", "The train to the airport leaves at five."),
        ("Cleo", "Early, but all right."),
    )),
    ("oslo", "2024-07-08", (
        ("Cleo", "Shall we plan the Oslo trip tonight?"),
        ("Dan", "Gladly, I have the map of Oslo here."),
        ("Cleo", "The fjord boat is a must."),
        ("Dan", "And the ski museum."),
        ("Cleo", "What about money?"),
        ("Dan", "The hotel takes a hundred and forty a night."),
        ("Cleo", "Fine with me."),
        ("Dan", "The train to the airport leaves at seven."),
        ("Cleo", "Early, but all right."),
    )),
    ("house", "2024-08-12", (
        ("Dan", "Where did you leave the telescope?"),
        ("Cleo", "In the loft, behind the trunk."),
        ("Dan", "And who fixed the weathercock?"),
        ("Cleo", "Old Matthis did."),
        ("Dan", "Do you know what the chimney sweep charges?"),
        ("Cleo", "Sixty, he told me."),
        ("Dan", "Which colour is the gate going to be?"),
        ("Cleo", "Moss green."),
        ("Dan", "How did the audition go?"),
        ("Cleo", "They took me, second violin!"),
    )),
    ("garden", "2024-08-26", (
        ("Dan", "Where did you leave the wheelbarrow?"),
        ("Cleo", "In the shed, behind the mower."),
        ("Dan", "And who fixed the greenhouse?"),
        ("Cleo", "Young Piet did."),
        ("Dan", "Do you know what the gardener charges?"),
        ("Cleo", "Forty, she told me."),
        ("Dan", "Which colour is the bench going to be?"),
        ("Cleo", "Oxblood red."),
        ("Dan", "How did the driving test go?"),
        ("Cleo", "I failed, third time!"),
    )),
    ("news", "2024-09-02", (
        ("Cleo", "Did the kayak race in the harbour take place?"),
        ("Dan", "The kayak race in the harbour was great fun."),
        ("Cleo", "I wish I had seen the kayak race in the harbour."),
        ("Dan", "It was three weeks ago, the kayak race in the harbour."),
        ("Cleo", "Has the choir found a conductor?"),
        ("Dan", "The choir has found a conductor, a Mrs. Okafor."),
        ("Cleo", "Was the brewery sold?"),
        ("Dan", "The brewery was sold last Tuesday."),
        ("Cleo", "The brewery was sold for much less than it is worth, they say."),
    )),
    ("storm", "2024-09-09", (
        ("Cleo", "The harbour ferry was repainted, it looks splendid."),
        ("Dan", "In April they repainted the harbour ferry."),
        ("Cleo", "The harbour ferry was repainted in blue and white."),
        ("Dan", "The old library has reopened, with a café."),
        ("Cleo", "The old library reopened two days ago."),
        ("Dan", "I like the old library, now that it has reopened."),
    )),
    ("tools", "2024-09-12", (
        ("Oleg", "Где лежит паяльник?"),
        ("Vera", "В ящике под окном."),
        ("Oleg", "Где лежит рубанок?"),
        ("Vera", "На полке у двери."),
        ("Oleg", "Где лежит стамеска?"),
        ("Vera", "Не знаю, спроси Петю."),
        ("Oleg", "Где лежит напильник?"),
        ("Vera", "Сломался, я его выбросила."),
        ("Oleg", "はんだごてはどこ？"),
        ("Vera", "窓の下の引き出し。"),
        ("Oleg", "のこぎりはどこ？"),
        ("Vera", "物置の奥。"),
    )),
    ("folders", "2024-09-16", (
        ("Dan", "KX-17 is for the pension."),
        ("Dan", "KX-71 is for the school."),
        ("Dan", "XK-17 is for the allotment."),
        ("Dan", "XK-71 is for the choir."),
        ("Dan", "Frode has the ladder."),
        ("Dan", "Gudrun has the drill."),
        ("Dan", "Halvor has the tent."),
        ("Dan", "Ingrid has the projector."),
        ("Dan", "Jorun has the trailer."),
    )),
    ("forms", "2024-09-23", (
        ("Cleo", "What about form 5510?"),
        ("Dan", "Sent off."),
        ("Cleo", "What about form 5501?"),
        ("Dan", "Lost in the post."),
        ("Cleo", "What about form 1550?"),
        ("Dan", "Still on my desk."),
        ("Cleo", "What about form 5105?"),
        ("Dan", "Signed by both."),
        ("Cleo", "What about form 1505?"),
        ("Dan", "No longer needed."),
    )),
    ("diary", "2024-10-21", (
        ("Dan", "We swam in the quarry yesterday."),
        ("Cleo", "We swam in the quarry, too."),
        ("Dan", "Last weekend the roof was leaking."),
        ("Cleo", "Ours leaks, too."),
        ("Dan", "Last Friday the piano tuner was here."),
        ("Cleo", "Two weeks ago I lost my ring at the fair."),
    )),
)  # fmt: skip

# Told one after the other; the newer takes the place of the older.
FACTS: Final = (
    ("2021-03-01", "My dentist is Dr. Brandt."),
    ("2024-03-01", "My dentist is Dr. Ahlers."),
    ("2020-05-01", "I live in Kiel."),
    ("2023-05-01", "I moved to Marstal."),
    ("2022-01-01", "The winter tyres are kept in the garage."),
    ("2024-01-01", "The winter tyres are kept at the dealer's."),
)

Questions = tuple[tuple[str, tuple[str, ...]], ...]
"""(question, a part of each text that answers it)"""

OTHER_WORDS: Final[Questions] = (
    # Asked in other words than those it was told in.
    ("When must the heating be looked after again?", ("boiler was serviced",)),
    ("What is dripping at the holiday home?", ("leaks a little",)),
    ("Who helps us with our taxes?", ("tax adviser",)),
    ("Wo ist das Reserverad?", ("Ersatzreifen",)),
    ("Which animal dislikes loud bangs?", ("afraid of fireworks",)),
    ("What did Ann do for a living before the bakery?", ("quit the bank",)),
    ("Where did Bo's band play?", ("gasworks",)),
    ("Who stitched our foresail?", ("Ravn IV",)),
    ("Whom do I ask about the revenue office's letter?", ("tax adviser",)),
    ("Which plants want chalk in the soil?", ("quince trees",)),
    ("When do the mums and dads meet the teachers?", ("reunión",)),
)
SITTINGS: Final[Questions] = (
    # What the question names was named once, at the sitting's beginning.
    ("What did the hotel cost on the Lisbon trip?", ("ninety a night",)),
    ("What did the hotel cost on the Oslo trip?", ("hundred and forty",)),
    ("When does the train to the airport leave in Lisbon?", ("leaves at five",)),
    ("When does the train to the airport leave in Oslo?", ("leaves at seven",)),
)
ANSWERS: Final[Questions] = (
    # The turn before holds the words.
    ("Where is the telescope?", ("In the loft",)),
    ("Where is the wheelbarrow?", ("In the shed",)),
    ("Who fixed the weathercock?", ("Old Matthis",)),
    ("Who fixed the greenhouse?", ("Young Piet",)),
    ("What does the chimney sweep charge?", ("Sixty",)),
    ("What does the gardener charge?", ("Forty",)),
    ("What colour is the gate?", ("Moss green",)),
    ("What colour is the bench?", ("Oxblood",)),
    ("How did the audition go?", ("second violin",)),
    ("How did the driving test go?", ("third time",)),
    ("What became of form 5510?", ("Sent off",)),
    ("What became of form 5501?", ("Lost in",)),
    ("What became of form 1550?", ("my desk",)),
    ("What became of form 5105?", ("Signed by",)),
    ("What became of form 1505?", ("No longer needed",)),
    ("Где паяльник?", ("В ящике",)),
    ("Где рубанок?", ("На полке",)),
    ("Где стамеска?", ("спроси Петю",)),
    ("Где напильник?", ("Сломался",)),
    ("はんだごてはどこですか？", ("窓の下",)),
    ("のこぎりはどこですか？", ("物置",)),
)
SAYING_WHEN: Final[Questions] = (
    # Several tell of it; one says when.
    ("When was the kayak race in the harbour?", ("three weeks ago",)),
    ("When was the brewery sold?", ("last Tuesday",)),
    ("When was the harbour ferry repainted?", ("In April",)),
    ("When did the old library reopen?", ("two days ago",)),
)
OWN_WORDS: Final[Questions] = (
    # Words of its own among neighbours that look like it.
    ("Where is Ann's shop?", ("Harbour Street",)),
    ("What is KX-17 for?", ("pension",)),
    ("What is KX-71 for?", ("school",)),
    ("What is XK-17 for?", ("allotment.",)),
    ("What is XK-71 for?", ("choir.",)),
    ("What did Frode borrow?", ("ladder",)),
    ("What did Gudrun borrow?", ("drill",)),
    ("What did Halvor borrow?", ("tent",)),
    ("What did Ingrid borrow?", ("projector",)),
)
DAYS: Final[Questions] = (
    # Days: the memory's own, and those its words tell of.
    ("What happened to Bo in May 2024?", ("broke my wrist",)),
    ("What did Ann say in September 2024 about her family?", ("Mum moved in",)),
    ("What did Dan do on 20 October 2024?", ("in the quarry yesterday",)),
    ("Who was here on 18 October 2024?", ("piano tuner",)),
    ("What did Cleo lose on 7 October 2024?", ("lost my ring",)),
    ("What was wrong on 19 October 2024?", ("Last weekend",)),
)
SPEAKERS: Final[Questions] = (
    # Who said it decides.
    ("What did Bo eat?", ("dumplings",)),
    ("What did Ann eat?", ("lentil soup",)),
    ("What is Ann's dream?", ("cross the Atlantic",)),
    ("What is Bo's dream?", ("northern lights",)),
    ("What does Ann expect in spring?", ("first dog",)),
    ("What does Bo expect in spring?", ("first child",)),
    ("Who works with Ann in the bakery?", ("Yusuf", "runs the till")),
    ("Did Ann like the concert?", ("encore was wonderful",)),
)
OTHERS: Final[Questions] = (
    ("Where is the spare boat key?", ("boat hangs",)),
    ("How do I get into the summer house if I lost my key?", ("third flower pot",)),
    ("What does E42 mean?", ("E42",)),
    ("What does E24 mean?", ("E24",)),
    ("KH-8841-77", ("KH-8841-77",)),
    ("How hot must the oven be for the bread?", ("rye bread",)),
    ("Wo liegt der Ersatzreifen?", ("Ersatzreifen",)),
    ("Comment s'appelle le chat du voisin ?", ("Moustache",)),
    ("¿Cuándo es la reunión de padres?", ("reunión",)),
    ("祖母の誕生日はいつですか？", ("祖母",)),
    ("花园的水龙头什么时候要关？", ("花园",)),
    ("Где ключ от гаража?", ("гаража",)),
    ("What is Ravn IV?", ("Ravn IV",)),
    ("Which trees need lime?", ("quince",)),
    ("When is there no water on the allotment?", ("allotment's water",)),
    ("Where did we pack the christening gown?", ("christening gown",)),
    ("Where is the tarpaulin with the brass eyelets?", ("tarpaulin",)),
    ("Where do we keep the quince jelly?", ("quince jelly",)),
    ("Who has locker 7713?", ("Locker 7713",)),
    ("Who has locker 1773?", ("Locker 1773",)),
    ("Who has locker 7731?", ("Locker 7731",)),
    ("Who paid RX-2290?", ("RX-2290",)),
    ("Who paid RX-2209?", ("RX-2209 was",)),
    ("How did the opening go?", ("sold out",)),
    ("How long could Bo not play?", ("broke my wrist",)),
    ("When will the recording be published?", ("tape comes out",)),
    ("Has the choir found a conductor?", ("Okafor",)),
    ("Who is my dentist?", ("Ahlers",)),
    ("Where do I live?", ("moved to Marstal",)),
    ("Where are the winter tyres?", ("dealer's",)),
)
QUESTIONS: Final[Questions] = (*OTHERS, *OTHER_WORDS, *SITTINGS, *ANSWERS, *SAYING_WHEN, *OWN_WORDS, *DAYS, *SPEAKERS)

_VECTORS: Final = ("meaning", "meaning_beside", "tokens")
WORTH: Final[Mapping[str, tuple[tuple[str, ...], Questions]]] = {
    "words": ((), (*OWN_WORDS, *SITTINGS)),
    "words_beside": (_VECTORS, ANSWERS),
    "segment": (_VECTORS, SITTINGS),
    "meaning": (("meaning_beside", "tokens"), OTHER_WORDS),
    "meaning_beside": (("tokens",), OTHER_WORDS),
    "tokens": ((), (*SPEAKERS, *SITTINGS, *OWN_WORDS)),
    "speaker": ((), SPEAKERS),
    "date": ((), DAYS),
    "time": ((), SAYING_WHEN),
    "form": (_VECTORS, ANSWERS),
}
"""For each group of signals the questions it is there for. Some stand in for each other; so where the first tuple names groups,
those are off both times: what such a signal is worth shows where its stand-ins are missing, as without an embedder."""
