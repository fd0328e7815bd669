"""vegeta (github.com/tsenart/vegeta): open loop, and it tells of every request.

It counts times from the sending. When a request was due follows from its number, so what it was
late by is put on top, as everywhere here.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from mini_mesh.load.load import Load, LoadError
from mini_mesh.load.others.request import parts
from mini_mesh.load.result import EdgeResult, Result

MAX_LINE = 1_000_000  # characters of one request's line


def fits(load: Load) -> str:
    """Why it can't send this; "" when it can."""
    return "" if load.arrivals == "constant" else "vegeta has constant arrivals only"


def commands(program: str, load: Load, folder: Path) -> Sequence[tuple[Sequence[str], bytes]]:
    """What to run one after the other, and what each gets on its standard input."""
    kept, length = str(folder / "results"), load.warm_up + load.seconds
    attack = [
        *(program, "attack", "-format=json", f"-rate={load.rate:g}/1s", f"-duration={length}s"),
        *("-redirects=-1", "-max-body=0", f"-timeout={load.timeout}s", f"-output={kept}"),
        *(f"-connections={load.connections}", f"-max-connections={load.connections}"),
    ]
    return [(attack, _targets(load)), ((program, "encode", "-to", "json", kept), b"")]


def _targets(load: Load) -> bytes:
    lines = []
    for edge in load.edges:
        made = parts(edge)
        headers: dict[str, list[str]] = {}
        for name, value in made.headers:
            headers.setdefault("Host" if name == "host" else name, []).append(value)
        target = {"method": made.method, "url": made.url, "header": headers}
        if made.body:
            target["body"] = base64.b64encode(made.body).decode()
        lines.append(json.dumps(target))
    return "".join(f"{line}\n" for line in lines).encode()


def read(out: bytes, load: Load) -> Result:
    """What the last command said. Raises ``LoadError``."""
    edges = [EdgeResult(each.name) for each in load.edges]
    result = Result(edges, load.rate, load.seconds, generator="vegeta")
    begin, last = None, 0
    for number, at, took, code, error in sorted(_rows(out)):
        begin = at - int(number / load.rate * 1e9) if begin is None else begin
        due = begin + int(number / load.rate * 1e9)
        if due - begin < load.warm_up * 1e9:
            continue
        edge = edges[number % len(edges)]
        last = max(last, at + took - begin)
        result.lag.add(at - due)
        if code:
            edge.statuses[code] += 1
            edge.service.add(took)
            edge.latency.add(at + took - due)
        else:
            edge.errors[error.rpartition(": ")[2] or "no answer"] += 1
    result.started = (begin or 0) / 1e9 + load.warm_up
    result.seconds = max(load.seconds, last / 1e9 - load.warm_up)
    return result


def _rows(out: bytes) -> Iterator[tuple[int, int, int, int, str]]:
    """Of each request its number, when it was sent and how long it took (ns), status, error."""
    for line in out.splitlines():
        try:
            told = json.loads(line[:MAX_LINE])
            at = _ns(told["timestamp"])
            yield told["seq"], at, told["latency"], told["code"], told["error"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LoadError(f"not what vegeta says: {line[:80]!r}") from error


def _ns(text: str) -> int:
    """Nanoseconds since 1970 of ``2026-11-29T00:54:10.926765883Z``."""
    second, _, rest = text.rstrip("Z").partition(".")
    zone = "" if text.endswith("Z") else rest.lstrip("0123456789")
    digits = rest.removesuffix(zone) if zone else rest
    whole = datetime.fromisoformat(second + (zone or "+00:00")).timestamp()
    return int(whole) * 10**9 + int((digits or "0").ljust(9, "0")[:9])
