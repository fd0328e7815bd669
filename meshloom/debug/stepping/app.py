"""The screen of ``meshloom debug wasm``: all steps, all about one, and a line for commands."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container, VerticalScroll
from textual.events import Key
from textual.widgets import Input, Static

from debugger.stepping.conditions import MAX_LENGTH
from debugger.stepping.session import Session
from debugger.stepping.told import SECTIONS
from meshloom.debug.stepping.steps import Steps
from meshloom.tap.tui.look import THEME, content
from meshloom.tap.tui.words import Line

CSS = """
Screen { layout: vertical; }
#main { layout: vertical; height: 1fr; }
Steps { height: 45%; padding: 0 1 0 0; overflow-x: hidden; overflow-y: auto;
        scrollbar-gutter: stable; scrollbar-size-vertical: 1; }
#details { height: 1fr; padding: 0 1; border-top: solid $primary; scrollbar-size-vertical: 1; }
#details:focus { border-top: heavy $accent; }
#detail { width: 100%; height: auto; }
.-wide #main { layout: horizontal; }
.-wide Steps { width: 50%; height: 100%; }
.-wide #details { width: 50%; height: 100%; border-top: none; border-left: solid $primary; }
#answer { height: auto; max-height: 40%; padding: 0 1; border-top: solid $primary; display: none; }
#answer Static { width: 100%; height: auto; }
#command { height: 1; border: none; padding: 0 1; display: none; }
#command:focus { border: none; }
#notes, #keys { height: 1; padding: 0 1; }
Steps, #details, #answer { scrollbar-background: ansi_default; scrollbar-color: ansi_blue;
    scrollbar-background-hover: ansi_default; scrollbar-background-active: ansi_default; }
"""
KEYS = (
    ("↓ ↑", "step, back"),
    ("n p", "callback"),
    ("f", "finish"),
    ("c r", "continue, reverse"),
    (":", "command (break, watch, memory …)"),
    ("?", "help"),
    ("q", "quit"),
)
MAX_ANSWER = 300  # lines of what a command says


class StepApp(App[None]):
    """Steps through ``session``; ``notes`` are told on the last line but one."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]
    BINDINGS = [
        Binding("q,ctrl+c", "quit", show=False),
        Binding("down,s,j", "move('step')", show=False),
        Binding("up,b,k", "move('back')", show=False),
        Binding("pagedown", "move('step 20')", show=False),
        Binding("pageup", "move('back 20')", show=False),
        Binding("n", "move('next')", show=False),
        Binding("p", "move('previous')", show=False),
        Binding("f", "move('finish')", show=False),
        Binding("c", "move('continue')", show=False),
        Binding("r", "move('reverse')", show=False),
        Binding("home,g", "move('go 1')", show=False),
        Binding("end,G", "last", show=False),
        Binding("colon", "command", show=False),
        Binding("question_mark", "answer('help')", show=False),
        Binding("enter", "into", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(self, session: Session, notes: Sequence[str] = ()) -> None:
        super().__init__(ansi_color=True)
        self.session = session
        self._notes = notes
        self.register_theme(THEME)
        self.theme = THEME.name

    def compose(self) -> ComposeResult:
        with Container(id="main"):
            yield Steps(self.session)
            with VerticalScroll(id="details"):
                yield Static(id="detail", markup=False)
        with VerticalScroll(id="answer"):
            yield Static(id="said", markup=False)
        yield Input(placeholder="command", id="command", max_length=MAX_LENGTH)
        yield Static(id="notes", markup=False)
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        keys = (((key, "strong"), (f" {does}   ", "quiet")) for key, does in KEYS)
        line: Line = tuple(part for parts in keys for part in parts)
        self.query_one("#keys", Static).update(content([line]))
        notes = self.query_one("#notes", Static)
        notes.display = bool(self._notes)
        notes.update(content([(("   ".join(self._notes), "refused"),)]))
        self.query_one(Steps).focus()
        self.show()

    def show(self) -> None:
        """Everything as the session has it now."""
        self.query_one(Steps).sync()
        lines = [_line(text) for text in self.session.do("show")]
        self.query_one("#detail", Static).update(content(lines))

    def on_steps_chosen(self, event: Steps.Chosen) -> None:
        self.action_move(f"go {event.number}")

    def action_move(self, command: str) -> None:
        """Where it can't go further, it says so; else the screen shows where it is."""
        before = self.session.cursor.stop
        said = self.session.do(command)
        if self.session.cursor.stop is before and said:
            self.notify(said[0], markup=False)
        self.show()

    def action_last(self) -> None:
        self.action_move(f"go {len(self.session.cursor.history)}")

    def action_command(self) -> None:
        command = self.query_one(Input)
        command.display = True
        command.focus()

    def action_answer(self, command: str) -> None:
        """Show what a command says, below the step."""
        said = self.session.do(command)
        more = [f"… {len(said) - MAX_ANSWER} more lines"] if len(said) > MAX_ANSWER else []
        lines: list[Line] = [((text, ""),) for text in [*said[:MAX_ANSWER], *more]]
        self.query_one("#said", Static).update(content(lines))
        self.query_one("#answer").display = bool(said)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        event.input.value = ""
        self._close_command()
        if text in ("q", "quit"):
            self.exit()
            return
        before = self.session.cursor.stop
        self.action_answer(text)
        if self.session.cursor.stop is not before:
            self.query_one("#answer").display = False  # the step says the same
        self.show()

    def on_key(self, event: Key) -> None:
        if event.key == "escape" and self.focused is self.query_one(Input):
            self._close_command()
            event.stop()

    def _close_command(self) -> None:
        self.query_one(Input).display = False
        self.query_one(Steps).focus()

    def action_into(self) -> None:
        self.query_one("#details").focus()

    def action_leave(self) -> None:
        self.query_one("#answer").display = False
        self.query_one(Steps).focus()


def _line(text: str) -> Line:
    return ((text, "strong" if text in SECTIONS else ""),)


def show(session: Session, notes: Sequence[str] = ()) -> None:
    """Run the screen until it is left."""
    StepApp(session, notes).run()
