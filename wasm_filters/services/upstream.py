"""What stands behind the filters: functions that answer requests, and how they may fail to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mesh_traffic import Request, Response


@dataclass(frozen=True, slots=True)
class Answer:
    """A response that comes ``after`` so many seconds; None never comes.

    ``refused``: there is nobody to connect to, and Envoy answers 503 for it. ``no_endpoints``: the
    cluster has none to connect to, which is another 503, and no call at all to a filter that wants
    to make one. ``chunk_size`` cuts its body, as for :meth:`HttpChain.send`, which says it for an
    answer that does not.
    """

    response: Response | None
    after: float = 0.0
    refused: bool = False
    chunk_size: int | Sequence[int] | None = None
    no_endpoints: bool = False


Upstream = Callable[[Request], Response | Answer]
NEVER = Answer(None)
REFUSED_BODY = (
    b"upstream connect error or disconnect/reset before headers."
    b" reset reason: remote connection failure"
)
REFUSED_DETAILS = (
    "upstream_reset_before_response_started"
    "{remote_connection_failure|delayed_connect_error:_Connection_refused}"
)
REFUSED = Answer(None, refused=True)
_OK = Response(status=200)
NO_ENDPOINTS_BODY = b"no healthy upstream"
NO_ENDPOINTS_DETAILS = "no_healthy_upstream"
NO_ENDPOINTS = Answer(None, no_endpoints=True)


def empty_ok(request: Request) -> Response:
    """The upstream by default: 200 and nothing else, so that the filter's own work shows."""
    return _OK


def no_endpoints(request: Request) -> Answer:
    """A cluster that exists and has no endpoints, as one that discovery has not filled yet."""
    return NO_ENDPOINTS


def answer_of(upstream: Upstream, request: Request) -> Answer:
    """The upstream's answer, with its delay."""
    found = upstream(request)
    return found if isinstance(found, Answer) else Answer(found)
