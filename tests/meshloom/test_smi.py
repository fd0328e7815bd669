"""``meshloom smi`` of a mesh that runs."""

from __future__ import annotations

import json
import subprocess

import pytest

from mesh_yaml import yaml
from tests.meshloom.command import MESHLOOM, get, inside, up


def test_a_running_mesh_answers() -> None:
    with up() as mesh:
        ready = mesh.ready()
        chosen = ("--mesh", str(ready["pid"]))
        for _ in range(5):
            assert get(ready["ingress"] + "/productpage").status == 200
        done = inside("smi", "metrics", "service", "details", *chosen)
        assert done.code == 0
        (told,) = yaml.parse(done.out, "out")
        assert told.find("metrics", 3, "value").value == 5
        edges = inside("smi", "metrics", "pods", "productpage-v1", "--edges", "--json", *chosen)
        names = {it["edge"]["resource"]["name"] for it in json.loads(edges.out)["items"]}
        assert "details-v1" in names
        tree = inside("graph", *chosen)
        assert tree.out.startswith("ingress\n└─ productpage   5   p50")
        assert json.loads(inside("graph", "--json", *chosen).out)["edges"]
        assert inside("graph", "-o", "svg", *chosen).out.startswith("<svg")
        none = inside("smi", "metrics", "pods", "nobody", *chosen)
        assert (none.code, none.out) == (2, "")
        assert "no metrics of Pod 'nobody'" in none.err
        lately = inside("smi", "metrics", "services", "--for", "100ms", "--json", *chosen)
        assert json.loads(lately.out)["items"] == []
        command = [*MESHLOOM, "smi", "serve", "--json", "--for", "3s", *chosen]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
            assert serving.stdout is not None
            url = json.loads(serving.stdout.readline())["url"]
            assert get(url).json["kind"] == "APIResourceList"
            serving.terminate()


def test_edges_are_of_somebody() -> None:
    assert inside("smi", "metrics", "--edges").code == 2


@pytest.mark.parametrize("command", [("smi", "metrics"), ("graph",), ("smi", "serve")])
def test_without_a_mesh_it_says_so(command: tuple[str, ...]) -> None:
    done = inside(*command, "--mesh", "nobody")
    assert done.code == 2
    assert "no mesh called 'nobody'" in done.err
