"""What a tap and an access log tell of a request, as tests need it."""

from __future__ import annotations

from mesh_traffic import Body, Headers, Request, Response, Timing
from tap.access_log import Entry
from tap.traces.decode import BufferedTrace, Message


def trace(name: str, started: float, client: str = "a:1", ask: str = "r") -> BufferedTrace:
    fields = {":method": "GET", "x-request-id": ask, "x-name": name}
    asked = Message(Headers.of(fields), time=started)
    return BufferedTrace(asked, Message(Headers.of({":status": "200"})), client=client)


def entry(name: str, started: float, client: str = "a:1", ask: str = "r") -> Entry:
    request, response = Request(path=name), Response(200, body=Body(size=0))
    addresses = ("listener", client, "", "")
    return Entry(request, response, ask, *addresses, started, 0.1, "all", "", (), 1, "", Timing())
