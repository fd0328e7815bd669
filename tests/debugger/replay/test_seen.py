"""What the mesh captured of a replay."""

from __future__ import annotations

from debugger.replay.seen import entry, versions
from debugger.replay.target import Target
from mesh_traffic import Endpoint, replace
from tests.debugger.replay.captures import GET

TARGET = Target("127.0.0.1:8080", "the ingress", "ingress")
INNER = replace(
    GET, id="b", node="web-v1", destination=Endpoint("reviews", "v2"), started=GET.started + 1
)


def test_the_entry_is_the_first_at_its_node_since_it_was_sent() -> None:
    before = replace(GET, id="a", started=GET.started - 10)
    later = replace(GET, id="c", started=GET.started + 5)
    found = entry([later, INNER, GET, before], TARGET, GET.started)
    assert found is not None
    assert found.id == "000f"
    assert entry([INNER, before], TARGET, GET.started) is None


def test_versions_are_those_of_all_hops() -> None:
    again = replace(INNER, destination=Endpoint("reviews", "v3"), started=GET.started + 2)
    nobody = replace(GET, destination=Endpoint())
    assert versions([again, INNER, GET, nobody]) == {"web": ("v1",), "reviews": ("v2", "v3")}
