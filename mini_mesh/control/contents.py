"""A node's resources whole, as data: each version that matters, and the lines that made it.

What ``standing`` tells by versions is told here by content, for who compares field by field.
Private keys and passwords are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mini_mesh.control.standing import Find, Standing
from xds_server import mirror
from xds_server.clients.view import ClientView
from xds_server.resource import Resource
from xds_server.snapshot import Snapshot


def unasked(snapshot: Snapshot | None) -> Iterator[Standing]:
    """What is to be for a node that is not connected: nothing of it was sent."""
    for resource in snapshot or ():
        yield Standing(resource.type, resource.name, resource.version, "", "", "unknown")


def as_json(row: Standing, find: Find) -> dict[str, Any]:
    """One resource. ``contents`` has each version of it that is told of and remembered."""
    versions = dict.fromkeys(filter(None, (row.to_be, row.sent, row.accepted)))
    found = ((version, find(row.type, row.name, version)) for version in versions)
    return {
        "type": row.type.title,
        "name": row.name,
        "to_be": row.to_be,
        "sent": row.sent,
        "accepted": row.accepted,
        "error": row.error,
        "place": row.place,
        "contents": {version: _content(each) for version, each in found if each is not None},
    }


def _content(resource: Resource) -> dict[str, Any]:
    return {
        "content": mirror.render(resource.type.type_url, resource.body),
        "origins": dict(resource.origins),
    }


def unserved(client: ClientView) -> Iterator[dict[str, str]]:
    """What a client asks for by name, and nobody has: it may wait for it."""
    for view in client.types:
        served = client.snapshot.resources(view.type) if client.snapshot else {}
        for name in sorted(view.names - served.keys()):
            yield {"type": view.type.title, "name": name}
