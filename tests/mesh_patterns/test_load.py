from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from mesh_patterns.draft import Draft
from mesh_patterns.load import load
from mesh_yaml.place import DocumentError

Files = Callable[..., None]
WEB = "mesh: {services: {web: }}"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """``files(name=text)``: writes them, ``a__b`` into the folder ``a``, and works there."""
    monkeypatch.chdir(tmp_path)

    def write(**texts: str) -> None:
        for name, text in texts.items():
            path = Path(name.replace("__", "/") + ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text), encoding="utf-8")

    return write


def loaded(*names: str, **variables: str) -> Draft:
    return load([Path(f"{name}.yaml") for name in names], variables)


def refused(*names: str) -> str:
    with pytest.raises(DocumentError) as caught:
        loaded(*names)
    return str(caught.value)


def test_a_used_file_is_found_from_the_file_that_uses_it(files: Files) -> None:
    files(main="use: [parts/web.yaml]", parts__web="use: [api.yaml]\n" + WEB)
    files(parts__api="mesh: {services: {api: }}")
    draft = loaded("main")
    assert list(draft.mesh.services) == ["api", "web"]
    assert str(draft.mesh.services["api"].place) == "parts/api.yaml:1:19"
    names = [path.name for path in draft.all_files()]
    assert names == ["main.yaml", "web.yaml", "api.yaml"]


def test_a_used_file_may_be_named_by_a_variable(files: Files) -> None:
    files(main="vars: {what: web}\nuse: ['${what}.yaml']", web=WEB)
    assert list(loaded("main").mesh.services) == ["web"]


def test_files_that_use_each_other_are_told_as_a_circle(files: Files) -> None:
    files(a="use: [b.yaml]\n" + WEB, b="name: b\nuse: [c.yaml]", c="use: [b.yaml]")
    told = "files use each other in a circle: b.yaml → c.yaml → b.yaml"
    assert refused("a") == f"c.yaml:1:7: {told}"
    files(d="use: [d.yaml]")
    assert refused("d") == ("d.yaml:1:7: files use each other in a circle: d.yaml → d.yaml")


def test_a_file_that_is_used_twice_is_read_once(files: Files) -> None:
    files(main="use: [a.yaml, b.yaml]", a="use: [web.yaml]", b="use: [./web.yaml]", web=WEB)
    assert list(loaded("main", "web").mesh.services) == ["web"]


def test_what_a_used_file_claims_is_its_own_affair(files: Files) -> None:
    claim = "\nexpect: [{to: web, status: %d}]"
    files(main="use: [web.yaml]" + claim % 201, web=WEB + claim % 200)
    assert [list(claim.status or {}) for claim in loaded("main").mesh.claims] == [[201]]
    both = [[200], [201]]
    assert [list(claim.status or {}) for claim in loaded("main", "web").mesh.claims] == both
    assert [list(claim.status or {}) for claim in loaded("web", "main").mesh.claims] == both


def test_what_a_used_file_says_of_the_mesh_counts(files: Files) -> None:
    files(main="use: [web.yaml]", web=WEB + "\npatterns: [{pattern: timeout, on: web, after: 1s}]")
    assert loaded("main").edges["client", "web"].settings["timeout"].value.seconds == 1


def test_several_files_are_one_mesh(files: Files) -> None:
    files(one="mesh: {services: {a: {calls: [b]}}}", two="mesh: {services: {b: }}")
    files(three="name: three\nmesh: {dataplane: node}\n---\nmesh: {services: {c: }}")
    draft = loaded("one", "two", "three")
    assert list(draft.mesh.services) == ["a", "b", "c"]
    assert (draft.mesh.name, draft.mesh.dataplane) == ("three", "node")
    assert loaded("two").mesh.name == "two"


def test_a_service_that_two_files_describe_is_refused(files: Files) -> None:
    files(one=WEB, two="\n" + WEB)
    assert refused("one", "two") == (
        "two.yaml:2:19: service 'web' is there already, at one.yaml:1:19"
    )


def test_variables_of_a_file_give_way_to_those_from_outside(files: Files) -> None:
    files(
        main="vars: {name: main}\nuse: [web.yaml]", web="vars: {name: web}\nname: ${name}\n" + WEB
    )
    assert loaded("web").mesh.name == "web"
    assert loaded("main").mesh.name == "main"
    assert loaded("main", name="given").mesh.name == "given"


def test_a_variable_may_stand_on_those_above_it(files: Files) -> None:
    files(main="vars: {a: x, b: '${a}-${c}'}\nname: ${b}\n" + WEB)
    assert loaded("main", c="y").mesh.name == "x-y"
    files(wrong="vars: {b: '${a}', a: x}\n" + WEB)
    assert refused("wrong").startswith("wrong.yaml:1:11: no variable 'a'")


def test_a_number_from_the_command_line_is_one(files: Files) -> None:
    files(
        main="""\
        mesh: {services: {web: {port: "${port}", ingress: "${edge}", versions: }}}
        patterns: [{pattern: canary, on: web, weights: {web: "${all}"}}]
        expect: [{to: web, send: "${all}", status: "${status}"}]
    """.replace(", versions: ", "")
    )
    mesh = loaded("main", port="9000", edge="8080", all="100", status="204").mesh
    assert mesh.services["web"].versions[0].port == 9000
    assert mesh.services["web"].ingress is not None
    assert mesh.services["web"].ingress.port == 8080
    assert [(claim.send, list(claim.status or {})) for claim in mesh.claims] == [(100, [204])]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "1:1: is empty; a pattern file has 'mesh' and 'patterns'"),
        ("# nothing\n", "1:1: is empty; a pattern file has 'mesh' and 'patterns'"),
        ("- web", "1:1: expected a mapping, got a list"),
        ("web", "1:1: expected a mapping, got 'web'"),
        ("use: web.yaml", "1:6: expected a list, got 'web.yaml'"),
        ("use: [none.yaml]", "none.yaml:1:1: can't be read: no such file or directory"),
        ("vars: [a]", "1:7: expected a mapping, got a list"),
        ("name: [a]\n" + WEB, "1:7: expected text, got a list"),
        ("mesh:\n  services: {web: }\n mess: 1", "3:2: is not YAML: "),
    ],
)
def test_a_file_that_is_none_is_refused_at_its_place(files: Files, text: str, told: str) -> None:
    files(main=text)
    assert refused("main").removeprefix("main.yaml:").startswith(told)


def test_empty_sections_say_nothing(files: Files) -> None:
    files(main="use:\nvars:\npatterns:\nexpect:\nname: x\n" + WEB)
    assert loaded("main").mesh.patterns == ()
