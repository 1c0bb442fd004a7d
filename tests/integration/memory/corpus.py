"""A small corpus of our own: what is remembered, and what is asked of it. Written for LOTUS; no dataset's sentences."""

from __future__ import annotations

from typing import Final

_THINGS: Final = (
    "plates", "cups", "winter coats", "old letters", "photo albums", "cables", "tools", "board games", "curtains", "lamps",
    "jars", "books about ships", "books about trees", "school reports", "toys", "blankets", "spare bulbs",
    "paint", "seeds", "candles",
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

QUESTIONS: Final = (
    # (question, a part of each text that answers it)
    ("Where is the spare boat key?", ("boat hangs",)),
    ("How do I get into the summer house if I lost my key?", ("third flower pot",)),
    ("When must the heating be looked after again?", ("boiler was serviced",)),
    ("What is dripping at the holiday home?", ("leaks a little",)),
    ("What does E42 mean?", ("E42",)),
    ("What does E24 mean?", ("E24",)),
    ("KH-8841-77", ("KH-8841-77",)),
    ("How hot must the oven be for the bread?", ("rye bread",)),
    ("Who helps us with our taxes?", ("tax adviser",)),
    ("Wo ist das Reserverad?", ("Ersatzreifen",)),
    ("Wo liegt der Ersatzreifen?", ("Ersatzreifen",)),
    ("Comment s'appelle le chat du voisin ?", ("Moustache",)),
    ("¿Cuándo es la reunión de padres?", ("reunión",)),
    ("祖母の誕生日はいつですか？", ("祖母",)),
    ("花园的水龙头什么时候要关？", ("花园",)),
    ("Где ключ от гаража?", ("гаража",)),
    ("What is Ravn IV?", ("Ravn IV",)),
    ("Which trees need lime?", ("quince",)),
    ("When is there no water on the allotment?", ("allotment's water",)),
    ("Which animal dislikes loud bangs?", ("afraid of fireworks",)),
    ("What did Ann do for a living before the bakery?", ("quit the bank",)),
    ("Where did we pack the christening gown?", ("christening gown",)),
    ("Where is the tarpaulin with the brass eyelets?", ("tarpaulin",)),
    ("Where do we keep the quince jelly?", ("quince jelly",)),
    ("Who has locker 7713?", ("Locker 7713",)),
    ("Who has locker 1773?", ("Locker 1773",)),
    ("Who has locker 7731?", ("Locker 7731",)),
    ("Who paid RX-2290?", ("RX-2290",)),
    ("Who paid RX-2209?", ("RX-2209 was",)),
    ("What did Bo eat?", ("dumplings",)),
    ("What did Ann eat?", ("lentil soup",)),
    ("What is Ann's dream?", ("cross the Atlantic",)),
    ("What is Bo's dream?", ("northern lights",)),
    ("What does Ann expect in spring?", ("first dog",)),
    ("What does Bo expect in spring?", ("first child",)),
    ("Where is Ann's shop?", ("Harbour Street",)),
    ("How did the opening go?", ("sold out",)),
    ("What happened to Bo in May 2024?", ("broke my wrist",)),
    ("How long could Bo not play?", ("broke my wrist",)),
    ("Who works with Ann in the bakery?", ("Yusuf", "runs the till")),
    ("Where did Bo's band play?", ("gasworks",)),
    ("What did Ann say in September 2024 about her family?", ("Mum moved in",)),
    ("Did Ann like the concert?", ("encore was wonderful",)),
    ("When will the recording be published?", ("tape comes out",)),
)
