"""What a module can make a compiler do has bounds: beyond them it is refused, and nothing is left.

The hostile ones are small. Types that are wide make one instruction a thousand values' worth.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.wasm_filters.guests import guest
from tests.wasm_filters.limits.test_large_modules import large, section, text, varuint
from wasm_filters.engine import compiler
from wasm_filters.engine.apart import COMPILE, VALIDATE, Bounds, run_apart
from wasm_filters.engine.compiled import machine_code
from wasm_filters.engine.validation import proposals
from wasm_filters.errors import ModuleError, TooMuchWork
from wasm_filters.inspection.effort import SMALL, WIDE, bounds
from wasm_filters.module import Module
from wasm_filters.ours import filter_file

GIB = 1 << 30
NOTHING, ZERO, DROP, CALL, LOOP, END = b"\x40", b"\x41\x00", b"\x1a", b"\x10\x01", b"\x03", b"\x0b"


def wide(values: int, body: bytes) -> bytes:
    """A function of ``body`` on so many values; type 1 takes as many, and gives them back."""
    kinds = varuint(values) + b"\x7f" * values
    code = b"\x00" + ZERO * values + body + DROP * values + END
    echo = b"\x00" + b"".join(b"\x20" + varuint(at) for at in range(values)) + END
    return b"".join(
        (
            b"\0asm\1\0\0\0",
            section(1, [b"\x60\x00\x00", b"\x60" + kinds + kinds]),
            section(3, [b"\x00", b"\x01"]),
            section(10, [text(code), text(echo)]),
        )
    )


CALLS = wide(1000, CALL * 5000)  # it would take more than a minute
BLOCKS = wide(1000, (LOOP + b"\x01") * 1000 + END * 1000)  # and this one 12 GB
MANY = large(functions=900_000)


@pytest.mark.parametrize("code", [CALLS, MANY], ids=["wide calls", "many functions"])
def test_a_module_that_takes_longer_than_its_time_is_refused(code: bytes) -> None:
    with pytest.raises(TooMuchWork, match="takes more than 1 s to compile"):
        run_apart(COMPILE, code, Bounds(1.0, 8 * GIB))


def test_a_module_that_takes_more_than_its_memory_is_refused() -> None:
    with pytest.raises(ModuleError, match=r"^f\.wasm: takes more than 1025 MiB to compile$"):
        Module.of(BLOCKS, "f.wasm")


def test_to_validate_a_module_has_the_same_bounds() -> None:
    with pytest.raises(TooMuchWork, match="takes more than 0.01 s to validate"):
        run_apart(VALIDATE, CALLS, Bounds(0.01, GIB))


def test_what_is_small_and_plain_is_compiled_here() -> None:
    assert bounds(guest()) is None
    assert bounds(wide(WIDE, b"")) is None


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(wide(WIDE + 1, b""), id="wide"),
        pytest.param(guest("(type (struct (field i32)))"), id="a type that is no function's"),
        pytest.param(guest()[:30], id="cut off"),
        pytest.param(large(body=(ZERO + DROP) * SMALL), id="not small"),
    ],
)
def test_all_else_is_compiled_in_a_process_of_its_own(code: bytes) -> None:
    assert bounds(code) == Bounds.of(code)


def test_a_process_of_its_own_makes_the_same_of_a_module() -> None:
    given = Bounds.of(guest())
    assert run_apart(COMPILE, guest(), given) == machine_code(guest())
    assert proposals(guest(), given) == proposals(guest())
    for answer in (lambda: run_apart(COMPILE, b"\0asm", given), lambda: proposals(b"", given)):
        with pytest.raises(ModuleError, match="^not a valid wasm module: "):
            answer()


def test_a_real_filter_needs_a_fifth_of_the_memory_that_it_may_take() -> None:
    code = filter_file("meshloom:plan_limit").read_bytes()
    given = Bounds.of(code)
    assert run_apart(COMPILE, code, Bounds(given.seconds, given.memory // 5))


def test_nothing_is_imported_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wasmtime", "json", "wasm_filters"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('from the current folder')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")  # as an interactive Python has it
    assert run_apart(COMPILE, guest(), Bounds.of(guest()))


def test_a_compiler_that_nobody_waits_for_ends_by_itself() -> None:
    script = Path(compiler.__file__)
    where = [str(script.parents[2]), *sys.path]
    command = [sys.executable, "-I", "-S", str(script), COMPILE, "0", str(GIB), *where]
    done = subprocess.run(command, input=CALLS, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGALRM
