"""A household's files and sayings, what they answer and what they can't. Written for LOTUS; no dataset's sentences.

Three parts that share no subject: the thresholds were chosen on ``CALIBRATION``, the gate also asks ``HELD_OUT`` and
``NEAR_MISSES``, where a third of what nothing tells is asked of those of whom something else is told ("How old is Biscuit?").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Household:
    """``files`` by name, ``told`` in this order, ``asked`` before; ``answerable``: the question and a part of the passage that
    answers it; ``unanswerable``: what nothing here tells.
    """

    files: Mapping[str, str]
    told: Sequence[str]
    asked: Sequence[str]
    answerable: Sequence[tuple[str, str]]
    unanswerable: Sequence[str]


CALIBRATION: Final = Household(
    files={
        "boat.md": """\
---
title: Heron
tags: [boat, engine]
updated: 2026-05-04
---
# Heron

> [!note] Winter
> She lies in hall 4 of the yard in Marstal from October to April.

## Engine

The oil was changed on 3 May 2026. The next change is due after 100 hours. The filter is a Mann W 67/1.

| part | interval | last |
|---|---|---|
| impeller | 2 years | June 2025 |
| zinc anode | 1 year | April 2026 |

## Papers

- The insurance runs with Pantaenius, policy 88-1204-K.
- The radio licence expires in August 2028.
""",
        "kitchen.md": """\
# Rye bread

500 g rye flour, 300 g spelt, sourdough from the evening before. Bake it for 90 minutes at 190 degrees.

# Plum jam

Two kilos of plums, one kilo of sugar, a stick of cinnamon. Boil for four minutes. It made eleven jars last year.

# Dishwasher

Error E24 means that the drain hose is kinked. Salt goes into the left tank; a bag lasts four months.
""",
        "haus.md": """\
# Heizung

Die Heizung wurde am 12. September gewartet. Der Druck soll zwischen 1,5 und 2 bar liegen.
Zum Nachfüllen dient der blaue Schlauch im Keller.

# Schlüssel

Der Ersatzschlüssel für das Gartenhaus hängt hinter dem Spiegel im Flur. Frau Brandt hat den Schlüssel zur Haustür.

# Müll

Die Papiertonne wird jeden zweiten Dienstag geleert, die gelbe am ersten Freitag im Monat.
""",
        "ecole.md": """\
# École de Léa

La maîtresse de Léa s'appelle Madame Fournier. La sortie au musée a lieu le 14 mars. Il faut un pique-nique et des bottes.

# Cantine

La cantine coûte 4,20 euros par repas. Le menu sans porc se commande avant le 20 du mois.
""",
        "medico.md": """\
# Médico

La próxima revisión de la abuela es el 8 de octubre con la doctora Ibáñez. Toma dos pastillas de enalapril por la mañana.

# Alergias

Mateo es alérgico a las nueces y al kiwi.
""",
        "call.txt": (
            "Call with the landlord, 9 February: the rent stays at 1 140 euros until 2028. He pays for the new windows. "
            "The deposit of 3 000 euros lies at the Sparkasse. Pets are fine as long as nobody complains.\n"
        ),
        "trip.md": """\
# Lisbon

We fly on 2 June with TAP at 7:35 and come back on the 9th. The flat is in Rua da Bica 14, third floor,
the code for the door is 4471.

## Food

