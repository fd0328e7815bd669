"""Linkerd's annotations of Services and of the Gateway API's routes: retries and timeouts.

https://linkerd.io/2/reference/retries/ and https://linkerd.io/2/reference/timeouts/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from mesh_patterns.importers.notes import Notes
from mesh_patterns.importers.objects import Object
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]
RETRY, TIMEOUT = "retry.linkerd.io/", "timeout.linkerd.io/"
_RETRIES = ("http", "grpc", "limit", "timeout")
_TIMEOUTS = ("request", "response", "idle")
_GRPC = ("cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable")
_RANGE = re.compile(r"([1-5]\d\d)(?:-([1-5]\d\d))?")
_LIMIT = re.compile(r"\d{1,5}")
MAX_RETRIES = 100  # of ours; Linkerd takes 65,535
_NAMED = ("5xx", "gateway-error")  # Envoy's conditions of that name are of the same statuses


def read(owner: Object, notes: Notes) -> Made:
    """``timeout`` and ``retries`` of a rule, as far as the annotations say something of them.

    Raises:
        DocumentError: a value is none of those that Linkerd takes.
    """
    made: Made = {}
    timeout = _timeout(owner, notes)
    if timeout is not None:
        made["timeout"] = timeout
    retries = _retries(owner, notes)
    if retries is not None:
        made["retries"] = retries
    return made


def of_prefix(owner: Object, prefix: str, known: tuple[str, ...], notes: Notes) -> dict[str, Node]:
    """The annotations that begin so, by what follows; those that nobody knows are told."""
    found: dict[str, Node] = {}
    for name, node in owner.annotations.items():
        if not name.startswith(prefix):
            continue
        rest = name.removeprefix(prefix)
        if rest in known:
            found[rest] = node
        else:
            place = node.key or node.place
            notes.warn(place, f"unknown annotation {name!r}{suggest(rest, known)}")
    return found


def _timeout(owner: Object, notes: Notes) -> Node | None:
    """Envoy's timeout begins when the request is there, as that of ``response`` does."""
    given = of_prefix(owner, TIMEOUT, _TIMEOUTS, notes)
    if (idle := given.get("idle")) is not None:
        notes.skip(f"{TIMEOUT}idle", idle.place, str(owner))
    whole, answer = given.get("request"), given.get("response")
    if whole is not None and answer is not None:
        notes.approximate(f"{TIMEOUT}request holds, not response", answer.place, str(owner))
    return whole or answer


def _retries(owner: Object, notes: Notes) -> Node | None:
    given = of_prefix(owner, RETRY, _RETRIES, notes)
    if not given:
        return None
    made: Made = {"attempts": _limit(given["limit"]) if "limit" in given else 1}
    made["retry_on"] = _conditions(owner, given) or [_NAMED[0]]
    if "timeout" in given:
        made["per_try_timeout"] = given["timeout"]
    first = next(iter(given.values()))
    return Node.of(made, first.key or first.place)


def _limit(node: Node) -> Node:
    if not _LIMIT.fullmatch(node.text()):
        raise DocumentError.at(node.place, f"expected a number of retries, got {node.kind}")
    return Node(min(int(node.text()) or 1, MAX_RETRIES), node.place)


def _conditions(owner: Object, given: dict[str, Node]) -> list[Node]:
    found: list[Node] = []
    if (http := given.get("http")) is not None and owner.kind != "GRPCRoute":
        found += _split(http, _of_http)
    if (grpc := given.get("grpc")) is not None and owner.kind != "HTTPRoute":
        found += _split(grpc, _of_grpc)
    return found


def _split(node: Node, read_one: Any) -> Iterator[Node]:
    for word in node.text().split(","):
        for each in read_one(word.strip(), node):
            yield Node(each, node.place)


def _of_http(word: str, node: Node) -> Iterator[str | int]:
    if word.lower() in _NAMED:
        yield word.lower()
        return
    match = _RANGE.fullmatch(word)
    if match is None:
        wanted = f"expected statuses, ranges of them, {' or '.join(_NAMED)}"
        raise DocumentError.at(node.place, f"unknown condition {word!r}, {wanted}")
    yield from range(int(match[1]), int(match[2] or match[1]) + 1)


def _of_grpc(word: str, node: Node) -> Iterator[str | int]:
    if word.lower() not in _GRPC:
        message = f"unknown condition {word!r}{suggest(word, _GRPC)}"
        raise DocumentError.at(node.place, message)
    yield word.lower()
