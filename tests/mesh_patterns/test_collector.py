from __future__ import annotations

import contextlib
import gc
from pathlib import Path

from mesh_patterns.collector import paused
from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement


def test_the_collector_is_off_inside_and_what_it_was_afterwards() -> None:
    states = [gc.isenabled()]
    with contextlib.suppress(ZeroDivisionError), paused():
        with paused():
            states.append(gc.isenabled())
        states.append(gc.isenabled())
        _ = 1 / 0
    assert [*states, gc.isenabled()] == [True, False, False, True]


def test_building_a_mesh_leaves_no_rubbish_that_only_the_collector_finds(tmp_path: Path) -> None:
    file = tmp_path / "mesh.yaml"
    names = [f"s{i}" for i in range(100)]
    file.write_text(f"mesh: {{services: {{{', '.join(f'{name}: ' for name in names)}}}}}")

    def build() -> None:
        draft = load([file])
        compile_mesh(draft, Placement.imagined(draft.mesh))

    build()  # classes, plans and caches are made at the first time
    gc.collect()
    build()
    assert gc.collect() < 100  # of some ten thousand objects
