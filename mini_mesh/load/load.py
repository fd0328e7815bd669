"""What is to be sent: to whom, how often, over how many connections, for how long."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal
from urllib.parse import urlsplit

MAX_RATE = 1_000_000.0  # requests a second
MAX_SECONDS = 24 * 3600.0
MAX_CONNECTIONS = 10_000
TIMEOUT = 10.0  # seconds that an answer may take

Arrivals = Literal["constant", "poisson"]


class LoadError(ValueError):
    """What was asked for can't be sent."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One kind of request: ``host:port`` to connect to, and what goes over it. ``name`` is what
    reports call it: a URL, or ``web -> api``."""

    name: str
    address: str
    request: bytes
    head: bool = False  # the method is HEAD: no body comes


@dataclass(frozen=True, slots=True)
class Load:
    """``rate`` requests a second in all, in turn to each edge, for ``seconds`` after a warm-up of
    ``warm_up`` seconds that does not count. ``share`` of ``shares`` is this process's part."""

    edges: tuple[Edge, ...]
    rate: float
    seconds: float
    connections: int
    warm_up: float = 0.0
    arrivals: Arrivals = "constant"
    timeout: float = TIMEOUT
    seed: int = 0
    share: int = 0
    shares: int = 1

    def __post_init__(self) -> None:
        if not self.edges:
            raise LoadError("nobody to send to")
        _within("rate", self.rate, MAX_RATE)
        _within("duration", self.seconds, MAX_SECONDS)
        _within("connections", self.connections, MAX_CONNECTIONS)
        _within("timeout", self.timeout, MAX_SECONDS)
        if not 0 <= self.warm_up <= MAX_SECONDS:
            raise LoadError(f"warm-up: {self.warm_up:g}, wanted 0 to {MAX_SECONDS:g} s")

    def split(self, shares: int) -> list[Load]:
        """The same load by several processes: each sends every n-th request."""
        each = max(1, self.connections // shares)
        return [replace(self, connections=each, share=n, shares=shares) for n in range(shares)]


def _within(what: str, value: float, most: float) -> None:
    if not 0 < value <= most:
        raise LoadError(f"{what}: {value:g}, wanted more than 0 and at most {most:g}")


def edge(
    url: str,
    *,
    name: str = "",
    method: str = "GET",
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    address: str = "",
) -> Edge:
    """The request to ``url``, sent to ``address`` where that is another place than the URL says.

    Raises ``LoadError`` for what is no plain HTTP, and for fields that would break the request up.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise LoadError(f"{url[:200]}: wanted http://HOST:PORT/PATH")
    try:
        port = parts.port or 80
    except ValueError as error:
        raise LoadError(f"{url[:200]}: {error}") from error
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = [(field.lower(), value) for field, value in headers]
    names = {field for field, _ in given}
    fields = [] if "host" in names else [("host", parts.netloc.rpartition("@")[2])]
    fields += given
    if body or method in ("POST", "PUT", "PATCH"):
        fields.append(("content-length", str(len(body))))
    lines = [f"{method} {path} HTTP/1.1", *(f"{field}: {value}" for field, value in fields)]
    if any(mark in line for line in lines for mark in "\r\n\0"):
        raise LoadError(f"{url[:200]}: a line break in a header")
    try:
        head = "\r\n".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        raise LoadError(f"{url[:200]}: only Latin-1 goes into a header") from error
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    where = address or f"{host}:{port}"
    return Edge(name or url, where, head + b"\r\n\r\n" + body, method == "HEAD")
