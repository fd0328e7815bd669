"""Where a request that nobody has sent yet would come in: at whose listener, under which host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from debugger.explain.arriving.asked import Asked, Connection
from mesh_traffic import Headers, Request, replace
from mesh_yaml.suggest import suggest

INGRESS, CLIENT = "ingress", "client"
_LOOPBACK = "127.0.0.1"


class EntranceError(ValueError):
    """There is no such way in."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """``owner`` is as in the listener's name, ``authority`` the host where the request has none."""

    node: str
    direction: str
    owner: str = ""
    port: int | None = None
    authority: str = ""

    def asked(self, request: Request) -> Asked:
        """The request as it would arrive there. A ``host`` header is its authority."""
        given = request.authority or request.headers.get("host") or self.authority
        headers = Headers(
            tuple(each for each in request.headers.fields if each[0].lower() != "host")
        )
        return Asked(
            replace(request, authority=given, headers=headers),
            Connection(_LOOPBACK, self.port, f"{_LOOPBACK}:0"),
            direction=self.direction,
            owner=self.owner,
        )


def entrance(state: Mapping[str, Any], at: str, to: str | None = None) -> Entrance:
    """``at`` is a service (``reviews``, ``reviews/v2``), ``ingress`` or ``client``, and ``to`` a
    service that is called from there; without it, it is the service that is called at its own
    Envoy. ``state`` is what a mesh says of itself when it is ready. Raises ``EntranceError``.
    """
    services: Mapping[str, Any] = state.get("services", {})
    if to is not None and to not in services:
        raise EntranceError(f"--to: no service {to!r}{suggest(to, services)}")
    if at in (INGRESS, CLIENT) and at not in services:
        return _from_outside(state, at, to)
    name, _, version = at.partition("/")
    if name not in services:
        known = [*services, INGRESS, CLIENT]
        raise EntranceError(f"--at: no service {name!r}{suggest(name, known)}")
    found = _instance(services[name], name, version)
    node = _node(state, str(found["id"]), proxyless=services[name].get("dataplane") == "grpc")
    if to is not None:
        return Entrance(node, "outbound", str(found["id"]), None, to)
    return Entrance(node, "inbound", str(found["id"]), _port(str(found["inbound"])), name)


def _instance(service: Mapping[str, Any], name: str, version: str) -> Mapping[str, Any]:
    """The version that is named, or the first."""
    versions: Mapping[str, Any] = service["versions"]
    found = versions.get(version) if version else next(iter(versions.values()), None)
    if found is None:
        raise EntranceError(f"--at: {name} has no version {version!r}{suggest(version, versions)}")
    return found  # type: ignore[no-any-return] # JSON


def _node(state: Mapping[str, Any], wanted: str, proxyless: bool = False) -> str:
    """The Envoy of an instance, or the one that is everybody's."""
    envoys: Mapping[str, Any] = state.get("envoys", {})
    if wanted in envoys or proxyless:
        return wanted
    if len(envoys) != 1:
        raise EntranceError(f"no Envoy {wanted!r}{suggest(wanted, envoys)}")
    return next(iter(envoys))


def _from_outside(state: Mapping[str, Any], at: str, to: str | None) -> Entrance:
    services: Mapping[str, Any] = state.get("services", {})
    field = "ingress" if at == INGRESS else "url"
    if at == CLIENT and to is None:
        raise EntranceError("--at client needs --to: which service the client calls")
    url = services[to].get(field) if to is not None else state.get("ingress")
    if not url:
        raise EntranceError(f"--at {at}: {to or 'no service'} is not reached from there")
    authority = urlsplit(str(url)).netloc
    direction = INGRESS if at == INGRESS else "outbound"
    owner = "" if at == INGRESS else CLIENT
    return Entrance(_node(state, INGRESS), direction, owner, _port(authority), authority)


def _port(address: str) -> int | None:
    number = address.rpartition(":")[2]
    return int(number) if number.isascii() and number.isdigit() else None
