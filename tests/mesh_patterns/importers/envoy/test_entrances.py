"""Who stands at which port, and carries which rules."""

from __future__ import annotations

from tests.mesh_patterns.importers.envoy.bootstraps import (
    BACKEND,
    OTHER,
    bootstrap,
    cluster,
    host,
    http_filter,
    imported,
    listener,
    manager,
)  # fmt: skip


def to(name: str, path: str = "/") -> dict[str, object]:
    return {"match": {"prefix": path}, "route": {"cluster": name}}


def test_the_service_of_the_rule_for_all_requests_carries_the_others() -> None:
    entrance = listener(8080, manager([host(to("other", "/o"), to("backend"))]))
    found = imported(bootstrap([entrance], [BACKEND, OTHER]))
    assert [each["on"] for each in found.patterns("route")] == ["ingress -> backend"]
    assert found.patterns("route")[0]["otherwise"] == "not_found"
    assert "ingress" not in found.services["other"]


def test_a_second_port_is_another_services() -> None:
    hosts = [host(to("backend", "/b"), to("other", "/o"))]
    found = imported(
        bootstrap([listener(port, manager(hosts)) for port in (8080, 8081, 8082)], [BACKEND, OTHER])
    )
    ports = {name: each["ingress"]["port"] for name, each in found.services.items()}
    assert ports == {"backend": 8080, "other": 8081, "listener-8082": 8082}
    assert "'listener-8082' has its port: no other service could (listener 'main')" in found.notes


def test_ports_of_the_system_are_others_and_no_two_are_one() -> None:
    names = ("backend", "other")
    entrances = [
        listener(port, manager([host(to(name))]))
        for port, name in zip((80, 10080), names, strict=True)
    ]
    found = imported(bootstrap(entrances, [BACKEND, OTHER]))
    assert [found.services[name]["ingress"]["port"] for name in names] == [10080, 10081]
    assert "port 80 is 10080 here (listener 'main')" in found.notes
    assert "port 10080 is 10081 here (listener 'main')" in found.notes


def test_hosts_that_share_a_service_have_rules_of_their_own() -> None:
    hosts = [host(to("backend"), domains=[name]) for name in ("a.test", "b.test")]
    found = imported(bootstrap([listener(8080, manager(hosts))], [BACKEND]))
    assert [rule["hosts"] for rule in found.rules] == [["a.test"], ["b.test"]]
    assert found.services["backend"]["ingress"]["hosts"] == ["a.test", "b.test"]


def test_a_service_with_settings_is_at_the_port_under_a_name_of_nobody() -> None:
    """Settings are of an edge, and without a port there is none from the ingress."""
    patient = cluster("other", "10.0.0.2:80", connect_timeout="1s")
    entrance = listener(8080, manager([host(to("other", "/o"), to("backend"))]))
    found = imported(bootstrap([entrance], [BACKEND, patient]))
    assert found.services["other"]["ingress"] == {"port": 8080, "hosts": ["other.invalid"]}


def test_filters_are_those_of_their_listener() -> None:
    lua = http_filter("lua.v3.Lua", default_source_code={"inline_string": "x = 1"})
    entrances = [
        listener(8080, manager([host(to("backend"))], [lua])),
        listener(8081, manager([host(to("other"))])),
    ]
    found = imported(bootstrap(entrances, [BACKEND, OTHER]))
    assert [each["on"] for each in found.patterns("lua")] == ["ingress -> backend"]


def test_several_bootstraps_are_one_mesh_with_names_and_ports_apart() -> None:
    one = bootstrap([listener(8080, manager([host(to("backend"))]))], [BACKEND])
    found = imported(one, one)
    assert {name: each["ingress"]["port"] for name, each in found.services.items()} == {
        "backend": 8080,
        "backend-2": 8081,
    }
