from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]


def deployment(name: str, labels: str, more: str = "", containers: str = "[]") -> str:
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}, annotations: {{{more}}}}}
spec: {{template: {{metadata: {{labels: {{{labels}}}}}, spec: {{containers: {containers}}}}}}}
---
"""


def service(name: str, selector: str, ports: str = "[{port: 80}]", more: str = "") -> str:
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec: {{selector: {{{selector}}}, ports: {ports}{more}}}
---
"""


def versions(draft: Draft, name: str) -> list[str]:
    return [version.name for version in draft.mesh.services[name].versions]


def test_a_service_is_what_its_selector_selects_and_labels_tell_versions_apart(
    imported: Import,
) -> None:
    draft = imported(
        service("reviews", "app: reviews")
        + deployment("reviews-v1", "app: reviews, version: v1")
        + deployment("reviews-v2", "app: reviews, version: v2")
        + deployment("other", "app: other")
    )
    assert list(draft.mesh.services) == ["reviews", "other"]
    assert versions(draft, "reviews") == ["v1", "v2"]
    assert versions(draft, "other") == [""]


def test_callers_may_use_every_name_that_kubernetes_has(imported: Import) -> None:
    draft = imported(service("web", "app: web"))
    assert draft.mesh.services["web"].hosts == (
        "web.default",
        "web.default.svc",
        "web.default.svc.cluster.local",
    )


def test_workloads_without_versions_are_told_apart_by_their_names(imported: Import) -> None:
    draft = imported(
        service("web", "app: web") + deployment("one", "app: web") + deployment("two", "app: web")
    )
    assert versions(draft, "web") == ["one", "two"]


def test_two_workloads_of_one_version_are_one(imported: Import, told: Told) -> None:
    draft = imported(
        service("web", "app: web")
        + deployment("one", "app: web, version: v2")
        + deployment("two", "app: web, version: v2")
    )
    assert versions(draft, "web") == ["v2"]
    assert (
        "1.yaml:16:18: version 'v2' of 'web' is made by 'one' and 'two': "
        "one workload stands for them" in told(draft)
    )


def test_two_services_of_the_same_workloads_are_two_names_of_one(imported: Import) -> None:
    draft = imported(
        service("web", "app: web")
        + service("web-headless", "app: web")
        + deployment("web", "app: web")
    )
    assert list(draft.mesh.services) == ["web"]
    assert "web-headless" in draft.mesh.services["web"].hosts


def test_a_workload_behind_two_services_runs_for_each(imported: Import, told: Told) -> None:
    draft = imported(
        service("web", "app: web")
        + service("fast", "speed: fast")
        + deployment("one", "app: web, version: v1, speed: fast")
        + deployment("two", "app: web, version: v2")
        + deployment("three", "version: v3, speed: fast")
    )
    assert versions(draft, "web") == ["v1", "v2"]
    assert versions(draft, "fast") == ["v1", "v3"]
    assert any("is behind 'web', 'fast': it runs once for each" in line for line in told(draft))


def test_a_service_of_one_of_anothers_versions_is_a_name_for_that_version(
    imported: Import, told: Told
) -> None:
    draft = imported(
        service("web-v1", "{app: web, version: v1}".strip("{}"))
        + service("web", "app: web")
        + deployment("one", "app: web, version: v1")
        + deployment("two", "app: web, version: v2")
    )
    assert list(draft.mesh.services) == ["web"]
    (rule,) = draft.edges["client", "web"].rules
    assert rule.hosts[:2] == ("web-v1", "web-v1.default")
    assert [str(each.target) for each in rule.split] == ["web/v1"]
    assert not draft.edges["client", "web"].closed
    assert not any("runs once for each" in line for line in told(draft))


def test_workloads_that_no_service_selects_are_grouped_by_their_labels(
    imported: Import, told: Told
) -> None:
    draft = imported(
        deployment("reviews-v1", "app: reviews, version: v1")
        + deployment("reviews-v2", "app: reviews, version: v2")
    )
    assert versions(draft, "reviews") == ["v1", "v2"]
    assert (
        "1.yaml:4:18: no Service selects 'reviews-v1', 'reviews-v2': "
        "service 'reviews' stands for it" in told(draft)
    )


