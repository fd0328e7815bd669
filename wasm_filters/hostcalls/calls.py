"""Spec sections "HTTP calls" and "gRPC calls": a module that imports these loads here.

Calling one ends the callback with an error: a status that Envoy would not give is worse than none.
https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#http-calls
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from wasm_filters.errors import Refusal
from wasm_filters.host import Host


def unsupported(name: str) -> Callable[..., int]:
    """The function behind a hostcall that this host does not have yet."""

    def refuse(host: Host, *arguments: int) -> NoReturn:
        raise Refusal(f"hostcall {name} is not supported yet")

    return refuse