Tasca do Jaime had the best grilled sardines. Avoid the place at the corner of the square.
""",
    },
    told=[
        "My sister Karla is allergic to penicillin.",
        "The winter tyres are at Sørensen's, rack 31.",
        "I live in Kiel.",
        "I moved to Oslo.",
        "Our vet is Dr. Nyborg, her practice is behind the station.",
        "The alarm of the workshop is switched off with the grey fob.",
        "Has our spare key: Ingrid from number 12.",
        "Tom's birthday is on 19 November.",
        "Il codice del cancello è sotto la lampada dell'ingresso.",
        "Mi hermana trabaja en el hospital de Cádiz desde enero.",
        "Meine Mutter trinkt keinen Kaffee, nur schwarzen Tee.",
        "The bees were treated against mites on 2 August.",
    ],
    asked=[
        *(["boiler pressure"] * 6),
        "oil change boat",
        "tell me about the bread",
        "Heizung Druck",
        "explain the alarm",
        "montre-moi la cantine",
    ],
    answerable=[
        ("When was the oil changed?", "3 May 2026"),
        ("which oil filter does the engine take", "Mann W 67/1"),
        ("Where is the boat in winter?", "hall 4"),
        ("When was the impeller replaced last?", "June 2025"),
        ("What is the policy number of the boat's insurance?", "88-1204-K"),
        ("How long does the radio licence last?", "August 2028"),
        ("How hot must the oven be for the rye bread?", "190 degrees"),
        ("How much sugar goes into the plum jam?", "one kilo of sugar"),
        ("What does E24 on the dishwasher mean?", "drain hose"),
        ("Wie hoch soll der Druck der Heizung sein?", "1,5 und 2 bar"),
        ("Wann wurde die Heizung gewartet?", "12. September"),
        ("Wo hängt der Ersatzschlüssel für das Gartenhaus?", "hinter dem Spiegel"),
        ("Wer hat den Schlüssel zur Haustür?", "Frau Brandt"),
        ("Wann wird die Papiertonne geleert?", "zweiten Dienstag"),
        ("Comment s'appelle la maîtresse de Léa ?", "Fournier"),
        ("Combien coûte la cantine ?", "4,20"),
        ("Quand a lieu la sortie au musée ?", "14 mars"),
        ("¿Cuándo es la próxima revisión de la abuela?", "8 de octubre"),
        ("¿A qué es alérgico Mateo?", "nueces"),
        ("How much is the rent?", "1 140"),
        ("Where is the deposit?", "Sparkasse"),
        ("What is the door code in Lisbon?", "4471"),
        ("When do we fly back?", "9th"),
        ("Where did we eat good sardines?", "Tasca do Jaime"),
        ("What is Karla allergic to?", "penicillin"),
        ("Where are the winter tyres?", "rack 31"),
        ("Where do I live?", "Oslo"),
        ("Who is our vet?", "Nyborg"),
        ("who has our spare key?", "Ingrid"),
        ("When is Tom's birthday?", "19 November"),
        ("Dove si trova il codice del cancello?", "sotto la lampada"),
        ("¿Dónde trabaja mi hermana?", "Cádiz"),
        ("Was trinkt meine Mutter?", "schwarzen Tee"),
        ("When were the bees treated?", "2 August"),
        ("How do I switch off the alarm of the workshop?", "grey fob"),
    ],
    unanswerable=[
        "How tall is Mount Kilimanjaro?",
        "Who wrote The Magic Mountain?",
        "What is the capital of Mongolia?",
        "How do I reset a forgotten router password?",
        "When is Karla's wedding?",
        "What is the boiler's serial number?",
        "Which school does Tom go to?",
        "What did the new sofa cost?",
        "Who painted our fence?",
        "Wie heißt der Bürgermeister von Hamburg?",
        "Wann fährt der letzte Zug nach Lübeck?",
        "Welche Farbe hat unser Auto?",
        "Quel est le numéro du plombier ?",
        "Combien de chaises avons-nous ?",
        "¿Cuántos habitantes tiene Sevilla?",
        "¿Qué coche tiene mi primo?",
        "Chi ha vinto il mondiale del 1982?",
        "What is the speed of light?",
        "When did the Berlin wall fall?",
        "What is my shoe size?",
        "Where did grandfather serve in the army?",
    ],
)

HELD_OUT: Final = Household(
    files={
        "bicycle.md": """\
---
title: Bicycle
created: 2025-09-02
---
# Bicycle

The frame number is WTU-771-204-K. It is insured with the household policy up to 1 500 euros.

