"""A mesh as SMP's ServiceMeshConfig: what it consists of, and what it has used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mesh_patterns.model import INGRESS
from mini_mesh.load.usage import Usage
from mini_mesh.smp import messages as smp

_MB = 2**20
CONTROL_PLANE = "control-plane"


@dataclass(frozen=True, slots=True)
class Used:
    """By node, and ``CONTROL_PLANE``: in ``seconds``, what was used ``before`` and ``after``;
    ``requests`` are those that each node's Envoy has got."""

    seconds: float
    before: Mapping[str, Usage] = field(default_factory=dict)
    after: Mapping[str, Usage] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)

    def cpu(self, name: str) -> float:
        """Seconds of the processors."""
        both = name in self.before and name in self.after
        return max(0.0, self.after[name].cpu - self.before[name].cpu) if both else 0.0

    def memory(self, name: str) -> int:
        return self.after[name].memory if name in self.after else 0


@dataclass(frozen=True, slots=True)
class About:
    """What the mesh does not tell of itself. ``lds`` and ``cds``, in ms, are 0 where not measured;
    SMP has whole milliseconds, so less than one is one."""

    id: str
    build: str
    mtls: bool = False
    telemetry: bool = False
    concurrency: int = 0
    routes: int = 0
    policies: int = 0
    lds: float = 0.0
    cds: float = 0.0


def config(state: Mapping[str, Any], used: Used, about: About) -> smp.ServiceMeshConfig:
    """Of a mesh that says ``state`` of itself."""
    nodes = [*state["envoys"]]
    sidecars = [node for node in nodes if node != INGRESS]
    services = state["services"]
    plane = smp.MeshControlPlane(
        count=1,
        cpu_mcores=_mcores(used, [CONTROL_PLANE]),
        mem_mb=_mb(used, [CONTROL_PLANE]),
        endpoints=sum(len(each["versions"]) for each in services.values()),
        services=len(services),
        sidecars=len(sidecars),
        virtual_services=about.routes,
        destination_rules=about.policies,
        lds_latency_ms=_whole(about.lds),
        cds_latency_ms=_whole(about.cds),
    )
    return smp.ServiceMeshConfig(
        smp_version=smp.VERSION,
        id=about.id,
        labels={"mesh": state["name"]},
        ingress_gateway=_proxies(used, [INGRESS]) if INGRESS in nodes else None,
        sidecar=_proxies(used, sidecars),
        mesh_control_plane=plane,
        mesh_telemetry_enabled=about.telemetry,
        mtls_enabled=about.mtls,
        proxy_concurrency=about.concurrency,
        mesh_build=about.build,
        proxy_build=state["envoy"],
    )


def _proxies(used: Used, nodes: list[str]) -> smp.Proxies:
    requests = sum(used.requests.get(node, 0) for node in nodes)
    rate = round(requests / used.seconds) if used.seconds else 0
    count, mcores = len(nodes), _mcores(used, nodes)
    return smp.Proxies(count=count, cpu_mcores=mcores, mem_mb=_mb(used, nodes), rps=rate)


def _mcores(used: Used, names: list[str]) -> int:
    spent = sum(used.cpu(name) for name in names)
    return round(1000 * spent / used.seconds) if used.seconds else 0


def _mb(used: Used, names: list[str]) -> int:
    return sum(used.memory(name) for name in names) // _MB


def _whole(milliseconds: float) -> int:
    return max(1, round(milliseconds)) if milliseconds else 0
