"""The condition on the path: one of six sorts, each on the path without its query.

https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-routematch
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.conditions.texts import (
    Holds,
    TextMatch,
    ascii_lower,
    plain,
    regex_match,
    to_bytes,
)
from debugger.routing.conditions.wanted import Wanted, unknown
from tap.redact.linear import RegexError, regex
from xds_server.mirror import class_of, parse

_TEMPLATE = "envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig"
_VARIABLE = re.compile(r"\{(\w+)(?:=([^{}]*))?\}|(\*\*)|(\*)")
_LITERAL = r"a-zA-Z0-9\-._~%!$&'()+,;:@="


def path_condition(match: Any, at: str, ignore_parameters: bool) -> Wanted:
    """From a ``RouteMatch``. ``ignore_parameters``: what stands after the
    semicolon of a segment does not count."""
    kind = match.WhichOneof("path_specifier")
    if kind is None:
        return unknown("no path", at, "a route without a path is refused by Envoy")
    place = f"{at}.{kind}"
    if kind == "connect_matcher":
        return _connect(place)
    if kind == "path_match_policy":
        return _policy(match.path_match_policy, place)
    case = not match.HasField("case_sensitive") or match.case_sensitive.value
    found = _KINDS[kind](match, case)
    words = f"{_WORDS[kind]} {found.words}"
    if found.holds is None:
        return unknown(words, place, f"{found.words} is not read here")
    return Wanted(words, place, _on_path(found.holds, ignore_parameters), _seen)


def _on_path(holds: Holds, ignore_parameters: bool) -> Callable[[Arrival], bool]:
    if ignore_parameters:
        return lambda arrival: not arrival.pathless and holds(arrival.plain_path)
    return lambda arrival: holds(arrival.path) and not arrival.pathless


def _seen(arrival: Arrival, holds: bool | None) -> str:
    return "a CONNECT has no path" if arrival.pathless else arrival.path_words


def _prefix(match: Any, case: bool) -> TextMatch:
    wanted = match.prefix
    if case:
        return TextMatch(plain(wanted), lambda path: path.startswith(wanted))
    lower = ascii_lower(wanted)
    return TextMatch(
        f"{plain(wanted)}, in any case", lambda path: ascii_lower(path).startswith(lower)
    )


def _exact(match: Any, case: bool) -> TextMatch:
    wanted = match.path
    if case:
        return TextMatch(plain(wanted), lambda path: path == wanted)
    lower = ascii_lower(wanted)
    return TextMatch(f"{plain(wanted)}, in any case", lambda path: ascii_lower(path) == lower)


def _separated(match: Any, case: bool) -> TextMatch:
    wanted = match.path_separated_prefix
    same = (lambda text: text) if case else ascii_lower
    whole, longer = same(wanted), same(wanted) + "/"

    def holds(path: str) -> bool:
        seen = same(path)
        return seen == whole or seen.startswith(longer)

    return TextMatch(plain(wanted) if case else f"{plain(wanted)}, in any case", holds)


def _regex(match: Any, case: bool) -> TextMatch:
    found = regex_match(match.safe_regex)
    return TextMatch(found.words.removeprefix("regex "), found.holds)


_KINDS: dict[str, Callable[[Any, bool], TextMatch]] = {
    "prefix": _prefix,
    "path": _exact,
    "path_separated_prefix": _separated,
    "safe_regex": _regex,
}
_WORDS = {
    "prefix": "prefix",
    "path": "path",
    "path_separated_prefix": "path below",
    "safe_regex": "path regex",
}


def _connect(place: str) -> Wanted:
    def test(arrival: Arrival) -> bool:
        udp = any(ascii_lower(value) == "connect-udp" for value in arrival.values("upgrade"))
        return udp or arrival.request.method == "CONNECT"

    return Wanted("CONNECT", place, test, lambda arrival, _: f"it is a {arrival.request.method}")


def _policy(extension: Any, place: str) -> Wanted:
    typed = extension.typed_config
    cls = class_of(f"type.googleapis.com/{_TEMPLATE}")
    if typed.type_url.rpartition("/")[2] != _TEMPLATE or cls is None:
        name = typed.type_url.rpartition("/")[2] or extension.name
        return unknown(f"path policy {name}", place, f"{name} is not read here")
    template = parse(cls, typed.value).path_template
    words = f"path template {plain(template)}"
    try:
        match = regex(_template_regex(template)).fullmatch
    except RegexError as error:
        return unknown(words, place, f"Envoy refuses it: {error}")
    return Wanted(
        words,
        place,
        lambda arrival: not arrival.pathless and match(to_bytes(arrival.path)) is not None,
        _seen,
    )


def _template_regex(template: str) -> str:
    """``*`` is some of a segment, ``**`` any number of segments, ``{name}`` and ``{name=...}``
    the same with a name.
    """
    written, end = "", 0
    for found in _VARIABLE.finditer(template):
        written += re.escape(template[end : found.start()])
        end = found.end()
        name, pattern, many, _ = found.groups()
        if name is not None:
            written += f"(?:{_template_regex(pattern) if pattern else f'[{_LITERAL}]+'})"
        else:
            written += f"[{_LITERAL}/]*" if many else f"[{_LITERAL}]+"
    return written + re.escape(template[end:])
