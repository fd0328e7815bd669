"""What a route does with a request that it takes.

https://www.envoyproxy.io/docs/envoy/v1.40.0/api-v3/config/route/v3/route_components.proto#config-route-v3-routeaction
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from typing import Any

from debugger.routing.arriving.arrival import Arrival
from debugger.routing.arriving.manager import whole
from debugger.routing.decision import (
    Action,
    Destination,
    Forward,
    NonForwarding,
    Respond,
    Specifier,
    Unread,
)
from debugger.routing.redirects import redirect_action

Act = Callable[[Arrival], Action]
_NOT_FOUND = (503, 404, 500)  # of ClusterNotFoundResponseCode, in its order
_NUMBER = re.compile(r"[ \t]*\+?([0-9]+)[ \t]*")
MAX_UINT64 = 2**64 - 1


def action(route: Any, at: str) -> Act:
    """From a ``Route``, whose own field path is ``at``."""
    kind = route.WhichOneof("action")
    place = f"{at}.{kind}" if kind else at
    if kind == "route":
        return _forward(route.route, place)
    if kind == "redirect":
        return redirect_action(route, place)
    if kind == "direct_response":
        return _always(_respond(route.direct_response, place))
    if kind == "non_forwarding_action":
        why = "the route does not forward; an Envoy answers 503"
        return _always(NonForwarding(place, why))
    return _always(Unread(f"{kind or 'a route without an action'} is not read here", place))


def _always(done: Action) -> Act:
    return lambda arrival: done


def _respond(told: Any, place: str) -> Respond:
    if told.HasField("body_format"):
        return Respond(told.status, None, place, "body_format makes the body")
    kind = told.body.WhichOneof("specifier")
    if kind == "inline_bytes":
        return Respond(told.status, told.body.inline_bytes, place)
    if kind in ("inline_string", None):
        return Respond(told.status, told.body.inline_string.encode(), place)
    return Respond(told.status, None, place, f"the body comes from {kind}")


def _forward(told: Any, place: str) -> Act:
    code = told.cluster_not_found_response_code
    status = _NOT_FOUND[code] if code < len(_NOT_FOUND) else _NOT_FOUND[0]
    kind = told.WhichOneof("cluster_specifier")
    at = f"{place}.{kind}"
    if kind == "cluster":
        sent = (Destination(told.cluster, at),)
        return _always(Forward("cluster", sent, at, not_found_status=status))
    if kind == "cluster_header":
        return _by_header(told.cluster_header, at, status)
    if kind == "weighted_clusters":
        return _Weighted(told, at, status).act
    if kind is None:
        return _always(Unread("a route without a cluster is refused by Envoy", place))
    by: Specifier = "inline_plugin" if kind.startswith("inline") else "cluster_specifier_plugin"
    why = "a plugin chooses the cluster, not read here"
    return _always(Forward(by, (Destination(None, at),), at, why, not_found_status=status))


def _by_header(header: str, at: str, status: int) -> Act:
    def act(arrival: Arrival) -> Forward:
        cluster, why = _named(header, arrival)
        return Forward("cluster_header", (Destination(cluster, at),), at, why, 1, status)

    return act


def _named(header: str, arrival: Arrival) -> tuple[str | None, str]:
    """The cluster that a header names, and why; ``None``: only Envoy knows the header."""
    name = header.lower()
    if name in arrival.made:
        return None, f"header {header}, which names the cluster, is made by Envoy"
    values = arrival.values(name)
    if not values:
        return "", f"header {header}, which names the cluster, is absent"
    return values[0], f"header {header} names it"


class _Weighted:
    """Clusters by weight: a number below the total decides, random or given."""

    def __init__(self, told: Any, at: str, status: int) -> None:
        split = told.weighted_clusters
        self._at, self._status = at, status
        self._clusters = [
            (each.name, each.cluster_header, each.weight.value) for each in split.clusters
        ]
        self._total = sum(weight for *_, weight in self._clusters)
        self._header = split.header_name.lower()
        self._runtime = split.runtime_key_prefix
        self._hashed = ""
        if split.use_hash_policy.value and told.hash_policy:
            self._hashed = " and ".join(_hash_words(each) for each in told.hash_policy)

    def act(self, arrival: Arrival) -> Forward:
        weights, known = self._weights(arrival)
        total = sum(weights)
        given = self._given(arrival) if known and total else None
        if given is not None:
            return self._picked(arrival, weights, total, given)
        sent = tuple(
            self._destination(i, weight, arrival) for i, weight in enumerate(weights) if weight
        )
        return Forward("weighted_clusters", sent, self._at, self._why(known), total, self._status)

    def _weights(self, arrival: Arrival) -> tuple[list[int], bool]:
        """The weights, and whether they are sure: the runtime can have others."""
        weights = [weight for *_, weight in self._clusters]
        if not self._runtime:
            return weights, True
        runtime = arrival.stream.runtime
        if runtime is None:
            return weights, False
        keys = [f"{self._runtime}.{name}" for name, *_ in self._clusters]
        found = [str(runtime.get(key, weight)) for key, weight in zip(keys, weights, strict=True)]
        return [whole(text) or 0 for text in found], True

    def _given(self, arrival: Arrival) -> int | None:
        values = arrival.values(self._header) if self._header else ()
        found = _NUMBER.fullmatch(values[0]) if len(values) == 1 else None
        number = whole(found[1]) if found else None
        return number if number is not None and number <= MAX_UINT64 else None

    def _picked(self, arrival: Arrival, weights: list[int], total: int, number: int) -> Forward:
        ends = itertools.accumulate(weights)
        i = next(i for i, end in enumerate(ends) if number % total < end)
        why = f"header {self._header}: {number} chooses {number % total} of {total}"
        sent = (self._destination(i, weights[i], arrival),)
        return Forward("weighted_clusters", sent, self._at, why, total, self._status)

    def _destination(self, index: int, weight: int, arrival: Arrival) -> Destination:
        name, header, _ = self._clusters[index]
        cluster = name if name else _named(header, arrival)[0]
        return Destination(cluster, f"{self._at}.clusters[{index}]", weight)

    def _why(self, known: bool) -> str:
        unsure = (
            "" if known else f", and the runtime below {self._runtime!r} may have other weights"
        )
        if self._hashed:
            return f"the hash of {self._hashed} decides; without one, chance{unsure}"
        if self._header:
            return f"chance decides: header {self._header} has no single number{unsure}"
        return f"chance decides by weight{unsure}"


def _hash_words(policy: Any) -> str:
    kind = policy.WhichOneof("policy_specifier")
    if kind == "header":
        return f"header {policy.header.header_name}"
    if kind == "cookie":
        return f"cookie {policy.cookie.name}"
    if kind == "query_parameter":
        return f"query parameter {policy.query_parameter.name}"
    return {"connection_properties": "the client's address"}.get(kind, str(kind))
