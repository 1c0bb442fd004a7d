"""Which providers the settings, the environment and providers.toml make."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lotus_tasks.errors import ConfigurationError
from lotus_tasks.providers.adapters.catalogue import chat_models, how_to_add, rows, serving
from lotus_tasks.providers.models import ProviderKind
from lotus_tasks.settings import Settings

KEY = "sk-unit-0123456789"


def settings(home: Path, **values: object) -> Settings:
    return Settings(lotus_home=str(home), **values)


def found(home: Path, *, keys: dict[str, str] | None = None, **values: object):
    return {row.name: row for row in rows(settings(home, **values), lambda name: (keys or {}).get(name, ""))}


def test_without_a_key_a_vendor_is_not_configured_and_says_what_is_missing(tmp_path):
    assert found(tmp_path)["anthropic"].missing == "ANTHROPIC_API_KEY isn't set"


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("google", "GEMINI_API_KEY"),
        ("groq", "GROQ_API_KEY"),
    ],
)
def test_a_key_configures_its_vendor(tmp_path, name, variable):
    row = found(tmp_path, keys={variable: KEY})[name]
    assert row.configured
    assert row.api_key == KEY


def test_a_key_is_never_shown(tmp_path):
    assert KEY not in repr(found(tmp_path, keys={"OPENAI_API_KEY": KEY}))


@pytest.mark.parametrize("key", ["short", "with a space inside", "zażółć-gęślą-jaźń"])
def test_what_cannot_be_a_key_is_named_without_being_shown(tmp_path, key):
    missing = found(tmp_path, keys={"OPENAI_API_KEY": key})["openai"].missing
    assert "OPENAI_API_KEY doesn't look like a key" in missing
    assert key not in missing


def test_an_openai_compatible_server_of_ones_own_needs_no_key_and_no_model(tmp_path):
    row = found(tmp_path, openai_base_url="http://127.0.0.1:8000/v1")["openai"]
    assert row.configured
    assert row.model == ""


def test_a_named_model_is_used_with_a_server_of_ones_own(tmp_path):
    assert found(tmp_path, openai_base_url="http://127.0.0.1:8000/v1", lotus_openai_model="m")["openai"].model == "m"


def test_local_servers_are_there_without_keys(tmp_path):
    assert all(found(tmp_path)[name].configured for name in ("ollama", "vllm", "lmstudio", "llamacpp"))


def test_a_name_in_the_order_that_nobody_has_is_refused(tmp_path):
    with pytest.raises(
        ConfigurationError, match=r"LOTUS_PROVIDERS names opnai, which no provider has; there are: .*openai"
    ):
        found(tmp_path, lotus_providers=("opnai", "offline"))


def test_the_order_comes_first_and_the_others_can_still_be_asked_for(tmp_path):
    names = list(chat_models(settings(tmp_path, lotus_providers=("ollama", "openai"))))
    assert names[:2] == ["ollama", "openai"]
    assert {"offline", "groq"} <= set(names)


def test_a_row_of_the_file_adds_a_provider(tmp_path):
    (tmp_path / "providers.toml").write_text(
        """
        [[provider]]
        name = "work"
        kind = "openai"
        base_url = "https://models.example.com/v1"
        key_variable = "WORK_KEY"
        model = "big"
        models = ["big", "small"]
        context_tokens = 32768
        takes_images = false
        price = { input_usd = 0.5, output_usd = 2 }
        prices = { "small" = { input_usd = 0.1 } }
        limits = { concurrent_calls = 4, tokens_per_minute = 100000, daily_usd = 2.5 }
        """
    )
    row = found(tmp_path, keys={"WORK_KEY": KEY}, lotus_providers=("work", "offline"))["work"]
    assert (row.kind, row.model, row.models, row.context_tokens) == (
        ProviderKind.OPENAI,
        "big",
        ("big", "small"),
        32768,
    )
    assert (row.price.output_usd, row.limits.concurrent_calls, row.limits.daily_usd) == (2, 4, 2.5)
    assert (row.price_of("big").input_usd, row.price_of("small").input_usd) == (0.5, 0.1)
    assert row.configured
    assert not row.takes_images


def test_a_row_of_the_file_changes_a_known_provider_and_leaves_the_rest(tmp_path):
    (tmp_path / "providers.toml").write_text('[[provider]]\nname = "openai"\nlimits = { concurrent_calls = 3 }\n')
    row = found(tmp_path, keys={"OPENAI_API_KEY": KEY})["openai"]
    assert row.limits.concurrent_calls == 3
    assert row.base_url == "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[provider]\n", r"providers.toml can't be read"),
        ('[provider]\nname = "a"\n', r"two brackets"),
        ('[[provider]]\nkind = "openai"\n', r"provider 1: name is missing"),
        ('[[provider]]\nname = "new"\n', r"provider 1 \(new\): kind is missing"),
        ('[[provider]]\nname = "offline"\n', r"name = 'offline' is wrong"),
        ('[[provider]]\nname = "openai"\nkind = "gpt"\n', r"kind = 'gpt' is wrong; allowed: one of ollama, openai"),
        ('[[provider]]\nname = "openai"\nbase_url = "ftp://x"\n', r"base_url = 'ftp://x' is wrong"),
        ('[[provider]]\nname = "openai"\ncontext_tokens = 10\n', r"context_tokens = 10 is wrong"),
        ('[[provider]]\nname = "openai"\nlimits = { concurrent_calls = 0 }\n', r"limits = .* is wrong"),
        ('[[provider]]\nname = "openai"\nprice = { input = 1 }\n', r"price = .* is wrong"),
        ('[[provider]]\nname = "openai"\nprices = { big = 1 }\n', r"prices = .* is wrong"),
        ('[[provider]]\nname = "openai"\nlimits = { daily_usd = 1 }\n', r"daily_usd, but without a price"),
        ('[[provider]]\nname = "openai"\ncolour = "red"\n', r"colour isn't known"),
        ("providers = 3\n", r"providers isn't known"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place_and_what_is_allowed(tmp_path, text, complaint):
    (tmp_path / "providers.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=complaint):
        found(tmp_path)


def test_a_key_written_into_the_file_is_refused_without_being_repeated(tmp_path):
    (tmp_path / "providers.toml").write_text(f'[[provider]]\nname = "openai"\nkey_variable = "{KEY}"\n')
    with pytest.raises(ConfigurationError) as caught:
        found(tmp_path)
    assert KEY not in str(caught.value)
    assert "never the key itself" in str(caught.value)


ROW = """
[[provider]]
name = "groq"
model = "llama-3.3"
[[provider]]
name = "mine"
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
"""


@pytest.mark.parametrize(
    ("order", "keys", "expected"),
    [
        (("anthropic", "offline"), {"ANTHROPIC_API_KEY": KEY}, ["anthropic"]),
        (("google", "offline"), {"GEMINI_API_KEY": KEY}, ["google"]),
        (("groq", "mine", "offline"), {"GROQ_API_KEY": KEY}, ["groq", "mine"]),
        (("openai", "anthropic", "google", "groq", "offline"), {}, []),
        (("offline",), {"OPENAI_API_KEY": KEY}, []),
    ],
)
def test_every_row_that_is_set_up_and_in_the_order_serves(tmp_path, order, keys, expected):
    (tmp_path / "providers.toml").write_text(ROW)
    chosen = settings(tmp_path, lotus_providers=order)
    assert [row.name for row in serving(chosen, lambda name: keys.get(name, ""))] == expected


def test_an_ollama_that_nobody_mentioned_serves_while_it_answers(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # As a default would stand there: nobody set it.
        chosen = settings(tmp_path, lotus_providers=("ollama", "offline")).model_copy(update={"ollama_host": address})
        chosen.model_fields_set.discard("ollama_host")
        assert [row.name for row in serving(chosen)] == ["ollama"]
    assert serving(chosen) == []


@pytest.mark.parametrize(
    ("order", "keys", "said"),
    [
        (("anthropic", "offline"), {}, "Add one with ANTHROPIC_API_KEY in .env."),
        (
            ("openai", "google", "ollama", "offline"),
            {},
            "Add one with `ollama pull llama3.2` or OPENAI_API_KEY or GEMINI_API_KEY in .env.",
        ),
        (("offline",), {}, "Add one with a provider in LOTUS_PROVIDERS (docs/providers.md)."),
        (("openai", "offline"), {"GROQ_API_KEY": KEY}, "groq has a key, but LOTUS_PROVIDERS doesn't name it."),
        (("openai", "offline"), {"OPENAI_API_KEY": "short"}, "OPENAI_API_KEY doesn't look like a key"),
    ],
)
def test_how_to_add_a_model_names_what_the_order_lacks(tmp_path, order, keys, said):
    (tmp_path / "providers.toml").write_text(ROW)
    chosen = settings(tmp_path, lotus_providers=order)
    assert how_to_add(rows(chosen, lambda name: keys.get(name, "")), order).startswith(said)
