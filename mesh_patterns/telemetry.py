"""What an Envoy tells of the requests that it sees: values of ``access_log`` and ``tracing``.

It is a matter of whose requests they are: what comes in at a service, and what that service sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mesh_patterns.draft import Draft, Target
from mesh_patterns.model import CLIENT, INGRESS
from mesh_patterns.selector import ANY, is_edge, service
from mesh_yaml.place import DocumentError, Place


@dataclass(frozen=True, slots=True)
class LogCondition:
    """Which requests are told; all that is given must hold. ``status`` is from, to (both in);
    ``slower`` in milliseconds; of ``flags``, Envoy's response flags, one is enough.
    """

    status: tuple[int, int] | None = None
    slower: int | None = None
    flags: tuple[str, ...] = ()
    percent: float = 100.0


@dataclass(frozen=True, slots=True)
class AccessLog:
    """A line for each request, in ``file``: ``fields`` by name as JSON, or ``text`` as it is, in
    Envoy's command operators.
    """

    file: Path
    fields: tuple[tuple[str, str], ...] = ()
    text: str = ""
    condition: LogCondition = LogCondition()


@dataclass(frozen=True, slots=True)
class Tracing:
    """Spans of requests, to ``collector``, or to who captures. ``tags`` by name: a kind
    (``literal``, ``header``, ``env``) and its value.
    """

    percent: float = 100.0
    tags: tuple[tuple[str, str, str], ...] = ()
    collector: Target | None = None


def whose(draft: Draft, text: str, place: Place) -> list[str]:
    """Those whose requests ``on: web``, ``on: ingress`` or ``on: '*'`` is about."""
    known = [*draft.mesh.services, CLIENT, INGRESS]
    if text == ANY:
        return known
    if is_edge(text) or "/" in text:
        message = f"this is of all that a service gets and sends, got {text!r}; name the service"
        raise DocumentError.at(place, message)
    return [text if text in (CLIENT, INGRESS) else service(draft.mesh, text, place)]
