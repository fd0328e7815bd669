from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.gateway_api.conftest import GATEWAY, route, to

Told = Callable[[Draft], list[str]]
RULES = f"- backendRefs: [{to('one')}]"
POD = "{apiVersion: v1, kind: Pod, metadata: {name: one}}"


@pytest.mark.parametrize(
    ("parent", "more", "line"),
    [
        (
            "{name: other}",
            "",
            "2.yaml:5:23: Gateway 'other' is not in the given files: taken for one of any host",
        ),
        (
            "{name: edge, sectionName: https}",
            "",
            "2.yaml:5:23: no listener of Gateway 'edge' is the one it names ('http'): nothing "
            "reaches HTTPRoute 'r' there",
        ),
        (
            "{name: edge, port: 81}",
            "",
            "2.yaml:5:23: no listener of Gateway 'edge' is the one it names ('http'): nothing "
            "reaches HTTPRoute 'r' there",
        ),
        (
            "{name: edge, namespace: default}",
            ", namespace: shop",
            "2.yaml:5:23: no listener of Gateway 'edge' takes it: nothing reaches HTTPRoute 'r' "
            "there",
        ),
        (
            "{kind: ListenerSet, name: edge}",
            "",
            "2.yaml:5:16: not imported yet: a parentRef to a ListenerSet (HTTPRoute 'r')",
        ),
    ],
)
def test_a_parent_that_is_not_as_it_should_be_is_told(
    imported: Callable[..., Draft], told: Told, parent: str, more: str, line: str
) -> None:
    assert line in told(imported(GATEWAY, route(RULES, parent=parent, meta=more), POD))


def test_a_route_under_none_of_a_listeners_names_is_told(
    imported: Callable[..., Draft], told: Told
) -> None:
    gateway = GATEWAY.replace("port: 80", "port: 80, hostname: a.com")
    draft = imported(gateway, route(RULES, hosts="[b.com]"), POD)
    assert (
        "2.yaml:6:15: none of its hostnames is a listener's ('a.com'): nothing reaches "
        "HTTPRoute 'r' there" in told(draft)
    )
    assert draft.mesh.services["one"].ingress is None


def test_a_route_without_parents_is_at_any_gateway(
    imported: Callable[..., Draft], told: Told
) -> None:
    lone = route(RULES).replace("  parentRefs: [{name: edge}]\n", "")
    draft = imported(lone)
    assert draft.mesh.services["one"].ingress is not None
    assert "1.yaml:3:18: HTTPRoute 'r' has no parentRefs: taken for one of any Gateway" in told(
        draft
    )
