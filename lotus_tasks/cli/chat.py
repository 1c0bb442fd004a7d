"""`chat`: one question after the other in one conversation, at a prompt or line by line from a pipe."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import click

from lotus_tasks.cli.ask import find_conversation, make_screen, show_run
from lotus_tasks.cli.inputs import read_attachments, read_question
from lotus_tasks.cli.screen import is_live
from lotus_tasks.cli.terminal import say_row
from lotus_tasks.errors import InvalidInput, LotusError, NotRunning, ServiceDown
from lotus_tasks.local.runtime import Runtime, load_runtime
from lotus_tasks.origins import OUTSIDE, USER
from lotus_tasks.reasoning.adapters.postgres import submit_run
from lotus_tasks.reasoning.models import Attachment, RunOptions
from lotus_tasks.reasoning.service.limiting import limits_of
from lotus_tasks.spine import queries
from lotus_tasks.spine.database import connect
from lotus_tasks.values import ConversationId

_SHOWN_CONVERSATIONS = 20


@click.command()
@click.option("-c", "--continue", "resume", is_flag=True, help="Go on with the latest conversation.")
@click.option("--conversation", metavar="ID", help="Go on with this conversation.")
@click.option("--provider", metavar="P", help="Ask this provider only.")
@click.option("--model", metavar="M", help="Ask this model.")
def chat(resume: bool, conversation: str | None, provider: str | None, model: str | None) -> None:
    """Talk with LOTUS. /help at the prompt lists what it understands.

    Enter sends; Alt-Enter, or a backslash at a line's end, begins a new line. Ctrl-C cancels the answer, Ctrl-D leaves. From a
    pipe, every line is a question.
    """
    if resume and conversation is not None:
        raise InvalidInput("--continue and --conversation exclude each other")
    runtime = load_runtime()
    with connect(runtime.database_url) as conn:
        conversation_id = find_conversation(conn, conversation, resume=resume)
    talk = Chat(runtime=runtime, conversation_id=conversation_id, provider=provider, model=model)
    if is_live(sys.stdout) and sys.stdin is not None and sys.stdin.isatty():
        from lotus_tasks.cli.chat_prompt import lines_at_prompt

        click.echo("LOTUS · /help for what can be done here, Ctrl-D to leave", err=True)
        talk.hold(lines_at_prompt(runtime.home, describe_commands(), talk.choices), person=True)
    elif not replace(talk, piped=True).hold(lines_of_stdin(), person=False):
        raise click.exceptions.Exit(1)


@dataclass(slots=True, kw_only=True)
class Chat:
    """A conversation that goes on, and what it is held with."""

    runtime: Runtime
    conversation_id: ConversationId | None = None
    provider: str | None = None
    model: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    piped: bool = False

    def hold(self, lines: Iterator[str], *, person: bool) -> bool:
        """Answer line by line until there is no more; False where a line from a pipe failed.

        A ``person`` may go on after anything; a pipe ends with what can't be mended, and with Ctrl-C.
        """
        well = True
        for line in lines:
            try:
                if not self.take(line):
                    break
            except click.exceptions.Exit as ended:
                well = well and ended.exit_code == 0
                if ended.exit_code == 130 and not person:
                    raise
            except KeyboardInterrupt:
                if not person:
                    raise
                click.echo("cancelled", err=True)
            except (LotusError, click.ClickException, TimeoutError) as error:
                if not person and isinstance(error, (NotRunning, ServiceDown)):
                    raise
                well = False
                said = error.format_message() if isinstance(error, click.ClickException) else str(error)
                click.echo(f"lotus: {' '.join(said.split())}", err=True)
        return well

    def take(self, line: str) -> bool:
        """One line: a question or a /command. False when it ends the chat."""
        text = line.strip()
        if not text:
            return True
        if not text.startswith("/"):
            self.ask(text)
            return True
        name, _, rest = text[1:].partition(" ")
        if name in {"quit", "exit", "q"}:
            return False
        if name not in _COMMANDS:
            raise InvalidInput(f"there is no /{name} here; /help lists what there is")
        _COMMANDS[name][1](self, rest.strip())
        return True

    def ask(self, text: str) -> None:
        """Ask in this conversation, and show the answer. Raises click's Exit with the code of `ask` where there is none."""
        question = read_question((text,)) if text != "-" else text
        # Found anew for each question: LOTUS may have been restarted meanwhile.
        self.runtime = load_runtime()
        options = RunOptions(
            provider=self.provider,
            model=self.model,
            **limits_of(self.runtime.setting),
            attachments=tuple(self.attachments),
            origin=OUTSIDE if self.piped else USER,
        )
        with connect(self.runtime.database_url) as conn:
            run = submit_run(conn, question, options, conversation_id=self.conversation_id)
        self.conversation_id = run.conversation_id
        self.attachments.clear()
        show_run(self.runtime, run.run_id, as_json=False, stream=True, timeout_s=None)

    def choices(self, name: str) -> Mapping[str, str]:
        """What may stand after /``name``, each with a word about it."""
        try:
            if name == "open":
                return {str(row["id"])[:8]: row["title"] for row in self._conversations()}
            if name in {"provider", "model"}:
                offered = self._providers()
                if name == "provider":
                    return {one["name"]: one["detail"] for one in offered}
                return {model: one["name"] for one in offered for model in one.get("models", ())}
        except (LotusError, OSError):
            pass
        return {}

    def _new(self, _rest: str) -> None:
        self.conversation_id = None
        click.echo("a new conversation", err=True)

    def _list(self, _rest: str) -> None:
        for row in self._conversations():
            mark = "*" if row["id"] == self.conversation_id else " "
            say_row(f"{mark} {str(row['id'])[:8]}", f"{row['updated_at'].astimezone():%Y-%m-%d %H:%M}", row["title"])

    def _open(self, rest: str) -> None:
        wanted = _needed(rest, "/open ID")
        with connect(self.runtime.database_url) as conn:
            self.conversation_id = find_conversation(conn, wanted, resume=False)
        click.echo(f"goes on with {str(self.conversation_id)[:8]}", err=True)

    def _choose_provider(self, rest: str) -> None:
        self.provider = rest or None
        click.echo(f"asks {rest or 'the providers in their order'}", err=True)

    def _choose_model(self, rest: str) -> None:
        self.model = rest or None
        offered = self.choices("model") if rest else {}
        unseen = offered and not {rest, f"{rest}:latest"} & offered.keys()
        hint = ", which no provider had at the last look; /model alone goes back" if unseen else ""
        click.echo(f"asks {rest or 'the model of the provider'}{hint}", err=True)

    def _attach(self, rest: str) -> None:
        self.attachments += read_attachments(tuple(shlex.split(_needed(rest, "/file PATH"))))
        click.echo(f"goes with the next question: {', '.join(file.name for file in self.attachments)}", err=True)

    def _remember(self, rest: str) -> None:
        from lotus_tasks.cli.memory import remember

        remember.main(["--", _needed(rest, "/remember TEXT")], prog_name="/remember", standalone_mode=False)

    def _recall(self, rest: str) -> None:
        from lotus_tasks.cli.memory import recall

        recall.main(["--", _needed(rest, "/recall QUERY")], prog_name="/recall", standalone_mode=False)

    def _help(self, _rest: str) -> None:
        commands = describe_commands()
        width = max(map(len, commands))
        screen = make_screen(live=False)
        screen.finish("\n".join(f"/{name:<{width}}  {said}" for name, said in commands.items()))

    def _conversations(self) -> list[dict[str, Any]]:
        with connect(self.runtime.database_url) as conn:
            query = queries.load("conversations").list_conversations
            return conn.execute(query, {"limit": _SHOWN_CONVERSATIONS}).fetchall()

    def _providers(self) -> list[dict[str, Any]]:
        with connect(self.runtime.database_url) as conn:
            row = conn.execute(queries.load("providers").last_health).fetchone()
        return list(row["providers"] or ()) if row is not None else []


