"""The request that is asked about: what is known of it, and what a capture can't tell.

An exchange shows a request as somebody saw it, and that is not always how it arrived: an access
log has no headers, and an admin tap writes them down at the end, when a route may have changed
them. What could be otherwise is *unsure*, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mesh_traffic import Exchange, Request

# What an entry of the access log has of a request's headers (tap/access_log.py)
LOGGED = frozenset(("user-agent", "referer", "x-forwarded-for", "x-request-id"))
CONTEXT = frozenset(("traceparent", "b3", "x-b3-traceid", "x-b3-spanid"))
_PSEUDO = frozenset((":method", ":path", ":authority", ":scheme", "host"))
_LOG = "access log"
_LOG_ONLY = "it was not captured"


@dataclass(frozen=True, slots=True)
class Unsure:
    """Which headers may have been otherwise, by name, and why. With ``only``, all but those."""

    why: Mapping[str, str] = field(default_factory=dict)
    only: frozenset[str] | None = None

    def of(self, name: str) -> str:
        """Why the header is unsure; "": it was as it is seen."""
        wanted = name.lower()
        if self.only is not None and wanted not in self.only:
            return _LOG_ONLY
        return self.why.get(wanted, "")

    def also(self, names: Iterable[str], why: str) -> Unsure:
        """The same, with these unsure as well."""
        return Unsure({**{name.lower(): why for name in names}, **self.why}, self.only)

    def __bool__(self) -> bool:
        return bool(self.why) or self.only is not None


SURE = Unsure()


@dataclass(frozen=True, slots=True)
class Connection:
    """What is known of the client's connection; ``None``: nobody knows.

    ``port`` and ``address`` are the listener's side, ``peer`` is the client's ``ip:port``.
    """

    address: str = ""
    port: int | None = None
    peer: str = ""
    tls: bool | None = None
    sni: str | None = None
    alpn: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request at a node. ``arrived`` says that it is as the routes saw it: what the connection
    manager does first is done. ``direction`` and ``owner`` tell its listener where no port does.
    """

    request: Request
    connection: Connection = Connection()
    arrived: bool = False
    unsure: Unsure = SURE
    direction: str = ""
    owner: str = ""  # as in the listener's name: "reviews-v1"
    opaque: bool = False  # no HTTP was seen on it


def of_exchange(exchange: Exchange) -> Asked:
    """What an exchange tells of the request as it arrived at its node."""
    party = exchange.destination if exchange.direction == "inbound" else exchange.source
    owner = "-".join(part for part in (party.service, party.version) if part)
    return Asked(
        exchange.request,
        Connection(peer=exchange.source.address),
        arrived=True,
        unsure=_unsure(exchange),
        direction=exchange.direction,
        owner="" if exchange.direction == "ingress" else owner,
        opaque=not exchange.request.method,
    )


def _unsure(exchange: Exchange) -> Unsure:
    only = LOGGED | CONTEXT | _PSEUDO if set(exchange.sources) <= {_LOG} else None
    found = Unsure(only=only)
    if exchange.direction == "inbound" and "x-envoy-original-path" in exchange.request.headers:
        return found.also((":path",), "a node before has rewritten the path, and this is the old")
    return found
