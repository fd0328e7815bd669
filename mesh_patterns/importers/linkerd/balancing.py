"""Linkerd's annotations of Services: retries, timeouts, and hosts that fail.

https://linkerd.io/2/reference/circuit-breaking/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.importers import linkerd_annotations
from mesh_patterns.importers.linkerd.world import Source
from mesh_patterns.selector import MESH
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

ACCRUAL = "balancer.linkerd.io/failure-accrual"
_OPTIONS = (
    "-consecutive-max-failures", "-consecutive-min-penalty", "-consecutive-max-penalty",
    "-consecutive-jitter-ratio",
)  # fmt: skip
_TOLD = (
    "a host that failed gets its whole share again after its penalty, which grows by its first "
    "length each time; Linkerd sends it one request, and doubles the penalty"
)


def patterns(source: Source, profiled: Sequence[str]) -> Iterator[Node]:
    """What the annotations of one Service say. A ServiceProfile stands instead of its patience.

    Raises:
        DocumentError: a value is none of those that Linkerd takes.
    """
    it, catalog = source.object, source.world.catalog
    part = catalog.part(it.name, it.namespace)
    entry = part.entry if part else catalog.lookup(it.name, it.namespace)
    if entry is None:
        return
    targets = part.targets() if part else (entry.name,)
    for on in targets:
        yield from _accrual(f"{MESH} -> {on}", source)
    said = linkerd_annotations.read(it, source.notes)
    if part is not None and said:
        source.skip("retries and timeouts of a Service for some versions", Node(None, it.place))
    elif entry.name in profiled and said:
        told = f"{source.owner} has a ServiceProfile, which says what its retries and timeouts are"
        source.approximate(told, Node(None, it.place))
    else:
        yield from _patience(f"{MESH} -> {entry.name}", said)


def _patience(on: str, said: dict[str, Any]) -> Iterator[Node]:
    if (timeout := said.get("timeout")) is not None:
        yield Node.of({"pattern": "timeout", "on": on, "after": timeout}, timeout.place)
    if (retries := said.get("retries")) is not None:
        yield Node.of({"pattern": "retries", "on": on, **dict(retries.items())}, retries.place)


def _accrual(on: str, source: Source) -> Iterator[Node]:
    given = linkerd_annotations.of_prefix(source.object, ACCRUAL, ("", *_OPTIONS), source.notes)
    mode = given.get("")
    if mode is None:
        return
    if mode.value != "consecutive":
        raise DocumentError.at(mode.place, f"expected consecutive, got {mode.kind}")
    failures, shortest, longest = (given.get(name) for name in _OPTIONS[:3])
    penalty = shortest or Node("1s", mode.place)
    source.approximate(_TOLD, mode)
    fields: dict[str, Any] = {
        "consecutive_5xx": _count(failures, mode),
        "interval": penalty,
        "base_ejection_time": penalty,
        "max_ejection_time": longest or Node("1m", mode.place),
        "max_ejection_percent": 100,
    }
    place = mode.key or mode.place
    yield Node.of({"pattern": "outlier_detection", "on": on, **fields}, place)
    yield Node.of({"pattern": "load_balancing", "on": on, "panic_threshold": 0}, place)


def _count(node: Node | None, mode: Node) -> Node:
    if node is None:
        return Node(7, mode.place)
    if not node.text().isdecimal() or len(node.text()) > 9:
        raise DocumentError.at(node.place, f"expected a number of failures, got {node.kind}")
    return Node(int(node.text()), node.place)
