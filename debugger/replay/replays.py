"""A door: replays of one exchange. What was sent, its answer, and what differs from the capture."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from debugger.replay.edit import Edit, Outgoing, outgoing
from debugger.replay.sending import Answer, Sender
from debugger.replay.target import Target
from mesh_traffic import Body, Exchange, Request, Response, replace
from tap.compare import Comparison, Rules, compare
from tap.content import Schema

MAX_TIMES = 10_000
KEPT = 2  # answers that are kept with their bodies: two tell what stays the same

Redact = Callable[[Exchange], Exchange]


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay. ``shown`` is the exchange that came of it, without its secrets; ``seen`` what the
    mesh captured of it, None as long as nobody has looked or nothing came."""

    original: Exchange
    target: Target
    sent: Outgoing
    answer: Answer
    shown: Exchange
    comparison: Comparison
    request_id: str
    began: float  # epoch seconds
    seen: Exchange | None = None

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
