"""What is wrong with a file is said at its place, all of it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mesh_patterns.conftest import Read, Refusal

WEB = "mesh: {services: {web: {versions: {v1: , v2: }}, api: }}\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "patterns: [{pattern: rate_limits, on: web}]",
            "2:22: unknown pattern 'rate_limits'",
        ),
        (
            "patterns: [{pattern: rout, on: web}]",
            "2:22: unknown pattern 'rout'; did you mean",
        ),
        ("patterns: [{on: web}]", "2:12: a pattern needs 'pattern', one of route, canary, retries"),
        ("patterns: [web]", "2:12: a pattern needs 'pattern', one of route, canary, retries"),
        ("patterns: [{pattern: [], on: web}]", "2:22: expected text, got a list"),
        ("patterns: {}", "2:11: expected a list, got a mapping"),
        (
            "patterns: [{pattern: timeout, on: web, after: 1s, aftr: 2s}]",
            "2:51: unknown key 'aftr'; did you mean 'after'?",
        ),
        ("patterns: [{pattern: timeout, on: web}]", "2:12: 'after' is missing"),
        ("patterns: [{pattern: timeout, after: 1s}]", "2:12: 'on' is missing"),
        (
            "patterns: [{pattern: timeout, on: web, after: 1}]",
            "2:47: after: expected a duration",
        ),
        (
            "patterns: [{pattern: timeout, on: [web], after: 1s}]",
            "2:35: on: expected text, got a",
        ),
        (
            "patterns: [{pattern: timeout, on: web, after: 1s, override: 2}]",
            "2:61: override: expected true or false, got 2",
        ),
        ("expect: [{to: web}]", "2:10: claims nothing; expected at least one of status, answered"),
        ("expects: []", "2:1: unknown key 'expects'; did you mean 'expect'?"),
        ("foo: []", "2:1: unknown key 'foo'; there is 'name', 'about', 'use', 'vars', 'mesh'"),
    ],
)
def test_a_mistake_in_a_list_is_told_at_its_place(refusal: Refusal, text: str, told: str) -> None:
    assert refusal(WEB + text).startswith(told)


@pytest.mark.parametrize(
    ("services", "told"),
    [
        ("{a: 5}", "1:22: a: expected a mapping, got 5"),
        ("[a]", "1:18: services: expected a mapping, got a list"),
        ("{a b: }", "1:19: key 'a b': string should match pattern '^[A-Za-z0-9]"),
        ("{a: {runs: x}}", "1:23: unknown key 'runs'; did you mean 'run'?"),
        (
            "{a: {port: 70000}}",
            "1:29: port: input should be less than or equal to 65535",
        ),
        ("{a: {port: true}}", "1:29: port: expected a port from 1 to 65535, got True"),
        ("{a: {ingress: []}}", "1:32: ingress: expected a mapping, got a list"),
        ("{a: {ingress: {hosts: []}}}", "1:40: hosts: expected at least one entry"),
        ("{a: {hosts: ['a b']}}", "1:31: string should match pattern '^\\S+$', got 'a b'"),
        ("{a: {protocol: udp}}", "1:33: protocol: input should be 'http', 'grpc', 'tcp'"),
        ("{a: {env: {X: []}}}", "1:32: X: expected text, got a list"),
        ("{a: {calls: [b]}}", "1:19: service 'a' calls 'b', which is not there; there is 'a'"),
        (
            "{app: {calls: [ap]}}",
            "1:19: service 'app' calls 'ap', which is not there; did",
        ),
        (
            "{a: {run: x, versions: {v1: }}}",
            "1:23: belongs under a version: this",
        ),
        ("{a: {port: 1, versions: {v1: }}}", "1:23: belongs under a version: this service has"),
        ("{ingress: }", "1:19: 'ingress' is a name that meshloom uses itself"),
        ("{client: }", "1:19: 'client' is a name that meshloom uses itself"),
        ("{mesh: }", "1:19: 'mesh' is a name that meshloom uses itself"),
        ("{a: , a: }", "1:24: key 'a' comes twice, first at 1:19"),
        ("{a-v1: , a: {versions: {v1: }}}", "1:42: 'a-v1' is the name of another, at 1:19"),
    ],
)
def test_a_mistake_in_a_service_is_told_at_its_place(
    refusal: Refusal, services: str, told: str
) -> None:
    assert refusal(f"mesh: {{services: {services}}}").startswith(told)


@pytest.mark.parametrize("text", ["{}", "mesh:", "mesh: {}", "mesh: {services: }"])
def test_a_mesh_without_services_is_none(refusal: Refusal, text: str) -> None:
    told = "1:1: has no services; expected some under 'mesh'"
    if text.endswith("services: }"):
        told = "1:17: services: expected a mapping, got nothing"
    assert refusal(text) == told


def test_everything_that_is_wrong_is_told_at_once_in_the_files_order(refusal: Refusal) -> None:
    text = """\
        mesh: {services: {web: {prt: 80}, api: {calls: [web], port: 0}}}
        patterns:
        - {pattern: timeot, on: web}
        - {pattern: timeout, on: web, after: 1}
        expect: [{to: web}]
    """
    assert [line.split(" ")[0] for line in refusal(text).splitlines()] == [
        *("1:25:", "1:61:", "3:13:", "4:38:", "5:10:")
    ]


def test_what_is_said_of_the_whole_mesh_is_told_at_once_too(refusal: Refusal) -> None:
    text = """\
        mesh: {services: {web: {calls: [x]}, api: {calls: [y]}}}
        expect: [{to: z, status: 200}]
    """
    assert [line.split(" ")[0] for line in refusal(text).splitlines()] == [
        *("1:19:", "1:38:", "2:15:")
    ]


def test_a_service_is_what_the_file_says(read: Read, tmp_path: Path) -> None:
    draft = read("""\
        name: shop
        mesh:
          dataplane: node
          services:
            a:
              calls: [b, b]
              env: {A: 1, B: true}
              cwd: sub
              hosts: [A.shop]
              ingress: 8080
              versions: {v1: {run: x, port: 9000, env: {B: no, C: 1.5}}, v2: {cwd: other}}
            b: {run: y, port: "9001", protocol: grpc, ingress: {hosts: [B.example]}}
            c:
    """)
    a, b, c = draft.mesh.services.values()
    assert (draft.mesh.name, draft.mesh.dataplane) == ("shop", "node")
    assert (a.calls, a.hosts, a.protocol) == (("b",), ("a.shop",), "http")
    assert a.ingress is not None
    assert (a.ingress.port, a.ingress.hosts) == (8080, ("*",))
    first, second = a.versions
    assert (first.name, first.run, first.port) == ("v1", "x", 9000)
    assert first.env == {"A": "1", "B": "no", "C": "1.5"}
    assert (first.cwd, second.cwd) == (tmp_path / "sub", tmp_path / "other")
    assert str(second.place) == "mesh.yaml:11:66"
    assert [(v.name, v.run, v.port, v.cwd) for v in b.versions] == [("", "y", 9001, tmp_path)]
    assert b.ingress is not None
    assert (b.protocol, b.ingress.hosts, b.ingress.port) == ("grpc", ("b.example",), None)
    assert [instance.id for instance in draft.mesh.instances()] == ["a-v1", "a-v2", "b", "c"]
    assert (c.calls, c.ingress, c.versions[0].run) == ((), None, None)


@pytest.mark.parametrize(
    ("ingress", "port"), [("true", None), ("8080", 8080), ("'8080'", 8080), ("{}", None)]
)
def test_the_ingress_has_short_forms(read: Read, ingress: str, port: int | None) -> None:
    declared = read(f"mesh: {{services: {{a: {{ingress: {ingress}}}}}}}").mesh.services["a"].ingress
    assert declared is not None
    assert declared.port == port


def test_no_ingress_is_none(read: Read) -> None:
    services = read("mesh: {services: {a: {ingress: false}, b: {ingress: }}}").mesh.services
    assert [service.ingress for service in services.values()] == [None, None]


def test_a_service_without_an_envoy_speaks_grpc(read: Read) -> None:
    draft = read("""\
        mesh:
          dataplane: grpc
          services:
            web: {calls: [api]}
            api: {dataplane: sidecar, protocol: grpc}
            old: {dataplane: sidecar}
    """)
    found = [(s.name, s.dataplane, s.protocol) for s in draft.mesh.services.values()]
    assert found == [
        ("web", "grpc", "grpc"), ("api", "sidecar", "grpc"), ("old", "sidecar", "http")
    ]  # fmt: skip
    assert [draft.mesh.is_proxyless(name) for name in ("web", "old", "client")] == [
        True, False, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "mesh: {services: {web: {dataplane: grpc, protocol: http}}}",
            "1:52: is http, but 'dataplane: grpc' is for gRPC; say 'protocol: grpc' or "
            "'dataplane: sidecar'",
        ),
        (
            "mesh: {dataplane: grpc, services: {web: {protocol: http}}}",
            "1:52: is http, but 'dataplane: grpc' is for gRPC",
        ),
        (
            "mesh: {services: {web: {dataplane: grpc, calls: [api]}, api: }}",
            "1:19: service 'web' has 'dataplane: grpc' and can't call 'api', which speaks http",
        ),
        ("mesh: {services: {web: {dataplane: node}}}", "1:36: dataplane: input should be"),
    ],
)
def test_http_needs_an_envoy(refusal: Refusal, text: str, told: str) -> None:
    assert refusal(text).startswith(told)
