"""What a VirtualService's rule does besides routing: retries, faults, rewrites, header edits, …"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from mesh_patterns.importers.istio.destinations import targets
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]

# https://grpc.io/docs/guides/status-codes/
GRPC_STATUSES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",
    "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
# where to retry, if it is not all the same
_ELSEWHERE = {"retryIgnorePreviousHosts": "hosts", "retryRemoteLocalities": "priorities"}
_HOST_HEADERS = frozenset({"host", ":authority"})


def taken(node: Node, names: dict[str, str]) -> Made:
    """Some of a mapping's values, under our names."""
    return {
        ours: item
        for theirs, ours in names.items()
        if (item := node.get(theirs)) is not None and item.value not in (None, "")
    }


def retries(node: Node, source: Source) -> Node:
    """How to retry. What is retried by default did change: Istio 1.24 took 503 from it."""
    names = {"attempts": "attempts", "perTryTimeout": "per_try_timeout", "retryOn": "retry_on"}
    made = taken(node, names)
    if (backoff := node.get("backoff")) is not None:
        made["backoff"] = {"base": backoff}
    if "retry_on" not in made and made.get("attempts", node).value != 0:
        source.approximate("retries without retryOn are for 503 too, as before Istio 1.24", node)
    for theirs, ours in _ELSEWHERE.items():
        if (given := node.get(theirs)) is not None and given.value is True:
            made[ours] = Node("other", given.place)
    known = {*names, "backoff", *_ELSEWHERE}
    source.notes.leftovers(node, known, source.owner, "retries.")
    return Node.of(made, node.place)


def fault(node: Node, source: Source) -> Node | None:
    made: Made = {}
    delay, abort = node.get("delay"), node.get("abort")
    if delay is not None and delay.get("fixedDelay") is None:
        source.skip("a fault.delay without fixedDelay", delay)
    elif delay is not None:
        made["delay"] = taken(delay, {"fixedDelay": "fixed"}) | _share(delay, source)
        known = ("fixedDelay", "percentage", "percent")
        source.notes.leftovers(delay, known, source.owner, "fault.delay.")
    if abort is not None:
        made["abort"] = _abort(abort) | _share(abort, source)
        of_aborts = ("httpStatus", "grpcStatus", "percentage", "percent")
        source.notes.leftovers(abort, of_aborts, source.owner, "fault.abort.")
    source.notes.leftovers(node, ("delay", "abort"), source.owner, "fault.")
    return Node.of(made, node.place) if made else None


def _share(node: Node, source: Source) -> Made:
    """For how many requests: for none, where nothing is said."""
    percent = _percent(node)
    if not percent:
        source.notes.warn(node.place, "a fault without 'percentage' is for no request, as in Istio")
    return percent or {"percent": 0}


def _abort(abort: Node) -> Made:
    grpc = abort.get("grpcStatus")
    if grpc is None:
        return taken(abort, {"httpStatus": "status"})
    name = grpc.text().upper()
    if name not in GRPC_STATUSES and not name.isdigit():
        raise DocumentError.at(grpc.place, f"unknown gRPC status {grpc.text()!r}")
    number = GRPC_STATUSES.index(name) if name in GRPC_STATUSES else int(name)
    return {"grpc_status": Node(number, grpc.place)}


def _percent(node: Node, name: str = "percentage", old: str = "percent") -> Made:
    """``percentage: {value: 12.5}``, or the whole number that went before it; all, if neither."""
    whole = node.get(name)
    value = whole.get("value") if whole is not None else node.get(old)
    if whole is not None and value is None:
        return {"percent": Node(0, whole.place)}  # a protobuf's zero is not written
    return {"percent": value} if value is not None else {}


def mirror(node: Node, source: Source) -> Node | None:
    """``mirror``, and those of ``mirrors``."""
    found: list[Node] = []
    single, several = node.get("mirror"), node.get("mirrors")
    if single is not None:
        percent = _percent(node, "mirrorPercentage", "mirrorPercent")
        if not percent:
            percent = _percent(node, "mirrorPercentage", "mirror_percent")
        found.append(_mirror(single, percent, source))
    for each in several.elements() if several is not None else ():
        destination = each.get("destination")
        if destination is None:
            raise DocumentError.at(each.place, "a mirror has no 'destination'")
        found.append(_mirror(destination, _percent(each), source))
    return Node(tuple(found), found[0].place) if found else None


def _mirror(destination: Node, percent: Made, source: Source) -> Node:
    found = targets(destination, source)
    if len(found) > 1:
        source.skip("a mirror to another version than the first of its subset", destination)
    made: Made = {"to": found[0], **percent}
    return Node.of(made, destination.place)


def rewrite(node: Node, source: Source) -> Made:
    made = taken(node, {"uri": "path", "authority": "host"})
    regex = node.get("uriRegexRewrite")
    if regex is not None:
        made |= taken(regex, {"match": "regex", "rewrite": "substitution"})
    source.notes.leftovers(node, ("uri", "authority", "uriRegexRewrite"), source.owner, "rewrite.")
    return made


def redirect(node: Node, source: Source) -> Node:
    names = {
        "redirectCode": "status", "uri": "path", "authority": "host", "scheme": "scheme",
        "port": "port",
    }  # fmt: skip
    source.notes.leftovers(node, names, source.owner, "redirect.")
    made = taken(node, names)
    port, scheme = node.get("port"), node.get("scheme")
    if port is not None and port.value == (443 if scheme and scheme.value == "https" else 80):
        del made["port"]  # the scheme's own goes without saying
    return Node.of(made, node.place)


def respond(node: Node, source: Source) -> Node:
    made = taken(node, {"status": "status"})
    body = node.get("body")
    if body is not None:
        source.notes.leftovers(body, ("string",), source.owner, "directResponse.body.")
        made |= taken(body, {"string": "body"})
    return Node.of(made, node.place)


def headers(nodes: Iterable[Node], source: Source) -> tuple[Made, Node | None]:
    """Edits of headers, merged; a new Host is a rewrite, so it comes apart."""
    made: Made = {}
    host: Node | None = None
    for node in nodes:
        source.notes.leftovers(node, ("request", "response"), source.owner, "headers.")
        for way in ("request", "response"):
            edits = node.get(way)
            for action, values in edits.items() if edits is not None else ():
                if action == "remove":
                    made.setdefault(way, {}).setdefault(action, []).extend(values.elements())
                    continue
                own, new_host = _fields(values, source)
                made.setdefault(way, {}).setdefault(action, {}).update(own)
                host = new_host if new_host is not None and way == "request" else host
    return made, host


def _fields(values: Node, source: Source) -> tuple[Made, Node | None]:
    """What may be edited, and the Host; the other pseudo-headers may not."""
    own: Made = {}
    host: Node | None = None
    for name, item in values.items():
        if name.lower() in _HOST_HEADERS:
            host = item
        elif name.startswith(":"):
            source.skip(f"an edit of {name}", item)
        else:
            own[name] = item
        if isinstance(item.value, str) and "%" in item.value:
            message = f"{item.value!r} is set as it is: no command is filled in"
            source.notes.warn(item.place, message)
    return own, host
