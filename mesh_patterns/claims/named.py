"""That everybody is there whom a claim names besides its caller and its callee."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from mesh_patterns.beside import SERVICES as BESIDE
from mesh_patterns.happening import CONTROL_PLANE, ENVOY, Happening
from mesh_patterns.model import CLIENT, EGRESS, INGRESS, Mesh
from mesh_patterns.protocols import PROTOCOLS
from mesh_patterns.selector import service, target
from mesh_yaml.place import DocumentError, Place

if TYPE_CHECKING:
    from mesh_patterns.expect import ClaimSpec


def check(claim: ClaimSpec, mesh: Mesh) -> None:
    """Raises DocumentError for the first that is not."""
    _check_peak(claim, mesh)
    _check_sender(claim, mesh)
    for key in ("stats", "config"):
        for name in getattr(claim, key):
            if name not in (INGRESS, CLIENT, *([EGRESS] if mesh.egress else [])):
                target(mesh, name, claim.key_place(key, name))
    if claim.during and mesh.is_proxyless(claim.caller(mesh)):
        message = f"{claim.caller(mesh)!r} sends without an Envoy, and nothing can happen meanwhile"
        raise DocumentError.at(claim.key_place("during"), message)
    for happening, place in _happenings(claim):
        if (
            happening.action in ("restart", "stop", "start", "scale")
            and happening.what != CONTROL_PLANE
        ):
            _check_happening(happening, place, mesh)


def _check_sender(claim: ClaimSpec, mesh: Mesh) -> None:
    """That the service takes what is sent as the claim says."""
    to = claim.to if claim.to in mesh.services else next(iter(mesh.callees(INGRESS)), None)
    protocol = mesh.services[to].protocol if to else "http"
    wrong = _unfit(claim, protocol)
    if wrong:
        raise DocumentError.at(claim.key_place(wrong), f"{wrong!r} is not for {protocol}")
    if claim.tls is not None and claim.tls.certificate is not None:
        place = claim.place("tls", "certificate")
        if service(mesh, claim.tls.certificate, place) != claim.tls.certificate:
            raise DocumentError.at(place, "expected the name of a service")


def _unfit(claim: ClaimSpec, protocol: str) -> str:
    """Which word of the claim such a service does not understand."""
    streams = not PROTOCOLS[protocol].requests
    words = {
        "connections": claim.connections is not None and not streams,
        "websocket": claim.websocket and protocol != "http",
        "session": claim.session and protocol != "http",
        "response_trailers": bool(claim.response_trailers) and protocol != "grpc",
        "tls": claim.tls is not None and protocol == "grpc",
    }
    return next((name for name, wrong in words.items() if wrong), "")


def _check_peak(claim: ClaimSpec, mesh: Mesh) -> None:
    for name in claim.peak:
        at = target(mesh, name, claim.key_place("peak", name))
        versions = mesh.services[at.service].versions
        if any(each.run for each in versions if at.version in (None, each.name)):
            message = f"nobody counts who is at {at} at a time: it has a program of its own"
            raise DocumentError.at(claim.key_place("peak", name), message)


def _happenings(claim: ClaimSpec) -> Iterator[tuple[Happening, Place]]:
    for i, each in enumerate(claim.during):
        yield each, claim.place("during", i)
    for key in ("stop", "start"):
        for i, name in enumerate(getattr(claim, key)):
            yield Happening(key, name), claim.place(key, i)


def _check_happening(happening: Happening, place: Place, mesh: Mesh) -> None:
    if happening.action == "scale":
        _check_scaled(happening, place, mesh)
        return
    name = happening.what.removeprefix(f"{ENVOY} ")
    envoy = name != happening.what
    if (envoy and name in (INGRESS, *([EGRESS] if mesh.egress else []))) or (
        happening.action != "restart" and name in BESIDE
    ):
        return
    target(mesh, name, place)


def _check_scaled(happening: Happening, place: Place, mesh: Mesh) -> None:
    name, _ = happening.scaled
    at = target(mesh, name, place)
    if at.replica is not None or mesh.services[at.service].external:
        message = f"a service of the mesh has replicas, or a version of one; {name!r} is neither"
        raise DocumentError.at(place, message)