def test_a_service_without_workloads_is_an_echo(imported: Import, told: Told) -> None:
    draft = imported(service("web", "app: web"))
    assert "1.yaml:4:18: Service 'web' selects no workload here: the echo stands in" in told(draft)


def test_an_external_name_is_ignored(imported: Import, told: Told) -> None:
    draft = imported(service("web", "") + service("db", "", more=", type: ExternalName"))
    assert list(draft.mesh.services) == ["web"]
    assert "1.yaml:10:18: ignored: 1 Service of type ExternalName" in told(draft)


def test_a_local_command_comes_from_an_annotation_with_the_environment(
    imported: Import, told: Told
) -> None:
    env = "[{env: [{name: LEVEL, value: 3}, {name: SECRET, valueFrom: {}}]}]"
    draft = imported(
        deployment("a", "app: a", "meshloom/run: python a.py", env) + deployment("b", "app: b")
    )
    version = draft.mesh.services["a"].versions[0]
    assert (version.run, version.env) == ("python a.py", {"LEVEL": "3"})
    assert any(
        line.endswith("1 workload has no local command: the echo stands in") for line in told(draft)
    )


def test_a_workload_without_replicas_does_not_run(imported: Import, told: Told) -> None:
    off = deployment("off", "app: off").replace("spec: {template", "spec: {replicas: 0, template")
    draft = imported(off + deployment("on", "app: on"))
    assert list(draft.mesh.services) == ["on"]
    assert "1.yaml:5:18: Deployment 'off' has no replicas: left out" in told(draft)


def test_as_many_replicas_run_as_one_machine_bears(imported: Import, told: Told) -> None:
    two = deployment("two", "app: two").replace("spec: {template", "spec: {replicas: 2, template")
    many = deployment("on", "app: on").replace("spec: {template", "spec: {replicas: 30, template")
    draft = imported(two + many)
    ids = [each.id for each in draft.mesh.instances()]
    assert ids == ["two", "two-2", "on", "on-2", "on-3"]
    assert "1.yaml:11:18: 3 replicas run, no more (Deployment 'on')" in told(draft)


def test_the_port_tells_the_protocol(imported: Import, told: Told) -> None:
    draft = imported(
        service("named", "app: x", "[{name: grpc-api, port: 1}]")
        + service("explicit", "app: x", "[{name: api, port: 1, appProtocol: grpc}]")
        + service("web", "app: x", "[{name: grpc-web, port: 1}]")
        + service("second", "app: x", "[{name: admin, port: 1}, {name: grpc, port: 2}]")
        + service("db", "app: x", "[{name: tcp-db, port: 1}]")
    )
    protocols = {name: found.protocol for name, found in draft.mesh.services.items()}
    assert protocols == {
        "named": "grpc",
        "explicit": "grpc",
        "web": "http",
        "second": "grpc",
        "db": "http",
    }
    lines = told(draft)
    assert "1.yaml:29:36: port 'tcp-db' of Service 'db' is taken as plain HTTP" in lines
    assert any("a second port (Service 'second': admin)" in line for line in lines)


def test_other_kinds_are_listed_with_counts(imported: Import, told: Told) -> None:
    accounts = "".join(
        f"{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}}}}}\n---\n"
        for name in "abc"
    )
    draft = imported(service("web", "app: web"), accounts)
    assert "2.yaml:1:57: ignored: 3 ServiceAccount" in told(draft)


def test_services_of_one_name_in_two_namespaces_are_two(imported: Import, told: Told) -> None:
    near = service("web", "app: a")
    far = near.replace("{name: web}", "{name: web, namespace: far}")
    draft = imported(near + far)
    assert list(draft.mesh.services) == ["web", "web.far"]
    assert "1.yaml:10:18: another 'web' is at 1.yaml:4:18: this is 'web.far'" in told(draft)
