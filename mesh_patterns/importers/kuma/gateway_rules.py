"""Rules of a MeshGatewayRoute. Fields come as in JSON or as in the protocol buffers.

https://kuma.io/docs/latest/using-mesh/managing-ingress-traffic/gateway-routes/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mesh_patterns.importers import backends
from mesh_patterns.importers.fields import elements, needed
from mesh_patterns.importers.gateway_api.matches import Ranked
from mesh_patterns.importers.kuma import matches, names
from mesh_patterns.importers.kuma.routes import Row
from mesh_patterns.importers.kuma.world import SERVICE_TAG, Source
from mesh_patterns.importers.weights import weight
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError
from mesh_yaml.suggest import suggest

Made = dict[str, Any]


def rows(http: Node, source: Source) -> list[Row]:
    """All rules, with their ranks."""
    made: list[Row] = []
    for rule in elements(http, "rules"):
        made += source.notes.collected(_of_rule(rule, source))
    return made


def _of_rule(rule: Node, source: Source) -> Iterator[Row]:
    known = ("matches", "filters", "backends")
    source.notes.leftovers(rule, known, source.owner, "rules.")
    nodes = elements(rule, "matches") or (Node(None, rule.place),)
    for match in [matches.of_gateway(node) for node in nodes]:
        fields = _fields(rule, match, source)
        condition: Made = {"match": match.made} if match.made else {}
        yield Row(match.rank, Node.of({**condition, **fields}, rule.place))


def _fields(rule: Node, match: Ranked, source: Source) -> Made:
    made: Made = {}
    for each in elements(rule, "filters"):
        for name, body in each.items():
            read = _FILTERS.get(name.replace("_", "").lower())
            if read is None:
                message = f"unknown filter {name!r}{suggest(name, _NAMES)}"
                raise DocumentError.at(body.key or body.place, message)
            _merge(made, read(body, match, source))
    if "redirect" in made:
        return made
    shares = [(weight(each), _target(each, source), each) for each in elements(rule, "backends")]
    if not shares:
        raise DocumentError.at(rule.place, "a rule has neither backends nor a redirect")
    return {"to": backends.shared(shares), **made}


def _merge(made: Made, more: Made) -> None:
    for name, value in more.items():
        had = made.get(name)
        if isinstance(had, dict) and isinstance(value, dict):
            _merge(had, value)
        elif isinstance(had, list):
            had.extend(value)
        else:
            made[name] = value


def _target(backend: Node, source: Source) -> tuple[str, ...]:
    tags = needed(backend, "destination", "a backend")
    name = needed(tags, SERVICE_TAG, "a destination")
    own = {"tags": {k: v for k, v in tags.items() if not k.startswith("kuma.io/")}}
    entry = names.service(name, source.object.namespace, source)
    return names.subset(entry, Node.of(own, tags.place), source)


def _of(node: Node, *spelled: str) -> Node | None:
    return next((found for name in spelled if (found := node.get(name)) is not None), None)


def _edits(way: str) -> Callable[[Node, Ranked, Source], Made]:
    def read(body: Node, match: Ranked, source: Source) -> Made:
        known = ("set", "add", "remove")
        source.notes.leftovers(body, known, source.owner, "filters.")
        made: Made = {}
        host: Node | None = None
        for action in ("set", "add"):
            for item in elements(body, action):
                name = needed(item, "name", "a header").text().lower()
                value = needed(item, "value", f"header {name!r}")
                if name == "host" and way == "request":
                    host = value
                else:
                    made.setdefault(action, {})[name] = value
        if removed := list(elements(body, "remove")):
            made["remove"] = removed
        rewrite: Made = {"rewrite": {"host": host}} if host is not None else {}
        return rewrite | ({"headers": {way: made}} if made else {})

    return read


def _mirror(body: Node, match: Ranked, source: Source) -> Made:
    target = _target(needed(body, "backend", "a mirror"), source)[0]
    percent = body.get("percentage")
    return {"mirror": [{"to": target, **({"percent": percent} if percent is not None else {})}]}


def _rewrite(body: Node, match: Ranked, source: Source) -> Made:
    known = ("replaceFull", "replace_full", "replacePrefixMatch", "replace_prefix_match")
    source.notes.leftovers(body, known, source.owner, "rewrite.")
    full = _of(body, "replaceFull", "replace_full")
    if full is not None:
        whole = full.text().replace("\\", "\\\\")
        return {"rewrite": {"regex": "^.*$", "substitution": Node(whole, full.place)}}
    prefix = _of(body, "replacePrefixMatch", "replace_prefix_match")
    return {"rewrite": {"path": _instead(prefix, match)}} if prefix is not None else {}


def _instead(prefix: Node, match: Ranked) -> Node:
    """What stands instead of a prefix; of the prefix ``/`` Envoy takes the slash away too."""
    path = match.made.get("path")
    if path is not None and "separated_prefix" not in path:
        raise DocumentError.at(prefix.place, "replacePrefixMatch goes with a match by PREFIX")
    text = prefix.text().rstrip("/")
    return Node(text if path is not None and text else f"{text}/", prefix.place)


def _redirect(body: Node, match: Ranked, source: Source) -> Made:
    known = ("scheme", "hostname", "port", "statusCode", "status_code", "path")
    source.notes.leftovers(body, known, source.owner, "redirect.")
    made: Made = {}
    names_ = {"scheme": "scheme", "hostname": "host", "port": "port"}
    for theirs, ours in names_.items():
        if (node := body.get(theirs)) is not None and node.value not in (None, "", 0):
            made[ours] = node
    status = _of(body, "statusCode", "status_code")
    if status is not None:
        made["status"] = status
    path = body.get("path")
    if path is not None:
        full = _of(path, "replaceFull", "replace_full")
        prefix = _of(path, "replacePrefixMatch", "replace_prefix_match")
        made |= {"path": full} if full is not None else {}
        made |= {"prefix": _instead(prefix, match)} if prefix is not None else {}
    return {"redirect": made}


_FILTERS: Mapping[str, Callable[[Node, Ranked, Source], Made]] = {
    "requestheader": _edits("request"),
    "responseheader": _edits("response"),
    "mirror": _mirror,
    "rewrite": _rewrite,
    "redirect": _redirect,
}
_NAMES = ("requestHeader", "responseHeader", "mirror", "rewrite", "redirect")
