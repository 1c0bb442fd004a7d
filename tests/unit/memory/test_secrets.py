"""What counts as a secret. The samples are put together here, so that no scanner takes this file for a leak."""

import pytest

from lotus_tasks.memory.adapters.secret_rules import SecretRules
from lotus_tasks.memory.models import Draft
from lotus_tasks.memory.service.secrecy import SecretFound, mask, mask_secrets, refuse_secrets
from lotus_tasks.origins import USER

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
        "github_pat_" + "11ABCDEFG0aB3dE5fG7hJ9_" + "kLmNoPqRsTuVwXyZ0123456789" * 2,
        "npm_" + "aB3dE5fG7h" * 3 + "aB3dE5",
        "pypi-" + "AgEIcHlwaS5vcmc" + "aB3dE5fG7h" * 6,
        "dop_v1_" + "0123456789abcdef" * 4,
        "hvs." + "aB3dE5fG7h" * 9,
        "AGE-SECRET-KEY-1" + "QPZRY9X8GF" * 5 + "QPZRY9X8",
        "otpauth://totp/x?secret=" + "JBSWY3DPEHPK3PXP",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA04up8hoqzS1\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_a_key_or_token_is_recognised_whole_and_the_rest_is_kept(secret):
    masked = mask(f"It opens with {secret} in the evening", RULES)
    assert secret[-8:] not in masked.replace("withheld", "")
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
        "DB_PASSWORD=Zx9!kkPq",
        "HEROKU_API_KEY=12345678-1234-1234-1234-1234567890ab",
        "login: bob / pass: kk92!mz",
        "postgresql://bob:s3cr3tpw@db.example.com:5432/app",
        "redis://:p4ssw0rdxx@10.0.0.1:6379/0",
        "Server=db;Database=x;User Id=sa;Password=My5ecret!;",
        "Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==",
        "La contraseña es Gat0Negro!9",
        "пароль: Xk92mmq1",
        "密码是 Xk92!mmq",
        "パスワードはXk92mmq1です",
        "The PIN of my card is 4821",
        "seed phrase: abandon ability able about above absent absorb abstract absurd abuse access accident",
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
        "The run 550e8400-e29b-41d4-a716-446655440000 failed",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGq bob@host",
        "git@github.com:bob/x.git and http://localhost:8080/a@b",
        "postgresql://user:password@host:5432/database",
        "password: ********",
        "password: <your password>",
        "password: $DB_PASSWORD",
        "I changed my password on 2024-05-03",
        "The password is valid until 2025-01-31.",
        "A password must have at least 12 characters and a digit.",
        "I will pin 3 notes on the wall, the pin is 40 mm long",
        "The Brenner pass is 1374 m high",
        "My flat is number 4711 on the 3rd floor, tel. 030 1234567.",
    ],
)
def test_an_ordinary_sentence_is_no_secret(text):
    assert not RULES.find(text)


def test_a_refusal_names_the_sort_and_never_the_secret():
    with pytest.raises(SecretFound) as caught:
        refuse_secrets([Draft(origin=USER, text="My password is hunter2", key="k")], RULES)
    assert "password" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_was_masked_says_so():
    (masked,) = mask_secrets([Draft(origin=USER, text="My password is hunter2", key="k")], RULES)
    assert masked.provenance["withheld"] is True
    (whole,) = mask_secrets([Draft(origin=USER, text="My dog is Rex", key="k")], RULES)
    assert "withheld" not in whole.provenance


def test_what_is_masked_holds_no_secret_any_more():
    masked = mask("password: Sommer2024!\nDB_PASSWORD=Zx9!kkPq and redis://:p4ssw0rdxx@10.0.0.1:6379/0", RULES)
    assert "Sommer2024" not in masked
    assert not RULES.find(masked)
