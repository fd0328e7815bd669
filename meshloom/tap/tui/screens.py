"""What opens above the list: the keys, and one request's tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from meshloom.tap.tui.look import content
from meshloom.tap.tui.words import Line
from tap.language.terms import FIELDS

# what to press, what it does: the help says all, the last line of the screen the marked ones
KEYS = (
    ("↑ ↓", "select a request, and see all of it", "select"),
    ("Esc", "close the details; once more: follow what comes", ""),
    ("Space", "hold the list as it is, or follow what comes", "hold"),
    ("Enter", "go into the details, to scroll them", ""),
    ("/", "filter while you type; Enter keeps it, Esc takes it away", "filter"),
    ("t", "the tree of the selected request: all hops that are in memory", "tree"),
    ("c", "copy the selected request as a curl command", "curl"),
    ("s", "sort by the next column; a click on a heading does too", "sort"),
    ("r", "the other way round", ""),
    ("g G", "to the top, to the bottom", ""),
    ("?", "these keys", "keys"),
    ("q", "quit", "quit"),
)
EXAMPLES = (
    ("status >= 500", "failures"),
    ("~m POST & service == reviews", "by method and service"),
    ("duration > 100ms & !(version == v2)", "slow, and not v2"),
    ("header end-user == jason", "by a header of either side"),
    ("~b teapot", "a regular expression in a body; ~h in headers, ~u in the URL"),
    ("flags == UO | flags == UF", "by Envoy's response flags"),
)


def hints(held: bool) -> Line:
    """The keys in one line; what Space does depends on whether the list is held."""
    return tuple(
        part
        for key, _, short in KEYS
        if short
        for part in (
            (key, "strong"),
            (f" {'follow' if held and short == 'hold' else short}   ", "quiet"),
        )
    )


def help_lines() -> Iterator[Line]:
    yield (("Keys", "strong"),)
    for key, about, _ in KEYS:
        yield (f"  {key:<8}", "bar"), (about, "")
    yield ()
    yield (("Filters", "strong"),)
    for example, about in EXAMPLES:
        yield (f"  {example:<38}", "bar"), (about, "")
    yield ()
    for at, fields in enumerate(wrap(", ".join((*FIELDS, "header NAME")), 64)):
        yield (f"  {'' if at else 'fields':<8}", "quiet"), (fields, "")
    yield ("  signs   ", "quiet"), ("== != ~ !~ for text, == != < <= > >= for numbers", "")
    yield ("  joined  ", "quiet"), ("by & or a blank, by |; with ! and ( )", "")


class Help(ModalScreen[None]):
    BINDINGS = [Binding("escape,q,question_mark,enter", "dismiss", show=False)]

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="panel"):
            yield Static(content(help_lines()), markup=False)


class TreeScreen(ModalScreen[int | None]):
    """Gives the number of the hop that was chosen, None when it was closed."""

    BINDINGS = [
        Binding("escape,q,t", "dismiss", show=False),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    def __init__(
        self, request_id: str, lines: Sequence[str], numbers: Sequence[int], at: int | None
    ) -> None:
        """``lines``: one for each hop, safe to show; ``numbers``: of their exchanges; the cursor
        is ``at`` one of them."""
        super().__init__()
        self._at = at
        self._request_id = request_id
        self._lines = lines
        self._numbers = numbers

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="panel"):
            title: Line = ("Request ", "strong"), (self._request_id, "")
            yield Static(content([title, ()]), markup=False)
            yield OptionList(*(Option(Content(line)) for line in self._lines), markup=False)
            hint = "hops that are in memory   Enter goes to one   Esc closes"
            yield Static(content([(), ((hint, "quiet"),)]), markup=False)

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.focus()
        options.highlighted = self._numbers.index(self._at) if self._at in self._numbers else 0

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Reverse the cursor's line, which a style of the list can't."""
        for at, line in enumerate(self._lines):
            shown = Content.styled(line, "reverse" if at == event.option_index else "")
            event.option_list.replace_option_prompt_at_index(at, shown)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._numbers[event.option_index])

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()
