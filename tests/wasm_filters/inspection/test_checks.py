"""What is said to load, loads in a real Envoy; what is said not to, does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.wasm_filters.guests import guest
from tests.wasm_filters.loading import LAST, verdicts
from tests.wasm_filters.odd_guests import CRASHES, LOADS, REFUSED, Odd
from wasm_filters.abi import AbiVersion, Signature
from wasm_filters.errors import ModuleError
from wasm_filters.filter import Filter
from wasm_filters.inspection.checks import ENVOY, HERE, Problem, looked_up, printable
from wasm_filters.inspection.inspect import inspect
from wasm_filters.module import Module


@pytest.mark.parametrize("name", LOADS)
def test_what_loads_has_no_problem(name: str) -> None:
    assert inspect(LOADS[name]).problems == ()
    Module.of(LOADS[name])


@pytest.mark.parametrize("odd", [pytest.param(odd, id=name) for name, odd in REFUSED.items()])
def test_what_does_not_load_says_all_that_is_wrong(odd: Odd) -> None:
    report = inspect(odd.code)
    messages = [problem.message for problem in report.problems]
    assert [message[: len(said)] for message, said in zip(messages, odd.said, strict=True)] == [
        *odd.said
    ]
    assert (report.loads_in(ENVOY), report.loads_in(HERE)) == (odd.envoy, odd.here)


def test_envoy_agrees(tmp_path: Path) -> None:
    expected = dict.fromkeys(LOADS, True) | {name: odd.envoy for name, odd in REFUSED.items()}
    modules = LOADS | {name: odd.code for name, odd in REFUSED.items()}
    assert verdicts(tmp_path, modules) == {**expected, LAST: True}


@pytest.mark.parametrize("name", CRASHES)
def test_what_is_said_to_crash_envoy_does(name: str, tmp_path: Path) -> None:
    found = verdicts(tmp_path, {name: CRASHES[name]})
    assert found == {}  # not even an answer
    report = inspect(CRASHES[name])
    said = [*(problem.message for problem in report.problems), *report.notes]
    assert any("crashes Envoy" in one for one in said)


# the limits of a VM are met when it is made
SEEN_LATER = {"more_memory_than_is_given"}


@pytest.mark.parametrize(
    "name", [name for name, odd in REFUSED.items() if not odd.here and name not in SEEN_LATER]
)
def test_this_host_refuses_what_the_report_says(name: str) -> None:
    with pytest.raises(ModuleError) as caught:
        Module.of(REFUSED[name].code, "f.wasm")
    first = next(problem for problem in inspect(REFUSED[name].code).problems if HERE in problem.by)
    assert str(caught.value).startswith(f"f.wasm: {first.message}")


def test_memory_beyond_the_limit_is_refused_when_the_vm_is_made() -> None:
    with pytest.raises(ModuleError, match="memory minimum size of 16385 pages exceeds"):
        Filter(Module.of(REFUSED["more_memory_than_is_given"].code))


def test_a_problem_says_who_refuses_it_if_not_both_do() -> None:
    assert str(Problem("m", "a")) == "m; a"
    assert str(Problem("m", "a", (ENVOY,))) == "m; a (Envoy alone refuses it)"
    assert str(Problem("m", "a", (HERE,))) == "m; a (Envoy would take it, meshloom does not)"


def test_one_start_function_and_one_allocator_is_looked_up() -> None:
    functions = {"_initialize": Signature(), "malloc": Signature("i", "i")}
    assert {"main", "__main_void", "malloc"} <= looked_up(functions, AbiVersion.V0_2_1).keys()
    assert "_start" not in looked_up(functions, AbiVersion.V0_2_1)
    assert "proxy_on_memory_allocate" not in looked_up(functions, AbiVersion.V0_2_1)
    assert {"_start", "proxy_on_memory_allocate"} <= looked_up({}, AbiVersion.V0_2_1).keys()
    assert "main" not in looked_up({}, AbiVersion.V0_2_1)


def test_names_that_strangers_chose_are_fit_for_a_terminal() -> None:
    assert printable("a\x1b[31mb\n") == "a\\x1b[31mb\\n"
    assert printable("x" * 100) == "x" * 79 + "…"
    code = guest(imports='(import "env" "evil\\1b[2J" (func))')
    with pytest.raises(ModuleError, match=r"env\.evil\\x1b\[2J"):
        Module.of(code)
