"""mitmproxy's own web interface over captures: live, read only, on loopback, with a token.

Of mitmweb only the pages and the handlers that read are used. There is no proxy behind them, no
options, no commands and no addons: what can not work on a capture (replay, intercept, edit, load,
options) is not refused but absent, and ``gate`` says no to all that ``routes`` does not list. Where
requests are held, ``holds`` adds what edits them and lets them go.

``gate``, ``window`` and ``labels`` are plain; ``page`` and ``handlers`` are the doors, and use
tornado, as mitmweb does. Bodies are decoded by ``tap.content``: mitmproxy's own views have no
bounds (32 KiB of blanks as JavaScript take it 27 s, and it expands compressed bodies to any size).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap.content import Schema
    from tap.flows.web.holds import Holder
    from tap.flows.web.page import Page

FIRST_WITH_TOKEN = 12  # major version of mitmproxy; the last for Python 3.11 is 11.0.2
MAX_FLOWS = 2_000  # that the page holds; the oldest goes for each that comes
MAX_BYTES = 64 * 1024 * 1024  # of their bodies and headers


class WebError(Exception):
    """The page can't be served; the message says why, and what to do."""


@asynccontextmanager
async def serving(
    *,
    port: int = 0,
    max_flows: int = MAX_FLOWS,
    max_bytes: int = MAX_BYTES,
    schema: Schema | None = None,
    holder: Holder | None = None,
) -> AsyncIterator[Page]:
    """Serve a page on 127.0.0.1 while inside; its ``url`` has the token.

    ``port`` 0: one that is free. ``schema`` names the fields of gRPC messages. ``holder`` lets go
    what ``Page.hold`` shows; without one the page only shows.
    Raises WebError with a mitmproxy that has no authentication, and for a port that is taken.
    """
    check(version("mitmproxy"))
    from tap.flows.web.page import open_page  # slow to import, and not there in mitmproxy 11

    async with open_page(port, max_flows, max_bytes, schema, holder) as page:
        yield page


def check(installed: str) -> None:
    """Raises WebError if the web interface of that version of mitmproxy asks for no token."""
    major = installed.partition(".")[0]
    if not (major.isdigit() and int(major) >= FIRST_WITH_TOKEN):
        raise WebError(
            f"the web interface of mitmproxy {installed} has no authentication: anybody on this"
            " machine could read the captures, so it stays off; run meshloom on Python 3.12 or"
            f" later, which gets mitmproxy {FIRST_WITH_TOKEN}, or watch without --web"
        )
