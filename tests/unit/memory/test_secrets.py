"""What counts as a secret. The samples are put together here, so that no scanner takes this file for a leak."""

import pytest

from lotus_tasks.memory.adapters.secret_rules import SecretRules
from lotus_tasks.memory.models import Draft
from lotus_tasks.memory.service.secrecy import SecretFound, mask, mask_secrets, refuse_secrets

RULES = SecretRules()


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "Q3EGRIT7NWZ5TKHX",
        "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
        "glpat-" + "abcDEF1234567890abcd",
        "sk-ant-api03-" + "aB3dE5fG7h" * 9,
        "sk-proj-" + "abcdEFGH1234567890" * 3,
        "AIza" + "SyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
        "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
        "xoxb-" + "123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_key_or_token_is_recognised_whole_and_the_rest_is_kept(secret):
    masked = mask(f"It opens with {secret} in the evening", RULES)
    assert secret[:8] not in masked.replace("withheld", "")
    assert masked.startswith("It opens with ")
    assert masked.endswith(" in the evening")


@pytest.mark.parametrize(
    "text",
    [
        "My password is hunter2",
        "wifi password: Sommer2024!",
        "Mein Passwort lautet Sommer24",
        "password: swordfish",
        "api_key: abcd1234efgh",
    ],
)
def test_a_password_in_a_sentence_is_recognised(text):
    assert RULES.find(text)


@pytest.mark.parametrize(
    "text",
    [
        "The password is written on the note in the kitchen.",
        "The wifi password is on the fridge.",
        "My password manager is Bitwarden",
        "the api key is in the vault",
        "I forgot my password: again, sigh.",
        "The commit 3f786850e387550fdab836ed7e6dc881de23001b broke it",
        "Write to ann@example.org or see https://example.org/a_b?x=1",
        "My flat is number 4711 on the 3rd floor, tel. 030 1234567.",
    ],
)
def test_an_ordinary_sentence_is_no_secret(text):
    assert not RULES.find(text)


def test_a_refusal_names_the_sort_and_never_the_secret():
    with pytest.raises(SecretFound) as caught:
        refuse_secrets([Draft(text="My password is hunter2", key="k")], RULES)
    assert "password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_was_masked_says_so():
    (masked,) = mask_secrets([Draft(text="My password is hunter2", key="k")], RULES)
    assert masked.provenance["withheld"] is True
    (whole,) = mask_secrets([Draft(text="My dog is Rex", key="k")], RULES)
    assert "withheld" not in whole.provenance
