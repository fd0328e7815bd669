"""Lua: a few lines that look at requests and answers, without a compiler.

Envoy: the Lua filter (LuaJIT, one state for each worker). ``envoy_on_request(handle)`` and
``envoy_on_response(handle)`` are what it calls; who writes more than a screen of it is better off
with ``wasm``, which has tests and a debugger.
https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pydantic import Field, model_validator

from mesh_patterns import files
from mesh_patterns.draft import Draft
from mesh_patterns.kinds import http_filter
from mesh_patterns.kinds.http_filter import ExtensionSpec
from mesh_yaml.place import DocumentError

MAX_CODE = 1024 * 1024  # bytes
_CALLBACK = re.compile(r"\benvoy_on_(request|response)\b")


@dataclass(frozen=True, slots=True)
class Lua:
    """The code itself: a file may change while Envoy runs."""

    code: str


class LuaSpec(ExtensionSpec):
    """Run a Lua script."""

    code: str | None = Field(None, description="with envoy_on_request, envoy_on_response or both")
    file: str | None = Field(None, description="of such code, from the pattern file's folder")

    @model_validator(mode="after")
    def _one(self) -> LuaSpec:
        if (self.code is None) == (self.file is None):
            raise ValueError("expected one of code and file")
        return self


def apply(spec: LuaSpec, draft: Draft) -> None:
    code, label = spec.code, ""
    place = spec.place("code" if code is not None else "file")
    if spec.file is not None:
        file = files.beside(place, spec.file)
        draft.files.append(file)
        code, label = files.read_text(file, place, MAX_CODE), file.stem
    if not _CALLBACK.search(code or ""):
        message = "has neither envoy_on_request nor envoy_on_response, so nothing would run"
        raise DocumentError.at(place, message)
    http_filter.add(spec, draft, label, Lua(code or ""))