## Service

> [!tip]
> The workshop opens at nine, Thursdays at noon.

The chain was replaced in March at 4 100 km. Tyre pressure: 4.5 bar in front, 5 bar behind.

| date | what | price |
|---|---|---|
| 2025-10-11 | brake pads | 38 euros |
| 2026-03-20 | chain and cassette | 112 euros |
""",
        "garden.md": """\
# Garden

## Fruit

The apple tree by the fence is a Gravenstein. The pear needs a second tree to bear fruit; the neighbour's Conference does it.

## Water

The rain barrel holds 300 litres. The tap at the shed is shut from November on, its valve is under the third step.

## Tools

* The hedge trimmer is lent to Pelle.
* The spade with the ash handle was grandfather's.
""",
        "arbeit.md": """\
# Arbeit

Das Jahresgespräch mit Frau Dr. Seidel ist am 4. Februar um zehn Uhr. Bis dahin brauche ich die Zahlen vom dritten Quartal.

# Zugang

Der Drucker im zweiten Stock heißt Pinguin. Das Gästenetz wechselt jeden Montag das Kennwort, es steht am Empfang.

# Urlaub

Ich habe noch elf Tage Resturlaub. Sie verfallen Ende März.
""",
        "voisins.md": """\
# Voisins

Les voisins du dessus, les Delmas, partent en août et laissent leur chat Pistache. Il mange deux fois par jour.

# Travaux

Le plombier a réparé la fuite du chauffe-eau le 3 novembre pour 180 euros. La garantie du toit court jusqu'en 2031.
""",
        "piso.md": """\
# Piso

El contrato de la luz está a nombre de Lucía con Iberdrola. El contador del agua está detrás de la lavadora.

# Comunidad

La reunión de vecinos es el 17 de enero a las siete en el portal. La cuota subió a 65 euros.
""",
        "letter.txt": (
            "From: office@hillside.example\nTo: us@example.org\nSubject: Swimming lessons\n"
            "Date: Mon, 5 Jan 2026 10:00:00 +0100\n\n"
            "Dear parents, the swimming lessons of group B move to Wednesdays at 16:15 in the Nordbad. "
            "Please bring a cap; goggles are optional. The course ends on 25 March.\n"
        ),
        "music.txt": (
            "Choir: we rehearse on Thursdays in St. Olav. The concert is on 13 December, Britten and Rutter. "
            "My part is second bass. Sheet music is borrowed from Halvor and goes back in January.\n"
        ),
        "health.md": """\
# Glasses

Left -2.25, right -2.75, prescription of 14 January. The optician is Lindqvist in the arcade.

# Vaccinations

