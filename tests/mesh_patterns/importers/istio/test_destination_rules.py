from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def test_a_rule_alone_makes_a_service_of_its_subsets(
    imported: Import, texts: dict[str, str], told: Told
) -> None:
    draft = imported(texts["rule"])
    names = [version.name for version in draft.mesh.services["reviews"].versions]
    assert names == ["v1", "v2", "production", "v9"]
    assert (
        "1.yaml:5:9: no file has the service 'reviews': "
        "the echo stands in, as 'v1', 'v2', 'production', 'v9'" in told(draft)
    )


def test_subsets_that_no_workload_is_in_are_told(
    imported: Import, texts: dict[str, str], told: Told
) -> None:
    draft = imported(texts["services"], texts["rule"])
    assert [version.name for version in draft.mesh.services["reviews"].versions] == [
        "v1",
        "v2",
        "v3",
    ]
    assert (
        "2.yaml:5:9: DestinationRule 'reviews': no workload of 'reviews' has the labels of 'gone'"
        in told(draft)
    )


def test_a_rule_is_for_the_callers_that_it_selects(imported: Import) -> None:
    mesh = "".join(
        f"""
        ---
        apiVersion: v1
        kind: Pod
        metadata: {{name: {name}, labels: {{app: {name}}}, annotations: {{meshloom/calls: "{to}"}}}}
        spec: {{containers: []}}
        """
        for name, to in (("web", "api"), ("desk", "api"), ("api", ""))
    )
    rule = """
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: NAME}
        spec: {host: api, trafficPolicy: {loadBalancer: {simple: POLICY}}}
    """
    whole = rule.replace("NAME", "whole").replace("POLICY", "ROUND_ROBIN")
    own = rule.replace("NAME", "own").replace("POLICY", "RANDOM")
    own = own.replace("host: api,", "host: api, workloadSelector: {matchLabels: {app: web}},")
    draft = imported(mesh + whole + own)
    found = {
        caller: draft.edges[caller, "api"].settings["load_balancing"].value.policy
        for caller in ("web", "desk", "client")
    }
    assert found == {"web": "random", "desk": "round_robin", "client": "round_robin"}


def test_what_no_mesh_here_has_is_told_by_name_with_its_rules(imported: Import, told: Told) -> None:
    text = """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: NAME}
        spec:
          host: NAME
          trafficPolicy: {tls: {mode: SIMPLE}, tunnel: {targetPort: 1}}
          subsets: [{name: v1, labels: {version: v1}, trafficPolicy: {tls: {mode: SIMPLE}}}]
          workloadSelector: {matchLabels: {a: b}}
    """
    draft = imported(text.replace("NAME", "a"), text.replace("NAME", "b"))
    owners = "(DestinationRule 'a', DestinationRule 'b')"
    assert [line for line in told(draft) if "no file has" not in line] == [
        "1.yaml:9:21: DestinationRule 'a' selects no workload here",
        "2.yaml:9:21: DestinationRule 'b' selects no workload here",
        f"1.yaml:9:3: workloadSelector: it holds for every caller {owners}",
        f"1.yaml:7:40: not imported yet: trafficPolicy.tunnel {owners}",
        f"1.yaml:7:25: not imported yet: tls.mode: SIMPLE {owners}",
        f"1.yaml:8:63: not imported yet: tls of a subset {owners}",
    ]


def test_a_wildcard_host_is_told_and_makes_no_service(
    imported: Import, texts: dict[str, str], told: Told
) -> None:
    wide = texts["rule"].replace("host: reviews", "host: '*.local'")
    draft = imported(texts["services"], wide)
    assert list(draft.mesh.services) == ["reviews", "ratings"]
    assert any("a subset of a host with a wildcard" in line for line in told(draft))


def test_a_rule_without_host_or_a_subset_without_name_is_an_error(
    refusal: Callable[..., str], texts: dict[str, str]
) -> None:
    hostless = texts["rule"].replace("host: reviews", "exportTo: []")
    nameless = texts["rule"].replace("name: two, ", "")
    assert refusal(hostless) == "1.yaml:3:18: DestinationRule 'reviews' has no 'host'"
    assert refusal(nameless) == "1.yaml:8:5: a subset has no 'name'"
