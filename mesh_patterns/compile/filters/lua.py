"""Lua scripts as Envoy's filter has them.

https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/lua_filter
"""

from __future__ import annotations

from mesh_patterns.kinds.lua import Lua
from xds_server.protos import core, lua


def message(meaning: Lua) -> lua.Lua:
    """The filter's configuration, with the code in it."""
    return lua.Lua(default_source_code=core.DataSource(inline_string=meaning.code))
