"""Debug information comes from anybody: whatever is in it, one goes on without lines."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest

from debugger.stepping.guest import places as module
from debugger.stepping.guest.places import Places
from mesh_traffic import Headers, Request
from tests.debugger.stepping.runs import LINES, LINES_5, busy, history
from wasm_filters.engine.apart import Bounds
from wasm_filters.inspection.sections import Section, sections

REQUEST = Request("GET", "/", "here", "http", Headers.of({"x-loud": "1"}))


def places_of(code: bytes) -> tuple[Places, list[str]]:
    """The places of one run, and where its stops are."""
    found = history(code, request=REQUEST)
    places = Places.of(found, {sha256(code).hexdigest(): code})
    return places, [str(place) for stop in found.stops for place in places.at(stop)]


def debug_section(code: bytes, name: str) -> Section:
    return next(one for one in sections(code) if one.name == name)


def damaged(code: bytes, seed: int) -> bytes:
    """The same code, with bytes of its debug information changed."""
    chosen, made = random.Random(seed), bytearray(code)
    inside = [at for one in sections(code) if one.name.startswith(".debug_")
              for at in range(one.start, one.end)]  # fmt: skip
    for at in chosen.sample(inside, 40):
        made[at] = chosen.randrange(256)
    return bytes(made)


def test_all_places_of_a_run_have_their_lines() -> None:
    places, told = places_of(LINES)
    assert places.problems() == []
    assert told[0].startswith("filter::proxy_on_request_headers   /src/filter.rs:")
    assert "filter::say   /src/filter.rs:36" in told


@pytest.mark.parametrize("seed", range(4))
def test_damaged_debug_information_is_told_or_read_and_nothing_else_suffers(seed: int) -> None:
    code = damaged(LINES if seed % 2 else LINES_5, seed)
    places, told = places_of(code)
    assert len(told) == len(places_of(LINES)[1])
    assert all(problem.startswith("its debug information") for problem in places.problems())


def test_counts_that_would_never_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of 2^35 folders, each of no bytes (DWARF 5, section 6.2.4)."""
    monkeypatch.setattr(module, "BOUNDS", Bounds(seconds=1.0, memory=256 << 20))
    at = debug_section(LINES_5, ".debug_line").start + 30
    assert LINES_5[at] == 1  # directory_entry_format_count
    code = LINES_5[:at] + b"\0\xff\xff\xff\xff\x7f" + LINES_5[at + 6 :]
    places, told = places_of(code)
    assert "filter::mark   0x" in " ".join(told)
    (problem,) = places.problems()
    assert "takes more than " in problem


def test_a_module_without_debug_information_has_its_names() -> None:
    places, told = places_of(busy())
    assert places.problems() == ["the module has no debug information (DWARF)"]
    assert all("0x" in one for one in told)


def test_a_module_that_is_not_known_has_no_places() -> None:
    found = history(LINES, request=REQUEST)
    assert Places.of(found, {}).at(found.stops[1]) == ()
