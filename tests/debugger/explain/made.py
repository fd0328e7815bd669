"""What a control plane answers, made of resources and of pattern files."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from debugger.explain.served import Served
from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_traffic import Endpoint, Exchange, Headers, Request, Response, Timing
from xds_server.resource import Resource

LOGGED = ("tap", "access log")


def answer(node: str, resources: Iterable[Resource], **more: Any) -> dict[str, Any]:
    told = [
        {
            "type": each.type.title,
            "name": each.name,
            "version": each.version,
            "body": base64.b64encode(each.body).decode(),
            "origins": dict(each.origins),
        }
        for each in resources
    ]
    return {"node": node, "kind": "envoy", "version": "abc", "resources": told, **more}


def served(folder: Path, text: str, node: str, **more: Any) -> Served:
    """What the node of a mesh is served, and ``m.yaml`` is the file's name in its places."""
    file = folder / "m.yaml"
    file.write_text(text)
    draft = load([file])
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    told = answer(node, snapshots[node], **more)
    for each in told["resources"]:
        each["origins"] = {k: v.replace(f"{folder}/", "") for k, v in each["origins"].items()}
    return Served(told)


def exchange(path: str = "/x", direction: str = "outbound", **changes: Any) -> Exchange:
    """One of web to api that went well."""
    headers = Headers.of(changes.pop("headers", {}))
    values: dict[str, Any] = {
        "id": "1",
        "node": "web",
        "request": Request("GET", path, "api", headers=headers),
        "response": Response(200),
        "direction": direction,
        "source": Endpoint("web", "", "127.0.0.1:5"),
        "destination": Endpoint("api", "", "127.0.0.1:20004"),
        "started": 100.0,
        "route": "api.0",
        "cluster": "api",
        "attempts": 1,
        "details": "via_upstream",
        "timing": Timing(sent=0.001),
        "sources": LOGGED,
    }
    return Exchange(**{**values, **changes})
