"""Language, tools and SDK, by what real modules carry; made-up ones show each trace by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

import wasm_filters
from tests.wasm_filters.guests import guest
from tests.wasm_filters.odd_guests import PLAIN, export, with_section
from wasm_filters.inspection.inspect import inspect
from wasm_filters.inspection.origin import Origin

FILTERS = Path(wasm_filters.__file__).parent / "filters"
# what a filter is written in, by a file in its folder, and how that begins
SOURCES = {
    "Cargo.toml": ("Rust 1.", "proxy-wasm 0."),
    "go.mod": ("Go 1.", "github.com/proxy-wasm/proxy-wasm-go-sdk v"),
    "package.json": ("AssemblyScript", "@gcoredev/proxy-wasm-sdk-as"),
    "Makefile": ("C++", ""),
}
OURS = [
    pytest.param(module, *SOURCES[source.name], id=module.stem)
    for module in sorted(FILTERS.glob("*/*.wasm"))
    for source in module.parent.iterdir()
    if source.name in SOURCES
]


def origin(code: bytes) -> Origin:
    return inspect(code).origin


def holding(data: bytes) -> bytes:
    """A module with these bytes in its memory."""
    escaped = "".join(rf"\{byte:02x}" for byte in data)
    return guest(f'(data (i32.const 0) "{escaped}")')


def made_by(*fields: tuple[bytes, bytes, bytes]) -> bytes:
    """PLAIN, with what its producers say: field, name and version of each."""
    content = bytes([len(fields)])
    for field, name, version in fields:
        content += bytes([len(field)]) + field + b"\x01"
        content += bytes([len(name)]) + name + bytes([len(version)]) + version
    return with_section(b"producers", content)


@pytest.mark.parametrize(("module", "language", "sdk"), OURS)
def test_our_own_filters_say_what_they_are_made_of(module: Path, language: str, sdk: str) -> None:
    found = origin(module.read_bytes())
    assert found.language.startswith(language)
    assert found.sdk.startswith(sdk)


@pytest.mark.parametrize(
    ("code", "language", "tools"),
    [
        (made_by((b"language", b"Rust", b""), (b"processed-by", b"rustc", b"1.95.0 (59807616e)")),
         "Rust 1.95.0", ("rustc 1.95.0",)),
        (made_by((b"language", b"Go", b"go1.26"), (b"processed-by", b"Go cmd/compile", b"go1.26")),
         "Go 1.26", ("Go cmd/compile go1.26",)),
        (made_by((b"language", b"C11", b""), (b"processed-by", b"TinyGo", b"0.35.0")),
         "TinyGo 0.35.0", ("TinyGo 0.35.0",)),
        (made_by((b"language", b"C_plus_plus_14", b""), (b"processed-by", b"clang", b"22.1.8")),
         "C++", ("clang 22.1.8",)),
        (made_by((b"language", b"C11", b"")), "C", ()),
        (guest(export("stackAlloc", "i32", "i32")), "C or C++", ("Emscripten",)),
        (guest(imports='(import "env" "abort" (func (param i32 i32 i32 i32)))'),
         "AssemblyScript", ()),
        (PLAIN, "", ()),
    ],
)  # fmt: skip
def test_a_language_is_told_by_its_producers_or_what_its_runtime_leaves(
    code: bytes, language: str, tools: tuple[str, ...]
) -> None:
    assert (origin(code).language, origin(code).tools) == (language, tools)


@pytest.mark.parametrize(
    ("trace", "language", "sdk"),
    [
        (b"/registry/src/index-19/proxy-wasm-0.2.5/src/traits.rs", "Rust",
         "proxy-wasm 0.2.5 (Rust crate)"),
        (b"dep\tgithub.com/proxy-wasm/proxy-wasm-go-sdk\tv0.0.0-20250212164326-ab4161dcf924\th1:",
         "Go", "github.com/proxy-wasm/proxy-wasm-go-sdk v0.0.0-20250212164326-ab4161dcf924"),
        (b"(github.com/tetratelabs/proxy-wasm-go-sdk/proxywasm/types", "Go",
         "github.com/tetratelabs/proxy-wasm-go-sdk"),
        (b"dep\tgithub.com/higress-group/wasm-go\tv1.0.2\t"
         b"dep\tgithub.com/higress-group/proxy-wasm-go-sdk\tv0.0.0-2025\t", "Go",
         "github.com/higress-group/wasm-go v1.0.2"),
        ("~lib/@gcoredev/proxy-wasm-sdk-as/assembly/runtime.ts".encode("utf-16-le"),
         "AssemblyScript", "@gcoredev/proxy-wasm-sdk-as"),
        ("~lib/rt/itcms.ts".encode("utf-16-le"), "AssemblyScript", ""),
        (b"11RootContext", "C++", "proxy-wasm-cpp-sdk"),
        (b"proxy-wasm-0.2.5", "", ""),  # not a path
    ],
)  # fmt: skip
def test_an_sdk_is_told_by_the_traces_that_survive(trace: bytes, language: str, sdk: str) -> None:
    found = origin(holding(trace))
    assert (found.language, found.sdk) == (language, sdk)


def test_the_cpp_sdk_is_known_by_its_callbacks_too() -> None:
    callbacks = [export(f"proxy_on_{way}_metadata", "i32 i32", "i32") for way in ("request",
                 "response")]  # fmt: skip
    found = origin(guest(export("_Znwm", "i32", "i32"), *callbacks))
    assert found.language == "C++"
    assert found.sdk == "proxy-wasm-cpp-sdk, by the callbacks that it exports"
