"""Secrets in a text: detect-secrets' rules for known formats, and what they lack for notes written by people.

Its entropy and keyword rules are left out: they are made for source code and take ordinary words for secrets.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from lotus_tasks.memory.models import Secret

_PLUGINS: Final = {
    "artifactory": "ArtifactoryDetector",
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "softlayer": "SoftlayerDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}

_PRIVATE_KEY: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\Z)", re.DOTALL
)
_VALUE: Final = r"[\"'«“„]?(?P<value>[^\s\"'»”“]{4,})"
_OWN: Final = (
    (
        "API key",
        re.compile(r"(?<![\w-])(?P<value>(?:sk-(?:proj-|ant-[a-z0-9]+-)?|gsk_|xai-|r8_|hf_|AIza)[A-Za-z0-9_-]{20,})"),
    ),
    (
        "AWS secret key",
        re.compile(
            r"(?i)aws.{0,40}?(?<![A-Za-z0-9/+])(?P<value>(?=[A-Za-z0-9/+]*[/+0-9])[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    (
        "password",
        re.compile(
            rf"(?i)\b(?:password|passwort|kennwort|passphrase|passcode|pass ?word|pwd|mot de passe|contraseña|senha|wachtwoord)\b"
            rf"[^\n.:=]{{0,40}}?(?:\bis\b|\bist\b|\blautet\b|\best\b|\bes\b|[:=])\s*{_VALUE}"
        ),
    ),
    (
        "password in a field",
        re.compile(
            rf"(?im)^.{{0,40}}\b(?:password|passwort|kennwort|passcode|pwd)[ \t]*[:=][ \t]*{_VALUE}[\"'”»]?[ \t]*$"
        ),
    ),
    (
        "token",
        re.compile(
            r"(?i)\b(?:api[ _-]?key|(?:api|access|auth)[ _-]?token|bearer|secret[ _-]?key|client[ _-]?secret)\b"
            rf"[^\n.:=]{{0,30}}?(?:\bis\b|\bist\b|[:=]|\s)\s*{_VALUE}"
        ),
    ),
)
_SURE_BY_SHAPE: Final = frozenset({"API key", "AWS secret key", "password in a field"})


class SecretRules:
    """Implements the port ``SecretDetector``. The rules are loaded at first use, once a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plugins: Sequence[Any] | None = None

    def find(self, text: str) -> Sequence[Secret]:
        """The secrets of a text in order, overlapping ones joined."""
        spans = [(match.start(), match.end(), "private key") for match in _PRIVATE_KEY.finditer(text)]
        for kind, rule in _OWN:
            spans += [
                (match.start("value"), match.end("value"), kind)
                for match in rule.finditer(text)
                if kind in _SURE_BY_SHAPE or _looks_secret(match["value"])
            ]
        for plugin in self._loaded():
            # What a plugin yields may be a part of the secret; the whole is what its rules match.
            if any(plugin.analyze_string(text)):
                spans += [
                    (*match.span(), str(plugin.secret_type))
                    for rule in plugin.denylist
                    for match in rule.finditer(text)
                ]
        return [Secret(kind=kind, start=start, end=end) for start, end, kind in _joined(spans)]

    def _loaded(self) -> Sequence[Any]:
        if self._plugins is None:
            with self._lock:
                self._plugins = [
                    getattr(import_module(f"detect_secrets.plugins.{module}"), name)()
                    for module, name in _PLUGINS.items()
                ]
        return self._plugins


def _looks_secret(value: str) -> bool:
    """Whether a word that follows "password is" is one: words of a language hold no digit and no sign inside."""
    core = value.rstrip(".,;:!?)")
    return len(core) >= 4 and (
        any(sign.isdigit() for sign in value) or any(not sign.isalnum() and sign not in "-'’" for sign in core)
    )


def _joined(spans: Sequence[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    joined: list[tuple[int, int, str]] = []
    for start, end, kind in sorted(spans):
        if joined and start < joined[-1][1]:
            first, last, known = joined[-1]
            joined[-1] = (first, max(last, end), known)
        else:
            joined.append((start, end, kind))
    return joined
