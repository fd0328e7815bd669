"""Static bootstraps: each Envoy of a mesh as one file that ``envoy -c FILE`` runs, and nobody else.

What a control plane would send is written into the listeners and clusters themselves
(``inlining``). What only meshloom can do is told (``remarks``). Files are named here and written
elsewhere: this is plain data.

https://www.envoyproxy.io/docs/envoy/latest/configuration/overview/examples#static
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.exporters.envoy_static import remarks
from mesh_patterns.exporters.envoy_static.inlining import Inlining
from mesh_patterns.exporters.envoy_static.secrets import InFiles, Inline
from mesh_patterns.identity import Identity
from mesh_patterns.model import CLIENT
from mesh_patterns.placement import (
    HOST,
    Caller,
    Placement,
    Proxy,
    call,
    caller,
    ingress,
    needs,
    proxies,
    workload,
)
from mesh_yaml.place import DocumentError, Problem
from mesh_yaml.yaml import dump

FIRST_PORT = 20000


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything listens: what the mesh needs, and each Envoy's admin interface by node."""

    placement: Placement
    admins: Mapping[str, int]

    @classmethod
    def counted(cls, draft: Draft, first: int, folder: Path | None = None) -> Ports:
        """The same at every export: those that the files ask for, the others from ``first`` up.

        ``folder`` is where services beside the Envoys are asked.

        Raises:
            DocumentError: there are not so many ports.
        """
        wanted = list(needs(draft.mesh))
        asked = {need.port for need in wanted if need.port}
        free = (port for port in range(first, 65536) if port not in asked)
        envoys = proxies(draft.mesh)
        lacking = sum(not need.port for need in wanted) + len(envoys) - (65536 - first - len(asked))
        if lacking > 0:
            message = f"there are too few ports from {first} up, by {lacking}"
            raise DocumentError.at(next(iter(draft.mesh.services.values())).place, message)
        ports = {need.key: need.port or next(free) for need in wanted}
        admins = {proxy.node: next(free) for proxy in envoys}
        found = Placement(ports)
        return cls(replace(found, folder=folder) if folder else found, admins)


@dataclass(frozen=True, slots=True)
class Static:
    """``files`` by name, in YAML, one for each Envoy; ``secrets`` are the private keys and
    certificates that they name, by name too; ``warnings`` tell what is not as in a running mesh.
    """

    files: Mapping[str, str]
    secrets: Mapping[str, bytes]
    warnings: tuple[Problem, ...]


def bootstraps(
    draft: Draft, ports: Ports, identities: Mapping[str, Identity], folder: Path | None
) -> Static:
    """A file for each Envoy of the mesh, to be put into ``folder``; without one, keys and
    certificates stand in the files themselves.

    ``identities`` are all that ``mesh_patterns.identity.wanted`` names.

    Raises:
        DocumentError: the patterns can't be brought together.
    """
    snapshots = compile_mesh(draft, ports.placement, identities)
    secrets = InFiles(folder.resolve()) if folder else Inline()
    warnings = remarks.of_mesh(draft, ports.placement)
    files = {}
    for proxy in proxies(draft.mesh):
        inlining = Inlining(snapshots[proxy.node], secrets)
        made = _bootstrap(draft, proxy, inlining, ports.admins[proxy.node])
        files[f"{proxy.node}.yaml"] = _head(draft, proxy, ports) + dump(made, blocks=True)
        warnings += inlining.warnings
    warnings += remarks.of_secrets(draft, identities)
    return Static(files, secrets.files, tuple(dict.fromkeys(warnings)))


def _bootstrap(draft: Draft, proxy: Proxy, inlining: Inlining, admin: int) -> dict[str, Any]:
    address = {"socket_address": {"address": HOST, "port_value": admin}}
    return {
        "node": {"id": proxy.node, "cluster": draft.mesh.name},
        "admin": {"address": address},
        "static_resources": {
            "listeners": inlining.listeners(),
            "clusters": inlining.clusters(),
        },
    }


def _head(draft: Draft, proxy: Proxy, ports: Ports) -> str:
    """What whoever starts the Envoy has to know, as comments."""
    lines = [
        f"The Envoy {proxy.node!r} of the mesh {_plain(draft.mesh.name)}, exported by meshloom.",
        f"envoy --disable-hot-restart -c {proxy.node}.yaml",
        *_around(draft, proxy, ports.placement),
    ]
    return "".join(f"# {line}\n" for line in lines)


def _around(draft: Draft, proxy: Proxy, placement: Placement) -> Iterator[str]:
    for instance in proxy.inbound:
        at = placement.address(workload(instance))
        yield f"The workload of {instance} has to listen at {at}."
        for callee in draft.mesh.services[instance.service].calls:
            yield f"It reaches {callee} at {placement.address(call(caller(instance), callee))}."
    if proxy.ingress:
        yield from _entrances(draft, placement)


def _entrances(draft: Draft, placement: Placement) -> Iterator[str]:
    """Where requests come into the mesh."""
    client = Caller(CLIENT, CLIENT)
    for service in draft.mesh.services.values():
        if service.ingress:
            at = placement.address(ingress(service.ingress))
            yield f"The outside reaches {service.name} at {at}."
        yield f"To try {service.name}: {placement.address(call(client, service.name))}."


def _plain(name: str) -> str:
    """A mesh's name may be any text, and a comment is one line."""
    return repr(name)


__all__ = ["FIRST_PORT", "Ports", "Static", "bootstraps"]
