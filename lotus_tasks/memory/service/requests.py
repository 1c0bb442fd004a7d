"""What a person states while asking. What was only asked is conversation, never evidence, whatever its form. Pure.

A request needs no question mark: "boiler pressure", "tell me about the bread", "Heizung Druck". So nothing counts as stated
unless a clause says so: it begins with a subject, which a finite verb of the commonest kind follows (to be, to have, to be
called, to live, …), outside a relative or indirect clause ("the man who lives next door" states nothing), and neither begins as
a question or an order nor tells of a wish to know. What an order works on ("Translate: I live in Kiel") is no statement either.
That is judged by closed lists of function words in English, German, French, Spanish, Italian, Portuguese, Dutch, the
Scandinavian languages, Polish and Russian, and by the marks of Chinese, Japanese and Korean sentences. In doubt it is a request:
what is to be kept is told with `remember`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from lotus_tasks.language.sentences import sentences_and_lines
from lotus_tasks.memory.text import words

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
    hvem hva hvad nar hvor hvorfor hvordan hvilken hvilket hvilke vad var varfor hur vilken vem
    jak jaki jaka jakie gdzie kto kiedy co dlaczego kde kdo kdy
    кто что когда где почему зачем как какой какая какое какие сколько чей
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What begins a question (accents removed). German "was" and English "was" begin one alike."""

