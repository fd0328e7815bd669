"""HTTP fields while a filter works on them, with the habits of Envoy's header map.

Rule 1: names are lower case. Rule 2: pseudo-headers stay in front of all others. Rule 3: replacing
is removing and adding, so a replaced field moves to the end. Rule 4: a field that Envoy keeps a
slot for (``INLINE_…``, measured on 1.40) exists once: adding to it appends to its value, after a
comma, and adding an empty value does nothing. Rule 5: ``host`` in a request is another name for
``:authority``.
Source: envoy, source/common/http/header_map_impl.cc; compared with Envoy 1.40 in
tests/wasm_filters/test_fidelity.py.
"""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[bytes, bytes]

INLINE_REQUEST = frozenset(
    b"""
    :path :authority :method :scheme :protocol accept accept-encoding
    access-control-request-headers access-control-request-method
    access-control-request-private-network authorization cache-control cdn-loop connection
    content-encoding content-length content-type expect grpc-accept-encoding grpc-timeout
    if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive origin
    proxy-connection proxy-status referer te transfer-encoding upgrade user-agent via
    x-client-trace-id x-envoy-attempt-count x-envoy-decorator-operation
    x-envoy-downstream-service-cluster x-envoy-downstream-service-node
    x-envoy-expected-rq-timeout-ms x-envoy-external-address x-envoy-force-trace
    x-envoy-hedge-on-per-try-timeout x-envoy-internal x-envoy-ip-tags x-envoy-is-timeout-retry
    x-envoy-max-retries x-envoy-original-path x-envoy-original-url
    x-envoy-retriable-header-names x-envoy-retriable-status-codes x-envoy-retry-grpc-on
    x-envoy-retry-on x-envoy-upstream-alt-stat-name x-envoy-upstream-rq-per-try-timeout-ms
    x-envoy-upstream-rq-timeout-alt-response x-envoy-upstream-rq-timeout-ms
    x-envoy-upstream-stream-duration-ms x-forwarded-client-cert x-forwarded-for
    x-forwarded-host x-forwarded-port x-forwarded-proto x-request-id
    """.split()
)
INLINE_RESPONSE = frozenset(
    b"""
    :status access-control-allow-credentials access-control-allow-headers
    access-control-allow-methods access-control-allow-origin access-control-expose-headers
    access-control-max-age age cache-control connection content-encoding content-length
    content-type date etag expires grpc-message grpc-status keep-alive last-modified location
    proxy-connection proxy-status server transfer-encoding upgrade vary via
    x-envoy-attempt-count x-envoy-decorator-operation x-envoy-degraded
    x-envoy-immediate-health-check-fail x-envoy-ratelimited x-envoy-upstream-canary
    x-envoy-upstream-healthchecked-cluster x-envoy-upstream-service-time x-request-id
    """.split()
)
INLINE_NONE: frozenset[bytes] = frozenset()  # trailers
MAX_BYTES = 64 << 20  # that a filter may make of one map; Envoy has no such limit


class HeaderMap:
    """An ordered multimap of lower-case names to values; ``inline`` are those that exist once."""

    __slots__ = ("_added", "_first", "_inline", "_pairs")

    def __init__(self, pairs: Iterable[Pair] = (), inline: frozenset[bytes] = INLINE_NONE) -> None:
        self._inline = inline
        self._added = 0  # bytes that were added one by one, whatever was removed since
        self._pairs: list[Pair] = []
        self._first: dict[bytes, bytes] = {}
        self.set_pairs(pairs)

    @property
    def pairs(self) -> list[Pair]:
        """All fields in their order; not to be changed."""
        return self._pairs

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def byte_size(self) -> int:
        return sum(len(name) + len(value) for name, value in self._pairs)

    def _name(self, name: bytes) -> bytes:
        name = name.lower()
        return b":authority" if name == b"host" and self._inline is INLINE_REQUEST else name

    def get(self, name: bytes) -> bytes | None:
        """The first value of ``name``, in whatever case it is asked for."""
        value = self._first.get(name)
        return self._first.get(self._name(name)) if value is None else value

    def first(self, name: bytes) -> bytes | None:
        """As ``get``, for a name that is as it is kept: in lower case, and not ``host``."""
        return self._first.get(name)

    def joined(self, name: bytes) -> bytes | None:
        """All values of ``name``, with commas between them."""
        first = self.get(name)
        if first is None or len(self._first) == len(self._pairs):
            return first
        name = self._name(name)
        return b",".join(value for each, value in self._pairs if each == name)

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes may be added."""
        self._added += size
        if self._added > MAX_BYTES:
            self._added = self.byte_size + size
        return self._added <= MAX_BYTES

    def add(self, name: bytes, value: bytes) -> None:
        name = self._name(name)
        if name not in self._first:
            self._first[name] = value
        elif name in self._inline:
            self._append(name, value)
            return
        if name.startswith(b":"):
            self._pairs.insert(self._pseudo_end(), (name, value))
        else:
            self._pairs.append((name, value))

    def joins(self, name: bytes) -> bool:
        """Whether adding ``name`` would append to a value that is there."""
        return name in self._inline and name in self._first

    def _append(self, name: bytes, value: bytes) -> None:
        if not value:
            return
        at = next(i for i, pair in enumerate(self._pairs) if pair[0] == name)
        joined = self._first[name] + b"," + value if self._first[name] else value
        self._pairs[at] = (name, joined)
        self._first[name] = joined

    def _pseudo_end(self) -> int:
        ordinary = (i for i, pair in enumerate(self._pairs) if not pair[0].startswith(b":"))
        return next(ordinary, len(self._pairs))

    def remove(self, name: bytes) -> None:
        name = self._name(name)
        if self._first.pop(name, None) is not None:
            self._pairs = [pair for pair in self._pairs if pair[0] != name]

    def replace(self, name: bytes, value: bytes) -> None:
        self.remove(name)
        self.add(name, value)

    def put(self, name: bytes, value: bytes) -> None:
        """Set a field that exists once where it is, as Envoy's own setters do."""
        name = self._name(name)
        if name not in self._first:
            self.add(name, value)
            return
        self._first[name] = value
        self._pairs = [(n, value if n == name else v) for n, v in self._pairs]

    def set_pairs(self, pairs: Iterable[Pair]) -> None:
        """Start anew with these fields."""
        named = [(name.lower(), value) for name, value in pairs]
        first = dict(named)
        if len(first) == len(named) and b"host" not in first and _is_ordered(named):
            self._pairs, self._first = named, first  # as in nearly every message
            return
        self._pairs, self._first = [], {}
        for name, value in named:
            self.add(name, value)


def _is_ordered(pairs: list[Pair]) -> bool:
    """Whether all pseudo-headers are in front."""
    ordinary = False
    for name, _ in pairs:
        if name[:1] != b":":
            ordinary = True
        elif ordinary:
            return False
    return True
