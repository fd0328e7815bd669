"""The filter that can be told to send requests: in each listener of a mesh that asks for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mesh_patterns.compile import compile_mesh, ext_proc
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from xds_server.mirror import render
from xds_server.resource import ResourceType
from xds_server.snapshot import Snapshot

MESH = "mesh: {services: {web: {ingress: true}, api: }}\n"
HCM = "envoy.filters.network.http_connection_manager"


def compiled(folder: Path, processed: bool) -> dict[str, Snapshot]:
    file = folder / "mesh.yaml"
    file.write_text(MESH)
    draft = load([file])
    placement = replace(Placement.imagined(draft.mesh), captured=True, processed=processed)
    return compile_mesh(draft, placement)


def first_filters(snapshot: Snapshot) -> set[str]:
    shown = [
        render(each.type.type_url, each.body)
        for each in snapshot.resources(ResourceType.LISTENER).values()
    ]
    return {
        each["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"][0]["name"]
        for each in shown
    }


def test_it_takes_the_taps_place_in_every_listener_and_is_off(tmp_path: Path) -> None:
    for node, snapshot in compiled(tmp_path, processed=True).items():
        assert first_filters(snapshot) == {ext_proc.NAME}
        found = snapshot.resources(ResourceType.EXTENSION_CONFIG)
        assert found == {ext_proc.NAME: ext_proc.extension(node)}


def test_a_mesh_that_does_not_ask_for_it_has_none_of_it(tmp_path: Path) -> None:
    for snapshot in compiled(tmp_path, processed=False).values():
        assert first_filters(snapshot) == {"envoy.filters.http.tap"}
        assert not snapshot.resources(ResourceType.EXTENSION_CONFIG)


def test_on_and_off_are_two_configs_of_one_name_and_each_node_has_its_own() -> None:
    on, off = ext_proc.extension("a", True), ext_proc.extension("a")
    assert (on.name, on.type) == (off.name, off.type)
    assert len({on.version, off.version, ext_proc.extension("b").version}) == 3
