"""Our decision and Envoy's answer, side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass

from debugger.routing.arriving.arrival import StreamInfo
from debugger.routing.arriving.manager import ConnectionManager
from debugger.routing.decision import Action, Decision, Forward, NoRoute, Redirect
from debugger.routing.table import RouteTable
from mesh_traffic import Request
from tests.debugger.routing.oracle import CLUSTERS, MANAGER, Answer, Table, marked
from xds_server.mirror import mirror_class, serialize
from xds_server.protos import hcm

PLAINTEXT = StreamInfo(tls=False)


@dataclass(frozen=True)
class Sides:
    """One request, both answers."""

    table: Table
    request: Request
    ours: Decision
    envoys: Answer

    def differ(self) -> str:
        """In words what differs; empty when nothing does."""
        found = [*self._route(), *self._seen(), *self._answer()]
        if not found:
            return ""
        place = self.envoys.route or "no route"
        looks = "\n".join(
            f"    {look.path} {look.holds}: "
            + "; ".join(f"[{each.holds}] {each.text}: {each.why}" for each in look.conditions)
            for look in self.ours.looked
        )
        return (
            f"{', '.join(found)}\n  request {self.request}\n"
            f"  ours  {self.ours.host_why}: {self.ours.action}\n{looks}\n"
            f"  envoy {self.envoys.status} {place} {dict(self.envoys.headers)}\n"
            f"  table {json.dumps(marked(self.table.config))[:6000]}\n"
            f"  manager {dict(self.table.manager)}"
        )

    def _possible(self) -> set[str | None]:
        """The routes that may have answered."""
        ours = self.ours
        if ours.taken is not None:
            return {ours.taken.path}
        if not ours.doubtful:
            return {None}
        last = ours.matched.path if ours.matched else None
        return {last, *(look.path for look in ours.doubtful)}

    def _route(self) -> list[str]:
        wanted = self._possible()
        if self.envoys.route in wanted or self._is_early():
            return []
        return [f"the route is {self.envoys.route}, expected one of {wanted}"]

    def _is_early(self) -> bool:
        """Answered before routing; the headers of the route that would be are on it anyway."""
        return self.ours.host is None and not isinstance(self.ours.action, NoRoute)

    def _seen(self) -> list[str]:
        """What the request looked like; a redirect shows the path that it sends to, and a CONNECT
        the port that it came with.
        """
        ours = self.ours.request
        moved = "location" in self.envoys.headers or ours.method == "CONNECT"
        if self.envoys.route is None or moved or self._is_early():
            return []
        seen = {"x-path": ours.path, "x-host": ours.authority}
        return [
            f"{name} is {self.envoys.headers.get(name, '')!r}, expected {value!r}"
            for name, value in seen.items()
            if self.envoys.headers.get(name, "") != value
        ]

    def _answer(self) -> list[str]:
        if any(self._fits(each) for each in self.ours.possibilities):
            return []
        return [f"the answer fits none of {self.ours.possibilities}"]

    def _is_grpc(self) -> bool:
        """What Envoy says to gRPC is a 200 with the status in a header of its own."""
        kinds = ",".join(self.request.headers.get_all("content-type"))
        return kinds == "application/grpc" or kinds.startswith("application/grpc+")

    def _fits(self, action: Action) -> bool:
        if self._is_grpc() and "grpc-status" in self.envoys.headers:
            where = action.location if isinstance(action, Redirect) else None
            return self.envoys.headers.get("location") == where
        if isinstance(action, Redirect):
            where = self.envoys.headers.get("location")
            return (self.envoys.status, where) == (action.status, action.location)
        if isinstance(action, Forward):
            known = {each.cluster for each in action.destinations if each.cluster in CLUSTERS}
            unknown = any(each.cluster not in CLUSTERS for each in action.destinations)
            if self.envoys.cluster is None:
                return unknown and self.envoys.status == action.not_found_status
            return self.envoys.cluster in known and self.envoys.status == 503
        return self.envoys.status == getattr(action, "status", 503)


def prepared(table: Table, port: int) -> tuple[RouteTable, ConnectionManager]:
    """The two that decide, made from the bytes that Envoy is given."""
    from google.protobuf import json_format

    told = mirror_class(hcm.HttpConnectionManager)()
    json_format.ParseDict(dict(table.manager), told)
    assert MANAGER.endswith("HttpConnectionManager")
    return RouteTable.of(serialize(table.config)), ConnectionManager.of(told, port)
