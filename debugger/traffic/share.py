"""Where the time of a mesh's requests goes: what each service has taken for itself.

Of the time that a service's Envoy has measured for what came in, what its own calls took is not
its own. Where it makes calls side by side they count as one after the other, so its own time is at
least what is said. Times of Envoy are whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from debugger.traffic.flow import INGRESS, Flow


@dataclass(frozen=True, slots=True)
class Own:
    """``mean`` is how long a request to the service took, ``own`` what of it was not its calls, in
    milliseconds; ``part`` is its share of all that is somebody's own."""

    service: str
    requests: int
    mean: float
    own: float
    part: float


def owns(flows: Iterable[Flow]) -> list[Own]:
    """Of each service that was asked, the one with the largest part first."""
    inbound: dict[str, tuple[int, float]] = {}
    calls: dict[str, float] = {}
    for flow in flows:
        if flow.side == "client":
            calls[flow.service] = calls.get(flow.service, 0.0) + flow.spent
        elif flow.node != INGRESS:
            count, spent = inbound.get(flow.service, (0, 0.0))
            inbound[flow.service] = count + flow.total, spent + flow.spent
    own = {name: max(0.0, it[1] - calls.get(name, 0.0)) for name, it in inbound.items()}
    whole = sum(own.values()) or 1.0
    found = [
        Own(name, count, spent / count, own[name] / count, own[name] / whole)
        for name, (count, spent) in inbound.items()
    ]
    return sorted(found, key=lambda each: -each.part)
