"""Who is asked by an AuthorizationPolicy with action CUSTOM: an extension provider of the mesh.

https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-ExtensionProvider
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mesh_patterns.importers.catalog import Entry
from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.istio.source import Source
from mesh_yaml.node import Node

_KINDS = {"envoyExtAuthzHttp": "http", "envoyExtAuthzGrpc": "grpc"}
_TIMEOUT = "600s"  # Istio's own
_KNOWN = (
    "service", "port", "timeout", "failOpen", "statusOnError", "includeRequestBodyInCheck",
    "pathPrefix", "includeRequestHeadersInCheck", "includeHeadersInCheck",
    "headersToUpstreamOnAllow",
)  # fmt: skip
_YES = {"rules": [{"allow": True}]}

Made = dict[str, Any]


def asked(name: Node, source: Source) -> Made | None:
    """Who is asked, as keys of an ``ext_authz``; ``None``: nobody is known by that name."""
    provider = source.world.config.providers.get(name.text())
    kind = next((each for each in _KINDS if provider and provider.get(each)), None)
    if provider is None or kind is None:
        entry = source.world.catalog.lookup(name.text(), source.object.namespace)
        return {"service": entry.name} if entry is not None else None
    told = provider.find(kind)
    source.notes.leftovers(told, _KNOWN, f"extension provider {name.text()!r}", f"{kind}.")
    host = needed(told, "service", f"the provider {name.text()!r}")
    entry = source.service(Node(host.text().rpartition("/")[2], host.place))
    made = _answer(told)
    if not _answers(entry):
        source.notes.warn(host.place, f"no program here decides as {name.text()!r}: it allows all")
        if _KINDS[kind] == "grpc":
            return made | _YES
    if _KINDS[kind] == "grpc":
        if not entry.own:
            entry.protocol = "grpc"
        return made | {"service": entry.name}
    return made | {"service": entry.name} | _by_http(told)


def _answers(entry: Entry) -> bool:
    """Whether somebody wrote who answers there, which an echo is not."""
    return entry.own or any(each.run for each in entry.variants.values())


def _answer(told: Node) -> Made:
    made: Made = {"timeout": told.get("timeout") or Node(_TIMEOUT, told.place)}
    if text(told, "failOpen") == "true":
        made["on_failure"] = "allow"
    status = told.get("statusOnError")
    if status is not None and text(told, "statusOnError").isdigit():
        made["status_on_error"] = Node(int(status.text()), status.place)
    body = told.get("includeRequestBodyInCheck")
    if body is not None and body.value:
        size, partial = body.get("maxRequestBytes"), text(body, "allowPartialMessage") == "true"
        made["body"] = {"max_bytes": size, "partial": partial} if size else {"partial": partial}
    return made


def _by_http(told: Node) -> Made:
    made: Made = {}
    if prefix := text(told, "pathPrefix"):
        made["prefix"] = Node(prefix, told.find("pathPrefix").place)
    sent = elements(told, "includeRequestHeadersInCheck") or elements(told, "includeHeadersInCheck")
    lists: dict[str, Sequence[Node]] = {
        "send": sent,
        "keep": elements(told, "headersToUpstreamOnAllow"),
    }
    return made | {name: nodes for name, nodes in lists.items() if nodes}
