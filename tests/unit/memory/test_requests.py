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
""".strip().splitlines()

STATED = {
    "I moved to Oslo.": "I moved to Oslo.",
    "It leaks again": "It leaks again",
    "The boiler was serviced by Jensen": "The boiler was serviced by Jensen",
    "my boiler is a Vaillant, what pressure should it have?": "my boiler is a Vaillant.",
    "My cat is called Miso. What should she eat?": "My cat is called Miso.",
    "Mein Hund heißt Bello, was darf er fressen?": "Mein Hund heißt Bello.",
    "J'habite à Lyon. Où est la gare ?": "J'habite à Lyon.",
    "Vivo en Cádiz, ¿qué tiempo hace?": "Vivo en Cádiz.",
    "Моя кошка любит рыбу": "Моя кошка любит рыбу",
    "我住在上海。": "我住在上海。",
    "我的猫叫咪咪，它吃什么？": "我的猫叫咪咪.",
}


@pytest.mark.parametrize("text", ASKED)
def test_what_only_asks_states_nothing_whatever_its_form(text: str):
    assert stated_in(text) == ""


@pytest.mark.parametrize("text", STATED)
def test_what_states_something_is_kept_without_the_question(text: str):
    assert stated_in(text) == STATED[text]
