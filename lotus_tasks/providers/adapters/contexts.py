"""How much a model holds, as servers tell it: in their list of models, in llama.cpp's /props, and in their errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

_LOADED = ("n_ctx", "loaded_context_length", "max_model_len")
"""What the server holds at once: llama.cpp, LM Studio, vLLM."""
_POSSIBLE = ("context_length", "context_window", "max_context_length", "n_ctx_train")
"""What the model could hold: OpenRouter and Together, Groq, Mistral, llama.cpp."""
_PLACES = ("meta", "top_provider", "default_generation_settings")

_NUMBER = r"(\d[\d,_]*)"
_CONTEXT_TOLD = [
    re.compile(pattern.replace("#", _NUMBER), re.IGNORECASE)
    for pattern in (
        r"maximum context length (?:is|of) #",  # OpenAI, vLLM
        r"context (?:size|length|window)[^.\d]{0,24}\(?#",  # llama.cpp, LM Studio, llama-cpp-python
        r"\bn_ctx\W{1,4}#",
        r"# maximum context length",  # Mistral
        r"tokens > # maximum",  # Anthropic
        r"maximum number of (?:input )?tokens allowed \(#\)",  # Gemini
        r"max_new_tokens`? must be <= #",  # TGI
        r"\blimit #, requested",  # Groq, of a request larger than a minute's tokens
    )
]
_PROMPT_TOLD = [
    re.compile(pattern.replace("#", _NUMBER), re.IGNORECASE)
    for pattern in (
        r"\(# in the messages",  # OpenAI and vLLM, of a request with max_tokens
        r"(?:messages|prompt|input|request)\b[^.\d]{0,40}\(?# (?:input |prompt )?tokens",
        r"\bn_prompt_tokens\W{1,4}#",
        r"requested (?:tokens \()?#",
        r"token count \(#\)",  # Gemini
        r"too long: # tokens",  # Anthropic
        r"first # tokens",  # LM Studio
        r"given: # `?inputs",  # TGI
    )
]


def listed_context(model: Mapping[str, Any]) -> int | None:
    """How many tokens a model of a server's list, or llama.cpp's /props, holds; None where it doesn't say.

    Of several numbers the smallest that the server holds, else the smallest that the model could hold.
    """
    places = [model, *(model[name] for name in _PLACES if isinstance(model.get(name), Mapping))]
    for names in (_LOADED, _POSSIBLE):
        sizes = [size for place in places for name in names if (size := _size(place.get(name))) is not None]
        if sizes:
            return min(sizes)
    return None


def props_url(base_url: str) -> str:
    """Where llama.cpp tells its properties: beside the API, not under its /v1."""
    parts = urlsplit(base_url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/').removesuffix('/v1')}/props"))


def refused_sizes(said: str, body: Any = None) -> tuple[int | None, int | None]:
    """The model's context and the prompt's length, in tokens, as the error of a prompt too long tells them."""
    context = next((size for place in _objects(body) if (size := _size(place.get("n_ctx"))) is not None), None)
    prompt = next((size for place in _objects(body) if (size := _size(place.get("n_prompt_tokens"))) is not None), None)
    return context or _told(_CONTEXT_TOLD, said), prompt or _told(_PROMPT_TOLD, said)


def _told(patterns: list[re.Pattern[str]], said: str) -> int | None:
    found = (match for pattern in patterns if (match := pattern.search(said)) is not None)
    return next((size for match in found if (size := _size(re.sub(r"[,_]", "", match[1]))) is not None), None)


def _objects(body: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(body, Mapping):
        yield body
        yield from _objects(body.get("error"))


def _size(value: Any) -> int | None:
    try:
        size = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return size if size > 0 and not isinstance(value, bool) else None
