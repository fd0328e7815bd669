"""What an echo instance says, whatever the protocol: pure functions over received data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mini_mesh.echo.config import Call, Instance
from mini_mesh.echo.wishes import handed_on

CHAIN = "x-meshloom-chain"  # who calls in a circle would otherwise call for ever
MAX_TEXT = 4096  # bytes of a body that are shown
MAX_BODY = 16 * 1024 * 1024  # bytes of a body that are read
CALL_TIME = 120.0  # seconds; the Envoys have to decide sooner
SHUTDOWN_TIME = 0.5  # seconds that requests in flight have when an instance goes

# RFC 9110, section 7.6.1, and what belongs to the message and not to the request.
# fmt: off
_NOT_FORWARDED = frozenset({
    "connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization",
    "te", "trailer", "transfer-encoding", "upgrade", "expect", "host", "content-length",
    "content-type", "content-encoding", "accept-encoding", "grpc-accept-encoding",
    "grpc-encoding", "grpc-timeout", "user-agent",
})
# fmt: on
_NOT_FORWARDED_PREFIXES = (":", "x-envoy-", "x-forwarded-")

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Received:
    """A request, as far as it is echoed. ``start`` is the first ``MAX_TEXT`` bytes of its body."""

    method: str
    path: str  # with the query
    headers: Fields
    length: int = 0
    start: bytes = b""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one call went: an answer, or else an error and the status where one came."""

    service: str
    status: int | None = None  # of HTTP, or of gRPC
    answer: Mapping[str, Any] | None = None
    error: str | None = None

    def shown(self) -> dict[str, Any]:
        fields = {"status": self.status, "answer": self.answer, "error": self.error}
        present = {name: value for name, value in fields.items() if value is not None}
        return {"service": self.service, **present}


Caller = Callable[[Instance, Received], Awaitable[list[Outcome]]]  # makes an instance's calls


def answer(instance: Instance, got: Received, outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """The JSON that ``instance`` answers with."""
    body: dict[str, Any] = {"length": got.length}
    if 0 < got.length <= MAX_TEXT:
        body["text"] = got.start.decode(errors="replace")
    return {
        "service": instance.service,
        "version": instance.version,
        "replica": instance.replica,
        "method": got.method,
        "path": got.path,
        "headers": [[name, value] for name, value in got.headers],
        "body": body,
        "calls": [outcome.shown() for outcome in outcomes],
    }


def response_headers(instance: Instance) -> dict[str, str]:
    return {
        "x-meshloom-service": instance.service,
        "x-meshloom-version": instance.version,
        "x-meshloom-replica": str(instance.replica),
    }


def forwarded(headers: Fields) -> list[tuple[str, str]]:
    """The end-to-end headers, which a service hands on to those that it calls."""
    return [
        (name, value)
        for name, value in headers
        if name.lower() not in _NOT_FORWARDED
        and not name.lower().startswith(_NOT_FORWARDED_PREFIXES)
    ]


def chain(got: Received) -> list[str]:
    """The services that a request has come through, the first one first."""
    names = (value for name, value in got.headers if name.lower() == CHAIN)
    return [service for value in names for service in value.split(",")]


def onward(instance: Instance, got: Received) -> Received:
    """What ``instance`` hands on: the same request, with its own name at the chain's end."""
    others = [field for field in handed_on(got.headers) if field[0].lower() != CHAIN]
    passed = ",".join([*chain(got), instance.service])
    return replace(got, headers=[*others, (CHAIN, passed)])


def calls_of(instance: Instance, got: Received) -> tuple[Sequence[Call], Received]:
    """All calls of an instance for a request, and what it hands on to them.

    None, if the request has been here: then it came in a circle.
    """
    return () if instance.service in chain(got) else instance.calls, onward(instance, got)


def has_failed(instance: Instance, outcomes: Iterable[Outcome]) -> bool:
    """Whether ``instance`` has to fail because a call failed."""
    return instance.fail_with_calls and any(outcome.error is not None for outcome in outcomes)
