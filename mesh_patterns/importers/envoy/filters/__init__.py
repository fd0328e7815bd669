"""HTTP filters of a listener, as patterns of ours: by a kind that we have, or as they are.

:data:`_KINDS` is the table. What no kind of ours says is ``envoy_filter``, with the names of the
clusters that it asks as they are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mesh_patterns.importers.envoy.clusters import Clusters
from mesh_patterns.importers.envoy.filters import fault, jwt, others, rate_limit
from mesh_patterns.importers.envoy.message import Message, opened
from mesh_patterns.kinds.envoy_filter import PREFIX
from mesh_yaml.node import Node

Made = dict[str, Any]
RAW = "envoy_filter"

# By type, the kind of pattern and what reads it: ``None`` is more than ours can say, an empty one
# does nothing. In the order in which our filters run.
_KINDS: Mapping[str, tuple[str, Callable[[Message, Clusters], Made | None]]] = {
    "Compressor": ("compression", lambda message, clusters: others.compression(message)),
    "HTTPFault": ("fault", lambda message, clusters: fault.pattern(message)),
    "JwtAuthentication": ("jwt", jwt.pattern),
    "ExtAuthz": ("ext_authz", others.ext_authz),
    "LocalRateLimit": ("rate_limit", lambda message, clusters: rate_limit.pattern(message)),
    "Lua": ("lua", lambda message, clusters: others.lua(message)),
    "Wasm": ("wasm", lambda message, clusters: others.wasm(message)),
}
_ORDER = (*(kind for kind, _ in _KINDS.values()), RAW)
# The router is there anyway; CORS says nothing until a route does.
_SILENT = frozenset({"Router", "Cors"})
_SILENT_NAMES = ("router", "cors")
_CLUSTERS = frozenset({"cluster", "cluster_name", "clusterName"})


def patterns(chain: Sequence[Message], clusters: Clusters) -> list[Node]:
    """What the filters of a listener are here: patterns, all but their ``on``."""
    found = [(made, each) for each in chain if (made := _pattern(each, clusters))]
    ordered = sorted(found, key=lambda pair: _ORDER.index(pair[0]["pattern"]))
    if ordered != found:
        order = " → ".join(made["pattern"] for made, _ in ordered)
        chain[0].left_out(f"http_filters run in another order: {order}")
    return [Node.of(made, each.place) for made, each in ordered]


def _pattern(each: Message, clusters: Clusters) -> Made:
    name = each.text("name")
    held = each.get("typed_config")
    if held is None or not held.value:
        if not name.endswith(_SILENT_NAMES):
            each.left_out(f"filter {name!r}, which has no typed_config")
        return {}
    kind, content = opened(each.within(held, f"filter {name!r}"))
    if kind in _SILENT:
        return {}
    if each.flag("disabled"):
        each.left_out(f"filter {name!r}, which is disabled until a route asks for it")
        return {}
    each.ignore("is_optional")
    each.rest("http_filters.")
    ours, read = _KINDS.get(kind, (RAW, None))
    made = read(content, clusters) if read is not None else None
    if made is None:
        return _raw(held, content, clusters)
    if not made:
        content.left_out(f"filter {name!r}, which does nothing")
    return {"pattern": ours, **made} if made else {}


def _raw(held: Node, content: Message, clusters: Clusters) -> Made:
    """The filter as it is, if this Envoy has messages of its type."""
    from xds_server.errors import XdsError
    from xds_server.mirror import from_json  # with all of Envoy's messages

    config = _renamed(held, clusters)
    plain = config.plain()
    assert isinstance(plain, dict)
    try:
        type_url, _ = from_json(plain)
    except XdsError as error:
        content.left_out(f"{content.owner} can't be read: {error}")
        return {}
    if not type_url.startswith(PREFIX):
        content.left_out(f"{content.owner} is none of Envoy's HTTP filters: {type_url}")
        return {}
    return {"pattern": RAW, "config": config}


def _renamed(node: Node, clusters: Clusters, key: str = "") -> Node:
    """The same with the names that clusters have here."""
    if isinstance(node.value, dict):
        items = {name: _renamed(item, clusters, name) for name, item in node.value.items()}
        return Node(items, node.place, node.key)
    if isinstance(node.value, tuple):
        return Node(tuple(_renamed(item, clusters) for item in node.value), node.place, node.key)
    if key not in _CLUSTERS or not isinstance(node.value, str) or not clusters.has(node.value):
        return node
    cluster = clusters.find(node)
    cluster.asked = True
    return Node(cluster.service, node.place, node.key)
