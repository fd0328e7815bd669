"""Envoy's own HTTP client, through which callouts go: what it makes of a service's answer.

It says how long the service took, and it answers itself where the service does not: 503 when
nobody listens or the cluster has no endpoints, 504 after the timeout. To a plugin these are
answers like any other.

Source: envoy, source/common/http/async_client_impl.cc and source/common/router/router.cc; measured
on Envoy 1.40: tests/wasm_filters/test_chain_fidelity.py and test_grpc_fidelity.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from mesh_traffic import Body, Headers, Response, replace
from wasm_filters.services.upstream import (
    NO_ENDPOINTS_BODY,
    NO_ENDPOINTS_DETAILS,
    REFUSED_BODY,
    REFUSED_DETAILS,
    Answer,
)

_TOOK = "x-envoy-upstream-service-time"  # milliseconds


@dataclass(frozen=True, slots=True)
class Delivered:
    """What comes to the plugin: ``response`` after so many seconds, None never. ``details`` are
    Envoy's response code details; ``made_here``: the service has not said this."""

    response: Response | None
    after: float = 0.0
    details: str = "via_upstream"
    made_here: bool = False


def through_client(answer: Answer, timeout: float) -> Delivered:
    """What comes of ``answer``; ``timeout`` in seconds, 0 for none."""
    if answer.refused:
        return without_host(REFUSED_BODY, REFUSED_DETAILS)
    if answer.no_endpoints:
        return without_host(NO_ENDPOINTS_BODY, NO_ENDPOINTS_DETAILS)
    if timeout and (answer.response is None or answer.after > timeout):
        response = _local(504, b"upstream request timeout")
        return Delivered(response, timeout, "response_timeout", made_here=True)
    if answer.response is None:
        return Delivered(None)
    headers = answer.response.headers.added(_TOOK, str(round(answer.after * 1000)))
    return Delivered(replace(answer.response, headers=headers), answer.after)


def without_host(body: bytes, details: str) -> Delivered:
    """Envoy found no host that it could send a call to."""
    return Delivered(_local(503, body), 0.0, details, made_here=True)


def _local(status: int, body: bytes) -> Response:
    fields = (("content-length", str(len(body))), ("content-type", "text/plain"))
    return Response(status, Headers(fields), Body(body))
