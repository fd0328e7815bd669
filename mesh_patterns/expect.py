"""``expect:``: what somebody should see who sends traffic, as claims that hold or do not.

A claim says what to send, from where to where, what happens meanwhile, and bounds for what comes of
it. Counts of what reached a version are taken from its Envoy's own counters, so they hold for any
workload.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from mesh_patterns.bearer import TokenSpec, field, key_in
from mesh_patterns.claims import named
from mesh_patterns.claims.config import Config
from mesh_patterns.claims.runs import Run
from mesh_patterns.claims.sending import MAX_CONNECTIONS, Size, TlsSpec
from mesh_patterns.claims.traces import TracesSpec
from mesh_patterns.draft import Target
from mesh_patterns.happening import HappeningText
from mesh_patterns.model import CLIENT, EGRESS, INGRESS, Mesh
from mesh_patterns.selector import not_called, service, target
from mesh_patterns.spec import Name
from mesh_yaml.matching import TextMatch
from mesh_yaml.place import DocumentError, Place
from mesh_yaml.spec import AlsoWritten, OneOrMore, SomeText, Spec, Text
from mesh_yaml.values import Bound, Duration

MAX_SEND = 1_000_000

# What a claim may claim; the other keys say what is sent, and what happens.
BOUNDS = (
    "status", "answered", "share", "each", "upstream_ratio", "upstream", "versions", "replicas",
    "within", "latency", "peak", "stats", "config", "access_log", "captures", "in_order", "traces",
    "response_headers", "response_trailers", "body_contains", "runs",
)  # fmt: skip


def _statuses(value: Any) -> Any:
    if isinstance(value, int | str) and not isinstance(value, bool):
        return {value: "100%"}
    return value


Names = OneOrMore[SomeText]


class WithSpec(Spec):
    """What is different while a claim's requests are under way."""

    patterns: list[dict[str, Any]] = Field(min_length=1, description="in force besides the others")


class ClaimSpec(Spec):
    """One claim."""

    claim: str | None = Field(None, description="in words; derived from the bounds if absent")
    send: int = Field(
        1, ge=0, le=MAX_SEND, description="how many requests; 0 only where it 'runs' something"
    )
    to: str | None = Field(None, description="service; by default what is at the ingress")
    from_: Name | None = Field(
        None, alias="from", description="the calling service; by default the ingress or a client"
    )
    method: str = "GET"
    path: str = "/"
    host: str | None = Field(None, description="Host header; by default the service's name")
    headers: dict[str, Text] = {}
    scheme: Literal["http"] | None = Field(
        None, description="http: in plaintext, to an ingress that speaks TLS"
    )
    token: TokenSpec | None = Field(None, description="each request brings one, signed for it")
    body: str = ""
    body_size: Size | None = Field(None, description="of a body that says nothing")
    concurrency: int = Field(1, ge=1, le=1000)
    connections: int | None = Field(
        None,
        ge=1,
        le=MAX_CONNECTIONS,
        description="in place of 'send', of TCP and its like: so many, all open at the same time",
    )
    session: bool = Field(False, description="cookies of answers are sent with later requests")
    websocket: bool = Field(False, description="each request is one, with the body as its message")
    via: Literal["first", "all"] = Field(
        "first", description="which of the caller's Envoys send: all have their turn"
    )
    direct: bool = Field(
        False, description="to the service's own Envoys, in turn, past those of all callers"
    )
    tls: TlsSpec | None = None
    timeout: Duration = Field("60s", validate_default=True, description="of each request")
    rate: float | None = Field(
        None,
        gt=0,
        le=10_000,
        description="requests a second; as fast as they can be sent if absent",
    )
    wait: Duration | None = Field(None, description="before the first request")
    during: OneOrMore[HappeningText] = Field(
        [], description="what happens meanwhile, one after the other; requests go on until it has"
    )
    with_: WithSpec | None = Field(None, alias="with")
    stop: Names = Field(
        [], description="away from before the first request on, until a later claim's 'start'"
    )
    start: Names = Field([], description="back before the first request: what a claim stopped")

    runs: OneOrMore[Run] = Field(
        [], description="commands of meshloom's, before the requests or meanwhile"
    )
    status: Annotated[
        dict[int, Bound] | None, BeforeValidator(_statuses), AlsoWritten.of("integer")
    ] = Field(None, description="a status of all, or how many of each")
    answered: Bound | None = Field(
        None, description="how many got any answer; the others' connections were ended"
    )
    share: dict[Text, Bound] = Field({}, description="requests that reached each version")
    each: Bound | None = Field(
        None, description="requests that reached every single replica of the service"
    )
    upstream_ratio: Bound | None = Field(
        None, description="requests that reached the service, per request sent"
    )
    upstream: dict[Text, Bound] = Field(
        {}, description="requests that reached service/version or service/version#replica"
    )
    versions: Bound | None = Field(
        None, description="how many versions of the service the requests reached"
    )
    replicas: Bound | None = Field(
        None, description="how many replicas, of whichever versions, the requests reached"
    )
    within: Bound | None = Field(None, description="seconds that each request took")
    latency: dict[Literal["mean", "p50", "p90", "p99", "max"], Bound] = Field(
        {}, description="seconds, of all requests together"
    )
    peak: dict[Text, Bound] = Field(
        {}, description="the most requests that were at a time at the built-in service/version"
    )
    stats: dict[Text, dict[Text, Bound]] = Field(
        {},
        description="by service, service/version, ingress or client: Envoy's counters by name, * "
        "for any part, as they grew; gauges as they are at the end",
    )
    config: Config = Field(
        {}, description="by service, service/version, ingress or client: how its Envoys stand"
    )
    access_log: dict[SomeText, Bound] = Field(
        {},
        description="entries of Envoys' access logs, by a filter as 'meshloom tap --match' takes "
        "it; a percentage is of the requests sent",
    )
    captures: dict[SomeText, Bound] = Field(
        {}, description="the same of what crossed each Envoy, with headers and bodies"
    )
    in_order: list[SomeText] = Field(
        [], description="filters: each request crossed Envoys as they say, one after the other"
    )
    traces: TracesSpec | None = None
    response_headers: dict[str, TextMatch] = {}
    response_trailers: dict[str, TextMatch] = Field({}, description="of gRPC")
    body_contains: str | None = None
    engines: list[Literal["envoy", "wasmtime"]] = Field(
        ["envoy"],
        min_length=1,
        description="wasmtime too: the wasm filters on the way must do the same under both",
    )

    @model_validator(mode="after")
    def _something(self) -> ClaimSpec:
        if not any(getattr(self, name) for name in BOUNDS):
            raise ValueError(f"claims nothing; expected at least one of {', '.join(BOUNDS)}")
        if not self.send and (not self.runs or self.during):
            raise ValueError(
                "sends nothing; only a claim that 'runs' something may, without 'during'"
            )
        return self

    @property
    def payload(self) -> bytes:
        """The body of each request."""
        return b"x" * self.body_size if self.body_size else self.body.encode()

    @property
    def is_witnessed(self) -> bool:
        """Whether it is about what Envoys tell of each request, so that somebody has to listen."""
        return bool(self.access_log or self.captures or self.in_order or self.traces)

    def caller(self, mesh: Mesh) -> str:
        """Who sends: as said, or the ingress when no service is named, or else the client."""
        if self.from_:
            return self.from_
        return INGRESS if self.to is None and INGRESS in set(mesh.callers()) else CLIENT

    def fields(self, now: datetime) -> dict[str, str]:
        """The header fields that its requests have, with a token for ``now``."""
        if self.token is None:
            return self.headers
        name, value = field(self.token, self.place("token", "key"), now)
        return {**self.headers, name: value}


