"""What a person states while asking. What was only asked is conversation, never evidence, whatever its form. Pure.

A request needs no question mark: "boiler pressure", "tell me about the bread", "Heizung Druck". So nothing counts as stated
unless a clause says so: it has a subject before a finite verb of the commonest kind (to be, to have, to be called, to live, …),
and neither begins as a question or an order nor tells of a wish to know. That is judged by closed lists of function words in
English, German, French, Spanish, Italian, Portuguese, Dutch, the Scandinavian languages and Russian, and by the marks of
Chinese and Japanese sentences. In doubt it is a request: what is to be kept is told with `remember`.
"""

from __future__ import annotations

import re
from typing import Final

from lotus_tasks.memory.text import words

_SENTENCE: Final = re.compile(r"(?<=[.!?…。？！؟])\s+|(?<=[。？！])|\n+")
_CLAUSE: Final = re.compile(r"\s*[,;:–—]\s+|\s+-\s+|[，；]")
_ASKS: Final = re.compile(r"[?？؟]\s*[\"'»”)]*$")
_ENDS: Final = re.compile(r"[。！]$")

_QUESTION_WORDS: Final = frozenset(
    """who whom whose what when where why which how is are was were do does did can could will would should has have had may
    am isn't aren't don't doesn't didn't won't can't
    wer wem wen wessen was wann wo woher wohin warum weshalb wieso wie welche welcher welches welchen ist sind war hat habe
    haben kann kannst konnen konntest soll sollte
    qui que quoi quel quelle quels quelles quand ou pourquoi comment combien est qu'est peux peut pouvez
    quien quienes cual cuales cuando donde como cuanto cuanta cuantos cuantas porque puedes puede
    chi cosa quale quali quando dove perche come quanto quanta quanti quante puoi
    quem qual quais onde quanto pode
    wie wat wanneer waar waarom welk welke hoe kun kan
    hvem hva hvad nar hvor hvorfor hvordan hvilken hvilket hvilke vad varfor hur vilken vem
    кто что когда где почему зачем как какой какая какое какие сколько чей
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What begins a question (accents removed). German "was" and English "was" begin one alike."""

_ORDERS: Final = frozenset(
    """please tell show give list find explain summarise summarize write translate describe compare remind recall name help look
    search check open read count draft make let search get fetch suggest recommend calculate compute convert plan define
    bitte sag sage zeig zeige gib nenne erklar erklare such suche finde liste schreib schreibe ubersetze beschreibe vergleiche
    erinnere hilf schau lies rechne erzahl erzahle
    dis montre montrez donne donnez explique expliquez trouve trouvez ecris traduis decris compare rappelle aide cherche liste
    lis resume resumez
    dime di muestra muestrame dame explica explicame busca encuentra escribe traduce describe compara recuerda recuerdame ayuda
    ayudame lista lee resume cuentame
    dimmi mostra mostrami dammi spiega spiegami trova cerca scrivi traduci descrivi confronta ricordami aiutami elenca leggi
    diga mostre explique encontre escreva traduza descreva compare lembre ajude
    vertel toon geef zoek vind schrijf vertaal beschrijf vergelijk herinner leg
    fortell vis gi finn forklar skriv beratta visa ge hitta forklara fortael
    скажи покажи дай найди объясни напиши переведи опиши сравни напомни помоги перечисли расскажи
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What begins an order (accents removed)."""

_WISHES: Final = re.compile(
    r"^(?:hi|hello|hey|ok|okay|so|and|but|now|well|hallo|salut|hola|ciao)?\W*(?:"
    r"(?:i|we)(?: would|'d| should)? (?:want|like|love|need|wish|have) to "
    r"(?:know|see|hear|read|find|check|understand|learn|get|ask)|"
    r"(?:i|we)(?: would|'d) like (?:you|the|a|an|some|all|more|to)|"
    r"(?:i|we) (?:want|need) (?:you|the|all|some|more|any|a list|info)|"
    r"(?:i|we) (?:wonder|forgot|forget|don't (?:know|remember)|can't (?:find|remember))|"
    r"(?:i'm|i am|we're|we are) (?:looking for|wondering|curious|searching)|"
    r"ich (?:mochte|wurde gern|will|wollte|muss) .*(?:wissen|sehen|horen|finden|erfahren)|ich (?:frage mich|suche|weiss nicht)|"
    r"je (?:veux|voudrais|souhaite|aimerais|cherche|me demande|ne sais)|j'aimerais|"
    r"(?:yo )?(?:quiero|quisiera|necesito|busco|me gustaria|no se)\b|(?:io )?(?:vorrei|voglio|cerco|mi chiedo|non so)\b|"
    r"(?:eu )?(?:quero|queria|gostaria|preciso|procuro)\b|ik (?:wil|zou|zoek|vraag me)|jeg (?:vil|onsker|lurer|leter)|"
    r"(?:я )?(?:хочу|хотел|хотела|ищу|не знаю)\b|мне (?:нужно|нужен|нужна|интересно)"
    r")",
)
"""A wish to know something, which states nothing about it (folded text)."""

_VERBS: Final = frozenset(
    """is isn't are aren't was wasn't were weren't am i'm he's she's it's we're they're you're i've we've that's there's
    has hasn't have haven't had will won't lives live lived works work worked likes like liked loves love loved hates hate
    moved bought sold got became began started stopped met married died knows know needs need wants want goes went comes came
    keeps keep kept takes take took makes made speaks speak plays play owns own hangs lies stands costs cost weighs
    means starts ends ended opens closes uses use used changed lost found called named sleeps drinks drink eats eat drive
    drives sits runs paid broke left lent borrowed forgot prefer prefers can can't cannot could must should
    bin bist ist sind war waren habe hab hat haben hatte hatten heisst heisse heissen wohne wohnt wohnen arbeite arbeitet mag
    mogen liegt liegen steht hangt kostet gehort kommt geht wurde wurden bekommt trinkt isst fahrt spielt kaufte gekauft
    gezogen braucht brauche lebt lebe kann muss darf
    suis est sommes sont etait etaient ai j'ai a avons ont avait avaient s'appelle m'appelle habite habitons travaille aime
    aimons coute vit prend joue achete vendu c'est n'est n'ai
    soy es somos son era eran estoy esta estan tengo tiene tenemos tienen llamo llama vivo vive vivimos trabajo trabaja gusta
    gustan cuesta hay compre fue queda
    sono siamo e era ho ha abbiamo hanno chiamo abito abita vivo lavoro lavora piace costa c'e sta
    sou somos sao estou tenho tem temos chamo moro mora trabalho trabalha gosto gosta fica
    ben bent zijn heb hebt heeft hebben heet woon woont werk werkt vind houdt ligt hangt kost
    er har heter bor jobber arbejder liker elsker ligger henger koster hedder kan skal ar bodde
    живу живет живёт работаю работает зовут есть был была было были люблю любит стоит лежит находится купил купила имею
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""Finite verbs by which people tell of themselves and theirs (accents removed)."""

_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_UNSPACED_STATES: Final = re.compile(
    r"(?:です|ます|でした|ました|だ|である|입니다|이다|있다|있어요|해요|了)[。！]?$|是|在|叫|有|住|喜欢|我的"
)
_UNSPACED_ASKS: Final = re.compile(
    r"[吗呢什么谁哪怎几多少]|か[。]?$|ですか|ますか|(?:は|を)?(?:教えて|見せて|探して)|告诉我|请|帮我|알려|보여|까[.?]?$"
)


def stated_in(text: str) -> str:
    """The clauses of an asked text that state something, as they stand; "" where it only asks."""
    kept: list[str] = []
    for sentence in _SENTENCE.split(text.strip()):
        kept += _stated_clauses(sentence.strip())
    return " ".join(kept)


def _stated_clauses(sentence: str) -> list[str]:
    """A sentence that states is kept whole; of one that also asks, the clauses before the question."""
    if not sentence:
        return []
    if not _ASKS.search(sentence) and states(sentence):
        return [sentence]
    clauses = _CLAUSE.split(sentence)
    kept = [clause for clause in clauses[:-1] if states(clause)]
    if not _ASKS.search(sentence) and len(clauses) > 1 and states(clauses[-1]):
        kept.append(clauses[-1])
    return [" ".join(f"{clause.rstrip('.')}." for clause in kept)] if kept else []


def states(clause: str) -> bool:
    """Whether a clause says that something is so."""
    if _ASKS.search(clause):
        return False
    if _UNSPACED.search(clause):
        return not _UNSPACED_ASKS.search(clause) and bool(_UNSPACED_STATES.search(clause) or _ENDS.search(clause))
    said = words(clause)
    if len(said) < 2 or said[0] in _QUESTION_WORDS or said[0] in _ORDERS or _WISHES.match(" ".join(said)):
        return False
    # A verb that begins has no subject, but for those whose ending names it (Spanish "vivo", English "I'm").
    return any(word in _VERBS for word in said[1:]) or said[0] in _SUBJECT_IN_VERB | _SUBJECTS


_SUBJECT_IN_VERB: Final = frozenset(
    """i'm i've we're we've he's she's it's they're that's j'ai c'est vivo tengo soy estoy trabajo compre tenemos vivimos somos
    ho sono abito abbiamo siamo tenho moro trabalho estou живу работаю люблю купил купила
    """.split()  # noqa: SIM905 - one word a line would be pages
)
_SUBJECTS: Final = frozenset(
    """i he she it we they ich er wir je il elle nous ils elles yo ella nosotros ellos io lui lei noi loro eu ele ela ik hij wij
    jeg han hun vi jag я он она мы они
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""Pronouns after which a verb of any kind may come."""
