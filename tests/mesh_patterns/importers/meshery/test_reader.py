from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mesh_patterns.draft import Draft

Import = Callable[..., Draft]
Told = Callable[[Draft], list[str]]
APP = "{type: Application, settings: {containers: []}}"
USER = """
    name: user
    services:
      base: {type: $(#use https://example.com/patterns/base.yaml), settings: {ns: shop, x: 1}}
      web: {type: Application, settings: {containers: []}}
"""
BASE = """
name: base
vars: {ns: default}
services:
  api: {type: Application, namespace: $(#ref.vars.ns), settings: {containers: []}}
"""


def test_the_files_name_is_the_meshs_name(imported: Import) -> None:
    assert imported(f"name: My Mesh\nservices: {{web: {APP}}}").mesh.name == "My Mesh"


def test_a_pattern_that_is_used_is_read_from_the_same_folder(
    imported: Import, told: Told, tmp_path: Path
) -> None:
    (tmp_path / "base.yaml").write_text(BASE)
    draft = imported(USER)
    assert list(draft.mesh.services) == ["api", "web"]
    assert draft.mesh.services["api"].hosts[0] == "api.shop"
    assert tmp_path / "base.yaml" in draft.mesh.files
    lines = told(draft)
    url = "https://example.com/patterns/base.yaml"
    assert f"1.yaml:4:16: {url} is not fetched: base.yaml is read in its place" in lines
    assert "1.yaml:4:85: 'x' is no variable of base.yaml: it changes nothing there" in lines


def test_a_pattern_that_does_not_lie_there_is_left_out_and_nothing_is_fetched(
    imported: Import, told: Told
) -> None:
    draft = imported(USER)
    assert list(draft.mesh.services) == ["web"]
    url = "https://example.com/patterns/base.yaml"
    assert f"1.yaml:4:16: {url} is not fetched, and there is no base.yaml: left out" in told(draft)


def test_a_used_name_never_leads_out_of_the_folder(imported: Import, tmp_path: Path) -> None:
    (tmp_path.parent / "base.yaml").write_text(BASE)
    draft = imported(USER.replace("patterns/base.yaml", "../base.yaml"))
    assert list(draft.mesh.services) == ["web"]


def test_files_that_use_each_other_are_an_error(refusal: Callable[..., str]) -> None:
    text = "services: {a: {type: $(#use https://example.com/1.yaml)}}"
    assert refusal(text) == "1.yaml:1:22: files use each other in a circle: 1.yaml"


def test_variables_from_outside_win(imported: Import) -> None:
    text = f"vars: {{ns: a}}\nservices: {{web: {APP[:-1]}, namespace: $(#ref.vars.ns)}}}}"
    assert imported(text).mesh.services["web"].hosts[0] == "web.a"
    assert imported(text, ns="b").mesh.services["web"].hosts[0] == "web.b"


def test_a_variable_that_nobody_gave_is_an_error(refusal: Callable[..., str]) -> None:
    text = f"services: {{web: {APP[:-1]}, namespace: $(#ref.vars.ns)}}}}"
    assert refusal(text) == "1.yaml:1:76: $(#ref.vars.ns) leads nowhere"


def test_two_components_of_one_name_are_told_apart_by_their_keys(
    imported: Import, told: Told
) -> None:
    labels = "{metadata: {labels: {app: r, version: VERSION}}, spec: {containers: []}}"
    text = f"""
        services:
          r-v1: {{name: r, type: Deployment.K8s, settings: {{spec: {{template: {labels}}}}}}}
          r-v2: {{name: r, type: Deployment.K8s, settings: {{spec: {{template: {labels}}}}}}}
    """
    draft = imported(text.replace("VERSION", "v1", 1).replace("VERSION", "v2"))
    assert [version.name for version in draft.mesh.services["r"].versions] == ["v1", "v2"]
    assert (
        "1.yaml:4:3: Deployment 'r' is there already, at 1.yaml:3:3: called 'r-v2' after its key"
        in told(draft)
    )


def test_a_stray_name_in_the_settings_is_told_with_its_twin(imported: Import, told: Told) -> None:
    app = "{type: Application, settings: {name: NAME, containers: []}}"
    draft = imported(
        "services:\n  v2: " + app.replace("NAME", "v3") + "\n  v3: " + app.replace("NAME", "v3")
    )
    assert list(draft.mesh.services) == ["v2", "v3"]
    assert "1.yaml:2:44: settings.name is 'v3', as at 1.yaml:3:3: this Application is 'v2'" in told(
        draft
    )


def test_an_unknown_key_of_the_file_is_told(imported: Import, told: Told) -> None:
    lines = told(imported(f"services: {{web: {APP}}}\npreferences: {{a: b}}\n"))
    assert "1.yaml:2:1: not imported yet: preferences (the pattern)" in lines
