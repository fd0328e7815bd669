"""What ``proxy_on_log`` can read of an exchange, made when it is asked for.

The response is there as the connection manager sent it: without the fields that are between Envoy
and its peers, with a date, and with ``connection: close`` if it came before the request was whole.

Source: envoy, source/common/http/conn_manager_impl.cc (encodeHeaders) and conn_manager_utility.cc
(mutateResponseHeaders).
"""

from __future__ import annotations

from email.utils import formatdate

from wasm_filters.abi import MapType
from wasm_filters.state.header_map import INLINE_RESPONSE, HeaderMap

_HOP_BY_HOP = frozenset((b"connection", b"proxy-connection", b"transfer-encoding", b"upgrade"))
_SECOND = 1_000_000_000


class LogView:
    """The maps of one exchange, by type. ``sent_at`` is in nanoseconds; ``early``: the response
    was sent before the request was whole."""

    __slots__ = ("_early", "_maps", "_sent_at", "_shown")

    def __init__(self, maps: dict[int, HeaderMap], sent_at: int, early: bool) -> None:
        self._maps = maps
        self._sent_at = sent_at
        self._early = early
        self._shown: HeaderMap | None = None

    def get(self, map_type: int) -> HeaderMap | None:
        found = self._maps.get(map_type)
        if found is None or map_type != MapType.RESPONSE_HEADERS:
            return found
        if self._shown is None:
            self._shown = self._as_sent(found)
        return self._shown

    def _as_sent(self, headers: HeaderMap) -> HeaderMap:
        kept = [pair for pair in headers.pairs if pair[0] not in _HOP_BY_HOP]
        if headers.get(b"date") is None:
            date = formatdate(self._sent_at // _SECOND, usegmt=True)
            kept.append((b"date", date.encode()))
        if self._early:
            kept.append((b"connection", b"close"))
        return HeaderMap(kept, INLINE_RESPONSE)
