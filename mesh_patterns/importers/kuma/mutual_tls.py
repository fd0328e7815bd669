"""Mutual TLS: what a Mesh says of it, and MeshTLS of single proxies.

https://kuma.io/docs/latest/policies/mutual-tls/
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mesh_patterns.importers.fields import elements, text
from mesh_patterns.importers.kuma.inbound import Inbound, inbounds
from mesh_patterns.importers.kuma.world import Source, World
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError

_MODES = {"STRICT": "strict", "PERMISSIVE": "permissive"}
_KNOWN = ("mtls", "meshServices", "networking", "routing", "constraints", "metrics")
_MTLS = ("enabledBackend", "backends", "skipValidation")
_BACKEND = ("name", "type", "mode", "dpCert", "conf", "rootChain")


def of_meshes(sources: Sequence[Source]) -> Node | None:
    """How mutual TLS is for all: ``mode``, and ``cert_ttl``; ``None`` where it is not enabled."""
    found = [made for s in sources if (made := s.notes.guard(_of_mesh, s)) is not None]
    return found[-1] if found else None


def _of_mesh(source: Source) -> Node | None:
    spec = source.object.spec
    source.notes.leftovers(spec, _KNOWN, source.owner)
    mtls = spec.get("mtls")
    if mtls is None or mtls.value is None:
        return None
    source.notes.leftovers(mtls, _MTLS, source.owner, "mtls.")
    wanted = text(mtls, "enabledBackend")
    for backend in elements(mtls, "backends"):
        source.notes.leftovers(backend, _BACKEND, source.owner, "mtls.backends.")
        if text(backend, "name") == wanted:
            return _of_backend(backend, source)
    if wanted:
        place = mtls.find("enabledBackend").place
        raise DocumentError.at(place, f"{source.owner} has no backend {wanted!r}")
    return None


def _of_backend(backend: Node, source: Source) -> Node:
    if text(backend, "type", "builtin") != "builtin":
        source.approximate(
            "mtls.backends of others: certificates are of the mesh's own authority", backend
        )
    made: dict[str, Any] = {"mode": _mode(backend, "STRICT")}
    life = backend.find("dpCert", "rotation").get("expiration")
    if life is not None:
        made["cert_ttl"] = _lasting(life)
    return Node.of(made, backend.place)


def _lasting(node: Node) -> Node:
    """Days, as Kuma writes them, in hours."""
    given = node.text()
    days = given.removesuffix("d")
    return Node(f"{int(days) * 24}h", node.place) if days.isdigit() and days != given else node


def _mode(node: Node, otherwise: str) -> Node:
    given = node.get("mode")
    name = text(node, "mode", otherwise).upper()
    if name not in _MODES:
        place = (given or node).place
        raise DocumentError.at(place, f"unknown mode {name!r}, expected Strict or Permissive")
    return Node(_MODES[name], (given or node).place)


def patterns(mesh: Node | None, policies: Sequence[Source], world: World) -> Iterator[Node]:
    """``mtls`` of all services, and of those of which a MeshTLS says something else."""
    if mesh is None:
        for source in policies[:1]:
            told = "MeshTLS without a Mesh that has mtls enabled means nothing"
            source.approximate(told, Node(None, source.object.place))
        return
    yield Node.of({"pattern": "mtls", "on": "*", **dict(mesh.items())}, mesh.place)
    known = ("tlsVersion", "tlsCiphers", "mode")
    own = world.notes.collected(inbounds(policies, known, world))
    for inbound in own:
        if inbound.conf.get("mode") is not None and not inbound.caller:
            yield from world.notes.collected(_of_inbound(inbound, mesh))


def _of_inbound(inbound: Inbound, mesh: Node) -> Iterator[Node]:
    source = inbound.source
    for name in ("tlsVersion", "tlsCiphers"):
        if (node := inbound.conf.get(name)) is not None:
            source.skip(name, node)
    mode = _mode(inbound.conf, "STRICT")
    service, _, version = inbound.on.partition("/")
    if version:
        whole = f"mutual TLS is of a whole service: it holds for all versions of {service!r}"
        source.notes.warn(mode.place, whole)
    if mode.plain() != mesh.find("mode").plain():
        made = {"pattern": "mtls", "on": service, "mode": mode, "override": True}
        yield Node.of(made, mode.place)
