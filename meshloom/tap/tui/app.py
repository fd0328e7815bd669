"""The application: widgets around a Session, and the door to the hub's events and the terminal."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterable, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Input, Static

from mesh_traffic import Exchange
from meshloom.tap.tui.details import details
from meshloom.tap.tui.listing import ORDERS
from meshloom.tap.tui.look import CSS, THEME, content
from meshloom.tap.tui.screens import Help, TreeScreen, hints
from meshloom.tap.tui.session import Session
from meshloom.tap.tui.table import Headings, Table
from meshloom.tap.tui.words import Line, caret
from tap import lines
from tap.content import Schema
from tap.language.match import MAX_LENGTH
from tap.live.client import TapError
from tap.live.coverage import Coverage

Events = AsyncIterable[Exchange | Coverage]
Connect = Callable[[], AbstractAsyncContextManager[Events]]

FRAMES = 15  # a second: how often what came is shown
AT_ONCE = 50  # events after which the screen and the keys have their turn
SETTLED = 2_000  # events after which the garbage collector is told to look at no older ones
MAX_COPIED = 75_000  # bytes: terminals take some 100,000 in base64
PAUSE = 0.2  # seconds without a key after which a filter is used: a half typed word is none
BUSY = 0.02  # seconds of a frame that filtering may take


class TapApp(App[TapError]):
    """Shows what ``connect`` yields. Returns a TapError when there was nothing to show."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (160, "-wide")]
    BINDINGS = [
        Binding("q", "quit", show=False),
        Binding("ctrl+c", "quit", show=False),
        Binding("slash", "filter", show=False),
        Binding("space", "hold", show=False),
        Binding("escape", "leave", show=False),
        Binding("enter", "into", show=False),
        Binding("s", "sort", show=False),
        Binding("r", "reverse", show=False),
        Binding("t", "tree", show=False),
        Binding("c", "copy", show=False),
        Binding("question_mark", "help", show=False),
    ]

    def __init__(self, connect: Connect, session: Session, schema: Schema | None = None) -> None:
        super().__init__(ansi_color=True)
        self.session = session
        self._connect = connect
        self._schema = schema
        self._typing: Timer | None = None
        self._news = False
        self.register_theme(THEME)
        self.theme = THEME.name

    def compose(self) -> ComposeResult:
        with Container(id="top"):
            yield Static("/", id="slash", markup=False)
            yield Input(placeholder="filter", id="filter", max_length=MAX_LENGTH)
            yield Static(id="counts", markup=False)
        yield Static(id="wrong", markup=False)
        with Container(id="main"):
            with Vertical(id="left"):
                yield Headings()
                yield Table(self.session)
            with VerticalScroll(id="details"):
                yield Static(id="detail", markup=False)
        yield Static(id="notes", markup=False)
        yield Static(id="coverage", markup=False)
        yield Static(id="keys", markup=False)

    def on_mount(self) -> None:
        self.query_one("#details").display = False
        self.table.focus()
        self.set_interval(1 / FRAMES, self._frame)
        self.run_worker(self._listen(), exit_on_error=True)

    async def _listen(self) -> None:
        try:
            async with self._connect() as events:
                await self._receive(events)
            self.session.ended = "the mesh has ended; what it showed is still here"
        except TapError as error:
            if not self.session.memory.next:
                self.exit(error, return_code=2)
            self.session.ended = str(error)
        self._news = True

    async def _receive(self, events: Events) -> None:
        came = 0
        async for event in events:
            self.session.receive(event)
            self._news = True
            came += 1
            if came % AT_ONCE == 0:  # a full buffer is read without ever waiting
                await asyncio.sleep(0)
            if came % SETTLED == 0:
                _settle()

    def _frame(self) -> None:
        """Show what has changed since the last one."""
        if not self.is_running or not (self._news or self.session.listing.unmatched):
            return
        self._news = False
        self.show()

    def show(self) -> None:
        """Everything but the details, as it is now."""
        end = time.monotonic() + BUSY
        self.session.work(lambda: time.monotonic() < end)
        listing = self.session.listing
        self.table.sync()
        self.query_one(Headings).tell(self.table.columns, listing.order, listing.falling)
        self._tell("#counts", self._counts())
        role = "" if self.session.complete else "refused"
        self._tell("#keys", hints(listing.held is not None))
        self._tell("#coverage", ((self.session.coverage(), role),))
        notes = self.session.notes()
        more = f"   and {len(notes) - 1} more" if len(notes) > 1 else ""
        self._tell("#notes", (("".join(notes[:1]) + more, "refused"),))

    def _counts(self) -> Line:
        session = self.session
        listing = session.listing
        kept = session.memory.next - session.memory.first
        of = f"{len(listing):,} of {kept:,}" if session.filter.strip() else f"{kept:,}"
        busy: Line = (("filtering   ", "quiet"),) if listing.unmatched else ()
        if listing.held is None:
            return (*busy, (f"{of}   ", "quiet"), ("● live", "bar"))
        return (*busy, (f"{of}   ", "quiet"), (f"‖ held, {listing.waiting:,} new", "refused"))

    def _tell(self, selector: str, line: Line) -> None:
        """Put a line into a widget, which is away while there is none."""
        widget = self.query_one(selector, Static)
        widget.display = any(text for text, _ in line)
        widget.update(content([line]))

    @property
    def table(self) -> Table:
        return self.query_one(Table)

    # the filter

    def action_filter(self) -> None:
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.session.check(event.value)
        self._tell("#wrong", ((self._wrong(), "refused"),))
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(PAUSE, self._filter)

    def _filter(self) -> None:
        """Use the filter, when nobody types."""
        if not self.query(Input):
            return  # the pause ended while the application does
        self.session.match(self.query_one(Input).value)
        self.show()

    def _wrong(self) -> str:
        """The error of a filter, its caret below the place."""
        wrong, box = self.session.wrong, self.query_one(Input)
        if wrong is None:
            return ""
        before = Content(box.value[: wrong.column]).cell_length
        return lines.printable(
            caret(wrong.why, before - box.scroll_offset.x, self.size.width - box.content_region.x)
        )

    def on_input_submitted(self) -> None:
        self._filter()
        self.table.focus()

    # holding, following, selecting

    def action_hold(self) -> None:
        if self.session.listing.held is None:
            self.session.listing.hold()
            self.table.anchor_here()
        else:
            self._follow()
        self.show()

    def _follow(self) -> None:
        self.session.resume()
        self.query_one("#details").display = False
        self.table.focus()

    def action_leave(self) -> None:
        """One step: out of the filter, out of the details, the details closed, live again."""
        pane, box = self.query_one("#details"), self.query_one(Input)
        if box.has_focus:
            box.value = ""
            self._filter()
            self.table.focus()
        elif pane.has_focus:
            self.table.focus()
        elif pane.display:
            pane.display = False
        else:
            self._follow()
        self.show()

    def action_into(self) -> None:
        pane = self.query_one("#details")
        if not pane.display:
            if self.session.selected is None:
                self.table.action_move(0)
                return
            self._show_details()
        else:
            pane.focus()

    def on_table_held(self) -> None:
        if self.session.listing.held is None:
            self.action_hold()

    def on_table_selected(self) -> None:
        self._show_details()

    def _show_details(self) -> None:
        pane = self.query_one("#details", VerticalScroll)
        was_shown = pane.display
        pane.display = True
        pane.scroll_home(animate=False)
        if was_shown:
            self._fill_details()
        else:  # the pane has its width, and the list its height, when it has been laid out
            self.call_after_refresh(self._fill_details)
            self.call_after_refresh(self.table.show_selected)
        self.show()

    @work(exclusive=True, group="details")
    async def _fill_details(self) -> None:
        """In a thread: a hostile body takes a while to decode, and keys are not to wait for it."""
        selected = self.session.selected
        if selected is not None:
            width = max(40, self.query_one("#details").scrollable_content_region.width)
            told = await asyncio.to_thread(self._details, selected.exchange, width)
            self.query_one("#detail", Static).update(told)

    def _details(self, exchange: Exchange, width: int) -> Content:
        return content(details(exchange, width, schema=self._schema))

    def on_resize(self, event: Resize) -> None:
        self.call_after_refresh(self._fill_details)
        self.call_after_refresh(self.show)

    # sorting

    def on_headings_sort(self, event: Headings.Sort) -> None:
        self._sort(event.order)

    def action_sort(self) -> None:
        names = list(ORDERS)
        at = names.index(self.session.listing.order)
        self._sort(names[(at + 1) % len(names)])

    def action_reverse(self) -> None:
        self._sort(self.session.listing.order)

    def _sort(self, order: str) -> None:
        self.session.sort(order)
        self.table.show_selected()
        self.show()

    # other screens

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_tree(self) -> None:
        selected = self.session.selected
        if selected is None:
            self.notify("select a request first", markup=False)
            return
        roots, numbers = self.session.tree()
        if not roots:
            self.notify("this exchange has no request id, so nothing belongs to it", markup=False)
            return
        request_id = lines.printable(selected.exchange.request_id)
        screen = TreeScreen(request_id, list(lines.tree(roots)), numbers, selected.number)
        self.push_screen(screen, self._go_to)

    def action_copy(self) -> None:
        """The selected request as a curl command, in the terminal's clipboard (OSC 52)."""
        from tap.export import EXPORTS

        if self.session.selected is None:
            self.notify("select a request first", markup=False)
            return
        command = b"".join(EXPORTS["curl"].write([self.session.selected.exchange]))
        if len(command) > MAX_COPIED:
            told = f"longer than {MAX_COPIED:,} bytes; meshloom tap export curl writes it to a file"
            self.notify(told, severity="warning", markup=False)
            return
        self.copy_to_clipboard(command.decode("utf-8", "replace"))
        self.notify("copied as curl", markup=False)

    def _go_to(self, number: int | None) -> None:
        if number is None:
            return
        if told := self.session.go_to(number):
            self.notify(told, markup=False)
        self._show_details()
        self.table.show_selected()


def _settle() -> None:
    """Take what is in memory out of the garbage collector's sight: exchanges hold no circles, and
    a look at a million of their parts would stop the screen for half a second, every few."""
    gc.collect(1)
    gc.freeze()


def show(connect: Connect, notes: Sequence[str] = (), schema: Schema | None = None) -> None:
    """Run the application until it is left.

    ``notes`` are told for as long as it runs; ``schema`` names the fields of gRPC messages.
    Raises TapError when nothing could be watched, or there is no terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise TapError("--tui needs a terminal")
    error = TapApp(connect, Session(notes=notes), schema).run()
    if error is not None:
        raise error
