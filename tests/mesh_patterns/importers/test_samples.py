"""Real files of others, read where they lie; counts are those of docs/IMPORT.md."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mesh_patterns.draft import Draft, Fault
from mesh_patterns.load import load
from mesh_yaml.matching import StringMatch
from mesh_yaml.place import DocumentError

Sample = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

SAMPLES = Path(__file__).parents[4] / "shared" / "samples"
CON = "meshery/samples/servicemeshcon-na-2021/"
APPS = "meshery/samples/applications/"
HISTORY = "meshery/history/samples/"
ISTIO = "istio/bookinfo/networking/"
BOOKINFO = CON + "bookinfo.yaml"
KUBE = "istio/bookinfo/platform/kube/bookinfo.yaml"
RULES = ISTIO + "destination-rule-all.yaml"
PATHS = ["/productpage", "/static", "/login", "/logout", "/api/v1/products"]


def counts(draft: Draft) -> tuple[int, int, int, int]:
    """Services, workloads, calls, and rules of routes on the edges that somebody uses."""
    services = draft.mesh.services.values()
    return (
        len(services),
        sum(len(service.versions) for service in services),
        sum(len(service.calls) for service in services),
        sum(len(edge.rules) for edge in draft.edges.values()),
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([CON + "BookinfoDelayedVS.yaml"], (1, 1, 0, 2)),
        ([CON + "BookinfoFaultedVS.yaml"], (1, 1, 0, 5)),
        ([BOOKINFO], (3, 5, 0, 0)),
        ([CON + "bookinfovs.yaml"], (1, 1, 0, 5)),
        ([CON + "bookinfowithcircuitbreaker.yaml"], (4, 6, 3, 5)),
        ([CON + "bookinfowithretries.yaml"], (4, 6, 3, 7)),
        ([CON + "circuitbreaker.yaml"], (1, 1, 0, 0)),
        ([CON + "retries.yaml"], (1, 1, 0, 1)),
        ([BOOKINFO, CON + "BookinfoDelayedVS.yaml"], (3, 5, 0, 2)),
        ([BOOKINFO, CON + "BookinfoFaultedVS.yaml"], (3, 5, 0, 5)),
        ([BOOKINFO, CON + "bookinfovs.yaml"], (3, 5, 0, 5)),
        ([BOOKINFO, CON + "bookinfowithcircuitbreaker.yaml"], (4, 6, 3, 5)),
        ([BOOKINFO, CON + "bookinfowithretries.yaml"], (4, 6, 3, 7)),
        ([BOOKINFO, CON + "circuitbreaker.yaml"], (3, 5, 0, 0)),
        ([BOOKINFO, CON + "retries.yaml"], (3, 5, 0, 1)),
        ([APPS + "bookinfo/pattern.yaml"], (4, 6, 0, 0)),
        ([APPS + "emojivoto/pattern.yaml"], (4, 4, 3, 0)),
        ([APPS + "httpbin/pattern.yaml"], (1, 1, 0, 0)),
        ([APPS + "imagehub/pattern.yaml"], (2, 2, 0, 0)),
        ([APPS + "bookinfo/k8s.yaml"], (4, 6, 0, 0)),
        ([APPS + "emojivoto/k8s.yaml"], (4, 4, 3, 0)),
        ([HISTORY + "bookInfo.yaml"], (4, 6, 3, 5)),
        ([HISTORY + "bookInfoNoK8sPattern.yaml"], (4, 6, 2, 5)),
        ([HISTORY + "bookInfoPattern.yaml"], (4, 5, 3, 0)),
        ([HISTORY + "emojivoto.yaml"], (4, 4, 3, 0)),
        ([HISTORY + "bookstore.yaml"], (1, 1, 0, 0)),
        ([HISTORY + "IstioSPIRE.yaml"], (2, 2, 0, 0)),
        ([HISTORY + "minimalistiobookinfo.yaml"], (4, 5, 3, 0)),
        ([KUBE, RULES, ISTIO + "bookinfo-gateway.yaml"], (4, 6, 0, 5)),
        ([KUBE, RULES, ISTIO + "virtual-service-all-v1.yaml"], (4, 6, 0, 4)),
        ([KUBE, RULES, ISTIO + "virtual-service-reviews-jason-v2-v3.yaml"], (4, 6, 0, 2)),
        ([KUBE, RULES, ISTIO + "virtual-service-ratings-mysql.yaml"], (4, 7, 0, 2)),
        ([KUBE, RULES, ISTIO + "fault-injection-details-v1.yaml"], (4, 6, 0, 2)),
    ],
    ids=lambda value: (
        "+".join(name.rpartition("/")[2] for name in value) if isinstance(value, list) else ""
    ),
)
def test_a_sample_is_imported(
    sample: Sample, names: list[str], expected: tuple[int, int, int, int]
) -> None:
    assert counts(sample(*names)) == expected


@pytest.mark.parametrize(
    ("name", "got"),
    [
        (HISTORY + "istioinstall.yaml", "1 IstioMesh"),
        (HISTORY + "installLinkerd.yaml", "1 LinkerdMesh"),
        (
            "meshery/samples/Azure-monitor-containers.yaml",
            "1 ServiceAccount, 1 ClusterRole, 1 ClusterRoleBinding",
        ),
        (
            "meshery/samples/Horizontal-Pod-Autoscaler.yaml",
            "1 GenericNode, 1 NodeGroupInventoryWallet",
        ),
        ("gateway-api/examples/standard/tls-basic.yaml", "1 Gateway"),
        (
            "gateway-api/examples/standard/http-redirect-rewrite/httproute-redirect-308.yaml",
            "1 HTTPRoute",
        ),
    ],
)
def test_a_sample_with_nothing_to_run_is_refused_in_one_line(
    sample: Sample, name: str, got: str
) -> None:
    with pytest.raises(DocumentError) as caught:
        sample(name)
    assert str(caught.value).endswith(f"policy that leads to one, got {got}")
    assert len(caught.value.problems) == 1


def test_jason_waits_seven_seconds_for_ratings_and_mary_does_not(sample: Sample) -> None:
    draft = sample(BOOKINFO, CON + "BookinfoDelayedVS.yaml")
    jason, mary = draft.edges["client", "ratings"].rules
    assert jason.match.headers == (("end-user", StringMatch("exact", "jason")),)
    fault = jason.value("fault")
    assert isinstance(fault, Fault)
    assert (fault.delay and fault.delay.total_seconds(), fault.delay_percent) == (7.0, 100)
    assert (mary.match.headers, mary.value("fault")) == ((), None)


def test_the_ingress_of_bookinfo_serves_five_paths_under_one_host(sample: Sample) -> None:
    draft = sample(CON + "bookinfowithretries.yaml")
    ingress = draft.mesh.services["productpage"].ingress
    assert ingress is not None
    assert ingress.hosts == ("bookinfo.meshery.io",)
    edge = draft.edges["ingress", "productpage"]
    assert [rule.match.path.text for rule in edge.rules if rule.match.path] == PATHS
    assert edge.closed


def test_edges_of_a_design_are_calls(sample: Sample) -> None:
    services = sample(CON + "bookinfowithretries.yaml").mesh.services
    assert services["productpage"].calls == ("details", "reviews")
    assert services["reviews"].calls == ("ratings",)


def test_retries_are_on_every_edge_to_ratings_but_none_at_the_ingress(sample: Sample) -> None:
    draft = sample(CON + "bookinfowithretries.yaml")
    edges = {ends: edge.rules for ends, edge in draft.edges.items() if ends[1] == "ratings"}
    assert set(edges) == {("reviews", "ratings"), ("client", "ratings")}
    for (rule,) in edges.values():
        assert (rule.value("retries").attempts, str(rule.split[0].target)) == (3, "ratings/v1")


def test_emojivoto_speaks_grpc_and_its_calls_come_from_its_environment(sample: Sample) -> None:
    services = sample(APPS + "emojivoto/pattern.yaml").mesh.services
    assert {name: found.protocol for name, found in services.items()} == {
        "emoji-svc": "grpc",
        "voting-svc": "grpc",
        "web-svc": "http",
        "vote-bot": "http",
    }
    assert services["web-svc"].calls == ("emoji-svc", "voting-svc")
    assert services["vote-bot"].calls == ("web-svc",)


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        (
            "bookinfo.yaml",
            "bookinfo.yaml:105:13: settings.name is 'reviews-v3', as at "
            "{folder}bookinfo.yaml:115:3: this Application is 'reviews-v2'",
        ),
        (
            "bookinfo.yaml",
            "bookinfo.yaml:3:3: 5 workloads have no local command: the echo stands in",
        ),
        (
            "bookinfovs.yaml",
            "bookinfovs.yaml:28:13: settings.name is 'bookinfo-vsc': "
            "this VirtualService is 'bookinfo-vs'",
        ),
        (
            "bookinfovs.yaml",
            "bookinfovs.yaml:36:15: an edge ends at 'circuit-breaker', "
            "which is not in the given files",
        ),
        (
            "bookinfovs.yaml",
            "bookinfovs.yaml:8:9: Gateway 'sample-app-gateway' is not in the given files: "
            "taken for one of any host",
        ),
        (
            "circuitbreaker.yaml",
            "circuitbreaker.yaml:7:13: no file has the service 'productpage': "
            "the echo stands in, as 'v1'",
        ),
        (
            "retries.yaml",
            "retries.yaml:16:21: no DestinationRule has the subset 'v1' of 'ratings': "
            "the echo stands in as version 'v1' (VirtualService 'retries')",
        ),
    ],
)
def test_the_traps_in_these_files_are_told(
    sample: Sample, told: Told, name: str, warning: str
) -> None:
    draft = sample(CON + name)
    folder = draft.mesh.services[next(iter(draft.mesh.services))].place.file[: -len(name)]
    assert warning.replace("{folder}", folder) in told(draft)


def test_a_deployment_that_is_there_twice_is_one_version(sample: Sample, told: Told) -> None:
    draft = sample(HISTORY + "bookInfoPattern.yaml")
    assert [version.name for version in draft.mesh.services["reviews"].versions] == ["v1", "v2"]
    lines = told(draft)
    assert any(line.endswith("called 'reviews-v3' after its key") for line in lines)
    assert any("made by 'reviews-v2' and 'reviews-v3'" in line for line in lines)


def test_three_spellings_of_one_file_are_one_mesh(sample: Sample) -> None:
    new, old = (
        sample(name + "emojivoto" + tail)
        for name, tail in ((HISTORY, ".yaml"), (APPS, "/pattern.yaml"))
    )
    plain = sample(APPS + "emojivoto/k8s.yaml")
    for draft in (old, plain):
        assert {
            (name, service.calls, service.protocol, service.hosts)
            for name, service in draft.mesh.services.items()
        } == {
            (name, service.calls, service.protocol, service.hosts)
            for name, service in new.mesh.services.items()
        }


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("meshery/samples", (28, 2)),
        ("meshery/history", (26, 3)),
        ("istio", (47, 1)),
        ("gateway-api", (34, 12)),
    ],
)
def test_every_file_is_imported_or_refused_in_one_line(
    folder: str, expected: tuple[int, int]
) -> None:
    files = sorted((SAMPLES / folder).rglob("*.yaml"))
    if not files:
        pytest.skip(f"{SAMPLES / folder} is missing: the samples lie beside the project")
    refused = []
    for file in files:
        try:
            load([file])
        except DocumentError as error:
            refused.append(error.problems)
    assert (len(files) - len(refused), len(refused)) == expected
    assert all("has nothing that a mesh could run" in each[0].message for each in refused)
    assert {len(each) for each in refused} == {1}
