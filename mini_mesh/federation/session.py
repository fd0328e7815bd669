"""One stream between two meshes, from either end: messages in, messages and arrivals out. No I/O.

Rules, of Hamlet's "Service Discovery API" (spec/service-discovery.md):

1. A consumer opens with a request; then its owner tells the whole catalogue, one service a message.
2. One message is in flight: the next goes out when that was accepted or refused.
3. Each message has all of a service. What the consumer has refused is not told again as it is.
4. Both ends may be both: a mesh that consumes may publish on the same stream.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mini_mesh.federation.catalogue import MAX_SERVICES, FederatedService, Unacceptable
from mini_mesh.federation.messages import (
    DELETE,
    RESOURCE_URL,
    UPSERT,
    Message,
    Request,
    Response,
    decode_service,
    encode_service,
)

INVALID_ARGUMENT = 3  # google.rpc.Code, as all numbers here
UNAVAILABLE = 14
MAX_REASON = 1024  # characters of a refusal


class Violation(Exception):
    """The other end does not keep to the protocol; the stream ends."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A service that the owner has now (``service``), or has no more. Whoever takes it says so by
    ``Session.accept``, or ``refuse`` with a reason."""

    name: str
    service: FederatedService | None
    nonce: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """The consumer has not taken what it was told of a service."""

    name: str
    code: int
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a message leads to: ``send`` is to be sent, in this order."""

    send: tuple[Message, ...] = ()
    arrivals: tuple[Arrival, ...] = ()
    refusals: tuple[Refusal, ...] = ()


class Session:
    """``nonces`` gives a new one for each message. ``context`` comes back with what it asks for."""

    def __init__(self, nonces: Iterator[str], context: str = "") -> None:
        self._nonces, self._context = nonces, context
        self._wanted: dict[str, bytes] = {}
        self._told: dict[str, bytes] = {}  # what the other end has, or has refused
        self._flight: tuple[str, str] | None = None  # nonce and name of what has no answer yet
        self._theirs: str | None = None  # the context of the other end; None: it has not asked
        self._taken: set[str] = set()  # the services that have come and not gone

    # As a consumer.

    def open(self) -> tuple[Message, ...]:
        """Ask for the other's catalogue, whole."""
        return (Message(request=Request(context=self._context)),)

    def accept(self, nonce: str) -> tuple[Message, ...]:
        """What had this nonce is in the catalogue, or out of it."""
        return (Message(request=Request(nonce=nonce, context=self._context)),)

    def refuse(self, nonce: str, why: str, code: int = INVALID_ARGUMENT) -> tuple[Message, ...]:
        """It is not, and why."""
        told = Request(nonce=nonce, code=code, message=why[:MAX_REASON], context=self._context)
        return (Message(request=told),)

    # As an owner.

    def publish(self, services: Mapping[str, FederatedService]) -> tuple[Message, ...]:
        """This is the catalogue from now on."""
        self._wanted = {name: encode_service(each) for name, each in services.items()}
        return tuple(self._next())

    @property
    def settled(self) -> bool:
        """Whether the other end knows all of the catalogue, or has not asked."""
        return self._theirs is None or (self._flight is None and self._told == self._wanted)

    # As either.

    def receive(self, message: Message) -> Outcome:
        """Raises ``Violation``."""
        send: list[Message] = []
        refusals: list[Refusal] = []
        arrivals: list[Arrival] = []
        if message.request is not None:
            refusals += self._asked(message.request)
            send += self._next()
        if message.response is not None:
            answer, arrival = self._heard(message.response)
            send += answer
            arrivals += [arrival] if arrival else []
        return Outcome(tuple(send), tuple(arrivals), tuple(refusals))

    def _asked(self, request: Request) -> Iterator[Refusal]:
        if request.resource_url != RESOURCE_URL:
            raise Violation(f"wanted {RESOURCE_URL}, got {request.resource_url[:200]!r}")
        if not request.nonce:
            self._theirs = request.context
            self._told.clear()  # it asks for all of it, also if it asked before
            self._flight = None
            return
        if self._flight is None or self._flight[0] != request.nonce:
            return  # of something that is not in flight any more
        name = self._flight[1]
        self._flight = None
        if request.code:
            yield Refusal(name, request.code, request.message[:MAX_REASON])

    def _next(self) -> Iterator[Message]:
        if self._theirs is None or self._flight is not None:
            return
        gone = next((name for name in self._told if name not in self._wanted), None)
        if gone is not None:
            yield self._tell(gone, DELETE, self._told.pop(gone))
            return
        for name, data in self._wanted.items():
            if self._told.get(name) != data:
                self._told[name] = data
                yield self._tell(name, UPSERT, data)
                return

    def _tell(self, name: str, operation: int, data: bytes) -> Message:
        nonce = next(self._nonces)
        self._flight = (nonce, name)
        context = self._theirs or ""
        return Message(response=Response(nonce, name, operation, data, context=context))

    def _heard(self, told: Response) -> tuple[tuple[Message, ...], Arrival | None]:
        if not told.nonce:
            raise Violation("a response without a nonce")
        if told.resource_url != RESOURCE_URL:
            return self.refuse(told.nonce, f"wanted {RESOURCE_URL}"), None
        try:
            return (), self._arrival(told)
        except Unacceptable as error:
            return self.refuse(told.nonce, str(error)), None

    def _arrival(self, told: Response) -> Arrival:
        """Raises ``Unacceptable``."""
        if told.operation == DELETE:
            name = told.resource_id or decode_service(told.resource).name
            self._taken.discard(name)
            return Arrival(name, None, told.nonce)
        if told.operation != UPSERT:
            raise Unacceptable(f"operation: wanted UPSERT or DELETE, got {told.operation}")
        service = decode_service(told.resource)
        name = told.resource_id or service.name
        if name != service.name:
            raise Unacceptable(f"resource_id {name[:80]!r} is not the name {service.name!r}")
        if name not in self._taken and len(self._taken) >= MAX_SERVICES:
            raise Unacceptable(f"more than {MAX_SERVICES} services")
        self._taken.add(name)
        return Arrival(name, service, told.nonce)
