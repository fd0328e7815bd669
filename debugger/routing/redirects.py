"""Where a redirect sends: ``Location``, as Envoy puts it together.

https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-redirectaction
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from debugger.routing.arriving.arrival import Arrival, without_query
from debugger.routing.arriving.manager import host_and_port
from debugger.routing.conditions.texts import ascii_lower, to_bytes
from debugger.routing.decision import Redirect
from tap.redact.linear import Regex, RegexError, regex

STATUSES = (301, 302, 303, 307, 308)  # of RedirectResponseCode, in its order
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_GROUP = re.compile(r"\\(\d|\\)")
_PATHLESS = "a CONNECT has no path, so there is no Location"
MAX_REPLACED = 1000  # matches of an expression in one path

Rewrite = Callable[[Arrival], str | None]


def redirect_action(route: Any, place: str) -> Callable[[Arrival], Redirect]:
    """From a ``Route`` with a ``redirect``."""
    told = route.redirect
    status = STATUSES[told.response_code] if told.response_code < len(STATUSES) else 301
    rewrite = _rewrite(route)
    if rewrite is None:
        why = "path_rewrite is a format, which is not read here"
        return lambda arrival: Redirect(status, None, place, why)

    def act(arrival: Arrival) -> Redirect:
        path = rewrite(arrival)
        if path is None:
            return Redirect(status, None, place, "regex_rewrite is no expression of RE2")
        if arrival.pathless and not path:
            return Redirect(status, None, place, _PATHLESS)
        return Redirect(status, _location(told, arrival, path), place)

    return act


def tls_redirect(arrival: Arrival, place: str) -> Redirect:
    """Where ``require_tls`` sends."""
    if arrival.pathless:
        return Redirect(301, None, place, _PATHLESS)
    where = f"https://{arrival.request.authority}{arrival.request.path}"
    return Redirect(
        301, where, place, f"TLS is required, and this came by {arrival.forwarded_proto!r}"
    )


def _location(told: Any, arrival: Arrival, path: str) -> str:
    request = arrival.request
    scheme = told.scheme_redirect or ("https" if told.https_redirect else request.scheme)
    port = f":{told.port_redirect}" if told.port_redirect else ""
    host = told.host_redirect or _host(arrival, scheme, bool(port))
    own_query = "?" in told.path_redirect
    if told.path_redirect:
        _, mark, query = path.partition("?")
        path = told.path_redirect if own_query else f"{told.path_redirect}{mark}{query}"
    if not path.startswith("/"):
        path = f"/{path}"
    if told.strip_query and not own_query:
        path = path.partition("?")[0]
    return f"{scheme}://{host}{port}{path}"


def _host(arrival: Arrival, scheme: str, other_port: bool) -> str:
    """A port goes when there is another, or when it was the default of the scheme before."""
    host, port = host_and_port(arrival.request.authority)
    before = arrival.forwarded_proto
    gone = other_port or (scheme != before and port == _DEFAULT_PORTS.get(before))
    return host if port is not None and gone else arrival.request.authority


def _rewrite(route: Any) -> Rewrite | None:
    """What becomes of the path before; ``None``: that is not read here."""
    told = route.redirect
    kind = told.WhichOneof("path_rewrite_specifier")
    if kind == "prefix_rewrite":
        return _of_prefix(route.match, told.prefix_rewrite)
    if kind == "regex_rewrite":
        return _of_regex(told.regex_rewrite)
    if kind == "path_rewrite":
        return None
    return lambda arrival: arrival.request.path


def _of_prefix(match: Any, instead: str) -> Rewrite:
    kind = match.WhichOneof("path_specifier")
    matched = getattr(match, kind) if kind in ("prefix", "path", "path_separated_prefix") else None

    def rewrite(arrival: Arrival) -> str:
        path = arrival.request.path
        length = len(without_query(path) if matched is None else matched)
        same = matched is None or ascii_lower(path).startswith(ascii_lower(matched))
        return instead + path[length:] if same and instead else path

    return rewrite


def _of_regex(told: Any) -> Rewrite:
    try:
        pattern = regex(told.pattern.regex)
    except RegexError:
        return lambda arrival: None

    def rewrite(arrival: Arrival) -> str:
        path = arrival.request.path
        before = without_query(path)
        return replaced(pattern, told.substitution, before) + path[len(before) :]

    return rewrite


def replaced(pattern: Regex, substitution: str, text: str) -> str:
    """All that matches replaced, as RE2 does: ``\\1`` is the first group."""
    data, out, at, last = to_bytes(text), b"", 0, -1
    for _ in range(MAX_REPLACED):
        found = pattern.search(data, at) if at <= len(data) else None
        if found is None:
            break
        start, end = found.start(), found.end()
        out += data[at:start]
        if start != last or end > start:  # nothing is no match right after another
            out += _filled(substitution, data, found)
        if end == start:
            out += data[end : end + 1]
        at, last = max(end, start + 1), end
    return (out + data[at:]).decode("utf-8", "surrogateescape")


def _filled(substitution: str, data: bytes, found: Any) -> bytes:
    def part(group: re.Match[str]) -> str:
        if group[1] == "\\":
            return "\\"
        start, end = found.start(int(group[1])), found.end(int(group[1]))
        return "" if start < 0 else data[start:end].decode("utf-8", "surrogateescape")

    return to_bytes(_GROUP.sub(part, substitution))
