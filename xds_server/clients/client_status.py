"""Where every client stands with every resource: the answers of the client status service.

No I/O; ``csds.py`` is its door. Sources: ``envoy/service/status/v3/csds.proto``, and
``envoy/admin/v3/config_dump_shared.proto`` for the client's side. What is told is the control
plane's view, resource by resource:

=================================  =============  ==============
the client                         config_status  client_status
=================================  =============  ==============
was sent it and ACKed it           SYNCED         ACKED
was sent it and has not answered   STALE          REQUESTED
NACKed it                          ERROR          NACKED
holds another version than ours    NOT_SENT       ACKED (NACKED)
waits for it                       NOT_SENT       REQUESTED
was told that there is no such     NOT_SENT       DOES_NOT_EXIST
=================================  =============  ==============

``version_info`` is that of the last response with the resource: on SotW the type's, on Delta the
resource's own. ``xds_config`` is what the client was sent, as long as that is still served, and
``last_updated`` when it was last sent something of the type. A client that waits for everything
while there is nothing is told as waiting for ``*``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from xds_server.clients.view import ClientView, Refusal, TypeView
from xds_server.events import NackRecord
from xds_server.resource import SENT_WHOLE, WILDCARD, Resource, ResourceType
from xds_server.serving.services import DELTA


class ConfigStatus(IntEnum):
    """``envoy.service.status.v3.ConfigStatus``: the management server's view."""

    UNKNOWN, SYNCED, NOT_SENT, STALE, ERROR = range(5)


class ClientStatus(IntEnum):
    """``envoy.admin.v3.ClientResourceStatus``: what the client has done with the resource."""

    UNKNOWN, REQUESTED, DOES_NOT_EXIST, ACKED, NACKED, RECEIVED_ERROR, TIMEOUT = range(7)


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """One resource of one client. ``at`` is in seconds, ``None`` where nothing was sent.

    ``resource`` is what the client was sent, where that is still served. ``error`` says why it
    refused it, ``refused_at`` when.
    """

    type: ResourceType
    name: str
    version: str
    config_status: ConfigStatus
    client_status: ClientStatus
    at: float | None
    resource: Resource | None = None
    error: str = ""
    refused_at: float | None = None


def statuses(client: ClientView) -> Iterator[ResourceStatus]:
    """All that concerns a client, types in push order, names sorted."""
    for each in client.types:
        yield from _of_type(client, each)


def count(client: ClientView) -> int:
    """How many resources that is, about: cheap even where there are many."""
    return sum(max(len(t.names), len(t.known), _served(client, t)) for t in client.types)


def _served(client: ClientView, view: TypeView) -> int:
    if client.snapshot is None or not view.wildcard:
        return 0
    return len(client.snapshot.resources(view.type))


def _of_type(client: ClientView, view: TypeView) -> Iterator[ResourceStatus]:
    names = {*view.names, *view.known, *(view.refusal.names if view.refusal else ())}
    if view.wildcard and client.snapshot is not None:
        names.update(client.snapshot.resources(view.type))
    elif view.wildcard:
        names.add(WILDCARD)
    in_flight = frozenset(each.name for each in view.in_flight)
    return (_one(client, view, name, name in in_flight) for name in sorted(names))


def _one(client: ClientView, view: TypeView, name: str, in_flight: bool) -> ResourceStatus:
    ours = client.snapshot.resources(view.type).get(name) if client.snapshot else None
    held = view.known.get(name)
    same = ours is not None and ours.version == held
    refusal = view.refusal if view.refusal and name in view.refusal.names else None
    answer = _client_status(client, view, name, in_flight)
    return ResourceStatus(
        view.type,
        name,
        _version(client, view, held),
        _config_status(answer, in_flight, same),
        answer,
        view.sent_at,
        ours if same else None,
        _error(refusal, name) if refusal else "",
        refusal.at if refusal else None,
    )


def _version(client: ClientView, view: TypeView, held: str | None) -> str:
    if held is None:
        return ""
    return held if client.variant == DELTA else view.version


def _client_status(client: ClientView, view: TypeView, name: str, in_flight: bool) -> ClientStatus:
    if in_flight:
        return ClientStatus.REQUESTED
    if view.refusal and name in view.refusal.names:
        return ClientStatus.NACKED
    if name in view.known:
        return ClientStatus.ACKED
    served = client.snapshot.resources(view.type) if client.snapshot else {}
    told = view.sent_at is not None and (client.variant == DELTA or view.type in SENT_WHOLE)
    waits = name in served or name == WILDCARD or not told
    return ClientStatus.REQUESTED if waits else ClientStatus.DOES_NOT_EXIST


def _config_status(answer: ClientStatus, in_flight: bool, same: bool) -> ConfigStatus:
    if in_flight:
        return ConfigStatus.STALE
    if not same:
        return ConfigStatus.NOT_SENT
    return ConfigStatus.ERROR if answer is ClientStatus.NACKED else ConfigStatus.SYNCED


def _error(refusal: Refusal, name: str) -> str:
    """What the client says of the resource, or else of that for which it refused this one too."""
    own = next((each for each in refusal.records if each.resource == name), None)
    if own:
        return _told(own)
    other = refusal.records[0]
    along = f"refused along with {other.resource}: " if other.resource else ""
    return f"{along}{_told(other)}"


def _told(record: NackRecord) -> str:
    """``canary.yaml:14:22: virtual_hosts[0].routes[1]: Envoy's text``, as far as it is known."""
    return ": ".join(filter(None, (record.place, record.field, record.text)))


def clients_of(streams: Iterable[ClientView]) -> list[list[ClientView]]:
    """Streams by client: those of one node from one address. The newest client comes last."""
    found: dict[tuple[str, str], list[ClientView]] = {}
    for each in streams:
        found.setdefault((each.node.id, each.peer), []).append(each)
    return list(found.values())
