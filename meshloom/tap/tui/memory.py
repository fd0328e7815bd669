"""What the application remembers: the newest exchanges within two bounds, and how many went."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from mesh_traffic import Exchange, Request, Response
from tap.tree.trace_context import context

MAX_EXCHANGES = 50_000
MAX_BYTES = 256 * 1024 * 1024
# What an object takes besides its text in CPython 3.13; a test compares the sum with tracemalloc.
_EXCHANGE, _MESSAGE, _FIELD = 1_700, 500, 170


class Memory:
    """Exchanges by number: how many came before. The oldest go when a bound is reached."""

    def __init__(self, most: int = MAX_EXCHANGES, most_bytes: int = MAX_BYTES) -> None:
        self.first = 0  # the number of the oldest one, so how many went
        self.bytes = 0
        self._most = most
        self._most_bytes = most_bytes
        self._kept: deque[tuple[Exchange, int]] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def next(self) -> int:
        """The number of the one that will come, so how many came."""
        return self.first + len(self._kept)

    def add(self, exchange: Exchange) -> list[Exchange]:
        """Keep one more. Gives those that went for it, oldest first."""
        size = weight(exchange)
        self._kept.append((exchange, size))
        self.bytes += size
        gone = []
        while len(self._kept) > self._most or self._is_heavy():
            left, size = self._kept.popleft()
            self.bytes -= size
            self.first += 1
            gone.append(left)
        return gone

    def _is_heavy(self) -> bool:
        return self.bytes > self._most_bytes and len(self._kept) > 1

    def __getitem__(self, number: int) -> Exchange:
        """Raises IndexError for one that went or did not come yet."""
        if number < self.first:
            raise IndexError(f"exchange {number} is gone")
        return self._kept[number - self.first][0]

    def of_request(self, asked: Exchange) -> Iterator[tuple[int, Exchange]]:
        """Those with the request id of ``asked``, or in its trace, with their numbers."""
        request_id, trace_id = asked.request_id, context(asked).trace_id
        for number, (exchange, _) in enumerate(self._kept, self.first):
            same = exchange.request_id == request_id if request_id else exchange is asked
            if same or (trace_id and context(exchange).trace_id == trace_id):
                yield number, exchange


def weight(exchange: Exchange) -> int:
    """About how many bytes of memory it takes."""
    response = exchange.response
    return _EXCHANGE + _weight(exchange.request) + (0 if response is None else _weight(response))


def _weight(message: Request | Response) -> int:
    fields = (*message.headers.fields, *message.trailers.fields)
    texts = sum(len(name) + len(value) + _FIELD for name, value in fields)
    path = len(message.path) if isinstance(message, Request) else 0
    return _MESSAGE + len(message.body.data) + path + texts