Tetanus: last in 2019, due again in 2029. The flu shot was on 6 October.
""",
    },
    told=[
        "Oskar starts at the nursery on 11 August.",
        "The piano tuner is called Mr. Abelsen and comes every spring.",
        "I work at the harbour office.",
        "I work at the museum now.",
        "Our broadband contract ends in May 2027.",
        "The good scissors are in the drawer under the microwave.",
        "Aunt Sofie takes her coffee with oat milk.",
        "We paid 420 euros for the new stove pipe.",
        "La nonna abita in via Garibaldi 8, secondo piano.",
        "Der Hund bekommt abends eine halbe Tablette gegen die Schilddrüse.",
        "Mon frère arrive à la gare de Lyon vendredi à 18 h 40.",
        "El perro se llama Trufa y le dan miedo los petardos.",
        "Marit borrowed the blue tent until Easter.",
    ],
    asked=[
        *(["tyre pressure bike"] * 12),
        "choir concert",
        "list the vaccinations",
        "zeig mir den Resturlaub",
        "garden water?",
        "I would like to know about the piano tuner",
    ],
    answerable=[
        ("What is the frame number of the bicycle?", "WTU-771-204-K"),
        ("bicycle tyre pressure", "4.5 bar"),
        ("When was the chain replaced?", "March"),
        ("What did the brake pads cost?", "38 euros"),
        ("When does the workshop open on Thursdays?", "noon"),
        ("What kind of apple tree stands by the fence?", "Gravenstein"),
        ("How much water does the rain barrel hold?", "300 litres"),
        ("Where is the valve of the tap at the shed?", "third step"),
        ("Who has the hedge trimmer?", "Pelle"),
        ("Wann ist das Jahresgespräch?", "4. Februar"),
        ("Wie heißt der Drucker im zweiten Stock?", "Pinguin"),
        ("Wie viele Tage Resturlaub habe ich noch?", "elf Tage"),
        ("Wann verfällt der Resturlaub?", "Ende März"),
        ("Comment s'appelle le chat des voisins ?", "Pistache"),
        ("Quand le plombier a-t-il réparé la fuite ?", "3 novembre"),
        ("Jusqu'à quand court la garantie du toit ?", "2031"),
        ("¿Dónde está el contador del agua?", "detrás de la lavadora"),
        ("¿Cuándo es la reunión de vecinos?", "17 de enero"),
        ("¿A nombre de quién está el contrato de la luz?", "Lucía"),
        ("When are the swimming lessons?", "Wednesdays"),
        ("What must the children bring for swimming?", "cap"),
        ("Where do we rehearse with the choir?", "St. Olav"),
        ("When is the concert?", "13 December"),
        ("Whose sheet music is it?", "Halvor"),
        ("What strength is my left lens?", "-2.25"),
        ("When is the next tetanus shot due?", "2029"),
        ("Who is my optician?", "Lindqvist"),
        ("When does Oskar start nursery?", "11 August"),
        ("Who tunes the piano?", "Abelsen"),
        ("Where do I work?", "museum"),
        ("When does the broadband contract end?", "May 2027"),
        ("Where are the good scissors?", "under the microwave"),
        ("How does Aunt Sofie drink her coffee?", "oat milk"),
        ("How much was the stove pipe?", "420 euros"),
        ("Dove abita la nonna?", "via Garibaldi"),
        ("Was bekommt der Hund abends?", "halbe Tablette"),
        ("Quand arrive mon frère ?", "18 h 40"),
        ("¿Cómo se llama el perro?", "Trufa"),
        ("Who borrowed the tent?", "Marit"),
        ("Which day is choir practice?", "Thursdays"),
    ],
    unanswerable=[
        "How deep is the Mariana trench?",
        "Who composed the opera Fidelio?",
        "What is the boiling point of ethanol?",
        "How do I tie a bowline?",
        "When is Oskar's birthday?",
        "What is the licence plate of the car?",
        "Which doctor removed my appendix?",
        "Where did we go on holiday in 2019?",
        "What is Pelle's phone number?",
        "Who mows the lawn next week?",
        "Wie hoch ist die Zugspitze?",
        "Wer hat die Bundestagswahl 1998 gewonnen?",
        "Wie heißt meine Zahnärztin?",
        "Wo liegt mein Reisepass?",
        "Quelle est la hauteur de la tour Eiffel ?",
        "Quel âge a ma cousine ?",
        "¿Cuál es la capital de Australia?",
        "¿Cuánto pesa el gato?",
        "Quanto costa un biglietto per Milano?",
        "What is the wifi password?",
        "When was the fridge bought?",
    ],
)

NEAR_MISSES: Final = Household(
    files={
        "car.md": """---
title: Car
aliases:
  - Volvo
tags:
  - car
---
# Car

> [!warning]+ Recall
> The airbag of the passenger seat must be replaced at the dealer.

## Insurance

We are insured with Gjensidige, full cover, deductible 4 000 kroner. The bonus is 70 percent.

## Numbers

| item | value | note |
| --- | --- | --- |
| tyre size | 225/45 R17 | summer |
| engine oil | 5W-30 | 5.2 litres |
| next inspection | May 2027 | book early |
""",
        "allotment.md": """# Allotment

