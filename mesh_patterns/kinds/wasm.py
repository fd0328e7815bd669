"""WASM: a filter of your own in front of a workload, or at a caller.

Envoy: the HTTP wasm filter, run by V8. The same file runs under ``meshloom wasm run``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, JsonValue

from mesh_patterns.draft import Draft, Target
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import ExtensionSpec
from mesh_patterns.selector import target
from mesh_yaml.place import DocumentError
from mesh_yaml.spec import Text
from wasm_filters.errors import ModuleError
from wasm_filters.ours import filter_file


class WasmSpec(ExtensionSpec):
    """Run a Proxy-Wasm filter."""

    file: str = Field(description="from the pattern file's folder; 'meshloom:NAME' is one of ours")
    sha256: str | None = Field(None, description="refuse the file if its hash is another")
    root_id: str = ""
    configuration: JsonValue = Field("", description="text as it is, anything else as JSON")
    vm_configuration: JsonValue = ""
    on_trap: Literal["fail", "open", "reload"] = Field(
        "fail", description="after a crash: 503 for all, pass unfiltered, or start it anew"
    )
    calls: list[Text] = Field(
        [], description="services, or service/version, that the filter asks: clusters by that name"
    )


@dataclass(frozen=True, slots=True)
class WasmFilter:
    """A filter's file by its content, and how to run it."""

    file: Path
    sha256: str
    name: str
    root_id: str
    configuration: str
    vm_configuration: str
    on_trap: str


def apply(spec: WasmSpec, draft: Draft) -> None:
    file = find(spec)
    digest = _checked(spec, file)
    draft.files.append(file)
    config = WasmFilter(
        file, digest, file.stem, spec.root_id,
        _text(spec.configuration), _text(spec.vm_configuration), spec.on_trap,
    )  # fmt: skip
    calls = tuple(_called(spec, at, draft) for at in range(len(spec.calls)))
    http_filter.add(spec, draft, file.stem, config, calls=calls)


def _called(spec: WasmSpec, at: int, draft: Draft) -> Target:
    """Whom the filter asks; it has to use the very name, so a service's other names won't do."""
    place = spec.place("calls", at)
    found = target(draft.mesh, spec.calls[at], place)
    if str(found) != spec.calls[at]:
        raise DocumentError.at(place, f"{spec.calls[at]!r} is called {str(found)!r}; say that")
    return found


def find(spec: WasmSpec) -> Path:
    """The filter's file: one of ours by name, or a path from the pattern file's folder."""
    try:
        return filter_file(spec.file, Path(spec.place("file").file).parent).resolve()
    except ModuleError as error:
        raise DocumentError.at(spec.place("file"), str(error)) from error


def _checked(spec: WasmSpec, file: Path) -> str:
    """The hash of a file that Envoy would load; if it does not, one sees but a listener's NACK."""
    from wasm_filters.engine.cache import CompiledCache
    from wasm_filters.module import Module, read_code

    try:
        code = read_code(file)
        digest = hashlib.sha256(code).hexdigest()
        if spec.sha256 and spec.sha256.lower() != digest:
            raise DocumentError.at(
                spec.place("sha256"), f"{file} has sha256 {digest}, expected {spec.sha256}"
            )
        Module.of(code, str(file), CompiledCache.default())
    except ModuleError as error:
        raise DocumentError.at(spec.place("file"), str(error)) from error
    return digest


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