def check(claim: ClaimSpec, mesh: Mesh) -> None:
    """That a claim names what is there.

    Raises:
        DocumentError: it does not.
    """
    caller = claim.caller(mesh)
    if claim.to is not None:
        service(mesh, claim.to, claim.place("to"))
    elif caller not in (INGRESS, EGRESS):
        raise DocumentError.at(claim.place(), "say which service the requests go 'to'")
    _check_caller(claim, mesh, caller)
    named.check(claim, mesh)
    if claim.token and claim.token.key is not None:
        key_in(claim.token.key, claim.place("token", "key"))
    for at, place in _counted(claim, mesh):
        _check_counted(mesh, at, place)


def _counted(claim: ClaimSpec, mesh: Mesh) -> Iterator[tuple[Target, Place]]:
    """Where a claim wants arrivals counted; for a share, in all versions."""
    to = receiver(claim, mesh)
    for name in claim.share:
        place = claim.key_place("share", name)
        yield Target(target(mesh, name, place, to).service), place
    for name in claim.upstream:
        place = claim.key_place("upstream", name)
        yield target(mesh, name, place, to), place
    for kind in ("each", "upstream_ratio", "versions", "replicas"):
        if to and getattr(claim, kind):
            yield Target(to), claim.key_place(kind)


def _check_counted(mesh: Mesh, at: Target, place: Place) -> None:
    """That somebody counts what arrives there: an Envoy, or the built-in echo."""
    if mesh.services[at.service].uncounted(at.version):
        why = "it has 'dataplane: grpc' and a program of its own"
        if mesh.services[at.service].external:
            why = "it is external"
        message = f"nobody counts what arrives at {at}: {why}; claim what it answers"
        raise DocumentError.at(place, message)


def _check_caller(claim: ClaimSpec, mesh: Mesh, caller: str) -> None:
    place = claim.place("from")
    if caller == EGRESS and not mesh.egress:
        message = "there is no egress gateway; that takes 'egress: true' of the mesh"
        raise DocumentError.at(place, message)
    if caller not in (INGRESS, EGRESS, CLIENT):
        caller = service(mesh, caller, place)
    callees = mesh.callees(caller)
    if claim.to is None and not callees:
        raise DocumentError.at(place, "nothing is at the ingress; give a service 'ingress: true'")
    if claim.to is not None and service(mesh, claim.to, place) not in callees:
        raise DocumentError.at(place, not_called(caller, claim.to))


def receiver(claim: ClaimSpec, mesh: Mesh) -> str | None:
    """The service that a claim's requests are for, as far as the claim says."""
    if claim.to is not None:
        return service(mesh, claim.to, claim.place("to"))
    if claim.from_ == EGRESS:
        return None
    at_ingress = mesh.callees(INGRESS) if INGRESS in set(mesh.callers()) else ()
    return at_ingress[0] if at_ingress else None
