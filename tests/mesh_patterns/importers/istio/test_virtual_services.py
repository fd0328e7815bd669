from __future__ import annotations

from collections.abc import Callable

from mesh_patterns.draft import Draft

Told = Callable[[Draft], list[str]]


def to(host: str, match: str = "") -> str:
    block = f"- route: [{{destination: {{host: {host}}}}}]"
    return f"{block}\n  match: [{match}]" if match else block


def table(draft: Draft, caller: str, callee: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Path, first target and hosts of each rule of an edge."""
    return [
        (
            rule.match.path.text if rule.match.path else "",
            str(rule.split[0].target) if rule.split else "",
            rule.hosts,
        )
        for rule in draft.edges[caller, callee].rules
    ]


def test_rules_for_the_mesh_are_for_all_callers_but_the_ingress(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    draft = imported(
        "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: "
        "{containers: [{args: ['reviews:80']}]}}",
        "{apiVersion: v1, kind: Pod, metadata: {name: reviews}}",
        vs(to("reviews"), name="inside"),
        vs(to("reviews", "{uri: {prefix: /r}}"), "['*']", name="outside", gateways="[edge]"),
    )
    assert table(draft, "web", "reviews") == [("", "reviews", ())]
    assert table(draft, "client", "reviews") == [("", "reviews", ())]
    assert table(draft, "ingress", "reviews") == [("/r", "reviews", ())]


def test_a_virtual_service_may_be_for_both(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    draft = imported(vs(to("reviews"), "[reviews]", gateways="[mesh, edge]"))
    ingress = draft.mesh.services["reviews"].ingress
    assert ingress is not None
    assert ingress.hosts == ("reviews",)
    assert {caller for caller, callee in draft.edges if draft.edges[caller, callee].rules} == {
        "client",
        "ingress",
    }


def test_at_the_ingress_the_service_of_the_rule_for_all_requests_carries_the_rules(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    http = f"{to('api', '{uri: {prefix: /api}}')}\n{to('web')}"
    draft = imported(vs(http, "['*']", gateways="[edge]"))
    assert table(draft, "ingress", "web") == [("/api", "api", ()), ("", "web", ())]
    assert draft.mesh.services["api"].ingress is None


def test_without_such_a_rule_the_first_one_decides(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    http = f"{to('api', '{uri: {prefix: /api}}')}\n{to('web', '{uri: {prefix: /web}}')}"
    draft = imported(vs(http, "['*']", gateways="[edge]"))
    assert table(draft, "ingress", "api") == [("/api", "api", ()), ("/web", "web", ())]


def test_virtual_services_of_one_host_are_one_table_with_rules_for_all_requests_last(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    draft = imported(
        vs(to("web"), "[a.com]", name="one", gateways="[edge]"),
        vs(to("api", "{uri: {prefix: /api}}"), "[a.com]", name="two", gateways="[edge]"),
    )
    assert table(draft, "ingress", "web") == [("/api", "api", ()), ("", "web", ())]


def test_a_service_that_carries_the_rules_of_several_hosts_keeps_them_apart(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    draft = imported(
        vs(to("web", "{uri: {prefix: /a}}"), "[a.com]", name="one", gateways="[edge]"),
        vs(to("web", "{uri: {prefix: /b}}"), "[b.com]", name="two", gateways="[edge]"),
    )
    ingress = draft.mesh.services["web"].ingress
    assert ingress is not None
    assert ingress.hosts == ("a.com", "b.com")
    assert table(draft, "ingress", "web") == [
        ("/a", "web", ("a.com",)),
        ("/b", "web", ("b.com",)),
    ]


def test_a_gateway_that_no_file_has_is_one_of_any_host(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    draft = imported(vs(to("web"), "[a.com]", gateways="[edge]"))
    assert (
        "1.yaml:6:14: Gateway 'edge' is not in the given files: taken for one of any host"
        in told(draft)
    )


def test_two_virtual_services_of_one_host_of_the_mesh_are_one_too_many(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    draft = imported(
        vs(to("web", "{uri: {prefix: /a}}"), "[web]", name="one"),
        vs(to("web"), "[web.default]", name="two"),
    )
    assert table(draft, "client", "web") == [("/a", "web", ())]
    assert (
        "2.yaml:5:11: VirtualService 'one' (at 1.yaml:3:18) has rules for 'web': "
        "these are left out" in told(draft)
    )


def test_a_match_for_one_gateway_is_not_for_another(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    http = f"{to('web', '{gateways: [mesh], uri: {prefix: /in}}')}\n" + to(
        "web", "{gateways: [edge], uri: {prefix: /out}}"
    )
    draft = imported(vs(http, "[web]", gateways="[mesh, edge]"))
    assert table(draft, "client", "web") == [("/in", "web", ())]
    assert table(draft, "ingress", "web") == [("/out", "web", ())]


def test_rules_keep_the_lines_of_their_file(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    rule = imported(vs(to("web"), "[web]")).edges["client", "web"].rules[0]
    assert str(rule.place) == "1.yaml:7:5"


def test_other_settings_and_scopes_are_told_by_name(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    more = "  novelty: [1]\n  exportTo: ['.']\n"
    lines = told(imported(vs(to("web"), "[web]", more=more)))
    assert "1.yaml:6:3: not imported yet: novelty (VirtualService 'x')" in lines
    assert "1.yaml:7:14: exportTo: seen everywhere (VirtualService 'x')" in lines


def test_a_wildcard_host_for_the_sidecars_is_told(
    imported: Callable[..., Draft], vs: Callable[..., str], told: Told
) -> None:
    draft = imported(vs(to("web"), "[web, '*.web']"))
    assert table(draft, "client", "web") == [("", "web", ())]
    assert any("a host with a wildcard, for the sidecars" in line for line in told(draft))


def test_a_redirect_needs_no_service_of_its_own(
    imported: Callable[..., Draft], vs: Callable[..., str]
) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: web}}"
    draft = imported(pod, vs("- redirect: {uri: /b}", "[a.com]", gateways="[edge]"))
    rule = draft.edges["ingress", "web"].rules[0]
    assert rule.value("redirect").path == "/b"
