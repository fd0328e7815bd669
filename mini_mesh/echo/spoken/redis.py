"""A Redis of a few commands and a bounded memory: enough to see where commands go.

https://redis.io/docs/latest/develop/reference/protocol-spec/ (RESP2)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

MAX_KEYS = 10_000  # a connection's; the oldest goes
MAX_PARTS = 64  # of a command
MAX_PART = 64 * 1024  # bytes
MAX_DIGITS = 16

Command = Callable[["RedisSession", Sequence[bytes]], bytes]


class RedisSession:
    """Values are kept for each connection: Envoy keeps one to each host, so they stay there."""

    def __init__(self, who: str) -> None:
        self.who = who.encode()
        self.values: dict[bytes, bytes] = {}
        self._waiting = b""

    def receive(self, data: bytes) -> bytes:
        self._waiting += data
        answers = []
        while (found := _command(self._waiting)) is not None:
            parts, self._waiting = found
            answers.append(self._answer(parts))
        return b"".join(answers)

    def _answer(self, parts: Sequence[bytes]) -> bytes:
        name, *arguments = parts
        command = _COMMANDS.get(name.upper())
        if command is None:
            return b"-ERR unknown command\r\n"
        try:
            return command(self, arguments)
        except (ValueError, IndexError):
            return b"-ERR wrong arguments\r\n"

    def keep(self, key: bytes, value: bytes) -> None:
        self.values.pop(key, None)
        self.values[key] = value
        if len(self.values) > MAX_KEYS:
            del self.values[next(iter(self.values))]


def _command(data: bytes) -> tuple[list[bytes], bytes] | None:
    """The first command and what follows it; ``None`` while it is not whole."""
    counted = _number(data, b"*", MAX_PARTS)
    if counted is None:
        return None
    count, rest = counted
    if not count:
        raise ValueError("a command has a name")
    parts: list[bytes] = []
    while len(parts) < count:
        found = _part(rest)
        if found is None:
            return None
        part, rest = found
        parts.append(part)
    return parts, rest


def _part(data: bytes) -> tuple[bytes, bytes] | None:
    """A bulk string and what follows it."""
    found = _number(data, b"$", MAX_PART)
    if found is None:
        return None
    length, rest = found
    return (rest[:length], rest[length + 2 :]) if len(rest) >= length + 2 else None


def _number(data: bytes, mark: bytes, most: int) -> tuple[int, bytes] | None:
    """A number after its mark, and what follows its line."""
    if data and not data.startswith(mark):
        raise ValueError(f"expected {mark!r}, got {data[:1]!r}")
    line, end, rest = data[1:].partition(b"\r\n")
    if not end:
        if len(data) > MAX_DIGITS:
            raise ValueError("a number has a few digits")
        return None
    value = int(line)
    if not 0 <= value <= most:
        raise ValueError(f"expected at most {most}, got {value}")
    return value, rest


def _bulk(value: bytes | None) -> bytes:
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


def _set(session: RedisSession, arguments: Sequence[bytes]) -> bytes:
    key, value = arguments
    session.keep(key, value)
    return b"+OK\r\n"


def _increment(session: RedisSession, arguments: Sequence[bytes]) -> bytes:
    (key,) = arguments
    value = int(session.values.get(key, b"0")) + 1
    session.keep(key, b"%d" % value)
    return b":%d\r\n" % value


def _delete(session: RedisSession, arguments: Sequence[bytes]) -> bytes:
    gone = [key for key in arguments if session.values.pop(key, None) is not None]
    return b":%d\r\n" % len(gone)


_COMMANDS: Mapping[bytes, Command] = {
    b"PING": lambda session, arguments: _bulk(arguments[0]) if arguments else b"+PONG\r\n",
    # Envoy answers ECHO by itself: who answered is what GET says of a key that nobody has set
    b"ECHO": lambda session, arguments: _bulk(arguments[0]),
    b"GET": lambda session, arguments: _bulk(session.values.get(arguments[0], session.who)),
    b"SET": _set,
    b"INCR": _increment,
    b"DEL": _delete,
}


def session(who: str) -> RedisSession:
    return RedisSession(who)


def question(text: str) -> bytes:
    """A key: the answer is its value or, of one that nobody has set, who was asked."""
    key = text.encode()
    return b"*2\r\n$3\r\nGET\r\n" + _bulk(key)


def answered(data: bytes) -> str | None:
    head, end, rest = data.partition(b"\r\n")
    if not end:
        return None
    if not head.startswith(b"$") or head == b"$-1":
        return head.decode(errors="replace")
    length = int(head[1:])
    return rest[:length].decode(errors="replace") if len(rest) >= length + 2 else None
