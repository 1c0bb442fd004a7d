"""The reader's screen: one generation of text at a time, so that a reader never sees two replies joined."""

from __future__ import annotations

from lotus_tasks.providers.ports import TokenSink


class Generations:
    """Writes the reply being made to a TokenSink and takes back what a failed call wrote."""

    def __init__(self, sink: TokenSink) -> None:
        self._sink = sink
        self._started = False
        self._dirty = False

    def write(self, text: str) -> None:
        """Add text; the first text begins a generation."""
        if not text:
            return
        if not self._started:
            self._sink.start()
            self._started = True
        self._sink.write(text)
        self._dirty = True

    def think(self, text: str) -> None:
        """A piece of what the model thinks, for whoever wants to see it."""
        if text:
            self._sink.think(text)

    def discard(self) -> None:
        """What was written is void: the call failed, or it was no answer."""
        if self._dirty:
            self._sink.start()
            self._dirty = False

    def notice(self, text: str) -> None:
        """One line for the person who waits."""
        self._sink.notice(text)


class SilentSink:
    """Nobody watches."""

    def start(self) -> None:
        """Nothing to show."""

    def write(self, text: str) -> None:
        """Nothing to show."""

    def think(self, text: str) -> None:
        """Nothing to show."""

    def notice(self, text: str) -> None:
        """Nothing to show."""
