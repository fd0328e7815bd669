"""A mesh in SMP's words."""

from __future__ import annotations

from typing import Any

from mini_mesh.load.usage import Usage
from mini_mesh.smp.mesh import CONTROL_PLANE, About, Used, config

STATE: dict[str, Any] = {
    "name": "shop",
    "envoy": "Envoy 1.40.0",
    "envoys": {"web": {}, "api": {}, "ingress": {}},
    "services": {"web": {"versions": {"": {}}}, "api": {"versions": {"v1": {}, "v2": {}}}},
}


def test_what_was_used_is_of_the_time_it_took() -> None:
    names = ["web", "api", "ingress", CONTROL_PLANE]
    before = {name: Usage(1.0, 0) for name in names}
    after = {name: Usage(2.0, 64 * 2**20) for name in names}
    used = Used(10.0, before, after, {"web": 500, "api": 300, "ingress": 500})
    told = config(STATE, used, About("m", "meshloom 1", mtls=True, lds=0.2, cds=5.5)).plain()
    assert told["sidecar"] == {"count": 2, "cpu_mcores": 200, "mem_mb": 128, "rps": 80}
    assert told["ingress_gateway"] == {"count": 1, "cpu_mcores": 100, "mem_mb": 64, "rps": 50}
    assert told["mesh_control_plane"] == {
        "count": 1,
        "cpu_mcores": 100,
        "mem_mb": 64,
        "endpoints": 3,
        "services": 2,
        "sidecars": 2,
        "lds_latency_ms": 1,
        "cds_latency_ms": 6,
    }
    assert told["mtls_enabled"] is True


def test_what_nobody_knows_is_left_out() -> None:
    told = config(STATE, Used(0.0), About("m", "meshloom 1")).plain()
    assert told["sidecar"] == {"count": 2}
