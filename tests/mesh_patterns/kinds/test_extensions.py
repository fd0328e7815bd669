"""Kinds whose work somebody writes himself: what may be written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from mesh_patterns.draft import Target
from mesh_patterns.kinds.lua import MAX_CODE
from tests.mesh_patterns.conftest import Read, Refusal

MESH = "mesh: {services: {web: , proc: {protocol: grpc}}}\npatterns:\n"
CODE = "function envoy_on_request(handle) end"


def test_a_script_may_be_a_file_that_is_watched(read: Read, tmp_path: Path) -> None:
    script = tmp_path / "add.lua"
    script.write_text(CODE)
    draft = read(f"{MESH}- {{pattern: lua, on: web, file: {script}}}")
    (made,) = draft.filters
    assert (made.name, made.config.code) == ("lua.add", CODE)
    assert script in draft.all_files()


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", "3:3: expected one of code and file"),
        (f"code: {CODE}, file: x.lua", "3:3: expected one of code and file"),
        ("code: print(1)", "3:33: has neither envoy_on_request nor envoy_on_response"),
        ("file: nowhere.lua", "3:33: can't read "),
    ],
)
def test_what_is_no_script_is_refused(refusal: Refusal, keys: str, told: str) -> None:
    assert refusal(f"{MESH}- {{pattern: lua, on: web, {keys}}}").startswith(told)


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff", "is no text in UTF-8"), (b"x" * (MAX_CODE + 1), "more than 1048576 bytes")],
)
def test_a_file_that_is_no_script_is_refused(
    refusal: Refusal, tmp_path: Path, content: bytes, told: str
) -> None:
    script = tmp_path / "junk.lua"
    script.write_bytes(content)
    assert told in refusal(f"{MESH}- {{pattern: lua, on: web, file: {script}}}")


def test_a_processor_is_a_service_that_the_filters_envoy_can_ask(read: Read) -> None:
    draft = read(f"{MESH}- {{pattern: ext_proc, on: web, service: proc, response_body: buffered}}")
    (made,) = draft.filters
    assert made.calls == (Target("proc"),)
    assert (made.config.request.body, made.config.response.body) == ("none", "buffered")


def test_a_processor_has_to_speak_grpc(refusal: Refusal) -> None:
    text = f"{MESH}- {{pattern: ext_proc, on: proc, service: web}}"
    assert refusal(text).startswith("3:42: 'web' has to speak gRPC; give it 'protocol: grpc'")


def test_a_processor_may_take_as_long_as_envoy_lets_it(refusal: Refusal) -> None:
    text = f"{MESH}- {{pattern: ext_proc, on: web, service: proc, timeout: 61m}}"
    assert refusal(text) == "3:56: timeout: an answer may take 1:00:00 at most, got 1:01:00"


@pytest.mark.parametrize("side", ["request", "response"])
def test_a_body_that_goes_both_ways_at_once_ends_with_trailers(
    read: Read, refusal: Refusal, side: str
) -> None:
    text = f"{MESH}- {{pattern: ext_proc, on: web, service: proc, {side}_body: full_duplex_streamed"
    assert f"with such a body Envoy wants '{side}_trailers: true'" in refusal(text + "}")
    assert read(f"{text}, {side}_trailers: true}}")


def test_credentials_are_for_origins_that_are_named(refusal: Refusal) -> None:
    text = f"{MESH}- {{pattern: cors, on: web, origins: '*', credentials: true}}"
    assert refusal(text).startswith("3:3: with credentials, name the origins")


def test_a_filter_that_comes_by_ecds_is_no_part_of_its_listener(read: Read) -> None:
    from mesh_patterns.compile import compile_mesh
    from mesh_patterns.placement import Placement
    from xds_server.resource import ResourceType

    text = MESH + "- {pattern: lua, on: web, deliver: ecds, code: %s}"
    made = {}
    for code in (CODE, f"{CODE} -- again"):
        draft = read(text % code)
        made[code] = compile_mesh(draft, Placement.imagined(draft.mesh))["web"]
    first, second = made.values()
    kinds = ResourceType.LISTENER, ResourceType.EXTENSION_CONFIG
    assert [first.version(kind) == second.version(kind) for kind in kinds] == [True, False]
    assert list(first.resources(ResourceType.EXTENSION_CONFIG)) == ["lua"]
