"""Whom a load is sent to: words and URLs become requests to addresses of a running mesh.

``state`` is what a mesh says of itself (``MiniMesh.state``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from mesh_patterns.model import CLIENT, INGRESS
from mesh_yaml.suggest import suggest
from mini_mesh.load.load import Edge, LoadError, edge

State = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Message:
    """What every request is, whoever gets it. ``anywhere``: also to other machines than this."""

    path: str = "/"
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    anywhere: bool = False

    def edge(self, name: str, address: str, host: str) -> Edge:
        """To an address of a mesh."""
        url = f"http://{host}{self.path}"
        return self.to(url, name, address)

    def to(self, url: str, name: str = "", address: str = "") -> Edge:
        """To a URL; to that ``address``, where there is one."""
        method, headers, body = self.method, self.headers, self.body
        return edge(url, name=name, address=address, method=method, headers=headers, body=body)


def to_mesh(state: State, words: Sequence[str], message: Message) -> list[Edge]:
    """``reviews`` from the client, ``productpage -> reviews`` from its Envoy, ``ingress``; without
    words the ingress, or else the first service. Raises ``LoadError``."""
    if not words:
        words = [INGRESS] if state.get(INGRESS) else list(state["services"])[:1]
    return [_edge(state, word, message) for word in words]


def _edge(state: State, word: str, message: Message) -> Edge:
    caller, arrow, callee = (part.strip() for part in word.partition("->"))
    if not arrow:
        caller, callee = (INGRESS, "") if caller == INGRESS else (CLIENT, caller)
    address = _address(state, caller, callee)
    name = f"{caller} -> {callee}" if callee else caller
    return message.edge(name, address, callee or address)


def _address(state: State, caller: str, callee: str) -> str:
    services = state["services"]
    if callee and callee not in services:
        raise LoadError(f"no service {callee!r}{suggest(callee, services)}")
    if caller == INGRESS:
        found = services[callee]["ingress"] if callee else state.get(INGRESS)
        if not found:
            raise LoadError(f"{callee or 'the mesh'} has no ingress")
        return _plain(found)
    if caller == CLIENT:
        return _plain(services[callee]["url"])
    if caller not in services:
        raise LoadError(f"no service {caller!r}{suggest(caller, [*services, CLIENT, INGRESS])}")
    first = next(iter(services[caller]["versions"].values()))
    if callee not in first["calls"]:
        raise LoadError(f"{caller} does not call {callee}{suggest(callee, first['calls'])}")
    return _plain(first["calls"][callee])


def _plain(url: str) -> str:
    return url.removeprefix("http://")


def to_url(state: State | None, url: str, message: Message, inside: bool = False) -> Edge:
    """The request to a URL: to a service of the mesh if its host is one, through the ingress unless
    the client is ``inside`` of it; else to this machine. Raises ``LoadError``."""
    host = urlsplit(url).hostname or ""
    if state is not None and host in state["services"]:
        caller = CLIENT if inside or not state["services"][host]["ingress"] else INGRESS
        return message.to(url, address=_address(state, caller, host))
    if not message.anywhere and not _is_here(host):
        known = f", nor a service of {state['name']}" if state is not None else ""
        raise LoadError(f"{url[:200]}: {host!r} is not this machine{known}")
    return message.to(url)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
