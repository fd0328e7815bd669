"""A request as the first filter of the rig gets it: what Envoy's codec and connection manager have
taken from it and put to it.

Source: envoy, source/common/http/conn_manager_utility.cc (mutateRequestHeaders and
cleanInternalHeaders, for a request from outside with ``use_remote_address`` false).
"""

from __future__ import annotations

from mesh_traffic import Headers, Request, replace

# what only Envoys may say to each other
SANITISED = frozenset(
    [
        "transfer-encoding",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-force-trace",
        "x-envoy-hedge-on-per-try-timeout",
        "x-envoy-internal",
        "x-envoy-ip-tags",
        "x-envoy-max-retries",
        "x-envoy-original-url",
        "x-envoy-retriable-header-names",
        "x-envoy-retriable-status-codes",
        "x-envoy-retry-grpc-on",
        "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-rq-timeout-ms",
        "x-forwarded-client-cert",
    ]
)
_SCHEMES = ("http", "https")


def arriving(request: Request) -> Request:
    """``request`` behind the connection manager."""
    kept = Headers(tuple(field for field in request.headers if field[0] not in SANITISED))
    given = kept.get("x-forwarded-proto")
    headers = kept if given is not None else kept.added("x-forwarded-proto", "http")
    scheme = given if given in _SCHEMES else "http"
    return replace(request, headers=headers, scheme=scheme)
