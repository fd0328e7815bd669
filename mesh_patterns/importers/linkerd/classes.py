"""responseClasses of a ServiceProfile: which statuses are failures, and so retried.

https://linkerd.io/2/reference/service-profiles/#response-class
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mesh_patterns.importers.fields import elements, needed, whole_number
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Holds = Callable[[int], bool]
_STATUSES = range(100, 600)
_SERVER_ERRORS = range(500, 600)
_KNOWN = ("status", "all", "any", "not")


def retry_on(route: Node) -> list[str | int]:
    """Envoy's conditions: the statuses of failures, which are all 5xx where nothing is said.

    Raises:
        DocumentError: a class has no condition, or one that is unknown.
    """
    classes = [_read(node) for node in elements(route, "responseClasses")]
    failures = [status for status in _STATUSES if _fails(status, classes)]
    return ["5xx"] if failures == list(_SERVER_ERRORS) else [*failures]


def _fails(status: int, classes: Sequence[tuple[Holds, bool]]) -> bool:
    """The first class that holds decides."""
    return next((fails for holds, fails in classes if holds(status)), status in _SERVER_ERRORS)


def _read(node: Node) -> tuple[Holds, bool]:
    failure = node.get("isFailure")
    return _holds(needed(node, "condition", "a response class")), bool(failure and failure.value)


def _holds(node: Node) -> Holds:
    tests = [_part(name, item) for name, item in node.items()]
    if not tests:
        raise DocumentError.at(node.place, f"a condition is one of {', '.join(_KNOWN)}")
    return lambda status: all(test(status) for test in tests)


def _part(name: str, node: Node) -> Holds:
    match name:
        case "status":
            return _range(node)
        case "all":
            every = [_holds(each) for each in node.elements()]
            return lambda status: all(test(status) for test in every)
        case "any":
            some = [_holds(each) for each in node.elements()]
            return lambda status: any(test(status) for test in some)
        case "not":
            inner = _holds(node)
            return lambda status: not inner(status)
    place = node.key or node.place
    raise DocumentError.at(place, f"unknown condition {name!r}{suggest(name, _KNOWN)}")


def _range(node: Node) -> Holds:
    """Of one bound alone it is that status."""
    low, high = _status(node, "min"), _status(node, "max")
    if low is None and high is None:
        raise DocumentError.at(node.place, "a status has a 'min', a 'max' or both")
    first, last = low or high or 0, high or low or 0
    return lambda status: first <= status <= last


def _status(node: Node, name: str) -> int | None:
    found = node.get(name)
    if found is None or found.value is None:
        return None
    return whole_number(found, "expected a status")
