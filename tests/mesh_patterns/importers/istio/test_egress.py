"""Istio's recipe for an egress gateway, in real Envoys."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from mesh_patterns.draft import Draft
from tests.mesh_patterns.compile.test_external import elsewhere
from tests.mesh_patterns.importers.istio.conftest import service
from tests.mini_mesh.live import started

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]

RECIPE = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: news}
spec:
  hosts: [news.example]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: PORT}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: istio-egressgateway}
spec:
  selector: {istio: egressgateway}
  servers: [{port: {number: 80, protocol: HTTP}, hosts: [news.example]}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: way}
spec:
  host: istio-egressgateway.istio-system.svc.cluster.local
  subsets: [{name: news, trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: through}
spec:
  hosts: [news.example]
  gateways: [istio-egressgateway, mesh]
  http:
  - match: [{gateways: [mesh], port: 80}]
    route:
    - destination:
        host: istio-egressgateway.istio-system.svc.cluster.local
        subset: news
        port: {number: 80}
  - match: [{gateways: [istio-egressgateway], port: 80, uri: {prefix: /blocked}}]
    directResponse: {status: 451}
  - match: [{gateways: [istio-egressgateway], port: 80}]
    route: [{destination: {host: news.example, port: {number: 80}}}]
"""


async def test_what_goes_outside_passes_the_gateway_and_its_rules(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        port, asked = await stack.enter_async_context(elsewhere())
        text = RECIPE.replace("PORT", str(port))
        live = await stack.enter_async_context(started(tmp_path, text))
        name = "news.example"
        answers = [(await live.ask(name, path, host=name))[0] for path in ("/", "/blocked")]
    assert answers == [200, 451]
    assert sum(asked.values()) == 1


def test_the_gateway_is_none_of_the_services(imported: Import, told: Told) -> None:
    draft = imported(service("web", calls="http://news.example"), RECIPE.replace("PORT", "80"))
    assert set(draft.mesh.services) == {"web", "news.example"}
    assert draft.mesh.services["news.example"].ingress is None
    lines = "\n".join(told(draft))
    assert "an egress gateway: all that goes to services outside passes it" in lines
    assert "not imported yet: a trafficPolicy for the way to the egress gateway" in lines


def test_without_one_callers_send_by_themselves(imported: Import) -> None:
    entry = RECIPE.partition("---\napiVersion: networking.istio.io/v1\nkind: Gateway")[0]
    draft = imported(service("web", calls="http://news.example"), entry.replace("PORT", "80"))
    assert not draft.mesh.egress
