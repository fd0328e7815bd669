"""The list of steps on the screen: only the lines that can be seen are made."""

from __future__ import annotations

from rich.segment import Segment
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from debugger.stepping import told
from debugger.stepping.run.stop import Kind, Stop
from debugger.stepping.session import Session
from meshloom.tap.tui.look import style_of
from meshloom.tap.tui.words import fitting


class Steps(ScrollView, can_focus=True):
    """All stops of ``session``; the cursor's line is reversed and stays in sight."""

    class Chosen(Message):
        """A click on a step."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def on_resize(self, event: Resize) -> None:
        self.sync()

    def sync(self) -> None:
        """Show where the session is now."""
        stops = self._session.cursor.history.stops
        self.virtual_size = Size(self.scrollable_content_region.width, len(stops))
        at = self._session.cursor.stop.number - 1
        top, height = self.scroll_offset.y, self.size.height
        if not top <= at < top + height:
            near = top - height <= at < top + 2 * height
            middle = at - height // 2
            self.scroll_to(
                y=max(0, (at if at < top else at - height + 1) if near else middle), animate=False
            )
        self.refresh()

    def render_line(self, y: int) -> Strip:
        at, width = self.scroll_offset.y + y, self.size.width
        stops = self._session.cursor.history.stops
        if at >= len(stops):
            return Strip.blank(width)
        stop = stops[at]
        text = self._mark(stop) + fitting(told.line(stop, self._session.places), width - 1)
        if stop is self._session.cursor.stop:
            style = Style(reverse=True, bold=self.has_focus).rich_style
        else:
            style = style_of(_role(stop)).rich_style
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _mark(self, stop: Stop) -> str:
        """Whether a breakpoint holds there."""
        return "●" if any(one.holds(stop) for one in self._session.breakpoints) else " "

    def on_click(self, event: Click) -> None:
        at = self.scroll_offset.y + event.y
        if at < len(self._session.cursor.history):
            self.post_message(self.Chosen(at + 1))


def _role(stop: Stop) -> str:
    if stop.kind is Kind.TRAP:
        return "failed"
    if stop.kind is Kind.CALLBACK:
        return "strong"
    return "quiet" if stop.kind is Kind.RETURN else ""
