"""The prompt of `chat` on a terminal: history, completion, several lines."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output.vt100 import Vt100_Output

from lotus_tasks.cli.terminal import bare, one_line, printable

_PROMPT = "› "
_NEXT_LINE = "  "
HISTORY_FILE = "chat_history"
"""Under LOTUS_HOME, readable by its owner only."""


def lines_at_prompt(
    home: Path, commands: Mapping[str, str], choices: Callable[[str], Mapping[str, str]]
) -> Iterator[str]:
    """What a person sends, until they leave with Ctrl-D. Ctrl-C empties the line."""
    session = make_session(home, commands, choices)
    while True:
        try:
            yield session.prompt(_PROMPT)
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def make_session(
    home: Path, commands: Mapping[str, str], choices: Callable[[str], Mapping[str, str]]
) -> PromptSession[str]:
    """The prompt, with the history in ``home``."""
    return PromptSession(
        output=_PromptOutput.from_pty(bare(sys.stdout), term=os.environ.get("TERM")),
        history=_history(home / HISTORY_FILE),
        completer=CommandCompleter(commands, choices),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        multiline=True,
        prompt_continuation=_NEXT_LINE,
        key_bindings=_keys(),
    )


class _PromptOutput(Vt100_Output):
    """What is typed or pasted, and what the history offers, is shown by the rule for all text."""

    def write(self, data: str) -> None:
        """Show ``data``; line ends alone are the prompt's own."""
        super().write(printable(data) if data.strip("\r\n") else data)


class CommandCompleter(Completer):
    """Completes /commands, and what may follow them."""

    def __init__(self, commands: Mapping[str, str], choices: Callable[[str], Mapping[str, str]]) -> None:
        self._commands = commands
        self._choices = choices

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        """The words that begin with what stands before the cursor."""
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        name, space, begun = text[1:].partition(" ")
        offered = self._choices(name) if space else self._commands
        wanted = begun if space else name
        for word, said in offered.items():
            if word.startswith(wanted) and word == printable(one_line(word)):
                yield Completion(word, start_position=-len(wanted), display_meta=printable(one_line(said)))


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter")
    def send(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.newline(copy_margin=False)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def begin_line(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    return keys


def _history(path: Path) -> FileHistory:
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    return FileHistory(str(path))
