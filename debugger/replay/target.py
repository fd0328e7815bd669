"""Where a replay goes: the place where the original entered the mesh, a version, a URL, a filter.

Addresses come from what a running mesh tells of itself (``ready`` of ``meshloom up --json``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mesh_traffic import Endpoint, Exchange
from mesh_yaml.suggest import suggest

LIVE, WASM = "live", "wasm:"
CLIENT = "client"  # the caller that a mesh has for requests from outside of it

State = Mapping[str, Any]


class TargetError(ValueError):
    """Nowhere to send it to; the message says what there is."""


@dataclass(frozen=True, slots=True)
class Target:
    """``address`` is ``host:port``; ``words`` say what is there. ``node`` is the Envoy that takes
    it, "" where none of the mesh does; ``authority`` what the host field says, "" for the
    captured one."""

    address: str
    words: str
    node: str = ""
    authority: str = ""
    tls: bool = False

    @property
    def host(self) -> str:
        return urlsplit(f"//{self.address}").hostname or ""


def needs_mesh(to: str) -> bool:
    """Whether ``--to`` speaks of a running mesh."""
    return not to.startswith(WASM) and "://" not in to


def target_of(to: str, exchange: Exchange, state: State | None) -> Target:
    """What ``--to`` means for this exchange. Raises TargetError.

    ``live``: the listener that saw the original. ``SERVICE/VERSION``: that version's Envoy.
    ``http://…``: a server.
    """
    if "://" in to:
        return _url(to)
    if state is None:
        raise TargetError(f"{to!r} needs a running mesh")
    if to == LIVE:
        return _entrance(exchange, state)
    service, slash, version = to.partition("/")
    if not slash:
        known = suggest(to, [LIVE, *_versions(state)])
        raise TargetError(
            f"expected live, SERVICE/VERSION, wasm:FILTER or a URL, got {to!r}{known}"
        )
    return _version(service, version, state)


def _url(text: str) -> Target:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise TargetError(f"no URL: {text!r}: {error}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise TargetError(f"expected http://HOST:PORT or https://HOST:PORT, got {text!r}")
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        raise TargetError(f"expected a URL without user and path, got {text!r}; see --path")
    tls = parts.scheme == "https"
    named = f"[{host}]" if ":" in host else host
    address = f"{named}:{port or (443 if tls else 80)}"
    authority = named if port is None else f"{named}:{port}"
    return Target(address, text, authority=authority, tls=tls)


def _services(state: State) -> Mapping[str, Any]:
    return state.get("services") or {}


def _versions(state: State) -> list[str]:
    return [
        f"{name}/{version}" for name, it in _services(state).items() for version in it["versions"]
    ]


def _version(service: str, version: str, state: State) -> Target:
    found = _services(state).get(service, {}).get("versions", {}).get(version)
    if found is None:
        wanted = f"{service}/{version}"
        raise TargetError(f"the mesh has no {wanted!r}{suggest(wanted, _versions(state))}")
    return Target(
        found["inbound"], f"{_said(service, version)}, where its requests come in", found["id"]
    )


def _said(service: str, version: str) -> str:
    return str(Endpoint(service, version))


def _entrance(exchange: Exchange, state: State) -> Target:
    """The listener that saw it, by its direction."""
    if exchange.direction == "ingress":
        return _ingress(exchange, state)
    if exchange.direction == "outbound":
        return _outbound(exchange, state)
    if exchange.direction == "inbound":
        to = exchange.destination
        return _version(to.service, _label(exchange, state), state)
    raise TargetError(
        f"nobody knows at which listener {exchange.id} was seen; say --to SERVICE/VERSION or a URL"
    )


def _label(exchange: Exchange, state: State) -> str:
    """The replica whose Envoy saw it, if it is there still; else the version's first."""
    to = exchange.destination
    there = _services(state).get(to.service, {}).get("versions", {})
    seen = f"{to.version}#"  # a replica's label begins so
    mine = (label for label, each in there.items() if each["id"] == exchange.node)
    return next((label for label in mine if label.startswith(seen)), to.version)


def _ingress(exchange: Exchange, state: State) -> Target:
    """By the port that the client named, then by the service that it got to."""
    urls = {name: it["ingress"] for name, it in _services(state).items() if it["ingress"]}
    ports = {urlsplit(url).port: url for url in urls.values()}
    named = urlsplit(f"//{exchange.request.authority}") if exchange.request.authority else None
    url = ports.get(_port(named)) or urls.get(exchange.destination.service) or state.get("ingress")
    if not url:
        raise TargetError("the mesh has no ingress any more; say --to SERVICE/VERSION or a URL")
    return Target(urlsplit(url).netloc, "the ingress", exchange.node)


def _port(parts: Any) -> int | None:
    try:
        return parts.port if parts is not None else None
    except ValueError:
        return None


def _outbound(exchange: Exchange, state: State) -> Target:
    """The port at which the caller's Envoy takes calls to that callee."""
    callee, source = _callee(exchange, state), exchange.source
    if source.service == CLIENT:
        url = _services(state)[callee]["url"]
        return Target(urlsplit(url).netloc, f"client's calls to {callee}", exchange.node)
    versions = _services(state).get(source.service, {}).get("versions", {})
    calls = versions.get(source.version, {}).get("calls", {})
    if callee not in calls:
        raise TargetError(
            f"the mesh has no calls from {source} to {callee} any more; say --to SERVICE/VERSION"
        )
    return Target(calls[callee], f"{source}'s calls to {callee}", exchange.node)


def _callee(exchange: Exchange, state: State) -> str:
    """Whom the caller called: the virtual host, whose name routes begin with; else by the host."""
    host = exchange.request.authority.partition(":")[0]
    for name in (exchange.route.rpartition(".")[0], host, exchange.destination.service):
        if name in _services(state):
            return name
    called = exchange.destination.service or host or "?"
    raise TargetError(f"the mesh has no service {called!r}{suggest(called, _services(state))}")
