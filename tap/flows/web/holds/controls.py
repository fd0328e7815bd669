"""What the page answers to who edits, resumes and kills (a door): mitmweb's addresses for it.

``CONTROLS`` exist only on a page with a holder. An edit changes what the page shows, and nothing
else; what was changed goes with the resume. What is refused is said in the flow's comment, in the
line at the foot, and as the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mesh_traffic import Exchange
from tap.content import Side
from tap.flows.web.handlers import FLOW, GET, SIDE, Download, Handler, Route
from tap.flows.web.holds import Holder, Refused
from tap.flows.web.holds.edits import edited, with_content

if TYPE_CHECKING:
    from tap.flows.web.page import Page

EDITED = rf"{FLOW}(?:/{SIDE}/content\.data)?"  # where bodies come
# What mitmweb's pages offer and nobody here does: replay and its like, a proxy's settings (its
# second and fourth tab), the HTTP version and the reason. And room for the comment.
STYLE = """\
.flow-menu .menu-group:has(.icon-replay), .quickaction:has(.icon-replay),
.nav-tabs-lg > a:nth-of-type(2), .nav-tabs-lg > a:nth-of-type(4), .capture-setup > *,
.dropdown-menu li:is(:has(.icon-openFolder, .icon-delete, .icon-external), .menu-divider),
.main-menu .menu-group:has(.icon-resumeAll) .filter-input { display: none; }
.request-line .inline-input:nth-of-type(3), .response-line .inline-input:nth-of-type(odd) {
  pointer-events: none;
}
.capture-setup::before { content: "Nothing has been held yet."; }
.flow-table .col-comment { width: 35%; }
"""


class _Control(Handler):
    """One that acts on what is held."""

    @property
    def page(self) -> Page:
        return self.application.page

    @property
    def holder(self) -> Holder:
        assert self.page.holder is not None
        return self.page.holder

    def held(self, flow_id: str) -> tuple[Exchange, Side]:
        """What waits, and which of its messages. Raises Refused."""
        exchange = self.shown(flow_id).exchange
        standing = self.page.standings.get(flow_id)
        if standing is None or standing.held is None:
            raise Refused("it is not held")
        if flow_id in self.page.leaving:
            raise Refused("it is being let go")
        return exchange, standing.held

    def edit(self, flow_id: str, change: Callable[[Exchange, Side], Exchange]) -> None:
        """Only on the page."""
        try:
            changed = change(*self.held(flow_id))
            self.page.hold(changed, replace(self.page.standings[flow_id], refused=""))
        except Refused as error:
            self.say(flow_id, error)
            self.page.anew(flow_id)
            self.answer([str(error)])

    async def let_go(self, flow_id: str, release: Callable[[Exchange], Awaitable[None]]) -> str:
        """Why it is still held; "" when it is not."""
        try:
            exchange, _ = self.held(flow_id)
            self.page.leaving.add(flow_id)
            try:
                await release(exchange)
            finally:
                self.page.leaving.discard(flow_id)
        except Refused as error:
            self.say(flow_id, error)
            return str(error)
        return ""

    async def resume(self, flow_id: str) -> str:
        """As it is now; why it is still held."""
        return await self.let_go(flow_id, lambda changed: self.holder.resume(flow_id, changed))

    def say(self, flow_id: str, error: Refused) -> None:
        """Where it can be seen."""
        shown, standing = self.page.window.get(flow_id), self.page.standings.get(flow_id)
        if shown is not None and standing is not None and standing.held is not None:
            self.page.hold(shown.exchange, replace(standing, refused=str(error)))
        self.page.say(f"{flow_id}: {error}")

    def answer(self, refused: Sequence[str]) -> None:
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.set_status(409 if refused else 200)
        self.finish("".join(f"{why}\n" for why in refused).encode("utf-8", "replace"))


class Edit(_Control):
    def put(self, flow_id: str) -> None:
        """mitmweb's own object of what has changed."""
        told = self.json
        self.edit(flow_id, lambda exchange, held: edited(exchange, held, told))


class Content(_Control, Download):
    def post(self, flow_id: str, message: str) -> None:
        """A file in the place of the body."""
        data = self.filecontents

        def change(exchange: Exchange, held: Side) -> Exchange:
            if message != held:
                return edited(exchange, held, {message: {}})  # says why
            return with_content(exchange, held, data)

        self.edit(flow_id, change)


class Resume(_Control):
    async def post(self, flow_id: str) -> None:
        self.answer(list(filter(None, [await self.resume(flow_id)])))


class Kill(_Control):
    async def post(self, flow_id: str) -> None:
        why = await self.let_go(flow_id, lambda _: self.holder.kill(flow_id))
        self.answer([why] if why else [])


class ResumeAll(_Control):
    async def post(self) -> None:
        """Each that can be; what is refused stays."""
        waiting = [one for one, standing in self.page.standings.items() if standing.held]
        refused = zip(waiting, await asyncio.gather(*map(self.resume, waiting)), strict=True)
        self.answer([f"{flow_id}: {why}" for flow_id, why in refused if why])


class Style(Handler):
    def get(self) -> None:
        self.set_header("Content-Type", "text/css; charset=UTF-8")
        self.finish(STYLE)


CONTROLS: Sequence[Route] = (
    (FLOW, Edit, ("PUT",)),
    (rf"{FLOW}/{SIDE}/content\.data", Content, ("POST", *GET)),
    (rf"{FLOW}/resume", Resume, ("POST",)),
    (rf"{FLOW}/kill", Kill, ("POST",)),
    (r"/flows/resume", ResumeAll, ("POST",)),
    (r"/holds\.css", Style, GET),
)
