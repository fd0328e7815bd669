"""Attributes of spans, log records and their senders → text, those that are asked for only.

Rule 1: a value is text here, whatever its type; a list is its texts, joined as fields of HTTP are.
Rule 2: nothing that is not named is read, so that what nobody thought of stays where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from mesh_traffic import Exchange, Request
from tap.redact import Redactor
from tap.topology import Topology

MAX_ATTRIBUTES = 256  # of one span that are looked at; SDKs send 128 at most
MAX_TEXT = 8 * 1024  # characters of a value that are kept
MAX_NAME = 200  # characters of a name: of a service, a node, a route
MAX_NAMES = 4_096  # that are remembered

# Of IPv4 or IPv6, perhaps with a port
_ADDRESS = re.compile(
    r"(?:|\d{1,3}(?:\.\d{1,3}){3}|\[?[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}\]?)(?::\d{1,5})?"
)
HEADERS = ("http.request.header.", "http.response.header.")


class Attributes(dict[str, str]):
    """Values by the names that they have here; ``headers`` by the names that they came with."""

    __slots__ = ("headers",)

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}


def read(pairs: Iterable[Any], names: Mapping[str, str]) -> Attributes:
    """The values of those attributes that have a name in ``names``, and recorded headers. The first
    of several that mean the same; ``-`` is none, as Envoy writes it."""
    found = Attributes()
    for pair in islice(pairs, MAX_ATTRIBUTES):
        key = pair.key
        name = names.get(key)
        if name is not None:
            if name not in found:
                value = text_of(pair.value)
                if value and value != "-":
                    found[name] = value
        elif key.startswith(HEADERS):
            found.headers[key] = text_of(pair.value)
    return found


def text_of(value: Any) -> str:
    """A value of the message ``AnyValue``; "" for bytes, and what is nested."""
    text: str = value.string_value
    if text:
        return text if len(text) <= MAX_TEXT else text[:MAX_TEXT]
    kind = value.WhichOneof("value")
    if kind in ("int_value", "double_value"):
        return f"{getattr(value, kind):.17g}" if kind == "double_value" else str(value.int_value)
    if kind == "bool_value":
        return "true" if value.bool_value else "false"
    if kind == "array_value":
        parts = islice(value.array_value.values, MAX_ATTRIBUTES)
        return ", ".join(part.string_value for part in parts)[:MAX_TEXT]
    return ""


def address(host: str, port: str) -> str:
    """``host:port`` as Envoy writes it."""
    return f"{host}:{port}" if host and port else host


class Names:
    """Names that senders gave: without secrets, and as the mesh calls its services.

    They are few and repeated, and no captured text, so they are looked through once each.
    """

    def __init__(self, redact: Redactor, topology: Topology) -> None:
        self._redact = redact
        self.clean = lru_cache(MAX_NAMES)(self._clean)
        self.learn(topology)

    def learn(self, topology: Topology) -> None:
        """The mesh has changed."""
        self._service = lru_cache(MAX_NAMES)(topology.service_of)

    def address(self, text: str) -> str:
        """``text`` as it is, if it is an address: there are many. Any other is a name."""
        return text if _ADDRESS.fullmatch(text) else self.clean(text)

    def authority(self, text: str) -> str:
        """``text`` with a host that may be shown. A user before it is left to who redacts all."""
        user, at, host = text.rpartition("@")
        return user + at + self.address(host)

    def service(self, name: str) -> str:
        """The mesh's service that ``name`` (of a host or a service) means, "" if it is none."""
        return self._service(name) if name else ""

    def _clean(self, name: str) -> str:
        shown = self._redact(Exchange("", "", Request("GET", name[:MAX_NAME])))
        return shown.request.path
