from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mesh_patterns.draft import Draft
from tests.mesh_patterns.importers.istio.conftest import service

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def at(text: str, locality: str) -> str:
    return text.replace("version: v1", f"version: v1, istio-locality: {locality}")


def api(version: str, region: str, zone: str) -> str:
    where = f"topology.kubernetes.io/region: {region}, topology.kubernetes.io/zone: {zone}"
    pod = service(f"api-{version}").replace(
        f"app: api-{version}, version: v1", "app: api, version: V"
    )
    return pod.replace("version: V", f"version: {version}, {where}").partition("kind: Pod")[2]


def pod(version: str, region: str, zone: str) -> str:
    return "---\napiVersion: v1\nkind: Pod" + api(version, region, zone)


SERVICES = (
    at(service("web", calls="http://api"), "west.a.1")
    + at(service("shop", calls="http://api"), "east.b")
    + service("api").partition("---\napiVersion: v1\nkind: Pod")[0]
    + pod("v1", "west", "a")
    + pod("v2", "east", "b")
)


def rule(policy: str) -> str:
    return f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: api}}
spec: {{host: api, trafficPolicy: {policy}}}
"""


OUTLIERS = "outlierDetection: {consecutive5xxErrors: 3}"
SHARES = """{loadBalancer: {simple: RANDOM, localityLbSetting: {distribute: [
  {from: 'west/a/*', to: {'west/*': 80, 'east/b/*': 20, 'north/*': 5}},
  {from: '*', to: {'east': 100}}]}}}"""


def shares(draft: Draft, caller: str) -> tuple[str, Any]:
    found = draft.edges[caller, "api"].settings["load_balancing"].value
    return found.policy, dict(found.localities)


def test_shares_go_by_where_a_caller_is(imported: Import, told: Told) -> None:
    draft = imported(SERVICES, rule(SHARES))
    versions = draft.mesh.services["api"].versions
    assert [version.locality for version in versions] == [("west", "a"), ("east", "b")]
    west = ("random", {("west",): 80, ("east", "b"): 20})
    assert shares(draft, "web") == west
    assert shares(draft, "shop") == shares(draft, "client") == ("random", {("east",): 100})
    assert any("no workload of 'api' is in 'north/*'" in line for line in told(draft))


@pytest.mark.parametrize(
    ("policy", "local"),
    [
        (f"{{{OUTLIERS}}}", True),
        ("{loadBalancer: {simple: RANDOM}}", False),
        (f"{{{OUTLIERS}, loadBalancer: {{localityLbSetting: {{enabled: false}}}}}}", False),
        (
            f"{{{OUTLIERS}, loadBalancer: {{localityLbSetting: {{enabled: true, failover: "
            "[{from: west, to: east}], failoverPriority: [topology.istio.io/network, app]}}}",
            True,
        ),
    ],
)
def test_where_hosts_are_judged_the_nearest_are_asked_first(
    imported: Import, told: Told, policy: str, local: bool
) -> None:
    draft = imported(SERVICES, rule(policy))
    settings = draft.edges["web", "api"].settings
    assert ("failover" in settings and settings["failover"].value.local) == local
    lines = "\n".join(told(draft))
    assert ("of other regions none comes first" in lines) == ("from: west" in policy)
    assert ("failoverPriority by 'app'" in lines) == ("from: west" in policy)


def test_where_nobody_knows_where_anybody_is_it_is_told(imported: Import, told: Told) -> None:
    draft = imported(service("api"), rule(SHARES))
    assert any("nobody knows where 'api' runs" in line for line in told(draft))
    assert not any("nobody knows" in line for line in told(imported(service("api"))))


def test_a_weight_that_is_none_is_refused(refusal: Callable[..., str]) -> None:
    wrong = rule(SHARES.replace("20", "many"))
    assert "a weight is a whole number, got 'many'" in refusal(SERVICES, wrong)


def test_a_machine_says_where_it_is(imported: Import) -> None:
    machine = """---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm}
spec: {address: 2.2.2.2, labels: {app: api, version: v3}, locality: north/z/1}
"""
    versions = imported(SERVICES, machine).mesh.services["api"].versions
    assert versions[-1].locality == ("north", "z", "1")