_COMMANDS: Mapping[str, tuple[str, Callable[[Chat, str], None]]] = {
    "help": ("this list", Chat._help),  # noqa: SLF001 - its own
    "new": ("begin a new conversation", Chat._new),  # noqa: SLF001
    "conversations": ("the latest conversations", Chat._list),  # noqa: SLF001
    "open": ("ID: go on with this conversation", Chat._open),  # noqa: SLF001
    "provider": ("P: ask this provider only; without P, all in their order", Chat._choose_provider),  # noqa: SLF001
    "model": ("M: ask this model; without M, the provider's usual one", Chat._choose_model),  # noqa: SLF001
    "file": ("PATH…: give the model these files with the next question", Chat._attach),  # noqa: SLF001
    "remember": ("TEXT: keep this", Chat._remember),  # noqa: SLF001
    "recall": ("QUERY: search memory", Chat._recall),  # noqa: SLF001
}


def describe_commands() -> dict[str, str]:
    """Every /command with a line about it."""
    return {**{name: said for name, (said, _) in _COMMANDS.items()}, "quit": "leave"}


def lines_of_stdin() -> Iterator[str]:
    """Standard input, line by line; a backslash at a line's end joins the next one to it. Raises InvalidInput."""
    if sys.stdin is None:
        raise InvalidInput("standard input is closed; there is nothing to answer")
    held: list[str] = []
    for raw in iter(sys.stdin.buffer.readline, b""):
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        if line.endswith("\\"):
            held.append(line[:-1])
            continue
        yield "\n".join([*held, line])
        held.clear()
    if held:
        yield "\n".join(held)


def _needed(rest: str, usage: str) -> str:
    if not rest:
        raise InvalidInput(f"something is missing: {usage}")
    return rest
