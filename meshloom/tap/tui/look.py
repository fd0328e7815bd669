"""How things look: roles of text, and the few colours that they have.

Colours are the terminal's own sixteen on its own background, so that a light terminal stays light
and its owner's choice holds; with ``NO_COLOR`` (https://no-color.org) what is left, bold, dim and
reverse, still tells everything, since no colour is the only sign of anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from textual.content import Content
from textual.style import Style
from textual.theme import Theme

from meshloom.tap.tui.words import Line

ROLES: Mapping[str, str] = {
    "": "",
    "quiet": "dim",
    "strong": "bold",
    "moved": "ansi_cyan",
    "refused": "ansi_yellow",
    "failed": "ansi_red bold",
    "told": "ansi_red",
    "rule": "ansi_blue",
    "bar": "ansi_cyan",
}

THEME = Theme(
    name="terminal",
    ansi=True,
    primary="ansi_blue",
    secondary="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_red",
    success="ansi_green",
    accent="ansi_cyan",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "border-blurred": "ansi_blue",
        "block-cursor-foreground": "ansi_default",
        "block-cursor-background": "ansi_default",
        "block-cursor-text-style": "reverse",
        "block-cursor-blurred-foreground": "ansi_default",
        "block-cursor-blurred-background": "ansi_default",
        "block-cursor-blurred-text-style": "reverse",
        "input-cursor-background": "ansi_default",
        "input-cursor-foreground": "ansi_default",
        "input-cursor-text-style": "reverse",
        "input-selection-background": "ansi_cyan",
        "input-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_cyan",
        "screen-selection-foreground": "ansi_black",
    },
)


# No boxes: one rule between the list and the details.
CSS = """
Screen { layout: vertical; }

#top { layout: horizontal; height: 1; padding: 0 1; }
#slash { width: 2; color: $accent; text-style: bold; }
#filter { width: 1fr; height: 1; border: none; padding: 0; }
#filter:focus { border: none; }
#counts { width: auto; padding: 0 0 0 2; }
#wrong { height: 1; padding: 0 1 0 3; display: none; }

#main { layout: vertical; height: 1fr; }
#left { width: 1fr; height: 1fr; }
Headings { height: 1; padding: 0 1; margin: 0; }
Table { height: 1fr; padding: 0 0 0 1; overflow-x: hidden; overflow-y: auto;
        scrollbar-gutter: stable; scrollbar-size-vertical: 1; }

#details { height: 55%; padding: 0 1; border-top: solid $primary; scrollbar-size-vertical: 1; }
#details:focus { border-top: heavy $accent; }
#detail { width: 100%; height: auto; }
.-wide #main { layout: horizontal; }
.-wide #details { width: 45%; height: 100%; border-top: none; border-left: solid $primary; }
.-wide #details:focus { border-top: none; border-left: heavy $accent; }

#notes, #coverage, #keys { height: 1; padding: 0 1; }
#notes { display: none; }

ModalScreen { align: center middle; }
.panel { width: auto; max-width: 95%; height: auto; max-height: 100%; padding: 0 2;
         border: round $primary; scrollbar-size-vertical: 1; }
.panel Static { width: auto; }
OptionList { width: auto; height: auto; max-height: 30; border: none; padding: 0; }
OptionList:focus { border: none; }
#filter > .input--cursor { color: ansi_default; background: ansi_default; text-style: reverse; }
Table, #details, .panel { scrollbar-background: ansi_default; scrollbar-color: ansi_blue;
    scrollbar-background-hover: ansi_default; scrollbar-background-active: ansi_default; }
"""


def style_of(role: str) -> Style:
    return Style.parse(ROLES[role])


def content(lines: Iterable[Line]) -> Content:
    """Lines as a widget shows them. Their text is never read as markup."""
    return Content("\n").join(
        Content.assemble(*((text, ROLES[role]) for text, role in line)) for line in lines
    )
