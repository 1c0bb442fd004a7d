"""What a person states while asking, in any form and in many languages."""

from __future__ import annotations

import pytest

from lotus_tasks.memory.service.requests import stated_in

ASKED = """
boiler pressure
oil change boat
the boiler pressure please
birthday of Anna
error E24
latest invoices, sorted by date
my notes on the boiler
My plans for today.
tell me about the bread
explain the alarm
remind me when the next service is
I would like to know about the piano tuner
I want to see the boiler manual
I wonder who fixed it
can you check the oil
where is my key
what is the boiler pressure
how to bleed the radiator
who is who
Heizung Druck
zeig mir den Resturlaub
wie war das mit der Heizung
Ich möchte wissen, wann der Zug fährt
montre-moi la cantine
pression de la chaudière
je cherche le numéro du plombier
presión de la caldera
dime la presión de la caldera
quiero ver el contrato
мне нужно давление котла
давление котла
锅炉压力
锅炉压力是多少
ボイラーの圧力
鍵の場所を教えて
recipe for a lemon cake
price of a new boiler
boiler cost
opening hours work
things I need to buy
my work hours
number of people who live in Kiel
the man who lives next door
whether the rent was paid
wondering where the key is
remember when we went to Oslo
I'm trying to find the receipt
I have a question about the boiler
Translate this to German: I live in Kiel. My cat is called Miso.
Write a poem about a cat that lives on a boat
Imagine you are a teacher
the book I lent Bob
last time the boiler was serviced
Anna's birthday is when
il codice del cancello
Gib mir die Liste der Dinge, die ich brauche
ob die Miete bezahlt wurde
Ich brauche die Nummer vom Klempner
Telefonnummer von dem Mann der die Heizung repariert hat
numéro du plombier qui a réparé la fuite
j'ai besoin du numéro du plombier
tengo una pregunta sobre la luz
ho bisogno del numero dell'idraulico
ik heb het nummer nodig van de loodgieter
jakie jest ciśnienie w kotle
numer telefonu hydraulika
kazan basıncı
ضغط الغلاية
열쇠 어디 있어요
我的护照号码
有关锅炉的笔记
""".strip().splitlines()

STATED = {
    "I moved to Oslo.": "I moved to Oslo.",
    "It leaks again": "It leaks again",
    "My dentist is Dr. Piper.": "My dentist is Dr. Piper.",
    "We meet on 4. February. Where is the room?": "We meet on 4. February.",
    "The boiler was serviced by Jensen": "The boiler was serviced by Jensen",
    "my boiler is a Vaillant, what pressure should it have?": "my boiler is a Vaillant.",
    "My cat is called Miso. What should she eat?": "My cat is called Miso.",
    "Mein Hund heißt Bello, was darf er fressen?": "Mein Hund heißt Bello.",
    "J'habite à Lyon. Où est la gare ?": "J'habite à Lyon.",
    "Vivo en Cádiz, ¿qué tiempo hace?": "Vivo en Cádiz.",
    "Моя кошка любит рыбу": "Моя кошка любит рыбу",
    "Bob owes me 20 euros": "Bob owes me 20 euros",
    "My doctor is Dr. Brandt. Where is she?": "My doctor is Dr. Brandt.",
    "Anna hat am 3. Mai Geburtstag": "Anna hat am 3. Mai Geburtstag",
    "Last week the boiler was serviced": "Last week the boiler was serviced",
    "Yesterday I bought a kayak": "Yesterday I bought a kayak",
    "Remember that the key is under the mat": "the key is under the mat",
    "I am vegetarian, suggest a dinner": "I am vegetarian.",
    "What should I cook, my sister is allergic to nuts?": "my sister is allergic to nuts.",
    "Find me a dentist, I moved to Oslo": "I moved to Oslo.",
    "Merk dir: der Schlüssel liegt unter der Matte": "der Schlüssel liegt unter der Matte",
    "Meine Schwester wohnt in Bergen": "Meine Schwester wohnt in Bergen",
    "Klucz jest pod wycieraczką": "Klucz jest pod wycieraczką",
    "我住在上海。": "我住在上海。",
    "我的猫叫咪咪，它吃什么？": "我的猫叫咪咪.",
}


@pytest.mark.parametrize("text", ASKED)
def test_what_only_asks_states_nothing_whatever_its_form(text: str):
    assert stated_in(text) == ""


@pytest.mark.parametrize("text", STATED)
def test_what_states_something_is_kept_without_the_question(text: str):
    assert stated_in(text) == STATED[text]
