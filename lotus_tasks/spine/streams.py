"""A run's token stream in Redis: what is shown while the model speaks. The answer itself is a row in PostgreSQL.

Stream ``lotus:run:<run id>``; each entry has ``k`` (kind), ``c`` (the command that writes) and, where it applies, ``g``
(generation: that command's fence, and the try within it) and ``t`` (text):

    start  a model begins to speak: whatever an older generation said is void
    token  a piece of its text
    think  a piece of its thinking, never part of the answer
    notice one line about the run for a person (a provider that failed, a wait)
    step   a step was concluded; ``t`` is its kind
    wait   the run waits for the user's yes; read it from PostgreSQL
    end    the run is over; read it from PostgreSQL
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lotus_tasks.values import CommandId, RunId, replace_surrogates

if TYPE_CHECKING:
    import redis

STREAM_TTL_S = 3600
"""How long a stream can be replayed after its last entry."""
MAX_ENTRIES = 20_000
LONGEST_BLOCK_S = 2.0
"""Below the client's socket timeout: a longer block would look like a dead Redis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEntry:
    """One entry. ``generation``: (fence, try) within ``command``; a reader drops text of any but the latest started one."""

    entry_id: str
    kind: str
    command: str
    generation: tuple[int, int]
    text: str


def stream_key(run_id: RunId) -> str:
    """The stream's key."""
    return f"lotus:run:{run_id}"


class TokenWriter:
    """Writes one command's part of a run's stream. A Redis that is away loses the show, never the answer."""

    def __init__(self, client: redis.Redis, run_id: RunId, *, command_id: CommandId, fence: int) -> None:
        self._client = client
        self._key = stream_key(run_id)
        self._command = str(command_id)
        self._fence = fence
        self._try = 0
        self.lost = 0

    def start(self) -> None:
        """A model begins: readers drop what came before."""
        self._try += 1
        self._add("start", "")

    def write(self, text: str) -> None:
        """A piece of text, as it came."""
        if text:
            self._add("token", text)

    def think(self, text: str) -> None:
        """A piece of what the model thinks."""
        if text:
            self._add("think", text)

    def notice(self, text: str) -> None:
        """One line for a person."""
        self._add("notice", text)

    def step(self, kind: str) -> None:
        """A step was concluded."""
        self._add("step", kind, expire=True)

    def wait(self) -> None:
        """The run waits for the user."""
        self._add("wait", "", expire=True)

    def end(self) -> None:
        """The run is over."""
        self._add("end", "", expire=True)

    def _add(self, kind: str, text: str, *, expire: bool = False) -> None:
        import redis

        generation = f"{self._fence}.{self._try}"
        fields: dict[Any, Any] = {"k": kind, "c": self._command, "g": generation, "t": replace_surrogates(text)}
        try:
            if expire or kind == "start":
                pipeline = self._client.pipeline(transaction=False)
                pipeline.xadd(self._key, fields, maxlen=MAX_ENTRIES, approximate=True)
                pipeline.expire(self._key, STREAM_TTL_S)
                pipeline.execute()
            else:
                self._client.xadd(self._key, fields, maxlen=MAX_ENTRIES, approximate=True)
        except redis.RedisError:
            self.lost += 1


class TokenReader:
    """Reads a run's stream from where it left off; ``last_id`` survives a reconnect."""

    def __init__(self, client: redis.Redis, run_id: RunId, *, last_id: str = "0-0") -> None:
        self._client = client
        self._key = stream_key(run_id)
        self.last_id = last_id

    def read(self, *, block_s: float) -> list[StreamEntry]:
        """The entries since the last call, waiting up to ``block_s`` (at most 2 s) for the first. Raises redis.RedisError."""
        block_ms = max(1, int(min(block_s, LONGEST_BLOCK_S) * 1000))
        reply: Any = self._client.xread({self._key: self.last_id}, count=500, block=block_ms)
        if not reply:
            return []
        streams = reply.items() if isinstance(reply, dict) else reply
        entries = []
        for _key, rows in streams:
            for entry_id, fields in rows[0] if rows and isinstance(rows[0], list) else rows:
                self.last_id = entry_id
                fence, _, number = fields.get("g", "0.0").partition(".")
                entries.append(
                    StreamEntry(
                        entry_id=entry_id,
                        kind=fields["k"],
                        command=fields.get("c", ""),
                        generation=(int(fence), int(number or 0)),
                        text=fields.get("t", ""),
                    )
                )
        return entries


def connect_redis(url: str, *, timeout_s: float = 2.0) -> redis.Redis:
    """A client that decodes, fails within ``timeout_s`` instead of hanging, and reconnects by itself at the next call."""
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_connect_timeout=timeout_s,
        socket_timeout=None if timeout_s <= 0 else max(timeout_s, 3.0),
        health_check_interval=25,
        retry=Retry(NoBackoff(), 1),
    )
