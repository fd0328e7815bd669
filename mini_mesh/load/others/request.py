"""A request's bytes taken apart again, as programs want them told."""

from __future__ import annotations

from dataclasses import dataclass

from mini_mesh.load.load import Edge


@dataclass(frozen=True, slots=True)
class Parts:
    """``url`` has the address that is connected to; ``headers`` have the host, and no length."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def parts(edge: Edge) -> Parts:
    head, _, body = edge.request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    fields = (line.split(": ", 1) for line in lines)
    kept = tuple((name, value) for name, value in fields if name != "content-length")
    return Parts(method, f"http://{edge.address}{path}", kept, body)