The lease for plot 47 costs 130 pounds a year and is paid to Mr. Whitcombe in February.

## Seeds

- Runner beans go in after the middle of May.
- The garlic was planted on 20 October.
- Carrot fly: cover with fleece.

## Shed

The padlock's combination is 3719. The wheelbarrow has a flat tyre.
""",
        "hochzeit.md": """# Hochzeit von Jonas und Mira

Die Trauung ist am 21. Juni um 14 Uhr in der Marienkirche. Gefeiert wird im Gasthof Hirsch.

## Geschenk

Wir schenken zusammen mit den Kollegen eine Kaffeemaschine. Petra sammelt das Geld ein, jeder gibt 30 Euro.

## Anreise

Der Zug nach Bamberg geht um 8:52 Uhr von Gleis 7.
""",
        "vacances.md": """# Vacances en Bretagne

La maison est à Ploumanac'h, 12 rue du Phare. La propriétaire, Mme Le Goff, remet les clés à partir de 16 heures.

## Linge

Les draps ne sont pas fournis. Le ménage de fin de séjour coûte 70 euros.
""",
        "cole.md": """# Colegio

La tutora de Irene es Marta Salcedo. El uniforme se compra en la tienda de la calle Olmo.

# Deporte

Irene juega al baloncesto los martes y los jueves a las cinco y media.
""",
        "huis.md": """# Huis

De ketel wordt elk jaar in oktober nagekeken door Van Dijk. De meterkast zit onder de trap.

# Buren

De buurvrouw heet Saskia en geeft de planten water als we weg zijn.
""",
        "mail.txt": """From: billing@fibra.example
To: me@example.org
Subject: Your new contract
Date: Tue, 3 Mar 2026 09:12:00 +0100

Hello, from 1 April your line runs at 500 Mbit/s for 39.90 euros a month.
The minimum term is 24 months. Your customer number is F-5520917.
""",
        "vet.txt": """Vet visit 12 May: Biscuit weighs 11.4 kg, one kilo too many.
He gets 180 g of dry food a day from now on. Rabies jab is due in May 2028.
""",
        "server.md": """# Home server

The backup runs every night at 02:30 to the disk in the attic. Restore with:

```
restic -r /mnt/attic restore latest --target /srv
```

