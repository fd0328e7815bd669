"""The chain of filters: what a route, its virtual host and its table say of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from debugger.explain.arriving.asked import Asked, Connection
from debugger.explain.arriving.listening import listening
from debugger.explain.derive import derive
from debugger.explain.filters.verdict import Verdict
from debugger.explain.served import Served
from mesh_patterns.compile import gate
from mesh_patterns.compile.ext_proc import extension
from mesh_traffic import Request
from tests.debugger.explain.made import answer, served
from xds_server.mirror import any_of, parse
from xds_server.protos import core, ext_proc, fault, hcm, listener, protobuf, route
from xds_server.resource import Resource

MESH = """
mesh:
  services:
    web: {calls: [api, other]}
    api:
    other:
patterns:
  - {pattern: fault, on: web -> api, abort: {status: 418}, when: {headers: {x-fail: now}}}
  - pattern: route
    on: api
    rules:
      - {match: {path: /slow}, fault: {delay: {fixed: 1s}}}
  - pattern: wasm
    on: web -> other
    file: meshloom:header_policy
"""


def verdicts(of: Served, path: str = "/x", host: str = "api") -> dict[str, Verdict]:
    asked = Asked(Request("GET", path, host), direction="outbound", owner="web")
    (found,) = listening(of, asked)
    (way,) = derive(of, asked, found).ways
    return {each.name: each for each in way.filters}


def test_a_filter_of_an_edge_is_off_elsewhere(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    assert verdicts(of)["fault"].why.startswith("not for this")
    assert verdicts(of)["fault"].place == "m.yaml:8:5"
    assert verdicts(of)["wasm.header_policy"].why == "it is off for this route"
    other = verdicts(of, host="other")
    assert other["fault"].why == "it is off for this route"
    assert other["wasm.header_policy"].passes is None
    assert other["wasm.header_policy"].free


def test_a_route_has_its_own_fault_and_its_line(tmp_path: Path) -> None:
    of = served(tmp_path, MESH, "web")
    found = verdicts(of, "/slow")["envoy.filters.http.fault"]
    assert (found.delays, found.why) == (True, "delays every request by 1 s")
    assert found.place == "m.yaml:12:9"
    assert verdicts(of)["envoy.filters.http.fault"].quiet


OFF = any_of(route.FilterConfig(disabled=True))
ON = any_of(route.FilterConfig(config=protobuf.Any()))


def one(
    filters: list[hcm.HttpFilter], table: Any = None, host: Any = None, here: Any = None
) -> dict[str, Verdict]:
    """The verdicts of these filters; the levels say something of ``f``."""

    def own(level: Any) -> dict[str, Any]:
        return {"typed_per_filter_config": {"f": level}} if level is not None else {}

    only = route.Route(
        match=route.RouteMatch(prefix="/"),
        direct_response=route.DirectResponseAction(status=204),
        **own(here),
    )
    config = route.RouteConfiguration(
        name="t",
        virtual_hosts=[route.VirtualHost(name="h", domains=["*"], routes=[only], **own(host))],
        **own(table),
    )
    manager = hcm.HttpConnectionManager(route_config=config, http_filters=filters)
    network = listener.Filter(name="m", typed_config=any_of(manager))
    resource = Resource.of(
        listener.Listener(
            name="l",
            address=core.Address(
                socket_address=core.SocketAddress(address="127.0.0.1", port_value=9)
            ),
            filter_chains=[listener.FilterChain(filters=[network])],
        )
    )
    of = Served(answer("n", [resource]))
    asked = Asked(Request("GET", "/", "h"), Connection(port=9))
    (found,) = listening(of, asked)
    (way,) = derive(of, asked, found).ways
    return {each.name: each for each in way.filters}


def the(*, disabled: bool = False) -> list[hcm.HttpFilter]:
    return [hcm.HttpFilter(name="f", typed_config=any_of(fault.HttpFault()), disabled=disabled)]


def test_the_nearest_level_counts() -> None:
    off = "it is off for this route"
    assert one(the())["f"].why == "it has nothing to do here"
    assert one(the(), table=OFF)["f"].why == off
    assert one(the(), table=OFF, host=ON)["f"].why != off
    assert one(the(), host=ON, here=OFF)["f"].why == off
    assert one(the(disabled=True))["f"].why == off
    assert one(the(disabled=True), table=ON)["f"].why != off


def test_a_filter_that_is_not_known_may_do_anything() -> None:
    strange = hcm.HttpFilter(
        name="s", typed_config=protobuf.Any(type_url="type.googleapis.com/my.Own", value=b"\xff")
    )
    missing = hcm.HttpFilter(name="m", config_discovery=core.ExtensionConfigSource(type_urls=["x"]))
    found = one([strange, missing])
    assert (found["s"].passes, found["s"].why) == (None, "Own is not read here")
    assert (found["m"].passes, found["m"].why) == (None, "its config was not served")
    assert found["s"].changes
    assert found["m"].free


def test_a_processor_that_only_looks_passes_and_a_gate_with_rows_may_hold() -> None:
    def processed(config: Any) -> Verdict:
        return one([hcm.HttpFilter(name="p", typed_config=config)])["p"]

    looks = ext_proc.ExternalProcessor(observability_mode=True)
    assert processed(any_of(looks)).quiet
    assert processed(any_of(ext_proc.ExternalProcessor())).passes is None
    captures = opened_config(extension("n", True))
    assert processed(captures).quiet
    assert processed(opened_config(extension("n"))).why == "its matcher skips it"
    assert processed(opened_config(gate.extension("n"))).why == "its matcher skips it"
    row = gate.Row(gate.Predicate())
    held = processed(opened_config(gate.extension("n", [row])))
    assert (held.passes, held.why) == (None, "a row of its matcher may hold it")


def opened_config(resource: Resource) -> Any:
    """What an ECDS resource has, as the filter itself could."""
    inner = parse(core.TypedExtensionConfig, resource.body).typed_config
    return protobuf.Any(type_url=inner.type_url, value=inner.value)
