"""A request as routes see it: looked up by name, its path taken apart once for all conditions."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_traffic import Request, replace

# Envoy keeps one entry of each of these and joins what repeats, so they are matched as one value.
# Of other names each value stands for itself, since 1.39. Measured on 1.40, with all filters that
# its wheel has: a filter can register more.
# https://github.com/envoyproxy/envoy/blob/v1.40.0/envoy/http/header_map.h
_JOINED = """
    accept accept-encoding access-control-request-headers access-control-request-method
    access-control-request-private-network authentication authorization cache-control cdn-loop
    content-encoding content-type expect grpc-accept-encoding grpc-timeout if-match
    if-modified-since if-none-match if-range if-unmodified-since origin pragma proxy-status
    referer user-agent via x-client-trace-id x-envoy-attempt-count x-envoy-decorator-operation
    x-envoy-downstream-service-cluster x-envoy-downstream-service-node x-envoy-external-address
    x-envoy-is-timeout-retry x-envoy-original-host x-envoy-original-path x-forwarded-for
    x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id
"""
JOINED = frozenset(_JOINED.split())

MAX_SHOWN = 80  # characters of a value in an explanation
_PARAMETERS = re.compile(r";[^/]*")


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """What routes can ask of a stream besides its headers; ``None``: nobody knows.

    ``presented``, ``validated``: the client's certificate. ``runtime`` are the values of Envoy's
    runtime layers, by key.
    """

    tls: bool | None = None
    presented: bool | None = None
    validated: bool | None = None
    runtime: Mapping[str, str | int] | None = None


class Arrival:
    """A request at the route table. ``made`` names headers that are there, with a value that only
    the Envoy knows, such as an id that it makes up.
    """

    def __init__(
        self, request: Request, stream: StreamInfo | None = None, made: frozenset[str] = frozenset()
    ) -> None:
        self.pathless = request.method == "CONNECT"  # HTTP/2's extended CONNECT is a GET by now
        self.request = replace(request, path="") if self.pathless and request.path else request
        self.stream = stream or StreamInfo()
        self.made = made
        self.path = without_query(self.request.path)
        self.headers = _by_name(request, self.pathless)
        self._shown: dict[str, str] = {}
        self.path_words = f"the path is {self.path!r}"

    def values(self, name: str) -> Sequence[str]:
        """All values of a header, whose name is in lower case."""
        return self.headers.get(name, ())

    def shown(self, name: str) -> str:
        """A header that is there, in words; made once, however many routes ask for it."""
        if name not in self._shown:
            self._shown[name] = shown(self.headers[name])
        return self._shown[name]

    @functools.cached_property
    def plain_path(self) -> str:
        """The path without the parameters of its segments (RFC 3986, section 3.3)."""
        return _PARAMETERS.sub("", self.path)

    @functools.cached_property
    def query(self) -> Mapping[str, str]:
        """The first value of each query parameter, as it was written: Envoy decodes nothing."""
        found: dict[str, str] = {}
        for part in self.request.path.partition("?")[2].split("&"):
            if part:
                name, _, value = part.partition("=")
                found.setdefault(name, value)
        return found

    @functools.cached_property
    def cookies(self) -> Mapping[str, str]:
        """The first value of each cookie, without the quotes that RFC 6265 allows around it."""
        found: dict[str, str] = {}
        for field in self.values("cookie"):
            for part in field.split(";"):
                name, equals, value = part.lstrip(" ").partition("=")
                if equals:
                    found.setdefault(name, _unquoted(value))
        return found

    @property
    def forwarded_proto(self) -> str:
        """``http`` or ``https``: what ``require_tls`` asks."""
        given = self.values("x-forwarded-proto")
        if given:
            return given[0]
        if self.stream.tls is None:
            return self.request.scheme
        return "https" if self.stream.tls else "http"


def shown(values: Sequence[str]) -> str:
    """Values in words, each of a bounded length."""
    return "it is " + " and ".join(
        repr(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "…") for value in values
    )


def without_query(path: str) -> str:
    """What Envoy matches a path by: all before the query and the fragment."""
    return path.partition("?")[0].partition("#")[0]


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) >= 2 and value[0] == value[-1] == '"' else value


def _by_name(request: Request, pathless: bool) -> dict[str, list[str]]:
    found = {
        ":method": [request.method],
        ":authority": [request.authority],
        "host": [request.authority],  # Envoy takes the name for the other
        ":scheme": [request.scheme],
    }
    if not pathless:
        found[":path"] = [request.path]
    for name, value in request.headers.fields:
        lower = name.lower()
        if lower == "host":
            continue
        if lower in JOINED and lower in found:
            found[lower][0] += f",{value}"
        else:
            found.setdefault(lower, []).append(value)
    return found
