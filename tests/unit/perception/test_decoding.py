"""Bytes to text: every encoding people have, and a clear reason for what is no text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from old_texts import TEXTS

from lotus_tasks.origins import OWN_FILE
from lotus_tasks.perception.models import LARGEST_FILE_BYTES, Document, RawSource, Skip
from lotus_tasks.perception.service.decoding import decode
from lotus_tasks.values import utc_now


def decoded(content: bytes, source: str = "/notes/a.txt") -> Document | Skip:
    return decode(RawSource(origin=OWN_FILE, source=source, content=content, modified_at=None, read_at=utc_now()))


def text_of(content: bytes, source: str = "/notes/a.txt") -> str:
    found = decoded(content, source)
    assert isinstance(found, Document), found
    return found.text


def reason_of(content: bytes, source: str = "/notes/a.txt") -> str:
    found = decoded(content, source)
    assert isinstance(found, Skip), found
    return found.reason


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom", "utf-32"], ids=lambda name: name
)
def test_unicode_text_is_read_whatever_its_mark(encoding):
    marks = {"utf-16-le-bom": b"\xff\xfe", "utf-16-be-bom": b"\xfe\xff"}
    content = marks.get(encoding, b"") + "Grüße aus 東京 🚤".encode(encoding.removesuffix("-bom"))
    assert text_of(content) == "Grüße aus 東京 🚤"


def test_line_ends_become_one_kind():
    assert text_of(b"a\r\nb\rc\n") == "a\nb\nc\n"


def test_western_text_of_old_is_read():
    assert text_of("Ein Schlüssel für 5 € – „blau“".encode("cp1252")) == "Ein Schlüssel für 5 € – „blau“"
    assert text_of("café au lait, déjà vu".encode("latin-1")) == "café au lait, déjà vu"


def test_a_broken_byte_in_utf8_costs_one_character():
    assert (
        text_of("Grüße, schöne Bücher ".encode() + b"\xff" + "für alle".encode())
        == "Grüße, schöne Bücher \ufffdfür alle"
    )


def test_a_mark_that_lies_is_named():
    assert reason_of(b"\xff\xfea\x00b") == "it claims to be UTF-16 and isn't; save it as UTF-8"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (b" \n\t\r\n", "it is empty"),
        (b"\xef\xbb\xbf", "it is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "it is binary, not text"),
        (b"\x7fELF\x02\x01\x01\x00", "it is binary, not text"),
        (b"\x01\x02\x03\x04 abc" * 20, "it is binary, not text"),
        (b"%PDF-1.7\n...", "it is PDF, not text"),
        (b"PK\x03\x04...", "it is a ZIP archive or an office document, not text"),
        (b"x" * (LARGEST_FILE_BYTES + 1), "it is larger than 10 MB; split it"),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n", "it holds a private key, which is not for remembering"),
    ],
    ids=["empty", "blank", "only a mark", "png", "elf", "controls", "pdf", "zip", "too large", "key"],
)
def test_what_is_no_text_is_skipped_with_one_reason(content, reason):
    assert reason_of(content) == reason


@pytest.mark.parametrize(
    "key",
    [
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "-----BEGIN SSH2 ENCRYPTED PRIVATE KEY-----",
        "Bag Attributes\n-----BEGIN PRIVATE KEY-----",
        "PuTTY-User-Key-File-3: ssh-ed25519",
        "# created: 2026\nAGE-SECRET-KEY-1QQQQ",
    ],
)
def test_a_private_key_of_any_kind_is_no_text_to_remember(key):
    assert reason_of(f"{key}\nabc\n".encode()) == "it holds a private key, which is not for remembering"


def test_a_word_about_keys_is():
    assert "PuTTY-User-Key" in text_of(b"A file that begins with PuTTY-User-Key-File-2 or AGE-SECRET-KEY-1A is a key.")


def test_a_format_that_is_not_read_is_named():
    assert reason_of(b"<html>", "/notes/page.HTML") == "HTML is not read yet; export it as text or Markdown"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("/a/b.md", "markdown"),
        ("/a/b.MARKDOWN", "markdown"),
        ("/a/b.txt", "text"),
        ("/a/b", "text"),
        ("stdin:1f", "markdown"),
    ],
)
def test_markdown_is_known_by_its_name(source, kind):
    found = decoded(b"x", source)
    assert isinstance(found, Document)
    assert found.kind == kind


def test_the_same_content_has_the_same_hash():
    first, second = decoded(b"one"), decoded(b"one", "/elsewhere")
    assert first.content_hash == second.content_hash != decoded(b"two").content_hash


NOT_TOLD_APART = {"toplantı notları"}
"""In Windows-1252, the most usual by far, this is a text as well: two y with an accent."""


def in_old_encodings() -> Iterator[tuple[str, str, str]]:
    for (language, *encodings), texts in TEXTS.items():
        for encoding in encodings:
            for text in texts:
                with suppress(UnicodeEncodeError):
                    if not text.encode(encoding).isascii():
                        yield language, encoding, text


def test_what_an_old_encoding_says_is_read_or_left_but_never_read_as_another_text():
    wrong = {
        (encoding, text, found.text)
        for _, encoding, text in in_old_encodings()
        if isinstance(found := decoded(text.encode(encoding)), Document) and found.text != text
    }
    assert {text for _, text, _ in wrong} <= NOT_TOLD_APART, wrong


def test_most_texts_in_old_encodings_are_read_and_nearly_all_longer_ones():
    outcomes = [
        (sum(not character.isascii() for character in text), isinstance(decoded(text.encode(encoding)), Document))
        for _, encoding, text in in_old_encodings()
    ]
    assert len(outcomes) > 250
    assert sum(is_read for _, is_read in outcomes) >= 0.85 * len(outcomes)
    longer = [is_read for beyond_ascii, is_read in outcomes if beyond_ascii >= 25]
    assert sum(longer) >= 0.97 * len(longer)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("windows-1251", "The server is called orion and stands in the cellar. Пароль у Ивана, ключ под ковриком."),
        ("koi8-r", "The server is called orion and stands in the cellar. Пароль у Ивана, ключ под ковриком."),
        ("iso-8859-7", "The boat is moored in the harbour of Naxos, third pier. Το κλειδί είναι κάτω από το χαλί."),
        ("windows-1255", "The boat is moored in the harbour, third pier, beside the crane. המפתח מתחת לשטיח"),
        ("shift_jis", "今日は良い天気です"),
        ("gb18030", "船的备用钥匙挂在蓝色的门后面。"),
        ("big5", "船的備用鑰匙掛在藍色的門後面。"),
        ("euc-kr", "배의 여분 열쇠는 파란 문 뒤에 걸려 있습니다."),
        ("windows-1250", "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv."),
        ("cp866", "│ Имя │ Возраст │\n│ Анна │ 30 │"),
        ("iso2022_jp", "こんにちは、鍵はドアの後ろです。"),
        ("windows-1251", "key = 1  # see below\n" * 3000 + "# запасной сервер стоит в подвале\n"),
    ],
    ids=[
        "cp1251",
        "koi8-r",
        "greek",
        "hebrew",
        "shift_jis",
        "gb18030",
        "big5",
        "euc-kr",
        "cp1250",
        "a table",
        "iso2022_jp",
        "a comment in code",
    ],
)
def test_an_old_encoding_is_told_by_what_the_text_then_says(encoding: str, text: str):
    assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("windows-1251", "TODO: call Anna (мама), buy milk"), ("koi8-r", "МОСКВА. ОТЧЁТ ЗА ИЮЛЬ"), ("windows-1255", "כן")],
    ids=["cp1251", "koi8-r", "cp1255"],
)
def test_too_little_to_tell_an_encoding_by_is_left_and_says_so(encoding: str, text: str):
    assert (
        reason_of(text.encode(encoding)) == "it is not UTF-8, and which encoding it is in isn't clear; save it as UTF-8"
    )


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp850", "Der Schlüssel hängt hinter der blauen Tür in der Küche."),
        ("cp437", "Où est la clé ? Elle était à côté"),
        ("mac_roman", "Der Schlüssel hängt hinter der blauen Tür in der Küche."),
        ("cp852", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
    ],
)
def test_an_encoding_that_is_not_known_is_read_as_no_other(encoding: str, text: str):
    assert "save it as UTF-8" in reason_of(text.encode(encoding))


def test_a_byte_that_the_encoding_has_not_leaves_the_file():
    text = "Бабушка просила купить хлеб, молоко и яйца.\n" * 2000
    assert "save it as UTF-8" in reason_of(text.encode("cp1251") + b"\x98")


@pytest.mark.parametrize(
    "text",
    [
        "Wir haben gestern in Köln über die Größe der Straßen gesprochen. Öl und Äpfel sind da.",
        "Où est la clé ? Elle était à côté, là, sous l’évier. Ça va, à bientôt, été comme hiver.",
        "El niño comió jamón en la habitación; ¿dónde está la llave? Él no lo sabe, tú tampoco.",
        "É verdade: a chave está atrás da porta azul. Não há ninguém às três.",
        "Á heimili okkar er lykillinn undir mottunni. Það er í lagi, ég á hann.",
        "Å gå på ski er gøy. Nøkkelen ligger under døra på øya.",
    ],
)
def test_western_text_is_read_as_before(text: str):
    found = decoded(text.encode("cp1252"))
    assert isinstance(found, Document)
    assert found.text == text
