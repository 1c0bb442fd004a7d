"""Which encoding of old a text is in, and so what it says: Cyrillic, Greek, Hebrew, Arabic, Thai, Central European, Turkish,
Baltic, Japanese, Chinese, Korean.

Bytes tell it by how well each reading of them explains them: a reading is an encoding together with a language, whose letters are
as frequent as their rank says (Zipf), and in which some things hardly ever stand beside each other: a capital behind a small
letter, letters of two scripts in a word. The best reading counts where it explains the bytes far better than every reading that
would give another text. benchmarks/old_encodings.py measures it beside charset-normalizer, whose answers have no such bound.
"""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

SAMPLE_BYTES = 12_000
"""Of the lines that hold more than ASCII; more of them change no answer."""
MARGIN_NATS = 4.0
"""By how much the best reading must be more likely than any other text (e⁴ = 55 times)."""
TIE_NATS = 1.5
"""By how much a reading may be more likely than Windows-1252, which is the most usual by far, and not be believed."""
POOREST_NATS = -5.6
"""Of a byte beyond ASCII, on average: what no reading explains better is no text of these languages."""

POOREST_USUAL_NATS = -6.8
"""The same of Windows-1252, whose readers are used to names and signs from everywhere."""

USUAL = "cp1252"
_ALPHABETS: Mapping[str, str] = {
    "Russian": "оеаинтсрвлкмдпугяызбйьчхжцюшэщфёъ",
    "Ukrainian": "оанівиретсклудмпязьбгйчхцїжюєшщфґ",
    "Belarusian": "анеірстлкоадмвяупыгбзьўчцйюжшёэфх",
    "Bulgarian": "аиоентрсвлкдпмзгяъубчцйжщхюшфь",
    "Serbian": "аиоенрсуткјвдмплгзбшцчжћђњљхфџѓќѕ",
    "Greek": "ατοιενρσκηπςυμλίόάγέδήωχθύφβώξζψϊϋΐΰ",
    "Hebrew": "יוהלרבתמאשנעםדקחפסכגטצןזךףץ",
    "Arabic": "اليمونرتبةعدسفهكقأحجشطصىخإذضزءثئظغآؤ",
    "Persian": "ایردنهومتبسلکشزفگعخقجپحطصآچغضذثظئژء",
    "Thai": "านรอกเงมยลวดทสตะปบคหแจพชขใ่้ีิั์็ุูไโถำซณผธฟศญษึืภฐฝๆฤฉ",
    "Polish": "aioenrzwsctkydpmuljłgbhąęóżśćńfźv",
    "Czech": "oeantsilvrkdumpíchzáyjběéřšýčžůgfúňťďóx",
    "Slovak": "oaenirvtslkdmpuchjbzáyýíčéšžťľúňôgďfóäĺŕ",
    "Hungarian": "eatlsnkriozáégmbyvdhupjöfcóőüíúű",
    "Croatian": "aioenrjstuklvdmpgzbcčhšžćfđ",
    "Romanian": "eiarntulocsdpmăfvîgbșțzhâjţşx",
    "Turkish": "aeinrlıkdtsmyuobüşvgzhcpçğöfjâİ",
    "Lithuanian": "iasoretnukmlpvdjgėbyųšžcąįūęčf",
    "Latvian": "aiestrunlmkopādvzējgbīcšķņļžūģfčh",
    "German": "enirstadhulgocmbfkwzpvüäößjyxq",
    "French": "easnitrluodcpmévgfbhqàxèyjêçùîôâûëïœæzkwüÿ",
    "Spanish": "eaonsrildtcumpbgvfyóhqíjzáñéúüxkw",
    "Portuguese": "aeosirdntmuclpgvbfhãqéçáízóêõúâôàxj",
    "Italian": "eiaonltrscdupmgvfbzhqèàkòùìéy",
    "Nordic": "eanrtsildogkmvfuphäåbøcyæöjxéüáó",
    "Icelandic": "anrieðstugmlkfvhóþádjéíbyúæöpýxo",
    "Finnish": "aintesloukämrvjhpydögcbfwåšž",
}
"""Letters from the most to the least frequent, with those that only some texts have at the end."""
_CYRILLIC = ("Russian", "Ukrainian", "Belarusian", "Bulgarian", "Serbian")
_LATIN_1 = ("German", "French", "Spanish", "Portuguese", "Italian", "Nordic", "Icelandic", "Finnish")
ENCODINGS: Mapping[str, tuple[str, ...]] = {
    "cp1252": _LATIN_1,
    "cp1251": _CYRILLIC,
    "koi8-r": ("Russian", "Bulgarian"),
    "koi8-u": ("Ukrainian",),
    "cp866": ("Russian", "Belarusian"),
    "iso8859-5": _CYRILLIC,
    "mac-cyrillic": _CYRILLIC,
    "cp1253": ("Greek",),
    "iso8859-7": ("Greek",),
    "cp1255": ("Hebrew",),
    "iso8859-8": ("Hebrew",),
    "cp1256": ("Arabic", "Persian"),
    "iso8859-6": ("Arabic",),
    "cp874": ("Thai",),
    "cp1250": ("Polish", "Czech", "Slovak", "Hungarian", "Croatian", "Romanian", "German"),
    "iso8859-2": ("Polish", "Czech", "Slovak", "Hungarian", "Croatian", "Romanian", "German"),
    "cp1254": ("Turkish",),
    "cp1257": ("Lithuanian", "Latvian"),
    "cp932": ("Japanese",),
    "euc_jp": ("Japanese",),
    "gb18030": ("Chinese",),
    "big5": ("Chinese, traditional",),
    "cp949": ("Korean",),
}
"""The encodings that are tried, by Python's names, and the languages that were written in them."""
_RARER: Mapping[str, float] = {
    "cp1252": -3.0, "mac-cyrillic": 1.5, "iso8859-5": 1.5, "iso8859-8": 1.0, "koi8-u": 0.5,
}  # fmt: skip
"""By how many nats files in it are rarer than in the others."""
_SIGNS = frozenset("«»“”„‚‘’—–…№·•°§€£¿¡´×、。，．：；！？「」『』（）《》【】〈〉・ー〜～　־׳״،؛؟ـ๏฿")
_RAISED = frozenset("²³¹ªº")
"""Signs that stand behind something."""
_ALONE = frozenset("½¼¾¥¢µ®©±")
"""Signs that stand beside no letter."""
_INSIDE = frozenset("’·־׳״ـ")
"""Signs that stand between letters."""
_SIGN, _ODD, _STRANGE_LETTER, _MARK = math.log(0.01), math.log(1e-5), math.log(1e-4), math.log(0.004)
_TURNED_CASE, _MIXED_SCRIPTS, _ROW_OF_ACCENTS = math.log(0.01), math.log(0.02), math.log(0.15)
_CAPITALS, _HARD_SPACE = -1.0, math.log(0.002)
_WORD = re.compile(r"[^ \t\n]+")
_KANA, _RARE_KANA, _HALF_KANA, _COMMON_HAN, _FAMILIAR_HAN, _RARE_HAN = -4.7, -5.6, -4.6, -5.0, -8.0, -12.0
_COMMON_SYLLABLE, _SYLLABLE, _RARE_SYLLABLE = -4.3, -7.0, -13.0
_COMMON_CHINESE = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学"
    "如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两高"
    "這個們來為國說時會對於過發後裡經麼學現當沒動還進樣開從實與長機關點業將兩號問話電車書東門間見話請讓給誰藍備鑰"
)
_COMMON_KOREAN = frozenset(
    "이다에의는로하을가고지서한은기으년대사시를리도인스일습니있나어요것수들그아해게자라여과와정면장부제만"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    encoding: str
    language: str
    nats: float
    text: str


def guess_encoding(content: bytes) -> str | None:
    """The encoding (by Python's name) that ``content`` is in, "cp1252" also where nothing is clearly more likely; else None."""
    sample = _sample(content)
    high = sum(byte > 0x7F for byte in sample)
    readings = sorted(_read(sample), key=lambda one: -one.nats)
    if not high or not readings:
        return None
    best = readings[0]
    usual = next((one for one in readings if one.encoding == USUAL), None)
    if usual is not None and (usual.text == best.text or best.nats - usual.nats < TIE_NATS):
        return USUAL if usual.nats >= POOREST_USUAL_NATS * high else None
    is_alone = all(one.text == best.text or best.nats - one.nats >= MARGIN_NATS for one in readings)
    return best.encoding if is_alone and best.nats >= POOREST_NATS * high else None


def _sample(content: bytes) -> bytes:
    lines: list[bytes] = []
    size = 0
    for line in content.splitlines():
        if not line.isascii():
            lines.append(line[:SAMPLE_BYTES])
            size += len(line)
            if size >= SAMPLE_BYTES:
                break
    return b"\n".join(lines)


def _read(sample: bytes) -> Iterator[_Reading]:
    for encoding, languages in ENCODINGS.items():
        try:
            text = codecs.getincrementaldecoder(encoding)().decode(sample)
        except UnicodeDecodeError:
            continue
        for language in languages:
            judge = _EAST_ASIAN.get(language)
            nats = (sum(map(judge, text)) if judge else _judge(text, language)) - _RARER.get(encoding, 0.0)
            yield _Reading(encoding=encoding, language=language, nats=nats, text=text)


def _judge(text: str, language: str) -> float:
    """How likely (natural logarithm) the language's text has these characters beyond ASCII, and these letters beside them."""
    return sum(_judge_word(word, language) for word in _WORD.findall(text) if not word.isascii())


def _judge_word(word: str, language: str) -> float:
    letters, others = _letters(language)
    usual, unusual = _letters("Nordic")
    is_latin = language not in _NOT_LATIN
    nats = 0.0
    for at, character in enumerate(word):
        before, after = word[at - 1 : at], word[at + 1 : at + 2]
        lower = character.lower()
        if character.isascii():
            if is_latin:  # its share beyond what any language of this script would give it
                nats += (letters.get(lower, others) - usual.get(lower, unusual)) / 2
        elif lower in letters:
            nats += letters[lower]
        elif character.isalpha():
            nats += others if is_latin and "LATIN" in unicodedata.name(character, "") else _STRANGE_LETTER
        else:
            nats += _of_sign(character, before, after)
        nats += _beside(before, character, is_latin=is_latin)
    return nats + (_CAPITALS if word.isupper() and sum(not character.isascii() for character in word) > 1 else 0.0)


def _of_sign(character: str, before: str, after: str) -> float:
    if character == "\xa0":
        return _HARD_SPACE
    if "\u2500" <= character <= "\u257f":  # tables drawn with lines
        return _SIGN if not before.isalpha() and not after.isalpha() else _ODD / 1.5
    if character in _RAISED:
        return _SIGN if before.isascii() and before.isalnum() and not after.isalpha() else _ODD / 1.5
    if character in _ALONE:
        return _SIGN if not before.isalpha() and (character == "µ" or not after.isalpha()) else _ODD / 1.5
    if character in _SIGNS:
        is_within = before.isalpha() and after.isalpha() and character not in _INSIDE
        return _SIGN + (_MIXED_SCRIPTS if is_within else 0.0)
    category = unicodedata.category(character)
    return _MARK if category == "Mn" else 2 * _ODD if category in {"Cc", "Co", "Cn"} else _ODD


def _beside(before: str, character: str, *, is_latin: bool) -> float:
    nats = _TURNED_CASE if before.islower() and character.isupper() else 0.0
    if before.isalpha() and character.isalpha():
        if not is_latin and before.isascii() != character.isascii():
            nats += _MIXED_SCRIPTS
        if is_latin and not before.isascii() and not character.isascii():
            nats += _ROW_OF_ACCENTS
    return nats


@cache
def _letters(language: str) -> tuple[Mapping[str, float], float]:
    """Logarithms of the letters' shares by rank, and of any other letter's of the script."""
    alphabet = _ALPHABETS[language]
    weights = [1 / (rank + 3) for rank in range(len(alphabet))]
    whole = sum(weights)
    return {
        letter: math.log(0.97 * weight / whole) for letter, weight in zip(alphabet, weights, strict=True)
    }, math.log(0.0004)


_NOT_LATIN = frozenset({*_CYRILLIC, "Greek", "Hebrew", "Arabic", "Persian", "Thai"})


def _japanese(character: str) -> float:
    if character.isascii():
        return 0.0
    if "\u3041" <= character <= "\u3096":
        return _KANA
    if "\u30a1" <= character <= "\u30fa":
        return _RARE_KANA
    if "\uff65" <= character <= "\uff9f":
        return _HALF_KANA
    return _han(character, "euc_jp", 0xB0, 0xCF)


def _simplified(character: str) -> float:
    return _han(character, "gb2312", 0xB0, 0xD7)


def _traditional(character: str) -> float:
    return _han(character, "big5", 0xA4, 0xC6)


def _han(character: str, encoding: str, first: int, last: int) -> float:
    """By what the standard itself says: its first level holds the characters in use."""
    if character.isascii():
        return 0.0
    if character in _SIGNS:
        return _SIGN
    try:
        lead = character.encode(encoding)[0]
    except UnicodeEncodeError:
        return 2 * _ODD
    if not "\u4e00" <= character <= "\u9fff":
        return 2 * _ODD + 8.0 if unicodedata.east_asian_width(character) in "WF" else 2 * _ODD
    if encoding != "euc_jp" and character in _COMMON_CHINESE:
        return _COMMON_HAN
    return _FAMILIAR_HAN if first <= lead <= last else _RARE_HAN


def _korean(character: str) -> float:
    if character.isascii():
        return 0.0
    if "\uac00" <= character <= "\ud7a3":
        if character in _COMMON_KOREAN:
            return _COMMON_SYLLABLE
        return _SYLLABLE if len(character.encode("euc_kr")) == 2 else _RARE_SYLLABLE  # beyond KS X 1001 in eight bytes
    return _SIGN if character in _SIGNS else _RARE_HAN


_EAST_ASIAN: Mapping[str, Callable[[str], float]] = {
    "Japanese": _japanese, "Chinese": _simplified, "Chinese, traditional": _traditional, "Korean": _korean,
}  # fmt: skip
