"""A route as a rule of ours: where its requests go, and how patient Envoy is with them.

https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/route/v3/route_components.proto
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mesh_patterns.importers.envoy import per_route, retry_policy
from mesh_patterns.importers.envoy.clusters import Cluster, Clusters
from mesh_patterns.importers.envoy.headers import edits
from mesh_patterns.importers.envoy.matches import Untold, match
from mesh_patterns.importers.envoy.message import Message, whole
from mesh_patterns.importers.envoy.values import inline, percent
from mesh_yaml.node import Node

Made = dict[str, Any]

_REDIRECTS = {
    "MOVED_PERMANENTLY": 301, "FOUND": 302, "SEE_OTHER": 303, "TEMPORARY_REDIRECT": 307,
    "PERMANENT_REDIRECT": 308,
}  # fmt: skip
_TO = ("host_redirect", "path_redirect", "prefix_rewrite", "scheme_redirect", "port_redirect")
_OURS = ("host", "path", "prefix", "scheme", "port")
NAMES = ("name", "metadata", "stat_prefix", "decorator")  # say nothing of what becomes of requests


class Routes:
    """Reads the routes of one virtual host. ``above`` are the host and its table."""

    def __init__(self, clusters: Clusters, *above: Message) -> None:
        self._clusters = clusters
        self._above = above

    def rule(self, route: Message) -> Node | None:
        """The rule; none, and a word of it, where ours can't say what the route is about."""
        asked = route.part("match") or route.within(Node({}, route.node.place))
        try:
            about = match(asked)
            made = self._action(route, about)
        except Untold as reason:
            route.notes.warn(route.place, f"{route.owner} is left out: {reason}")
            return None
        headers = edits(route, *self._above)
        if headers:
            made["headers"] = headers
        made |= per_route.settings(route, *self._above)
        route.ignore(*NAMES)
        route.rest()
        return Node.of(({"match": about} if about else {}) | made, route.place)

    def _action(self, route: Message, about: Made) -> Made:
        for name, read in _ACTIONS.items():
            action = route.part(name)
            if action is not None:
                return read(self, action, about)
        raise Untold("it neither routes nor redirects nor answers")

    def _respond(self, action: Message, about: Made) -> Made:
        body = action.part("body")
        status = action.number("status", 200)
        if not 200 <= status <= 599:
            raise Untold(f"an answer with status {status}")
        made: Made = {"status": status}
        text = inline(body)
        if text is not None:
            made["body"] = text
        if body is not None:
            body.rest("direct_response.body.")
        action.rest("direct_response.")
        return {"respond": made}

    def _redirect(self, action: Message, about: Made) -> Made:
        made: Made = {
            ours: found
            for theirs, ours in zip(_TO, _OURS, strict=True)
            if (found := action.get(theirs)) is not None
        }
        if action.flag("https_redirect"):
            made["scheme"] = "https"
        code = action.word("response_code", "MOVED_PERMANENTLY")
        if code not in _REDIRECTS:
            raise Untold(f"redirect.response_code {code}")
        action.rest("redirect.")
        if not made:
            raise Untold("a redirect to where it came from")
        return {"redirect": {"status": _REDIRECTS[code], **made}}

    def _route(self, action: Message, about: Made) -> Made:
        targets = self._targets(action)
        made: Made = {"to": targets.shares}
        made |= {
            name: value
            for name, value in (
                ("rewrite", _rewrite(action, targets.first)),
                ("retries", retry_policy.read(action, self._above)),
                ("mirror", self._mirrors(action)),
            )
            if value
        }
        timeout = action.get("timeout")
        if timeout is not None:
            made["timeout"] = timeout
        if action.word("priority") == "HIGH":
            made["priority"] = "high"
        for key in action.parts("hash_policy"):
            _hash(key, targets.clusters)
        action.ignore("cluster_not_found_response_code")
        action.rest("route.")
        return made

    def _targets(self, action: Message) -> Targets:
        one, several = action.get("cluster"), action.part("weighted_clusters")
        if one is not None:
            cluster = self._clusters.find(one)
            return Targets({cluster.service: Node(100, one.place)}, [cluster])
        if several is None:
            raise Untold("it goes to neither a cluster nor weighted_clusters")
        shares: Made = {}
        found = []
        for share in several.parts("clusters"):
            name = share.get("name")
            if name is None:
                raise Untold("a cluster whose name is in a header")
            found.append(self._clusters.find(name))
            _share(share, found[-1].service, shares)
        several.ignore("total_weight", "runtime_key_prefix")
        several.rest("weighted_clusters.")
        return Targets(shares, found)

    def _mirrors(self, action: Message) -> list[Made]:
        made = []
        for copy in action.parts("request_mirror_policies"):
            name = copy.get("cluster")
            share = percent(copy.part("runtime_fraction"), 100.0)
            copy.rest("request_mirror_policies.")
            if name is not None:
                made.append({"to": self._clusters.find(name).service, "percent": share})
        return made


_ACTIONS: dict[str, Callable[[Routes, Message, Made], Made]] = {
    "route": Routes._route,
    "redirect": Routes._redirect,
    "direct_response": Routes._respond,
}


class Targets:
    """Where requests go: ``shares`` by the service's name, and the clusters in their order."""

    def __init__(self, shares: Made, clusters: list[Cluster]) -> None:
        if not clusters:
            raise Untold("weighted_clusters has none")
        self.shares, self.clusters = shares, clusters

    @property
    def first(self) -> Cluster:
        return self.clusters[0]


def _share(share: Message, service: str, shares: Made) -> None:
    """One cluster of several; one that is there twice has both shares."""
    weight = share.get("weight")
    number = 0 if weight is None else whole(weight)
    headers = edits(share)
    share.rest("weighted_clusters.clusters.")
    before = shares.get(service)
    if before is not None:
        had = before["weight"] if isinstance(before, dict) else before.value
        number += had
    place = (weight or share.node).place
    shares[service] = {"weight": number, "headers": headers} if headers else Node(number, place)


def _rewrite(action: Message, first: Cluster) -> Made:
    made: Made = {}
    prefix, expression = action.get("prefix_rewrite"), action.part("regex_rewrite")
    if prefix is not None:
        made["path"] = prefix
    if expression is not None:
        pattern = expression.part("pattern")
        regex = pattern.get("regex") if pattern else None
        if regex is None:
            raise Untold("regex_rewrite without a pattern")
        made |= {"regex": regex, "substitution": expression.text("substitution")}
    host = action.get("host_rewrite_literal") or action.get("host_rewrite")
    if host is not None:
        made["host"] = host
    elif action.flag("auto_host_rewrite") and first.authority:
        made["host"] = first.authority
    return made


def _hash(key: Message, clusters: list[Cluster]) -> None:
    """What of a request decides about its host, told to those whose policy asks for it."""
    found = _hash_key(key)
    key.ignore("terminal")
    key.rest("hash_policy.")
    for cluster in clusters if found else ():
        cluster.hash_keys.append(found)


def _hash_key(key: Message) -> Made:
    header, cookie = key.part("header"), key.part("cookie")
    query, connection = key.part("query_parameter"), key.part("connection_properties")
    if header is not None:
        return {"header": header.text("header_name")}
    if cookie is not None:
        made: Made = {"cookie": cookie.text("name")}
        ttl, path = cookie.get("ttl"), cookie.get("path")
        if ttl is not None:
            made |= {"ttl": ttl} | ({"path": path} if path is not None else {})
        return made
    if query is not None:
        return {"query": query.text("name")}
    if connection is not None and connection.flag("source_ip"):
        return {"source_ip": True}
    return {}