The router's admin page is at 192.168.4.1.
""",
    },
    told=[
        "My brother Niall is a vegetarian.",
        "The fuse box is in the cupboard beside the front door.",
        "I drive a Golf.",
        "I drive a Volvo now.",
        "Our cleaner comes on Tuesdays and is called Teresa.",
        "Grandma's recipe book is in the blue box in the loft.",
        "Priya's phone number is 0171 555 0182.",
        "We sold the caravan to the Hendersons for 6 500 pounds.",
        "I prefer window seats on trains.",
        "Meine Tochter Lotte hat Angst vor Gewittern.",
        "Mia cugina Elisa studia veterinaria a Parma.",
        "Mon dentiste est le docteur Marchand, rue Pasteur.",
        "Mijn fiets staat bij het station in rek 14.",
        "Моя бабушка живёт в Казани на улице Баумана.",
        "The meeting with the accountant is on 17 September at 11.",
        "Passwords are kept in the safe behind the painting.",
        "My gym membership ends in November.",
        "Mr. Okafor next door has a ladder we can borrow.",
    ],
    asked=["car insurance"] * 7
    + [
        "padlock shed",
        "wann ist die Trauung",
        "tell me about Biscuit",
        "draps",
        "de ketel",
        "price of the caravan",
        "backup server",
    ],
    answerable=[
        ("Who are we insured with?", "Gjensidige"),
        ("What is the deductible of the car insurance?", "4 000"),
        ("Which engine oil does the car take?", "5W-30"),
        ("tyre size", "225/45"),
        ("When is the next inspection of the car?", "May 2027"),
        ("What must be replaced at the dealer?", "airbag"),
        ("How much is the lease for the allotment?", "130 pounds"),
        ("Whom do we pay for the plot?", "Whitcombe"),
        ("When was the garlic planted?", "20 October"),
        ("combination of the padlock", "3719"),
        ("What's wrong with the wheelbarrow?", "flat tyre"),
        ("Wann ist die Trauung?", "21. Juni"),
        ("Wo wird gefeiert?", "Hirsch"),
        ("Was schenken wir Jonas und Mira?", "Kaffeemaschine"),
        ("Wer sammelt das Geld für das Geschenk?", "Petra"),
        ("Von welchem Gleis geht der Zug nach Bamberg?", "Gleis 7"),
        ("Qui remet les clés de la maison ?", "Le Goff"),
        ("Combien coûte le ménage ?", "70 euros"),
        ("Quelle est l'adresse de la maison en Bretagne ?", "rue du Phare"),
        ("¿Quién es la tutora de Irene?", "Salcedo"),
        ("¿Qué días juega Irene al baloncesto?", "martes"),
        ("¿Dónde se compra el uniforme?", "Olmo"),
        ("Wanneer wordt de ketel nagekeken?", "oktober"),
        ("Waar zit de meterkast?", "onder de trap"),
        ("Hoe heet de buurvrouw?", "Saskia"),
        ("How fast is our internet line?", "500 Mbit"),
        ("What is my customer number?", "F-5520917"),
        ("How much does Biscuit weigh?", "11.4"),
        ("When is the rabies jab due?", "2028"),
        ("How much food does the dog get?", "180 g"),
        ("When does the backup run?", "02:30"),
        ("How do I restore the backup?", "restic"),
        ("What is the address of the router?", "192.168.4.1"),
        ("Does Niall eat meat?", "vegetarian"),
        ("Where is the fuse box?", "cupboard"),
        ("What car do I drive?", "Volvo now"),
        ("When does the cleaner come?", "Tuesdays"),
        ("Where is grandma's recipe book?", "blue box"),
        ("What's Priya's number?", "0171"),
        ("Who bought the caravan?", "Hendersons"),
        ("Which seats do I like on trains?", "window"),
        ("Wovor hat Lotte Angst?", "Gewittern"),
        ("Cosa studia Elisa?", "veterinaria"),
        ("Qui est mon dentiste ?", "Marchand"),
        ("Waar staat mijn fiets?", "rek 14"),
        ("Где живёт моя бабушка?", "Казани"),
        ("When do I meet the accountant?", "17 September"),
        ("Where are the passwords?", "behind the painting"),
        ("When does my gym membership end?", "November"),
        ("Who has a ladder?", "Okafor"),
    ],
    unanswerable=[
        "How far is the moon?",
        "Who painted the Mona Lisa?",
        "What is the population of Peru?",
        "When is Niall's birthday?",
        "What is Teresa's surname?",
        "How old is Biscuit?",
        "What does the accountant charge?",
        "When was the car built?",
        "What is the code of the alarm?",
        "Where is my umbrella?",
        "Which hotel did we stay at in Rome?",
        "How do I make a soufflé?",
        "Who is the head of the school board?",
        "Wie alt ist Mira?",
        "Wer ist Bundeskanzler?",
        "Wie viel kostet ein Liter Benzin?",
        "Wo ist mein Regenschirm?",
        "Quelle est la capitale du Pérou ?",
        "Quand est né Victor Hugo ?",
        "Où est mon parapluie ?",
        "¿Quién escribió el Quijote?",
        "¿Cuánto cuesta el dentista?",
        "Hoe oud is Saskia?",
        "Wie is de koning van België?",
        "Quanti anni ha Elisa?",
        "Когда началась война 1812 года?",
        "Сколько стоит билет в Москву?",
        "What is the square root of 144?",
        "Explain photosynthesis",
        "Who won the match yesterday?",
    ],
)
