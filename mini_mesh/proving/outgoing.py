"""A claim's requests, as whoever sends them has to know them. No I/O but a client's certificate."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from mesh_patterns.expect import ClaimSpec, receiver
from mesh_patterns.identity import Identity
from mesh_patterns.model import CLIENT, INGRESS, Instance
from mesh_patterns.placement import Caller, call, reached
from mesh_patterns.protocols import PROTOCOLS
from mesh_traffic import Headers
from mini_mesh.certificates.issuer import utc_now
from mini_mesh.grpc_bootstrap import SCHEME
from mini_mesh.mesh import MiniMesh
from mini_mesh.plan import entrance
from mini_mesh.proving.observed import Sample

MAX_BODY = 64 * 1024  # characters of an answer that are kept for a claim about it
GRPC, HTTP, WEBSOCKET, STREAM = "grpc", "http", "websocket", "stream"

Send = Callable[[], Awaitable[Sample]]

_GRPC_PATH = "/meshloom.echo.v1.Echo/Call"  # any method will do for the built-in echo


@dataclass(frozen=True, slots=True)
class Meanwhile:
    """``begun`` is set with the first request; they go on, beyond their count, until ``over``."""

    begun: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, slots=True)
class Tls:
    """``sni`` is whom to ask for. A client with an ``identity`` shows its certificate."""

    sni: str
    identity: Identity | None = None

    def context(self) -> ssl.SSLContext:
        """A client's that trusts everybody: what is shown is for claims to judge."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        if self.identity is not None:
            with tempfile.TemporaryDirectory() as folder:  # ssl reads files only
                both = Path(folder, "both.pem")
                both.touch(mode=0o600)
                both.write_bytes(self.identity.chain + self.identity.key)
                made.load_cert_chain(both)
        return made


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to send ``count`` times, ``concurrency`` at a time, to ``address``: ``ip:port``,
    or ``xds:///reviews`` in a process that has a bootstrap for it. ``others`` are further ones, of
    which each has its turn.

    With a ``rate``, each is sent when it is due, however many wait for their answers ("open loop").
    ``how`` is the sender, ``protocol`` what a stream speaks. A ``session`` keeps cookies, and
    connections that are ``held`` stay open until the last one has been tried.
    """

    address: str
    host: str
    method: str
    path: str
    headers: Headers
    body: bytes
    count: int
    concurrency: int
    timeout: float
    how: str = HTTP
    rate: float | None = None  # a second
    meanwhile: Meanwhile | None = None
    others: tuple[str, ...] = ()
    protocol: str = "http"
    session: bool = False
    held: bool = False
    tls: Tls | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.address, *self.others)


def outgoing(claim: ClaimSpec, mesh: MiniMesh, meanwhile: Meanwhile | None = None) -> Outgoing:
    """The requests of a claim, from where its caller's requests enter the mesh."""
    described = mesh.draft.mesh
    callee = receiver(claim, described)
    protocol = described.services[callee].protocol if callee else "http"
    first, *others = _addresses(claim, mesh, callee)
    host = claim.host or (callee if claim.to and callee else first)
    return Outgoing(
        address=first,
        host=host,
        method=claim.method,
        path=_GRPC_PATH if protocol == GRPC and claim.path == "/" else claim.path,
        headers=Headers.of(claim.fields(utc_now())),
        body=claim.payload,
        count=claim.connections or claim.send,
        concurrency=claim.connections or claim.concurrency,
        timeout=claim.timeout.total_seconds(),
        how=_how(claim, protocol),
        rate=claim.rate,
        meanwhile=meanwhile,
        others=tuple(others),
        protocol=protocol,
        session=claim.session,
        held=claim.connections is not None,
        tls=_tls(claim, mesh, host, protocol),
    )


def _how(claim: ClaimSpec, protocol: str) -> str:
    if protocol == GRPC:
        return GRPC
    if not PROTOCOLS[protocol].requests:
        return STREAM
    return WEBSOCKET if claim.websocket else HTTP


def _addresses(claim: ClaimSpec, mesh: MiniMesh, callee: str | None) -> list[str]:
    """Where the requests go: one, or each of the caller's entrances."""
    described, placement = mesh.draft.mesh, mesh.plan.placement
    caller = claim.caller(described)
    if claim.direct and callee:
        instances = described.services[callee].instances()
        return [placement.address(reached(described, each)) for each in instances]
    if described.is_proxyless(caller):
        return [f"{SCHEME}{claim.host or callee}"]
    if claim.via == "all" and callee and caller not in (CLIENT, INGRESS):
        each_of: list[Instance] = list(described.services[caller].instances())
        return [placement.address(call(Caller(caller, one.id), callee)) for one in each_of]
    return [entrance(described, placement, caller, callee)]


def _tls(claim: ClaimSpec, mesh: MiniMesh, host: str, protocol: str) -> Tls | None:
    if claim.tls is None:
        return Tls(host) if protocol == "tls" else _at_ingress(claim, mesh)
    identity = None
    if claim.tls.certificate is not None:
        service = mesh.draft.mesh.services[claim.tls.certificate]
        identity = mesh.identities().get(next(service.instances()).id)
    return Tls(claim.tls.sni or host, identity)


def _at_ingress(claim: ClaimSpec, mesh: MiniMesh) -> Tls | None:
    """As the client, to an ingress that speaks TLS, unless the claim comes in plaintext."""
    described = mesh.draft.mesh
    callee = described.services.get(receiver(claim, described) or "")
    at = callee.ingress if callee and claim.caller(described) == INGRESS else None
    if at is None or at.tls is None or claim.scheme == "http":
        return None
    return Tls((claim.host or "localhost").partition(":")[0], mesh.identities().get(CLIENT))
