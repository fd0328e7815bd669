"""A record of a log → an exchange, where it tells of a request.

Envoy's OpenTelemetry access log has no fields of its own: its config says what the body and the
attributes hold. Known are the names of OpenTelemetry's conventions, those that such configs use
(Envoy's command operators in lower case), and the text of Envoy's default format in the body.
Source: Envoy, ``envoy.access_loggers.open_telemetry``; "Access logging", "Default format string".
"""

from __future__ import annotations

import re
from typing import Any

from mesh_traffic import Endpoint, Exchange, Timing, Trace
from tap.otlp import http
from tap.otlp.attributes import MAX_TEXT, Names, read, text_of
from tap.otlp.spans import Sender, flags_of

SOURCE = "otlp log"

# Beside those of http.py, what such configs call the same.
_NAMES = {
    **http.NAMES,
    **dict.fromkeys(("method", "request_method", "request.method"), "method"),
    **dict.fromkeys(("path", "request_path", "x_envoy_origin_path"), "path"),
    **dict.fromkeys(("status", "response_code", "status_code", "response.code"), "status"),
    **dict.fromkeys(("authority", "host", "request.authority"), "host"),
    **dict.fromkeys(("request_id", "x_request_id", "x-request-id", "request.id"), "request_id"),
    **dict.fromkeys(("duration", "duration_ms", "response.duration"), "duration"),
    **dict.fromkeys(("upstream_cluster", "upstream_cluster_name"), "cluster"),
    **dict.fromkeys(("upstream_host", "upstream_address"), "upstream"),
    **dict.fromkeys(("downstream_remote_address", "client.address"), "client"),
    **dict.fromkeys(("route_name", "http.route"), "route"),
    **dict.fromkeys(("response_code_details", "error.type"), "error"),
    "request.user_agent": "user_agent",
    "bytes_received": "request_size",
    "bytes_sent": "response_size",
    "response_flags": "flags",
    "upstream_local_address": "local",
}
# [START] "METHOD PATH PROTOCOL" STATUS FLAGS …; Istio has more between the flags and the numbers
_REQUEST = re.compile(
    r'[^"]{0,80}"([A-Z]{1,20}) ([^ "]{1,8000}) [^ "]{1,12}" (\d{1,3}) ([\w,-]{1,80}) '
)
_REST = re.compile(r'(?:^| )(\d{1,18}) (\d{1,18}) (\d{1,18}) \S{1,20} "')
_QUOTED = re.compile(r'"([^"]*)"')
_FIRST = ("method", "path", "status", "flags")
_NUMBERS = ("request_size", "response_size", "duration")
_LAST = ("forwarded_for", "user_agent", "request_id", "host", "upstream")


def exchange_of(record: Any, sender: Sender, names: Names, id_: str) -> Exchange | None:
    """None: the record tells of no request."""
    found = read(record.attributes, _NAMES)
    for name, value in _body(record.body, sender).items():
        found.setdefault(name, value)
    request, response = http.request_of(found, names), http.response_of(found)
    if request is None and response is None:
        return None
    duration = _seconds(found.get("duration", ""))
    request = request or http.nothing_but(found, names)
    host = names.address(request.authority.rpartition("@")[2])
    return Exchange(
        id_,
        sender.node,
        request,
        response,
        http.request_id_of(found),
        source=Endpoint(address=names.address(found.get("client", ""))),
        destination=Endpoint(
            names.service(host), "", names.address(found.get("upstream", "")) or host
        ),
        started=(record.time_unix_nano or record.observed_time_unix_nano) / 1e9,
        duration=duration,
        route=names.clean(found.get("route", "")),
        cluster=names.clean(found.get("cluster", "")),
        flags=flags_of(found),
        details=names.clean(found.get("error", "")),
        upstream_local=names.address(found.get("local", "")),
        timing=Timing(ended=duration),
        sources=(SOURCE,),
        trace=Trace(record.trace_id.hex(), record.span_id.hex()) if _has_ids(record) else Trace(),
    )


def _has_ids(record: Any) -> bool:
    trace_id, span_id = record.trace_id, record.span_id
    return len(trace_id) == 16 and len(span_id) == 8 and any(trace_id) and any(span_id)


def _body(body: Any, sender: Sender) -> dict[str, str]:
    """What a body tells: fields as attributes have them, or an Envoy's line."""
    if body.HasField("kvlist_value"):
        return read(body.kvlist_value.values, _NAMES)
    return _line(text_of(body)[:MAX_TEXT]) if sender.is_envoy else {}


def _line(text: str) -> dict[str, str]:
    met = _REQUEST.match(text)
    if met is None:
        return {}
    found = dict(zip(_FIRST, met.groups(), strict=True))
    numbers = _REST.search(text, met.end() - 1)
    if numbers is not None:
        told = zip(_NUMBERS, numbers.groups(), strict=True)
        quoted = _QUOTED.findall(text, numbers.end() - 1)[: len(_LAST)]
        found |= {**dict(told), **dict(zip(_LAST, quoted, strict=False))}
    return {name: value for name, value in found.items() if value not in ("", "-")}


def _seconds(milliseconds: str) -> float | None:
    try:
        seconds = float(milliseconds) / 1000
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None
