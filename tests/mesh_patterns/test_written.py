"""What an import writes reads back as the same mesh."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh_patterns.compile import compile_mesh
from mesh_patterns.draft import Draft
from mesh_patterns.load import Sources, apply, load, read
from mesh_patterns.placement import Placement
from mesh_patterns.variables import substitute
from mesh_patterns.written import written
from mesh_yaml import yaml
from mesh_yaml.node import Node
from mesh_yaml.place import DocumentError, Place

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
CON = "meshery/samples/servicemeshcon-na-2021/"
KUBE = "istio/bookinfo/platform/kube/bookinfo.yaml"
NET = "istio/bookinfo/networking/"

Write = Callable[..., tuple[Sources, str, Path]]


def resources(draft: Draft) -> dict[str, Any]:
    """What every Envoy is sent, by name and content; lines are another matter."""
    snapshots = compile_mesh(draft, Placement.imagined(draft.mesh))
    return {
        node: {(each.type, each.name): each.body for each in snapshot}
        for node, snapshot in snapshots.items()
    }


def again(sources: Sources, folder: Path) -> tuple[str, Draft]:
    """The text for a folder, and the mesh that it is."""
    text = written(sources, folder)
    file = folder / "mesh.yaml"
    file.write_text(text, encoding="utf-8")
    return text, load([file])


@pytest.mark.parametrize("folder", ["istio", "meshery", "gateway-api"])
def test_every_sample_compiles_to_the_same_after_it_was_imported(
    folder: str, tmp_path: Path
) -> None:
    files = sorted((SAMPLES / folder).rglob("*.yaml"))
    if not files:
        pytest.skip(f"{SAMPLES / folder} is missing: the samples lie beside the project")
    seen = set()
    for file in files:
        content = file.read_bytes()
        try:
            sources = read([file])
        except DocumentError:
            continue
        if content in seen:
            continue
        seen.add(content)
        _, draft = again(sources, tmp_path)
        assert resources(draft) == resources(apply(sources.mesh())), file


@pytest.mark.parametrize(
    "names",
    [
        [KUBE, NET + "destination-rule-all-mtls.yaml", NET + "bookinfo-gateway.yaml"],
        [CON + "bookinfo.yaml", CON + "bookinfowithcircuitbreaker.yaml"],
    ],
)
def test_several_files_become_one(names: list[str], tmp_path: Path) -> None:
    files = [SAMPLES / name for name in names]
    if not files[0].is_file():
        pytest.skip(f"{files[0]} is missing: the samples lie beside the project")
    sources = read(files)
    text, draft = again(sources, tmp_path)
    assert resources(draft) == resources(apply(sources.mesh()))
    assert text.count("---") == 0
    assert draft.mesh.warnings == (), "it is our own language, in which nothing is approximated"
    for problem in sources.warnings:
        assert f"#   {problem}".replace("warning: ", "") in text


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Path]]:
    """Files in a folder ``there``, and ``here`` is another."""
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)

    def make(*texts: str) -> list[Path]:
        paths = [Path("there") / f"{number}.yaml" for number in range(1, len(texts) + 1)]
        for path, text in zip(paths, texts, strict=True):
            path.write_text(dedent(text))
        return paths

    return make


def test_each_part_has_the_line_that_it_comes_from(files: Callable[..., list[Path]]) -> None:
    sources = read(
        files("""\
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata: {name: a}
            spec: {host: a, trafficPolicy: {loadBalancer: {simple: RANDOM}}}
        """)
    )
    assert written(sources, Path("here")) == dedent("""\
        # Imported from:
        #   there/1.yaml
        # What is not quite the same, or left out:
        #   there/1.yaml:4:14: no file has the service 'a': the echo stands in
        name: '1'
        mesh:
          services:
            # there/1.yaml:4:14
            a:
              hosts:
              - a.default
              - a.default.svc
              - a.default.svc.cluster.local
        patterns:
        # there/1.yaml:4:33
        - pattern: load_balancing
          on: a
          policy: random
    """)


def test_paths_are_from_the_new_files_folder(files: Callable[..., list[Path]]) -> None:
    own = """\
        mesh: {services: {b: {run: "./b", cwd: sub}, c: {versions: {v1: {run: c}, v2: {}}}}}
        patterns:
        - {pattern: lua, on: b, file: script.lua}
        - {pattern: wasm, on: b, file: "meshloom:basic-auth"}
    """
    pod = """\
        apiVersion: v1
        kind: Pod
        metadata: {name: a, annotations: {meshloom/run: ./serve}}
        spec: {containers: [{name: a, env: [{name: X, value: "${HOME} costs $$5"}]}]}
    """
    paths = files(own, pod)
    Path("there/script.lua").write_text("function envoy_on_request(handle) end")
    sources = read(paths)
    text = written(sources, Path("here"))
    assert "cwd: ../there/sub" in text
    assert text.count("cwd: ../there\n") == 2, "a command runs in the folder of its file"
    assert "file: ../there/script.lua" in text
    assert "file: meshloom:basic-auth" in text
    assert "X: $${HOME} costs $$$$5" in text
    first, second = yaml.parse(text, "x")
    assert first.find("mesh", "services", "b", "cwd").value == "../there/sub"
    assert second.find("mesh", "services", "a", "run").value == "./serve"


TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(
    ["yes", "0x1f", "1e3", "2020-01-01", "12:30", "~", "null", "- a", "a: b", "# c", "${x}", "$$",
     "a\nb", "a \nb\n", "\n", " a", "1s", "0o7", "true", "", "…\u2028", "\t", "a\n\n\nb"]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(TEXTS, TEXTS | st.integers() | st.booleans() | st.none(), max_size=3))
def test_any_text_stays_what_it_is(value: dict[str, Any]) -> None:
    assert [node.plain() for node in yaml.parse(yaml.dump(value, blocks=True), "x")] == [value]
    node = Node.of({"env": value}, Place("x", 1, 1))
    mesh = {"mesh": Node.of({"services": {"a": node}}, Place("x"))}
    sources = Sources("a", (), (Node.of(mesh, Place("x")),), (), ())
    text = written(sources, Path())
    (tree,) = yaml.parse(text, "x")
    found = substitute(tree, {}).find("mesh", "services", "a", "env")
    assert found.plain() == value
