"""The words of the calendar, in the languages whose dates are read: folded, accents removed."""

from __future__ import annotations

from typing import Final

MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar janvier enero gennaio janeiro januari",
            "february feb februar fevrier febrero febbraio fevereiro februari",
            "march mar marz mars marzo marco maart",
            "april apr avril abril aprile",
            "may mai mayo maggio maio mei",
            "june jun juni juin junio giugno junho",
            "july jul juli juillet julio luglio julho",
            "august aug aout agosto augustus",
            "september sep sept septembre septiembre setiembre settembre setembro",
            "october oct okt oktober octobre octubre ottobre outubro",
            "november nov novembre noviembre novembro",
            "december dec dez dezember decembre diciembre dicembre dezembro",
        ),
        start=1,
    )
    for name in names.split()
}
ALSO_WORDS: Final = frozenset(
    """
    may march mar mars marco mai mei jun jul jan sep dec dez april june august sept nov oct feb apr aug okt
    """.split()  # noqa: SIM905 - a line reads better than a column
)
"""Month names that are also other words or people's names: alone they need a preposition before them."""
MONTH: Final = "|".join(sorted(MONTHS, key=len, reverse=True))
DAY: Final = r"(\d{1,2}) ?(?:st|nd|rd|th|er|\.)?"
YEAR: Final = r"((?:19|20)\d\d)"
BEFORE_MONTH: Final = (
    r"\b(?:in|on|of|early|late|mid|since|during|until|till|before|after|by|from"
    r"|im|seit|en|em|de|del|di|du|d'|a|nel|le|el|vom)\s"
)
WEEKDAYS: Final = {
    name: number
    for number, names in enumerate(
        (
            "monday montag lundi lunes lunedi maandag",
            "tuesday dienstag mardi martes martedi dinsdag",
            "wednesday mittwoch mercredi miercoles mercoledi woensdag",
            "thursday donnerstag jeudi jueves giovedi donderdag",
            "friday freitag vendredi viernes venerdi vrijdag",
            "saturday samstag sonnabend samedi sabado sabato zaterdag",
            "sunday sonntag dimanche domingo domenica zondag",
        )
    )
    for name in names.split()
}
WEEKDAY: Final = "|".join(WEEKDAYS)
SEASONS: Final = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The month in which each begins, as the north of the earth has it."""
UNITS: Final = {
    name: days
    for days, names in {
        1: "day days tag tage tagen jour jours dia dias giorno giorni dag dagen",
        7: "week weeks woche wochen semaine semaines semana semanas settimana settimane weken",
        30: "month months monat monate monaten mois mes meses mese mesi maand maanden",
        365: "year years jahr jahre jahren an ans ano anos anno anni jaar jaren",
    }.items()
    for name in names.split()
}
COUNTS: Final = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "a": 1, "an": 1, "couple": 2, "few": 3,
    "ein": 1, "einem": 1, "einer": 1, "zwei": 2, "drei": 3, "vier": 4, "funf": 5, "un": 1, "une": 1, "una": 1, "deux": 2,
    "trois": 3, "quatre": 4, "dos": 2, "tres": 3, "cuatro": 4, "due": 2, "tre": 3, "quattro": 4, "een": 1, "twee": 2, "drie": 3,
}  # fmt: skip
SHIFTS: Final = {
    "today": 0, "tonight": 0, "heute": 0, "aujourd'hui": 0, "hoy": 0, "oggi": 0, "hoje": 0, "vandaag": 0,
    "yesterday": -1, "last night": -1, "gestern": -1, "hier": -1, "ayer": -1, "ieri": -1, "ontem": -1,
    "gisteren": -1, "vorgestern": -2,
    "tomorrow": 1, "morgen": 1, "demain": 1, "manana": 1, "domani": 1, "amanha": 1,
}  # fmt: skip
SHIFT: Final = "|".join(sorted(SHIFTS, key=len, reverse=True))
COUNT: Final = r"(\d{1,3}|" + "|".join(COUNTS) + ")"
UNIT: Final = "(" + "|".join(sorted(UNITS, key=len, reverse=True)) + ")"
SPELLS: Final = {
    name: spell
    for spell, names in {
        "weekend": "weekend wochenende",
        "week": "week woche semaine semana settimana",
        "month": "month monat mois mes mese maand",
        "year": "year jahr annee ano anno jaar",
    }.items()
    for name in names.split()
}
SPELL: Final = "|".join(sorted(SPELLS, key=len, reverse=True))
STEPS: Final = {
    name: step
    for step, names in {
        -1: "last past previous letzter letzte letzten letztes letztem vorige vorigen voriges afgelopen vorig",
        0: "this diese diesen dieser dieses diesem deze dit",
        1: "next nachster nachste nachsten nachstes nachstem kommende kommenden volgend volgende",
    }.items()
    for name in names.split()
}
STEP: Final = "|".join(sorted(STEPS, key=len, reverse=True))
PASSED: Final = {
    "dernier": -1,
    "derniere": -1,
    "pasado": -1,
    "pasada": -1,
    "scorso": -1,
    "scorsa": -1,
    "prochain": 1,
    "prochaine": 1,
    "proximo": 1,
    "proxima": 1,
    "prossimo": 1,
    "prossima": 1,
}
