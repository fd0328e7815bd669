from __future__ import annotations

from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: }}\nexpect:\n"


def test_a_node_has_one_state_or_several(read: Read) -> None:
    (claim,) = read(f"{MESH}- {{to: web, config: {{web: acked, client: [refused]}}}}").mesh.claims
    assert claim.config == {"web": ["acked"], "client": ["refused"]}


def test_states_and_nodes_are_known(refusal: Refusal) -> None:
    assert "expected" in refusal(f"{MESH}- {{to: web, config: {{web: nacked}}}}").replace(
        "input should be", "expected"
    )
    assert refusal(f"{MESH}- {{to: web, config: {{wob: acked}}}}").startswith(
        "3:22: no service 'wob'"
    )
