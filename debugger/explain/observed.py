"""What Envoy says happened: an exchange's log entry, its details and flags in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from mesh_traffic import Exchange
from tap.flags import in_words

Who = Literal["upstream", "route", "no route", "no cluster", "sending", "filter", "envoy", "client"]

# Who ended it and in which words, by how the response code details begin.
# https://www.envoyproxy.io/docs/envoy/v1.40.0/configuration/http/http_conn_man/response_code_details
DETAILS: Mapping[str, tuple[Who, str]] = {
    "via_upstream": ("upstream", "the upstream answered"),
    "direct_response": ("route", "the route answers by itself"),
    "route_not_found": ("no route", "no route matched"),
    "route_configuration_not_found": ("no route", "there was no route table"),
    "cluster_not_found": ("no cluster", "there is no such cluster"),
    "no_healthy_upstream": ("sending", "no host of the cluster was healthy"),
    "maintenance_mode": ("sending", "the cluster is in maintenance mode"),
    "upstream_reset_before_response_started": (
        "sending",
        "the upstream was lost before it answered",
    ),
    "upstream_reset_after_response_started": ("sending", "the upstream was lost while it answered"),
    "response_timeout": ("sending", "the upstream took too long"),
    "upstream_response_timeout": ("sending", "the upstream took too long"),
    "upstream_per_try_timeout": ("sending", "the last try took too long"),
    "upstream_per_try_idle_timeout": ("sending", "the last try was quiet for too long"),
    "upstream_max_stream_duration_reached": ("sending", "the stream took too long"),
    "request_payload_exceeded_retry_buffer_limit": ("sending", "the body did not fit for a retry"),
    "internal_redirect": ("sending", "an internal redirect took its place"),
    "downstream_remote_disconnect": ("client", "the client went away"),
    "downstream_local_disconnect": ("envoy", "Envoy closed the client's connection"),
    "filter_chain_not_found": ("envoy", "no filter chain is for such a connection"),
    "stream_idle_timeout": ("envoy", "the stream was quiet for too long"),
    "request_overall_timeout": ("envoy", "the request took too long to come"),
    "max_duration_timeout": ("envoy", "the stream took too long"),
    "duration_timeout": ("envoy", "the connection took too long"),
    "overload": ("envoy", "Envoy is overloaded"),
    "path_normalization_failed": ("envoy", "the path can't be made canonical"),
    "missing_host_header": ("envoy", "the request names no host"),
    "missing_path_rejected": ("envoy", "the request has no path"),
    "absolute_path_rejected": ("envoy", "the path is an absolute URL"),
    "low_version": ("envoy", "HTTP/1.0 is not taken"),
    "upgrade_failed": ("envoy", "such an upgrade is not taken"),
    "request_headers_failed_strict_check": ("envoy", "an x-envoy- header is not valid"),
    "fault_filter_abort": ("filter", "the fault filter aborted it"),
    "rbac_access_denied": ("filter", "the RBAC filter denied it"),
    "local_rate_limited": ("filter", "the local rate limit was reached"),
    "request_rate_limited": ("filter", "the rate limit was reached"),
    "jwt_authn_access_denied": ("filter", "its token is not accepted"),
    "ext_authz_denied": ("filter", "external authorization denied it"),
    "ext_authz_error": ("filter", "external authorization failed"),
    "ext_proc": ("filter", "an external processor answered"),
    "lua_response": ("filter", "a Lua filter answered"),
    "http1.": ("envoy", "it was no HTTP/1 that Envoy takes"),
    "http2.": ("envoy", "it was no HTTP/2 that Envoy takes"),
}
_INSIDE = re.compile(r"[{\[]([^}]*?)[}\]]+$")
MAX_SHOWN = 200  # characters of details


class Observed(Struct, frozen=True):
    """What happened at the node. ``who`` ended it; "" where that is not known.

    ``upstream`` is the host that got the last try, "" for none. ``logged``: there is an entry of
    the access log; without one neither route nor cluster is known. ``may_be_grpc``: its content
    type says so, or nobody has seen it.
    """

    logged: bool
    who: Who | Literal[""]
    words: str
    details: str
    status: int | None
    flags: tuple[str, ...]
    route: str
    cluster: str
    upstream: str
    attempts: int
    sent: bool
    duration: float | None
    may_be_grpc: bool = False

    @property
    def flag_words(self) -> tuple[str, ...]:
        return tuple(f"{each} {in_words(each)}".strip() for each in self.flags)

    @property
    def policy(self) -> str:
        """The rule that the RBAC filter names."""
        found = re.search(r"matched_policy\[(.*)\]$", self.details)
        return found[1] if found else ""


def of_exchange(exchange: Exchange) -> Observed:
    """An exchange's facts, apart from all that could be derived."""
    who, words = told_by(exchange.details)
    kind = exchange.request.headers.get("content-type", "") or ""
    sent = exchange.timing.sent is not None
    reached = bool(exchange.cluster) and exchange.destination.address != exchange.request.authority
    return Observed(
        "access log" in exchange.sources or bool(exchange.details),
        who,
        words,
        exchange.details[:MAX_SHOWN],
        exchange.status,
        exchange.flags,
        exchange.route,
        exchange.cluster,
        exchange.destination.address if reached else "",
        exchange.attempts,
        sent,
        exchange.duration,
        set(exchange.sources) <= {"access log"} or kind.startswith("application/grpc"),
    )


def told_by(details: str) -> tuple[Who | Literal[""], str]:
    """Who ended it, and in words; "" and nothing for details that are not known."""
    key = max((each for each in DETAILS if details.startswith(each)), key=len, default="")
    if not key:
        return "", ""
    who, words = DETAILS[key]
    inside = _INSIDE.search(details)
    if inside and who == "sending":
        words = f"{words}: {inside[1].replace('_', ' ').replace('|', ', ')}"
    return who, words
