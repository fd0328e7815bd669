"""Which port each part of a mesh has: given once, kept from change to change, given back at last.

A door, over :mod:`mini_mesh.ports`. Parts go by the keys of ``mesh_patterns.placement``, and by two
of which no file speaks: the control plane, and each Envoy's admin interface.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mesh_patterns.model import Instance, Mesh
from mesh_patterns.placement import Need, Placement, needs, workload
from mesh_yaml.place import DocumentError, Place
from mini_mesh.ports import PortInUse, Ports

CONTROL_PLANE = "control plane"


def admin(node: str) -> str:
    """The key of the port of an Envoy's admin interface."""
    return f"admin:{node}"


class Allotment:
    """The ports of one mesh. ``base`` counts them up from there; else any free ones."""

    def __init__(self, base: int | None = None) -> None:
        self._ports = Ports(base)
        self._taken: dict[str, int] = {}

    def close(self) -> None:
        self._ports.close()

    def port(self, key: str, need: Need | None = None) -> int:
        """The port of a part, from now on.

        Raises:
            DocumentError: the one that the file asks for is taken.
        """
        asked = need.port if need else None
        if key not in self._taken or (asked and self._taken[key] != asked):
            try:
                self._taken[key] = self._ports.take(asked)
            except PortInUse as error:
                place = need.place if need and need.place else Place(key)
                raise DocumentError.at(place, str(error)) from error
        return self._taken[key]

    def place(self, mesh: Mesh, before: Mesh | None = None) -> Placement:
        """A port for every need of ``mesh``; those that had one ``before`` keep it.

        But a workload of another sort comes up beside the old one, unless the file has its port.

        Raises:
            DocumentError: a port that the file asks for is taken.
        """
        self.port(CONTROL_PLANE)
        for instance in _of_another_sort(mesh, before) if before else ():
            del self._taken[workload(instance)]
        wanted = sorted(needs(mesh), key=lambda need: need.port is None)  # asked-for ones first
        return Placement({need.key: self.port(need.key, need) for need in wanted})

    def release(self, *ports: int) -> None:
        """Let a program bind them that may not share a reserved port."""
        self._ports.release(*ports)

    def hand_over(self, key: str) -> int:
        """The port, for an owner that binds it beside its reservation."""
        self._ports.hand_over(self._taken[key])
        return self._taken[key]

    def remember(self) -> Mapping[str, int]:
        """What :meth:`go_back` needs."""
        return dict(self._taken)

    def go_back(self, was: Mapping[str, int]) -> None:
        """To what was remembered; what was given since is given back."""
        self._ports.release(*(set(self._taken.values()) - set(was.values())))
        self._taken = dict(was)

    def give_back(self, was: Mapping[str, int], used: Iterable[str]) -> None:
        """All of now and of what was remembered that is not the port of a ``used`` key."""
        kept = {key: self._taken[key] for key in {CONTROL_PLANE, *used}}
        self._ports.release(*({*was.values(), *self._taken.values()} - set(kept.values())))
        self._taken = kept


def _of_another_sort(mesh: Mesh, before: Mesh) -> Iterator[Instance]:
    """The instances that were an echo and are a command, or speak something else now, or speak it
    without an Envoy.
    """
    old = {instance: sort for instance, _, sort in _sorts(before)}
    for instance, asked, sort in _sorts(mesh):
        if not asked and old.get(instance, sort) != sort:
            yield instance


def _sorts(mesh: Mesh) -> Iterator[tuple[Instance, int | None, tuple[bool, str, str]]]:
    """Each instance, the port that its file asks for, and whether it is a command, of what."""
    for service in mesh.services.values():
        for version, instance in service.workloads():
            sort = (version.run is not None, service.protocol, service.dataplane)
            yield instance, version.port if instance.replica == 1 else None, sort
