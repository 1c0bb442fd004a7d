"""What the model server says next, and what it was asked: the state behind the control API."""

from __future__ import annotations

import dataclasses
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DEFAULT_REPLY = "The scripted model answers."

FAULTS = (
    "status",  # answer with `status` and `headers`
    "hang",  # accept the request and never answer
    "hang_after_headers",  # begin the stream, send no token
    "stall",  # send `after_tokens` tokens, then nothing
    "cut",  # send `after_tokens` tokens, then drop the connection
    "end_early",  # send `after_tokens` tokens, then end the body without the closing event
    "garbage",  # send `after_tokens` tokens, then bytes that are no JSON
    "error_in_stream",  # send `after_tokens` tokens, then the vendor's error event
    "empty",  # a well-formed reply without text
    "html",  # a login page with status 200, as captive portals send
    "shape",  # the reply `shape` of shapes.SHAPES, as a stream or `whole`
    "garbled_tool_call",  # a tool call whose arguments are no JSON
)


@dataclass(kw_only=True)
class Fault:
    """A fault for the next ``times`` model calls, or for every ``every``-th call while ``times`` lasts."""

    kind: str
    times: int = 1
    every: int = 1
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    after_tokens: int = 3
    shape: str = ""
    whole: bool = False
    seen: int = 0

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"no fault is called {self.kind!r}; there are: {', '.join(FAULTS)}")


@dataclass(kw_only=True)
class Script:
    """How model calls are answered. ``rules``: the first whose ``contains`` stands in the last message gives the reply, and its
    ``stop_reason`` where it names one.

    ``stop_reason``: ``stop``, ``length``, ``tool_calls`` or ``content_filter`` in the vendor's own word; any other as it is.
    ``context_told``: where an OpenAI-compatible server tells ``context_tokens``: ``props``, or a field of the models' list, such
    as ``meta.n_ctx``. ``context_words``: how it refuses a longer prompt, a name of wires.CONTEXT_ERRORS.
    ``orders``: tool calls by a word; each is called as soon as its word stands anywhere in what the model is sent, its tools'
    descriptions included, and once for each script.
    ``redirect_to``: the server to which every vendor's path is redirected, with ``redirect_status``.
    ``instead``: what every vendor's path answers, with its status and type: another program is at the address.
    """

    reply: str = DEFAULT_REPLY
    rules: list[dict[str, Any]] = field(default_factory=list)
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    thinking: str = ""
    stop_reason: str = "stop"
    tool_stop_reason: str = "tool_calls"
    first_token_delay_s: float = 0.0
    token_delay_s: float = 0.0
    api_key: str = ""
    models: list[str] = field(default_factory=lambda: ["llama3.2:latest", "gpt-4o-mini"])
    any_model: bool = True
    context_tokens: int = 131_072
    context_told: str = ""
    context_words: str = "openai"
    count_usage: bool = True
    redirect_to: str = ""
    redirect_status: int = 307
    instead: str = ""
    instead_status: int = 200
    instead_type: str = "text/html"


@dataclass(kw_only=True)
class Call:
    """One request as it came. ``disconnected_at``: when the client was seen to have gone, before the reply was whole.

    ``connection``: the client's port, the same for calls that share a connection.
    """

    vendor: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]
    started_at: float
    connection: int = 0
    fault: str = ""
    status: int = 200
    tokens_sent: int = 0
    first_token_at: float | None = None
    finished_at: float | None = None
    disconnected_at: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One reply, in pieces."""

    tokens: tuple[str, ...]
    thinking: tuple[str, ...]
    tool_calls: tuple[Mapping[str, Any], ...]
    stop_reason: str
    input_tokens: int
    output_tokens: int


class Stage:
    """The script, its faults and the record of calls; shared by the server's threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.script = Script()
            self.faults: list[Fault] = []
            self.calls: list[Call] = []
            self.requests: list[dict[str, Any]] = []
            self.obeyed: set[str] = set()

    def direct(self, changes: Mapping[str, Any]) -> None:
        """Change parts of the script. Raises ValueError for a part it hasn't."""
        unknown = set(changes) - {part.name for part in dataclasses.fields(Script)}
        if unknown:
            raise ValueError(f"the script has no {', '.join(sorted(unknown))}")
        with self._lock:
            self.script = dataclasses.replace(self.script, **changes)
            self.obeyed = set()

    def add_fault(self, fault: Fault) -> None:
        """Queue a fault."""
        with self._lock:
            self.faults.append(fault)

    def clear_faults(self) -> None:
        """Work again."""
        with self._lock:
            self.faults.clear()

    def open(self, vendor: str, path: str, body: dict[str, Any], headers: dict[str, str], connection: int) -> Call:
        """Record a call."""
        call = Call(vendor=vendor, path=path, body=body, headers=headers, started_at=time.time(), connection=connection)
        with self._lock:
            self.calls.append(call)
        return call

    def saw(self, method: str, path: str, headers: dict[str, str]) -> None:
        """Record a request to a vendor's path, whatever became of it."""
        with self._lock:
            self.requests.append({"method": method, "path": path, "headers": headers})

    def next_fault(self) -> Fault | None:
        """The fault that this model call meets, if any."""
        with self._lock:
            for fault in self.faults:
                fault.seen += 1
                if fault.seen % fault.every == 0:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.faults.remove(fault)
                    return fault
                return None
        return None

    def _obey(self, sent: str) -> tuple[dict[str, Any], ...]:
        """The calls that what was sent orders for the first time."""
        with self._lock:
            new = [word for word in self.script.orders if word in sent and word not in self.obeyed]
            self.obeyed.update(new)
        return tuple(self.script.orders[word] for word in new)

    def reply_to(self, prompt: str, last: str, sent: str = "") -> Reply:
        """The reply to a prompt (all its text) whose last message is ``last``; ``sent`` is all that came."""
        script = self.script
        scene: Mapping[str, Any] = next((rule for rule in script.rules if rule["contains"] in last), {})
        text = str(scene.get("reply", script.reply))
        calls = self._obey(sent) or tuple(scene.get("tool_calls", () if scene else script.tool_calls))
        if calls and "reply" not in scene and text == DEFAULT_REPLY:
            text = ""
        tokens = tuple(split_tokens(text))
        thinking = tuple(split_tokens(script.thinking))
        return Reply(
            tokens=tokens,
            thinking=thinking,
            tool_calls=calls,
            stop_reason=str(scene.get("stop_reason", script.tool_stop_reason if calls else script.stop_reason)),
            input_tokens=count_tokens(prompt),
            output_tokens=len(tokens) + len(thinking),
        )


def split_tokens(text: str) -> list[str]:
    """Words with the space before them, as models emit them."""
    return re.findall(r"\s*\S+|\s+$", text)


def count_tokens(text: str) -> int:
    """This server's count: words."""
    return len(text.split())


def text_of(content: Any) -> str:
    """The text in a message's content, whichever way a vendor writes it."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(filter(None, (text_of(part) for part in content)))
    if isinstance(content, Mapping):
        return text_of(content.get("text") or content.get("content") or content.get("parts") or "")
    return ""
