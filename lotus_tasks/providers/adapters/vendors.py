"""The providers LOTUS knows by name, as rows. Keys come from the environment; providers.toml changes and adds rows."""

from __future__ import annotations

from lotus_tasks.providers.models import ModelName, ProviderKind, ProviderName, ProviderRow


def _compatible(
    name: str, base_url: str, key_variable: str = "", *, model: str = "", context_tokens: int = 128_000
) -> ProviderRow:
    """A server that speaks OpenAI's chat completions. Without a model its first one is used."""
    return ProviderRow(
        name=ProviderName(name),
        kind=ProviderKind.OPENAI,
        base_url=base_url,
        key_variable=key_variable,
        model=ModelName(model),
        context_tokens=context_tokens,
    )


VENDORS: tuple[ProviderRow, ...] = (
    _compatible("openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    ProviderRow(
        name=ProviderName("anthropic"),
        kind=ProviderKind.ANTHROPIC,
        base_url="https://api.anthropic.com",
        key_variable="ANTHROPIC_API_KEY",
        context_tokens=200_000,
    ),
    ProviderRow(
        name=ProviderName("google"),
        kind=ProviderKind.GOOGLE,
        base_url="https://generativelanguage.googleapis.com",
        key_variable="GEMINI_API_KEY",
        context_tokens=1_000_000,
    ),
    # 8 192 is what a laptop's memory bears; Ollama is told so with every call, since its own default is smaller still.
    ProviderRow(name=ProviderName("ollama"), kind=ProviderKind.OLLAMA, context_tokens=8192),
    _compatible("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", model="openrouter/auto"),
    _compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    _compatible(
        "deepseek", "https://api.deepseek.com", "DEEPSEEK_API_KEY", model="deepseek-chat", context_tokens=64_000
    ),
    _compatible("xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    _compatible("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", model="mistral-small-latest"),
    # Servers of one's own, at their usual ports; their context is what they were started with.
    _compatible("vllm", "http://127.0.0.1:8000/v1", context_tokens=8192),
    _compatible("lmstudio", "http://127.0.0.1:1234/v1", context_tokens=8192),
    _compatible("llamacpp", "http://127.0.0.1:8080/v1", context_tokens=8192),
)
