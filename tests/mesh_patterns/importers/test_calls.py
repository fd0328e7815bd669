from __future__ import annotations

from collections.abc import Callable

import pytest

from mesh_patterns.draft import Draft

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

SERVICES = """
    apiVersion: v1
    kind: List
    items:
    - {apiVersion: v1, kind: Service, metadata: {name: ratings}, spec: {selector: {app: ratings}}}
    - {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}}}
    - apiVersion: v1
      kind: Pod
      metadata: {name: web, labels: {app: web}}
      spec: {containers: [CONTAINER]}
"""


@pytest.mark.parametrize(
    ("container", "calls"),
    [
        ("{env: [{name: X, value: 'http://ratings:9080/v1'}]}", ("ratings",)),
        ("{env: [{name: X, value: 'http://ratings/v1'}]}", ("ratings",)),
        ("{env: [{name: X, value: 'ratings:9080'}]}", ("ratings",)),
        ("{env: [{name: X, value: 'a=1,ratings.default.svc'}]}", ("ratings",)),
        ("{env: [{name: RATINGS_HOST, value: ratings}]}", ("ratings",)),
        ("{env: [{name: TITLE, value: ratings}]}", ()),
        ("{env: [{name: X, value: 'http://movie-ratings:9080'}]}", ()),
        ("{env: [{name: X, value: 'http://web:1'}]}", ()),
        ("{args: ['--upstream=ratings:9080']}", ("ratings",)),
        ("{command: [serve, ratings]}", ()),
        ("{env: [{name: SECRET, valueFrom: {}}]}", ()),
    ],
)
def test_an_address_in_a_container_is_a_call(
    imported: Import, container: str, calls: tuple[str, ...]
) -> None:
    draft = imported(SERVICES.replace("CONTAINER", container))
    assert draft.mesh.services["web"].calls == calls


def test_calls_that_were_guessed_are_told(imported: Import, told: Told) -> None:
    draft = imported(SERVICES.replace("CONTAINER", "{args: ['ratings:80']}"))
    assert "1.yaml:9:20: calls are taken from environments and arguments: 'web → ratings'" in told(
        draft
    )


def test_where_nothing_tells_of_calls_that_is_said(imported: Import, told: Told) -> None:
    draft = imported(SERVICES.replace("CONTAINER", "{}"))
    assert (
        "1.yaml:5:52: no calls between these services are known: the files have neither edges nor "
        "addresses of one service in the environment of another" in told(draft)
    )


MESHERY = """
    name: drawn
    services:
      web:
        type: Application
        settings: {containers: [{name: web}]}
        traits:
          meshmap:
            edges:
            - {from: $(#ref.services.web.id), to: $(#ref.services.rule.id)}
            - {from: $(#ref.services.web.id), to: $(#ref.services.gone.id)}
      rule: {type: DestinationRule.Istio, settings: {host: api}}
      api:
        type: Application
        settings: {containers: [{name: api}]}
        traits:
          meshmap:
            edges:
            - {from: $(#ref.services.rule.id), to: $(#ref.services.api.id)}
            - data: {source: api, target: 11-22, subType: Network}
            - data: {source: api, target: web, subType: Permission}
      db:
        type: Application
        settings: {containers: [{name: db}]}
        traits: {meshmap: {id: 33-44, parent: 11-22}}
"""


def test_edges_lead_through_policy_and_groups_to_services(imported: Import) -> None:
    draft = imported(MESHERY)
    calls = {name: found.calls for name, found in draft.mesh.services.items()}
    assert calls == {"web": ("api",), "api": ("db",), "db": ()}


def test_an_edge_into_the_void_is_told_with_its_place(imported: Import, told: Told) -> None:
    assert "1.yaml:11:47: an edge ends at 'gone', which is not in the given files" in told(
        imported(MESHERY)
    )


def test_a_long_value_is_searched_in_bounded_time(imported: Import) -> None:
    value = "a" * 100_000
    draft = imported(SERVICES.replace("CONTAINER", f"{{env: [{{name: X, value: {value}}}]}}"))
    assert draft.mesh.services["web"].calls == ()


def test_annotations_say_whom_a_workload_calls_and_what_a_service_speaks(
    imported: Import, refusal: Callable[..., str]
) -> None:
    text = """
        apiVersion: v1
        kind: Pod
        metadata: {name: web, labels: {app: web}, annotations: {meshloom/calls: "db, gone"}}
        spec: {containers: []}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: db, annotations: {meshloom/protocol: redis}}
        spec: {selector: {app: db}, ports: [{port: 6379}]}
    """
    mesh = imported(text).mesh
    assert mesh.services["web"].calls == ("db",)
    assert mesh.services["db"].protocol == "redis"
    told = [each.message for each in mesh.warnings]
    assert "no file has the service 'gone', which this calls" in told
    wrong = refusal(text.replace("redis", "rediss"))
    assert "unknown protocol 'rediss'" in wrong
    assert wrong.startswith("1.yaml:9:")
