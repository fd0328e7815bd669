"""Ports by key: kept, moved, given back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from mesh_patterns.load import load
from mesh_patterns.model import Mesh
from mesh_yaml.place import DocumentError
from mini_mesh.allotment import CONTROL_PLANE, Allotment
from mini_mesh.ports import Ports


@pytest.fixture
def allotment() -> Iterator[Allotment]:
    it = Allotment()
    yield it
    it.close()


def mesh(folder: Path, services: str) -> Mesh:
    file = folder / "mesh.yaml"
    file.write_text(f"mesh: {{services: {{{services}}}}}")
    return load([file]).mesh


def test_a_part_keeps_its_port_from_change_to_change(tmp_path: Path, allotment: Allotment) -> None:
    one = mesh(tmp_path, "web: {ingress: true}")
    two = mesh(tmp_path, "web: {ingress: true, calls: [shop]}, shop: ")
    first, second = allotment.place(one), allotment.place(two, one)
    assert first.ports.items() < second.ports.items()
    assert len(set(second.ports.values()) | {allotment.port(CONTROL_PLANE)}) == len(
        [CONTROL_PLANE, *second.ports]
    )


@pytest.mark.parametrize("services", ["web: {run: serve}", "web: {protocol: grpc}"])
def test_a_workload_of_another_sort_has_another_port(
    tmp_path: Path, allotment: Allotment, services: str
) -> None:
    echo, other = mesh(tmp_path, "web: "), mesh(tmp_path, services)
    first, second = allotment.place(echo), allotment.place(other, echo)
    moved = {key for key in first.ports if first.port(key) != second.port(key)}
    assert moved == {"workload:web"}


def test_the_port_that_a_file_asks_for_stays(tmp_path: Path, allotment: Allotment) -> None:
    with Ports() as ports:
        asked = ports.take()
    echo = mesh(tmp_path, f"web: {{port: {asked}}}")
    command = mesh(tmp_path, f"web: {{port: {asked}, run: serve}}")
    assert allotment.place(echo).port("workload:web") == asked
    assert allotment.place(command, echo).port("workload:web") == asked


def test_going_back_gives_back_what_came_since(tmp_path: Path, allotment: Allotment) -> None:
    echo, command = mesh(tmp_path, "web: "), mesh(tmp_path, "web: {run: serve}")
    first, was = allotment.place(echo), allotment.remember()
    since = allotment.place(command, echo).port("workload:web")
    allotment.go_back(was)
    assert allotment.place(echo) == first
    with Ports() as ports:
        assert ports.take(since) == since


def test_what_nothing_uses_any_more_is_free(tmp_path: Path, allotment: Allotment) -> None:
    both, one = mesh(tmp_path, "web: , shop: "), mesh(tmp_path, "web: ")
    shop, was = allotment.place(both).port("inbound:shop"), allotment.remember()
    left = allotment.place(one, both)
    allotment.give_back(was, left.ports)
    with Ports() as ports:
        assert ports.take(shop) == shop
    assert allotment.place(one, one) == left


def test_a_taken_port_is_told_at_its_line(tmp_path: Path, allotment: Allotment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(DocumentError, match=rf"mesh\.yaml:1:34: port {taken} is in use by "):
            allotment.place(mesh(tmp_path, f"web: {{ingress: {taken}}}"))
