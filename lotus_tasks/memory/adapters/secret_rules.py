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
    "cloudant": "CloudantDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "ibm_cloud_iam": "IbmCloudIamDetector",
    "ibm_cos_hmac": "IbmCosHmacDetector",
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
_VALUE_IN_LATIN: Final = r"[\"'「“]?(?P<value>[!-~]{4,})"
_ASKED: Final = (
    r"(?:password|passwort|kennwort|passphrase|pass ?word|pwd|mot de passe|contraseña|clave|senha|wachtwoord|lösenord"
    r"|heslo|hasło|пароль)"
)
_NO_SECRET: Final = re.compile(
    r"[\[<{(].*|\$\{?\w+\}?|%\w+%|([*x.•-])\1{2,}|(?:password|passwort|changeme|secret|none|null|true|false)|"
    r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\w+\(.*",
    re.IGNORECASE,
)
"""What stands where a password would, and is none: a placeholder, a variable, a date, what was withheld before."""
_OWN: Final = (
    (
        "API key",
        re.compile(
            r"(?<![\w-])(?P<value>(?:sk-(?:proj-|ant-[a-z0-9]+-)?|gsk_|xai-|r8_|hf_|AIza|github_pat_|npm_|pypi-|dop_v1_|shp(?:at|ca|pa|ss)_"
            r"|hvs\.|lin_api_|ntn_|GOCSPX-|dckr_pat_|dapi|ya29\.|glsa_|AGE-SECRET-KEY-1)[A-Za-z0-9_-]{20,})"
        ),
    ),
    ("JSON web token", re.compile(r"\b(?P<value>eyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?)")),
    (
        "password in a URL",
        re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s:/@]*:(?P<value>[^\s:/@]{3,})@(?=[^\s/])", re.IGNORECASE),
    ),
    ("one-time password seed", re.compile(r"\botpauth://\S*?\bsecret=(?P<value>[A-Z2-7]{16,})", re.IGNORECASE)),
    ("credentials", re.compile(r"(?i)\bauthorization: *basic +(?P<value>[A-Za-z0-9+/]{8,}={0,2})")),
    (
        "AWS secret key",
        re.compile(
            r"(?i)aws.{0,40}?(?<![A-Za-z0-9/+])(?P<value>(?=[A-Za-z0-9/+]*[/+0-9])[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
        ),
    ),
    (
        "password",
        re.compile(
            rf"(?i)(?<![^\W_]){_ASKED}(?![^\W_])[^\n.:=@]{{0,40}}?(?:\bis\b|\bist\b|\blautet\b|\best\b|\bes\b|\bè\b|\bé\b|[:=])\s*{_VALUE}"
        ),
    ),
    # What stands between the word and the password differs too much from language to language to be spelled out.
    (
        "password",
        re.compile(
            rf"(?:密码|密碼|口令|パスワード|暗証番号|비밀번호|รหัสผ่าน)\s*(?:[是为為は는은:：=]|です)*\s*{_VALUE_IN_LATIN}"
        ),
    ),
    (
        "password in a field",
        re.compile(rf"(?im)^.{{0,40}}(?<![^\W_]){_ASKED}[ \t]*[:=][ \t]*{_VALUE}[\"'”»]?[ \t]*$"),
    ),
    ("password", re.compile(rf"(?i)\bpass[ \t]*[:=][ \t]*{_VALUE}")),
    (
        "PIN",
        re.compile(
            r"(?i)(?<![^\W_])(?:pin(?:[ -]?(?:code|number|nummer))?|passcode|geheimzahl)(?![^\W_])[^\n.:=\d]{0,40}?"
            r"(?:\bis\b|\bist\b|\blautet\b|\best\b|\bes\b|[:=])\s*(?P<value>\d{4,8})(?!\d|[.,:/-]\d)"
        ),
    ),
    (
        "recovery phrase",
        re.compile(
            r"(?i)\b(?:seed|recovery|mnemonic)[ -]?(?:phrase|words)\b[^\n:]{0,40}?(?:\bis\b|[:=])\s*"
            r"(?P<value>[a-z]{3,8}(?:[ ,]+[a-z]{3,8}){11,23})\b"
        ),
    ),
    (
        "token",
        re.compile(
            r"(?i)(?<![^\W_])(?:api[ _-]?key|(?:api|access|auth|refresh)[ _-]?token|bearer"
            r"|secret[ _-]?(?:access[ _-]?)?key|client[ _-]?secret)(?![^\W_])"
            rf"[^\n.:=]{{0,30}}?(?:\bis\b|\bist\b|[:=]|\s)\s*{_VALUE}"
        ),
    ),
)
_SURE_BY_SHAPE: Final = frozenset(
    {"API key", "AWS secret key", "JSON web token", "one-time password seed", "credentials", "PIN", "recovery phrase"}
)
_SURE_BY_PLACE: Final = frozenset({"password in a field", "password in a URL"})
"""Here a plain word is a password as well."""


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
                if kind in _SURE_BY_SHAPE or _looks_secret(match["value"], sure=kind in _SURE_BY_PLACE)
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


def _looks_secret(value: str, *, sure: bool = False) -> bool:
    """Whether a word that follows "password is" is one: words of a language hold no digit and no sign inside."""
    core = value.rstrip(".,;:!?)")
    if _NO_SECRET.fullmatch(core):
        return False
    return sure or (
        len(core) >= 4
        and (any(sign.isdigit() for sign in value) or any(not sign.isalnum() and sign not in "-'’" for sign in core))
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
