"""The list on the screen: only the rows that can be seen are made, however many there are."""

from __future__ import annotations

from rich.segment import Segment
from textual.binding import Binding
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.widgets import Static

from meshloom.tap.tui.columns import Layout, cells, headings, layout, order_at
from meshloom.tap.tui.listing import Row
from meshloom.tap.tui.look import content, style_of
from meshloom.tap.tui.session import Session


class Headings(Static):
    """The row above the list; a click on one sorts by it."""

    class Sort(Message):
        def __init__(self, order: str) -> None:
            super().__init__()
            self.order = order

    def __init__(self) -> None:
        super().__init__(Content(""), markup=False)
        self._columns: Layout = ()

    def tell(self, columns: Layout, order: str, falling: bool) -> None:
        self._columns = columns
        self.update(content([headings(columns, order, falling)]))

    def on_click(self, event: Click) -> None:
        if order := order_at(self._columns, event.x):
            self.post_message(self.Sort(order))


class Table(ScrollView, can_focus=True):
    """Rows of ``session.listing``. Live, it follows what comes; held, the row at its anchor stays
    where it is on the screen: the selected one, or the topmost."""

    BINDINGS = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "top", show=False),
        Binding("end,G", "bottom", show=False),
    ]

    class Selected(Message):
        """The cursor is on another exchange."""

    class Held(Message):
        """Somebody scrolls: the list is to stay as it is."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.columns: Layout = ()
        self._session = session
        self._anchor: tuple[Row, int] | None = None  # and how far it is below the top

    def on_resize(self, event: Resize) -> None:
        self.columns = layout(self.scrollable_content_region.width)
        self.sync()

    def sync(self) -> None:
        """Show the list as it is now."""
        listing = self._session.listing
        self.virtual_size = Size(self.scrollable_content_region.width, len(listing))
        if listing.held is None:
            self._anchor = None
            self._go(len(listing) if listing.ends_with_the_newest else 0)
        elif self._anchor is not None:
            row, below = self._anchor
            self._go(listing.at(row) - below)
        self.refresh()

    def _go(self, top: int) -> None:
        self.scroll_to(y=max(0, top), animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.anchor_here()

    def anchor_here(self) -> None:
        """What is on the screen now is what stays."""
        listing, top = self._session.listing, self.scroll_offset.y
        selected = self._session.row()
        height = self.size.height
        self._anchor = None
        if selected is not None and top <= listing.at(selected) < top + height:
            self._anchor = selected, listing.at(selected) - top
        elif 0 <= top < len(listing):
            self._anchor = listing[top], 0

    def show_selected(self) -> None:
        """Bring the cursor's row onto the screen, and stay with it."""
        if (row := self._session.row()) is not None:
            at, top, height = self._session.listing.at(row), self.scroll_offset.y, self.size.height
            if not top <= at < top + height:
                self._go(at - height // 2 if abs(at - top) > 2 * height else min(at, top))
                if at >= self.scroll_offset.y + height:
                    self._go(at - height + 1)
        self.anchor_here()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        at, width = self.scroll_offset.y + y, self.size.width
        listing = self._session.listing
        if at >= len(listing):
            return self._empty(width) if y == 1 and not len(listing) else Strip.blank(width)
        row = listing[at]
        line = cells(self._session.memory[row[1]], self.columns)
        chosen = self._session.selected
        if chosen is not None and chosen.number == row[1]:
            plain = "".join(text for text, _ in line)
            style = Style(reverse=True, bold=self.has_focus)
            return Strip([Segment(plain, style.rich_style)]).adjust_cell_length(
                width, style.rich_style
            )
        segments = [Segment(text, style_of(role).rich_style) for text, role in line]
        return Strip(segments).adjust_cell_length(width)

    def _empty(self, width: int) -> Strip:
        """What a list without rows says."""
        busy, filtered = self._session.listing.unmatched, self._session.filter.strip()
        told = "filtering" if busy else "nothing matches" if filtered else "no requests yet"
        return Strip([Segment(told, style_of("quiet").rich_style)]).adjust_cell_length(width)

    def _select(self, at: int) -> None:
        self._session.select(at)
        self.show_selected()
        self.post_message(self.Selected())

    def _cursor(self) -> int | None:
        row = self._session.row()
        return None if row is None else self._session.listing.at(row)

    def action_move(self, by: int) -> None:
        """The first step of a live list selects what came last."""
        at, listing = self._cursor(), self._session.listing
        if at is None:
            # a live list may be ahead of the screen: some came since it was drawn
            shown = self.scroll_offset.y + self.size.height
            last = (len(listing) if listing.held is None else shown) - 1
            self._select(last if listing.ends_with_the_newest else 0)
        else:
            self._select(at + by)

    def action_page(self, by: int) -> None:
        at = self._cursor()
        start = self.scroll_offset.y if at is None else at
        self._select(max(0, start + by * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        self._select(0)

    def action_bottom(self) -> None:
        self._select(len(self._session.listing))

    def on_click(self, event: Click) -> None:
        at = self.scroll_offset.y + event.y
        if at < len(self._session.listing):
            self._select(at)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        self.post_message(self.Held())

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        self.post_message(self.Held())
