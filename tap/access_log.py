"""Messages of an access log → entries. Protocol logic: bytes in, entries out.

An entry is a summary: no headers but those that it names, sizes instead of bodies, but also what no
tap tells: route, cluster, flags, tries and times. It is made of every request, whoever watches.
Source: Envoy, ``envoy.service.accesslog.v3`` and ``envoy.data.accesslog.v3``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mesh_traffic import Body, Headers, Request, Response, Timing
from tap.addresses import address_of
from tap.live.overload import is_sampled
from xds_server.errors import WireError

SOURCE = "access log"
_NO_FIELDS = Headers()
_METHODS = ("", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
# envoy.data.accesslog.v3.ResponseFlags → the short names of %RESPONSE_FLAGS%
_FLAGS = {
    "failed_local_healthcheck": "LH",
    "no_healthy_upstream": "UH",
    "upstream_request_timeout": "UT",
    "local_reset": "LR",
    "upstream_remote_reset": "UR",
    "upstream_connection_failure": "UF",
    "upstream_connection_termination": "UC",
    "upstream_overflow": "UO",
    "no_route_found": "NR",
    "delay_injected": "DI",
    "fault_injected": "FI",
    "rate_limited": "RL",
    "unauthorized_details": "UAEX",
    "rate_limit_service_error": "RLSE",
    "downstream_connection_termination": "DC",
    "upstream_retry_limit_exceeded": "URX",
    "stream_idle_timeout": "SI",
    "invalid_envoy_request_headers": "IH",
    "downstream_protocol_error": "DPE",
    "upstream_max_stream_duration_reached": "UMSDR",
    "response_from_cache_filter": "RFCF",
    "no_filter_config_found": "NFCF",
    "duration_timeout": "DT",
    "upstream_protocol_error": "UPE",
    "no_cluster_found": "NC",
    "overload_manager": "OM",
    "dns_resolution_failure": "DF",
    "downstream_remote_reset": "DR",
}


@dataclass(slots=True)
class Entry:
    """What an Envoy's log tells of one request. Addresses are ``ip:port``, "" where there is none;
    all else is as in :class:`mesh_traffic.Exchange`."""

    request: Request
    response: Response | None
    request_id: str
    listener: str
    client: str
    upstream: str
    upstream_local: str
    started: float
    duration: float | None
    route: str
    cluster: str
    flags: tuple[str, ...]
    attempts: int
    details: str
    timing: Timing


def _parse(data: bytes) -> Any:
    """A message of the stream. Imported late: Envoy's messages take 0.2 s."""
    from xds_server.mirror import parse
    from xds_server.protos import access_log_service

    return parse(access_log_service.StreamAccessLogsMessage, data)


class LogReader:
    """The log of one Envoy. ``node`` is its id, told by the first message of its stream."""

    def __init__(self) -> None:
        self.node = ""
        self.errors = self.sampled = 0

    def receive(self, data: bytes, wanted: Callable[[str], bool] | None = None) -> list[Entry]:
        """The entries of one message; what is no message is counted in ``errors``.

        ``wanted`` tells by their request ids which to read; the others count as ``sampled``.
        """
        try:
            message = _parse(data)
        except WireError:
            self.errors += 1
            return []
        if message.HasField("identifier"):
            self.node = message.identifier.node.id
        entries = message.http_logs.log_entry
        if wanted is None:
            return [_entry(entry) for entry in entries]
        found = [_entry(entry) for entry in entries if wanted(entry.request.request_id)]
        self.sampled += len(entries) - len(found)
        return found


def _entry(entry: Any) -> Entry:
    common, request, response = entry.common_properties, entry.request, entry.response
    start = common.start_time
    return Entry(
        _request(request),
        _response(response),
        request.request_id,
        address_of(common.downstream_local_address),
        address_of(common.downstream_direct_remote_address),
        address_of(common.upstream_remote_address),
        address_of(common.upstream_local_address),
        start.seconds + start.nanos / 1e9,
        _seconds(common, "duration"),
        common.route_name,
        common.upstream_cluster,
        _flags(common),
        common.upstream_request_attempt_count,
        response.response_code_details,
        _timing(common),
    )


def _request(request: Any) -> Request:
    fields = [
        (name, value)
        for name, value in (
            ("user-agent", request.user_agent),
            ("referer", request.referer),
            ("x-forwarded-for", request.forwarded_for),
            ("x-request-id", request.request_id),
            *request.request_headers.items(),
        )
        if value
    ]
    method = request.request_method
    return Request(
        _METHODS[method] if method < len(_METHODS) else "",
        request.original_path or request.path,
        request.authority,
        request.scheme,
        Headers(tuple(fields)),
        _sized(request.request_body_bytes),
    )


def _response(response: Any) -> Response | None:
    """None: the client left before there was one. Of its headers a log has those that were asked
    for, and none was."""
    status = response.response_code.value
    return Response(status, _NO_FIELDS, _sized(response.response_body_bytes)) if status else None


def _sized(size: int) -> Body:
    return Body(b"", size > 0, size)


def _flags(common: Any) -> tuple[str, ...]:
    if not common.HasField("response_flags"):
        return ()
    found = (_FLAGS.get(field.name, "") for field, _ in common.response_flags.ListFields())
    return tuple(flag for flag in found if flag)


def _timing(common: Any) -> Timing:
    return Timing(
        _seconds(common, "time_to_last_rx_byte"),
        _seconds(common, "time_to_first_upstream_tx_byte"),
        _seconds(common, "time_to_first_upstream_rx_byte"),
        _seconds(common, "time_to_last_downstream_tx_byte"),
    )


def _seconds(common: Any, name: str) -> float | None:
    if not common.HasField(name):
        return None
    found = getattr(common, name)
    seconds: float = found.seconds + found.nanos / 1e9
    return seconds


class LogTaker(Protocol):
    """Who takes what logs tell: a hub. ``sampling``: only some requests are wanted now."""

    @property
    def sampling(self) -> bool: ...

    def logged(self, node: str, entries: list[Entry], sampled: int) -> None: ...

    def log_ended(self, node: str, errors: int) -> None: ...


class FollowedLog:
    """The access log of one Envoy, read for somebody."""

    def __init__(self, taker: LogTaker) -> None:
        self._taker = taker
        self._reader = LogReader()

    def receive(self, data: bytes) -> None:
        before = self._reader.sampled
        entries = self._reader.receive(data, is_sampled if self._taker.sampling else None)
        self._taker.logged(self._reader.node, entries, self._reader.sampled - before)

    def end(self) -> None:
        self._taker.log_ended(self._reader.node, self._reader.errors)
