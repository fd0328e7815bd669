"""MeshAccessLog and MeshTrace.

https://kuma.io/docs/latest/policies/meshaccesslog/, https://kuma.io/docs/latest/policies/meshtrace/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

from mesh_patterns.importers.fields import elements, needed, text
from mesh_patterns.importers.kuma.merging import Policy, merged, policies
from mesh_patterns.importers.kuma.world import MESH_LABEL, Source, World
from mesh_patterns.model import INGRESS
from mesh_yaml.node import Node

Made = dict[str, Any]
_PLACEHOLDER = re.compile(r"%KUMA_[A-Z_]+%")


def logs(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """A log for each file and each service that a policy is about."""
    for policy in policies(sources, ("to", "from", "rules")):
        source = policy.source
        made: dict[str, Node] = {}
        for way in ("to", "from", "rules"):
            for node in source.list(way):
                conf = node.get("default") or Node(None, node.place)
                for backend in elements(conf, "backends"):
                    fields = source.notes.guard(_backend, backend, source)
                    if fields is not None:
                        made.setdefault(repr(fields.plain()), fields)
                        what = "a log is of all that a service gets and sends"
                        source.approximate(what, node)
        for fields in made.values():
            for on in _followers(policy, world):
                pattern = {"pattern": "access_log", "on": on, **dict(fields.items())}
                yield Node.of(pattern, fields.place)


def _followers(policy: Policy, world: World) -> list[str]:
    found = policy.followers
    if found.everybody:
        return ["*"]
    at_ingress = found.ingress and any(e.ingress for e in world.catalog.entries.values())
    return [*found.services, *([INGRESS] if at_ingress else [])]


def _backend(node: Node, source: Source) -> Node | None:
    kind = text(node, "type", "File")
    file = node.get("file")
    if kind != "File" or file is None:
        source.skip(f"a log that goes to {kind}", node)
        return None
    source.notes.leftovers(file, ("path", "format"), source.owner, "file.")
    path = needed(file, "path", "a file")
    name = PurePosixPath(path.text()).name or "access.log"
    source.approximate("file.path: the log lies beside the file that asks for it", path)
    made: Made = {"file": Node(name, path.place)}
    shape = file.get("format") or Node(None, file.place)
    if text(shape, "type") == "Plain" and (plain := shape.get("plain")) is not None:
        made["text"] = _filled(plain, source)
    elif text(shape, "type") == "Json" and elements(shape, "json"):
        made["fields"] = {
            needed(each, "key", "a field").text(): _filled(needed(each, "value", "it"), source)
            for each in elements(shape, "json")
        }
    return Node.of(made, node.place)


def _filled(node: Node, source: Source) -> Node:
    """Kuma's own placeholders are not Envoy's: the mesh has a name, others are a dash."""
    mesh = source.object.labels.get(MESH_LABEL, "default")
    given = node.text().replace("%KUMA_MESH%", mesh)
    if _PLACEHOLDER.search(given):
        source.approximate("placeholders of Kuma's own: a dash", node)
    return Node(_PLACEHOLDER.sub("-", given), node.place)


def traces(sources: Sequence[Source], world: World) -> Iterator[Node]:
    """Spans of all services that a policy is about; of several policies the merged one."""
    found = policies(sources, ("default",))
    everybody = [policy for policy in found if policy.followers.everybody]
    base = _conf(everybody)
    if base is not None:
        fields = world.notes.guard(_tracing, base, everybody[-1].source)
        yield from _patterns("*", fields, base)
    named = dict.fromkeys(name for policy in found for name in policy.followers.services)
    for name in named:
        mine = [policy for policy in found if policy.followers.has(name)]
        conf = _conf(mine)
        if conf is not None:
            fields = world.notes.guard(_tracing, conf, mine[-1].source)
            more = {"override": True} if base is not None else {}
            yield from _patterns(name, {**fields, **more} if fields is not None else None, conf)


def _patterns(on: str, fields: Made | None, conf: Node) -> Iterator[Node]:
    if fields is not None:
        yield Node.of({"pattern": "tracing", "on": on, **fields}, conf.place)


def _conf(found: Sequence[Policy]) -> Node | None:
    confs = [policy.source.object.spec.get("default") for policy in found]
    return merged(conf for conf in confs if conf is not None and conf.value is not None)


def _tracing(conf: Node, source: Source) -> Made:
    source.notes.leftovers(conf, ("backends", "sampling", "tags"), source.owner, "default.")
    sampling = conf.get("sampling") or Node(None, conf.place)
    source.notes.leftovers(sampling, ("random",), source.owner, "sampling.")
    made: Made = {}
    if (share := sampling.get("random")) is not None:
        made["sampling"] = share
    tags: Made = {}
    for each in elements(conf, "tags"):
        source.notes.leftovers(each, ("name", "literal", "header"), source.owner, "tags.")
        header = each.get("header")
        value = needed(each if header is None else header, "literal" if header is None else "name",
                       "a tag")  # fmt: skip
        tags[needed(each, "name", "a tag").text()] = (
            {"literal": value} if header is None else {"header": value}
        )
    if tags:
        made["tags"] = tags
    for backend in elements(conf, "backends"):
        made |= _collector(backend, source)
    return made


def _collector(backend: Node, source: Source) -> Made:
    """Who gets the spans: a collector that is a service here, or who captures."""
    endpoint = backend.find("openTelemetry").get("endpoint")
    host = endpoint.text().partition(":")[0] if endpoint is not None else ""
    entry = source.world.catalog.lookup(host, source.object.namespace) if host else None
    if entry is not None and entry.protocol == "grpc" and endpoint is not None:
        return {"collector": Node(entry.name, endpoint.place)}
    source.approximate("backends: who captures gets the spans", backend)
    return {}
