"""Whatever a pattern of any kind says, it is refused at its place or a real Envoy takes all of it.

The Envoy is one that runs, and is asked by ADS: it sees routes, endpoints, secrets and filters that
come by themselves as well, of which ``--mode validate`` sees none, and needs no start for each.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mesh_patterns.kinds import KINDS
from mini_mesh.ports import Ports
from tests.mesh_patterns.any_pattern import SERVICES, any_of_kind
from tests.mesh_patterns.compile.test_any_mesh import compiled, envoy
from tests.mesh_patterns.running import Oracle

pytestmark = pytest.mark.asyncio(loop_scope="module")
__all__ = ["envoy"]  # the fixture

MESH = {"dataplane": "node", "services": SERVICES}
# without transcoding, which needs a file of descriptors, and has its own tests
OF_WORDS = sorted(KINDS.keys() - {"transcoding"})
ACCEPTED: set[str] = set()


@pytest.mark.parametrize("kind", OF_WORDS)
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # what it finds is short as it is
)
@given(data=st.data())
async def test_any_pattern_of_a_kind_is_refused_at_a_place_or_accepted_by_envoy(
    kind: str,
    envoy: tuple[Oracle, Ports],
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
) -> None:
    oracle, ports = envoy
    file = Path(tmp_path_factory.getbasetemp(), "any_pattern.yaml")
    kinds = [kind, *data.draw(st.lists(st.sampled_from(OF_WORDS), max_size=2))]
    drawn = [data.draw(any_of_kind(each)) for each in kinds]
    alone = [each for each in drawn if compiled(file, ports, mesh=MESH, patterns=[each])]
    for snapshot in (compiled(file, ports, mesh=MESH, patterns=alone) or {}).values():
        assert await oracle.judge(snapshot) == []
        ACCEPTED.update(each["pattern"] for each in alone)


async def test_patterns_of_most_kinds_were_accepted() -> None:
    """Or those above say little."""
    assert len(ACCEPTED) > 0.7 * len(OF_WORDS), set(OF_WORDS) - ACCEPTED
