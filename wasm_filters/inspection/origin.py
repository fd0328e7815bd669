"""Where a module comes from: its language, the tools that made it and the SDK, by what they leave.

The custom section ``producers`` is what tools say of themselves; it is often stripped. The rest are
traces that survive: paths in panic messages (Rust), the build info that Go embeds, the UTF-16
strings of AssemblyScript, exports of Emscripten's runtime, symbols of the C++ SDK. Nothing of it is
proof: a module may say what it likes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from wasm_filters.abi import Signature
from wasm_filters.engine.border import Import
from wasm_filters.inspection.interface import Interface

_RUST_SDK = re.compile(rb"/(proxy-wasm)-(\d[\w.+-]{0,40})/src/")
_GO_SDK = re.compile(rb"\b([\w.-]+/[\w-]+/proxy-wasm-go-sdk)[\t/@](v\d[\w.+-]{0,60})?")
_GO_WRAPPER = re.compile(rb"dep\t([\w.-]+/[\w/-]*wasm-go)\t(v\d[\w.+-]{0,60})")
_ASSEMBLYSCRIPT = "~lib/".encode("utf-16-le")
_ASSEMBLYSCRIPT_SDKS = ("@gcoredev/proxy-wasm-sdk-as", "@solo-io/proxy-runtime")
_CPP_SDK = (b"RegisterContextFactory", b"11RootContext")  # a function's name, a type's
_EMSCRIPTEN = frozenset({"stackAlloc", "stackRestore", "emscripten_stack_get_current"})
_CPP_CALLBACKS = frozenset({"proxy_on_request_metadata", "proxy_on_response_metadata"})


@dataclass(frozen=True, slots=True)
class Origin:
    """``language`` and ``sdk`` with their version where it can be told, ``""`` where nothing can.

    ``tools`` are those that the module names, each with its version.
    """

    language: str = ""
    sdk: str = ""
    tools: tuple[str, ...] = ()


def origin(code: bytes, shown: Interface, producers: Mapping[str, Mapping[str, str]]) -> Origin:
    """What can be told of the module ``code``, which shows ``shown`` and names ``producers``."""
    by = producers.get("processed-by", {})
    tools = tuple(_named(name, version) for name, version in by.items())
    language = _language(code, shown, producers.get("language", {}), by)
    if not tools and _EMSCRIPTEN & shown.functions.keys():
        tools = ("Emscripten",)
    return Origin(language, _sdk(code, shown, language), tools)


def _named(name: str, version: str) -> str:
    """``clang 18.1.2``: without the address of a repository that clang adds."""
    return f"{name} {version.partition(' ')[0]}".strip()


def _language(
    code: bytes, shown: Interface, languages: Mapping[str, str], by: Mapping[str, str]
) -> str:
    if "TinyGo" in by:
        return _named("TinyGo", by["TinyGo"])
    if "Rust" in languages:  # its libc brings C along
        return _named("Rust", by.get("rustc", ""))
    if "Go" in languages:
        return _named("Go", languages["Go"].removeprefix("go"))
    if _ASSEMBLYSCRIPT in code:
        return "AssemblyScript"
    if _is_cpp(languages, shown):
        return "C++"
    return "C" if any(re.fullmatch(r"C\d\d", name) for name in languages) else _guess(code, shown)


def _is_cpp(languages: Iterable[str], shown: Interface) -> bool:
    return any(name.startswith("C_plus_plus") for name in languages) or "_Znwm" in shown.functions


def _guess(code: bytes, shown: Interface) -> str:
    """The language of a module whose tools were stripped."""
    if _RUST_SDK.search(code):
        return "Rust"
    if _GO_SDK.search(code):
        return "Go"
    if any(name in code for name in _CPP_SDK):
        return "C++"
    if Import("env", "abort", Signature("iiii")) in shown.imports:
        return "AssemblyScript"
    return "C or C++" if _EMSCRIPTEN & shown.functions.keys() else ""


def _sdk(code: bytes, shown: Interface, language: str) -> str:
    if found := _RUST_SDK.search(code):
        return f"proxy-wasm {found[2].decode()} (Rust crate)"
    if wrapper := _GO_WRAPPER.search(code):
        return f"{wrapper[1].decode()} {wrapper[2].decode()}"
    if go := _go_sdk(code):
        return go
    for name in _ASSEMBLYSCRIPT_SDKS:
        if name.encode("utf-16-le") in code:
            return name
    if any(name in code for name in _CPP_SDK):
        return "proxy-wasm-cpp-sdk"
    if language in ("C++", "C or C++") and shown.functions.keys() >= _CPP_CALLBACKS:
        return "proxy-wasm-cpp-sdk, by the callbacks that it exports"
    return ""


def _go_sdk(code: bytes) -> str:
    """Its path, and its version if Go's build info is there (TinyGo embeds none)."""
    found = list(_GO_SDK.finditer(code))
    if not found:
        return ""
    best = next((match for match in found if match[2]), found[0])
    return " ".join(part.decode() for part in (best[1], best[2]) if part)
