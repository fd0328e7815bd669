from __future__ import annotations

from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: }}\nexpect:\n"


def test_traces_have_a_number_spans_services_and_right_parents(read: Read) -> None:
    claim = "{to: web, traces: {count: 100%, spans: 2..4, services: [web], parents: right}}"
    (found,) = read(f"{MESH}- {claim}").mesh.claims
    assert found.is_witnessed
    assert found.traces is not None
    assert found.traces.services == ["web"]


def test_something_is_claimed_of_traces(refusal: Refusal) -> None:
    told = refusal(f"{MESH}- {{to: web, traces: {{}}}}")
    assert told == (
        "3:21: traces: claims nothing; expected at least one of count, spans, services, parents"
    )
    assert "parents" in refusal(f"{MESH}- {{to: web, traces: {{parents: wrong}}}}")
