"""What the control plane tells of itself to our own commands: status, diff, history, rollback.

Questions and answers are JSON-like data; ``commands.py`` is the door that carries them. Only what
is asked of an Envoy's own state goes through another door.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mini_mesh.control import contents, served
from mini_mesh.control.config_dump import in_effect
from mini_mesh.control.effect import InEffect
from mini_mesh.control.standing import (
    Find,
    Standing,
    as_json,
    briefly,
    overall,
    standings,
    types_as_json,
)
from xds_server.clients.client_status import clients_of, count
from xds_server.clients.view import ClientView
from xds_server.errors import RemoteXdsError
from xds_server.releases import NoRelease, Release, release_id
from xds_server.resource import Resource, ResourceType

if TYPE_CHECKING:
    from mini_mesh.control.plane import ControlPlane

MAX_ROWS = 100_000  # resources of one node that are told: half a second of work
_NAMED = 10  # nodes that an error names
_STEP = 50  # nodes that are told of before others have their turn

Question = Mapping[str, Any]
Answer = dict[str, Any]
Admins = Callable[[], Mapping[str, str]]


class Answers:
    """``admins`` gives the addresses of the Envoys' admin interfaces, by node, as far as known."""

    def __init__(self, control: ControlPlane, admins: Admins) -> None:
        self._control, self._admins = control, admins

    def table(self) -> Mapping[str, Callable[[Question], Awaitable[Answer]]]:
        """Each method's name, and what answers it."""
        return {
            "Status": self.status,
            "Diff": self.diff,
            "Contents": self.contents,
            "History": self.history,
            "Rollback": self.rollback,
            "Loads": self.loads,
            "Served": self.served,
        }

    async def status(self, question: Question) -> Answer:
        """``{"node": …}``: of one, or of all. Each node with its types.

        Of all, only those are told resource by resource that say what they have in effect: the
        others may be thousands, and as many resources each.
        """
        wanted = self._wanted(question)
        dumps = await in_effect(self._admins(), wanted)
        clients = self._clients(wanted)
        nodes = []
        for done, node in enumerate(wanted, 1):
            streams, dump = clients.get(node, []), dumps.get(node)
            closely = dump is not None or "node" in question
            nodes.append(
                self._closely(node, streams, dump) if closely else self._node(node, streams)
            )
            if done % _STEP == 0:
                await asyncio.sleep(0)
        releases = [_release(each) for each in self._control.releases]
        return {
            "version": releases[-1]["version"] if releases else "",
            "releases": releases,
            "nodes": nodes,
        }

    def _wanted(self, question: Question) -> list[str]:
        """The nodes that are meant. Raises ``RemoteXdsError`` for one that nobody knows."""
        known = {*self._control.nodes, *self._control.status.nodes()}
        node = question.get("node")
        if node is None:
            return sorted(known)
        if node not in known | {*self._control.journal.nodes()}:
            raise RemoteXdsError(f"{node}: no such node, wanted {_some(known)}", "NOT_FOUND")
        return [str(node)]

    def _clients(self, nodes: Iterable[str]) -> dict[str, list[ClientView]]:
        """The streams of each node's newest client."""
        wanted = {*nodes}
        views = self._control.server.clients(lambda node: node.id in wanted)
        return {streams[-1].node.id: streams for streams in clients_of(views)}

    def _node(self, node: str, streams: list[ClientView]) -> Answer:
        """A node by what is remembered of each type."""
        snapshot, known = self._control.snapshot(node), self._control.status.of(node)
        types = briefly(known, snapshot) if streams else []
        told = {
            "node": node,
            "kind": streams[-1].node.kind if streams else self._control.kind(node),
            "version": release_id(snapshot) if snapshot else "",
            "connected": bool(streams),
            "sent": bool(streams) and all(each["sent"] for each in types),
            "accepted": bool(streams and snapshot and self._control.status.applied(node, snapshot)),
            "in_effect": "unknown",
        }
        return told | _client(streams[-1]) | {"types": types} if streams else told

    def _closely(self, node: str, streams: list[ClientView], dump: InEffect | None) -> Answer:
        """A node by each of its resources."""
        rows = list(self._rows(node, streams, dump))
        told = self._node(node, streams)
        if streams:
            views = [view for stream in streams for view in stream.types]
            told |= {
                "sent": all(row.to_be == row.sent for row in rows),
                "in_effect": overall(row.in_effect for row in rows),
                "types": types_as_json(rows, views),
            }
        return told

    def _rows(
        self, node: str, streams: Iterable[ClientView], dump: InEffect | None
    ) -> Iterable[Standing]:
        def before(kind: ResourceType, name: str) -> str:
            """What the node had accepted: in the last release of which it had accepted all."""
            for release in reversed(self._control.releases_of(node)):
                if node in release.accepted:
                    found = release.content.resources(kind).get(name)
                    return found.version if found else ""
            return ""

        if (rows := sum(map(count, streams))) > MAX_ROWS:
            raise RemoteXdsError(
                f"{node} has {rows} resources, wanted at most {MAX_ROWS}", "RESOURCE_EXHAUSTED"
            )
        for stream in streams:
            yield from standings(stream, before, dump)

    async def diff(self, question: Question) -> Answer:
        """``{"node": …, "all": false}``: its resources, those that are not settled or all."""
        (node,) = self._wanted({"node": question.get("node", "")})
        streams = self._clients([node]).get(node, [])
        dump = (await in_effect(self._admins(), [node])).get(node)

        rows = list(self._rows(node, streams, dump))
        shown = [row for row in rows if question.get("all") or not row.settled]
        snapshot = self._control.snapshot(node)
        return {
            "node": node,
            "connected": bool(streams),
            "version": release_id(snapshot) if snapshot else "",
            "settled": all(row.settled for row in rows),
            "resources": [as_json(row, self._find(node)) for row in shown],
        }

    def _find(self, node: str) -> Find:
        """Knows what was served to a node, in whatever version."""

        def find(kind: ResourceType, name: str, version: str) -> Resource | None:
            for release in reversed(self._control.releases_of(node)):
                found = release.content.resources(kind).get(name)
                if found is not None and found.version == version:
                    return found
            return None

        return find

    async def contents(self, question: Question) -> Answer:
        """``{"node": …}``: its resources whole, in each version that matters, with their lines.

        What an Envoy itself has is not asked: who asks for this compares the two.
        """
        (node,) = self._wanted({"node": question.get("node", "")})
        streams = self._clients([node]).get(node, [])
        snapshot, find = self._control.snapshot(node), self._find(node)
        rows = list(self._rows(node, streams, None) if streams else contents.unasked(snapshot))
        return {
            "node": node,
            "kind": streams[-1].node.kind if streams else self._control.kind(node),
            "connected": bool(streams),
            "version": release_id(snapshot) if snapshot else "",
            "resources": [contents.as_json(row, find) for row in rows],
            "unserved": [each for stream in streams for each in contents.unserved(stream)],
        }

    async def history(self, question: Question) -> Answer:
        """``{"node": …}``: what happened to it, oldest first."""
        (node,) = self._wanted({"node": question.get("node", "")})
        journal = self._control.journal
        entries = [asdict(each) for each in journal.of(node)]
        return {"node": node, "entries": entries, "dropped": journal.dropped(node)}

    async def rollback(self, question: Question) -> Answer:
        """``{"nodes": […]}``: of these, or of the whole mesh. What it came back to."""
        nodes = tuple(map(str, question.get("nodes", ())))
        for node in nodes:
            self._wanted({"node": node})
        try:
            return asdict(self._control.rollback(nodes))
        except NoRelease as error:
            raise RemoteXdsError(str(error), "FAILED_PRECONDITION") from error

    async def loads(self, question: Question) -> Answer:
        """``{"node": …}``: what one node, or all together, reported of each cluster."""
        loads = self._control.loads
        totals = loads.totals(question.get("node")).values()
        clusters = [
            {
                "cluster": each.cluster,
                "seconds": each.seconds,
                "issued": each.requests.issued,
                "succeeded": each.requests.succeeded,
                "failed": each.requests.failed,
                "in_progress": each.requests.in_progress,
                "dropped": each.dropped,
            }
            for each in totals
        ]
        return {"nodes": list(loads.nodes()), "clusters": clusters, "forgotten": loads.forgotten}

    async def served(self, question: Question) -> Answer:
        """``{"node": …, "at": …}``: its resources as they were served then, or are now.

        ``at`` is in seconds since the epoch. Where that is not remembered, ``resources`` is null.
        """
        (node,) = self._wanted({"node": question.get("node", "")})
        moment = served.moment(question.get("at"))
        told = {"node": node, "kind": self._control.kind(node), "at": moment}
        found = self._control.release_at(node, moment)
        if found is None:
            return {**told, "resources": None}
        release, since, until = found
        return {
            **told,
            "version": release.id,
            "since": since,
            "until": until,
            "settled": served.settled(self._control.journal.of(node), since, until),
            "refused": release.refused.get(node, ""),
            "resources": await served.resources(node, release.content),
        }


def _some(nodes: Iterable[str]) -> str:
    """``a``, ``a or b``, ``a, b, c or 997 others``."""
    names = sorted(nodes)
    if len(names) > _NAMED:
        names[_NAMED - 1 :] = [f"{len(names) - _NAMED + 1} others"]
    return " or ".join(filter(None, (", ".join(names[:-1]), *names[-1:]))) or "some, but none came"


def _client(stream: ClientView) -> Answer:
    return {
        "user_agent": stream.node.user_agent_name,
        "peer": stream.peer,
        "variant": stream.variant,
        "since": stream.opened_at,
    }


def _release(release: Release[Any]) -> Answer:
    return {
        "version": release.id,
        "at": release.at,
        "outcome": release.outcome,
        "accepted": sorted(release.accepted),
        "refused": dict(sorted(release.refused.items())),
        "instead_of": release.instead_of,
    }
