"""One request through five Envoys and two services that make spans, as all of them tell of it."""

from __future__ import annotations

from mesh_traffic import Endpoint, Exchange, Headers, Request, Response, Trace

T = f"{7:032x}"
SIDES = {"server": "inbound", "client": "outbound"}


def span_id(name: str) -> str:
    return name.encode().hex()[:16].zfill(16) if name else ""


def captured(
    id_: str, direction: str, at: float, took: float, sent_by: str = "", **more: str
) -> Exchange:
    """What an Envoy saw; ``sent_by`` is the span in its ``traceparent``. ``a`` and ``b`` are who
    asked whom, ``client`` and ``local`` the ports of its connections."""
    fields = {"traceparent": f"00-{T}-{span_id(sent_by)}-01"} if sent_by else {}
    return Exchange(
        id_, id_, Request("GET", f"/{more['b']}", headers=Headers.of(fields)), Response(200),
        request_id=more.get("request", "r-1"), direction=direction,
        source=Endpoint(more.get("a", ""), "", more.get("client", "")),
        destination=Endpoint(more["b"]), started=at, duration=took,
        upstream_local=more.get("local", ""), sources=("access log",),
    )  # fmt: skip


def span(name: str, kind: str, at: float, took: float, parent: str = "", **more: str) -> Exchange:
    """What a program told; of no HTTP where ``step`` names it."""
    request = Request("", more["step"]) if "step" in more else Request("GET", f"/{more['b']}")
    return Exchange(
        name, more.get("a") or more["b"], request, direction=SIDES.get(kind, ""),
        source=Endpoint(more.get("a", ""), "", more.get("client", "")),
        destination=Endpoint(more.get("b", "")), started=at, duration=took,
        sources=("otlp trace",), trace=Trace(T, span_id(name), span_id(parent), kind),
    )  # fmt: skip


INGRESS = captured("ingress", "ingress", 10, 0.1, b="web", client="c:1", local="i:1")
WEB_IN = captured("web-in", "inbound", 10.001, 0.098, b="web", client="i:1", local="w:1")
WEB = span("web", "server", 10.002, 0.096, b="web", client="w:1")
WORK = span("work", "internal", 10.003, 0.09, "web", a="web", step="price")
CALL = span("call", "client", 10.004, 0.05, "work", a="web", b="api")
API_OUT = captured(
    "api-out", "outbound", 10.005, 0.048, "call", a="web", b="api", local="o:1", request="r-2"
)
API_IN = captured(
    "api-in", "inbound", 10.006, 0.046, "call", b="api", client="o:1", local="a:1", request="r-2"
)
API = span("api", "server", 10.007, 0.04, "call", b="api")
QUERY = span("query", "client", 10.008, 0.01, "api", a="api", step="SELECT things")
DB_OUT = captured("db-out", "outbound", 10.02, 0.01, a="api", b="db", request="r-3")
ALL = [INGRESS, WEB_IN, WEB, WORK, CALL, API_OUT, API_IN, API, QUERY, DB_OUT]
