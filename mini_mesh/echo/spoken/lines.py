"""Lines of text over TCP: each comes back, with the name of who got it in front."""

from __future__ import annotations

MAX_LINE = 64 * 1024  # bytes


class LineSession:
    def __init__(self, who: str) -> None:
        self._who = who.encode()
        self._rest = b""

    def receive(self, data: bytes) -> bytes:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise ValueError(f"a line has at most {MAX_LINE} bytes")
        return b"".join(b"%s: %s\n" % (self._who, line.rstrip(b"\r")) for line in whole)


def session(who: str) -> LineSession:
    return LineSession(who)


def question(text: str) -> bytes:
    return text.replace("\n", " ").encode() + b"\n"


def answered(data: bytes) -> str | None:
    line, newline, _ = data.partition(b"\n")
    return line.decode(errors="replace") if newline else None
