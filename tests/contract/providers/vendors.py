"""The vendors whose adapters keep the one ChatModel contract, each against the scripted server in its own wire format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lotus_tasks.providers.adapters.anthropic import AnthropicChatModel
from lotus_tasks.providers.adapters.google import GoogleChatModel
from lotus_tasks.providers.adapters.ollama import OllamaChatModel
from lotus_tasks.providers.adapters.openai import OpenAIChatModel
from lotus_tasks.providers.models import ModelName, ProviderKind, ProviderName, ProviderRow
from lotus_tasks.providers.ports import ChatModel
from tests.modelserver import ModelServerHandle

KEY = "sk-contract-0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    name: str
    base_url: Callable[[ModelServerHandle], str]
    adapter: Callable[[ProviderRow], ChatModel]
    takes_keys: bool = True

    def __str__(self) -> str:
        return self.name

    def row(self, server: ModelServerHandle, *, model: str = "m", base_url: str | None = None) -> ProviderRow:
        return ProviderRow(
            name=ProviderName(self.name),
            kind=ProviderKind(self.name),
            base_url=self.base_url(server) if base_url is None else base_url,
            api_key=KEY if self.takes_keys else "",
            key_variable="THE_KEY",
            model=ModelName(model),
        )


VENDORS = (
    Vendor(name="openai", base_url=lambda server: server.openai_url, adapter=OpenAIChatModel),
    Vendor(name="anthropic", base_url=lambda server: server.url, adapter=AnthropicChatModel),
    Vendor(name="google", base_url=lambda server: server.url, adapter=GoogleChatModel),
    Vendor(
        name="ollama",
        base_url=lambda server: server.ollama_url,
        adapter=lambda row: OllamaChatModel(row, asked_for=True),
        takes_keys=False,
    ),
)
