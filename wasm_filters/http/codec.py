"""What Envoy's HTTP codec and connection manager make of a message before its filters see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mesh_traffic import Request

_NOT_PASSED_ON = frozenset(
    (b"host", b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding")
)


@dataclass(frozen=True, slots=True)
class Metadata:
    """METADATA frames of HTTP/2 (Envoy's own), as they come behind the headers of each side. Envoy
    tells a filter how many entries each has, and nothing else."""

    request: Sequence[Mapping[str, str]] = ()
    response: Sequence[Mapping[str, str]] = ()


NO_METADATA = Metadata()


def with_ends(chunks: Sequence[bytes], trailers: bool) -> list[tuple[bytes, bool]]:
    """The pieces as Envoy's HTTP/1 codec tells them: the end is a call of its own."""
    pieces = [(chunk, False) for chunk in chunks if chunk]
    return pieces if trailers or not pieces else [*pieces, (b"", True)]


def as_http1(request: Request) -> list[tuple[bytes, bytes]]:
    """The fields as Envoy's filters get them: ``host`` is ``:authority``, and what is between the
    client and Envoy only is gone (ConnectionManagerUtility::mutateRequestHeaders)."""
    authority = request.authority or request.headers.get("host") or ""
    pairs = [
        (b":authority", _encoded(authority)),
        (b":path", _encoded(request.path)),
        (b":method", _encoded(request.method)),
        (b":scheme", _encoded(request.scheme)),
    ]
    others = request.headers.to_bytes()
    pairs += [field for field in others if field[0].lower() not in _NOT_PASSED_ON]
    return pairs


def _encoded(text: str) -> bytes:
    return text.encode() if text.isascii() else text.encode("utf-8", "surrogateescape")
