"""The prompt at a terminal (a door to prompt_toolkit): history, and completion of commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.patch_stdout import patch_stdout

from debugger.console.commands import COMMANDS
from debugger.console.console import Console
from debugger.console.draft import message_of
from meshloom.state import lasting_home

_NAMES = {"set", "remove", "rm"}
_HOLDS = {"use", "continue", "c", "step", "n"}


async def prompted(console: Console) -> AsyncIterator[str]:
    """What is typed, line by line, while events are printed above; ends with Ctrl-D or Ctrl-C."""
    session: PromptSession[str] = PromptSession(
        history=_history(), completer=_Words(console), complete_while_typing=False
    )
    with patch_stdout(raw=True):
        while True:
            try:
                yield await session.prompt_async(lambda: _prompt(console))
            except (EOFError, KeyboardInterrupt):
                return


def _prompt(console: Console) -> str:
    return f"(debug {console.current}) " if console.current else "(debug) "


def _history() -> History:
    """What was typed before, of this user; in memory where there is no place for it."""
    path = lasting_home() / "debug_history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


class _Words(Completer):
    """Commands first; then what the command is about: a field's name, or a hold."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        command, blank, rest = document.text_before_cursor.lstrip().partition(" ")
        typed = rest if blank else command
        for word in self._fitting(command) if blank else self._commands():
            if word.startswith(typed) and " " not in typed:
                yield Completion(word, -len(typed))

    def _commands(self) -> Iterable[str]:
        return sorted(each.names[0] for each in COMMANDS)

    def _fitting(self, command: str) -> Iterable[str]:
        console = self._console
        if command in _HOLDS:
            return console.holds
        if command in _NAMES and console.current:
            fields = message_of(console.held).headers
            return dict.fromkeys(name for name, _ in fields)
        return ()
