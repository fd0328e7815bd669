"""The newest flows, as many as there is room for; and what went is counted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

from mitmproxy.http import HTTPFlow

from mesh_traffic import Exchange, Request, Response


@dataclass(frozen=True, slots=True)
class Shown:
    """An exchange with the flow that stands for it, and about how many bytes they take."""

    exchange: Exchange
    flow: HTTPFlow
    size: int


class Window:
    """What mitmproxy's handlers ask of its view: iteration over flows, and one by its id."""

    def __init__(self, max_flows: int, max_bytes: int) -> None:
        self.gone = 0
        self._max_flows = max_flows
        self._max_bytes = max_bytes
        self._shown: OrderedDict[str, Shown] = OrderedDict()  # a dict finds its first slowly
        self._bytes = 0

    def add(self, exchange: Exchange, flow: HTTPFlow) -> list[str]:
        """The ids of the flows that had to go: the oldest, and one of the same id."""
        size = _weight_of(exchange)
        gone = [flow.id] if flow.id in self._shown else []
        for one in gone:
            self._drop(one)
        while self._shown and self._is_full(size):
            gone.append(self._drop_oldest())
        self._shown[flow.id] = Shown(exchange, flow, size)
        self._bytes += size
        return gone

    def update(self, exchange: Exchange, flow: HTTPFlow) -> list[str]:
        """It is another one now, in the place that it has; the ids of those that had to go."""
        self._bytes += _weight_of(exchange) - self._shown[flow.id].size
        self._shown[flow.id] = Shown(exchange, flow, _weight_of(exchange))
        gone = []
        while self._bytes > self._max_bytes and len(self._shown) > 1:
            gone.append(self._drop_oldest(but=flow.id))
        return gone

    def _is_full(self, more: int) -> bool:
        return len(self._shown) >= self._max_flows or self._bytes + more > self._max_bytes

    def _drop_oldest(self, but: str = "") -> str:
        """What is held goes last: somebody has to let it go."""
        others = (one for one in self._shown if one != but)
        free = (one for one, shown in self._shown.items() if one != but and not _waits(shown))
        oldest = next(free, None) or next(others)
        self._drop(oldest)
        self.gone += 1
        return oldest

    def _drop(self, flow_id: str) -> None:
        self._bytes -= self._shown.pop(flow_id).size

    def get(self, flow_id: str) -> Shown | None:
        return self._shown.get(flow_id)

    def get_by_id(self, flow_id: str) -> HTTPFlow | None:
        shown = self._shown.get(flow_id)
        return None if shown is None else shown.flow

    def __iter__(self) -> Iterator[HTTPFlow]:
        return (shown.flow for shown in self._shown.values())

    def __len__(self) -> int:
        return len(self._shown)


def _waits(shown: Shown) -> bool:
    return shown.flow.intercepted


def _weight_of(exchange: Exchange) -> int:
    response = exchange.response
    return _weight(exchange.request) + (0 if response is None else _weight(response))


def _weight(message: Request | Response) -> int:
    fields = (*message.headers.fields, *message.trailers.fields)
    return len(message.body.data) + sum(len(name) + len(value) for name, value in fields)
