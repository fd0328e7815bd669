"""A door: replays of one exchange. What was sent, its answer, and what differs from the capture."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from debugger.replay.request.edit import Edit, Outgoing, outgoing
from debugger.replay.request.objections import of_capture, of_edit, of_request
from debugger.replay.sending import Answer, Sender
from debugger.replay.target import State, Target, target_of
from mesh_traffic import Body, Exchange, Request, Response, replace
from tap.compare import Comparison, Difference, Rules, compare
from tap.content import Schema
from tap.redact import Redactor

MAX_TIMES = 10_000
KEPT = 2  # answers that are kept with their bodies: two tell what stays the same

Versions = Mapping[str, tuple[str, ...]]
Redact = Callable[[Exchange], Exchange]


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay. ``shown`` is the exchange that came of it, without its secrets.

    ``seen`` is what the mesh captured of it, None as long as nobody has looked or nothing came;
    ``versions`` are those that took part, by service, and ``versions_before`` the original's.
    """

    original: Exchange
    target: Target
    sent: Outgoing
    answer: Answer
    shown: Exchange
    comparison: Comparison
    request_id: str
    began: float  # epoch seconds
    seen: Exchange | None = None
    versions: Versions = field(default_factory=dict)
    versions_before: Versions = field(default_factory=dict)

    @property
    def response(self) -> Response:
        """What came back. ValueError: nothing did."""
        if self.answer.response is None:
            raise ValueError(f"{self.original.id}: no answer: {self.answer.error}")
        return self.answer.response

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Where the answer is another than the captured one, and no rule ignores it."""
        return self.comparison.differences

    @property
    def request(self) -> Request:
        return self.sent.request

    @property
    def status(self) -> str:
        """The answer's, or that there is none."""
        response = self.answer.response
        return "no answer" if response is None else str(response.status)

    @property
    def version(self) -> str:
        """Which version answered, as far as the mesh saw it: ``reviews v2``."""
        return "" if self.seen is None else str(self.seen.destination)

    def other_versions(self) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """The services that took part in both, of which other ones did, with both."""
        for service, now in self.versions.items():
            before = self.versions_before.get(service, now)
            if before != now:
                yield service, before, now


async def replays(
    sender: Sender,
    exchange: Exchange,
    edit: Edit,
    target: Target,
    redact: Redact,
    rules: Rules,
    schema: Schema | None = None,
    times: int = 1,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> AsyncIterator[Replay]:
    """Send it ``times`` times, one after the other, each under an id of its own. From the third on
    bodies are not kept once they have been compared."""
    for number in range(times):
        request_id = new_id()
        sent = outgoing(exchange, edit, request_id, target.authority)
        began = time.time()
        answer = await sender.send(sent.request, target)
        given = sent.request.headers.get("x-request-id") or request_id
        made = replace(exchange, request=sent.request, response=answer.response, request_id=given)
        shown = redact(made)
        compared = compare(exchange, shown, rules, schema)
        if number >= KEPT:
            answer, shown = (
                _bodiless(answer),
                replace(shown, response=_without_body(shown.response)),
            )
        yield Replay(exchange, target, sent, answer, shown, compared, given, began)


def _bodiless(answer: Answer) -> Answer:
    return Answer(_without_body(answer.response), answer.seconds, answer.error)


def _without_body(response: Response | None) -> Response | None:
    if response is None:
        return None
    return replace(response, body=Body(truncated=bool(response.body), size=response.body.size))


async def replayed(exchange: Exchange, edit: Edit, to: str, state: State, rules: Rules) -> Replay:
    """One replay without questions. Raises ValueError: it can't be sent, or no answer came."""
    target = target_of(to, exchange, state)
    request = outgoing(exchange, edit, "", target.authority).request
    refused = (*of_edit(edit), *of_capture(exchange, edit, False), *of_request(request))
    if refused:
        raise ValueError(f"{exchange.id}: {'; '.join(map(str, refused))}")
    async with Sender() as sender:
        async for replay in replays(sender, exchange, edit, target, Redactor(), rules):
            found = replay
    if found.answer.response is None:
        raise ValueError(f"{exchange.id}: no answer: {found.answer.error}")
    return found
