"""envoyExtensions: Lua scripts and wasm filters at a service's Envoys.

https://developer.hashicorp.com/consul/docs/connect/proxies/envoy-extensions
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mesh_patterns.importers.consul.spelling import normal
from mesh_patterns.importers.consul.world import Source
from mesh_patterns.importers.fields import elements, needed, text
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

Made = dict[str, Any]
LUA, WASM = "builtin/lua", "builtin/wasm"
_KNOWN = ("name", "arguments", "required")


def patterns(spec: Node, on: str, source: Source) -> Iterator[Node]:
    """The extensions before a service (``*``: before all), or at it as a caller."""
    for node in elements(spec, "envoyExtensions"):
        source.notes.leftovers(node, _KNOWN, source.owner, "envoyExtensions.")
        name = needed(node, "name", "an extension")
        given = normal(node.get("arguments") or Node(None, node.place))
        if name.value == LUA:
            yield from _lua(given, on, node, source)
        elif name.value == WASM:
            yield from _wasm(given, on, node, source)
        else:
            source.skip(f"extension {name.text()!r}", node)


def _where(given: Node, name: str, on: str) -> Made:
    side = needed(given, name, "an extension")
    if side.value not in ("inbound", "outbound"):
        raise DocumentError.at(side.place, f"expected inbound or outbound, got {side.kind}")
    if side.value == "inbound":
        return {"on": on, "side": "service"}
    return {"on": "*" if on == "*" else f"{on} -> *", "side": "caller"}


def _lua(given: Node, on: str, node: Node, source: Source) -> Iterator[Node]:
    source.notes.leftovers(given, ("script", "listener", "proxyType"), source.owner, "arguments.")
    code = needed(given, "script", "an extension")
    made: Made = {"pattern": "lua", **_where(given, "listener", on), "code": code}
    yield Node.of(made, node.place)


def _wasm(given: Node, on: str, node: Node, source: Source) -> Iterator[Node]:
    known = ("protocol", "listenerType", "pluginConfig", "proxyType")
    source.notes.leftovers(given, known, source.owner, "arguments.")
    plugin = needed(given, "pluginConfig", "an extension")
    machine = plugin.get("vmConfig") or Node(None, plugin.place)
    code = machine.get("code") or Node(None, machine.place)
    local = code.get("local")
    if local is None:
        source.skip("wasm code that would be fetched", node)
        return
    known = ("name", "rootID", "vmConfig", "configuration")
    source.notes.leftovers(plugin, known, source.owner, "pluginConfig.")
    made: Made = {"pattern": "wasm", **_where(given, "listenerType", on)}
    made["file"] = needed(local, "filename", "wasm code")
    if root := text(plugin, "rootID"):
        made["root_id"] = root
    if (config := plugin.get("configuration")) is not None and config.value:
        made["configuration"] = config
    yield Node.of(made, node.place)