_ORDERS: Final = frozenset(
    """please tell show give list find explain summarise summarize write translate describe compare remind recall name help look
    search check open read count draft make let search get fetch suggest recommend calculate compute convert plan define
    bitte sag sage zeig zeige gib nenne erklar erklare such suche finde liste schreib schreibe ubersetze beschreibe vergleiche
    erinnere hilf schau lies rechne erzahl erzahle fass fasse formuliere korrigiere mach mache erstelle verfasse prufe
    dis montre montrez donne donnez explique expliquez trouve trouvez ecris traduis decris compare rappelle aide cherche liste
    lis resume resumez fais faites raconte racontez redige corrige
    dime di muestra muestrame dame explica explicame busca encuentra escribe traduce describe compara recuerda recuerdame ayuda
    ayudame lista lee resume cuentame haz redacta corrige
    dimmi mostra mostrami dammi spiega spiegami trova cerca scrivi traduci descrivi confronta ricordami aiutami elenca leggi fammi
    parlami raccontami
    diga mostre explique encontre escreva traduza descreva compare lembre ajude fale conte
    vertel toon geef zoek vind schrijf vertaal beschrijf vergelijk herinner leg maak
    powiedz pokaz podaj znajdz wyjasnij napisz przetlumacz opowiedz przypomnij
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
    r"(?:i|we) (?:want|need) (?:you|the|my|our|your|all|some|more|any|a list|info|help)|(?:i|we) have (?:a|one|another) question|"
    r"(?:i|we) (?:wonder|forgot|forget|don't (?:know|remember)|can't (?:find|remember))|"
    r"(?:i'm|i am|i was|we're|we are|we were) (?:looking for|wondering|curious|searching|trying to)|"
    r"ich (?:mochte|wurde gern|will|wollte|muss) .*(?:wissen|sehen|horen|finden|erfahren)|ich (?:frage mich|suche|weiss nicht)|"
    r"ich (?:brauche|hatte gern|wusste gern)|ich habe (?:eine|mal eine|noch eine) frage|j'ai (?:besoin|une question)|"
    r"(?:yo )?tengo una (?:pregunta|duda)|(?:io )?ho (?:bisogno|una domanda)|"
    r"ik heb (?:een vraag|.* nodig)|jeg (?:trenger|har et sporsmal)|"
    r"je (?:veux|voudrais|souhaite|aimerais|cherche|me demande|ne sais)|j'aimerais|"
    r"(?:yo )?(?:quiero|quisiera|necesito|busco|me gustaria|no se)\b|(?:io )?(?:vorrei|voglio|cerco|mi chiedo|non so)\b|"
    r"(?:eu )?(?:quero|queria|gostaria|preciso|procuro)\b|ik (?:wil|zou|zoek|vraag me)|jeg (?:vil|onsker|lurer|leter)|"
    r"(?:я )?(?:хочу|хотел|хотела|ищу|не знаю)\b|мне (?:нужно|нужен|нужна|интересно)"
    r")",
)
"""A wish to know something, which states nothing about it (folded text)."""

_VERBS: Final = frozenset(
    """is isn't are aren't was wasn't were weren't am i'm he's she's it's we're they're you're i've we've that's there's
    has hasn't have haven't had will won't owes lives expires wants leaves arrives belongs pays paid sells gave
    visits wears teaches studies fits contains died live lived works work worked likes like liked loves love loved hates hate
    moved bought sold got became began started stopped met married died knows know needs need wants want goes went comes came
    keeps keep kept takes take took makes made speaks speak plays play owns own hangs lies stands costs cost weighs
    means starts ends ended opens closes uses use used changed lost found called named sleeps drinks drink eats eat drive
    drives sits runs paid broke left lent borrowed forgot prefer prefers can can't cannot could must should
    bin bist ist sind war waren habe hab hat haben hatte hatten heisst heisse heissen wohne wohnt wohnen arbeite arbeitet mag
    mogen liegt liegen steht zog fuhr hangt kostet gehort kommt geht wurde wurden bekommt trinkt isst fahrt spielt kaufte gekauft
    gezogen braucht brauche lebt lebe kann muss darf
    suis est sommes sont etait etaient ai j'ai avons ont avait avaient s'appelle m'appelle habite habitons travaille aime
    aimons coute vit prend joue achete vendu c'est n'est n'ai
    soy es somos son era eran estoy esta estan tengo tiene tenemos tienen llamo llama vivo vive vivimos trabajo trabaja gusta
    gustan cuesta hay compre fue queda
    sono siamo e era ho ha abbiamo hanno chiamo abito abita vivo lavoro lavora piace costa c'e sta
    sou somos sao estou tenho tem temos chamo moro mora trabalho trabalha gosto gosta fica
    ben bent zijn heb hebt heeft hebben heet woon woont werk werkt vind houdt ligt hangt kost
    er har heter bor jobber arbejder liker elsker ligger henger koster hedder kan skal ar bodde
    jest mieszka mieszkam pracuje nazywa kupiłem kupilem kupilam
    живу живет живёт работаю работает зовут есть был была было были люблю любит стоит лежит находится купил купила имею
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""Finite verbs by which people tell of themselves and theirs (accents removed)."""

_UNSPACED: Final = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_UNSPACED_STATES: Final = re.compile(
    r"(?:です|ます|でした|ました|だ|である|입니다|이다|있다|있어요|해요|了)[。！]?$|是|在|叫|有(?!关)|住|喜欢"
)
_UNSPACED_ASKS: Final = re.compile(
    r"[吗呢什么谁哪怎几多少]|か[。]?$|ですか|ますか|(?:は|を)?(?:教えて|見せて|探して)|告诉我|请|帮我|알려|보여|까[.?]?$|"
    r"어디|무엇|뭐|누구|언제|왜|어떻게|얼마|몇"
)


_TOLD: Final = re.compile(
    r"^(?:please[,\s]+|bitte[,\s]+)?(?:remember|note|keep in mind|(?:please )?don['’]t forget|fyi|by the way|btw|"
    r"merk(?:e)? dir|denk daran|übrigens|note que|n['’]oublie pas que|recuerda que|por cierto|ricorda che|onthoud)"
    r"(?:\s+(?:that|dass|dat))?\s*[:,]?\s+(?=\S)",
    re.IGNORECASE,
)
"""What announces something to be kept; what follows it is judged."""

_SUBJECT_IN_VERB: Final = frozenset(
    """i'm i've we're we've he's she's it's they're that's j'ai c'est vivo tengo soy estoy trabajo compre tenemos vivimos somos
    ho sono abito abbiamo siamo tenho moro trabalho estou mieszkam kupilem kupilam живу работаю люблю купил купила
    """.split()  # noqa: SIM905 - one word a line would be pages
)
_FIRST_PERSON: Final = frozenset(
    """i i'm i've we we're we've my our ich wir mein meine unser unsere je j'ai nous mon ma mes mi mis nuestro nuestra mio
    mia""".split()  # noqa: SIM905 - one word a line would be pages
)
_THIRD_PERSON: Final = frozenset("he she it they he's she's it's they're er sie es il elle ils elles ella".split())  # noqa: SIM905
_SUBJECTS: Final = frozenset(
    """i he she it we they ich er wir je elle nous ils elles yo ella nosotros ellos io lui lei noi loro eu ele ela ik hij wij
    jeg han hun vi jag я он она мы они
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""Pronouns after which a verb of any kind may come."""

_DETERMINERS: Final = frozenset(
    """a an the my our your his her its their this that these those some all both every each no one two three
    der die das dem den ein eine einen einem einer mein meine meinen unser unsere dein deine sein seine ihr ihre zwei
    le la les l un une des mon ma mes ton ta tes notre nos votre leur leurs ce cette
    el los las una unos unas mi mis tu tus su sus nuestro nuestra este esta
    lo gli mia mio mie miei nostra nostro sua suo o os as um uma meu minha nosso nossa
    de het een mijn onze ons zijn haar den det en ei et mine
    moja moj moje nasz nasza мой моя мое мои наш наша наши
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What a subject begins with; no verb stands right behind one."""

_SETTINGS: Final = frozenset(
    """yesterday today tomorrow now since because as in on at from last next after before until by and but so actually currently
    there here note gestern heute morgen jetzt seit am im weil dort hier aujourd'hui hier demain depuis ici hoy ayer manana ahora
    desde aqui oggi ieri domani ora da qui hoje ontem amanha vandaag gisteren morgen i dag gar вчера сегодня завтра в у на
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What may stand before a subject."""

_SUBORDINATING: Final = frozenset(
    """who whom whose which what where when why how if whether that wer wem wen wo wann ob dass qui que où dont quand comment
    quien donde cuando cual che chi dove hvor hvem hva nar som waar wanneer kto gdzie kiedy ktory ktora кто где когда который
    которая что
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What begins a relative or an indirect clause (accents removed), whose verb states nothing of the whole."""

_INTRODUCES: Final = frozenset({"that", "dass", "que", "che", "som", "что"})
"""What may follow the verb of a statement."""

_BEGINS_ANEW: Final = frozenset("the my our your his their i we you he she they".split())  # noqa: SIM905 - as above
_JOINS: Final = frozenset(
    """of in on at for with from to by near behind under above beside between and or but so than as since because about into over
    week month year monday tuesday wednesday thursday friday saturday sunday morning evening night spring summer autumn winter
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""What a second subject may follow; elsewhere it begins a relative clause without a pronoun ("the book I lent Bob")."""

_NEVER_LAST: Final = frozenset(
    """is isn't are aren't was wasn't were weren't am has have had will cost costs work works live lives like love hate need
    needs want wants use uses play plays drink drinks eat eats drive drives keep start starts end ends opens closes stands lies
    hangs runs means name named can must should could plan
    """.split()  # noqa: SIM905 - one word a line would be pages
)
"""Verbs that need what follows them, or are nouns as well ("boiler cost")."""

_VERB_LAST: Final = frozenset(
    "ist sind war waren hat habe haben hatte liegt steht hangt wurde wohnt brauche kann muss gehort".split()  # noqa: SIM905 - as above
)
"""German finite verbs, which stand last in a subordinate clause only."""

_SUBJECT_WORDS: Final = 4
"""A subject without a determiner ("Aunt Sofie", "Pelle and Ingrid") has fewer words."""


def stated_in(text: str) -> str:
    """The clauses of an asked text that state something, as they stand; "" where it only asks."""
    kept: list[str] = []
    for sentence in sentences_and_lines(text):
        head, colon, _ = f"{sentence} ".partition(": ")
        if colon and not _TOLD.match(sentence) and _orders(head):
            break  # what follows is what the order works on
        kept += _stated_clauses(sentence)
    return " ".join(kept)


def _stated_clauses(sentence: str) -> list[str]:
    """A sentence that states is kept whole; of one that also asks or orders, the clauses that don't."""
    if not sentence:
        return []
    sentence = _TOLD.sub("", sentence)
    asks = bool(_ASKS.search(sentence))
    clauses = _CLAUSE.split(sentence)
    mixed = asks or any(_begins(clause, _ORDERS) for clause in clauses)
    if not mixed and states(sentence):
        return [sentence]
    kept = [clause for clause in clauses[:-1] if states(clause)]
    last = _ASKS.sub("", clauses[-1])
    if len(clauses) > 1 and states(last) and (not asks or (not kept and _begins(last, _FIRST_PERSON))):
        kept.append(last)
    if not _begins(clauses[0], _THIRD_PERSON):
        # Without what stood before, nobody knows whom it means.
        kept = [clause for clause in kept if not _begins(clause, _THIRD_PERSON)]
    return [" ".join(f"{clause.rstrip('.')}." for clause in kept)] if kept else []


def states(clause: str) -> bool:
    """Whether a clause says that something is so."""
    if _ASKS.search(clause):
        return False
    if _UNSPACED.search(clause):
        return not _UNSPACED_ASKS.search(clause) and bool(_UNSPACED_STATES.search(clause) or _ENDS.search(clause))
    said = words(clause)
    if len(said) < 2 or said[0] in _QUESTION_WORDS - _SETTINGS or said[0] in _ORDERS or _WISHES.match(" ".join(said)):
        return False
    # A verb that begins has no subject, but for those whose ending names it (Spanish "vivo", English "I'm").
    if said[0] in _SUBJECT_IN_VERB | _SUBJECTS or said[0].startswith("j'"):
        return True
    if said[1] in _SUBJECTS | {"you"} and said[0] not in _SETTINGS:
        return False  # "Imagine you are …"
    led = said[0] in _DETERMINERS or said[0] in _SETTINGS
    verb = _main_verb(said)
    return verb is not None and (led or verb < _SUBJECT_WORDS)


def _main_verb(said: list[str]) -> int | None:
    """Where the clause's first finite verb stands, unless it is of a clause within, or asks ("Anna's birthday is when")."""
    settings = said[0] in _SETTINGS | _JOINS
    for place, (before, word) in enumerate(pairwise(said), 1):
        last = place == len(said) - 1
        if before in _SUBORDINATING or word in _SUBORDINATING:
            return None
        if word in _SUBJECTS and settings and not last:
            return place  # "Since Monday we …"
        if word in _BEGINS_ANEW and before not in _JOINS | _SETTINGS:
            return None
        if word not in _VERBS or (last and word in _NEVER_LAST) or (before in _DETERMINERS and word != "chiamo"):
            continue
        if last:
            return None if word in _VERB_LAST and (place > 2 or before in _SUBJECTS) else place
        return None if said[place + 1] in _SUBORDINATING - _INTRODUCES else place
    return None


def _begins(clause: str, with_words: frozenset[str]) -> bool:
    said = words(clause)
    return bool(said) and said[0] in with_words


def _orders(head: str) -> bool:
    """Whether what stands before a colon says what to do with the rest."""
    return _begins(head, _ORDERS | _QUESTION_WORDS)
