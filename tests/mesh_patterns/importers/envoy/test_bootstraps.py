"""Whole bootstraps: what they become is taken by Envoy, and junk is one line."""

from __future__ import annotations

import copy
import json
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mesh_patterns import tokens
from mesh_patterns.compile import compile_mesh
from mesh_patterns.load import load
from mesh_patterns.placement import Placement
from mesh_yaml import yaml
from mesh_yaml.place import DocumentError
from tests.mesh_patterns.exporters.envoy_static.exported import export
from tests.mini_mesh.live import needs_envoy

DATA = Path(__file__).parent / "data"
NAMES = [file.name for file in sorted(DATA.glob("*.yaml"))]
JUNK = (None, True, -1, 2**70, "", "x", "\x00", [], {}, [[]], {"a": {}}, [None], "1s", "%")


def text_of(name: str) -> str:
    """A bootstrap with ports, and keys, in the place of its words in capitals."""
    words = ("ADMIN", "FRONT", "LIMITED", "DATABASE", "WEB", "API", "NEXT")
    text = (DATA / name).read_text()
    for number, word in enumerate(words, 21000):
        text = re.sub(rf"\b{word}\b(?=\}})", str(number), text)
    return text.replace("KEYS", json.dumps(tokens.known_key("https://issuer.test").public_keys()))


@pytest.mark.parametrize("name", NAMES)
def test_envoy_takes_what_a_bootstrap_becomes(name: str, tmp_path: Path) -> None:
    envoy = needs_envoy().path
    file = tmp_path / name
    file.write_text(text_of(name))
    for text in export(load([file])).files.values():
        made = tmp_path / "envoy.yaml"
        made.write_text(text)
        command = [envoy, "--mode", "validate", "--disable-hot-restart", "-c", made]
        done = subprocess.run(
            [*command, "-l", "critical"], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr[:2000]


def test_json_is_read_as_yaml_is(tmp_path: Path) -> None:
    plain = yaml.parse(text_of("grpc-backend.yaml"), "a")[0].plain()
    one, other = tmp_path / "a.json", tmp_path / "a.yaml"
    one.write_text(json.dumps(plain))
    other.write_text(text_of("grpc-backend.yaml"))
    meshes = [load([each]).mesh for each in (one, other)]
    assert [*meshes[0].services] == [*meshes[1].services]
    assert [each.pattern for each in meshes[0].patterns] == [
        each.pattern for each in meshes[1].patterns
    ]


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a tree."""
    yield path
    items = {dict: lambda: tree.items(), list: lambda: enumerate(tree)}.get(type(tree), tuple)
    for name, item in items():
        yield from places(item, (*path, name))


def problems(file: Path) -> list[str]:
    """What is wrong with a file."""
    try:
        draft = load([file])
        compile_mesh(draft, Placement.imagined(draft.mesh))
    except DocumentError as error:
        return [str(each) for each in error.problems]
    return []


@pytest.mark.parametrize("name", NAMES)
def test_junk_anywhere_is_imported_or_refused_in_one_line_each(name: str, tmp_path: Path) -> None:
    whole: Any = yaml.parse(text_of(name), "a")[0].plain()
    chance = random.Random(name)
    ways = list(places(whole))
    for way in chance.sample(ways, 60):
        tree = copy.deepcopy(whole)
        at = tree
        for step in way[:-1]:
            at = at[step]
        if way:
            at[way[-1]] = chance.choice(JUNK)
        file = tmp_path / "junk.json"
        file.write_text(json.dumps(tree))
        assert all("\n" not in each for each in problems(file)), way
